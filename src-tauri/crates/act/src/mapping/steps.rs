//! The hands of a change: Lambda and SQS over the wire, and what their answers mean.
//!
//! The update is made once. When its answer is lost it is recognised by what it set, the state or the
//! concurrency (GetEventSourceMapping): both say the same whoever set them.

use super::call::{MAX, UPDATE};
use super::settings::concurrency_words;
use super::subject::Subject;
use super::{CONCURRENCY, DEPTH, NOTHING_IN_FLIGHT, STATE};
use crate::course::{Answer, Call, Entry, Moment};
use crate::hands::{Hands, not_asked};
use crate::once;
use crate::plan::{ApiCall, Plan};
use crate::receipt::{Figure, RunProgress};
use crate::sequence::{Steps, Took};
use crate::words::{count, thousands};
use async_trait::async_trait;
use aws_sdk_lambda::types::ScalingConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use cloud::{Session, failure};
use model::{Fact, NodeId, Service, SourceFailure, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the call sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sets {
    Enabled(bool),
    Concurrency(Option<i64>),
}

impl Sets {
    fn of(parameters: &BTreeMap<String, Value>) -> Option<Self> {
        if let Some(enabled) = parameters.get("Enabled").and_then(Value::as_bool) {
            return Some(Sets::Enabled(enabled));
        }
        Some(Sets::Concurrency(parameters.get(MAX)?.as_i64()))
    }
}

/// What a look shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) state: String,
    /// Why it is in it, in Lambda's words.
    pub(super) reason: String,
    pub(super) concurrency: Option<i64>,
    pub(super) last_modified: Option<String>,
    /// Messages of the queue, where it is read.
    pub(super) visible: Option<i64>,
    pub(super) in_flight: Option<i64>,
}

pub(super) struct ChangeSteps {
    session: Option<Session>,
    node: NodeId,
    uuid: String,
    called: String,
    sets: Option<Sets>,
    queue_url: Option<String>,
    /// As planned: state, concurrency and time of the last change.
    before: (String, String, String),
    /// Messages that waited when the call was made.
    waited: Option<i64>,
    /// When it was made.
    called_at: Option<Timestamp>,
}

/// Lambda says whether a user made the last change or Lambda itself (GetEventSourceMapping,
/// `StateTransitionReason`).
fn by_user(reason: &str) -> bool {
    ["USER_INITIATED", "User action"]
        .iter()
        .any(|word| reason.eq_ignore_ascii_case(word))
}

impl ChangeSteps {
    pub(super) fn new(plan: &Plan, hands: &Hands) -> Self {
        let parameters = plan.calls.first().map(|call| &call.parameters);
        let uuid = parameters.and_then(|all| all.get("UUID")?.as_str());
        let before = |name: &str| {
            let value = plan.before.get(name).and_then(Value::as_str);
            value.unwrap_or("").to_owned()
        };
        let url = plan.before.get("queue_url").and_then(Value::as_str);
        Self {
            session: hands.aws().cloned(),
            node: plan.node.clone(),
            uuid: uuid.unwrap_or(&plan.name).to_owned(),
            called: plan.confirm.clone(),
            sets: parameters.and_then(Sets::of),
            queue_url: url.map(ToOwned::to_owned),
            before: (
                before("state"),
                before("max_concurrency"),
                before("last_modified"),
            ),
            waited: None,
            called_at: None,
        }
    }

    async fn mapping(&self, session: &Session) -> Result<Seen, SourceFailure> {
        let call = session.lambda().get_event_source_mapping().uuid(&self.uuid);
        let answer = session
            .ask(
                Service::Lambda,
                "GetEventSourceMapping",
                &self.uuid,
                call.send(),
            )
            .await?;
        let asked = session.asked(Service::Lambda, "GetEventSourceMapping", &self.uuid);
        let modified = answer.last_modified.as_ref();
        let scaling = answer.scaling_config.as_ref();
        Ok(Seen {
            state: answer
                .state
                .ok_or_else(|| failure::incomplete(&asked, "a state"))?,
            reason: answer.state_transition_reason.unwrap_or_default(),
            concurrency: scaling
                .and_then(|scaling| scaling.maximum_concurrency)
                .map(i64::from),
            last_modified: modified
                .and_then(|at| at.to_millis().ok())
                .map(|millis| Timestamp::from_millis(millis).to_string()),
            ..Seen::default()
        })
    }

