#!/usr/bin/env python3
"""What a model finds on labelled real scans, by the program itself. For evaluation only: never tune anything on these.

    real.py FRAMES --model data/models/glint-tiny --glint build/glint --json real.json --pictures /tmp/failures

FRAMES holds kitti/, nuscenes/ and argoverse2/ (frames.py says how). Boxes count at the scores of the model's config.json (or
--score). A label counts with --points points or more within --within metres; a box finds the nearest free label of its class with
centres at most 2 m apart seen from above, best scores first. A box that finds none is false, except where nothing is labelled
(outside of KITTI's camera picture, DontCare), within 2.5 m of a label that does not count (too few points, too far, a class that is
none of ours) and for cars on labelled trucks and the reverse, whose border data sets draw differently.

Masks: of points in labelled boxes (but 0.2 m at their bottom), vehicle; of geometry (ground.py), ground. Points within 0.3 m
around a box and those that geometry says nothing of do not count.

--pictures: a picture per missed, false and badly placed object, sorted by kind (which data sets' licences do not let us publish).
"""
import argparse
import json
import pathlib

import numpy as np
import torch

import frames as real_frames
import network_config
import picture
from detect import GlintDetector
from frames import CAR, IGNORED, TRUCK, in_box
from ground import ground
from metrics import BANDS, Confusion, in_band, match, near

RADIUS, SWALLOW = 2.0, 2.5  # m
CLASSES = ("car", "pedestrian", "cyclist", "truck")
VEHICLE_CLASS, GROUND_CLASS = 4, 0
BAD_CENTRE, BAD_YAW = 0.8, np.radians(20)


class Tally:
    """Of one class in one band of distances."""

    def __init__(self):
        self.labels = self.found = self.false = 0
        self.errors = []  # centre, z, length, width, height, axis (rad), turned around

    def add(self, other):
        self.labels += other.labels
        self.found += other.found
        self.false += other.false
        self.errors += other.errors
        return self

    def report(self):
        out = {"labels": self.labels, "found": self.found, "false": self.false,
               "recall": round(self.found / self.labels, 4) if self.labels else None,
               "precision": round(self.found / (self.found + self.false), 4) if self.found + self.false else None}
        if self.errors:
            e = np.array(self.errors)
            out["median_error"] = {k: round(float(np.median(e[:, i])), 3) for i, k in enumerate(("centre_m", "z_m", "length_m", "width_m", "height_m", "axis_rad"))}
            out["turned_around"] = round(float(e[:, 6].mean()), 3)
        return out


def swallowing(frame, label, counts):
    """Centres of labels near which a box of this class is no false one."""
    kind = frame.boxes[:, 0]
    other = {CAR: TRUCK, TRUCK: CAR}.get(label)
    return frame.boxes[(kind == IGNORED) | ((kind == label) & ~counts) | (kind == other), 1:3]


def errors(row, box):
    turn = (row[6] - box[7] + np.pi) % (2 * np.pi) - np.pi
    axis = (turn + np.pi / 2) % np.pi - np.pi / 2
    return [np.hypot(row[0] - box[1], row[1] - box[2]), abs(row[2] - box[3]), *np.abs(row[3:6] - box[4:7]), abs(axis), float(abs(turn) > np.pi / 2)]


def compare(frame, rows, label, args):
    """Tallies per band and within, and the failures (kind, place, what), of one class in one frame."""
    boxes = frame.boxes
    mine = boxes[:, 0] == label
    counts = mine & (frame.inside >= args.points)
    rows = rows[rows[:, 8] == label]
    wanted = np.flatnonzero(counts)
    to = match(rows[:, :2], boxes[wanted, 1:3], RADIUS)
    swallow = swallowing(frame, label, counts)
    labelled = frame.labelled(rows[:, :3]) if len(rows) else np.zeros(0, bool)
    out, failures = {}, []
    name = CLASSES[label]
    for band in (*BANDS, (0, args.within)):
        t = out["%g-%g m" % band] = Tally()
        last = band == (0, args.within)
        inside = in_band(boxes[wanted, 1:3], band)
        t.labels = int(inside.sum())
        for row, k, seen in zip(rows, to, labelled):
            if k >= 0 and inside[k]:
                t.found += 1
                t.errors.append(errors(row, boxes[wanted[k]]))
                if last and (t.errors[-1][0] > BAD_CENTRE or (label != 1 and t.errors[-1][5] > BAD_YAW)):
                    failures.append((f"{name}_misplaced", row[:3], row))
            elif k < 0 and seen and in_band(row[None, :2], band)[0] and not near(swallow, row[:2], SWALLOW):
                t.false += 1
                if last:
                    failures.append((f"{name}_false", row[:3], row))
        if last:
            for k in np.flatnonzero(inside & ~np.isin(np.arange(len(wanted)), to)):
                failures.append((f"{name}_missed", boxes[wanted[k], 1:4], boxes[wanted[k]]))
    return out, failures


def masks(frame, classes, within):
    """Confusions (truth and said: 1 is, 0 is not) of vehicle and of ground points."""
    points = frame.points
    count = frame.labelled(points[:, :3]) & (np.hypot(points[:, 0], points[:, 1]) < within) & (classes < 255)
    vehicle, known, any_box = np.zeros(len(points), bool), np.ones(len(points), bool), np.zeros(len(points), bool)
    for box in frame.boxes:
        inner, outer = in_box(points, box), in_box(points, box, 0.3)
        body = inner & (points[:, 2] > box[3] - box[6] / 2 + 0.2)
        any_box |= body
        known &= ~(outer & ~body)
        if box[0] in (CAR, TRUCK):
            vehicle |= body
        elif box[0] == IGNORED:
            known &= ~outer
    cars, floor = Confusion(2), Confusion(2)
    use = count & (known | vehicle)
    cars.add(vehicle[use], (classes[use] == VEHICLE_CLASS).astype(np.uint8))
    truth = ground(points)
    truth[any_box] = 0
    use = count & (truth >= 0) & (known | any_box)
    floor.add(truth[use], (classes[use] == GROUND_CLASS).astype(np.uint8))
    return cars, floor


