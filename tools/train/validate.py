#!/usr/bin/env python3
"""How good a model is on simulated scans that it was not trained on.

    validate.py --model data/models/glint-tiny --glint build/glint --json simulated.json
    validate.py --model run/last.pt --scans 120

Average precision at centre distances 0.5, 1, 2, 4 m per class and distance from the sensor, point IoU, over held-out worlds with
the sensors of the training, and again over each held-out sensor. With --glint the product runs (it is also the faster one),
else PyTorch. A label counts with 5 points (pedestrian, cyclist 4; truck 8) within 50 m.
"""
import argparse
import json
import math

import numpy as np
import torch

import held_out
import network_config
import sensors
import weights
from detect import GlintDetector, TorchDetector
from metrics import BANDS, RADII, Confusion, average_precision, curve
from model import Net

LEAST_POINTS = (5, 4, 4, 8)
WITHIN = (0, 50)


def detector_of(args, config):
    if args.glint:
        return GlintDetector(args.glint, args.model, args.options.split())
    net = Net(config)
    weights.load(net, args.model)
    return TorchDetector(net, args.device)


def run(detector, scans, at_once=16, score=0.02):
    """(scan, rows, classes) of each scan."""
    held = []
    for s in scans:
        held.append(s)
        if len(held) == at_once:
            yield from ((s, *r) for s, r in zip(held, detector.run([s.points for s in held], score)))
            held = []
    if held:
        yield from ((s, *r) for s, r in zip(held, detector.run([s.points for s in held], score)))


def points_of(s):
    return np.bincount(s.owner[s.owner >= 0], minlength=len(s.boxes))


def class_report(frames, label, score):
    least = LEAST_POINTS[label]
    def mean(band):
        found = [average_precision(frames, label, r, band, least) for r in RADII]
        return [round(ap, 4) for ap, _ in found], found[0][1]
    ap, labels = mean(WITHIN)
    out = {"ap": ap, "mean_ap": round(float(np.mean(ap)), 4), "labels": labels, "score": score}
    for band in BANDS:
        ap, labels = mean(band)
        out[f"{band[0]}-{band[1]} m"] = {"mean_ap": round(float(np.mean(ap)), 4) if labels else None, "labels": labels}
    scores, recall, precision, _ = curve(frames, label, 2.0, (0, 40), 10)
    k = int(np.searchsorted(-scores, -score, "right")) - 1
    out["at_score"] = {"recall": round(float(recall[k]), 4) if k >= 0 else 0.0, "precision": round(float(precision[k]), 4) if k >= 0 else None}
    return out


def report(detector, scans, config):
    confusion, frames, names = Confusion(len(config.point_classes)), [], {}
    for s, rows, classes in run(detector, scans):
        frames.append((rows, s.boxes, points_of(s)))
        seen = (np.abs(s.points[:, :2]) < config.range[3]).all(1) & (s.points[:, 2] > config.z[0]) & (s.points[:, 2] < config.z[1])
        confusion.add(s.label[seen], classes[seen])
        names[s.sensor] = names.get(s.sensor, 0) + 1
    iou = confusion.iou()
    return {"scans": len(frames), "sensors": names,
            "classes": {c: class_report(frames, i, config.score[i]) for i, c in enumerate(config.classes)},
            "points": {"iou": {c: round(float(v), 4) for c, v in zip(config.point_classes, iou)}, "mean_iou": round(float(iou.mean()), 4)}}


def table(name, r):
    print(f"\n{name}: {r['scans']} scans ({', '.join(f'{k} {v}' for k, v in r['sensors'].items())})")
    bands = [f"{a}-{b} m" for a, b in BANDS]
    print(f"{'class':12s} {'labels':>6s} " + " ".join(f"{f'AP@{d:g}':>6s}" for d in RADII) + f" {'mean':>6s} " + " ".join(f"{b:>8s}" for b in bands)
          + "   recall and precision at the score (40 m, 10 points, 2 m)")
    for c, v in r["classes"].items():
        by = " ".join(f"{v[b]['mean_ap']:8.3f}" if v[b]["mean_ap"] is not None else f"{'-':>8s}" for b in bands)
        at = v["at_score"]
        print(f"{c:12s} {v['labels']:6d} " + " ".join(f"{a:6.3f}" for a in v["ap"]) + f" {v['mean_ap']:6.3f} {by}"
              f"   {at['recall']:.3f} {at['precision'] if at['precision'] is not None else math.nan:.3f} at {v['score']:g}")
    print("point IoU: " + ", ".join(f"{c} {v:.3f}" for c, v in r["points"]["iou"].items()) + f"; mean {r['points']['mean_iou']:.3f}")


def arguments(description):
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True, help="model folder, .safetensors or checkpoint of train.py")
    p.add_argument("--config", default=network_config.TINY, help="network of a checkpoint (default: glint-tiny's; a folder has its own)")
    p.add_argument("--glint", help="run this program on the model folder instead of PyTorch")
    p.add_argument("--options", default="--threads 1", help="further options of glint run (default: %(default)s)")
    p.add_argument("--scans", type=int, default=120, help="of all trained sensors by turns (default: %(default)s)")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--json", help="write all numbers there")
    return p


def config_of(args):
    import pathlib
    folder = pathlib.Path(args.model) / "config.json"
    return network_config.read(folder if folder.exists() else args.config)


def main():
    p = arguments(__doc__)
    p.add_argument("--held-out", type=int, default=30, help="scans of each held-out sensor (default: %(default)s)")
    args = p.parse_args()
    config = config_of(args)
    detector = detector_of(args, config)
    out = {"held-out worlds": report(detector, held_out.scans_of(held_out.VALIDATE, args.scans), config)}
    for k, sensor in enumerate(sensors.HELD_OUT.values()):
        if args.held_out:
            first = held_out.VALIDATE + (k + 1) * (1 << 20)
            out[f"held-out sensor {sensor.name}"] = report(detector, held_out.scans_of(first, args.held_out, sensor), config)
    for name, r in out.items():
        table(name, r)
    if args.json:
        with open(args.json, "w") as f:
            json.dump(out, f, indent=1)


if __name__ == "__main__":
    main()
