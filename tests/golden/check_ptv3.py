#!/usr/bin/env python3
"""The golden cases of PTv3 through the command line: import, run --dump, compare_ptv3.py.

    check_ptv3.py GLINT UNPACKED_FOLDER CASE...

Exit status 0 all equal, 1 something differs or fails, 77 the reference data or numpy is not there.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

COMPARE = pathlib.Path(__file__).with_name("compare_ptv3.py")


def run(*command):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        print("%s: exit status %d\n%s" % (" ".join(map(str, command)), done.returncode, done.stdout))
    return done.returncode


def shuffle(model, case):
    """The permutations of a shuffled case into the model's configuration."""
    from compare_ptv3 import read

    perms = read(case).get("perms")
    if perms is not None:
        config = json.loads((model / "config.json").read_text())
        config["serialization"]["permutations"] = [int(v) for v in perms.ravel()]
        (model / "config.json").write_text(json.dumps(config))


def check(glint, zoo, name, folder):
    model, dump, case = folder / name, folder / ("dump_" + name), zoo / (name + ".safetensors")
    weights, index = zoo / (name.split("_")[0] + "_weights.safetensors"), zoo / (name + "_index.safetensors")
    if run(glint, "import", weights, "--arch", "ptv3", "--out", model):
        return 1
    shuffle(model, case)
    if run(glint, "run", case, "--model", model, "--dump", dump, "--out", folder / "out.jsonl"):
        return 1
    extra = ["--index", index] if index.exists() else []
    return run(sys.executable, COMPARE, case, dump / "frame_000000.safetensors", *extra)


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
