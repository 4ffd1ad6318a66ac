"""What tests of signing in share: a home of its own, a stack file with another AWS config, and a watch that goes on."""

import contextlib
import json
import os
import pathlib
import queue
import subprocess
import threading
import time

import topology as reading
from topology import QD, qd


def of(home) -> dict:
    return {"HOME": str(home)}


def topology(platform, home, timeout=30):
    done = qd("topology", "--stack", str(platform.stack), "--json", "--timeout", str(timeout), state=home / "state", env=of(home))
    assert done.returncode in (0, 3), done.stderr
    return reading.Topology(json.loads(done.stdout), done.returncode)


def elsewhere(platform, tmp_path, config: str, **replaced: str) -> pathlib.Path:
    """A stack file like the platform's, with another AWS config."""
    (tmp_path / "config").write_text(config)
    stack = platform.stack.read_text().replace('"aws/config"', f'"{tmp_path / "config"}"')
    for name in ("aws/credentials", "kubeconfig"):
        stack = stack.replace(f'"{name}"', f'"{platform.folder / name}"')
    for old, new in replaced.items():
        stack = stack.replace(f"{old} =", f"{new} =")
    (tmp_path / "stack.toml").write_text(stack)
    return tmp_path / "stack.toml"


class Watch:
    """`qd watch` as it runs: what each source says last."""

    def __init__(self, platform, home):
        words = [QD, "watch", "--stack", str(platform.stack), "--json"]
        env = {**os.environ, **of(home), "XDG_STATE_HOME": str(home / "state")}
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env)
        self.lines, self.sources = queue.Queue(), {}
        threading.Thread(target=lambda: [self.lines.put(json.loads(line)) for line in self.process.stdout], daemon=True).start()

    def until(self, what, within: float):
        ends = time.monotonic() + within
        while not what(self.sources):
            left = ends - time.monotonic()
            assert left > 0, json.dumps({i: (s["state"], s.get("error")) for i, s in self.sources.items()}, indent=1)
            with contextlib.suppress(queue.Empty):
                line = self.lines.get(timeout=left)
                for source in line.get("snapshot", line).get("sources", []):
                    self.sources[source["id"]] = source
