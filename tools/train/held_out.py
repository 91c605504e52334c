"""Simulated scans that no training run sees: worlds of other seeds, sensors of the training and held-out ones."""
import numpy as np

import scan
import sensors

VALIDATE, CHOOSE = 1 << 60, (1 << 60) + (1 << 40)  # first seeds; training draws its worlds below 1 << 50
SEES = 75.0


def scans_of(first, n, only=None):
    """n scans, one per world from seed `first` on: sensors by turns (shares do not matter here), or `only` this one."""
    names = list(sensors.TRAINED)
    for i in range(n):
        rng = np.random.default_rng([first, i])
        sensor = only or sensors.TRAINED[names[i % len(names)]]
        with scan.World(first + i) as world:
            yield world.scan(rng, sensor).within(SEES)
