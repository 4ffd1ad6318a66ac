//! Health checks: what they check and how; whether they pass is CloudWatch's `HealthCheckStatus`
//! (GetHealthCheckStatus allows one call per second and is not for polling).

use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round};
use async_trait::async_trait;
use aws_sdk_route53::types::{HealthCheck, HealthCheckConfig, HealthCheckType};
use cloud::Session;
use model::{Fact, Found, FoundNode, Kind, Name, NodeId, Relation, Service, SourceFailure};
use std::time::Duration;

/// Health checks.
pub struct HealthChecks;

#[async_trait]
impl Collector for HealthChecks {
    fn service(&self) -> Service {
        Service::Route53
    }

    fn part(&self) -> &'static str {
        "health-checks"
    }

    fn reach(&self) -> Reach {
        Reach::Global
    }

    fn period(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Route53);
        let outcome = checks(&round).await;
        round.end(outcome)
    }
}

async fn checks(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let route53 = round.session.route53();
    let checks = all_pages!(
        round,
        "ListHealthChecks",
        |mark| {
            let call = route53.list_health_checks().set_marker(mark.clone());
            round.ask("ListHealthChecks", "", call.send()).await?
        },
        page => (page.health_checks, page.next_marker.filter(|_| page.is_truncated))
    );
    let nodes = checks
        .iter()
        .filter_map(|check| round.take(node(round, check)));
    Ok(nodes.map(|node| Found::Node(Box::new(node))).collect())
}

fn node(round: &Round<'_>, check: &HealthCheck) -> Option<FoundNode> {
    let id = Some(check.id.as_str()).filter(|id| !id.is_empty())?;
    let mut node = round.node(Kind::HealthCheck, id);
    let arn = format!("arn:{}:route53:::healthcheck/{id}", round.session.partition);
    node.facts.set(Fact::Arn, arn.as_str());
    node.known_as.push(Name::Arn(arn.into()));
    if let Some(config) = &check.health_check_config {
        describe(round, &mut node, config);
    }
    Some(node)
}

fn describe(round: &Round<'_>, node: &mut FoundNode, config: &HealthCheckConfig) {
    let facts = &mut node.facts;
    facts.set(Fact::CheckType, config.r#type.as_str());
    facts.set_some(Fact::Target, target(config));
    facts.set_some(Fact::Port, config.port);
    facts.set_some(Fact::HealthCheckPath, config.resource_path.as_deref());
    facts.set_some(Fact::IntervalSeconds, config.request_interval);
    facts.set_some(Fact::FailureThreshold, config.failure_threshold);
    facts.set(Fact::Inverted, config.inverted.unwrap_or(false));
    facts.set(Fact::Disabled, config.disabled.unwrap_or(false));
    let account = round.session.account.as_str();
    // One emulator lists a child without a name.
    let children = config.child_health_checks.iter().flatten();
    for child in children.filter(|child| !child.is_empty()) {
        let child = NodeId::aws(Kind::HealthCheck, account, None, child);
        node.tie_from(
            Relation::Gates,
            Name::Id(child),
            "child of the calculated health check",
        );
    }
    if let Some(alarm) = &config.alarm_identifier {
        let region = Some(alarm.region.as_str());
        let alarm = NodeId::aws(Kind::Alarm, account, region, &alarm.name);
        node.tie_from(
            Relation::Watches,
            Name::Id(alarm),
            "alarm of the health check",
        );
    }
}

/// What is checked, as one would type it.
fn target(config: &HealthCheckConfig) -> Option<String> {
    if config.r#type == HealthCheckType::Calculated {
        let children = config
            .child_health_checks
            .as_deref()
            .unwrap_or_default()
            .len();
        let needed = config.health_threshold.unwrap_or_default();
        return Some(format!("at least {needed} of {children} health checks"));
    }
    if let Some(alarm) = &config.alarm_identifier {
        return Some(format!("alarm {} in {}", alarm.name, alarm.region.as_str()));
    }
    if let Some(control) = &config.routing_control_arn {
        return Some(control.clone());
    }
    let name = config.fully_qualified_domain_name.as_ref();
    let host = name.or(config.ip_address.as_ref())?;
    let port = config
        .port
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let path = config.resource_path.as_deref().unwrap_or_default();
    Some(format!("{host}{port}{path}"))
}
