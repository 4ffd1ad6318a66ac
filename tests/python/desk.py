"""One operator at a terminal: plans and presses any action through `qd`."""

import json
import os
import pathlib
import subprocess

import topology as reading


class Terminal:
    def __init__(self, platform, state: pathlib.Path):
        self.platform, self.state = platform, state

    def picture(self) -> reading.Topology:
        return reading.read(self.platform.stack, self.state)

    def offers(self, node: str) -> list[dict]:
        done = reading.qd("offers", node, "--stack", str(self.platform.stack), "--json", state=self.state)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def plan(self, action: str, node: str, **settings) -> tuple[int, dict]:
        done = reading.qd("plan", action, node, *sets(settings), "--stack", str(self.platform.stack), "--json", state=self.state)
        assert done.returncode in (0, 4), done.stderr
        return done.returncode, json.loads(done.stdout)

    def act(self, plan: dict, timeout: float = 400) -> tuple[int, dict]:
        """Presses that very plan; its exit code and the receipt."""
        words = [
            reading.QD, "act", plan["action"], plan["node"], *sets(plan["settings"]), "--reason", "drill",
            "--confirm", plan["confirm"], "--digest", plan["digest"], "--stack", str(self.platform.stack), "--json",
        ]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=timeout, env={**os.environ, "XDG_STATE_HOME": str(self.state)}
        )
        lines = done.stdout.splitlines()
        assert lines, done.stderr
        return done.returncode, json.loads(lines[-1])


def sets(settings: dict) -> list[str]:
    return [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]


def failing(plan: dict, severity: str) -> set[str]:
    return {f["id"] for f in plan["findings"] if f["severity"] == severity and f["outcome"] == "fail"}
