//! The one call of a purge, and how it is seen that it took.

use super::{EMPTY, PURGE};
use crate::course::{Answer, Call, Moment};
use crate::hands::{Hands, not_asked};
use crate::once;
use crate::plan::{ApiCall, Plan};
use crate::receipt::RunProgress;
use crate::redrive::{Counts, Mover, Sqs};
use crate::sequence::{Steps, Took};
use crate::shelf;
use crate::words::{count, thousands};
use async_trait::async_trait;
use cloud::Session;
use model::{Service, SourceFailure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a look shows.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    counts: Counts,
    /// The status of a move task that is active.
    moving: Option<String>,
}

pub(super) struct Purging {
    name: String,
    node: String,
    url: String,
    arn: String,
    /// Messages when it was planned.
    planned: i64,
    session: Option<Session>,
    reads: Option<Sqs>,
    runs: Option<PathBuf>,
}

impl Purging {
    pub(super) fn new(plan: &Plan, hands: &Hands) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").to_owned();
        let call = plan.calls.first();
        Self {
            name: plan.name.clone(),
            node: plan.node.to_string(),
            url: text(call.and_then(|call| call.parameters.get("QueueUrl"))),
            arn: text(plan.before.get("queue_arn")),
            planned: plan.blast.messages.unwrap_or(0),
            reads: hands.aws().map(|session| Sqs::new(session.clone())),
            session: hands.aws().cloned(),
            runs: hands.runs().map(ToOwned::to_owned),
        }
    }
}

#[async_trait]
impl Steps for Purging {
    type Seen = Seen;

    fn outcome(&self) -> String {
        format!("{} is empty", self.name)
    }

    async fn look(&mut self) -> Result<Seen, SourceFailure> {
        let reads = self.reads.as_ref().ok_or_else(not_asked)?;
        let counts = reads.counts(&self.url).await?;
        let tasks = reads.tasks(&self.arn).await?;
        let active = tasks.into_iter().find(crate::redrive::Task::active);
        Ok(Seen {
            counts,
            moving: active.map(|task| task.status),
        })
    }

    async fn write(&mut self, call: &Call) -> Answer {
        let Some(session) = &self.session else {
            return Answer::Refused {
                failure: not_asked(),
            };
        };
        if call.operation != PURGE {
            return once::no_such_call(call);
        }
        if let Some(runs) = &self.runs {
            // SQS itself refuses a second purge within a minute: that it is kept only spares asking.
            let _ = shelf::keep_purge(runs, &self.node, session.clock.now());
        }
        let client = aws_sdk_sqs::Client::new(&session.sdk_for_writes());
        let request = client.purge_queue().queue_url(&self.url).send();
        once::aws(session, Service::Sqs, call, &self.name, request, |_| {
            BTreeMap::new()
        })
        .await
    }

    fn saw(&self, _call: &ApiCall, seen: &Seen) -> Value {
        json!({ "messages": seen.counts.total() })
    }

    fn changed(&self, _call: &ApiCall, seen: &Seen) -> Option<String> {
        if let Some(status) = &seen.moving {
            return Some(format!("A move task is {status} on {}.", self.name));
        }
        let (now, planned) = (seen.counts.total(), self.planned);
        let more = now > planned + (planned / 20).max(10);
        more.then(|| {
            format!(
                "{} holds {} now, {} when it was planned.",
                self.name,
                count(now, "message"),
                thousands(planned)
            )
        })
    }

    fn took(&self, call: &Call, seen: &Seen) -> Took {
        let before = call
            .saw
            .get("messages")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        match seen.counts.total() {
            0 => Took::Yes,
            now if now < before => Took::Unclear(format!(
                "{} holds {}, {} before.",
                self.name,
                count(now, "message"),
                thousands(before)
            )),
            _ => Took::No,
        }
    }

    fn progress(&self, seen: &Seen) -> RunProgress {
        let left = seen.counts.total();
        RunProgress {
            moved: (self.planned - left).max(0),
            to_move: self.planned,
            counted: "messages deleted".to_owned(),
            dlq_depth: Some(left),
            ..RunProgress::default()
        }
    }

    fn judge(&self, id: &str, seen: &Seen, _moment: &Moment<'_>) -> (bool, String) {
        let left = seen.counts.total();
        match id {
            EMPTY => (left == 0, count(left, "message")),
            other => (
                false,
                format!("{other} is not a predicate this version knows"),
            ),
        }
    }
}
