#!/usr/bin/env python3
"""Messages that foxglove_client.mjs got, decoded by the definitions that came with them, against the JSON lines of the
same input: check_foxglove.py MESSAGES.jsonl LINES.jsonl. Needs the package mcap-ros2-support."""
import base64
import collections
import json
import sys

from mcap_ros2._dynamic import generate_dynamic

WANTED = ("/glint/points", "/glint/detections", "/glint/objects", "/glint/markers", "/diagnostics")


def near(a, b):
    return all(abs(x - y) < 1e-3 for x, y in zip(a, b))


def detection(d, box):
    p = d.bbox.center.position
    return d.results[0].hypothesis.class_id == box["label"] and near((p.x, p.y, p.z), box["center"]) and near(
        (d.results[0].hypothesis.score,), (box["score"],))


CHECKS = {
    "/glint/points": lambda m, line: m.width * m.height == line["points"] and len(m.data) == line["points"] * m.point_step,
    "/glint/detections": lambda m, line: len(m.detections) == len(line["boxes"]) and all(map(detection, m.detections, line["boxes"])),
    "/glint/objects": lambda m, line: len(m.objects) == len(line["boxes"]),
    "/glint/tracks": lambda m, line: len(m.objects) == sum("id" in b for b in line["boxes"]),
    "/glint/markers": lambda m, line: sum(k.type == 1 for k in m.markers) == len(line["boxes"]),
    "/diagnostics": lambda m, line: len(m.status) > 0,
    "/tf": lambda m, line: len(m.transforms) > 0,
}


def main():
    lines = {int(o["stamp_ns"]): o for o in map(json.loads, open(sys.argv[2]))}
    decoders, n = {}, collections.Counter()
    for text in open(sys.argv[1]):
        o = json.loads(text)
        if "definition" in o:
            decoders[o["topic"]] = generate_dynamic(o["type"], o["definition"])[o["type"]]
        message, line = decoders[o["topic"]](base64.b64decode(o["data"])), lines[int(o["stamp"])]
        if not CHECKS[o["topic"]](message, line):
            raise SystemExit(f"FAILED: {o['topic']}: not what the JSON line says, frame {line['frame']}")
        n[o["topic"]] += 1
    if not all(n[t] > 0 for t in WANTED):
        raise SystemExit(f"FAILED: topics without messages: {dict(n)}")
    print("ok:", dict(n))


if __name__ == "__main__":
    main()
