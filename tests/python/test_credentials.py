"""Credentials as a state: told before they end, while they shut us out, and over by itself once they are put right."""

import datetime
import http.client
import json
import re
import tomllib

import pytest

import topology as reading
from fault_proxy import Handler, broken
from platform_sim import simulated
from test_faults import pictures, watched
from topology import qd

GOOD, OLD, OTHER = "AKIAGOOD", "AKIAOLD", "AKIAOTHER"
ELSEWHERE = "999988887777"


class ByKey(Handler):
    """Passes on what is signed with a good key; an old one has expired, and one is of another account."""

    def relay(self):
        key = re.search("Credential=([^/]+)/", self.headers.get("authorization", ""))
        if key and key.group(1) in self.server.expired:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            return self.refuse(403, "ExpiredToken")
        if key and key.group(1) == OTHER:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, headers, data = self.ask(body)
            return self.answer(status, headers, data.replace(self.server.account.encode(), ELSEWHERE.encode()))
        return super().relay()


class Desk:
    """A stack whose profile leads through a server that looks at keys."""

    def __init__(self, folder, platform, url: str, account: str):
        self.folder, self.url = folder, url
        self.profile = tomllib.loads(platform.stack.read_text())["account"][0]["profile"]
        text = platform.stack.read_text().replace('"kubeconfig"', f'"{platform.folder / "kubeconfig"}"')
        self.config, self.credentials = folder / "aws/config", folder / "aws/credentials"
        self.config.parent.mkdir()
        self.stack = folder / "stack.toml"
        self.stack.write_text(text.replace("[[account]]\n", f'[[account]]\nid = "{account}"\n'))
        self.signs_in_by(GOOD)

    def signs_in_by(self, key: str | None, profile: str | None = None, more: str = ""):
        profile = profile or self.profile
        self.config.write_text(f"[profile {profile}]\nregion = us-east-1\nendpoint_url = {self.url}\n{more}")
        keys = f"aws_access_key_id = {key}\naws_secret_access_key = x\n" if key else ""
        self.credentials.write_text(f"[{profile}]\n{keys}" if keys else "")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    options = ("--clock", "explicit", "--regions", "1", "--pods", "60", "--start", now)
    with simulated(tmp_path_factory.mktemp("credentials") / "sim", "calm", *options) as platform:
        yield platform


@pytest.fixture
def desk(platform, tmp_path):
    account = reading.read(platform.stack, tmp_path / "first").of("cluster")[0]["scope"]["account"]
    with broken(platform.aws, "none", "none") as proxy:
        proxy.RequestHandlerClass, proxy.expired, proxy.account = ByKey, {OLD}, account
        desk = Desk(tmp_path, platform, proxy.url, account)
        desk.proxy = proxy
        yield desk


def reads(nodes) -> bool:
    return any(n["kind"] == "queue" and n["standing"] == "read" for n in nodes.values())


def until(steps, state: str, *, whole: bool = False):
    """The first picture in which the way in is so; with `whole`, in which all of AWS is read as well."""
    for identity, sources, nodes in steps:
        access = identity["access"][0]
        aws = [s["state"] for s in sources.values() if s["service"] not in ("kubernetes", "stack")]
        if access["state"] == state and (not whole or (set(aws) == {"ok"} and reads(nodes))):
            return access, sources, nodes
    raise AssertionError(f"never {state}")


PROGRAM = "credential_process = /bin/false\n"


