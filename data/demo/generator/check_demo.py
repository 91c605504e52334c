#!/usr/bin/env python3
"""Check a demo capture without any code of its generator: packet headers, clock, azimuth grid, labels against points.

    check_demo.py DIR [--calibration HDL32.yaml] [--image PREFIX]

--calibration takes the elevations from the usual calibration file instead of the table below. --image draws one picture
per turn (needs Pillow). Needs numpy. Exit status 1 when something is wrong.
"""
import argparse
import json
import re
import struct
import sys

import numpy as np

# HDL-32E user's manual: vertical angle of laser 0 .. 31 in firing order, degrees
ELEVATION = [-30.67, -9.33, -29.33, -8.00, -28.00, -6.67, -26.67, -5.33, -25.33, -4.00, -24.00, -2.67, -22.67, -1.33, -21.33, 0.00,
             -20.00, 1.33, -18.67, 2.67, -17.33, 4.00, -16.00, 5.33, -14.67, 6.67, -13.33, 8.00, -12.00, 9.33, -10.67, 10.67]


def ones_sum(b):
    b += b"\0" * (len(b) % 2)
    s = int(np.frombuffer(b, ">u2").sum())
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return s


def packets(path):
    with open(path, "rb") as f:
        d = f.read()
    assert struct.unpack("<IHHiIII", d[:24]) == (0xA1B2C3D4, 2, 4, 0, 0, 65535, 1), "pcap header"
    at = 24
    while at < len(d):
        s, us, n, full = struct.unpack("<IIII", d[at : at + 16])
        p = d[at + 16 : at + 16 + n]
        at += 16 + n
        assert n == full == len(p) == 1248 and p[12:14] == b"\x08\x00", "Ethernet frame"
        ip, udp = p[14:34], p[34:]
        assert ip[0] == 0x45 and ip[9] == 17 and struct.unpack(">H", ip[2:4])[0] == 1234 and ones_sum(ip) == 0xFFFF, "IPv4 header"
        assert struct.unpack(">HHH", udp[:6]) == (2368, 2368, 1214), "UDP header"
        assert ones_sum(ip[12:20] + struct.pack(">HH", 17, len(udp)) + udp) == 0xFFFF, "UDP checksum"
        yield s * 1000000 + us, udp[8:]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("dir")
    ap.add_argument("--calibration")
    ap.add_argument("--image")
    args = ap.parse_args()
    el = np.radians(ELEVATION)
    if args.calibration:
        with open(args.calibration) as f:
            el = np.array([float(v) for v in re.findall(r"vert_correction: ([-0-9.e]+)", f.read())])
    sent, data = zip(*packets(f"{args.dir}/demo.pcap"))
    raw = np.frombuffer(b"".join(data), np.uint8).reshape(-1, 1206)
    assert (raw[:, 1204] == 0x37).all() and (raw[:, 1205] == 0x21).all(), "factory bytes"
    us = raw[:, 1200:1204].copy().view("<u4").ravel().astype(np.int64)
    blocks = raw[:, :1200].reshape(-1, 100)
    assert (blocks[:, 0] == 0xFF).all() and (blocks[:, 1] == 0xEE).all(), "block flag"
    az = blocks[:, 2:4].copy().view("<u2").ravel().astype(np.int64)
    cells = blocks[:, 4:].reshape(-1, 32, 3).astype(np.int64)
    count = cells[:, :, 0] + 256 * cells[:, :, 1]
    print(f"{len(raw)} packets; time between packets {np.diff(us).min()} to {np.diff(us).max()} us; record time minus packet time "
          f"{(np.array(sent) % 3600000000 - us).min()} to {(np.array(sent) % 3600000000 - us).max()} us")
    step = np.diff(az) % 36000
    print(f"first azimuth {az[0] / 100}, step {step.min()} to {step.max()} hundredths of a degree; {100 * (count > 0).mean():.1f} % of the firings returned")
    cut = np.r_[0, np.flatnonzero(np.diff(az) < -18000) + 1, len(az)]
    hour = sent[0] // 3600000000 * 3600000000
    t_ns = (hour + us[:, None]) * 1000 + np.round(np.arange(12) * 46080).astype(np.int64)
    t_ns = t_ns.ravel()
    angle = np.radians((az[:, None] + np.r_[step, step[-1]][:, None] * np.arange(32) * 1.152 / 46.08) / 100)
    d = count * 0.002
    xyz = np.stack([d * np.cos(el) * np.cos(angle), -d * np.cos(el) * np.sin(angle), d * np.sin(el)], 2)
    with open(f"{args.dir}/demo.labels.jsonl") as f:
        labels = [json.loads(line) for line in f]
    bad = len(labels) != len(cut) - 1 or az[0] != 0
    for k, lab in enumerate(labels):
        s = slice(cut[k], cut[k + 1])
        ok = count[s] > 0
        p, inten = xyz[s][ok], cells[s][:, :, 2][ok]
        bad |= lab["stamp_ns"] != t_ns[cut[k]] or lab["frame"] != k
        inside, stated = 0, 0
        for b in lab["boxes"]:
            c, h = np.array(b["center"]), np.array(b["size"]) / 2
            v, co, si = p - c, np.cos(b["yaw"]), np.sin(b["yaw"])
            # the box belongs to mid-turn, the points to their own time: allow for the motion in half a turn
            m = (abs(co * v[:, 0] + si * v[:, 1]) < h[0] + 0.7) & (abs(-si * v[:, 0] + co * v[:, 1]) < h[1] + 0.4) & (abs(v[:, 2]) < h[2] + 0.1)
            inside += min(int(m.sum()), b["points"])
            stated += b["points"]
        bad |= inside < 0.95 * stated
        names = [b["label"] for b in lab["boxes"] if b["points"] >= 5]
        print(f"turn {k}: blocks {cut[k]}..{cut[k + 1] - 1}, {len(p)} points, {stated} on objects, {100 * inside / stated:.1f} % of them found in or near "
              f"their box; intensity mean {inten.mean():.0f}; " + ", ".join(f"{names.count(n)} {n}" for n in sorted(set(names))))
        if args.image:
            draw(p, lab["boxes"], f"{args.image}_{k}.png")
    print("FAILED" if bad else "good")
    return int(bad)


