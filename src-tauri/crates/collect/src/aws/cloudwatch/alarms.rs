//! Alarms and what they watch. INSUFFICIENT_DATA is a state of its own, not green.
//!
//! Members: API reference, MetricAlarm, CompositeAlarm. What an alarm watches is told by the
//! dimensions of its metric (each service's list of metrics and dimensions).

use crate::aws::text::{said, time};
use crate::{Collector, Known, Reach, Reading, Round};
use async_trait::async_trait;
use aws_sdk_cloudwatch::types::{
    AlarmType, ComparisonOperator, CompositeAlarm, Dimension, MetricAlarm, StateValue,
};
use aws_smithy_types::DateTime;
use cloud::{Session, failure};
use model::{
    Change, ChangeKind, Fact, Found, FoundNode, Kind, Name, NodeId, Relation, Service,
    SourceFailure,
};
use std::time::Duration;

/// How far back a change of state is news, in seconds.
const NEWS: f64 = 3.0 * 3600.0;

/// Metric and composite alarms.
pub struct Alarms;

#[async_trait]
impl Collector for Alarms {
    fn service(&self) -> Service {
        Service::CloudWatch
    }

    fn part(&self) -> &'static str {
        "alarms"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn floor(&self) -> Duration {
        super::FLOOR
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::CloudWatch);
        let outcome = alarms(&round).await;
        round.end(outcome)
    }
}

async fn alarms(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    read(round, |_| true).await
}

/// The alarms on global services, for an account of which no region is the one they are kept in.
pub(super) async fn on_global_services(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let global = ["AWS/CloudFront", "AWS/Route53"];
    read(round, |namespace| {
        namespace.is_some_and(|name| global.contains(&name))
    })
    .await
}

/// Alarms on metrics of these namespaces; composite alarms and expressions have none.
async fn read(
    round: &Round<'_>,
    wanted: impl Fn(Option<&str>) -> bool,
) -> Result<Vec<Found>, SourceFailure> {
    let mut found = Vec::new();
    let mut mark: Option<String> = None;
    loop {
        let call = round
            .session
            .cloudwatch()
            .describe_alarms()
            .max_records(100);
        let call = call
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm);
        let call = call.set_next_token(mark.clone());
        let page = round.ask("DescribeAlarms", "", call.send()).await?;
        let metric_alarms = page.metric_alarms.iter().flatten();
        for alarm in metric_alarms.filter(|alarm| wanted(alarm.namespace.as_deref())) {
            found.extend(told(round, round.take(metric_alarm(round, alarm))));
        }
        for alarm in page
            .composite_alarms
            .iter()
            .flatten()
            .filter(|_| wanted(None))
        {
            found.extend(told(round, round.take(composite_alarm(round, alarm))));
        }
        match page.next_token.filter(|next| !next.is_empty()) {
            None => return Ok(found),
            next if next == mark => return Err(round.endless("DescribeAlarms")),
            next => mark = next,
        }
    }
}

/// The alarm, and its change of state when that is news.
fn told(round: &Round<'_>, alarm: Option<FoundNode>) -> Vec<Found> {
    let Some(alarm) = alarm else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let state = alarm.facts.text(Fact::AlarmState);
    if let Some((at, state)) = alarm.facts.time(Fact::AlarmStateSince).zip(state)
        && round.session.clock.now().seconds_since(at) <= NEWS
    {
        let reason = alarm
            .facts
            .text(Fact::Reason)
            .map(|reason| format!(": {reason}"));
        let reason = reason.unwrap_or_default();
        let sentence = format!("Alarm {} went to {state}{reason}", alarm.name);
        found.push(Found::Change(Change {
            at,
            kind: ChangeKind::Alarm,
            node: alarm.id.clone(),
            sentence: format!("{}.", sentence.trim_end_matches('.')),
        }));
    }
    found.push(Found::Node(Box::new(alarm)));
    found
}

/// What both kinds of alarm have.
struct Common<'a> {
    name: Option<&'a str>,
    arn: Option<&'a str>,
    state: Option<&'a StateValue>,
    since: Option<&'a DateTime>,
    reason: Option<&'a str>,
    acts: Option<bool>,
    composite: bool,
}

fn node(round: &Round<'_>, alarm: &Common<'_>) -> Option<FoundNode> {
    let name = alarm.name.filter(|name| !name.is_empty())?;
    let mut node = round.node(Kind::Alarm, name);
    let region = &round.session.region;
    // Alarms have a region, whatever session reads them.
    node.id = NodeId::aws(
        Kind::Alarm,
        round.session.account.as_str(),
        Some(region),
        name,
    );
    node.scope.region = Some(region.clone());
    let facts = &mut node.facts;
    facts.set_some(Fact::Arn, alarm.arn);
    facts.set_some(Fact::AlarmState, alarm.state.map(StateValue::as_str));
    facts.set_some(Fact::AlarmStateSince, alarm.since.and_then(time));
    facts.set_some(Fact::Reason, said(alarm.reason).map(failure::plain));
    facts.set_some(Fact::ActionsEnabled, alarm.acts);
    facts.set(Fact::AlarmComposite, alarm.composite);
    node.known_as
        .extend(alarm.arn.map(|arn| Name::Arn(arn.into())));
    Some(node)
}

