//! Route 53. Service model `route53` 2013-04-01; a global service, signed for us-east-1.

use http::Method;
use serde_json::{Map, Value, json};

use super::error::AwsError;
use super::render::Answer;
use super::request::Call;
use crate::world::World;
use crate::world::dns::{Answer as DnsAnswer, Dns, HealthCheck, RecordSet, Routing, Watched};
use crate::world::front::reversed;

pub(super) fn operation(method: &Method, path: &[&str]) -> Option<&'static str> {
    match (method.as_str(), path) {
        ("GET", [_, "hostedzone"]) => Some("ListHostedZones"),
        ("GET", [_, "hostedzonesbyname"]) => Some("ListHostedZonesByName"),
        ("GET", [_, "hostedzone", _]) => Some("GetHostedZone"),
        ("GET", [_, "hostedzone", _, "rrset"]) => Some("ListResourceRecordSets"),
        ("GET", [_, "healthcheck"]) => Some("ListHealthChecks"),
        ("GET", [_, "healthcheck", _]) => Some("GetHealthCheck"),
        ("GET", [_, "healthcheck", _, "status"]) => Some("GetHealthCheckStatus"),
        ("GET", [_, "tags", _, _]) => Some("ListTagsForResource"),
        ("POST", [_, "tags", _]) => Some("ListTagsForResources"),
        _ => None,
    }
}

pub(super) fn handle(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let dns = &world.dns;
    match call.operation.as_str() {
        "ListHostedZones" => list_zones(dns, call),
        "ListHostedZonesByName" => list_zones_by_name(dns, call),
        "GetHostedZone" => get_zone(dns, call),
        "ListResourceRecordSets" => list_records(dns, call),
        "ListHealthChecks" => list_checks(dns, call),
        "GetHealthCheck" => {
            let check = find_check(dns, call.segment(2))?;
            Ok(Answer::xml(
                "GetHealthCheckResponse",
                json!({"HealthCheck": check_value(dns, check)}),
            ))
        }
        "GetHealthCheckStatus" => status(dns, call),
        "ListTagsForResource" => {
            let tags = tag_set(dns, call.segment(2), call.segment(3))?;
            Ok(Answer::xml(
                "ListTagsForResourceResponse",
                json!({"ResourceTagSet": tags}),
            ))
        }
        "ListTagsForResources" => list_tags(dns, call),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn size(call: &Call, default: usize) -> Result<usize, AwsError> {
    match call.param("maxitems") {
        None => Ok(default),
        Some(text) => match text.parse::<usize>() {
            Ok(n) if n > 0 => Ok(n.min(default)),
            _ => Err(AwsError::new(
                "InvalidInput",
                format!("Invalid value for MaxItems: {text}"),
            )),
        },
    }
}

fn zone_value(dns: &Dns) -> Value {
    json!({
        "Id": format!("/hostedzone/{}", dns.zone),
        "Name": dns.name,
        "CallerReference": dns.reference,
        "Config": {"Comment": dns.comment, "PrivateZone": false},
        "ResourceRecordSetCount": dns.records.len(),
    })
}

fn list_zones(dns: &Dns, call: &Call) -> Result<Answer, AwsError> {
    let size = size(call, 100)?;
    let marker = call.param("marker").unwrap_or_default();
    if !marker.is_empty() && marker != dns.zone {
        return Err(no_zone(marker));
    }
    let private = call.param("hostedzonetype") == Some("PrivateHostedZone");
    let zones: Vec<Value> = (!private).then(|| zone_value(dns)).into_iter().collect();
    let body = json!({
        "HostedZones": {"HostedZone": zones}, "Marker": marker, "IsTruncated": false, "MaxItems": size.to_string(),
    });
    Ok(Answer::xml("ListHostedZonesResponse", body))
}

fn list_zones_by_name(dns: &Dns, call: &Call) -> Result<Answer, AwsError> {
    let size = size(call, 100)?;
    let from = call.param("dnsname");
    let shown = from.is_none_or(|from| reversed(&dns.name) >= reversed(from));
    let zones: Vec<Value> = shown.then(|| zone_value(dns)).into_iter().collect();
    let body = json!({
        "HostedZones": {"HostedZone": zones}, "DNSName": from, "IsTruncated": false, "MaxItems": size.to_string(),
    });
    Ok(Answer::xml("ListHostedZonesByNameResponse", body))
}

fn no_zone(id: &str) -> AwsError {
    AwsError::new(
        "NoSuchHostedZone",
        format!("No hosted zone found with ID: {id}"),
    )
    .status(404)
}

fn zone<'a>(dns: &'a Dns, id: &str) -> Result<&'a Dns, AwsError> {
    if id == dns.zone {
        Ok(dns)
    } else {
        Err(no_zone(id))
    }
}

