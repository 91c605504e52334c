#!/usr/bin/env python3
"""Compare a dump of `glint run --dump` with a golden case of DSVT, tensor by tensor; or run cases through the command line.

    compare_dsvt.py GOLDEN.safetensors DUMP.safetensors [--tol 1e-4]
    compare_dsvt.py --glint GLINT --zoo UNPACKED_FOLDER CASE...      import, run --dump, compare

The dump holds every tensor whole and in the golden order of rows; a golden case holds chosen rows (`rows`, `stageS.rows`,
`pt_rows`), sums of all rows, and crops of maps with statistics of the whole. Integers must be equal; floats are within tol +
tol * |golden|, sums by the root of how many terms they have; detections are matched by class and cell. Needs numpy only.
Exit status: 0 all equal within tolerance, 1 something differs or is missing, 2 unusable files, 77 no numpy or no cases here.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("compare_dsvt.py: numpy is not installed: skipped", file=sys.stderr)
    sys.exit(77)

DTYPES = {"F32": "<f4", "I64": "<i8", "I32": "<i4", "I16": "<i2", "U8": "u1"}
LISTS = re.compile(r"(stage\d\.)?(rows|pt_rows|pool_in_rows\.rows)$|points$")
OTHER_NAMES = {"points_dropped": "rejected"}


def read(path):
    data = pathlib.Path(path).read_bytes()
    n = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + n])
    head.pop("__metadata__", None)
    at = lambda e: data[8 + n + e["data_offsets"][0] : 8 + n + e["data_offsets"][1]]
    return {k: np.frombuffer(at(e), DTYPES[e["dtype"]]).reshape(e["shape"]) for k, e in head.items() if e["dtype"] in DTYPES}


def rows_of(golden, name, want, got):
    """The rows of the dump that the golden tensor holds."""
    if got.shape == want.shape and ".mha_" in name:
        return got
    stage = re.match(r"stage(\d)\.", name)
    s = int(stage.group(1)) + name.endswith("pooled") if stage else 0
    index = golden["pt_rows"] if name.startswith(("vfe.in", "vfe.pfn")) else golden["stage%d.rows" % s if s else "rows"]
    return got[index]


def pool_input(golden, dump, name):
    """The rows of the stage by place, zeros where there is none, for the listed cells."""
    s = int(name[5])
    last = max(int(m.group(1)) for m in (re.match(r"stage%d\.block(\d+)\.out$" % s, k) for k in dump) if m)
    x, index, slot = dump["stage%d.block%d.out" % (s, last)], dump["stage%d.pool_index" % (s + 1)], dump["stage%d.pool_slot" % (s + 1)]
    whole = np.zeros((index.max() + 1,) + golden[name].shape[1:], "f4")
    whole[index, slot] = x
    return whole[golden[name + ".rows"]]


def error(got, want, tol, terms=1):
    if got.shape != want.shape:
        return float("inf")
    if not want.size:
        return 0.0
    e = np.abs(got.astype("f8") - want) / ((tol + tol * np.abs(want.astype("f8"))) * terms**0.5)
    return float(np.where(np.isfinite(e), e, np.inf).max())


def stats(m):
    m = m.astype("f8")
    return np.stack([m.mean((1, 2)), np.abs(m).mean((1, 2)), np.abs(m).max((1, 2))], 1)


def one(golden, dump, name, tol):
    """The golden tensor's error in tolerances; None: it says nothing by itself."""
    want = golden[name]
    base = re.sub(r"\.(win|stats|rowsum)$", "", name)
    if LISTS.search(name) or (name.endswith(".win") and base in golden and golden[base].ndim == 3) or name.startswith(("dec.", "det.")):
        return None
    if name.endswith("pool_in_rows"):
        return error(pool_input(golden, dump, name), want, tol)
    got = dump.get(name, dump.get(OTHER_NAMES.get(name, ""), dump.get(base if base != name and base in golden else "")))
    if got is None:
        return float("inf")
    if np.issubdtype(want.dtype, np.integer):
        return 0.0 if got.shape == want.shape and np.array_equal(got, want) else float("inf")
    if name.endswith(".rowsum"):
        return error(got.astype("f8").sum(1), want, tol, got.shape[1]) if len(got) == len(want) else float("inf")
    if name.endswith(".stats"):
        return error(stats(got), want, tol)
    if want.ndim == 3:
        y, x, h, w = golden.get(name + ".win", (0, 0) + want.shape[1:])
        return error(got[:, y : y + h, x : x + w], want, tol)
    return error(rows_of(golden, name, want, got), want, tol)


