"""Answers no proxy or server should give, and some do: each service fails alone, in its own words, or copes."""

import re
import time

import pytest

import topology as reading
from fault_proxy import broken
from platform_sim import simulated
from test_faults import SERVICES, through


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strange")
    options = ("--clock", "explicit", "--seed", "13", "--regions", "1", "--pods", "60")
    with simulated(folder / "sim", "calm", *options) as platform:
        yield platform


def waits(source: dict, fault: str) -> bool:
    """The figures, prices and shifts of things are asked for once the things are known: they wait for a service that hangs."""
    later = source["part"].endswith("-metrics") or source["service"] in ("pricing", "arc-zonal-shift")
    return fault in ("hang", "drip") and later and re.search("no answer in|it waits", source["error"])


def folder(path):
    path.mkdir(exist_ok=True)
    return path


def met(platform, tmp_path, service: str, fault: str, skew: float = 0, timeout: int = 8):
    """The picture through the fault: sound, the rest of it well; and the service's failed sources."""
    with broken(platform.aws, service, fault, skew) as proxy:
        stack = through(platform, proxy.url, folder(tmp_path))
        for _ in range(5):
            picture = reading.read(stack, tmp_path / "state", timeout=timeout)
            # Its buckets refill in wall time: the pictures of the tests before may have emptied one.
            if not any("was throttled" in s.get("error", "") for s in picture.document["sources"] if s["service"] != SERVICES[service]):
                break
            time.sleep(2)
        assert proxy.broken > 0, "the fault was never met"
    reading.assert_sound(picture)
    mine = [s for s in picture.document["sources"] if s["service"] == SERVICES[service]]
    bad = [s for s in mine if s["state"] == "failed"]
    for source in bad:
        assert re.search(r"[A-Za-z]{3}.*\.$", source["error"]), source
    others = [s for s in picture.document["sources"] if s["service"] != SERVICES[service]]
    failed = [(s["id"], s["error"]) for s in others if s["state"] != "ok" and not waits(s, fault)]
    assert not failed, failed
    return picture, bad


# One service of each protocol: JSON, query, CBOR, REST-XML, REST-JSON.
PROTOCOLS = ["sqs", "rds", "monitoring", "route53", "eks"]


@pytest.mark.parametrize(
    ("fault", "class_", "words"),
    [
        ("skewed", "credentials", "clock"),
        ("signature", "credentials", "clock"),
        ("nameless", "other", "Quux.Zork"),
        ("failed-ok", "malformed", None),
        ("closed", "malformed", None),
    ],
)
@pytest.mark.parametrize("service", PROTOCOLS)
def test_a_service_fails_in_its_own_words(platform, tmp_path, service, fault, class_, words):
    picture, bad = met(platform, tmp_path, service, fault, skew=-3 * 3600)
    assert picture.code == 3
    assert bad, "nothing failed"
    for source in bad:
        assert source["failure"]["class"] == class_, source
        assert words is None or words in source["error"], source
        assert class_ != "credentials" or "3 h ahead" in source["error"], source
        assert source["failure"]["next_step"].endswith("."), source


def test_a_wrong_signature_with_the_right_time_is_no_matter_of_the_clock(platform, tmp_path):
    _, bad = met(platform, tmp_path, "sqs", "signature")
    assert bad and all("credentials" in s["error"] and "clock" not in s["error"] for s in bad), bad


@pytest.mark.parametrize("service", ["sqs", "rds"])
def test_a_drip_ends_in_a_deadline(platform, tmp_path, service):
    _, bad = met(platform, tmp_path, service, "drip")
    assert bad, "nothing failed"


@pytest.mark.parametrize(("service", "part"), [("sqs", "queues"), ("rds", "clusters"), ("eks", "clusters")])
def test_a_list_without_end_is_a_failure(platform, tmp_path, service, part):
    _, bad = met(platform, tmp_path, service, "same-page")
    assert any(s["part"] == part and "page mark repeats" in s["error"] for s in bad), bad


def test_credentials_that_run_out_between_two_pages_leave_no_half_a_list(platform, tmp_path):
    picture, bad = met(platform, tmp_path, "sqs", "expired-between")
    assert {"queues", "dead-letter-sources"} <= {s["part"] for s in bad}
    assert all(s["failure"]["class"] == "credentials" for s in bad if s["part"] == "queues"), bad


@pytest.mark.parametrize("fault", ["empty-page", "twice"])
def test_pages_may_be_empty_or_overlap(platform, tmp_path, fault):
    """`assert_sound` has seen that no node is there twice."""
    picture, bad = met(platform, tmp_path / "faulty", "sqs", fault)
    assert not bad, bad
    whole = reading.read(platform.stack, tmp_path / "state")
    assert {n["id"] for n in picture.of("queue")} == {n["id"] for n in whole.of("queue")}


@pytest.mark.parametrize(("service", "kind"), [("sqs", "queue"), ("rds", "dbinstance"), ("rds", "dbcluster")])
def test_what_no_model_knows_costs_only_itself(platform, tmp_path, service, kind):
    picture, bad = met(platform, tmp_path / "faulty", service, "strange")
    assert not bad, bad
    whole = reading.read(platform.stack, tmp_path / "state")
    assert {n["id"] for n in picture.of(kind)} == {n["id"] for n in whole.of(kind)}
    for node in picture.of(kind):
        for name, value in node["facts"].items():
            if isinstance(value, str):
                assert len(value) <= 8200, f"{name} is {len(value)} long"
                assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", value), f"{name}: {value!r}"
            if name.startswith("messages_"):
                assert 0 <= value < 2**63, (name, value)
