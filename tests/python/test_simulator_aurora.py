"""The simulated Aurora asked by boto3: failover, readers that come and go, and what follows from them."""

import datetime
import json
import random
import socket
import statistics
import struct
import tomllib
import urllib.request

import botocore.exceptions
import pytest

from platform_sim import simulated
from test_simulator_aws import client, code, world_now

MINUTE = datetime.timedelta(minutes=1)
# Amazon RDS User Guide, "Hardware specifications for DB instance classes".
VCPUS = {"db.r6g.large": 2, "db.r6g.xlarge": 4, "db.r6g.2xlarge": 8}


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


def test_a_new_reader_counts_against_the_quota(calm):
    rds = client(calm, "rds")

    def quota() -> tuple[int, int]:
        (quota,) = [q for q in rds.describe_account_attributes()["AccountQuotas"] if q["AccountQuotaName"] == "DBInstances"]
        return quota["Used"], quota["Max"]

    used, most = quota()
    assert used == len(rds.describe_db_instances()["DBInstances"]) < most
    main = cluster(rds)
    rds.create_db_instance(DBInstanceIdentifier="one-more", DBInstanceClass="db.r6g.large", Engine=main["Engine"], DBClusterIdentifier=main["DBClusterIdentifier"])
    assert quota() == (used + 1, most)


def test_a_proxy_names_the_cluster_it_tracks(calm):
    rds = client(calm, "rds")
    (proxy,) = rds.describe_db_proxies()["DBProxies"]
    assert proxy["Status"] == "available" and ".proxy-" in proxy["Endpoint"], proxy
    targets = rds.describe_db_proxy_targets(DBProxyName=proxy["DBProxyName"])["Targets"]
    (tracked,) = [t["RdsResourceId"] for t in targets if t["Type"] == "TRACKED_CLUSTER"]
    (behind,) = [c for c in rds.describe_db_clusters()["DBClusters"] if c["DBClusterIdentifier"] == tracked]
    members = {t["RdsResourceId"]: t["Role"] for t in targets if t["Type"] == "RDS_INSTANCE"}
    assert members == {
        m["DBInstanceIdentifier"]: "READ_WRITE" if m["IsClusterWriter"] else "READ_ONLY" for m in behind["DBClusterMembers"]
    }
    (same,) = rds.describe_db_proxies(DBProxyName=proxy["DBProxyName"])["DBProxies"]
    assert same == proxy
    for ask in (rds.describe_db_proxies, rds.describe_db_proxy_targets):
        with pytest.raises(rds.exceptions.DBProxyNotFoundFault):
            ask(DBProxyName="no-such")


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


def figure(platform, namespace, metric, dimensions: dict, stat="Average", minutes=2, ago=0, over=statistics.fmean) -> float:
    """A statistic over the last whole minutes that CloudWatch has, their mean unless told."""
    cloudwatch = client(platform, "cloudwatch")
    end = world_now(platform).replace(second=0, microsecond=0) - ago * MINUTE
    query = {
        "Id": "m",
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": metric,
                "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items()],
            },
            "Period": 60,
            "Stat": stat,
        },
    }
    values = cloudwatch.get_metric_data(MetricDataQueries=[query], StartTime=end - minutes * MINUTE, EndTime=end)
    values = values["MetricDataResults"][0]["Values"]
    return over(values) if values else 0.0


def of(instance: str, platform, metric: str, **more) -> float:
    return figure(platform, "AWS/RDS", metric, {"DBInstanceIdentifier": instance}, **more)


def balancers(platform) -> list[str]:
    elb = client(platform, "elbv2")
    return [b["LoadBalancerArn"].split(":loadbalancer/")[1] for b in elb.describe_load_balancers()["LoadBalancers"]]


def failing(platform, minutes=2) -> float:
    """Share of the answers of all targets that are 5xx."""

    def total(metric):
        return sum(
            figure(platform, "AWS/ApplicationELB", metric, {"LoadBalancer": lb}, stat="Sum", minutes=minutes)
            for lb in balancers(platform)
        )

    return total("HTTPCode_Target_5XX_Count") / total("RequestCount")


