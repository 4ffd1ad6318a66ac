"""A proxy on loopback that breaks the answers of one AWS service in the ways networks and servers do."""

import contextlib
import email.utils
import http.client
import json
import re
import socket
import struct
import threading
import time
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
        self.skew = 0
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
            if self.server.fault in REFUSALS:
                return self.refuse(*REFUSALS[self.server.fault])
            if self.server.fault in REWRITES:
                return REWRITES[self.server.fault](self, body)
            return self.spoil(*self.ask(body))
        self.answer(*self.ask(body))

    def ask(self, body: bytes):
        upstream = http.client.HTTPConnection(self.server.upstream.hostname, self.server.upstream.port, timeout=60)
        left = ("connection", "accept-encoding", "content-length")
        headers = {k: v for k, v in self.headers.items() if k.lower() not in left}
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

    def refuse(self, status: int, code: str, message: str = "refused by the proxy"):
        """An error in whichever shape the caller's protocol reads."""
        date = [("date", email.utils.formatdate(time.time() + self.server.skew, usegmt=True))]
        kind = (self.headers.get("content-type") or "") + (self.headers.get("accept") or "")
        if "cbor" in kind or self.headers.get("smithy-protocol"):
            text = f"com.amazonaws#{code}".encode()
            body = b"\xa2\x66__type" + bytes([0x78, len(text)]) + text + b"\x67message" + bytes([0x78, len(message)]) + message.encode()
            return self.answer(status, [*date, ("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")], body)
        if "json" in kind or self.server.service in ("eks", "lambda"):
            body = f'{{"__type":"{code}","message":"{message}"}}'.encode()
            return self.answer(status, [*date, ("content-type", "application/json"), ("x-amzn-errortype", code)], body)
        body = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        self.answer(status, [*date, ("content-type", "text/xml")], body.encode())

    def is_cbor(self) -> bool:
        return bool(self.headers.get("smithy-protocol"))

    def failed_ok(self, body: bytes):
        """An error document under status 200."""
        document = b"<ErrorResponse><Error><Code>InternalFailure</Code><Message>sorry</Message></Error></ErrorResponse>"
        if self.server.service in ("sqs", "eks", "lambda"):
            document = b'{"__type":"InternalFailure","message":"sorry"}'
        self.answer(200, [("content-type", "text/xml")], b"\xa1\x66__type\x61x" if self.is_cbor() else document)

    def closed(self, body: bytes):
        """HTTP/1.0: no length, the end of the connection is the end of the answer, and it comes early."""
        status, headers, data = self.ask(body)
        self.wfile.write(f"HTTP/1.0 {status} OK\r\n".encode())
        for key, value in headers:
            self.wfile.write(f"{key}: {value}\r\n".encode())
        self.wfile.write(b"\r\n" + data[: len(data) * 2 // 3])
        self.wfile.flush()
        self.close_connection = True

    def drip(self, body: bytes):
        """One byte a second."""
        status, headers, data = self.ask(body)
        self.send_response_only(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        for byte in data:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.quit.wait(1):
                break
        self.close_connection = True

    def expired_between(self, body: bytes):
        """The first page is fine, at the second the credentials have run out."""
        if b"NextToken" in body:
            return self.refuse(403, "ExpiredTokenException", "The security token included in the request is expired")
        self.changed(body, empty_page)

    def changed(self, body: bytes, change):
        """The upstream's answer, changed as text; marks of pages are ours and stay here."""
        if body.startswith(b"{"):
            body_above = json.dumps({k: v for k, v in json.loads(body).items() if k != "NextToken"}).encode()
        else:
            body_above = re.sub(rb"&Marker=[^&]*", b"", body)
        self.path = re.sub(r"nextToken=[^&]*", "", self.path)
        status, headers, data = self.ask(body_above)
        self.answer(status, headers, change(data.decode(), body).encode())

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


def same_page(text: str, _body: bytes) -> str:
    """Every list of the service ends with the same mark, for ever."""
    if text.startswith("{"):
        document = json.loads(text)
        for list_, mark in (("QueueUrls", "NextToken"), ("clusters", "nextToken"), ("Functions", "NextMarker")):
            if list_ in document:
                document[mark] = "the-same"
        return json.dumps(document)
    return text.replace("</DBClusters>", "</DBClusters><Marker>the-same</Marker>")


def empty_page(text: str, body: bytes) -> str:
    """The first page of queues is empty and has a mark; what it held comes with the second."""
    document = json.loads(text) if text.startswith("{") else {}
    if "QueueUrls" not in document or b"NextToken" in body:
        return text
    return json.dumps({"QueueUrls": [], "NextToken": "next"})


def twice(text: str, body: bytes) -> str:
    """Both pages of queues hold all of them."""
    document = json.loads(text) if text.startswith("{") else {}
    if "QueueUrls" not in document or b"NextToken" in body:
        return text
    return json.dumps({"QueueUrls": document["QueueUrls"] * 2, "NextToken": "next"})


def strange(text: str, _body: bytes) -> str:
    """Words, fields and numbers that no model knows."""
    if text.startswith("{"):
        document = json.loads(text)
        document["Zork"] = {"deep": [1, {"er": None}]}
        attributes = document.get("Attributes")
        if attributes:
            attributes.update({
                "ApproximateNumberOfMessages": "99999999999999999999999999",
                "ApproximateNumberOfMessagesNotVisible": "-7",
                "MessageRetentionPeriod": "soon",
                "CreatedTimestamp": "9" * 30,
                "Zork": "quux",
                "RedrivePolicy": "{" * 5000,
            })
        return json.dumps(document)
    text = re.sub(r"<Status>[a-z-]+</Status>", "<Status>zorking</Status><Zork><Quux>1</Quux></Zork>", text)
    text = re.sub(r"<PromotionTier>\d+</PromotionTier>", "<PromotionTier>2147483647</PromotionTier>", text)
    return re.sub(r"<EngineVersion>[^<]+<", "<EngineVersion>" + "e" * 200_000 + "&#x7;&#x1B;[31m\u202e<", text)


# A code and its status, per fault (Common errors of the APIs).
REFUSALS = {
    "skewed": (403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
    "signature": (403, "SignatureDoesNotMatch", "Signature expired: it is now earlier than"),
    "nameless": (400, "Quux.Zork", ""),
}
REWRITES = {
    "failed-ok": Handler.failed_ok,
    "closed": Handler.closed,
    "drip": Handler.drip,
    "expired-between": Handler.expired_between,
    "same-page": lambda handler, body: handler.changed(body, same_page),
    "empty-page": lambda handler, body: handler.changed(body, empty_page),
    "twice": lambda handler, body: handler.changed(body, twice),
    "strange": lambda handler, body: handler.changed(body, strange),
}


@contextlib.contextmanager
def broken(upstream: str, service: str, fault: str, skew: float = 0):
    proxy = Proxy(upstream, service, fault)
    proxy.skew = skew
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.quit.set()
        proxy.shutdown()
        proxy.server_close()
