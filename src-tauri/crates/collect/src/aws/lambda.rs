//! Lambda: functions, event source mappings, states, reserved concurrency, who keeps a mapping.
//!
//! A queue is consumed by the mapping and the mapping's messages by the function, so that a paused
//! mapping is seen between the two. Members: API reference, FunctionConfiguration,
//! EventSourceMappingConfiguration.

mod tags;

pub use tags::Tags;

use crate::aws::text::{said, time, unqualified};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round, each};
use async_trait::async_trait;
use aws_sdk_lambda::types::{EventSourceMappingConfiguration, FunctionConfiguration};
use cloud::Session;
use model::{
    Fact, Facts, Found, FoundNode, Kind, Name, Relation, Service, SourceFailure, Timestamp,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// Functions.
pub struct Functions;

/// Event source mappings.
pub struct Mappings;

/// What ListFunctions leaves out of the functions that consume a queue: one call for each.
pub struct States;

/// Reserved concurrency, one call per function.
pub struct Concurrency;

#[async_trait]
impl Collector for Functions {
    fn service(&self) -> Service {
        Service::Lambda
    }

    fn part(&self) -> &'static str {
        "functions"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Lambda);
        let outcome = functions(&round).await;
        round.end(outcome)
    }
}

#[async_trait]
impl Collector for Mappings {
    fn service(&self) -> Service {
        Service::Lambda
    }

    fn part(&self) -> &'static str {
        "mappings"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(20)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Lambda);
        let outcome = mappings(&round).await;
        round.end(outcome)
    }
}

#[async_trait]
impl Collector for States {
    fn service(&self) -> Service {
        Service::Lambda
    }

    fn part(&self) -> &'static str {
        "states"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// One call for every function, of the few a second that Lambda takes.
    fn floor(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn needs(&self) -> &'static [Service] {
        &[Service::Lambda]
    }

    async fn collect(&self, session: &Session, known: &Known) -> Reading {
        let round = Round::new(session, Service::Lambda);
        let mappings = known.here(session, Kind::Mapping);
        let queues = |mapping: &&FoundNode| {
            let source = mapping.facts.text(Fact::EventSource);
            source.is_some_and(|arn| arn.contains(":sqs:"))
        };
        let names: BTreeSet<&str> = mappings
            .filter(queues)
            .filter_map(|mapping| mapping.facts.text(Fact::FunctionName))
            .collect();
        let functions = known.here(session, Kind::Function);
        let consumers: Vec<&FoundNode> = functions
            .filter(|function| names.contains(function.name.as_str()))
            .collect();
        let read = each(consumers, |function| state(&round, function)).await;
        let outcome = round.most(read);
        round.end(outcome)
    }
}

#[async_trait]
impl Collector for Concurrency {
    fn service(&self) -> Service {
        Service::Lambda
    }

    fn part(&self) -> &'static str {
        "concurrency"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(120)
    }

    fn needs(&self) -> &'static [Service] {
        &[Service::Lambda]
    }

    async fn collect(&self, session: &Session, known: &Known) -> Reading {
        let round = Round::new(session, Service::Lambda);
        let names: Vec<&FoundNode> = known.here(session, Kind::Function).collect();
        let read = each(names, |function| concurrency(&round, function)).await;
        let outcome = round.most(read);
        round.end(outcome)
    }
}

async fn functions(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let lambda = round.session.lambda();
    let functions = all_pages!(
        round,
        "ListFunctions",
        |mark| {
            let call = lambda.list_functions().set_marker(mark.clone());
            round.ask("ListFunctions", "", call.send()).await?
        },
        page => (page.functions.unwrap_or_default(), page.next_marker)
    );
    let nodes = functions
        .iter()
        .filter_map(|function| round.take(function_node(round, function)));
    Ok(nodes.map(|node| Found::Node(Box::new(node))).collect())
}

fn function_node(round: &Round<'_>, function: &FunctionConfiguration) -> Option<FoundNode> {
    let mut node = round.node(Kind::Function, said(function.function_name.as_deref())?);
    let facts = &mut node.facts;
    let runtime = function.runtime.as_ref().map(|runtime| runtime.as_str());
    facts.set_some(Fact::Runtime, runtime);
    facts.set_some(Fact::MemoryMib, function.memory_size);
    facts.set_some(Fact::TimeoutSeconds, function.timeout);
    facts.set_some(Fact::Version, function.version.as_deref());
    facts.set_some(
        Fact::StateWord,
        function.state.as_ref().map(|state| state.as_str()),
    );
    facts.set_some(Fact::Reason, said(function.state_reason.as_deref()));
    facts.set_some(
        Fact::LastModified,
        function.last_modified.as_deref().and_then(modified),
    );
    let dead = function.dead_letter_config.as_ref();
    // It may be a topic as well.
    if let Some(arn) = dead
        .and_then(|dead| dead.target_arn.as_deref())
        .filter(|arn| arn.contains(":sqs:"))
    {
        let name = Name::Arn(arn.into());
        node.tie_to(
            Relation::DeadLetters,
            name,
            "dead-letter queue of the function",
        );
    }
    let facts = &mut node.facts;
    if let Some(arn) = function.function_arn.as_deref().map(unqualified) {
        facts.set(Fact::Arn, arn);
        node.known_as.push(Name::Arn(arn.into()));
    }
    Some(node)
}

/// `2026-11-22T02:41:00.000+0000`: ISO 8601 with an offset that RFC 3339 writes with a colon.
fn modified(text: &str) -> Option<Timestamp> {
    let at = text.len().checked_sub(5)?;
    let (time, offset) = (text.get(..at)?, text.get(at..)?);
    match offset.strip_prefix(['+', '-']) {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Timestamp::parse(&format!("{time}{}:{}", &offset[..3], &offset[3..]))
        }
        _ => Timestamp::parse(text),
    }
}

