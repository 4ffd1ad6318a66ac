"""Zonal shifts that others make with the AWS CLI: seen on what they shift, until they end."""

import botocore.exceptions
import pytest

import topology as reading
from platform_sim import simulated
from test_simulator_aws import client, code

OPTIONS = ("--clock", "explicit", "--seed", "43", "--pods", "60", "--regions", "1")


@pytest.fixture()
def calm(tmp_path):
    with simulated(tmp_path / "sim", "calm", *OPTIONS) as platform:
        platform.advance(180)
        yield platform


def requests_by_zone(picture, name: str) -> dict:
    zones = picture.named("loadbalancer", name)["zones"]
    return {zone: facts.get("requests_per_second", 0) for zone, facts in zones.items()}


def reasons(node) -> list:
    return [r["sentence"] for r in node["health"].get("reasons", []) if r["rule"] == "zonal-shift.active"]


def test_a_shift_is_seen_with_its_zone_and_its_end_and_traffic_leaves_until_it_is_cancelled(calm, tmp_path):
    before = reading.read(calm.stack, tmp_path / "state")
    balancer = before.of("loadbalancer")[0]
    assert balancer["facts"]["shifted_away_from"] == "none" and not reasons(balancer)
    region = balancer["scope"]["region"]
    arc = client(calm, "arc-zonal-shift", region)
    subnets = client(calm, "ec2", region).describe_subnets()["Subnets"]
    zone, name = subnets[0]["AvailabilityZoneId"], subnets[0]["AvailabilityZone"]
    assert requests_by_zone(before, balancer["name"])[name] > 0
    asked = {"resourceIdentifier": balancer["facts"]["arn"], "awayFrom": zone, "expiresIn": "2h", "comment": "INC-42"}
    shift = arc.start_zonal_shift(**asked)
    assert shift["status"] == "ACTIVE"
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        arc.start_zonal_shift(**asked)
    assert code(refused) == "ConflictException"
    # No requests are no data: the zone's last figure is there until it is too old to count.
    calm.advance(600)
    during = reading.read(calm.stack, tmp_path / "state")
    shifted = during.named("loadbalancer", balancer["name"])
    assert shifted["facts"]["shifted_away_from"] == name and shifted["facts"]["shift_comment"] == "INC-42"
    (sentence,) = reasons(shifted)
    assert f"shifted away from {name} until" in sentence and "INC-42" in sentence, sentence
    assert during.code == before.code
    rates = requests_by_zone(during, balancer["name"])
    assert rates[name] == 0 and all(rate > 0 for other, rate in rates.items() if other != name), rates
    arc.cancel_zonal_shift(zonalShiftId=shift["zonalShiftId"])
    calm.advance(300)
    after = reading.read(calm.stack, tmp_path / "state")
    assert after.named("loadbalancer", balancer["name"])["facts"]["shifted_away_from"] == "none"
    assert requests_by_zone(after, balancer["name"])[name] > 0


def test_shifts_are_listed_by_status_and_end_by_themselves(calm):
    arc = client(calm, "arc-zonal-shift")
    resources = arc.list_managed_resources()["items"]
    assert any(":cluster/" in r["arn"] for r in resources) and any(":loadbalancer/" in r["arn"] for r in resources)
    for wrong in ({"awayFrom": "mars-az1"}, {"expiresIn": "73h"}):
        asked = {"resourceIdentifier": resources[0]["arn"], "awayFrom": resources[0]["availabilityZones"][0], "expiresIn": "5m", "comment": ""}
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            arc.start_zonal_shift(**{**asked, **wrong})
        assert code(refused) == "ValidationException"
    made = arc.start_zonal_shift(**asked)
    weights = arc.list_managed_resources()["items"][0]["appliedWeights"]
    assert weights[asked["awayFrom"]] == 0 and sum(weights.values()) == len(weights) - 1
    assert [s["zonalShiftId"] for s in arc.list_zonal_shifts()["items"]] == [made["zonalShiftId"]]
    calm.advance(301)
    assert arc.list_zonal_shifts()["items"] == []
    assert len(arc.list_zonal_shifts(status="EXPIRED")["items"]) == 1
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        arc.cancel_zonal_shift(zonalShiftId=made["zonalShiftId"])
    assert code(refused) == "ConflictException"


def test_without_the_permission_the_source_says_so_and_the_picture_is_whole(tmp_path):
    with simulated(tmp_path / "sim", "calm", *OPTIONS, "--fault", "denied:arc-zonal-shift") as platform:
        picture = reading.read(platform.stack, tmp_path / "state")
    assert picture.code == 0
    (source,) = [s for s in picture.document["sources"] if s["state"] != "ok"]
    assert source["service"] == "arc-zonal-shift" and "arc-zonal-shift:ListManagedResources" in str(source), source