def pods(platform, cluster=0) -> list[dict]:
    return kubernetes(platform, "/api/v1/pods", cluster)["items"]


def kubernetes(platform, path: str, cluster=0):
    token = next(
        line.split(":", 1)[1].strip() for line in (platform.folder / "kubeconfig").read_text().splitlines() if "token:" in line
    )
    request = urllib.request.Request(platform.ready["kubernetes"][cluster] + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read().decode()
    return text if path.partition("?")[0].endswith("/log") else json.loads(text)


def logs(platform, wanted: str, lines=40) -> set[str]:
    """Workloads one of whose pods logged the words within the last lines."""
    seen, found = set(), set()
    for pod in pods(platform):
        owner = pod["metadata"]["ownerReferences"][0]["name"]
        if owner in seen or pod["status"]["phase"] != "Running":
            continue
        seen.add(owner)
        meta = pod["metadata"]
        text = kubernetes(platform, f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/log?tailLines={lines}")
        if wanted in text:
            found.add(owner)
    return found


@pytest.fixture()
def sick(tmp_path):
    with simulated(tmp_path / "sim", "writer-sick", "--clock", "explicit", "--seed", "33", "--pods", "120") as platform:
        yield platform


def test_a_sick_writer_shows_as_one_host_and_not_as_load(sick):
    rds = client(sick, "rds")
    main = cluster(rds)
    ill, calm_readers = writer(main), readers(main)
    assert main["Status"] == "available" and messages(rds, EventCategories=["failover"]) == []
    assert of(ill, sick, "CPUUtilization") > 97
    assert all(of(r, sick, "CPUUtilization") < 60 for r in calm_readers)
    then = {"ago": 15, "minutes": 5}
    assert of(ill, sick, "CommitLatency") > 20 * of(ill, sick, "CommitLatency", **then)
    assert of(ill, sick, "DatabaseConnections") > 2 * of(ill, sick, "DatabaseConnections", **then)
    assert of(ill, sick, "FreeableMemory") < 0.5 * of(ill, sick, "FreeableMemory", **then)
    assert of(ill, sick, "Queries") < of(ill, sick, "Queries", **then), "no more is asked, less is carried"
    assert of(ill, sick, "DBLoad") > 3 * of(ill, sick, "DBLoad", **then)
    assert all(of(r, sick, "AuroraReplicaLag") < 60 for r in calm_readers)
    assert 0.03 < failing(sick) < 0.15
    assert figure(sick, "AWS/ApplicationELB", "TargetResponseTime", {"LoadBalancer": balancers(sick)[0]}, stat="p99") > 4
    assert len(logs(sick, "timeout acquiring connection")) > 5
    ready = [c["status"] for p in pods(sick) for c in p["status"]["conditions"] if c["type"] == "Ready"]
    assert ready.count("True") >= 0.97 * len(ready)


def test_failing_over_mends_it_except_for_pools_that_cling(sick):
    rds = client(sick, "rds")
    main = cluster(rds)
    name, ill = main["DBClusterIdentifier"], writer(main)
    classes = {n: i["DBInstanceClass"] for n, i in instances(rds, main).items()}
    target = next(r for r in readers(main) if classes[r] == classes[ill])
    rds.failover_db_cluster(DBClusterIdentifier=name, TargetDBInstanceIdentifier=target)
    until(sick, lambda: writer(cluster(rds, name)) == target, 20)
    assert logs(sick, "connection refused", lines=3)
    sick.advance(240)
    assert of(target, sick, "CPUUtilization") < 60
    assert of(target, sick, "CommitLatency") < 10
    assert of(ill, sick, "CPUUtilization") > of(target, sick, "CPUUtilization") or of(ill, sick, "AuroraReplicaLag") > 100
    clinging = logs(sick, "read-only")
    assert clinging and not logs(sick, "timeout acquiring connection", lines=20)
    assert len(clinging) < 8
    assert failing(sick) < 0.03


def test_under_load_the_readers_are_hot_too_and_failing_over_moves_the_problem(tmp_path):
    with simulated(tmp_path / "sim", "writer-load", "--clock", "explicit", "--seed", "34", "--pods", "120") as loaded:
        rds = client(loaded, "rds")
        main = cluster(rds)
        old, then = writer(main), {"ago": 15, "minutes": 5}
        classes = {n: i["DBInstanceClass"] for n, i in instances(rds, main).items() if i["DBInstanceStatus"] == "available"}
        assert old in classes and len(classes) == 3
        for member in classes:
            # In a busy hour twice as much is more than the instance has: then it is at its ceiling.
            for metric, ceiling in (("CPUUtilization", 100), ("DBLoadCPU", VCPUS[classes[member]])):
                now, before = of(member, loaded, metric), of(member, loaded, metric, **then)
                assert now > min(1.8 * before, 0.97 * ceiling), (member, metric, now, before)
        requests = {"LoadBalancer": balancers(loaded)[0]}
        assert figure(loaded, "AWS/ApplicationELB", "RequestCount", requests, stat="Sum") > 1.15 * figure(
            loaded, "AWS/ApplicationELB", "RequestCount", requests, stat="Sum", **then
        )
        before = failing(loaded)
        assert before > 0.03
        rds.failover_db_cluster(DBClusterIdentifier=main["DBClusterIdentifier"])
        loaded.advance(300)
        new = writer(cluster(rds))
        assert new != old and of(new, loaded, "CPUUtilization") > 95
        assert failing(loaded) > 0.5 * before


def test_connections_drop_and_come_back(calm):
    rds = client(calm, "rds")
    main = cluster(rds)
    target = readers(main)[0]
    rds.failover_db_cluster(DBClusterIdentifier=main["DBClusterIdentifier"], TargetDBInstanceIdentifier=target)
    calm.advance(240)
    # While it restarts it has no figures; when it is back as the writer, nobody has found it yet.
    low = of(target, calm, "DatabaseConnections", stat="Minimum", minutes=5, over=min)
    high = of(target, calm, "DatabaseConnections", stat="Maximum", minutes=8, over=max)
    assert low < 0.5 * high
    assert of(target, calm, "DatabaseConnections") > 1.1 * of(target, calm, "DatabaseConnections", ago=8)


def test_a_smaller_reader_gets_hot_when_it_is_promoted(calm):
    rds = client(calm, "rds")
    main = cluster(rds)
    classes = {n: i["DBInstanceClass"] for n, i in instances(rds, main).items()}
    small = next(r for r in readers(main) if classes[r] != classes[writer(main)])
    rds.failover_db_cluster(DBClusterIdentifier=main["DBClusterIdentifier"], TargetDBInstanceIdentifier=small)
    calm.advance(240)
    assert writer(cluster(rds)) == small and of(small, calm, "CPUUtilization") > 75


def test_permissions_are_simulated_as_the_services_then_answer(tmp_path):
    denied = "denied:rds:FailoverDBCluster"
    with simulated(tmp_path / "sim", "calm", "--clock", "explicit", "--seed", "35", "--pods", "60", "--fault", denied) as platform:
        iam, rds = client(platform, "iam"), client(platform, "rds")
        session = client(platform, "sts").get_caller_identity()["Arn"]
        role = iam.get_role(RoleName=session.split("/")[1])["Role"]["Arn"]
        main = cluster(rds)

        def decisions(*actions):
            answer = iam.simulate_principal_policy(
                PolicySourceArn=role, ActionNames=list(actions), ResourceArns=[main["DBClusterArn"]]
            )
            assert not answer["IsTruncated"]
            return {r["EvalActionName"]: r["EvalDecision"] for r in answer["EvaluationResults"]}

        asked = ("rds:FailoverDBCluster", "rds:CreateDBInstance", "sqs:StartMessageMoveTask")
        assert decisions(*asked) == dict(zip(asked, ("explicitDeny", "allowed", "allowed")))
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            rds.failover_db_cluster(DBClusterIdentifier=main["DBClusterIdentifier"])
        assert code(refused) == "AccessDenied" and "rds:FailoverDBCluster" in str(refused.value)
        platform.heal()
        assert set(decisions(*asked).values()) == {"allowed"}
        platform.fault("denied:rds:eu-west-1")
        assert decisions("rds:FailoverDBCluster") == {"rds:FailoverDBCluster": "allowed"}, "another region"
        for arn, expected in ((session, "InvalidInput"), (role + "x", "NoSuchEntity")):
            with pytest.raises(botocore.exceptions.ClientError) as wrong:
                iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["rds:FailoverDBCluster"])
            assert code(wrong) == expected


def test_autoscaling_adds_a_reader_of_its_own_when_the_readers_are_hot(tmp_path):
    with simulated(tmp_path / "sim", "writer-load", "--clock", "explicit", "--seed", "36", "--pods", "60") as loaded:
        rds, scaling = client(loaded, "rds"), client(loaded, "application-autoscaling")
        main = cluster(rds)
        resource = f"cluster:{main['DBClusterIdentifier']}"
        target = scaling.describe_scalable_targets(ServiceNamespace="rds", ResourceIds=[resource])["ScalableTargets"][0]
        assert (target["ScalableDimension"], target["MinCapacity"], target["MaxCapacity"]) == ("rds:cluster:ReadReplicaCount", 1, 4)
        policy = scaling.describe_scaling_policies(ServiceNamespace="rds", ResourceId=resource)["ScalingPolicies"][0]
        tracked = policy["TargetTrackingScalingPolicyConfiguration"]
        assert tracked["PredefinedMetricSpecification"]["PredefinedMetricType"] == "RDSReaderAverageCPUUtilization"

        def own():
            return [r for r in readers(cluster(rds)) if r.startswith("application-autoscaling-")]

        until(loaded, own, 600, 20)
        made = instances(rds, main)[own()[0]]
        assert made["PromotionTier"] == 15
        until(loaded, lambda: instances(rds, main)[made["DBInstanceIdentifier"]]["DBInstanceStatus"] == "available", 480, 20)
        loaded.advance(150)
        done = scaling.describe_scaling_activities(ServiceNamespace="rds", ResourceId=resource)["ScalingActivities"]
        assert done[-1]["StatusCode"] == "Successful" and "AlarmHigh" in done[-1]["Cause"]
        assert of(made["DBInstanceIdentifier"], loaded, "CPUUtilization") > 5

        suspended = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True}
        scaling.register_scalable_target(
            ServiceNamespace="rds", ResourceId=resource, ScalableDimension="rds:cluster:ReadReplicaCount", SuspendedState=suspended
        )
        shown = scaling.describe_scalable_targets(ServiceNamespace="rds")["ScalableTargets"][0]["SuspendedState"]
        assert shown["DynamicScalingOutSuspended"] and shown["DynamicScalingInSuspended"]
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            scaling.describe_scalable_targets(ServiceNamespace="no-such")
        assert code(refused) == "ValidationException"


