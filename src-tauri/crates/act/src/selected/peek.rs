//! Looking into a queue: a sample of its messages, grouped by what they have in common.
//!
//! SQS has no look without a trace: a message that is received counts one more receive and is hidden
//! until it is let go (ReceiveMessage, API reference). A peek says so, hides for a short time only and
//! lets every message go at once.

mod cluster;
#[cfg(test)]
mod tests;

use super::edit::{Difference, Edit};
use super::message::Message;
use super::post::{Fate, Post, Sqs, Taken};
use crate::arn;
use crate::redrive::past::key_to_read;
use crate::rights::Right;
use crate::words::{count, span, thousands};
use cloud::Session;
use model::{Fact, Node, NodeId, SourceFailure, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Messages of a sample when nothing is asked.
pub const DEFAULT_SAMPLE: u32 = 30;
/// The largest sample.
pub const MAX_SAMPLE: u32 = 500;
/// Seconds a message is hidden at most.
const HIDE: i32 = 30;
/// Receives in a row that bring nothing before the queue counts as seen through.
const EMPTY: u32 = 2;
/// The most of an example's body that is shown, characters.
const SHOWN: usize = 2_000;
/// Messages of a group whose differences are shown.
const BATCH: usize = 10;

/// What a peek found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Peek {
    /// The queue.
    pub node: NodeId,
    /// Its name.
    pub name: String,
    /// When, platform time.
    pub at: Timestamp,
    /// Messages looked at.
    pub looked: u32,
    /// Messages SQS says it holds, approximately.
    #[ts(type = "number")]
    pub depth: i64,
    /// How much of it was looked at, a sentence.
    pub sentence: String,
    /// What looking did to the queue, sentences.
    pub side_effects: Vec<String>,
    /// Messages that could not be let go: they come back by themselves.
    pub left_hidden: u32,
    /// Groups of like messages, the largest first.
    pub clusters: Vec<Cluster>,
}

/// Messages that have the same signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Cluster {
    /// What they have in common.
    pub signature: Vec<Trait>,
    /// How many of the sample.
    pub count: u32,
    /// Of the sample, 0-100.
    pub percent: f64,
    /// The filter that selects them: `where` of `redrive-selected`.
    #[serde(rename = "where")]
    pub filter: String,
    /// One of them.
    pub example: Example,
    /// What the edit asked for changes in the example.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<Difference>>", optional)]
    pub differences: Vec<Difference>,
    /// Of these, the edit asked for does not fit so many, and why it does not fit the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub unfit: Option<Unfit>,
}

/// Messages an edit does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Unfit {
    /// How many.
    pub count: u32,
    /// Why, of the first, a sentence.
    pub why: String,
}

/// One part of a signature.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS)]
pub struct Trait {
    /// `type`, `error`, `version`, `shape`.
    pub name: String,
    /// Where it stands: `attribute.error`, `$.schemaVersion`.
    pub place: String,
    /// Its value in words.
    pub value: String,
}

/// One message, as far as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Example {
    /// Its id.
    pub id: String,
    /// Its body, cut after 2,000 characters.
    pub body: String,
    /// Its attributes' texts.
    pub attributes: BTreeMap<String, String>,
    /// When it was sent, as SQS says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub sent_at: Option<Timestamp>,
    /// How often it was received, this time included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(type = "number", optional)]
    pub receives: Option<i64>,
}

/// A peek, and the messages it rests on.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What is shown.
    pub peek: Peek,
    /// The messages.
    pub messages: Vec<Message>,
}

/// What a message has in common with others that fail like it, in words.
#[must_use]
pub fn signature(message: &Message) -> String {
    cluster::signature(message)
}

/// What a look into `queue` does to it, before it is done: sentences.
#[must_use]
pub fn side_effects(queue: &Node) -> Vec<String> {
    let mut all = vec![
        "Each message looked at counts one more receive (ApproximateReceiveCount).".to_owned(),
        format!(
            "Each is hidden from consumers while it is looked at, {} at most, then let go.",
            span(f64::from(HIDE))
        ),
    ];
    if let Some(target) = queue.facts.text(Fact::DeadLetterQueue) {
        let receives = queue.facts.count(Fact::MaxReceiveCount);
        let receives = receives.map_or_else(|| "its limit".to_owned(), |n| count(n, "receive"));
        all.push(format!(
            "The queue has a redrive policy of its own: a message beyond {receives} moves on to {target}."
        ));
    }
    if queue.facts.flag(Fact::Fifo) == Some(true) {
        all.push(
            "FIFO: the group of a message looked at is blocked until it is let go.".to_owned(),
        );
    }
    all
}

