"""A small trading platform created through boto3, so that nothing of it comes from our own simulator."""

import io
import json
import zipfile

import boto3

REGION = "us-east-1"


def client(service: str, endpoint: str, region: str = REGION):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def network(endpoint: str) -> tuple[str, list[str]]:
    ec2 = client("ec2", endpoint)
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.40.{i}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
        for i, zone in enumerate("abc")
    ]
    return vpc, subnets


def balancer(endpoint: str, vpc: str, subnets: list[str]) -> dict:
    elb = client("elbv2", endpoint)
    made = elb.create_load_balancer(Name="orders-public", Subnets=subnets, Scheme="internet-facing", Type="application")
    lb = made["LoadBalancers"][0]
    group = elb.create_target_group(
        Name="order-api", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip", HealthCheckPath="/healthz"
    )["TargetGroups"][0]
    elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": f"10.40.{i}.7", "Port": 8080} for i in range(3)])
    elb.create_listener(
        LoadBalancerArn=lb["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )
    return lb


def distribution(endpoint: str, name: str, origin: str, s3: bool) -> dict:
    how = (
        {"S3OriginConfig": {"OriginAccessIdentity": ""}}
        if s3
        else {"CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}}
    )
    config = {
        "CallerReference": name,
        "Aliases": {"Quantity": 1, "Items": [name]},
        "Comment": name,
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [{"Id": "main", "DomainName": origin, **how}]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "main",
            "ViewerProtocolPolicy": "redirect-to-https",
            "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
            "MinTTL": 0,
        },
    }
    return client("cloudfront", endpoint).create_distribution(DistributionConfig=config)["Distribution"]


def records(endpoint: str, api: str, web: str, lb: dict) -> str:
    dns = client("route53", endpoint)
    zone = dns.create_hosted_zone(Name="emulated.example.", CallerReference="emulated")["HostedZone"]["Id"]
    check = dns.create_health_check(
        CallerReference="api",
        HealthCheckConfig={"Type": "HTTPS", "FullyQualifiedDomainName": "api.emulated.example", "Port": 443, "ResourcePath": "/healthz"},
    )["HealthCheck"]["Id"]

    def alias(target: str, zone_id: str) -> dict:
        return {"AliasTarget": {"HostedZoneId": zone_id, "DNSName": target, "EvaluateTargetHealth": False}}

    sets = [
        {"Name": "api.emulated.example.", "Type": "A", **alias(api, "Z2FDTNDATAQYW2")},
        {"Name": "www.emulated.example.", "Type": "A", **alias(web, "Z2FDTNDATAQYW2")},
        {"Name": "direct.emulated.example.", "Type": "A", "SetIdentifier": "use1", "Weight": 100, "HealthCheckId": check,
         **alias(lb["DNSName"], lb.get("CanonicalHostedZoneId", "Z35SXDOTRQ7X7K"))},
        {"Name": "emulated.example.", "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": '"v=spf1 -all"'}]},
    ]
    for record in sets:
        dns.change_resource_record_sets(
            HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        )
    return zone


def aurora(endpoint: str) -> None:
    rds = client("rds", endpoint)
    rds.create_db_cluster(
        DBClusterIdentifier="orders-db", Engine="aurora-postgresql", MasterUsername="admin1", MasterUserPassword="not-a-secret-1"
    )
    for name, zone in (("orders-db-1", "a"), ("orders-db-2", "b")):
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            DBClusterIdentifier="orders-db",
            DBInstanceClass="db.r6g.large",
            Engine="aurora-postgresql",
            AvailabilityZone=f"{REGION}{zone}",
        )


def queues(endpoint: str) -> tuple[str, str]:
    sqs = client("sqs", endpoint)
    dlq = sqs.create_queue(QueueName="orders-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dlq, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "5"})
    attributes = {"RedrivePolicy": policy, "KmsMasterKeyId": "alias/orders", "VisibilityTimeout": "45", "MessageRetentionPeriod": "345600"}
    source = sqs.create_queue(QueueName="orders", Attributes=attributes)["QueueUrl"]
    for i in range(3):
        sqs.send_message(QueueUrl=source, MessageBody=f"order {i}")
    sqs.send_message(QueueUrl=dlq, MessageBody="poison")
    return source, dlq


def function(endpoint: str) -> None:
    iam = client("iam", endpoint)
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="confirm", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("main.py", "def handle(event, context):\n    return event\n")
    functions = client("lambda", endpoint)
    functions.create_function(
        FunctionName="confirm", Runtime="python3.12", Role=role, Handler="main.handle", Code={"ZipFile": code.getvalue()}
    )
    sqs = client("sqs", endpoint)
    url = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    functions.create_event_source_mapping(EventSourceArn=arn, FunctionName="confirm", BatchSize=10)


def cluster(endpoint: str, subnets: list[str]) -> None:
    eks = client("eks", endpoint)
    role = "arn:aws:iam::123456789012:role/eks"
    eks.create_cluster(name="prod-use1", roleArn=role, resourcesVpcConfig={"subnetIds": subnets})
    eks.create_nodegroup(
        clusterName="prod-use1", nodegroupName="general", subnets=subnets, nodeRole=role,
        scalingConfig={"minSize": 3, "maxSize": 9, "desiredSize": 6},
    )


def build(endpoint: str) -> None:
    """The whole path of an order; every name below is asserted by the tests."""
    vpc, subnets = network(endpoint)
    lb = balancer(endpoint, vpc, subnets)
    client("s3", endpoint).create_bucket(Bucket="emulated-web")
    api = distribution(endpoint, "api.emulated.example", lb["DNSName"], s3=False)
    web = distribution(endpoint, "www.emulated.example", "emulated-web.s3.us-east-1.amazonaws.com", s3=True)
    records(endpoint, api["DomainName"], web["DomainName"], lb)
    aurora(endpoint)
    queues(endpoint)
    function(endpoint)
    cluster(endpoint, subnets)
