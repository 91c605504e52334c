#!/usr/bin/env python3
"""The golden cases of CenterPoint through the command line: import, run --dump, compare_centerpoint.py.

    check_centerpoint.py GLINT UNPACKED_FOLDER CASE...

Exit status 0 all equal, 1 something differs or fails, 77 the reference data or numpy is not there.
"""
import pathlib
import subprocess
import sys
import tempfile

COMPARE = pathlib.Path(__file__).with_name("compare_centerpoint.py")


def run(*command):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        print("%s: exit status %d\n%s" % (" ".join(map(str, command)), done.returncode, done.stdout))
    return done.returncode


def check(glint, zoo, name, folder):
    weights = "_".join(name.split("_")[:2])
    model, dump, case = folder / weights, folder / ("dump_" + name), zoo / (name + ".safetensors")
    points = zoo / "pillar_tiny_nuscenes.safetensors" if name.endswith("full_nuscenes") else case
    if not model.exists() and run(glint, "import", zoo / (weights + "_weights.safetensors"), "--arch", "centerpoint", "--out", model):
        return 1
    if run(glint, "run", points, "--model", model, "--dump", dump, "--out", folder / "out.jsonl"):
        return 1
    return run(sys.executable, COMPARE, case, dump / "frame_000000.safetensors")


def main():
    glint, zoo = sys.argv[1], pathlib.Path(sys.argv[2])
    try:
        import numpy  # noqa: F401
    except ImportError:
        return 77
    if not zoo.exists():
        return 77
    with tempfile.TemporaryDirectory() as folder:
        wrong = [name for name in sys.argv[3:] if check(glint, zoo, name, pathlib.Path(folder))]
    print("%d of %d cases differ" % (len(wrong), len(sys.argv) - 3))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
