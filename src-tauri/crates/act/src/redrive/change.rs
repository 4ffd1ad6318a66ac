//! Whether anything changed at the consumer since the first message arrived: a rollout, or errors
//! that came back down. What failed then would otherwise fail again.

use super::health::{ERROR_LIMIT_PERCENT, external, names, seen, series};
use super::subject::Subject;
use crate::finding::{Answer, Words, finding as make};
use crate::plan::{Finding, Severity};
use crate::words::{clock, percent};
use crate::workload::near;
use model::{ChangeKind, Fact, Kind, Node, Relation, Series, Timestamp};

/// What changed at a consumer after a time.
struct Since {
    at: Timestamp,
    what: String,
}

pub(super) fn finding(subject: &Subject<'_>) -> Finding {
    let first = subject.first_arrival();
    let origin = first.map(|(_, fact)| subject.origin(subject.dlq, fact));
    let outside = !external(subject).is_empty();
    let latest = subject.latest_first_arrival();
    let since = latest.and_then(|at| change_since(subject, at));
    let blind = !seen(subject).any(|(_, consumer)| consumer.runs.is_some());
    let empty = subject.visible() == Some(0);
    let answer = match (origin, first, &since) {
        // Nothing waits: `redrive.not-empty` says so, and there is nothing that could fail again.
        (_, _, None) if empty => Answer::given(true, "nothing waits"),
        (Some(origin), Some((at, _)), None) if blind => {
            Answer::of(origin, None, format!("first message {}", clock(at)))
        }
        (Some(origin), Some((at, _)), None) => {
            Answer::of(origin, Some(false), format!("nothing since {}", clock(at)))
        }
        (Some(origin), Some(_), Some(since)) => Answer::of(
            origin,
            Some(true),
            format!("{} at {}", since.what, clock(since.at)),
        ),
        (_, _, _) => Answer::unknown("arrival of the first message not known"),
    };
    let arrived = first.map_or_else(|| "an unknown time".to_owned(), |(at, _)| clock(at));
    let severity = if outside {
        Severity::Warn
    } else {
        Severity::Block
    };
    make(
        "redrive.changed-since-arrival",
        severity,
        answer.clone(),
        Words {
            pass: match &since {
                None => "No message waits that could fail again.".to_owned(),
                Some(_) => format!(
                    "Something changed since the first message arrived at {arrived}: {}.",
                    answer.value
                ),
            },
            fail: format!(
                "{} has had no rollout and no recovery since the first message arrived at {arrived}: what failed then would fail again.",
                names(subject)
            ),
            unknown: "Whether anything changed since the first message arrived is not known."
                .to_owned(),
            threshold: "a rollout or a recovery after the first arrival",
            next: "Roll out a fix or roll back, then redrive.",
        },
    )
}

fn change_since(subject: &Subject<'_>, first: Timestamp) -> Option<Since> {
    seen(subject)
        .filter_map(|(queue, consumer)| Some((queue, consumer.runs?)))
        .filter_map(|(queue, runs)| {
            rollout_since(subject, runs, first).or_else(|| recovery_since(queue, runs, first))
        })
        .max_by_key(|since| since.at)
}

fn rollout_since(subject: &Subject<'_>, runs: &Node, first: Timestamp) -> Option<Since> {
    let facts = &runs.facts;
    let rolled = facts.time(Fact::RolloutStartedAt);
    let modified = facts
        .time(Fact::LastModified)
        .filter(|_| runs.kind == Kind::Function);
    let revision = facts
        .count(Fact::Revision)
        .map_or(String::new(), |n| format!(" of revision {n}"));
    let deployed = subject
        .snapshot
        .changes
        .iter()
        .filter(|c| c.kind == ChangeKind::Deploy && concerns(subject, runs, c.node.as_str()))
        .map(|c| c.at)
        .max();
    let renewed = pods_renewed(subject, runs);
    [
        (rolled, format!("rollout{revision}")),
        (deployed, "deployment".to_owned()),
        (modified, "new version of the function".to_owned()),
        (renewed, "all its pods are newer".to_owned()),
    ]
    .into_iter()
    .filter_map(|(at, what)| {
        Some(Since {
            at: at.filter(|at| *at > first)?,
            what,
        })
    })
    .max_by_key(|since| since.at)
}

/// A deploy is reported on the workload or on one of the replica sets it owns.
fn concerns(subject: &Subject<'_>, runs: &Node, node: &str) -> bool {
    node == runs.id.as_str()
        || subject.snapshot.edges.iter().any(|edge| {
            edge.relation == Relation::Owns && edge.from == runs.id && edge.to.as_str() == node
        })
}

/// The start of the oldest pod: a roll-back reuses an old replica set, so its age says nothing, but
/// no pod of the failing revision is left once all pods are newer.
fn pods_renewed(subject: &Subject<'_>, runs: &Node) -> Option<Timestamp> {
    let running = |pod: &&Node| pod.facts.flag(Fact::Terminating) != Some(true);
    let mut starts = Vec::new();
    for pod in near::pods(subject.snapshot, runs)
        .into_iter()
        .filter(running)
    {
        starts.push(
            pod.facts
                .time(Fact::StartedAt)
                .or_else(|| pod.facts.time(Fact::CreatedAt))?,
        );
    }
    starts.into_iter().min()
}

/// The time from which the error rate has been within the limit, having been above it.
fn recovery_since(queue: &Node, runs: &Node, first: Timestamp) -> Option<Since> {
    let errors: Option<Vec<(Timestamp, f64)>> = match series(runs, Fact::ErrorsPercent) {
        Some(errors) => Some(points(errors).collect()),
        None => undeleted_series(queue),
    };
    let errors = errors?;
    let last_bad = errors
        .iter()
        .rposition(|(_, share)| *share > ERROR_LIMIT_PERCENT)?;
    let good = &errors[last_bad + 1..];
    let (at, _) = good.first().filter(|_| good.len() >= 2)?;
    let what = format!("errors back under {}", percent(ERROR_LIMIT_PERCENT));
    (*at > first).then_some(Since { at: *at, what })
}

fn points(series: &Series) -> impl Iterator<Item = (Timestamp, f64)> + '_ {
    let at = |i: usize| {
        series
            .start
            .plus_seconds(i as i64 * i64::from(series.step_seconds))
    };
    let values = series.values.iter().enumerate();
    values.filter_map(move |(i, value)| Some((at(i), (*value)?)))
}

fn undeleted_series(queue: &Node) -> Option<Vec<(Timestamp, f64)>> {
    let received = series(queue, Fact::ReceivedPerSecond)?;
    let deleted: Vec<_> = points(series(queue, Fact::DeletedPerSecond)?).collect();
    let share = |(at, received): (Timestamp, f64)| {
        let deleted = deleted.iter().find(|(t, _)| *t == at)?.1;
        (received > 0.0).then(|| (at, 100.0 * (1.0 - deleted / received).max(0.0)))
    };
    Some(points(received).filter_map(share).collect())
}
