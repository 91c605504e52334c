"""Small pictures of a place in a scan: from above, and from the sensor's side. PNG by zlib, nothing else is needed."""
import struct
import zlib

import numpy as np

# ground vegetation building pole vehicle pedestrian cyclist other, none
POINTS = np.array([[90, 90, 90], [40, 150, 40], [150, 110, 80], [220, 220, 60], [70, 140, 255], [255, 70, 70], [255, 120, 255], [160, 160, 160],
                   [60, 60, 60]], np.uint8)
BOXES = [(255, 160, 0), (255, 60, 60), (255, 80, 255), (80, 200, 255), (200, 200, 200)]
LABEL, TARGET = (0, 255, 0), (255, 255, 255)


def write_png(path, image):
    """image: [height, width, 3] u8."""
    height, width, _ = image.shape
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    lines = np.concatenate([np.zeros((height, 1), np.uint8), image.reshape(height, -1)], 1).tobytes()
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(lines, 6)) + chunk(b"IEND", b""))


def dot(image, u, v, colour, size=1):
    h, w, _ = image.shape
    for i in range(size):
        for j in range(size):
            a, b = v + i, u + j
            ok = (a >= 0) & (a < h) & (b >= 0) & (b < w)
            image[a[ok], b[ok]] = colour[ok] if isinstance(colour, np.ndarray) else colour


def line(image, a, b, colour):
    n = int(max(abs(b[0] - a[0]), abs(b[1] - a[1]))) + 1
    t = np.linspace(0, 1, n)
    dot(image, np.rint(a[0] + t * (b[0] - a[0])).astype(int), np.rint(a[1] + t * (b[1] - a[1])).astype(int), colour)


def outline(image, box, project, colour):
    """A box seen from above, its heading as a line from the centre; box: x, y, z, length, width, height, yaw."""
    c, s = np.cos(box[6]), np.sin(box[6])
    corner = [project(box[0] + i * box[3] / 2 * c - j * box[4] / 2 * s, box[1] + i * box[3] / 2 * s + j * box[4] / 2 * c)
              for i, j in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
    for a, b in zip(corner, corner[1:] + corner[:1]):
        line(image, a, b, colour)
    line(image, project(box[0], box[1]), [(corner[0][k] + corner[1][k]) / 2 for k in (0, 1)], colour)


def place(points, classes, labels, found, at, side=24.0, pixels=480):
    """Left: `side` metres around `at` from above, forward up; right: what lies within 2.5 m of the line of sight to it, seen from
    the sensor. labels, found: (class, x, y, z, length, width, height, yaw) rows."""
    image = np.zeros((pixels, 2 * pixels, 3), np.uint8)
    scale = pixels / side
    def above(x, y):
        return pixels / 2 - (y - at[1]) * scale, pixels / 2 - (x - at[0]) * scale
    colour = POINTS[np.minimum(classes, len(POINTS) - 1)]
    left = image[:, :pixels]
    order = np.argsort(points[:, 2])
    u, v = above(points[order, 0], points[order, 1])
    dot(left, u.astype(int), v.astype(int), colour[order], 2)
    for row in labels:
        outline(left, row[1:8], above, LABEL)
    for row in found:
        outline(left, row[1:8], above, BOXES[int(row[0])])
    far = max(1e-6, float(np.hypot(*at[:2])))
    c, s = at[0] / far, at[1] / far
    along, across = c * points[:, 0] + s * points[:, 1] - far, -s * points[:, 0] + c * points[:, 1]
    near = np.abs(along) < 2.5
    zoom = pixels / 8
    right = image[:, pixels:]
    dot(right, (pixels / 2 - across[near] * zoom).astype(int), (pixels / 2 - (points[near, 2] - at[2]) * zoom).astype(int), colour[near], 3)
    image[:, pixels] = 80
    return image
