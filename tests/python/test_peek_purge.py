"""Looking into a queue, exporting it, purging it, and having it back; edits with their differences."""

import json
import os
import signal

import pytest

import topology as reading
from selected_rig import RIGS, counted, figure, on_simulator


def qd(rig, *words: str, code: int = 0) -> dict:
    done = reading.qd(*words, "--stack", str(rig.stack), "--json", state=rig.state)
    assert done.returncode == code, (done.returncode, done.stderr)
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else {"error": done.stderr}


def bodies(count: int) -> list[dict]:
    return [{"n": n, "schemaVersion": 7 if n % 3 else 6, "error": "Timeout" if n % 2 else "BadPrice"} for n in range(count)]


@pytest.mark.parametrize("where", ["simulator", "ministack"])
def test_a_peek_groups_says_what_it_did_and_lets_go(tmp_path, where):
    with RIGS[where](tmp_path) as rig:
        rig.fill(bodies(60))
        found = qd(rig, "peek", rig.name, "--sample", "60")
        assert found["looked"] == sum(c["count"] for c in found["clusters"]) == 60
        assert found["left_hidden"] == 0 and rig.depth(rig.dlq) == {"visible": 60, "hidden": 0}
        assert any("ApproximateReceiveCount" in s for s in found["side_effects"])
        sample = qd(rig, "peek", rig.name, "--sample", "20")
        assert sample["looked"] >= 20 and sample["sentence"].startswith("A sample")
        assert len(found["clusters"]) == 4, [c["where"] for c in found["clusters"]]
        for cluster in found["clusters"]:
            code, plan = rig.plan(where=cluster["where"])
            assert code == 0, plan
        again = rig.sqs.receive_message(QueueUrl=rig.dlq, AttributeNames=["All"])["Messages"][0]
        assert int(again["Attributes"]["ApproximateReceiveCount"]) >= 2


def test_an_edit_needs_a_peek_is_level_three_and_changes_what_it_says(tmp_path):
    with on_simulator(tmp_path) as rig:
        rig.fill(bodies(30))
        edit, which = "set $.schemaVersion = 6", "$.schemaVersion = 7"
        code, blocked = rig.plan(where=which, edit=edit)
        assert code == 4 and any(f["id"] == "selected.edit-checked" and f["outcome"] == "fail" for f in blocked["findings"])
        found = qd(rig, "peek", rig.name, "--sample", "100", "--edit", edit)
        differences = [d for c in found["clusters"] for d in c.get("differences", [])]
        assert {"path": "$.schemaVersion", "before": "7", "after": "6"} in differences
        code, plan = rig.plan(where=which, edit=edit)
        assert any("$.schemaVersion 7 → 6" in s for s in plan["blast"]["sentences"]), plan["blast"]
        assert plan["level"] in ("L3", "L4"), plan["level"]


def test_a_bad_filter_says_where(tmp_path):
    with on_simulator(tmp_path) as rig:
        for where, words in [("$.a =", "at character 6"), ("", "say all"), ("error = 1", "attribute.NAME")]:
            code, said = rig.plan(where=where)
            assert code == 4 and words in said, said


@pytest.mark.parametrize("where", ["simulator", "ministack"])
def test_an_interrupted_export_is_taken_up_and_a_finished_one_is_not_overwritten(tmp_path, where):
    with RIGS[where](tmp_path) as rig:
        rig.fill(bodies(200))
        file = tmp_path / "export.jsonl"
        process = rig.start(["export", rig.name, "--to", str(file), "--stack", str(rig.stack), "--json"])
        while process.poll() is None and (not file.exists() or file.stat().st_size < 2_000):
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = file.read_text().count('"line":"message"')
        assert oct(file.stat().st_mode & 0o777) == "0o600"
        done = reading.qd("export", rig.name, "--to", str(file), "--stack", str(rig.stack), "--json", state=rig.state)
        report = json.loads(done.stdout)
        assert done.returncode in (0, 3) and report["resumed"] <= before, report
        # What the killed one held comes back by itself: until then the export says that it is partial, even where all
        # of it happens to be in the file: nobody knows that.
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        kept = {json.loads(line["message"]["body"])["n"] for line in lines if line["line"] == "message"}
        assert len(kept) == report["messages"]
        assert len(kept) == 200 if report["complete"] else done.returncode == 3, report
        there = reading.qd("export", rig.name, "--to", str(file), "--stack", str(rig.stack), state=rig.state)
        assert there.returncode != 0 and "finished export" in there.stderr
        # One that was begun from another queue is not taken up.
        head = json.loads(file.read_text().splitlines()[0])
        other = tmp_path / "other.jsonl"
        begun = json.dumps({**head, "node": head["node"] + "-other"}) + "\n"
        other.write_text(begun)
        there = reading.qd("export", rig.name, "--to", str(other), "--stack", str(rig.stack), state=rig.state)
        assert there.returncode != 0 and "-other: choose another file" in there.stderr, there.stderr
        assert other.read_text() == begun


def test_a_purge_needs_an_export_and_what_is_purged_can_be_had_back(tmp_path):
    with on_simulator(tmp_path, speed="40") as rig:
        rig.fill(bodies(40))
        done = reading.qd("plan", "purge", rig.name, "--stack", str(rig.stack), "--json", state=rig.state)
        plan = json.loads(done.stdout)
        failing = {f["id"] for f in plan["findings"] if f["outcome"] == "fail" and f["severity"] == "block"}
        assert done.returncode == 4 and "purge.exported" in failing and plan["confirm"] == f"{rig.name} 40"
        export = qd(rig, "export", rig.name, "--to", str(tmp_path / "export.jsonl"))
        assert export["complete"] and export["messages"] == 40 and rig.depth(rig.dlq) == {"visible": 40, "hidden": 0}
        plan = json.loads(reading.qd("plan", "purge", rig.name, "--stack", str(rig.stack), "--json", state=rig.state).stdout)
        assert "purge.exported" not in {f["id"] for f in plan["findings"] if f["outcome"] == "fail"}
        assert plan["undo_request"]["settings"]["from"] == f"export:{export['path']}"
        rig.sqs.purge_queue(QueueUrl=rig.dlq)
        code, back = rig.plan(**{"from": "export"})
        assert code == 0 and back["level"] == "L3", back
        receipt = rig.act(**{"from": "export"})
        assert receipt["verdict"] == "verified", receipt["sentence"]
        assert sorted(counted(rig.drain(rig.dlq))) == list(range(40))


def test_what_was_sent_is_put_back_out_of_the_ledger(tmp_path):
    with on_simulator(tmp_path) as rig:
        rig.fill(bodies(30))
        first = rig.act(where="$.schemaVersion = 6", rate=500)
        assert first["verdict"] == "verified" and figure(first, "Sent") == 10, first["sentence"]
        undo = first["undo_request"]
        assert undo["action"] == "redrive-selected"
        back = rig.act(**undo["settings"])
        assert back["verdict"] == "verified", back["sentence"]
        assert sorted(counted(rig.drain(rig.dlq))) == list(range(30))
