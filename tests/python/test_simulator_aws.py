"""The simulated platform asked by boto3, whose parsers come from AWS's own service models."""

import datetime
import itertools
import json
import time
import urllib.request

import boto3
import botocore.config
import botocore.exceptions
import botocore.session
import pytest

from platform_sim import simulated

REGIONS = ("us-east-1", "eu-west-1")
ACCOUNT = "100200300400"


def client(platform, service, region="us-east-1", **options):
    return boto3.client(
        service,
        endpoint_url=platform.aws,
        region_name=region,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=botocore.config.Config(retries={"total_max_attempts": 1}, **options),
    )


def world_now(platform) -> datetime.datetime:
    with urllib.request.urlopen(platform.control + "/time", timeout=30) as answer:
        return datetime.datetime.fromisoformat(json.loads(answer.read())["now"].replace("Z", "+00:00"))


def code(error) -> str:
    return error.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calm")
    with simulated(folder / "sim", "calm", "--clock", "explicit", "--seed", "21", "--pods", "120") as platform:
        yield platform


@pytest.fixture()
def filling(tmp_path):
    with simulated(tmp_path / "sim", "dlq-fills", "--clock", "explicit", "--seed", "22", "--pods", "120") as platform:
        yield platform


def queue_urls(sqs):
    return sqs.list_queues()["QueueUrls"]


def attributes(sqs, url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def depth(sqs, url) -> int:
    return int(attributes(sqs, url)["ApproximateNumberOfMessages"])


def test_the_files_lead_an_ordinary_session_to_it(calm, monkeypatch):
    import tomllib

    stack = tomllib.loads(calm.stack.read_text())
    monkeypatch.setenv("AWS_CONFIG_FILE", str(calm.folder / stack["files"]["aws_config"]))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(calm.folder / stack["files"]["aws_credentials"]))
    session = boto3.Session(profile_name=stack["account"][0]["profile"])
    assert session.client("sts").get_caller_identity()["Account"] == ACCOUNT
    assert stack["account"][0]["regions"] == list(REGIONS)
    assert len(stack["cluster"]) == len(calm.ready["kubernetes"]) == 2
    assert ((calm.folder / "aws/credentials").stat().st_mode & 0o777) == 0o600


def test_pages_of_records_are_the_whole_zone(calm):
    route53 = client(calm, "route53")
    zone = route53.list_hosted_zones()["HostedZones"][0]
    whole = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    pages = route53.get_paginator("list_resource_record_sets").paginate(
        HostedZoneId=zone["Id"], PaginationConfig={"PageSize": 4}
    )
    paged = list(itertools.chain.from_iterable(page["ResourceRecordSets"] for page in pages))
    assert paged == whole and len(whole) == zone["ResourceRecordSetCount"]
    assert {"Weight", "Failover", "Region"} <= {key for record in whole for key in record}
    with pytest.raises(botocore.exceptions.ClientError) as error:
        route53.list_resource_record_sets(HostedZoneId="ZNONE")
    assert code(error) == "NoSuchHostedZone" and error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_every_alias_leads_to_something_that_is_there(calm):
    route53, cloudfront = client(calm, "route53"), client(calm, "cloudfront")
    domains = {d["DomainName"] for d in cloudfront.list_distributions()["DistributionList"]["Items"]}
    balancers = {
        lb["DNSName"] for region in REGIONS for lb in client(calm, "elbv2", region).describe_load_balancers()["LoadBalancers"]
    }
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
    aliases = [
        r["AliasTarget"]["DNSName"].rstrip(".").removeprefix("dualstack.")
        for r in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        if "AliasTarget" in r
    ]
    assert aliases and set(aliases) <= domains | balancers
    origins = {
        o["DomainName"]
        for d in cloudfront.list_distributions()["DistributionList"]["Items"]
        for o in d["Origins"]["Items"]
    }
    buckets = {f"{b['Name']}.s3.{b['BucketRegion']}.amazonaws.com" for b in client(calm, "s3").list_buckets()["Buckets"]}
    assert origins <= balancers | buckets


def test_health_checks_are_healthy_and_seen_from_sixteen_places(calm):
    route53 = client(calm, "route53")
    checks = route53.list_health_checks()["HealthChecks"]
    endpoint = next(c for c in checks if c["HealthCheckConfig"]["Type"] == "HTTPS")
    seen = route53.get_health_check_status(HealthCheckId=endpoint["Id"])["HealthCheckObservations"]
    assert len(seen) == 16 and all(o["StatusReport"]["Status"].startswith("Success") for o in seen)
    assert {"CALCULATED", "HTTPS"} == {c["HealthCheckConfig"]["Type"] for c in checks}
    with pytest.raises(botocore.exceptions.ClientError) as error:
        route53.get_health_check(HealthCheckId="none")
    assert code(error) == "NoSuchHealthCheck"


