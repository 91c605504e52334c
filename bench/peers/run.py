#!/usr/bin/env python3
"""Glint and its peers on the same inputs, with the same threads, in turns: one table of medians and ratios, one JSON.

    run.py [--quick] [--only network voxel nms decode product] [--json bench/results/NAME.json]

Needs a Release build of Glint, the reference data (GLINT_SHARED) and a Python with the peers (README.md). None of it is
needed to build or run Glint. --quick stays below four minutes.
"""
import json
import os
import subprocess
import sys
import time

import common

SECTIONS = ("network", "voxel", "nms", "decode", "product")


def product(args):
    """The default model, packets and files to boxes; no peer."""
    out = {"section": "product", "threads": args.threads, "cases": []}
    inputs = [("demo capture, 32 beams", os.path.join(common.ROOT, "data/demo/demo.pcap"), 4 if args.quick else 20),
              ("KITTI scans, 64 beams", os.path.join(args.shared, "frames/kitti/velodyne"), 4 if args.quick else 20)]
    for label, path, repeat in inputs:
        if not os.path.exists(path):
            continue
        r = common.glint(args, "pipeline", path, "--threads", args.threads, "--repeat", repeat)
        whole = next(s for s in r["stages"] if s["stage"] == "to boxes")
        print(f"\n{label}, input to boxes, default model, {args.threads} threads: p50 {whole['p50_ms']:.2f} ms, p90 {whole['p90_ms']:.2f}, "
              f"p99 {whole['p99_ms']:.2f}, max {whole['max_ms']:.2f} over {whole['count']} frames of {r['all_points'] // r['frames']} points; "
              f"cold {r['cold_ms']:.1f} ms; {100 * r['outside_network']:.1f} % outside the network; peak {r['peak_rss_bytes'] / 1e6:.0f} MB")
        out["cases"].append({"label": label, "crc32": common.crc(path) if os.path.isfile(path) else None, "points": r["all_points"] // r["frames"],
                             "cold_ms": r["cold_ms"], "outside_network": r["outside_network"], "peak_rss_mb": r["peak_rss_bytes"] / 1e6,
                             "loop_ms": r["loop"]["p50_ms"], "stages": r["stages"]})
    return out


def section(args, name):
    """A section in a process of its own, so that its libraries' threads are gone afterwards."""
    script = os.path.join(common.HERE, name + "_peers.py")
    if not os.path.exists(script):
        return {"section": name, "left_out": "no " + os.path.basename(script)}
    with common.folder() as folder:
        path = os.path.join(folder, "out.json")
        command = [sys.executable, script, "--glint", args.glint, "--shared", args.shared, "--json", path]
        command += ["--quick"] if args.quick else []
        command += ["--inputs", *args.inputs] if name == "network" and args.inputs else []
        command += ["--rounds", str(args.rounds), "--threads", str(args.threads if name == "network" else 1)]
        done = subprocess.run(command)
        if done.returncode or not os.path.exists(path):
            return {"section": name, "left_out": f"exit status {done.returncode}"}
        with open(path) as f:
            return json.load(f)


def keep(path, result):
    """What an earlier result has besides."""
    with open(path) as f:
        earlier = json.load(f)
    new = {s["section"]: s for s in result["sections"]}
    for old in earlier["sections"]:
        mine = new.get(old["section"])
        if mine is None:
            result["sections"].append(old)
        elif old["section"] == "network" and "cases" in mine:
            measured = {c["input"] for c in mine["cases"]}
            mine["cases"] += [c for c in old.get("cases", []) if c["input"] not in measured]
            mine["cases"].sort(key=lambda c: c["input"])


def main():
    ap = common.arguments(__doc__, 2)
    ap.add_argument("--only", nargs="*", choices=SECTIONS, help="these sections; others, and other inputs of the network, stay as "
                    "they are in --json")
    ap.add_argument("--inputs", nargs="*", help="of the network (network_peers.py)")
    args = ap.parse_args()
    args.glint, args.shared = os.path.abspath(args.glint), os.path.abspath(args.shared)
    begun = time.time()
    ceiling = json.loads(subprocess.run([args.glint, "bench", "voxel", "--repeat", "5", "--threads", str(args.threads), "--json", "-"],
                                        capture_output=True, text=True, check=True).stdout)
    result = {"time": ceiling["time"], "machine": {**common.machine(), **ceiling["machine"]}, "build": ceiling["build"],
              "ceilings": ceiling["ceilings"], "quick": args.quick, "sections": []}
    print(f"{result['machine']['processor']}, {result['machine']['isa']}, {args.threads} threads, Glint {result['build']['commit']}")
    for name in args.only or SECTIONS:
        result["sections"].append(product(args) if name == "product" else section(args, name))
    if args.only and args.json and os.path.exists(args.json):
        keep(args.json, result)
    result["wall_s"] = time.time() - begun
    result["machine"]["load_after"] = os.getloadavg()[0]
    common.save(args, result)
    print(f"\n{result['wall_s']:.0f} s")


if __name__ == "__main__":
    main()
