"""Endless training samples from simulated scans.

`Chunks` gives them in portions that depend on (seed, number of the portion) alone: the same samples come whatever the number of
workers is, and a run that is continued goes on where it was. On the CPU a portion is finished batches; for a GPU it is raw
scans, and `samples` finishes them there. `Stream` is the same as an endless iterable.
"""
import numpy as np
import torch

import scan
import scans
from augment import augment
from pillars import pillarise
from targets import targets

SEES = 75.0  # m: what is farther from the sensor takes part in nothing
MOST_POINTS = 16  # of a pillar, in training
SCANS_OF_A_WORLD = 2
CROWDED, CROWD = 0.5, (1.0, 3.0)  # share of worlds with more people than usual, and how many: they are rare, and hard
RAINY, RAIN = 0.04, (1.0, 20.0)  # mm/h
WORLDS_OF_A_CHUNK = 6


def samples(batch, config, n, rng, crop=True):
    """A Batch of scans as the network and the loss take it (a dictionary of tensors), in an n x n crop at a random place of the
    grid, or at its middle."""
    half = n * config.pillar / 2
    free = max(0.0, config.range[3] - half)
    centre = rng.uniform(-free, free, (batch.n, 2)) if crop else np.zeros((batch.n, 2))
    corner = np.floor((centre - half) / config.cell + 0.5) * config.cell
    device = batch.points.device
    origin = torch.from_numpy(corner.astype(np.float32)).to(device)
    generator = torch.Generator(device=device).manual_seed(int(rng.integers(1 << 62)))
    index, cell = pillarise(batch, config, origin, n, MOST_POINTS, generator)
    heat, mask, sample, at, values = targets(batch, batch.count(), config, origin, n)
    return dict(p=batch.points[index], cell=cell, b=batch.sample[index], c=batch.label[index], org=origin, hm=heat, msk=mask,
                ind=at, ib=sample, reg=values)


def finish(batch, config, n, rng, without_intensity=0.5):
    """Raw scans to training samples, on the device that they are on."""
    return samples(augment(batch, rng, without_intensity), config, n, rng)


class Chunks(torch.utils.data.Dataset):
    """Chunk k: scans of WORLDS_OF_A_CHUNK worlds, each used `uses` times, shuffled and cut into batches.

    raw: batches of scans (Batch) with a generator's seed, for `finish` on the GPU; else finished samples.
    """

    def __init__(self, config, seed, batch, n, uses=3, without_intensity=0.5, raw=False):
        self.config, self.seed, self.batch, self.n = config, seed, batch, n
        self.uses, self.without_intensity, self.raw = uses, without_intensity, raw
        self.worlds = max(WORLDS_OF_A_CHUNK, -(-batch // (SCANS_OF_A_WORLD * uses)))  # for one batch at least
        self.batches = self.worlds * SCANS_OF_A_WORLD * uses // batch

    def scans(self, rng):
        for _ in range(self.worlds):
            people = rng.uniform(*CROWD) if rng.random() < CROWDED else -1.0
            rain = rng.uniform(*RAIN) if rng.random() < RAINY else 0.0
            with scan.World(int(rng.integers(1 << 50)), people, rain) as world:
                for _ in range(SCANS_OF_A_WORLD):
                    yield world.scan(rng).within(SEES)

    def __len__(self):
        return 1 << 40

    def __getitem__(self, k):
        rng = np.random.default_rng([self.seed, int(k)])
        made = list(self.scans(rng))
        order = rng.permutation(len(made) * self.uses) % len(made)
        out = []
        for i in range(self.batches):
            raw = scans.stack([made[j] for j in order[i * self.batch:(i + 1) * self.batch]])
            own = int(rng.integers(1 << 62))
            out.append((raw, own) if self.raw else finish(raw, self.config, self.n, np.random.default_rng(own), self.without_intensity))
        return out


class From(torch.utils.data.Sampler):
    """first, first + 1, ..."""

    def __init__(self, first):
        self.first = first

    def __iter__(self):
        k = self.first
        while True:
            yield k
            k += 1


def one_thread(_worker):
    torch.set_num_threads(1)


def batches(chunks, step, workers):
    """Endless (batch) from batch number `step` on."""
    loader = torch.utils.data.DataLoader(chunks, batch_size=None, sampler=From(step // chunks.batches), num_workers=workers,
                                         prefetch_factor=2 if workers else None, worker_init_fn=one_thread)
    skip = step % chunks.batches
    for chunk in loader:
        yield from chunk[skip:]
        skip = 0


class Stream(torch.utils.data.IterableDataset):
    """Batches of finished samples without an end: Stream(seed, batch, n). Each worker has chunks of its own."""

    def __init__(self, seed, batch, n, without_intensity=0.5, config=None, uses=3):
        import network_config
        config = config or network_config.read(network_config.TINY)
        self.chunks = Chunks(config, seed, batch, n, uses, without_intensity)

    def __iter__(self):
        torch.set_num_threads(1)
        worker = torch.utils.data.get_worker_info()
        k, step = (worker.id, worker.num_workers) if worker else (0, 1)
        while True:
            yield from self.chunks[k]
            k += step
