#!/usr/bin/env python3
"""A simulated drive through the command line: sim.py GLINT SOURCE_DIR SECTION. Prints what is wrong; exit status 1 then.

files    what is written, twice the same; decoded packets against the frames; wrong usage
boxes    capture -> glint run -> boxes and masks, scored against the labels
live     packets over loopback into glint live
"""
import array
import json
import math
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

GLINT, SOURCE, SECTION = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
os.environ["GLINT_MODELS"] = str(SOURCE / "data/models")
failed = 0


def wrong(text):
    global failed
    failed = 1
    print("WRONG:", text)


def glint(*arguments, code=0):
    p = subprocess.run([GLINT, *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if p.returncode != code:
        wrong(f"glint {' '.join(map(str, arguments))}: exit status {p.returncode}, expected {code}: {p.stderr.strip()}")
    if "Sanitizer" in p.stderr or "runtime error" in p.stderr:
        wrong(f"glint {arguments}: the sanitizers complain: {p.stderr}")
    return p


def lines(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def floats(path):
    a = array.array("f")
    a.frombytes(pathlib.Path(path).read_bytes())
    return a


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(pathlib.Path(folder).rglob("*")) if p.is_file()}


# ---- files ----

def same_bytes():
    """The same drive with one and two threads; another seed is another drive."""
    drive = ["sim", "--sensor", "vlp16", "--sensor", "mid360@1,0,1.5,0,5,0", "--seconds", 0.3, "--weather", "rain=3,dropouts=0.02"]
    glint(*drive, "--seed", 3, "--threads", 1, "--out", "a")
    glint(*drive, "--seed", 3, "--threads", 2, "--out", "b")
    glint(*drive, "--seed", 4, "--out", "c")
    a, b, c = contents("a"), contents("b"), contents("c")
    if a != b:
        wrong(f"one and two threads differ: {[k for k in a if a[k] != b.get(k)]}")
    if a["capture.pcap"] == c["capture.pcap"]:
        wrong("two seeds give the same packets")
    merged = glint("run", "a/vlp-16/capture.pcap", "a/livox-mid-360/capture.pcap", "--model", "none", "--merge", "vlp-16,livox-mid-360",
                   "--extrinsics", "a/extrinsics.yaml", "--poses", "a/poses.csv").stdout.splitlines()
    if not merged or "loss" not in json.loads(merged[0]) or json.loads(merged[0])["loss"].get("frames_without_pose"):
        wrong(f"the two sensors are not merged: {merged[:1]}")


def decoded_is_written(sensor, *options, worst=2e-3):
    folder = pathlib.Path("one-" + sensor.replace(" ", "-"))
    glint("sim", "--sensor", sensor, "--seed", 8, "--seconds", 0.2, "--out", folder)
    glint("decode", folder / "capture.pcap", "--out", folder / "c_%06d.bin", *[o.format(folder) for o in options])
    frames = sorted((folder / "frames").iterdir())
    if not frames or len(frames) != len(list((folder / "masks").iterdir())) or len(frames) != len(lines(folder / "labels.jsonl")):
        wrong(f"{sensor}: {len(frames)} frames, with masks and labels of other numbers")
    for f in frames:
        ours, theirs, mask = floats(f), floats(folder / f"c_{f.name}"), array.array("I", (folder / "masks" / (f.stem + ".label")).read_bytes())
        if len(ours) != len(theirs) or len(ours) != 6 * len(mask) or not len(mask):
            wrong(f"{sensor} {f.name}: {len(ours) / 6} points, {len(theirs) / 6} decoded, {len(mask)} masks")
        elif max(abs(a - b) for i, (a, b) in enumerate(zip(ours, theirs)) if i % 6 < 5) > worst:
            wrong(f"{sensor} {f.name}: decoded points are not those of the frame")
        elif not {m & 0xffff for m in mask} <= set(range(1, 9)):
            wrong(f"{sensor} {f.name}: classes {sorted({m & 0xffff for m in mask})}")


def says(p, *texts):
    if len(p.stderr.strip().splitlines()) != 1 or not all(t in p.stderr for t in texts):
        wrong(f"expected one line with {texts}: {p.stderr!r}")


def usage():
    says(glint("sim", code=2), "--out DIR")
    says(glint("sim", "--sensor", "no such", "--out", "x", code=2), 'no sensor "no such"', "VLP-16")
    for place in ("1,2", "1,2,3,", "1,2,3x", "1,2,3,4", "1,2,3,4,5,6,7", "1,,3", "", "99,0,2", "nan,0,2"):
        says(glint("sim", "--sensor", f"vlp16@{place}", "--out", "x", code=2), "@x,y,z")
    says(glint("sim", "--scene", "urbn", "--out", "x", code=2), "did you mean urban")
    says(glint("sim", "--weather", "snow", "--out", "x", code=2), "rain=")
    says(glint("sim", "--to", "nowhere", "--seconds", 0.1, code=2), "no IPv4 address")
    says(glint("sim", "drive.pcap", "--out", "x", code=2), "no input")
    says(glint("sim", "--out", "x%d", code=2), "without %")
    says(glint("sim", "--out", "a", code=1), "capture.pcap is there already")
    says(glint("sim", "--out", "/proc/none/x", "--seconds", 0.1, code=1), "/proc/none")
    if "example" not in glint("sim", "--help").stdout:
        wrong("no example in the help")


def files():
    same_bytes()
    decoded_is_written("vlp16")
    decoded_is_written("os1-16 dual")
    decoded_is_written("hdl64", "--calib", "{}/capture.xml")
    decoded_is_written("at128", "--calib", "{}/capture.dat")
    usage()


# ---- boxes ----

def match(found, labels, radius=2.0):
    """Greedy by score; pairs whose centres are within the radius."""
    free, hits, extra = list(labels), 0, []
    for box in sorted(found, key=lambda b: -b["score"]):
        near = min(free, key=lambda l: math.dist(l["center"][:2], box["center"][:2]), default=None)
        if near and math.dist(near["center"][:2], box["center"][:2]) <= radius:
            free.remove(near)
            hits += 1
        else:
            extra.append(box)
    return hits, extra


def within(box, most):
    return math.hypot(*box["center"][:2]) <= most


def boxes():
    """Cars within 40 m and with 10 points or more; weak or far labels excuse a box, but need not be found."""
    n = hits = false = 0
    for seed in (1, 2, 3, 4):
        folder = f"drive{seed}"
        glint("sim", "--sensor", "hdl32e", "--scene", "urban", "--seed", seed, "--seconds", 0.2, "--out", folder)
        glint("run", f"{folder}/capture.pcap", "--out", f"{folder}/out.jsonl", "--out", f"{folder}/%06d.label", "--out", f"{folder}/%06d.png")
        for truth, got in zip(lines(f"{folder}/labels.jsonl"), lines(f"{folder}/out.jsonl")):
            cars = [b for b in truth["boxes"] if b["label"] == "car" and b["points"] >= 10 and within(b, 40)]
            found = [b for b in got["boxes"] if b["label"] == "car" and within(b, 40)]
            h, extra = match(found, cars)
            rest = [b for b in truth["boxes"] if b["label"] in ("car", "truck")]
            n, hits, false = n + len(cars), hits + h, false + sum(match([b], rest)[0] == 0 for b in extra)
            check_masks(folder, got)
    recall, precision = hits / max(n, 1), hits / max(hits + false, 1)
    print(f"cars: {hits} of {n} found (recall {recall:.2f}), {false} false (precision {precision:.2f})")
    if n < 20 or recall < RECALL or precision < PRECISION:
        wrong(f"recall {recall:.2f} of {n}, precision {precision:.2f}: expected {RECALL} and {PRECISION}")
    print(f"masks: {mask_hits} of {mask_n} points as labelled ({mask_hits / max(mask_n, 1):.3f}), {instances} points of objects")
    if mask_hits < MASKS * mask_n or instances == 0:
        wrong(f"{mask_hits} of {mask_n} points have their class, expected {MASKS}; {instances} have an object")


RECALL, PRECISION, MASKS = 0.75, 0.85, 0.92  # of the shipped model: raise them with it
mask_n = mask_hits = instances = 0


def check_masks(folder, got):
    """The masks of the program against those of the drive, point by point."""
    global mask_n, mask_hits, instances
    name = f"{got['frame']:06d}"
    said = array.array("I", pathlib.Path(f"{folder}/{name}.label").read_bytes())
    true = array.array("I", pathlib.Path(f"{folder}/masks/{name}.label").read_bytes())
    if len(said) != len(true) or len(said) != got["points"]:
        wrong(f"{folder} frame {name}: {len(said)} masks, {len(true)} labelled, {got['points']} points")
    mask_n += len(true)
    mask_hits += sum((a ^ b) & 0xffff == 0 for a, b in zip(said, true))
    instances += sum(a >> 16 > 0 for a in said)
    if max(a >> 16 for a in said) > len(got["boxes"]):
        wrong(f"{folder} frame {name}: an object's number beyond its {len(got['boxes'])} boxes")
    if sum(n for c, n in got["classes"].items() if c != "unclassified") != sum(a & 0xffff > 0 for a in said):
        wrong(f"{folder} frame {name}: the classes {got['classes']} are not those of the masks")
    if not pathlib.Path(f"{folder}/{name}.png").exists():
        wrong(f"{folder} frame {name}: no picture")


# ---- live ----

def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pace():
    """Packets come one by one over the time of the drive, not at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(0.1)
        sender = subprocess.Popen([GLINT, "sim", "--sensor", "vlp16", "--seconds", "0.4", "--to", f"127.0.0.1:{s.getsockname()[1]}"],
                                  stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times = []
        while True:
            try:
                s.recv(2000)
                times.append(time.monotonic())
            except TimeoutError:
                if sender.poll() is not None:
                    break
    if len(times) != 300 or times[-1] - times[0] < 0.35:
        wrong(f"{len(times)} packets came within {times[-1] - times[0] if times else 0:.3f} s, expected 300 in 0.4 s")


def live():
    """A second of a VLP-16 into glint live: all packets come, at the sensor's rate."""
    pace()
    port = free_port()
    with open("live.err", "w") as err:
        receiver = subprocess.Popen([GLINT, "live", "--sensor", "vlp16", "--port", str(port), "--address", "127.0.0.1", "--duration", "20", "--model", "none",
                                     "--out", "live.jsonl", "--json", "account.json"], stderr=err, stdin=subprocess.DEVNULL)
    for _ in range(200):
        if "listening" in pathlib.Path("live.err").read_text():
            break
        time.sleep(0.05)
    begun = time.monotonic()
    p = glint("sim", "--sensor", "vlp16", "--seconds", 1, "--to", f"127.0.0.1:{port}", "--out", "sent")
    took = time.monotonic() - begun
    time.sleep(0.5)
    receiver.send_signal(signal.SIGTERM)
    receiver.wait(30)
    sent = len(lines("sent/labels.jsonl"))
    account, got = json.loads(pathlib.Path("account.json").read_text()), lines("live.jsonl")
    packets = int(p.stderr.split(" packets to port")[0].split()[-1])
    if took < 0.9:
        wrong(f"a second was sent in {took:.2f} s")
    if account["packets"]["received"] + account["packets"].get("dropped", 0) != packets or account["packets"]["lost"]:
        wrong(f"{packets} packets sent: {account['packets']}")
    if not sent - 1 <= len(got) <= sent + 1:
        wrong(f"{sent} turns sent, {len(got)} frames came")
    if got and abs(got[0]["stamp_ns"] * 1e-9 - time.time()) > 60:
        wrong(f"stamps are not those of now: {got[0]['stamp_ns']}")


with tempfile.TemporaryDirectory() as work:
    os.chdir(work)
    {"files": files, "boxes": boxes, "live": live}[SECTION]()
    os.chdir("/")
sys.exit(failed)
