"""The scenarios of the simulated platform, read by qd as it reads any platform."""

import pytest

import topology as reading
from platform_by_boto3 import client
from platform_sim import simulated


@pytest.fixture(scope="module", params=["calm", "az-degraded", "dlq-fills"])
def world(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with simulated(folder / "sim", request.param, "--clock", "explicit", "--seed", "7") as platform:
        yield request.param, platform, reading.read(platform.stack, folder / "state")


def test_the_picture_is_complete_and_sound(world):
    _, _, picture = world
    reading.assert_sound(picture)
    failed = [s for s in picture.document["sources"] if s["state"] != "ok"]
    assert picture.code == 0 and not failed, failed


def test_every_aws_object_is_a_node(world):
    _, platform, picture = world
    for region in {n["scope"]["region"] for n in picture.of("queue")}:
        queues = client("sqs", platform.aws, region).list_queues().get("QueueUrls", [])
        expect(picture, "queue", region, {url.rsplit("/", 1)[1] for url in queues})
        lbs = client("elbv2", platform.aws, region).describe_load_balancers()["LoadBalancers"]
        expect(picture, "loadbalancer", region, {lb["LoadBalancerName"] for lb in lbs})
        groups = client("elbv2", platform.aws, region).describe_target_groups()["TargetGroups"]
        expect(picture, "targetgroup", region, {g["TargetGroupName"] for g in groups})
        rds = client("rds", platform.aws, region)
        expect(picture, "dbcluster", region, {c["DBClusterIdentifier"] for c in rds.describe_db_clusters()["DBClusters"]})
        expect(picture, "dbinstance", region, {i["DBInstanceIdentifier"] for i in rds.describe_db_instances()["DBInstances"]})
        functions = client("lambda", platform.aws, region).list_functions()["Functions"]
        expect(picture, "function", region, {f["FunctionName"] for f in functions})
        expect(picture, "cluster", region, set(client("eks", platform.aws, region).list_clusters()["clusters"]))


def expect(picture, kind, region, names):
    drawn = [n["name"] for n in picture.of(kind) if n["scope"].get("region") == region]
    assert sorted(drawn) == sorted(names), f"{kind} in {region}"


def test_from_every_record_a_walk_reaches_pods_or_a_bucket(world):
    _, _, picture = world
    assert len(picture.of("record")) >= 3
    to_writer = 0
    for record in picture.of("record"):
        reached = picture.reach(record["id"])
        kinds = {picture.nodes[i]["kind"] for i in reached}
        assert kinds & {"pod", "bucket"}, f"{record['name']} leads nowhere: {kinds}"
        writers = [i for i in reached if picture.nodes[i]["facts"].get("role") == "writer"]
        to_writer += bool(writers)
    assert to_writer >= 1, "no record leads to an Aurora writer"


def test_messages_lead_to_their_consumers(world):
    _, _, picture = world
    sources = [q for q in picture.of("queue") if not q["facts"].get("is_dead_letter_queue")]
    assert sources
    for queue in sources:
        kinds = {picture.nodes[e["to"]]["kind"] for e in picture.out.get(queue["id"], [])}
        assert kinds & {"mapping", "function", "scaledobject", "deployment"}, f"{queue['name']} has no consumer: {kinds}"


def test_health_and_causes_say_what_is_wrong(world):
    scenario, _, picture = world
    rules = [c["rule"] for c in picture.document["causes"]]
    critical = [n["id"] for n in picture.nodes.values() if n["health"]["level"] == "critical"]
    if scenario == "calm":
        assert rules == [] and critical == [], (rules, critical[:5])
    if scenario == "az-degraded":
        cause = picture.document["causes"][0]
        assert cause["rule"] == "az-fault"
        lit = {
            picture.nodes[s["node"]]["scope"].get("az") for s in cause["signals"] if s["node"] in picture.nodes
        } - {None}
        assert any(az in cause["sentence"] for az in lit), cause
    if scenario == "dlq-fills":
        cause = picture.document["causes"][0]
        assert cause["rule"] == "consumer-revision", rules
        assert any(q["facts"]["messages_visible"] > 0 for q in picture.of("queue") if q["facts"].get("is_dead_letter_queue"))


def test_status_says_it_with_its_exit_code(world, tmp_path):
    scenario, platform, _ = world
    done = reading.qd("status", "--stack", str(platform.stack), state=tmp_path)
    assert done.returncode == {"calm": 0, "az-degraded": 2, "dlq-fills": 2}[scenario], done.stdout
