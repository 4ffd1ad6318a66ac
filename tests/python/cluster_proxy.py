"""A proxy on loopback before one Kubernetes API that breaks its answers, until it is told to stop."""

import contextlib
import gzip
import http.client
import json
import socket
import struct
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Faults of every answer, and those of watches only.
LISTS = ["hang", "expired", "denied", "throttled", "html", "garbage", "truncated", "half", "gzip", "reset"]
WATCHES = ["cut", "gone", "noise", "silent"]


def status(code: int, reason: str, message: str) -> bytes:
    """A Status as a real API server writes it."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return json.dumps({**body, "message": message, "reason": reason, "code": code}).encode()


class Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream: str, fault: str | None, resource: str = "", port: int = 0):
        super().__init__(("127.0.0.1", port), Handler)
        self.upstream = urllib.parse.urlsplit(upstream)
        self.fault, self.resource = fault, resource
        self.met: list[str] = []
        self.watches: set[socket.socket] = set()
        self.lifted = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def lift(self) -> None:
        """From now on everything is passed on; what hangs is let go."""
        self.fault = None
        self.lifted.set()

    def cut(self) -> None:
        """Breaks off every watch."""
        for watch in list(self.watches):
            with contextlib.suppress(OSError):
                watch.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):
        pass  # clients of a broken proxy hang up; that is the point


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path, _, query = self.path.partition("?")
        watch, fault = "watch=true" in query, self.server.fault
        mine = path.endswith("/" + self.server.resource) if self.server.resource else True
        if fault and mine and fault in (WATCHES if watch else LISTS):
            self.server.met.append(self.path)
            return getattr(self, fault)(body)
        if watch:
            return self.follow(body)
        self.answer(*self.ask(body))

    do_POST = do_PATCH = do_PUT = do_GET

    def open(self, body: bytes):
        upstream = http.client.HTTPConnection(self.server.upstream.hostname, self.server.upstream.port, timeout=90)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "accept-encoding")}
        upstream.request(self.command, self.path, body, headers)
        return upstream, upstream.getresponse()

    def ask(self, body: bytes):
        upstream, answer = self.open(body)
        kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in ("content-length", "transfer-encoding", "connection")]
        data = answer.read()
        upstream.close()
        return answer.status, kept, data

    def answer(self, code, headers, data, length=None):
        self.send_response_only(code)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("content-length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)

    def begin(self):
        self.send_response_only(200)
        self.send_header("content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def chunk(self, data: bytes):
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def follow(self, body: bytes):
        """Passes a watch on, line by line."""
        upstream, answer = self.open(body)
        if answer.status != 200:
            return self.answer(answer.status, [], answer.read())
        self.begin()
        self.server.watches.add(self.connection)
        with contextlib.closing(upstream), contextlib.suppress(OSError, http.client.HTTPException):
            while line := answer.readline():
                self.chunk(line)
            self.chunk(b"")
        self.server.watches.discard(self.connection)
        self.close_connection = True

    def drop(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def hang(self, _):
        self.server.lifted.wait(60)
        self.close_connection = True

    def expired(self, _):
        self.answer(401, [("content-type", "application/json")], status(401, "Unauthorized", "Unauthorized"))

    def denied(self, _):
        what = self.server.resource
        message = f'{what} is forbidden: User "on-call" cannot list resource "{what}" in API group "" at the cluster scope'
        self.answer(403, [("content-type", "application/json")], status(403, "Forbidden", message))

    def throttled(self, _):
        body = status(429, "TooManyRequests", "the server has received too many requests and has asked us to try again later")
        self.answer(429, [("content-type", "application/json"), ("retry-after", "1")], body)

    def html(self, _):
        self.answer(502, [("content-type", "text/html")], b"<html><body><h1>502 Bad Gateway</h1></body></html>")

    def garbage(self, _):
        self.answer(200, [("content-type", "application/json")], b'\x00\xff{"kind": <not JSON')

    def truncated(self, body):
        code, headers, data = self.ask(body)
        self.answer(code, headers, data[: len(data) // 2], length=len(data))
        self.wfile.flush()
        self.drop()

    def half(self, body):
        """Half the list in an answer that is complete as far as HTTP can tell."""
        code, headers, data = self.ask(body)
        self.answer(code, headers, data[: len(data) // 2])

    def gzip(self, body):
        code, headers, data = self.ask(body)
        packed = bytearray(gzip.compress(data))
        middle = len(packed) // 2
        packed[middle : middle + 16] = b"\xff" * 16
        self.answer(code, [*headers, ("content-encoding", "gzip")], bytes(packed))

    def reset(self, _):
        self.drop()

    def cut(self, _):
        self.begin()
        self.chunk(b'{"type":"MODIFIED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"na')
        self.drop()

    def gone(self, _):
        self.begin()
        line = {"type": "ERROR", "object": json.loads(status(410, "Expired", "too old resource version: 1 (2)"))}
        self.chunk(json.dumps(line).encode() + b"\n")
        self.chunk(b"")

    def noise(self, _):
        self.begin()
        self.chunk(b"{\x00 not an event\n")
        self.chunk(b"")

    def silent(self, _):
        self.begin()
        self.server.lifted.wait(120)
        # Still not a word: only a deadline of the client's own ends this.
        threading.Event().wait(120)


@contextlib.contextmanager
def before(upstream: str, fault: str | None, resource: str = "", port: int = 0):
    proxy = Proxy(upstream, fault, resource, port)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.lift()
        proxy.shutdown()
        proxy.server_close()
