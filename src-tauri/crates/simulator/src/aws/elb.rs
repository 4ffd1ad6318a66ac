//! Elastic Load Balancing v2. Service model `elasticloadbalancingv2` 2015-12-01.

use serde_json::{Value, json};

use super::error::AwsError;
use super::page::page;
use super::region;
use super::render::Answer;
use super::request::Call;
use crate::world::World;
use crate::world::balancer::{
    self, CHECK_INTERVAL, CHECK_TIMEOUT, Failure, LoadBalancer, Rule, Target, TargetGroup,
    TargetState,
};
use crate::world::region::Region;

pub(super) fn handle(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let region = region(world, call);
    match call.operation.as_str() {
        "DescribeLoadBalancers" => load_balancers(region, call),
        "DescribeTargetGroups" => target_groups(region, call),
        "DescribeTargetHealth" => target_health(region, call),
        "DescribeListeners" => listeners(region, call),
        "DescribeRules" => rules(region, call),
        "DescribeTags" => tags(world, region, call),
        "DescribeLoadBalancerAttributes" => attributes(region, call),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn not_found(what: &str, sentence: &str) -> AwsError {
    AwsError::new(&format!("{what}NotFound"), sentence)
}

fn answer(call: &Call, list: &str, all: Vec<Value>) -> Result<Answer, AwsError> {
    let size = match call.int("PageSize") {
        None => 400,
        Some(n) if (1..=400).contains(&n) => usize::try_from(n).unwrap_or(400),
        Some(n) => {
            return Err(AwsError::new(
                "ValidationError",
                format!("PageSize {n} must be between 1 and 400"),
            ));
        }
    };
    let invalid = || AwsError::new("ValidationError", "The marker is not valid");
    let page = page(list, all, call.text("Marker"), size).ok_or_else(invalid)?;
    Ok(json!({ list: page.items, "NextMarker": page.next }).into())
}

fn balancers(region: Option<&Region>) -> &[LoadBalancer] {
    region.map_or(&[], |r| &r.balancers)
}

fn load_balancers(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let (arns, names) = (call.texts("LoadBalancerArns"), call.texts("Names"));
    let all = balancers(region);
    let known = arns.iter().all(|a| all.iter().any(|b| b.arn == *a))
        && names.iter().all(|n| all.iter().any(|b| b.name == *n));
    if !known {
        return Err(not_found(
            "LoadBalancer",
            "One or more load balancers not found",
        ));
    }
    let wanted = |b: &&LoadBalancer| {
        (arns.is_empty() && names.is_empty()) || arns.contains(&b.arn) || names.contains(&b.name)
    };
    let Some(region) = region else {
        return answer(call, "LoadBalancers", vec![]);
    };
    answer(
        call,
        "LoadBalancers",
        all.iter()
            .filter(wanted)
            .map(|b| load_balancer(region, b))
            .collect(),
    )
}

fn load_balancer(region: &Region, b: &LoadBalancer) -> Value {
    let zones: Vec<Value> = region
        .zones
        .iter()
        .zip(&region.network.public_subnets)
        .map(|(zone, subnet)| json!({"ZoneName": zone, "SubnetId": subnet, "LoadBalancerAddresses": []}))
        .collect();
    json!({
        "LoadBalancerArn": b.arn, "DNSName": b.dns, "CanonicalHostedZoneId": region.place.elb_zone,
        "CreatedTime": b.created.iso_millis(), "LoadBalancerName": b.name, "Scheme": b.scheme,
        "VpcId": region.network.vpc, "State": {"Code": "active"}, "Type": "application",
        "AvailabilityZones": zones, "SecurityGroups": [region.network.edge_group], "IpAddressType": "ipv4",
    })
}

fn target_groups(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let Some(region) = region else {
        return answer(call, "TargetGroups", vec![]);
    };
    let (arns, names) = (call.texts("TargetGroupArns"), call.texts("Names"));
    let groups = &region.groups;
    if !arns.iter().all(|a| groups.iter().any(|g| g.arn == *a))
        || !names.iter().all(|n| groups.iter().any(|g| g.name == *n))
    {
        return Err(not_found(
            "TargetGroup",
            "One or more target groups not found",
        ));
    }
    let of = match call.text("LoadBalancerArn") {
        None => None,
        Some(arn) => Some(find_balancer(Some(region), arn)?.0),
    };
    let wanted = |g: &&TargetGroup| {
        of.is_none_or(|b| g.balancer == b)
            && (arns.is_empty() || arns.contains(&g.arn))
            && (names.is_empty() || names.contains(&g.name))
    };
    answer(
        call,
        "TargetGroups",
        groups
            .iter()
            .filter(wanted)
            .map(|g| target_group(region, g))
            .collect(),
    )
}

fn target_group(region: &Region, g: &TargetGroup) -> Value {
    json!({
        "TargetGroupArn": g.arn, "TargetGroupName": g.name, "Protocol": "HTTP", "Port": g.port,
        "VpcId": region.network.vpc, "HealthCheckProtocol": "HTTP", "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": true, "HealthCheckIntervalSeconds": CHECK_INTERVAL,
        "HealthCheckTimeoutSeconds": CHECK_TIMEOUT, "HealthyThresholdCount": balancer::HEALTHY_THRESHOLD,
        "UnhealthyThresholdCount": balancer::UNHEALTHY_THRESHOLD, "HealthCheckPath": "/healthz",
        "Matcher": {"HttpCode": "200"}, "LoadBalancerArns": [region.balancers[g.balancer].arn],
        "TargetType": "ip", "ProtocolVersion": "HTTP1", "IpAddressType": "ipv4",
    })
}

fn target_health(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let arn = call.text("TargetGroupArn").unwrap_or_default();
    let found = region.and_then(|r| Some((r, r.groups.iter().find(|g| g.arn == arn)?)));
    let Some((region, group)) = found else {
        return Err(not_found(
            "TargetGroup",
            "One or more target groups not found",
        ));
    };
    let asked: Vec<&str> = call
        .list("Targets")
        .iter()
        .filter_map(|t| t["Id"].as_str())
        .collect();
    let mut all: Vec<Value> = group
        .targets
        .iter()
        .filter(|(ip, _)| asked.is_empty() || asked.contains(&ip.to_string().as_str()))
        .map(|(ip, t)| described(&ip.to_string(), group.port, &region.zones[t.az], health(t)))
        .collect();
    for id in asked
        .iter()
        .filter(|id| !group.targets.keys().any(|ip| ip.to_string() == **id))
    {
        let words = "Target is not registered to the target group";
        let health =
            json!({"State": "unused", "Reason": "Target.NotRegistered", "Description": words});
        all.push(described(id, group.port, &region.zones[0], health));
    }
    Ok(json!({"TargetHealthDescriptions": all}).into())
}

fn described(ip: &str, port: u16, zone: &str, health: Value) -> Value {
    json!({
        "Target": {"Id": ip, "Port": port, "AvailabilityZone": zone},
        "HealthCheckPort": port.to_string(),
        "TargetHealth": health,
    })
}

fn health(target: &Target) -> Value {
    match target.state {
        TargetState::Healthy => json!({"State": "healthy"}),
        TargetState::Initial => {
            json!({"State": "initial", "Reason": "Elb.InitialHealthChecking", "Description": "Initial health checks in progress"})
        }
        TargetState::Unhealthy(Failure::Timeout) => {
            json!({"State": "unhealthy", "Reason": "Target.Timeout", "Description": "Request timed out"})
        }
        TargetState::Unhealthy(Failure::Refused) => {
            json!({"State": "unhealthy", "Reason": "Target.FailedHealthChecks", "Description": "Health checks failed"})
        }
        TargetState::Draining => {
            json!({"State": "draining", "Reason": "Target.DeregistrationInProgress", "Description": "Target deregistration is in progress"})
        }
    }
}

fn find_balancer<'a>(
    region: Option<&'a Region>,
    arn: &str,
) -> Result<(usize, &'a LoadBalancer), AwsError> {
    let found = balancers(region)
        .iter()
        .enumerate()
        .find(|(_, b)| b.arn == arn);
    found.ok_or_else(|| not_found("LoadBalancer", "One or more load balancers not found"))
}

fn forward(region: &Region, group: usize) -> Value {
    let arn = &region.groups[group].arn;
    json!({
        "Type": "forward", "TargetGroupArn": arn,
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": arn, "Weight": 1}],
            "TargetGroupStickinessConfig": {"Enabled": false},
        },
    })
}