fn metric_alarm(round: &Round<'_>, alarm: &MetricAlarm) -> Option<FoundNode> {
    let since = alarm.state_transitioned_timestamp.as_ref();
    let mut node = node(
        round,
        &Common {
            name: alarm.alarm_name.as_deref(),
            arn: alarm.alarm_arn.as_deref(),
            state: alarm.state_value.as_ref(),
            since: since.or(alarm.state_updated_timestamp.as_ref()),
            reason: alarm.state_reason.as_deref(),
            acts: alarm.actions_enabled,
            composite: false,
        },
    )?;
    node.facts.set_some(Fact::AlarmMetric, metric_name(alarm));
    node.facts.set_some(Fact::AlarmCondition, condition(alarm));
    let mut watched: Vec<NodeId> = Vec::new();
    let own = alarm.dimensions.as_deref().unwrap_or_default();
    watched.extend(watches(round, own));
    for query in alarm.metrics.iter().flatten() {
        let metric = query
            .metric_stat
            .as_ref()
            .and_then(|stat| stat.metric.as_ref());
        let dimensions = metric.and_then(|metric| metric.dimensions.as_deref());
        watched.extend(watches(round, dimensions.unwrap_or_default()));
    }
    watched.sort();
    watched.dedup();
    for id in watched {
        node.tie_to(
            Relation::Watches,
            Name::Id(id),
            "dimensions of the alarm's metric",
        );
    }
    Some(node)
}

fn composite_alarm(round: &Round<'_>, alarm: &CompositeAlarm) -> Option<FoundNode> {
    let since = alarm.state_transitioned_timestamp.as_ref();
    let mut node = node(
        round,
        &Common {
            name: alarm.alarm_name.as_deref(),
            arn: alarm.alarm_arn.as_deref(),
            state: alarm.state_value.as_ref(),
            since: since.or(alarm.state_updated_timestamp.as_ref()),
            reason: alarm.state_reason.as_deref(),
            acts: alarm.actions_enabled,
            composite: true,
        },
    )?;
    let rule = alarm.alarm_rule.as_deref().map(failure::plain);
    node.facts.set_some(Fact::AlarmCondition, rule);
    Some(node)
}

fn metric_name(alarm: &MetricAlarm) -> Option<String> {
    let name = alarm.metric_name.as_deref()?;
    Some(match alarm.namespace.as_deref() {
        Some(namespace) => format!("{namespace} {name}"),
        None => name.to_owned(),
    })
}

/// `Maximum ≥ 300 for 3 of 5 × 60 s`.
fn condition(alarm: &MetricAlarm) -> Option<String> {
    let operator = match alarm.comparison_operator.as_ref()? {
        ComparisonOperator::GreaterThanOrEqualToThreshold => "≥",
        ComparisonOperator::GreaterThanThreshold => ">",
        ComparisonOperator::LessThanThreshold => "<",
        ComparisonOperator::LessThanOrEqualToThreshold => "≤",
        other => other.as_str(),
    };
    let statistic = alarm.statistic.as_ref().map(|statistic| statistic.as_str());
    let statistic = statistic
        .or(alarm.extended_statistic.as_deref())
        .unwrap_or("expression");
    let threshold = alarm.threshold.map(|t| format!(" {t}")).unwrap_or_default();
    let periods = alarm.evaluation_periods.unwrap_or(1);
    let needed = alarm.datapoints_to_alarm.unwrap_or(periods);
    let seconds = alarm
        .period
        .map(|s| format!(" × {s} s"))
        .unwrap_or_default();
    Some(format!(
        "{statistic} {operator}{threshold} for {needed} of {periods}{seconds}"
    ))
}

/// The thing the dimensions name; of several the most particular.
fn watches(round: &Round<'_>, dimensions: &[Dimension]) -> Option<NodeId> {
    let value = |name: &str| {
        let found = dimensions.iter().find(|d| d.name.as_deref() == Some(name));
        found.and_then(|dimension| dimension.value.as_deref())
    };
    // `targetgroup/NAME/ID`, `app/NAME/ID`
    let middle = |path: &'_ str| path.split('/').nth(1).map(str::to_owned);
    let here = |kind: Kind, name: String| round.id(kind, &name);
    let global =
        |kind: Kind, name: &str| NodeId::aws(kind, round.session.account.as_str(), None, name);
    if let Some(name) = value("TargetGroup").and_then(middle) {
        return Some(here(Kind::TargetGroup, name));
    }
    if let Some(name) = value("LoadBalancer").and_then(middle) {
        return Some(here(Kind::LoadBalancer, name));
    }
    for (dimension, kind) in [
        ("QueueName", Kind::Queue),
        ("DBInstanceIdentifier", Kind::DbInstance),
        ("DBClusterIdentifier", Kind::DbCluster),
        ("FunctionName", Kind::Function),
        ("ClusterName", Kind::Cluster),
    ] {
        if let Some(name) = value(dimension) {
            return Some(here(kind, name.to_owned()));
        }
    }
    for (dimension, kind) in [
        ("DistributionId", Kind::Distribution),
        ("HealthCheckId", Kind::HealthCheck),
    ] {
        if let Some(name) = value(dimension) {
            return Some(global(kind, name));
        }
    }
    None
}
