//! Whether messages still come: sent to the queue, or moved into it by SQS.
//!
//! `NumberOfMessagesSent` counts what is sent to a dead-letter queue and not what SQS moves there from
//! its source queues after too many receives (SQS Developer Guide, "Available CloudWatch metrics for
//! Amazon SQS"): those show in the depth only.

use crate::finding::{Answer, Words, finding, not_checked};
use crate::origin::Origin;
use crate::plan::{Finding, Outcome, Severity};
use crate::redrive::subject::Subject;
use crate::words::thousands;
use model::{Fact, Node, Scope, Service, Snapshot, Source};

/// The depth of so long is compared, seconds: metrics come two or three minutes late.
const LATELY_SECONDS: f64 = 300.0;
/// With the depth of so long before it. An export hides what is there for a while, so the greatest of
/// each stretch counts.
const BEFORE_SECONDS: f64 = 600.0;

/// What comes during a purge may be deleted unseen.
pub(super) fn producers(subject: &Subject<'_>) -> Finding {
    let name = &subject.dlq.name;
    let sent = subject.dlq.facts.number(Fact::SentPerSecond);
    let depth = Depth::of(subject.snapshot, subject.dlq);
    let grown = depth.map(Depth::grew);
    let comes = match (sent.map(|rate| rate > 0.0), grown) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        (None, _) | (_, None) => None,
    };
    let sent_words = sent.map_or_else(
        || "sent: not read".to_owned(),
        |rate| format!("{} sent a minute", thousands((rate * 60.0).round() as i64)),
    );
    let depth_words = depth.map_or_else(
        || "depth of the last minutes: not read".to_owned(),
        |depth| {
            let (lately, before) = (thousands(depth.lately), thousands(depth.before));
            format!("at most {lately} visible in the last 5 min, {before} in the 10 min before")
        },
    );
    let value = format!("{sent_words}; {depth_words}");
    let answer = Answer::of(origin(subject), comes.map(|comes| !comes), value.clone());
    if answer.outcome == Outcome::Unknown {
        let why = answer.origin.and_then(|origin| origin.silence);
        let why = why.unwrap_or_else(|| "its metrics were not read lately".to_owned());
        return not_checked(
            "purge.producer",
            &format!("whether messages still come into {name} ({why})"),
            "Those that come during the purge may be deleted unseen.",
        );
    }
    finding(
        "purge.producer",
        Severity::Warn,
        answer,
        Words {
            pass: format!(
                "The newest minute read shows nothing sent to {name}, and it did not grow: {depth_words}."
            ),
            fail: format!(
                "Messages come into {name} ({value}): those that come during the purge may be deleted unseen."
            ),
            unknown: String::new(),
            threshold: "nothing sent, and no growth",
            next: "Stop what sends them first, and the consumer of the source queue when it fails.",
        },
    )
}

/// The greatest number of messages to be received, in the last minutes and before them.
#[derive(Clone, Copy, Debug)]
struct Depth {
    lately: i64,
    before: i64,
}

impl Depth {
    /// Beyond what counts, which are approximate, differ by of themselves.
    fn grew(self) -> bool {
        self.lately > self.before + (self.before / 1_000).max(2)
    }

    /// `None` when the metrics do not tell both.
    fn of(snapshot: &Snapshot, queue: &Node) -> Option<Self> {
        let fact = Fact::MessagesVisible;
        let series = queue.series.iter().find(|series| series.fact == fact)?;
        let most = |from: f64, to: f64| {
            let points = series.values.iter().enumerate();
            let within = points.filter_map(|(n, value)| {
                let at = series
                    .start
                    .plus_seconds(n as i64 * i64::from(series.step_seconds));
                let age = snapshot.taken_at.seconds_since(at);
                value.filter(|_| from <= age && age < to)
            });
            within.reduce(f64::max).map(|most| most.round() as i64)
        };
        let lately = most(0.0, LATELY_SECONDS)?;
        // A queue that was inactive has no points: it was empty then (the same guide).
        let before = match most(LATELY_SECONDS, LATELY_SECONDS + BEFORE_SECONDS) {
            Some(before) => before,
            None => most(LATELY_SECONDS, f64::MAX).is_none().then_some(0)?,
        };
        Some(Self {
            lately: lately.max(queue.facts.count(fact).unwrap_or(0)),
            before,
        })
    }
}

/// The reading of the queue's metrics, also where it said nothing of this queue.
fn origin(subject: &Subject<'_>) -> Origin {
    let queue = subject.dlq;
    let told = [Fact::SentPerSecond, Fact::OldestAgeSeconds];
    let told = told
        .into_iter()
        .find(|fact| queue.facts.get(*fact).is_some() && queue.fact_origins.contains_key(fact));
    let scope = Scope {
        account: queue.scope.account.clone(),
        region: queue.scope.region.clone(),
        ..Scope::default()
    };
    let id = Source::new(Service::CloudWatch, scope, "queue-metrics").id;
    let mut sources = subject.snapshot.sources.iter();
    let status = sources.find(|status| status.source.id == id);
    match (told, status) {
        (Some(fact), _) => subject.origin(queue, fact),
        (None, Some(status)) => Origin {
            silence: Some(match &status.error {
                Some(error) => error.trim_end_matches('.').to_owned(),
                None => "its metrics say nothing of it".to_owned(),
            }),
            ..Origin::of_source(subject.snapshot, status)
        },
        (None, None) => subject.origin(queue, Fact::SentPerSecond),
    }
}
