"""Where the ground lies in a real scan, by geometry alone: a smooth surface through the lowest points.

Cells of 1 m have the height of their lowest points; around each cell a plane through the cells of 11 x 11 m, fitted again and
again without those that stand above it, is the ground there. What fits it within SURE_LOW is ground, what stands SURE_HIGH above
is not; between, and where no plane fits, nothing is said.
"""
import numpy as np

CELL, REACH, SIDE = 1.0, 5, 110
SURE_LOW, SURE_HIGH = 0.10, 0.40
ROUNDS = 6


def cell_heights(points):
    """Per cell a height near its lowest points, and which have one."""
    ij = np.floor(points[:, :2] / CELL).astype(int) + SIDE // 2
    ok = ((ij >= 0) & (ij < SIDE)).all(1)
    key, z = ij[ok, 0] * SIDE + ij[ok, 1], points[ok, 2]
    order = np.lexsort((z, key))
    key, z = key[order], z[order]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    n = np.diff(np.r_[first, len(key)])
    low = z[np.minimum(first + n // 20, len(z) - 1)]  # the lowest but five in a hundred: stray points lie below the ground
    height, has = np.zeros(SIDE * SIDE), np.zeros(SIDE * SIDE, bool)
    height[key[first]], has[key[first]] = low, n >= 2
    return height.reshape(SIDE, SIDE), has.reshape(SIDE, SIDE)


def windows(a):
    padded = np.pad(a, REACH)
    return np.lib.stride_tricks.sliding_window_view(padded, (2 * REACH + 1, 2 * REACH + 1)).reshape(SIDE, SIDE, -1)


def planes(height, has):
    """Per cell (height at its centre, slope x, slope y), and how many cells are near that plane."""
    z, weight = windows(height), windows(has.astype(float))
    o = (np.arange(2 * REACH + 1) - REACH) * CELL
    x, y = np.meshgrid(o, o, indexing="ij")
    a = np.stack([np.ones(x.size), x.ravel(), y.ravel()], 1)
    lowest = np.where(weight > 0, z, np.inf).min(2)
    keep = weight * (z < np.where(np.isfinite(lowest), lowest, 0)[..., None] + 0.8)
    for _ in range(ROUNDS):
        normal = np.einsum("ijk,kp,kq->ijpq", keep, a, a) + 1e-6 * np.eye(3)
        plane = np.linalg.solve(normal, np.einsum("ijk,kp,ijk->ijp", keep, a, z)[..., None])[..., 0]
        above = z - plane @ a.T
        keep = weight * (above < 0.15) * (above > -0.6)
    return plane, (keep * (np.abs(above) < 0.12)).sum(2)


def ground(points):
    """Per point 1: ground, 0: not, -1: not known."""
    plane, near = planes(*cell_heights(points))
    at = points[:, :2] / CELL
    ij = np.clip(np.floor(at).astype(int) + SIDE // 2, 0, SIDE - 1)
    p = plane[ij[:, 0], ij[:, 1]]
    centre = (ij - SIDE // 2 + 0.5) * CELL
    above = points[:, 2] - p[:, 0] - ((points[:, :2] - centre) * p[:, 1:]).sum(1)
    known = (near[ij[:, 0], ij[:, 1]] >= 12) & (np.abs(p[:, 1:]).max(1) < 0.3) & (np.abs(points[:, :2]).max(1) < SIDE / 2 * CELL)
    out = np.full(len(points), -1)
    out[known & (np.abs(above) < SURE_LOW)] = 1
    out[known & (above > SURE_HIGH)] = 0
    return out
