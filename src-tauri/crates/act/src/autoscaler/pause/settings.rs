//! What a pause asks for: what of the scaling, and for how long.

use super::{PAUSED, PAUSED_SCALE_IN, PAUSED_SCALE_OUT};
use crate::action::PlanError;
use crate::lasts;
use crate::offer::Colour;
use crate::plan::Plan;
use crate::setting::{Ask, Choice, Setting};
use model::{Fact, Node};
use std::collections::BTreeMap;

/// What is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Pods are not taken away.
    ScaleIn,
    /// Pods are not added.
    ScaleOut,
    /// Nothing is scaled.
    All,
}

impl What {
    /// What is paused now.
    pub(super) fn of(node: &Node) -> Self {
        let on = |fact| node.facts.flag(fact) == Some(true);
        let (inward, outward) = (on(Fact::PausedScaleIn), on(Fact::PausedScaleOut));
        match (on(Fact::Paused), inward, outward) {
            (true, _, _) | (false, true, true) => Self::All,
            (false, false, true) => Self::ScaleOut,
            (false, _, false) => Self::ScaleIn,
        }
    }

    /// What a plan was asked to pause.
    pub(super) fn asked(plan: &Plan) -> Self {
        let given = plan.settings.get("what").map(String::as_str);
        given
            .and_then(|text| what(text).ok())
            .unwrap_or(Self::ScaleIn)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ScaleIn => "scale-in",
            Self::ScaleOut => "scale-out",
            Self::All => "all",
        }
    }

    /// In a label, after `Pause`.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::ScaleIn => "scaling in",
            Self::ScaleOut => "scaling out",
            Self::All => "all scaling",
        }
    }

    /// At the start of a sentence.
    pub(super) const fn subject(self) -> &'static str {
        match self {
            Self::ScaleIn => "Scaling in",
            Self::ScaleOut => "Scaling out",
            Self::All => "All scaling",
        }
    }

    pub(super) const fn annotation(self) -> &'static str {
        match self {
            Self::ScaleIn => PAUSED_SCALE_IN,
            Self::ScaleOut => PAUSED_SCALE_OUT,
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
            seconds: lasts::DEFAULT_SECONDS,
            given: lasts::DEFAULT.to_owned(),
        };
        for (name, value) in asked {
            match name.as_str() {
                "what" => settings.what = what(value)?,
                "for" => {
                    settings.seconds = lasts::seconds(value)?;
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
    let all = [What::ScaleIn, What::ScaleOut, What::All];
    all.into_iter()
        .find(|what| what.as_str() == value.trim())
        .ok_or_else(|| PlanError::BadSetting {
            name: "what",
            value: value.to_owned(),
            why: "give scale-in, scale-out or all".to_owned(),
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
                    choice(What::ScaleOut, Colour::Amber, Some("A backlog grows.")),
                    choice(What::All, Colour::Amber, Some("Nothing scales out either.")),
                ],
            },
            note: None,
        },
        lasts::asked(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_paused_is_one_of_three() {
        assert_eq!(what(" all ").expect("all"), What::All);
        assert_eq!(what("scale-out").expect("out"), What::ScaleOut);
        assert!(what("everything").is_err());
    }
}
