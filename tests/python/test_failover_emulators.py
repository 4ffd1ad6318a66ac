"""`failover`, `add-reader` and `remove-reader` on emulators we did not write, over Aurora clusters that boto3 created."""

import concurrent.futures
import json
import threading

import pytest

import emulators
import topology as reading
from aurora_by_boto3 import MEMBERS, Aurora
from desk import Terminal, failing
from dns_by_role import resolving
from emulator_front import fronted
from platform_by_boto3 import client
from road_desk import finding

# Platform seconds in one of ours; and once nothing but a deadline is left to wait for.
SPEED, HASTE = 60, 600
FAILOVER, CREATE, DELETE = "FailoverDBCluster", "CreateDBInstance", "DeleteDBInstance"
ENDPOINTS = "DescribeDBClusterEndpoints"
# moto backs a cluster up from 01:37 UTC and an instance from 13:14: between them is a night in which no window is near,
# however fast a test's hours pass.
QUIET_HOUR = 15
DONE = b"<FailoverDBClusterResponse><FailoverDBClusterResult/></FailoverDBClusterResponse>"
# moto 5.2.5 answers this one with HTTP 500; a server with nothing to maintain answers so.
NO_MAINTENANCE = (
    b"<DescribePendingMaintenanceActionsResponse><DescribePendingMaintenanceActionsResult>"
    b"<PendingMaintenanceActions/></DescribePendingMaintenanceActionsResult></DescribePendingMaintenanceActionsResponse>"
)


class World:
    """An emulator, the front before it, and the operator at the front."""

    def __init__(self, endpoint: str, front, folder, resolver: str = ""):
        self.endpoint, self.front, self.clusters = endpoint, front, []
        self.state = folder / "state"
        dns = f'\n[dns]\nserver = "{resolver}"\n' if resolver else ""
        self.stack = emulators.stack_file(folder, front.url if front else endpoint, ["us-east-1"], dns)
        self.desk = Terminal(self, self.state)

    def cluster(self, name: str, *figures_of: str, figures: bool = True) -> Aurora:
        aurora = Aurora(self.endpoint, name)
        self.clusters.append(aurora)
        if figures:
            aurora.put_figures(self.front.now(), *figures_of)
        return aurora

    def address(self, host: str) -> str | None:
        """As a VPC's resolver answers: `localhost` is this machine, a database's name leads to where it is."""
        known = {"localhost": "127.0.0.1"}
        for aurora in self.clusters:
            known = aurora.addresses() | known
        return known.get(host)

    def record_is_intact(self) -> bool:
        return reading.qd("audit", "verify", state=self.state).returncode == 0


