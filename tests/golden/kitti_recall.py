#!/usr/bin/env python3
"""Recall and precision of `glint run` on labelled KITTI scans, per class.

    kitti_recall.py KITTI BOXES.jsonl [--score 0.3,0.4,0.5,0.55] [--range 40] [--json OUT]

KITTI holds velodyne/, label_2/ and calib/; BOXES.jsonl is what `glint run KITTI/velodyne --score 0.1` wrote.
A label counts when its centre is nearer than --range and enough points lie in its box (car 5, others 4; box grown by
0.1 m); a detection finds the nearest unfound label of its class with BEV centre distance <= 2 m, best scores first. False:
no label near, inside the camera's view (KITTI labels nothing else, here +-0.70 rad) and inside the range. Labels that do not count
(too far, too few points, Misc; Truck and Tram for cars; people for cyclists and the reverse) swallow detections without a penalty. Needs numpy only.
"""
import argparse
import json
import pathlib

import numpy as np

CLASSES = ("car", "pedestrian", "cyclist", "truck")
KITTI = {"Car": 0, "Van": 0, "Pedestrian": 1, "Person_sitting": 1, "Cyclist": 2, "Truck": 3, "Tram": 3, "Misc": 9}
LEAST_POINTS = (5, 4, 4, 8)
VIEW = 0.70


def labels(kitti, stem):
    cal = {}
    for line in open(kitti / "calib" / f"{stem}.txt"):
        if ":" in line:
            key, values = line.split(":", 1)
            cal[key] = np.array(values.split(), float)
    velo_to_cam, rect = np.eye(4), np.eye(4)
    velo_to_cam[:3] = cal["Tr_velo_to_cam"].reshape(3, 4)
    rect[:3, :3] = cal["R0_rect"].reshape(3, 3)
    to_velo = np.linalg.inv(rect @ velo_to_cam)
    points = np.fromfile(kitti / "velodyne" / f"{stem}.bin", "<f4").reshape(-1, 4)
    out = []
    for line in open(kitti / "label_2" / f"{stem}.txt"):
        t = line.split()
        if t[0] == "DontCare":
            continue
        h, w, length, x, y, z, ry = map(float, t[8:15])
        c = (to_velo @ [x, y - h / 2, z, 1])[:3]
        yaw = -ry - np.pi / 2
        d = points[:, :3] - c
        along, across = np.cos(yaw) * d[:, 0] + np.sin(yaw) * d[:, 1], -np.sin(yaw) * d[:, 0] + np.cos(yaw) * d[:, 1]
        n = int(((abs(along) < length / 2 + 0.1) & (abs(across) < w / 2 + 0.1) & (abs(d[:, 2]) < h / 2 + 0.1)).sum())
        out.append((KITTI[t[0]], c[0], c[1], n))
    return np.array(out, float).reshape(-1, 4)


def score_frame(det, gt, cls, limit):
    """found, counted, false for the detections (rows x, y, score; best first) of one class."""
    mine = gt[gt[:, 0] == cls]
    counts = (np.hypot(mine[:, 1], mine[:, 2]) < limit) & (mine[:, 3] >= LEAST_POINTS[cls])
    want, rest = mine[counts, 1:3], mine[~counts, 1:3]
    others = gt[np.isin(gt[:, 0], [9, 3] if cls == 0 else [9, 1, 2])][:, 1:3]
    swallow = np.concatenate([others, rest])
    taken, false = np.zeros(len(want), bool), 0
    for x, y in det:
        far = np.hypot(want[:, 0] - x, want[:, 1] - y)
        far[taken] = np.inf
        if len(far) and far.min() <= 2:
            taken[far.argmin()] = True
        elif np.hypot(x, y) < limit and not (len(swallow) and np.hypot(*(swallow - [x, y]).T).min() <= 2.5):
            false += 1
    return int(taken.sum()), len(want), false


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("kitti", type=pathlib.Path)
    p.add_argument("boxes")
    p.add_argument("--score", default="0.3,0.4,0.5,0.55")
    p.add_argument("--range", type=float, default=40.0)
    p.add_argument("--json")
    args = p.parse_args()
    scores = [float(s) for s in args.score.split(",")]
    total = {(c, s): np.zeros(3, int) for c in range(3) for s in scores}
    frames = 0
    for line in open(args.boxes):
        frame = json.loads(line)
        stem = pathlib.Path(frame["source"]).stem
        if not (args.kitti / "label_2" / f"{stem}.txt").exists():
            continue
        frames += 1
        gt = labels(args.kitti, stem)
        boxes = sorted(frame["boxes"], key=lambda b: -b["score"])
        for cls, least in total:
            det = [b["center"][:2] for b in boxes if b["label"] == CLASSES[cls] and b["score"] >= least
                   and abs(np.arctan2(b["center"][1], b["center"][0])) < VIEW]
            total[cls, least] += score_frame(det, gt, cls, args.range)
    rows = []
    print(f"{frames} frames, within {args.range:g} m, centre within 2 m")
    print(f"{'class':12s} {'score':>5s} {'found':>5s} {'of':>4s} {'false':>5s} {'recall':>7s} {'precision':>9s}")
    for (cls, least), (found, of, false) in total.items():
        recall, precision = found / max(of, 1), found / max(found + false, 1)
        rows.append(dict(label=CLASSES[cls], score=least, found=int(found), of=int(of), false=int(false), recall=recall, precision=precision))
        print(f"{CLASSES[cls]:12s} {least:5.2f} {found:5d} {of:4d} {false:5d} {recall:7.3f} {precision:9.3f}")
    if args.json:
        json.dump(rows, open(args.json, "w"), indent=1)


if __name__ == "__main__":
    main()
