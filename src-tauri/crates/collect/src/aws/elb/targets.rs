//! Target groups and the health of their targets, in all and by availability zone.

use crate::aws::text::{said, unqualified};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round, each};
use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetGroup, TargetHealthDescription, TargetHealthStateEnum as State, TargetTypeEnum,
};
use cloud::Session;
use model::{Fact, Facts, Found, FoundNode, Kind, Name, Relation, Service, SourceFailure};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// Target groups.
pub struct TargetGroups;

#[async_trait]
impl Collector for TargetGroups {
    fn service(&self) -> Service {
        Service::Elb
    }

    fn part(&self) -> &'static str {
        "target-groups"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(15)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Elb);
        let outcome = groups(&round).await;
        round.end(outcome)
    }
}

async fn groups(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let elb = round.session.elb();
    let groups = all_pages!(
        round,
        "DescribeTargetGroups",
        |mark| {
            let call = elb.describe_target_groups().set_marker(mark.clone());
            round.ask("DescribeTargetGroups", "", call.send()).await?
        },
        page => (page.target_groups.unwrap_or_default(), page.next_marker)
    );
    let nodes = each(&groups, |group| read(round, group)).await;
    let nodes = nodes.into_iter().flatten();
    Ok(nodes.map(|node| Found::Node(Box::new(node))).collect())
}

/// One group; when its targets cannot be read it is there all the same, with the reason.
async fn read(round: &Round<'_>, group: &TargetGroup) -> Option<FoundNode> {
    let named =
        said(group.target_group_name.as_deref()).zip(said(group.target_group_arn.as_deref()));
    let (name, arn) = round.take(named)?;
    let mut node = round.node(Kind::TargetGroup, name);
    node.facts.set(Fact::Arn, arn);
    node.known_as.push(Name::Arn(arn.into()));
    describe(&mut node, group);
    let call = round
        .session
        .elb()
        .describe_target_health()
        .target_group_arn(arn);
    match round
        .ask_patiently("DescribeTargetHealth", name, || call.clone().send())
        .await
    {
        Ok(answer) => {
            let targets = answer.target_health_descriptions.unwrap_or_default();
            let targets: Vec<Target> = targets
                .iter()
                .filter_map(|target| round.take(target_of(target)))
                .collect();
            count(&mut node, &targets);
            tie(round, &mut node, group, &targets);
        }
        Err(failure) => node.failure = Some(failure),
    }
    Some(node)
}

fn describe(node: &mut FoundNode, group: &TargetGroup) {
    let facts = &mut node.facts;
    facts.set_some(
        Fact::Protocol,
        group.protocol.as_ref().map(|protocol| protocol.as_str()),
    );
    facts.set_some(Fact::Port, group.port);
    facts.set_some(Fact::Vpc, group.vpc_id.as_deref());
    facts.set_some(
        Fact::TargetType,
        group.target_type.as_ref().map(|kind| kind.as_str()),
    );
    facts.set_some(Fact::HealthCheckPath, group.health_check_path.as_deref());
    facts.set_some(Fact::IntervalSeconds, group.health_check_interval_seconds);
    facts.set_some(Fact::FailureThreshold, group.unhealthy_threshold_count);
}

struct Target<'a> {
    id: &'a str,
    zone: Option<&'a str>,
    state: &'a State,
    reason: Option<&'a str>,
    description: Option<&'a str>,
}

/// `None` when it has no id or no state. `AvailabilityZone` is `all` for targets that take traffic
/// from every zone (API reference, TargetDescription): that is no zone.
fn target_of(description: &TargetHealthDescription) -> Option<Target<'_>> {
    let target = description.target.as_ref()?;
    let health = description.target_health.as_ref()?;
    let zone = target.availability_zone.as_deref();
    Some(Target {
        id: said(target.id.as_deref())?,
        zone: zone.filter(|zone| !zone.is_empty() && *zone != "all"),
        state: health.state.as_ref()?,
        reason: health.reason.as_ref().map(|reason| reason.as_str()),
        description: said(health.description.as_deref()),
    })
}

