"""A real Kubernetes control plane on loopback, out of the binaries of a folder, as envtest has them.

`KUBEBUILDER_ASSETS` names the folder with etcd, kube-apiserver, kube-controller-manager and kube-scheduler
(https://book.kubebuilder.io/reference/envtest; the two last come with the server tarball of a Kubernetes release).
"""

import contextlib
import json
import os
import pathlib
import ssl
import subprocess
import time
import urllib.error
import urllib.request

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from emulators import free_port
from fronts import Authority

ASSETS = pathlib.Path(os.environ.get("KUBEBUILDER_ASSETS", "/usr/local/kubebuilder/bin"))


def binary(name: str) -> str:
    file = ASSETS / name
    assert file.exists(), f"{file} is missing: KUBEBUILDER_ASSETS must name a folder with it"
    return str(file)


class ControlPlane:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.authority = Authority(folder)
        self.port = free_port()
        self.server = f"https://127.0.0.1:{self.port}"
        self.running: dict[str, subprocess.Popen] = {}
        self.admin = self.kubeconfig("admin", self.certificate("admin", "system:masters"))

    def certificate(self, name: str, *groups: str, days: float = 30) -> dict:
        """A user with a client certificate: its common name is the user, its organizations the groups."""
        cert, key = self.authority.pair(name, days=days, groups=groups)
        return {"client-certificate": str(cert), "client-key": str(key)}

    def kubeconfig(self, name: str, user: dict, context: str = "real") -> pathlib.Path:
        file = self.folder / f"{name}.kubeconfig"
        cluster = {"server": self.server, "certificate-authority": str(self.authority.file)}
        whole = {
            "apiVersion": "v1", "kind": "Config", "current-context": context,
            "clusters": [{"name": "real", "cluster": cluster}], "users": [{"name": "me", "user": user}],
            "contexts": [{"name": context, "context": {"cluster": "real", "user": "me"}}],
        }
        file.write_text(json.dumps(whole))
        return file

    def start(self, name: str, *words: str) -> None:
        log = open(self.folder / f"{name}.log", "a")
        self.running[name] = subprocess.Popen([binary(name), *words], stdout=log, stderr=subprocess.STDOUT)

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].wait()

    def revive(self, name: str) -> None:
        """The API server, with its words of before."""
        _, *words = self.running[name].args
        self.start(name, *words)
        self.awaited("/readyz", name)

    def starts(self) -> None:
        folder, client, peer = self.folder, free_port(), free_port()
        signing = self.signing_key()
        cert, key = self.authority.pair("apiserver")
        url = f"http://127.0.0.1:{client}"
        self.start(
            "etcd", "--data-dir", str(folder / "etcd"), "--listen-client-urls", url, "--advertise-client-urls", url,
            "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
            "--initial-cluster", f"default=http://127.0.0.1:{peer}", "--unsafe-no-fsync",
        )
        self.start(
            "kube-apiserver", f"--etcd-servers={url}", f"--secure-port={self.port}", "--bind-address=127.0.0.1",
            f"--tls-cert-file={cert}", f"--tls-private-key-file={key}", f"--client-ca-file={self.authority.file}",
            f"--service-account-key-file={signing}", f"--service-account-signing-key-file={signing}",
            "--service-account-issuer=https://kubernetes.default.svc", "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
        )
        self.awaited("/readyz", "apiserver")
        common = f"--kubeconfig={self.admin}"
        self.start(
            "kube-controller-manager", common, f"--service-account-private-key-file={signing}",
            f"--root-ca-file={self.authority.file}", "--leader-elect=false", "--secure-port=0",
            "--horizontal-pod-autoscaler-sync-period=5s",
        )
        self.start("kube-scheduler", common, "--leader-elect=false", "--secure-port=0")

    def signing_key(self) -> pathlib.Path:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        file = self.folder / "service-accounts.pem"
        pem = serialization.PrivateFormat.TraditionalOpenSSL
        file.write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()))
        return file

    def awaited(self, path: str, who: str, seconds: float = 90) -> None:
        context = ssl.create_default_context(cafile=str(self.authority.file))
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(self.server + path, context=context, timeout=2).status == 200:
                    return
            for process in self.running.values():
                assert process.poll() is None, f"{process.args[0]} ended with {process.returncode}: see {self.folder}"
            assert time.monotonic() < deadline, f"{who} was not ready within {seconds} s: see {self.folder}"
            time.sleep(0.1)

    def stops(self) -> None:
        for process in reversed(self.running.values()):
            process.terminate()
        for process in reversed(self.running.values()):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()


@contextlib.contextmanager
def control_plane(folder: pathlib.Path):
    folder.mkdir(parents=True, exist_ok=True)
    plane = ControlPlane(folder)
    try:
        plane.starts()
        yield plane
    finally:
        plane.stops()
