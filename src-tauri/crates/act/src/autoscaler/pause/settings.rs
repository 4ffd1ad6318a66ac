//! What a pause asks for: what of the scaling, and for how long.

use super::{PAUSED, PAUSED_SCALE_IN};
use crate::action::PlanError;
use crate::offer::Colour;
use crate::setting::{Ask, Choice, Setting};
use model::{Fact, Node};
use std::collections::BTreeMap;

/// Half an hour.
const DEFAULT: &str = "30m";
/// The shortest and longest pause, seconds.
const SECONDS: std::ops::RangeInclusive<i64> = 60..=86_400;

/// What is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Pods are not taken away.
    ScaleIn,
    /// Nothing is scaled.
    All,
}

impl What {
    /// What is paused now.
    pub(super) fn of(node: &Node) -> Self {
        match node.facts.flag(Fact::Paused) {
            Some(true) => Self::All,
            Some(false) | None => Self::ScaleIn,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ScaleIn => "scale-in",
            Self::All => "all",
        }
    }

    /// In a label, after `Pause`.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::ScaleIn => "scaling in",
            Self::All => "all scaling",
        }
    }

    /// At the start of a sentence.
    pub(super) const fn subject(self) -> &'static str {
        match self {
            Self::ScaleIn => "Scaling in",
            Self::All => "All scaling",
        }
    }

    pub(super) const fn annotation(self) -> &'static str {
        match self {
            Self::ScaleIn => PAUSED_SCALE_IN,
            Self::All => PAUSED,
        }
    }
}

/// What was asked for, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) what: What,
    pub(super) seconds: i64,
    /// The time as it was given.
    given: String,
}

impl Settings {
    pub(super) fn parse(asked: &BTreeMap<String, String>) -> Result<Self, PlanError> {
        let mut settings = Self {
            what: What::ScaleIn,
            seconds: 1_800,
            given: DEFAULT.to_owned(),
        };
        for (name, value) in asked {
            match name.as_str() {
                "what" => settings.what = what(value)?,
                "for" => {
                    settings.seconds = seconds(value)?;
                    value.trim().clone_into(&mut settings.given);
                }
                _ => {
                    return Err(PlanError::NoSuchSetting {
                        verb: "pause",
                        name: name.clone(),
                        known: "what and for",
                    });
                }
            }
        }
        Ok(settings)
    }

    pub(super) fn words(&self) -> BTreeMap<String, String> {
        [("what", self.what.as_str()), ("for", &self.given)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }
}

fn what(value: &str) -> Result<What, PlanError> {
    match value.trim() {
        "scale-in" => Ok(What::ScaleIn),
        "all" => Ok(What::All),
        _ => Err(PlanError::BadSetting {
            name: "what",
            value: value.to_owned(),
            why: "give scale-in or all".to_owned(),
        }),
    }
}

/// `90s`, `30m`, `2h`.
fn seconds(value: &str) -> Result<i64, PlanError> {
    let text = value.trim();
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some(_) | None => 0,
    };
    let digits = text.get(..text.len().saturating_sub(1)).unwrap_or("");
    let number: Option<i64> = digits.parse().ok();
    let seconds = number.and_then(|number| number.checked_mul(unit));
    seconds
        .filter(|seconds| unit > 0 && SECONDS.contains(seconds))
        .ok_or_else(|| PlanError::BadSetting {
            name: "for",
            value: value.to_owned(),
            why: "give a time from 1m to 24h, e.g. 30m".to_owned(),
        })
}

pub(super) fn asked() -> Vec<Setting> {
    let choice = |what: What, colour: Colour, why: Option<&str>| Choice {
        value: what.as_str().to_owned(),
        label: what.label().to_owned(),
        facts: Vec::new(),
        colour,
        why: why.map(str::to_owned),
    };
    vec![
        Setting {
            name: "what".to_owned(),
            label: "What".to_owned(),
            default: What::ScaleIn.as_str().to_owned(),
            ask: Ask::Choice {
                choices: vec![
                    choice(What::ScaleIn, Colour::Green, None),
                    choice(What::All, Colour::Amber, Some("Nothing scales out either.")),
                ],
            },
            note: None,
        },
        Setting {
            name: "for".to_owned(),
            label: "For".to_owned(),
            default: DEFAULT.to_owned(),
            ask: Ask::Text {
                example: DEFAULT.to_owned(),
                most: 6,
            },
            note: Some("Then it is an overdue open loop.".to_owned()),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_bounded() {
        for (text, expected) in [("90s", 90), ("30m", 1_800), ("2h", 7_200), (" 1m ", 60)] {
            assert_eq!(seconds(text).expect(text), expected);
        }
        for bad in [
            "",
            "30",
            "m",
            "0m",
            "25h",
            "-5m",
            "5d",
            "9223372036854775807h",
            "é",
        ] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
        assert!(what("everything").is_err());
    }
}
