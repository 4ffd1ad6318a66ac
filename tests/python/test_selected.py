"""Redrive of selected messages: what is selected, what survives a kill, what an edit changes, how it is put back."""

import io
import json
import os
import random
import subprocess

import pytest

import topology as reading
from counting_proxy import Handler
from counting_proxy import counted as counted_writes
from platform_sim import simulated
from selected_rig import RIGS, Rig, counted, declared, figure, in_order, killed_at_random, on_simulator

KILLS = int(os.environ.get("SELECTED_KILLS", "8"))
MESSAGES = 10_000 if KILLS >= 100 else 2_000


def test_a_filter_selects_and_the_rest_stays(tmp_path):
    with on_simulator(tmp_path) as rig:
        rig.fill([{"n": n, "kind": "ab"[n % 2], "error": "Timeout" if n % 4 == 0 else "none"} for n in range(60)])
        receipt = rig.act(where="$.kind = 'a' and attribute.error = 'Timeout'", rate=500)
        assert receipt["verdict"] == "verified", receipt["sentence"]
        assert (figure(receipt, "Sent"), figure(receipt, "Deleted"), figure(receipt, "Looked at, not selected")) == (15, 15, 45)
        arrived = rig.drain(rig.source)
        assert sorted(counted(arrived)) == [n for n in range(60) if n % 4 == 0]
        one = arrived[0]
        assert one["MessageAttributes"]["blob"]["BinaryValue"] == b"\x00\xff"
        assert one["Attributes"]["AWSTraceHeader"].startswith("Root=1-")
        assert rig.depth(rig.dlq) == {"visible": 45, "hidden": 0}


def test_on_a_third_party_emulator_what_is_selected_is_moved(tmp_path):
    with RIGS["ministack"](tmp_path, fifo=False) as rig:
        rig.fill([{"n": n, "kind": "ab"[n % 2]} for n in range(100)])
        receipt = rig.act(where="$.kind = 'a'", rate=500)
        assert receipt["verdict"] == "verified", receipt["sentence"]
        assert (figure(receipt, "Sent"), figure(receipt, "Deleted")) == (50, 50)
        assert sorted(counted(rig.drain(rig.source))) == [n for n in range(100) if n % 2 == 0]


class OnceOnly(Handler):
    """The first deletion is done and its answer lost; a receipt is taken once, as ministack does and SQS does not."""

    def do_POST(self):
        if not (self.headers.get("x-amz-target") or "").endswith(".DeleteMessageBatch"):
            return super().do_POST()
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        entries = json.loads(body)["Entries"]
        with self.server.lock:
            lost = not hasattr(self.server, "used")
            used = self.server.__dict__.setdefault("used", set())
            again = {e["Id"] for e in entries if e["ReceiptHandle"] in used}
            used |= {e["ReceiptHandle"] for e in entries}
        if again:
            refused = [{"Id": id, "Code": "ReceiptHandleIsInvalid", "SenderFault": True, "Message": "deleted"} for id in again]
            answer = json.dumps({"Successful": [], "Failed": refused}).encode()
            self.send_response_only(200)
            self.send_header("content-type", "application/x-amz-json-1.0")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            return
        ends = self.rfile, self.wfile
        self.rfile, self.wfile = io.BytesIO(body), io.BytesIO() if lost else self.wfile
        super().do_POST()
        self.rfile, self.wfile = ends
        self.close_connection = self.close_connection or lost


def test_what_was_deleted_without_an_answer_is_looked_for_and_not_waited_for(tmp_path):
    options = ("--clock", "auto", "--speed", "20", "--seed", "3", "--pods", "40", "--regions", "1")
    with simulated(tmp_path / "sim", "calm", *options) as platform:
        region = reading.read(platform.stack, tmp_path / "state").of("queue")[0]["scope"]["region"]
        platform.stack.write_text(platform.stack.read_text() + declared(False))
        with counted_writes(platform, tmp_path / "through") as (proxy, stack):
            proxy.RequestHandlerClass = OnceOnly
            rig = Rig(platform.aws, stack, tmp_path / "state", region, False, visibility=200)
            rig.fill([{"n": n} for n in range(60)])
            receipt = rig.act(rate=100, limit=60)
            assert receipt["verdict"] == "verified", receipt["sentence"]
            assert (figure(receipt, "Sent"), figure(receipt, "Deleted")) == (60, 60)
            assert any(line["line"] == "gone" for line in rig.ledger()), "nothing needed to be looked for"
            assert sorted(counted(rig.drain(rig.source))) == list(range(60))
            assert rig.depth(rig.dlq) == {"visible": 0, "hidden": 0}


# A kill on ministack costs minutes of real time: what the lost receive took is hidden that long.
EVERYWHERE = ["simulator", "ministack"] if "SELECTED_KILLS" in os.environ else ["simulator"]


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
@pytest.mark.parametrize("where", EVERYWHERE)
def test_killed_at_random_points_nothing_is_lost(tmp_path, where, fifo):
    dice = random.Random(int(os.environ.get("CHAOS_SEED", "11")) + fifo)
    kills = max(KILLS // 4, 1)
    messages = MESSAGES if where == "simulator" or KILLS >= 100 else MESSAGES // 4
    with RIGS[where](tmp_path, fifo=fifo) as rig:
        rig.fill([{"n": n} for n in range(messages)])
        words = rig.act_words(rate=max(messages * 2 // max(kills, 2), 200), limit=messages)
        receipt, kills = killed_at_random(rig, words, kills, dice)
        arrived = rig.drain(rig.source)
        counts = counted(arrived)
        lost = messages - len(counts)
        twice = {n for n, count in counts.items() if count > 1}
        copies = sum(count - 1 for count in counts.values())
        # Nobody takes what arrives: what was sent again is looked for and counted, and where nothing was, nothing is said.
        figures = {f["label"]: f["number"] for f in receipt["progress"]["figures"]}
        reported = int(figures["There twice"] if "There twice" in figures else figures["May be there twice"])
        print(f"\n{where} {'fifo' if fifo else 'standard'}: {messages} messages, {kills} kills: {lost} lost, {copies} there twice, {reported} reported; {receipt['sentence']}")
        assert lost == 0
        assert copies == reported, (copies, reported, sorted(twice))
        assert figure(receipt, "Sent") == figure(receipt, "Deleted") == messages
        assert rig.depth(rig.dlq) == {"visible": 0, "hidden": 0}
        assert not fifo or (in_order(arrived) and copies == 0)
        assert reading.qd("audit", "verify", state=rig.state).returncode == 0
        assert json.loads(reading.qd("runs", "--json", state=rig.state).stdout) == []