fn redirect() -> Value {
    let to = json!({
        "Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}", "StatusCode": "HTTP_301",
    });
    json!({"Type": "redirect", "Order": 1, "RedirectConfig": to})
}

fn listeners(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let arns = call.texts("ListenerArns");
    let of = match call.text("LoadBalancerArn") {
        Some(arn) => Some(find_balancer(region, arn)?.0),
        None if arns.is_empty() => {
            return Err(AwsError::new(
                "ValidationError",
                "You must specify either listener ARNs or a load balancer ARN",
            ));
        }
        None => None,
    };
    let Some(region) = region else {
        return Err(not_found("Listener", "One or more listeners not found"));
    };
    let mut all = Vec::new();
    for (_, b) in region
        .balancers
        .iter()
        .enumerate()
        .filter(|(n, _)| of.is_none_or(|of| of == *n))
    {
        let default = b.rules.last().map_or(0, |r| r.group);
        let secure = json!({
            "ListenerArn": b.https, "LoadBalancerArn": b.arn, "Port": 443, "Protocol": "HTTPS",
            "Certificates": [{"CertificateArn": b.certificate}], "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
            "DefaultActions": [forward(region, default)],
        });
        let plain = json!({
            "ListenerArn": b.http, "LoadBalancerArn": b.arn, "Port": 80, "Protocol": "HTTP", "DefaultActions": [redirect()],
        });
        all.extend(
            [secure, plain]
                .into_iter()
                .filter(|l| arns.is_empty() || arns.iter().any(|a| l["ListenerArn"] == json!(a))),
        );
    }
    if all.len() < arns.len() {
        return Err(not_found("Listener", "One or more listeners not found"));
    }
    answer(call, "Listeners", all)
}

