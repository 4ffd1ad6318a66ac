"""Whatever stands before one cluster's API does, what it breaks fails alone, in words, and comes back by itself."""

import json
import os
import re
import subprocess
import threading
import time
import urllib.request

import pytest

import cluster_proxy
import topology as reading
from emulators import free_port
from platform_sim import simulated

# What the class of each fault's failure must be: the sentence is made from it.
CLASSES = {
    "hang": "timed-out",
    "expired": "credentials",
    "denied": "denied",
    "throttled": "throttled",
    "html": "server",
    "garbage": "malformed",
    "truncated": "malformed",
    "half": "malformed",
    "gzip": "malformed",
    "reset": "unreachable",
    "refused": "unreachable",
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    options = ("--clock", "explicit", "--seed", "12", "--regions", "2", "--pods", "60")
    with simulated(folder / "sim", "calm", *options) as platform:
        yield platform


def through(platform, url: str, folder):
    """The simulator's own stack file, with the proxy before its first cluster."""
    (folder / "aws").mkdir(parents=True)
    for name in ("quarterdeck.toml", "aws/config", "aws/credentials"):
        (folder / name).write_text((platform.folder / name).read_text())
    kubeconfig = (platform.folder / "kubeconfig").read_text()
    (folder / "kubeconfig").write_text(kubeconfig.replace(platform.ready["kubernetes"][0], url))
    return folder / "quarterdeck.toml"


def cluster_of(stack) -> str:
    return re.search(r"current-context: (\S+)", (stack.parent / "kubeconfig").read_text()).group(1)


def assert_alone(picture, cluster: str, part: str | None) -> list[dict]:
    """Only this cluster's (part's) sources fail, each in a sentence that names both; the rest is ok."""
    failed = [s for s in picture.document["sources"] if s["state"] != "ok"]
    assert failed, "nothing failed"
    for source in failed:
        assert source["service"] == "kubernetes" and source["scope"]["cluster"] == cluster, source
        assert part is None or source["part"] == part, source
        assert cluster in source["error"] and source["error"].strip().endswith("."), source
    return failed


@pytest.mark.parametrize("fault", cluster_proxy.LISTS)
def test_one_resource_fails_alone(platform, tmp_path, fault):
    with cluster_proxy.before(platform.ready["kubernetes"][0], fault, "services") as proxy:
        stack = through(platform, proxy.url, tmp_path)
        picture = reading.read(stack, tmp_path / "state", timeout=14)
        assert proxy.met, "the fault was never met"
    reading.assert_sound(picture)
    assert picture.code == 3
    failed = assert_alone(picture, cluster_of(stack), "services")
    assert [s["failure"]["class"] for s in failed] == [CLASSES[fault]], failed
    assert all(s["failure"]["next_step"].endswith(".") for s in failed), failed
    if fault in ("expired", "denied", "throttled", "html"):
        assert all(s["failure"]["code"] for s in failed), failed
    assert picture.of("pod") and picture.of("service"), "the rest is not there"


@pytest.mark.parametrize("fault", ["hang", "expired", "html", "refused"])
def test_one_cluster_fails_alone(platform, tmp_path, fault):
    port = free_port()
    folder = tmp_path / "stack"
    if fault == "refused":
        stack = through(platform, f"http://127.0.0.1:{port}", folder)
        picture = reading.read(stack, tmp_path / "state", timeout=14)
    else:
        with cluster_proxy.before(platform.ready["kubernetes"][0], fault, port=port) as proxy:
            stack = through(platform, proxy.url, folder)
            picture = reading.read(stack, tmp_path / "state", timeout=14)
    reading.assert_sound(picture)
    failed = assert_alone(picture, cluster_of(stack), None)
    assert {"api", "pods", "nodes", "deployments"} <= {s["part"] for s in failed}
    told = [s for s in failed if s["part"] not in ("configmaps",)]
    assert all(s["failure"]["class"] == CLASSES[fault] for s in told), told
    assert picture.of("pod"), "the other cluster is not there"


class Watch:
    """`qd watch --json`, and the picture its lines add up to."""

    def __init__(self, stack, state):
        self.process = subprocess.Popen(
            [reading.QD, "watch", "--stack", str(stack), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "XDG_STATE_HOME": str(state)},
        )
        self.sources: dict[str, dict] = {}
        self.nodes: dict[str, dict] = {}
        self.ended, self.changed = False, threading.Condition()
        threading.Thread(target=self.take, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    def take(self):
        for line in self.process.stdout:
            told = json.loads(line)
            told = told.get("snapshot", told)
            with self.changed:
                self.sources.update({s["id"]: s for s in told.get("sources", [])})
                self.nodes.update({n["id"]: n for n in told.get("nodes", [])})
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def until(self, holds, seconds: float, what: str):
        deadline = time.monotonic() + seconds
        with self.changed:
            while not holds(self):
                left = deadline - time.monotonic()
                assert not self.ended, "qd watch ended"
                assert left > 0, f"not within {seconds} s: {what}; {[s for s in self.sources.values() if s['state'] != 'ok']}"
                self.changed.wait(left)

    def all_ok(self) -> bool:
        return bool(self.sources) and all(s["state"] == "ok" for s in self.sources.values())

    def failed(self, cluster: str, part: str) -> bool:
        mine = [s for s in self.sources.values() if s["scope"].get("cluster") == cluster and s["part"] == part]
        return any(s["state"] == "failed" for s in mine)


@pytest.mark.parametrize("fault", cluster_proxy.LISTS)
def test_what_failed_comes_back_by_itself(platform, tmp_path, fault):
    with cluster_proxy.before(platform.ready["kubernetes"][0], fault, "services") as proxy:
        stack = through(platform, proxy.url, tmp_path)
        cluster = cluster_of(stack)
        with Watch(stack, tmp_path / "state") as watch:
            watch.until(lambda w: w.failed(cluster, "services"), 25, "the failure is seen")
            proxy.lift()
            watch.until(Watch.all_ok, 30, "all is well again")


def test_a_cluster_that_was_down_comes_back_by_itself(platform, tmp_path):
    port = free_port()
    stack = through(platform, f"http://127.0.0.1:{port}", tmp_path)
    cluster = cluster_of(stack)
    with Watch(stack, tmp_path / "state") as watch:
        watch.until(lambda w: w.failed(cluster, "pods"), 25, "the failure is seen")
        with cluster_proxy.before(platform.ready["kubernetes"][0], None, port=port):
            watch.until(Watch.all_ok, 40, "all is well again")


def pause(platform, deployment: dict, paused: bool) -> None:
    """Changes a deployment at the API server itself, past the proxy."""
    token = re.search(r"token: (\S+)", (platform.folder / "kubeconfig").read_text()).group(1)
    scope = deployment["scope"]["namespace"]
    url = f"{platform.ready['kubernetes'][0]}/apis/apps/v1/namespaces/{scope}/deployments/{deployment['name']}"
    request = urllib.request.Request(
        url,
        json.dumps({"spec": {"paused": paused}}).encode(),
        {"content-type": "application/merge-patch+json", "authorization": f"Bearer {token}"},
        method="PATCH",
    )
    urllib.request.urlopen(request, timeout=30).read()


@pytest.mark.parametrize("fault", cluster_proxy.WATCHES)
def test_no_change_is_missed_whatever_the_watch_does(platform, tmp_path, fault):
    with cluster_proxy.before(platform.ready["kubernetes"][0], fault, "deployments") as proxy:
        stack = through(platform, proxy.url, tmp_path)
        cluster = cluster_of(stack)

        def one(w):
            there = [n for n in w.nodes.values() if n["kind"] == "deployment" and n["scope"]["cluster"] == cluster]
            return min(there, key=lambda n: n["id"]) if there else None

        with Watch(stack, tmp_path / "state") as watch:
            watch.until(lambda w: one(w) and proxy.met, 25, "deployments are there, and the fault")
            deployment = one(watch)
            pause(platform, deployment, True)
            try:
                # A watch that says nothing for good is given up after 75 s, the others at once.
                if fault == "silent":
                    proxy.lift()
                watch.until(lambda w: one(w)["facts"].get("paused") is True, 100, "the change is seen")
                proxy.lift()
                watch.until(Watch.all_ok, 30, "all is well again")
            finally:
                pause(platform, deployment, False)
