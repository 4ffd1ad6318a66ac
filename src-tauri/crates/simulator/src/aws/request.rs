//! What was asked: the service and region of the signature's scope, the operation, and its input as one plain value.

use std::collections::BTreeMap;

use http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::error::AwsError;
use super::form::{nest, parse_form};
use super::{cloudfront, eks, lambda, route53, s3, zonal_shift};
use crate::clock::Millis;

/// The services there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Security Token Service
    Sts,
    /// Route 53
    Route53,
    /// CloudFront
    CloudFront,
    /// Elastic Load Balancing v2
    Elb,
    /// EKS
    Eks,
    /// RDS
    Rds,
    /// SQS
    Sqs,
    /// Lambda
    Lambda,
    /// CloudWatch
    CloudWatch,
    /// S3
    S3,
    /// Application Auto Scaling
    AutoScaling,
    /// IAM
    Iam,
    /// EC2
    Ec2,
    /// Price List
    Pricing,
    /// ARC zonal shift
    ZonalShift,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Sts,
        Self::Route53,
        Self::CloudFront,
        Self::Elb,
        Self::Eks,
        Self::Rds,
        Self::Sqs,
        Self::Lambda,
        Self::CloudWatch,
        Self::S3,
        Self::AutoScaling,
        Self::Iam,
        Self::Ec2,
        Self::Pricing,
        Self::ZonalShift,
    ];

    /// Its name in the scope of a signature.
    #[must_use]
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Route53 => "route53",
            Self::CloudFront => "cloudfront",
            Self::Elb => "elasticloadbalancing",
            Self::Eks => "eks",
            Self::Rds => "rds",
            Self::Sqs => "sqs",
            Self::Lambda => "lambda",
            Self::CloudWatch => "monitoring",
            Self::S3 => "s3",
            Self::AutoScaling => "application-autoscaling",
            Self::Iam => "iam",
            Self::Ec2 => "ec2",
            Self::Pricing => "pricing",
            Self::ZonalShift => "arc-zonal-shift",
        }
    }

    /// Its prefix in IAM actions.
    #[must_use]
    pub fn iam(self) -> &'static str {
        if self == Self::CloudWatch {
            "cloudwatch"
        } else {
            self.signing_name()
        }
    }

    /// The service of a name people or signatures use.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "cloudwatch" => Some(Self::CloudWatch),
            "elb" | "elbv2" | "alb" => Some(Self::Elb),
            "aurora" => Some(Self::Rds),
            other => Self::ALL.into_iter().find(|s| s.signing_name() == other),
        }
    }
}

/// How the answer has to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `application/x-amz-json-1.0` or `1.1`
    Json,
    /// Form in, XML out.
    Query,
    /// XML by method and path.
    RestXml,
    /// JSON by method and path.
    RestJson,
    /// Smithy RPC v2 over CBOR.
    Cbor,
}

/// A request, understood.
#[derive(Debug)]
pub(crate) struct Call {
    /// Service.
    pub(crate) service: Service,
    /// Region of the scope.
    pub(crate) region: String,
    /// Protocol.
    pub(crate) protocol: Protocol,
    /// Operation, as the service model names it.
    pub(crate) operation: String,
    /// Input: body of the RPC protocols.
    pub(crate) input: Value,
    /// Path segments, decoded, of the REST protocols.
    pub(crate) path: Vec<String>,
    /// Query string of the REST protocols.
    pub(crate) query: BTreeMap<String, String>,
    /// World time.
    pub(crate) now: Millis,
}

/// Service and region of a request, of a service that exists here.
pub(crate) fn scope(headers: &HeaderMap, uri: &Uri) -> Option<(Service, String)> {
    let (region, service) = named(headers, uri)?;
    Some((Service::parse(&service)?, region))
}

/// Region and service as the signature names them.
pub(crate) fn named(headers: &HeaderMap, uri: &Uri) -> Option<(String, String)> {
    let credential = credential(headers, uri)?;
    let mut parts = credential.split('/').skip(2);
    let region = parts.next()?.to_owned();
    Some((region, parts.next()?.to_owned()))
}

/// The key that signed a request, and the session token that came with it.
pub(crate) fn key(headers: &HeaderMap, uri: &Uri) -> Option<(String, Option<String>)> {
    let credential = credential(headers, uri)?;
    let key = credential.split('/').next()?.to_owned();
    let header = headers.get("x-amz-security-token");
    let session = match header.and_then(|value| value.to_str().ok()) {
        Some(token) => Some(token.to_owned()),
        None => parse_form(uri.query().unwrap_or_default()).remove("X-Amz-Security-Token"),
    };
    Some((key, session))
}

fn credential(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let header = headers
        .get("authorization")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    match header.split_once("Credential=") {
        Some((_, rest)) => Some(rest.split([',', ' ']).next().unwrap_or_default().to_owned()),
        None => parse_form(uri.query().unwrap_or_default()).remove("X-Amz-Credential"),
    }
}

