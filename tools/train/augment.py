"""Changes of a batch of scans that leave it a possible scan: turned, mirrored, scaled, with fewer beams or points, as a camera's
view, with another scale of intensity. All of it is tensors on the batch's device; what happens to a sample is drawn from a
numpy generator, so that a seed means the same on every device (which points a dropout takes differs between CPU and GPU).
"""
import math

import numpy as np
import torch

from scans import HEIGHT, LENGTH, VX, VY, X, Y, YAW, Z

BEAMS = 0.3  # chances, each of a sample
BEAMS_HALVED = 0.6  # of those: every other beam, else a random part
POINTS = 0.3
VIEW = 0.2
MIRROR = 0.5
SCALE = 0.95, 1.05
LIFT = -0.1, 0.1  # m
MOST_BEAMS = 256


def thin(batch, rng, generator):
    """Fewer beams, fewer points, a view: as other sensors and other mountings have them."""
    device, n = batch.points.device, batch.n
    beams = np.ones((n, MOST_BEAMS), bool)
    chance, least, centre = np.ones(n), np.full(n, -1.0), np.zeros(n)
    for i in range(n):
        if rng.random() < BEAMS:
            if rng.random() < BEAMS_HALVED:
                beams[i] = np.arange(MOST_BEAMS) % 2 == rng.integers(2)
            else:
                beams[i] = rng.random(MOST_BEAMS) < rng.uniform(0.4, 0.95)
        if rng.random() < POINTS:
            chance[i] = rng.uniform(0.6, 1)
        if rng.random() < VIEW:
            centre[i], least[i] = rng.uniform(-math.pi, math.pi), math.cos(rng.uniform(0.6, 1.2))
    few = torch.zeros(n, dtype=torch.long, device=device).scatter_reduce(0, batch.sample, batch.ring, "amax") < 30
    keep = torch.from_numpy(beams).to(device)[batch.sample, batch.ring % MOST_BEAMS] | few[batch.sample]
    u = torch.rand(len(batch.points), generator=generator, device=device)
    keep &= u < torch.from_numpy(chance).to(device, torch.float32)[batch.sample]
    look = torch.from_numpy(np.stack([np.cos(centre), np.sin(centre), least], 1)).to(device, torch.float32)
    def seen(xy, sample):
        a = look[sample]
        return (xy * a[:, :2]).sum(1) >= a[:, 2] * xy.norm(dim=1)
    keep &= seen(batch.points[:, :2], batch.sample)
    batch = batch.where(keep)
    unseen = ~seen(batch.boxes[:, X:Z], batch.box_sample)  # a box whose centre is outside is no object: its points stay
    batch.owner = torch.where((batch.owner >= 0) & unseen[batch.owner.clamp(min=0)], -1, batch.owner) if len(unseen) else batch.owner
    return batch


def move(batch, rng):
    """Turned about z, mirrored, scaled, lifted: points, boxes, headings and velocities alike."""
    n, device = batch.n, batch.points.device
    turn, scale = rng.uniform(-math.pi, math.pi, n), rng.uniform(*SCALE, n)
    mirror, lift = np.where(rng.random(n) < MIRROR, -1.0, 1.0), rng.uniform(*LIFT, n)
    c, s = np.cos(turn) * scale, np.sin(turn) * scale
    matrix = np.stack([c, -s, mirror * s, mirror * c], 1).reshape(n, 2, 2)
    def tensor(a):
        return torch.from_numpy(a).to(device, torch.float32)
    matrix, turn, scale, mirror, lift = map(tensor, (matrix, turn, scale, mirror, lift))
    p, b, at, bt = batch.points.clone(), batch.boxes.clone(), batch.sample, batch.box_sample
    def turned(xy, m):  # m: [k, 2, 2]
        return (m * xy[:, None, :]).sum(2)
    p[:, :2] = turned(p[:, :2], matrix[at])
    p[:, 2] = p[:, 2] * scale[at] + lift[at]
    b[:, X:Z] = turned(b[:, X:Z], matrix[bt])
    b[:, VX:VY + 1] = turned(b[:, VX:VY + 1], matrix[bt])
    b[:, Z] = b[:, Z] * scale[bt] + lift[bt]
    b[:, LENGTH:HEIGHT + 1] *= scale[bt, None]
    b[:, YAW] = (b[:, YAW] + turn[bt]) * mirror[bt]
    batch.points, batch.boxes = p, b
    return batch


def tint(batch, rng, without):
    """Another gain and gamma of the intensity, or, at the chance `without`, none at all."""
    n = batch.n
    gain = np.where(rng.random(n) < without, 0.0, np.exp(rng.normal(0, 0.4, n)))
    values = np.stack([gain, rng.uniform(0.7, 1.4, n)], 1)
    gain, gamma = torch.from_numpy(values).to(batch.points.device, torch.float32)[batch.sample].T
    batch.points[:, 3] = (batch.points[:, 3] * gain).clamp(0, 1) ** gamma
    return batch


def augment(batch, rng, without_intensity=0.5):
    """All of them. `rng`: numpy.random.Generator."""
    generator = torch.Generator(device=batch.points.device).manual_seed(int(rng.integers(1 << 62)))
    return tint(move(thin(batch, rng, generator), rng), rng, without_intensity)
