#!/usr/bin/env python3
"""Recordings that other people's writers made, as inputs of `glint run`: check_inputs.py GLINT REPOSITORY [CAPTURE=TYPE...]

Writes the packets of the demonstration drive (and of each CAPTURE, as TYPE: velodyne, nebula, pandar, ouster) into
rosbag2 recordings of both storages with `rosbags`, runs Glint on them and on the capture, and wants the same frames.
Exit status 77 (skipped) where a package is missing: pip install rosbags numpy
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

store = get_typestore(Stores.ROS2_HUMBLE)
for name, text in {
    "velodyne_msgs/msg/VelodynePacket": "builtin_interfaces/Time stamp\nuint8[1206] data",
    "velodyne_msgs/msg/VelodyneScan": "std_msgs/Header header\nvelodyne_msgs/VelodynePacket[] packets",
    "nebula_msgs/msg/NebulaPacket": "builtin_interfaces/Time stamp\nuint8[] data",
    "nebula_msgs/msg/NebulaPackets": "std_msgs/Header header\nnebula_msgs/NebulaPacket[] packets",
    "pandar_msgs/msg/PandarPacket": "builtin_interfaces/Time stamp\nuint8[1500] data\nuint32 size",
    "pandar_msgs/msg/PandarScan": "std_msgs/Header header\npandar_msgs/PandarPacket[] packets",
    "ouster_sensor_msgs/msg/PacketMsg": "uint8[] buf",
}.items():
    store.register(get_types_from_msg(text, name))
types = store.types
SCANS = {"velodyne": "velodyne_msgs/msg/VelodyneScan", "nebula": "nebula_msgs/msg/NebulaPackets",
         "pandar": "pandar_msgs/msg/PandarScan", "ouster": "ouster_sensor_msgs/msg/PacketMsg"}


def datagrams(path):
    """Stamp and UDP payload of the records of a pcap file of plain Ethernet."""
    raw = pathlib.Path(path).read_bytes()
    nanos = struct.unpack_from("<I", raw)[0] == 0xA1B23C4D
    at = 24
    while at + 16 <= len(raw):
        seconds, part, size, _ = struct.unpack_from("<IIII", raw, at)
        record = raw[at + 16:at + 16 + size]
        at += 16 + size
        if record[12:14] == b"\x08\x00" and record[23] == 17:
            start = 14 + (record[14] & 15) * 4
            length = struct.unpack_from(">H", record, start + 4)[0]
            yield seconds * 10**9 + (part if nanos else part * 1000), record[start + 8:start + length]


def time_of(ns):
    return types["builtin_interfaces/msg/Time"](sec=ns // 10**9, nanosec=ns % 10**9)


def packet_of(kind, ns, data):
    if kind == "pandar":
        padded = np.frombuffer(data + bytes(1500 - len(data)), np.uint8)
        return types["pandar_msgs/msg/PandarPacket"](stamp=time_of(ns), data=padded, size=len(data))
    name = "velodyne_msgs/msg/VelodynePacket" if kind == "velodyne" else "nebula_msgs/msg/NebulaPacket"
    return types[name](stamp=time_of(ns), data=np.frombuffer(data, np.uint8))


def write(folder, kind, packets, storage):
    name = SCANS[kind]
    with Writer(folder, version=9, storage_plugin=storage) as writer:
        connection = writer.add_connection("/packets", name, typestore=store)
        other = writer.add_connection("/chatter", "std_msgs/msg/String", typestore=store)
        step = 1 if kind == "ouster" else 100
        for i in range(0, len(packets), step):
            ns = packets[i][0]
            if kind == "ouster": # with the byte that its older drivers sent too many
                message = types[name](buf=np.frombuffer(packets[i][1] + b"\0", np.uint8))
            else:
                header = types["std_msgs/msg/Header"](stamp=time_of(ns), frame_id="lidar")
                message = types[name](header=header, packets=[packet_of(kind, *p) for p in packets[i:i + step]])
            writer.write(connection, ns, store.serialize_cdr(message, name))
            text = types["std_msgs/msg/String"](data="x" * (i % 300))
            writer.write(other, ns, store.serialize_cdr(text, "std_msgs/msg/String"))


def frames(glint, path, options):
    out = subprocess.run([glint, "run", str(path), "--model", "none", "--out", "-", *options], check=True, capture_output=True)
    lines = [json.loads(line) for line in out.stdout.decode().splitlines()]
    return [(f["stamp_ns"], f["points"]) for f in lines]  # counts differ: positions, motion have no message


def clouds(glint, path, options, folder):
    subprocess.run([glint, "decode", str(path), "--frames", "2", "--out", str(folder / "%06d.csv"), *options], check=True)
    return [p.read_bytes() for p in sorted(folder.glob("*.csv"))]


def check_capture(glint, capture, kind, options, folder):
    most = {"velodyne": 1206, "pandar": 1500}.get(kind, 65535)
    packets = [p for p in datagrams(capture) if len(p[1]) == most or (kind != "velodyne" and len(p[1]) <= most)]
    if kind == "ouster":
        packets = [p for p in packets if len(p[1]) > 1000] # the motion has a topic of its own
    want = frames(glint, capture, options)
    truth = folder / "truth"
    truth.mkdir()
    want_clouds = clouds(glint, capture, options, truth)
    bad = 0
    for storage, ending in ((StoragePlugin.MCAP, "mcap"), (StoragePlugin.SQLITE3, "db3")):
        bag = folder / ending
        write(bag, kind, packets, storage)
        for path in (bag, bag / f"{ending}.{ending}"):
            points = folder / f"points_{path.name}"
            points.mkdir()
            same = frames(glint, path, options) == want and clouds(glint, path, options, points) == want_clouds
            print(f"{capture.name} as {SCANS[kind]}, {path.name}: {'same' if same else 'DIFFERENT'}, {len(want)} frames")
            bad += not same
    return bad


def main():
    glint, repository = sys.argv[1:3]
    jobs = [(pathlib.Path(repository) / "data/demo/demo.pcap", "velodyne", []),
            (pathlib.Path(repository) / "data/demo/demo.pcap", "nebula", [])]
    for argument in sys.argv[3:]:
        path, kind, *options = argument.split("=")
        jobs.append((pathlib.Path(path), kind, ["--calib", options[0]] if options else []))
    bad = 0
    for capture, kind, options in jobs:
        with tempfile.TemporaryDirectory() as folder:
            bad += check_capture(glint, capture, kind, options, pathlib.Path(folder))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
