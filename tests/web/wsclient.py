"""A WebSocket client of the standard library alone, which can also misbehave."""
import base64
import hashlib
import json
import os
import socket
import struct


class Refused(Exception):
    pass


def request(port, text, seconds=10):
    """Sends bytes or text, returns all that comes until the server closes or says nothing for a while."""
    with socket.create_connection(("127.0.0.1", port), seconds) as s:
        s.settimeout(seconds)
        got = b""
        try:
            s.sendall(text if isinstance(text, bytes) else text.encode())
            while True:
                piece = s.recv(65536)
                if not piece:
                    break
                got += piece
                head, _, body = got.partition(b"\r\n\r\n")
                length = next((int(h.split(b":")[1]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length")), None)
                if length is not None and len(body) >= length:
                    break
        except (ConnectionError, socket.timeout):
            pass
        return got


def get(port, path="/", **headers):
    """Status and body."""
    lines = {"Host": f"127.0.0.1:{port}", **{k.replace("_", "-"): v for k, v in headers.items()}}
    got = request(port, f"GET {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n")
    head, _, body = got.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head.startswith(b"HTTP/1.") else 0, body.decode(errors="replace")


class Client:
    def __init__(self, port, protocol="glint.v1", path="/", seconds=10, receive_buffer=0, **headers):
        self.s = socket.socket()
        if receive_buffer:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.s.settimeout(seconds)
        self.s.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {"Host": f"127.0.0.1:{port}", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key,
                 "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": protocol, **headers}
        self.s.sendall((f"GET {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items() if v is not None) + "\r\n").encode())
        self.buffer = b""
        try:
            while b"\r\n\r\n" not in self.buffer:
                self.more()
        except (Refused, ConnectionError) as e:
            self.s.close()
            raise Refused("closed") from e
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            self.s.close()
            raise Refused(head.split(b"\r\n")[0].decode())
        want = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        assert want in head, head

    def more(self):
        piece = self.s.recv(1 << 18)
        if not piece:
            raise Refused("closed")
        self.buffer += piece

    def take(self, n):
        while len(self.buffer) < n:
            self.more()
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def frame(self):
        a, b = self.take(2)
        n = b & 127
        if n == 126:
            n = struct.unpack(">H", self.take(2))[0]
        elif n == 127:
            n = struct.unpack(">Q", self.take(8))[0]
        return a >> 7, a & 15, self.take(n)

    def receive(self):
        """A message: text as a dict, binary as bytes, None for a close."""
        whole, kind = b"", None
        while True:
            last, op, data = self.frame()
            if op == 8:
                self.code = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 0
                return None
            if op == 9:
                self.raw(10, data)
            if op in (9, 10):
                continue
            kind = op if op else kind
            whole += data
            if last:
                return json.loads(whole) if kind == 1 else whole

    def raw(self, op, data, last=True, mask=True):
        n = len(data)
        head = bytes([(0x80 if last else 0) | op]) + (bytes([(0x80 if mask else 0) | n]) if n < 126 else
                                                     bytes([(0x80 if mask else 0) | 126]) + struct.pack(">H", n) if n < 65536 else
                                                     bytes([(0x80 if mask else 0) | 127]) + struct.pack(">Q", n))
        key = os.urandom(4) if mask else b""
        if mask:
            data = bytes(x ^ key[i & 3] for i, x in enumerate(data))
        self.s.sendall(head + key + data)

    def say(self, **word):
        self.raw(1, json.dumps(word).encode())

    def close(self):
        self.s.close()
