"""A proxy on loopback that counts SQS writes and can call somebody at them: before one is passed on, and after."""

import contextlib
import http.client
import json
import pathlib
import shutil
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WRITES = ("StartMessageMoveTask", "CancelMessageMoveTask")


class Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream: str):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = urllib.parse.urlsplit(upstream)
        self.writes: list[tuple[str, dict, int]] = []
        self.lock = threading.Lock()
        self.before = self.after = lambda operation, nth: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass  # a killed client hangs up

    def starts(self) -> list[dict]:
        """What was asked of every StartMessageMoveTask that reached SQS."""
        return [body for operation, body, _ in self.writes if operation == WRITES[0]]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        operation = (self.headers.get("x-amz-target") or "").rsplit(".", 1)[-1]
        write = operation in WRITES
        proxy = self.server
        if write:
            with proxy.lock:
                nth = len(proxy.writes)
            if proxy.before(operation, nth):
                self.close_connection = True
                return
        upstream = http.client.HTTPConnection(proxy.upstream.hostname, proxy.upstream.port, timeout=60)
        kept = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "accept-encoding")}
        upstream.request(self.command, self.path, body, kept)
        answer = upstream.getresponse()
        data = answer.read()
        if write:
            with proxy.lock:
                proxy.writes.append((operation, json.loads(body or b"{}"), answer.status))
            proxy.after(operation, nth)
        self.send_response_only(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(key, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        upstream.close()

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST


@contextlib.contextmanager
def counted(platform, folder: pathlib.Path):
    """The proxy, and a stack file like the platform's whose AWS calls go through it."""
    proxy = Proxy(platform.aws)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    shutil.copytree(platform.stack.parent, folder, ignore=shutil.ignore_patterns("stderr"))
    config = folder / "aws" / "config"
    config.write_text(config.read_text().replace(platform.aws, proxy.url))
    try:
        yield proxy, folder / platform.stack.name
    finally:
        proxy.shutdown()
        proxy.server_close()
