"""What people who did not write this would try first: the command line misused, faults of single operations,
long polling, rights."""

import json
import os
import socketserver
import subprocess
import threading
import time

import boto3
import pytest

import topology as reading
from fault_proxy import Handler, Proxy
from platform_sim import simulated
from test_faults import through
from topology import qd


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strangers")
    options = ("--clock", "explicit", "--seed", "13", "--regions", "1", "--pods", "60")
    with simulated(folder / "sim", "calm", *options) as platform:
        yield platform


def client(platform, service: str):
    return boto3.client(
        service,
        endpoint_url=platform.aws,
        region_name="us-east-1",
        aws_access_key_id="AKIAQUARTERDECKSIM01",
        aws_secret_access_key="x",
    )


def test_a_monitor_that_misuses_status_reads_unknown_not_critical(tmp_path):
    for words in (("status",), ("status", "--stack", "x", "--timeout", "0"), ("status", "--nonsense")):
        done = qd(*words, state=tmp_path)
        assert done.returncode == 3 and done.stderr and not done.stdout, words
    assert qd("status", "--help", state=tmp_path).returncode == 0
    assert qd("topology", state=tmp_path).returncode == 2


def test_the_record_and_the_runs_answer_in_json_too(tmp_path):
    intact = qd("audit", "verify", "--json", state=tmp_path)
    assert intact.returncode == 0 and json.loads(intact.stdout) == {"intact": True, "rows": 0}
    assert json.loads(qd("runs", "--json", "--stack", "any.toml", state=tmp_path).stdout) == []
    nothing = qd("resume", "--stack", "any.toml", state=tmp_path)
    assert nothing.returncode == 4 and "nothing to resume" in nothing.stderr


class OneOperation(Proxy):
    """Breaks the answers to requests whose head or body contains a mark."""

    def __init__(self, upstream: str, mark: bytes):
        super().__init__(upstream, "", "")
        self.mark = mark
        self.RequestHandlerClass = Marked


class Marked(Handler):
    def relay(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.server.mark in body + str(self.headers).encode():
            self.server.broken += 1
            return self.answer(500, [("content-type", "application/json")], b'{"__type":"InternalFailure"}')
        self.answer(*self.ask(body))


@pytest.mark.parametrize("mark, part", [(b"GetQueueAttributes", "queues"), (b"Action=DescribeTargetHealth", "target-groups")])
def test_an_operation_that_fails_for_every_thing_is_no_source_that_is_ok(platform, tmp_path, mark, part):
    proxy = OneOperation(platform.aws, mark)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        picture = reading.read(through(platform, proxy.url, tmp_path), tmp_path / "state", timeout=20)
    finally:
        proxy.shutdown()
        proxy.server_close()
    assert proxy.broken > 0
    reading.assert_sound(picture)
    assert picture.code == 3
    broken = [s for s in picture.document["sources"] if s["state"] != "ok"]
    assert [s["part"] for s in broken] == [part], broken
    assert "more" in broken[0]["error"] and broken[0]["last_ok"], "the list itself was read"
    kind = {"queues": "queue", "target-groups": "targetgroup"}[part]
    assert picture.of(kind), "what was listed is there"


class Silent(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class Hold(socketserver.BaseRequestHandler):
    def handle(self):
        while self.request.recv(65536):
            pass


def test_the_timeout_bounds_the_whole_command_when_nothing_answers(platform, tmp_path):
    with Silent(("127.0.0.1", 0), Hold) as silent:
        threading.Thread(target=silent.serve_forever, daemon=True).start()
        stack = through(platform, f"http://127.0.0.1:{silent.server_address[1]}", tmp_path)
        begun = time.monotonic()
        done = qd("topology", "--stack", str(stack), "--json", "--timeout", "6", state=tmp_path / "state")
        took = time.monotonic() - begun
        silent.shutdown()
    assert done.returncode == 3, done.stderr
    assert took < 10, f"{took:.1f} s for --timeout 6"
    errors = [s["error"] for s in json.loads(done.stdout)["sources"] if s["service"] == "sts"]
    assert errors and all("no answer in 6 s" in error for error in errors), errors


def test_every_check_of_a_plan_says_its_source_and_age(platform, tmp_path):
    picture = reading.read(platform.stack, tmp_path)
    queue = next(q for q in picture.of("queue") if q["facts"]["is_dead_letter_queue"])
    plan = qd("plan", "redrive", queue["id"], "--stack", str(platform.stack), "--json", state=tmp_path)
    assert plan.returncode == 4, "an empty queue has nothing to redrive"
    findings = json.loads(plan.stdout)["findings"]
    for finding in findings:
        assert {"id", "severity", "value", "threshold", "source", "age"} <= finding.keys(), finding
    changed = next(f for f in findings if f["id"] == "redrive.changed-since-arrival")
    assert "first message arrived" not in changed["sentence"], "no message has arrived"


def test_receiving_waits_for_a_message_as_long_as_it_was_told(platform):
    sqs = client(platform, "sqs")
    url = sqs.create_queue(QueueName="strange", tags={"team": "on-call"})["QueueUrl"]
    begun = time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
    assert 0.9 < time.monotonic() - begun < 5
    send = threading.Timer(0.5, lambda: client(platform, "sqs").send_message(QueueUrl=url, MessageBody="late"))
    send.start()
    begun = time.monotonic()
    got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert [m["Body"] for m in got] == ["late"] and time.monotonic() - begun < 10
    with pytest.raises(sqs.exceptions.ClientError, match="InvalidParameterValue"):
        sqs.receive_message(QueueUrl=url, WaitTimeSeconds=21)
    with pytest.raises(sqs.exceptions.ClientError, match="InvalidParameterValue"):
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageDeduplicationId="only-fifo")
    sqs.tag_queue(QueueUrl=url, Tags={"tier": "1"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"tier": "1"}
    sqs.delete_queue(QueueUrl=url)


def test_a_service_that_is_not_simulated_is_named(platform):
    for service, ask in (("dynamodb", "list_tables"), ("elasticache", "describe_cache_clusters")):
        asked = client(platform, service)
        with pytest.raises(asked.exceptions.ClientError, match=f"has no service {service}"):
            getattr(asked, ask)()


def test_kubectl_may_ask_what_it_may_do(platform):
    env = {**os.environ, "KUBECONFIG": str(platform.folder / "kubeconfig")}
    done = subprocess.run(["kubectl", "auth", "can-i", "list", "pods"], capture_output=True, text=True, env=env, timeout=30)
    assert (done.returncode, done.stdout.strip()) == (0, "yes"), done.stderr
