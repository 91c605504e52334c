#!/usr/bin/env python3
"""Make the demo capture: a simulated drive, seen by a Velodyne HDL-32E, as UDP packets in a pcap file.

    make_demo.py --seed N [--turns 10] [--simulator DIR] --out DIR

Writes demo.pcap, demo.labels.jsonl (one line per turn) and demo.poses.csv. Needs numpy and a C compiler; DIR of
--simulator holds lidarsim.c (default: beside this file). README.md describes the files and the conventions.
"""
import argparse
import ctypes as C
import json
import os
import struct
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
CLASSES = ["car", "pedestrian", "cyclist", "truck"]
CAR, PEDESTRIAN, CYCLIST, TRUCK = range(4)

# HDL-32E: elevations by laser in firing order (degrees, as in the usual calibration file: two decimals) and timing
_RISING = np.round(-92 / 3 + 4 / 3 * np.arange(32), 2)
ELEVATION = np.stack([_RISING[:16], _RISING[16:]], 1).ravel()          # -30.67 -9.33 -29.33 -8.00 ... -10.67 10.67
LASER_US, BLOCK_US, BLOCKS = 1.152, 46.08, 12                          # per laser, per block of 32; blocks in a packet
DISTANCE_M = 0.002                                                     # one count
STEP = 16                                                              # azimuth of a block, 0.01 degree
TURN = 36000 // STEP                                                   # 2250 blocks, 103.68 ms, 579 turns a minute
SLICE = 15                                                             # blocks cast with one frozen world, 0.69 ms

START_S = 1735689600 + 600                                             # 2025-01-01 00:10 UTC
SPEED = 5.0                                                            # of the carrier, m/s


class Sensor(C.Structure):
    _fields_ = [(n, C.c_float) for n in ("height", "pitch", "roll", "max_range", "min_range", "range_noise", "p_drop", "sens",
                                         "inten_gain", "inten_gamma", "az_jit", "ego_body", "gnd", "p_mix")]


HDL32E = Sensor(height=1.84, max_range=100, min_range=1.0, range_noise=0.015, p_drop=0.01, sens=2.0, inten_gain=1.0,
                inten_gamma=1.0, ego_body=0.35, gnd=0.2, p_mix=0.15)


def load(simulator):
    so = os.path.join(HERE, "libsweep.so")
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-ffp-contract=off", "-w", "-shared", "-fPIC", "-I", simulator,
                    "-o", so, os.path.join(HERE, "sweep.c"), "-lm"], check=True)
    lib = C.CDLL(so)
    P, F, I = C.c_void_p, C.c_float, C.c_int
    lib.sim_new.restype, lib.sim_new.argtypes = P, [C.c_uint64]
    lib.sim_free.argtypes = [P]
    lib.sim_info.argtypes = [P, P]
    lib.sim_ground.restype, lib.sim_ground.argtypes = F, [P, F, F]
    lib.sim_objects.argtypes = lib.sim_rects.argtypes = [P, P, I]
    lib.sim_advance.argtypes = [P, P, F]
    lib.sim_sweep.argtypes = [P, P, P, P, P, I, P, I, P, P, P, P, P, P]
    lib.sim_sweep.restype = None
    return lib


def ptr(a):
    return a.ctypes.data_as(C.c_void_p)


def hits(a, others):
    """Which of the rectangles others[n, 5] (x y half-length half-width yaw) overlap rectangle a, by separating axes."""
    d = others[:, :2] - a[:2]
    out = np.ones(len(others), bool)
    for yaw in (np.full(len(others), a[4]), others[:, 4]):
        for u in (np.stack([np.cos(yaw), np.sin(yaw)], 1), np.stack([-np.sin(yaw), np.cos(yaw)], 1)):
            reach = 0
            for hl, hw, y in ((a[2], a[3], np.full(len(others), a[4])), (others[:, 2], others[:, 3], others[:, 4])):
                c, s = np.cos(y), np.sin(y)
                reach = reach + hl * abs(u[:, 0] * c + u[:, 1] * s) + hw * abs(-u[:, 0] * s + u[:, 1] * c)
            out &= abs((d * u).sum(1)) < reach
    return out


