"""Simulated scans from libglint_sim.so (sim/train_api.h) by ctypes.

    with scan.World(seed) as world:
        s = world.scan(numpy.random.default_rng(1))            # a Scan (scans.py) of a sensor of the mixture
        s = world.scan(rng, sensors.TRAINED["vlp16"])          # of this one

The library is $GLINT_SIM_LIBRARY, or the newest build*/sim/libglint_sim.so of the source tree (`cmake --build build --target
glint_sim_shared`). What is drawn per scan, so that the network meets sensors as they come: beams beside their places, height, tilt,
noise, dropouts, sensitivity, intensity scale, when the turn begins, whether the vehicle's motion was taken out, the roof below.
"""
import ctypes as c
import math
import os
import pathlib

import numpy as np

import sensors
from scans import Scan

API_VERSION = 1
SECONDS = 30.0  # of a world's drive
CAP_POINTS, CAP_BOXES = 300000, 1024
RADIUS = 100.0
TURN_NS = 100000000
BOX = 10


class _World(c.Structure):
    _fields_ = [("seed", c.c_uint64), ("seconds", c.c_double), ("scene", c.c_int32), ("traffic", c.c_float), ("people", c.c_float),
                ("rain_mm_h", c.c_float)]


class _Sensor(c.Structure):
    _fields_ = [("elevation", c.c_void_p), ("azimuth", c.c_void_p), ("laser_ns", c.c_void_p), ("place", c.c_double * 3),
                ("roll", c.c_double), ("pitch", c.c_double), ("yaw", c.c_double), ("first", c.c_double), ("turn_ns", c.c_int64),
                ("noise_seed", c.c_uint64), ("n_columns", c.c_int32), ("n_lasers", c.c_int32), ("range_min_m", c.c_float),
                ("range_max_m", c.c_float), ("noise_m", c.c_float), ("sensitivity", c.c_float), ("dropout", c.c_float),
                ("divergence_rad", c.c_float), ("body_below_m", c.c_float), ("reserved", c.c_float)]


class _Request(c.Structure):
    _fields_ = [("place", c.c_double * 3), ("roll", c.c_double), ("pitch", c.c_double), ("yaw", c.c_double), ("start_ns", c.c_int64),
                ("radius_m", c.c_double), ("deskew", c.c_int32), ("reserved", c.c_int32)]


class _Scan(c.Structure):
    _fields_ = [("points", c.c_void_p), ("ring", c.c_void_p), ("label", c.c_void_p), ("owner", c.c_void_p), ("boxes", c.c_void_p),
                ("n_of", c.c_void_p), ("track", c.c_void_p), ("cap_points", c.c_int32), ("cap_boxes", c.c_int32),
                ("n_points", c.c_int32), ("n_boxes", c.c_int32)]


