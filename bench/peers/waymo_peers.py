#!/usr/bin/env python3
"""Reading a Waymo TFRecord: frames to points of all lidars and both returns, Glint against the Python protobuf route.

    python3 -m venv venv && venv/bin/pip install numpy protobuf grpcio-tools
    venv/bin/python waymo_peers.py [--rounds 5] [--json ../results/eval_waymo_read.json]

The Python route does what the dataset's own utilities do (Frame.ParseFromString, zlib, MatrixFloat.ParseFromString, range image
to points with the poses of TOP's pixels), in numpy instead of TensorFlow, in double; messages by protobuf's C backend from
Glint's io/waymo.proto. `as users write it` takes the numbers of a matrix as numpy.array(matrix.data), as the utilities do;
`best` reads them by numpy.frombuffer from the packed bytes where the encoding allows. Checksums are checked by neither Python
way (there is no fast CRC-32C in its library); Glint checks all. Its points must agree to 1e-6 m, or nothing is measured."""
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib

import common

FRAMES = 12  # of the segment that is measured: the one frame of full.tfrecord again and again
os.environ.setdefault("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "upb")


def messages():
    from grpc_tools import protoc
    out = tempfile.mkdtemp(prefix="glint_peers_")
    protoc.main(["protoc", f"-I{common.ROOT}", f"--python_out={out}", "io/waymo.proto"])
    sys.path.insert(0, out)
    import importlib
    sys.modules.pop("io.waymo_pb2", None)
    spec = importlib.util.spec_from_file_location("waymo_pb2", os.path.join(out, "io", "waymo_pb2.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def records(path):
    with open(path, "rb") as f:
        while head := f.read(12):
            size, = struct.unpack_from("<Q", head)
            data = f.read(size)
            f.read(4)
            yield data


def matrix_plain(np, pb, stream):
    m = pb.MatrixFloat()
    m.ParseFromString(zlib.decompress(stream))
    return np.array(m.data, dtype=np.float32).reshape(m.shape.dims)


def matrix_best(np, pb, stream):
    """The packed numbers where they lie; all else by protobuf."""
    raw = zlib.decompress(stream)
    if raw[:1] == b"\x0a":
        size, shift, at = 0, 0, 1
        while True:
            size |= (raw[at] & 127) << shift
            at += 1
            shift += 7
            if raw[at - 1] < 128:
                break
        rest = raw[at + size:]
        m = pb.MatrixFloat()
        m.ParseFromString(rest)
        if not m.data:
            return np.frombuffer(raw, dtype=np.float32, count=size // 4, offset=at).reshape(m.shape.dims)
    return matrix_plain(np, pb, stream)


def rotation(np, roll, pitch, yaw):
    cr, sr, cp, sp, cy, sy = np.cos(roll), np.sin(roll), np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    return np.stack([np.stack([cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr], -1),
                     np.stack([sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr], -1),
                     np.stack([-sp, cp * sr, cp * cr], -1)], -2)


def points_of(np, image, calibration, pose, frame_pose):
    h, w = image.shape[:2]
    e = np.array(calibration.extrinsic.transform).reshape(4, 4)
    if calibration.beam_inclinations:
        inclination = np.array(calibration.beam_inclinations)[::-1]
    else:
        lo, hi = calibration.beam_inclination_min, calibration.beam_inclination_max
        inclination = (lo + (np.arange(h) + 0.5) / h * (hi - lo))[::-1]
    ratio = (w - np.arange(w) - 0.5) / w
    azimuth = (2 * ratio - 1) * np.pi - np.arctan2(e[1, 0], e[0, 0])
    r = image[..., 0].astype(np.float64)
    flat = np.cos(inclination)[:, None] * r
    local = np.stack([np.cos(azimuth) * flat, np.sin(azimuth) * flat, np.sin(inclination)[:, None] * r], -1)
    at = local @ e[:3, :3].T + e[:3, 3]
    if pose is not None:
        p = pose.astype(np.float64)
        at = np.einsum("hwij,hwj->hwi", rotation(np, p[..., 0], p[..., 1], p[..., 2]), at) + p[..., 3:]
        inverse = np.linalg.inv(frame_pose)
        at = at @ inverse[:3, :3].T + inverse[:3, 3]
    keep = image[..., 0] > 0
    return at[keep], image[keep]


def read_file(np, pb, path, matrix):
    """Per frame: points (n x 3, double) and their pixels (n x 4)."""
    for data in records(path):
        frame = pb.Frame()
        frame.ParseFromString(data)
        calibrations = {c.name: c for c in frame.context.laser_calibrations}
        frame_pose = np.array(frame.pose.transform).reshape(4, 4)
        at, pixels = [], []
        for laser in sorted(frame.lasers, key=lambda l: l.name):
            pose = None
            if laser.ri_return1.range_image_pose_compressed:
                pose = matrix(np, pb, laser.ri_return1.range_image_pose_compressed)
            for image in (laser.ri_return1, laser.ri_return2):
                a, p = points_of(np, matrix(np, pb, image.range_image_compressed), calibrations[laser.name], pose, frame_pose)
                at.append(a)
                pixels.append(p)
        yield np.concatenate(at), np.concatenate(pixels)


def glint_points(np, args, path):
    with common.folder() as folder:
        out = os.path.join(folder, "points.csv")
        subprocess.run([args.glint, "decode", path, "--out", out], check=True)
        return np.loadtxt(out, delimiter=",", skiprows=1, usecols=(0, 5, 6, 7, 8))


def agree(np, pb, args, path):
    """The largest difference of any coordinate, in metres."""
    ours, worst = glint_points(np, args, path), 0.0
    for way in (matrix_plain, matrix_best):
        for k, (at, pixels) in enumerate(read_file(np, pb, path, way)):
            mine = ours[ours[:, 0] == k]
            if len(mine) != len(at):
                sys.exit(f"{path}: frame {k}: {len(mine)} points, the Python route has {len(at)}")
            worst = max(worst, float(np.abs(mine[:, 1:4] - at).max()))
    if worst > 1e-6:
        sys.exit(f"{path}: differs by {worst} m")
    return worst


def bench(args, path, threads, parts):
    program = os.path.join(os.path.dirname(args.glint), "bench", "bench_waymo")
    done = subprocess.run([program, path, "--threads", str(threads), "--parts", parts, "--repeat", "3"], capture_output=True,
                          text=True, check=True)
    return json.loads(done.stdout)["median_ms"]


def main():
    ap = common.arguments(__doc__, 2)
    args = ap.parse_args()
    args.glint = os.path.abspath(args.glint)
    import numpy as np
    pb = messages()
    one = os.path.join(args.shared, "eval/waymo_frames/full.tfrecord")
    worst = agree(np, pb, args, one)
    agree(np, pb, args, os.path.join(args.shared, "eval/waymo_frames/small.tfrecord"))
    with common.folder() as folder:
        measure(args, np, pb, one, os.path.join(folder, "segment.tfrecord"), worst)


def measure(args, np, pb, one, path, worst):
    with open(one, "rb") as f, open(path, "wb") as out:
        out.write(f.read() * FRAMES)

    def python(way):
        return lambda: common.clock(lambda: sum(len(at) for at, _ in read_file(np, pb, path, way)))[0] / FRAMES

    contenders = {"Glint, 1 thread": lambda: bench(args, path, 1, "points"),
                  f"Glint, {args.threads} threads": lambda: bench(args, path, args.threads, "points"),
                  f"Glint, {args.threads} threads, to frames": lambda: bench(args, path, args.threads, "frames"),
                  "Python, as users write it": python(matrix_plain),
                  "Python, best": python(matrix_best)}
    samples = common.in_turns(contenders, args.rounds)
    base = sorted(samples["Glint, 1 thread"])[len(samples["Glint, 1 thread"]) // 2]
    rows = [common.row(name, s, base) for name, s in samples.items()]
    common.print_rows(f"a frame of real image sizes, 566,766 points (segment of {FRAMES}); ratio to Glint on one thread", rows)
    common.save(args, {"section": "eval_waymo_read", "machine": common.machine(), "numpy": np.__version__,
                       "protobuf": common.version("protobuf"), "crc32": common.crc(one), "frames": FRAMES, "largest_difference_m": worst,
                       "note": "per frame, file in the page cache; points in double with their pixels' values", "rows": rows})


if __name__ == "__main__":
    main()