class Drive:
    """One scene with a carrier that drives straight ahead and the motion of everybody else."""

    def __init__(self, lib, seed, seconds):
        self.lib, self.s = lib, lib.sim_new(seed)
        info = np.zeros(6, np.float32)
        lib.sim_info(self.s, ptr(info))
        self.env, self.half_width, self.start = int(info[0]), float(info[1]), info[3:6].astype(float)
        self.vel, self.blocked = self._plan(np.random.default_rng(seed), seconds)
        self.time = 0.0
        self.rng = C.c_uint64(seed * 1000003 + 17)
        self.last = np.zeros(32, np.float32)

    def close(self):
        self.lib.sim_free(self.s)

    def objects(self):
        out = np.zeros((800, 8), np.float32)
        return out[: self.lib.sim_objects(self.s, ptr(out), len(out))].astype(float)

    def pose(self, t):
        x, y, yaw = self.start
        return np.array([x + SPEED * t * np.cos(yaw), y + SPEED * t * np.sin(yaw), yaw])

    def _plan(self, rng, seconds):
        """Velocities [n, 2] of all objects without a collision: whoever would hit something stands still instead."""
        obj = self.objects()
        n = len(obj)
        speed = np.zeros(n)
        for i, (c, x, y, _, _, _, _, yaw) in enumerate(obj):
            if c in (CAR, TRUCK) and self.env < 2 and abs(y) < self.half_width and abs(np.sin(yaw)) < 0.1:
                speed[i] = SPEED if abs(y - self.start[1]) < 1.8 else 7.5 if np.cos(yaw) > 0 else 6.5
            elif c == PEDESTRIAN and rng.random() < 0.7:
                speed[i] = rng.uniform(0.8, 1.6)
            elif c == CYCLIST:
                speed[i] = rng.uniform(2.5, 4.5)
        own = np.stack([obj[:, 1], obj[:, 2], obj[:, 4] / 2, obj[:, 5] / 2, obj[:, 7]], 1)
        fixed = np.zeros((2000, 5), np.float32)
        fixed = fixed[: self.lib.sim_rects(self.s, ptr(fixed), len(fixed))].astype(float)
        movable = np.vstack([own[:, :2], self.start[None, :2]])
        fixed = fixed[np.array([np.hypot(*(movable - r[:2]).T).min() > 1e-3 for r in fixed], bool)] if len(fixed) else fixed
        carrier = np.array([self.start[0], self.start[1], 2.3, 0.95, self.start[2]])
        heading = np.stack([np.cos(obj[:, 7]), np.sin(obj[:, 7])], 1)
        blocked = False
        while True:
            stop = np.zeros(n, bool)
            for t in np.arange(0, seconds + 0.3, 0.1):
                now = own.copy()
                now[:, :2] += heading * speed[:, None] * t
                me = carrier.copy()
                me[:2] = self.pose(t)[:2]
                blocked |= bool(hits(me, fixed).any())
                touch = hits(me, now)
                blocked |= bool((touch & (speed == 0)).any())
                stop |= touch
                for i in np.nonzero(speed)[0]:
                    near = hits(now[i], now)
                    near[i] = False
                    stop[i] |= near.any() or hits(now[i], fixed).any() or abs(now[i, :2]).max() > 76
            stop &= speed > 0
            if blocked or not stop.any():
                return (heading * speed[:, None]).astype(np.float32), blocked
            speed[stop] = 0

    def turn(self, slice_blocks=SLICE):
        """Cast one turn: counts and intensity bytes [TURN, 32], point class, object index, and boxes at mid-turn."""
        el = np.radians(ELEVATION).astype(np.float32)
        beam_az = np.radians(STEP / 100 * np.arange(32) * LASER_US / BLOCK_US).astype(np.float32)
        block_az = np.radians(STEP / 100 * np.arange(TURN)).astype(np.float32)
        rng_m, inten = np.zeros((TURN, 32), np.float32), np.zeros((TURN, 32), np.float32)
        cls, obj = np.zeros((TURN, 32), np.uint8), np.zeros((TURN, 32), np.int16)
        dt = slice_blocks * BLOCK_US * 1e-6
        half = TURN // slice_blocks // 2
        boxes = None
        for k in range(0, TURN // slice_blocks):
            if k == half:
                boxes = self._boxes()
            self._advance(dt / 2)
            pose = self.pose(self.time).astype(np.float32)
            s = slice(k * slice_blocks, (k + 1) * slice_blocks)
            self.lib.sim_sweep(self.s, C.byref(HDL32E), ptr(pose), ptr(el), ptr(beam_az), 32, ptr(block_az[s]), slice_blocks, C.byref(self.rng),
                               ptr(self.last), ptr(rng_m[s]), ptr(inten[s]), ptr(cls[s]), ptr(obj[s]))
            self._advance(dt / 2)
        counts = np.round(rng_m / DISTANCE_M).astype(np.uint16)
        seen = np.bincount(obj[(counts > 0) & (obj >= 0)], minlength=len(boxes))
        return counts, np.round(inten * 255).astype(np.uint8), cls, obj, np.column_stack([boxes, seen])

    def _advance(self, dt):
        self.lib.sim_advance(self.s, ptr(self.vel), dt)
        self.time += dt

    def _boxes(self):
        """Objects in the sensor frame of this moment: class x y z l w h yaw."""
        b = self.objects()
        x, y, yaw = self.pose(self.time)
        z = self.lib.sim_ground(self.s, x, y) + HDL32E.height
        dx, dy, c, s = b[:, 1] - x, b[:, 2] - y, np.cos(yaw), np.sin(yaw)
        b[:, 1], b[:, 2], b[:, 3] = c * dx + s * dy, -s * dx + c * dy, b[:, 3] - z
        b[:, 7] = (b[:, 7] - yaw + np.pi) % (2 * np.pi) - np.pi
        return b


def decode(counts):
    """Points [n, 3] of one turn in the sensor frame, and the index of each in the turn."""
    az = np.radians(STEP / 100 * (np.arange(TURN)[:, None] + np.arange(32)[None] * LASER_US / BLOCK_US))
    el = np.radians(ELEVATION)[None]
    d = counts * DISTANCE_M
    xyz = np.stack([d * np.cos(el) * np.cos(az), -d * np.cos(el) * np.sin(az), d * np.sin(el) + 0 * az], 2).reshape(-1, 3)
    k = np.flatnonzero(counts.ravel())
    return xyz[k], k


# ---- packets ------------------------------------------------------------------------------------
def checksum(data):
    data += b"\0" * (len(data) % 2)
    s = sum(struct.unpack(f">{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return 0xFFFF - s


def datagram(payload, number):
    """Ethernet, IPv4 and UDP around a payload, broadcast by the sensor at its usual address."""
    src, dst = bytes([192, 168, 1, 201]), bytes([255, 255, 255, 255])
    udp = struct.pack(">HHHH", 2368, 2368, 8 + len(payload), 0)
    udp = udp[:6] + struct.pack(">H", checksum(src + dst + struct.pack(">HH", 17, len(udp) + len(payload)) + udp + payload) or 0xFFFF)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(payload), number & 0xFFFF, 0, 64, 17, 0) + src + dst
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return b"\xff" * 6 + bytes([0x60, 0x76, 0x88, 0, 0, 1]) + b"\x08\x00" + ip + udp + payload


def packet_us(i):
    """Time of the first firing of packet i, microseconds after START_S."""
    return round(i * BLOCKS * BLOCK_US)


def write_pcap(path, counts, inten):
    """counts, inten [n, 32] over all blocks, n a multiple of 12; block k is at azimuth k * STEP modulo a turn."""
    cell = np.dtype([("d", "<u2"), ("i", "u1")])
    block = np.dtype([("flag", "<u2"), ("az", "<u2"), ("cell", cell, 32)])
    a = np.zeros(len(counts), block)
    a["flag"] = 0xEEFF
    a["az"] = np.arange(len(counts)) % TURN * STEP
    a["cell"]["d"], a["cell"]["i"] = counts, inten
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i in range(len(a) // BLOCKS):
            us = packet_us(i)
            tail = struct.pack("<IBB", (START_S % 3600) * 1000000 + us, 0x37, 0x21)      # strongest return, HDL-32E
            frame = datagram(a[i * BLOCKS : (i + 1) * BLOCKS].tobytes() + tail, i)
            sent = START_S * 1000000 + us + 600                                          # after the last firing
            f.write(struct.pack("<IIII", sent // 1000000, sent % 1000000, len(frame), len(frame)) + frame)


def label_line(frame, boxes):
    block = frame * TURN
    stamp = START_S * 10**9 + packet_us(block // BLOCKS) * 1000 + round(block % BLOCKS * BLOCK_US * 1000)
    rows = [{"label": CLASSES[int(b[0])], "center": [round(v, 3) for v in b[1:4]], "size": [round(v, 3) for v in b[4:7]],
             "yaw": round(b[7], 4), "points": int(b[8]), "track": k} for k, b in enumerate(boxes.tolist()) if b[8] > 0]
    return json.dumps({"frame": frame, "stamp_ns": stamp, "boxes": rows}, separators=(",", ":"))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--seed", type=int, required=True)
    ap.add_argument("--turns", type=int, default=10, help="an even number, so that whole packets fill whole turns")
    ap.add_argument("--simulator", default=HERE)
    ap.add_argument("--out", required=True)
    args = ap.parse_args()
    if args.turns < 2 or args.turns % 2:
        ap.error("--turns must be even")
    seconds = args.turns * TURN * BLOCK_US * 1e-6
    drive = Drive(load(args.simulator), args.seed, seconds)
    if drive.blocked:
        sys.exit(f"seed {args.seed}: the carrier would hit something")
    os.makedirs(args.out, exist_ok=True)
    counts, inten, lines = [], [], []
    for k in range(args.turns):
        c, i, _, _, boxes = drive.turn()
        counts.append(c)
        inten.append(i)
        lines.append(label_line(k, boxes))
        seen = boxes[boxes[:, 8] >= 5]
        print(f"turn {k}: {int((c > 0).sum())} points, " + ", ".join(f"{int((seen[:, 0] == q).sum())} {n}" for q, n in enumerate(CLASSES)), flush=True)
    write_pcap(os.path.join(args.out, "demo.pcap"), np.concatenate(counts), np.concatenate(inten))
    with open(os.path.join(args.out, "demo.labels.jsonl"), "w") as f:
        f.write("\n".join(lines) + "\n")
    with open(os.path.join(args.out, "demo.poses.csv"), "w") as f:
        f.write("stamp_ns,x,y,z,roll,pitch,yaw\n")
        x0, y0, yaw = drive.start
        z0 = drive.lib.sim_ground(drive.s, x0, y0)
        for t in np.arange(0, seconds + 0.01, 0.01):                   # first pose = origin
            x, y, _ = drive.pose(t)
            dx, dy = x - x0, y - y0
            f.write(f"{START_S * 10**9 + round(t * 1e9)},{np.cos(yaw) * dx + np.sin(yaw) * dy:.4f},{-np.sin(yaw) * dx + np.cos(yaw) * dy:.4f},"
                    f"{drive.lib.sim_ground(drive.s, x, y) - z0:.4f},0,0,0\n")
    drive.close()


if __name__ == "__main__":
    main()
