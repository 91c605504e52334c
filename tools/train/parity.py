#!/usr/bin/env python3
"""The network in PyTorch against the program, on the same scans: the same tensors, the same boxes.

    parity.py FOLDER --glint build/glint             # simulated scans
    parity.py FOLDER --glint build/glint SCAN.bin ...    # f32 x, y, z, intensity

`glint run --dump` gives the heat map and the point logits; they agree to --tolerance (relative error by norm). Every box of one
side is on the other: same class, centre and size within 2 mm, yaw within 2 mrad, score within 1e-4, except boxes within 1e-4 of
the least score. Exit status 0: equal; 1: they differ.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

import network_config
import weights
from detect import GlintDetector, TorchDetector
from model import Net

NUMBERS = {"F32": "<f4", "I32": "<i4", "I64": "<i8", "U8": "u1"}


def tensors(path):
    """name -> array of a dump."""
    raw = pathlib.Path(path).read_bytes()
    n = int.from_bytes(raw[:8], "little")
    out = {}
    for name, e in json.loads(raw[8:8 + n]).items():
        if name != "__metadata__" and e["dtype"] in NUMBERS:
            a, b = e["data_offsets"]
            out[name] = np.frombuffer(raw[8 + n + a:8 + n + b], NUMBERS[e["dtype"]]).reshape(e["shape"])
    return out


def of_program(glint, points, score):
    """(heat map, logits per point, rows) of one scan from `glint run --dump`."""
    with tempfile.TemporaryDirectory(prefix="glint-") as work:
        np.ascontiguousarray(points, "<f4").tofile(f"{work}/scan.bin")
        command = [glint.program, "run", f"{work}/scan.bin", "--model", glint.folder, "--score", f"{score:g}", *glint.options,
                   "--out", f"{work}/boxes.jsonl", "--dump", work]
        subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)
        dump = tensors(f"{work}/frame_000000.safetensors")
        rows = glint.rows(json.loads(open(f"{work}/boxes.jsonl").readline())["boxes"])
    logits = np.zeros((len(points), dump["point.logits"].shape[1]), np.float32)
    logits[dump["point.index"]] = dump["point.logits"]
    return dump["head.heatmap"], logits, rows


def of_torch(detector, points, score):
    """The same from PyTorch."""
    seen = {}
    def look(_net, inputs, out):
        seen.update(heat=out[0][0].numpy(), logits=out[2].numpy())
    with detector.net.register_forward_hook(look), torch.no_grad():
        rows, _ = detector.one(points, score)
    logits = np.zeros((len(points), seen["logits"].shape[1]), np.float32)
    logits[detector.index] = seen["logits"]
    return seen["heat"], logits, rows


def relative(got, want):
    """Relative error by norm."""
    return float(np.linalg.norm(got.astype(np.float64) - want) / max(1e-30, np.linalg.norm(want.astype(np.float64))))


def unmatched(ours, theirs, score):
    """Rows of each side that the other lacks; those at the least score may be on either."""
    left, missing = list(theirs), []
    for row in ours:
        for i, b in enumerate(left):
            turn = abs((b[6] - row[6] + np.pi) % (2 * np.pi) - np.pi)
            if b[8] == row[8] and np.abs(row[:6] - b[:6]).max() < 2e-3 and turn < 2e-3 and abs(row[7] - b[7]) < 1.5e-4:
                del left[i]
                break
        else:
            missing.append(row)
    return [r for r in missing if r[7] > score + 1e-4], [r for r in left if r[7] > score + 1e-4]


def check(folder, program, scans, score=0.2, tolerance=1e-5, options=("--threads", "1")):
    """scans: (name, points). Prints a line each; gives (what differs, boxes)."""
    net = Net(network_config.read(pathlib.Path(folder) / "config.json"))
    weights.load(net, folder)
    detector, glint = TorchDetector(net), GlintDetector(program, folder, options)
    bad = boxes = 0
    for name, points in scans:
        want, got = of_torch(detector, points, score), of_program(glint, points, score)
        heat, logits = relative(got[0], want[0]), relative(got[1], want[1])
        missing, extra = unmatched(want[2], got[2], score)
        boxes += len(want[2])
        bad += len(missing) + len(extra) + (not heat <= tolerance) + (not logits <= tolerance)
        print(f"{name}: heat map {heat:.1e}, point logits {logits:.1e}, {len(want[2])} boxes, {len(missing) + len(extra)} differ")
        for side, rows in (("the program", missing), ("PyTorch", extra)):
            for row in rows:
                print(f"  not of {side}: {np.round(row, 4).tolist()}")
    return bad, boxes


def simulated(n):
    import held_out
    for s in held_out.scans_of(held_out.VALIDATE, n):
        yield s.sensor, s.points


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", help="model folder")
    p.add_argument("scans", nargs="*", help="default: --simulated ones")
    p.add_argument("--glint", required=True, help="the program")
    p.add_argument("--simulated", type=int, default=3)
    p.add_argument("--score", type=float, default=0.2)
    p.add_argument("--tolerance", type=float, default=1e-5)
    args = p.parse_intermixed_args()
    files = ((pathlib.Path(s).name, np.fromfile(s, "<f4").reshape(-1, 4)) for s in args.scans)
    bad, boxes = check(args.folder, args.glint, files if args.scans else simulated(args.simulated), args.score, args.tolerance)
    print(f"{boxes} boxes, {bad} things differ")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
