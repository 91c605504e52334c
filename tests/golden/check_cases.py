#!/usr/bin/env python3
"""The golden cases through the command line: import, run --dump, compare.

    check_cases.py GLINT GOLDEN_FOLDER CASE...

A case is a file of GOLDEN_FOLDER/flatformer without its ending; its weights are those whose name it starts with.
CASE:dropfirst is its variant whose first pillar is lost, as the CUDA reference loses it. Exit
status 0 all equal, 1 something differs or fails, 77 the reference data or numpy is not there.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

COMPARE = pathlib.Path(__file__).with_name("compare.py")


def run(*command):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        print(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}")
    return done


def make_model(glint, weights, model, variant):
    """Imports weights once; a variant sets its member of the configuration. False where that fails."""
    if model.exists():
        return True
    if run(glint, "import", weights, "--out", model).returncode:
        return False
    if variant:
        config = json.loads((model / "config.json").read_text())
        config["grid"]["drop_first_pillar"] = True
        (model / "config.json").write_text(json.dumps(config))
    return True


def check(glint, golden, case, folder):
    """compare.py's exit status, or 1 where a command fails."""
    case, _, variant = case.partition(":")
    config = case.split("_")[0]
    model, dump = folder / (config + variant), folder / (case + variant + "-dump")
    if not make_model(glint, golden / f"{config}_weights.safetensors", model, variant):
        return 1
    source = golden / f"{case}.safetensors"
    if run(glint, "run", source, "--model", model, "--dump", dump, "--out", folder / "boxes.jsonl").returncode:
        return 1
    options = ["--" + variant] if variant else []
    compared = run(sys.executable, COMPARE, source, dump / "frame_000000.safetensors", *options)
    (dump / "frame_000000.safetensors").unlink()
    if compared.returncode == 0:
        print(f"{case} {variant}: {compared.stdout.splitlines()[-1]}")
    return compared.returncode


def main():
    glint, golden, cases = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) / "flatformer", sys.argv[3:]
    if not golden.is_dir():
        print(f"{golden}: not there: skipped")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        codes = {check(glint, golden, case, pathlib.Path(folder)) for case in cases}
    return 77 if codes == {77} else max(code != 0 for code in codes)


if __name__ == "__main__":
    sys.exit(main())
