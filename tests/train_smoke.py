#!/usr/bin/env python3
"""tools/train from scans to a model folder that the program runs, with a tiny network, in some seconds.

    train_smoke.py GLINT SOURCE_DIR LIBGLINT_SIM

Exit status 0: all well; 1: not; 77: no PyTorch here.
"""
import copy
import json
import os
import pathlib
import sys
import tempfile

try:
    import numpy as np
    import torch
except ImportError as e:
    print(f"skipped: {e} (pip install -r tools/train/requirements.txt; cmake -DGLINT_TORCH_PYTHON=...)")
    sys.exit(77)

GLINT, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
os.environ["GLINT_SIM_LIBRARY"] = sys.argv[3]
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "tools/train"))
torch.set_num_threads(1)

import argparse  # noqa: E402

import augment  # noqa: E402
import choose_scores  # noqa: E402
import dataset  # noqa: E402
import export  # noqa: E402
import network_config  # noqa: E402
import parity  # noqa: E402
import scan  # noqa: E402
import scans  # noqa: E402
import sensors  # noqa: E402
import targets  # noqa: E402
import train  # noqa: E402
import validate  # noqa: E402
from detect import GlintDetector  # noqa: E402

CROP = 38.4


def tiny_config(folder):
    raw = json.loads(network_config.TINY.read_text())
    raw["vfe"]["widths"] = [8, 16]
    raw["encoder"] |= {"dim": 16, "heads": 2, "ffn": 16, "group": 32}
    raw["bev"] |= {"channels": [8, 12], "shared": 16}
    raw["head"]["hidden"] = 16
    path = folder / "tiny.json"
    path.write_text(json.dumps(raw))
    return path


def small_scans():
    """Two scans of a 16-beam sensor."""
    rng = np.random.default_rng(5)
    with scan.World(11) as world:
        return [world.scan(rng, sensors.TRAINED["vlp16"]).within(60) for _ in range(2)]


def check_scans():
    a, b = small_scans(), small_scans()
    for x, y in zip(a, b):
        assert x.points.tobytes() == y.points.tobytes() and x.boxes.tobytes() == y.boxes.tobytes(), "same seed, other scan"
        assert len(x.points) > 5000 and x.label.max() < 8 and x.owner.max() < len(x.boxes) and x.ring.max() < 16
        assert np.isfinite(x.points).all() and np.isfinite(x.boxes).all() and len(x.boxes) > 3
        ground = x.points[(x.label == 0) & (np.hypot(*x.points[:, :2].T) < 12), 2]
        assert -2.6 < np.median(ground) < -1.2, f"ground at {np.median(ground)}"
        of = x.boxes[x.owner.clip(0)]
        far = np.hypot(*(x.points[:, :2] - of[:, 1:3]).T)[x.owner >= 0]
        assert (far < 0.6 * of[x.owner >= 0, 4] + 0.8).mean() > 0.98, "points lie beside their boxes"
    return a