def library_path():
    named = os.environ.get("GLINT_SIM_LIBRARY")
    if named:
        return named
    source = pathlib.Path(__file__).resolve().parent.parent.parent
    found = sorted(source.glob("build*/sim/libglint_sim.so"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise RuntimeError(f"no build*/sim/libglint_sim.so in {source}: cmake --build build --target glint_sim_shared")
    return str(found[-1])


_library = None


def library():
    global _library
    if _library is None:
        _library = c.CDLL(library_path())
        if _library.glint_train_api_version() != API_VERSION:
            raise RuntimeError(f"{library_path()}: interface {_library.glint_train_api_version()}, {API_VERSION} expected: build it anew")
        _library.glint_train_error.restype = c.c_char_p
        _library.glint_train_world_close.argtypes = [c.c_void_p]
        _library.glint_train_scan.argtypes = [c.c_void_p, c.c_void_p, c.c_int32, c.c_void_p, c.c_void_p]
    return _library


def check(status):
    if status:
        raise RuntimeError(library().glint_train_error().decode())


class Mount:
    """A sensor where it sits: what is drawn of it, and the C struct (which points into arrays that are kept here)."""

    def __init__(self, sensor, rng, exact, roll=0.0, below=0.0):
        n = len(sensor.elevation)
        elevation = np.radians(sensor.elevation)
        if not exact:
            elevation = elevation + np.radians(rng.normal(0, 0.08, n) + rng.normal(0, 0.3))
        self.elevation = np.ascontiguousarray(elevation, np.float32)
        height = sensor.height + (rng.normal(0, 0.03) if exact else rng.uniform(-0.25, 0.25)) - below
        often = rng.random() < 0.8
        self.place = np.array([0.0, 0.0, height])
        self.tilt = np.array([roll + rng.normal(0, 0.010), rng.normal(0, 0.012), rng.uniform(-math.pi, math.pi) if roll else 0.0])
        roof = rng.uniform(0.25, 0.5) if sensor.roof and rng.random() < 0.6 else 0.0
        self.struct = _Sensor(self.elevation.ctypes.data, None, None, (c.c_double * 3)(*self.place), *self.tilt,
                              rng.uniform(0, 2 * math.pi), TURN_NS, int(rng.integers(1 << 62)), sensor.columns, n,
                              rng.uniform(0.8, 2.5), sensor.reach, rng.uniform(0.012, 0.03), math.exp(rng.normal(0, 0.4)),
                              rng.uniform(0, 0.03) if often else rng.uniform(0.05, 0.15), rng.uniform(0.0005, 0.003), roof, 0)


class World:
    """A street world by its seed. Used by one thread at a time."""

    arrays = None  # one set for all worlds: a scan copies what came

    def __init__(self, seed, people=-1.0, rain=0.0, seconds=SECONDS):
        """people: 0 none, 1 usual, 3 dense; negative: as the seed has it. rain: mm/h."""
        self.handle, self.seconds, self.at = c.c_void_p(), seconds, 1.0
        settings = _World(seed, seconds, 0, -1, people, rain)
        check(library().glint_train_world_open(c.byref(settings), c.byref(self.handle)))
        if World.arrays is None:
            World.arrays = (np.empty((CAP_POINTS, 4), np.float32), np.empty(CAP_POINTS, np.uint16), np.empty(CAP_POINTS, np.uint8),
                            np.empty(CAP_POINTS, np.int32), np.empty((CAP_BOXES, BOX), np.float32), np.empty(CAP_BOXES, np.int32),
                            np.empty(CAP_BOXES, np.int64))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        library().glint_train_world_close(self.handle)

    def scan(self, rng, sensor=None):
        """The drive goes on by some seconds before each scan."""
        pair = sensor is None and rng.random() < sensors.PAIR_SHARE
        sensor = sensors.TRAINED[sensors.PAIR] if pair else sensor or sensors.draw(rng)
        exact = rng.random() < 0.5
        self.at = min(self.at + rng.uniform(2, 8), self.seconds - 1)
        mounts = [Mount(sensor, rng, exact)]
        if pair:
            mounts.append(Mount(sensor, rng, exact, math.pi, rng.uniform(0.1, 0.3)))
        return self.cast(mounts, rng, sensor.name + ("_pair" if pair else ""), bool(rng.random() < 0.5))

    def cast(self, mounts, rng, name, deskew):
        first, a = mounts[0], World.arrays
        request = _Request((c.c_double * 3)(*first.place), *first.tilt, int(self.at * 1e9), RADIUS, deskew, 0)
        result = _Scan(*(x.ctypes.data for x in a), CAP_POINTS, CAP_BOXES, 0, 0)
        array = (_Sensor * len(mounts))(*(m.struct for m in mounts))
        check(library().glint_train_scan(self.handle, array, len(mounts), c.byref(request), c.byref(result)))
        n, k = result.n_points, result.n_boxes
        points, ring, label, owner = (x[:n].copy() for x in a[:4])
        gain, gamma = math.exp(rng.normal(0, 0.4)), rng.uniform(0.6, 1.5)
        points[:, 3] = np.clip(points[:, 3] * gain, 0, 1) ** gamma
        return Scan(points, ring, label, owner, a[4][:k].copy(), name, a[6][:k].copy())
