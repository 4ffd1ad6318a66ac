"""The journal and the record on a disk that is full, and after somebody or something damaged them."""

import json
import resource
import signal
import sqlite3
import threading
import time

import pytest

import topology as reading
from redrive_desk import desk


def small_files(most: int):
    """A process whose files cannot grow beyond `most` bytes: writes fail as on a full disk."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return limit


@pytest.mark.parametrize("most", [0, 4_000, 40_000, 70_000, 110_000])
def test_a_full_disk_never_leads_to_an_unrecorded_call(tmp_path, most):
    with desk(tmp_path) as one:
        done = one.act(preexec_fn=small_files(most))
        assert done.returncode in (0, 4, 5), (done.returncode, done.stderr)
        if done.returncode == 4:
            assert "Nothing was done" in done.stderr, done.stderr
            assert one.proxy.writes == [], most
        for left in one.unfinished():
            one.resume(left["run"])
        one.assert_tidy(f"{most} bytes")


def interrupted(one) -> tuple[dict, object]:
    """A run that was killed once its canary moved something, and its journal."""
    running = one.start(one.act_words())
    for line in running.stdout:
        if json.loads(line).get("receipt", {}).get("progress", {}).get("moved", 0) > 0:
            break
    running.kill()
    running.communicate()
    left = one.unfinished()
    assert len(left) == 1, left
    return left[0], one.runs / f"{left[0]['run']}.journal"


def test_a_half_written_last_line_is_no_obstacle(tmp_path):
    with desk(tmp_path) as one:
        left, journal = interrupted(one)
        with journal.open("ab") as end:
            end.write(b'{"entry":"intent","at":"2026')
        assert one.resume(left["run"])["verdict"]
        one.assert_tidy("half a line")


def test_garbage_in_the_middle_is_told_and_ends_named(tmp_path):
    with desk(tmp_path) as one:
        left, journal = interrupted(one)
        lines = journal.read_bytes().splitlines(keepends=True)
        lines[2] = b"\x00\xff\x00 not what was written\n"
        journal.write_bytes(b"".join(lines))
        told = one.unfinished()
        assert len(told) == 1 and "line 3" in told[0]["sentence"].lower(), told
        again = one.act()
        assert again.returncode == 4, "a damaged run on the queue must be ended first"
        receipt = one.resume(left["run"])
        assert receipt["verdict"] == "partial" and "line 3" in receipt["sentence"].lower(), receipt["sentence"]
        assert receipt["next_step"]
        assert (one.runs / f"{left['run']}.damaged").exists(), "kept for whoever looks into it"
        one.assert_tidy("garbage")


def test_a_record_somebody_altered_is_named_by_its_first_bad_row(tmp_path):
    with desk(tmp_path) as one:
        assert one.act().returncode == 0
        record = sqlite3.connect(one.state / "quarterdeck" / "audit.db")
        record.execute("UPDATE audit SET sentence = 'nothing happened' WHERE seq = 2")
        record.commit()
        record.close()
        done = reading.qd("audit", "verify", state=one.state)
        assert done.returncode == 5 and "row 2" in done.stderr, (done.returncode, done.stderr)


def test_a_record_that_another_process_holds_stops_the_press(tmp_path):
    with desk(tmp_path) as one:
        assert reading.qd("audit", "verify", state=one.state).returncode == 0
        held = sqlite3.connect(one.state / "quarterdeck" / "audit.db", isolation_level=None)
        held.execute("BEGIN EXCLUSIVE")
        done = one.act()
        assert done.returncode == 4 and "Nothing was done" in done.stderr, (done.returncode, done.stderr)
        assert one.proxy.writes == []
        held.execute("ROLLBACK")
        held.close()
        one.assert_tidy("locked")


def test_a_record_that_is_held_for_a_moment_is_waited_for(tmp_path):
    with desk(tmp_path) as one:
        assert reading.qd("audit", "verify", state=one.state).returncode == 0
        path = one.state / "quarterdeck" / "audit.db"

        def hold():
            held = sqlite3.connect(path, isolation_level=None)
            held.execute("BEGIN IMMEDIATE")
            time.sleep(4)
            held.execute("ROLLBACK")
            held.close()

        holding = threading.Thread(target=hold)
        holding.start()
        done = one.act()
        holding.join()
        assert done.returncode == 0, (done.returncode, done.stderr)
        one.assert_tidy("held for a moment")