def check_targets(made, config):
    """Every object with points enough has a peak, its numbers give its box back, and turning keeps points inside boxes."""
    batch = scans.stack(made)
    moved = augment.move(copy.deepcopy(batch), np.random.default_rng(1))
    for b in (batch, moved):
        of = b.boxes[b.owner.clamp(min=0)]
        d, yaw = b.points[:, :2] - of[:, 1:3], of[:, 7]
        along, across = d[:, 0] * yaw.cos() + d[:, 1] * yaw.sin(), -d[:, 0] * yaw.sin() + d[:, 1] * yaw.cos()
        inside = (along.abs() < of[:, 4] / 2 + 0.5) & (across.abs() < of[:, 5] / 2 + 0.5)
        assert inside[b.owner >= 0].float().mean() > 0.9, "points are not in their boxes"
    n, rng = config.side, np.random.default_rng(2)
    s = dataset.samples(batch, config, n, rng, crop=False)
    m = n // config.stride
    peaks = (s["hm"] == 1).nonzero()
    assert len(s["ind"]) and len(peaks) >= len(set(zip(s["ib"].tolist(), s["ind"].tolist(), s["reg"][:, 10].tolist())))
    x = (s["ind"] // m + s["reg"][:, 0]) * config.cell + s["org"][s["ib"], 0]
    y = (s["ind"] % m + s["reg"][:, 1]) * config.cell + s["org"][s["ib"], 1]
    for xx, yy, v, k in zip(x, y, s["reg"], s["ib"]):
        near = (batch.boxes[:, 1:3] - torch.stack([xx, yy])).norm(dim=1) + 1e3 * (batch.box_sample != k)
        assert near.min() < 1e-3, "a target that is no box"
        assert torch.allclose(v[3:6].exp(), batch.boxes[near.argmin(), 4:7], rtol=1e-4)
    key = s["b"] * n * n + s["cell"]
    assert (key[1:] >= key[:-1]).all() and torch.bincount(key).max() <= dataset.MOST_POINTS
    assert targets.LEAST_POINTS[0] == 3


def run_of(config_path, out, **more):
    args = dict(out=str(out), config=str(config_path), init=None, minutes=None, steps=6, batch=2, crop=CROP, uses=3, without_intensity=0.5,
                lr=3e-3, warm_up=0.05, hold=0.5, weight_decay=0.02, ema=0.9, seed=1, device="cpu", float32=False, threads=1, workers=0, report=50,
                save=3)
    return train.Run(argparse.Namespace(**args | more))


def learn(run, samples, until):
    n, losses = run.config.crop_side(CROP), []
    while run.step < until:
        numbers = run.learn(samples[run.step % len(samples)], n)
        losses.append(float(numbers["loss"]))
    return losses


def check_training(work, config_path, config, made):
    n = config.crop_side(CROP)
    rng = np.random.default_rng(3)
    samples = [dataset.finish(scans.stack(made), config, n, rng) for _ in range(3)]
    whole = run_of(config_path, work / "whole")
    losses = learn(whole, samples, 6)
    assert np.isfinite(losses).all()
    part = run_of(config_path, work / "part")
    learn(part, samples, 3)
    part.save()
    part = run_of(config_path, work / "part")
    assert part.step == 3
    learn(part, samples, 6)
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, part.net.state_dict()[name]), f"{name} is another one after a continuation"
    long = run_of(config_path, work / "long", steps=60)
    losses = learn(long, samples[:1], 60)
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5]), f"it does not learn: {losses[0]:.2f} to {losses[-1]:.2f}"
    long.save()
    return long.path


def check_chunks(config):
    """The same samples whatever the workers are, and whether they are finished there or on a GPU later."""
    n = config.crop_side(CROP)
    chunks = dataset.Chunks(config, 4, 2, n, uses=1)
    chunks.worlds, chunks.batches = 1, 1
    first, again = chunks[7][0], chunks[7][0]
    chunks.raw = True
    raw, seed = chunks[7][0]
    later = dataset.finish(raw.to("cpu"), config, n, np.random.default_rng(seed))
    chunks.raw = False
    assert all(torch.equal(first[k], later[k]) for k in first)
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["p"][:100], chunks[8][0]["p"][:100])


def check_model(work, checkpoint, config_path, made):
    folder = work / "model"
    export.export(checkpoint, config_path, folder, "smoke")
    bad, boxes = parity.check(folder, GLINT, [(s.sensor, s.points) for s in made], score=0.02)
    assert not bad and boxes, f"{boxes} boxes, {bad} differ"
    bad, boxes = parity.check(SOURCE / "data/models/glint-tiny", GLINT, [("the shipped model", made[0].points)])
    assert not bad, "the shipped model is another network than PyTorch's"
    detector = GlintDetector(GLINT, folder, ["--threads", "1"])
    config = network_config.read(folder / "config.json")
    r = validate.report(detector, iter(made), config)
    assert r["scans"] == 2 and 0 <= r["classes"]["car"]["mean_ap"] <= 1 and 0 < r["points"]["mean_iou"] < 1
    copy_of = work / "scored"
    copy_of.mkdir()
    text = network_config.TINY.read_text()
    (copy_of / "config.json").write_text(text)
    choose_scores.write(copy_of, [0.31, 0.52, 0.53, 0.24])
    assert json.loads((copy_of / "config.json").read_text())["head"]["score"] == [0.31, 0.52, 0.53, 0.24]
    assert "0.31" in (copy_of / "config.json").read_text().split('"track"')[1]


def main():
    with tempfile.TemporaryDirectory(prefix="glint-train-") as work:
        work = pathlib.Path(work)
        config_path = tiny_config(work)
        config = network_config.read(config_path)
        made = check_scans()
        check_targets(made, config)
        check_chunks(config)
        checkpoint = check_training(work, config_path, config, made)
        check_model(work, checkpoint, config_path, made)
    print("scans, targets, training, continuation, export, parity and validation: all well")


if __name__ == "__main__":
    main()
