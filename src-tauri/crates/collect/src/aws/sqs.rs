//! SQS: queues, and which is whose dead-letter queue.
//!
//! Attribute names: API reference, GetQueueAttributes. Depths are approximate by SQS's own
//! definition.

mod redrive;

pub use redrive::{DeadLetterSources, MoveTasks};

use crate::aws::text::{arn_tail, count, said, time};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round, each};
use async_trait::async_trait;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use aws_smithy_types::DateTime;
use cloud::Session;
use model::{Fact, Facts, Found, FoundNode, Kind, Name, Relation, Service, SourceFailure};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Queues with their attributes, and the pairing their redrive policies declare.
pub struct Queues;

#[async_trait]
impl Collector for Queues {
    fn service(&self) -> Service {
        Service::Sqs
    }

    fn part(&self) -> &'static str {
        "queues"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    /// One request per queue and reading, and its counts settle only about a minute after the
    /// producers stop (API reference, GetQueueAttributes): four readings in that minute are enough
    /// when calm. On the failing path it is every 5 s.
    fn period(&self) -> Duration {
        Duration::from_secs(15)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Sqs);
        let outcome = queues(&round).await;
        round.end(outcome)
    }
}

async fn queues(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let urls = queue_urls(round).await?;
    let mut nodes: Vec<FoundNode> = each(&urls, |url| queue(round, url))
        .await
        .into_iter()
        .flatten()
        .collect();
    mark_dead_letter_queues(&mut nodes);
    Ok(nodes
        .into_iter()
        .map(|node| Found::Node(Box::new(node)))
        .collect())
}

async fn queue_urls(round: &Round<'_>) -> Result<Vec<String>, SourceFailure> {
    let sqs = round.session.sqs();
    Ok(all_pages!(
        round,
        "ListQueues",
        |mark| {
            let call = sqs.list_queues().max_results(1000).set_next_token(mark.clone());
            round.ask("ListQueues", "", call.send()).await?
        },
        page => (page.queue_urls.unwrap_or_default(), page.next_token)
    ))
}

/// One queue. When only its attributes cannot be read it is there all the same, with the reason;
/// `None` when it was deleted since it was listed, or its URL is none.
async fn queue(round: &Round<'_>, url: &str) -> Option<FoundNode> {
    let name = url.rsplit('/').next().filter(|name| !name.is_empty());
    let name = round.take(name)?;
    let mut node = round.node(Kind::Queue, name);
    node.known_as.push(Name::QueueUrl(url.into()));
    node.facts.set(Fact::Url, url);
    node.facts.set(Fact::Fifo, name.ends_with(".fifo"));
    let call = round.session.sqs().get_queue_attributes().queue_url(url);
    let call = call.attribute_names(Attribute::All).send();
    match round.ask("GetQueueAttributes", name, call).await {
        Ok(answer) => describe(&mut node, &answer.attributes.unwrap_or_default()),
        Err(failure) if is_gone(&failure) => return None,
        Err(failure) => node.failure = Some(failure),
    }
    Some(node)
}

/// API reference, GetQueueAttributes, Errors.
fn is_gone(failure: &SourceFailure) -> bool {
    matches!(
        failure.code.as_deref(),
        Some("AWS.SimpleQueueService.NonExistentQueue" | "QueueDoesNotExist")
    )
}

fn describe(node: &mut FoundNode, attributes: &HashMap<Attribute, String>) {
    depths_and_clocks(&mut node.facts, attributes);
    nature(&mut node.facts, attributes);
    if let Some(arn) = attributes.get(&Attribute::QueueArn) {
        node.facts.set(Fact::Arn, arn.as_str());
        node.known_as.push(Name::Arn(arn.as_str().into()));
    }
    if let Some(policy) = attributes.get(&Attribute::RedrivePolicy) {
        dead_letters_to(node, policy);
    }
}

