#!/usr/bin/env python3
"""What `glint run` wrote to an MCAP file against what it wrote beside it, through other people's readers.

check_mcap.py GLINT REPOSITORY: runs the demonstration drive to .mcap (each compression and layout), .jsonl and .pcd;
reads every .mcap with `mcap` + `mcap-ros2-support` and with `rosbags`; every message must decode and be equal.
check_mcap.py --file X.mcap X.jsonl [CLOUD_PATTERN]: the same for files that are there.
Exit status 77 (skipped) where these packages are missing: pip install mcap mcap-ros2-support rosbags numpy
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from mcap.reader import NonSeekingReader, SeekingReader
    from mcap.records import Chunk, Message
    from mcap.stream_reader import StreamReader, breakup_chunk
    from mcap_ros2.decoder import DecoderFactory
    from rosbags.highlevel import AnyReader
    from rosbags.typesys import Stores, get_typestore
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

NUMPY = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 8: "<f8"}
AUTOWARE = {"car": 1, "truck": 2, "bus": 3, "trailer": 4, "motorcycle": 5, "bicycle": 6, "pedestrian": 7}
problems = []


def check(good, what):
    if not good:
        problems.append(what)


def near(a, b, most):
    return math.fabs(a - b) <= most


def cloud_of(message):
    """A PointCloud2 as a structured array, by its own fields."""
    dtype = np.dtype({"names": [f.name for f in message.fields], "formats": [NUMPY[f.datatype] for f in message.fields],
                      "offsets": [f.offset for f in message.fields], "itemsize": message.point_step})
    check(message.row_step == message.point_step * message.width and len(message.data) == message.row_step, "cloud size")
    return np.frombuffer(bytes(message.data), dtype)


def pcd_of(path):
    raw = pathlib.Path(path).read_bytes()
    head, data = raw.split(b"DATA binary\n", 1)
    entry = {line.split()[0]: line.split()[1:] for line in head.decode().splitlines()}
    kinds = {"F": "<f", "U": "<u", "I": "<i"}
    return np.frombuffer(data, np.dtype([(n, kinds[t] + s) for n, t, s in zip(entry["FIELDS"], entry["TYPE"], entry["SIZE"])]))


def check_points(message, line, pattern, where):
    cloud = cloud_of(message)
    check(len(cloud) == line["points"], f"{where}: {len(cloud)} points")
    if "classes" in line:
        counts = np.bincount(cloud["label"], minlength=256)
        want = [n for name, n in line["classes"].items() if name != "unclassified"]
        check(list(counts[:len(want)]) == want, f"{where}: labels {counts[:len(want)]}, expected {want}")
        check(cloud["instance"].max(initial=0) <= len(line["boxes"]), f"{where}: instances")
    if not pattern:
        return
    truth = pcd_of(pattern % line["frame"])
    for axis in "xyz":
        check((cloud[axis] == truth[axis]).all(), f"{where}: {axis}")
    check((cloud["channel"] == truth["ring"]).all(), f"{where}: channel")
    check((cloud["return_type"] == truth["return_type"] + 1).all(), f"{where}: return_type")
    check((np.abs(cloud["intensity"] / 255.0 - truth["intensity"]) <= 0.5 / 255 + 1e-6).all(), f"{where}: intensity")
    if "azimuth" not in cloud.dtype.names:
        return
    x, y, z = (truth[axis].astype(float) for axis in "xyz")
    turn = np.abs(cloud["azimuth"] - np.arctan2(y, x) % (2 * np.pi))
    check((np.minimum(turn, 2 * np.pi - turn) < 1e-5).all(), f"{where}: azimuth")
    check((np.abs(cloud["elevation"] - np.arctan2(z, np.hypot(x, y))) < 1e-5).all(), f"{where}: elevation")
    check(np.allclose(cloud["distance"], np.sqrt(x * x + y * y + z * z), rtol=1e-6), f"{where}: distance")
    check((cloud["time_stamp"] == truth["t"]).all(), f"{where}: time_stamp")


def check_pose(pose, box, where):
    yaw = 2 * math.atan2(pose.orientation.z, pose.orientation.w)
    center = [pose.position.x, pose.position.y, pose.position.z]
    check(all(near(a, b, 1e-4) for a, b in zip(center, box["center"])), f"{where}: center {center}")
    check(near(math.remainder(yaw - box["yaw"], 2 * math.pi), 0, 1e-4), f"{where}: yaw {yaw}")
    check(pose.orientation.x == 0 and pose.orientation.y == 0, f"{where}: orientation")


def check_size(size, box, where):
    check(all(near(a, b, 1e-4) for a, b in zip([size.x, size.y, size.z], box["size"])), f"{where}: size")


def check_detections(message, line, where):
    check(len(message.detections) == len(line["boxes"]), f"{where}: {len(message.detections)} detections")
    for i, (d, box) in enumerate(zip(message.detections, line["boxes"])):
        at = f"{where}[{i}]"
        check(d.results[0].hypothesis.class_id == box["label"], f"{at}: class")
        check(near(d.results[0].hypothesis.score, box["score"], 1e-4), f"{at}: score")
        check_pose(d.bbox.center, box, at)
        check_pose(d.results[0].pose.pose, box, at)
        check_size(d.bbox.size, box, at)
        check(d.id == str(box.get("id", "")), f"{at}: id {d.id}")


def check_objects(objects, boxes, where):
    check(len(objects) == len(boxes), f"{where}: {len(objects)} objects")
    for i, (o, box) in enumerate(zip(objects, boxes)):
        at = f"{where}[{i}]"
        check(near(o.existence_probability, box["score"], 1e-4), f"{at}: probability")
        check(o.classification[0].label == AUTOWARE.get(box["label"], o.classification[0].label), f"{at}: label")
        check_pose(o.kinematics.pose_with_covariance.pose, box, at)
        check_size(o.shape.dimensions, box, at)
        v = o.kinematics.twist_with_covariance.twist.linear
        s, c = math.sin(box["yaw"]), math.cos(box["yaw"])
        check(near(c * v.x - s * v.y, box["velocity"][0], 2e-3) and near(s * v.x + c * v.y, box["velocity"][1], 2e-3),
              f"{at}: velocity")
        if hasattr(o, "object_id"):
            check(int.from_bytes(bytes(o.object_id.uuid)[12:], "big") == box["id"], f"{at}: id")


def check_markers(message, line, where):
    cubes = [m for m in message.markers if m.ns == "boxes"]
    words = [m for m in message.markers if m.ns == "labels"]
    check(message.markers[0].action == 3, f"{where}: first deletes all")
    check(len(cubes) == len(words) == len(line["boxes"]), f"{where}: {len(cubes)} cubes")
    for i, (cube, word, box) in enumerate(zip(cubes, words, line["boxes"])):
        check_pose(cube.pose, box, f"{where}[{i}]")
        check_size(cube.scale, box, f"{where}[{i}]")
        check(word.text.startswith(box["label"]), f"{where}[{i}]: text {word.text}")


def check_diagnostics(message, line, where):
    status = message.status[0]
    values = {v.key: v.value for v in status.values}
    check(status.hardware_id == line["source"], f"{where}: hardware_id")
    check(int(values["frame"]) == line["frame"] and int(values["points"]) == line["points"], f"{where}: frame, points")
    check(int(values["boxes"]) == len(line["boxes"]), f"{where}: boxes")
    for key, name in (("packets_received", "received"), ("packets_lost", "packets_lost"), ("packets_decoded", "decoded")):
        check(int(values[key]) == line["loss"][name], f"{where}: {key}")


def check_tf(message, line, where):
    t = message.transforms[0]
    check((t.header.frame_id, t.child_frame_id) == ("map", "base_link"), f"{where}: frames")
    p, q = t.transform.translation, t.transform.rotation
    check(all(near(a, b, 1e-6) for a, b in zip([p.x, p.y, p.z], line["ego"]["position"])), f"{where}: position")
    check(all(near(a, b, 1e-6) for a, b in zip([q.w, q.x, q.y, q.z], line["ego"]["rotation"])), f"{where}: rotation")


def check_message(topic, message, stamp, line, pattern, where):
    want = line["ego"]["stamp_ns"] if "ego" in line else line["stamp_ns"]
    check(stamp == want or want == 0, f"{where}: logged at {stamp}, expected {want}")
    if hasattr(message, "header"):
        check(message.header.stamp.sec * 10**9 + message.header.stamp.nanosec == stamp, f"{where}: header's stamp")
    if topic == "/glint/points":
        check_points(message, line, pattern, where)
    elif topic == "/glint/detections":
        check_detections(message, line, where)
    elif topic == "/glint/objects":
        check_objects(message.objects, line["boxes"], where)
    elif topic == "/glint/tracks":
        check_objects(message.objects, [b for b in line["boxes"] if "id" in b], where)
    elif topic == "/glint/markers":
        check_markers(message, line, where)
    elif topic == "/diagnostics":
        check_diagnostics(message, line, where)
    elif topic == "/tf":
        check_tf(message, line, where)
    else:
        check(False, f"{where}: no such topic")


def by_mcap(path, seeking):
    with open(path, "rb") as file:
        kind = SeekingReader if seeking else NonSeekingReader
        reader = kind(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        for _, channel, message, decoded in reader.iter_decoded_messages():
            yield channel.topic, message.log_time, decoded


def by_rosbags(path):
    with AnyReader([pathlib.Path(path)], default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as reader:
        for connection, stamp, raw in reader.messages():
            yield connection.topic, stamp, reader.deserialize(raw, connection.msgtype)


def check_file(path, jsonl, pattern):
    lines = [json.loads(line) for line in pathlib.Path(jsonl).read_text().splitlines()]
    wanted = {"/glint/points", "/glint/detections", "/glint/objects", "/glint/markers", "/diagnostics"}
    wanted |= {"/tf"} if "ego" in lines[0] else set()
    wanted |= {"/glint/tracks"} if any("id" in box for line in lines for box in line["boxes"]) else set()
    readers = [("mcap, by index", lambda: by_mcap(path, True)), ("mcap, in order", lambda: by_mcap(path, False)),
               ("rosbags", lambda: by_rosbags(path))]
    for name, read in readers:
        count = {}
        for topic, stamp, message in read():
            n = count[topic] = count.get(topic, 0) + 1
            if n <= len(lines):
                check_message(topic, message, stamp, lines[n - 1], pattern, f"{name}: {topic} {n - 1}")
        for topic in wanted | set(count):
            check(count.get(topic) == len(lines), f"{name}: {topic}: {count.get(topic)} messages, {len(lines)} frames")
        print(f"{path}: {name}: {sum(count.values())} messages of {len(count)} topics")


def messages_of_chunks(path):
    """Per chunk where it ends in the file, and how many messages it has."""
    ends, at, raw = [], 8, pathlib.Path(path).read_bytes()
    while at < len(raw) - 8:
        opcode, at = raw[at], at + 9 + int.from_bytes(raw[at + 1:at + 9], "little")
        ends += [at] if opcode == 6 else []
    with open(path, "rb") as file:
        counts = [sum(isinstance(r, Message) for r in breakup_chunk(chunk))
                  for chunk in StreamReader(file, emit_chunks=True).records if isinstance(chunk, Chunk)]
    return list(zip(ends, counts))


def check_cuts(path):
    """A file cut anywhere has all messages of its whole chunks (what `mcap recover` goes by)."""
    chunks = messages_of_chunks(path)
    raw = pathlib.Path(path).read_bytes()
    places = {end + d for end, _ in chunks for d in (-1, 0, 1, 9, 40)} | {len(raw) * k // 8 for k in range(1, 8)}
    for size in sorted(places):
        cut = pathlib.Path(path).with_suffix(".cut.mcap")
        cut.write_bytes(raw[:size])
        n = 0
        try:
            with open(cut, "rb") as file:
                for record in StreamReader(file).records:
                    n += isinstance(record, Message)
        except Exception:  # that it is cut is told in many ways
            pass
        want = sum(count for end, count in chunks if end <= size)
        check(n == want, f"{path} cut at {size}: {n} messages, expected {want}")
    print(f"{path}: cut at {len(places)} places")


def run_demo(glint, repository, folder):
    demo = pathlib.Path(repository) / "data" / "demo"
    for compression, layout, poses in (("zstd", "xyzirc", True), ("lz4", "xyzircaedt", True), ("none", "xyzirc", False)):
        out = pathlib.Path(folder) / compression
        command = [glint, "run", str(demo / "demo.pcap"), "--frames", "6", "--compress", compression, "--layout", layout,
                   "--out", f"{out}.mcap", "--out", f"{out}.jsonl", "--out", f"{out}_%06d.pcd"]
        command += ["--poses", str(demo / "demo.poses.csv")] if poses else []
        command += ["--track"] if compression == "lz4" else []
        run = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if "left out of this build" in run.stderr:
            print(f"skipped: {compression} is not in this build")
            continue
        check(run.returncode == 0, f"glint run: {run.stderr}")
        check_file(f"{out}.mcap", f"{out}.jsonl", f"{out}_%06d.pcd")
    check_cuts(f"{folder}/none.mcap")


def main():
    if sys.argv[1] == "--file":
        check_file(sys.argv[2], sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else None)
    else:
        with tempfile.TemporaryDirectory() as folder:
            run_demo(sys.argv[1], sys.argv[2], folder)
    for text in problems[:20]:
        print(text)
    print(f"{len(problems)} problems" if problems else "equal")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
