"""Heat map and box head to boxes: the peaks of the map, their boxes, and of two that are too near the better one."""
import math

import torch
import torch.nn.functional as F


def decode(net, heat, maps, origin, score=0.1):
    """One sample: heat [C, m, m] logits, maps [c, m, m], origin [2]. Gives [k, 9]: x, y, z, length, width, height, yaw, score,
    class, best first."""
    config = net.config
    p = torch.sigmoid(heat.float())
    m = p.shape[1]
    p = p * (F.max_pool2d(p[None], 3, 1, 1)[0] == p)
    best, at = p.flatten().topk(min(config.raw["head"]["peaks"], p.numel()))
    at, best = at[best > score], best[best > score]
    label, i, j = at // (m * m), at % (m * m) // m, at % m
    r = net.box(maps[None], torch.zeros_like(at), i * m + j)
    x, y = (i + r[:, 0]) * config.cell + origin[0], (j + r[:, 1]) * config.cell + origin[1]
    yaw = 0.5 * torch.atan2(r[:, 8], r[:, 9])  # the axis of the doubled angle, the direction of the single one
    yaw = yaw + math.pi * ((torch.cos(yaw) * r[:, 7] + torch.sin(yaw) * r[:, 6]) < 0)
    rows = torch.stack([x, y, r[:, 2], *r[:, 3:6].exp().T, yaw, best, label.float()], 1)
    return rows[suppress(rows.tolist(), config)]


def suppress(rows, config):
    """Indices of the rows (best first) that no better one of the same class, or of an exclusive one, is nearer to than their
    class's distance (the larger of two)."""
    keep = []
    for a, row in enumerate(rows):
        c = int(row[8])
        for b in keep:
            d = int(rows[b][8])
            if c != d and not (c in config.exclusive and d in config.exclusive):
                continue
            if math.hypot(row[0] - rows[b][0], row[1] - rows[b][1]) < max(config.distance[c], config.distance[d]):
                break
        else:
            keep.append(a)
    return keep
