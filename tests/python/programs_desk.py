"""A stack whose cluster signs in by a program of the test, before an API server that looks at tokens."""

import datetime
import json
import pathlib
import re
import time

import topology as reading
from cluster_proxy import Handler

# Whole pictures of one platform are read no faster than its load balancing API lets: 40 requests at once, 10 a second
# after that (Elastic Load Balancing, "API throttling").
APART = 3.0

V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"

# What it does lies beside it, so that it stays the one that was approved.
PROGRAM = """#!/bin/sh
cd "$(dirname "$0")" && echo "$*" >> ran
printenv KUBERNETES_EXEC_INFO > info
printenv PLUGIN_SETTING > setting
case "$(cat does)" in
  hang) echo TOKEN-NOT-TO-BE-TOLD; exec sleep 600 ;;
  crash) echo TOKEN-NOT-TO-BE-TOLD; echo first >&2; echo 'no session: sign in first' >&2; exit 3 ;;
  garbage) echo '<html>TOKEN-NOT-TO-BE-TOLD' ;;
  *) cat answer ;;
esac
"""


class ByToken(Handler):
    """Lets in who has one of the tokens it knows."""

    def do_GET(self):
        self.server.seen.append(self.headers.get("authorization"))
        if self.headers.get("authorization") not in {f"Bearer {token}" for token in self.server.tokens}:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            return self.expired(b"")
        return super().do_GET()

    do_POST = do_PATCH = do_PUT = do_GET

    def open(self, body: bytes):
        # The simulator has a token of its own.
        self.headers.replace_header("authorization", f"Bearer {self.server.own}")
        return super().open(body)


class Program:
    def __init__(self, folder: pathlib.Path):
        folder.mkdir(parents=True)
        self.folder, self.file = folder, folder / "plugin"
        self.write(PROGRAM)
        self.does("answers")

    def write(self, text: str) -> None:
        self.file.write_text(text)
        self.file.chmod(0o755)

    def does(self, what: str) -> None:
        (self.folder / "does").write_text(what)

    def answers(self, version: str = V1, **given) -> None:
        """`ends` is in seconds from now."""
        if "ends" in given:
            ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=given.pop("ends"))
            given["expirationTimestamp"] = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = {"kind": "ExecCredential", "apiVersion": version, "status": given}
        (self.folder / "answer").write_text(json.dumps(answer))

    def runs(self) -> int:
        ran = self.folder / "ran"
        return len(ran.read_text().splitlines()) if ran.exists() else 0

    def told(self, name: str) -> str:
        return (self.folder / name).read_text().strip()


def token_of(platform) -> str:
    return re.search(r"token: (\S+)", (platform.folder / "kubeconfig").read_text()).group(1)


class Desk:
    """The simulator's own stack, with another kubeconfig."""

    next_at = 0.0

    def __init__(self, folder: pathlib.Path, platform):
        self.folder, self.state = folder, folder / "state"
        (folder / "aws").mkdir(parents=True)
        for name in ("quarterdeck.toml", "aws/config", "aws/credentials"):
            (folder / name).write_text((platform.folder / name).read_text())
        self.stack, self.kubeconfig = folder / "quarterdeck.toml", folder / "kubeconfig"
        text = (platform.folder / "kubeconfig").read_text()
        self.context = re.search(r"current-context: (\S+)", text).group(1)
        self.token = token_of(platform)

    def signs_in(self, user: dict, server: str, **cluster) -> None:
        """Writes the kubeconfig; JSON is YAML."""
        whole = {
            "apiVersion": "v1", "kind": "Config", "current-context": self.context,
            "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
            "contexts": [{"name": self.context, "context": {"cluster": "c", "user": "me"}}],
            "users": [{"name": "me", "user": user}],
        }
        self.kubeconfig.write_text(json.dumps(whole))

    def read(self, timeout: int = 40, env: dict | None = None) -> reading.Topology:
        words = ("topology", "--stack", str(self.stack), "--json", "--timeout", str(timeout))
        time.sleep(max(0.0, Desk.next_at - time.monotonic()))
        Desk.next_at = time.monotonic() + APART
        done = reading.qd(*words, state=self.state, env=env)
        assert done.returncode in (0, 3), done.stderr
        self.said = done.stdout + done.stderr
        return reading.Topology(json.loads(done.stdout), done.returncode)

    def approve(self, *words: str) -> dict:
        done = reading.qd("approve", *words, "--stack", str(self.stack), "--json", state=self.state)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def approve_all(self) -> None:
        for program in self.approve()["waiting"]:
            self.approve(program["hash"][:12])


def plugin(program: Program, version: str = V1, **more) -> dict:
    exec_ = {"apiVersion": version, "command": str(program.file), "args": ["get-token", "--cluster", "c"], "interactiveMode": "Never"}
    return {"exec": {**exec_, **more}}


def failed(picture) -> list[dict]:
    return [s for s in picture.document["sources"] if s["state"] != "ok"]


def only(picture) -> dict:
    """The one source that failed, the cluster's."""
    sources = failed(picture)
    assert [s["service"] for s in sources] == ["kubernetes"], [s["error"] for s in sources]
    return sources[0]


def assert_aws_is_live(picture) -> None:
    aws = [s for s in picture.document["sources"] if s["service"] not in ("kubernetes", "stack")]
    assert aws and {s["state"] for s in aws} == {"ok"}, failed(picture)
    assert picture.of("queue")


def assert_drawn(picture) -> None:
    assert picture.code == 0, [source["error"] for source in failed(picture)][:3]
    assert picture.of("node") and picture.of("pod")