    /// Visible and in flight.
    async fn queue(&self, session: &Session, url: &str) -> Result<(i64, i64), SourceFailure> {
        let name = url.rsplit('/').next().unwrap_or(url);
        let call = session.sqs().get_queue_attributes().queue_url(url);
        let call = call.set_attribute_names(Some(vec![
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ]));
        let answer = session
            .ask(Service::Sqs, "GetQueueAttributes", name, call.send())
            .await?;
        let attributes = answer.attributes.unwrap_or_default();
        let number = |name| attributes.get(&name).and_then(|text| text.parse().ok());
        let visible = number(QueueAttributeName::ApproximateNumberOfMessages);
        let hidden = number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible);
        visible.zip(hidden).ok_or_else(|| {
            let asked = session.asked(Service::Sqs, "GetQueueAttributes", name);
            failure::incomplete(&asked, "a message count")
        })
    }

    /// How many messages of the queue a second were received, by the newest minute that began after
    /// the call: what was received before says nothing of it.
    fn received(&self, moment: &Moment<'_>) -> Option<f64> {
        let called = self.called_at?;
        let mapping = moment.snapshot.node(&self.node)?;
        let queue = Subject::new(moment.snapshot, mapping).queue?;
        let mut all = queue.series.iter();
        let series = all.find(|series| series.fact == Fact::ReceivedPerSecond)?;
        let points = series.values.iter().enumerate();
        let mut since = points.filter_map(|(n, value)| {
            let after = n as i64 * i64::from(series.step_seconds);
            value.filter(|_| series.start.plus_seconds(after) >= called)
        });
        since.next_back()
    }

    /// Whether the queue is worked on again: a flat depth alone does not show it.
    fn worked_on(&self, seen: &Seen, moment: &Moment<'_>) -> (bool, String) {
        let received = self.received(moment);
        let takes = received.is_some_and(|rate| rate > 0.0);
        let rate = received.map_or_else(
            || "receives since not read yet".to_owned(),
            |rate| format!("{rate:.1} received/s since"),
        );
        match (seen.visible, self.waited) {
            (Some(now), Some(was)) => (
                takes || now == 0 || now < was,
                format!(
                    "{} waiting, {} at the press, {rate}",
                    thousands(now),
                    thousands(was)
                ),
            ),
            (now, _) => (takes || now == Some(0), rate),
        }
    }

    /// Whether the state is where it was asked to be, or on its way there.
    fn towards(enabled: bool, state: &str) -> bool {
        match enabled {
            true => matches!(state, "Enabling" | "Enabled"),
            false => matches!(state, "Disabling" | "Disabled"),
        }
    }
}

#[async_trait]
impl Steps for ChangeSteps {
    type Seen = Seen;

    fn outcome(&self) -> String {
        let name = &self.called;
        match self.sets {
            Some(Sets::Enabled(true)) => format!("{name} takes messages again"),
            Some(Sets::Enabled(false)) => format!("{name} takes no more messages"),
            Some(Sets::Concurrency(max)) => {
                format!("{name} may run {} for it", concurrency_words(max))
            }
            None => format!("{name} is changed"),
        }
    }

    fn learn(&mut self, entry: &Entry) {
        if let Entry::Intent { at, call } = entry {
            self.called_at = Some(*at);
            self.waited = call.saw.get("visible").and_then(Value::as_i64);
        }
    }

    async fn look(&mut self) -> Result<Seen, SourceFailure> {
        let session = self.session.clone().ok_or_else(not_asked)?;
        let mut seen = self.mapping(&session).await?;
        if let Some(url) = &self.queue_url {
            let (visible, in_flight) = self.queue(&session, url).await?;
            seen.visible = Some(visible);
            seen.in_flight = Some(in_flight);
        }
        Ok(seen)
    }

