#!/usr/bin/env python3
"""FlatFormer's Waymo configuration, whole frames: Glint, PyTorch (eager, folded, compiled), and PyTorch with ONNX Runtime
for the dense part, in turns on the same frames with the same threads.

The whole network does not export to ONNX as it is: the number of pillars differs from frame to frame, pillars are found
by scatter and sorted by four keys, groups are gathered and their results scattered back, and the last group overlaps the one
before it; torch.onnx follows one frame's shapes, and ONNX has neither a grouping by keys nor a rotated suppression. So the
backbone, neck and head (90 % of the work, static shape 1 x 128 x 468 x 468, batch norms folded) are exported, and the rest
stays in PyTorch: what a user of ONNX Runtime would do.
"""
import json
import math
import os
import statistics
import subprocess
import sys
import time

import numpy as np

import common
import flatformer_torch as ff

CASES = {"waymo_kitti360": "golden/flatformer/waymo_kitti360.safetensors",
         "waymo_nuscenes": "golden/flatformer/waymo_nuscenes.safetensors",
         "kitti 000003": "frames/kitti/velodyne/000003.bin"}


def export(torch, model, path):
    """Backbone, neck and head as ONNX; the maps in the order of ff.BRANCHES."""
    class Dense(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone, self.neck, self.head = model.backbone, model.neck, model.bbox_head

        def forward(self, x):
            maps = self.head(self.neck(self.backbone(x)))[1]
            return tuple(maps[name] for name, _ in ff.BRANCHES)

    grid = model.cfg["grid"]
    x = torch.zeros(1, model.cfg["dim"], grid, grid)
    with torch.no_grad():
        torch.onnx.export(Dense().eval(), (x,), path, input_names=["canvas"], output_names=[n for n, _ in ff.BRANCHES],
                          opset_version=17, dynamo=False)


def open_onnx(path, threads):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class WithOnnx:
    """A compiled model whose dense part is the session's."""

    def __init__(self, torch, model, session):
        self.torch, self.model, self.session = torch, model, session

    def __call__(self, points, range_filter, clock):
        m, now = self.model, time.perf_counter
        points, pillar, count, cell_xy = m.voxelize(points, range_filter)
        clock.append(now())
        x = m.voxel_encoder(points, pillar, count, cell_xy)
        clock.append(now())
        x = m.middle_encoder(x, cell_xy)
        clock.append(now())
        g, c = m.cfg["grid"], m.cfg["dim"]
        canvas = x.new_zeros(c, g * g)
        canvas[:, cell_xy[:, 1] * g + cell_xy[:, 0]] = x.t()
        clock.append(now())
        maps = self.session.run(None, {"canvas": canvas.view(1, c, g, g).numpy()})
        maps = {n: self.torch.from_numpy(v) for (n, _), v in zip(ff.BRANCHES, maps)}
        clock.append(now())
        boxes, scores, labels, _ = m.decode(maps)
        final = m.suppress(boxes, scores, labels)
        det = boxes[final]
        det[:, 2] -= det[:, 5] / 2
        clock.append(now())
        return det, scores[final], labels[final]


def frame(call, points, range_filter, names, found):
    """One frame: {"frame": ms, stage: ms ...}."""
    clock = [time.perf_counter()]
    found[:] = call(points, range_filter, clock)
    out = {n: 1e3 * (b - a) for n, a, b in zip(names, clock, clock[1:])}
    out["frame"] = 1e3 * (clock[-1] - clock[0])
    return out


def torch_model(torch, args, weights, fold, compiled):
    return ff.load_model(weights, True, fold, compiled)


def open_peers(torch, args, weights, folder, with_compiled):
    """{name: (callable, names of its stages)}"""
    def plain(model):
        return lambda p, r, clock: model(p, r, clock=clock)
    peers = {"PyTorch eager": (plain(torch_model(torch, args, weights, False, False)), ff.STAGES)}
    folded = torch_model(torch, args, weights, True, False)
    peers["PyTorch folded"] = (plain(folded), ff.STAGES)
    front = folded
    if with_compiled:
        front = torch_model(torch, args, weights, True, True)
        peers["PyTorch compiled"] = (plain(front), ff.STAGES)
    path = os.path.join(folder, "dense.onnx")
    export(torch, ff.load_model(weights, False, True, False), path)
    peers["PyTorch + ONNX Runtime"] = (WithOnnx(torch, front, open_onnx(path, args.threads)),
                                       ("voxelize", "encode", "attend", "canvas", "dense", "nms"))
    return peers


def check(case, golden, found):
    if "det.boxes" not in golden:
        return f"{len(found[0])} boxes"
    dump = dict(zip(("det.boxes", "det.scores", "det.labels"), (v.numpy() for v in found)))
    return "golden boxes: " + ff.unmatched(dump, golden, "det")[1].split(",")[0]


def boxes(args, path, model, precision):
    command = [args.glint, "run", path, "--model", model, "--precision", precision, "--threads", str(args.threads)]
    done = subprocess.run(command, capture_output=True, text=True)
    return [b for line in done.stdout.splitlines() for b in json.loads(line)["boxes"]] if done.returncode == 0 else None


def matched(a, b):
    """Share of the boxes of either that have a partner in the other: same class, centre within 0.2 m, score within 0.05."""
    free, n = list(b), 0
    for x in a:
        near = [y for y in free if y["label"] == x["label"] and abs(y["score"] - x["score"]) < 0.05
                and math.dist(x["center"], y["center"]) < 0.2]
        if near:
            free.remove(min(near, key=lambda y: math.dist(x["center"], y["center"])))
            n += 1
    return 2 * n / max(1, len(a) + len(b))


def measure_case(torch, args, peers, folder, name, path, rounds):
    model_cfg_features = 5
    points, golden, range_filter = ff.read_case(path, model_cfg_features)
    found, results = {n: [] for n in peers}, {}
    for n, (call, stages) in peers.items():
        for _ in range(1 if args.quick else 2):  # warm-up; compiles for this number of pillars
            frame(call, points, range_filter, stages, found[n])
    repeat = 2 if args.quick else 3
    glint_runs, big = [], os.path.join(folder, "waymo")

    def run_glint():
        r = common.glint(args, "model", path, "--model", big, "--threads", args.threads, "--repeat", repeat)
        glint_runs.append(r)
        out = {s["stage"]: s["p50_ms"] for s in r["stages"]}
        out["frame"] = out.pop("to boxes")
        return out

    def run_rounded(precision):
        r = common.glint(args, "model", path, "--model", big, "--threads", args.threads, "--repeat", repeat, "--precision", precision)
        out = {s["stage"]: s["p50_ms"] for s in r["stages"]}
        out["frame"] = out.pop("to boxes")
        return out

    contenders = {"Glint": run_glint}
    rounded = {"Glint " + p: boxes(args, path, big, p) for p in ("i16", "bf16")}
    rounded = {n: found_then for n, found_then in rounded.items() if found_then is not None}
    for n in rounded:
        contenders[n] = lambda n=n: run_rounded(n.split()[1])
    for n, (call, stages) in peers.items():
        contenders[n] = lambda call=call, stages=stages, n=n: frame(call, points, range_filter, stages, found[n])
    print(f"measuring {name}", file=sys.stderr, flush=True)
    samples = common.in_turns(contenders, rounds)
    median = {n: {k: statistics.median(s[k] for s in v) for k in v[0]} for n, v in samples.items()}
    base = median["Glint"]["frame"]
    rows = [common.row("Glint", [s["frame"] for s in samples["Glint"]], base, note=f"{glint_runs[-1]['boxes']} boxes",
                       stages=median["Glint"])]
    for n, found_then in rounded.items():
        note = f"{100 * matched(boxes(args, path, big, 'f32'), found_then):.1f} % of the boxes the same"
        rows.append(common.row(n, [s["frame"] for s in samples[n]], base, note=note, stages=median[n]))
    rows += [common.row(n, [s["frame"] for s in samples[n]], base, note=check(name, golden, found[n]), stages=median[n]) for n in peers]
    common.print_rows(f"FlatFormer, Waymo configuration, {name}: {len(points)} points, {glint_runs[-1]['pillars']} pillars, "
                      f"{args.threads} threads", rows)
    dense = [common.row("Glint bev + head", [s["bev"] + s["head"] for s in samples["Glint"]], median["Glint"]["bev"] + median["Glint"]["head"])]
    for n in list(rounded) + list(peers):
        key = [s["dense"] if "dense" in s else s["bev"] + s["head"] for s in samples[n]]
        dense.append(common.row(n, key, dense[0]["median_ms"]))
    common.print_rows("  of that the dense part (backbone, neck, head)", dense)
    g = glint_runs[-1]
    outside = statistics.median(r["outside_network"] for r in glint_runs)
    print(f"  Glint: {g['gflop']:.1f} of {g['gflop_whole']:.1f} GFLOP, {100 * outside:.1f} % outside the network, "
          f"peak memory {max(r['peak_rss_bytes'] for r in glint_runs) / 1e6:.0f} MB")
    return {"input": name, "crc32": common.crc(path), "points": len(points), "pillars": g["pillars"], "whole": rows, "dense": dense,
            "gflop": g["gflop"], "gflop_whole": g["gflop_whole"], "computed_share": g["computed_share"],
            "outside_network": outside, "peak_rss_mb": max(r["peak_rss_bytes"] for r in glint_runs) / 1e6,
            "build": g["build"], "machine": g["machine"]}


def main():
    ap = common.arguments(__doc__, 2)
    ap.add_argument("--no-compile", action="store_true", help="leave out torch.compile (a minute or two of compiling)")
    ap.add_argument("--inputs", nargs="*", default=None, help=f"of {', '.join(CASES)}")
    args = ap.parse_args()
    import torch
    torch.set_num_threads(args.threads)
    weights = os.path.join(args.shared, "golden/flatformer/waymo_weights.safetensors")
    names = args.inputs or (["waymo_kitti360"] if args.quick else list(CASES))
    rounds = 3 if args.quick else args.rounds
    result = {"section": "network", "threads": args.threads, "rounds": rounds,
              "versions": {m: common.version(m) for m in ("torch", "onnxruntime")}, "cases": []}
    with common.folder() as folder, torch.inference_mode():
        common.import_model(args, weights, os.path.join(folder, "waymo"))
        with torch.inference_mode(False):
            peers = open_peers(torch, args, weights, folder, not args.no_compile)
        for name in names:
            path = os.path.join(args.shared, CASES[name])
            if os.path.exists(path):
                result["cases"].append(measure_case(torch, args, peers, folder, name, path, rounds))
    common.save(args, result)


if __name__ == "__main__":
    main()