fn get_zone(dns: &Dns, call: &Call) -> Result<Answer, AwsError> {
    let dns = zone(dns, call.segment(2))?;
    let body = json!({"HostedZone": zone_value(dns), "DelegationSet": {"NameServers": {"NameServer": dns.servers}}});
    Ok(Answer::xml("GetHostedZoneResponse", body))
}

type RecordKey = (Vec<String>, String, String);

fn record_key(r: &RecordSet) -> RecordKey {
    (
        reversed(&r.name),
        r.kind.to_owned(),
        r.set.clone().unwrap_or_default(),
    )
}

fn list_records(dns: &Dns, call: &Call) -> Result<Answer, AwsError> {
    let dns = zone(dns, call.segment(2))?;
    let size = size(call, 300)?;
    let from = call.param("name").map(|name| {
        let kind = call.param("type").unwrap_or_default().to_owned();
        (
            reversed(name),
            kind,
            call.param("identifier").unwrap_or_default().to_owned(),
        )
    });
    if from.is_none() && call.param("type").is_some() {
        return Err(AwsError::new(
            "InvalidInput",
            "The record name must be given with the record type",
        ));
    }
    let mut rest = dns
        .records
        .iter()
        .filter(|r| from.as_ref().is_none_or(|from| record_key(r) >= *from));
    let shown: Vec<Value> = rest.by_ref().take(size).map(record_value).collect();
    let next = rest.next();
    let mut body = json!({
        "ResourceRecordSets": {"ResourceRecordSet": shown}, "IsTruncated": next.is_some(), "MaxItems": size.to_string(),
    });
    if let Some(next) = next {
        body["NextRecordName"] = json!(next.name);
        body["NextRecordType"] = json!(next.kind);
        body["NextRecordIdentifier"] = json!(next.set);
    }
    Ok(Answer::xml("ListResourceRecordSetsResponse", body))
}

fn record_value(r: &RecordSet) -> Value {
    let mut out = Map::new();
    out.insert("Name".into(), json!(r.name));
    out.insert("Type".into(), json!(r.kind));
    out.insert("SetIdentifier".into(), json!(r.set));
    match &r.routing {
        Routing::Simple => {}
        Routing::Latency(region) => drop(out.insert("Region".into(), json!(region))),
        Routing::Failover(role) => drop(out.insert("Failover".into(), json!(role))),
        Routing::Weighted(weight) => drop(out.insert("Weight".into(), json!(weight))),
    }
    match &r.answer {
        DnsAnswer::Values(ttl, values) => {
            let values: Vec<Value> = values.iter().map(|v| json!({"Value": v})).collect();
            out.insert("TTL".into(), json!(ttl));
            out.insert("ResourceRecords".into(), json!({"ResourceRecord": values}));
        }
        DnsAnswer::Alias {
            zone,
            name,
            evaluate,
        } => {
            let alias =
                json!({"HostedZoneId": zone, "DNSName": name, "EvaluateTargetHealth": evaluate});
            out.insert("AliasTarget".into(), alias);
        }
    }
    out.insert("HealthCheckId".into(), json!(r.check));
    Value::Object(out)
}

