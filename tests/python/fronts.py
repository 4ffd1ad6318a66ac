"""What may stand between a desk and its servers: TLS that asks for a certificate, and a forward proxy. On loopback."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def pump(one: socket.socket, other: socket.socket) -> None:
    """Passes on what comes until one of the two ends."""
    with contextlib.suppress(OSError, ValueError):
        while data := one.recv(64 * 1024):
            other.sendall(data)
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def join(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join(5)
    one.close()
    other.close()


class Front:
    """Accepts on a port of its own; each connection is `serve`d in a thread."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.quietly, args=(client,), daemon=True).start()

    def quietly(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.serve(client)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


class Authority:
    """A certificate authority, and the certificates that it signs."""

    def __init__(self, folder, days: float = 30):
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority of {folder.name}")])
        self.file = folder / "ca.pem"
        self.cert = self.sign(self.name, self.key, days, ca=True)
        self.file.write_bytes(self.cert.public_bytes(serialization.Encoding.PEM))

    def sign(self, subject, key, days: float, ca: bool = False):
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=60))
        builder = builder.not_valid_after(now + datetime.timedelta(days=days))
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def pair(self, name: str, days: float = 30, groups: tuple[str, ...] = ()):
        """Files of a certificate and its key; Kubernetes takes the organizations for groups."""
        key = ec.generate_private_key(ec.SECP256R1())
        organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, name)])
        cert, secret = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        cert.write_bytes(self.sign(subject, key, days).public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return cert, secret


class Tls(Front):
    """TLS before a server: lets in who shows a certificate of the authority."""

    def __init__(self, upstream: str, authority: Authority):
        self.upstream = urllib.parse.urlsplit(upstream)
        cert, key = authority.pair("server")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.context.load_verify_locations(authority.file)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.names: set[str] = set()
        self.open: list[socket.socket] = []
        super().__init__()

    def cut(self) -> None:
        """Breaks off every connection."""
        while self.open:
            with contextlib.suppress(OSError):
                self.open.pop().shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def serve(self, client: socket.socket) -> None:
        inside = self.context.wrap_socket(client, server_side=True)
        if shown := inside.getpeercert():
            self.names.add(dict(pair[0] for pair in shown["subject"])["commonName"])
        self.open.append(inside)
        join(inside, socket.create_connection((self.upstream.hostname, self.upstream.port)))


class ForwardProxy(Front):
    """A forward proxy that knows the names of a network of its own. `refuses` says 403, `silent` nothing at all."""

    def __init__(self, hosts: dict[str, str], how: str = "passes"):
        self.hosts = {name: urllib.parse.urlsplit(url) for name, url in hosts.items()}
        self.how, self.asked, self.given = how, [], threading.Event()
        super().__init__()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(4096)
            if not data:
                return
            head += data
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        url = urllib.parse.urlsplit(target if "://" in target else f"//{target}")
        self.asked.append((method, url.hostname))
        if self.how == "silent":
            self.given.wait(60)
            return client.close()
        upstream = self.hosts.get(url.hostname)
        if self.how == "refuses" or upstream is None:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return client.close()
        server = socket.create_connection((upstream.hostname, upstream.port))
        if method == "CONNECT":
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            server.sendall(head)
        join(client, server)

    def __exit__(self, *_):
        self.given.set()
        super().__exit__()
