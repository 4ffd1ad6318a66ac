"""The simulated Aurora asked by boto3: failover, readers that come and go, and what follows from them."""

import datetime
import random
import socket
import struct
import tomllib

import botocore.exceptions
import pytest

from platform_sim import simulated
from test_simulator_aws import client, code, world_now

MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture()
def calm(tmp_path):
    with simulated(tmp_path / "sim", "calm", "--clock", "explicit", "--seed", "31", "--pods", "120") as platform:
        yield platform


def resolve(platform, host: str) -> tuple[str | None, str | None]:
    """Alias and address of a host name, asked of the resolver the stack file names (RFC 1035)."""
    server = tomllib.loads(platform.stack.read_text())["dns"]["server"]
    address, port = server.rsplit(":", 1)
    ident = random.randrange(65536)
    labels = b"".join(bytes([len(part)]) + part.encode() for part in host.split(".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(10)
        udp.sendto(struct.pack(">6H", ident, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">2H", 1, 1), (address, int(port)))
        reply = udp.recv(1500)
    answered, flags, _, count, _, _ = struct.unpack(">6H", reply[:12])
    assert answered == ident and flags & 0x8000
    if flags & 0xF == 3:
        raise LookupError(host)
    at, alias, found = 12 + len(labels) + 4, None, None
    for _ in range(count):
        _, at = name_at(reply, at)
        kind, _, ttl, size = struct.unpack(">2HLH", reply[at : at + 10])
        at += 10
        assert ttl == 5
        if kind == 5:
            alias, _ = name_at(reply, at)
        elif kind == 1:
            found = ".".join(str(b) for b in reply[at : at + 4])
        at += size
    return alias, found


def name_at(message: bytes, at: int) -> tuple[str, int]:
    labels = []
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels), at + 1


def cluster(rds, name=None):
    """The main cluster: the one that is in no global database."""
    if name:
        return rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
    members = {m["DBClusterArn"] for g in rds.describe_global_clusters()["GlobalClusters"] for m in g["GlobalClusterMembers"]}
    return next(c for c in rds.describe_db_clusters()["DBClusters"] if c["DBClusterArn"] not in members)


def writer(described) -> str:
    return next(m["DBInstanceIdentifier"] for m in described["DBClusterMembers"] if m["IsClusterWriter"])


def readers(described) -> list[str]:
    return [m["DBInstanceIdentifier"] for m in described["DBClusterMembers"] if not m["IsClusterWriter"]]


def instances(rds, described) -> dict:
    of = [{"Name": "db-cluster-id", "Values": [described["DBClusterIdentifier"]]}]
    return {i["DBInstanceIdentifier"]: i for i in rds.describe_db_instances(Filters=of)["DBInstances"]}


def until(platform, condition, seconds: int, step: int = 1):
    """Advances the world until the condition holds; the world seconds it took."""
    for passed in range(0, seconds + 1, step):
        if condition():
            return passed
        platform.advance(step)
    raise AssertionError(f"not within {seconds} world seconds")


def messages(rds, **about) -> list[str]:
    return [e["Message"] for e in rds.describe_events(Duration=60, **about)["Events"]]


def test_a_failover_takes_time_and_moves_the_role_before_the_endpoint(calm):
    rds = client(calm, "rds")
    before = cluster(rds)
    name, old, target = before["DBClusterIdentifier"], writer(before), readers(before)[0]
    at_rest = instances(rds, before)
    assert resolve(calm, before["Endpoint"])[0] == at_rest[old]["Endpoint"]["Address"]

    answer = rds.failover_db_cluster(DBClusterIdentifier=name.upper(), TargetDBInstanceIdentifier=target)["DBCluster"]
    assert writer(answer) == old
    assert cluster(rds, name)["Status"] == "failing-over"
    with pytest.raises(botocore.exceptions.ClientError) as again:
        rds.failover_db_cluster(DBClusterIdentifier=name)
    assert code(again) == "InvalidDBClusterStateFault"

    role = until(calm, lambda: writer(cluster(rds, name)) == target, 20)
    assert role >= 8
    assert resolve(calm, before["Endpoint"])[0] == at_rest[old]["Endpoint"]["Address"], "the endpoint follows later"
    moved = until(calm, lambda: resolve(calm, before["Endpoint"])[0] == at_rest[target]["Endpoint"]["Address"], 10)
    assert moved >= 3
    until(calm, lambda: cluster(rds, name)["Status"] == "available", 5)
    assert instances(rds, before)[old]["DBInstanceStatus"] == "rebooting"
    until(calm, lambda: instances(rds, before)[old]["DBInstanceStatus"] == "available", 40)
    assert old in readers(cluster(rds, name))

    same = at_rest[old]["AvailabilityZone"] == at_rest[target]["AvailabilityZone"]
    told = messages(rds, SourceType="db-cluster", SourceIdentifier=name, EventCategories=["failover"])
    kind = "same" if same else "cross"
    assert told == [f"Started {kind} AZ failover to DB instance: {target}", f"Completed failover to DB instance: {target}"]
    assert messages(rds, SourceType="db-instance", SourceIdentifier=old) == ["DB instance shutdown", "DB instance restarted"]


def test_without_a_target_the_lowest_tier_is_promoted(calm):
    rds = client(calm, "rds")
    before = cluster(rds)
    name = before["DBClusterIdentifier"]
    heir = readers(before)[1]
    for reader, tier in zip(readers(before), (5, 0)):
        changed = rds.modify_db_instance(DBInstanceIdentifier=reader, PromotionTier=tier, ApplyImmediately=True)
        assert changed["DBInstance"]["DBInstanceStatus"] == "modifying"
    until(calm, lambda: {i["DBInstanceStatus"] for i in instances(rds, before).values()} == {"available"}, 30)
    rds.failover_db_cluster(DBClusterIdentifier=name)
    until(calm, lambda: writer(cluster(rds, name)) == heir, 20)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({"DBClusterIdentifier": "no-such"}, "DBClusterNotFoundFault"),
        ({"TargetDBInstanceIdentifier": "no-such"}, "DBInstanceNotFound"),
        ({"TargetDBInstanceIdentifier": "WRITER"}, "InvalidDBInstanceState"),
        ({"TargetDBInstanceIdentifier": "OTHER"}, "InvalidDBInstanceState"),
        ({"SECONDARY": True}, "InvalidDBClusterStateFault"),
    ],
)
def test_a_failover_that_cannot_be_is_refused_with_the_documented_code(calm, what, expected):
    rds = client(calm, "rds", "eu-west-1")
    main = cluster(rds)
    other = next(c for c in rds.describe_db_clusters()["DBClusters"] if c["DBClusterArn"] != main["DBClusterArn"])
    asked = {"DBClusterIdentifier": main["DBClusterIdentifier"], **what}
    if asked.pop("SECONDARY", False):
        asked["DBClusterIdentifier"] = other["DBClusterIdentifier"]
    if asked.get("TargetDBInstanceIdentifier") == "WRITER":
        asked["TargetDBInstanceIdentifier"] = writer(main)
    if asked.get("TargetDBInstanceIdentifier") == "OTHER":
        asked["TargetDBInstanceIdentifier"] = other["DBClusterMembers"][0]["DBInstanceIdentifier"]
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        rds.failover_db_cluster(**asked)
    assert code(refused) == expected
    assert cluster(rds)["Status"] == "available"


