"""Labelled real scans, for evaluation only: nothing here ever reaches the training.

`read(folder)` gives a list of Frame from folders laid out as
  kitti/{velodyne,label_2,calib}     the 3D object benchmark's files; labels exist in the camera's picture only
  nuscenes/*.bin, *.json             a key frame of LIDAR_TOP with its boxes
  argoverse2/LOG/*.lidar.bin, annotations.csv, info.json
as whatever of it is there. Points are x forward, y left, z up from the sensor (Argoverse 2's come from the roof sensors into
the frame of the rear axle; they are taken back by its calibration), boxes in scans.py's columns, without velocity.
"""
import csv
import dataclasses
import json
import pathlib

import numpy as np

CAR, PEDESTRIAN, CYCLIST, TRUCK, IGNORED = range(5)
KITTI = {"Car": CAR, "Van": CAR, "Pedestrian": PEDESTRIAN, "Cyclist": CYCLIST, "Truck": TRUCK, "Tram": TRUCK}
NUSCENES = {"car": CAR, "pedestrian": PEDESTRIAN, "truck": TRUCK, "bus": TRUCK, "trailer": TRUCK, "construction_vehicle": TRUCK}
ARGOVERSE = {"REGULAR_VEHICLE": CAR, "PEDESTRIAN": PEDESTRIAN, "BICYCLIST": CYCLIST, "MOTORCYCLIST": CYCLIST, "LARGE_VEHICLE": TRUCK,
             "BUS": TRUCK, "BOX_TRUCK": TRUCK, "TRUCK": TRUCK, "TRUCK_CAB": TRUCK, "VEHICULAR_TRAILER": TRUCK, "SCHOOL_BUS": TRUCK,
             "ARTICULATED_BUS": TRUCK}
PICTURE = 1242, 375  # pixels, where the frame does not tell
OWN_VEHICLE = 1.5  # m around the sensor: the carrier


@dataclasses.dataclass
class Frame:
    name: str
    dataset: str
    points: np.ndarray  # [n, 4]
    boxes: np.ndarray  # [k, 10]; class IGNORED: labelled, but none of ours
    inside: np.ndarray  # [k] points in each box
    camera: object = None  # KITTI: (projection [3, 4] of scan points, width, height), labels exist inside it only
    unlabelled: np.ndarray = None  # KITTI: DontCare rectangles in it

    def labelled(self, xyz):
        """Which of the points or centres [k, 3] lie where labels exist."""
        if self.camera is None:
            return np.ones(len(xyz), bool)
        matrix, width, height = self.camera
        u, v, w = matrix @ np.c_[xyz, np.ones(len(xyz))].T
        ahead = w > 0.1
        u, v = u / np.where(ahead, w, 1), v / np.where(ahead, w, 1)
        ok = ahead & (u >= 0) & (u < width) & (v >= 0) & (v < height)
        for left, top, right, bottom in self.unlabelled:
            ok &= ~((u >= left) & (u <= right) & (v >= top) & (v <= bottom))
        return ok


def in_box(points, box, margin=0.0):
    x, y, z, length, width, height, yaw = box[1:8]
    d, c, s = points[:, :3] - [x, y, z], np.cos(yaw), np.sin(yaw)
    return ((abs(c * d[:, 0] + s * d[:, 1]) <= length / 2 + margin) & (abs(c * d[:, 1] - s * d[:, 0]) <= width / 2 + margin)
            & (abs(d[:, 2]) <= height / 2 + margin))


def _frame(name, dataset, points, rows, **more):
    boxes = np.zeros((len(rows), 10), np.float64)
    boxes[:, :8] = np.array(rows, np.float64).reshape(-1, 8)
    boxes[:, 7] = (boxes[:, 7] + np.pi) % (2 * np.pi) - np.pi
    inside = np.array([in_box(points, b, 0.1).sum() for b in boxes], int)
    return Frame(name, dataset, points.astype(np.float32), boxes, inside, **more)


