//! What each collector finds in answers as the services document them (API references, examples of
//! the operations named), paging included.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod wire;

use cloud::Session;
use collect::{COLLECTORS, Collector, Known, Reach};
use model::{Fact, Kind, NodeId};
use wire::{Answer, Request, json, known, lines, serve, sessions, xml};

fn collector(name: &str) -> &'static dyn Collector {
    *COLLECTORS
        .iter()
        .find(|c| format!("{}/{}", c.service().as_str(), c.part()) == name)
        .expect("is listed")
}

/// Reads one part from such a server; the golden begins with what it took.
async fn read(
    name: &str,
    answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    know: impl Fn(&Session, &Session) -> Known,
) -> String {
    let url = serve(answer).await;
    let (global, regional) = sessions(&url).await;
    let known = know(&global, &regional);
    let collector = collector(name);
    let session = match collector.reach() {
        Reach::Global => &global,
        Reach::Regional => &regional,
    };
    let reading = collector.collect(session, &known).await;
    let found = reading.outcome.expect("succeeds");
    let lines = lines(&found);
    format!(
        "{} requests, {} skipped\n{lines}",
        reading.requests, reading.skipped
    )
    .replace(&url, "http://endpoint")
}

fn nothing(_: &Session, _: &Session) -> Known {
    Known::default()
}

/// Nothing else was to be asked.
fn unexpected(request: &Request) -> Answer {
    panic!("not expected: {} {}", request.line, request.body)
}

#[tokio::test]
async fn records() {
    let zones = |request: &Request| match request.operation.as_str() {
        "/2013-04-01/hostedzone" if request.line.contains("marker=") => xml(
            r#"<ListHostedZonesResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><HostedZones><HostedZone><Id>/hostedzone/ZPRIVATE</Id><Name>internal.example.</Name><CallerReference>b</CallerReference><Config><PrivateZone>true</PrivateZone></Config><ResourceRecordSetCount>1</ResourceRecordSetCount></HostedZone></HostedZones><Marker>m</Marker><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesResponse>"#,
        ),
        "/2013-04-01/hostedzone" => xml(
            r#"<ListHostedZonesResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><HostedZones><HostedZone><Id>/hostedzone/Z1</Id><Name>example.com.</Name><CallerReference>a</CallerReference><Config><PrivateZone>false</PrivateZone></Config><ResourceRecordSetCount>9</ResourceRecordSetCount></HostedZone></HostedZones><IsTruncated>true</IsTruncated><NextMarker>ZPRIVATE</NextMarker><MaxItems>1</MaxItems></ListHostedZonesResponse>"#,
        ),
        "/2013-04-01/hostedzone/ZPRIVATE/rrset" => xml(
            r#"<ListResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ResourceRecordSets><ResourceRecordSet><Name>db.internal.example.</Name><Type>CNAME</Type><TTL>5</TTL><ResourceRecords><ResourceRecord><Value>ledger.cluster-c1.us-east-1.rds.amazonaws.com</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"#,
        ),
        "/2013-04-01/hostedzone/Z1/rrset" if request.line.contains("identifier=euw1") => xml(
            r#"<ListResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ResourceRecordSets>
<ResourceRecordSet><Name>app.example.com.</Name><Type>A</Type><SetIdentifier>euw1</SetIdentifier><Region>eu-west-1</Region><AliasTarget><HostedZoneId>Z32O12XQLNTSW2</HostedZoneId><DNSName>dualstack.api-1.eu-west-1.elb.amazonaws.com.</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget></ResourceRecordSet>
<ResourceRecordSet><Name>assets.example.com.</Name><Type>A</Type><AliasTarget><HostedZoneId>Z3AQBSTGFYJSTF</HostedZoneId><DNSName>s3-website-us-east-1.amazonaws.com.</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget></ResourceRecordSet>
<ResourceRecordSet><Name>pay.example.com.</Name><Type>A</Type><SetIdentifier>primary</SetIdentifier><Failover>PRIMARY</Failover><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord><ResourceRecord><Value>192.0.2.2</Value></ResourceRecord></ResourceRecords><HealthCheckId>hc-1</HealthCheckId></ResourceRecordSet>
<ResourceRecordSet><Name>www.example.com.</Name><Type>CNAME</Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>APP.example.com</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>
</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"#,
        ),
        "/2013-04-01/hostedzone/Z1/rrset" => xml(
            r#"<ListResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ResourceRecordSets>
<ResourceRecordSet><Name>example.com.</Name><Type>NS</Type><TTL>172800</TTL><ResourceRecords><ResourceRecord><Value>ns-1.awsdns-1.com.</Value></ResourceRecord><ResourceRecord><Value>ns-2.awsdns-2.net.</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>
<ResourceRecordSet><Name>example.com.</Name><Type>CAA</Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>0 issue "amazon.com"</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>
<ResourceRecordSet><Name>_3f.example.com.</Name><Type>CNAME</Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>_9.acm-validations.aws.</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>
<ResourceRecordSet><Name>\052.example.com.</Name><Type>HTTPS</Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>1 d1.cloudfront.net. alpn="h3,h2"</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>
<ResourceRecordSet><Name>app.example.com.</Name><Type>A</Type><SetIdentifier>use1</SetIdentifier><Weight>255</Weight><AliasTarget><HostedZoneId>Z35SXDOTRQ7X7K</HostedZoneId><DNSName>dualstack.api-1.us-east-1.elb.amazonaws.com.</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget><HealthCheckId>hc-1</HealthCheckId></ResourceRecordSet>
</ResourceRecordSets><IsTruncated>true</IsTruncated><NextRecordName>app.example.com.</NextRecordName><NextRecordType>A</NextRecordType><NextRecordIdentifier>euw1</NextRecordIdentifier><MaxItems>5</MaxItems></ListResourceRecordSetsResponse>"#,
        ),
        _ => unexpected(request),
    };
    insta::assert_snapshot!(read("route53/records", zones, nothing).await);
}

