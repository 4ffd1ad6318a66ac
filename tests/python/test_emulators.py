"""qd against emulators we did not write, over a platform that boto3 created."""

import pytest

import emulators
import platform_by_boto3
import topology as reading


@pytest.fixture(scope="module", params=["moto", "ministack"])
def emulated(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with getattr(emulators, request.param)() as endpoint:
        platform_by_boto3.build(endpoint)
        stack = emulators.stack_file(folder, endpoint, ["us-east-1"])
        yield request.param, reading.read(stack, folder / "state")


def test_the_picture_is_sound(emulated):
    reading.assert_sound(emulated[1])


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("zone", "emulated.example"),
        ("loadbalancer", "orders-public"),
        ("targetgroup", "order-api"),
        ("cluster", "prod-use1"),
        ("nodegroup", "general"),
        ("dbcluster", "orders-db"),
        ("dbinstance", "orders-db-1"),
        ("dbinstance", "orders-db-2"),
        ("queue", "orders"),
        ("queue", "orders-dlq"),
        ("function", "confirm"),
        ("bucket", "emulated-web"),
    ],
)
def test_every_object_is_a_node(emulated, kind, name):
    found = [n for n in emulated[1].of(kind) if n["name"].rstrip(".") == name]
    assert len(found) == 1


def test_records_lead_to_where_they_answer(emulated):
    picture = emulated[1]
    records = {r["name"].rstrip("."): r for r in picture.of("record")}
    assert set(records) == {"api.emulated.example", "www.emulated.example", "direct.emulated.example"}
    assert {"distribution", "loadbalancer", "targetgroup"} <= picture.kinds_reached(records["api.emulated.example"]["id"])
    assert "bucket" in picture.kinds_reached(records["www.emulated.example"]["id"])
    assert {"loadbalancer", "targetgroup"} <= picture.kinds_reached(records["direct.emulated.example"]["id"])
    assert records["direct.emulated.example"]["facts"]["weight"] == 100


def test_the_dead_letter_queue_is_paired(emulated):
    picture = emulated[1]
    source, dlq = picture.named("queue", "orders"), picture.named("queue", "orders-dlq")
    assert source["facts"]["max_receive_count"] == 5
    assert dlq["facts"]["messages_visible"] == 1
    assert dlq["facts"]["is_dead_letter_queue"] is True
    assert any(e["to"] == dlq["id"] and e["relation"] == "dead-letters" for e in picture.out[source["id"]])
    assert "function" in picture.kinds_reached(source["id"])


def test_aurora_members_have_roles(emulated):
    picture = emulated[1]
    members = {n["name"]: n["facts"]["role"] for n in picture.of("dbinstance")}
    assert sorted(members.values()) == ["reader", "writer"], members
    cluster = picture.named("dbcluster", "orders-db")
    assert {e["to"] for e in picture.out[cluster["id"]] if e["relation"] == "owns"} == {
        n["id"] for n in picture.of("dbinstance")
    }


def test_the_facts_that_guards_read_are_there(emulated):
    picture = emulated[1]
    queue = picture.named("queue", "orders")["facts"]
    assert (queue["kms_key"], queue["encrypted"]) == ("alias/orders", True)
    assert (queue["visibility_timeout_seconds"], queue["retention_seconds"], queue["fifo"]) == (45, 345600, False)
    group = picture.named("nodegroup", "general")["facts"]
    assert (group["min"], group["desired"], group["max"]) == (3, 6, 9)
    for name in ("orders-db-1", "orders-db-2"):
        member = picture.named("dbinstance", name)
        assert member["facts"]["class_memory_gib"] == 16.0 and member["facts"]["class_vcpus"] == 2
        assert 1000 <= member["facts"]["max_connections_estimate"] <= 2000
        assert member["facts"]["pending_modifications"] == "none"
        assert member["scope"]["az"], member
    assert picture.named("dbcluster", "orders-db")["facts"]["failover_events_recent"] == 0
    (mapping,) = picture.of("mapping")
    assert mapping["facts"]["owner_stack"] == "none"


def test_what_the_emulator_lacks_fails_alone_in_a_sentence(emulated):
    name, picture = emulated
    failed = {s["id"]: s["error"] for s in picture.document["sources"] if s["state"] == "failed"}
    if name == "moto":
        # moto has no CBOR protocol for CloudWatch: it answers 404 with a page of HTML.
        assert any(i.startswith("cloudwatch/") for i in failed)
    ok = {s["service"] for s in picture.document["sources"] if s["state"] == "ok"}
    assert {"route53", "cloudfront", "elb", "ec2", "eks", "rds", "sqs", "lambda"} <= ok, failed
