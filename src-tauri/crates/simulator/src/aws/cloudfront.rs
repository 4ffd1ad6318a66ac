//! CloudFront. Service model `cloudfront` 2020-05-31; a global service, signed for us-east-1.

use http::Method;
use serde_json::{Value, json};

use super::error::AwsError;
use super::render::Answer;
use super::request::Call;
use crate::world::World;
use crate::world::edge::{Distribution, Edge, Origin};

pub(super) fn operation(method: &Method, path: &[&str]) -> Option<&'static str> {
    match (method.as_str(), path) {
        ("GET", [_, "distribution"]) => Some("ListDistributions"),
        ("GET", [_, "distribution", _]) => Some("GetDistribution"),
        ("GET", [_, "distribution", _, "config"]) => Some("GetDistributionConfig"),
        ("GET", [_, "distribution", _, "invalidation"]) => Some("ListInvalidations"),
        ("GET", [_, "origin-access-control"]) => Some("ListOriginAccessControls"),
        _ => None,
    }
}

pub(super) fn handle(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let edge = &world.edge;
    match call.operation.as_str() {
        "ListDistributions" => {
            let all = edge
                .distributions
                .iter()
                .map(|d| (d.id.as_str(), summary(d)));
            Ok(Answer::xml(
                "DistributionList",
                listed(call, "DistributionSummary", all.collect())?,
            ))
        }
        "GetDistribution" => get(edge, call),
        "GetDistributionConfig" => {
            let d = find(edge, call)?;
            Ok(Answer::xml("DistributionConfig", config(d)).header("etag", &d.etag))
        }
        "ListInvalidations" => {
            let d = find(edge, call)?;
            let one = |(id, at): &(String, crate::clock::Millis)| json!({"Id": id, "CreateTime": at.iso_millis(), "Status": "Completed"});
            let all = d.invalidations.iter().map(|i| (i.0.as_str(), one(i)));
            Ok(Answer::xml(
                "InvalidationList",
                listed(call, "InvalidationSummary", all.collect())?,
            ))
        }
        "ListOriginAccessControls" => {
            let one = |c: &crate::world::edge::AccessControl| {
                json!({
                    "Id": c.id, "Description": "", "Name": c.name, "SigningProtocol": "sigv4",
                    "SigningBehavior": "always", "OriginAccessControlOriginType": "s3",
                })
            };
            let all = edge.controls.iter().map(|c| (c.id.as_str(), one(c)));
            Ok(Answer::xml(
                "OriginAccessControlList",
                listed(call, "OriginAccessControlSummary", all.collect())?,
            ))
        }
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

/// A CloudFront list: the marker is the id of the last item of the page before.
fn listed(call: &Call, tag: &str, all: Vec<(&str, Value)>) -> Result<Value, AwsError> {
    let size = match call.param("MaxItems") {
        None => 100,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| AwsError::new("InvalidArgument", "MaxItems must be a positive number"))?
            .min(100),
    };
    let marker = call.param("Marker").unwrap_or_default();
    let start = match marker {
        "" => 0,
        id => {
            1 + all
                .iter()
                .position(|(i, _)| *i == id)
                .ok_or_else(|| AwsError::new("InvalidArgument", "The marker is not valid"))?
        }
    };
    let total = all.len();
    let page: Vec<(&str, Value)> = all.into_iter().skip(start).take(size).collect();
    let truncated = start + page.len() < total;
    let next = page
        .last()
        .filter(|_| truncated)
        .map(|(id, _)| (*id).to_owned());
    let items: Vec<Value> = page.into_iter().map(|(_, v)| v).collect();
    let mut body = json!({"Marker": marker, "NextMarker": next, "MaxItems": size, "IsTruncated": truncated, "Quantity": items.len()});
    if !items.is_empty() {
        body["Items"] = json!({ tag: items });
    }
    Ok(body)
}

fn find<'a>(edge: &'a Edge, call: &Call) -> Result<&'a Distribution, AwsError> {
    let missing = || {
        AwsError::new(
            "NoSuchDistribution",
            "The specified distribution does not exist.",
        )
        .status(404)
    };
    edge.distributions
        .iter()
        .find(|d| d.id == call.segment(2))
        .ok_or_else(missing)
}

fn items(tag: &str, all: Vec<Value>) -> Value {
    if all.is_empty() {
        json!({"Quantity": 0})
    } else {
        json!({"Quantity": all.len(), "Items": {tag: all}})
    }
}