def draw(p, boxes, path, reach=45.0, size=1100):
    from PIL import Image, ImageDraw
    im = np.zeros((size, size, 3), np.uint8)
    u, v = ((reach + p[:, 0]) / (2 * reach) * size).astype(int), ((reach - p[:, 1]) / (2 * reach) * size).astype(int)
    k = (u >= 0) & (u < size) & (v >= 0) & (v < size)
    im[v[k], u[k]] = np.clip((p[k, 2:3] + 2.2) * 70 + 60, 50, 255)
    im = Image.fromarray(im)
    d = ImageDraw.Draw(im)
    colour = {"car": (255, 160, 0), "pedestrian": (255, 60, 60), "cyclist": (255, 80, 255), "truck": (80, 200, 255)}
    for b in boxes:
        if b["points"] < 5:
            continue
        c, s = np.cos(b["yaw"]), np.sin(b["yaw"])
        q = [((reach + b["center"][0] + i * c - j * s) / (2 * reach) * size, (reach - b["center"][1] - i * s - j * c) / (2 * reach) * size)
             for i, j in ((1, 1), (1, -1), (-1, -1), (-1, 1)) for i, j in ((i * b["size"][0] / 2, j * b["size"][1] / 2),)]
        d.line(q + q[:1], fill=colour[b["label"]], width=2)
        mid = ((reach + b["center"][0]) / (2 * reach) * size, (reach - b["center"][1]) / (2 * reach) * size)
        d.line([mid, ((q[0][0] + q[1][0]) / 2, (q[0][1] + q[1][1]) / 2)], fill=colour[b["label"]], width=2)
    im.save(path)


if __name__ == "__main__":
    sys.exit(main())
