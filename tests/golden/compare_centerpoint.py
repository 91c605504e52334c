#!/usr/bin/env python3
"""Compare a dump of `glint run --dump` with a golden case of CenterPoint, tensor by tensor.

    compare_centerpoint.py GOLDEN.safetensors DUMP.safetensors [--tol 1e-4]

Rows of sites are compared by their coordinates, what heads decoded by cell and label, final boxes as a set: label, score
within 1e-4, box within 1 mm (relative beyond 1 m). Integers must be equal; floats are within tol + tol * |golden|, sums and
statistics within that times the root of how many numbers they add; raw values of heads within 1.25 times it (the full-size
voxel network's reference is that far from float64 itself). Needs numpy only.
Exit status: 0 all equal within tolerance, 1 something differs or is missing, 2 unusable files.
"""
import argparse
import re
import sys

import numpy as np

DTYPES = {"F32": "<f4", "I64": "<i8", "I32": "<i4", "I16": "<i2", "U8": "u1"}


def read(path):
    import json
    with open(path, "rb") as f:
        data = f.read()
    n = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + n])
    head.pop("__metadata__", None)
    at = lambda e: data[8 + n + e["data_offsets"][0] : 8 + n + e["data_offsets"][1]]
    return {k: np.frombuffer(at(e), DTYPES[e["dtype"]]).reshape(e["shape"]) for k, e in head.items() if e["dtype"] in DTYPES}


def coords_of(name):
    """The tensors of coordinates and of chosen rows of a tensor of rows."""
    stage = re.match(r"sparse\.conv([2-9]|_out)", name)
    if stage:
        return f"sparse.conv{stage.group(1)}.coords", f"sparse.conv{stage.group(1)}.rows"
    return "coords", "pt_rows" if name.startswith(("vfe.in", "vfe.pfn")) else "rows"


class Case:
    def __init__(self, golden, dump, tol):
        self.golden, self.dump, self.tol, self.orders = golden, dump, tol, {}

    def order(self, coords):
        """Rows of the dump in the golden order, by coordinates; None when the sites differ."""
        if coords not in self.orders:
            want = [tuple(c) for c in self.golden[coords].tolist()]
            got = {tuple(c): i for i, c in enumerate(self.dump[coords].tolist())}
            same = len(want) == len(got) and all(c in got for c in want)
            self.orders[coords] = np.array([got[c] for c in want], int) if same else None
        return self.orders[coords]

    def close(self, got, want, n=1, factor=1):
        if got.shape != want.shape:
            return False, "another shape: %s, golden %s" % (got.shape, want.shape)
        if not want.size:
            return True, "empty"
        error = np.abs(got.astype("f8") - want) / ((self.tol + self.tol * np.abs(want)) * np.sqrt(n) * factor)
        return bool(error.max() <= 1), "%.2f of the tolerance" % error.max()

    def by_cell(self, head):
        """Rows of the dump's decoded boxes in the golden order."""
        key = lambda t: list(zip(map(tuple, t[head + ".dec.cells"].tolist()), t[head + ".dec.labels"].tolist()))
        got = {k: i for i, k in enumerate(key(self.dump))}
        want = key(self.golden)
        return [got[k] for k in want] if set(want) == set(got) else None

    def decoded(self, name, want):
        head, got = name.split(".")[0], self.dump[name]
        rows = self.by_cell(head)
        if rows is None:
            return False, "other cells"
        if name.endswith("keep"):
            same = {rows[i] for i in want.tolist()} == set(got.tolist())
            return same, "" if same else "other boxes are kept"
        got = got[rows] if len(rows) else got
        if want.dtype.kind == "i":
            return bool((got == want).all()), ""
        if name.endswith("boxes"):
            error = np.abs(got - want) / np.maximum(np.abs(want), 1)
            return bool((error <= 1e-3).all()), "largest difference %.1e" % (error.max() if error.size else 0)
        return self.close(got, want, factor=1.25 if name.endswith("raw") else 1)

    def detections(self):
        g, d = self.golden, self.dump
        free = list(range(len(d["det.boxes"])))
        for b, s, l in zip(g["det.boxes"], g["det.scores"], g["det.labels"]):
            near = [i for i in free if d["det.labels"][i] == l and abs(d["det.scores"][i] - s) <= 1e-4
                    and (np.abs(d["det.boxes"][i] - b) <= 1e-3 * np.maximum(np.abs(b), 1)).all()]
            if not near:
                return False, "no box of class %d with score %.5f" % (l, s)
            free.remove(near[0])
        return not free, "%d boxes" % len(g["det.boxes"]) if not free else "%d boxes more" % len(free)

    def rowsum(self, base, want):
        got = self.dump[base]
        order = None if base.startswith("vfe.pfn") else self.order(coords_of(base)[0])
        if order is None:
            return False, "other sites"
        width = got.shape[1]
        got = got[order].astype("f8")
        limit = (self.tol * width + self.tol * np.abs(got).sum(1)) / np.sqrt(width)
        error = np.abs(got.sum(1) - want) / limit
        return bool((error <= 1).all()), "%.2f of the tolerance" % error.max()

    def rows(self, name, want):
        coords, index = coords_of(name)
        got = self.dump[name]
        if index != "pt_rows":
            order = self.order(coords)
            if order is None or len(order) != len(got):
                return False, "other sites"
            got = got[order]
        return self.close(got[self.golden[index]], want)

    def map(self, name, want):
        got = self.dump[name]
        if name + ".win" in self.golden:
            y, x, h, w = self.golden[name + ".win"]
            got = got[:, y : y + h, x : x + w]
        return self.close(got, want)

    def stats(self, base, want):
        got = self.dump[base].astype("f8")
        return self.close(np.stack([got.mean((1, 2)), np.abs(got).mean((1, 2)), np.abs(got).max((1, 2))], 1), want)

    def integers(self, name, want):
        got = self.dump[name]
        if name in ("coords", "voxel_count", "point_voxel") or name.endswith(".coords"):
            order = self.order("coords" if "coords" not in name else name)
            if order is None:
                return False, "other sites"
            if name == "point_voxel":  # numbers of voxels: golden ones for ours
                number = np.full(len(order) + 1, -1)
                number[order] = np.arange(len(order))
                got = number[got]
            else:
                got = got[order]
        same = got.shape == want.shape and np.array_equal(got, want)
        return same, "" if same else "integers differ"

    def verdict(self, name, want):
        base = re.sub(r"\.(rowsum|stats)$", "", name)
        if base not in self.dump:
            return False, "missing from the dump"
        if name.startswith("det."):
            return self.detections()
        if re.match(r"head\d\.(dec\.|keep|circle_keep)", name):
            return self.decoded(name, want)
        if name.endswith(".rowsum"):
            return self.rowsum(base, want)
        if name.endswith(".stats"):
            return self.stats(base, want)
        if want.dtype.kind == "i":
            return self.integers(name, want)
        return self.map(name, want) if want.ndim == 3 else self.rows(name, want)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("golden")
    p.add_argument("dump")
    p.add_argument("--tol", type=float, default=1e-4)
    args = p.parse_args()
    try:
        golden, dump = read(args.golden), read(args.dump)
    except (OSError, ValueError, KeyError) as e:
        print(f"unusable: {e}")
        return 2
    case = Case(golden, dump, args.tol)
    skipped = ("points", "rows", "pt_rows")
    wrong = n = 0
    for name, want in golden.items():
        if name in skipped or name.endswith((".win", ".rows")):
            continue
        right, words = case.verdict(name, want)
        n += 1
        wrong += not right
        if not right:
            print(f"{name}: {words}")
    print(f"{n} tensors, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
