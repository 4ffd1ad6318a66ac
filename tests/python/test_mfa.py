"""Profiles that assume a role, with a code of a device and without: `qd login`, and the cache that boto3 and the AWS CLI share."""

import datetime
import json
import os
import pathlib
import signal
import stat
import subprocess
import sys
import time
import tomllib

import pytest

import topology as reading
import totp
from platform_sim import simulated
from signing_in import Watch, elsewhere, of, topology
from topology import QD, outlasting, qd

OPTIONS = ("--clock", "explicit", "--seed", "17", "--regions", "1", "--pods", "40")
OFTEN = ("sqs/", "/queues"), ("rds/", "/events"), ("route53/", "/health-checks")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    # Sessions end by the machine's clock, and how long they hold is judged by the platform's: here they are the same.
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    with simulated(tmp_path_factory.mktemp("mfa") / "sim", "calm", *OPTIONS, "--sign-in", "mfa", "--start", now) as platform:
        platform.profile = tomllib.loads(platform.stack.read_text())["account"][0]["profile"]
        yield platform


@pytest.fixture()
def home(platform, tmp_path):
    """A home in which no code was given, and a device of which no code was used."""
    platform.post("/sign-in", {"new_device": True, "role_seconds": 3600})
    platform.heal()
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def seed(platform) -> str:
    return platform.get("/sign-in")["device"]["seed"]


def wrong(platform) -> str:
    """A code that is none of those that are taken now."""
    near = {totp.code(seed(platform), ahead) for ahead in range(-2, 4)}
    return next(code for code in (f"{n:06}" for n in range(7)) if code not in near)


def login(platform, home, *options: str, stack=None, given=None):
    words = [QD, "login", platform.profile, "--stack", str(stack or platform.stack), *options]
    return subprocess.run(words, input=given, capture_output=True, text=True, timeout=60, env={**os.environ, **of(home)})


def sign_in(platform, home, ahead: int = 0) -> dict:
    done = login(platform, home, "--json", "--code", totp.code(seed(platform), ahead))
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def cached(home) -> pathlib.Path:
    files = list((home / ".aws/cli/cache").iterdir())
    assert len(files) == 1 and files[0].suffix == ".json", files
    return files[0]


def access(seen) -> dict:
    return seen.document["identity"]["access"][0]


def by_botocore(platform, home, code: str | None) -> subprocess.CompletedProcess:
    """Who one is, asked by botocore with the cache of the AWS CLI; without a code it fails where it would ask for one."""
    program = f"""
import json, os
import botocore.session
from botocore.utils import JSONFileCache
session = botocore.session.Session(profile={platform.profile!r})
provider = session.get_component("credential_provider").get_provider("assume-role")
provider.cache = JSONFileCache(os.path.expanduser("~/.aws/cli/cache"))
def asked(prompt):
    if {code!r} is None: raise RuntimeError("a code was asked for: " + prompt)
    return {code!r}
provider._prompter = asked
answer = session.create_client("sts").get_caller_identity()
print(json.dumps({{"arn": answer["Arn"]}}))
"""
    words = [sys.executable, "-c", program]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, env=outside(platform, home))


def outside(platform, home) -> dict:
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    env |= {"AWS_CONFIG_FILE": str(platform.folder / "aws/config"), "AWS_SHARED_CREDENTIALS_FILE": str(platform.folder / "aws/credentials")}
    return {**env, **of(home)}


def by_cli(platform, home, code: str) -> subprocess.CompletedProcess:
    """The same asked by the AWS CLI, with a code for when it asks; it has no terminal but what it is given."""
    words = ["aws", "sts", "get-caller-identity", "--profile", platform.profile]
    return subprocess.run(
        words, input=f"{code}\n", capture_output=True, text=True, timeout=60, env=outside(platform, home), start_new_session=True
    )


