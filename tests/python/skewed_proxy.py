"""A proxy on loopback whose servers live at another time than this machine: it tells theirs in every answer, and refuses
what is signed more than five minutes off (IAM User Guide, reference_sigv-troubleshooting)."""

import contextlib
import datetime
import email.utils
import http.client
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ALLOWED = datetime.timedelta(minutes=5)


class Skewed(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream: str, ahead: datetime.timedelta):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream, self.ahead = urllib.parse.urlsplit(upstream), ahead
        self.refused: list[str] = []
        self.passed = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.timezone.utc) + self.ahead

    def handle_error(self, request, client_address):
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        signed = datetime.datetime.strptime(self.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        if abs(signed - self.server.now()) > ALLOWED:
            self.server.refused.append(self.headers["authorization"])
            return self.send(403, [("content-type", "text/xml")], (
                b'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code>'
                b"<Message>Signature not yet current</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"))
        self.server.passed += 1
        upstream = http.client.HTTPConnection(self.server.upstream.hostname, self.server.upstream.port, timeout=60)
        kept = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "accept-encoding")}
        upstream.request(self.command, self.path, body, kept)
        answer = upstream.getresponse()
        self.send(answer.status, answer.getheaders(), answer.read())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def send(self, status: int, headers, data: bytes):
        self.send_response_only(status)
        self.send_header("date", email.utils.format_datetime(self.server.now(), usegmt=True))
        for key, value in headers:
            if key.lower() not in ("transfer-encoding", "connection", "content-length", "date"):
                self.send_header(key, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextlib.contextmanager
def skewed(upstream: str, **ahead: float):
    proxy = Skewed(upstream, datetime.timedelta(**ahead))
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
