//! The checks of a redrive about whoever consumes at the destination: moving messages to a consumer
//! that still fails only fills the dead-letter queue again.

use super::change;
use super::consumer::Consumer;
use super::settings::Settings;
use super::subject::Subject;
use crate::finding::{Answer, Words, finding, worst};
use crate::origin::Origin;
use crate::plan::{Finding, Outcome, Plan, Severity};
use crate::words::{count, list, percent};
use crate::workload::near;
use model::{Fact, Kind, Level, Node, NodeId, Series, Snapshot};

/// Errors above this share of calls say the consumer is failing (guards.md §6).
pub(crate) const ERROR_LIMIT_PERCENT: f64 = 5.0;

pub(crate) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let outside: Vec<&str> = external(subject);
    let mut all = Vec::new();
    if !outside.is_empty() {
        all.push(consumer_external(&outside));
    }
    if outside.len() < subject.destinations.len() || subject.destinations.is_empty() {
        all.extend([
            found(subject),
            enabled(subject),
            errors(subject),
            ready(subject),
        ]);
    }
    all.push(change::finding(subject));
    all
}

/// Destinations whose consumer the stack file puts outside what can be seen.
pub(crate) fn external<'a>(subject: &Subject<'a>) -> Vec<&'a str> {
    let marked = |q: &&&Node| q.facts.flag(Fact::ConsumerExternal) == Some(true);
    subject
        .destinations
        .iter()
        .filter(marked)
        .map(|q| q.name.as_str())
        .collect()
}

/// The consumers to check, with the queue each takes from.
pub(super) fn seen<'s, 'a>(
    subject: &'s Subject<'a>,
) -> impl Iterator<Item = (&'a Node, &'s Consumer<'a>)> {
    subject
        .consumers
        .iter()
        .filter(|(queue, _)| queue.facts.flag(Fact::ConsumerExternal) != Some(true))
        .flat_map(|(queue, consumers)| consumers.iter().map(move |c| (*queue, c)))
}

pub(super) fn names(subject: &Subject<'_>) -> String {
    let mut names: Vec<&str> = seen(subject).map(|(_, consumer)| consumer.name()).collect();
    names.dedup();
    if names.is_empty() {
        "The consumer".to_owned()
    } else {
        list(&names)
    }
}

fn consumer_external(outside: &[&str]) -> Finding {
    finding(
        "redrive.consumer-external",
        Severity::Warn,
        Answer::given(false, "external"),
        Words {
            pass: String::new(),
            fail: format!(
                "The consumer of {} is outside what can be seen here: make sure it is well before you press.",
                list(outside)
            ),
            unknown: String::new(),
            threshold: "a consumer that can be seen",
            next: "Ask its owners whether it is consuming without errors.",
        },
    )
}

fn found(subject: &Subject<'_>) -> Finding {
    let lost: Vec<&str> = subject
        .consumers
        .iter()
        .filter(|(queue, all)| {
            queue.facts.flag(Fact::ConsumerExternal) != Some(true)
                && !all.iter().any(|consumer| consumer.runs.is_some())
        })
        .map(|(queue, _)| queue.name.as_str())
        .collect();
    let answer = match (subject.destinations.is_empty(), lost.is_empty()) {
        (true, _) => Answer::unknown("no destination"),
        (false, true) => Answer::given(true, names(subject)),
        (false, false) => Answer::unknown("not found"),
    };
    finding(
        "redrive.consumer-found",
        Severity::Block,
        answer,
        Words {
            pass: format!("{} consumes at the destination.", names(subject)),
            fail: String::new(),
            unknown: format!(
                "Nobody is known to consume {}: no mapping, scaled object or workload leads from it.",
                if lost.is_empty() {
                    "the messages".to_owned()
                } else {
                    list(&lost)
                }
            ),
            threshold: "a consumer that was read",
            next: "When its consumer is elsewhere, say so in the stack file: [[queue]] consumer = \"external\".",
        },
    )
}

fn enabled(subject: &Subject<'_>) -> Finding {
    let answers: Vec<Answer> = seen(subject)
        .filter_map(|(_, c)| enabled_one(subject, c))
        .collect();
    let answer = worst(answers).unwrap_or_else(|| Answer::unknown("no consumer"));
    finding(
        "redrive.consumer-enabled",
        Severity::Block,
        answer.clone(),
        Words {
            pass: format!("{} takes messages ({}).", names(subject), answer.value),
            fail: format!("{} takes no messages: {}.", names(subject), answer.value),
            unknown: format!("Whether {} takes messages is not known.", names(subject)),
            threshold: "enabled and not scaled to nothing",
            next: "Enable the consumer first.",
        },
    )
}

