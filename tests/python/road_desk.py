"""What the tests of the road of an action share: plans, findings, and the real command-line tools."""

import json
import os
import pathlib
import subprocess
import sys

import topology as reading

TOOLS = pathlib.Path(sys.executable).parent


def tools_environment(platform) -> dict:
    """AWS CLI and kubectl as an operator of that platform would have them."""
    config = (platform.folder / "aws" / "config").read_text()
    profile = config.split("[profile ", 1)[1].split("]", 1)[0]
    return {
        **os.environ,
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "AWS_CONFIG_FILE": str(platform.folder / "aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(platform.folder / "aws" / "credentials"),
        "AWS_PROFILE": profile,
        "AWS_PAGER": "",
        "AWS_MAX_ATTEMPTS": "1",
        "KUBECONFIG": str(platform.folder / "kubeconfig"),
    }


def paste(line: str, platform, endpoint: str | None = None) -> subprocess.CompletedProcess:
    """Runs a line as pasted into a shell. The AWS CLI is told on its own command line where AWS is."""
    environment = {**tools_environment(platform), "ENDPOINT": endpoint or platform.aws}
    here = 'aws() { command aws --endpoint-url "$ENDPOINT" "$@"; }\n'
    return subprocess.run(["bash", "-c", here + line], capture_output=True, text=True, timeout=60, env=environment, cwd=platform.folder)


def kubectl(platform, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["kubectl", *words], input=stdin, capture_output=True, text=True, timeout=60, env=tools_environment(platform)
    )


def fullest_dead_letters(platform, state: pathlib.Path) -> dict:
    queues = [q for q in reading.read(platform.stack, state).of("queue") if q["facts"].get("is_dead_letter_queue")]
    return max(queues, key=lambda q: q["facts"].get("messages_visible", 0))


def planned(platform, state: pathlib.Path, verb: str, node: str, *more: str, stack: pathlib.Path | None = None) -> dict:
    done = reading.qd("plan", verb, node, *more, "--stack", str(stack or platform.stack), "--json", state=state)
    assert done.returncode in (0, 4), (done.returncode, done.stderr)
    plan = json.loads(done.stdout)
    assert (done.returncode == 4) == plan.get("blocked", False)
    return plan


def finding(plan: dict, id: str) -> dict | None:
    return next((f for f in plan["findings"] if f["id"] == id), None)


def act_words(platform, plan: dict, *more: str, stack: pathlib.Path | None = None) -> list[str]:
    settings = [word for key, value in plan["settings"].items() for word in ("--set", f"{key}={value}")]
    return ["act", plan["action"], plan["node"], *settings, "--reason", "drill", "--confirm", plan["confirm"], "--digest",
            plan["digest"], "--stack", str(stack or platform.stack), "--json", *more]