@pytest.mark.parametrize(
    ("broken_by", "state", "words"),
    [
        (lambda desk: desk.signs_in_by(OTHER), "wrong-account", (ELSEWHERE, "by itself")),
        (lambda desk: desk.signs_in_by(GOOD, profile="somebody"), "unusable", ("no profile", "somebody")),
        (lambda desk: desk.signs_in_by("AKIA\u00e9"), "unusable", ("characters", "Copy the key again")),
        (lambda desk: desk.signs_in_by(None, more=PROGRAM), "unusable", ("credential_process", "not approved")),
        (lambda desk: desk.signs_in_by(None), "unusable", ("does not say how it signs in", "reading goes on by itself")),
        (lambda desk: desk.signs_in_by(OLD), "expired", ("have expired", "aws/credentials")),
    ],
    ids=["another account", "no such profile", "characters", "a program", "no keys", "expired"],
)
def test_what_is_put_right_on_disk_is_read_without_a_restart(desk, tmp_path, broken_by, state, words):
    broken_by(desk)
    with watched(desk.stack, tmp_path / "state") as lines:
        steps = pictures(lines, within=90)
        access, _, nodes = until(steps, state)
        told = f"{access['sentence']} {access['next_step']}"
        assert all(word in told for word in words), told
        assert not reads(nodes) and access["profile"] == desk.profile
        desk.signs_in_by(GOOD)
        access, sources, nodes = until(steps, "valid", whole=True)
        assert access["account"] == desk.proxy.account and "sentence" not in access
        assert access["account"] in access["arn"] and access["way"] == "keys"
        assert {n["scope"]["account"] for n in nodes.values() if n["kind"] == "queue"} == {access["account"]}


def test_keys_that_expire_under_a_running_watch_are_taken_from_the_file_again(desk, tmp_path):
    with watched(desk.stack, tmp_path / "state") as lines:
        steps = pictures(lines, within=150)
        _, _, before = until(steps, "valid", whole=True)
        desk.proxy.expired.add(GOOD)
        access, _, nodes = until(steps, "expired")
        # What was read stays in sight, under its name, while nobody can read it.
        assert {n for n in before if n.startswith("queue/")} <= set(nodes)
        assert access["account"] == desk.proxy.account and "have expired" in access["sentence"]
        desk.signs_in_by("AKIANEW")
        _, _, nodes = until(steps, "valid", whole=True)
        assert {n for n in before if n.startswith("queue/")} <= set(nodes)


def by_program(desk, tmp_path, seconds: int):
    """A profile of the user's own config, whose program says when its keys end."""
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    keys = {"Version": 1, "AccessKeyId": GOOD, "SecretAccessKey": "x", "SessionToken": "t", "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho '{json.dumps(keys)}'\n")
    program.chmod(0o755)
    (tmp_path / "home/.aws").mkdir(parents=True)
    desk.signs_in_by(None, more=f"credential_process = {program}\n")
    desk.config.rename(tmp_path / "home/.aws/config")
    text = desk.stack.read_text()
    desk.stack.write_text(re.sub("aws_(config|credentials) = .*\n", "", text))
    return {"HOME": str(tmp_path / "home")}, keys["Expiration"]


@pytest.mark.parametrize(("minutes", "state"), [(10, "expiring"), (90, "valid")])
def test_the_time_that_is_left_is_told(desk, tmp_path, minutes, state):
    env, ends = by_program(desk, tmp_path, minutes * 60)
    words = ("--stack", str(desk.stack))
    done = qd("topology", *words, "--json", state=tmp_path / "state", env=env)
    assert done.returncode == 0, done.stderr
    access = json.loads(done.stdout)["identity"]["access"][0]
    assert access["state"] == state and access["way"] == "program"
    assert access["expires_at"][:19] == ends[:19]
    status = qd("status", *words, state=tmp_path / "state", env=env)
    assert status.returncode == 0, status.stdout
    assert ("EXPIRING" in status.stdout) == (state == "expiring"), status.stdout
    assert (f"end at {ends[11:19]} UTC" in status.stdout) == (state == "expiring"), status.stdout


def test_status_says_once_what_shuts_us_out_and_what_to_do(desk, tmp_path):
    desk.signs_in_by(OLD)
    status = qd("status", "--stack", str(desk.stack), state=tmp_path / "state")
    assert status.returncode == 3, status.stdout
    assert status.stdout.count("have expired") == 1 and str(desk.credentials) in status.stdout
    assert "sources for want of credentials (above)" in status.stdout
    assert "sqs/" not in status.stdout, status.stdout
