"""A DNS server on loopback that answers A questions, as the names of a database are answered: by who writes now.

Messages: RFC 1035, section 4; one question, one answer with a pointer to its name.
"""

import contextlib
import socketserver
import struct
import threading


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        message, socket = self.request
        end = message.index(b"\0", 12) + 5
        address = self.server.address(name_of(message))
        flags = 0x8180 if address else 0x8183
        head = struct.pack("!2s5H", message[:2], flags, 1, 1 if address else 0, 0, 0)
        record = struct.pack("!HHHIH4B", 0xC00C, 1, 1, 5, 4, *map(int, address.split("."))) if address else b""
        socket.sendto(head + message[12:end] + record, self.client_address)


def name_of(message: bytes) -> str:
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels).lower()


@contextlib.contextmanager
def resolving(address):
    """`HOST:PORT` of a server that asks `address` for the address of a name; None: there is no such name."""
    server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.address = address
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
