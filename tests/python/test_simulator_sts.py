"""STS of the simulated platform asked by boto3: roles, codes, and what session policies let pass."""

import datetime
import json

import boto3
import botocore.config
import botocore.exceptions
import pytest

import totp
from platform_sim import simulated

ACCOUNT = "100200300400"
OPTIONS = ("--clock", "explicit", "--seed", "23", "--pods", "40", "--regions", "1")
OPERATIONS, ACT = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("operations", "quarterdeck-act"))


def client(platform, service, keys=None):
    given = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    if keys is not None:
        given = {"aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"], "aws_session_token": keys.get("SessionToken")}
    once = botocore.config.Config(retries={"total_max_attempts": 1})
    return boto3.client(service, endpoint_url=platform.aws, region_name="us-east-1", config=once, **given)


def refused(call, **more) -> tuple[str, str]:
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**more)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("sts") / "sim", "dlq-fills", *OPTIONS) as platform:
        yield platform


@pytest.fixture(scope="module")
def asking(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("mfa") / "sim", "calm", *OPTIONS, "--sign-in", "mfa") as platform:
        yield platform


USER = {"AccessKeyId": "AKIAQUARTERDECKSIM01", "SecretAccessKey": "nothing-secret-on-loopback"}


def acting(platform, *statements: dict) -> dict:
    """Keys of the acting role that may do this."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})
    return client(platform, "sts").assume_role(RoleArn=ACT, RoleSessionName="run-1", DurationSeconds=900, Policy=policy)["Credentials"]


def test_a_role_is_assumed_and_says_who_it_is_and_until_when(plain):
    answer = client(plain, "sts").assume_role(RoleArn=ACT, RoleSessionName="run-1", DurationSeconds=900)
    who = client(plain, "sts", answer["Credentials"]).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/quarterdeck-act/run-1" == answer["AssumedRoleUser"]["Arn"]
    assert who["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"] and who["Account"] == ACCOUNT
    left = answer["Credentials"]["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert 890 < left.total_seconds() <= 900
    assert client(plain, "sts").get_caller_identity()["Arn"].endswith(":assumed-role/operations/on-call")
    for name in ("operations", "quarterdeck-act"):
        role = client(plain, "iam").get_role(RoleName=name)["Role"]
        assert role["Arn"].endswith(f":role/{name}") and role["MaxSessionDuration"] == 3600
        may = client(plain, "iam").simulate_principal_policy(PolicySourceArn=role["Arn"], ActionNames=["sqs:PurgeQueue"])
        assert [r["EvalDecision"] for r in may["EvaluationResults"]] == ["allowed"]


def test_what_cannot_be_is_refused_with_the_codes_of_the_model(plain):
    assume = client(plain, "sts").assume_role
    of = {"RoleArn": ACT, "RoleSessionName": "run-1"}
    assert refused(assume, **of | {"DurationSeconds": 3601})[0] == "ValidationError"
    assert refused(assume, **of | {"RoleArn": OPERATIONS + "-2"})[0] == "AccessDenied"
    sts = client(plain, "sts")
    with pytest.raises(sts.exceptions.MalformedPolicyDocumentException):
        sts.assume_role(**of, Policy='{"Statement": []')
    long = refused(sts.assume_role, **of, Policy='{"Statement": []}' + " " * 2048)
    assert long[0] == "ValidationError" and "less than or equal to 2048" in long[1]


def test_a_session_policy_lets_its_action_on_its_resource_pass_and_nothing_else(plain):
    sqs = client(plain, "sqs")
    urls = sqs.list_queues()["QueueUrls"]
    dead = next(url for url in urls if sqs.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"])
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    source = sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"][0]
    to = sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    own = ["sqs:StartMessageMoveTask", "sqs:CancelMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    keys = acting(plain, {"Action": own, "Resource": arn})
    narrow = client(plain, "sqs", keys)
    code, message = refused(narrow.start_message_move_task, SourceArn=arn, MaxNumberOfMessagesPerSecond=1)
    assert code in ("AccessDenied", "AccessDeniedException") and f"sqs:SendMessage on resource: {to}" in message
    assert message == (f"User: arn:aws:sts::{ACCOUNT}:assumed-role/quarterdeck-act/run-1 is not authorized to perform: sqs:SendMessage on resource: {to}"
                       " because no session policy allows the sqs:SendMessage action")
    both = acting(plain, {"Action": own, "Resource": arn}, {"Action": "sqs:SendMessage", "Resource": to})
    moving = client(plain, "sqs", both)
    task = moving.start_message_move_task(SourceArn=arn, MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    moving.cancel_message_move_task(TaskHandle=task)
    assert "sqs:PurgeQueue on resource" in refused(moving.purge_queue, QueueUrl=dead)[1]
    assert "sqs:ListQueues" in refused(moving.list_queues)[1]
    assert "sqs:ReceiveMessage" in refused(moving.receive_message, QueueUrl=source)[1]
    assert client(plain, "sts", both).get_caller_identity()["Account"] == ACCOUNT


def test_each_service_answers_a_denial_in_its_way_and_names_what_was_asked_for(plain):
    everything = client(plain, "rds"), client(plain, "eks"), client(plain, "lambda")
    rds, eks, functions = everything
    cluster = rds.describe_db_clusters()["DBClusters"][0]
    name = eks.list_clusters()["clusters"][0]
    group = eks.list_nodegroups(clusterName=name)["nodegroups"][0]
    nodegroup = eks.describe_nodegroup(clusterName=name, nodegroupName=group)["nodegroup"]
    mapping = functions.list_event_source_mappings()["EventSourceMappings"][0]
    none = acting(plain, {"Action": "sqs:*", "Resource": "*"})
    sizes = nodegroup["scalingConfig"]
    asked = [
        ("rds", "failover_db_cluster", {"DBClusterIdentifier": cluster["DBClusterIdentifier"]}, "AccessDenied", "rds:FailoverDBCluster", cluster["DBClusterArn"]),
        ("rds", "describe_db_clusters", {}, "AccessDenied", "rds:DescribeDBClusters", None),
        ("eks", "update_nodegroup_config", {"clusterName": name, "nodegroupName": group, "scalingConfig": sizes}, "AccessDeniedException", "eks:UpdateNodegroupConfig", nodegroup["nodegroupArn"]),
        ("lambda", "update_event_source_mapping", {"UUID": mapping["UUID"], "Enabled": True}, "AccessDeniedException", "lambda:UpdateEventSourceMapping", mapping["EventSourceMappingArn"]),
        ("cloudwatch", "describe_alarms", {}, "AccessDenied", "cloudwatch:DescribeAlarms", None),
        ("route53", "list_hosted_zones", {}, "AccessDenied", "route53:ListHostedZones", None),
    ]
    for service, call, parameters, code, action, resource in asked:
        got, message = refused(getattr(client(plain, service, none), call), **parameters)
        assert got == code and message.endswith(f"because no session policy allows the {action} action"), (service, got, message)
        assert (f" on resource: {resource} " in message) == (resource is not None), message
        allowed = acting(plain, {"Action": action, "Resource": resource or "*"})
        getattr(client(plain, service, allowed), call)(**parameters)
    deny = acting(plain, {"Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "rds:*", "Resource": "*"})
    assert refused(client(plain, "rds", deny).describe_db_clusters)[1].endswith("with an explicit deny in a session policy")


def test_with_a_device_the_user_may_only_assume_a_role_and_only_with_a_code(asking):
    device = asking.get("/sign-in")["device"]
    told = (asking.folder / "control").read_text()
    assert device["seed"] in told and device["serial"] == f"arn:aws:iam::{ACCOUNT}:mfa/on-call" and device["serial"] in told
    sts = client(asking, "sts", USER)
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/on-call"
    code, message = refused(client(asking, "sqs", USER).list_queues)
    assert code in ("AccessDenied", "AccessDeniedException") and message.endswith("because no identity-based policy allows the sqs:ListQueues action")
    assert refused(client(asking, "sts").get_caller_identity)[0] == "InvalidClientTokenId", "any other key"
    of = {"RoleArn": OPERATIONS, "RoleSessionName": "desk"}
    assert refused(sts.assume_role, **of)[0] == "AccessDenied"
    wrong = refused(sts.assume_role, **of, SerialNumber=device["serial"], TokenCode=f"{(int(totp.code(device['seed'])) + 7) % 1_000_000:06}")
    assert wrong == ("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ")
    right = {"SerialNumber": device["serial"], "TokenCode": totp.code(device["seed"])}
    keys = sts.assume_role(**of, **right)["Credentials"]
    assert refused(sts.assume_role, **of, **right) == wrong, "a code is good once"
    assert client(asking, "sqs", keys).list_queues()["QueueUrls"]
    acting_keys = client(asking, "sts", keys).assume_role(RoleArn=ACT, RoleSessionName="run-2")["Credentials"]
    assert client(asking, "sts", acting_keys).get_caller_identity()["Arn"].endswith("quarterdeck-act/run-2")
    asking.post("/sign-in", {"new_device": True})
    assert asking.get("/sign-in")["device"]["seed"] != device["seed"]