fn check_value(dns: &Dns, check: &HealthCheck) -> Value {
    let config = match &check.watched {
        Watched::Endpoint { host, .. } => json!({
            "Port": 443, "Type": "HTTPS", "ResourcePath": "/healthz", "FullyQualifiedDomainName": host,
            "RequestInterval": check.interval, "FailureThreshold": check.threshold, "MeasureLatency": false,
            "Inverted": check.inverted, "Disabled": check.disabled, "EnableSNI": true,
        }),
        Watched::Calculated {
            children,
            threshold,
        } => {
            let ids: Vec<&str> = children
                .iter()
                .map(|c| dns.checks[*c].id.as_str())
                .collect();
            json!({
                "Type": "CALCULATED", "Inverted": check.inverted, "Disabled": check.disabled,
                "HealthThreshold": threshold, "ChildHealthChecks": {"ChildHealthCheck": ids},
            })
        }
    };
    json!({
        "Id": check.id, "CallerReference": check.id, "HealthCheckConfig": config, "HealthCheckVersion": check.version,
    })
}

fn find_check<'a>(dns: &'a Dns, id: &str) -> Result<&'a HealthCheck, AwsError> {
    let missing = || {
        AwsError::new(
            "NoSuchHealthCheck",
            format!("No health check exists with the specified ID. {id}"),
        )
        .status(404)
    };
    dns.checks.iter().find(|c| c.id == id).ok_or_else(missing)
}

fn list_checks(dns: &Dns, call: &Call) -> Result<Answer, AwsError> {
    let size = size(call, 100)?;
    let marker = call.param("marker").unwrap_or_default();
    let start = match marker {
        "" => 0,
        id => dns
            .checks
            .iter()
            .position(|c| c.id == id)
            .ok_or_else(|| AwsError::new("InvalidInput", "Invalid marker"))?,
    };
    let shown: Vec<Value> = dns
        .checks
        .iter()
        .skip(start)
        .take(size)
        .map(|c| check_value(dns, c))
        .collect();
    let next = dns.checks.get(start + size);
    let body = json!({
        "HealthChecks": {"HealthCheck": shown}, "Marker": marker, "IsTruncated": next.is_some(),
        "NextMarker": next.map(|c| &c.id), "MaxItems": size.to_string(),
    });
    Ok(Answer::xml("ListHealthChecksResponse", body))
}

fn status(dns: &Dns, call: &Call) -> Result<Answer, AwsError> {
    let check = find_check(dns, call.segment(2))?;
    let seen = |c: &crate::world::dns::Checker| {
        let words = if c.good {
            "Success: HTTP Status Code 200, OK"
        } else {
            "Failure: The health checker did not receive a response in time."
        };
        json!({"Region": c.region, "IPAddress": c.ip, "StatusReport": {"Status": words, "CheckedTime": c.checked.iso_millis()}})
    };
    let all: Vec<Value> = check.checkers.iter().map(seen).collect();
    let body = json!({"HealthCheckObservations": {"HealthCheckObservation": all}});
    Ok(Answer::xml("GetHealthCheckStatusResponse", body))
}

fn tag_set(dns: &Dns, kind: &str, id: &str) -> Result<Value, AwsError> {
    let tags = match kind {
        "hostedzone" => {
            zone(dns, id)?;
            json!([{"Key": "managed-by", "Value": "terraform"}])
        }
        "healthcheck" => json!([{"Key": "Name", "Value": find_check(dns, id)?.label}]),
        other => {
            return Err(AwsError::new(
                "InvalidInput",
                format!("Invalid resource type: {other}"),
            ));
        }
    };
    Ok(json!({"ResourceType": kind, "ResourceId": id, "Tags": {"Tag": tags}}))
}

fn list_tags(dns: &Dns, call: &Call) -> Result<Answer, AwsError> {
    let body = call.input.as_str().unwrap_or_default();
    let ids = body
        .split("<ResourceId>")
        .skip(1)
        .filter_map(|rest| rest.split('<').next());
    let sets: Vec<Value> = ids
        .map(|id| tag_set(dns, call.segment(2), id))
        .collect::<Result<_, _>>()?;
    if sets.is_empty() || sets.len() > 10 {
        return Err(AwsError::new(
            "InvalidInput",
            "Between 1 and 10 resource ids must be given",
        ));
    }
    Ok(Answer::xml(
        "ListTagsForResourcesResponse",
        json!({"ResourceTagSets": {"ResourceTagSet": sets}}),
    ))
}
