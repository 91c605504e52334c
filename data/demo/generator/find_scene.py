#!/usr/bin/env python3
"""Rank scene seeds for the demo capture: lively streets in which the default network finds most cars.

    find_scene.py --model DIR --weights W.safetensors [--simulator DIR] FIRST LAST

Casts the first turn of every seed and runs the network of the training code (DIR holds its model.py and data.py) with
and without intensity. Prints a line for each scene that is lively enough, best last. Needs PyTorch.
"""
import argparse
import json
import sys
import types

import numpy as np
import torch

import make_demo as demo


def load_net(path, weights):
    stub = types.ModuleType("sim")                            # the training code's own simulator binding is not needed
    stub.CLASSES, stub.POINT_CLASSES = demo.CLASSES, []
    sys.modules["sim"] = stub
    sys.path.insert(0, path)
    import data
    import model
    with open(weights, "rb") as f:
        raw = f.read()
    n = int.from_bytes(raw[:8], "little")
    state = {k: torch.from_numpy(np.frombuffer(raw[8 + n + e["data_offsets"][0] : 8 + n + e["data_offsets"][1]], "<f4").reshape(e["shape"]).copy())
             for k, e in json.loads(raw[8 : 8 + n]).items() if k != "__metadata__"}
    net = model.Net()
    net.load_state_dict(state, strict=False)
    return net.eval(), model, data


@torch.inference_mode()
def detect(net, model, data, xyzi, thr):
    org = np.array([-51.2, -51.2], np.float32)
    k, cell = data.pillarize(xyzi, org, 256, None, None)
    T = torch.from_numpy
    hm, h, _ = net(T(xyzi[k]), T(cell.astype(np.int64)), torch.zeros(len(k), dtype=torch.long), T(org)[None], 256)
    return model.decode(net, hm[0], h[0], T(org), thr).numpy()


def score(det, boxes, c, thr, min_points, reach=40, radius=2.0):
    """Greedy match within the radius: found, labels, false boxes (near unlabelled-for-lack-of-points objects: ignored)."""
    d = det[(det[:, 8] == c) & (det[:, 7] >= thr) & (np.hypot(det[:, 0], det[:, 1]) < reach)]
    b = boxes[np.isin(boxes[:, 0], (0, 3) if c in (0, 3) else (1, 2))]
    want = (b[:, 0] == c) & (b[:, 8] >= min_points) & (np.hypot(b[:, 1], b[:, 2]) < reach)
    taken, false = np.zeros(len(b), bool), 0
    for r in d[np.argsort(-d[:, 7])]:
        dist = np.hypot(*(b[:, 1:3] - r[:2]).T) if len(b) else np.zeros(0)
        free = np.where(taken | ~want, np.inf, dist)
        if len(b) and free.min() <= radius:
            taken[free.argmin()] = True
        elif not len(b) or np.where(want, np.inf, dist).min(initial=np.inf) > 2.5:
            false += 1
    return int(taken.sum()), int(want.sum()), false


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--model", required=True)
    ap.add_argument("--weights", required=True)
    ap.add_argument("--simulator", default=demo.HERE)
    ap.add_argument("first", type=int)
    ap.add_argument("last", type=int)
    args = ap.parse_args()
    torch.set_num_threads(1)
    net, model, data = load_net(args.model, args.weights)
    lib = demo.load(args.simulator)
    out = []
    for seed in range(args.first, args.last):
        drive = demo.Drive(lib, seed, 1.1)
        if not drive.blocked and drive.env < 2:
            counts, inten, _, _, boxes = drive.turn(slice_blocks=75)
            near = np.hypot(boxes[:, 1], boxes[:, 2]) < 40
            cars, people, cyclists = (int((near & (boxes[:, 0] == c) & (boxes[:, 8] >= m)).sum()) for c, m in ((0, 20), (1, 8), (2, 8)))
            if cars >= 8 and people >= 2 and cyclists >= 1:
                xyz, k = demo.decode(counts)
                p = np.column_stack([xyz, inten.ravel()[k] / 255]).astype(np.float32)
                row = [seed, drive.env, len(p), cars, people, cyclists]
                total = 0
                for use in (1, 0):
                    q = p.copy()
                    q[:, 3] *= use
                    det = detect(net, model, data, q, 0.3)
                    for c, t, m in ((0, 0.4, 20), (1, 0.4, 8), (2, 0.4, 8)):
                        found, want, false = score(det, boxes, c, t, m)
                        row.append(f"{found}/{want}+{false}")
                        total += (1 if c == 0 else 0.4) * (found - 0.7 * false) / max(want, 1)
                out.append((total, row))
        drive.close()
    for total, row in sorted(out):
        print(f"{total:.2f}  seed {row[0]} env {row[1]}, {row[2]} points, {row[3]} cars {row[4]} people {row[5]} cyclists; found/labels+false "
              f"car, pedestrian, cyclist with intensity {' '.join(row[6:9])}, without {' '.join(row[9:])}")


if __name__ == "__main__":
    main()