@pytest.fixture(scope="module", params=["moto", "ministack"])
def world(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    lookup = lambda host: world.address(host)
    with getattr(emulators, request.param)() as endpoint, resolving(lookup) as resolver:
        # moto keeps metrics and speaks no CBOR, which is all that the console speaks to CloudWatch.
        with fronted(endpoint, SPEED, cbor=request.param == "moto") as front:
            if request.param == "moto":
                front.instead["DescribePendingMaintenanceActions"] = NO_MAINTENANCE
            world = World(endpoint, front, folder, resolver)
            yield world


@pytest.fixture(autouse=True)
def tidied(request):
    """Each test has a cluster of its own, begins at an hour without windows, and leaves the front as it was."""
    if "world" in request.fixturenames:
        request.getfixturevalue("world").front.to_next(QUIET_HOUR)
    yield
    if "world" in request.fixturenames:
        world = request.getfixturevalue("world")
        while world.clusters:
            world.clusters.pop().delete()
        front = world.front
        for operation in (FAILOVER, ENDPOINTS):
            front.instead.pop(operation, None)
        for left in (front.rewritten, front.then, front.lost):
            left.clear()
        front.hurry(SPEED)


def unknown(plan: dict) -> dict[str, str]:
    return {f["id"]: f["sentence"] for f in plan["findings"] if f["outcome"] == "unknown"}


def choices(world: World, cluster: str) -> dict[str, dict]:
    (offer,) = [o for o in world.desk.offers(cluster) if o["action"] == "failover"]
    (setting,) = offer["settings"]
    assert setting["default"] == "", "nobody is chosen by default"
    return {choice["value"]: choice for choice in setting["ask"]["choices"]}


def test_the_members_show_role_zone_class_and_tier(world):
    aurora = world.cluster("shown", figures=False)
    picture = world.desk.picture()
    reading.assert_sound(picture)
    cluster = picture.named("dbcluster", "shown")
    assert (cluster["facts"]["writer"], cluster["facts"]["readers_available"]) == (aurora.a, 2)
    owned = {e["to"] for e in picture.out[cluster["id"]] if e["relation"] == "owns"}
    for letter, (zone, size, tier) in MEMBERS.items():
        member = picture.named("dbinstance", f"shown-{letter}")
        assert member["id"] in owned
        assert member["scope"]["az"] == f"us-east-1{zone}"
        facts = member["facts"]
        assert (facts["role"], facts["instance_class"], facts["promotion_tier"], facts["status"]) == (
            "writer" if letter == "a" else "reader", size, tier, "available",
        )


def test_without_figures_what_is_unknown_blocks_and_says_why(world):
    aurora = world.cluster("blind", figures=False)
    code, plan = world.desk.plan("failover", "blind", target=aurora.b)
    assert code == 4 and plan["blocked"] and not plan.get("breakable", False)
    told = unknown(plan)
    assert set(told) == {"failover.target-lag", "failover.load-or-host", "failover.target-cpu", "failover.target-connections", "failover.read-share"}
    assert all("not known" in s and ", because CloudWatch " in s for s in told.values()), told
    assert finding(plan, "failover.target-lag")["source"].startswith("cloudwatch/")
    refused = reading.qd("act", "failover", "blind", "--set", f"target={aurora.b}", "--reason", "drill", "--confirm", plan["confirm"],
                         "--digest", plan["digest"], "--stack", str(world.stack), "--json", state=world.state)
    assert refused.returncode == 4 and not world.front.asked(FAILOVER), refused.stderr
    for choice in choices(world, "blind").values():
        assert choice["colour"] == "red" and ", because CloudWatch " in choice["why"], choice
    code, plan = world.desk.plan("remove-reader", aurora.c)
    assert code == 4 and ", because CloudWatch " in unknown(plan)["remove-reader.others-carry"], unknown(plan)


def test_a_proxy_in_front_is_said_of_its_cluster_and_of_no_other(world):
    aurora, other = world.cluster("fronted"), world.cluster("plain", figures=False)
    subnets = [s["SubnetId"] for s in client("ec2", world.endpoint).describe_subnets()["Subnets"]][:2]
    secret = {"AuthScheme": "SECRETS", "SecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"}
    role = "arn:aws:iam::123456789012:role/rds-proxy"
    aurora.rds.create_db_proxy(DBProxyName="front", EngineFamily="POSTGRESQL", Auth=[secret], RoleArn=role, VpcSubnetIds=subnets)
    try:
        aurora.rds.register_db_proxy_targets(DBProxyName="front", DBClusterIdentifiers=[aurora.name])
        picture = world.desk.picture()
        said = {name: picture.named("dbcluster", name)["facts"]["proxies"] for name in (aurora.name, other.name)}
        assert said == {"fronted": "front", "plain": "none"}
        code, plan = world.desk.plan("failover", aurora.name, target=aurora.b)
        assert (code, plan["level"]) == (0, "L3"), failing(plan, "block")
        advice = finding(plan, "failover.proxy")
        assert advice["outcome"] == "pass" and advice["sentence"].startswith("RDS Proxy front is in front of fronted"), advice
        assert advice["source"].startswith("rds/") and advice["source"].endswith("/proxies"), advice
    finally:
        aurora.rds.delete_db_proxy(DBProxyName="front")


@pytest.mark.parametrize("world", ["moto"], indirect=True)
def test_what_moto_itself_does_not_answer_is_named_in_the_check(world, tmp_path):
    aurora = world.cluster("bare", figures=False)
    code, plan = World(world.endpoint, None, tmp_path).desk.plan("failover", "bare", target=aurora.b)
    told = unknown(plan)
    assert code == 4 and plan["blocked"]
    assert "because CloudWatch GetMetricData" in told["failover.target-lag"], told
    assert "because RDS DescribePendingMaintenanceActions" in told["failover.target-maintenance"], told


def test_with_figures_every_reader_shows_its_fit(world):
    aurora = world.cluster("fit")
    fits = choices(world, "fit")
    assert list(fits) == [aurora.b, aurora.c], "the better one first"
    assert (fits[aurora.b]["colour"], fits[aurora.c]["colour"]) == ("green", "amber")
    for letter, name in (("b", aurora.b), ("c", aurora.c)):
        zone, size, tier = MEMBERS[letter]
        facts = "; ".join(fits[name]["facts"])
        for part in (f"us-east-1{zone}", size, f"tier {tier}", "lag 14 ms", "CPU 20 %", "30 connections (writer 30)"):
            assert part in facts, (part, facts)

    code, plan = world.desk.plan("failover", "fit", target=aurora.b)
    assert (code, plan["level"]) == (0, "L3") and not failing(plan, "warn") and not unknown(plan)
    code, plan = world.desk.plan("failover", "fit", target=aurora.c)
    assert (code, plan["level"]) == (4, "L4")
    assert failing(plan, "warn") == {"failover.target-size", "failover.target-tier"}
    assert "smaller than the writer" in finding(plan, "failover.target-size")["sentence"]
    code, nobody = world.desk.plan("failover", "fit")
    assert code == 4 and f"AWS would promote {aurora.b}" in finding(nobody, "failover.target-chosen")["sentence"]


def predicates(receipt: dict) -> dict[str, bool]:
    return {p["id"]: p["holds"] for p in receipt["predicates"]}


@pytest.mark.parametrize("answer", ["heard", "lost"])
def test_a_failover_is_called_once_moves_the_role_and_claims_what_was_seen(world, answer):
    aurora = world.cluster(f"orders-{answer}")
    code, plan = world.desk.plan("failover", aurora.name, target=aurora.b)
    assert code == 0, failing(plan, "block")
    if answer == "lost":
        world.front.lost.add(FAILOVER)
    before = len(world.front.asked(FAILOVER))
    code, receipt = world.desk.act(plan)
    calls = world.front.asked(FAILOVER)[before:]
    assert [c["TargetDBInstanceIdentifier"] for c in calls] == [aurora.b], "one call, and no second one"
    assert aurora.writers() == [aurora.b]
    held = predicates(receipt)
    assert held["failover.role"] and held["failover.cluster"] and held["failover.old-writer"]
    hosts = {one["Endpoint"]["Address"] for one in aurora.instances().values()}
    if len(hosts) == 3:
        assert (code, receipt["verdict"]) == (0, "verified") and held["failover.endpoint"], receipt["sentence"]
        # moto keeps no failover events: what was done from here is the witness, and blocks for ten minutes of the platform.
        _, back = world.desk.plan("failover", aurora.name, target=aurora.a)
        (last,) = [f for f in back["findings"] if f["id"] == "failover.not-recent"]
        says = "from here" if last["outcome"] == "pass" else "failed over"
        assert says in last["sentence"] and "ago" in last["value"], last
    else:
        # Every name is `localhost`: the role can be verified there, and where the endpoint leads cannot.
        assert (code, receipt["verdict"]) == (6, "unverified") and not held["failover.endpoint"]
        assert f"{aurora.a} and {aurora.b} have the same address" in receipt["sentence"], receipt["sentence"]
        assert f"The writer endpoint resolves to {aurora.b} (127.0.0.1, which is the old writer's address too)" in receipt["sentence"]
    assert receipt["undo_request"]["settings"] == {"target": aurora.a, "back": "yes"}
    assert world.record_is_intact()


def test_an_answer_that_moved_nothing_is_not_taken_for_a_failover(world):
    aurora = world.cluster("still")
    code, plan = world.desk.plan("failover", "still", target=aurora.b)
    assert code == 0, failing(plan, "block")
    world.front.instead[FAILOVER] = DONE
    world.front.then[FAILOVER] = lambda: world.front.hurry(HASTE)
    before = len(world.front.asked(FAILOVER))
    code, receipt = world.desk.act(plan)
    assert len(world.front.asked(FAILOVER)) == before + 1 and aurora.writers() == [aurora.a]
    assert (code, receipt["verdict"]) == (6, "unverified"), receipt["sentence"]
    assert f"{aurora.b} is the writer of still (writer {aurora.a})" in receipt["sentence"], receipt["sentence"]
    assert not predicates(receipt)["failover.role"] and world.record_is_intact()


@pytest.mark.parametrize("world", ["moto"], indirect=True)
def test_a_whole_takes_one_action_at_a_time_also_where_no_cluster_gives_a_lock(world):
    aurora = world.cluster("alone")
    code, plan = world.desk.plan("failover", "alone", target=aurora.b)
    assert code == 0, failing(plan, "block")
    called = threading.Event()
    world.front.then[FAILOVER] = lambda: (world.front.hurry(1), called.set())
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(world.desk.act, plan)
        assert called.wait(60), "the failover was never called"
        code, other = world.desk.plan("remove-reader", aurora.c)
        assert code == 0, failing(other, "block")
        refused = reading.qd("act", "remove-reader", aurora.c, "--reason", "drill", "--confirm", other["confirm"], "--digest", other["digest"],
                             "--stack", str(world.stack), "--json", state=world.state)
        world.front.hurry(SPEED)
        code, receipt = running.result()
    assert refused.returncode == 4 and "alone, which belongs with alone-c" in refused.stderr, (refused.returncode, refused.stderr)
    assert not world.front.asked(DELETE) and aurora.c in aurora.instances()
    assert (code, receipt["verdict"]) == (0, "verified"), receipt["sentence"]


def test_a_reader_is_added_and_removed_again(world):
    aurora = world.cluster("more", "more-1")
    code, plan = world.desk.plan("add-reader", "more", az="us-east-1b")
    assert (code, plan["level"]) == (0, "L2"), failing(plan, "block")
    price = finding(plan, "add-reader.price")
    assert price["value"] == "not checked" and "Price List GetProducts" in price["sentence"], price
    code, receipt = world.desk.act(plan)
    assert (code, receipt["verdict"]) == (0, "verified"), receipt["sentence"]
    made = aurora.instances()["more-1"]
    assert (made["DBInstanceClass"], made["AvailabilityZone"], made["PromotionTier"]) == ("db.r6g.xlarge", "us-east-1b", 1)
    assert aurora.writers() == [aurora.a]

    undo = receipt["undo_request"]
    world.front.then[DELETE] = lambda: world.front.hurry(HASTE)
    code, plan = world.desk.plan(undo["action"], undo["node"])
    assert (code, plan["level"]) == (0, "L3"), [f for f in plan["findings"] if f["outcome"] != "pass"]
    code, receipt = world.desk.act(plan)
    assert (code, receipt["verdict"]) == (0, "verified"), receipt["sentence"]
    assert set(aurora.instances()) == {aurora.a, aurora.b, aurora.c}
    changed = [(op, c["DBInstanceIdentifier"]) for op in (CREATE, DELETE) for c in world.front.asked(op)]
    assert changed.count((CREATE, "more-1")) == changed.count((DELETE, "more-1")) == 1
    assert world.record_is_intact() and json.loads(reading.qd("runs", "--json", state=world.state).stdout) == []


@pytest.mark.parametrize("world", ["ministack"], indirect=True)
def test_a_new_reader_without_figures_is_there_and_not_verified(world):
    aurora = world.cluster("mute", figures=False)
    code, plan = world.desk.plan("add-reader", "mute")
    assert code == 0, failing(plan, "block")
    world.front.then[CREATE] = lambda: world.front.hurry(HASTE)
    code, receipt = world.desk.act(plan)
    assert (code, receipt["verdict"]) == (6, "unverified"), receipt["sentence"]
    assert "mute-1 is less than 100 ms behind (no figure yet)" in receipt["sentence"], receipt["sentence"]
    assert aurora.instances()["mute-1"]["DBInstanceStatus"] == "available" and predicates(receipt)["reader.available"]
    assert [c["DBInstanceIdentifier"] for c in world.front.asked(CREATE)].count("mute-1") == 1


@pytest.mark.parametrize("world", ["ministack"], indirect=True)
def test_the_only_member_of_a_custom_endpoint_is_kept(world):
    """No emulator knows custom endpoints: the cluster's answer is given one, and so is the question for its members."""
    aurora = world.cluster("custom")
    code, plan = world.desk.plan("remove-reader", aurora.c)
    assert code == 0, failing(plan, "block")
    named = b"<CustomEndpoints><member>reports.cluster-custom-x.rds.example</member></CustomEndpoints>"
    world.front.rewritten["DescribeDBClusters"] = (b"<DBCluster>", b"<DBCluster>" + named)
    member = (
        f"<DBClusterEndpointIdentifier>reports</DBClusterEndpointIdentifier><EndpointType>CUSTOM</EndpointType>"
        f"<StaticMembers><member>{aurora.c}</member></StaticMembers>"
    )
    member = f"<DBClusterEndpoints><DBClusterEndpointList>{member}</DBClusterEndpointList></DBClusterEndpoints>"
    world.front.instead[ENDPOINTS] = f"<{ENDPOINTS}Response><{ENDPOINTS}Result>{member}</{ENDPOINTS}Result></{ENDPOINTS}Response>".encode()
    code, receipt = world.desk.act(plan)
    assert (code, receipt["verdict"]) == (5, "failed"), receipt["sentence"]
    assert f"{aurora.c} is the only member of custom endpoint reports." in receipt["sentence"], receipt["sentence"]
    assert aurora.c in aurora.instances() and aurora.c not in [c["DBInstanceIdentifier"] for c in world.front.asked(DELETE)]
