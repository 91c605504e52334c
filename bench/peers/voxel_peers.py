#!/usr/bin/env python3
"""Points to pillars on one core, Waymo grid (468 x 468), with and without FlatFormer's four window orders: Glint, PyTorch in two
ways, numpy, spconv, Open3D. What each does is said in its note: only those marked "same" give Glint's pillars and orders."""
import os
import zlib

import common

RANGE, CELL, GRID = (-74.88, -74.88, -2.0, 74.88, 74.88, 4.0), (0.32, 0.32, 6.0), 468


def made_scan(np, n, seed=8):
    """64 rings over flat ground with walls, cars and noise: points as a spinning sensor gives them."""
    rng, beams = np.random.default_rng(seed), 64
    az = np.repeat(np.linspace(-np.pi, np.pi, n // beams, endpoint=False), beams)
    el = np.tile(np.radians(np.linspace(-24.8, 2.0, beams)), n // beams)
    d = np.stack([np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)], 1)
    ground = np.where(d[:, 2] < 0, -1.8 / np.minimum(d[:, 2], -1e-9), 1e9)
    wall = np.abs(np.where(d[:, 1] > 0, 14.0, 11.0) / np.where(np.abs(d[:, 1]) < 1e-9, 1e-9, d[:, 1]))
    t = np.minimum(np.minimum(ground, wall), rng.uniform(20, 74, len(az))) * rng.uniform(0.99, 1.0, len(az))
    p = np.concatenate([d * t[:, None], np.full((len(az), 1), 0.3)], 1)
    return np.ascontiguousarray(p, dtype=np.float32)


def torch_unique(torch, points):
    """As with torch-scatter: cells by unique with its inverse and counts, then one sort per order."""
    low, high = torch.tensor(RANGE[:3]), torch.tensor(RANGE[3:])
    keep = ((points[:, :3] > low) & (points[:, :3] < high)).all(1)
    points = points[keep]
    cell = ((points[:, :2] - low[:2]) / torch.tensor(CELL[:2])).floor().long().clamp_(0, GRID - 1)
    key, inverse, counts = torch.unique(cell[:, 1] * GRID + cell[:, 0], return_inverse=True, return_counts=True)
    return torch.stack([key % GRID, key // GRID], 1), inverse, counts


def numpy_unique(np, points):
    low, high = np.float32(RANGE[:3]), np.float32(RANGE[3:])
    points = points[((points[:, :3] > low) & (points[:, :3] < high)).all(1)]
    cell = np.clip(np.floor((points[:, :2] - low[:2]) / np.float32(CELL[:2])).astype(np.int64), 0, GRID - 1)
    key, inverse, counts = np.unique(cell[:, 1] * GRID + cell[:, 0], return_inverse=True, return_counts=True)
    return key, inverse, counts


def add_spconv(alone, both, orders, notes, points):
    try:
        from spconv.pytorch.utils import PointToVoxel
    except Exception as e:
        notes["spconv"] = f"not measured: {type(e).__name__}"
        return
    make = PointToVoxel(vsize_xyz=list(CELL), coors_range_xyz=list(RANGE), num_point_features=4, max_num_voxels=60000,
                        max_num_points_per_voxel=20)
    alone["spconv PointToVoxel"] = common.turn(lambda: make(points))
    both["spconv and PyTorch"] = common.turn(lambda: orders(make(points)[1][:, [2, 1]].long()))
    notes["spconv PointToVoxel"] = "the first 20 points of each pillar, pillars by first point; no orders"
    notes["spconv and PyTorch"] = "orders of spconv's pillars by argsort"


def add_open3d(contenders, notes, np, points):
    try:
        import open3d as o3d
    except Exception as e:
        notes["Open3D"] = f"not measured: {type(e).__name__}"
        return
    cloud = o3d.t.geometry.PointCloud(o3d.core.Tensor(points[:, :3].copy()))
    contenders["Open3D voxel_down_sample"] = common.turn(lambda: cloud.voxel_down_sample(CELL[0]), 3)
    notes["Open3D voxel_down_sample"] = "cubes, means only, no range; no orders"
    legacy = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points[:, :3].astype(float)))
    contenders["Open3D VoxelGrid"] = common.turn(
        lambda: o3d.geometry.VoxelGrid.create_from_point_cloud(legacy, CELL[0]))
    notes["Open3D VoxelGrid"] = "cubes, occupied ones only; no orders"


def measure(args, torch, np, model, glint_model, path, points, label):
    tensor, last = torch.from_numpy(points), {}

    def run_glint(stage):
        def run():
            last.update(common.glint(args, "voxel", path, "--model", glint_model, "--threads", 1, "--repeat", 21))
            return common.glint_row(last, stage)
        return run

    five = torch.nn.functional.pad(tensor, (0, 1))
    orders = lambda cell_xy: [model.middle_encoder.order(cell_xy, n) for n in ("x", "x_shift", "y", "y_shift")]
    state = {}

    def dense_table():
        state["kept"], state["pillar"], state["count"], state["cell"] = model.voxelize(five)

    def with_orders():
        dense_table()
        state["orders"] = orders(state["cell"])

    def unique_orders():
        state["orders"] = orders(torch_unique(torch, tensor)[0])

    notes = {}
    alone = {"Glint": run_glint("voxelize"), "PyTorch, dense table": common.turn(dense_table),
             "PyTorch, unique": common.turn(lambda: torch_unique(torch, tensor)),
             "numpy, unique": common.turn(lambda: numpy_unique(np, points), 3)}
    add_open3d(alone, notes, np, points)
    both = {"Glint": run_glint("both"), "PyTorch, dense table": common.turn(with_orders),
            "PyTorch, unique": common.turn(unique_orders)}
    add_spconv(alone, both, orders, notes, tensor)
    rounds, out = 3 if args.quick else args.rounds, []
    for title, contenders in (("to pillars", alone), ("to pillars and four window orders", both)):
        for call in contenders.values():
            call()
        samples = common.in_turns(contenders, rounds)
        base = sorted(samples["Glint"])[len(samples["Glint"]) // 2]
        with_orders()
        cells = np.zeros((len(state["cell"]), 3), np.int32)
        cells[:, :2] = state["cell"].numpy()
        crc = 0
        for o in state["orders"]:
            crc = zlib.crc32(o.numpy().astype(np.int32).tobytes(), crc)
        same = f"{zlib.crc32(cells.tobytes()):08x}" == last["coord_crc32"] and f"{crc:08x}" == last["orders_crc32"]
        notes["PyTorch, dense table"] = "same" if same else f"DIFFERS ({len(cells)} pillars)"
        notes["Glint"] = f"{last['pillars']} pillars of {last['points']} points"
        rows = [common.row(n, s, base, note=notes.get(n, "")) for n, s in samples.items()]
        common.print_rows(f"{label}, {title}, one core", rows)
        out.append({"label": label, "what": title, "points": int(last["points"]), "pillars": last["pillars"], "rows": rows,
                    "left_out": {k: v for k, v in notes.items() if v.startswith("not measured")}})
    return out


def main():
    args = common.arguments(__doc__, 1).parse_args()
    common.one_core()
    for name in ("OMP_NUM_THREADS", "TBB_NUM_THREADS"):
        os.environ[name] = "1"
    import numpy as np
    import torch
    import flatformer_torch as ff
    torch.set_num_threads(1)
    weights = os.path.join(args.shared, "golden/flatformer/waymo_weights.safetensors")
    model = ff.load_model(weights)
    result = {"section": "voxel", "threads": 1, "cases": [],
              "versions": {m: common.version(m) for m in ("torch", "numpy", "open3d", "spconv")}}
    with common.folder() as folder, torch.inference_mode():
        glint_model = common.import_model(args, weights, os.path.join(folder, "waymo"))
        scan = os.path.join(args.shared, "frames/kitti/velodyne/000001.bin")
        points = made_scan(np, 180224)
        points.tofile(os.path.join(folder, "made.bin"))
        cases = [("made scan, 180k points", os.path.join(folder, "made.bin"), points)]
        if os.path.exists(scan) and not args.quick:
            cases.append(("KITTI 000001", scan, np.fromfile(scan, np.float32).reshape(-1, 4)))
        for label, path, p in cases:
            result["cases"] += measure(args, torch, np, model, glint_model, path, p, label)
    common.save(args, result)


if __name__ == "__main__":
    main()
