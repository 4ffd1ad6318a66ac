//! Functions and the mappings that feed them.
//!
//! Mapping states: [EventSourceMappingConfiguration](https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html).

use super::{Rule, Subject, Verdict, graded, say};
use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::Level;
use crate::kind::Kind;
use crate::words;

pub(super) const RULES: &[Rule] = &[
    Rule::new("function.errors", &[Kind::Function], errors),
    Rule::new("function.throttled", &[Kind::Function], throttled),
    Rule::new("function.state", &[Kind::Function], state),
    Rule::new("mapping.disabled", &[Kind::Mapping], disabled),
    Rule::new("mapping.changing", &[Kind::Mapping], changing),
    Rule::new("mapping.problem", &[Kind::Mapping], problem),
];

fn errors(subject: &Subject<'_>) -> Option<Verdict> {
    let share = subject.number(Fact::ErrorsPercent)?;
    let limits = subject.limits();
    let (warning, critical) = (
        limits.function_errors_warning_percent,
        limits.function_errors_critical_percent,
    );
    if share <= warning {
        return None;
    }
    let level = graded(share, warning, critical)?;
    let (share, limit) = (words::measure(share), words::measure(warning));
    let sentence = format!("{} fails {share} % of its invocations.", subject.name());
    let text = format!("errors {share} % (limit {limit} %)");
    say(level, sentence, subject.evidence(Fact::ErrorsPercent, text))
}

/// Throttled, and by what: its own reservation, the mapping's or the account's limit.
fn throttled(subject: &Subject<'_>) -> Option<Verdict> {
    let rate = subject
        .number(Fact::ThrottlesPerSecond)
        .filter(|r| *r > 0.0)?;
    let running = subject.number(Fact::ConcurrentExecutions);
    let reserved = subject.number(Fact::ReservedConcurrency);
    let by = match (running, reserved) {
        (_, Some(0.0)) => "its reserved concurrency is 0".to_owned(),
        (Some(running), Some(reserved)) if running >= reserved => {
            format!(
                "it uses all of its {} reserved executions",
                words::thousands(reserved)
            )
        }
        _ => "the account's concurrency is used up".to_owned(),
    };
    let rate = words::measure(rate.max(0.1));
    let sentence = format!("{} is throttled {rate} times/s: {by}.", subject.name());
    let text = format!("{rate} throttles/s (limit 0)");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::ThrottlesPerSecond, text),
    )
}

fn state(subject: &Subject<'_>) -> Option<Verdict> {
    let state = subject.text(Fact::StateWord)?;
    let level = match state {
        // Inactive: idle for weeks, woken by its next invocation.
        "Active" | "Inactive" => return None,
        "Pending" => Level::InTransition,
        _ => Level::Critical,
    };
    let why = subject
        .text(Fact::Reason)
        .map_or(String::new(), |r| format!(": {r}"));
    let sentence = format!("{} is {state}{why}.", subject.name());
    say(
        level,
        sentence,
        subject.evidence(Fact::StateWord, format!("state {state} (wanted Active)")),
    )
}

/// `orders → settle`, from the graph, else from the facts.
fn called(subject: &Subject<'_>) -> String {
    let queue = subject
        .previous(Relation::ConsumedBy)
        .map(|n| n.name.as_str())
        .next();
    let source = subject
        .text(Fact::EventSource)
        .and_then(|arn| arn.rsplit(':').next());
    let function = subject.text(Fact::FunctionName).unwrap_or("its function");
    format!("{} to {function}", queue.or(source).unwrap_or("its source"))
}

fn disabled(subject: &Subject<'_>) -> Option<Verdict> {
    let state = subject.text(Fact::StateWord)?;
    if !matches!(state, "Disabled" | "Disabling") {
        return None;
    }
    let waiting = subject.previous(Relation::ConsumedBy).next();
    let waiting = waiting
        .and_then(|q| q.facts.count(Fact::MessagesVisible))
        .filter(|n| *n > 0);
    let waiting = waiting.map_or(String::new(), |n| {
        format!("; {} wait", words::count(n, "message"))
    });
    let sentence = format!(
        "The mapping from {} is {state}: nothing is delivered{waiting}.",
        called(subject)
    );
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::StateWord, format!("state {state} (wanted Enabled)")),
    )
}

fn changing(subject: &Subject<'_>) -> Option<Verdict> {
    let state = subject.text(Fact::StateWord)?;
    if !matches!(state, "Creating" | "Enabling" | "Updating" | "Deleting") {
        return None;
    }
    let sentence = format!("The mapping from {} is {state}.", called(subject));
    say(
        Level::InTransition,
        sentence,
        subject.evidence(Fact::StateWord, format!("state {state}")),
    )
}

/// Lambda writes `PROBLEM: …` when it could not invoke the function.
fn problem(subject: &Subject<'_>) -> Option<Verdict> {
    let result = subject.text(Fact::LastProcessingResult)?;
    if !result.starts_with("PROBLEM") {
        return None;
    }
    let sentence = format!("The mapping from {} reports {result}.", called(subject));
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::LastProcessingResult, result),
    )
}
