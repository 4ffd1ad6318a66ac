"""The way in: a stack file made by looking, and an account that must be the one the stack file says."""

import json
import re
import tomllib

import pytest

import topology as reading
from platform_sim import simulated
from topology import qd

ELSEWHERE = "999988887777"


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("way-in")
    options = ("--clock", "explicit", "--seed", "13", "--regions", "1", "--pods", "60")
    with simulated(folder / "sim", "calm", *options) as platform:
        yield platform


@pytest.fixture(scope="module")
def seen(platform, tmp_path_factory):
    return reading.read(platform.stack, tmp_path_factory.mktemp("state"))


def init(platform, tmp_path, *words, kubeconfig=None):
    files = {
        "--aws-config": platform.folder / "aws/config",
        "--aws-credentials": platform.folder / "aws/credentials",
        "--kubeconfig": kubeconfig or platform.folder / "kubeconfig",
    }
    files = [word for name, path in files.items() for word in (name, str(path))]
    return qd("init", *files, "--to", str(tmp_path / "made.toml"), *words, state=tmp_path / "state")


def named_by_arn(platform, seen, tmp_path):
    """The simulated kubeconfig as `aws eks update-kubeconfig` would name its clusters."""
    arn = seen.of("cluster")[0]["facts"]["arn"]
    context = tomllib.loads(platform.stack.read_text())["cluster"][0]["context"]
    text = (platform.folder / "kubeconfig").read_text().replace(f"cluster: {context}", f"cluster: {arn}")
    text = text.replace(f"- name: {context}\n  cluster:", f"- name: {arn}\n  cluster:")
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    return path, context


def test_the_only_profile_is_looked_through_and_the_file_shows_the_same_picture(platform, seen, tmp_path):
    kubeconfig, context = named_by_arn(platform, seen, tmp_path)
    done = init(platform, tmp_path, "--json", kubeconfig=kubeconfig)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    account = seen.of("cluster")[0]["scope"]["account"]
    assert [a["id"] for a in told["accounts"]] == [account] and account in told["accounts"][0]["caller"]
    assert told["clusters"][0]["context"] == context and told["failed"] == []
    made = tomllib.loads((tmp_path / "made.toml").read_text())
    assert made["account"][0]["id"] == account and made["environment"] == "prod"
    assert made["cluster"] == [{"profile": made["account"][0]["profile"], "region": seen.of("cluster")[0]["scope"]["region"], "context": context}]
    again = reading.read(tmp_path / "made.toml", tmp_path / "state")
    ours = {n for n, node in seen.nodes.items() if not node["id"].startswith("pod/")}
    assert again.code == 0 and ours <= again.nodes.keys(), ours - again.nodes.keys()
    for kind, count in told["found"].items():
        if kind in ("queue", "dbcluster", "function", "loadbalancer", "nodegroup"):
            assert count == len(seen.of(kind)), kind


def test_a_cluster_without_a_context_is_reached_by_eks_itself(platform, seen, tmp_path):
    done = init(platform, tmp_path, "--name", 'Meri"dian', "--environment", "dev")
    assert done.returncode == 0, done.stderr
    cluster = seen.of("cluster")[0]["name"]
    assert f"Cluster {cluster}: by EKS itself" in done.stdout
    made = tomllib.loads((tmp_path / "made.toml").read_text())
    assert made["name"] == 'Meri"dian' and made["environment"] == "dev"
    assert [(c["eks"], c.get("context")) for c in made["cluster"]] == [(cluster, None)]
    again = reading.read(tmp_path / "made.toml", tmp_path / "state")
    assert again.code == 0 and len(again.of("pod")) == len(seen.of("pod")) > 0
    assert {n["id"] for n in again.of("deployment")} == {n["id"] for n in seen.of("deployment")}
    # What is copied names the context `aws eks update-kubeconfig` would make, never the current one.
    node, words = again.of("deployment")[0]["id"], ("--stack", str(tmp_path / "made.toml"), "--json")
    plan = json.loads(qd("plan", "restart", node, *words, state=tmp_path / "state").stdout)
    assert f"--context {again.of('cluster')[0]['facts']['arn']}" in plan["calls"][0]["cli"], plan["calls"]
    again = init(platform, tmp_path)
    assert again.returncode == 1 and "is there already" in again.stderr
    platform.fault("denied:eks")
    try:
        again = reading.read(tmp_path / "made.toml", tmp_path / "state2")
    finally:
        platform.heal()
    errors = {s["id"]: s["error"] for s in again.document["sources"] if s["service"] == "kubernetes"}
    assert len(errors) == 1 and "endpoint" in next(iter(errors)), errors
    assert all("eks:DescribeCluster" in error for error in errors.values()), errors
    assert again.of("queue") and again.of("dbcluster")


