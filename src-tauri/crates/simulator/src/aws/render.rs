//! Writes an answer in the protocol it was asked in.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::cbor::INSTANTS;
use super::error::AwsError;
use super::request::{Protocol, Service};
use super::{cbor, xml};
use crate::clock::Millis;

/// What a handler answers.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The output, a plain value.
    pub(crate) body: Value,
    /// Root element of a REST-XML answer.
    pub(crate) root: &'static str,
    /// Status when it is not 200.
    pub(crate) status: Option<u16>,
    /// Headers of the output.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl From<Value> for Answer {
    fn from(body: Value) -> Self {
        Self {
            body,
            ..Self::default()
        }
    }
}

impl Answer {
    /// A REST-XML answer.
    #[must_use]
    pub(crate) fn xml(root: &'static str, body: Value) -> Self {
        Self {
            body,
            root,
            ..Self::default()
        }
    }

    /// The same with another status.
    #[must_use]
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same with a header.
    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What is known of the request when its answer is written.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    /// Service.
    pub(crate) service: Service,
    /// Protocol.
    pub(crate) protocol: Protocol,
    /// Operation.
    pub(crate) operation: String,
    /// Request id.
    pub(crate) request: String,
    /// World time.
    pub(crate) now: Millis,
}

/// Writes an answer or an error.
#[must_use]
pub(crate) fn response(envelope: &Envelope, mut result: Result<Answer, AwsError>) -> Response {
    let (status, headers, body) = match &mut result {
        Ok(answer) => (
            answer.status.unwrap_or(200),
            answer.headers.clone(),
            success(envelope, answer),
        ),
        Err(error) => (
            error.status,
            error_headers(envelope, error),
            failure(envelope, error),
        ),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let all = response.headers_mut();
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            all.insert(HeaderName::from_static(name), value);
        }
    };
    put("content-type", content_type(envelope));
    put("date", &envelope.now.http_date());
    put("x-amzn-requestid", &envelope.request);
    if envelope.service == Service::S3 {
        put("x-amz-request-id", &envelope.request);
    }
    if envelope.protocol == Protocol::Cbor {
        put("smithy-protocol", "rpc-v2-cbor");
    }
    headers.iter().for_each(|(name, value)| put(name, value));
    response
}

fn content_type(envelope: &Envelope) -> &'static str {
    match envelope.protocol {
        Protocol::Json if envelope.service == Service::Pricing => "application/x-amz-json-1.1",
        Protocol::Json => "application/x-amz-json-1.0",
        Protocol::RestJson => "application/json",
        Protocol::Query | Protocol::RestXml => "text/xml",
        Protocol::Cbor => "application/cbor",
    }
}

fn success(envelope: &Envelope, answer: &mut Answer) -> Vec<u8> {
    let body = &mut answer.body;
    match envelope.protocol {
        Protocol::Json | Protocol::RestJson => {
            if body.is_null() && answer.status == Some(204) {
                Vec::new()
            } else {
                json_text(body)
            }
        }
        Protocol::Cbor => {
            if body.is_null() {
                cbor::encode(&json!({}))
            } else {
                cbor::encode(body)
            }
        }
        Protocol::Query => query_xml(envelope, body).into_bytes(),
        Protocol::RestXml if answer.root.is_empty() => Vec::new(),
        Protocol::RestXml => {
            let mut out = String::with_capacity(4096);
            out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<");
            out.push_str(answer.root);
            out.push_str(&format!(" xmlns=\"{}\">", namespace(envelope.service)));
            xml::content(&mut out, body, xml::repeated);
            out.push_str(&format!("</{}>", answer.root));
            out.into_bytes()
        }
    }
}

fn json_text(body: &mut Value) -> Vec<u8> {
    if body.is_null() {
        return b"{}".to_vec();
    }
    strip_nulls(body);
    serde_json::to_vec(body).unwrap_or_default()
}