async fn mappings(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let lambda = round.session.lambda();
    let mappings = all_pages!(
        round,
        "ListEventSourceMappings",
        |mark| {
            let call = lambda.list_event_source_mappings().set_marker(mark.clone());
            round.ask("ListEventSourceMappings", "", call.send()).await?
        },
        page => (page.event_source_mappings.unwrap_or_default(), page.next_marker)
    );
    let nodes = mappings
        .iter()
        .filter_map(|mapping| round.take(mapping_node(round, mapping)));
    Ok(nodes.map(|node| Found::Node(Box::new(node))).collect())
}

fn mapping_node(round: &Round<'_>, mapping: &EventSourceMappingConfiguration) -> Option<FoundNode> {
    let mut node = round.node(Kind::Mapping, said(mapping.uuid.as_deref())?);
    let facts = &mut node.facts;
    facts.set_some(Fact::Arn, mapping.event_source_mapping_arn.as_deref());
    facts.set_some(Fact::StateWord, mapping.state.as_deref());
    facts.set_some(
        Fact::EnabledWanted,
        mapping.state.as_deref().and_then(is_wanted),
    );
    facts.set_some(
        Fact::Reason,
        said(mapping.state_transition_reason.as_deref()),
    );
    facts.set_some(Fact::BatchSize, mapping.batch_size);
    let scaling = mapping.scaling_config.as_ref();
    facts.set_some(
        Fact::MaximumConcurrency,
        scaling.and_then(|s| s.maximum_concurrency),
    );
    let pollers = mapping.provisioned_poller_config.as_ref();
    facts.set_some(
        Fact::ProvisionedPollers,
        pollers.map(|pollers| pollers.minimum_pollers.unwrap_or(1)),
    );
    facts.set_some(
        Fact::LastProcessingResult,
        said(mapping.last_processing_result.as_deref()),
    );
    facts.set_some(
        Fact::LastModified,
        mapping.last_modified.as_ref().and_then(time),
    );
    facts.set_some(Fact::EventSource, mapping.event_source_arn.as_deref());
    if let Some(arn) = &mapping.event_source_mapping_arn {
        node.known_as.push(Name::Arn(arn.as_str().into()));
    }
    if let Some(source) = &mapping.event_source_arn {
        let name = Name::Arn(source.as_str().into());
        node.tie_from(Relation::ConsumedBy, name, "event source of the mapping");
    }
    if let Some(arn) = mapping.function_arn.as_deref().map(unqualified) {
        let name = arn.rsplit(':').next().unwrap_or(arn);
        node.facts.set(Fact::FunctionName, name);
        let name = Name::Arn(arn.into());
        node.tie_to(Relation::ConsumedBy, name, "function of the mapping");
    }
    Some(node)
}

/// Whether somebody wants it on; `Updating` and words not known do not tell.
fn is_wanted(state: &str) -> Option<bool> {
    match state {
        "Creating" | "Enabling" | "Enabled" => Some(true),
        "Disabling" | "Disabled" | "Deleting" => Some(false),
        _ => None,
    }
}

/// State and last update (<https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html>: ListFunctions
/// does not tell them). `None` when the function was deleted since it was listed.
async fn state(round: &Round<'_>, function: &FoundNode) -> Result<Option<Found>, SourceFailure> {
    let name = &function.name;
    let call = round.session.lambda().get_function_configuration();
    let call = call.function_name(name).send();
    let answer = match round.ask("GetFunctionConfiguration", name, call).await {
        Err(failure) if failure.code.as_deref() == Some("ResourceNotFoundException") => {
            return Ok(None);
        }
        answer => answer?,
    };
    let mut facts = Facts::default();
    let state = answer.state.as_ref().map(|state| state.as_str());
    facts.set_some(Fact::StateWord, state);
    facts.set_some(Fact::Reason, said(answer.state_reason.as_deref()));
    let update = answer.last_update_status.as_ref();
    facts.set_some(Fact::LastUpdateStatus, update.map(|status| status.as_str()));
    Ok(Some(Found::Readings(round.readings(&function.id, facts))))
}

/// `None` when the function was deleted since it was listed.
async fn concurrency(
    round: &Round<'_>,
    function: &FoundNode,
) -> Result<Option<Found>, SourceFailure> {
    let name = &function.name;
    let call = round
        .session
        .lambda()
        .get_function_concurrency()
        .function_name(name);
    let answer = match round.ask("GetFunctionConcurrency", name, call.send()).await {
        Err(failure) if failure.code.as_deref() == Some("ResourceNotFoundException") => {
            return Ok(None);
        }
        answer => answer?,
    };
    let Some(reserved) = answer.reserved_concurrent_executions else {
        return Ok(None);
    };
    let mut facts = Facts::default();
    facts.set(Fact::ReservedConcurrency, reserved);
    Ok(Some(Found::Readings(round.readings(&function.id, facts))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_modified_is_read_with_and_without_a_colon_in_the_offset() {
        let at = Timestamp::parse("2026-11-22T02:41:00Z");
        assert_eq!(modified("2026-11-22T02:41:00.000+0000"), at);
        assert_eq!(modified("2026-11-22T03:41:00.000+0100"), at);
        assert_eq!(modified("2026-11-22T02:41:00Z"), at);
        assert_eq!(modified(""), None);
        assert_eq!(modified("äöü+0000"), None);
    }

    #[test]
    fn what_is_wanted_of_a_mapping_follows_from_its_state() {
        assert_eq!(is_wanted("Enabling"), Some(true));
        assert_eq!(is_wanted("Disabled"), Some(false));
        assert_eq!(is_wanted("Updating"), None);
    }
}
