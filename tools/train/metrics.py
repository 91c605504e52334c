"""How good detections and point classes are: matches by the distance of centres seen from above, average precision, IoU.

Detections are rows x, y, z, length, width, height, yaw, score, class (decode.py); labels rows as scans.py has them, with the
points of each beside.
"""
import numpy as np

from scans import CLASS, X, Z

RADII = (0.5, 1.0, 2.0, 4.0)  # m, as nuScenes has them
BANDS = ((0, 20), (20, 40), (40, 60))  # m from the sensor


def match(found, wanted, radius):
    """found [k, 2], best first, wanted [m, 2]: each takes the nearest free one within radius. Gives the row of wanted per found, or -1."""
    free, out = np.ones(len(wanted), bool), np.full(len(found), -1)
    for i, at in enumerate(found):
        d = np.where(free, np.hypot(*(wanted - at).T), np.inf) if len(wanted) else np.array([])
        if len(d) and d.min() <= radius:
            out[i] = d.argmin()
            free[out[i]] = False
    return out


def hits(rows, boxes, points, label, radius, band=(0, 60), least=1):
    """One frame: (scores, hit) of the rows of class label that count, best first, and the number of labels that count: those in the
    band with `least` points. Rows at labels that do not count neither help nor harm."""
    rows = rows[(rows[:, 8] == label) & in_band(rows[:, :2], band)]
    rows = rows[np.argsort(-rows[:, 7], kind="stable")]
    mine, n = boxes[boxes[:, CLASS] == label], points[boxes[:, CLASS] == label]
    counts = in_band(mine[:, X:Z], band) & (n >= least)
    to = match(rows[:, :2], mine[counts, X:Z], radius)
    rest = mine[~counts, X:Z]
    keep = np.array([t >= 0 or not near(rest, r[:2], max(radius, 1)) for t, r in zip(to, rows)], bool)
    return rows[keep, 7], to[keep] >= 0, int(counts.sum())


def in_band(xy, band):
    d = np.hypot(xy[:, 0], xy[:, 1])
    return (d >= band[0]) & (d < band[1])


def near(places, at, radius):
    return len(places) > 0 and np.hypot(*(places - at).T).min() <= radius


def average_precision(frames, label, radius, band=(0, 60), least=1):
    """frames: (rows, boxes, points) each. Mean over 101 recalls of the best precision at that recall or above; and the labels."""
    parts = [hits(*frame, label, radius, band, least) for frame in frames]
    wanted = sum(p[2] for p in parts)
    if not wanted:
        return float("nan"), 0
    scores, hit = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    hit = np.cumsum(hit[np.argsort(-scores, kind="stable")])
    recall, precision = hit / wanted, hit / np.arange(1, len(hit) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1] if len(hit) else precision
    at = np.searchsorted(recall, np.linspace(0, 1, 101) - 1e-9)
    return float(np.mean([best[i] if i < len(best) else 0 for i in at])), wanted


def curve(frames, label, radius, band=(0, 60), least=1):
    """(scores, recall, precision) over falling scores, and the labels."""
    parts = [hits(*frame, label, radius, band, least) for frame in frames]
    wanted = sum(p[2] for p in parts)
    scores, hit = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    order = np.argsort(-scores, kind="stable")
    hit = np.cumsum(hit[order])
    return scores[order], hit / max(1, wanted), hit / np.arange(1, len(hit) + 1), wanted


class Confusion:
    """Counts of (true, said) point classes; 255 is said where there is none."""

    def __init__(self, n):
        self.n, self.counts = n, np.zeros((n, n + 1), np.int64)

    def add(self, true, said):
        said = np.where(said < self.n, said, self.n).astype(np.int64)
        self.counts += np.bincount(true.astype(np.int64) * (self.n + 1) + said, minlength=self.n * (self.n + 1)).reshape(self.n, -1)

    def iou(self):
        both = np.diagonal(self.counts)
        return both / np.maximum(1, self.counts.sum(1) + self.counts[:, :self.n].sum(0) - both)