def the_global(rds) -> dict:
    return rds.describe_global_clusters()["GlobalClusters"][0]


def primary(described) -> str:
    return next(m["DBClusterArn"] for m in described["GlobalClusterMembers"] if m["IsWriter"])


@pytest.mark.parametrize("loses", [False, True])
def test_the_global_database_changes_its_primary_region(calm, loses):
    here, there = client(calm, "rds"), client(calm, "rds", "eu-west-1")
    before = the_global(here)
    assert before["Status"] == "available" and not before.get("FailoverState")
    old = primary(before)
    new = next(m["DBClusterArn"] for m in before["GlobalClusterMembers"] if not m["IsWriter"])
    name = before["GlobalClusterIdentifier"]
    lag = {"DBClusterIdentifier": new.rsplit(":", 1)[1]}
    shown = client(calm, "cloudwatch", "eu-west-1").list_metrics(Namespace="AWS/RDS", MetricName="AuroraGlobalDBRPOLag")
    assert lag in [{d["Name"]: d["Value"] for d in m["Dimensions"]} for m in shown["Metrics"]]
    leads = resolve(calm, before["Endpoint"])[0]

    asked = {"GlobalClusterIdentifier": name, "TargetDbClusterIdentifier": new}
    if loses:
        with pytest.raises(botocore.exceptions.ClientError) as both:
            here.failover_global_cluster(**asked, AllowDataLoss=True, Switchover=True)
        assert code(both) == "InvalidParameterCombination"
        answer = here.failover_global_cluster(**asked, AllowDataLoss=True)
    else:
        answer = here.switchover_global_cluster(**asked)
    state = answer["GlobalCluster"]["FailoverState"]
    assert (state["Status"], state["FromDbClusterArn"], state["ToDbClusterArn"]) == ("pending", old, new)
    assert state["IsDataLossAllowed"] is loses
    with pytest.raises(botocore.exceptions.ClientError) as again:
        here.switchover_global_cluster(**asked)
    assert code(again) == "InvalidGlobalClusterStateFault"
    busy = "failing-over" if loses else "switching-over"
    until(calm, lambda: the_global(here)["FailoverState"]["Status"] == busy, 6)
    assert cluster(there, new.rsplit(":", 1)[1])["Status"] == "promoting"
    until(calm, lambda: primary(the_global(there)) == new, 120, 2)
    until(calm, lambda: not the_global(here).get("FailoverState"), 60, 2)
    assert resolve(calm, before["Endpoint"])[0] != leads
    assert writer(cluster(there, new.rsplit(":", 1)[1]))
    assert len(readers(cluster(here, old.rsplit(":", 1)[1]))) == 2, "the old primary has no writer"
    end = f"Global {'failover' if loses else 'switchover'} to DB cluster"
    assert any(m.startswith(end) for m in messages(there, SourceType="db-cluster", EventCategories=["global failover"]))
    states = {m["DBClusterArn"]: m["SynchronizationStatus"] for m in the_global(here)["GlobalClusterMembers"]}
    assert states[old] == ("pending-resync" if loses else "connected")


