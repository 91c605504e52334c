#!/usr/bin/env python3
"""What simulated scans look like in numbers, and real ones beside them: points per class, boxes, points per car by distance.

    describe.py --scans 40 --sensor hdl64
    describe.py --frames FRAMES         # labelled real scans (frames.py), by data set

To see whether a change of the simulator brings its scans nearer to real ones, or away from them.
"""
import argparse
import json
import time

import numpy as np

EDGES = (0, 10, 20, 30, 40, 50, 60)
NAMES = ("car", "pedestrian", "cyclist", "truck")
POINTS = ("ground", "vegetation", "building", "pole", "vehicle", "pedestrian", "cyclist", "other")


def describe(scans):
    """scans: (points, point classes or None, boxes, points of each box)."""
    total, boxes, sizes, per = [], [], [], {(c, k): [] for c in range(4) for k in range(len(EDGES) - 1)}
    share, height = np.zeros(len(POINTS)), []
    for points, label, box, n in scans:
        total.append(len(points))
        boxes.append([int(((box[:, 0] == c) & (n >= 5)).sum()) for c in range(4)])
        if label is not None:
            share += np.bincount(label, minlength=len(POINTS))[:len(POINTS)]
            height.append(np.median(points[(label == 0) & (np.hypot(*points[:, :2].T) < 15), 2]))
        d = np.hypot(box[:, 1], box[:, 2])
        for row, far, count in zip(box, d, n):
            k = int(np.searchsorted(EDGES, far, "right")) - 1
            if row[0] < 4 and 0 <= k < len(EDGES) - 1 and count > 0:
                per[int(row[0]), k].append(int(count))
                if row[0] == 0:
                    sizes.append(row[4:7])
    out = {"scans": len(total), "points": round(float(np.mean(total))), "boxes_of_5_points": dict(zip(NAMES, np.mean(boxes, 0).round(1).tolist())),
           "median_points_by_distance": {NAMES[c]: {f"{EDGES[k]}-{EDGES[k + 1]}": [int(np.median(v)), len(v)] for (cc, k), v in per.items() if cc == c and v} for c in range(4)},
           "mean_car": np.round(np.mean(sizes, 0), 2).tolist() if sizes else None}
    if share.sum():
        out["shares"] = dict(zip(POINTS, (share / share.sum()).round(3).tolist()))
        out["ground_z"] = [round(float(v), 2) for v in np.percentile(height, (5, 50, 95))]
    return out


def simulated(n, sensor):
    import held_out
    import sensors
    known = {**sensors.TRAINED, **sensors.HELD_OUT}
    for s in held_out.scans_of(held_out.VALIDATE, n, known[sensor] if sensor else None):
        yield s.points, s.label, s.boxes, np.bincount(s.owner[s.owner >= 0], minlength=len(s.boxes))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--scans", type=int, default=40)
    p.add_argument("--sensor", help="one of sensors.py (default: all by turns)")
    p.add_argument("--frames", help="folder of labelled real scans instead")
    args = p.parse_args()
    if args.frames:
        import frames
        found = frames.read(args.frames)
        for name in sorted({f.dataset for f in found}):
            print(name, json.dumps(describe([(f.points, None, f.boxes, f.inside) for f in found if f.dataset == name])))
        return
    begun = time.process_time()
    out = describe(simulated(args.scans, args.sensor))
    out["seconds_a_scan"] = round((time.process_time() - begun) / args.scans, 4)
    print(json.dumps(out))


if __name__ == "__main__":
    main()
