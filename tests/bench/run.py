"""`make bench`: what the README claims, side by side in one run on one machine.

Every pair is measured against the same simulated platform, alternating, medians quoted.
"""

import contextlib
import gzip
import http.client
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/python"))

from platform_sim import simulated  # noqa: E402
from selected_rig import RIGS  # noqa: E402
from topology import QD  # noqa: E402

RUNS = int(os.environ.get("BENCH_RUNS", "3"))


def timed(command: list[str], env: dict | None = None) -> tuple[float, int, float]:
    """Wall seconds, bytes printed, peak resident MiB of one run."""
    before = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **(env or {})})
    size = 0
    while chunk := process.stdout.read(1 << 16):
        size += len(chunk)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise SystemExit(f"{command} ended with {process.returncode}: {errors.decode()[-500:]}")
    return time.perf_counter() - before, size, usage.ru_maxrss / 1024


# A topology asks Elastic Load Balancing up to 24 times per region of a burst of 40 that refills at 10 a
# second: runs back to back would measure how long an earlier run's throttling lasts.
REFILL = 5


def rested(command: list[str], env: dict) -> tuple[float, int, float]:
    time.sleep(REFILL)  # the account's API buckets fill again
    return timed(command, env)


def alternating(ours: list[str], theirs: list[str], env: dict) -> tuple[list, list]:
    timed(ours, env), timed(theirs, env)
    pairs = [(rested(ours, env), timed(theirs, env)) for _ in range(RUNS)]
    return [p[0] for p in pairs], [p[1] for p in pairs]


def median(runs: list, at: int = 0) -> float:
    return statistics.median(run[at] for run in runs)


def row(what: str, ours: str, theirs: str, ratio: str) -> None:
    print(f"| {what} | {ours} | {theirs} | {ratio} |", flush=True)


def topology(stack: pathlib.Path) -> list[str]:
    return [QD, "topology", "--stack", str(stack), "--json", "--timeout", "120"]


def awscli() -> pathlib.Path:
    """The AWS CLI in a venv of its own: it pins another botocore than the tests."""
    folder = ROOT / "target/bench-venv"
    if not (folder / "bin/aws").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin/pip"), "install", "-q", "--disable-pip-version-check", "awscli==1.44.*"], check=True)
    return folder / "bin"


def cold_start(tmp: pathlib.Path) -> None:
    cli = awscli()
    with simulated(tmp / "cold", "calm", "--latency-ms", "60") as platform:
        env = {"XDG_STATE_HOME": str(tmp / "cold-state"), "PATH": f"{cli}:{os.environ['PATH']}"}
        regions = re.findall(r'"([a-z]{2}-[a-z]+-\d)"', platform.stack.read_text())
        script = [str(ROOT / "tests/bench/aws_cli.sh"), platform.aws, *sorted(set(regions))]
        timed(topology(platform.stack), env)
        ours = [rested(topology(platform.stack), env) for _ in range(RUNS)]
        theirs = [timed(script, env)]
        row("cold start to complete first snapshot, 2 regions, 60 ms per call, beside an AWS CLI script",
            f"{median(ours):.2f} s", f"{median(theirs):.1f} s", f"{median(theirs) / median(ours):.0f} ×")


def pods(tmp: pathlib.Path, number: int) -> None:
    with simulated(tmp / f"pods{number}", "calm", "--pods", str(number), "--regions", "1") as platform:
        env = {"XDG_STATE_HOME": str(tmp / f"state{number}"), "KUBECONFIG": str(platform.folder / "kubeconfig")}
        kubectl = [shutil.which("kubectl"), "get", "pods", "-A"]
        ours, theirs = alternating(topology(platform.stack), kubectl, env)
        row(f"{number:,} pods: whole topology, beside `kubectl get pods -A`",
            f"{median(ours):.2f} s, {median(ours, 2):.0f} MiB", f"{median(theirs):.2f} s, {median(theirs, 2):.0f} MiB",
            f"{median(theirs) / median(ours):.1f} ×")


def bearer(platform) -> str:
    return re.search(r"token: \"?([^\s\"]+)", (platform.folder / "kubeconfig").read_text()).group(1)


