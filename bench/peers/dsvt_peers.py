#!/usr/bin/env python3
"""DSVT (pillars, Waymo configuration, random weights), whole frames: Glint and PyTorch, in turns, same threads.

The peer is dsvt_torch.py, which is compared with the golden case before it is timed, as it is and with the norms of its 2D part
folded. The cases are those of golden/zoo.tar.xz, unpacked into a folder of this run. --voxels measures the published network of
voxels in four stages on the same points; there is no golden case of it, so both must find the same boxes.
"""
import json
import os
import statistics
import subprocess
import sys

import common
import dsvt_torch
import sst_torch


def unpack(args, folder, config, case):
    names = [f"dsvt/{config}_weights.safetensors", f"dsvt/{case}.safetensors"]
    archive = os.path.join(args.shared, "golden/zoo.tar.xz")
    subprocess.run(["tar", "-xJf", archive, "-C", folder, *names], check=True)
    return [os.path.join(folder, n) for n in names]


def voxel_network(folder, weights, case):
    """Weights and case of the network of voxels, written to the folder."""
    tensors, meta = dsvt_torch.ff.read_safetensors(weights)
    tensors, config = dsvt_torch.voxel_network(dsvt_torch.expand(tensors, meta), json.loads(meta["config"]))
    paths = [os.path.join(folder, "voxel_weights.safetensors"), os.path.join(folder, "voxel_case.safetensors")]
    sst_torch.write(paths[0], tensors, {"format": "pt", "config": json.dumps(config)})
    sst_torch.write(paths[1], {"points": dsvt_torch.ff.read_safetensors(case)[0]["points"]}, {})
    return paths


def differ(args, peer, points, case, model, folder):
    """How many boxes either side has alone."""
    import torch
    boxes, scores, _ = peer(points)
    out = os.path.join(folder, "boxes.jsonl")
    subprocess.run([args.glint, "run", case, "--model", model, "--out", out], check=True, capture_output=True)
    with open(out) as f:
        ours = torch.tensor([(b["center"][0], b["center"][1], b["score"]) for b in json.loads(f.readline())["boxes"]]).view(-1, 3)
    near = (torch.cat([boxes[:, :2], scores[:, None]], 1)[:, None] - ours[None]).abs().max(2).values < 2e-3
    return int((~near.any(1)).sum() + (~near.any(0)).sum()), len(boxes)


def main():
    ap = common.arguments(__doc__, 2)
    ap.add_argument("--voxels", action="store_true", help="the network of voxels")
    args = ap.parse_args()
    import torch
    torch.set_num_threads(args.threads)
    rounds = 2 if args.quick else args.rounds
    config, case_name, note = "pillar_waymo", "pillar_waymo_kitti000001", None
    with common.folder() as folder, torch.inference_mode():
        weights, case = unpack(args, folder, config, case_name)
        if args.voxels:
            weights, case = voxel_network(folder, weights, case)
            case_name = "voxel_waymo, points of " + case_name
        model = common.import_model(args, weights, os.path.join(folder, "model"))
        golden, peers, glint_runs = dsvt_torch.ff.read_safetensors(case)[0], {}, []
        points = torch.from_numpy(golden["points"])
        for name, fold in (("PyTorch eager", False), ("PyTorch, norms folded", True)):
            peers[name] = dsvt_torch.load(weights, fold=fold)
            if args.voxels:
                wrong, n = differ(args, peers[name], points, case, model, folder)
                note = f"{wrong} of {n} boxes differ"
                if wrong > n // 100:
                    sys.exit(f"{name}: {note}")
                continue
            worst, same = dsvt_torch.check(peers[name], golden, points)
            if worst > 1 or not same:
                sys.exit(f"{name} is not the golden network: {worst:.2f} of the tolerance, boxes {'equal' if same else 'differ'}")

        def run_glint():
            r = common.glint(args, "model", case, "--model", model, "--threads", args.threads, "--repeat", 2)
            glint_runs.append(r)
            out = {s["stage"]: s["p50_ms"] for s in r["stages"]}
            out["frame"] = out.pop("to boxes")
            return out

        def run_torch(peer):
            def run():
                clock = [dsvt_torch.time.perf_counter()]
                peer(points, clock=clock)
                out = {n: 1e3 * (b - a) for n, a, b in zip(dsvt_torch.STAGES, clock, clock[1:])}
                out["frame"] = 1e3 * (clock[-1] - clock[0])
                return out
            return run

        samples = common.in_turns({"Glint": run_glint, **{n: run_torch(p) for n, p in peers.items()}}, rounds)
    median = {n: {k: statistics.median(s[k] for s in v) for k in v[0]} for n, v in samples.items()}
    base = median["Glint"]["frame"]
    rows = [common.row(n, [s["frame"] for s in samples[n]], base, stages=median[n]) for n in samples]
    if note:
        rows[-1]["note"] = note
    g = glint_runs[-1]
    common.print_rows(f"DSVT, {case_name}: {len(points)} points, {g['pillars']} cells, {args.threads} threads", rows)
    peak = max(r["peak_rss_bytes"] for r in glint_runs) / 1e6
    print(f"  Glint: {g['gflop']:.1f} GFLOP, peak memory {peak:.0f} MB; PyTorch: {common.peak_mib():.0f} MiB")
    common.save(args, {"section": "dsvt", "threads": args.threads, "rounds": rounds, "versions": {"torch": common.version("torch")},
                       "cases": [{"input": case_name, "crc32": common.crc(os.path.join(args.shared, "golden/zoo.tar.xz")),
                                  "points": len(points), "cells": g["pillars"], "whole": rows, "gflop": g["gflop"], "peak_rss_mb": peak,
                                  "peer_peak_mib": common.peak_mib(), "build": g["build"], "machine": g["machine"]}]})


if __name__ == "__main__":
    main()
