#!/usr/bin/env python3
"""A made nuScenes dataset of real size: tables and a detection result, to measure reading and evaluating with.

    nuscenes_make.py tables OUT                 850 scenes, 34,000 samples, 2.6 million sample_data rows (about 2 GB)
    nuscenes_make.py evaluation OUT             150 val scenes with 6,019 samples, key frames only, and OUT/results.json

Numbers of rows, sensors and sweeps are those of v1.0-trainval; positions are random. No point clouds. The files are laid out
as the official ones are (a field per line)."""
import hashlib
import os
import random
import sys

CHANNELS = ["LIDAR_TOP", "CAM_FRONT", "CAM_FRONT_LEFT", "CAM_FRONT_RIGHT", "CAM_BACK", "CAM_BACK_LEFT", "CAM_BACK_RIGHT",
            "RADAR_FRONT", "RADAR_FRONT_LEFT", "RADAR_FRONT_RIGHT", "RADAR_BACK_LEFT", "RADAR_BACK_RIGHT"]
SWEEPS = [10, 8, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6]  # rows between two key frames, the key frame counted
CATEGORIES = [("vehicle.car", "car", 43, 4.6, 1.9, 1.7, "vehicle."), ("human.pedestrian.adult", "pedestrian", 20, 0.7, 0.7, 1.8, "pedestrian."),
              ("movable_object.barrier", "barrier", 13, 0.5, 2.5, 1.0, ""), ("movable_object.trafficcone", "traffic_cone", 8, 0.4, 0.4, 1.1, ""),
              ("vehicle.truck", "truck", 8, 7.0, 2.5, 2.8, "vehicle."), ("vehicle.trailer", "trailer", 2, 12.0, 2.9, 3.9, "vehicle."),
              ("vehicle.bus.rigid", "bus", 1, 11.0, 2.9, 3.5, "vehicle."), ("vehicle.construction", "construction_vehicle", 1, 6.5, 2.8, 3.2, "vehicle."),
              ("vehicle.motorcycle", "motorcycle", 1, 2.1, 0.8, 1.5, "cycle."), ("vehicle.bicycle", "bicycle", 1, 1.7, 0.6, 1.3, "cycle."),
              ("static_object.bicycle_rack", None, 1, 3.0, 1.0, 1.4, ""), ("movable_object.debris", None, 1, 1.0, 1.0, 1.0, "")]
ATTRIBUTES = ["vehicle.moving", "vehicle.stopped", "vehicle.parked", "cycle.with_rider", "cycle.without_rider",
              "pedestrian.sitting_lying_down", "pedestrian.standing", "pedestrian.moving"]


def token(*words):
    return hashlib.md5("/".join(map(str, words)).encode()).hexdigest()


class Table:
    def __init__(self, folder, name):
        self.file = open(os.path.join(folder, name + ".json"), "w", buffering=1 << 20)
        self.comma = "[\n"
        self.rows = 0

    def row(self, fields):
        """fields: (name, JSON text)"""
        self.file.write(self.comma + "{\n" + ",\n".join(f'"{k}": {v}' for k, v in fields) + "\n}")
        self.comma = ",\n"
        self.rows += 1

    def close(self):
        self.file.write("\n]" if self.rows else "[]")
        self.file.close()


def q(text):
    return f'"{text}"'


def numbers(values):
    return "[\n" + ",\n".join(repr(v) for v in values) + "\n]"


def scene_names(kind):
    """Names of the val scenes come from Glint's own list, so that the devkit takes the same."""
    here = os.path.dirname(os.path.abspath(__file__))
    text = open(os.path.join(here, "../../io/nuscenes_splits.c")).read()
    out = []
    for name in kind:
        body = text.split(f" {name}[] = {{")[1].split("};")[0]
        for pair in body.replace("\n", " ").split("},"):
            a, b = [int(x) for x in pair.replace("{", "").replace("}", "").split(",")[:2]]
            out += [f"scene-{k:04d}" for k in range(a, b + 1)]
    return out


