"""Boxes and point classes of scans, by the network in PyTorch or by the product itself.

Both have `run(list of points [n, 4], score)`, which gives per scan (rows [k, 9] as decode.py has them, classes [n] u8 with 255 where
a point has none).
"""
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import torch

from decode import decode
from pillars import pillarise
from scans import Scan, stack


class TorchDetector:
    """The network as it is trained; every point takes part, as in the product."""

    def __init__(self, net, device="cpu"):
        self.net, self.device = net.to(device).eval(), device

    @torch.no_grad()
    def one(self, points, score):
        config = self.net.config
        n, none = len(points), np.zeros(len(points), np.int32)
        points = points.astype(np.float32) if config.intensity else np.c_[points[:, :3], np.zeros(n)].astype(np.float32)
        batch = stack([Scan(points, none, none, none - 1, np.zeros((0, 10), np.float32), "")]).to(self.device)
        origin = torch.tensor([config.range[:2]], device=self.device, dtype=torch.float32)
        index, cell = pillarise(batch, config, origin, config.side)
        self.index = index.cpu().numpy()  # which points the network saw, in its order
        classes = np.full(n, 255, np.uint8)
        if not len(index):
            return np.zeros((0, 9), np.float32), classes
        heat, maps, logits = self.net(batch.points[index], cell, batch.sample[index], origin, config.side)
        classes[self.index] = logits.argmax(1).cpu().numpy()
        return decode(self.net, heat[0], maps[0], origin[0], score).float().cpu().numpy(), classes

    def run(self, scans, score=0.1):
        return [self.one(points, score) for points in scans]


class GlintDetector:
    """`glint run` on a model folder: the product's own bytes."""

    def __init__(self, program, folder, options=()):
        self.program, self.folder, self.options = program, pathlib.Path(folder), list(options)
        config = json.loads((self.folder / "config.json").read_text())
        self.classes = config["classes"]

    def run(self, scans, score=0.1):
        with tempfile.TemporaryDirectory(prefix="glint-") as work:
            work = pathlib.Path(work)
            (work / "scans").mkdir()
            for i, points in enumerate(scans):
                np.ascontiguousarray(points, "<f4").tofile(work / f"scans/{i:06d}.bin")
            command = [self.program, "run", work / "scans", "--model", self.folder, "--score", f"{score:g}", "--out", work / "boxes.jsonl",
                       "--out", work / "%06d.label", *self.options]
            done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr}")
            lines = [json.loads(line) for line in open(work / "boxes.jsonl")]
            if len(lines) != len(scans):
                raise RuntimeError(f"{len(scans)} scans, {len(lines)} frames came out of {self.program}")
            return [(self.rows(line["boxes"]), self.labels(work / f"{i:06d}.label", len(points)))
                    for i, (line, points) in enumerate(zip(lines, scans))]

    def rows(self, boxes):
        out = [[*b["center"], *b["size"], b["yaw"], b["score"], self.classes.index(b["label"])] for b in boxes]
        out = np.array(out, np.float32).reshape(-1, 9)
        return out[np.argsort(-out[:, 7], kind="stable")]

    @staticmethod
    def labels(path, n):
        label = (np.fromfile(path, "<u4") & 0xFFFF).astype(np.int64)
        if len(label) != n:
            raise RuntimeError(f"{path}: {len(label)} labels of {n} points")
        return np.where(label > 0, label - 1, 255).astype(np.uint8)
