"""Programs that files name to sign in with run only as they were approved; whatever they do is told in words."""

import json
import os
import stat
import threading
import time

import pytest

import cluster_proxy
from platform_sim import at_our_time
from programs_desk import V1, V1BETA1, ByToken, Desk, Program, assert_aws_is_live, assert_drawn, failed, only, plugin, token_of
from test_faults import pictures, watched
from topology import outlasting, qd

SECRET = "TOKEN-NOT-TO-BE-TOLD"


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with at_our_time(tmp_path_factory.mktemp("programs") / "sim", "calm", "--regions", "1", "--pods", "60") as platform:
        yield platform


@pytest.fixture
def server(platform):
    with cluster_proxy.before(platform.ready["kubernetes"][0], None) as proxy:
        proxy.RequestHandlerClass, proxy.own = ByToken, token_of(platform)
        proxy.tokens, proxy.seen = {SECRET}, []
        yield proxy


@pytest.fixture
def program(tmp_path):
    program = Program(tmp_path / "bin")
    program.answers(token=SECRET)
    return program


@pytest.fixture
def desk(platform, server, program, tmp_path):
    desk = Desk(tmp_path / "desk", platform)
    desk.signs_in(plugin(program, env=[{"name": "PLUGIN_SETTING", "value": "hush-hush"}]), server.url)
    return desk


def test_what_nobody_approved_is_not_run_and_the_rest_is_live(desk, program, server):
    picture = desk.read()
    assert picture.code == 3 and program.runs() == 0
    assert_aws_is_live(picture)
    source = only(picture)
    told = source["failure"]["sentence"]
    assert all(word in told for word in (desk.context, str(program.file), "get-token --cluster c", "not approved")), told
    (waits,) = picture.document["identity"]["programs"]
    assert waits["approve"] in source["failure"]["next_step"], source
    assert waits["args"] == ["get-token", "--cluster", "c"] and waits["env"] == ["PLUGIN_SETTING"], waits
    assert "hush-hush" not in desk.said and not server.seen
    assert waits["hash"] == desk.approve()["waiting"][0]["hash"]


