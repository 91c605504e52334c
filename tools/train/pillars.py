"""Points to the pillars of a square grid, as the network takes them."""
import torch


def pillarise(batch, config, origin, n, most=None, generator=None):
    """The points inside n x n pillars with the lower corner origin [B, 2], sorted by sample and pillar; of each pillar at most
    `most`, drawn at random. Gives (indices into the batch's points, cells), where cell = row * n + column and rows run along x."""
    ij = torch.floor((batch.points[:, :2] - origin[batch.sample]) / config.pillar).long()
    z = batch.points[:, 2]
    inside = ((ij >= 0) & (ij < n)).all(1) & (z > config.z[0]) & (z < config.z[1])
    index = torch.nonzero(inside)[:, 0]
    if most is not None:
        index = index[torch.randperm(len(index), generator=generator, device=index.device)]
    key = (batch.sample[index] * n + ij[index, 0]) * n + ij[index, 1]
    key, order = torch.sort(key, stable=True)
    index = index[order]
    if most is not None:
        place = torch.arange(len(key), device=key.device)
        first = torch.ones(len(key), dtype=torch.bool, device=key.device)
        first[1:] = key[1:] != key[:-1]
        start = torch.cummax(torch.where(first, place, 0), 0).values
        keep = place - start < most
        index, key = index[keep], key[keep]
    return index, key % (n * n)