/// Absent rather than null, as AWS writes JSON.
fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn query_xml(envelope: &Envelope, body: &Value) -> String {
    let items: xml::Items = if envelope.service == Service::Rds {
        xml::rds
    } else {
        xml::members
    };
    let operation = &envelope.operation;
    let mut out = String::with_capacity(4096);
    if envelope.service == Service::Ec2 {
        // The EC2 query protocol has no element for the result.
        out.push_str(&format!(
            "<{operation}Response xmlns=\"{}\"><requestId>{}</requestId>",
            namespace(Service::Ec2),
            envelope.request
        ));
        xml::content(&mut out, body, xml::items);
        out.push_str(&format!("</{operation}Response>"));
        return out;
    }
    out.push_str(&format!(
        "<{operation}Response xmlns=\"{}\"><{operation}Result>",
        namespace(envelope.service)
    ));
    if envelope.service == Service::CloudWatch {
        xml::content(&mut out, &with_iso_instants(body), items);
    } else {
        xml::content(&mut out, body, items);
    }
    out.push_str(&format!("</{operation}Result><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{operation}Response>", envelope.request));
    out
}

/// The instants of CloudWatch's plain values are epoch seconds; the query protocol writes ISO 8601.
fn with_iso_instants(value: &Value) -> Value {
    let iso = |n: &Value| {
        super::request::instant(n).map_or(Value::Null, |at| Value::String(at.iso_millis()))
    };
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(k, v)| {
                    let v = match v {
                        Value::Number(_) if INSTANTS.contains(&k.as_str()) => iso(v),
                        Value::Array(list) if INSTANTS.contains(&k.as_str()) => {
                            Value::Array(list.iter().map(iso).collect())
                        }
                        other => with_iso_instants(other),
                    };
                    (k.clone(), v)
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(with_iso_instants).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn namespace(service: Service) -> &'static str {
    match service {
        Service::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        Service::Rds => "http://rds.amazonaws.com/doc/2014-10-31/",
        Service::Elb => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        Service::CloudWatch => "http://monitoring.amazonaws.com/doc/2010-08-01/",
        Service::Sqs => "http://queue.amazonaws.com/doc/2012-11-05/",
        Service::Route53 => "https://route53.amazonaws.com/doc/2013-04-01/",
        Service::CloudFront => "http://cloudfront.amazonaws.com/doc/2020-05-31/",
        Service::S3 => "http://s3.amazonaws.com/doc/2006-03-01/",
        Service::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
        Service::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
        Service::Eks
        | Service::Lambda
        | Service::AutoScaling
        | Service::Pricing
        | Service::ZonalShift => "",
    }
}

fn error_headers(envelope: &Envelope, error: &AwsError) -> Vec<(&'static str, String)> {
    match envelope.protocol {
        Protocol::Json | Protocol::Cbor => {
            let side = if error.status >= 500 {
                "Receiver"
            } else {
                "Sender"
            };
            error
                .query_code
                .map(|code| ("x-amzn-query-error", format!("{code};{side}")))
                .into_iter()
                .collect()
        }
        Protocol::RestJson => vec![("x-amzn-errortype", error.code.clone())],
        Protocol::Query | Protocol::RestXml => Vec::new(),
    }
}

fn failure(envelope: &Envelope, error: &AwsError) -> Vec<u8> {
    let shape = match envelope.service {
        Service::Sqs => format!("com.amazonaws.sqs#{}", error.code),
        Service::CloudWatch => format!("com.amazonaws.cloudwatch#{}", error.code),
        _ => error.code.clone(),
    };
    match envelope.protocol {
        Protocol::Json => json_text(&mut json!({"__type": shape, "message": error.message})),
        Protocol::Cbor => cbor::encode(&json!({"__type": shape, "message": error.message})),
        Protocol::RestJson if envelope.service == Service::Lambda => json_text(
            &mut json!({"Type": "User", "Message": error.message, "message": error.message}),
        ),
        Protocol::RestJson => json_text(&mut json!({"message": error.message})),
        Protocol::Query | Protocol::RestXml => error_xml(envelope, error).into_bytes(),
    }
}

fn error_xml(envelope: &Envelope, error: &AwsError) -> String {
    let mut message = String::new();
    xml::escape(&mut message, &error.message);
    let (code, request) = (error.query_code.unwrap_or(&error.code), &envelope.request);
    if envelope.service == Service::S3 {
        return format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request}</RequestId></Error>"
        );
    }
    if envelope.service == Service::Ec2 {
        return format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>{request}</RequestID></Response>"
        );
    }
    let side = if error.status >= 500 {
        "Receiver"
    } else {
        "Sender"
    };
    format!(
        "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"{}\"><Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{request}</RequestId></ErrorResponse>",
        namespace(envelope.service)
    )
}
