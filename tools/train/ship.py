#!/usr/bin/env python3
"""Puts a trained checkpoint where the product's default model lies, with scores, figures and card: one command.

    ship.py run/last.pt --glint build/glint --frames FRAMES --trained "about 40 000 simulated scans, 2 hours on one CPU core, one run, seed 1."
    ship.py run/last.pt --glint build/glint --out /tmp/candidate        # the same elsewhere: to look at first

Exports, compares PyTorch with the program (stops when they differ), chooses scores on simulated scans, measures on held-out ones and, with
--frames, on real ones (real.py; figures only), writes figures.json and README.md, and the table of the demo in the top README.md.
It ends with a list of what a person still has to do.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import torch

import card
import choose_scores
import export
import frames as real_frames
import held_out
import network_config
import parity
import real
import sensors
import validate
from detect import GlintDetector
from metrics import curve

TINY = network_config.TINY.parent
LEFT = """left to do by hand:
  - pictures: glint run data/demo/demo.pcap --labels data/demo/demo.labels.jsonl --out 'bev_%06d.png' --frames 0:1 -> docs/demo.png; docs/view.png (glint view, a browser)
  - README.md: the sentence on parameters and training above the table of the demo; CHANGELOG.md: the line on models
  - docs/PERFORMANCE.md and bench/results (default.json, guard.*.model.json): times depend on how many boxes there are, hardly on weights;
    bench/guard.sh --write makes them again where they moved
  - data/demo/README.md: the table of what the network found when the scene was chosen is history, leave it
  - the tests that see the model: ctest -R 'train_smoke|^cli_|^bad_|same_bytes|^ros_|^server_|absurd|steady|page_'"""


def choose(detector, config, folder, scans, beta):
    frames = [(rows, s.boxes, validate.points_of(s)) for s, rows, _ in validate.run(detector, held_out.scans_of(held_out.CHOOSE, scans))]
    out = []
    for label, old in enumerate(config.score):
        scores, recall, precision, labels = curve(frames, label, 2.0, (0, 40), 10)
        out.append(round(choose_scores.best(scores, recall, precision, beta)["score"], 2) if labels and len(scores) else old)
    choose_scores.write(folder, out)
    return out


def simulated(detector, config, scans, each):
    out = {"held-out worlds": validate.report(detector, held_out.scans_of(held_out.VALIDATE, scans), config)}
    for k, sensor in enumerate(sensors.HELD_OUT.values()):
        first = held_out.VALIDATE + (k + 1) * (1 << 20)
        out[f"held-out sensor {sensor.name}"] = validate.report(detector, held_out.scans_of(first, each, sensor), config)
    return out


def info(program, folder):
    told = json.loads(subprocess.run([program, "info", "--json", str(folder)], check=True, capture_output=True, text=True).stdout)
    made = told["gflop_of_a_made_scan"]
    return {"parameters": told["parameters"], "gflop": made["all"], "points": made["points"]}


def on_real(detector, config, where):
    args = argparse.Namespace(points=10, within=40.0, pictures=None)
    r = real.evaluate(real_frames.read(where), detector, config.score, args)
    real.table(r)
    return r


def demo_table(program, folder):
    """The rows of the top README's table, anew."""
    demo = network_config.SOURCE / "data/demo"
    with tempfile.TemporaryDirectory(prefix="glint-") as work:
        command = [program, "run", demo / "demo.pcap", "--model", folder, "--labels", demo / "demo.labels.jsonl", "--out", f"{work}/boxes.jsonl"]
        done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)
    out = {}
    for line in done.stderr.splitlines():
        m = re.match(r"(car|pedestrian|cyclist)\s+(\d+)\s+(\d+)\s+(\d+) %\s+\d+\s+(\d+)$", line.strip())
        if m:
            out[m[1]] = f"| {m[1]} | {m[2]} | {m[3]} ({m[4]} %) | {m[5]} |"
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint")
    p.add_argument("--glint", required=True, help="the program")
    p.add_argument("--trained", default="simulated scans.", help="what the card says after \"Trained on\"")
    p.add_argument("--limits", default="", help="what it says of known failures")
    p.add_argument("--frames", help="real scans (frames.py); without: no such figures")
    p.add_argument("--config", help="default: the one that --out has, or glint-tiny's")
    p.add_argument("--out", default=str(TINY), help="model folder (default: %(default)s)")
    p.add_argument("--scans", type=int, default=160, help="simulated ones, for scores and for figures each (default: %(default)s)")
    p.add_argument("--held-out", type=int, default=40, help="of each held-out sensor (default: %(default)s)")
    p.add_argument("--beta", type=float, default=1.0, help="choose_scores.py")
    args = p.parse_args()
    torch.set_num_threads(1)
    folder = pathlib.Path(args.out)
    own = folder / "config.json"
    step, _ = export.export(args.checkpoint, args.config or (own if own.exists() else network_config.TINY), folder)
    bad, boxes = parity.check(folder, args.glint, parity.simulated(3))
    if bad or not boxes:
        sys.exit(f"ship.py: PyTorch and {args.glint} differ in {bad} things, {boxes} boxes")
    detector = GlintDetector(args.glint, folder, ["--threads", "1"])
    print("scores:", choose(detector, network_config.read(own), folder, args.scans, args.beta))
    config = network_config.read(own)
    figures = {"training": {"text": args.trained, "steps": step}, "limits": args.limits, "info": info(args.glint, folder),
               "simulated": simulated(detector, config, args.scans, args.held_out)}
    for name, r in figures["simulated"].items():
        validate.table(name, r)
    if args.frames:
        figures["real"] = on_real(detector, config, args.frames)
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    card.card(folder)
    table = demo_table(args.glint, folder)
    print("\n".join(table.values()))
    if folder.resolve() == TINY.resolve():
        readme = network_config.SOURCE / "README.md"
        text = readme.read_text()
        for name, row in table.items():
            text = re.sub(rf"^\| {name} \|.*\|$", row, text, count=1, flags=re.M)
        readme.write_text(text)
    print(LEFT)


if __name__ == "__main__":
    main()