    async fn write(&mut self, call: &Call) -> Answer {
        let Some(session) = &self.session else {
            return Answer::Refused {
                failure: not_asked(),
            };
        };
        let (UPDATE, Some(sets)) = (call.operation.as_str(), Sets::of(&call.parameters)) else {
            return once::no_such_call(call);
        };
        let client = aws_sdk_lambda::Client::new(&session.sdk_for_writes());
        let request = client.update_event_source_mapping().uuid(&self.uuid);
        let request = match sets {
            Sets::Enabled(enabled) => request.enabled(enabled),
            Sets::Concurrency(max) => request.scaling_config(
                ScalingConfig::builder()
                    .set_maximum_concurrency(max.and_then(|max| i32::try_from(max).ok()))
                    .build(),
            ),
        };
        once::aws(
            session,
            Service::Lambda,
            call,
            &self.uuid,
            request.send(),
            |out| {
                let state = out.state().map(|state| ("State".to_owned(), json!(state)));
                state.into_iter().collect()
            },
        )
        .await
    }

    fn saw(&self, _call: &ApiCall, seen: &Seen) -> Value {
        json!({
            "state": seen.state,
            "concurrency": seen.concurrency,
            "visible": seen.visible,
        })
    }

    fn changed(&self, _call: &ApiCall, seen: &Seen) -> Option<String> {
        let (state, concurrency, modified) = &self.before;
        let now = concurrency_words(seen.concurrency);
        let moved = seen.last_modified.as_ref().filter(|at| *at != modified);
        if seen.state == *state && now == *concurrency && moved.is_none() {
            return None;
        }
        Some(format!(
            "The mapping of {} was {state} with {concurrency} at once, and is {} with {now}: somebody else changed it.",
            self.called, seen.state
        ))
    }

    fn took(&self, call: &Call, seen: &Seen) -> Took {
        let was = |name: &str| call.saw.get(name);
        let (yes, no) = match self.sets {
            Some(Sets::Enabled(enabled)) => (
                Self::towards(enabled, &seen.state),
                Self::towards(!enabled, &seen.state),
            ),
            Some(Sets::Concurrency(max)) => (
                seen.concurrency == max,
                was("concurrency").is_some_and(|was| was.as_i64() == seen.concurrency),
            ),
            None => (false, false),
        };
        match (yes, no) {
            (true, _) => Took::Yes,
            (false, true) => Took::No,
            (false, false) => Took::Unclear(format!(
                "The mapping of {} is {} with {} at once.",
                self.called,
                seen.state,
                concurrency_words(seen.concurrency)
            )),
        }
    }

    fn settled(&self, _call: &Call, seen: &Seen) -> bool {
        matches!(seen.state.as_str(), "Enabled" | "Disabled")
    }

    fn progress(&self, seen: &Seen) -> RunProgress {
        let figure = |label: &str, value: String, number: Option<i64>| Figure {
            label: label.to_owned(),
            value,
            number: number.map(|n| n as f64),
            ..Figure::default()
        };
        let mut figures = vec![figure("Mapping", seen.state.clone(), None)];
        if let (Some(visible), Some(in_flight)) = (seen.visible, seen.in_flight) {
            figures.push(figure("Waiting", thousands(visible), Some(visible)));
            figures.push(figure("In flight", thousands(in_flight), Some(in_flight)));
        }
        RunProgress {
            figures,
            ..RunProgress::default()
        }
    }

    fn judge(&self, id: &str, seen: &Seen, moment: &Moment<'_>) -> (bool, String) {
        let state = || match seen.reason.as_str() {
            "" => seen.state.clone(),
            reason if !by_user(reason) => {
                format!("{}, but not by a user: {reason}", seen.state)
            }
            reason => format!("{} ({reason})", seen.state),
        };
        match (id, self.sets) {
            (STATE, Some(Sets::Enabled(enabled))) => {
                let wanted = if enabled { "Enabled" } else { "Disabled" };
                (seen.state == wanted, state())
            }
            (CONCURRENCY, Some(Sets::Concurrency(max))) => (
                seen.concurrency == max && seen.state != "Updating",
                concurrency_words(seen.concurrency),
            ),
            (NOTHING_IN_FLIGHT, _) => match seen.in_flight {
                Some(flying) => (flying == 0, count(flying, "message")),
                None => (false, "not known".to_owned()),
            },
            (DEPTH, _) => self.worked_on(seen, moment),
            (other, _) => (false, format!("{other} is not known")),
        }
    }
}
