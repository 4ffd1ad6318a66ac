//! Builds findings, so that every check says its value, limit, source and age the same way.

use crate::origin::Origin;
use crate::plan::{Finding, Outcome, Severity};
use model::SourceId;

/// The source of a check that rests on no reading of its own: the request's settings, the stack
/// file, the picture the plan was made of.
pub(crate) const REQUEST: &str = "plan";

/// What a check found out, before it is worded.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    /// The observed value in words.
    pub(crate) value: String,
    pub(crate) origin: Option<Origin>,
}

impl Answer {
    /// `holds` when the origin can be believed; unknown when it cannot, or when nothing was read.
    pub(crate) fn of(origin: Origin, holds: Option<bool>, value: impl Into<String>) -> Self {
        let outcome = match holds {
            Some(true) if origin.believed => Outcome::Pass,
            Some(false) if origin.believed => Outcome::Fail,
            Some(_) | None => Outcome::Unknown,
        };
        Self {
            outcome,
            value: value.into(),
            origin: Some(origin),
        }
    }

    /// An answer that rests on no reading (a setting, the shape of the request).
    pub(crate) fn given(holds: bool, value: impl Into<String>) -> Self {
        let outcome = if holds { Outcome::Pass } else { Outcome::Fail };
        Self {
            outcome,
            value: value.into(),
            origin: None,
        }
    }

    /// Nothing is known.
    pub(crate) fn unknown(value: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Unknown,
            value: value.into(),
            origin: None,
        }
    }
}

/// The worst of several answers: a failure, else what is unknown, else the first.
pub(crate) fn worst(mut answers: Vec<Answer>) -> Option<Answer> {
    let rank = |outcome: Outcome| match outcome {
        Outcome::Fail => 0,
        Outcome::Unknown => 1,
        Outcome::Pass => 2,
    };
    answers.sort_by_key(|answer| rank(answer.outcome));
    answers.into_iter().next()
}

/// The texts of a check: its sentence when it passes, fails and is unknown, and what to do.
pub(crate) struct Words {
    pub(crate) pass: String,
    pub(crate) fail: String,
    pub(crate) unknown: String,
    pub(crate) threshold: &'static str,
    pub(crate) next: &'static str,
}

/// What is not known, and why where that can be said.
fn because(unknown: String, origin: Option<&Origin>) -> String {
    match origin.and_then(|origin| origin.silence.as_deref()) {
        Some(why) => format!("{}, because {why}.", unknown.trim_end_matches('.')),
        None => unknown,
    }
}

pub(crate) fn finding(
    id: &'static str,
    severity: Severity,
    answer: Answer,
    words: Words,
) -> Finding {
    let (sentence, next) = match answer.outcome {
        Outcome::Pass => (words.pass, None),
        Outcome::Fail => (words.fail, Some(words.next)),
        Outcome::Unknown => (
            because(words.unknown, answer.origin.as_ref()),
            Some(words.next),
        ),
    };
    Finding {
        id: id.into(),
        severity,
        outcome: answer.outcome,
        sentence,
        value: answer.value,
        threshold: words.threshold.to_owned(),
        age: Some(answer.origin.as_ref().map_or(0.0, |origin| origin.age)),
        source: Some(match answer.origin {
            Some(origin) => origin.source,
            None => SourceId::new(REQUEST),
        }),
        next_step: next.filter(|text| !text.is_empty()).map(str::to_owned),
        breakable: false,
    }
}

/// The value of a check that was not made.
pub(crate) const NOT_CHECKED: &str = "not checked";

/// An answer nobody gives here: said, so that green does not mean more than it does.
pub(crate) fn not_checked(id: &'static str, what: &str, fails: &str) -> Finding {
    finding(
        id,
        Severity::Info,
        Answer::given(true, NOT_CHECKED),
        Words {
            pass: format!("Not checked: {what}. {fails}"),
            fail: String::new(),
            unknown: String::new(),
            threshold: "not read here",
            next: "",
        },
    )
}