def _kitti(folder):
    sizes = {}
    if (folder / "frames.json").exists():
        for f in json.loads((folder / "frames.json").read_text())["frames"]:
            sizes[f["frame"]] = (f.get("reduced_check") or {}).get("image_size") or PICTURE
    for path in sorted((folder / "label_2").glob("*.txt")):
        scan = folder / "velodyne" / f"{path.stem}.bin"
        if not scan.exists():
            continue
        calib = {k: np.array(v.split(), float) for k, v in (line.split(":", 1) for line in open(folder / "calib" / path.name) if ":" in line)}
        to_camera, rectify = np.eye(4), np.eye(4)
        to_camera[:3], rectify[:3, :3] = calib["Tr_velo_to_cam"].reshape(3, 4), calib["R0_rect"].reshape(3, 3)
        to_rect = rectify @ to_camera
        rows, blank = [], []
        for line in open(path):
            t = line.split()
            if t[0] == "DontCare":
                blank.append([float(v) for v in t[4:8]])
                continue
            h, w, length, x, y, z, turn = map(float, t[8:15])
            centre = np.linalg.solve(to_rect, [x, y - h / 2, z, 1])[:3]
            rows.append([KITTI.get(t[0], IGNORED), *centre, length, w, h, -turn - np.pi / 2])
        points = np.fromfile(scan, "<f4").reshape(-1, 4)
        camera = calib["P2"].reshape(3, 4) @ to_rect, *sizes.get(path.stem, PICTURE)
        yield _frame(f"kitti_{path.stem}", "kitti", points, rows, camera=camera, unlabelled=np.array(blank).reshape(-1, 4))


def _nuscenes(folder):
    for path in sorted(folder.glob("*.json")):
        told = json.loads(path.read_text())
        scans = sorted(folder.glob("*.bin"))
        if not scans:
            continue
        p = np.fromfile(scans[0], "<f4").reshape(-1, 5)
        p = p[np.hypot(p[:, 0], p[:, 1]) > OWN_VEHICLE]
        points = np.stack([p[:, 1], -p[:, 0], p[:, 2], p[:, 3] / 255], 1)  # x right, y forward there
        rows = []
        for i in told["instances"]:
            x, y, z = i["center_lidar_m"]
            rows.append([NUSCENES.get(i["category"], IGNORED), y, -x, z, *i["size_lwh_m"], i["yaw_lidar_rad"] - np.pi / 2])
        yield _frame(f"nuscenes_{path.stem}", "nuscenes", points, rows)


def _argoverse(folder):
    for path in sorted(folder.glob("*/*.lidar.bin")):
        stamp = path.name.split(".")[0]
        told = json.loads((path.parent / "info.json").read_text())
        sensor = np.array(told["egovehicle_SE3_sensor"]["up_lidar"])[:3, 3]
        a = np.fromfile(path, np.dtype([("p", "<f4", 3), ("i", "u1"), ("laser", "u1"), ("zero", "<u2"), ("t", "<i4")]))
        points = np.c_[a["p"] - sensor, a["i"] / 255]
        points = points[np.hypot(points[:, 0], points[:, 1]) > OWN_VEHICLE]
        rows = []
        for r in csv.DictReader(open(path.parent / "annotations.csv")):
            if r["timestamp_ns"] == stamp and r["category"] != "EGO_VEHICLE":
                centre = [float(r[k]) - s for k, s in zip(("tx_m", "ty_m", "tz_m"), sensor)]
                rows.append([ARGOVERSE.get(r["category"], IGNORED), *centre, *(float(r[k]) for k in ("length_m", "width_m", "height_m", "yaw_rad"))])
        yield _frame(f"argoverse2_{stamp}", "argoverse2", points, rows)


def read(folder):
    folder = pathlib.Path(folder)
    return [*_kitti(folder / "kitti"), *_nuscenes(folder / "nuscenes"), *_argoverse(folder / "argoverse2")]
