#!/usr/bin/env python3
"""SST (Waymo configuration with cosine attention, random weights), whole frames: Glint and PyTorch, in turns, same threads.

The peer is sst_torch.py, whose small networks Glint's tests are checked with; here both must find the same boxes on a KITTI scan.
"""
import json
import os
import statistics
import subprocess
import sys

import common
import sst_torch
import torch


def glint_boxes(args, case, model, folder):
    """Centre x, y and score of each box that `glint run` finds."""
    out = os.path.join(folder, "boxes.jsonl")
    subprocess.run([args.glint, "run", case, "--model", model, "--out", out], check=True, capture_output=True)
    with open(out) as f:
        return [(b["center"][0], b["center"][1], b["score"]) for b in json.loads(f.readline())["boxes"]]


def differ(boxes, scores, ours):
    """How many of the peer's boxes Glint has not, and the reverse."""
    mine = torch.tensor(ours).view(-1, 3)
    peers = torch.cat([boxes[:, :2], scores[:, None]], 1)
    near = (peers[:, None] - mine[None]).abs().max(2).values < 2e-3
    return int((~near.any(1)).sum() + (~near.any(0)).sum())


def main():
    args = common.arguments(__doc__, 2).parse_args()
    torch.set_num_threads(args.threads)
    rounds = 2 if args.quick else args.rounds
    scan = os.path.join(args.shared, "frames/kitti/velodyne")
    scan = os.path.join(scan, sorted(os.listdir(scan))[0])
    with common.folder() as folder, torch.inference_mode():
        peer, weights, case = sst_torch.random_weights(sst_torch.Sst(sst_torch.WAYMO), 1), os.path.join(folder, "w.safetensors"), os.path.join(folder, "case.safetensors")
        points = sst_torch.scan(scan, sst_torch.WAYMO)
        sst_torch.write_weights(peer, weights)
        sst_torch.write(case, {"points": points.numpy()}, {})
        model = common.import_model(args, weights, os.path.join(folder, "model"))
        boxes, scores, _ = peer(points)
        wrong = differ(boxes, scores, glint_boxes(args, case, model, folder))
        if wrong > len(boxes) // 100:
            sys.exit(f"{wrong} of {len(boxes)} boxes differ")
        glint_runs = []

        def run_glint():
            r = common.glint(args, "model", case, "--model", model, "--threads", args.threads, "--repeat", 2)
            glint_runs.append(r)
            out = {s["stage"]: s["p50_ms"] for s in r["stages"]}
            out["frame"] = out.pop("to boxes")
            return out

        def run_torch():
            clock = [sst_torch.time.perf_counter()]
            peer(points, clock=clock)
            out = {n: 1e3 * (b - a) for n, a, b in zip(sst_torch.STAGES, clock, clock[1:])}
            out["frame"] = 1e3 * (clock[-1] - clock[0])
            return out

        samples = common.in_turns({"Glint": run_glint, "PyTorch eager": run_torch}, rounds)
    median = {n: {k: statistics.median(s[k] for s in v) for k in v[0]} for n, v in samples.items()}
    rows = [common.row(n, [s["frame"] for s in samples[n]], median["Glint"]["frame"], stages=median[n]) for n in samples]
    rows[1]["note"] = f"{wrong} of {len(boxes)} boxes differ"
    g = glint_runs[-1]
    common.print_rows(f"SST, Waymo configuration, {os.path.basename(scan)}: {len(points)} points, {g['pillars']} pillars, {args.threads} threads", rows)
    peak = max(r["peak_rss_bytes"] for r in glint_runs) / 1e6
    print(f"  Glint: {g['gflop']:.1f} GFLOP, peak memory {peak:.0f} MB; PyTorch: {common.peak_mib():.0f} MiB")
    common.save(args, {"section": "sst", "threads": args.threads, "rounds": rounds, "versions": {"torch": common.version("torch")},
                       "cases": [{"input": "kitti " + os.path.basename(scan), "crc32": common.crc(scan), "points": len(points), "cells": g["pillars"],
                                  "whole": rows, "gflop": g["gflop"], "peak_rss_mb": peak, "peer_peak_mib": common.peak_mib(),
                                  "build": g["build"], "machine": g["machine"]}]})


if __name__ == "__main__":
    main()