def detections(golden, dump):
    """Each of both sides has its own on the other: class, cell, box and score."""
    key = lambda t, i: (int(t["dec.labels"][i]), *map(int, t["dec.cells"][i]))
    ours = {key(dump, i): i for i in range(len(dump["dec.labels"]))}
    worst = 0.0 if len(ours) == len(golden["dec.labels"]) else float("inf")
    for i in range(len(golden["dec.labels"])):
        k = ours.get(key(golden, i))
        if k is None:
            return float("inf")
        worst = max([worst] + [error(dump[n][k], golden[n][i], t) for n, t in
                               (("dec.boxes", 1e-3), ("dec.scores", 1e-4), ("dec.hm_scores", 1e-4), ("dec.raw", 1e-4))])
    kept = {key(dump, s): i for i, s in enumerate(dump["det.src"])}
    if len(kept) != len(golden["det.src"]):
        return float("inf")
    for i, s in enumerate(golden["det.src"]):
        k = kept.get(key(golden, s))
        if k is None or dump["det.labels"][k] != golden["det.labels"][i]:
            return float("inf")
        worst = max(worst, error(dump["det.boxes"][k], golden["det.boxes"][i], 1e-3),
                    error(dump["det.scores"][k], golden["det.scores"][i], 1e-4))
    return worst


def compare(golden_path, dump_path, tol):
    golden, dump = read(golden_path), read(dump_path)
    results = {name: one(golden, dump, name, tol) for name in golden}
    results["detections"] = detections(golden, dump)
    results = {k: v for k, v in results.items() if v is not None}
    for name, e in results.items():
        if e > 1:
            print("FAIL  %-40s %.3g times the tolerance" % (name, e))
    bad = sum(e > 1 for e in results.values())
    print("%s: %d compared, %d differ, worst %.2f of the tolerance" % (pathlib.Path(golden_path).stem, len(results), bad, max(results.values())))
    return 1 if bad else 0


def run(*command):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print("%s: exit status %d\n%s" % (" ".join(map(str, command)), done.returncode, done.stdout))
    return done.returncode


def with_points(case, zoo, folder):
    """The case's file, or one with the points that it shares with another."""
    data = case.read_bytes()
    n = int.from_bytes(data[:8], "little")
    other = json.loads(data[8 : 8 + n])["__metadata__"].get("points_from")
    return zoo / (other + ".safetensors") if other else case


def run_cases(args):
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for case in args.files:
            path, config = args.zoo / (case + ".safetensors"), "_".join(case.split("_")[:2])
            model, dump = folder / config, folder / ("dump_" + case)
            if not model.exists() and run(args.glint, "import", args.zoo / (config + "_weights.safetensors"), "--arch", "dsvt", "--out", model):
                return 1
            source = with_points(path, args.zoo, folder)
            if run(args.glint, "run", source, "--model", model, "--dump", dump, "--out", folder / "boxes.jsonl"):
                return 1
            failed += compare(path, dump / "frame_000000.safetensors", args.tol)
            (dump / "frame_000000.safetensors").unlink()
    return 1 if failed else 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("files", nargs="+")
    p.add_argument("--tol", type=float, default=1e-4)
    p.add_argument("--glint")
    p.add_argument("--zoo", type=pathlib.Path)
    args = p.parse_args()
    if args.zoo and not args.zoo.is_dir():
        return 77
    if args.glint:
        return run_cases(args)
    try:
        return compare(args.files[0], args.files[1], args.tol)
    except (OSError, ValueError, KeyError, IndexError) as e:
        print("cannot compare: %r" % e, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
