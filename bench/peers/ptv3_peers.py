#!/usr/bin/env python3
"""Point Transformer V3 (nuScenes configuration, random weights), whole frames: Glint and PyTorch, in turns, same threads.

The peer is ptv3_torch.py, which is compared with the golden case before it is timed. The cases are those of
golden/zoo.tar.xz, unpacked into a folder of this run.
"""
import os
import statistics
import subprocess
import sys

import common
import ptv3_torch


def unpack(args, folder):
    names = ["ptv3/base_weights.safetensors", "ptv3/base_nuscenes.safetensors"]
    archive = os.path.join(args.shared, "golden/zoo.tar.xz")
    subprocess.run(["tar", "-xJf", archive, "-C", folder, *names], check=True)
    return [os.path.join(folder, n) for n in names]


def main():
    ap = common.arguments(__doc__, 2)
    args = ap.parse_args()
    import torch
    torch.set_num_threads(args.threads)
    rounds = 2 if args.quick else args.rounds
    with common.folder() as folder:
        weights, case = unpack(args, folder)
        model = common.import_model(args, weights, os.path.join(folder, "model"))
        peer, golden = ptv3_torch.Ptv3(weights), ptv3_torch.read_safetensors(case)[0]
        worst, wrong = ptv3_torch.check(peer, golden)
        if wrong or worst > 5e-2:
            sys.exit(f"the peer is not the golden network: {worst:.1e}, {wrong} labels differ")
        points, glint_runs = torch.from_numpy(golden["points"]), []

        def run_glint(precision="f32"):
            r = common.glint(args, "model", case, "--model", model, "--threads", args.threads, "--repeat", 2, "--precision", precision)
            if precision == "f32":
                glint_runs.append(r)
            out = {s["stage"]: s["p50_ms"] for s in r["stages"]}
            out["frame"] = out.pop("to boxes")
            return out

        def run_torch():
            clock = []
            peer(points, clock)
            out = {n: 1e3 * (b - a) for n, a, b in zip(ptv3_torch.STAGES, clock, clock[1:])}
            out["frame"] = 1e3 * (clock[-1] - clock[0])
            return out

        samples = common.in_turns({"Glint": run_glint, "PyTorch eager": run_torch}, rounds)
    median = {n: {k: statistics.median(s[k] for s in v) for k in v[0]} for n, v in samples.items()}
    base = median["Glint"]["frame"]
    rows = [common.row(n, [s["frame"] for s in samples[n]], base, stages=median[n]) for n in samples]
    rows[1]["note"] = "0 labels differ from the golden case"
    g = glint_runs[-1]
    common.print_rows(f"PTv3, nuScenes configuration, base_nuscenes: {len(points)} points, {g['pillars']} cells, {args.threads} threads", rows)
    peak = max(r["peak_rss_bytes"] for r in glint_runs) / 1e6
    print(f"  Glint: {g['gflop']:.1f} GFLOP, peak memory {peak:.0f} MB; PyTorch: {common.peak_mib():.0f} MiB")
    common.save(args, {"section": "ptv3", "threads": args.threads, "rounds": rounds, "versions": {"torch": common.version("torch")},
                       "cases": [{"input": "base_nuscenes", "crc32": common.crc(os.path.join(args.shared, "golden/zoo.tar.xz")),
                                  "points": len(points), "cells": g["pillars"], "whole": rows, "gflop": g["gflop"], "peak_rss_mb": peak,
                                  "peer_peak_mib": common.peak_mib(), "build": g["build"], "machine": g["machine"]}]})


if __name__ == "__main__":
    main()