/// Understands a request. The error is the documented one for what cannot be understood.
pub(crate) fn understand(
    (service, region): (Service, String),
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    now: Millis,
) -> Result<Call, (Protocol, AwsError)> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    };
    let path: Vec<String> = segments(uri.path());
    let query = parse_form(uri.query().unwrap_or_default());
    let mut call = Call {
        service,
        region,
        protocol: Protocol::RestJson,
        operation: String::new(),
        input: Value::Null,
        path,
        query,
        now,
    };
    let bad =
        |protocol, message: String| (protocol, AwsError::new("SerializationException", message));
    match service {
        Service::Sqs
        | Service::CloudWatch
        | Service::Sts
        | Service::Rds
        | Service::Elb
        | Service::AutoScaling
        | Service::Iam
        | Service::Ec2
        | Service::Pricing => {
            if let [_, _, _, operation] = call.path.as_slice()
                && text("smithy-protocol") == "rpc-v2-cbor"
            {
                call.operation = operation.clone();
                call.protocol = Protocol::Cbor;
                call.input = super::cbor::decode(body).map_err(|e| bad(Protocol::Cbor, e))?;
            } else if let Some((_, operation)) = text("x-amz-target").split_once('.') {
                call.operation = operation.to_owned();
                call.protocol = Protocol::Json;
                let body: &[u8] = if body.is_empty() { b"{}" } else { body };
                call.input =
                    serde_json::from_slice(body).map_err(|e| bad(Protocol::Json, e.to_string()))?;
            } else {
                call.protocol = Protocol::Query;
                let mut form = parse_form(&String::from_utf8_lossy(body));
                form.append(&mut call.query);
                call.operation = form.remove("Action").unwrap_or_default();
                form.remove("Version");
                call.input = nest(&form);
            }
        }
        Service::Route53 | Service::CloudFront | Service::S3 => {
            call.protocol = Protocol::RestXml;
            call.input = Value::String(String::from_utf8_lossy(body).into_owned());
        }
        Service::Eks | Service::Lambda | Service::ZonalShift => {
            if !body.is_empty() {
                call.input = serde_json::from_slice(body)
                    .map_err(|e| bad(Protocol::RestJson, e.to_string()))?;
            }
        }
    }
    if call.operation.is_empty() {
        call.operation = rest_operation(&call, method).unwrap_or_default().to_owned();
    }
    if call.operation.is_empty() {
        return Err((
            call.protocol,
            AwsError::unknown_operation(service, method.as_str()),
        ));
    }
    Ok(call)
}

fn rest_operation(call: &Call, method: &Method) -> Option<&'static str> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match call.service {
        Service::Route53 => route53::operation(method, &path),
        Service::CloudFront => cloudfront::operation(method, &path),
        Service::S3 => s3::operation(method, &path, &call.query),
        Service::Eks => eks::operation(method, &path),
        Service::Lambda => lambda::operation(method, &path),
        Service::ZonalShift => zonal_shift::operation(method, &path),
        Service::Sts
        | Service::Rds
        | Service::Elb
        | Service::Sqs
        | Service::CloudWatch
        | Service::AutoScaling
        | Service::Iam
        | Service::Ec2
        | Service::Pricing => None,
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|s| !s.is_empty())
        .map(|s| percent_decode_str(s).decode_utf8_lossy().into_owned())
        .collect()
}

impl Call {
    /// A text of the input.
    #[must_use]
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.input
            .get(name)
            .and_then(Value::as_str)
            .filter(|s| !s.is_empty())
    }

    /// A whole number of the input, written as a number or as text.
    #[must_use]
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.input.get(name).and_then(int)
    }

    /// A list of texts of the input.
    #[must_use]
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.input
            .get(name)
            .and_then(Value::as_array)
            .map(|a| {
                a.iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect()
            })
            .unwrap_or_default()
    }

    /// A list of the input.
    #[must_use]
    pub(crate) fn list(&self, name: &str) -> &[Value] {
        self.input
            .get(name)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// A segment of the path.
    #[must_use]
    pub(crate) fn segment(&self, n: usize) -> &str {
        self.path.get(n).map_or("", String::as_str)
    }

    /// A parameter of the query string.
    #[must_use]
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .get(name)
            .map(String::as_str)
            .filter(|s| !s.is_empty())
    }

    /// True for an operation that changes something.
    #[must_use]
    pub(crate) fn is_write(&self) -> bool {
        !["List", "Get", "Describe", "Head", "Simulate"]
            .iter()
            .any(|p| self.operation.starts_with(p))
    }
}

/// A whole number written as a number or as text.
#[must_use]
pub(crate) fn int(value: &Value) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation)]
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|f| f as i64))
        .or_else(|| value.as_str()?.parse().ok())
}

/// An instant written as epoch seconds or as ISO 8601.
#[must_use]
pub(crate) fn instant(value: &Value) -> Option<Millis> {
    #[allow(clippy::cast_possible_truncation)]
    match value {
        Value::Number(n) => n.as_f64().map(|s| Millis((s * 1000.0).round() as i64)),
        Value::String(text) => Millis::parse_iso(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_becomes_a_plain_value() {
        let form = parse_form(
            "LoadBalancerArns.member.2=b&LoadBalancerArns.member.1=a&Filters.Filter.1.Name=x&Filters.Filter.1.Values.Value.1=y%20z&N=3",
        );
        assert_eq!(
            nest(&form),
            json!({"LoadBalancerArns": ["a", "b"], "Filters": [{"Name": "x", "Values": ["y z"]}], "N": "3"})
        );
    }

    #[test]
    fn the_scope_is_read_from_the_signature() {
        let mut headers = HeaderMap::new();
        let value = "AWS4-HMAC-SHA256 Credential=AKID/20261122/eu-west-1/monitoring/aws4_request, SignedHeaders=host, Signature=0";
        headers.insert("authorization", value.parse().unwrap());
        assert_eq!(
            scope(&headers, &"/".parse().unwrap()),
            Some((Service::CloudWatch, "eu-west-1".into()))
        );
    }
}
