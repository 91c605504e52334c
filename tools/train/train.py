#!/usr/bin/env python3
"""Trains the network on simulated scans that are made while it trains.

    train.py --out run --minutes 60                 # glint-tiny; on a GPU where there is one
    train.py --out run --minutes 60                 # again: goes on where the run was
    train.py --out base --config tools/train/glint-base.json --steps 40000 --batch 24 --workers 14

run/last.pt has weights, their running average (the one to use: export.py), the optimiser's state and the step; run/log.jsonl a
line of losses each --report steps. A run ends after --steps or --minutes of training, over all its continuations; the rate of
learning rises for a start, then falls along a cosine. The same seed gives the same samples in the same order.
"""
import argparse
import json
import math
import os
import pathlib
import signal
import sys
import time

import torch

import network_config
import weights
from dataset import Chunks, batches, finish
from loss import loss
from model import Net

import numpy as np

CLIP = 10.0
BETAS = 0.9, 0.98


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", required=True, help="folder of the run; one that exists is continued")
    p.add_argument("--config", default=str(network_config.TINY), help="the network's config.json (default: glint-tiny's)")
    p.add_argument("--init", help="start from these weights: checkpoint, .safetensors or model folder")
    p.add_argument("--minutes", type=float, help="length of the run by time ...")
    p.add_argument("--steps", type=int, help="... or by steps")
    p.add_argument("--batch", type=int, default=4, help="scans a step (default: %(default)s)")
    p.add_argument("--crop", type=float, default=76.8, help="side of the crop of a scan, m (default: %(default)s; 102.4: whole scans)")
    p.add_argument("--uses", type=int, default=3, help="times that a scan is used, changed each time (default: %(default)s)")
    p.add_argument("--without-intensity", type=float, default=0.5, help="share of scans with none (default: %(default)s)")
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--warm-up", type=float, default=0.05, help="share of the run in which the rate rises (default: %(default)s)")
    p.add_argument("--hold", type=float, default=0.0, help="share of the run in which it stays, before it falls (default: %(default)s)")
    p.add_argument("--weight-decay", type=float, default=0.02)
    p.add_argument("--ema", type=float, default=0.999, help="of the running average of the weights (default: %(default)s)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--float32", action="store_true", help="no bf16 anywhere")
    p.add_argument("--threads", type=int, default=1, help="of PyTorch on the CPU (default: %(default)s)")
    p.add_argument("--workers", type=int, default=1, help="processes that make scans (default: %(default)s)")
    p.add_argument("--report", type=int, default=50, help="steps between lines of the log (default: %(default)s)")
    p.add_argument("--save", type=float, default=3, help="minutes between checkpoints (default: %(default)s)")
    args = p.parse_args()
    if (args.minutes is None) == (args.steps is None):
        p.error("--minutes or --steps, one of them")
    return args


