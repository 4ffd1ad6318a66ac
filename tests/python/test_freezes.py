"""Freezes and maintenance windows of the stack file: once and every week, blocking and warning, and mistakes."""

import datetime

import pytest
import topology as reading
from platform_sim import simulated
from road_desk import act_words, finding, fullest_dead_letters, planned


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("freezes")
    with simulated(folder / "sim", "dlq-fills", "--clock", "auto", "--speed", "1", "--seed", "3", "--pods", "40", "--regions", "1") as platform:
        state = folder / "state"
        queue = fullest_dead_letters(platform, state)
        now = datetime.datetime.fromisoformat(reading.read(platform.stack, state).document["taken_at"])
        yield platform, state, queue["id"], now


def with_times(platform, name: str, text: str):
    """The stack with more in it, beside the first: file names in it are relative."""
    stack = platform.folder / f"{name}.toml"
    stack.write_text(platform.stack.read_text() + text)
    return stack


def block(kind: str, start: datetime.datetime, end: datetime.datetime, *more: str) -> str:
    lines = [f"\n[[{kind}]]", f'from = "{start.isoformat()}"', f'until = "{end.isoformat()}"', 'reason = "market open"', *more]
    return "\n".join(lines) + "\n"


HOUR = datetime.timedelta(hours=1)


def test_a_freeze_blocks_plan_and_press_and_says_until_when(desk):
    platform, state, node, now = desk
    stack = with_times(platform, "frozen", block("freeze", now - HOUR, now + HOUR))
    plan = planned(platform, state, "redrive", node, stack=stack)
    found = finding(plan, "plan.no-freeze")
    assert plan["blocked"] and (found["severity"], found["outcome"]) == ("block", "fail")
    assert f"Frozen until {(now + HOUR).strftime('%Y-%m-%d %H:%M')} UTC" in found["sentence"], found
    assert "market open" in found["sentence"]
    done = reading.qd(*act_words(platform, plan, stack=stack), state=state)
    assert done.returncode == 4 and "Frozen until" in done.stderr, (done.returncode, done.stderr)


def test_before_and_after_it_is_not_in_force(desk):
    platform, state, node, now = desk
    times = block("freeze", now + HOUR, now + 2 * HOUR) + block("freeze", now - 2 * HOUR, now - HOUR)
    plan = planned(platform, state, "redrive", node, stack=with_times(platform, "later", times))
    found = finding(plan, "plan.no-freeze")
    assert found["outcome"] == "pass" and "the next begins" in found["value"], found


def test_a_freeze_that_warns_and_maintenance_raise_the_level_only(desk):
    platform, state, node, now = desk
    plain = planned(platform, state, "redrive", node)
    assert finding(plain, "plan.no-freeze") is None and finding(plain, "plan.no-maintenance") is None
    warned = planned(platform, state, "redrive", node, stack=with_times(platform, "warned", block("freeze", now - HOUR, now + HOUR, 'effect = "warn"')))
    found = finding(warned, "plan.no-freeze")
    assert (found["severity"], found["outcome"]) == ("warn", "fail"), found
    worked = planned(platform, state, "redrive", node, stack=with_times(platform, "worked", block("maintenance", now - HOUR, now + HOUR)))
    found = finding(worked, "plan.no-maintenance")
    assert (found["severity"], found["outcome"]) == ("warn", "fail") and "Maintenance until" in found["sentence"], found
    over = planned(platform, state, "redrive", node, stack=with_times(platform, "over", block("maintenance", now - 2 * HOUR, now - HOUR)))
    assert finding(over, "plan.no-maintenance") is None


def test_every_week_by_the_clock_of_a_place(desk):
    platform, state, node, now = desk
    day = now.strftime("%a").lower()
    other = (now + 3 * 24 * HOUR).strftime("%a").lower()
    text = '\n[[freeze]]\ndays = ["{}"]\nfrom = "00:00"\nuntil = "23:59"\nzone = "UTC"\nreason = "settlement day"\n'
    if now.strftime("%H:%M") == "23:59":
        pytest.skip("the one minute of the day outside")
    on = planned(platform, state, "redrive", node, stack=with_times(platform, "today", text.format(day)))
    found = finding(on, "plan.no-freeze")
    assert found["outcome"] == "fail" and f"every {day} 00:00–23:59 UTC" in found["sentence"], found
    off = planned(platform, state, "redrive", node, stack=with_times(platform, "another", text.format(other)))
    assert finding(off, "plan.no-freeze")["outcome"] == "pass"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[freeze]]\nfrom = "2026-11-27"\nuntil = "2026-11-28T06:00:00Z"\nreason = "x"\n', "is no time"),
        ('[[freeze]]\ndays = ["funday"]\nfrom = "09:00"\nuntil = "10:00"\nzone = "UTC"\nreason = "x"\n', "is no day of the week"),
        ('[[freeze]]\nfrom = "09:00"\nuntil = "10:00"\nreason = "x"\n', "needs a zone"),
        ('[[maintenance]]\nfrom = "09:00"\nuntil = "10:00"\nzone = "Mars/Base"\nreason = "x"\n', "is not known here"),
        ('[[maintenance]]\nfrom = "2026-11-28T06:00:00Z"\nuntil = "2026-11-27T06:00:00Z"\nreason = "x"\n', "ends before it begins"),
        ('[[freeze]]\nfrom = "2026-11-27T06:00:00Z"\nuntil = "2026-11-28T06:00:00Z"\nreason = "x"\neffect = "shout"\n', "warn"),
    ],
)
def test_a_mistake_is_told_with_line_and_column(desk, text, words):
    platform, state, node, _ = desk
    stack = with_times(platform, "mistaken", "\n" + text)
    done = reading.qd("plan", "redrive", node, "--stack", str(stack), state=state)
    assert done.returncode not in (0, 4) and words in done.stderr and ", line " in done.stderr and ", column " in done.stderr, done.stderr
