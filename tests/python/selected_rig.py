"""A queue and its dead-letter queue on some SQS, filled and counted by boto3, and `qd act redrive-selected` beside it."""

import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

import boto3
from botocore.config import Config

import emulators
import topology as reading
from counting_proxy import Handler, Proxy
from platform_sim import simulated


class Rig:
    """One emulator with a source queue `work`, its dead-letter queue `work-dlq`, and a stack file."""

    def __init__(self, endpoint: str, stack: pathlib.Path, state: pathlib.Path, region: str, fifo: bool, visibility: int):
        self.stack, self.state, self.fifo, self.visibility = stack, state, fifo, visibility
        self.runs = state / "quarterdeck" / "runs"
        config = Config(max_pool_connections=16, retries={"max_attempts": 5})
        self.sqs = boto3.client("sqs", endpoint_url=endpoint, region_name=region, aws_access_key_id="test", aws_secret_access_key="test", config=config)
        tail = ".fifo" if fifo else ""
        attributes = {"FifoQueue": "true"} if fifo else {}
        self.dlq = self.sqs.create_queue(QueueName=f"work-dlq{tail}", Attributes=attributes)["QueueUrl"]
        self.arn = self.sqs.get_queue_attributes(QueueUrl=self.dlq, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": self.arn, "maxReceiveCount": 3})
        self.source = self.sqs.create_queue(QueueName=f"work{tail}", Attributes={**attributes, "RedrivePolicy": policy, "VisibilityTimeout": "10"})["QueueUrl"]
        self.name = f"work-dlq{tail}"

    def fill(self, bodies: list[dict], groups: int = 40) -> None:
        for start in range(0, len(bodies), 10):
            entries = []
            for at, body in enumerate(bodies[start:start + 10], start):
                entry = {"Id": str(at), "MessageBody": json.dumps(body), "MessageAttributes": {"error": {"DataType": "String", "StringValue": body.get("error", "none")}, "blob": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}}
                entry["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": f"Root=1-{at:08x}"}}
                if self.fifo:
                    entry |= {"MessageGroupId": f"g{at % groups}", "MessageDeduplicationId": f"d{at}"}
                entries.append(entry)
            answer = self.sqs.send_message_batch(QueueUrl=self.dlq, Entries=entries)
            assert not answer.get("Failed"), answer

    def depth(self, url: str) -> dict:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return {"visible": int(counts[names[0]]), "hidden": int(counts[names[1]])}

    def drain(self, url: str) -> list[dict]:
        """Every message there, in the order received, deleted."""
        found, empty = [], 0
        while empty < 3:
            got = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]).get("Messages", [])
            empty = 0 if got else empty + 1
            found += got
            if got:
                entries = [{"Id": str(at), "ReceiptHandle": m["ReceiptHandle"]} for at, m in enumerate(got)]
                self.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return found

    def sets(self, **settings) -> list[str]:
        settings = {"visibility": self.visibility, "canary": "off", **settings}
        return [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]

    def plan(self, verb: str = "redrive-selected", **settings) -> tuple[int, dict | str]:
        done = reading.qd("plan", verb, self.name, *self.sets(**settings), "--stack", str(self.stack), "--json", state=self.state)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def start(self, words: list[str]) -> subprocess.Popen:
        env = {**os.environ, "XDG_STATE_HOME": str(self.state)}
        return subprocess.Popen([reading.QD, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)

    def act_words(self, **settings) -> list[str]:
        code, plan = self.plan(**settings)
        assert code == 0, [f for f in plan["findings"] if f["outcome"] != "pass"] if isinstance(plan, dict) else plan
        return ["act", "redrive-selected", self.name, *self.sets(**settings), "--reason", "drill", "--confirm", plan["confirm"],
                "--digest", plan["digest"], "--stack", str(self.stack), "--json"]

    def act(self, **settings) -> dict:
        process = self.start(self.act_words(**settings))
        out, err = process.communicate(timeout=600)
        assert out, err
        return json.loads(out.splitlines()[-1])

    def resume_words(self) -> list[str]:
        return ["resume", "--stack", str(self.stack), "--json"]

    def ledger(self) -> list[dict]:
        files = sorted(self.runs.glob("*.ledger")) if self.runs.exists() else []
        if not files:
            return []
        assert oct(files[-1].stat().st_mode & 0o777) == "0o600", files[-1]
        lines = files[-1].read_bytes().split(b"\n")
        return [json.loads(line) for line in lines[:-1] if line]

    def ledger_size(self) -> int:
        files = sorted(self.runs.glob("*.ledger")) if self.runs.exists() else []
        return files[-1].stat().st_size if files else 0

    def sent_twice(self) -> set[str]:
        """Bodies' numbers that the ledger says were sent again without an answer to the first time."""
        open_, twice = set(), set()
        for line in self.ledger():
            if line["line"] == "sending":
                for sending in line["messages"]:
                    if sending["message"]["id"] in open_:
                        twice.add(sending["message"]["id"])
                    open_.add(sending["message"]["id"])
            elif line["line"] == "sent":
                open_ -= {pair[0] for pair in line["ids"]}
            elif line["line"] == "unsent":
                open_ -= set(line["ids"])
        return twice


def figure(receipt: dict, label: str) -> float:
    return next(f["number"] for f in receipt["progress"]["figures"] if f["label"] == label)


class Listened:
    """A process whose lines are read as they come: one that nobody reads stands still when the pipe is full."""

    def __init__(self, process: subprocess.Popen):
        self.process, self.lines = process, []
        self.reader = threading.Thread(target=lambda: self.lines.extend(process.stdout), daemon=True)
        self.reader.start()

    def receipt(self, timeout: float) -> dict:
        self.process.wait(timeout)
        self.reader.join()
        assert self.lines, self.process.stderr.read()
        return json.loads(self.lines[-1])


def killed_at_random(rig: Rig, words: list[str], kills: int, dice: random.Random) -> tuple[dict, int]:
    """Runs, killed so many times at random points while messages are on their way, then to its end: the receipt, and how many
    kills there were."""
    for done in range(kills):
        running = Listened(rig.start(words))
        process, size = running.process, rig.ledger_size()
        while process.poll() is None and rig.ledger_size() <= size:
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.35))
        if process.poll() is not None:
            return running.receipt(1), done
        process.send_signal(signal.SIGKILL)
        process.wait()
        words = rig.resume_words()
    return Listened(rig.start(words)).receipt(900), kills