def test_targets_are_pods_spread_over_three_zones(calm):
    elb = client(calm, "elbv2")
    for group in elb.describe_target_groups()["TargetGroups"]:
        targets = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        assert len({t["Target"]["AvailabilityZone"] for t in targets}) == 3
        assert {t["TargetHealth"]["State"] for t in targets} <= {"healthy", "initial"}
    pages = elb.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": 5})
    assert sum(len(p["TargetGroups"]) for p in pages) == len(elb.describe_target_groups()["TargetGroups"])
    with pytest.raises(botocore.exceptions.ClientError) as error:
        elb.describe_target_health(TargetGroupArn="arn:none")
    assert code(error) == "TargetGroupNotFound"


def test_documented_errors_of_the_query_services(calm):
    rds = client(calm, "rds")
    for call, wanted in (
        (lambda: rds.describe_db_clusters(DBClusterIdentifier="none"), "DBClusterNotFoundFault"),
        (lambda: rds.describe_db_instances(DBInstanceIdentifier="none"), "DBInstanceNotFound"),
        (lambda: rds.describe_db_clusters(MaxRecords=5), "InvalidParameterValue"),
        (lambda: rds.describe_db_snapshots(), "InvalidAction"),
        (lambda: client(calm, "elbv2").describe_load_balancers(Names=["none"]), "LoadBalancerNotFound"),
        (lambda: client(calm, "eks").describe_cluster(name="none"), "ResourceNotFoundException"),
        (lambda: client(calm, "lambda").get_function(FunctionName="none"), "ResourceNotFoundException"),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as error:
            call()
        assert code(error) == wanted


def test_three_hours_of_metrics_are_there_and_end_in_the_past(calm):
    cloudwatch, now = client(calm, "cloudwatch"), world_now(calm)
    lb = client(calm, "elbv2").describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"].split(":loadbalancer/")[1]
    query = {
        "Id": "m1",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/ApplicationELB",
                "MetricName": "RequestCount",
                "Dimensions": [{"Name": "LoadBalancer", "Value": lb}],
            },
            "Period": 60,
            "Stat": "Sum",
        },
    }
    span = {"StartTime": now - datetime.timedelta(hours=3), "EndTime": now}
    for order in ("TimestampAscending", "TimestampDescending"):
        result = cloudwatch.get_metric_data(MetricDataQueries=[query], ScanBy=order, **span)["MetricDataResults"][0]
        assert len(result["Values"]) >= 178 and all(value > 0 for value in result["Values"])
        assert result["Timestamps"] == sorted(result["Timestamps"], reverse=order == "TimestampDescending")
    pages = cloudwatch.get_paginator("get_metric_data").paginate(MetricDataQueries=[query], MaxDatapoints=50, **span)
    assert sum(len(p["MetricDataResults"][0]["Values"]) for p in pages) == len(result["Values"])
    with pytest.raises(botocore.exceptions.ClientError) as error:
        cloudwatch.get_metric_data(MetricDataQueries=[query | {"Id": f"m{i}"} for i in range(501)], **span)
    assert code(error) == "ValidationError"