fn enabled_one(subject: &Subject<'_>, consumer: &Consumer<'_>) -> Option<Answer> {
    if let Some(mapping) = consumer.via.filter(|node| node.kind == Kind::Mapping) {
        let state = mapping.facts.text(Fact::StateWord);
        let none = |function: &&Node| function.facts.count(Fact::ReservedConcurrency) == Some(0);
        if let Some(function) = consumer.runs.filter(none) {
            return Some(Answer::of(
                subject.origin(function, Fact::ReservedConcurrency),
                Some(false),
                format!(
                    "{} may not run, its reserved concurrency is 0",
                    function.name
                ),
            ));
        }
        return Some(Answer::of(
            subject.origin(mapping, Fact::StateWord),
            state.map(|word| word == "Enabled"),
            format!("mapping {}", state.unwrap_or("state not read")),
        ));
    }
    let workload = consumer.runs.filter(|node| node.kind != Kind::Function)?;
    let replicas = workload.facts.count(Fact::Replicas);
    let paused = consumer
        .via
        .and_then(|scaler| scaler.facts.flag(Fact::Paused))
        == Some(true);
    let from_zero = consumer.via.is_some() && !paused;
    let value = match (replicas, paused) {
        (Some(0), true) => "its scaler is paused at 0 replicas".to_owned(),
        (Some(n), true) => format!("{n} replicas, scaler paused"),
        (Some(n), false) => format!("{n} replicas"),
        (None, _) => "replicas not read".to_owned(),
    };
    let origin = subject.origin(workload, Fact::Replicas);
    Some(Answer::of(
        origin,
        replicas.map(|n| n > 0 || from_zero),
        value,
    ))
}

fn errors(subject: &Subject<'_>) -> Finding {
    let answers: Vec<Answer> = seen(subject)
        .map(|(q, c)| errors_one(subject, q, c))
        .collect();
    let answer = worst(answers).unwrap_or_else(|| Answer::unknown("no consumer"));
    finding(
        "redrive.consumer-errors",
        Severity::Block,
        answer.clone(),
        Words {
            pass: format!("{} is not failing: {}.", names(subject), answer.value),
            fail: format!(
                "{} is still failing: {}. Messages sent back now would use up their receives and return here.",
                names(subject),
                answer.value
            ),
            unknown: format!("The error rate of {} is not known.", names(subject)),
            threshold: "at most 5 % errors",
            next: "Fix or roll back the consumer first.",
        },
    )
}

fn errors_one(subject: &Subject<'_>, queue: &Node, consumer: &Consumer<'_>) -> Answer {
    let Some(runs) = consumer.runs else {
        return Answer::unknown("not found");
    };
    if let Some(share) = runs.facts.number(Fact::ErrorsPercent) {
        let origin = subject.origin(runs, Fact::ErrorsPercent);
        let value = format!("{} errors", percent(share));
        return Answer::of(origin, Some(share <= ERROR_LIMIT_PERCENT), value);
    }
    if let Some(calls) = runs.facts.number(Fact::InvocationsPerSecond) {
        let origin = subject.origin(runs, Fact::InvocationsPerSecond);
        let idle = calls <= 0.0;
        return Answer::of(origin, idle.then_some(true), "no invocations in the window");
    }
    undeleted(subject, queue, runs)
}

/// Errors of a consumer that reports none: the share of receives of its queue that no delete
/// followed, over the last minutes (`NumberOfMessagesReceived` and `…Deleted`).
fn undeleted(subject: &Subject<'_>, queue: &Node, runs: &Node) -> Answer {
    let received = recent(queue, Fact::ReceivedPerSecond);
    let deleted = recent(queue, Fact::DeletedPerSecond);
    let origin = subject.origin(queue, Fact::ReceivedPerSecond);
    match (received, deleted) {
        (Some(received), deleted) if received > 0.0 => {
            let share = (100.0 * (1.0 - deleted.unwrap_or(0.0) / received)).clamp(0.0, 100.0);
            let value = format!(
                "{} of receives were not followed by a delete",
                percent(share)
            );
            Answer::of(origin, Some(share <= ERROR_LIMIT_PERCENT), value)
        }
        (Some(_), _) => Answer::of(origin, Some(true), "nothing received in the window"),
        (None, _) if metrics_read(queue) || runs.kind != Kind::Function => quiet(subject, queue),
        (None, _) => Answer::unknown("not read"),
    }
}