def by_program(platform, tmp_path, *args: str, profile: str | None = None):
    """A stack whose context signs in as `aws eks update-kubeconfig` writes it; an `aws` that tells when it is run."""
    made = tomllib.loads(platform.stack.read_text())
    context, ran = made["cluster"][0]["context"], tmp_path / "ran"
    aws = tmp_path / "aws"
    aws.write_text(f"#!/bin/sh\ntouch {ran}\n")
    aws.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": str(aws), "args": list(args)}}
    if profile:
        user["exec"]["env"] = [{"name": "AWS_PROFILE", "value": profile}]
    text = (platform.folder / "kubeconfig").read_text().split("users:")[0]
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(f"{text}users:\n- name: {context}\n  user: {json.dumps(user)}\n")
    stack = platform.stack.read_text()
    for name, path in (("aws/config", None), ("aws/credentials", None), ("kubeconfig", kubeconfig)):
        stack = stack.replace(f'"{name}"', f'"{path or platform.folder / name}"')
    (tmp_path / "stack.toml").write_text(stack)
    return tmp_path / "stack.toml", made["account"][0]["profile"], context, ran


def test_a_context_of_update_kubeconfig_is_signed_in_to_without_its_program(platform, seen, tmp_path):
    region = tomllib.loads(platform.stack.read_text())["cluster"][0]["region"]
    cluster = seen.of("cluster")[0]["name"]
    args = ("--region", region, "eks", "get-token", "--cluster-name", cluster, "--output", "json")
    own = tomllib.loads(platform.stack.read_text())["account"][0]["profile"]
    stack, _, _, ran = by_program(platform, tmp_path, *args, profile=own)
    again = reading.read(stack, tmp_path / "state")
    assert again.code == 0 and len(again.of("pod")) == len(seen.of("pod")) > 0
    assert not ran.exists(), "no program is run"