fn count(node: &mut FoundNode, targets: &[Target<'_>]) {
    let all: Vec<&Target<'_>> = targets.iter().collect();
    counts(&mut node.facts, &all);
    let mut zones: BTreeMap<&str, Vec<&Target<'_>>> = BTreeMap::new();
    for target in targets {
        if let Some(zone) = target.zone {
            zones.entry(zone).or_default().push(target);
        }
    }
    for (zone, targets) in zones {
        let mut facts = Facts::default();
        counts(&mut facts, &targets);
        node.zones.insert(zone.to_owned(), facts);
    }
}

/// `unavailable` counts as nothing: health checks are off, so nobody knows (API reference,
/// TargetHealth).
fn counts(facts: &mut Facts, targets: &[&Target<'_>]) {
    let in_state = |states: &[State]| targets.iter().filter(|t| states.contains(t.state)).count();
    facts.set(Fact::Targets, targets.len());
    facts.set(Fact::TargetsHealthy, in_state(&[State::Healthy]));
    facts.set(Fact::TargetsUnhealthy, in_state(&[State::Unhealthy]));
    let draining = [State::Draining, State::UnhealthyDraining];
    facts.set(Fact::TargetsDraining, in_state(&draining));
    facts.set(Fact::TargetsInitial, in_state(&[State::Initial]));
    facts.set(Fact::TargetsUnused, in_state(&[State::Unused]));
    let sick = targets.iter().filter(|t| *t.state == State::Unhealthy);
    let (reasons, message) = reasons(sick.copied());
    facts.set_some(Fact::UnhealthyReasons, reasons);
    facts.set_some(Fact::Message, message);
}

/// `Target.Timeout ×3, Target.ResponseCodeMismatch ×1`, and what the commonest says in words.
fn reasons<'a>(targets: impl Iterator<Item = &'a Target<'a>>) -> (Option<String>, Option<&'a str>) {
    let mut codes: BTreeMap<&str, (usize, Option<&str>)> = BTreeMap::new();
    for target in targets {
        let entry = codes
            .entry(target.reason.unwrap_or("no reason given"))
            .or_default();
        entry.0 += 1;
        entry.1 = entry.1.or(target.description);
    }
    let mut codes: Vec<_> = codes.into_iter().collect();
    codes.sort_by_key(|(_, (count, _))| Reverse(*count));
    let words: Vec<String> = codes
        .iter()
        .map(|(code, (n, _))| format!("{code} ×{n}"))
        .collect();
    let message = codes.first().and_then(|(_, (_, description))| *description);
    ((!words.is_empty()).then(|| words.join(", ")), message)
}

/// Ties the group to what its targets are: pods by IP, functions and balancers by ARN.
fn tie(round: &Round<'_>, node: &mut FoundNode, group: &TargetGroup, targets: &[Target<'_>]) {
    let mut ids: Vec<&str> = targets.iter().map(|target| target.id).collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let name = match &group.target_type {
            Some(TargetTypeEnum::Lambda) => Name::Arn(unqualified(id).into()),
            Some(TargetTypeEnum::Alb) => Name::Arn(id.into()),
            Some(TargetTypeEnum::Instance) => continue,
            _ => Name::Ip(round.session.region.clone(), id.into()),
        };
        node.tie_to(Relation::Targets, name, format!("target {id}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target<'a>(id: &'a str, zone: &'a str, state: &'a State, reason: &'a str) -> Target<'a> {
        Target {
            id,
            zone: Some(zone).filter(|zone| !zone.is_empty()),
            state,
            reason: Some(reason).filter(|reason| !reason.is_empty()),
            description: None,
        }
    }

    #[test]
    fn targets_are_counted_in_all_and_by_zone_with_reasons_commonest_first() {
        let (sick, well) = (State::Unhealthy, State::Healthy);
        let targets = [
            target("10.0.0.1", "a", &well, ""),
            target("10.0.1.1", "b", &sick, "Target.ResponseCodeMismatch"),
            target("10.0.1.2", "b", &sick, "Target.Timeout"),
            target("10.0.1.3", "b", &sick, "Target.Timeout"),
            target("10.0.9.9", "", &well, ""),
        ];
        let id = model::NodeId::new("targetgroup/1/r/x");
        let mut node = FoundNode::new(id, Kind::TargetGroup, "x", model::Scope::default());
        count(&mut node, &targets);
        let reasons = "Target.Timeout ×2, Target.ResponseCodeMismatch ×1";
        assert_eq!(node.facts.count(Fact::Targets), Some(5));
        assert_eq!(node.facts.text(Fact::UnhealthyReasons), Some(reasons));
        assert_eq!(node.zones.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(node.zones["b"].count(Fact::TargetsUnhealthy), Some(3));
        assert_eq!(node.zones["a"].count(Fact::TargetsHealthy), Some(1));
    }
}
