#!/usr/bin/env python3
"""A subscriber of another make: check_dds.py GLINT REPOSITORY [SECONDS]

Subscribes with the `cyclonedds` Python package, by types written from ROS 2's .msg files, to what `glint run` (or, with
SECONDS, `glint live` of a replay of that length) publishes with --out dds:DOMAIN on the loopback interface. Every message
of the reliable topics must come and be equal to the JSON lines of the same run; the latency from writing to taking is told.
Exit status 77 (skipped) where the package is missing: pip install cyclonedds
"""
import json
import math
import os
import pathlib
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import types
from dataclasses import dataclass

os.environ["CYCLONEDDS_URI"] = (
    '<CycloneDDS><Domain id="any"><General><Interfaces><NetworkInterface name="lo"/></Interfaces>'
    "<AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto</ParticipantIndex>"
    '<Peers><Peer address="127.0.0.1"/></Peers></Discovery></Domain></CycloneDDS>')
try:
    from cyclonedds.core import Policy, Qos
    from cyclonedds.domain import DomainParticipant
    from cyclonedds.idl import IdlStruct
    from cyclonedds.idl.annotations import final
    from cyclonedds.idl.types import array, float32, float64, int32, sequence, uint8, uint32
    from cyclonedds.sub import DataReader
    from cyclonedds.topic import Topic
    from cyclonedds.util import duration
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

problems = []


def check(good, what):
    if not good:
        problems.append(what)


def message(package, name, /, **fields):
    """A ROS 2 type as IDL: package::msg::dds_::Name_."""
    made = types.new_class(name, (IdlStruct,), {"typename": f"{package}.msg.dds_.{name}_"},
                           lambda names: names.update(__annotations__=fields))
    return final(dataclass(made))


Time = message("builtin_interfaces", "Time", sec=int32, nanosec=uint32)
Header = message("std_msgs", "Header", stamp=Time, frame_id=str)
Vector3 = message("geometry_msgs", "Vector3", x=float64, y=float64, z=float64)
Point = message("geometry_msgs", "Point", x=float64, y=float64, z=float64)
Point32 = message("geometry_msgs", "Point32", x=float32, y=float32, z=float32)
Quaternion = message("geometry_msgs", "Quaternion", x=float64, y=float64, z=float64, w=float64)
Pose = message("geometry_msgs", "Pose", position=Point, orientation=Quaternion)
PoseCovariance = message("geometry_msgs", "PoseWithCovariance", pose=Pose, covariance=array[float64, 36])
Twist = message("geometry_msgs", "Twist", linear=Vector3, angular=Vector3)
TwistCovariance = message("geometry_msgs", "TwistWithCovariance", twist=Twist, covariance=array[float64, 36])
Polygon = message("geometry_msgs", "Polygon", points=sequence[Point32])
PointField = message("sensor_msgs", "PointField", name=str, offset=uint32, datatype=uint8, count=uint32)
PointCloud2 = message("sensor_msgs", "PointCloud2", header=Header, height=uint32, width=uint32, fields=sequence[PointField],
                      is_bigendian=bool, point_step=uint32, row_step=uint32, data=sequence[uint8], is_dense=bool)
Hypothesis = message("vision_msgs", "ObjectHypothesis", class_id=str, score=float64)
HypothesisPose = message("vision_msgs", "ObjectHypothesisWithPose", hypothesis=Hypothesis, pose=PoseCovariance)
BoundingBox3D = message("vision_msgs", "BoundingBox3D", center=Pose, size=Vector3)
Detection3D = message("vision_msgs", "Detection3D", header=Header, results=sequence[HypothesisPose], bbox=BoundingBox3D, id=str)
Detection3DArray = message("vision_msgs", "Detection3DArray", header=Header, detections=sequence[Detection3D])
Classification = message("autoware_perception_msgs", "ObjectClassification", label=uint8, probability=float32)
Shape = message("autoware_perception_msgs", "Shape", type=uint8, footprint=Polygon, dimensions=Vector3)
Kinematics = message("autoware_perception_msgs", "DetectedObjectKinematics", pose_with_covariance=PoseCovariance,
                     has_position_covariance=bool, orientation_availability=uint8, twist_with_covariance=TwistCovariance,
                     has_twist=bool, has_twist_covariance=bool)
DetectedObject = message("autoware_perception_msgs", "DetectedObject", existence_probability=float32,
                         classification=sequence[Classification], kinematics=Kinematics, shape=Shape)
DetectedObjects = message("autoware_perception_msgs", "DetectedObjects", header=Header, objects=sequence[DetectedObject])
KeyValue = message("diagnostic_msgs", "KeyValue", key=str, value=str)
Status = message("diagnostic_msgs", "DiagnosticStatus", level=uint8, name=str, message=str, hardware_id=str,
                 values=sequence[KeyValue])
DiagnosticArray = message("diagnostic_msgs", "DiagnosticArray", header=Header, status=sequence[Status])


def near(a, b):
    return math.fabs(a - b) <= 1e-4


