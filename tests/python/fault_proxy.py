"""A proxy on loopback that breaks the answers of one AWS service in the ways networks and servers do."""

import contextlib
import http.client
import re
import socket
import struct
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")


class Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream: str, service: str, fault: str):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = urllib.parse.urlsplit(upstream)
        self.service, self.fault = service, fault
        self.broken = 0
        self.quit = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        pass  # clients of a broken proxy hang up; that is the point


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.relay()

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST

    def relay(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        scope = SCOPE.search(self.headers.get("authorization", ""))
        if scope and scope.group(2) == self.server.service:
            self.server.broken += 1
            if self.server.fault == "hang":
                self.server.quit.wait(60)
                self.close_connection = True
                return
            if self.server.fault == "throttled":
                return self.refuse(400, "ThrottlingException" if scope.group(2) in ("eks", "lambda") else "Throttling")
            if self.server.fault == "expired":
                return self.refuse(403, "ExpiredTokenException" if scope.group(2) in ("eks", "lambda") else "ExpiredToken")
            if self.server.fault == "html":
                return self.answer(502, [("content-type", "text/html")], b"<html><body>Bad Gateway</body></html>")
            return self.spoil(*self.ask(body))
        self.answer(*self.ask(body))

    def ask(self, body: bytes):
        upstream = http.client.HTTPConnection(self.server.upstream.hostname, self.server.upstream.port, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "accept-encoding")}
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        data = answer.read()
        kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in ("content-length", "transfer-encoding", "connection")]
        upstream.close()
        return answer.status, kept, data

    def answer(self, status, headers, data):
        self.send_response_only(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status: int, code: str):
        """An error in whichever shape the caller's protocol reads."""
        kind = (self.headers.get("content-type") or "") + (self.headers.get("accept") or "")
        if "cbor" in kind or self.headers.get("smithy-protocol"):
            text = f"com.amazonaws#{code}".encode()
            body = b"\xa2\x66__type" + bytes([0x78, len(text)]) + text + b"\x67message\x64slow"
            return self.answer(status, [("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")], body)
        if "json" in kind or self.server.service in ("eks", "lambda"):
            body = f'{{"__type":"{code}","message":"refused by the proxy"}}'.encode()
            return self.answer(status, [("content-type", "application/json"), ("x-amzn-errortype", code)], body)
        body = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>refused</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        self.answer(status, [("content-type", "text/xml")], body.encode())

    def spoil(self, status, headers, data):
        if self.server.fault == "garbage":
            return self.answer(status, headers, b"\x00\xff{<not an answer")
        # reset: the header promises everything, half arrives, then the connection is reset
        self.send_response_only(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("content-length", str(len(data) + 1))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


@contextlib.contextmanager
def broken(upstream: str, service: str, fault: str):
    proxy = Proxy(upstream, service, fault)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.quit.set()
        proxy.shutdown()
        proxy.server_close()
