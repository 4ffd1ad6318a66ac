//! Balancers, their listeners and rules.

use crate::aws::text::{known_by_host, said, time};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round, each};
use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, Listener, LoadBalancer, LoadBalancerTypeEnum, Rule, RuleCondition,
};
use cloud::Session;
use model::{Fact, Facts, Found, FoundNode, Kind, Name, Relation, Service, SourceFailure};
use std::time::Duration;

/// How many listeners and rules that forward to one group are named.
const NAMED: usize = 3;

/// Balancers and what they forward to.
pub struct Balancers;

#[async_trait]
impl Collector for Balancers {
    fn service(&self) -> Service {
        Service::Elb
    }

    fn part(&self) -> &'static str {
        "balancers"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Elb);
        let outcome = balancers(&round).await;
        round.end(outcome)
    }
}

async fn balancers(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let elb = round.session.elb();
    let balancers = all_pages!(
        round,
        "DescribeLoadBalancers",
        |mark| {
            let call = elb.describe_load_balancers().set_marker(mark.clone());
            round.ask("DescribeLoadBalancers", "", call.send()).await?
        },
        page => (page.load_balancers.unwrap_or_default(), page.next_marker)
    );
    let nodes = each(&balancers, |balancer| read(round, balancer)).await;
    let nodes = nodes.into_iter().flatten();
    Ok(nodes.map(|node| Found::Node(Box::new(node))).collect())
}

/// One balancer; when its listeners cannot be read it is there all the same, with the reason.
async fn read(round: &Round<'_>, balancer: &LoadBalancer) -> Option<FoundNode> {
    let named = said(balancer.load_balancer_name.as_deref())
        .zip(said(balancer.load_balancer_arn.as_deref()));
    let (name, arn) = round.take(named)?;
    let mut node = round.node(Kind::LoadBalancer, name);
    node.facts.set(Fact::Arn, arn);
    node.known_as.push(Name::Arn(arn.into()));
    describe(&mut node, balancer);
    match listeners(round, arn, name).await {
        Ok(listeners) => {
            node.facts.set(Fact::Listeners, listeners.len());
            forward(round, &mut node, balancer, &listeners).await;
        }
        Err(failure) => node.failure = Some(failure),
    }
    Some(node)
}

fn describe(node: &mut FoundNode, balancer: &LoadBalancer) {
    let facts = &mut node.facts;
    facts.set_some(Fact::Host, balancer.dns_name.as_deref());
    facts.set_some(
        Fact::Scheme,
        balancer.scheme.as_ref().map(|scheme| scheme.as_str()),
    );
    facts.set_some(
        Fact::LbType,
        balancer.r#type.as_ref().map(|kind| kind.as_str()),
    );
    facts.set_some(Fact::Vpc, balancer.vpc_id.as_deref());
    facts.set_some(
        Fact::CreatedAt,
        balancer.created_time.as_ref().and_then(time),
    );
    if let Some(state) = &balancer.state {
        facts.set_some(Fact::Status, state.code.as_ref().map(|code| code.as_str()));
        facts.set_some(Fact::Reason, said(state.reason.as_deref()));
    }
    let zones = balancer.availability_zones.iter().flatten();
    let zones: Vec<&String> = zones.filter_map(|zone| zone.zone_name.as_ref()).collect();
    facts.set(Fact::ZonesCount, zones.len());
    for zone in zones {
        node.zones.insert(zone.clone(), Facts::default());
    }
    if let Some(host) = &balancer.dns_name {
        known_by_host(node, host);
    }
}

async fn listeners(
    round: &Round<'_>,
    arn: &str,
    name: &str,
) -> Result<Vec<Listener>, SourceFailure> {
    let elb = round.session.elb();
    Ok(all_pages!(
        round,
        "DescribeListeners",
        |mark| {
            let call = elb.describe_listeners().load_balancer_arn(arn).set_marker(mark.clone());
            round.ask_patiently("DescribeListeners", name, || call.clone().send()).await?
        },
        page => (page.listeners.unwrap_or_default(), page.next_marker)
    ))
}

async fn rules(round: &Round<'_>, arn: &str, of: &str) -> Result<Vec<Rule>, SourceFailure> {
    let elb = round.session.elb();
    Ok(all_pages!(
        round,
        "DescribeRules",
        |mark| {
            let call = elb.describe_rules().listener_arn(arn).set_marker(mark.clone());
            round.ask_patiently("DescribeRules", of, || call.clone().send()).await?
        },
        page => (page.rules.unwrap_or_default(), page.next_marker)
    ))
}

/// Ties the balancer to every group its listeners and rules forward to.
async fn forward(
    round: &Round<'_>,
    node: &mut FoundNode,
    balancer: &LoadBalancer,
    listeners: &[Listener],
) {
    // Only application balancers have rules (API reference, DescribeRules).
    let ruled = balancer.r#type.as_ref() == Some(&LoadBalancerTypeEnum::Application);
    let arns = listeners
        .iter()
        .filter_map(|l| l.listener_arn.as_deref())
        .filter(|_| ruled);
    let of = node.name.clone();
    let read = each(arns, |arn| {
        let of = &of;
        async move { (arn, rules(round, arn, of).await) }
    });
    let read = read.await;
    let mut groups = Groups::default();
    for listener in listeners {
        let place = place(listener);
        groups.add(listener.default_actions.as_deref(), &place);
        let arn = listener.listener_arn.as_deref();
        for (_, rules) in read.iter().filter(|(of, _)| Some(*of) == arn) {
            match rules {
                Ok(rules) => groups.add_rules(rules, &place),
                Err(failure) => node.failure = Some(failure.clone()),
            }
        }
    }
    groups.tie(node);
}

