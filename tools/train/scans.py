"""What a simulated scan is to the training: several of them as one set of tensors on one device.

Columns of boxes: class, x, y, z (centre), length, width, height, yaw, vx, vy; their points are counted anew after every step that
takes points away (`count`). Points know their object by `owner`, a row of `boxes`, or -1.
"""
import dataclasses

import numpy as np
import torch

CLASS, X, Y, Z, LENGTH, WIDTH, HEIGHT, YAW, VX, VY = range(10)


@dataclasses.dataclass
class Scan:
    """One scan as the simulator gives it (numpy)."""

    points: np.ndarray  # [n, 4] f32: x, y, z in m in the sensor's frame (levelled, x forward, y left, z up), intensity 0..1
    ring: np.ndarray  # [n] laser, from 0
    label: np.ndarray  # [n] u8 point class
    owner: np.ndarray  # [n] i32 row of boxes, -1 none
    boxes: np.ndarray  # [k, 10] f32, see above
    sensor: str
    tracks: np.ndarray = None  # [k] i64: the same object in another scan of the world has the same number

    def within(self, metres):
        """Without points and boxes beyond |x|, |y| < metres."""
        keep = np.abs(self.points[:, :2]).max(1, initial=0) < metres
        near = (np.abs(self.boxes[:, X:Z]) < metres).all(1)
        row = np.where(near, np.cumsum(near) - 1, -1).astype(np.int32)
        owner = self.owner[keep]
        owner = np.where(owner >= 0, row[owner], -1).astype(np.int32) if len(row) else owner
        tracks = None if self.tracks is None else self.tracks[near]
        return Scan(self.points[keep], self.ring[keep], self.label[keep], owner, self.boxes[near], self.sensor, tracks)


@dataclasses.dataclass
class Batch:
    """Scans side by side: `sample` and `box_sample` say which one a point and a box belong to."""

    points: torch.Tensor  # [N, 4]
    ring: torch.Tensor  # [N] i64
    label: torch.Tensor  # [N] i64
    owner: torch.Tensor  # [N] i64, rows of boxes of the batch
    sample: torch.Tensor  # [N] i64
    boxes: torch.Tensor  # [K, 10]
    box_sample: torch.Tensor  # [K] i64
    n: int

    def to(self, device):
        moved = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return Batch(**{k: v.to(device, non_blocking=True) if torch.is_tensor(v) else v for k, v in moved.items()})

    def where(self, keep):
        """Only the points with keep [N]."""
        return dataclasses.replace(self, points=self.points[keep], ring=self.ring[keep], label=self.label[keep],
                                   owner=self.owner[keep], sample=self.sample[keep])

    def count(self):
        """Points of each box [K]."""
        return torch.bincount(self.owner[self.owner >= 0], minlength=len(self.boxes))


def stack(scans):
    """A Batch of a list of Scans, on the CPU."""
    first = np.cumsum([0] + [len(s.boxes) for s in scans])
    owner = [np.where(s.owner >= 0, s.owner.astype(np.int64) + f, -1) for s, f in zip(scans, first)]
    def joined(arrays, kind):
        return torch.from_numpy(np.concatenate(arrays).astype(kind, copy=False))
    def numbers(lengths):
        return torch.from_numpy(np.repeat(np.arange(len(scans)), lengths))
    return Batch(joined([s.points for s in scans], np.float32), joined([s.ring for s in scans], np.int64),
                 joined([s.label for s in scans], np.int64), joined(owner, np.int64), numbers([len(s.points) for s in scans]),
                 joined([s.boxes for s in scans], np.float32), numbers([len(s.boxes) for s in scans]), len(scans))