#[tokio::test]
async fn health_checks() {
    let checks = |request: &Request| match request.operation.as_str() {
        "/2013-04-01/healthcheck" => xml(
            r#"<ListHealthChecksResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><HealthChecks>
<HealthCheck><Id>hc-1</Id><CallerReference>a</CallerReference><HealthCheckConfig><Port>443</Port><Type>HTTPS</Type><ResourcePath>/healthz</ResourcePath><FullyQualifiedDomainName>api.example.com</FullyQualifiedDomainName><RequestInterval>10</RequestInterval><FailureThreshold>3</FailureThreshold><Inverted>true</Inverted><Disabled>false</Disabled></HealthCheckConfig><HealthCheckVersion>2</HealthCheckVersion></HealthCheck>
<HealthCheck><Id>hc-2</Id><CallerReference>b</CallerReference><HealthCheckConfig><Type>CALCULATED</Type><HealthThreshold>1</HealthThreshold><ChildHealthChecks><ChildHealthCheck>hc-1</ChildHealthCheck></ChildHealthChecks></HealthCheckConfig><HealthCheckVersion>1</HealthCheckVersion></HealthCheck>
<HealthCheck><Id>hc-3</Id><CallerReference>c</CallerReference><HealthCheckConfig><Type>CLOUDWATCH_METRIC</Type><Disabled>true</Disabled><AlarmIdentifier><Region>eu-west-1</Region><Name>orders-age</Name></AlarmIdentifier><InsufficientDataHealthStatus>LastKnownStatus</InsufficientDataHealthStatus></HealthCheckConfig><HealthCheckVersion>1</HealthCheckVersion></HealthCheck>
</HealthChecks><Marker></Marker><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHealthChecksResponse>"#,
        ),
        _ => unexpected(request),
    };
    insta::assert_snapshot!(read("route53/health-checks", checks, nothing).await);
}

#[tokio::test]
async fn distributions() {
    let distributions = |request: &Request| match request.operation.as_str() {
        "/2020-05-31/distribution" => xml(
            r#"<DistributionList xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Marker></Marker><MaxItems>100</MaxItems><IsTruncated>false</IsTruncated><Quantity>1</Quantity><Items><DistributionSummary><Id>E1</Id><ARN>arn:aws:cloudfront::111122223333:distribution/E1</ARN><Status>InProgress</Status><LastModifiedTime>2026-11-22T02:41:00.123Z</LastModifiedTime><DomainName>d1.cloudfront.net</DomainName><Aliases><Quantity>2</Quantity><Items><CNAME>app.example.com</CNAME><CNAME>*.example.com</CNAME></Items></Aliases>
<Origins><Quantity>2</Quantity><Items><Origin><Id>web</Id><DomainName>web-assets.s3.us-east-1.amazonaws.com</DomainName><OriginPath></OriginPath><S3OriginConfig><OriginAccessIdentity></OriginAccessIdentity></S3OriginConfig><OriginAccessControlId>OAC1</OriginAccessControlId></Origin><Origin><Id>api</Id><DomainName>api-1.us-east-1.elb.amazonaws.com</DomainName><OriginPath></OriginPath><CustomOriginConfig><HTTPPort>80</HTTPPort><HTTPSPort>443</HTTPSPort><OriginProtocolPolicy>https-only</OriginProtocolPolicy></CustomOriginConfig></Origin></Items></Origins>
<OriginGroups><Quantity>0</Quantity></OriginGroups><DefaultCacheBehavior><TargetOriginId>web</TargetOriginId><ViewerProtocolPolicy>redirect-to-https</ViewerProtocolPolicy></DefaultCacheBehavior><CacheBehaviors><Quantity>0</Quantity></CacheBehaviors><CustomErrorResponses><Quantity>0</Quantity></CustomErrorResponses><Comment></Comment><PriceClass>PriceClass_100</PriceClass><Enabled>true</Enabled><Restrictions><GeoRestriction><RestrictionType>none</RestrictionType><Quantity>0</Quantity></GeoRestriction></Restrictions><WebACLId>arn:aws:wafv2:us-east-1:111122223333:global/webacl/edge/1</WebACLId><HttpVersion>http2</HttpVersion><IsIPV6Enabled>true</IsIPV6Enabled><Staging>false</Staging></DistributionSummary></Items></DistributionList>"#,
        ),
        _ => unexpected(request),
    };
    insta::assert_snapshot!(read("cloudfront/distributions", distributions, nothing).await);
}

