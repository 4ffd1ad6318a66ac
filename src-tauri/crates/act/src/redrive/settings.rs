//! Settings of a redrive: how fast, whether a canary goes first, and where to.

use super::subject::Subject;
use crate::action::PlanError;
use crate::offer::Colour;
use crate::setting::{Ask, Choice, Setting};
use std::collections::BTreeMap;

/// Messages per second when nothing is asked: a rate most consumers take beside live traffic.
pub const DEFAULT_RATE: i32 = 50;
/// The highest `MaxNumberOfMessagesPerSecond` SQS takes (StartMessageMoveTask, API model 2012-11-05).
pub const MAX_RATE: i32 = 500;
/// Messages the canary moves before the rest follows.
pub const DEFAULT_CANARY: i64 = 20;
/// The canary's rate: slow enough that it can be cancelled after about [`DEFAULT_CANARY`].
pub const CANARY_RATE: i32 = 1;
const MAX_CANARY: i64 = 500;
const KNOWN: &str = "rate, canary and destination";

/// Where the messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// To the queue they came from: named in the call where there is only one.
    Source,
    /// To a queue by name, ARN or id.
    Named(String),
}

/// What was asked for, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Messages per second, 1 to [`MAX_RATE`].
    pub(crate) rate: i32,
    /// Messages of the canary; `None` is `off`.
    pub(crate) canary: Option<i64>,
    /// Where to.
    pub(crate) destination: Destination,
}

impl Settings {
    pub(crate) fn parse(asked: &BTreeMap<String, String>) -> Result<Self, PlanError> {
        let mut settings = Self {
            rate: DEFAULT_RATE,
            canary: Some(DEFAULT_CANARY),
            destination: Destination::Source,
        };
        for (name, value) in asked {
            match name.as_str() {
                "rate" => settings.rate = rate(value)?,
                "canary" => settings.canary = canary(value)?,
                "destination" => settings.destination = destination(value),
                _ => {
                    return Err(PlanError::NoSuchSetting {
                        verb: "redrive",
                        name: name.clone(),
                        known: KNOWN,
                    });
                }
            }
        }
        Ok(settings)
    }
}

/// What a redrive asks for: where to is asked only where there is a choice.
pub(crate) fn asked(subject: &Subject<'_>) -> Vec<Setting> {
    let mut all = vec![
        Setting {
            name: "rate".to_owned(),
            label: "Rate".to_owned(),
            default: DEFAULT_RATE.to_string(),
            ask: Ask::Number {
                min: 1,
                max: i64::from(MAX_RATE),
                unit: "messages/s".to_owned(),
                or: None,
            },
            note: Some("SQS moves the whole queue; it cannot filter.".to_owned()),
        },
        Setting {
            name: "canary".to_owned(),
            label: "Canary".to_owned(),
            default: DEFAULT_CANARY.to_string(),
            ask: Ask::Number {
                min: 1,
                max: MAX_CANARY,
                unit: "messages first".to_owned(),
                or: Some("off".to_owned()),
            },
            note: None,
        },
    ];
    if subject.sources.len() > 1 {
        all.push(where_to(subject));
    }
    all
}

fn where_to(subject: &Subject<'_>) -> Setting {
    let back = Choice {
        value: "source".to_owned(),
        label: "the queue each came from".to_owned(),
        facts: Vec::new(),
        colour: Colour::Green,
        why: None,
    };
    let one = subject.sources.iter().map(|queue| Choice {
        value: queue.name.clone(),
        label: queue.name.clone(),
        facts: Vec::new(),
        colour: Colour::Amber,
        why: Some("Messages of the other queues would go here too.".to_owned()),
    });
    Setting {
        name: "destination".to_owned(),
        label: "To".to_owned(),
        default: "source".to_owned(),
        ask: Ask::Choice {
            choices: std::iter::once(back).chain(one).collect(),
        },
        note: None,
    }
}

fn rate(value: &str) -> Result<i32, PlanError> {
    let rate: Option<i32> = value.trim().parse().ok();
    rate.filter(|r| (1..=MAX_RATE).contains(r))
        .ok_or_else(|| PlanError::BadSetting {
            name: "rate",
            value: value.to_owned(),
            why: format!("give messages per second, 1 to {MAX_RATE}"),
        })
}

fn canary(value: &str) -> Result<Option<i64>, PlanError> {
    if value.trim() == "off" {
        return Ok(None);
    }
    let canary: Option<i64> = value.trim().parse().ok();
    let canary = canary.filter(|c| (1..=MAX_CANARY).contains(c));
    canary.map(Some).ok_or_else(|| PlanError::BadSetting {
        name: "canary",
        value: value.to_owned(),
        why: format!("give a number of messages, 1 to {MAX_CANARY}, or off"),
    })
}

fn destination(value: &str) -> Destination {
    match value.trim() {
        "" | "source" => Destination::Source,
        named => Destination::Named(named.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Settings, PlanError> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Settings::parse(&pairs.iter().map(own).collect())
    }

    #[test]
    fn defaults_are_a_canary_of_20_and_50_a_second() {
        let settings = parse(&[]).expect("defaults");
        assert_eq!((settings.rate, settings.canary), (50, Some(20)));
    }

    #[test]
    fn what_sqs_would_refuse_is_refused_here_in_words() {
        for bad in [
            ("rate", "501"),
            ("rate", "0"),
            ("rate", "fast"),
            ("canary", "0"),
            ("canary", "-1"),
        ] {
            let error = parse(&[bad]).expect_err("refused").to_string();
            assert!(error.contains(bad.0) && error.contains("give"), "{error}");
        }
        let error = parse(&[("speed", "5")]).expect_err("unknown").to_string();
        assert!(error.contains("rate, canary and destination"), "{error}");
        assert_eq!(parse(&[("canary", "off")]).expect("off").canary, None);
    }
}
