"""A redrive killed again and again, at its calls, at its journal lines and at random times: always a named outcome,
never a second start, the record whole, nothing lost. `CHAOS_KILLS` sets how many kills; `CHAOS_SEED` which."""

import json
import os
import random

import boto3
import pytest

import topology as reading
from redrive_desk import Killer, desk

KILLS = int(os.environ.get("CHAOS_KILLS", "20"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
#: Kills of one run before it may end.
CHAIN = 7


def sqs(desk):
    region = desk.arn.split(":")[3]
    return boto3.client("sqs", region_name=region, endpoint_url=desk.platform.aws, aws_access_key_id="x", aws_secret_access_key="x")


def held(desk) -> int:
    client = sqs(desk)
    url = client.get_queue_url(QueueName=desk.arn.rsplit(":", 1)[-1])["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def moved(desk) -> int:
    tasks = sqs(desk).list_message_move_tasks(SourceArn=desk.arn, MaxResults=10).get("Results", [])
    return sum(task["ApproximateNumberOfMessagesMoved"] for task in tasks)


def one_run(folder, dice: random.Random, most: int) -> list[str]:
    """One redrive, killed up to `most` times; how it was."""
    kills = []
    with desk(folder, speed=dice.choice(["5", "20", "20"]), seed=str(dice.randint(1, 50))) as one:
        before = held(one)
        killer = Killer(one, dice)
        how = killer.kill(one.start(one.act_words()))
        if how:
            kills.append(how)
        while left := one.unfinished():
            assert len(left) == 1 and left[0]["phase"] == "interrupted", left
            assert left[0]["sentence"] and left[0]["next_step"]
            if len(kills) >= most:
                one.resume(left[0]["run"])
                break
            how = killer.kill(one.start(one.resume_words(left[0]["run"])))
            if how:
                kills.append(f"resumed, {how}")
        receipt = one.assert_tidy(str(kills))
        # What is moved on leaves the queue once: nothing is lost on the way, nothing is moved twice.
        assert held(one) + moved(one) >= before, (kills, receipt and receipt["sentence"])
        assert moved(one) <= before + 50, kills
    return kills


def test_killed_again_and_again_it_ends_named_and_starts_nothing_twice(tmp_path):
    dice = random.Random(SEED)
    kills, chain = [], 0
    while len(kills) < KILLS:
        chain += 1
        kills += one_run(tmp_path / f"chain-{chain}", dice, min(CHAIN, KILLS - len(kills)))
        assert chain < KILLS, "the runs end before they can be killed"
    during = [how for how in kills if how.startswith("resumed")]
    assert len(during) >= KILLS // 4, kills


def test_two_at_once_are_one_run(tmp_path):
    with desk(tmp_path) as one:
        processes = [one.start(one.act_words()) for _ in range(2)]
        ends = [(*p.communicate(timeout=300), p.returncode) for p in processes]
        codes = sorted(code for *_, code in ends)
        assert codes == [0, 4], ends
        refused = next(err for _, err, code in ends if code == 4)
        # Whichever is met first: the lock, the task, or (when the first was far ahead) the changed plan.
        told = ("acting on", "already", "move task", "not as it was shown")
        assert any(words in refused for words in told), refused
        one.assert_tidy("two at once")


def test_a_second_one_while_the_first_is_under_way_is_refused(tmp_path):
    with desk(tmp_path, speed="10") as one:
        first = one.start(one.act_words())
        for line in first.stdout:
            if json.loads(line).get("receipt", {}).get("phase") == "running":
                break
        second = one.act()
        assert second.returncode == 4 and second.stderr.startswith("qd: "), (second.returncode, second.stderr)
        living = one.unfinished()
        assert len(living) == 1 and living[0]["phase"] != "interrupted", living
        resumed = reading.qd(*one.resume_words(living[0]["run"])[1:], state=one.state, timeout=120)
        assert resumed.returncode == 4 and "alive" in resumed.stderr, resumed.stderr
        first.communicate(timeout=300)
        assert first.returncode == 0
        one.assert_tidy("a second while the first ran")


def test_a_plan_that_went_stale_between_show_and_press_is_refused(tmp_path):
    with desk(tmp_path) as one:
        sqs(one).start_message_move_task(SourceArn=one.arn, MaxNumberOfMessagesPerSecond=1)
        done = one.act()
        assert done.returncode == 4 and done.stdout == "", (done.returncode, done.stdout, done.stderr)
        assert one.proxy.starts() == []
        one.assert_tidy("stale plan")
    assert "digest" in done.stderr or "move task" in done.stderr, done.stderr


@pytest.mark.parametrize("where", ["a file", "a file system that takes nothing"])
def test_a_state_folder_that_cannot_be_written_stops_the_press(tmp_path, where):
    with desk(tmp_path) as one:
        if where == "a file":
            blocked = tmp_path / "not-a-folder"
            blocked.write_text("")
        else:
            blocked = "/proc/self/task"
        done = one.act(env={**one.environment(), "XDG_STATE_HOME": str(blocked)})
        assert done.returncode == 4, (done.returncode, done.stderr)
        assert "Nothing was done" in done.stderr, done.stderr
        assert one.proxy.writes == []
