#!/usr/bin/env python3
"""CenterPoint (OpenPCDet's nuScenes configurations, random weights), whole frames: Glint and PyTorch, in turns, same threads.

The peer is centerpoint_torch.py, which is compared with the golden cases before it is timed. Sparse convolutions: spconv 2's
CPU kernels, and rows gathered, multiplied and added by PyTorch. spconv's kernels add from several threads at once: its results
differ from run to run (the row's note says how many boxes it found).
"""
import os
import statistics
import subprocess
import sys

import common
import centerpoint_torch as cp

KITTI = "frames/kitti/velodyne/000001.bin"
CASES = [("pillar_full", "nuscenes", None), ("voxel_full", "nuscenes", None), ("voxel_full", "kitti 000001", KITTI)]


def unpack(args, folder):
    names = [f"centerpoint/{n}.safetensors" for n in ("pillar_full_weights", "pillar_full_nuscenes", "voxel_full_weights",
                                                      "voxel_full_nuscenes", "pillar_tiny_nuscenes")]
    subprocess.run(["tar", "-xJf", os.path.join(args.shared, "golden/zoo.tar.xz"), "-C", folder, *names], check=True)
    return os.path.join(folder, "centerpoint")


def checked(torch, cases, name, **options):
    """The network, after its tensors were compared with the golden case."""
    model = cp.load(f"{cases}/{name}_weights.safetensors", sparse="gather", **options)
    dump, golden = {}, cp.ff.read_safetensors(f"{cases}/{name}_nuscenes.safetensors")[0]
    det = model(cp.read_points(f"{cases}/pillar_tiny_nuscenes.safetensors"), dump)
    worst = max(cp.differences(dump, golden).values())
    if len(det[0]) != len(golden["det.boxes"]) or worst > 2:
        sys.exit(f"{name}: the peer is not the golden network: {worst:.1f} times the tolerance, {len(det[0])} boxes")
    return model


def peers_of(torch, cases, name):
    peers = {"PyTorch eager": checked(torch, cases, name), "PyTorch folded": checked(torch, cases, name, fold=True)}
    if name.startswith("voxel") and cp.spconv:
        peers["PyTorch folded + spconv"] = cp.load(f"{cases}/{name}_weights.safetensors", fold=True, sparse="auto")
    return peers


def frame(peer, points, found):
    clock = [cp.time.perf_counter()]
    found[:] = peer(points, clock=clock)
    out = {n: 1e3 * (b - a) for n, a, b in zip(cp.STAGES, clock, clock[1:])}
    out["frame"] = 1e3 * (clock[-1] - clock[0])
    return out


def measure(torch, args, cases, folder, name, label, path, rounds):
    model = common.import_model(args, f"{cases}/{name}_weights.safetensors", os.path.join(folder, name))
    path = os.path.join(args.shared, path) if path else f"{cases}/pillar_tiny_nuscenes.safetensors"
    points, runs, peers = cp.read_points(path), [], peers_of(torch, cases, name)
    found = {n: [] for n in peers}
    for n, peer in peers.items():
        frame(peer, points, found[n])

    def run_glint():
        runs.append(common.glint(args, "model", path, "--model", model, "--threads", args.threads, "--repeat", 2))
        out = {s["stage"]: s["p50_ms"] for s in runs[-1]["stages"]}
        out["frame"] = out.pop("to boxes")
        return out

    contenders = {"Glint": run_glint, **{n: (lambda n=n: frame(peers[n], points, found[n])) for n in peers}}
    print(f"measuring {name}, {label}", file=sys.stderr, flush=True)
    samples = common.in_turns(contenders, rounds)
    median = {n: {k: statistics.median(s[k] for s in v) for k in v[0]} for n, v in samples.items()}
    base, g = median["Glint"]["frame"], runs[-1]
    note = {"Glint": f"{g['boxes']} boxes", **{n: f"{len(found[n][0])} boxes" for n in peers}}
    rows = [common.row(n, [s["frame"] for s in samples[n]], base, note=note[n], stages=median[n]) for n in samples]
    common.print_rows(f"CenterPoint, {name}, {label}: {len(points)} points, {g['pillars']} pillars or voxels, {args.threads} threads", rows)
    sparse = []
    if name.startswith("voxel"):
        parts = {n: [s["voxelize"] + s["encode"] for s in v] for n, v in samples.items()}
        sparse = [common.row(n, v, statistics.median(parts["Glint"])) for n, v in parts.items()]
        common.print_rows("  of that voxels, rulebooks and sparse convolutions", sparse)
    peak = max(r["peak_rss_bytes"] for r in runs) / 1e6
    print(f"  Glint: {g['gflop']:.1f} of {g['gflop_whole']:.1f} GFLOP, peak memory {peak:.0f} MB; all peers: {common.peak_mib():.0f} MiB")
    return {"input": f"{name}, {label}", "crc32": common.crc(path), "points": len(points), "cells": g["pillars"], "whole": rows,
            "sparse": sparse, "gflop": g["gflop"], "gflop_whole": g["gflop_whole"], "peak_rss_mb": peak, "peer_peak_mib": common.peak_mib(),
            "build": g["build"], "machine": g["machine"]}


def main():
    args = common.arguments(__doc__, 2).parse_args()
    import torch
    torch.set_num_threads(args.threads)
    rounds = 2 if args.quick else args.rounds
    result = {"section": "centerpoint", "threads": args.threads, "rounds": rounds,
              "versions": {m: common.version(m) for m in ("torch", "spconv")}, "cases": []}
    with common.folder() as folder, torch.inference_mode():
        cases = unpack(args, folder)
        for name, label, path in CASES[: 2 if args.quick else None]:
            if path is None or os.path.exists(os.path.join(args.shared, path)):
                result["cases"].append(measure(torch, args, cases, folder, name, label, path, rounds))
    common.save(args, result)


if __name__ == "__main__":
    main()
