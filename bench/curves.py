#!/usr/bin/env python3
"""What a frame costs against points, grid, group size and threads: runs `glint bench` and writes one JSON.

    curves.py [--glint build/glint] [--weights waymo_weights.safetensors] [--json results/curves.json] [--tables]

Made scans, so that anybody gets the same ones. The large network (FlatFormer, Waymo configuration) is measured when its
weights are given; grid and group size are changed in its config.json, which its weights do not depend on. --tables prints
the tables of docs/PERFORMANCE.md. Python's standard library only.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
POINTS = (10000, 30000, 60000, 120000, 180000, 300000, 600000, 1000000)
PILLARS_M = (0.64, 0.48, 0.32, 0.24, 0.16)
GROUPS = (36, 72, 144, 288, 576)
STAGES = ("voxelize", "encode", "attend", "bev", "head", "nms", "to boxes")


def glint(args, *words):
    command = [args.glint, "bench", *map(str, words), "--no-ceilings", "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def summary(r, **at):
    keep = {k: r[k] for k in ("points", "pillars", "gflop", "gflop_whole", "computed_share", "outside_network", "cold_ms") if k in r}
    return {**at, **keep, "peak_rss_mb": r["peak_rss_bytes"] / 1e6, "loop_ms": r["loop"]["p50_ms"],
            "p50_ms": {s["stage"]: s["p50_ms"] for s in r["stages"]}, "p90_ms": {s["stage"]: s["p90_ms"] for s in r["stages"]}}


def changed(folder, name, change):
    """A copy of a model folder with another configuration; the weights are shared."""
    out = os.path.join(os.path.dirname(folder), name)
    os.makedirs(out)
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    change(config)
    with open(os.path.join(out, "config.json"), "w") as f:
        json.dump(config, f)
    os.symlink(os.path.join(folder, "model.safetensors"), os.path.join(out, "model.safetensors"))
    return out


def by_pillar(size):
    def change(config):
        config["grid"]["pillar"][:2] = [size, size]
    return change


def by_group(size):
    def change(config):
        config["encoder"]["group"] = size
    return change


def measure(args, big):
    curves, most = {}, len(os.sched_getaffinity(0))
    threads = sorted({1, *[t for t in (2, 4, 8, 16, 32, 64) if t < most], most})
    few = ["--repeat", 5 if args.quick else 11]
    big_few = ["--repeat", 2 if args.quick else 5]
    model = ["--model", big] if big else []
    def curve(name, at, values, words):
        if args.only and not any(o in name for o in args.only):
            return
        curves[name] = [summary(glint(args, *words(v)), **{at: v}) for v in values]

    curve("voxel by points, one thread", "points_wanted", POINTS,
          lambda n: ["voxel", "--points", n, "--threads", 1, *model, "--repeat", 21])
    curve("default model by points", "points_wanted", POINTS, lambda n: ["model", "--points", n, *few])
    curve("default model by threads", "threads", threads, lambda t: ["model", "--threads", t, *few])
    if not big:
        return curves
    curve("large model by points", "points_wanted", POINTS, lambda n: ["model", "--points", n, *model, *big_few])
    curve("large model by threads", "threads", threads, lambda t: ["model", "--threads", t, *model, *big_few])
    curve("large model by pillar", "pillar_m", PILLARS_M,
          lambda s: ["model", "--model", changed(big, f"pillar{s}", by_pillar(s)), *big_few])
    curve("large model by group", "group", GROUPS,
          lambda g: ["model", "--model", changed(big, f"group{g}", by_group(g)), *big_few])
    return curves


AT = {"points_wanted": "points", "threads": "threads", "pillar_m": "pillar, m", "group": "group"}


def print_tables(curves):
    for title, rows in curves.items():
        stages = [s for s in rows[0]["p50_ms"] if s in STAGES + ("orders", "both")]
        key = next(k for k in AT if k in rows[0])
        print(f"\n**{title}** (median, ms)\n")
        print(f"| {AT[key]} | pillars | GFLOP | " + " | ".join(stages) + " |")
        print("|" + "---:|" * (3 + len(stages)))
        for r in rows:
            flop = f"{r['gflop']:.1f}" if "gflop" in r else ""
            print(f"| {r[key]:,} | {r.get('pillars', 0):,} | {flop} | " + " | ".join(f"{r['p50_ms'][s]:.2f}" for s in stages) + " |")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--glint", default=os.path.join(ROOT, "build", "glint"))
    ap.add_argument("--weights", help="weights of the large model (the golden data's waymo_weights.safetensors)")
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--tables", action="store_true", help="print the tables too")
    ap.add_argument("--only", nargs="*", metavar="TEXT", help="curves whose name holds one of these; others stay as they are in --json")
    ap.add_argument("--from", dest="earlier", metavar="JSON", help="print the tables of an earlier result, measure nothing")
    ap.add_argument("--json", metavar="FILE")
    args = ap.parse_args()
    if args.earlier:
        with open(args.earlier) as f:
            return print_tables(json.load(f)["curves"])
    args.glint = os.path.abspath(args.glint)
    folder = tempfile.mkdtemp(prefix="glint_curves_")
    big = None
    if args.weights:
        big = os.path.join(folder, "big")
        subprocess.run([args.glint, "import", args.weights, "--out", big], check=True, capture_output=True)
    first = json.loads(subprocess.run([args.glint, "bench", "voxel", "--json", "-"], capture_output=True, text=True, check=True).stdout)
    result = {k: first[k] for k in ("time", "machine", "build", "ceilings")}
    result["curves"] = {}
    if args.only and args.json and os.path.exists(args.json):
        with open(args.json) as f:
            result["curves"] = json.load(f)["curves"]
    result["curves"].update(measure(args, big))
    shutil.rmtree(folder)
    if args.tables:
        print_tables(result["curves"])
    if args.json:
        with open(args.json, "w") as f:
            json.dump(result, f, indent=1)
            f.write("\n")


if __name__ == "__main__":
    main()