def test_a_context_that_would_run_a_program_is_written_as_eks(platform, seen, tmp_path):
    kubeconfig, context = named_by_arn(platform, seen, tmp_path)
    user = json.dumps({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws-vault", "args": []}})
    kubeconfig.write_text(re.sub(r"user:\n    token: .*", f"user: {user}", kubeconfig.read_text()))
    assert "aws-vault" in kubeconfig.read_text()
    done = init(platform, tmp_path, "--json", kubeconfig=kubeconfig)
    assert done.returncode == 0, done.stderr
    made = tomllib.loads((tmp_path / "made.toml").read_text())
    assert [c["eks"] for c in made["cluster"]] == [seen.of("cluster")[0]["name"]]


@pytest.mark.parametrize("what", ["another role", "another cluster", "another profile", "another program", "another server"])
def test_what_signs_in_to_something_else_is_a_sentence_and_the_rest_goes_on(platform, seen, tmp_path, what):
    cluster = seen.of("cluster")[0]["name"]
    args = ["eks", "get-token", "--cluster-name", cluster]
    profile = None
    if what == "another cluster":
        args[-1], words = "elsewhere", ("did not accept our credentials (401)", "access entry")
    elif what == "another profile":
        profile, words = "somebody", ("signs in with profile somebody", "[[account]]")
    elif what == "another role":
        args += ["--role-arn", "arn:aws:iam::111122223333:role/admin"]
        words = ("signs in as the role arn:aws:iam::111122223333:role/admin", "role_arn")
    elif what == "another server":
        words = ("leads to cluster.example.org, which is not EKS", "no token of ours is sent there")
    else:
        args, words = ["sso", "token"], ("sso token", "that was not approved: it is not run", "qd approve ")
    stack, _, context, ran = by_program(platform, tmp_path, *args, profile=profile)
    if what == "another server":
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(re.sub("server: http://127.0.0.1:[0-9]+", "server: https://cluster.example.org", kubeconfig.read_text()))
    again = reading.read(stack, tmp_path / "state")
    errors = [s["error"] for s in again.document["sources"] if s["service"] == "kubernetes" and s.get("error")]
    assert errors and all(any(word in error for error in errors) for word in words), errors
    assert again.of("queue") and not ran.exists() and again.code == 3


def test_several_profiles_are_listed_to_choose_from_and_nothing_is_written(platform, tmp_path):
    config = tmp_path / "config"
    config.write_text((platform.folder / "aws/config").read_text() + "\n[profile other]\nrole_arn = arn:aws:iam::111122223333:role/ops\nsource_profile = x\n")
    words = ("init", "--aws-config", str(config), "--aws-credentials", str(platform.folder / "aws/credentials"), "--to", str(tmp_path / "made.toml"))
    done = qd(*words, state=tmp_path / "state")
    assert done.returncode == 2 and "--profile" in done.stderr
    assert "other" in done.stderr and "assumes a role" in done.stderr and "111122223333" in done.stderr
    missing = qd(*words, "--profile", "nobody", state=tmp_path / "state")
    assert missing.returncode == 2 and "no profile nobody" in missing.stderr
    regionless = qd(*words, "--profile", "other", state=tmp_path / "state")
    assert regionless.returncode == 2 and "--region" in regionless.stderr
    # As for the AWS CLI: the shell's profile and region.
    shell = qd(*words, state=tmp_path / "state", env={"AWS_PROFILE": "nobody"})
    assert shell.returncode == 2 and "no profile nobody" in shell.stderr
    shell = qd(*words, "--timeout", "5", state=tmp_path / "state", env={"AWS_PROFILE": "other", "AWS_REGION": "eu-west-1"})
    assert shell.returncode == 1 and "GetCallerIdentity" in shell.stderr, shell.stderr
    config.write_text("[profile broken\n")
    broken = qd(*words, state=tmp_path / "state")
    assert broken.returncode == 1 and "cannot be read" in broken.stderr
    assert not (tmp_path / "made.toml").exists()


def test_who_is_not_let_in_is_told_why_and_nothing_is_written(platform, tmp_path):
    platform.fault("expired:sts")
    try:
        done = init(platform, tmp_path)
    finally:
        platform.heal()
    assert done.returncode == 1 and "GetCallerIdentity" in done.stderr, done.stderr
    assert not (tmp_path / "made.toml").exists()


def pinned(platform, tmp_path, account: str):
    text = platform.stack.read_text().replace("[[account]]\n", f'[[account]]\nid = "{account}"\n')
    for name in ("aws/config", "aws/credentials", "kubeconfig"):
        text = text.replace(f'"{name}"', f'"{platform.folder / name}"')
    path = tmp_path / "pinned.toml"
    path.write_text(text)
    return path


def test_the_account_the_stack_file_says_is_shown(platform, seen, tmp_path):
    account = seen.of("cluster")[0]["scope"]["account"]
    again = reading.read(pinned(platform, tmp_path, account), tmp_path / "state")
    assert again.code == 0 and set(again.nodes) >= {n["id"] for n in seen.of("queue")}


def test_nothing_of_another_account_is_asked_for_or_shown(platform, seen, tmp_path):
    account = seen.of("cluster")[0]["scope"]["account"]
    stack = pinned(platform, tmp_path, ELSEWHERE)
    again = reading.read(stack, tmp_path / "state")
    assert again.code == 3
    # What pods name (a queue's URL) is drawn as not read; nothing else of that account is.
    read = {kind: [n for n in again.of(kind) if n["standing"] == "read"] for kind in {n["kind"] for n in seen.nodes.values()}}
    for kind in ("queue", "dbcluster", "function", "loadbalancer", "distribution", "record"):
        assert seen.of(kind) and read[kind] == [], kind
    assert {n["scope"].get("account") for nodes in read.values() for n in nodes} == {ELSEWHERE}
    errors = {s["service"]: s["error"] for s in again.document["sources"] if s.get("error")}
    assert {"sts", "sqs", "rds", "eks", "route53"} <= errors.keys()
    assert all(account in error and ELSEWHERE in error for error in errors.values()), errors
    assert again.of("pod"), "the cluster is read by its context"
    queue = seen.of("queue")[0]["id"]
    plan = qd("plan", "redrive", queue, "--stack", str(stack), "--json", state=tmp_path / "state")
    assert plan.returncode != 0 and not plan.stdout.strip()


def without_clusters(platform, tmp_path):
    """The simulated platform's stack file as somebody writes it who knows their profile and nothing else."""
    text = re.sub(r"\[\[cluster\]\]\n(?:[^\[\n].*\n|\n)*", "", platform.stack.read_text())
    for name in ("aws/config", "aws/credentials", "kubeconfig"):
        text = text.replace(f'"{name}"', f'"{platform.folder / name}"')
    assert "cluster" not in tomllib.loads(text), text
    path = tmp_path / "plain.toml"
    path.write_text(text)
    return path


def test_a_stack_that_names_no_cluster_shows_those_that_eks_lists(platform, seen, tmp_path):
    again = reading.read(without_clusters(platform, tmp_path), tmp_path / "state")
    failed = [s for s in again.document["sources"] if s["state"] != "ok"]
    assert again.code == 0 and not failed, failed
    assert len(again.of("pod")) == len(seen.of("pod")) > 0
    assert {n["id"] for n in again.of("deployment")} == {n["id"] for n in seen.of("deployment")}
    assert {e["to"] for e in again.document["edges"] if e["relation"] == "connects-to"} == {
        e["to"] for e in seen.document["edges"] if e["relation"] == "connects-to"
    }


def test_a_listed_cluster_that_does_not_answer_is_a_sentence_and_the_aws_side_stays(platform, seen, tmp_path):
    stack = without_clusters(platform, tmp_path)
    platform.fault("silent:kubernetes")
    try:
        again = reading.read(stack, tmp_path / "state")
    finally:
        platform.heal()
    failed = [s for s in again.document["sources"] if s["state"] != "ok"]
    name = seen.of("cluster")[0]["name"]
    assert again.code == 3 and [s["service"] for s in failed] == ["kubernetes"], failed
    assert name in failed[0]["error"] and "did not answer" in failed[0]["error"], failed
    assert {n["id"] for n in again.of("queue")} == {n["id"] for n in seen.of("queue")}
    assert reading.read(stack, tmp_path / "state").code == 0, "and it is found when it answers"
