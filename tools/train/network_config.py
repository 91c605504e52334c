"""The network's description: the same config.json that `glint run` reads (docs/MODELS.md, "flatpoint"), so that there is one of it.

`read(path)` gives a Config; `TINY` and `BASE` are the paths of the shipped model's and of the larger one.
"""
import json
import math
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
TINY = SOURCE / "data/models/glint-tiny/config.json"
BASE = HERE / "glint-base.json"


class Config:
    """Members by the names that the training uses; `.raw` is the JSON as it was."""

    def __init__(self, raw):
        self.raw = raw
        self.classes, self.point_classes = raw["classes"], raw["point_classes"]
        self.fields = raw["input"]["fields"]
        if raw["arch"] != "flatpoint" or self.fields != ["x", "y", "z", "intensity"]:
            raise ValueError("arch flatpoint with the fields x, y, z, intensity expected")
        self.range, self.pillar = raw["grid"]["range"], raw["grid"]["pillar"][0]
        self.side = round((self.range[3] - self.range[0]) / self.pillar)  # pillars along a side of the whole grid
        self.stride = raw["bev"]["stride"]
        self.cell = self.pillar * self.stride  # of the map that boxes are found in, m
        self.score, self.distance = raw["head"]["score"], raw["head"]["distance_m"]
        self.exclusive = [self.classes.index(name) for name in raw["head"].get("exclusive", [])]
        self.z = self.range[2], self.range[5]
        self.intensity = raw["input"].get("intensity", "unused") != "unused"

    def crop_side(self, metres):
        """Pillars along a side of a crop: a multiple of two map cells, at most the whole grid."""
        step = 2 * self.stride
        return min(self.side, math.ceil(metres / self.pillar / step) * step)


def read(path):
    return Config(json.loads(pathlib.Path(path).read_text()))