fn depths_and_clocks(facts: &mut Facts, attributes: &HashMap<Attribute, String>) {
    let number = |attribute: &Attribute| count(attributes.get(attribute));
    facts.set_some(
        Fact::MessagesVisible,
        number(&Attribute::ApproximateNumberOfMessages),
    );
    facts.set_some(
        Fact::MessagesNotVisible,
        number(&Attribute::ApproximateNumberOfMessagesNotVisible),
    );
    facts.set_some(
        Fact::MessagesDelayed,
        number(&Attribute::ApproximateNumberOfMessagesDelayed),
    );
    facts.set_some(
        Fact::RetentionSeconds,
        number(&Attribute::MessageRetentionPeriod),
    );
    facts.set_some(
        Fact::VisibilityTimeoutSeconds,
        number(&Attribute::VisibilityTimeout),
    );
    facts.set_some(
        Fact::MaximumMessageSizeBytes,
        number(&Attribute::MaximumMessageSize),
    );
    let created = number(&Attribute::CreatedTimestamp).map(DateTime::from_secs);
    facts.set_some(Fact::CreatedAt, created.as_ref().and_then(time));
    facts.set_some(Fact::DelaySeconds, number(&Attribute::DelaySeconds));
}

/// What it is: encryption, deduplication, who may dead-letter to it.
fn nature(facts: &mut Facts, attributes: &HashMap<Attribute, String>) {
    facts.set(Fact::Encrypted, is_encrypted(attributes));
    let words = |attribute: &Attribute| said(attributes.get(attribute).map(String::as_str));
    facts.set_some(Fact::KmsKey, words(&Attribute::KmsMasterKeyId));
    let by_body = words(&Attribute::ContentBasedDeduplication);
    facts.set_some(
        Fact::ContentBasedDeduplication,
        by_body.map(|on| on == "true"),
    );
    let allow = words(&Attribute::RedriveAllowPolicy);
    facts.set_some(Fact::RedrivePermission, allow.and_then(redrive_permission));
}

/// `{"redrivePermission": …}` (SetQueueAttributes, RedriveAllowPolicy).
fn redrive_permission(policy: &str) -> Option<String> {
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    policy["redrivePermission"].as_str().map(str::to_owned)
}

/// SSE-SQS or a KMS key.
fn is_encrypted(attributes: &HashMap<Attribute, String>) -> bool {
    let managed = attributes.get(&Attribute::SqsManagedSseEnabled);
    let key = attributes.get(&Attribute::KmsMasterKeyId);
    managed.is_some_and(|on| on == "true") || key.is_some_and(|key| !key.is_empty())
}

/// `{"deadLetterTargetArn": …, "maxReceiveCount": …}`, the count as a number or as text
/// (SetQueueAttributes, RedrivePolicy).
fn dead_letters_to(node: &mut FoundNode, policy: &str) {
    let Ok(policy) = serde_json::from_str::<serde_json::Value>(policy) else {
        return;
    };
    let limit = &policy["maxReceiveCount"];
    let limit = limit.as_i64().or_else(|| limit.as_str()?.parse().ok());
    node.facts.set_some(Fact::MaxReceiveCount, limit);
    if let Some(arn) = policy["deadLetterTargetArn"].as_str() {
        node.facts.set(Fact::DeadLetterQueue, arn_tail(arn));
        node.tie_to(
            Relation::DeadLetters,
            Name::Arn(arn.into()),
            "redrive policy of the queue",
        );
    }
}

/// A queue is a dead-letter queue when a redrive policy of the same account and region names it.
fn mark_dead_letter_queues(nodes: &mut [FoundNode]) {
    let mut sources: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in nodes.iter() {
        for tie in &node.ties {
            if let (Relation::DeadLetters, Name::Arn(arn)) = (tie.relation, &tie.other) {
                sources
                    .entry(arn.to_string())
                    .or_default()
                    .push(node.name.clone());
            }
        }
    }
    for node in nodes {
        let arn = node.facts.text(Fact::Arn);
        if let Some(names) = arn.and_then(|arn| sources.get(arn)) {
            node.facts.set(Fact::IsDeadLetterQueue, true);
            node.facts.set(Fact::SourceQueues, names.join(", "));
        } else if node.failure.is_none() {
            node.facts.set(Fact::IsDeadLetterQueue, false);
        }
    }
}
