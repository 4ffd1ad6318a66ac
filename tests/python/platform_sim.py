"""`qd sim` as a context manager, and its control endpoint."""

import contextlib
import datetime
import json
import math
import os
import pathlib
import subprocess
import time
import urllib.request

from topology import QD


class Simulated:
    def __init__(self, folder: pathlib.Path, ready: dict, process: subprocess.Popen):
        self.folder, self.ready, self.process = folder, ready, process
        self.stack = pathlib.Path(ready["stack"])
        self.aws = ready["aws"]
        self.control = (folder / "control").read_text().splitlines()[0].strip()

    def post(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(
            self.control + path, json.dumps(body).encode(), {"content-type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read() or b"{}")

    def advance(self, seconds: float) -> dict:
        return self.post("/advance", {"seconds": seconds})

    def fault(self, spec: str) -> dict:
        return self.post("/faults", {"spec": spec})

    def get(self, path: str) -> dict:
        with urllib.request.urlopen(self.control + path, timeout=30) as answer:
            return json.loads(answer.read())

    def state(self) -> dict:
        return self.get("/state")

    def heal(self) -> None:
        request = urllib.request.Request(self.control + "/faults", method="DELETE")
        urllib.request.urlopen(request, timeout=30).read()


# A Wednesday, half past ten in New York: out of every backup and maintenance window, so that no test depends on the hour
# it runs at. A test of an hour gives its own `--start`.
START = "2026-03-04T15:30:00Z"


@contextlib.contextmanager
def simulated(folder: pathlib.Path, scenario: str, *options: str):
    folder.mkdir(parents=True, exist_ok=True)
    start = () if "--start" in options else ("--start", START)
    with open(folder / "stderr", "w") as errors:
        process = subprocess.Popen(
            [QD, "sim", "--scenario", scenario, "--dir", str(folder), *start, *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ},
        )
        try:
            line = process.stdout.readline()
            assert line, f"no ready line: {(folder / 'stderr').read_text()}"
            yield Simulated(folder, json.loads(line), process)
        finally:
            process.terminate()
            try:
                code = process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert code == 0, f"qd sim ended with {code} on SIGTERM"


@contextlib.contextmanager
def at_our_time(folder: pathlib.Path, scenario: str, *options: str):
    """Its time is the machine's and goes on: what ends by the machine's clock is judged by the platform's."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with simulated(folder, scenario, "--clock", "auto", "--speed", "1", "--start", now, *options) as platform:
        # It began a moment late.
        behind = time.time() - platform.advance(0)["epoch_ms"] / 1000
        platform.advance(max(0, math.ceil(behind)))
        yield platform