def make(out, names, n_samples, sweeps, results):
    rnd = random.Random(1)
    version = os.path.join(out, "v1.0-trainval")
    os.makedirs(version, exist_ok=True)
    os.makedirs(os.path.join(out, "maps"), exist_ok=True)
    open(os.path.join(out, "maps", "made.png"), "wb").close()
    t = {n: Table(version, n) for n in ("scene", "sample", "sample_data", "ego_pose", "sample_annotation", "instance", "category",
                                        "attribute", "sensor", "calibrated_sensor", "log", "map", "visibility")}
    for name, *_ in CATEGORIES:
        t["category"].row([("token", q(token("category", name))), ("name", q(name)), ("description", q("")), ("index", str(1 + len(name) % 30))])
    for name in ATTRIBUTES:
        t["attribute"].row([("token", q(token("attribute", name))), ("name", q(name)), ("description", q(""))])
    for k, name in enumerate(["v0-40", "v40-60", "v60-80", "v80-100"]):
        t["visibility"].row([("description", q("")), ("token", q(str(k + 1))), ("level", q(name))])
    for channel in CHANNELS:
        modality = {"L": "lidar", "C": "camera", "R": "radar"}[channel[0]]
        t["sensor"].row([("token", q(token(channel))), ("channel", q(channel)), ("modality", q(modality))])
        t["calibrated_sensor"].row([("token", q(token("calibrated", channel))), ("sensor_token", q(token(channel))),
                                    ("translation", numbers([0.94, 0.0, 1.84])), ("rotation", numbers([0.7077955119163518, -0.006492242056004365, 0.010646214713995808, -0.7063073142877817])),
                                    ("camera_intrinsic", "[]")])
    t["log"].row([("token", q(token("log"))), ("logfile", q("n000")), ("vehicle", q("n000")), ("date_captured", q("2018-01-01")), ("location", q("singapore-onenorth"))])
    t["map"].row([("category", q("semantic_prior")), ("token", q(token("map"))), ("filename", q("maps/made.png")), ("log_tokens", f'[\n"{token("log")}"\n]')])
    submission = open(os.path.join(out, "results.json"), "w", buffering=1 << 20) if results else None
    if submission:
        submission.write('{"meta": {"use_camera": false, "use_lidar": true, "use_radar": false, "use_map": false, "use_external": false}, "results": {')
    for s, name in enumerate(names):
        n = n_samples // len(names) + (s < n_samples % len(names))
        scene(t, rnd, name, n, sweeps, submission, s == 0)
    if submission:
        submission.write("}}")
        submission.close()
    counts = {k: v.rows for k, v in t.items()}
    for table in t.values():
        table.close()
    print(counts)


