"""What the network should say of a batch: heat maps, a mask of what it may say anything of, and the numbers of boxes."""
import torch

from scans import CLASS, HEIGHT, LENGTH, X, YAW, Z

LEAST_POINTS = (3, 3, 3, 6)  # car, pedestrian, cyclist, truck: objects with fewer are no positives, and no negatives
SIGMA = (1.0, 0.6, 0.7, 1.4)  # of the Gaussian around a centre, in map cells
REACH = 5  # cells; what is below FAINT is zero
FAINT = 0.01


def _cells(index, reach, m):
    """The (2 reach + 1)^2 cells around each index [k, 2]: rows, columns [k, w, w], and which of them exist."""
    o = torch.arange(-reach, reach + 1, device=index.device)
    i = (index[:, 0, None, None] + o[None, :, None]).expand(-1, len(o), len(o))
    j = (index[:, 1, None, None] + o[None, None, :]).expand(-1, len(o), len(o))
    return i, j, (i >= 0) & (i < m) & (j >= 0) & (j < m)


def targets(batch, points_of, config, origin, n):
    """points_of [K]: points of each box. Gives heat [B, C, m, m], mask (the same shape; 0: not looked at), and per object in the
    crop: sample, cell = row * m + column, and values [k, 11]: dx, dy (cells), z, log of length, width, height, sine and cosine of
    yaw and of 2 yaw, class."""
    m, classes, device = n // config.stride, len(config.classes), batch.points.device
    boxes, sample = batch.boxes, batch.box_sample
    place = (boxes[:, X:Z] - origin[sample]) / config.cell
    index = torch.floor(place).long()
    inside = ((index >= 0) & (index < m)).all(1)
    label = boxes[:, CLASS].long()
    least = torch.tensor(LEAST_POINTS, device=device)[label]
    sure, weak = inside & (points_of >= least), inside & (points_of > 0) & (points_of < least)
    heat = torch.zeros(batch.n * classes * m * m, device=device)
    mask = torch.ones_like(heat)
    def flat(of, label, i, j):
        return ((sample[of, None, None] * classes + label[:, None, None]) * m + i) * m + j
    i, j, ok = _cells(index[weak], 1, m)
    mask[flat(weak, label[weak], i, j)[ok]] = 0
    if len(config.exclusive) == 2:  # what is too weak to be a car is no negative for trucks either
        for a, b in (config.exclusive, config.exclusive[::-1]):
            of = weak & (label == a)
            i, j, ok = _cells(index[of], 1, m)
            mask[flat(of, torch.full_like(label[of], b), i, j)[ok]] = 0
    i, j, ok = _cells(index[sure], REACH, m)
    d2 = ((i - index[sure, 0, None, None]) ** 2 + (j - index[sure, 1, None, None]) ** 2).float()
    g = torch.exp(-d2 / (2 * torch.tensor(SIGMA, device=device)[label[sure], None, None] ** 2))
    g = torch.where(g < FAINT, 0, g)
    heat.scatter_reduce_(0, flat(sure, label[sure], i, j)[ok], g[ok], "amax")
    cell = index[sure, 0] * m + index[sure, 1]
    mask[(sample[sure] * classes + label[sure]) * m * m + cell] = 1
    yaw = boxes[sure, YAW]
    values = torch.cat([place[sure] - index[sure], boxes[sure, Z:Z + 1], boxes[sure, LENGTH:HEIGHT + 1].log(),
                        torch.stack([yaw.sin(), yaw.cos(), (2 * yaw).sin(), (2 * yaw).cos(), label[sure].float()], 1)], 1)
    shape = batch.n, classes, m, m
    return heat.view(shape), mask.view(shape), sample[sure], cell, values