def counted(messages: list[dict]) -> collections.Counter:
    return collections.Counter(json.loads(message["Body"])["n"] for message in messages)


def in_order(messages: list[dict]) -> bool:
    """Of each group, the first copy of each message comes after those sent before it."""
    last: dict[str, int] = {}
    for message in messages:
        group, n = message["Attributes"]["MessageGroupId"], json.loads(message["Body"])["n"]
        if n <= last.get(group, -1):
            return False
        last[group] = n
    return True


class NoMoves(Handler):
    """ministack has no message move tasks: the call is answered as a queue answers that never had one."""

    def do_POST(self):
        if (self.headers.get("x-amz-target") or "").endswith(".ListMessageMoveTasks"):
            self.rfile.read(int(self.headers.get("content-length") or 0))
            body = b'{"Results": []}'
            self.send_response_only(200)
            self.send_header("content-type", "application/x-amz-json-1.0")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        super().do_POST()

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST


def declared(fifo: bool) -> str:
    return f'\n[[queue]]\nname = "work{".fifo" if fifo else ""}"\nidempotent = true\nconsumer = "external"\n'


@contextlib.contextmanager
def on_simulator(folder: pathlib.Path, fifo: bool = False, speed: str = "5"):
    options = ("--clock", "auto", "--speed", speed, "--seed", "3", "--pods", "40", "--regions", "1")
    with simulated(folder / "sim", "calm", *options) as platform:
        picture = reading.read(platform.stack, folder / "state")
        region = picture.of("queue")[0]["scope"]["region"]
        platform.stack.write_text(platform.stack.read_text() + declared(fifo))
        yield Rig(platform.aws, platform.stack, folder / "state", region, fifo, visibility=int(30 * float(speed)))


@contextlib.contextmanager
def on_ministack(folder: pathlib.Path, fifo: bool = False):
    with emulators.ministack() as endpoint:
        proxy = Proxy(endpoint)
        proxy.RequestHandlerClass = NoMoves
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        stack = emulators.stack_file(folder, proxy.url, ["us-east-1"], declared(fifo))
        try:
            yield Rig(endpoint, stack, folder / "state", "us-east-1", fifo, visibility=30)
        finally:
            proxy.shutdown()


RIGS = {"simulator": on_simulator, "ministack": on_ministack}
