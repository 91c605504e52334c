#!/usr/bin/env python3
"""Compare a dump of `glint run --dump` with a golden case of PTv3, tensor by tensor.

    compare_ptv3.py GOLDEN.safetensors DUMP.safetensors [--index GOLDEN_index.safetensors] [--tol 1e-4] [--gap 5e-3]

Rows of the finest level are named by grid_coord; the dump has them in the golden order. A case of several clouds
has one dump of all. Integers must be equal; floats are within tol + tol * |golden|; labels are
compared where label_gap > gap, the others are counted. Needs numpy only.
Exit status: 0 all equal within tolerance, 1 something differs or is missing, 2 unusable files.
"""
import argparse
import json
import re
import sys

import numpy as np

DTYPES = {"F32": "<f4", "I64": "<i8", "I32": "<i4", "I16": "<i2", "U8": "u1"}
PER_CLOUD = ("points", "sample_index", "inverse", "grid_min", "point_label")


def read(path):
    with open(path, "rb") as f:
        data = f.read()
    n = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + n])
    head.pop("__metadata__", None)
    at = lambda e: data[8 + n + e["data_offsets"][0] : 8 + n + e["data_offsets"][1]]
    return {k: np.frombuffer(at(e), DTYPES[e["dtype"]]).reshape(e["shape"]) for k, e in head.items() if e["dtype"] in DTYPES}


def stage_of(name):
    found = re.match(r"(?:stage|enc|dec)(\d)", name)
    return int(found.group(1)) if found else 0


def verdicts(golden, dump, tol, gap):
    index = {k: v for k, v in golden.items()}
    for name, want in index.items():
        if name.endswith((".rows", ".batch")) or name in ("perms", "points", "label_gap") or name.startswith("points."):
            continue
        cloud = re.fullmatch(r"(%s)\.(\d+)" % "|".join(PER_CLOUD), name)
        base = name[:-7] if name.endswith(".rowsum") else name
        got = dump.get(base)
        if got is None:
            yield name, False, "missing from the dump"
        elif name.endswith("label") or (cloud and cloud.group(1) == "point_label"):
            near = index["label_gap"] <= gap
            near_points = near
            if name.startswith("point_label"):
                c = int(cloud.group(2)) if cloud else 0
                start = 0 if c == 0 else int(index["offset"][c - 1])
                near_points = near[start + index["inverse.%d" % c if cloud else "inverse"]]
            wrong = (got != want) & ~near_points
            yield name, not wrong.any(), "%d of %d differ, %d near ties" % (wrong.sum(), want.size, near_points.sum())
        elif np.issubdtype(want.dtype, np.integer):
            same = got.shape == want.shape and np.array_equal(got, want)
            yield name, same, "" if same else "integers differ"
        else:
            if name.endswith(".rowsum"):
                limit = tol * np.sqrt(got.shape[1]) * 4 + tol * np.abs(want)
                got = got.astype("f8").sum(1)
            else:
                rows = index.get("stage%d.rows" % stage_of(name))
                got = got[rows] if rows is not None and len(got) != len(want) else got
                limit = tol + tol * np.abs(want)
            error = np.abs(got.astype("f8") - want) if got.shape == want.shape else np.array(np.inf)
            yield name, bool((error <= limit).all()), "largest difference %.2e" % error.max()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("golden")
    p.add_argument("dump")
    p.add_argument("--index")
    p.add_argument("--tol", type=float, default=1e-4)
    p.add_argument("--gap", type=float, default=5e-3)
    args = p.parse_args()
    try:
        golden = read(args.golden)
        golden.update(read(args.index) if args.index else {})
        dump = read(args.dump)
    except (OSError, ValueError, KeyError) as e:
        print("cannot read: %s" % e, file=sys.stderr)
        return 2
    failed = 0
    for name, ok, note in verdicts(golden, dump, args.tol, args.gap):
        failed += not ok
        print("%-5s %-28s %s" % ("ok" if ok else "FAIL", name, note))
    print("%d differ" % failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
