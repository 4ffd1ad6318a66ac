"""`make bench`: what the README claims, side by side in one run on one machine.

Every pair is measured against the same simulated platform, alternating, medians quoted.
"""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/python"))

from platform_sim import simulated  # noqa: E402
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
        cold_start(tmp)
        pods(tmp, 700)
        pods(tmp, 10_000)
        calm(tmp)


if __name__ == "__main__":
    main()
