"""Keys that do not expire, in a real Secret Service (gnome-keyring in a session bus of its own) and nowhere else."""

import json
import os
import re
import shutil
import subprocess

import pytest

import totp
from platform_sim import simulated
from topology import QD

SECRET = "CanaryWJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLE"
KEY = "AKIACANARYCANARY1234"
#: A session bus with an unlocked keyring that is made new, then what was asked for.
UNLOCKED = 'printf ci | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; exec "$@"'


class Home:
    """Somebody's home folder: an AWS config whose only profile does not say how it signs in, and a keyring."""

    def __init__(self, folder, platform):
        self.folder, self.platform = folder, platform
        for name in ("run", "data", ".aws"):
            (folder / name).mkdir(mode=0o700, parents=True)
        config = (platform.folder / "aws/config").read_text()
        self.profile = re.search(r"\[profile ([^\]]+)\]", config)[1]
        (folder / ".aws/config").write_text(config)
        stack = re.sub(r"\[files\][^\[]*", "", platform.stack.read_text())
        (folder / "stack.toml").write_text(stack + f'\n[files]\nkubeconfig = "{platform.folder / "kubeconfig"}"\n')

    def env(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "DBUS_"))}
        here = {"HOME": self.folder, "XDG_DATA_HOME": self.folder / "data", "XDG_RUNTIME_DIR": self.folder / "run"}
        return clean | {k: str(v) for k, v in here.items()} | {"XDG_STATE_HOME": str(self.folder / "state")}

    def run(self, *words, typed="", keyring=True):
        session = ["dbus-run-session", "--", "bash", "-c", UNLOCKED, "_"] if keyring else []
        return subprocess.run([*session, QD, *words], input=typed, env=self.env(), capture_output=True, text=True, timeout=120)

    def script(self, text, *, typed=""):
        """Several commands within one session; `qd` is the one under test."""
        whole = f'{UNLOCKED.split(";", 1)[0]}; qd() {{ {QD} "$@"; }}; {text}'
        return subprocess.run(["dbus-run-session", "--", "bash", "-c", whole], input=typed, env=self.env(), capture_output=True, text=True, timeout=180)


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    options = ("--clock", "explicit", "--seed", "13", "--regions", "1", "--pods", "60")
    with simulated(tmp_path_factory.mktemp("keyring") / "sim", "calm", *options) as platform:
        yield platform


@pytest.fixture
def home(tmp_path, platform):
    assert shutil.which("gnome-keyring-daemon"), "make test installs gnome-keyring"
    return Home(tmp_path / "home", platform)


def errors(done):
    return {s["id"]: s["error"] for s in json.loads(done.stdout)["sources"] if s["state"] != "ok"}


def test_keys_of_the_keyring_sign_in_and_lie_nowhere_else(home):
    stack = home.folder / "stack.toml"
    keys = f"printf '%s\\n%s\\n' {KEY} {SECRET}"
    done = home.script(
        f"{keys} | qd keys set {home.profile} && qd topology --stack {stack} --json && qd keys forget {home.profile} >&2"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert errors(done) == {} and "no keys of profile" in done.stderr
    for path in home.folder.rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            assert SECRET.encode() not in held and KEY.encode() not in held, path
    assert SECRET not in done.stdout + done.stderr


def test_without_keys_every_source_of_aws_says_what_to_do(home):
    done = home.run("topology", "--stack", str(home.folder / "stack.toml"), "--json")
    told = {i: e for i, e in errors(done).items() if not i.startswith("kubernetes")}
    assert done.returncode == 3 and told, done.stderr
    assert all(f"no keys of profile {home.profile}" in e and "qd keys set" in e for e in told.values()), told


def test_without_a_keyring_it_is_a_sentence_and_the_clusters_are_read(home):
    done = home.run("topology", "--stack", str(home.folder / "stack.toml"), "--json", keyring=False)
    told = {i: e for i, e in errors(done).items() if not i.startswith("kubernetes")}
    assert done.returncode == 3 and told and all("keyring cannot be used" in e for e in told.values()), told
    assert any(n["kind"] == "pod" for n in json.loads(done.stdout)["nodes"])
    kept = home.run("keys", "set", home.profile, typed=f"{KEY}\n{SECRET}\n", keyring=False)
    assert kept.returncode == 1 and "keyring cannot be used" in kept.stderr and SECRET not in kept.stderr


@pytest.mark.parametrize(
    ("typed", "words"),
    [("AKIA\n" + SECRET, "no access key id"), (KEY + "\n\n", "no secret access key"), (KEY + "\nwith space", "no secret access key"), ("", "no access key id")],
)
def test_what_is_no_key_is_refused_before_it_is_kept(home, typed, words):
    done = home.run("keys", "set", home.profile, typed=typed)
    assert done.returncode == 2 and words in done.stderr and "nothing was kept" in done.stderr, done.stderr


def test_a_profile_that_signs_in_otherwise_or_is_not_there_takes_no_keys(home):
    with (home.folder / ".aws/config").open("a") as config:
        config.write("\n[profile desk]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = ReadOnly\n")
    other = home.run("keys", "set", "desk", typed=f"{KEY}\n{SECRET}\n")
    assert other.returncode == 2 and "IAM Identity Center" in other.stderr, other.stderr
    with (home.folder / ".aws/config").open("a") as config:
        config.write("\n[profile base]\nregion = us-east-1\n\n[profile ops]\nrole_arn = arn:aws:iam::111122223333:role/ops\nsource_profile = base\n")
    base = home.run("keys", "set", "base", typed=f"{KEY}\n{SECRET}\n")
    assert base.returncode == 2 and "Profile ops takes its credentials from base" in base.stderr, base.stderr
    nobody = home.run("keys", "set", "nobody", typed=f"{KEY}\n{SECRET}\n")
    assert nobody.returncode == 2 and "no profile nobody" in nobody.stderr
    gone = home.run("keys", "forget", home.profile)
    assert gone.returncode == 1 and "no keys of profile" in gone.stderr, gone.stderr


def test_the_keys_that_a_role_with_a_code_is_assumed_with_may_lie_there_too(tmp_path):
    options = ("--clock", "explicit", "--seed", "13", "--regions", "1", "--pods", "40", "--sign-in", "mfa")
    with simulated(tmp_path / "sim", "calm", *options) as platform:
        home = Home(tmp_path / "home", platform)
        base = re.search(r"source_profile = (\S+)", (home.folder / ".aws/config").read_text())[1]
        keys = dict(line.split(" = ") for line in (platform.folder / "aws/credentials").read_text().splitlines() if " = " in line)
        code = totp.code(platform.get("/sign-in")["device"]["seed"])
        typed = f"{keys['aws_access_key_id']}\n{keys['aws_secret_access_key']}\n"
        done = home.script(f"qd keys set {base} && qd login {home.profile} --code {code}", typed=typed)
        assert done.returncode == 0 and "Signed in to role operations" in done.stdout, done.stderr
        # The session is enough: the keyring is not asked again.
        done = home.run("topology", "--stack", str(home.folder / "stack.toml"), "--json", keyring=False)
        assert done.returncode == 0, done.stderr
