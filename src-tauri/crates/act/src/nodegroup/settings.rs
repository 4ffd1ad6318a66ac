//! Settings of a nodegroup's scale: how many nodes are wanted, and between which bounds.

use super::need;
use super::subject::Subject;
use crate::action::PlanError;
use crate::setting::{Ask, Setting};
use model::{Fact, Node};
use std::collections::BTreeMap;

const KNOWN: &str = "desired, min and max";
/// The most nodes one managed nodegroup may have
/// (<https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html>, nodes per managed node
/// group; it can be raised, then EKS judges).
const MOST: i64 = 450;

/// The three sizes of a nodegroup, in nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) min: i64,
    pub(super) desired: i64,
    pub(super) max: i64,
}

impl Sizes {
    /// As they were read; `None` when EKS did not say all three.
    pub(super) fn of(group: &Node) -> Option<Self> {
        let facts = &group.facts;
        Some(Self {
            min: facts.count(Fact::Min)?,
            desired: facts.count(Fact::Desired)?,
            max: facts.count(Fact::Max)?,
        })
    }

    /// Out of a plan's settings.
    pub(super) fn read(settings: &BTreeMap<String, String>) -> Option<Self> {
        let number = |name: &str| settings.get(name)?.parse().ok();
        Some(Self {
            min: number("min")?,
            desired: number("desired")?,
            max: number("max")?,
        })
    }

    pub(super) fn settings(self) -> BTreeMap<String, String> {
        let all = [
            ("desired", self.desired),
            ("min", self.min),
            ("max", self.max),
        ];
        all.into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_string()))
            .collect()
    }

    /// `desired 5 (min 0, max 12)`.
    pub(super) fn words(self) -> String {
        format!(
            "desired {} (min {}, max {})",
            self.desired, self.min, self.max
        )
    }
}

/// What was asked for; what is left out stays, but for `desired`, which is what the pods that wait
/// need, else one more.
pub(super) fn parse(
    subject: &Subject<'_>,
    asked: &BTreeMap<String, String>,
) -> Result<Sizes, PlanError> {
    let mut wanted = subject.sizes;
    for (name, value) in asked {
        match name.as_str() {
            "desired" => wanted.desired = nodes("desired", value)?,
            "min" => wanted.min = nodes("min", value)?,
            "max" => wanted.max = nodes("max", value)?,
            _ => {
                return Err(PlanError::NoSuchSetting {
                    verb: "scale",
                    name: name.clone(),
                    known: KNOWN,
                });
            }
        }
    }
    if asked.is_empty() {
        wanted.desired = need::suggested(subject);
    }
    Ok(wanted)
}

fn nodes(name: &'static str, value: &str) -> Result<i64, PlanError> {
    let number: Option<i64> = value.trim().parse().ok();
    number
        .filter(|n| (0..=MOST).contains(n))
        .ok_or_else(|| PlanError::BadSetting {
            name,
            value: value.to_owned(),
            why: format!("give a number of nodes, 0 to {MOST}"),
        })
}

/// What the dialog asks for.
pub(super) fn asked(subject: &Subject<'_>) -> Vec<Setting> {
    let sizes = subject.sizes;
    let ask = |name: &str, label: &str, default: i64, note: Option<String>| Setting {
        name: name.to_owned(),
        label: label.to_owned(),
        default: default.to_string(),
        ask: Ask::Number {
            min: 0,
            max: MOST,
            unit: "nodes".to_owned(),
            or: None,
        },
        note,
    };
    let suggested = need::suggested(subject);
    vec![
        ask("desired", "Desired", suggested, need::words(subject)),
        ask("min", "Min", sizes.min, None),
        ask("max", "Max", sizes.max, None),
    ]
}
