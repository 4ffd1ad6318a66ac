//! Faults as values: what the wire does wrong, per service and region.
//!
//! Notation: `KIND:SERVICE[:REGION][:ACTION][=MS]`, where the service is a name of AWS's signatures (`sqs`, `rds`,
//! `elasticloadbalancing`, `monitoring`, …, also `elb` and `cloudwatch`), `kubernetes`, or `*` for all, and the action
//! one operation of it, which can be `throttled`, `denied` or `expired`. Of Kubernetes also one verb and resource alone:
//! `kubernetes/VERB/RESOURCE[/SUBRESOURCE]`.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http_body_util::BodyExt as _;

use crate::aws::Service;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The answer comes this much later.
    Slow(Duration),
    /// Too many requests.
    Throttled,
    /// Not allowed.
    Denied,
    /// Accepted and never answered.
    Silent,
    /// The credentials are out of date.
    Expired,
    /// The body does not parse.
    Malformed,
    /// The body ends in the middle.
    Partial,
    /// The connection is cut in the middle of the body.
    Reset,
}

/// A fault in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub kind: Kind,
    /// Service, in its signing name; `*` is all.
    pub service: String,
    /// Region; all when left out.
    pub region: Option<String>,
    /// Operation as the service model names it; all when left out.
    pub action: Option<String>,
}

/// Why a specification is not one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FaultError {
    /// The kind does not exist.
    #[error(
        "there is no fault {0}; there are slow, throttled, denied, silent, expired, malformed, partial and reset"
    )]
    Kind(String),
    /// The service is missing or does not exist.
    #[error("there is no service {0}")]
    Service(String),
    /// `slow` without milliseconds.
    #[error("slow takes milliseconds: slow:SERVICE[:REGION]=MS")]
    Milliseconds,
    /// An action with a fault that strikes before the action is known.
    #[error("only throttled, denied and expired take an action")]
    Action,
}

impl std::str::FromStr for Fault {
    type Err = FaultError;

    fn from_str(spec: &str) -> Result<Self, FaultError> {
        let (spec, value) = spec
            .trim()
            .split_once('=')
            .map_or((spec.trim(), None), |(s, v)| (s, Some(v)));
        let mut parts = spec.split(':');
        let kind = match parts.next().unwrap_or_default() {
            "slow" => {
                let ms = value
                    .and_then(|v| v.trim_end_matches("ms").parse().ok())
                    .ok_or(FaultError::Milliseconds)?;
                Kind::Slow(Duration::from_millis(ms))
            }
            "throttled" => Kind::Throttled,
            "denied" => Kind::Denied,
            "silent" => Kind::Silent,
            "expired" => Kind::Expired,
            "malformed" => Kind::Malformed,
            "partial" => Kind::Partial,
            "reset" => Kind::Reset,
            other => return Err(FaultError::Kind(other.into())),
        };
        let service = match parts.next().unwrap_or_default() {
            name if name == "*" || name.split('/').next() == Some("kubernetes") => name.to_owned(),
            name => Service::parse(name)
                .ok_or_else(|| FaultError::Service(name.into()))?
                .signing_name()
                .to_owned(),
        };
        // Operations begin with a capital, regions do not.
        let (actions, regions): (Vec<&str>, Vec<&str>) = parts
            .filter(|part| !part.is_empty())
            .partition(|part| part.starts_with(|c: char| c.is_ascii_uppercase()));
        let action = actions.first().map(|a| (*a).to_owned());
        let selective = matches!(kind, Kind::Throttled | Kind::Denied | Kind::Expired);
        if action.is_some() && (!selective || service.starts_with("kubernetes")) {
            return Err(FaultError::Action);
        }
        Ok(Self {
            kind,
            service,
            region: regions.first().map(|r| (*r).to_owned()),
            action,
        })
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, value) = match self.kind {
            Kind::Slow(delay) => ("slow", format!("={}", delay.as_millis())),
            Kind::Throttled => ("throttled", String::new()),
            Kind::Denied => ("denied", String::new()),
            Kind::Silent => ("silent", String::new()),
            Kind::Expired => ("expired", String::new()),
            Kind::Malformed => ("malformed", String::new()),
            Kind::Partial => ("partial", String::new()),
            Kind::Reset => ("reset", String::new()),
        };
        let region = self
            .region
            .as_ref()
            .map(|r| format!(":{r}"))
            .unwrap_or_default();
        let action = self
            .action
            .as_ref()
            .map(|a| format!(":{a}"))
            .unwrap_or_default();
        write!(f, "{kind}:{}{region}{action}{value}", self.service)
    }
}

/// The faults in force.
#[derive(Debug, Clone, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one.
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Those in force, in the order they were set.
    pub fn list(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// Ends all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What goes wrong with every request to `service` in `region`, in the order it was set.
    #[must_use]
    pub fn of(&self, service: &str, region: &str) -> Vec<Kind> {
        let at = self.at(service, region);
        at.filter(|f| f.action.is_none()).map(|f| f.kind).collect()
    }

    /// What goes wrong with one operation beyond that.
    #[must_use]
    pub fn on(&self, service: &str, region: &str, action: &str) -> Vec<Kind> {
        let at = self.at(service, region);
        at.filter(|f| f.action.as_deref() == Some(action))
            .map(|f| f.kind)
            .collect()
    }

    fn at(&self, service: &str, region: &str) -> impl Iterator<Item = &Fault> {
        self.0
            .iter()
            .filter(move |f| f.service == "*" || f.service == service)
            .filter(move |f| f.region.as_deref().is_none_or(|r| r == region))
    }
}