def scene(t, rnd, name, n, sweeps, submission, first_scene):
    samples = [token(name, k) for k in range(n)]
    t["scene"].row([("token", q(token(name))), ("log_token", q(token("log"))), ("nbr_samples", str(n)), ("first_sample_token", q(samples[0])),
                    ("last_sample_token", q(samples[-1])), ("name", q(name)), ("description", q("made"))])
    begun = 1532402927647951 + int(name[6:]) * 10**8
    x, y, vx, vy = rnd.uniform(300, 2000), rnd.uniform(300, 2000), rnd.uniform(-8, 8), rnd.uniform(-8, 8)
    for k in range(n):
        link = lambda i: q(samples[i]) if 0 <= i < n else q("")
        t["sample"].row([("token", q(samples[k])), ("timestamp", str(begun + 500000 * k)), ("prev", link(k - 1)), ("next", link(k + 1)), ("scene_token", q(token(name)))])
    for c, channel in enumerate(CHANNELS if sweeps else CHANNELS[:1]):
        per, total = (SWEEPS[c], (n - 1) * SWEEPS[c] + 1) if sweeps else (1, n)
        for i in range(total):
            stamp, here = begun + 500000 * i // per, token(name, channel, i)
            key, kind = i % per == 0, "samples" if i % per == 0 else "sweeps"
            file = f"{kind}/{channel}/n000-2018-01-01-00-00-00+0000__{channel}__{stamp}" + (".pcd.bin" if c == 0 else ".jpg" if channel[0] == "C" else ".pcd")
            t["sample_data"].row([("token", q(here)), ("sample_token", q(samples[min((i + per - 1) // per, n - 1)])), ("ego_pose_token", q(here)),
                                  ("calibrated_sensor_token", q(token("calibrated", channel))), ("timestamp", str(stamp)), ("fileformat", q("pcd" if channel[0] != "C" else "jpg")),
                                  ("is_key_frame", "true" if key else "false"), ("height", "900" if channel[0] == "C" else "0"), ("width", "1600" if channel[0] == "C" else "0"), ("filename", q(file)),
                                  ("prev", q(token(name, channel, i - 1)) if i else q("")), ("next", q(token(name, channel, i + 1)) if i + 1 < total else q(""))])
            at = (stamp - begun) * 1e-6
            t["ego_pose"].row([("token", q(here)), ("timestamp", str(stamp)), ("rotation", numbers([0.9833466330421315 + at * 1e-12, 0.00036345831869950574, 0.0019666958883461467, -0.18172891704414246])),
                               ("translation", numbers([x + vx * at, y + vy * at, 0.0]))])
    objects(t, rnd, name, samples, x, y, vx, vy, submission, first_scene)


def objects(t, rnd, name, samples, x, y, vx, vy, submission, first_scene):
    """About 34 annotations per sample, an instance for 14 samples in the mean; results are the annotations moved a little, and
    others up to some 250 per sample."""
    n, weights = len(samples), [c[2] for c in CATEGORIES]
    lists = [[] for _ in samples]
    for i in range(104):
        kind = rnd.choices(CATEGORIES, weights)[0]
        first = rnd.randrange(n)
        last = min(n - 1, first + rnd.randrange(1, 34))
        ox, oy = x + vx * 0.5 * first + rnd.uniform(-60, 60), y + vy * 0.5 * first + rnd.uniform(-60, 60)
        ux, uy = (rnd.uniform(-6, 6), rnd.uniform(-6, 6)) if kind[6] and rnd.random() < 0.4 else (0.0, 0.0)
        names = [a for a in ATTRIBUTES if kind[6] and a.startswith(kind[6])]
        instance = token(name, "instance", i)
        tokens = [token(instance, k) for k in range(first, last + 1)]
        t["instance"].row([("token", q(instance)), ("category_token", q(token("category", kind[0]))), ("nbr_annotations", str(len(tokens))),
                           ("first_annotation_token", q(tokens[0])), ("last_annotation_token", q(tokens[-1]))])
        for j, here in enumerate(tokens):
            k = first + j
            px, py = round(ox + ux * 0.5 * j, 3), round(oy + uy * 0.5 * j, 3)
            attribute = rnd.choice(names) if names else ""
            t["sample_annotation"].row([("token", q(here)), ("sample_token", q(samples[k])), ("instance_token", q(instance)), ("visibility_token", q(str(rnd.randrange(1, 5)))),
                                        ("attribute_tokens", f'[\n"{token("attribute", attribute)}"\n]' if attribute else "[]"), ("translation", numbers([px, py, 1.0])),
                                        ("size", numbers([kind[4], kind[3], kind[5]])), ("rotation", numbers([0.9393727130000001, 0.0, 0.0, 0.34289780700000005])),
                                        ("prev", q(tokens[j - 1]) if j else q("")), ("next", q(tokens[j + 1]) if j + 1 < len(tokens) else q("")),
                                        ("num_lidar_pts", str(rnd.randrange(0, 60))), ("num_radar_pts", str(rnd.randrange(0, 3)))])
            if submission and kind[1]:
                lists[k].append((kind, px, py, ux, uy, attribute))
    if submission:
        for k, found in enumerate(lists):
            submission.write(("" if first_scene and k == 0 else ", ") + f'"{samples[k]}": [' + ", ".join(results(rnd, samples[k], found, x + vx * 0.5 * k, y + vy * 0.5 * k)) + "]")


def results(rnd, sample, found, ex, ey):
    weights = [c[2] for c in CATEGORIES if c[1]]
    kinds = [c for c in CATEGORIES if c[1]]
    total = rnd.randrange(200, 301)
    for i in range(total):
        if i < len(found):
            kind, px, py, ux, uy, attribute = found[i]
            px, py, score = px + rnd.gauss(0, 0.5), py + rnd.gauss(0, 0.5), rnd.betavariate(5, 3)
        else:
            kind = rnd.choices(kinds, weights)[0]
            names = [a for a in ATTRIBUTES if kind[6] and a.startswith(kind[6])]
            px, py, ux, uy = ex + rnd.uniform(-55, 55), ey + rnd.uniform(-55, 55), rnd.uniform(-3, 3), rnd.uniform(-3, 3)
            attribute, score = rnd.choice(names) if names else "", rnd.betavariate(1, 6)
        a = rnd.uniform(0, 6.28)
        w = (1 - a * a / 80) or 1.0
        yield (f'{{"sample_token": "{sample}", "translation": [{px!r}, {py!r}, 1.0371], "size": [{kind[4] * rnd.uniform(0.9, 1.1)!r}, {kind[3] * rnd.uniform(0.9, 1.1)!r}, {kind[5]!r}], '
               f'"rotation": [{w!r}, 0.0, 0.0, {a / 6.3!r}], "velocity": [{ux + rnd.gauss(0, 0.3)!r}, {uy!r}], "detection_name": "{kind[1]}", '
               f'"detection_score": {score!r}, "attribute_name": "{attribute}"}}')


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("tables", "evaluation"):
        sys.exit(__doc__)
    if sys.argv[1] == "tables":
        make(sys.argv[2], scene_names(["train", "val"]), 34149, True, False)
    else:
        make(sys.argv[2], scene_names(["val"]), 6019, False, True)


if __name__ == "__main__":
    main()
