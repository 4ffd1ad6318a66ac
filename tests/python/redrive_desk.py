"""`qd act redrive` as processes that can be killed, beside a platform on which it is green."""

import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import topology as reading
from counting_proxy import counted
from platform_sim import simulated

RATE = "500"


class Desk:
    """One operator with a state folder, a stack file and a queue to redrive."""

    def __init__(self, platform, proxy, stack: pathlib.Path, state: pathlib.Path):
        self.platform, self.proxy, self.stack, self.state = platform, proxy, stack, state
        self.runs = state / "quarterdeck" / "runs"
        queues = [q for q in reading.read(stack, state).of("queue") if q["facts"].get("is_dead_letter_queue")]
        fullest = max(queues, key=lambda q: q["facts"].get("messages_visible", 0))
        self.node, self.arn = fullest["id"], fullest["facts"]["arn"]
        self.plan = self.planned()

    def planned(self) -> dict:
        done = reading.qd("plan", "redrive", self.node, "--set", f"rate={RATE}", "--stack", str(self.stack), "--json", state=self.state)
        assert done.returncode == 0, [f for f in json.loads(done.stdout)["findings"] if f["outcome"] != "pass"]
        return json.loads(done.stdout)

    def environment(self) -> dict:
        return {**os.environ, "XDG_STATE_HOME": str(self.state)}

    def act_words(self, *extra: str) -> list[str]:
        return [reading.QD, "act", "redrive", self.node, "--set", f"rate={RATE}", "--reason", "drill", "--confirm",
                self.plan["confirm"], "--digest", self.plan["digest"], "--stack", str(self.stack), "--json", *extra]

    def start(self, words: list[str], **options) -> subprocess.Popen:
        options = {"env": self.environment(), **options}
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def act(self, **options) -> subprocess.CompletedProcess:
        process = self.start(self.act_words(), **options)
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def unfinished(self) -> list[dict]:
        done = reading.qd("runs", "--json", state=self.state)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def resume_words(self, run: str) -> list[str]:
        return [reading.QD, "resume", run, "--stack", str(self.stack), "--json"]

    def resume(self, run: str) -> dict:
        """Ends a run; its receipt."""
        done = reading.qd(*self.resume_words(run)[1:], state=self.state, timeout=300)
        assert done.returncode == 0, (done.returncode, done.stderr, done.stdout[-300:])
        return json.loads(done.stdout.splitlines()[-1])

    def rows(self) -> list[dict]:
        done = reading.qd("audit", "export", state=self.state)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def assert_tidy(self, what: str) -> dict | None:
        """The chain is whole, every opened run is closed once with a verdict, nothing is left, nothing was started twice."""
        verified = reading.qd("audit", "verify", state=self.state)
        assert verified.returncode == 0, (what, verified.stderr)
        assert self.unfinished() == [], what
        rows = self.rows()
        opened = [row["run"] for row in rows if row["kind"] == "opened"]
        closed = [row for row in rows if row["kind"] == "closed"]
        assert sorted(opened) == sorted(row["run"] for row in closed), (what, opened)
        for row in closed:
            assert row["body"]["verdict"] and row["sentence"].endswith("."), (what, row["sentence"])
            assert row["body"]["verdict"] == "verified" or row["body"].get("next_step"), (what, row["sentence"])
        rates = [start["MaxNumberOfMessagesPerSecond"] for start in self.proxy.starts()]
        assert len(rates) == len(set(rates)) and len(rates) <= 2, f"{what}: started twice: {rates}"
        return closed[-1]["body"] if closed else None


@contextlib.contextmanager
def desk(folder: pathlib.Path, speed: str = "20", seed: str = "3"):
    """dlq-fills, sixteen world-minutes on: the pipeline has rolled the consumer back."""
    with simulated(folder / "sim", "dlq-fills", "--clock", "auto", "--speed", speed, "--seed", seed, "--pods", "60", "--regions", "1") as platform:
        platform.advance(16 * 60)
        with counted(platform, folder / "stack") as (proxy, stack):
            yield Desk(platform, proxy, stack, folder / "state")


class Killer:
    """Sends SIGKILL to one process: at a call, after so many journal lines, or after some time."""

    def __init__(self, desk: Desk, dice: random.Random):
        self.desk, self.dice = desk, dice

    def kill(self, process: subprocess.Popen) -> str | None:
        """How it was killed; `None` when it ended before."""
        way = self.dice.choice(["before", "after", "lines", "lines", "lines", "time"])
        said = {"before": self.at_call, "after": self.at_call}.get(way, self.at_line if way == "lines" else self.at_time)(process, way)
        process.communicate()
        return said

    def at_call(self, process, way: str) -> str | None:
        hit = []

        def strike(operation, _nth):
            if not hit:
                hit.append(operation)
                process.send_signal(signal.SIGKILL)
                process.wait()
                return way == "before"
            return False

        setattr(self.desk.proxy, way, strike)
        deadline = time.monotonic() + self.dice.uniform(6, 12)
        while process.poll() is None and not hit and time.monotonic() < deadline:
            time.sleep(0.005)
        setattr(self.desk.proxy, way, lambda operation, nth: None)
        return self.strike(process, f"{way} {hit[0]}" if hit else f"waiting for a call ({way})", bool(hit))

    def at_line(self, process, _way) -> str | None:
        wanted = self.lines() + self.dice.randint(1, 4)
        deadline = time.monotonic() + 15
        while process.poll() is None and self.lines() < wanted and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(self.dice.choice([0, 0, 0.003, 0.02]))
        return self.strike(process, f"at line {wanted}", False)

    def at_time(self, process, _way) -> str | None:
        deadline = time.monotonic() + self.dice.uniform(0.05, 6)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.strike(process, "at a time", False)

    def strike(self, process, how: str, struck: bool) -> str | None:
        if struck:
            return how
        if process.poll() is not None:
            return None
        process.send_signal(signal.SIGKILL)
        process.wait()
        return how

    def lines(self) -> int:
        journals = self.desk.runs.glob("*.journal") if self.desk.runs.exists() else []
        total = 0
        for journal in journals:
            with contextlib.suppress(OSError):
                total += journal.read_bytes().count(b"\n")
        return total
