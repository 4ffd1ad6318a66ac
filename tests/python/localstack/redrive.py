"""Native redrive against LocalStack 4.7.0's SQS: a server that is not ours, and moves messages by itself.

`make test-redrive` runs it; pytest does not collect it by its name, so `make test` stays without LocalStack.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import threading

import boto3
import botocore.exceptions
import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import topology as reading  # noqa: E402
from desk import Terminal, failing  # noqa: E402
from emulators import free_port, serving, stack_file  # noqa: E402

REGION = "eu-west-1"
MESSAGES = 60


def localstack(folder: pathlib.Path):
    port = free_port()
    env = {
        "GATEWAY_LISTEN": f"127.0.0.1:{port}", "SERVICES": "sqs,sts", "DISABLE_EVENTS": "1", "SKIP_SSL_CERT_DOWNLOAD": "1",
        "FILESYSTEM_ROOT": str(folder), "TMPDIR": str(folder), "HOME": str(folder), "ALLOW_NONSTANDARD_REGIONS": "0",
        "SQS_ENDPOINT_STRATEGY": "path",
    }
    folder.mkdir(parents=True, exist_ok=True)
    script = "from localstack.runtime.main import main; main()"
    return serving([sys.executable, "-c", script], f"http://127.0.0.1:{port}", env)


def client(endpoint: str):
    return boto3.client("sqs", endpoint_url=endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


class Queues:
    """`orders`, whose consumer loses every message once into `orders-dlq`."""

    def __init__(self, endpoint: str, receives: int = 1):
        self.sqs = client(endpoint)
        self.dlq = self.sqs.create_queue(QueueName="orders-dlq")["QueueUrl"]
        self.dlq_arn = self.arn(self.dlq)
        policy = json.dumps({"deadLetterTargetArn": self.dlq_arn, "maxReceiveCount": receives})
        attributes = {"RedrivePolicy": policy, "VisibilityTimeout": "1"}
        self.source = self.sqs.create_queue(QueueName="orders", Attributes=attributes)["QueueUrl"]

    def arn(self, url: str) -> str:
        return self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def depth(self, url: str) -> int:
        name = "ApproximateNumberOfMessages"
        return int(self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])

    def fill(self, messages: int) -> None:
        for start in range(0, messages, 10):
            entries = [{"Id": str(n), "MessageBody": f"order {n}"} for n in range(start, start + 10)]
            self.sqs.send_message_batch(QueueUrl=self.source, Entries=entries)
        while self.depth(self.dlq) < messages:
            self.sqs.receive_message(QueueUrl=self.source, MaxNumberOfMessages=10, WaitTimeSeconds=1)

    def tasks(self) -> list[dict]:
        return self.sqs.list_message_move_tasks(SourceArn=self.dlq_arn, MaxResults=10)["Results"]


@contextlib.contextmanager
def consuming(queues: Queues):
    """A consumer that is well again: takes and deletes, and counts."""
    done, taken = threading.Event(), []

    def work():
        while not done.is_set():
            got = queues.sqs.receive_message(QueueUrl=queues.source, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in got.get("Messages", []):
                queues.sqs.delete_message(QueueUrl=queues.source, ReceiptHandle=message["ReceiptHandle"])
                taken.append(message["Body"])

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield taken
    finally:
        done.set()
        thread.join()


class Served:
    """What `Terminal` needs of a platform."""

    def __init__(self, stack: pathlib.Path):
        self.stack = stack


@pytest.fixture()
def place(tmp_path):
    with localstack(tmp_path / "localstack") as endpoint:
        queues = Queues(endpoint)
        declared = '\n[[queue]]\nname = "orders"\nidempotent = true\nconsumer = "external"\n'
        stack = stack_file(tmp_path / "stack", endpoint, [REGION], declared)
        yield queues, Terminal(Served(stack), tmp_path / "state")


def dlq_of(terminal: Terminal) -> dict:
    return terminal.picture().named("queue", "orders-dlq")


def test_a_redrive_moves_every_message_and_is_verified(place):
    queues, terminal = place
    queues.fill(MESSAGES)
    node = dlq_of(terminal)
    assert node["facts"]["messages_visible"] == MESSAGES
    _, plan = terminal.plan("redrive", node["id"], rate=20)
    assert not failing(plan, "block"), failing(plan, "block")
    with consuming(queues) as taken:
        code, receipt = terminal.act(plan, timeout=600)
    assert code == 0 and receipt["verdict"] == "verified", (receipt["sentence"], receipt["predicates"])
    assert sorted(set(taken)) == sorted(f"order {n}" for n in range(MESSAGES))
    assert queues.depth(queues.dlq) == 0
    started = [task for task in queues.tasks() if task["MaxNumberOfMessagesPerSecond"] in (1, 20)]
    assert {task["Status"] for task in started} == {"CANCELLED", "COMPLETED"}, started
    after = dlq_of(terminal)
    assert "at 20/s" in after["facts"]["move_task_history"], after["facts"]
    assert reading.qd("audit", "verify", state=terminal.state).returncode == 0


def test_while_a_task_runs_it_is_blocked_and_sqs_would_refuse(place):
    queues, terminal = place
    queues.fill(MESSAGES)
    queues.sqs.start_message_move_task(SourceArn=queues.dlq_arn, MaxNumberOfMessagesPerSecond=1)
    _, plan = terminal.plan("redrive", dlq_of(terminal)["id"])
    assert "redrive.task-free" in failing(plan, "block"), plan["findings"]
    with pytest.raises(botocore.exceptions.ClientError):
        queues.sqs.start_message_move_task(SourceArn=queues.dlq_arn)


def test_what_is_no_dead_letter_queue_is_not_redriven(place):
    queues, terminal = place
    queues.sqs.send_message(QueueUrl=queues.source, MessageBody="one")
    source = terminal.picture().named("queue", "orders")
    code, plan = terminal.plan("redrive", source["id"])
    assert code == 4 and "redrive.is-dlq" in failing(plan, "block")
    with pytest.raises(botocore.exceptions.ClientError):
        queues.sqs.start_message_move_task(SourceArn=queues.arn(queues.source))