/// Target group ARN → where it is forwarded to from, in the order of listeners and rules.
#[derive(Default)]
struct Groups(Vec<(String, Vec<String>)>);

impl Groups {
    fn add_rules(&mut self, rules: &[Rule], place: &str) {
        for rule in rules.iter().filter(|rule| rule.is_default != Some(true)) {
            let priority = rule.priority.as_deref().unwrap_or("?");
            let place = format!("{place} rule {priority}{}", conditions(rule));
            self.add(rule.actions.as_deref(), &place);
        }
    }

    fn add(&mut self, actions: Option<&[Action]>, place: &str) {
        for action in actions.unwrap_or_default() {
            let forward = action.forward_config.as_ref();
            let tuples = forward.and_then(|forward| forward.target_groups.as_deref());
            let tuples = tuples.unwrap_or_default();
            for tuple in tuples {
                if let Some(arn) = &tuple.target_group_arn {
                    let weight = tuple.weight.filter(|_| tuples.len() > 1);
                    let weight = weight.map(|w| format!(" (weight {w})")).unwrap_or_default();
                    self.place(arn, format!("{place}{weight}"));
                }
            }
            if let Some(arn) = action
                .target_group_arn
                .as_ref()
                .filter(|_| tuples.is_empty())
            {
                self.place(arn, place.to_owned());
            }
        }
    }

    fn place(&mut self, arn: &str, place: String) {
        match self.0.iter_mut().find(|(group, _)| group == arn) {
            Some((_, places)) if places.contains(&place) => {}
            Some((_, places)) => places.push(place),
            None => self.0.push((arn.to_owned(), vec![place])),
        }
    }

    fn tie(self, node: &mut FoundNode) {
        for (arn, mut places) in self.0 {
            let more = places.len().saturating_sub(NAMED);
            places.truncate(NAMED);
            if more > 0 {
                places.push(format!("{more} more"));
            }
            let provenance = format!("listener {}", places.join(", "));
            node.tie_to(Relation::Forwards, Name::Arn(arn.into()), provenance);
        }
    }
}

/// `HTTPS:443`.
fn place(listener: &Listener) -> String {
    let protocol = listener
        .protocol
        .as_ref()
        .map_or("?", |protocol| protocol.as_str());
    let port = listener
        .port
        .map_or("?".to_owned(), |port| port.to_string());
    format!("{protocol}:{port}")
}

/// ` (path /api/*, host api.example.com)`.
fn conditions(rule: &Rule) -> String {
    let words: Vec<String> = rule
        .conditions
        .iter()
        .flatten()
        .filter_map(condition)
        .collect();
    if words.is_empty() {
        String::new()
    } else {
        format!(" ({})", words.join(", "))
    }
}

fn condition(condition: &RuleCondition) -> Option<String> {
    let field = condition.field.as_deref()?;
    let path = condition
        .path_pattern_config
        .as_ref()
        .and_then(|c| c.values.as_ref());
    let host = condition
        .host_header_config
        .as_ref()
        .and_then(|c| c.values.as_ref());
    let values = path.or(host).or(condition.values.as_ref());
    let values = values.map(|values| values.join(" or ")).unwrap_or_default();
    let word = match field {
        "path-pattern" => "path",
        "host-header" => "host",
        other => other,
    };
    Some(format!("{word} {values}").trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_elasticloadbalancingv2::types::{
        ActionTypeEnum, ForwardActionConfig, PathPatternConditionConfig, TargetGroupTuple,
    };

    fn to(groups: &[(&str, i32)]) -> Action {
        let groups = groups.iter().map(|(arn, weight)| {
            TargetGroupTuple::builder()
                .target_group_arn(*arn)
                .weight(*weight)
                .build()
        });
        let forward = ForwardActionConfig::builder();
        let forward = forward.set_target_groups(Some(groups.collect())).build();
        let action = Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .forward_config(forward);
        action.build()
    }

    #[test]
    fn a_group_is_tied_once_and_says_from_where() {
        let path = PathPatternConditionConfig::builder()
            .values("/api/*")
            .build();
        let path = RuleCondition::builder()
            .field("path-pattern")
            .path_pattern_config(path)
            .build();
        let rule = Rule::builder()
            .priority("10")
            .conditions(path)
            .actions(to(&[("a", 90), ("b", 10)]));
        let mut groups = Groups::default();
        groups.add(Some(&[to(&[("a", 1)])]), "HTTPS:443");
        groups.add_rules(&[rule.build()], "HTTPS:443");
        let id = model::NodeId::new("loadbalancer/1/r/x");
        let mut node = FoundNode::new(id, Kind::LoadBalancer, "x", model::Scope::default());
        groups.tie(&mut node);
        let ties: Vec<&str> = node.ties.iter().map(|tie| &*tie.provenance).collect();
        assert_eq!(
            ties,
            [
                "listener HTTPS:443, HTTPS:443 rule 10 (path /api/*) (weight 90)",
                "listener HTTPS:443 rule 10 (path /api/*) (weight 10)"
            ]
        );
    }
}
