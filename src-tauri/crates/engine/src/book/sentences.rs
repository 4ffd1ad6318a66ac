//! What is said of a source that is silent, waiting or old.

use model::{FailureClass, Source, SourceFailure, Timestamp};
use std::time::Duration;

/// What is said of a source that did not answer in time.
pub(crate) fn no_answer(source: &Source, after: Duration) -> SourceFailure {
    SourceFailure {
        class: FailureClass::TimedOut,
        sentence: format!(
            "{}: no answer in {} s.",
            words(source),
            after.as_secs_f64().round()
        ),
        next_step: "It is tried again by itself; check the network between here and this endpoint."
            .to_owned(),
        code: None,
        request_id: None,
    }
}

/// What is said of a source that was not asked, because what it asks about was not found in time.
pub(super) fn kept_waiting(source: &Source, needed: &str, after: Duration) -> SourceFailure {
    let seconds = after.as_secs_f64().round();
    SourceFailure {
        class: FailureClass::TimedOut,
        sentence: format!(
            "{}: no answer in {seconds} s, for it was not asked yet; it waits for {needed}, which did not answer in {seconds} s.",
            words(source)
        ),
        next_step: format!("It is read as soon as they answer or fail; look at {needed} first."),
        code: None,
        request_id: None,
    }
}

/// A source as people say it, e.g. `SQS queues in us-east-1`.
pub(crate) fn words(source: &Source) -> String {
    let place = match (&source.scope.cluster, &source.scope.region) {
        (Some(cluster), _) => format!(" of {cluster}"),
        (None, Some(region)) => format!(" in {region}"),
        (None, None) => match &source.scope.account {
            Some(account) => format!(" of account {account}"),
            None => String::new(),
        },
    };
    format!("{} {}{place}", source.service.label(), source.part)
}

/// Of a source that was not heard for twice the time expected.
pub(super) fn silence(source: &Source, expected: Duration) -> String {
    format!(
        "{}: nothing heard for more than {} s, twice the time expected; what is shown may be old.",
        words(source),
        (expected * 2).as_secs_f64().round()
    )
}

/// Of a source that shows what an earlier run recorded; `awaited` is what its first reading waits for.
pub(super) fn recorded(source: &Source, at: Timestamp, awaited: Option<String>) -> String {
    let (source, next) = (words(source), next(awaited));
    format!("{source}: shown as recorded at {at}; {next}.")
}

/// Of a source that has nothing to show yet.
pub(super) fn unread(source: &Source, awaited: Option<String>) -> String {
    let (source, next) = (words(source), next(awaited));
    format!("{source}: not read yet; {next}.")
}

fn next(awaited: Option<String>) -> String {
    match awaited {
        Some(needed) => format!("the first reading waits for {needed}"),
        None => "the first reading is under way".to_owned(),
    }
}
