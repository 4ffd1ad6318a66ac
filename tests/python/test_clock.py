"""A machine whose clock is off: AWS refuses what it signs, until it is signed by AWS's time. That counts for writes too,
which are never repeated."""

import configparser
import tomllib

import pytest
import topology as reading
from platform_sim import simulated
from road_desk import act_words, planned
from skewed_proxy import skewed


@pytest.fixture()
def platform(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("clock") / "sim", "calm", "--seed", "3", "--pods", "40", "--regions", "1") as platform:
        yield platform


def through(platform, proxy) -> None:
    """The stack's way to AWS leads through the proxy."""
    config = platform.stack.parent / "aws" / "config"
    lines = config.read_text().splitlines()
    config.write_text("\n".join(f"endpoint_url = {proxy.url}" if line.startswith("endpoint_url") else line for line in lines) + "\n")


@pytest.mark.parametrize("ahead", [{"minutes": 17}, {"minutes": -40}, {"days": 3}], ids=["behind", "ahead", "days behind"])
def test_one_refusal_is_enough_to_sign_by_the_time_aws_tells(platform, tmp_path, ahead):
    with skewed(platform.aws, **ahead) as proxy:
        through(platform, proxy)
        seen = reading.read(platform.stack, tmp_path)
        assert seen.code == 0, [s["error"] for s in seen.document["sources"] if s["state"] != "ok"]
        assert seen.of("queue") and seen.document["identity"]["access"][0]["state"] == "valid"
        assert len(proxy.refused) == 1 and "/sts/" in proxy.refused[0], proxy.refused
        assert proxy.passed > 20


def test_a_clock_within_five_minutes_is_left_alone(platform, tmp_path):
    with skewed(platform.aws, minutes=4) as proxy:
        through(platform, proxy)
        assert reading.read(platform.stack, tmp_path).code == 0
        assert not proxy.refused


def test_a_write_is_not_refused_for_the_clock_after_what_was_read(platform, tmp_path):
    with skewed(platform.aws, minutes=-25) as proxy:
        through(platform, proxy)
        mapping = next(m for m in reading.read(platform.stack, tmp_path).of("mapping"))
        plan = planned(platform, tmp_path, "pause", mapping["id"])
        del proxy.refused[:]
        done = reading.qd(*act_words(platform, plan), state=tmp_path, timeout=240)
        assert done.returncode == 0, (done.stdout[-1500:], done.stderr)
        assert len(proxy.refused) == 1 and "/sts/" in proxy.refused[0], proxy.refused


def test_two_accounts_that_are_opened_at_once_are_corrected_once_each(platform, tmp_path):
    """What one answer told counts for both, and is not added to what the other's own answer told."""
    with skewed(platform.aws, hours=1) as proxy:
        through(platform, proxy)
        stack = platform.stack
        text = stack.read_text()
        account = tomllib.loads(text)["account"][0]
        config = stack.parent / "aws" / "config"
        section = f"\n[profile again]\nregion = {account['regions'][0]}\nendpoint_url = {proxy.url}\n"
        config.write_text(config.read_text() + section)
        keys = stack.parent / "aws" / "credentials"
        own = configparser.ConfigParser()
        own.read(keys)
        pairs = "\n".join(f"{name} = {value}" for name, value in own[account["profile"]].items())
        keys.write_text(f"{keys.read_text()}\n[again]\n{pairs}\n")
        stack.write_text(f"{text}\n[[account]]\nprofile = \"again\"\nregions = {account['regions']!r}\n".replace("'", '"'))
        seen = reading.read(stack, tmp_path)
        assert seen.code == 0, [s["error"] for s in seen.document["sources"] if s["state"] != "ok"]
        assert [access["state"] for access in seen.document["identity"]["access"]] == ["valid", "valid"]
        assert len(proxy.refused) <= 2 and all("/sts/" in refused for refused in proxy.refused), proxy.refused
