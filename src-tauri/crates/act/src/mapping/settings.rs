//! Settings of a mapping's changes: for how long it is paused, how many may run at once.

use super::subject::Subject;
use crate::action::PlanError;
use crate::setting::{Ask, Setting};
use model::Verb;
use std::collections::BTreeMap;

/// How long a pause lasts when nothing is asked, seconds.
const DEFAULT_PAUSE: i64 = 30 * 60;
/// The longest pause, seconds: half the default retention of a queue is already a long night.
const LONGEST_PAUSE: i64 = 24 * 3_600;
/// A pause without an end is asked after again by then, seconds.
const ASKED_AFTER: i64 = 12 * 3_600;
/// `MaximumConcurrency` of SQS mappings
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_ScalingConfig.html>).
const CONCURRENCY: std::ops::RangeInclusive<i64> = 2..=1_000;

/// What is halved for an offer where there is no limit yet.
const UNLIMITED_OFFER: i64 = 20;

/// How long a pause lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// Seconds.
    For(i64),
    /// Until somebody resumes it.
    Open,
}

impl Pause {
    /// Seconds until the loop it leaves is due.
    pub(super) fn loop_seconds(self) -> i64 {
        match self {
            Pause::For(seconds) => seconds,
            Pause::Open => ASKED_AFTER,
        }
    }
}

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Pause(Pause),
    Resume,
    /// The most invocations at once; `None`: no limit of its own.
    Concurrency(Option<i64>),
}

impl Change {
    pub(super) fn settings(self) -> BTreeMap<String, String> {
        let one = |name: &str, value: String| BTreeMap::from([(name.to_owned(), value)]);
        match self {
            Change::Pause(Pause::For(seconds)) => one("for", short(seconds)),
            Change::Pause(Pause::Open) => one("for", "off".to_owned()),
            Change::Resume => BTreeMap::new(),
            Change::Concurrency(max) => one(
                "max",
                max.map_or_else(|| "off".to_owned(), |n| n.to_string()),
            ),
        }
    }
}

/// `20 invocations`, `as many as the function may`.
pub(super) fn concurrency_words(max: Option<i64>) -> String {
    match max {
        Some(max) => format!("{max} invocations"),
        None => "as many as the function may".to_owned(),
    }
}

/// Which of the three changes is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Pause,
    Resume,
    Concurrency,
}

impl Doing {
    pub(super) fn verb(self) -> Verb {
        match self {
            Doing::Pause => Verb::Pause,
            Doing::Resume => Verb::Resume,
            Doing::Concurrency => Verb::Concurrency,
        }
    }

    /// The one setting it has.
    fn setting(self) -> Option<&'static str> {
        match self {
            Doing::Pause => Some("for"),
            Doing::Resume => None,
            Doing::Concurrency => Some("max"),
        }
    }
}

pub(super) fn parse(
    doing: Doing,
    subject: &Subject<'_>,
    asked: &BTreeMap<String, String>,
) -> Result<Change, PlanError> {
    let known = doing.setting();
    if let Some(name) = asked.keys().find(|name| Some(name.as_str()) != known) {
        return Err(PlanError::NoSuchSetting {
            verb: doing.verb().as_str(),
            name: name.clone(),
            known: known.unwrap_or("none"),
        });
    }
    let value = known.and_then(|name| asked.get(name)).map(|v| v.trim());
    Ok(match doing {
        Doing::Pause => Change::Pause(match value {
            None => Pause::For(DEFAULT_PAUSE),
            Some("off") => Pause::Open,
            Some(text) => Pause::For(seconds(text)?),
        }),
        Doing::Resume => Change::Resume,
        Doing::Concurrency => Change::Concurrency(match value {
            None => Some(offered_concurrency(subject)),
            Some("off") => None,
            Some(text) => Some(concurrency(text)?),
        }),
    })
}

/// What is offered when nothing is asked: half of what it is, which takes load off what is behind it.
fn offered_concurrency(subject: &Subject<'_>) -> i64 {
    let (least, most) = (*CONCURRENCY.start(), *CONCURRENCY.end());
    let now = subject.concurrency().unwrap_or(UNLIMITED_OFFER);
    (now / 2).clamp(least, most)
}

/// `30m`, `2h`, `90s`.
fn seconds(text: &str) -> Result<i64, PlanError> {
    let unit = |unit: char| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        _ => None,
    };
    let parsed = text.chars().last().and_then(|last| {
        let number: i64 = text.strip_suffix(last)?.parse().ok()?;
        number.checked_mul(unit(last)?)
    });
    parsed
        .filter(|seconds| (60..=LONGEST_PAUSE).contains(seconds))
        .ok_or_else(|| PlanError::BadSetting {
            name: "for",
            value: text.to_owned(),
            why: "give a time like 30m or 2h, 1m to 24h, or off".to_owned(),
        })
}

/// The shortest that says it: `30m`, `2h`.
fn short(seconds: i64) -> String {
    match seconds {
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

fn concurrency(text: &str) -> Result<i64, PlanError> {
    let number: Option<i64> = text.parse().ok();
    number
        .filter(|n| CONCURRENCY.contains(n))
        .ok_or_else(|| PlanError::BadSetting {
            name: "max",
            value: text.to_owned(),
            why: format!(
                "give a number of invocations at once, {} to {}, or off",
                CONCURRENCY.start(),
                CONCURRENCY.end()
            ),
        })
}

/// What the dialog asks for.
pub(super) fn asked(doing: Doing, subject: &Subject<'_>) -> Vec<Setting> {
    match doing {
        Doing::Pause => vec![Setting {
            name: "for".to_owned(),
            label: "For".to_owned(),
            default: short(DEFAULT_PAUSE),
            ask: Ask::Text {
                example: "30m".to_owned(),
                most: 8,
            },
            note: Some("Then it is to be resumed. off: until somebody resumes it.".to_owned()),
        }],
        Doing::Resume => Vec::new(),
        Doing::Concurrency => vec![Setting {
            name: "max".to_owned(),
            label: "At once".to_owned(),
            default: offered_concurrency(subject).to_string(),
            ask: Ask::Number {
                min: *CONCURRENCY.start(),
                max: *CONCURRENCY.end(),
                unit: "invocations".to_owned(),
                or: Some("off".to_owned()),
            },
            note: None,
        }],
    }
}
