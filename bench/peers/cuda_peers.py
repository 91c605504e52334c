#!/usr/bin/env python3
"""FlatFormer's Waymo configuration on one CUDA device: Glint, PyTorch eager and torch.compile, in turns in one run.

    cuda_peers.py [--device cuda[:N]] [--rounds N] [--frames N] [--json FILE]

Points in (pinned) host memory to boxes in host memory, batch 1, the same weights and frames. A round is --frames frames of each
contender, one after another; every round begins with another contender. Medians and p99 are over all frames of all rounds
after the warm-up. PyTorch runs as a checkpoint gives it (eager) and with folded norms and frozen weights (compiled), in fp32 without
and with TF32, and under autocast in fp16 and bf16; its boxes are compared with the golden case before anything is timed. The
ratios are those of the medians: each of PyTorch's ways to Glint in the same precision, and its best way at all to Glint's best.

Needs torch with CUDA and a Glint built with it; without a device it says so and ends with status 77. --device cpu runs the same
script without one: a check of the script, no figure.
"""
import json
import os
import statistics
import sys

import common
import flatformer_torch as ff

CASES = {"waymo_kitti360": "golden/flatformer/waymo_kitti360.safetensors",
         "waymo_nuscenes": "golden/flatformer/waymo_nuscenes.safetensors"}
TWIN = {"f32": "f32", "tf32": "f32", "f16": "f16", "bf16": "bf16"}  # whose precision a peer's is
COMPILE_MODES = (None, "max-autotune-no-cudagraphs")


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, round(p / 100 * (len(values) - 1)))]


def row(name, precision, samples, **more):
    return {"name": name, "precision": precision, "p50_ms": statistics.median(samples), "p90_ms": percentile(samples, 90),
            "p99_ms": percentile(samples, 99), "min_ms": min(samples), "max_ms": max(samples), "n": len(samples), **more}