def test_a_change_of_primary_that_cannot_be_is_refused(calm):
    rds = client(calm, "rds")
    described = the_global(rds)
    name, first = described["GlobalClusterIdentifier"], primary(described)
    for asked, expected in (
        (("no-such", first), "GlobalClusterNotFoundFault"),
        ((name, first.replace("cluster:", "cluster:x")), "DBClusterNotFoundFault"),
        ((name, first), "InvalidDBClusterStateFault"),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            rds.switchover_global_cluster(GlobalClusterIdentifier=asked[0], TargetDbClusterIdentifier=asked[1])
        assert code(refused) == expected


def test_maintenance_ahead_is_told_of_the_instance_it_waits_for(calm):
    rds = client(calm, "rds")
    reader = readers(cluster(rds))[0]
    calm.post("/databases", {"instance": reader, "maintenance": True})
    arn = instances(rds, cluster(rds))[reader]["DBInstanceArn"]
    pending = rds.describe_pending_maintenance_actions(ResourceIdentifier=arn)["PendingMaintenanceActions"]
    assert [p["ResourceIdentifier"] for p in pending] == [arn]
    assert pending[0]["PendingMaintenanceActionDetails"][0]["Action"] == "system-update"
    calm.post("/databases", {"instance": reader, "maintenance": False})
    assert not rds.describe_pending_maintenance_actions(ResourceIdentifier=arn)["PendingMaintenanceActions"]


def test_protection_of_a_cluster_can_be_changed(calm):
    rds = client(calm, "rds")
    name = cluster(rds)["DBClusterIdentifier"]
    assert cluster(rds, name)["DeletionProtection"] is True
    rds.modify_db_cluster(DBClusterIdentifier=name, DeletionProtection=False)
    assert cluster(rds, name)["DeletionProtection"] is False
