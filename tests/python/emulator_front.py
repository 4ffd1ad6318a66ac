"""A front before an emulator: writes down every call, tells the platform's time faster, answers what the emulator cannot.

Platform time is what the `Date` headers say, so a minute's dwell passes in seconds here, as on the simulated platform.
"""

import contextlib
import email.utils
import http.client
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cloudwatch_cbor
from recording_proxy import told


class Front(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream: str, speed: float, cbor: bool = False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = urllib.parse.urlsplit(upstream)
        self.cbor = cbor
        self.since = (time.time(), time.time(), speed)
        self.calls: list[dict] = []
        # By RDS operation: the XML answered in the emulator's place; what is put in its XML for what it says; what
        # follows a call; whose answers are lost.
        self.instead: dict[str, bytes] = {}
        self.rewritten: dict[str, tuple[bytes, bytes]] = {}
        self.then: dict[str, object] = {}
        self.lost: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def now(self) -> float:
        began, ours, speed = self.since
        return began + (time.time() - ours) * speed

    def to_next(self, hour: int) -> None:
        """The platform's time moves forward to when that hour of a day (UTC) comes next."""
        _, _, speed = self.since
        ahead = (hour * 3600 - self.now()) % 86_400
        self.since = (self.now() + ahead, time.time(), speed)

    def hurry(self, speed: float) -> None:
        """From now on the platform's time runs so many times as fast as ours."""
        self.since = (self.now(), time.time(), speed)

    def asked(self, operation: str) -> list[dict]:
        """What was given with every call of an operation."""
        return [call["given"] for call in list(self.calls) if call["operation"] == operation]

    def handle_error(self, request, client_address):
        pass  # a console that ends hangs up


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def relay(self):
        front = self.server
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        call = told(self.command, self.path, self.headers, body)
        front.calls.append(call)
        if call["operation"] in front.instead:
            self.answer(200, [("content-type", "text/xml")], front.instead[call["operation"]])
        elif call["operation"] in front.lost:
            self.ask(self.path, dict(self.headers), body)
            self.close_connection = True
        else:
            self.pass_on(body, front.rewritten.get(call["operation"], (b"", b"")))
        front.then.get(call["operation"], lambda: None)()

    def pass_on(self, body: bytes, rewritten: tuple[bytes, bytes]):
        if self.server.cbor and self.headers.get("smithy-protocol"):
            path, headers, body = cloudwatch_cbor.request(self.path, body)
            status, _, data = self.ask(path, {**dict(self.headers), **headers}, body)
            headers, data = cloudwatch_cbor.answer(data)
            return self.answer(status, headers, data)
        status, headers, data = self.ask(self.path, dict(self.headers), body)
        self.answer(status, headers, data.replace(*rewritten) if rewritten[0] else data)

    def ask(self, path: str, headers: dict, body: bytes):
        upstream = http.client.HTTPConnection(self.server.upstream.hostname, self.server.upstream.port, timeout=60)
        left = ("connection", "accept-encoding", "content-length", "transfer-encoding")
        upstream.request(self.command, path, body, {k: v for k, v in headers.items() if k.lower() not in left})
        answer = upstream.getresponse()
        data = answer.read()
        upstream.close()
        return answer.status, [(k, v) for k, v in answer.getheaders() if k.lower() not in (*left, "date")], data

    def answer(self, status: int, headers: list, data: bytes):
        self.send_response_only(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("date", email.utils.formatdate(self.server.now(), usegmt=True))
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = relay


@contextlib.contextmanager
def fronted(upstream: str, speed: float, cbor: bool = False):
    front = Front(upstream, speed, cbor)
    threading.Thread(target=front.serve_forever, daemon=True).start()
    try:
        yield front
    finally:
        front.shutdown()
        front.server_close()