def test_without_a_code_nothing_is_asked_and_with_one_everything_is_read(platform, home):
    before = topology(platform, home)
    assert before.code == 3 and not any("messages_visible" in q["facts"] for q in before.of("queue"))
    serial = platform.get("/sign-in")["device"]["serial"]
    assert access(before)["state"] == "unusable" and access(before)["way"] == "mfa", access(before)
    assert f"with a code of {serial}, and none was given yet" in access(before)["sentence"]
    assert "Sign in with a code" in access(before)["next_step"]
    assert access(before)["command"] == f"qd login {platform.profile} --stack {platform.stack}"
    aws = [s for s in before.document["sources"] if s["state"] == "failed" and s["service"] != "kubernetes"]
    assert aws and all(f"Run `{access(before)['command']}`" in s["error"] for s in aws), aws
    assert sum(s["requests"] for s in aws) == 0, aws
    outcome = sign_in(platform, home)
    assert outcome["event"] == "signed-in" and not outcome["renews"] and pathlib.Path(outcome["file"]) == cached(home)
    after = topology(platform, home)
    assert after.code == 0 and after.of("queue") and after.of("dbcluster"), after.document["sources"]
    assert access(after)["state"] == "valid" and access(after)["arn"].split("/")[1] == "operations"
    ends = datetime.datetime.fromisoformat(access(after)["expires_at"])
    left = (ends - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert 3500 < left <= 3600
    kept = cached(home)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_people_are_asked_for_the_code_of_the_device(platform, home):
    code = totp.code(seed(platform))
    done = login(platform, home, given=f" {code[:3]} {code[3:]}\n")
    assert done.returncode == 0, done.stderr
    assert "arn:aws:iam::100200300400:mfa/on-call" in done.stderr and "Six digits" in done.stderr
    assert done.stdout.startswith("Signed in to role operations of account 100200300400 for profile ") and "goes on by itself" in done.stdout
    again = login(platform, home, given="12345\n")
    assert again.returncode == 2 and "A code is six digits" in again.stderr


def test_a_wrong_code_and_one_that_was_used_are_exit_5_and_leave_who_was_signed_in(platform, home):
    done = login(platform, home, "--json", "--code", wrong(platform))
    assert done.returncode == 5 and json.loads(done.stdout)["event"] == "failed"
    assert "AWS did not give role operations of account 100200300400 for this code" in done.stderr and "invalid MFA one time pass code" in done.stderr
    assert "A code is good once" in done.stderr
    assert not (home / ".aws/cli").exists()
    code = totp.code(seed(platform))
    assert login(platform, home, "--code", code).returncode == 0
    before = cached(home).read_text()
    again = login(platform, home, "--code", code)
    assert again.returncode == 5 and "A code is good once" in again.stderr
    assert cached(home).read_text() == before and topology(platform, home).code == 0


def test_what_qd_keeps_botocore_finds_and_what_botocore_keeps_qd_finds(platform, home, tmp_path):
    assert "a code was asked for" in by_botocore(platform, home, None).stderr
    sign_in(platform, home)
    mine = by_botocore(platform, home, None)
    assert mine.returncode == 0 and "/operations/quarterdeck-" in json.loads(mine.stdout)["arn"], mine.stderr
    other = tmp_path / "other"
    other.mkdir()
    theirs = by_botocore(platform, other, totp.code(seed(platform), 1))
    assert theirs.returncode == 0 and "botocore-session" in theirs.stdout, theirs.stderr
    assert cached(other).name == cached(home).name
    seen = topology(platform, other)
    assert seen.code == 0 and "/operations/botocore-session" in access(seen)["arn"], access(seen)


def test_what_qd_keeps_the_aws_cli_finds_and_what_it_keeps_qd_finds(platform, home, tmp_path):
    sign_in(platform, home)
    mine = by_cli(platform, home, "not a code")
    assert mine.returncode == 0 and "/operations/quarterdeck-" in json.loads(mine.stdout)["Arn"], mine.stderr
    other = tmp_path / "other"
    other.mkdir()
    theirs = by_cli(platform, other, totp.code(seed(platform), 1))
    assert theirs.returncode == 0 and "Enter MFA code" in theirs.stderr + theirs.stdout, theirs.stderr
    seen = topology(platform, other)
    assert seen.code == 0 and access(seen)["state"] == "valid" and access(seen)["arn"].split("/")[1] == "operations", access(seen)


def test_a_session_that_ends_in_mid_poll_is_told_and_the_watch_goes_on_after_the_next_code(platform, home):
    sign_in(platform, home)
    seen, lives = outlasting(lambda: topology(platform, home), 20)
    assert seen.code == 0
    platform.post("/sign-in", {"role_seconds": lives, "new_device": True})
    sign_in(platform, home)
    watch = Watch(platform, home)
    try:
        aws = lambda sources: [s for i, s in sources.items() if any(i.startswith(a) and i.endswith(b) for a, b in OFTEN)]  # noqa: E731
        watch.until(lambda s: len(aws(s)) == 3 and all(x["state"] == "ok" for x in aws(s)), lives)
        told = lambda x: x["state"] == "failed" and f"Run `qd login {platform.profile} --stack" in x["error"]  # noqa: E731
        watch.until(lambda s: all(told(x) for x in aws(s)), 120 + lives)
        assert "ended at" in aws(watch.sources)[0]["error"], aws(watch.sources)
        over = topology(platform, home)
        assert access(over)["state"] == "expired" and access(over)["command"], access(over)
        platform.post("/sign-in", {"role_seconds": 600, "new_device": True})
        sign_in(platform, home)
        watch.until(lambda s: all(x["state"] == "ok" for x in aws(s)), 150)
        assert watch.process.poll() is None, "without a restart"
        assert access(topology(platform, home))["state"] == "expiring", "within a quarter of an hour"
    finally:
        watch.process.terminate()
        watch.process.wait(20)


def test_a_session_that_aws_does_not_know_any_more_is_told_with_the_way_to_the_next(platform, home):
    """As after a simulated platform was started anew: the file is there, and nobody gave those keys."""
    sign_in(platform, home)
    file = cached(home)
    session = json.loads(file.read_text())
    session["Credentials"]["SessionToken"] = "other"
    file.write_text(json.dumps(session))
    seen = topology(platform, home)
    assert access(seen)["state"] == "unusable" and "InvalidClientTokenId" in access(seen)["sentence"], access(seen)
    assert access(seen)["command"] and "code of the device" in access(seen)["next_step"]


def config(platform) -> str:
    return (platform.folder / "aws/config").read_text()


def test_a_role_that_is_denied_is_told_and_the_role_above_it_where_it_is_missed(platform, home, tmp_path):
    stack = elsewhere(platform, tmp_path, config(platform).replace("role/operations", "role/admin"))
    done = login(platform, home, "--code", totp.code(seed(platform)), stack=stack)
    assert done.returncode == 5 and "role admin" in done.stderr and "the role trusts you" in done.stderr, done.stderr
    # The next code, and a role that is assumed with the session it gives.
    top = f"\n[profile top]\nregion = us-east-1\nendpoint_url = {platform.aws}\nrole_arn = arn:aws:iam::100200300400:role/ROLE\nsource_profile = {platform.profile}\n"
    sign_in(platform, home, 1)
    for role, state in (("quarterdeck-act", "valid"), ("admin", "denied")):
        stack = elsewhere(platform, tmp_path, config(platform) + top.replace("ROLE", role))
        stack.write_text(stack.read_text().replace(f'profile = "{platform.profile}"', 'profile = "top"'))
        done = qd("topology", "--stack", str(stack), "--json", state=home / "state", env=of(home))
        seen = reading.Topology(json.loads(done.stdout), done.returncode)
        assert access(seen)["state"] == state and access(seen)["way"] == "role", access(seen)
    assert "trust" in access(seen)["next_step"]


def test_what_the_role_is_assumed_with_is_told_where_it_is_missing_or_refused(platform, home, tmp_path):
    source = config(platform).split("source_profile = ")[1].splitlines()[0]
    code = totp.code(seed(platform))
    stack = elsewhere(platform, tmp_path, config(platform).replace(f"source_profile = {source}", "source_profile = nobody"))
    done = login(platform, home, "--code", code, stack=stack)
    assert done.returncode == 2 and "has no profile nobody; it has" in done.stderr, done.stderr
    stack = elsewhere(platform, tmp_path, config(platform))
    credentials = (platform.folder / "aws/credentials").read_text()
    for keys, says in (("", "does not say how it signs in"), (credentials.replace("AKIA", "AKIB"), "AWS does not accept those (InvalidClientTokenId)")):
        (tmp_path / "credentials").write_text(keys)
        stack.write_text(stack.read_text().replace(str(platform.folder / "aws/credentials"), str(tmp_path / "credentials")))
        done = login(platform, home, "--code", code, stack=stack)
        assert done.returncode == 1 and says in done.stderr and f"profile {source}" in done.stderr, done.stderr
    platform.fault("silent:sts")
    assert login(platform, home, "--code", wrong(platform)).returncode == 1


def test_a_cache_that_cannot_be_read_is_as_good_as_none_and_one_that_cannot_be_written_says_so(platform, home):
    sign_in(platform, home)
    cached(home).write_text("no json")
    seen = topology(platform, home)
    assert access(seen)["state"] == "unusable" and "none was given yet" in access(seen)["sentence"]
    sign_in(platform, home, 1)
    assert topology(platform, home).code == 0
    platform.post("/sign-in", {"new_device": True})
    blocked = home.parent / "blocked"
    (blocked / ".aws").mkdir(parents=True)
    (blocked / ".aws/cli").write_text("in the way")
    done = login(platform, blocked, "--code", totp.code(seed(platform)))
    assert done.returncode == 1 and f"cannot be kept in {blocked}/.aws/cli/cache" in done.stderr, done.stderr


def test_nothing_secret_is_in_any_other_file_or_in_what_is_said(platform, home):
    code = totp.code(seed(platform))
    env = {"QUARTERDECK_LOG": "trace"}
    words = [QD, "login", platform.profile, "--stack", str(platform.stack), "--code", code]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env={**os.environ, **of(home), **env})
    assert done.returncode == 0, done.stderr[-2000:]
    seen = qd("topology", "--stack", str(platform.stack), "--json", state=home / "state", env={**of(home), **env})
    status = qd("status", "--stack", str(platform.stack), state=home / "state", env=of(home))
    watch = Watch(platform, home)
    watch.until(lambda s: any(x["state"] == "ok" and x["service"] == "sqs" for x in s.values()), 60)
    watch.process.terminate()
    watch.process.wait(20)
    keys = json.loads(cached(home).read_text())["Credentials"]
    said = done.stdout + seen.stdout + status.stdout + status.stderr
    logged = done.stderr + seen.stderr
    files = [f for f in home.rglob("*") if f.is_file() and f != cached(home)]
    assert files, "there is a state folder to look through"
    for secret in (keys["SecretAccessKey"], keys["SessionToken"], "nothing-secret-on-loopback"):
        assert secret not in said and secret not in logged, secret
        assert not [f for f in files if secret.encode() in f.read_bytes()], secret
    assert f"TokenCode={code}" not in logged and code not in said


