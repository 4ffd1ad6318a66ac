"""Three accounts at once, in three partitions, whose queues and databases have the same names: moto's, built by boto3."""

import contextlib
import json

import pytest

import emulators
import topology as reading
from platform_by_boto3 import client

MAIN, CHINA, GOV = "111111111111", "222222222222", "333333333333"
# Account, profile, partition, regions.
PLACES = [
    (MAIN, "main", "aws", ["us-east-1", "eu-west-1"]),
    (CHINA, "china", "aws-cn", ["cn-north-1"]),
    (GOV, "gov", "aws-us-gov", ["us-gov-west-1"]),
]


def build(endpoint: str, region: str) -> None:
    sqs, rds = client("sqs", endpoint, region), client("rds", endpoint, region)
    dlq = sqs.create_queue(QueueName="orders-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dlq, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    sqs.create_queue(QueueName="orders", Attributes={"RedrivePolicy": policy})
    sqs.send_message(QueueUrl=dlq, MessageBody=region)
    rds.create_db_cluster(
        DBClusterIdentifier="ledger", Engine="aurora-postgresql", MasterUsername="desk", MasterUserPassword="not-a-secret"
    )
    for n in (1, 2):
        rds.create_db_instance(
            DBInstanceIdentifier=f"ledger-{n}", DBClusterIdentifier="ledger", Engine="aurora-postgresql",
            DBInstanceClass="db.r6g.large",
        )


class Desk:
    def __init__(self, folder, endpoints: dict[str, str]):
        self.state, aws = folder / "state", folder / "aws"
        aws.mkdir(parents=True)
        config = [f"[profile {name}]\nregion = {regions[0]}\nendpoint_url = {endpoints[id]}\n" for id, name, _, regions in PLACES]
        keys = [f"[{name}]\naws_access_key_id = test\naws_secret_access_key = test\n" for _, name, _, _ in PLACES]
        (aws / "config").write_text("".join(config))
        (aws / "credentials").write_text("".join(keys))
        self.stack = folder / "quarterdeck.toml"
        self.accounts({})

    def accounts(self, wrong: dict[str, str]) -> None:
        """The stack file; `wrong` gives a profile another account than it leads to."""
        text = 'name = "Three"\nenvironment = "dev"\n'
        for id, name, _, regions in PLACES:
            text += f'\n[[account]]\nprofile = "{name}"\nid = "{wrong.get(name, id)}"\nregions = {json.dumps(regions)}\n'
        self.stack.write_text(text + '\n[files]\naws_config = "aws/config"\naws_credentials = "aws/credentials"\n')

    def plan(self, verb: str, node: str) -> dict:
        done = reading.qd("plan", verb, node, "--stack", str(self.stack), "--json", state=self.state)
        assert done.returncode in (0, 4), done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with contextlib.ExitStack() as running:
        endpoints = {id: running.enter_context(emulators.moto(id)) for id, *_ in PLACES}
        for id, _, _, regions in PLACES:
            for region in regions:
                build(endpoints[id], region)
        yield Desk(tmp_path_factory.mktemp("three"), endpoints)


@pytest.fixture(scope="module")
def picture(desk):
    return reading.read(desk.stack, desk.state)


def placed(node: dict) -> tuple[str, str]:
    return node["scope"]["account"], node["scope"]["region"]


EVERYWHERE = {(id, region) for id, _, _, regions in PLACES for region in regions}


def test_the_same_names_are_other_things_in_every_account_and_region(picture):
    reading.assert_sound(picture)
    for kind, name in (("queue", "orders"), ("queue", "orders-dlq"), ("dbcluster", "ledger"), ("dbinstance", "ledger-2")):
        found = [n for n in picture.of(kind) if n["name"] == name]
        assert len(found) == len(EVERYWHERE) and {placed(n) for n in found} == EVERYWHERE, (kind, name)


def test_nothing_leads_from_one_account_or_region_into_another(picture):
    for edge in picture.document["edges"]:
        ends = [picture.nodes[edge[end]] for end in ("from", "to")]
        assert placed(ends[0]) == placed(ends[1]), edge
    pairs = [e for e in picture.document["edges"] if e["relation"] == "dead-letters"]
    assert len(pairs) == len(EVERYWHERE), [e["relation"] for e in picture.document["edges"]]


@pytest.mark.parametrize(("account", "partition", "region"), [(id, p, r[-1]) for id, _, p, r in PLACES])
def test_a_plan_is_of_its_account_region_and_partition(desk, picture, account, partition, region):
    (dlq,) = [n for n in picture.of("queue") if n["name"] == "orders-dlq" and placed(n) == (account, region)]
    redrive = desk.plan("redrive", dlq["id"])
    assert account in redrive["place"] and region in redrive["place"]
    assert redrive["calls"][0]["region"] == region and f"--region {region}" in redrive["calls"][0]["cli"]
    (cluster,) = [n for n in picture.of("dbcluster") if placed(n) == (account, region)]
    add = desk.plan("add-reader", cluster["id"])
    for plan in (redrive, add):
        for right in plan["rights"]:
            assert right["resource"].split(":")[1] == partition, right
            assert right["resource"].split(":")[3:5] == [region, account], right


def test_an_account_that_is_another_is_not_shown_and_the_others_are(desk, tmp_path):
    desk.accounts({"china": GOV})
    try:
        picture = reading.read(desk.stack, tmp_path / "state")
    finally:
        desk.accounts({})
    accounts = {placed(n)[0] for n in picture.of("queue")}
    assert accounts == {MAIN, GOV}
    assert not any("cn-north-1" in id for id in picture.nodes)
    (wrong,) = [a for a in picture.document["identity"]["access"] if a["state"] == "wrong-account"]
    assert wrong["profile"] == "china" and CHINA in wrong["sentence"] and wrong["next_step"].endswith("."), wrong