def test_usage_is_counted_and_only_an_expression_tells_its_quota(calm):
    cloudwatch, now = client(calm, "cloudwatch"), world_now(calm)
    dimensions = {"Service": "EC2", "Type": "Resource", "Resource": "vCPU", "Class": "Standard/OnDemand"}
    metric = {"Namespace": "AWS/Usage", "MetricName": "ResourceCount", "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items()]}
    used = {"Id": "used", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Maximum"}, "ReturnData": False}
    quota = {"Id": "quota", "Expression": "SERVICE_QUOTA(used)"}
    span = {"StartTime": now - datetime.timedelta(hours=1), "EndTime": now}
    hidden = cloudwatch.get_metric_data(MetricDataQueries=[used, quota], **span)["MetricDataResults"]
    assert [r["Id"] for r in hidden] == ["quota"]
    both = cloudwatch.get_metric_data(MetricDataQueries=[used | {"ReturnData": True}, quota], **span)["MetricDataResults"]
    running, most = (r["Values"] for r in both)
    assert len(running) == len(most) >= 11 and len(set(most)) == 1 and 0 < max(running) < most[0]
    for expression in ("SERVICE_QUOTA(nobody)", "used / 2", "SERVICE_QUOTA(quota)"):
        with pytest.raises(botocore.exceptions.ClientError) as error:
            cloudwatch.get_metric_data(MetricDataQueries=[used, quota | {"Expression": expression}], **span)
        assert code(error) == "ValidationError", expression


def test_subnets_have_as_many_addresses_left_as_nodes_and_pods_leave(calm):
    ec2, eks = client(calm, "ec2"), client(calm, "eks")
    (cluster,) = eks.list_clusters()["clusters"]
    group = eks.list_nodegroups(clusterName=cluster)["nodegroups"][0]
    ids = eks.describe_nodegroup(clusterName=cluster, nodegroupName=group)["nodegroup"]["subnets"]
    pages = ec2.get_paginator("describe_subnets").paginate(Filters=[{"Name": "subnet-id", "Values": ids}])
    subnets = [subnet for page in pages for subnet in page["Subnets"]]
    assert {subnet["SubnetId"] for subnet in subnets} == set(ids) and len({s["AvailabilityZone"] for s in subnets}) == 3
    assert all(0 < subnet["AvailableIpAddressCount"] < 16_379 - 5 for subnet in subnets)
    everything = ec2.describe_subnets()["Subnets"]
    assert len(everything) == 2 * len(ids) and {s["VpcId"] for s in everything} == {subnets[0]["VpcId"]}
    assert len(ec2.describe_subnets(MaxResults=5)["Subnets"]) == 5
    for wrong, refusal in ({"SubnetIds": ["subnet-0"]}, "InvalidSubnetID.NotFound"), ({"Filters": [{"Name": "x", "Values": ["y"]}]}, "InvalidParameterValue"):
        with pytest.raises(botocore.exceptions.ClientError) as error:
            ec2.describe_subnets(**wrong)
        assert code(error) == refusal


def priced(client, **filters) -> list[dict]:
    terms = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in filters.items()]
    pages = client.get_paginator("get_products").paginate(ServiceCode="AmazonRDS", Filters=terms, PaginationConfig={"PageSize": 4})
    return [json.loads(item) for page in pages for item in page["PriceList"]]


def hourly(item: dict) -> float:
    (term,) = item["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    assert dimension["unit"] == "Hrs"
    return float(dimension["pricePerUnit"]["USD"])


def test_the_price_list_has_what_runs_with_each_storage(calm):
    pricing, rds = client(calm, "pricing"), client(calm, "rds")
    names = {"aurora-mysql": "Aurora MySQL", "aurora-postgresql": "Aurora PostgreSQL"}
    instances = rds.describe_db_instances()["DBInstances"]
    for engine, kind in {(i["Engine"], i["DBInstanceClass"]) for i in instances}:
        found = priced(pricing, regionCode="us-east-1", databaseEngine=names[engine], instanceType=kind)
        storage = {item["product"]["attributes"]["storage"]: hourly(item) for item in found}
        assert set(storage) == {"EBS Only", "Aurora IO Optimization Mode"} and len(found) == 2
        assert 1.29 < storage["Aurora IO Optimization Mode"] / storage["EBS Only"] < 1.31
    big = {"databaseEngine": "Aurora PostgreSQL", "instanceType": "db.r6g.2xlarge", "storage": "EBS Only"}
    everywhere = priced(pricing, **big)
    assert {item["product"]["attributes"]["regionCode"]: hourly(item) for item in everywhere}["us-east-1"] == 1.038
    assert len({item["product"]["sku"] for item in everywhere}) == len(everywhere) == 6
    assert priced(pricing, instanceType="db.r6g.huge") == priced(pricing, colour="red") == []


def test_the_price_list_refuses_as_documented(calm):
    time.sleep(2)  # Its bucket of ten requests is filled at five a second.
    pricing = client(calm, "pricing")
    part = {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "us-east-1"}
    first = pricing.get_products(ServiceCode="AmazonRDS", Filters=[part], MaxResults=1)
    for wrong, refusal in (
        ({"ServiceCode": "AmazonZork"}, "InvalidParameterException"),
        ({"ServiceCode": "AmazonRDS", "FormatVersion": "aws_v0"}, "InvalidParameterException"),
        ({"ServiceCode": "AmazonRDS", "Filters": [part | {"Type": "LIKE"}]}, "InvalidParameterException"),
        ({"ServiceCode": "AmazonRDS", "NextToken": "zork"}, "InvalidNextTokenException"),
        ({"ServiceCode": "AmazonRDS", "NextToken": first["NextToken"]}, "InvalidNextTokenException"),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as error:
            pricing.get_products(**wrong)
        assert code(error) == refusal, wrong
    with pytest.raises(botocore.exceptions.ClientError) as error:
        client(calm, "pricing", "eu-west-1").get_products(ServiceCode="AmazonRDS")
    assert code(error) == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("protocol", "content"),
    [("json", "application/x-amz-json-1.0"), ("query", "text/xml"), ("smithy-rpc-v2-cbor", "application/cbor")],
)
def test_cloudwatch_answers_alike_in_every_protocol(calm, protocol, content):
    session = botocore.session.Session()
    loader = session.get_component("data_loader")
    load = loader.load_service_model

    def only(service, kind, api_version=None):
        model = load(service, kind, api_version)
        if (service, kind) == ("cloudwatch", "service-2"):
            model = {**model, "metadata": {**model["metadata"], "protocol": protocol, "protocols": [protocol]}}
        return model

    loader.load_service_model = only
    cloudwatch = session.create_client(
        "cloudwatch", endpoint_url=calm.aws, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    alarms = cloudwatch.describe_alarms(MaxRecords=3)
    assert alarms["ResponseMetadata"]["HTTPHeaders"]["content-type"] == content
    assert len(alarms["MetricAlarms"]) == 3 and alarms["NextToken"]
    assert isinstance(alarms["MetricAlarms"][0]["StateUpdatedTimestamp"], datetime.datetime)
    assert isinstance(alarms["MetricAlarms"][0]["Threshold"], float)


def test_throttling_at_the_documented_limit(calm):
    elb = client(calm, "elbv2", "eu-west-1")
    with pytest.raises(botocore.exceptions.ClientError) as error:
        for _ in range(200):
            elb.describe_load_balancers()
    assert code(error) == "Throttling"
    client(calm, "elbv2", "us-east-1").describe_load_balancers()


def test_faults_come_and_go(calm):
    try:
        calm.fault("denied:sqs:eu-west-1")
        with pytest.raises(botocore.exceptions.ClientError) as error:
            client(calm, "sqs", "eu-west-1").list_queues()
        assert code(error) == "AccessDenied"
        client(calm, "sqs", "us-east-1").list_queues()
        calm.fault("silent:eks")
        with pytest.raises(botocore.exceptions.ReadTimeoutError):
            client(calm, "eks", read_timeout=1).list_clusters()
        calm.fault("slow:sts=700")
        began = time.monotonic()
        client(calm, "sts").get_caller_identity()
        assert time.monotonic() - began >= 0.7
    finally:
        calm.heal()
    client(calm, "eks").list_clusters()
    client(calm, "sqs", "eu-west-1").list_queues()


def pair(sqs, platform, name, messages, max_receives=1):
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    policy = {"deadLetterTargetArn": attributes(sqs, dead)["QueueArn"], "maxReceiveCount": max_receives}
    live = sqs.create_queue(
        QueueName=name, Attributes={"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "2"}
    )["QueueUrl"]
    for n in range(0, messages, 10):
        batch = [{"Id": str(i), "MessageBody": f"body {i}"} for i in range(n, min(n + 10, messages))]
        assert not sqs.send_message_batch(QueueUrl=live, Entries=batch).get("Failed")
    for _ in range(40):
        while sqs.receive_message(QueueUrl=live, MaxNumberOfMessages=10).get("Messages"):
            pass
        platform.advance(2)
        if depth(sqs, dead) == messages:
            break
    return live, dead


def test_visibility_receive_count_and_dead_lettering(calm):
    sqs = client(calm, "sqs")
    live, dead = pair(sqs, calm, "laws", 0, max_receives=2)
    sent = sqs.send_message(
        QueueUrl=live, MessageBody="x", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}}
    )
    for expected in ("1", "2"):
        message = sqs.receive_message(QueueUrl=live, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"][0]
        assert message["MessageId"] == sent["MessageId"]
        assert message["Attributes"]["ApproximateReceiveCount"] == expected
        assert message["MessageAttributes"]["a"]["StringValue"] == "b"
        assert "Messages" not in sqs.receive_message(QueueUrl=live)
        calm.advance(3)
    assert "Messages" not in sqs.receive_message(QueueUrl=live)
    kept = sqs.receive_message(QueueUrl=dead, AttributeNames=["All"])["Messages"][0]
    assert kept["MessageId"] == sent["MessageId"]
    assert kept["Attributes"]["DeadLetterQueueSourceArn"] == attributes(sqs, live)["QueueArn"]
    sqs.delete_message(QueueUrl=dead, ReceiptHandle=kept["ReceiptHandle"])
    assert attributes(sqs, dead)["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_redrive_by_the_book(calm):
    sqs = client(calm, "sqs")
    live, dead = pair(sqs, calm, "book", 60)
    source = attributes(sqs, dead)["QueueArn"]
    for arguments, wanted in (
        ({"SourceArn": attributes(sqs, live)["QueueArn"]}, "InvalidParameterValue"),
        ({"SourceArn": source, "DestinationArn": source + "x"}, "ResourceNotFoundException"),
        ({"SourceArn": source, "MaxNumberOfMessagesPerSecond": 501}, "InvalidParameterValue"),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as error:
            sqs.start_message_move_task(**arguments)
        assert code(error) == wanted
    handle = sqs.start_message_move_task(SourceArn=source, MaxNumberOfMessagesPerSecond=10)["TaskHandle"]
    with pytest.raises(botocore.exceptions.ClientError) as error:
        sqs.start_message_move_task(SourceArn=source)
    assert code(error) == "InvalidParameterValue"
    calm.advance(2)
    task = sqs.list_message_move_tasks(SourceArn=source)["Results"][0]
    assert (task["Status"], task["TaskHandle"]) == ("RUNNING", handle)
    assert (task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == (20, 60)
    moved = sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    assert moved == 20
    assert sqs.list_message_move_tasks(SourceArn=source)["Results"][0]["Status"] == "CANCELLING"
    calm.advance(5)
    task = sqs.list_message_move_tasks(SourceArn=source)["Results"][0]
    assert task["Status"] == "CANCELLED" and "TaskHandle" not in task
    assert depth(sqs, dead) == 60 - task["ApproximateNumberOfMessagesMoved"]
    assert depth(sqs, live) == task["ApproximateNumberOfMessagesMoved"]
    with pytest.raises(botocore.exceptions.ClientError):
        sqs.cancel_message_move_task(TaskHandle=handle)
    sqs.start_message_move_task(SourceArn=source)
    calm.advance(3)
    tasks = sqs.list_message_move_tasks(SourceArn=source, MaxResults=10)["Results"]
    assert [t["Status"] for t in tasks] == ["COMPLETED", "CANCELLED"] and "DestinationArn" not in tasks[0]
    assert depth(sqs, dead) == 0 and depth(sqs, live) == 60


def test_a_message_sent_by_hand_has_no_source_to_go_back_to(calm):
    sqs = client(calm, "sqs")
    _, dead = pair(sqs, calm, "hand", 0)
    sqs.send_message(QueueUrl=dead, MessageBody="by hand")
    source = attributes(sqs, dead)["QueueArn"]
    sqs.start_message_move_task(SourceArn=source)
    calm.advance(2)
    task = sqs.list_message_move_tasks(SourceArn=source)["Results"][0]
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")


def test_fifo_keeps_order_locks_groups_and_drops_repeats(calm):
    sqs = client(calm, "sqs")
    url = sqs.create_queue(QueueName="order.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for n, group in enumerate("aab"):
        sqs.send_message(QueueUrl=url, MessageBody=str(n), MessageGroupId=group, MessageDeduplicationId=str(n))
    first = sqs.send_message(QueueUrl=url, MessageBody="again", MessageGroupId="a", MessageDeduplicationId="0")
    assert depth(sqs, url) == 3 and first["SequenceNumber"]
    # SQS developer guide, "FIFO queue delivery logic": as many of one group as there are, and no more of
    # it until those are deleted or visible again.
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [m["Body"] for m in got] == ["0", "1", "2"]
    sqs.send_message(QueueUrl=url, MessageBody="3", MessageGroupId="a", MessageDeduplicationId="3")
    for handled in got[:2]:
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handled["ReceiptHandle"])
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "3"
    with pytest.raises(botocore.exceptions.ClientError) as error:
        sqs.send_message(QueueUrl=url, MessageBody="x")
    assert code(error) == "MissingParameter"


def test_purge_once_a_minute(calm):
    sqs = client(calm, "sqs")
    url = sqs.create_queue(QueueName="purged")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.purge_queue(QueueUrl=url)
    assert depth(sqs, url) == 0
    with pytest.raises(sqs.exceptions.PurgeQueueInProgress):
        sqs.purge_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.purge_queue(QueueUrl=url + "-none")


def test_a_mapping_is_paused_and_its_queue_waits(calm):
    functions, sqs = client(calm, "lambda"), client(calm, "sqs")
    mapping = functions.list_event_source_mappings()["EventSourceMappings"][0]
    queue = next(u for u in queue_urls(sqs) if u.endswith("/" + mapping["EventSourceArn"].rsplit(":", 1)[1]))
    paused = functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    assert paused["State"] == "Disabling"
    with pytest.raises(functions.exceptions.ResourceInUseException):
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    calm.advance(60)
    assert functions.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Disabled"
    assert depth(sqs, queue) > 50
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    calm.advance(60)
    assert functions.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Enabled"
    assert depth(sqs, queue) < 50


def test_the_tags_of_a_mapping_name_the_stack_that_made_it(calm):
    stacks = {}
    for region in ("us-east-1", "eu-west-1"):
        functions = client(calm, "lambda", region)
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            tags = functions.list_tags(Resource=mapping["EventSourceMappingArn"])["Tags"]
            assert tags["environment"] == "prod"
            stacks.setdefault(region, set()).add(tags.get("aws:cloudformation:stack-name"))
    assert {None} in stacks.values() and len(stacks) == 2, stacks
    (named,) = next(names for names in stacks.values() if names != {None})
    assert named.endswith("-consumers")
    function = functions.list_functions()["Functions"][0]
    assert "environment" in functions.list_tags(Resource=function["FunctionArn"])["Tags"]
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.list_tags(Resource=mapping["EventSourceMappingArn"][:-4] + "0000")


def test_the_dead_letter_queue_fills_until_the_rollback_and_a_redrive_is_then_consumed(filling):
    sqs = client(filling, "sqs")
    depths = {url: depth(sqs, url) for url in queue_urls(sqs)}
    dead = max(depths, key=depths.get)
    assert 100 < depths[dead] < 3000
    live = sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"][0]
    alarms = client(filling, "cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]
    assert any(dead.rsplit("/", 1)[1] in {d["Value"] for d in a["Dimensions"]} for a in alarms)
    source = attributes(sqs, dead)["QueueArn"]
    filling.advance(120)
    assert depth(sqs, dead) > depths[dead] + 50
    sqs.start_message_move_task(SourceArn=source, MaxNumberOfMessagesPerSecond=500)
    filling.advance(150)
    task = sqs.list_message_move_tasks(SourceArn=source)["Results"][0]
    assert task["Status"] == "COMPLETED"
    assert depth(sqs, dead) > 0.3 * task["ApproximateNumberOfMessagesMoved"], "the consumer is still broken"
    filling.advance(9 * 60)
    settled = depth(sqs, dead)
    assert settled <= 5000
    sqs.start_message_move_task(SourceArn=source, MaxNumberOfMessagesPerSecond=100)
    filling.advance(6 * 60)
    assert depth(sqs, dead) == 0, "after the rollback they are consumed"
    assert depth(sqs, live) < 50


def test_a_grey_zone_shows_in_three_systems(tmp_path):
    with simulated(tmp_path / "sim", "az-degraded", "--clock", "explicit", "--seed", "23", "--pods", "200") as platform:
        elb, rds = client(platform, "elbv2"), client(platform, "rds")
        targets = [
            t
            for group in elb.describe_target_groups()["TargetGroups"]
            for t in elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        ]
        out = [t for t in targets if t["TargetHealth"]["State"] == "unhealthy"]
        zones = {t["Target"]["AvailabilityZone"] for t in out}
        assert len(zones) == 1 and {t["TargetHealth"]["Reason"] for t in out} == {"Target.Timeout"}
        zone = zones.pop()
        now, cloudwatch = world_now(platform), client(platform, "cloudwatch")
        lag = {}
        for instance in rds.describe_db_instances()["DBInstances"]:
            points = cloudwatch.get_metric_statistics(
                Namespace="AWS/RDS",
                MetricName="AuroraReplicaLag",
                Dimensions=[{"Name": "DBInstanceIdentifier", "Value": instance["DBInstanceIdentifier"]}],
                StartTime=now - datetime.timedelta(minutes=3),
                EndTime=now,
                Period=60,
                Statistics=["Maximum"],
            )["Datapoints"]
            lag.setdefault(instance["AvailabilityZone"], []).extend(p["Maximum"] for p in points)
        assert max(lag[zone]) > 1000
        assert all(max(values, default=0) < 200 for az, values in lag.items() if az != zone)