def test_a_signal_ends_it_and_nothing_is_left(platform, home):
    words = [QD, "login", platform.profile, "--stack", str(platform.stack), "--json"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **of(home)})
    asked = json.loads(process.stdout.readline())
    assert asked["event"] == "asked" and asked["device"].endswith(":mfa/on-call") and asked["role"].startswith("role operations"), asked
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 1 and "nobody was signed in" in process.stderr.read()
    assert not (home / ".aws").exists()


def test_a_role_without_a_code_is_assumed_by_itself_and_again_when_it_ends(tmp_path):
    with simulated(tmp_path / "sim", "calm", *OPTIONS, "--sign-in", "role") as platform:
        platform.post("/sign-in", {"role_seconds": 20})
        platform.profile = tomllib.loads(platform.stack.read_text())["account"][0]["profile"]
        home = tmp_path / "home"
        home.mkdir()
        seen = topology(platform, home)
        assert seen.code == 0 and access(seen)["state"] == "valid" and access(seen)["way"] == "role", access(seen)
        done = login(platform, home)
        assert done.returncode == 2 and "has keys in a file" in done.stderr, done.stderr
        watch = Watch(platform, home)
        try:
            aws = lambda sources: [s for i, s in sources.items() if any(i.startswith(a) and i.endswith(b) for a, b in OFTEN)]  # noqa: E731
            watch.until(lambda s: len(aws(s)) == 3 and all(x["state"] == "ok" for x in aws(s)), 30)
            begun, requests = time.monotonic(), {s["id"]: s["requests"] for s in aws(watch.sources)}
            # Longer than the first keys hold: read again since, and nothing failed.
            watch.until(lambda s: time.monotonic() - begun > 25 and all(x["requests"] > requests[x["id"]] for x in aws(s)), 120)
            assert all(s["state"] == "ok" for s in aws(watch.sources)), aws(watch.sources)
        finally:
            watch.process.terminate()
            watch.process.wait(20)
