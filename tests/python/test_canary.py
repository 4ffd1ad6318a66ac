"""Secrets are used and told to nobody: canaries in every place a secret comes from are looked for in everything that is
printed, logged at the finest level, recorded, audited, on the command line, and in the environment of a program that is run."""

import base64
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
import topology as reading
from platform_sim import simulated
from programs_desk import Desk, Program, plugin, token_of
from road_desk import act_words, fullest_dead_letters, kubectl, planned
from test_faults import pictures, watched

CANARIES = {
    "secret key": "CanarySecretKeyQ7vT2mXz9pLk4RwB8nYdE1sHf6GjUc0Ao",
    "session token": "CanarySessionTokenIQoJb3JpZ2luX2VjEJrF5wK8tYx2Zq7",
    "environment of a pod": "CanaryPodPasswordHx8s2Lq5Vn0KtR4w",
}
LOUD = {"QUARTERDECK_LOG": "trace", "RUST_LOG": "trace", "RUST_BACKTRACE": "full"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("canary") / "sim"
    with simulated(folder, "dlq-fills", "--clock", "auto", "--speed", "20", "--seed", "3", "--pods", "40", "--regions", "1") as platform:
        credentials = platform.folder / "aws" / "credentials"
        lines = re.sub(r"aws_secret_access_key = .*", f"aws_secret_access_key = {CANARIES['secret key']}", credentials.read_text())
        credentials.write_text(f"{lines.rstrip()}\naws_session_token = {CANARIES['session token']}\n")
        platform.canaries = {**CANARIES, "bearer token": token_of(platform)}
        platform.advance(16 * 60)
        yield platform


def absent(platform, what: str, text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    for name, canary in platform.canaries.items():
        for form in (canary.encode(), base64.b64encode(canary.encode()).rstrip(b"=")):
            assert form not in data, f"the {name} is in {what}: …{data[max(0, data.index(form) - 200):data.index(form)]!r}"


def files(folder: pathlib.Path):
    return (path for path in folder.rglob("*") if path.is_file())


def test_no_secret_is_printed_logged_recorded_or_audited(platform, tmp_path):
    workload = reading.read(platform.stack, tmp_path / "first").of("deployment")[0]
    place = ("-n", workload["scope"]["namespace"])
    patch = '{"spec":{"template":{"spec":{"containers":[{"name":"%s","env":[{"name":"DB_PASSWORD","value":"%s"}]}]}}}}'
    template = kubectl(platform, "get", "deployment", workload["name"], *place, "-o", "jsonpath={.spec.template.spec.containers[0].name}")
    given = kubectl(platform, "patch", "deployment", workload["name"], *place, "-p", patch % (template.stdout, CANARIES["environment of a pod"]))
    assert given.returncode == 0, given.stderr
    state = tmp_path / "state"
    said = [reading.qd(*words, "--stack", str(platform.stack), state=state, env=LOUD) for words in (
        ("topology", "--json"), ("status",), ("offers", fullest_dead_letters(platform, state)["id"], "--json"),
    )]
    plan = planned(platform, state, "redrive", fullest_dead_letters(platform, state)["id"])
    acted = reading.qd(*act_words(platform, plan), state=state, env=LOUD, timeout=240)
    # Whatever it came to, it ran: the audit holds a run.
    assert acted.returncode in (0, 6, 7), acted.stderr[-2000:]
    said += [acted, reading.qd("audit", "export", state=state, env=LOUD), reading.qd("runs", state=state, env=LOUD)]
    assert any(len(done.stderr) > 10_000 for done in said), "nothing was logged: the test would see nothing"
    for done in said:
        absent(platform, f"stdout of {done.args[1]}", done.stdout)
        absent(platform, f"the log of {done.args[1]}", done.stderr)
    kept = list(files(state))
    assert kept
    for path in kept:
        absent(platform, str(path), path.read_bytes())


@contextlib.contextmanager
def watching(platform, state: pathlib.Path):
    """`qd watch` after its first line; what it says and logs goes to files."""
    words = [reading.QD, "watch", "--stack", str(platform.stack), "--json"]
    with open(state / "said", "wb") as said, open(state / "logged", "wb") as logged:
        process = subprocess.Popen(words, stdout=said, stderr=logged, env={**os.environ, "XDG_STATE_HOME": str(state), **LOUD})
        try:
            until = time.monotonic() + 60
            while b"\n" not in (state / "said").read_bytes():
                assert process.poll() is None and time.monotonic() < until, "it says nothing"
                time.sleep(0.1)
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGABRT], ids=["stopped", "crashed"])
def test_no_secret_is_on_the_command_line_of_what_runs_or_left_behind_when_it_ends(platform, tmp_path, end):
    with watching(platform, tmp_path) as process:
        absent(platform, "the command line", pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes())
        process.send_signal(end)
        process.wait(timeout=30)
    kept = list(files(tmp_path))
    assert (tmp_path / "logged").stat().st_size > 10_000, "nothing was logged: the test would see nothing"
    for path in kept:
        absent(platform, str(path), path.read_bytes())


def test_no_secret_is_in_the_environment_of_a_program_that_is_run(platform, tmp_path):
    program = Program(tmp_path / "bin")
    program.write("#!/bin/sh\ncd \"$(dirname \"$0\")\" && env >given && cat answer\n")
    program.answers(token=token_of(platform))
    desk = Desk(tmp_path / "desk", platform)
    desk.signs_in(plugin(program), platform.ready["kubernetes"][0])
    given = program.folder / "given"
    with watched(desk.stack, desk.state) as lines:
        steps = pictures(lines, within=90)
        # By then the keys of the profile were read and used.
        for identity, sources, _ in steps:
            if identity["programs"] and any(s["service"] == "sqs" and s["state"] == "ok" for s in sources.values()):
                break
        assert not given.exists(), "it was run before it was approved"
        desk.approve_all()
        for _, _, nodes in steps:
            if any(n["kind"] == "pod" and n["standing"] == "read" for n in nodes.values()):
                break
    text = given.read_text()
    assert "KUBERNETES_EXEC_INFO=" in text and f"XDG_STATE_HOME={desk.state}" in text, text
    absent(platform, "the environment of a program that is run", text)
