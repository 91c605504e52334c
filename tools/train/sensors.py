"""The sensors that the training mixes: their beams as the makers publish them, and how often each is drawn.

Models differ most in where their beams look, so a mixture of many makes a network for any. `HELD_OUT` ones are never trained on:
they tell how good the network is on a sensor that it has not seen (validate.py).
"""
import dataclasses

import numpy as np

VLP32C = [-25, -15.639, -11.31, -8.843, -7.254, -6.148, -5.333, -4.667, -4, -3.667, -3.333, -3, -2.667, -2.333, -2, -1.667, -1.333,
          -1, -0.667, -0.333, 0, 0.333, 0.667, 1, 1.333, 1.667, 2.333, 3.333, 4.667, 7, 10.333, 15]


@dataclasses.dataclass(frozen=True)
class Sensor:
    name: str
    elevation: np.ndarray  # degrees, one per laser
    columns: int  # a turn
    height: float  # m above ground, as usually mounted
    reach: float  # m
    share: float  # of the training's scans, to be normalised
    roof: bool = True  # the vehicle below it may be seen


def _table(*rows):
    return {r[0]: Sensor(r[0], np.asarray(r[1], np.float64), *r[2:]) for r in rows}


TRAINED = _table(
    ("hdl64", np.r_[2 - np.arange(32) / 3, -8.83 - np.arange(32) * 0.5], 2083, 1.73, 120, 0.30, False),
    ("hdl32", np.linspace(-30.67, 10.67, 32), 1084, 1.84, 100, 0.22),
    ("vlp16", np.linspace(-15, 15, 16), 1800, 1.8, 100, 0.08),
    ("vlp32c", VLP32C, 1800, 1.9, 120, 0.10),
    ("xt32", np.linspace(-16, 15, 32), 2000, 1.85, 120, 0.09),
    ("os1_128", np.linspace(-22.5, 22.5, 128), 1024, 1.85, 90, 0.08),
    ("os0_128", np.linspace(-45, 45, 128), 1024, 1.95, 50, 0.06),
    ("os2_128", np.linspace(-11.25, 11.25, 128), 1024, 1.85, 150, 0.04),
    ("os1_32", np.linspace(-22.5, 22.5, 32), 1024, 1.85, 90, 0.05),
    ("vls128", np.r_[np.linspace(-25, -7, 20), np.linspace(-6.8, 3, 90), np.linspace(3.5, 15, 18)], 1800, 1.95, 150, 0.04),
    ("pandar40", np.r_[np.linspace(-16, -6, 10), np.linspace(-5.67, 2, 24), np.linspace(3, 7, 6)], 1800, 1.9, 130, 0.04),
    ("top64", np.r_[np.linspace(-17.6, -4, 32), np.linspace(-3.6, 2.4, 32)], 2650, 2.1, 75, 0.08),
)
HELD_OUT = _table(
    ("pandar64", np.r_[np.linspace(-25, -6.17, 11), np.linspace(-6, 2, 49), np.linspace(3, 15, 4)], 1800, 1.9, 130, 1.0),
    ("bpearl48", np.linspace(-32, 16, 48), 1200, 1.9, 80, 1.0),
)
# Two 32-beam sensors one above the other, the lower one upside down and turned, as on Argoverse 2's vehicles.
PAIR = "vlp32c"
PAIR_SHARE = 0.10


def draw(rng):
    """A sensor of the training, by shares."""
    names = list(TRAINED)
    share = np.array([TRAINED[n].share for n in names])
    return TRAINED[rng.choice(names, p=share / share.sum())]
