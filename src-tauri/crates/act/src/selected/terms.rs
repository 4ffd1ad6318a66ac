//! What a run needs of its confirmed plan, read once.

use super::edit::Edit;
use super::filter::Filter;
use super::message::Message;
use super::settings::{From, Settings};
use super::{export, ledger};
use crate::plan::Plan;
use model::Fact;
use serde_json::Value;
use std::path::Path;

/// A request's messages together: less than the limit of any queue (SendMessageBatch: 1 MiB; 256 KiB
/// before August 2025).
pub(crate) const BATCH_BYTES: usize = 262_144;

/// Where the messages come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Received from the queue, deleted once sent.
    Queue,
    /// Out of a file.
    File(Vec<Message>),
}

/// When a queue's own policy moves a message on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Most {
    /// It has no policy.
    Unlimited,
    /// After so many receives.
    Receives(i64),
}

impl Most {
    /// Its name in a plan's `before`.
    pub(crate) const NAME: &str = "destination_max_receives";

    fn read(value: &Value) -> Option<Self> {
        match value.as_i64() {
            Some(most) => Some(Most::Receives(most)),
            None => (value.as_str() == Some("none")).then_some(Most::Unlimited),
        }
    }

    /// As the plan keeps it: a queue whose attributes were read and that dead-letters nowhere has no policy.
    pub(crate) fn told(queue: &model::Node) -> Option<Value> {
        match queue.facts.count(Fact::MaxReceiveCount) {
            Some(most) => Some(most.into()),
            None => {
                let read = queue.facts.get(Fact::VisibilityTimeoutSeconds).is_some()
                    && queue.facts.get(Fact::DeadLetterQueue).is_none();
                read.then(|| "none".into())
            }
        }
    }
}

/// A run's fixed terms.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) name: String,
    pub(crate) node: String,
    pub(crate) source_url: String,
    pub(crate) source_arn: String,
    pub(crate) destination_url: String,
    pub(crate) to: String,
    pub(crate) filter: Filter,
    pub(crate) edit: Option<Edit>,
    pub(crate) limit: Option<i64>,
    pub(crate) rate: i64,
    pub(crate) canary: Option<i64>,
    pub(crate) lanes: i64,
    /// Seconds a message is hidden.
    pub(crate) hide: i32,
    /// The destination is a FIFO queue.
    pub(crate) fifo: bool,
    pub(crate) return_seconds: f64,
    /// When the destination's own policy moves a message on; `None` when that is not known.
    pub(crate) most_receives: Option<Most>,
    pub(crate) source: Source,
    /// Platform time less this machine's, milliseconds.
    pub(crate) skew: i64,
}

impl Terms {
    /// The terms of a plan. `dir` is where ledgers are; without it what comes out of a file has none.
    ///
    /// # Errors
    /// When the plan's settings are no longer read, or its file cannot be read; a sentence.
    pub(crate) fn new(plan: &Plan, dir: Option<&Path>) -> Result<Self, String> {
        let settings = Settings::parse(&plan.settings).map_err(|error| error.to_string())?;
        let text = |name: &str| plan.before.get(name).and_then(Value::as_str).unwrap_or("");
        let number = |name: &str| plan.before.get(name).and_then(Value::as_f64);
        let destination_url = text("destination_url").to_owned();
        Ok(Self {
            name: plan.name.clone(),
            node: plan.node.to_string(),
            source_url: text("queue_url").to_owned(),
            source_arn: text("queue_arn").to_owned(),
            to: destination_url.rsplit('/').next().unwrap_or("").to_owned(),
            fifo: destination_url.ends_with(".fifo"),
            destination_url,
            limit: settings.limit,
            rate: settings.rate,
            canary: settings.canary,
            lanes: settings.lanes,
            hide: number("hidden_seconds").map_or(120, |s| s as i32),
            return_seconds: number("return_seconds").unwrap_or(60.0),
            most_receives: plan.before.get(Most::NAME).and_then(Most::read),
            source: source(&settings.from, dir)?,
            filter: settings.filter,
            edit: settings.edit,
            skew: 0,
        })
    }

    /// Platform time of a moment of this machine, milliseconds.
    pub(crate) const fn platform_millis(&self, at: i64) -> i64 {
        at + self.skew
    }

    /// A deduplication id SQS has not seen, the same every time it is made: at most 128 characters
    /// (SendMessage, "MessageDeduplicationId").
    pub(crate) fn fresh_deduplication(&self, own: &str, id: &str) -> String {
        let tail: String = id
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(32)
            .collect();
        let put_back = match self.source {
            Source::Queue => "",
            Source::File(_) => "back.",
        };
        let head: String = own.chars().take(90).collect();
        format!("{head}.{put_back}{tail}")
    }

    /// By received bodies: whether something is taken out of the queue.
    pub(crate) const fn takes(&self) -> bool {
        matches!(self.source, Source::Queue)
    }
}

fn source(from: &From, dir: Option<&Path>) -> Result<Source, String> {
    let Some(dir) = dir else {
        return Ok(match from {
            From::Queue => Source::Queue,
            From::Ledger(_) | From::Export(_) => Source::File(Vec::new()),
        });
    };
    match from {
        From::Queue => Ok(Source::Queue),
        From::Ledger(run) => {
            let all = ledger::sent_messages(&ledger::file(dir, run));
            all.map(Source::File).map_err(|error| error.to_string())
        }
        From::Export(path) => {
            let all = export::messages(Path::new(path));
            all.map(Source::File).map_err(|error| error.to_string())
        }
    }
}
