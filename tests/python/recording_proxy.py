"""A proxy on loopback that writes down every call to AWS and to a cluster as it was sent."""

import contextlib
import gzip
import http.client
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Recorder(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream: str):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = urllib.parse.urlsplit(upstream)
        self.calls: list[dict] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass

    def taken(self) -> list[dict]:
        """The calls since this was last asked."""
        calls, self.calls = self.calls, []
        return calls


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.calls.append(told(self.command, self.path, self.headers, body))
        upstream = http.client.HTTPConnection(self.server.upstream.hostname, self.server.upstream.port, timeout=60)
        kept = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "accept-encoding")}
        upstream.request(self.command, self.path, body, kept)
        answer = upstream.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(key, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on


def told(method: str, path: str, headers, body: bytes) -> dict:
    """The operation by its name where the protocol has one, and what was given, by name."""
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    call = {"method": method, "path": path, "operation": None, "given": {}}
    target = headers.get("x-amz-target")
    kind = headers.get("content-type") or ""
    if target:
        call["operation"] = target.rsplit(".", 1)[-1]
    with contextlib.suppress(ValueError):
        if "x-www-form-urlencoded" in kind:
            form = dict(urllib.parse.parse_qsl(body.decode()))
            call["operation"], call["given"] = form.pop("Action", None), form
        elif body:
            call["given"] = json.loads(body)
    return call


@contextlib.contextmanager
def recorded(upstream: str):
    recorder = Recorder(upstream)
    thread = threading.Thread(target=recorder.serve_forever, daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        recorder.shutdown()
        recorder.server_close()