def check_pose(pose, box, where):
    p, q = pose.position, pose.orientation
    check(all(near(a, b) for a, b in zip((p.x, p.y, p.z), box["center"])), f"{where}: center")
    check(near(math.remainder(2 * math.atan2(q.z, q.w) - box["yaw"], 2 * math.pi), 0), f"{where}: yaw")


def check_size(size, box, where):
    check(all(near(a, b) for a, b in zip((size.x, size.y, size.z), box["size"])), f"{where}: size")


def check_detections(m, line, where):
    check(len(m.detections) == len(line["boxes"]), f"{where}: {len(m.detections)} detections, {len(line['boxes'])} boxes")
    for i, (d, box) in enumerate(zip(m.detections, line["boxes"])):
        check(d.results[0].hypothesis.class_id == box["label"], f"{where}[{i}]: class")
        check(near(d.results[0].hypothesis.score, box["score"]), f"{where}[{i}]: score")
        check_pose(d.bbox.center, box, f"{where}[{i}]")
        check_size(d.bbox.size, box, f"{where}[{i}]")


def check_objects(m, line, where):
    check(len(m.objects) == len(line["boxes"]), f"{where}: {len(m.objects)} objects")
    for i, (o, box) in enumerate(zip(m.objects, line["boxes"])):
        check(near(o.existence_probability, box["score"]), f"{where}[{i}]: probability")
        check_pose(o.kinematics.pose_with_covariance.pose, box, f"{where}[{i}]")
        check_size(o.shape.dimensions, box, f"{where}[{i}]")


def check_diagnostics(m, line, where):
    values = {v.key: v.value for v in m.status[0].values}
    check(int(values["frame"]) == line["frame"] and int(values["points"]) == line["points"], f"{where}: frame, points")


def check_points(m, line, where):
    check(m.width == line["points"] and len(m.data) == m.row_step == m.width * m.point_step, f"{where}: size")


# topic: type, reliable, check
TOPICS = {"/glint/detections": (Detection3DArray, True, check_detections), "/glint/objects": (DetectedObjects, True, check_objects),
          "/diagnostics": (DiagnosticArray, True, check_diagnostics), "/glint/points": (PointCloud2, False, check_points)}


def subscribe(participant, with_points):
    readers = {}
    for topic, (kind, reliable, _) in TOPICS.items():
        if topic == "/glint/points" and not with_points: # Python takes long over a million bytes
            continue
        qos = Qos(Policy.Reliability.Reliable(duration(milliseconds=100)) if reliable else Policy.Reliability.BestEffort,
                  Policy.History.KeepLast(2000 if reliable else 5), Policy.Durability.Volatile)
        readers[topic] = DataReader(participant, Topic(participant, "rt" + topic, kind), qos=qos)
    return readers


def take(readers, got):
    some = False
    for topic, reader in readers.items():
        for sample in reader.take(100):
            if sample.sample_info.valid_data:
                got[topic].append((sample, time.time_ns() - sample.sample_info.source_timestamp))
                some = True
    return some


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(glint, demo, domain, seconds, out):
    outputs = ["--out", f"dds:{domain}", "--out", str(out)]
    if not seconds:
        return [subprocess.Popen([glint, "run", demo, demo, demo, *outputs])]
    port = free_port()
    live = [glint, "live", "--sensor", "hdl32e", "--address", "127.0.0.1", "--port", str(port), "--duration",
            str(seconds + 3), *outputs]
    jobs = [subprocess.Popen(live)]
    time.sleep(1.5)
    jobs.append(subprocess.Popen([glint, "replay", demo, "--to", f"127.0.0.1:{port}", "--loop", str(seconds)]))
    return jobs


def compare(got, lines, with_points):
    for topic, samples in got.items():
        reliable, compare_one = TOPICS[topic][1:]
        late = sorted(nanos / 1e6 for _, nanos in samples)
        told = f", latency ms: median {statistics.median(late):.2f}, p90 {late[int(0.9 * (len(late) - 1))]:.2f}, " \
               f"p99 {late[int(0.99 * (len(late) - 1))]:.2f}" if late and not with_points else ""
        print(f"{topic}: {len(samples)} of {len(lines)} messages{told}")
        check(len(samples) == len(lines) if reliable else len(samples) > 0, f"{topic}: {len(samples)} of {len(lines)} came")
        if len(samples) == len(lines):
            for i, (sample, _) in enumerate(samples):
                compare_one(sample, lines[i], f"{topic} {i}")


def main():
    glint, repository = sys.argv[1:3]
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    domain = random.randrange(100, 200)
    readers = subscribe(DomainParticipant(domain), not seconds)
    got = {topic: [] for topic in readers}
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "boxes.jsonl"
        jobs = start(glint, str(pathlib.Path(repository) / "data/demo/demo.pcap"), domain, seconds, out)
        while any(job.poll() is None for job in jobs):
            if not take(readers, got):
                time.sleep(0.0005)
        while take(readers, got):
            pass
        check(all(job.returncode == 0 for job in jobs), "glint failed")
        lines = [json.loads(line) for line in out.read_text().splitlines()]
    compare(got, lines, not seconds)
    for text in problems[:20]:
        print(text)
    print(f"{len(problems)} problems" if problems else "equal")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