def test_a_reader_is_created_in_minutes_serves_and_is_deleted(calm):
    rds = client(calm, "rds")
    before = cluster(rds)
    name = before["DBClusterIdentifier"]
    zone = before["AvailabilityZones"][1]
    new = rds.create_db_instance(
        DBInstanceIdentifier="Spare-Reader",
        DBInstanceClass="db.r6g.xlarge",
        Engine=before["Engine"],
        DBClusterIdentifier=name,
        AvailabilityZone=zone,
        PromotionTier=9,
        Tags=[{"Key": "by", "Value": "test"}],
    )["DBInstance"]
    assert (new["DBInstanceIdentifier"], new["DBInstanceStatus"], new["AvailabilityZone"]) == ("spare-reader", "creating", zone)
    assert "Endpoint" not in new
    with pytest.raises(botocore.exceptions.ClientError) as twice:
        rds.create_db_instance(
            DBInstanceIdentifier="spare-reader", DBInstanceClass="db.r6g.large", Engine=before["Engine"], DBClusterIdentifier=name
        )
    assert code(twice) == "DBInstanceAlreadyExists"
    with pytest.raises(botocore.exceptions.ClientError) as early:
        rds.failover_db_cluster(DBClusterIdentifier=name, TargetDBInstanceIdentifier="spare-reader")
    assert code(early) == "InvalidDBInstanceState"

    def status():
        return instances(rds, before)["spare-reader"]["DBInstanceStatus"]

    assert until(calm, lambda: status() == "available", 480, 10) >= 120
    assert messages(rds, SourceType="db-instance", SourceIdentifier="spare-reader") == ["DB instance created"]
    aliases = {resolve(calm, before["ReaderEndpoint"])[0] for _ in range(12)}
    assert instances(rds, before)["spare-reader"]["Endpoint"]["Address"] in aliases and len(aliases) == 3

    gone = rds.delete_db_instance(DBInstanceIdentifier="spare-reader", SkipFinalSnapshot=True)["DBInstance"]
    assert gone["DBInstanceStatus"] == "deleting"
    with pytest.raises(botocore.exceptions.ClientError) as again:
        rds.delete_db_instance(DBInstanceIdentifier="spare-reader", SkipFinalSnapshot=True)
    assert code(again) == "InvalidDBInstanceState"
    until(calm, lambda: "spare-reader" not in readers(cluster(rds, name)), 360, 10)
    with pytest.raises(LookupError):
        resolve(calm, f"spare-reader.{before['Endpoint'].split('.cluster-')[1]}")


def test_endpoints_are_described_and_the_one_of_a_secondary_is_inactive(calm):
    rds = client(calm, "rds", "eu-west-1")
    main = cluster(rds)
    found = rds.describe_db_cluster_endpoints(DBClusterIdentifier=main["DBClusterIdentifier"])["DBClusterEndpoints"]
    assert {(e["EndpointType"], e["Endpoint"], e["Status"]) for e in found} == {
        ("WRITER", main["Endpoint"], "available"),
        ("READER", main["ReaderEndpoint"], "available"),
    }
    every = rds.describe_db_cluster_endpoints(Filters=[{"Name": "db-cluster-endpoint-type", "Values": ["writer"]}])
    assert [e["Status"] for e in every["DBClusterEndpoints"]].count("inactive") == 1
