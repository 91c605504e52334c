#!/usr/bin/env python3
"""The default model's network in PyTorch, as it was trained, against what `glint run` finds on the same scans.

    tiny_torch.py PROTOTYPE MODEL.safetensors SCANS BOXES.jsonl [--intensity] [--score 0.3]

PROTOTYPE holds the training sources (model.py, data.py, metrics.py), SCANS a folder of KITTI .bin, BOXES is the output of
`glint run SCANS --score 0.3`. Every detection on either side must be on the other: same class, centre and size within 2 mm, yaw within
2 mrad, score within 1e-3. Exit status 0: equal; 1: they differ; 77: no PyTorch here.
"""
import argparse
import json
import pathlib
import sys
import types

try:
    import numpy as np
    import torch
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

CLASSES = ["car", "pedestrian", "cyclist", "truck"]


def prototype(path):
    """Its modules, without the simulator library: only the class names of that are used here."""
    sys.modules["sim"] = types.SimpleNamespace(CLASSES=CLASSES, POINT_CLASSES=[""] * 8)
    sys.dont_write_bytecode = True
    sys.path.insert(0, path)
    import metrics
    import model
    return metrics, model


def network(model, weights):
    raw = pathlib.Path(weights).read_bytes()
    n = int.from_bytes(raw[:8], "little")
    net = model.Net()
    state = net.state_dict()
    for name, e in json.loads(raw[8 : 8 + n]).items():
        if name != "__metadata__":
            a, b = e["data_offsets"]
            state[name] = torch.from_numpy(np.frombuffer(raw[8 + n + a : 8 + n + b], "<f4").reshape(e["shape"]).copy())
    net.load_state_dict(state)
    return net.eval()


def differences(want, got):
    """want: rows x y z l w h yaw score class; got: boxes of the JSON line. Unmatched rows of both sides."""
    left = [(b["center"] + b["size"], b["yaw"], b["score"], CLASSES.index(b["label"])) for b in got]
    missing = []
    for row in want:
        for i, (numbers, yaw, score, label) in enumerate(left):
            turn = abs((yaw - row[6] + np.pi) % (2 * np.pi) - np.pi)
            if label == int(row[8]) and np.abs(row[:6] - numbers).max() < 2e-3 and turn < 2e-3 and abs(score - row[7]) < 1e-3:
                del left[i]
                break
        else:
            missing.append(row)
    return missing, left


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("prototype", "weights", "scans", "boxes"):
        p.add_argument(name)
    p.add_argument("--intensity", action="store_true", help="feed the intensity instead of 0")
    p.add_argument("--score", type=float, default=0.3)
    args = p.parse_args()
    metrics, model = prototype(args.prototype)
    net = network(model, args.weights)
    torch.set_num_threads(1)
    total = bad = 0
    for line in open(args.boxes):
        frame = json.loads(line)
        name = pathlib.Path(frame["source"]).name
        points = np.fromfile(pathlib.Path(args.scans) / name, "<f4").reshape(-1, 4)
        det = metrics.detect(net, points, thr=args.score, cap=None, inten=args.intensity)
        # a box whose score is at the threshold to four digits may be on either side
        missing, extra = differences(det, frame["boxes"])
        missing = [m for m in missing if m[7] > args.score + 1e-4]
        extra = [e for e in extra if e[2] > args.score + 1e-4]
        total += len(det)
        bad += len(missing) + len(extra)
        for m in missing:
            print(f"{name}: not found: {np.round(m, 4).tolist()}")
        for e in extra:
            print(f"{name}: not in the reference: {e}")
    print(f"{total} detections in the reference, {bad} differ")
    return 1 if bad or not total else 0


if __name__ == "__main__":
    sys.exit(main())