def ask(platform, path: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """An answer of the API server to a plain HTTP client."""
    place = urllib.parse.urlsplit(platform.ready["kubernetes"][0])
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=120)
    connection.request("GET", path, headers={"Authorization": f"Bearer {bearer(platform)}", "Accept-Encoding": "gzip"})
    return connection, connection.getresponse()


def gzip_list(platform) -> float:
    """Seconds until the list of all pods has come, packed; nothing is unpacked."""
    before = time.perf_counter()
    connection, answer = ask(platform, "/api/v1/pods?resourceVersion=0")
    assert answer.status == 200 and answer.headers["Content-Encoding"] == "gzip", answer.status
    while answer.read(1 << 16):
        pass
    connection.close()
    return time.perf_counter() - before


def first_list(tmp: pathlib.Path, number: int) -> None:
    with simulated(tmp / f"list{number}", "calm", "--pods", str(number), "--regions", "1") as platform:
        env = {"XDG_STATE_HOME": str(tmp / f"list-state{number}")}
        timed(topology(platform.stack), env), gzip_list(platform)
        pairs = [(rested(topology(platform.stack), env), gzip_list(platform)) for _ in range(2 * RUNS)]
        ours, theirs = median([p[0] for p in pairs]), statistics.median(p[1] for p in pairs)
        row(f"{number:,} pods: whole topology from start to exit, beside the server's own gzip LIST of the pods",
            f"{ours:.2f} s", f"{theirs:.2f} s", f"{theirs / ours:.2f} ×")


class Wire:
    """When changes of pods came over a plain watch, and how much later `qd watch` published them."""

    def __init__(self, platform, published):
        self.came: dict[str, tuple[bool, float]] = {}
        self.late: list[float] = []
        self.connection, self.answer = ask(platform, "/api/v1/pods?watch=true")
        threading.Thread(target=self.watch, daemon=True).start()
        threading.Thread(target=self.read, args=(published,), daemon=True).start()

    def watch(self) -> None:
        body = gzip.GzipFile(fileobj=self.answer) if self.answer.headers["Content-Encoding"] == "gzip" else self.answer
        for line in body:
            at, pod = time.monotonic(), json.loads(line)["object"]
            ready = any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", []))
            self.came[f"{pod['metadata'].get('namespace')}/{pod['metadata']['name']}"] = (ready, at)

    def read(self, published) -> None:
        for line in published:
            at = time.monotonic()
            for node in json.loads(line).get("nodes", []):
                ready, came = self.came.get("/".join(node["id"].split("/")[-2:]), (None, 0.0))
                if node["kind"] == "pod" and node["facts"].get("ready") == ready:
                    self.came.pop("/".join(node["id"].split("/")[-2:]))
                    self.late.append(at - came)

    def p95(self) -> float:
        return statistics.quantiles(self.late, n=20)[18]


def churn(tmp: pathlib.Path, number: int, rate: int) -> None:
    with simulated(tmp / "churn", "calm", "--pods", str(number), "--regions", "1") as platform, contextlib.ExitStack() as stack:
        env = {**os.environ, "XDG_STATE_HOME": str(tmp / "churn-state"), "KUBECONFIG": str(platform.folder / "kubeconfig")}

        def start(command: list[str], out: int) -> subprocess.Popen:
            process = subprocess.Popen(command, stdout=out, env=env)
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            return process

        ours = start([QD, "watch", "--stack", str(platform.stack), "--json"], subprocess.PIPE)
        wire = Wire(platform, ours.stdout)
        theirs = start([shutil.which("kubectl"), "get", "pods", "-A", "-w"], subprocess.DEVNULL)
        time.sleep(20)  # both have listed
        platform.post("/churn", {"per_second": rate})
        time.sleep(10)  # warmed up; what follows are measuring windows
        wire.late.clear()
        windows = []
        for _ in range(2 * RUNS):
            began, spent = time.monotonic(), [cpu(ours.pid), cpu(theirs.pid)]
            time.sleep(10)
            seconds = time.monotonic() - began
            windows.append([100 * (cpu(p.pid) - was) / seconds for p, was in zip([ours, theirs], spent)])
        mine, other = median(windows), median(windows, 1)
        row(f"{rate} pod changes/s on {number:,} pods: CPU of one core of `qd watch`, wire to published p95, beside `kubectl get pods -A -w`",
            f"{mine:.1f} %, {1000 * wire.p95():.0f} ms of {len(wire.late):,}", f"{other:.1f} %", f"{other / mine:.1f} ×")


