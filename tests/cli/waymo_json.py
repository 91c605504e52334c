#!/usr/bin/env python3
"""waymo_json.py EXPECTED GOT: every member of the expected file is in the other with the same value; AP within 1e-6,
sums of float64 within 1e-9, all else equal. Prints the first differences; exit status 1 then."""
import json
import sys

COUNTS = {"tp", "fn", "num_examples", "num_objects_gt", "num_misses", "num_fps", "num_mismatches", "num_matches",
          "id", "intersection", "union"}
LOOSE = {"mAP": 1e-6, "mAPH": 1e-6, "MOTA": 1e-6, "MOTP": 1e-6, "miou": 1e-6, "iou": 1e-6, "matching_cost": 1e-9}
differences = []


def compare(want, got, path, key):
    if isinstance(want, dict) and isinstance(got, dict):
        for name in want:
            if name in got:
                compare(want[name], got[name], f"{path}.{name}", name)
            else:
                differences.append(f"{path}.{name} is missing")
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for i, (a, b) in enumerate(zip(want, got)):
            compare(a, b, f"{path}[{i}]", key)
    elif isinstance(want, (int, float)) and isinstance(got, (int, float)) and key in LOOSE:
        if abs(want - got) > LOOSE[key]:
            differences.append(f"{path}: {got}, {want} expected")
    elif want != got or (key in COUNTS and not isinstance(got, int)):
        differences.append(f"{path}: {got}, {want} expected")


compare(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])), "", "")
print("\n".join(differences[:5]), end="\n" if differences else "")
sys.exit(bool(differences))
