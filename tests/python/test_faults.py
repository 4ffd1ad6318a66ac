"""Whatever one service does, it fails alone, in a sentence, and the rest stays live."""

import re

import pytest

import topology as reading
from fault_proxy import broken
from platform_sim import simulated

# The service of the SigV4 scope, and the name its sources carry.
SERVICES = {
    "route53": "route53",
    "cloudfront": "cloudfront",
    "elasticloadbalancing": "elb",
    "eks": "eks",
    "rds": "rds",
    "sqs": "sqs",
    "lambda": "lambda",
    "monitoring": "cloudwatch",
}
# What its sources are called in sentences, where figures wait for them.
LABELS = {"elasticloadbalancing": "Load balancing", "rds": "RDS", "sqs": "SQS", "lambda": "Lambda"}
FAULTS = ["hang", "throttled", "expired", "html", "garbage", "reset"]


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    options = ("--clock", "explicit", "--seed", "11", "--regions", "1", "--pods", "60")
    with simulated(folder / "sim", "calm", *options) as platform:
        yield platform


def through(platform, url: str, folder):
    """The simulator's own stack file, with the proxy in the way."""
    for name in ("quarterdeck.toml", "kubeconfig"):
        (folder / name).write_text((platform.folder / name).read_text())
    (folder / "aws").mkdir()
    for name in ("config", "credentials"):
        (folder / "aws" / name).write_text((platform.folder / "aws" / name).read_text().replace(platform.aws, url))
    return folder / "quarterdeck.toml"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_fails_alone(platform, tmp_path, service, fault):
    with broken(platform.aws, service, fault) as proxy:
        stack = through(platform, proxy.url, tmp_path)
        picture = reading.read(stack, tmp_path / "state", timeout=8)
        assert proxy.broken > 0, "the fault was never met"
    reading.assert_sound(picture)
    assert picture.code == 3
    mine = [s for s in picture.document["sources"] if s["service"] == SERVICES[service]]
    assert any(s["state"] == "failed" for s in mine), mine
    for source in mine:
        if source["state"] == "failed":
            assert re.search(r"[A-Za-z]{3}.*\.$", source["error"]), source
    others = [s for s in picture.document["sources"] if s["service"] != SERVICES[service]]
    hung = service if fault == "hang" else None
    failed = [(s["id"], s["error"]) for s in others if s["state"] != "ok" and not waits(s, mine, hung)]
    assert not failed, failed


def waits(source, mine, hung) -> bool:
    """Figures of things are asked for once the things are known: with the service that lists them hung,
    they say whom they wait for."""
    found = re.search(r": not asked yet; it waits for (.+), which did not answer in 8 s\. .*look at (.+) first\.$", source["error"])
    if not hung or not found:
        return False
    region = source["scope"]["region"]
    silent = {f"{LABELS[hung]} {s['part']} in {region}" for s in mine if s["state"] == "failed"}
    return found[1] == found[2] and set(found[1].split(" and ")) <= silent