def pss(pid: int) -> float:
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)) / 1024


def cpu(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def calm(tmp: pathlib.Path) -> None:
    with simulated(tmp / "calm", "calm") as platform:
        env = {**os.environ, "XDG_STATE_HOME": str(tmp / "calm-state")}
        log = tmp / "watch.jsonl"
        with open(log, "w") as out:
            watch = subprocess.Popen([QD, "watch", "--stack", str(platform.stack), "--json"], stdout=out, env=env)
        try:
            time.sleep(30)  # warmed up; what follows is a measuring window, not a wait for a condition
            asked, spent, began = requests(log), cpu(watch.pid), time.monotonic()
            time.sleep(60)
            minutes = (time.monotonic() - began) / 60
            rate = (requests(log) - asked) / minutes
            row("calm: requests per minute, CPU of one core, memory (PSS) of `qd watch`",
                f"{rate:.0f}/min, {100 * (cpu(watch.pid) - spent) / (60 * minutes):.1f} %, {pss(watch.pid):.0f} MiB", "—", "—")
        finally:
            watch.terminate()
            watch.wait(20)


def one_at_a_time(rig, number: int) -> float:
    """Messages a second of the plain tool: receive one, send it, delete it."""
    begun, moved = time.perf_counter(), 0
    while moved < number:
        for message in rig.sqs.receive_message(QueueUrl=rig.dlq, MessageAttributeNames=["All"], AttributeNames=["All"]).get("Messages", []):
            rig.sqs.send_message(QueueUrl=rig.source, MessageBody=message["Body"], MessageAttributes=message.get("MessageAttributes", {}))
            rig.sqs.delete_message(QueueUrl=rig.dlq, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return number / (time.perf_counter() - begun)


def selected(rig, number: int) -> float:
    """Messages a second of redrive-selected, from the first that is written down to the last, by its ledger."""
    process = rig.start(rig.act_words(rate=3000, concurrency=16, limit=number))
    deleted = 0
    while deleted < number and process.poll() is None:
        time.sleep(0.1)
        deleted = sum(len(line["ids"]) for line in rig.ledger() if line["line"] == "deleted")
    ended = time.time()
    process.kill()
    process.communicate()
    begun = next(line for line in rig.ledger() if line["line"] == "sending")["messages"][0]["at"] / 1000
    assert deleted == number, (deleted, number)
    return number / (ended - begun)


def filtered_redrive(tmp: pathlib.Path, number: int) -> None:
    for name, rig_of in RIGS.items():
        with rig_of(tmp / name) as rig:
            rig.fill([{"n": n} for n in range(number // 10)])
            theirs = one_at_a_time(rig, number // 10)
            rig.fill([{"n": n} for n in range(number)])
            ours = selected(rig, number)
            row(f"Selected redrive, {number:,} messages, {name}", f"{ours:.0f}/s", f"boto3, one at a time {theirs:.0f}/s", f"{ours / theirs:.1f} ×")


def requests(log: pathlib.Path) -> int:
    """Requests of all sources as of the newest line."""
    sources: dict[str, int] = {}
    for line in log.read_text().splitlines():
        try:
            update = json.loads(line)
        except json.JSONDecodeError:
            continue  # the line being written
        for source in update.get("snapshot", update).get("sources", []):
            sources[source["id"]] = source["requests"]
    return sum(sources.values())


def main() -> None:
    print(f"{os.cpu_count()} cores, {RUNS} runs each, medians; {QD}\n")
    print("| what | Quarterdeck | beside | their time ÷ ours |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        tmp = pathlib.Path(folder)
        filtered_redrive(tmp, 10_000)
        if "selected" in sys.argv[1:]:
            return
        cold_start(tmp)
        pods(tmp, 700)
        pods(tmp, 10_000)
        first_list(tmp, 10_000)
        churn(tmp, 10_000, 100)
        calm(tmp)


if __name__ == "__main__":
    main()