#[tokio::test]
async fn balancers() {
    let balancers = |request: &Request| match request.operation.as_str() {
        "DescribeLoadBalancers" => xml(
            r#"<DescribeLoadBalancersResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><DescribeLoadBalancersResult><LoadBalancers>
<member><LoadBalancerArn>arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/api/1</LoadBalancerArn><LoadBalancerName>api</LoadBalancerName><DNSName>api-1.us-east-1.elb.amazonaws.com</DNSName><CreatedTime>2026-01-02T03:04:05.670Z</CreatedTime><Scheme>internet-facing</Scheme><VpcId>vpc-1</VpcId><Type>application</Type><State><Code>active</Code></State><AvailabilityZones><member><ZoneName>us-east-1a</ZoneName><SubnetId>s-1</SubnetId></member><member><ZoneName>us-east-1b</ZoneName><SubnetId>s-2</SubnetId></member></AvailabilityZones></member>
<member><LoadBalancerArn>arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/net/feed/2</LoadBalancerArn><LoadBalancerName>feed</LoadBalancerName><Type>network</Type><State><Code>active_impaired</Code><Reason>out of addresses</Reason></State></member>
</LoadBalancers></DescribeLoadBalancersResult></DescribeLoadBalancersResponse>"#,
        ),
        "DescribeListeners" if request.body.contains("feed") => xml(
            r#"<DescribeListenersResponse><DescribeListenersResult><Listeners><member><ListenerArn>arn:l2</ListenerArn><Protocol>TCP</Protocol><Port>9000</Port><DefaultActions><member><Type>forward</Type><TargetGroupArn>arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/feed/9</TargetGroupArn></member></DefaultActions></member></Listeners></DescribeListenersResult></DescribeListenersResponse>"#,
        ),
        "DescribeListeners" => xml(
            r#"<DescribeListenersResponse><DescribeListenersResult><Listeners><member><ListenerArn>arn:l1</ListenerArn><Protocol>HTTPS</Protocol><Port>443</Port><DefaultActions><member><Type>fixed-response</Type></member></DefaultActions></member></Listeners></DescribeListenersResult></DescribeListenersResponse>"#,
        ),
        "DescribeRules" => xml(r#"<DescribeRulesResponse><DescribeRulesResult><Rules>
<member><RuleArn>arn:r1</RuleArn><Priority>10</Priority><IsDefault>false</IsDefault><Conditions><member><Field>path-pattern</Field><PathPatternConfig><Values><member>/orders/*</member></Values></PathPatternConfig></member></Conditions><Actions><member><Type>forward</Type><ForwardConfig><TargetGroups><member><TargetGroupArn>arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/orders/3</TargetGroupArn><Weight>95</Weight></member><member><TargetGroupArn>arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/orders-next/4</TargetGroupArn><Weight>5</Weight></member></TargetGroups></ForwardConfig></member></Actions></member>
<member><RuleArn>arn:r2</RuleArn><Priority>default</Priority><IsDefault>true</IsDefault></member></Rules></DescribeRulesResult></DescribeRulesResponse>"#),
        _ => unexpected(request),
    };
    insta::assert_snapshot!(read("elb/balancers", balancers, nothing).await);
}

#[tokio::test]
async fn target_groups() {
    let groups = |request: &Request| match request.operation.as_str() {
        "DescribeTargetGroups" if request.body.contains("Marker=2") => xml(
            r#"<DescribeTargetGroupsResponse><DescribeTargetGroupsResult><TargetGroups><member><TargetGroupArn>arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/hook/5</TargetGroupArn><TargetGroupName>hook</TargetGroupName><TargetType>lambda</TargetType></member></TargetGroups></DescribeTargetGroupsResult></DescribeTargetGroupsResponse>"#,
        ),
        "DescribeTargetGroups" => xml(
            r#"<DescribeTargetGroupsResponse><DescribeTargetGroupsResult><TargetGroups><member><TargetGroupArn>arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/orders/3</TargetGroupArn><TargetGroupName>orders</TargetGroupName><Protocol>HTTP</Protocol><Port>8080</Port><VpcId>vpc-1</VpcId><HealthCheckPath>/healthz</HealthCheckPath><HealthCheckIntervalSeconds>10</HealthCheckIntervalSeconds><UnhealthyThresholdCount>2</UnhealthyThresholdCount><TargetType>ip</TargetType></member></TargetGroups><NextMarker>2</NextMarker></DescribeTargetGroupsResult></DescribeTargetGroupsResponse>"#,
        ),
        "DescribeTargetHealth" if request.body.contains("hook") => xml(
            r#"<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions><member><Target><Id>arn:aws:lambda:us-east-1:111122223333:function:hook:live</Id><AvailabilityZone>all</AvailabilityZone></Target><TargetHealth><State>unavailable</State><Reason>Target.HealthCheckDisabled</Reason><Description>Health checks are not enabled for this target</Description></TargetHealth></member></TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>"#,
        ),
        "DescribeTargetHealth" => xml(
            r#"<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions>
<member><Target><Id>10.0.0.7</Id><Port>8080</Port><AvailabilityZone>us-east-1a</AvailabilityZone></Target><TargetHealth><State>healthy</State></TargetHealth></member>
<member><Target><Id>10.0.1.7</Id><Port>8080</Port><AvailabilityZone>us-east-1b</AvailabilityZone></Target><TargetHealth><State>unhealthy</State><Reason>Target.ResponseCodeMismatch</Reason><Description>Health checks failed with these codes: [503]</Description></TargetHealth></member>
<member><Target><Id>10.0.1.8</Id><Port>8080</Port><AvailabilityZone>us-east-1b</AvailabilityZone></Target><TargetHealth><State>draining</State><Reason>Target.DeregistrationInProgress</Reason></TargetHealth></member>
<member><Target><Port>1</Port></Target><TargetHealth><State>healthy</State></TargetHealth></member>
</TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>"#,
        ),
        _ => unexpected(request),
    };
    insta::assert_snapshot!(read("elb/target-groups", groups, nothing).await);
}

#[tokio::test]
async fn clusters() {
    let clusters = |request: &Request| match request.operation.as_str() {
        "/clusters" => json(r#"{"clusters":["prod"],"nextToken":null}"#),
        "/clusters/prod" => json(
            r#"{"cluster":{"name":"prod","arn":"arn:aws:eks:us-east-1:111122223333:cluster/prod","createdAt":1.7e9,"version":"1.33","endpoint":"https://AB.gr7.us-east-1.eks.amazonaws.com","status":"ACTIVE","platformVersion":"eks.9","resourcesVpcConfig":{"vpcId":"vpc-1"},"zonalShiftConfig":{"enabled":true},"health":{"issues":[]}}}"#,
        ),
        "/clusters/prod/node-groups" => json(r#"{"nodegroups":["general"]}"#),
        "/clusters/prod/node-groups/general" => json(
            r#"{"nodegroup":{"nodegroupName":"general","nodegroupArn":"arn:aws:eks:us-east-1:111122223333:nodegroup/prod/general/1","version":"1.33","status":"DEGRADED","tags":{"k8s.io/cluster-autoscaler/enabled":"true"},"resources":{"autoScalingGroups":[{"name":"eks-general-1"}]},"capacityType":"SPOT","scalingConfig":{"minSize":3,"maxSize":9,"desiredSize":6},"instanceTypes":["m7g.large","m6g.large"],"health":{"issues":[{"code":"AsgInstanceLaunchFailures","message":"We currently do not have sufficient capacity","resourceIds":["asg-1"]},{"code":"AsgInstanceLaunchFailures"}]}}}"#,
        ),
        _ => unexpected(request),
    };
    insta::assert_snapshot!(read("eks/clusters", clusters, nothing).await);
}

#[tokio::test]
async fn databases() {
    let databases = |request: &Request| match request.operation.as_str() {
        "DescribeDBClusters" => xml(
            r#"<DescribeDBClustersResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBClustersResult><DBClusters>
<DBCluster><DBClusterIdentifier>ledger</DBClusterIdentifier><DBClusterArn>arn:aws:rds:us-east-1:111122223333:cluster:ledger</DBClusterArn><Status>available</Status><Engine>aurora-postgresql</Engine><EngineVersion>16.6</EngineVersion><Endpoint>ledger.cluster-c1.us-east-1.rds.amazonaws.com</Endpoint><ReaderEndpoint>ledger.cluster-ro-c1.us-east-1.rds.amazonaws.com</ReaderEndpoint><Port>5432</Port><DeletionProtection>true</DeletionProtection><DBClusterMembers><DBClusterMember><DBInstanceIdentifier>ledger-1</DBInstanceIdentifier><IsClusterWriter>true</IsClusterWriter><PromotionTier>0</PromotionTier></DBClusterMember><DBClusterMember><DBInstanceIdentifier>ledger-2</DBInstanceIdentifier><IsClusterWriter>false</IsClusterWriter><PromotionTier>1</PromotionTier></DBClusterMember></DBClusterMembers></DBCluster>
<DBCluster><DBClusterIdentifier>graph</DBClusterIdentifier><Engine>neptune</Engine></DBCluster></DBClusters></DescribeDBClustersResult></DescribeDBClustersResponse>"#,
        ),
        "DescribeDBInstances" => xml(
            r#"<DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBInstancesResult><DBInstances>
<DBInstance><DBInstanceIdentifier>ledger-1</DBInstanceIdentifier><DBInstanceArn>arn:aws:rds:us-east-1:111122223333:db:ledger-1</DBInstanceArn><DBInstanceStatus>available</DBInstanceStatus><DBInstanceClass>db.r6g.large</DBInstanceClass><Engine>aurora-postgresql</Engine><EngineVersion>16.6</EngineVersion><AvailabilityZone>us-east-1a</AvailabilityZone><DBSubnetGroup><DBSubnetGroupName>databases</DBSubnetGroupName><Subnets><Subnet><SubnetIdentifier>subnet-2</SubnetIdentifier><SubnetAvailabilityZone><Name>us-east-1c</Name></SubnetAvailabilityZone></Subnet><Subnet><SubnetIdentifier>subnet-1</SubnetIdentifier><SubnetAvailabilityZone><Name>us-east-1a</Name></SubnetAvailabilityZone></Subnet><Subnet><SubnetIdentifier>subnet-3</SubnetIdentifier><SubnetAvailabilityZone><Name>us-east-1a</Name></SubnetAvailabilityZone></Subnet><Subnet><SubnetIdentifier>subnet-4</SubnetIdentifier></Subnet></Subnets></DBSubnetGroup><DBClusterIdentifier>ledger</DBClusterIdentifier><Endpoint><Address>ledger-1.c1.us-east-1.rds.amazonaws.com</Address><Port>5432</Port></Endpoint></DBInstance>
<DBInstance><DBInstanceIdentifier>nightly</DBInstanceIdentifier><DBInstanceStatus>available</DBInstanceStatus><Engine>mysql</Engine></DBInstance>
<DBInstance><DBInstanceIdentifier>ledger-2</DBInstanceIdentifier><DBInstanceStatus>rebooting</DBInstanceStatus><DBInstanceClass>db.r6g.large</DBInstanceClass><AvailabilityZone>us-east-1b</AvailabilityZone></DBInstance>
</DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>"#,
        ),
        _ => unexpected(request),
    };
    insta::assert_snapshot!(read("rds/clusters", databases, nothing).await);
}

#[tokio::test]
async fn instances_that_cannot_be_listed_are_told_where_no_member_is_there_to_tell_it() {
    let none = |request: &Request| {
        match request.operation.as_str() {
        "DescribeDBClusters" => xml(
            r#"<DescribeDBClustersResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBClustersResult><DBClusters/></DescribeDBClustersResult></DescribeDBClustersResponse>"#,
        ),
        _ => Answer::Http(
            403,
            "text/xml",
            b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>".to_vec(),
        ),
    }
    };
    let (_, regional) = sessions(&serve(none).await).await;
    let reading = collector("rds/clusters")
        .collect(&regional, &Known::default())
        .await;
    assert_eq!(reading.outcome.expect("the clusters were listed"), []);
    let lost = reading.partial.expect("the instances were not");
    assert!(
        lost.sentence.contains("DescribeDBInstances"),
        "{}",
        lost.sentence
    );
}

#[tokio::test]
async fn members_stay_when_only_the_instances_cannot_be_listed() {
    let databases = |request: &Request| match request.operation.as_str() {
        "DescribeDBClusters" => xml(
            r#"<DescribeDBClustersResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBClustersResult><DBClusters><DBCluster><DBClusterIdentifier>ledger</DBClusterIdentifier><Engine>aurora-mysql</Engine><DBClusterMembers><DBClusterMember><DBInstanceIdentifier>ledger-1</DBInstanceIdentifier><IsClusterWriter>true</IsClusterWriter></DBClusterMember></DBClusterMembers></DBCluster></DBClusters></DescribeDBClustersResult></DescribeDBClustersResponse>"#,
        ),
        _ => xml(
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
        ),
    };
    let denied = move |request: &Request| match databases(request) {
        Answer::Http(_, kind, body) if request.operation == "DescribeDBInstances" => {
            Answer::Http(403, kind, body)
        }
        answer => answer,
    };
    insta::assert_snapshot!(read("rds/clusters", denied, nothing).await);
}

#[tokio::test]
async fn global_databases_and_events() {
    let answers = |request: &Request| match request.operation.as_str() {
        "DescribeGlobalClusters" => xml(
            r#"<DescribeGlobalClustersResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeGlobalClustersResult><GlobalClusters><GlobalClusterMember><GlobalClusterIdentifier>ledger-global</GlobalClusterIdentifier><GlobalClusterArn>arn:aws:rds::111122223333:global-cluster:ledger-global</GlobalClusterArn><Status>available</Status><Engine>aurora-postgresql</Engine><GlobalClusterMembers><GlobalClusterMember><DBClusterArn>arn:aws:rds:us-east-1:111122223333:cluster:ledger</DBClusterArn><IsWriter>true</IsWriter></GlobalClusterMember><GlobalClusterMember><DBClusterArn>arn:aws:rds:eu-west-1:111122223333:cluster:ledger</DBClusterArn><IsWriter>false</IsWriter></GlobalClusterMember></GlobalClusterMembers></GlobalClusterMember></GlobalClusters></DescribeGlobalClustersResult></DescribeGlobalClustersResponse>"#,
        ),
        "DescribeEvents" => xml(
            r#"<DescribeEventsResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeEventsResult><Events><Event><SourceIdentifier>ledger</SourceIdentifier><SourceType>db-cluster</SourceType><Message>Started cross AZ failover to DB instance: ledger-2</Message><EventCategories><EventCategory>failover</EventCategory></EventCategories><Date>2026-11-22T02:40:11.123Z</Date></Event><Event><SourceIdentifier>nightly</SourceIdentifier><SourceType>db-cluster-snapshot</SourceType><Message>x</Message><Date>2026-11-22T02:00:00Z</Date></Event><Event><SourceType>db-instance</SourceType><Message>of nobody</Message><Date>2026-11-22T02:00:00Z</Date></Event></Events></DescribeEventsResult></DescribeEventsResponse>"#,
        ),
        _ => unexpected(request),
    };
    let globals = read("rds/global-clusters", answers, nothing).await;
    insta::assert_snapshot!("global_databases", without_time(&globals));
    let events = read("rds/events", answers, known).await;
    insta::assert_snapshot!("events", without_time(&events));
}

#[tokio::test]
async fn announced_maintenance_is_said_of_its_database_and_none_of_the_others() {
    let answers = |request: &Request| match request.operation.as_str() {
        "DescribePendingMaintenanceActions" => xml(
            r#"<DescribePendingMaintenanceActionsResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribePendingMaintenanceActionsResult><PendingMaintenanceActions><ResourcePendingMaintenanceActions><ResourceIdentifier>arn:aws:rds:us-east-1:111122223333:db:ledger-1</ResourceIdentifier><PendingMaintenanceActionDetails><PendingMaintenanceAction><Action>system-update</Action><CurrentApplyDate>2026-11-25T03:00:00Z</CurrentApplyDate><Description>New Operating System update is available</Description></PendingMaintenanceAction><PendingMaintenanceAction><Action>db-upgrade</Action></PendingMaintenanceAction></PendingMaintenanceActionDetails></ResourcePendingMaintenanceActions></PendingMaintenanceActions></DescribePendingMaintenanceActionsResult></DescribePendingMaintenanceActionsResponse>"#,
        ),
        _ => unexpected(request),
    };
    let found = read("rds/maintenance", answers, known).await;
    insta::assert_snapshot!(without_time(&found));
}

#[tokio::test]
async fn the_quota_of_instances_is_said_of_each_cluster() {
    let answers = |request: &Request| match request.operation.as_str() {
        "DescribeAccountAttributes" => xml(
            r#"<DescribeAccountAttributesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeAccountAttributesResult><AccountQuotas><AccountQuota><AccountQuotaName>DBClusters</AccountQuotaName><Used>3</Used><Max>40</Max></AccountQuota><AccountQuota><AccountQuotaName>DBInstances</AccountQuotaName><Used>22</Used><Max>40</Max></AccountQuota></AccountQuotas></DescribeAccountAttributesResult></DescribeAccountAttributesResponse>"#,
        ),
        _ => unexpected(request),
    };
    let found = read("rds/quotas", answers, known).await;
    insta::assert_snapshot!(without_time(&found));
}

#[tokio::test]
async fn a_cluster_is_known_by_the_endpoints_of_its_proxies_too() {
    let answers = |request: &Request| match request.operation.as_str() {
        "DescribeDBProxies" if request.body.contains("Marker=m%2F2") => xml(
            r#"<DescribeDBProxiesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBProxiesResult><DBProxies><member><DBProxyName>reports</DBProxyName><Endpoint>reports.proxy-c1x2y3.us-east-1.rds.amazonaws.com</Endpoint></member><member><Endpoint>of-nobody</Endpoint></member></DBProxies></DescribeDBProxiesResult></DescribeDBProxiesResponse>"#,
        ),
        "DescribeDBProxies" => xml(
            r#"<DescribeDBProxiesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBProxiesResult><Marker>m/2</Marker><DBProxies><member><DBProxyName>ledger-proxy</DBProxyName><Status>available</Status><EngineFamily>POSTGRESQL</EngineFamily><Endpoint>ledger-proxy.proxy-c1x2y3.us-east-1.rds.amazonaws.com</Endpoint></member></DBProxies></DescribeDBProxiesResult></DescribeDBProxiesResponse>"#,
        ),
        "DescribeDBProxyTargets" if request.body.contains("DBProxyName=ledger-proxy") => xml(
            r#"<DescribeDBProxyTargetsResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBProxyTargetsResult><Targets><member><Type>RDS_INSTANCE</Type><RdsResourceId>ledger-1</RdsResourceId><Port>5432</Port></member><member><Type>TRACKED_CLUSTER</Type><RdsResourceId>ledger</RdsResourceId><Port>0</Port></member></Targets></DescribeDBProxyTargetsResult></DescribeDBProxyTargetsResponse>"#,
        ),
        "DescribeDBProxyTargets" => xml(
            r#"<DescribeDBProxyTargetsResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBProxyTargetsResult><Targets><member><Type>RDS_INSTANCE</Type><RdsResourceId>reports</RdsResourceId><Port>5432</Port></member></Targets></DescribeDBProxyTargetsResult></DescribeDBProxyTargetsResponse>"#,
        ),
        _ => unexpected(request),
    };
    let found = read("rds/proxies", answers, known).await;
    insta::assert_snapshot!(without_time(&found));
}

/// What it keeps depends on itself, and on whether it reaches who may be the next writer.
#[tokio::test]
async fn what_is_wrong_with_a_proxy_is_said_behind_its_name() {
    let tracked =
        "<member><Type>TRACKED_CLUSTER</Type><RdsResourceId>ledger</RdsResourceId></member>";
    let member = |name: &str, role: &str, state: &str| {
        format!(
            "<member><Type>RDS_INSTANCE</Type><RdsResourceId>{name}</RdsResourceId><Role>{role}</Role><TargetHealth><State>{state}</State></TargetHealth></member>"
        )
    };
    let pair = |writer: &str, reader: &str| {
        member("w", "READ_WRITE", writer) + &member("r", "READ_ONLY", reader)
    };
    let rows = [
        ("available", pair("AVAILABLE", "AVAILABLE"), ""),
        ("available", String::new(), ""),
        ("", String::new(), ""),
        // What a failover is for.
        ("available", pair("UNAVAILABLE", "AVAILABLE"), ""),
        (
            "available",
            pair("AVAILABLE", "UNAVAILABLE"),
            " (r unavailable)",
        ),
        (
            "available",
            pair("UNAVAILABLE", "REGISTERING"),
            " (no target available)",
        ),
        (
            "incompatible-network",
            pair("AVAILABLE", "AVAILABLE"),
            " (incompatible-network)",
        ),
        ("suspended", String::new(), " (suspended)"),
    ];
    for (status, members, fault) in rows {
        let status = match status {
            "" => String::new(),
            status => format!("<Status>{status}</Status>"),
        };
        let answers = move |request: &Request| match request.operation.as_str() {
            "DescribeDBProxies" => xml(&format!(
                r#"<DescribeDBProxiesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBProxiesResult><DBProxies><member><DBProxyName>front</DBProxyName>{status}</member></DBProxies></DescribeDBProxiesResult></DescribeDBProxiesResponse>"#
            )),
            _ => xml(&format!(
                r#"<DescribeDBProxyTargetsResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBProxyTargetsResult><Targets>{tracked}{members}</Targets></DescribeDBProxyTargetsResult></DescribeDBProxyTargetsResponse>"#
            )),
        };
        let found = read("rds/proxies", answers, known).await;
        let says = format!("proxies = \"front{fault}\"");
        assert!(found.contains(&says), "{says}: {found}");
    }
}

/// A proxy that did not say what it leads to may lead to any of them.
#[tokio::test]
async fn that_a_cluster_has_no_proxy_is_said_when_all_were_asked() {
    let list = |names: &[&str]| {
        let member = |name: &&str| format!("<member><DBProxyName>{name}</DBProxyName></member>");
        let members: String = names.iter().map(member).collect();
        xml(&format!(
            r#"<DescribeDBProxiesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBProxiesResult><DBProxies>{members}</DBProxies></DescribeDBProxiesResult></DescribeDBProxiesResponse>"#
        ))
    };
    let none = read("rds/proxies", move |_| list(&[]), known).await;
    assert!(
        none.starts_with("1 requests") && none.contains("none"),
        "{none}"
    );
    let half = read(
        "rds/proxies",
        move |request| match request.operation.as_str() {
            "DescribeDBProxies" => list(&["reports", "secret"]),
            _ if request.body.contains("secret") => Answer::Http(403, "text/xml", Vec::new()),
            _ => xml(
                r#"<DescribeDBProxyTargetsResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBProxyTargetsResult><Targets/></DescribeDBProxyTargetsResult></DescribeDBProxyTargetsResponse>"#,
            ),
        },
        known,
    )
    .await;
    assert!(
        half.starts_with("3 requests, 1 skipped") && !half.contains("none"),
        "{half}"
    );
}

#[tokio::test]
async fn what_the_subnets_of_a_nodegroup_have_left_is_said_where_all_are_told() {
    let page = |items: &[(&str, &str)], mark: &str| {
        let items = items.iter().map(|(id, free)| format!("<item><subnetId>{id}</subnetId><availableIpAddressCount>{free}</availableIpAddressCount></item>"));
        xml(&format!(
            r#"<DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><subnetSet>{}</subnetSet>{mark}</DescribeSubnetsResponse>"#,
            items.collect::<String>()
        ))
    };
    let answers = move |request: &Request| match request.operation.as_str() {
        "DescribeSubnets" if request.body.contains("NextToken=t%2F2") => {
            page(&[("subnet-burst", "3"), ("subnet-models", "none")], "")
        }
        "DescribeSubnets" => {
            assert!(
                request
                    .body
                    .contains("Filter.1.Name=subnet-id&Filter.1.Value.1=subnet-a&")
            );
            page(
                &[("subnet-a", "251"), ("subnet-core", "4091")],
                "<nextToken>t/2</nextToken>",
            )
        }
        _ => unexpected(request),
    };
    let found = read("ec2/subnets", answers, known).await;
    insta::assert_snapshot!(without_time(&found));
}

/// One question for all that is the same, and of each instance the price of its own storage.
#[tokio::test]
async fn the_hourly_price_of_an_instance_is_that_of_its_class_and_storage() {
    let item = |usage: &str, usd: &str| {
        let item = serde_json::json!({
            "product": {"productFamily": "Database Instance", "sku": "S", "attributes": {"usagetype": usage}},
            "serviceCode": "AmazonRDS",
            "terms": {
                "OnDemand": {"S.T": {"offerTermCode": "T", "priceDimensions": {"S.T.R": {"unit": "Hrs", "pricePerUnit": {"USD": usd}}}}},
                "Reserved": {"S.U": {"offerTermCode": "U", "priceDimensions": {"S.U.R": {"unit": "Hrs", "pricePerUnit": {"USD": "0.1"}}}}},
            },
        });
        item.to_string()
    };
    let answers = move |request: &Request| match request.operation.as_str() {
        "GetProducts" if request.body.contains(r#""NextToken":"t/2""#) => json(
            &serde_json::json!({"FormatVersion": "aws_v1", "PriceList": [
                item("InstanceUsageIOOptimized:db.r6g.xl", "0.6750000000"), "no item",
            ]})
            .to_string(),
        ),
        "GetProducts" => {
            let asked: serde_json::Value = serde_json::from_str(&request.body).unwrap();
            let filter = |field: &str, value: &str| serde_json::json!({"Type": "TERM_MATCH", "Field": field, "Value": value});
            assert_eq!(
                asked,
                serde_json::json!({"ServiceCode": "AmazonRDS", "Filters": [
                    filter("regionCode", "us-east-1"), filter("databaseEngine", "Aurora PostgreSQL"),
                    filter("instanceType", "db.r6g.xlarge"), filter("deploymentOption", "Single-AZ"),
                ]})
            );
            json(
                &serde_json::json!({"FormatVersion": "aws_v1", "NextToken": "t/2", "PriceList": [
                    item("InstanceUsage:db.r6g.xl", "0.5190000000"),
                ]})
                .to_string(),
            )
        }
        _ => unexpected(request),
    };
    let members = |global: &Session, regional: &Session| {
        let mut known = known(global, regional);
        let first = known.nodes.iter().find(|node| node.name == "ledger-1");
        let first = first.expect("an instance").as_ref().clone();
        let rows = [
            ("ledger-2", "db.r6g.xlarge", "aurora-iopt1"),
            ("ledger-3", "db.r6g.xlarge", "aurora"),
            ("ledger-4", "db.serverless", "aurora"),
        ];
        for (name, class, storage) in rows {
            let mut other = first.clone();
            other.id = NodeId::aws(Kind::DbInstance, wire::ACCOUNT, Some(wire::REGION), name);
            other.facts.set(Fact::InstanceClass, class);
            other.facts.set(Fact::StorageType, storage);
            known.nodes.push(other.into());
        }
        known
    };
    let found = read("pricing/instances", answers, members).await;
    insta::assert_snapshot!(without_time(&found));
}

#[tokio::test]
async fn queues() {
    let queues = |request: &Request| match request.operation.as_str() {
        "ListQueues" if request.body.contains("NextToken") => json(
            r#"{"QueueUrls":["https://sqs.us-east-1.amazonaws.com/111122223333/fills.fifo","https://sqs.us-east-1.amazonaws.com/111122223333/gone"]}"#,
        ),
        "ListQueues" => json(
            r#"{"QueueUrls":["https://sqs.us-east-1.amazonaws.com/111122223333/orders","https://sqs.us-east-1.amazonaws.com/111122223333/orders-dlq"],"NextToken":"t"}"#,
        ),
        "GetQueueAttributes" if request.body.contains("/orders-dlq\"") => json(
            r#"{"Attributes":{"QueueArn":"arn:aws:sqs:us-east-1:111122223333:orders-dlq","ApproximateNumberOfMessages":"1284","ApproximateNumberOfMessagesNotVisible":"0","ApproximateNumberOfMessagesDelayed":"0","MessageRetentionPeriod":"1209600","VisibilityTimeout":"30","MaximumMessageSize":"262144","CreatedTimestamp":"1700000000","SqsManagedSseEnabled":"true"}}"#,
        ),
        "GetQueueAttributes" if request.body.contains("/orders\"") => json(
            r#"{"Attributes":{"QueueArn":"arn:aws:sqs:us-east-1:111122223333:orders","ApproximateNumberOfMessages":"7","RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:111122223333:orders-dlq\",\"maxReceiveCount\":\"5\"}","KmsMasterKeyId":"alias/orders","DelaySeconds":"5"}}"#,
        ),
        "GetQueueAttributes" if request.body.contains("/gone\"") => {
            Answer::JsonError(400, "AWS.SimpleQueueService.NonExistentQueue")
        }
        "GetQueueAttributes" => json(
            r#"{"Attributes":{"QueueArn":"arn:aws:sqs:us-east-1:111122223333:fills.fifo","FifoQueue":"true","ContentBasedDeduplication":"true","KmsMasterKeyId":"","RedriveAllowPolicy":"{\"redrivePermission\":\"denyAll\"}","RedrivePolicy":"not json"}}"#,
        ),
        _ => unexpected(request),
    };
    insta::assert_snapshot!(read("sqs/queues", queues, nothing).await);
}

#[tokio::test]
async fn dead_letter_sources_and_move_tasks() {
    let answers = |request: &Request| match request.operation.as_str() {
        "ListQueues" => json(
            r#"{"QueueUrls":["https://sqs.us-east-1.amazonaws.com/111122223333/orders","https://sqs.us-east-1.amazonaws.com/111122223333/orders-dlq"]}"#,
        ),
        "ListDeadLetterSourceQueues" if request.body.contains("orders-dlq") => {
            json(r#"{"queueUrls":["https://sqs.us-east-1.amazonaws.com/111122223333/orders"]}"#)
        }
        "ListDeadLetterSourceQueues" => json(r#"{"queueUrls":[]}"#),
        "ListMessageMoveTasks" => json(
            r#"{"Results":[{"Status":"COMPLETED","SourceArn":"arn:aws:sqs:us-east-1:111122223333:orders-dlq","ApproximateNumberOfMessagesMoved":20,"StartedTimestamp":1795315000000},{"TaskHandle":"h","Status":"RUNNING","SourceArn":"arn:aws:sqs:us-east-1:111122223333:orders-dlq","DestinationArn":"arn:aws:sqs:us-east-1:111122223333:orders","MaxNumberOfMessagesPerSecond":50,"ApproximateNumberOfMessagesMoved":400,"ApproximateNumberOfMessagesToMove":1284,"StartedTimestamp":1795315600123}]}"#,
        ),
        _ => unexpected(request),
    };
    insta::assert_snapshot!(
        "dead_letter_sources",
        read("sqs/dead-letter-sources", answers, nothing).await
    );
    let tasks = read("sqs/move-tasks", answers, known).await;
    assert!(
        tasks.contains("move_task_status = \"RUNNING\""),
        "the newest task is shown: {tasks}"
    );
    insta::assert_snapshot!("move_tasks", without_time(&tasks));
}

/// Figures as of now carry the clock's time, which goes on between requests.
fn without_time(text: &str) -> String {
    let line = |line: &str| match line.split_once(" at ") {
        Some((about, _)) if about.starts_with("about ") => about.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn functions_and_mappings() {
    let answers = |request: &Request| match request.operation.as_str() {
        "/2015-03-31/functions" => json(
            r#"{"Functions":[{"FunctionName":"settle","FunctionArn":"arn:aws:lambda:us-east-1:111122223333:function:settle","Runtime":"python3.13","Timeout":30,"MemorySize":512,"LastModified":"2026-11-22T02:41:00.000+0000","Version":"$LATEST","DeadLetterConfig":{"TargetArn":"arn:aws:sqs:us-east-1:111122223333:settle-dlq"}},{"Runtime":"nodejs22.x"}]}"#,
        ),
        "/2015-03-31/event-source-mappings" => json(
            r#"{"EventSourceMappings":[{"UUID":"6f2b","EventSourceArn":"arn:aws:sqs:us-east-1:111122223333:orders","FunctionArn":"arn:aws:lambda:us-east-1:111122223333:function:settle:live","State":"Disabled","StateTransitionReason":"USER_INITIATED","BatchSize":10,"ScalingConfig":{"MaximumConcurrency":50},"LastProcessingResult":"No records processed","LastModified":1.7953152E9}]}"#,
        ),
        "/2019-09-30/functions/settle/concurrency" => {
            json(r#"{"ReservedConcurrentExecutions":100}"#)
        }
        "/2019-09-30/functions/nightly/concurrency" => json("{}"),
        "/2015-03-31/functions/settle/configuration" => json(
            r#"{"FunctionName":"settle","State":"Pending","StateReason":"The function is being created.","StateReasonCode":"Creating","LastUpdateStatus":"InProgress"}"#,
        ),
        _ => unexpected(request),
    };
    insta::assert_snapshot!(
        "functions",
        read("lambda/functions", answers, nothing).await
    );
    insta::assert_snapshot!("mappings", read("lambda/mappings", answers, nothing).await);
    let concurrency = read("lambda/concurrency", answers, known).await;
    insta::assert_snapshot!("concurrency", without_time(&concurrency));
    let states = read("lambda/states", answers, known).await;
    insta::assert_snapshot!("states", without_time(&states));
}

#[tokio::test]
async fn the_stack_of_a_mapping_is_the_one_its_tags_name() {
    const ARN: &str = "arn%3Aaws%3Alambda%3Aus-east-1%3A111122223333%3Aevent-source-mapping%3A6f2b";
    let said = |body: &'static str| {
        let answers = move |request: &Request| {
            assert_eq!(request.line, format!("GET /2017-03-31/tags/{ARN}"));
            json(body)
        };
        read("lambda/tags", answers, known)
    };
    let owned = said(
        r#"{"Tags":{"environment":"prod","aws:cloudformation:stack-name":"orders","aws:cloudformation:stack-id":"arn:aws:cloudformation:us-east-1:111122223333:stack/orders/1"}}"#,
    );
    insta::assert_snapshot!("tags", without_time(&owned.await));
    for nobody in [r#"{"Tags":{"environment":"prod"}}"#, "{}"] {
        let text = said(nobody).await;
        assert!(text.contains("owner_stack = \"none\""), "{text}");
    }
    let gone = |_: &Request| Answer::JsonError(404, "ResourceNotFoundException");
    assert_eq!(
        read("lambda/tags", gone, known).await,
        "1 requests, 0 skipped\n"
    );
}

#[tokio::test]
async fn the_shift_applied_to_a_balancer_is_said_of_it_with_the_name_of_its_zone() {
    const BALANCER: &str =
        "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/api/1";
    let item = |shifts: &str| {
        format!(r#"{{"items":[{{"arn":"{BALANCER}","availabilityZones":["use1-az2"],{shifts}}}]}}"#)
    };
    let reading = |list: String, subnets: bool| {
        let answers = move |request: &Request| match request.operation.as_str() {
            "/managedresources" if request.line.contains("nextToken=") => json(&list),
            "/managedresources" => {
                assert_eq!(request.line, "GET /managedresources?maxResults=100");
                json(r#"{"items":[],"nextToken":"t"}"#)
            }
            "DescribeSubnets" if subnets => xml(
                "<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-a</subnetId><availabilityZone>us-east-1b</availabilityZone><availabilityZoneId>use1-az2</availabilityZoneId><availableIpAddressCount>9</availableIpAddressCount></item></subnetSet></DescribeSubnetsResponse>",
            ),
            "DescribeSubnets" => Answer::JsonError(403, "UnauthorizedOperation"),
            _ => unexpected(request),
        };
        read("arc-zonal-shift/shifts", answers, known)
    };
    let waiting = r#"{"appliedStatus":"NOT_APPLIED","zonalShiftId":"p","resourceIdentifier":"r","awayFrom":"use1-az6","expiryTime":1.7953152E9,"startTime":1.7953052E9,"comment":"","shiftType":"PRACTICE_RUN"}"#;
    let applied = r#"{"appliedStatus":"APPLIED","zonalShiftId":"s","resourceIdentifier":"r","awayFrom":"use1-az2","expiryTime":1.7953152E9,"startTime":1.7953052E9,"comment":"INC-42","shiftType":"ZONAL_SHIFT"}"#;
    let both = item(&format!(r#""zonalShifts":[{waiting},{applied}]"#));
    insta::assert_snapshot!("zonal_shifts", without_time(&reading(both, true).await));
    let auto = item(
        r#""autoshifts":[{"appliedStatus":"APPLIED","awayFrom":"use1-az2","startTime":1.7953052E9}]"#,
    );
    let text = reading(auto, false).await;
    for line in [
        "3 requests",
        "shifted_away_from = \"use1-az2\"",
        "shifted_by = \"ZONAL_AUTOSHIFT\"",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let idle = reading(item(&format!(r#""zonalShifts":[{waiting}]"#)), true).await;
    assert!(
        idle.contains("2 requests") && idle.contains("shifted_away_from = \"none\""),
        "{idle}"
    );
}

mod cloudwatch;