/// A metric without data for an idle queue is not unknown, when its other metrics were read.
fn quiet(subject: &Subject<'_>, queue: &Node) -> Answer {
    match queue.fact_origins.keys().next() {
        Some(fact) if metrics_read(queue) => Answer::of(
            subject.origin(queue, *fact),
            Some(true),
            "nothing received in the window",
        ),
        Some(_) | None => Answer::unknown("metrics not read"),
    }
}

fn metrics_read(queue: &Node) -> bool {
    queue
        .fact_origins
        .values()
        .any(|origin| origin.source.as_str().starts_with("cloudwatch/"))
}

/// The mean of the last three points, or the fact itself where there is no series.
fn recent(node: &Node, fact: Fact) -> Option<f64> {
    let last: Vec<f64> = series(node, fact)
        .map(|s| s.values.iter().rev().take(3).filter_map(|v| *v).collect())
        .unwrap_or_default();
    if last.is_empty() {
        return node.facts.number(fact);
    }
    Some(last.iter().sum::<f64>() / last.len() as f64)
}

pub(super) fn series(node: &Node, fact: Fact) -> Option<&Series> {
    node.series.iter().find(|s| s.fact == fact)
}

fn ready(subject: &Subject<'_>) -> Finding {
    let answers: Vec<Answer> = seen(subject)
        .filter_map(|(_, c)| ready_one(subject, c))
        .collect();
    let answer = worst(answers).unwrap_or_else(|| Answer::unknown("no consumer"));
    finding(
        "redrive.consumer-ready",
        Severity::Block,
        answer.clone(),
        Words {
            pass: format!("{} is ready ({}).", names(subject), answer.value),
            fail: format!("{} is not ready: {}.", names(subject), answer.value),
            unknown: format!("Whether {} is ready is not known.", names(subject)),
            threshold: "every replica ready, no rollout under way",
            next: "Wait for the rollout, or roll it back.",
        },
    )
}

fn ready_one(subject: &Subject<'_>, consumer: &Consumer<'_>) -> Option<Answer> {
    let runs = consumer.runs?;
    let facts = &runs.facts;
    if runs.kind == Kind::Function {
        return Some(function_ready(subject, runs));
    }
    let origin = subject.origin(runs, Fact::ReplicasReady);
    let Some(replicas) = facts.count(Fact::Replicas) else {
        return Some(Answer::of(origin, None, "not read"));
    };
    let ready = facts.count(Fact::ReplicasReady).unwrap_or(0);
    let rollout = facts.text(Fact::Rollout).unwrap_or("complete");
    let restarts = facts.count(Fact::RestartsRecent).unwrap_or(0);
    let restarting = restarts >= replicas.max(3);
    let ill = ill(subject.snapshot, runs);
    let value = match (rollout, restarting, &ill) {
        ("complete", true, _) => format!("{restarts} restarts in the last 10 minutes"),
        ("complete", false, Some(ill)) if ready >= replicas => ill.clone(),
        ("complete", false, _) => format!("{ready} of {replicas} ready"),
        (word, ..) => format!("{ready} of {replicas} ready, rollout {word}"),
    };
    let holds = ready >= replicas && rollout == "complete" && !restarting && ill.is_none();
    Some(Answer::of(origin, Some(holds), value))
}

/// A function that waits for its next invocation is `Inactive` (Lambda API reference, FunctionConfiguration, State).
fn function_ready(subject: &Subject<'_>, function: &Node) -> Answer {
    let state = function.facts.text(Fact::StateWord);
    let updating = function.facts.text(Fact::LastUpdateStatus) == Some("InProgress");
    let holds = state.map(|word| matches!(word, "Active" | "Inactive") && !updating);
    let value = match (state, updating) {
        (None, _) => "its state was not read".to_owned(),
        (Some(_), true) => "function being updated".to_owned(),
        (Some(state), false) => format!("function {state}"),
    };
    Answer::of(subject.origin(function, Fact::StateWord), holds, value)
}