def device_ceilings(torch, device):
    """What the card does at best: a device-to-device copy and a large product on random data, GB/s and TFLOP/s."""
    if not device.startswith("cuda"):
        return {}

    def median_ms(call, times=20):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        out = []
        for _ in range(times):
            begin.record()
            call()
            end.record()
            torch.cuda.synchronize()
            out.append(begin.elapsed_time(end))
        return statistics.median(out[times // 4:])

    a = torch.empty(1 << 30, dtype=torch.uint8, device=device).random_()
    b = torch.empty_like(a)
    out = {"copy_gb_s": 2 * a.numel() / median_ms(lambda: b.copy_(a)) * 1e-6}
    del a, b
    torch.backends.cuda.matmul.allow_tf32 = False
    for name, dtype, n in (("f32", torch.float32, 4096), ("f16", torch.float16, 8192), ("bf16", torch.bfloat16, 8192)):
        x, y = torch.randn(n, n, device=device).to(dtype), torch.randn(n, n, device=device).to(dtype)
        out[f"product_{name}_tflop_s"] = 2 * n ** 3 / median_ms(lambda: x @ y) * 1e-9
    return out


def found_note(found, golden):
    dump = dict(zip(("det.boxes", "det.scores", "det.labels"), (v.numpy() for v in found)))
    lost, note = ff.unmatched(dump, golden, "det")
    return lost, note.split(",")[0]


class Torch:
    """One way to run PyTorch's network."""

    def __init__(self, torch, args, weights, compiled, precision, mode=None):
        self.name = "PyTorch compiled" + (f" ({mode})" if mode else "") if compiled else "PyTorch eager"
        self.torch, self.precision = torch, precision
        self.model = ff.load_model(weights, True, compiled, compiled, args.device, mode)

    def warm(self, points, range_filter, golden):
        """The boxes' note; None: it does not run, and why is told."""
        try:
            for _ in range(3):
                found = ff.run_frame(self.model, points, range_filter, self.precision)
        except Exception as e:  # a compiler that is not there, an operator that a build lacks
            print(f"{self.name} {self.precision}: left out, {type(e).__name__}: {str(e).splitlines()[0][:160]}", file=sys.stderr)
            return None
        lost, note = found_note(found, golden)
        if lost and self.precision == "f32":
            sys.exit(f"{self.name} {self.precision}: not the golden boxes: {note}")
        return note

    def turn(self, points, range_filter, frames):
        device, out = self.model.low.device, []
        for _ in range(frames):
            clock = ff.Clock(device)
            ff.run_frame(self.model, points, range_filter, self.precision)
            clock.append(None)
            out.append(1e3 * (clock[1] - clock[0]))
        return out


class Glint:
    name = "Glint"

    def __init__(self, args, folder, precision):
        self.args, self.folder, self.precision, self.runs = args, folder, precision, []

    def warm(self, path):
        try:
            self.turn(path, 3)
        except SystemExit as e:  # a build without a device, or one that has no such precision
            print(f"Glint {self.precision}: left out, {e}", file=sys.stderr)
            return None
        return f"{self.runs[-1]['boxes']} boxes"

    def turn(self, path, frames):
        """Percentiles of so many frames stand for them: p50 for all but the slowest, which is p99's."""
        r = common.glint(self.args, "model", path, "--model", self.folder, "--device", self.args.device, "--precision", self.precision,
                         "--threads", self.args.threads, "--repeat", frames)
        self.runs.append(r)
        whole = next(s for s in r["stages"] if s["stage"] == "to boxes")
        return [(whole["p50_ms"], whole["p99_ms"])]


def glint_row(glint, turns):
    r = glint.runs[-1]
    p50, p99 = [t[0] for t in turns], [t[1] for t in turns]
    return {"name": "Glint", "precision": glint.precision, "p50_ms": statistics.median(p50), "p99_ms": max(p99), "min_ms": min(p50),
            "max_ms": max(p99), "n": len(turns), "frames_per_turn": glint.args.frames, "stages": r["stages"], "build": r["build"],
            "model": r["model"], "peak_rss_bytes": r["peak_rss_bytes"]}


def measure_case(torch, args, peers, glints, name, path):
    points, golden, range_filter = ff.read_case(path, 5)
    if args.device.startswith("cuda"):
        points = points.pin_memory()
    notes = {id(p): p.warm(points, range_filter, golden) for p in peers}
    notes.update({id(g): g.warm(path) for g in glints})
    contenders = [c for c in glints + peers if notes[id(c)] is not None]
    samples = {id(c): [] for c in contenders}
    for r in range(args.rounds):
        print(f"{name}: round {r + 1} of {args.rounds}", file=sys.stderr, flush=True)
        for k in range(len(contenders)):
            c = contenders[(r + k) % len(contenders)]
            samples[id(c)] += c.turn(path, args.frames) if isinstance(c, Glint) else c.turn(points, range_filter, args.frames)
    rows = [glint_row(c, samples[id(c)]) if isinstance(c, Glint) else row(c.name, c.precision, samples[id(c)]) for c in contenders]
    for c, line in zip(contenders, rows):
        line["found"] = notes[id(c)]
    ours = {line["precision"]: line["p50_ms"] for line in rows if line["name"] == "Glint"}
    for line in rows:
        base = ours.get(TWIN[line["precision"]])
        line["ratio"] = line["p50_ms"] / base if base else None
    best = {kind: min((line["p50_ms"] for line in rows if line["name"].startswith(kind)), default=None)
            for kind in ("Glint", "PyTorch eager", "PyTorch compiled")}
    best_ratio = {k: v / best["Glint"] if v and best["Glint"] else None for k, v in best.items() if k != "Glint"}
    print(f"\n{name}: {len(points)} points, {args.device}")
    for line in rows:
        ratio = f"{line['ratio']:7.2f} x" if line["ratio"] else ""
        print(f"  {line['name']:48s} {line['precision']:5s} p50 {line['p50_ms']:9.3f} ms  p99 {line['p99_ms']:9.3f} {ratio}  {line['found']}")
    print("  best against best: " + ", ".join(f"{k} {v:.2f} x" for k, v in best_ratio.items() if v))
    return {"input": name, "crc32": common.crc(path), "points": len(points), "rows": rows, "best_ratio": best_ratio}


def main():
    ap = common.arguments(__doc__, 2)
    ap.add_argument("--device", default="cuda", help="cuda, cuda:N; cpu: a check of the script (default: cuda)")
    ap.add_argument("--frames", type=int, default=100, help="frames of each contender per round (default: 100)")
    ap.add_argument("--no-compile", action="store_true", help="leave out torch.compile (some minutes of compiling)")
    ap.add_argument("--inputs", nargs="*", default=None, help=f"of {', '.join(CASES)}")
    args = ap.parse_args()
    import torch
    torch.set_num_threads(args.threads)
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        print(f"torch {torch.__version__} sees no CUDA device: nothing measured", file=sys.stderr)
        sys.exit(77)
    if args.quick:
        args.rounds, args.frames = min(args.rounds, 2), min(args.frames, 10)
    weights = os.path.join(args.shared, "golden/flatformer/waymo_weights.safetensors")
    gpu = args.device.startswith("cuda")
    precisions = ("f32", "tf32", "f16", "bf16") if gpu else ("f32",)
    result = {"section": "cuda", "device": args.device, "rounds": args.rounds, "frames": args.frames, "machine": common.machine(),
              "device_name": torch.cuda.get_device_name(args.device) if gpu else None, "cuda": torch.version.cuda,
              "versions": {"torch": common.version("torch")}, "ceilings": device_ceilings(torch, args.device), "cases": []}
    with common.folder() as folder, torch.inference_mode():
        model = common.import_model(args, weights, os.path.join(folder, "waymo"))
        with torch.inference_mode(False):
            peers = [Torch(torch, args, weights, False, p) for p in precisions]
            if not args.no_compile:
                peers += [Torch(torch, args, weights, True, p, mode) for mode in COMPILE_MODES for p in precisions]
        glints = [Glint(args, model, p) for p in ("f32", "f16", "bf16")]
        for name in args.inputs or (["waymo_kitti360"] if args.quick else list(CASES)):
            path = os.path.join(args.shared, CASES[name])
            if os.path.exists(path):
                result["cases"].append(measure_case(torch, args, peers, glints, name, path))
    common.save(args, result)


if __name__ == "__main__":
    main()