fn rules(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let Some(region) = region else {
        return Err(not_found("Listener", "One or more listeners not found"));
    };
    let (listener, arns) = (call.text("ListenerArn"), call.texts("RuleArns"));
    if let Some(listener) = listener {
        let Some(b) = region
            .balancers
            .iter()
            .find(|b| b.https == listener || b.http == listener)
        else {
            return Err(not_found("Listener", "One or more listeners not found"));
        };
        if b.http == listener {
            let arn = format!(
                "{}/0000000000000000",
                b.http.replace(":listener/", ":listener-rule/")
            );
            let only = json!({"RuleArn": arn, "Priority": "default", "Conditions": [], "Actions": [redirect()], "IsDefault": true});
            return answer(call, "Rules", vec![only]);
        }
        return answer(
            call,
            "Rules",
            b.rules.iter().map(|r| rule(region, r)).collect(),
        );
    }
    let all: Vec<Value> = region
        .balancers
        .iter()
        .flat_map(|b| &b.rules)
        .filter(|r| arns.contains(&r.arn))
        .map(|r| rule(region, r))
        .collect();
    if arns.is_empty() || all.len() < arns.len() {
        return Err(not_found("Rule", "One or more rules not found"));
    }
    answer(call, "Rules", all)
}

fn rule(region: &Region, r: &Rule) -> Value {
    let conditions: Vec<Value> = r
        .path
        .iter()
        .map(|p| json!({"Field": "path-pattern", "Values": [p], "PathPatternConfig": {"Values": [p]}}))
        .collect();
    json!({
        "RuleArn": r.arn, "Priority": r.priority.map_or("default".into(), |p| p.to_string()), "Conditions": conditions,
        "Actions": [forward(region, r.group)], "IsDefault": r.priority.is_none(),
    })
}

fn tags(world: &World, region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let arns = call.texts("ResourceArns");
    if arns.is_empty() || arns.len() > 20 {
        return Err(AwsError::new(
            "ValidationError",
            "Between 1 and 20 resource ARNs must be given",
        ));
    }
    let cluster = region
        .map(|r| r.eks.arn.rsplit('/').next().unwrap_or_default().to_owned())
        .unwrap_or_default();
    let mut out = Vec::new();
    for arn in arns {
        let group = region.and_then(|r| r.groups.iter().find(|g| g.arn == arn));
        let balancer = balancers(region)
            .iter()
            .any(|b| b.arn == arn || b.https == arn || b.http == arn);
        let tags = match group {
            Some(g) => json!([
                {"Key": "elbv2.k8s.aws/cluster", "Value": cluster},
                {"Key": "service.k8s.aws/resource", "Value": format!("{}:8080", g.workload)},
            ]),
            None if balancer => json!([
                {"Key": "elbv2.k8s.aws/cluster", "Value": cluster}, {"Key": "owner", "Value": world.plan.names.brand},
            ]),
            None if arn.contains(":targetgroup/") => {
                return Err(not_found(
                    "TargetGroup",
                    "One or more target groups not found",
                ));
            }
            None => {
                return Err(not_found(
                    "LoadBalancer",
                    "One or more load balancers not found",
                ));
            }
        };
        out.push(json!({"ResourceArn": arn, "Tags": tags}));
    }
    Ok(json!({"TagDescriptions": out}).into())
}

fn attributes(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    find_balancer(region, call.text("LoadBalancerArn").unwrap_or_default())?;
    let all = [
        ("access_logs.s3.enabled", "false"),
        ("deletion_protection.enabled", "true"),
        ("idle_timeout.timeout_seconds", "60"),
        ("load_balancing.cross_zone.enabled", "true"),
        ("routing.http2.enabled", "true"),
        ("zonal_shift.config.enabled", "true"),
    ];
    let all: Vec<Value> = all
        .iter()
        .map(|(k, v)| json!({"Key": k, "Value": v}))
        .collect();
    Ok(json!({"Attributes": all}).into())
}