class Run:
    """Network, average, optimiser, and where the run is."""

    def __init__(self, args):
        self.args, self.step, self.spent, self.started = args, 0, 0.0, time.monotonic()
        self.config = network_config.read(args.config)
        torch.manual_seed(args.seed)
        self.net = Net(self.config)
        if args.init:
            weights.load(self.net, args.init)
        self.net.to(args.device)
        self.ema = Net(self.config).to(args.device)
        self.ema.load_state_dict(self.net.state_dict())
        matrices = [p for p in self.net.parameters() if p.ndim > 1]
        vectors = [p for p in self.net.parameters() if p.ndim <= 1]
        self.opt = torch.optim.AdamW([{"params": matrices, "weight_decay": args.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
                                     lr=args.lr, betas=BETAS)
        self.folder = pathlib.Path(args.out)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "last.pt"
        if self.path.exists():
            self.restore()

    def restore(self):
        c = torch.load(self.path, map_location=self.args.device, weights_only=True)
        if c["seed"] != self.args.seed or c["batch"] != self.args.batch or c["config"] != json.dumps(self.config.raw):
            sys.exit(f"train.py: {self.path} is of another run (seed, batch or network): another --out")
        self.net.load_state_dict(c["net"])
        self.ema.load_state_dict(c["ema"])
        self.opt.load_state_dict(c["opt"])
        self.step, self.spent = c["step"], c["minutes"]

    def minutes(self):
        return self.spent + (time.monotonic() - self.started) / 60

    def save(self):
        state = dict(net=self.net.state_dict(), ema=self.ema.state_dict(), opt=self.opt.state_dict(), step=self.step, minutes=self.minutes(),
                     seed=self.args.seed, batch=self.args.batch, config=json.dumps(self.config.raw), arguments=json.dumps(vars(self.args)))
        torch.save(state, f"{self.path}.part")
        os.replace(f"{self.path}.part", self.path)

    def progress(self):
        return self.step / self.args.steps if self.args.steps else self.minutes() / self.args.minutes

    def rate(self, at):
        up, hold = self.args.warm_up, self.args.hold
        if at < up:
            return self.args.lr * (0.03 + 0.97 * at / up)
        fall = min(1.0, max(0.0, at - up - hold) / max(1e-9, 1 - up - hold))
        return self.args.lr * (0.002 + 0.998 * (0.5 + 0.5 * math.cos(math.pi * fall)))

    @torch.no_grad()
    def average(self):
        d = min(self.args.ema, (1 + self.step) / (10 + self.step))
        for a, b in zip(self.ema.state_dict().values(), self.net.state_dict().values()):
            if a.dtype.is_floating_point:
                a.lerp_(b, 1 - d)
            else:
                a.copy_(b)

    def learn(self, b, n):
        """One step on the samples b; gives numbers to print, or None where the gradient is no number (nothing is learned then)."""
        for group in self.opt.param_groups:
            group["lr"] = self.rate(self.progress())
        self.net.train()
        with torch.autocast(torch.device(self.args.device).type, torch.bfloat16, enabled=not self.args.float32):
            out = self.net(b["p"], b["cell"], b["b"], b["org"], n, (b["ib"], b["ind"]))
        total, numbers = loss(out, b, self.config)
        self.opt.zero_grad()
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        self.step += 1
        if not torch.isfinite(norm):
            return None
        self.opt.step()
        self.average()
        return numbers | {"gradient": norm.detach()}


def write(log, run, seen, skipped):
    mean = {k: torch.stack([s[k] for s in seen]).mean(0).tolist() for k in seen[0]} if seen else {}
    line = {"step": run.step, "minutes": round(run.minutes(), 2), "lr": run.rate(run.progress()), **mean, "skipped": skipped}
    log.write(json.dumps(line) + "\n")
    log.flush()
    print(f"{run.step} {line['minutes']:.1f} min lr {line['lr']:.1e} " + " ".join(f"{k} {v:.3f}" for k, v in mean.items() if k != "errors")
          + (" | " + " ".join(f"{e:.2f}" for e in mean["errors"]) if mean else ""), file=sys.stderr)


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    run = Run(args)
    device = torch.device(args.device)
    n = run.config.crop_side(args.crop)
    on_device = device.type != "cpu"
    chunks = Chunks(run.config, args.seed, args.batch, n, args.uses, args.without_intensity, raw=on_device)
    source = batches(chunks, run.step, args.workers)
    stop = []
    for s in (signal.SIGINT, signal.SIGTERM):
        signal.signal(s, lambda *_: stop.append(1))
    print(f"{sum(p.numel() for p in run.net.parameters())} parameters, from step {run.step}, {args.device}", file=sys.stderr)
    seen, skipped, saved = [], 0, time.monotonic()
    with open(run.folder / "log.jsonl", "a") as log:
        while run.progress() < 1 and not stop:
            b = next(source)
            if on_device:
                b = finish(b[0].to(device), run.config, n, np.random.default_rng(b[1]), args.without_intensity)
            numbers = run.learn(b, n)
            seen, skipped = (seen + [numbers], skipped) if numbers else (seen, skipped + 1)
            if run.step % args.report == 0:
                write(log, run, seen, skipped)
                seen, skipped = [], 0
            if time.monotonic() - saved > 60 * args.save:
                run.save()
                saved = time.monotonic()
    run.save()
    print(f"{run.path}: {run.step} steps, {run.minutes():.1f} minutes" + (", stopped" if stop else ""), file=sys.stderr)


if __name__ == "__main__":
    main()