/// Looks at up to `sample` messages of `queue`, lets them go and groups them; with `edit`, says what
/// it would change.
///
/// # Errors
/// When SQS refuses, or does not answer, before anything was looked at.
pub async fn peek(
    session: &Session,
    queue: &Node,
    sample: u32,
    edit: Option<&Edit>,
) -> Result<Sample, SourceFailure> {
    let post = Sqs::new(session.clone());
    let url = queue.facts.text(Fact::Url).unwrap_or(queue.name.as_str());
    let counts = post.counts(url).await?;
    let (taken, all) = look(&post, url, sample.clamp(1, MAX_SAMPLE)).await?;
    let left = let_go(&post, url, &taken).await;
    let messages: Vec<Message> = taken.into_iter().map(|one| one.message).collect();
    let depth = counts.total().max(messages.len() as i64);
    let peek = Peek {
        node: queue.id.clone(),
        name: queue.name.clone(),
        at: session.clock.now(),
        looked: messages.len() as u32,
        depth,
        sentence: sentence(messages.len(), depth, all),
        side_effects: side_effects(queue),
        left_hidden: left,
        clusters: cluster::clusters(&messages, edit),
    };
    Ok(Sample { peek, messages })
}

fn sentence(looked: usize, depth: i64, all: bool) -> String {
    let looked = looked as i64;
    match (looked, all) {
        (0, _) => "No message could be received.".to_owned(),
        (_, true) => format!("All {} that could be received.", count(looked, "message")),
        (_, false) => format!(
            "A sample: {} of about {}. What is not in it is not known.",
            count(looked, "message"),
            thousands(depth)
        ),
    }
}

/// What looking into a queue needs.
#[must_use]
pub fn rights(queue: &Node) -> Vec<Right> {
    let own = arn::queue(queue);
    let actions = ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"];
    let right = |(action, resource): (&str, String)| Right::Iam {
        action: action.to_owned(),
        resource,
    };
    let actions = actions.map(|action| (action, own.clone()));
    let key = key_to_read(queue).into_iter();
    actions.into_iter().chain(key).map(right).collect()
}

/// The messages, and whether there were no more. A failure after the first ends the look.
async fn look(
    post: &dyn Post,
    url: &str,
    sample: u32,
) -> Result<(Vec<Taken>, bool), SourceFailure> {
    let (mut all, mut seen, mut empty) = (Vec::new(), BTreeSet::new(), 0);
    while empty < EMPTY {
        if all.len() >= sample as usize {
            return Ok((all, false));
        }
        let taken = match post.receive(url, HIDE).await {
            Ok(taken) => taken,
            Err(failure) if all.is_empty() => return Err(failure),
            Err(_) => return Ok((all, false)),
        };
        let before = all.len();
        all.extend(
            taken
                .into_iter()
                .filter(|one| seen.insert(one.message.id.clone())),
        );
        empty = if all.len() > before { 0 } else { empty + 1 };
    }
    Ok((all, true))
}

/// How many could not be let go.
async fn let_go(post: &dyn Post, url: &str, taken: &[Taken]) -> u32 {
    let mut left = 0;
    for batch in taken.chunks(BATCH) {
        let receipts: Vec<String> = batch.iter().map(|one| one.receipt.clone()).collect();
        let fates = post.release(url, &receipts).await;
        left += fates
            .iter()
            .filter(|fate| !matches!(fate, Fate::Done(_)))
            .count() as u32;
    }
    left
}

fn example(message: &Message) -> Example {
    let text = |(name, a): (&String, &super::Attribute)| Some((name.clone(), a.text.clone()?));
    Example {
        id: message.id.clone(),
        body: message.body.chars().take(SHOWN).collect(),
        attributes: message.attributes.iter().filter_map(text).collect(),
        sent_at: message.sent_at().map(Timestamp::from_millis),
        receives: message.receives(),
    }
}