def mask_report(c):
    hit, truth, said = c.counts[1, 1], c.counts[1].sum(), c.counts[:, 1].sum()
    return {"points": int(truth), "iou": round(float(hit / max(1, truth + said - hit)), 4), "recall": round(float(hit / max(1, truth)), 4),
            "precision": round(float(hit / max(1, said)), 4)}


def draw(folder, frame, rows, classes, kind, at, what, k):
    target = folder / kind
    target.mkdir(parents=True, exist_ok=True)
    labels = frame.boxes[:, :8]
    found = np.c_[rows[:, 8], rows[:, :7]]
    close = np.hypot(*(frame.points[:, :2] - np.asarray(at)[:2]).T) < 20
    image = picture.place(frame.points[close], classes[close], labels, found, at)
    far = np.hypot(at[0], at[1])
    tail = f"score_{what[7]:.2f}" if len(what) == 9 else f"points_{in_box(frame.points, what, 0.1).sum()}"
    picture.write_png(target / f"{frame.name}_{far:04.1f}m_{tail}_{k}.png", image)


def evaluate(frames, detector, scores, args):
    tallies, vehicle, floor, listed = {}, {}, {}, []
    detections = detector.run([f.points for f in frames], min(scores))
    for frame, (rows, classes) in zip(frames, detections):
        rows = rows[rows[:, 7] >= np.array(scores)[rows[:, 8].astype(int)]]
        for label in range(len(CLASSES)):
            parts, failures = compare(frame, rows, label, args)
            for key in (frame.dataset, "all"):
                for band, t in parts.items():
                    tallies.setdefault(key, {}).setdefault(CLASSES[label], {}).setdefault(band, Tally()).add(t)
            for k, (kind, at, what) in enumerate(failures):
                listed.append({"frame": frame.name, "kind": kind, "distance_m": round(float(np.hypot(at[0], at[1])), 1), "values": [round(float(v), 2) for v in what]})
                if args.pictures:
                    draw(pathlib.Path(args.pictures), frame, rows, classes, kind, at, what, k)
        a, b = masks(frame, classes, args.within)
        for key in (frame.dataset, "all"):
            vehicle.setdefault(key, Confusion(2)).counts += a.counts
            floor.setdefault(key, Confusion(2)).counts += b.counts
    return {"frames": {d: sum(f.dataset == d for f in frames) for d in sorted({f.dataset for f in frames})},
            "rule": {"points": args.points, "within_m": args.within, "radius_m": RADIUS}, "scores": dict(zip(CLASSES, scores)),
            "boxes": {k: {c: {b: t.report() for b, t in bands.items()} for c, bands in v.items()} for k, v in tallies.items()},
            "masks": {k: {"vehicle": mask_report(vehicle[k]), "ground": mask_report(floor[k])} for k in vehicle}, "failures": listed}


def table(r):
    print(", ".join(f"{n} frames of {d}" for d, n in r["frames"].items())
          + f"; labels with {r['rule']['points']} points or more, centres within {r['rule']['radius_m']:g} m")
    print(f"{'':12s} {'class':11s} {'score':>5s} {'distance':>8s} {'labels':>6s} {'found':>5s} {'false':>5s} {'recall':>6s} {'precision':>9s}   centre  axis  turned")
    for dataset, classes in r["boxes"].items():
        for name, bands in classes.items():
            for band, t in bands.items():
                if not t["labels"] and not t["false"]:
                    continue
                e = t.get("median_error")
                more = f"{e['centre_m']:6.2f} m {np.degrees(e['axis_rad']):4.1f}° {100 * t['turned_around']:4.0f} %" if e else ""
                show = [f"{t[k]:.2f}" if t[k] is not None else "-" for k in ("recall", "precision")]
                print(f"{dataset:12s} {name:11s} {r['scores'][name]:5.2f} {band:>8s} {t['labels']:6d} {t['found']:5d} {t['false']:5d} {show[0]:>6s} {show[1]:>9s}  {more}")
    for dataset, m in r["masks"].items():
        print(f"{dataset:12s} points: " + "; ".join(f"{k} IoU {v['iou']:.3f}, recall {v['recall']:.3f}, precision {v['precision']:.3f} of {v['points']}" for k, v in m.items()))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("frames")
    p.add_argument("--model", required=True, help="model folder")
    p.add_argument("--glint", required=True, help="the program")
    p.add_argument("--options", default="--threads 1", help="further options of glint run (default: %(default)s)")
    p.add_argument("--score", help="least scores, one per class by commas (default: the model's)")
    p.add_argument("--points", type=int, default=10)
    p.add_argument("--within", type=float, default=40)
    p.add_argument("--json")
    p.add_argument("--pictures", help="folder")
    args = p.parse_args()
    config = network_config.read(pathlib.Path(args.model) / "config.json")
    scores = [float(s) for s in args.score.split(",")] if args.score else config.score
    r = evaluate(real_frames.read(args.frames), GlintDetector(args.glint, args.model, args.options.split()), scores, args)
    table(r)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(r, indent=1))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
