#!/usr/bin/env python3
"""Rotated suppression of 4096 boxes on one core: Glint (exact, double), the toolbox way in C++ (nms_peer.cpp, float), exact
polygons in numpy (flatformer_torch.py), shapely with a spatial index. Each states how many of its kept boxes are Glint's."""
import ctypes
import os
import subprocess
import zlib

import common


def boxes(np, n, crowd, extent, seed=8):
    """n boxes around n / crowd places, the best of each place anywhere in the order."""
    rng = np.random.default_rng(seed)
    places = np.column_stack([rng.uniform(-extent, extent, (n // crowd + 1, 2)), rng.uniform(-3.1, 3.1, n // crowd + 1)])
    at = places[rng.integers(0, len(places), n)] + np.column_stack([rng.uniform(-0.6, 0.6, (n, 2)), rng.uniform(-0.2, 0.2, n)])
    size = np.column_stack([rng.uniform(3.5, 5, n), rng.uniform(1.6, 2.1, n)])
    return np.ascontiguousarray(np.column_stack([at[:, :2], size, at[:, 2]]))


def build_cpp(folder):
    out = os.path.join(folder, "nms_peer.so")
    done = subprocess.run([os.environ.get("CXX", "c++"), "-O3", "-march=native", "-shared", "-fPIC",
                           os.path.join(common.HERE, "nms_peer.cpp"), "-o", out], capture_output=True, text=True)
    if done.returncode:
        print("nms_peer.cpp does not build:", done.stderr[:500])
        return None
    lib = ctypes.CDLL(out)
    lib.nms_peer.restype = ctypes.c_int32
    return lib


def cpp(np, lib, b, iou, near):
    keep = np.empty(len(b), np.int32)
    n = lib.nms_peer(b.ctypes.data_as(ctypes.c_void_p), ctypes.c_int32(len(b)), ctypes.c_double(iou), ctypes.c_int32(near),
                     keep.ctypes.data_as(ctypes.c_void_p))
    return keep[:n].copy()


def shapely_nms(np, b, iou):
    import shapely
    c, s = np.cos(b[:, 4]), np.sin(b[:, 4])
    u, v = np.stack([c, s], 1) * b[:, 2:3] / 2, np.stack([-s, c], 1) * b[:, 3:4] / 2
    polygons = shapely.polygons(np.stack([b[:, :2] + u + v, b[:, :2] + v - u, b[:, :2] - u - v, b[:, :2] + u - v], 1))
    area, tree = shapely.area(polygons), shapely.STRtree(polygons)
    i, j = tree.query(polygons, predicate="intersects")
    i, j = i[i < j], j[i < j]
    inter = shapely.area(shapely.intersection(polygons[i], polygons[j]))
    over = inter / (area[i] + area[j] - inter) > iou
    i, j = i[over], j[over]
    order = np.argsort(i, kind="stable")
    i, j = i[order], j[order]
    first, alive = np.searchsorted(i, np.arange(len(b) + 1)), np.ones(len(b), bool)
    for k in range(len(b)):
        if alive[k]:
            alive[j[first[k]: first[k + 1]]] = False
    return np.flatnonzero(alive)


def numpy_nms(np, b, iou):
    import flatformer_torch as ff
    full = np.zeros((len(b), 9))
    full[:, [0, 1, 3, 4]] = b[:, :4]
    full[:, 6] = -b[:, 4]  # the network's yaw turns clockwise
    return ff.rotated_nms(full, iou)


def main():
    args = common.arguments(__doc__, 1).parse_args()
    common.one_core()
    import numpy as np
    result = {"section": "nms", "threads": 1, "cases": [], "versions": {m: common.version(m) for m in ("shapely", "numpy")}}
    cases = [("4096 boxes, heaps of 20", 20, 75, 0.55), ("4096 boxes, heaps of 20", 20, 75, 0.2), ("4096 boxes, one crowd", 20, 15, 0.8)]
    with common.folder() as folder:
        lib = build_cpp(folder)
        for label, crowd, extent, iou in cases[:1] if args.quick else cases:
            b = boxes(np, 4096, crowd, extent)
            path = os.path.join(folder, "boxes.bin")
            b.tofile(path)
            kept, last = {}, {}

            def run_glint():
                last.update(common.glint(args, "nms", path, "--iou", iou, "--repeat", 11))
                return common.glint_row(last, "nms")

            def peer(name, call, repeat=5):
                return common.turn(lambda: kept.__setitem__(name, call()), repeat)
            contenders = {"Glint (exact)": run_glint}
            if lib:
                contenders["toolbox C++, pairs that can meet"] = peer("toolbox C++, pairs that can meet", lambda: cpp(np, lib, b, iou, 1))
                contenders["toolbox C++, all pairs"] = peer("toolbox C++, all pairs", lambda: cpp(np, lib, b, iou, 0))
            contenders["numpy, exact polygons"] = peer("numpy, exact polygons", lambda: numpy_nms(np, b, iou), 1)
            try:
                import shapely  # noqa: F401
                contenders["shapely, spatial index"] = peer("shapely, spatial index", lambda: shapely_nms(np, b, iou), 1)
            except ImportError:
                pass
            samples = common.in_turns(contenders, 3 if args.quick else args.rounds)
            base = sorted(samples["Glint (exact)"])[len(samples["Glint (exact)"]) // 2]
            rows = []
            for n, s in samples.items():
                note = f"{last['kept']} kept"
                if n in kept:
                    same = f"{zlib.crc32(kept[n].astype(np.int32).tobytes()):08x}" == last["kept_crc32"]
                    note = f"{len(kept[n])} kept, {'the same as Glint' if same else 'others than Glint'}"
                rows.append(common.row(n, s, base, note=note))
            common.print_rows(f"rotated NMS, {label}, IoU {iou}, one core", rows)
            result["cases"].append({"label": label, "iou": iou, "boxes_crc32": common.crc(path), "rows": rows})
    common.save(args, result)


if __name__ == "__main__":
    main()
