"""Plays the kubelets of a control plane that has none: nodes that are ready, and pods that run as soon as they are bound.

What a kubelet writes: https://kubernetes.io/docs/reference/node/node-status/ and .../pods/pod-lifecycle/.
"""

import contextlib
import datetime
import http.client
import json
import ssl
import threading
import urllib.parse

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Api:
    """JSON over one connection, as the user of a certificate."""

    def __init__(self, server: str, authority, user: dict):
        context = ssl.create_default_context(cafile=str(authority.file))
        context.load_cert_chain(user["client-certificate"], user["client-key"])
        self.line = http.client.HTTPSConnection(urllib.parse.urlsplit(server).netloc, context=context, timeout=30)

    def __call__(self, method: str, path: str, body: dict | None = None, accept: tuple[int, ...] = ()) -> dict:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        text = None if body is None else json.dumps(body)
        self.line.request(method, path, text, {"content-type": kind, "accept": "application/json"})
        answer = self.line.getresponse()
        told = json.loads(answer.read() or b"{}")
        assert answer.status < 300 or answer.status in accept, (method, path, answer.status, told)
        return told


class Kubelets:
    def __init__(self, api: Api, nodes: int = 3, instance: str = "m6i.large"):
        self.api, self.stopped = api, threading.Event()
        self.nodes = [f"ip-10-0-{n}-10.ec2.internal" for n in range(nodes)]
        for n, name in enumerate(self.nodes):
            zone = ZONES[n % len(ZONES)]
            labels = {
                "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone,
                "topology.kubernetes.io/region": zone[:-1], "node.kubernetes.io/instance-type": instance,
            }
            spec = {"providerID": f"aws:///{zone}/i-0{n:016x}"}
            self.api("POST", "/api/v1/nodes", {"metadata": {"name": name, "labels": labels}, "spec": spec})
            self.ready(name)
        self.thread = threading.Thread(target=self.work, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join(10)

    def ready(self, node: str) -> None:
        room = {"cpu": "2", "memory": "8Gi", "pods": "29"}
        condition = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now()}
        status = {"capacity": room, "allocatable": room, "conditions": [condition]}
        self.api("PATCH", f"/api/v1/nodes/{node}/status", {"status": status})

    def work(self) -> None:
        beats = 0
        while not self.stopped.wait(0.2):
            beats += 1
            if beats % 40 == 0:
                for node in self.nodes:
                    self.ready(node)
            for pod in self.api("GET", "/api/v1/pods?fieldSelector=spec.nodeName%21%3D")["items"]:
                self.tend(pod)

    def tend(self, pod: dict) -> None:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        if "deletionTimestamp" in meta:
            self.api("DELETE", path, {"gracePeriodSeconds": 0}, accept=(404, 409))
        elif pod["status"].get("phase") == "Pending":
            self.api("PATCH", f"{path}/status", {"status": self.running(pod)}, accept=(404,))

    def running(self, pod: dict) -> dict:
        since = now()
        true = [{"type": t, "status": "True", "lastTransitionTime": since} for t in ("Initialized", "ContainersReady", "Ready")]
        containers = [
            {
                "name": c["name"], "image": c["image"], "imageID": c["image"], "ready": True, "started": True,
                "restartCount": 0, "state": {"running": {"startedAt": since}},
            }
            for c in pod["spec"]["containers"]
        ]
        kept = [c for c in pod["status"].get("conditions", []) if c["type"] == "PodScheduled"]
        address = f"10.1.{hash(pod['metadata']['uid']) % 250}.{hash(pod['metadata']['name']) % 250}"
        return {
            "phase": "Running", "startTime": since, "podIP": address, "podIPs": [{"ip": address}],
            "conditions": kept + true, "containerStatuses": containers,
        }


@contextlib.contextmanager
def kubelets(plane, nodes: int = 3):
    with Kubelets(Api(plane.server, plane.authority, plane.certificate("kubelets", "system:masters")), nodes) as playing:
        yield playing
