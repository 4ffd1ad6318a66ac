//! What a scale asks for: how many replicas.

use crate::action::PlanError;
use crate::setting::{Ask, Setting};
use model::{Fact, Node};
use std::collections::BTreeMap;

/// More than any workload of one deployment has.
const MOST: i64 = 10_000;

/// The replicas asked for.
pub(super) fn replicas(settings: &BTreeMap<String, String>, node: &Node) -> Result<i64, PlanError> {
    let mut replicas = default(node);
    for (name, value) in settings {
        match name.as_str() {
            "replicas" => replicas = number("replicas", value, 0)?,
            _ => {
                return Err(PlanError::NoSuchSetting {
                    verb: "scale",
                    name: name.clone(),
                    known: "replicas",
                });
            }
        }
    }
    Ok(replicas)
}

/// A number of replicas from `least` on.
pub(crate) fn number(name: &'static str, value: &str, least: i64) -> Result<i64, PlanError> {
    let number: Option<i64> = value.trim().parse().ok();
    number
        .filter(|number| (least..=MOST).contains(number))
        .ok_or_else(|| PlanError::BadSetting {
            name,
            value: value.to_owned(),
            why: format!("give a number of replicas, {least} to {MOST}"),
        })
}

/// A quarter more, at least one.
fn default(node: &Node) -> i64 {
    let now = node.facts.count(Fact::Replicas).unwrap_or(0);
    now + more(now)
}

/// A quarter of `now`, at least one.
pub(crate) fn more(now: i64) -> i64 {
    (now / 4).max(1)
}

pub(super) fn asked(node: &Node) -> Vec<Setting> {
    vec![Setting {
        name: "replicas".to_owned(),
        label: "Replicas".to_owned(),
        default: default(node).to_string(),
        ask: Ask::Number {
            min: 0,
            max: MOST,
            unit: "pods".to_owned(),
            or: None,
        },
        note: Some("Under an autoscaler this is its floor.".to_owned()),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_of_replicas_is_refused_in_words() {
        for bad in ["-1", "many", "10001", ""] {
            let error = number("replicas", bad, 0).expect_err("refused").to_string();
            assert!(error.contains("give a number"), "{error}");
        }
        assert_eq!(number("replicas", " 7 ", 0).expect("seven"), 7);
        assert_eq!((more(3), more(40)), (1, 10));
    }
}
