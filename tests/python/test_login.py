"""`qd login` against the simulated IAM Identity Center, with the token cache that boto3 and the AWS CLI share."""

import contextlib
import json
import os
import pathlib
import signal
import stat
import subprocess
import sys
import time
import tomllib

import boto3
import botocore
import botocore.config
import botocore.exceptions
import pytest

import topology as reading
from platform_sim import simulated
from signing_in import Watch, elsewhere, of, topology
from topology import QD, outlasting, qd

OPTIONS = ("--clock", "explicit", "--seed", "17", "--regions", "1", "--pods", "40", "--sign-in", "sso")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("login") / "sim", "calm", *OPTIONS) as platform:
        platform.profile = tomllib.loads(platform.stack.read_text())["account"][0]["profile"]
        yield platform


@pytest.fixture()
def home(platform, tmp_path):
    """A home in which nobody is signed in, and a platform that issues what it issues by default."""
    platform.post("/sign-in", {"code_seconds": 600, "token_seconds": 3600, "session_seconds": 28800, "role_seconds": 3600, "slow_down": 0})
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def cached(home) -> pathlib.Path:
    """The token's file: the one that has a token in it."""
    files = [f for f in (home / ".aws/sso/cache").glob("*.json") if "accessToken" in json.loads(f.read_text())]
    assert len(files) == 1, files
    return files[0]


@contextlib.contextmanager
def login(platform, home, *options: str):
    """A sign-in that waits, and its first line: the code."""
    words = [QD, "login", platform.profile, "--stack", str(platform.stack), "--json", *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **of(home)})
    try:
        code = json.loads(process.stdout.readline())
        assert code["event"] == "code", code
        yield process, code
    finally:
        process.kill()


def ended(process, within: float = 30) -> tuple[int, dict, str]:
    out, err = process.communicate(timeout=within)
    lines = out.splitlines()
    return process.returncode, json.loads(lines[-1]) if lines else {}, err


def sign_in(platform, home) -> dict:
    platform.post("/sign-in", {"approve": True})
    done = qd("login", platform.profile, "--stack", str(platform.stack), "--json", state=home, env=of(home))
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def by_boto3(platform, home, service="sts", call="get_caller_identity") -> subprocess.CompletedProcess:
    """A call of boto3 with the profile of the platform, in a process of its own: the home is read once."""
    program = (
        "import boto3, sys, json\n"
        f"session = boto3.Session(profile_name={platform.profile!r})\n"
        f"answer = session.client({service!r}).{call}()\n"
        "answer.pop('ResponseMetadata'); print(json.dumps(answer, default=str))"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    env |= {**of(home), "AWS_CONFIG_FILE": str(platform.folder / "aws/config"), "AWS_SHARED_CREDENTIALS_FILE": str(platform.folder / "aws/credentials")}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=env)


def test_who_is_not_signed_in_is_told_to_and_then_reads_everything_boto3_too(platform, home):
    before = topology(platform, home)
    assert before.code == 3 and not any("messages_visible" in q["facts"] for q in before.of("queue"))
    errors = [s["error"] for s in before.document["sources"] if s["state"] == "failed" and s["service"] != "kubernetes"]
    command = f"qd login {platform.profile} --stack {platform.stack}"
    assert errors and all(f"Run `{command}`" in error for error in errors), errors
    assert all("nobody is signed in to session" in error for error in errors), errors
    assert "SSOTokenLoadError" in by_boto3(platform, home).stderr
    with login(platform, home) as (process, code):
        time.sleep(2.2)
        assert process.poll() is None, "it waits"
        assert not [f for f in (home / ".aws/sso/cache").glob("*") if "accessToken" in f.read_text()]
        assert code["user_code"] in code["verification_uri_complete"]
        platform.post("/sign-in", {"approve": code["user_code"]})
        returned, outcome, errors = ended(process)
    assert returned == 0 and outcome["event"] == "signed-in" and outcome["renews"], (outcome, errors)
    after = topology(platform, home)
    assert after.code == 0 and any("messages_visible" in q["facts"] for q in after.of("queue")) and after.of("dbcluster"), after.document["sources"]
    token = cached(home)
    assert pathlib.Path(outcome["file"]) == token
    assert stat.S_IMODE(token.stat().st_mode) == 0o600 and stat.S_IMODE(token.parent.stat().st_mode) == 0o700
    mine = by_boto3(platform, home)
    assert mine.returncode == 0 and json.loads(mine.stdout)["Account"] == after.of("queue")[0]["scope"]["account"], mine.stderr


