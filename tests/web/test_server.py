#!/usr/bin/env python3
"""The server of glint serve from outside: test_server.py GLINT CAPTURE WHAT. WHAT is

    foxglove  the protocol by hand: info, channels, subscriptions, stamps and sizes of messages
    slow      a client that does not read loses frames, which are counted, and neither the pipeline nor others wait
    two       two pages of one log, far from each other, in memory for two frames
    cut       a log that ends in the middle of a packet: its frames stay to be looked at
    guard     tokens, hosts and origins
    hostile   broken HTTP and WebSocket, slow heads, a thousand connections: memory stays, the pipeline goes on
    metrics   what Prometheus reads, by its grammar"""
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wsclient  # noqa: E402
from wsclient import Client, Refused, get, request  # noqa: E402


def check(what, good, *values):
    if not good:
        raise SystemExit(f"FAILED: {what} {values}")
    print(f"ok: {what}")


class Server:
    def __init__(self, glint, capture, *more, token=None, command="serve", code=0):
        self.code = code
        env = dict(os.environ, **({"GLINT_TOKEN": token} if token else {}))
        if not token:
            env.pop("GLINT_TOKEN", None)
        options = ["--loop", "--threads", "1", "--model", "none"] if command == "serve" else []
        self.p = subprocess.Popen([glint, command, capture, "--bind", "127.0.0.1:0", *options, *more], stdout=subprocess.PIPE, text=True, env=env)
        self.url = self.p.stdout.readline().strip()
        self.port = int(re.search(r":(\d+)/", self.url).group(1))
        self.token = token

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.p.terminate()
        code = self.p.wait(30)
        if kind is None:
            check(f"ends with {self.code} at SIGTERM", code == self.code, code)

    def metric(self, name, labels=""):
        status, text = get(self.port, "/metrics")
        assert status == 200, status
        for line in text.splitlines():
            if line.startswith(name + labels + " "):
                return float(line.split()[-1])
        raise SystemExit(f"FAILED: no metric {name}{labels}")

    def memory(self):
        with open(f"/proc/{self.p.pid}/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def alive(self):
        return self.p.poll() is None


def foxglove(glint, capture):
    with Server(glint, capture) as s:
        c = Client(s.port, "foxglove.websocket.v1")
        info, channels = c.receive(), c.receive()
        check("server info first", info["op"] == "serverInfo" and info["name"] == "glint" and info["capabilities"] == [], info)
        by_topic = {k["topic"]: k for k in channels["channels"]}
        check("channels", channels["op"] == "advertise" and {"/glint/points", "/glint/markers", "/glint/detections", "/diagnostics"} <= set(by_topic))
        check("definitions", by_topic["/glint/points"]["schemaName"] == "sensor_msgs/msg/PointCloud2" and "PointField[] fields" in by_topic["/glint/points"]["schema"])
        ids = {by_topic["/glint/points"]["id"]: 7, by_topic["/glint/markers"]["id"]: 4000000000}
        c.say(op="subscribe", subscriptions=[{"id": i, "channelId": k} for k, i in ids.items()])
        n, stamps = {7: 0, 4000000000: 0}, {}
        while min(n.values()) < 3:
            m = c.receive()
            op, subscription, stamp = struct.unpack("<BIQ", m[:13])
            check("message data", op == 1 and subscription in n, op, subscription)
            n[subscription] += 1
            stamps.setdefault(stamp, set()).add(subscription)
            if subscription == 7:
                sec, nsec, length = struct.unpack("<iII", m[17:29])  # behind CDR's 4 bytes
                check("the message has the stamp of its frame", sec * 10**9 + nsec == stamp, sec, nsec, stamp)
                at = 29 + length
                at += -(at - 17) % 4
                height, width = struct.unpack("<II", m[at:at + 8])
                check("points", height * width > 60000 and len(m) > 16 * height * width, height, width, len(m))
        check("both topics of a frame have one stamp", any(len(v) == 2 for v in stamps.values()), stamps)
        c.say(op="unsubscribe", subscriptionIds=[7])
        time.sleep(0.5)
        end = time.monotonic() + 1
        c.s.settimeout(0.3)
        late = 0
        while time.monotonic() < end:
            try:
                late = late + 1 if struct.unpack("<BI", c.receive()[:5])[1] == 7 and time.monotonic() > end - 0.3 else late
            except socket.timeout:
                pass
        check("nothing after unsubscribe", late == 0, late)
        c.s.settimeout(10)
        c.say(op="subscribe", subscriptions=[{"id": 1, "channelId": 99}])
        c.say(op="getParameters", parameterNames=[])
        told = []
        while len(told) < 2:
            m = c.receive()
            told += [m["message"]] if isinstance(m, dict) and m["op"] == "status" else []
        check("what is not there is told", told == ["no such channel", "not a capability of this server"], told)
        c.close()


def slow(glint, capture):
    with Server(glint, capture, "--speed", "4") as s:
        time.sleep(0.5)
        alone, begun = -s.metric("glint_frames_total"), time.monotonic()
        time.sleep(1.5)
        alone = (alone + s.metric("glint_frames_total")) / (time.monotonic() - begun)
        good, bad = Client(s.port), Client(s.port, receive_buffer=4096)
        fox = Client(s.port, "foxglove.websocket.v1", receive_buffer=4096)
        good.say(op="frames", on=True)
        bad.say(op="frames", on=True)  # and never reads again
        fox.say(op="subscribe", subscriptions=[{"id": k, "channelId": k} for k in range(7)])
        begun, before, n, frames, memory = time.monotonic(), s.metric("glint_frames_total"), 0, [], []
        while time.monotonic() - begun < 4:
            m = good.receive()
            if isinstance(m, bytes):
                n += 1
                frames.append(json.loads(m[16:16 + struct.unpack("<I", m[4:8])[0]])["frame"])
                memory.append(s.memory())
        published, seconds = s.metric("glint_frames_total") - before, time.monotonic() - begun
        dropped = s.metric("glint_server_messages_dropped_total", '{reason="slow_client"}')
        check("the one that reads gets frames", n >= 0.4 * published, n, published)
        check("the others lose theirs, counted", dropped >= published, dropped, published)
        check("the pipeline keeps its pace", published / seconds > 0.6 * alone, published / seconds, alone)  # machines are shared
        check("memory is flat", max(memory[len(memory) // 2:]) - max(memory[:len(memory) // 2]) < 8 << 20, max(memory[:len(memory) // 2]), max(memory))
        for c in (good, bad, fox):
            c.close()
        time.sleep(0.3)
        check("they are gone", s.metric("glint_server_clients", '{protocol="page"}') == 0)


def two(glint, capture):
    with Server(glint, capture, "--memory", "3", command="view") as s:  # two frames fit
        clients = [Client(s.port), Client(s.port)]
        end = time.monotonic() + 60
        for i in range(5):
            for c, index in zip(clients, (i, 9 - i)):
                c.say(op="want", frame=index)
            for c, index in zip(clients, (i, 9 - i)):
                m = c.receive()
                while not isinstance(m, bytes):
                    check("nobody waits for ever", time.monotonic() < end)
                    m = c.receive()
                got = json.loads(m[16:16 + struct.unpack("<I", m[4:8])[0]])["frame"]
                check("each gets the frame it wants", got == index, got, index)


def frame_of(c, end):
    """The number of the next frame that comes."""
    while time.monotonic() < end:
        m = c.receive()
        if isinstance(m, bytes):
            return json.loads(m[16:16 + struct.unpack("<I", m[4:8])[0]])["frame"]
    raise SystemExit("FAILED: no frame comes")


def cut(glint, capture):
    with open(capture, "rb") as f:
        begin = f.read(os.path.getsize(capture) * 2 // 3 + 7)
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        f.write(begin)
        f.flush()
        with Server(glint, f.name, "--memory", "3", command="view", code=3) as s:
            c = Client(s.port)
            end = time.monotonic() + 60

            def want(index):
                c.say(op="want", frame=index)
                return frame_of(c, end)

            last = 0
            while want(last + 1) == last + 1:
                last += 1
            check("there are frames before the cut", 3 < last < 9, last)
            for index in (0, last, 1):
                check("they stay", want(index) == index, index)
            check("behind the cut there is the last one", want(1000) == last)
        with Server(glint, f.name, "--speed", "1000", code=3) as s:
            end = time.monotonic() + 60
            while s.metric("glint_frames_total") < 3 * last and time.monotonic() < end:
                time.sleep(0.1)
            check("it begins again", s.metric("glint_frames_total") >= 3 * last)


def refused(*args, **kwargs):
    try:
        Client(*args, **kwargs).close()
        return False
    except Refused:
        return True


def guard(glint, capture):
    with Server(glint, capture) as s:
        p = s.port
        check("the page", get(p)[0] == 200 and "<canvas" in get(p)[1])
        check("health", get(p, "/health") == (200, "ok\n"))
        check("nothing else", get(p, "/etc/passwd")[0] == 404 and get(p, "/page/../../etc/passwd")[0] in (0, 403, 404))
        check("a name that points here is no door", get(p, "/metrics", Host="evil.example")[0] == 403)
        check("nor is a page from elsewhere", get(p, "/metrics", Origin="https://evil.example")[0] == 403)
        check("nor for WebSockets", refused(p, Origin="https://evil.example") and refused(p, Host="evil.example") and refused(p, Origin="null"))
        check("Foxglove's page is let in", not refused(p, "foxglove.websocket.v1", Origin="https://app.foxglove.dev"))
        check("subprotocols of others are not", refused(p, "chat") and refused(p, None))
        check("only GET", get(p)[0] == 200 and request(p, f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n\r\nabc").startswith(b"HTTP/1.1 405"))
    with Server(glint, capture, token="s3cret-word") as s:
        p = s.port
        check("the address has the token", s.url.endswith("/?token=s3cret-word"), s.url)
        check("no token, no numbers", get(p, "/metrics")[0] == 403 and get(p, "/metrics?token=wrong")[0] == 403 and get(p, "/metrics?token=")[0] == 403)
        check("by address, by header", get(p, "/metrics?token=s3cret-word")[0] == 200 and get(p, "/metrics", Authorization="Bearer s3cret-word")[0] == 200)
        check("no token, no WebSocket", refused(p) and refused(p, path="/?token=wrong"))
        check("by address, header, subprotocol", not refused(p, path="/?token=s3cret-word") and not refused(p, Authorization="Bearer s3cret-word")
              and not refused(p, "glint.v1, glint.token.s3cret-word"))
        check("the page itself is no secret", get(p)[0] == 200)
    out = subprocess.run([glint, "serve", capture, "--bind", "example.org"], capture_output=True, text=True)
    check("names are no addresses", out.returncode == 2 and "numeric address" in out.stderr, out.returncode, out.stderr)
    with Server(glint, capture, token="x") as s:
        out = subprocess.run([glint, "serve", capture, "--bind", f"127.0.0.1:{s.port}"], capture_output=True, text=True)
        check("a port in use is told", out.returncode == 1 and "in use" in out.stderr, out.returncode, out.stderr)


def broken_http(p):
    big = "x" * 100000
    cases = {
        "nothing": "", "noise": os.urandom(5000), "zeros": b"\0" * 5000, "no version": "GET /\r\n\r\n", "one line": "GET / HTTP/1.1\r\n",
        "a huge address": f"GET /{big} HTTP/1.1\r\nHost: x\r\n\r\n", "a huge header": f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: {big}\r\n\r\n",
        "many headers": "GET / HTTP/1.1\r\n" + "".join(f"X-{i}: 1\r\n" for i in range(20000)) + "\r\n",
        "a huge cookie": f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {big}\r\n\r\n",
        "a huge token": f"GET /metrics?token={'y' * 3000} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "a body without end": "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\n" + big,
        "chunks": "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "a negative length": "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
        "percent signs": "GET /%00%ff%zz%2e%2e%2f HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "dots": "GET /../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(2000),
        "an upgrade to HTTP/2": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n" + os.urandom(3000),
        "a bad key": "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Protocol: glint.v1\r\n\r\n",
        "no key": "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: glint.v1\r\n\r\n",
        "pipelined": "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 200,
    }
    for name, text in cases.items():
        try:
            request(p, text, 0.4)
        except OSError:
            pass
        check(f"after {name}", get(p, "/health")[0] == 200)


def broken_websocket(p):
    def one(name, protocol, act):
        c = Client(p, protocol)
        try:
            act(c)
            c.s.settimeout(0.4)
            while c.receive() is not None:
                pass
        except (OSError, Refused, ValueError):
            pass
        c.close()
        check(f"after {name} ({protocol})", get(p, "/health")[0] == 200)

    words = ["", "{", "[]", "null", '"x"', "{}", '{"op":1}', '{"op":"nonsense"}', '{"op":"want"}', '{"op":"want","frame":-1}', '{"op":"want","frame":1e300}',
             '{"op":"want","frame":"x"}', '{"op":"frames","on":3}', '{"op":"subscribe"}', '{"op":"subscribe","subscriptions":{}}',
             '{"op":"subscribe","subscriptions":[1]}', '{"op":"subscribe","subscriptions":[{"id":-1,"channelId":0}]}',
             '{"op":"subscribe","subscriptions":[{"id":1,"channelId":0.5}]}', '{"op":"unsubscribe","subscriptionIds":[' + "1," * 500 + '1]}',
             '{"op":"unsubscribe","subscriptionIds":"x"}', "[" * 5000, '{"op":"' + "a" * 60000 + '"}', '{"op":"subscribe","subscriptions":[' + '{"id":1,"channelId":1},' * 2000 + '{"id":1,"channelId":1}]}']
    for protocol in ("glint.v1", "foxglove.websocket.v1"):
        for w in words:
            one(f"the word {w[:40]!r}", protocol, lambda c, w=w: c.raw(1, w.encode()))
        one("no UTF-8", protocol, lambda c: c.raw(1, b"\xff\xfe{"))
        one("binary noise", protocol, lambda c: c.raw(2, os.urandom(3000)))
        one("no mask", protocol, lambda c: c.raw(1, b"{}", mask=False))
        one("a reserved opcode", protocol, lambda c: c.raw(5, b"{}"))
        one("a continuation of nothing", protocol, lambda c: c.raw(0, b"{}"))
        one("a long ping", protocol, lambda c: c.raw(9, b"x" * 200))
        one("a ping in two", protocol, lambda c: c.raw(9, b"x", last=False))
        one("a length of 2^63", protocol, lambda c: c.s.sendall(b"\x81\xff" + struct.pack(">Q", 1 << 63) + b"abcd" + b"x" * 1000))
        one("a length of 2^40", protocol, lambda c: c.s.sendall(b"\x81\xff" + struct.pack(">Q", 1 << 40) + b"abcd" + b"x" * 200000))
        one("pieces without end", protocol, lambda c: [c.raw(1 if i == 0 else 0, b"x" * 1000, last=False) for i in range(100)])
        one("a flood of pings", protocol, lambda c: [c.raw(9, b"x" * 100) for _ in range(300)])
        one("questions whose answers are not read", protocol, lambda c: [c.say(op="getParameters") for _ in range(3000)])
        one("a close of one byte", protocol, lambda c: c.raw(8, b"x"))
        one("noise", protocol, lambda c: c.s.sendall(os.urandom(20000)))


def thousand(s):
    """A thousand connections that say nothing, or half a head, while somebody looks at the page's numbers."""
    held, before = [], s.memory()
    for i in range(1000):
        try:
            c = socket.create_connection(("127.0.0.1", s.port), 5)
            c.settimeout(0.2)
            if i % 2:
                c.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
            held.append(c)
        except OSError:
            pass
    time.sleep(0.5)
    check("memory is bounded", s.memory() - before < 32 << 20, s.memory() - before)
    check("it is alive", s.alive())
    begun, drip = time.monotonic(), [c for c in held if c.fileno() >= 0][:60]
    while time.monotonic() - begun < 15:  # a byte now and then, as a slow loris does
        for c in drip:
            try:
                c.sendall(b"x")
            except OSError:
                pass
        try:
            if get(s.port, "/health")[0] == 200:
                break
        except OSError:
            pass
        time.sleep(0.5)
    seconds = time.monotonic() - begun
    check("heads that do not end are cut off: others get in again", seconds < 14, seconds)
    for c in held:
        c.close()


def hostile(glint, capture):
    with Server(glint, capture, "--speed", "2") as s:
        watcher = Client(s.port)
        watcher.say(op="frames", on=True)
        watcher.s.settimeout(20)
        while not isinstance(watcher.receive(), bytes):
            pass
        before = s.metric("glint_frames_total"), time.monotonic(), s.memory()
        broken_http(s.port)
        broken_websocket(s.port)
        frames, seconds = s.metric("glint_frames_total") - before[0], time.monotonic() - before[1]
        thousand(s)
        check(f"the pipeline went on: {frames / seconds:.1f} frames a second, 19.3 are due", frames > 5 * seconds, frames, seconds)
        check(f"memory is bounded in all: {(s.memory() - before[2]) >> 20} MiB more", s.memory() - before[2] < 64 << 20)
        check("refused ones are counted", s.metric("glint_server_refused_total") > 100, s.metric("glint_server_refused_total"))
        watcher.close()


def metrics(glint, capture):
    with Server(glint, capture) as s:
        end = time.monotonic() + 30
        while s.metric("glint_frames_total") < 3 and time.monotonic() < end:
            time.sleep(0.2)
        text = get(s.port, "/metrics")[1]
    types, values = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            check(f"{name} is told once", name not in types)
            types[name] = kind
        elif not line.startswith("#"):
            m = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*")*\})? (\S+)', line)
            check(f"a line by the grammar: {line[:60]}", m)
            base = re.sub(r"_(bucket|sum|count)$", "", m.group(1))
            check("its type is known", m.group(1) in types or types.get(base) == "histogram", line)
            check("it is there once", (m.group(1), m.group(2)) not in values, line)
            values[m.group(1), m.group(2)] = float(m.group(3))
    for (name, labels), v in values.items():
        if name.endswith("_count") and types.get(name[:-6]) == "histogram":
            buckets = [w for (n, k), w in values.items() if n == name[:-6] + "_bucket" and (labels or "{")[1:-1] in k]
            check(f"buckets of {name} {labels} grow to the count", buckets == sorted(buckets) and buckets[-1] == v, buckets, v)
    check("frames", values["glint_frames_total", None] >= 3, values["glint_frames_total", None])
    way = values["glint_frames_in_total", None] - values["glint_frames_total", None] - sum(v for (n, _), v in values.items() if n == "glint_frames_dropped_total")
    check("in = published + dropped + on their way", -1 <= way <= 4, way)
    sensor = '{sensor="Velodyne HDL-32E",result="%s"}'
    n = [values["glint_packets_total", sensor % r] for r in ("received", "decoded", "malformed", "foreign")]
    check("received = decoded + malformed + foreign", n[0] == sum(n[1:]) and n[0] > 0, n)


def main():
    glint, capture, what = sys.argv[1:4]
    {"foxglove": foxglove, "two": two, "cut": cut, "slow": slow, "guard": guard, "hostile": hostile, "metrics": metrics}[what](glint, capture)


if __name__ == "__main__":
    main()