impl Faults {
    /// What goes wrong with a request to a cluster of `region`. A fault may name the verb and the resource it strikes,
    /// as a role does: `kubernetes/patch/deployments/scale`, `kubernetes/*/leases`.
    #[must_use]
    pub fn of_kubernetes(&self, region: &str, verb: &str, resource: &str, sub: &str) -> Vec<Kind> {
        let what = if sub.is_empty() {
            resource.to_owned()
        } else {
            format!("{resource}/{sub}")
        };
        let strikes = |service: &str| {
            let mut parts = service.splitn(3, '/');
            let named = |part: Option<&str>, is: &str| part.is_none_or(|p| p == "*" || p == is);
            service == "*"
                || parts.next() == Some("kubernetes")
                    && named(parts.next(), verb)
                    && named(parts.next(), &what)
        };
        self.0
            .iter()
            .filter(|f| f.action.is_none() && strikes(&f.service))
            .filter(|f| f.region.as_deref().is_none_or(|r| r == region))
            .map(|f| f.kind)
            .collect()
    }
}

/// Waits as the faults and the latency say; a silent one waits until the client gives up.
pub async fn wait(kinds: &[Kind], latency_ms: u64) {
    let mut delay = Duration::from_millis(latency_ms);
    for kind in kinds {
        match kind {
            Kind::Slow(more) => delay += *more,
            Kind::Silent => std::future::pending::<()>().await,
            Kind::Throttled
            | Kind::Denied
            | Kind::Expired
            | Kind::Malformed
            | Kind::Partial
            | Kind::Reset => {}
        }
    }
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

/// Spoils an answer as the faults say.
pub async fn spoil(kinds: &[Kind], response: Response) -> Response {
    let Some(kind) = kinds
        .iter()
        .find(|k| matches!(k, Kind::Malformed | Kind::Partial | Kind::Reset))
    else {
        return response;
    };
    let (mut parts, body) = response.into_parts();
    let whole = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    parts.headers.remove("content-length");
    let half = whole.slice(..whole.len() / 2);
    let body = match kind {
        Kind::Reset => {
            let chunks: [Result<Bytes, std::io::Error>; 2] =
                [Ok(half), Err(std::io::ErrorKind::ConnectionReset.into())];
            Body::from_stream(futures::stream::iter(chunks))
        }
        Kind::Malformed => Body::from([&half[..], b"\x00<<{{\xff]"].concat()),
        Kind::Partial
        | Kind::Slow(_)
        | Kind::Throttled
        | Kind::Denied
        | Kind::Silent
        | Kind::Expired => Body::from(half),
    };
    Response::from_parts(parts, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_is_read() {
        let slow: Fault = "slow:elb:eu-west-1=1500".parse().unwrap();
        assert_eq!(
            slow,
            Fault {
                kind: Kind::Slow(Duration::from_millis(1500)),
                service: "elasticloadbalancing".into(),
                region: Some("eu-west-1".into()),
                action: None,
            }
        );
        assert_eq!(slow.to_string().parse(), Ok(slow));
        assert_eq!("silent:kubernetes".parse::<Fault>().unwrap().region, None);
        assert_eq!("slow:sqs".parse::<Fault>(), Err(FaultError::Milliseconds));
        assert_eq!(
            "denied:ec9".parse::<Fault>(),
            Err(FaultError::Service("ec9".into()))
        );
        assert!("odd:sqs".parse::<Fault>().is_err());
    }

    #[test]
    fn a_fault_of_an_action_strikes_no_other() {
        let spec = "denied:rds:eu-west-1:FailoverDBCluster";
        let fault: Fault = spec.parse().unwrap();
        assert_eq!(fault.to_string(), spec);
        let mut faults = Faults::default();
        faults.add(fault);
        faults.add("throttled:rds:DeleteDBInstance".parse().unwrap());
        assert!(faults.of("rds", "eu-west-1").is_empty());
        assert_eq!(
            faults.on("rds", "eu-west-1", "FailoverDBCluster"),
            [Kind::Denied]
        );
        assert_eq!(
            faults.on("rds", "us-east-1", "DeleteDBInstance"),
            [Kind::Throttled]
        );
        assert!(
            faults
                .on("rds", "us-east-1", "FailoverDBCluster")
                .is_empty()
        );
        assert_eq!(
            "silent:rds:DescribeEvents".parse::<Fault>(),
            Err(FaultError::Action)
        );
    }

    #[test]
    fn a_fault_strikes_only_its_service_and_region() {
        let mut faults = Faults::default();
        faults.add("denied:rds:us-east-1".parse().unwrap());
        assert_eq!(faults.of("rds", "us-east-1"), vec![Kind::Denied]);
        assert!(
            faults.of("rds", "eu-west-1").is_empty() && faults.of("sqs", "us-east-1").is_empty()
        );
        faults.clear();
        assert!(faults.of("rds", "us-east-1").is_empty());
    }
}