fn origin(o: &Origin) -> Value {
    let mut out = json!({
        "Id": o.id, "DomainName": o.domain, "OriginPath": "", "CustomHeaders": {"Quantity": 0},
        "ConnectionAttempts": 3, "ConnectionTimeout": 10, "OriginShield": {"Enabled": false},
        "OriginAccessControlId": o.access_control.clone().unwrap_or_default(),
    });
    if o.access_control.is_some() {
        out["S3OriginConfig"] = json!({"OriginAccessIdentity": "", "OriginReadTimeout": 30});
    } else {
        out["CustomOriginConfig"] = json!({
            "HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only",
            "OriginSslProtocols": items("SslProtocol", vec![json!("TLSv1.2")]),
            "OriginReadTimeout": 30, "OriginKeepaliveTimeout": 5,
        });
    }
    out
}

fn groups(d: &Distribution) -> Value {
    let Some(id) = &d.group else {
        return json!({"Quantity": 0});
    };
    let codes = [500, 502, 503, 504].map(|c| json!(c)).to_vec();
    let members: Vec<Value> = d
        .origins
        .iter()
        .take(2)
        .map(|o| json!({"OriginId": o.id}))
        .collect();
    let group = json!({
        "Id": id,
        "FailoverCriteria": {"StatusCodes": items("StatusCode", codes)},
        "Members": items("OriginGroupMember", members),
        "SelectionCriteria": "default",
    });
    items("OriginGroup", vec![group])
}

fn behaviour(d: &Distribution) -> Value {
    let target = d.group.as_ref().unwrap_or(&d.origins[0].id);
    let methods = |names: &[&str]| names.iter().map(|n| json!(n)).collect::<Vec<_>>();
    let mut allowed = items("Method", methods(&["HEAD", "GET", "OPTIONS"]));
    allowed["CachedMethods"] = items("Method", methods(&["HEAD", "GET"]));
    json!({
        "TargetOriginId": target,
        "TrustedSigners": {"Enabled": false, "Quantity": 0},
        "TrustedKeyGroups": {"Enabled": false, "Quantity": 0},
        "ViewerProtocolPolicy": "redirect-to-https",
        "AllowedMethods": allowed,
        "SmoothStreaming": false, "Compress": true,
        "LambdaFunctionAssociations": {"Quantity": 0}, "FunctionAssociations": {"Quantity": 0},
        "FieldLevelEncryptionId": "",
        "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
    })
}

/// What list and configuration have in common.
fn common(d: &Distribution) -> Value {
    json!({
        "Aliases": items("CNAME", d.aliases.iter().map(|a| json!(a)).collect()),
        "Origins": items("Origin", d.origins.iter().map(origin).collect()),
        "OriginGroups": groups(d),
        "DefaultCacheBehavior": behaviour(d),
        "CacheBehaviors": {"Quantity": 0},
        "CustomErrorResponses": {"Quantity": 0},
        "Comment": d.comment,
        "PriceClass": "PriceClass_All",
        "Enabled": true,
        "ViewerCertificate": {
            "CloudFrontDefaultCertificate": false, "ACMCertificateArn": d.certificate, "SSLSupportMethod": "sni-only",
            "MinimumProtocolVersion": "TLSv1.2_2021", "Certificate": d.certificate, "CertificateSource": "acm",
        },
        "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
        "WebACLId": "",
        "HttpVersion": "http2and3",
        "IsIPV6Enabled": true,
        "Staging": false,
    })
}

fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

fn summary(d: &Distribution) -> Value {
    let own = json!({
        "Id": d.id, "ARN": d.arn, "ETag": d.etag, "Status": "Deployed", "LastModifiedTime": d.modified.iso_millis(),
        "DomainName": d.domain,
    });
    with(own, common(d))
}

fn config(d: &Distribution) -> Value {
    let logging = json!({"Enabled": false, "IncludeCookies": false, "Bucket": "", "Prefix": ""});
    let own = json!({"CallerReference": d.id, "DefaultRootObject": d.root, "Logging": logging});
    with(own, common(d))
}

fn get(edge: &Edge, call: &Call) -> Result<Answer, AwsError> {
    let d = find(edge, call)?;
    let running = 0;
    let body = json!({
        "Id": d.id, "ARN": d.arn, "Status": "Deployed", "LastModifiedTime": d.modified.iso_millis(),
        "InProgressInvalidationBatches": running, "DomainName": d.domain,
        "ActiveTrustedSigners": {"Enabled": false, "Quantity": 0},
        "ActiveTrustedKeyGroups": {"Enabled": false, "Quantity": 0},
        "DistributionConfig": config(d),
    });
    Ok(Answer::xml("Distribution", body).header("etag", &d.etag))
}