def test_people_are_told_the_page_the_code_and_the_end(platform, home):
    platform.post("/sign-in", {"approve": True})
    done = qd("login", platform.profile, "--stack", str(platform.stack), state=home, env=of(home))
    assert done.returncode == 0, done.stderr
    assert "/device?user_code=" in done.stderr and "It must show the code" in done.stderr
    assert done.stdout.startswith("Signed in to session ") and "goes on by itself" in done.stdout
    secrets = json.loads(cached(home).read_text())
    told = done.stdout + done.stderr
    assert not any(secrets[name] in told for name in ("accessToken", "clientSecret", "refreshToken"))


def test_a_token_of_botocore_is_used_and_its_client_too(platform, home):
    """Signed in by botocore alone: its client, its poll, its files."""
    program = f"""
import botocore.session, botocore.config, botocore, datetime, hashlib, json, os, pathlib
from botocore.utils import JSONFileCache, SSOTokenLoader
from botocore.tokens import _sso_json_dumps
session = botocore.session.Session(profile={platform.profile!r})
profile = session.full_config["profiles"][{platform.profile!r}]
name = profile["sso_session"]; sso = session.full_config["sso_sessions"][name]
client = session.create_client("sso-oidc", region_name=sso["sso_region"], config=botocore.config.Config(signature_version=botocore.UNSIGNED))
scopes = [sso["sso_registration_scopes"]]
now = datetime.datetime.now(datetime.timezone.utc)
made = client.register_client(clientName="botocore-client-x", clientType="public", scopes=scopes)
ends = datetime.datetime.fromtimestamp(made["clientSecretExpiresAt"], datetime.timezone.utc)
begun = client.start_device_authorization(clientId=made["clientId"], clientSecret=made["clientSecret"], startUrl=sso["sso_start_url"])
got = client.create_token(grantType="urn:ietf:params:oauth:grant-type:device_code", clientId=made["clientId"], clientSecret=made["clientSecret"], deviceCode=begun["deviceCode"])
cache = JSONFileCache(os.path.expanduser("~/.aws/sso/cache"), dumps_func=_sso_json_dumps)
SSOTokenLoader(cache).save_token(sso["sso_start_url"], dict(startUrl=sso["sso_start_url"], region=sso["sso_region"],
    accessToken=got["accessToken"], expiresAt=now + datetime.timedelta(seconds=got["expiresIn"]), clientId=made["clientId"],
    clientSecret=made["clientSecret"], registrationExpiresAt=ends, refreshToken=got["refreshToken"]), session_name=name)
key = dict(tool="botocore", startUrl=sso["sso_start_url"], region=sso["sso_region"], scopes=scopes, session_name=name)
cache[hashlib.sha1(json.dumps(key, sort_keys=True).encode()).hexdigest()] = dict(clientId=made["clientId"],
    clientSecret=made["clientSecret"], expiresAt=ends, scopes=scopes)
"""
    platform.post("/sign-in", {"approve": True})
    env = {**os.environ, **of(home), "AWS_CONFIG_FILE": str(platform.folder / "aws/config"), "AWS_SHARED_CREDENTIALS_FILE": str(platform.folder / "aws/credentials")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 0, done.stderr
    assert topology(platform, home).code == 0
    clients = platform.get("/sign-in")["clients"]
    files = set(os.listdir(home / ".aws/sso/cache"))
    sign_in(platform, home)
    assert platform.get("/sign-in")["clients"] == clients, "no second client is registered"
    assert set(os.listdir(home / ".aws/sso/cache")) == files, "the same two files"


def test_a_denied_code_is_exit_5_and_leaves_who_was_signed_in(platform, home):
    sign_in(platform, home)
    before = cached(home).read_text()
    with login(platform, home) as (process, code):
        platform.post("/sign-in", {"deny": code["user_code"]})
        returned, outcome, errors = ended(process)
    assert returned == 5 and outcome["event"] == "failed"
    assert "was refused in the browser (AccessDeniedException)" in errors and "Sign in again" in errors
    assert cached(home).read_text() == before


def test_a_code_that_ends_while_it_is_waited_for_is_exit_5(platform, home):
    platform.post("/sign-in", {"code_seconds": 3})
    with login(platform, home) as (process, code):
        returned, outcome, errors = ended(process)
    assert returned == 5, errors
    assert f"Nobody confirmed the code {code['user_code']} before it ended" in errors and "the new code" in errors
    assert not [f for f in (home / ".aws/sso/cache").glob("*") if "accessToken" in f.read_text()]


def test_who_is_told_to_slow_down_waits_five_seconds_longer(platform, home):
    platform.post("/sign-in", {"slow_down": 1})
    begun = time.monotonic()
    with login(platform, home) as (process, code):
        platform.post("/sign-in", {"approve": code["user_code"]})
        returned, _, errors = ended(process)
    assert returned == 0, errors
    # A second to the first poll, and six to the next.
    assert 6.5 < time.monotonic() - begun < 15


def test_a_signal_ends_it_and_nothing_is_left(platform, home):
    with login(platform, home) as (process, _):
        process.send_signal(signal.SIGINT)
        returned, _, errors = ended(process)
    assert returned == 1 and "nobody was signed in" in errors
    assert all(f.suffix == ".json" and "accessToken" not in f.read_text() for f in (home / ".aws/sso/cache").iterdir())


def test_a_role_that_is_not_assigned_is_told_at_the_sign_in_and_where_it_is_missed(platform, home, tmp_path):
    config = (platform.folder / "aws/config").read_text().replace("sso_role_name = Operations", "sso_role_name = Admin")
    elsewhere(platform, tmp_path, config)
    platform.post("/sign-in", {"approve": True})
    done = qd("login", platform.profile, "--stack", str(tmp_path / "stack.toml"), state=home, env=of(home))
    assert done.returncode == 5 and "does not let you use the role of profile" in done.stderr, done.stderr
    done = qd("topology", "--stack", str(tmp_path / "stack.toml"), "--json", state=home / "state", env=of(home))
    errors = [s["error"] for s in json.loads(done.stdout)["sources"] if s["service"] == "sqs" and s["state"] == "failed"]
    assert errors and all("(ForbiddenException)" in e and "sso_role_name" in e and "qd login" not in e for e in errors), errors


def test_the_older_form_of_the_config_signs_in_and_the_keys_open_the_clusters_too(platform, home, tmp_path):
    config = (platform.folder / "aws/config").read_text().split("[sso-session")
    settings = "".join(line + "\n" for line in config[1].splitlines()[1:] if "scopes" not in line)
    session = config[0].split("sso_session = ")[1].splitlines()[0]
    older = config[0].replace(f"sso_session = {session}\n", settings)
    stack = elsewhere(platform, tmp_path, older, context="eks")
    assert "eks =" in stack.read_text() and "sso_session" not in (tmp_path / "config").read_text()
    platform.post("/sign-in", {"approve": True})
    done = qd("login", platform.profile, "--stack", str(stack), "--json", state=home, env=of(home))
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["portal"].startswith("https://") and not outcome["renews"], outcome
    done = qd("topology", "--stack", str(stack), "--json", state=home / "state", env=of(home))
    seen = reading.Topology(json.loads(done.stdout), done.returncode)
    assert seen.code == 0 and seen.of("pod") and seen.of("queue"), seen.document["sources"]


def test_a_profile_that_signs_in_otherwise_says_how(platform, home, tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile keyed]\naws_access_key_id = AKIA1\naws_secret_access_key = x\n")
    done = qd("login", "keyed", "--aws-config", str(config), state=home, env=of(home))
    assert done.returncode == 2 and "has keys in a file" in done.stderr and "nothing to sign in to" in done.stderr
    done = qd("login", "nobody", "--aws-config", str(config), state=home, env=of(home))
    assert done.returncode == 2 and "has no profile nobody; it has keyed" in done.stderr, done.stderr
    config.write_text(config.read_text() + "[profile wrong]\nsso_start_url = https://elsewhere.awsapps.com/start\nsso_region = us-east-1\n"
                      f"sso_account_id = 111122223333\nsso_role_name = x\nendpoint_url = {platform.aws}\n")
    done = qd("login", "wrong", "--aws-config", str(config), "--json", state=home, env=of(home))
    assert done.returncode == 1 and "InvalidRequestException" in done.stderr and "Check sso_start_url" in done.stderr, done.stderr


def test_the_keys_of_the_portal_end_and_are_answered_so(platform, home):
    """As boto3 would be answered that held them over their end."""
    platform.post("/sign-in", {"role_seconds": 8})
    sign_in(platform, home)
    token = json.loads(cached(home).read_text())["accessToken"]
    unsigned = botocore.config.Config(signature_version=botocore.UNSIGNED)
    portal = boto3.client("sso", region_name="us-east-1", endpoint_url=platform.aws, config=unsigned)
    account = portal.list_accounts(accessToken=token)["accountList"][0]["accountId"]
    role = portal.list_account_roles(accessToken=token, accountId=account)["roleList"][0]["roleName"]
    keys = portal.get_role_credentials(accessToken=token, accountId=account, roleName=role)["roleCredentials"]

    def call(service, method, **more):
        once = botocore.config.Config(retries={"total_max_attempts": 1})
        given = {"aws_access_key_id": keys["accessKeyId"], "aws_secret_access_key": keys["secretAccessKey"], "aws_session_token": keys["sessionToken"], **more}
        client = boto3.client(service, region_name="us-east-1", endpoint_url=platform.aws, config=once, **given)
        return getattr(client, method)()

    assert call("sts", "get_caller_identity")["Account"] == account
    for more, code in (({"aws_session_token": "other"}, "InvalidClientTokenId"), ({"aws_access_key_id": "AKIAOTHER"}, "InvalidClientTokenId")):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            call("sts", "get_caller_identity", **more)
        assert refused.value.response["Error"]["Code"] == code
    time.sleep(8.2)
    for service, method, code in (("sts", "get_caller_identity", "ExpiredToken"), ("sqs", "list_queues", "ExpiredToken"), ("lambda", "list_functions", "ExpiredTokenException")):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            call(service, method)
        assert refused.value.response["Error"]["Code"].startswith(code)
    with pytest.raises(portal.exceptions.UnauthorizedException):
        portal.list_accounts(accessToken="other")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        portal.get_role_credentials(accessToken=token, accountId="111122223333", roleName=role)
    assert refused.value.response["Error"]["Code"] == "ForbiddenException"


def test_a_session_that_ends_is_told_and_the_watch_goes_on_after_the_next_sign_in(platform, home):
    sign_in(platform, home)
    seen, lives = outlasting(lambda: topology(platform, home), 30)
    assert seen.code == 0
    platform.post("/sign-in", {"token_seconds": lives, "session_seconds": lives, "role_seconds": lives // 2})
    sign_in(platform, home)
    watch = Watch(platform, home)
    try:
        # Of what is read often: some things are asked again after minutes only.
        often = ("sqs/", "/queues"), ("rds/", "/events"), ("route53/", "/health-checks")
        aws = lambda sources: [s for i, s in sources.items() if any(i.startswith(a) and i.endswith(b) for a, b in often)]  # noqa: E731
        watch.until(lambda s: len(aws(s)) == 3 and all(x["state"] == "ok" for x in aws(s)), lives)
        told = lambda x: x["state"] == "failed" and f"Run `qd login {platform.profile} --stack" in x["error"]  # noqa: E731
        watch.until(lambda s: all(told(x) for x in aws(s)), 120 + lives)
        error = aws(watch.sources)[0]["error"]
        assert "not accepted any more" in error or "ended at" in error, error
        platform.post("/sign-in", {"token_seconds": 3600, "session_seconds": 28800, "role_seconds": 3600})
        sign_in(platform, home)
        watch.until(lambda s: all(x["state"] == "ok" for x in aws(s)), 150)
        assert watch.process.poll() is None, "without a restart"
    finally:
        watch.process.terminate()
        watch.process.wait(20)
