//! What an action asks for before it can be planned exactly: a number, words or one of a list.
//!
//! The set of kinds is closed, so that every front end can draw every action without knowing it.
//! The values travel as words in [`crate::Request::settings`] and [`crate::Plan::settings`]; the
//! action parses them, and what it refuses is a [`crate::PlanError`].

use crate::action::PlanError;
use crate::offer::Colour;
use model::Verb;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing an action asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Setting {
    /// Its name in requests and plans, and on the command line (`--set NAME=VALUE`).
    pub name: String,
    /// What people call it, e.g. `Rate`.
    pub label: String,
    /// What is taken when nothing is asked; empty when it must be asked for.
    pub default: String,
    /// What can be given.
    pub ask: Ask,
    /// A sentence on what the platform does with it, where that is not plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub note: Option<String>,
}

/// What can be given for a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Ask {
    /// A whole number.
    Number {
        /// The smallest.
        #[ts(type = "number")]
        min: i64,
        /// The largest.
        #[ts(type = "number")]
        max: i64,
        /// What is counted, e.g. `messages/s`.
        unit: String,
        /// A word that may stand instead, e.g. `off`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        or: Option<String>,
    },
    /// Free text.
    Text {
        /// An example.
        example: String,
        /// The most characters.
        most: u32,
    },
    /// One of these.
    Choice {
        /// Best first.
        choices: Vec<Choice>,
    },
}

/// One candidate of a choice, with how well it fits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What it is called.
    pub label: String,
    /// What is known of it, in the order shown, e.g. `us-east-1a`, `lag 14 ms`.
    pub facts: Vec<String>,
    /// How it fits: green fits, amber with care, red cannot be taken.
    pub colour: Colour,
    /// Why with care, or why not, a sentence; absent when green.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub why: Option<String>,
}

/// For an action that asks for nothing.
///
/// # Errors
/// Anything that was set.
pub(crate) fn none(verb: Verb, asked: &BTreeMap<String, String>) -> Result<(), PlanError> {
    match asked.keys().next() {
        None => Ok(()),
        Some(name) => Err(PlanError::NoSuchSetting {
            verb: verb.as_str(),
            name: name.clone(),
            known: "nothing to set",
        }),
    }
}
