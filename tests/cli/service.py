#!/usr/bin/env python3
"""tests/cli/service.py GLINT SOURCE_DIR - a service on the command line: its configuration, what it tells its manager,
signals, the watchdog. Packets come over loopback from bench/soak_live.py's drives; its Manager is the manager."""
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time

glint, source = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(source / "bench"))
import soak_live  # noqa: E402

FRAMES = 10  # of the demo capture
work = pathlib.Path(tempfile.mkdtemp(prefix="glint-service-"))
os.chdir(work)
os.environ["GLINT_MODELS"] = str(source / "data/models")
drive = soak_live.Drive(source / "data/demo/demo.pcap", 2)
port = 43600 + os.getpid() % 900
wrong = []
cases = 0


def expect(good, text):
    global cases
    cases += 1
    if not good:
        wrong.append(text)
        print(f"WRONG: {text}", file=sys.stderr)


def config(**options):
    sensors = [{"name": "roof", "sensor": "hdl32e", "port": port}]
    pathlib.Path("car.yaml").write_text(json.dumps({"address": "127.0.0.1", "model": "none", "json": "account.json", "queue": 64,
                                                    "out": ["log.jsonl"], "sensors": sensors, **options}, indent=1))


class Live:
    def __init__(self, watchdog_s=10, **popen):
        n = len(list(work.glob("notify*")))
        self.manager = soak_live.Manager(str(work / f"notify{n}"))
        env = dict(os.environ, NOTIFY_SOCKET=self.manager.path, WATCHDOG_USEC=str(int(watchdog_s * 1e6)))
        self.errors = open("err", "w")
        self.run = subprocess.Popen([glint, "live", "--config", "car.yaml"], env=env, stderr=self.errors, **popen)
        self.wait_for(lambda: self.manager.ready, "READY")

    def wait_for(self, what, name):
        for _ in range(400):
            if what() or self.run.poll() is not None:
                break
            time.sleep(0.05)
        expect(what(), f"no {name}: {pathlib.Path('err').read_text()}")

    def send(self, loops=1):
        drive.write("now.pcap", loops)
        return subprocess.Popen([glint, "replay", "now.pcap", "--to", f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)

    def end(self, number=signal.SIGTERM, code=0):
        self.run.send_signal(number)
        try:
            self.run.wait(20)
        except subprocess.TimeoutExpired:
            self.run.kill()
            self.run.wait()
        self.manager.over = True
        expect(self.run.returncode == code, f"exit status {self.run.returncode}, expected {code}: {pathlib.Path('err').read_text()}")
        expect(self.manager.stopping, "STOPPING was not said")
        return json.loads(pathlib.Path("account.json").read_text()) if pathlib.Path("account.json").exists() else None


def frames_of(*paths):
    return [json.loads(line)["frame"] for p in paths for line in open(p)]


def check(code, *words, args=()):
    got = subprocess.run([glint, "live", "--config", "car.yaml", "--check-config", *args], capture_output=True, text=True)
    text = got.stdout + got.stderr
    expect(got.returncode == code and all(w in text for w in words), f"--check-config: {got.returncode}, {text}; expected {code}, {words}")


def checked():
    config(out=["deep/log_{time}.jsonl", "deep/drive.mcap"], record="deep/raw_{time}.pcap", **{"frame-deadline": 80, "late": "skip"})
    check(0, "roof: Velodyne HDL-32E", f"port {port}", "deep/log_{time}.jsonl", "80.0 ms, late frames are dropped", "good")
    expect(os.listdir("deep") == [], f"--check-config left {os.listdir('deep')}")
    check(3, "no such model", "not good", args=("--model", "nowhere"))
    check(3, "poses.csv", args=("--poses", "poses.csv"))
    config(sensors=[{"name": "roof", "sensor": "hdl32f", "port": port}])
    check(3, "sensor roof: sensor \"hdl32f\" is not known")
    config(sensors=[{"name": "roof", "sensor": "ouster", "port": port, "calib": "none.json"}])
    check(3, "none.json")
    config(out=["/proc/nowhere/log.jsonl"])
    check(1, "/proc/nowhere")
    config(cpus="1000")
    check(4, "--cpus: not all of them are there")
    config(out=["x.what"])
    check(2, "unknown ending of an output")


def ended_before_packets_came():
    config()
    live = Live()
    time.sleep(0.3)
    account = live.end()
    expect(account and account["frames"]["in"] == 0, f"{account}")


def drained():
    """What has come when SIGTERM comes is published."""
    config()
    live = Live()
    live.send().wait()
    account = live.end()
    expect(account["frames"]["in"] == account["frames"]["published"] >= FRAMES, f"{account['frames']}")
    expect(account["network"]["received"] == account["packets"]["received"] == 1875, f"{account['network']}")
    expect(frames_of("log.jsonl") == list(range(account["frames"]["in"])), "not all frames in the log")
    expect(account["sensors"][0]["name"] == "roof", "the sensor's name")
    expect(not account["frames"]["health"], f"degraded: {account['frames']['health']}")
    first = len(frames_of("log.jsonl"))
    live = Live()  # lines are appended
    live.send().wait()
    account = live.end()
    expect(len(frames_of("log.jsonl")) == first + account["frames"]["published"], "the log of the run before is gone")
    os.unlink("log.jsonl")


def rotated():
    """SIGHUP while frames come: every one is in one of the files."""
    config(out=["log.jsonl", "drive.mcap", "t_{time}.jsonl"], record="raw_{time}.pcap")
    pathlib.Path("drive.mcap").write_bytes(b"of a run before")
    live = Live()
    sender = live.send(4)
    for k in range(3):
        time.sleep(0.45)
        os.rename("log.jsonl", f"log.{k}.jsonl")
        live.run.send_signal(signal.SIGHUP)
    sender.wait()
    account = live.end()
    frames, outputs = account["frames"], account["outputs"]
    expect(frames["in"] == frames["published"] and all(o["missed"] == 0 for o in outputs), f"{frames} {outputs}")
    expect(frames_of("log.0.jsonl", "log.1.jsonl", "log.2.jsonl", "log.jsonl") == list(range(frames["in"])), "frames are missing in the logs")
    expect(outputs[0]["opened"] == 4 and outputs[1]["opened"] == 1, f"{outputs}")
    expect(sorted(frames_of(*map(str, work.glob("t_*.jsonl")))) == list(range(frames["in"])), "frames are missing in the files with a time")
    expect(pathlib.Path("drive.mcap").read_bytes() == b"of a run before" and pathlib.Path("drive-1.mcap").exists(), "a file was written over")
    expect(account["record"]["packets"] == 4 * 1875 and account["record"]["missed"] == 0, f"{account['record']}")
    expect(account["record"]["files"] >= 2, f"{account['record']}")


def watched():
    """Nobody reads standard output: a frame hangs in the pipeline, and the manager hears nothing until it is read."""
    config(out=["-"], **{"sub-sweep": 30})
    live = Live(watchdog_s=1, stdout=subprocess.PIPE)
    sender = live.send(3)
    live.wait_for(lambda: live.manager.pings >= 3, "signs of life")
    sender.wait()
    time.sleep(1)
    before = live.manager.pings
    time.sleep(1.5)
    expect(live.manager.pings == before, f"{live.manager.pings - before} signs of life of a pipeline that hangs")
    text = []
    reader = threading.Thread(target=lambda: text.append(live.run.stdout.read()))
    reader.start()
    live.wait_for(lambda: live.manager.pings > before + 1, "signs of life again")
    account = live.end()
    reader.join()
    expect(len(text[0].splitlines()) == account["frames"]["published"], "lines and frames published")
    expect(account["frames"]["in"] == account["frames"]["published"] + account["frames"]["dropped_by"]["queue"], f"{account['frames']}")


def an_output_failed(again):
    """A file that may not grow any more is left out, other outputs say so; SIGHUP tries again, or the end says that it failed."""
    config(out=["full.jsonl", "-"])
    live = Live(stdout=subprocess.PIPE)
    text = []
    reader = threading.Thread(target=lambda: text.append(live.run.stdout.read().decode()))
    reader.start()
    live.send().wait()
    resource.prlimit(live.run.pid, resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
    live.send().wait()
    if again:
        resource.prlimit(live.run.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        live.run.send_signal(signal.SIGHUP)
        live.send().wait()
    resource.prlimit(live.run.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))  # for the account
    account = live.end(code=0 if again else 1)
    reader.join()
    failed, good = account["outputs"]
    frames = account["frames"]
    expect(failed["frames"] + failed["missed"] == frames["published"] == good["frames"], f"{frames} {failed} {good}")
    expect(failed["missed"] > 0 and failed["failing"] != again and "full.jsonl: cannot write: File too large" in failed["reason"], f"{failed}")
    expect(len(frames_of("full.jsonl")) == failed["frames"], f"{failed}")
    told = ["output_failing" in json.loads(line).get("health", []) for line in text[0].splitlines()]
    expect(not told[0] and sum(told) == frames["health"]["output_failing"] > 0, f"{frames}")
    expect(told[-1] != again, "the last frame's health")
    os.unlink("full.jsonl")


for case in (checked, ended_before_packets_came, drained, rotated, watched, lambda: an_output_failed(True), lambda: an_output_failed(False)):
    case()
print(f"service: {cases} checks, {'FAILED' if wrong else 'ok'}")
sys.exit(1 if wrong else 0)
