#!/usr/bin/env python3
"""bench/soak_live.py [--minutes M] [--capture FILE] [--glint PROGRAM] [--json FILE] [--model NAME] [--speed N]

A service in a vehicle for a long time, with everything that goes wrong there: `glint live --config` on two merged
sensors that are replayed over loopback at ten times their speed, while round by round packets are lost, doubled and
mixed, a sensor restarts, its clock jumps, one falls silent, somebody else sends, files are rotated (SIGHUP), the disk
is full (RLIMIT_FSIZE), subscribers are killed or stop reading. This script is the service manager (NOTIFY_SOCKET).

At the end: memory is flat, every packet and frame has its account, outputs are whole, the program did not end by
itself and said that it lives. Exit status 1 when one of these is wrong. Python's standard library only."""
import argparse
import glob
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
WATCHDOG_S = 10
PORTS_FROM = 42600
WARM_SHARE = 0.25  # of the rounds: memory counts from then on
GROWTH = 0.01      # that the medians of its first and last third may differ by afterwards


# ---- captures ----

VELODYNE = 42 + 1206  # bytes of a record: heads and packet


class Drive:
    """A Velodyne capture played `speed` times as fast by a sensor whose clock is right: its turns one behind the other,
    the packets' times (microseconds within the hour) and the records' stamps those of now."""

    def __init__(self, path, speed):
        data = pathlib.Path(path).read_bytes()
        self.head, self.packets, at = struct.pack("<I", 0xa1b2c3d4) + data[4:24], [], 24  # microseconds
        while at + 16 <= len(data):
            seconds, part, size = struct.unpack_from("<III", data, at)
            if size == VELODYNE:
                self.packets.append((struct.unpack_from("<I", data, at + 16 + size - 6)[0], data[at:at + 16 + size]))
            at += 16 + size
        first, last = self.packets[0][0], self.packets[-1][0]
        self.step_us = (last - first) / (len(self.packets) - 1) / speed

    def write(self, path, loops, ahead_us=0, restarted=False, begun_us=None):
        """ahead_us: the sensor's clock is so far ahead; restarted: it counts from 0; begun_us: UTC of the first packet."""
        out, n = [self.head], 0
        begun_us = begun_us or time.time_ns() // 1000 + 50000
        for _ in range(loops):
            for _, record in self.packets:
                now_us = begun_us + int(n * self.step_us)
                shown = int(n * self.step_us) if restarted else (now_us + ahead_us) % 3600000000
                out.append(struct.pack("<II", now_us // 1000000, now_us % 1000000) + record[8:-6] +
                           struct.pack("<I", shown) + record[-2:])
                n += 1
        pathlib.Path(path).write_bytes(b"".join(out))


# ---- the service manager ----

class Manager:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(0.2)
        self.path, self.ready, self.stopping, self.pings, self.longest = path, False, False, 0, 0.0
        self.status, self.over, self.last = "", False, None
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while not self.over:
            try:
                text = self.socket.recv(4096).decode()
            except socket.timeout:
                continue
            for line in text.split("\n"):
                self.take(line)

    def take(self, line):
        now = time.monotonic()
        self.ready |= line == "READY=1"
        self.stopping |= line == "STOPPING=1"
        if line.startswith("STATUS="):
            self.status = line[7:]
        if line == "WATCHDOG=1":
            self.longest = max(self.longest, now - self.last) if self.last else 0.0
            self.last, self.pings = now, self.pings + 1


# ---- subscribers ----

class Subscriber:
    """A browser's connection by hand: reads, or not, until it is dropped without a word."""
    def __init__(self, port, reads):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.socket.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                            "Sec-WebSocket-Protocol: glint.v1\r\n\r\n".encode())
        self.received = 0
        words = b'{"op":"frames","on":true}'
        self.socket.sendall(bytes([0x81, 0x80 | len(words)]) + bytes(4) + words)  # a mask of zeros
        if reads:
            threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while True:
                n = len(self.socket.recv(1 << 16))
                if n == 0:
                    return
                self.received += n
        except OSError:
            return

    def kill(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, no goodbye
        self.socket.close()


def curl_metrics(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        s.sendall(f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        text = b""
        while True:
            piece = s.recv(1 << 16)
            if not piece:
                return text.decode(errors="replace")
            text += piece


# ---- the soak ----

class Soak:
    def __init__(self, args):
        self.args, self.work = args, pathlib.Path(tempfile.mkdtemp(prefix="glint-soak-"))
        self.ports = [PORTS_FROM + os.getpid() % 900 + k for k in range(3)]
        self.sent = self.rounds = self.rotated = self.streamed = self.files = 0
        self.cut = []
        self.faults, self.memory, self.subscribers, self.problems = {}, [], [], []
        self.has_server = "http" in subprocess.run([args.glint, "live", "--help"], capture_output=True, text=True).stdout
        self.drive = Drive(args.capture, args.speed)

    def configuration(self):
        out = [f"{self.work}/log.jsonl", f"{self.work}/drive_{{time}}.mcap", f"{self.work}/pipe.jsonl"] + self.args.out
        if self.has_server:
            out.append(f"http://127.0.0.1:{self.ports[2]}")
        text = f"""address: 127.0.0.1
model: {self.args.model}
track: {"false" if self.args.model == "none" else "true"}
merge: all
frame-deadline: 200
late: mark
out: {json.dumps(out)}
record: {self.work}/raw_{{time}}.pcap
json: {self.work}/account.json
sensors:
  - {{name: front, sensor: hdl32e, port: {self.ports[0]}, translation: [1, 0, 2], rotation_rpy_deg: [0, 0, 0]}}
  - {{name: rear, sensor: hdl32e, port: {self.ports[1]}, translation: [-1, 0, 2], rotation_rpy_deg: [0, 0, 180]}}
"""
        path = self.work / "car.yaml"
        path.write_text(text)
        os.mkfifo(self.work / "pipe.jsonl")
        return str(path)

    def start(self):
        config = self.configuration()
        self.open_pipe()
        self.manager = Manager(str(self.work / "notify"))
        env = dict(os.environ, NOTIFY_SOCKET=self.manager.path, WATCHDOG_USEC=str(WATCHDOG_S * 1000000))
        env.setdefault("GLINT_MODELS", str(TOP / "data/models"))
        env.setdefault("CYCLONEDDS_URI", '<CycloneDDS><Domain><General><Interfaces><NetworkInterface name="lo" multicast="true"/>'
                       "</Interfaces></General></Domain></CycloneDDS>")
        check = subprocess.run([self.args.glint, "live", "--config", config, "--check-config"], capture_output=True, text=True, env=env)
        if check.returncode != 0:
            sys.exit(f"the configuration is refused: {check.stderr}{check.stdout}")
        self.log = open(self.work / "glint.err", "w")
        self.live = subprocess.Popen([self.args.glint, "live", "--config", config], stderr=self.log, env=env)
        self.wait_for(lambda: self.manager.ready, "READY")

    def wait_for(self, what, name):
        for _ in range(600):
            if what():
                return
            if self.live.poll() is not None:
                sys.exit(f"ended before {name}: {(self.work / 'glint.err').read_text()}")
            time.sleep(0.1)
        sys.exit(f"no {name} within a minute")

    def open_pipe(self):
        """A reader, which may go; it does not end with its writers."""
        fd = os.open(self.work / "pipe.jsonl", os.O_RDWR)
        self.reader = subprocess.Popen(["cat"], stdin=fd, stdout=subprocess.DEVNULL)
        os.close(fd)

    # ---- rounds ----

    def replay(self, port, extra):
        path, out = self.work / f"replay{port}.pcap", self.work / f"replay{port}.json"
        return out, subprocess.Popen([self.args.glint, "replay", str(path), "--to", f"127.0.0.1:{port}", "--seed", str(self.rounds + 1),
                                      "--json", str(out), *extra], stderr=subprocess.DEVNULL)

    def send(self, front={}, rear={}, extra=("--loss", "0.01", "--duplicate", "0.01", "--reorder", "4")):
        """front, rear: of the sensor's clock; None: it is off."""
        on = [(port, clock) for clock, port in zip((front, rear), self.ports) if clock is not None]
        begun_us = time.time_ns() // 1000 + 200000  # of both: their sweeps belong together
        for port, clock in on:
            self.drive.write(self.work / f"replay{port}.pcap", self.args.loops, begun_us=begun_us, **clock)
        runs = [self.replay(port, extra) for port, _ in on]
        for out, run in runs:
            run.wait()
            self.sent += json.loads(out.read_text())["sent"]

    def hang_up(self):
        self.live.send_signal(signal.SIGHUP)

    def round_plain(self):
        self.send()

    def round_clock_jump(self):
        self.send({"ahead_us": 37000000}, {})

    def round_restart(self):
        self.send({"restarted": True}, {"restarted": True})

    def round_sensor_silent(self):
        self.send({}, None)

    def round_much_loss(self):
        self.send(extra=("--loss", "0.3", "--duplicate", "0.1", "--reorder", "16"))

    def round_foreign(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for k in range(500):
            s.sendto(random.randbytes(random.choice((1, 100, 554, 1206, 1248))), ("127.0.0.1", self.ports[k % 2]))
            self.sent += 1
            if k % 20 == 0:
                time.sleep(0.002)
        self.send()

    def round_rotated(self):
        self.rotated += 1
        (self.work / "log.jsonl").rename(self.work / f"log.{self.rotated}.jsonl")
        self.hang_up()
        self.send()

    def round_disk_full(self):
        self.cut += glob.glob(f"{self.work}/drive_*.mcap")  # which cannot get their end
        resource.prlimit(self.live.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        self.send()
        self.hang_up()  # in vain
        self.send()
        resource.prlimit(self.live.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.hang_up()
        self.send()

    def round_subscriber_killed(self):
        if self.has_server:
            self.subscribers += [Subscriber(self.ports[2], reads=k != 0) for k in range(3)]
        threads_before = len(self.subscribers)
        self.send()
        for s in self.subscribers[:threads_before]:
            self.streamed += s.received
            s.kill()
        self.subscribers = []
        if self.has_server and "glint_frames_total" not in curl_metrics(self.ports[2]):
            self.problems.append("no metrics")

    def round_reader_gone(self):
        self.reader.kill()
        self.reader.wait()
        self.send()
        self.hang_up()  # in vain
        self.send()
        self.open_pipe()
        self.hang_up()
        self.send()

    def sample_memory(self):
        for line in open(f"/proc/{self.live.pid}/status"):
            if line.startswith("VmRSS:"):
                self.memory.append((round(time.monotonic() - self.begun, 1), int(line.split()[1])))

    def sweep_old_files(self):
        """A disk is as large as it is; what is removed was read through before."""
        for path in sorted(glob.glob(f"{self.work}/drive_*.mcap"))[:-3] + sorted(glob.glob(f"{self.work}/raw_*.pcap"))[:-3]:
            self.check_file(path)
            os.unlink(path)
        if sum(f.stat().st_size for f in self.work.iterdir() if f.is_file()) > 1 << 30:
            self.round_rotated()

    def run(self):
        kinds = [self.round_plain, self.round_clock_jump, self.round_rotated, self.round_restart, self.round_disk_full, self.round_subscriber_killed,
                 self.round_sensor_silent, self.round_reader_gone, self.round_foreign, self.round_much_loss]
        self.begun = time.monotonic()
        end = self.begun + 60 * self.args.minutes
        while time.monotonic() < end or self.rounds < len(kinds):
            kind = kinds[self.rounds % len(kinds)]
            kind()
            self.rounds += 1
            self.faults[kind.__name__[6:]] = self.faults.get(kind.__name__[6:], 0) + 1
            if self.live.poll() is not None:
                self.problems.append(f"ended by itself with {self.live.returncode} in round {self.rounds} ({kind.__name__})")
                return
            self.sample_memory()
            self.count_lines()
            self.sweep_old_files()
            print(f"\r{self.rounds} rounds, {self.sent} packets, {self.memory[-1][1]} KiB  {self.manager.status[:60]:60}", end="", file=sys.stderr)

    lines = 0
    counted = set()

    def count_lines(self):
        """Of rotated files, which are then removed."""
        for path in glob.glob(f"{self.work}/log.[0-9]*.jsonl")[:-1]:
            self.lines += self.check_lines(path)
            os.unlink(path)

    def check_lines(self, path):
        n = 0
        with open(path) as f:
            for text in f:
                frame = json.loads(text)
                p = frame["loss"]
                if p["received"] != p["decoded"] + p["malformed"] + p["foreign"]:
                    self.problems.append(f"{path}: frame {frame['frame']}: the account does not add up")
                n += 1
        return n

    def stop(self):
        if self.live.poll() is None:
            self.hang_up()
            self.send()
            time.sleep(1)
            self.live.send_signal(signal.SIGTERM)
        try:
            self.live.wait(30)
        except subprocess.TimeoutExpired:
            self.problems.append("SIGTERM did not end it within 30 s")
            self.live.kill()
            self.live.wait()
        self.reader.kill()
        self.reader.wait()
        print(file=sys.stderr)

    # ---- what came of it ----

    def expect(self, good, text):
        if not good:
            self.problems.append(text)

    def check_account(self, a):
        p, f, n = a["packets"], a["frames"], a["network"]
        self.expect(p["received"] == p["decoded"] + p["malformed"] + p["foreign"], f"packets: {p}")
        self.expect(self.sent == n["received"] + n["kernel_drops"], f"sent {self.sent}, network {n}")
        self.expect(n["received"] == p["received"] + n["ring_drops"], f"network {n}, packets {p}")
        self.expect(f["in"] == f["published"] + f["dropped"] == f["published"] + sum(f["dropped_by"].values()), f"frames: {f}")
        sweeps = sum(s["frames"] for s in a["sensors"])
        merged = f["in"] * 2 - f["sensors_missed"]
        self.expect(sweeps == merged + f["sweeps_dropped"], f"sweeps: {sweeps} of the sensors, {merged} merged, {f['sweeps_dropped']} dropped")
        for o in a["outputs"]:
            self.expect(o["frames"] + o["missed"] == f["published"], f"output {o}, {f['published']} published")
            self.expect(not o["failing"], f"still failing: {o}")
            self.expect(o["unfinished"] == 0 or o["failures"] > 0, f"output {o}")
        self.expect(a["record"]["packets"] + a["record"]["missed"] == p["received"], f"record: {a['record']}, {p['received']} received")

    def check_outputs(self, a):
        for path in glob.glob(f"{self.work}/log*.jsonl"):
            self.lines += self.check_lines(path)
        written = a["outputs"][0]["frames"]
        self.expect(self.lines == written, f"{self.lines} lines in the logs, {written} frames written")
        for path in glob.glob(f"{self.work}/raw_*.pcap") + glob.glob(f"{self.work}/drive_*.mcap"):
            self.check_file(path)

    def check_file(self, path):
        """Whole, but for what a full disk did not let begin."""
        self.files += 1
        size = os.path.getsize(path)
        if path.endswith(".pcap"):
            info = subprocess.run([self.args.glint, "info", path], capture_output=True, text=True)
            self.expect(info.returncode == 0 or size < 5000, f"{path}: {info.stderr}")
            return
        with open(path, "rb") as f:
            begin = f.read(8)
            f.seek(max(0, size - 8))
            end = f.read(8)
        self.expect(begin == end == b"\x89MCAP0\r\n" or size <= 4096 or path in self.cut, f"{path}: not whole, {size} bytes")

    def check_memory(self):
        counted = [kib for _, kib in self.memory[int(len(self.memory) * WARM_SHARE):]]
        third = max(1, len(counted) // 3)
        self.early, self.late = (int(statistics.median(c)) for c in (counted[:third], counted[-third:]))
        if len(self.memory) >= 30:
            self.expect(self.late <= self.early * (1 + GROWTH), f"memory grew from {self.early} to {self.late} KiB")

    def report(self):
        path = self.work / "account.json"
        a = json.loads(path.read_text()) if path.exists() else None
        self.expect(a, "no account")
        if a:
            self.check_account(a)
            self.check_outputs(a)
            self.check_memory()
        m = self.manager
        m.over = True
        self.expect(m.stopping, "STOPPING was not said")
        self.expect(m.pings > 0 and m.longest < WATCHDOG_S, f"{m.pings} signs of life, {m.longest:.1f} s between two")
        self.expect(self.live.returncode == 0, f"exit status {self.live.returncode}")
        step = max(1, len(self.memory) // 40)
        result = {"measures": "glint live --config under faults, loopback, 10 x speed", "good": not self.problems, "problems": self.problems,
                  "minutes": round((time.monotonic() - self.begun) / 60, 1), "model": self.args.model, "rounds": self.rounds, "faults": self.faults, "streamed_bytes": self.streamed, "files_checked": self.files, "sent": self.sent,
                  "rss_kib_early": getattr(self, "early", None), "rss_kib_late": getattr(self, "late", None), "rss_kib": self.memory[::step],
                  "watchdog": {"pings": m.pings, "longest_s": round(m.longest, 2)}}
        for key in ("commit", "processor", "cores", "packets", "network", "frames", "outputs", "record", "latency_ms", "peak_memory_bytes"):
            result[key] = a[key] if a else None
        return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--capture", default=TOP / "data/demo/demo.pcap", type=pathlib.Path)
    parser.add_argument("--glint", default=os.environ.get("GLINT", str(TOP / "build/glint")))
    parser.add_argument("--model", default="glint-tiny")
    parser.add_argument("--speed", type=float, default=10)
    parser.add_argument("--loops", type=int, default=10, help="times a round's capture is sent")
    parser.add_argument("--out", action="append", default=[], help="a further output")
    parser.add_argument("--json")
    parser.add_argument("--keep", action="store_true", help="keep the working folder")
    args = parser.parse_args()
    soak = Soak(args)
    try:
        soak.start()
        soak.run()
    finally:
        if hasattr(soak, "live"):
            soak.stop()
    result = soak.report()
    print(json.dumps(result, indent=1))
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(result, indent=1) + "\n")
    if not args.keep and result["good"]:
        shutil.rmtree(soak.work)
    else:
        print(f"kept: {soak.work}", file=sys.stderr)
    return 0 if result["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