/// Fewer of a workload's pods than this share, percent, do not make it ill.
const ILL_PODS_PERCENT: usize = 10;

/// What is wrong with the workload's pods by the rules of [`model`]'s health, in words: a pod that
/// ends again and again is Ready between two ends, so the count of ready replicas alone would call
/// the workload ready at every other look.
fn ill(snapshot: &Snapshot, workload: &Node) -> Option<String> {
    let bad = |level: Level| matches!(level, Level::Warning | Level::Critical);
    let pods = near::pods(snapshot, workload);
    let reasons: Vec<&str> = pods
        .iter()
        .filter_map(|pod| pod.health.reasons.iter().find(|reason| bad(reason.level)))
        .map(|reason| reason.sentence.trim_end_matches('.'))
        .collect();
    if reasons.len() * 100 < pods.len() * ILL_PODS_PERCENT {
        return None;
    }
    let first = (*reasons.first()?).to_owned();
    Some(match reasons.len() - 1 {
        0 => first,
        more => format!("{first}, and so on for {}", count(more as i64, "more pod")),
    })
}

/// Whether the consumer can be relied upon now, for the run's own look before the full task and
/// while it verifies: the worst of enabled, errors and ready, or `None` when it is external.
pub(crate) fn verdict(subject: &Subject<'_>) -> Option<(Outcome, String)> {
    if external(subject).len() == subject.destinations.len() {
        return None;
    }
    let checks = [enabled(subject), errors(subject), ready(subject)];
    let answers = checks.into_iter().map(|f| (f.outcome, f.sentence));
    answers.min_by_key(|(outcome, _)| match outcome {
        Outcome::Fail => 0,
        Outcome::Unknown => 1,
        Outcome::Pass => 2,
    })
}

/// The origins the consumer checks rest on, to be read afresh before a press.
pub(crate) fn origins(subject: &Subject<'_>) -> Vec<Origin> {
    let mut all = Vec::new();
    for (queue, consumer) in seen(subject) {
        let nodes = [Some(queue), consumer.via, consumer.runs];
        for node in nodes.into_iter().flatten() {
            all.push(subject.origin(node, Fact::Status));
            for fact in node.fact_origins.keys() {
                all.push(subject.origin(node, *fact));
            }
        }
    }
    all
}

/// The consumer's state now, for a run that only has its plan. `None` when it is external, or when
/// the plan's queue is no longer there to be judged.
pub(crate) fn now(snapshot: &Snapshot, plan: &Plan) -> Option<(Outcome, String)> {
    verdict(&subject_of(snapshot, plan)?)
}

/// Whether the consumer is well now, as a predicate says it: what is external is not judged, and a queue that is not in
/// the picture is not a queue whose consumer is well.
pub(crate) fn well(snapshot: &Snapshot, plan: &Plan) -> (bool, String) {
    judged(subject_of(snapshot, plan).as_ref(), &plan.node)
}

/// The same of any subject; `None` is one that was not found.
pub(crate) fn judged(subject: Option<&Subject<'_>>, node: &NodeId) -> (bool, String) {
    match subject.map(verdict) {
        Some(Some((outcome, sentence))) => (outcome == Outcome::Pass, sentence),
        Some(None) => (true, "external".to_owned()),
        None => (false, format!("{node} is not in the picture now")),
    }
}

/// The errors consumers themselves report, percent, the worst of them; `None` when none does. What
/// is only inferred from the queue's counters is too coarse to stop a run on.
pub(crate) fn reported_errors(snapshot: &Snapshot, plan: &Plan) -> Option<f64> {
    errors_of(&subject_of(snapshot, plan)?)
}

/// As [`reported_errors`], of a subject.
pub(crate) fn errors_of(subject: &Subject<'_>) -> Option<f64> {
    let errors = seen(subject).filter_map(|(_, consumer)| {
        let runs = consumer.runs?;
        let believed = subject.origin(runs, Fact::ErrorsPercent).believed;
        runs.facts.number(Fact::ErrorsPercent).filter(|_| believed)
    });
    errors.reduce(f64::max)
}

fn subject_of<'a>(snapshot: &'a Snapshot, plan: &Plan) -> Option<Subject<'a>> {
    let settings = Settings::parse(&plan.settings).ok()?;
    Subject::new(snapshot, snapshot.node(&plan.node)?, &settings).ok()
}