def test_once_approved_it_is_run_and_its_token_lets_in(desk, program, server):
    (waits,) = desk.approve()["waiting"]
    assert program.runs() == 0
    desk.approve(waits["hash"][:12])
    listed = desk.state / "quarterdeck/approved.json"
    assert stat.S_IMODE(listed.stat().st_mode) == 0o600
    assert_drawn(desk.read())
    assert program.runs() == 1 and program.told("setting") == "hush-hush"
    assert json.loads(program.told("info"))["spec"] == {"interactive": False}
    assert set(server.seen) == {f"Bearer {SECRET}"}
    # Its token is in no picture and in nothing that is kept.
    assert SECRET not in desk.said
    kept = [path for path in desk.state.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert not kept, kept
    text = qd("approve", "--stack", str(desk.stack), state=desk.state).stdout
    assert "No program waits." in text and waits["hash"][:12] in text, text


def test_approved_in_a_terminal_it_is_read_by_what_runs_already(desk, program):
    with watched(desk.stack, desk.state) as lines:
        steps = pictures(lines, within=90)
        for identity, _, _ in steps:
            if identity["programs"]:
                break
        assert program.runs() == 0
        desk.approve(identity["programs"][0]["hash"])
        for identity, sources, nodes in steps:
            pods = [n for n in nodes.values() if n["kind"] == "pod" and n["standing"] == "read"]
            if pods and {s["state"] for s in sources.values()} == {"ok"} and not identity["programs"]:
                break
    assert program.runs() == 1


CHANGES = {
    "file": lambda desk, program, server: program.write(program.file.read_text() + "# and more\n"),
    "argument": lambda desk, program, server: desk.signs_in(plugin(program, args=["get-token"]), server.url),
    "variable": lambda desk, program, server: desk.signs_in(plugin(program, env=[{"name": "LD_PRELOAD", "value": "x"}]), server.url),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_since_is_not_run(desk, program, server, change):
    desk.approve_all()
    assert_drawn(desk.read())
    CHANGES[change](desk, program, server)
    before = program.runs()
    picture = desk.read()
    assert picture.code == 3 and program.runs() == before
    assert_aws_is_live(picture)
    source = only(picture)
    part = "its file changed" if change == "file" else "its arguments, its variables or who is sent what it gives changed"
    assert f"{part} since it was approved on" in source["error"], source
    desk.approve_all()
    assert_drawn(desk.read())
    assert program.runs() == before + 1


def test_what_was_forgotten_is_not_run(desk, program):
    desk.approve_all()
    (known,) = desk.approve()["approved"]
    gone = qd("approve", "--forget", known["hash"][:12], state=desk.state)
    assert gone.returncode == 0 and str(program.file) in gone.stdout, gone.stderr
    assert desk.read().code == 3 and program.runs() == 0
    again = qd("approve", "--forget", known["hash"][:12], state=desk.state)
    assert again.returncode == 2 and "No program" in again.stderr, again.stderr


FAILURES = {
    "hang": ("has not ended for 8 s", "waited for"),
    "crash": ("failed (exit status: 3): no session: sign in first", "by hand"),
    "garbage": ("no ExecCredential", "by hand"),
}


@pytest.mark.parametrize("how", FAILURES)
def test_a_program_that_gives_nothing_is_named_and_its_output_is_not(desk, program, how):
    desk.approve_all()
    program.does(how)
    picture = desk.read(timeout=25)
    assert picture.code == 3
    assert_aws_is_live(picture)
    sources = failed(picture)
    assert sources and {s["failure"]["class"] for s in sources} == {"credentials"}, sources
    for source in sources:
        words, step = FAILURES[how]
        assert words in source["error"] and step in source["failure"]["next_step"], source
        assert desk.context in source["error"], source
    assert SECRET not in desk.said
    # Not once per question: a few times, with a rest between.
    assert 1 <= program.runs() <= 6


def test_what_is_not_there_says_where_it_was_looked_for(desk, program, server):
    user = plugin(program, command="quarterdeck-test-login", installHint="apt install\u202e quarterdeck-test-login")
    desk.signs_in(user, server.url)
    picture = desk.read(env={"PATH": "/nowhere/bin:/nor/here"})
    source = only(picture)
    assert "quarterdeck-test-login" in source["error"] and "/nowhere/bin:/nor/here" in source["error"], source
    assert "apt install quarterdeck-test-login" in source["failure"]["next_step"], source
    assert_aws_is_live(picture)


def test_a_program_is_found_by_path_and_beside_its_kubeconfig(desk, program, server):
    for command, path in (("plugin", f"{program.folder}:{os.environ['PATH']}"), ("../bin/plugin", os.environ["PATH"])):
        desk.signs_in(plugin(program, command=command), server.url)
        env = {"PATH": path}
        listed = qd("approve", "--stack", str(desk.stack), "--json", state=desk.state, env=env)
        (waits,) = json.loads(listed.stdout)["waiting"]
        assert os.path.realpath(waits["path"]) == str(program.file), waits
        done = qd("approve", waits["hash"], "--stack", str(desk.stack), state=desk.state, env=env)
        assert done.returncode == 0, done.stderr
        assert_drawn(desk.read(env=env))


def test_the_older_protocol_and_what_it_is_told_of_its_cluster(desk, program, server):
    user = plugin(program, V1BETA1, provideClusterInfo=True)
    desk.signs_in(user, server.url)
    program.answers(V1BETA1, token=SECRET)
    desk.approve_all()
    assert_drawn(desk.read())
    info = json.loads(program.told("info"))
    assert info["apiVersion"] == V1BETA1 and info["spec"]["cluster"]["server"] == server.url, info
    # An answer in another version than it was asked in is none.
    program.answers(V1, token=SECRET)
    assert "another version" in failed(desk.read())[0]["error"]
    desk.signs_in(plugin(program, "client.authentication.k8s.io/v1alpha1"), server.url)
    source = only(desk.read())
    assert "v1alpha1" in source["error"], source
    desk.signs_in(plugin(program, interactiveMode="Always"), server.url)
    source = only(desk.read())
    assert "terminal" in source["error"], source


def follow(desk, server, change, done):
    """Keeps the clusters' watches ending, so that much is asked, and waits until `done` after `change`."""
    with watched(desk.stack, desk.state) as lines:
        steps = pictures(lines, within=120)
        for _, sources, nodes in steps:
            if any(n["kind"] == "pod" for n in nodes.values()) and {s["state"] for s in sources.values()} == {"ok"}:
                break
        change()
        server.fault = "gone"
        server.cut()
        for _, sources, _ in steps:
            if done() and {s["state"] for s in sources.values()} == {"ok"}:
                return


def test_a_token_that_ends_is_got_anew_before_it_ends(desk, program, server):
    desk.approve_all()
    picture, lasts = outlasting(desk.read, 30)
    assert_drawn(picture)
    end = time.monotonic() + lasts
    program.answers(token=SECRET, ends=lasts)
    server.tokens.add("SECOND")
    before, since = program.runs(), []

    def over():
        server.tokens.discard(SECRET)
        since.append(len(server.seen))

    def soon():
        program.answers(token="SECOND", ends=3600)
        threading.Timer(end - time.monotonic(), over).start()

    # It is asked on and on, also once the first is taken no more.
    follow(desk, server, soon, lambda: since and len(server.seen) > since[0] + 20)
    assert program.runs() == before + 2
    assert set(server.seen[: since[0]]) == {f"Bearer {SECRET}", "Bearer SECOND"}, set(server.seen)
    assert set(server.seen[since[0] :]) == {"Bearer SECOND"}, "the first was sent after its end"


def test_a_token_that_the_server_takes_no_more_is_got_anew(desk, program, server):
    desk.approve_all()

    def revoked():
        program.answers(token="SECOND")
        server.tokens = {"SECOND"}

    follow(desk, server, revoked, lambda: "Bearer SECOND" in server.seen)
    assert program.runs() == 2


def test_credentials_that_say_that_they_have_ended_are_used_as_by_kubectl(desk, program, server):
    """The server judges; a program whose clock is off is not run for each request."""
    program.answers(token=SECRET, ends=-5)
    desk.approve_all()
    assert_drawn(desk.read())
    assert program.runs() <= 5 and len(server.seen) > 10, (program.runs(), len(server.seen))


def test_a_token_corrected_in_the_kubeconfig_is_taken_up_without_a_restart(desk, server):
    desk.signs_in({"token": SECRET}, server.url)

    def revoked():
        desk.signs_in({"token": "SECOND"}, server.url)
        server.tokens = {"SECOND"}

    follow(desk, server, revoked, lambda: "Bearer SECOND" in server.seen)


def test_a_context_that_leads_elsewhere_meanwhile_is_not_followed(desk, platform, server):
    desk.signs_in({"token": SECRET}, server.url)
    with cluster_proxy.before(platform.ready["kubernetes"][0], None) as other:
        other.RequestHandlerClass, other.own, other.tokens, other.seen = ByToken, token_of(platform), {"SECOND"}, []
        with watched(desk.stack, desk.state) as lines:
            steps = pictures(lines, within=120)
            for _, sources, nodes in steps:
                if any(n["kind"] == "pod" for n in nodes.values()) and {s["state"] for s in sources.values()} == {"ok"}:
                    break
            desk.signs_in({"token": "SECOND"}, other.url)
            server.cut()
            for _, sources, _ in steps:
                told = [s for s in sources.values() if "another server" in s.get("error", "")]
                if told:
                    break
        assert "open the stack again" in told[0]["failure"]["next_step"] and not other.seen


def test_a_credential_process_that_the_stack_brings_waits_too(desk, program, server):
    desk.signs_in({"token": SECRET}, server.url)
    keys = {"Version": 1, "AccessKeyId": "AKIAGOOD", "SecretAccessKey": SECRET}
    (program.folder / "answer").write_text(json.dumps(keys))
    config = desk.folder / "aws/config"
    config.write_text(config.read_text() + f"credential_process = {program.file} --role 'on call'\n")
    (desk.folder / "aws/credentials").write_text("")
    picture = desk.read()
    (access,) = picture.document["identity"]["access"]
    assert access["state"] == "unusable" and "not approved" in access["sentence"], access
    assert program.runs() == 0 and picture.of("pod")
    with watched(desk.stack, desk.state) as lines:
        steps = pictures(lines, within=90)
        for identity, _, _ in steps:
            if identity["programs"]:
                break
        (waits,) = identity["programs"]
        assert waits["profile"] == access["profile"] and waits["args"] == ["--role", "on call"], waits
        desk.approve(waits["hash"])
        for identity, sources, nodes in steps:
            if identity["access"][0]["state"] == "valid" and any(n["kind"] == "queue" and n["standing"] == "read" for n in nodes.values()):
                break
    assert program.runs() >= 1
    program.write(program.file.read_text() + "# and more\n")
    before = program.runs()
    picture = desk.read()
    assert program.runs() == before and "changed since it was approved" in picture.document["identity"]["access"][0]["sentence"]


def test_a_line_that_a_shell_makes_more_of_cannot_be_approved(desk, program, server, tmp_path):
    desk.signs_in({"token": SECRET}, server.url)
    config = desk.folder / "aws/config"
    config.write_text(config.read_text() + f"credential_process = {program.file}; touch {tmp_path}/evil\n")
    (desk.folder / "aws/credentials").write_text("")
    (access,) = desk.read().document["identity"]["access"]
    assert access["state"] == "unusable" and "a shell would act on" in access["sentence"], access
    assert program.runs() == 0 and not (tmp_path / "evil").exists()
    assert desk.approve()["waiting"] == []
