//! Label selectors.
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/label-selector/>

use super::decode::{Pairs, Text, nullable};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A selector as it is written.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    match_labels: Pairs<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    match_expressions: Vec<Expression<'a>>,
}

#[derive(Deserialize)]
struct Expression<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow)]
    operator: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    values: Vec<Text<'a>>,
}

/// A selector, kept. All of its demands must be met; without any it selects everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector(Vec<Demand>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Demand {
    key: String,
    /// `None`: the key must be there with any value.
    values: Option<Vec<String>>,
    /// Whether the demand is turned round.
    not: bool,
}

impl Written<'_> {
    /// The selector; an operator that is not documented selects nothing.
    pub(super) fn keep(&self) -> Selector {
        let labels = self.match_labels.iter().map(|(key, value)| Demand {
            key: key.to_owned(),
            values: Some(vec![value.to_owned()]),
            not: false,
        });
        let expressions = self.match_expressions.iter().map(|expression| {
            let values = expression
                .values
                .iter()
                .map(|value| value.to_string())
                .collect();
            let (values, not) = match &*expression.operator {
                "In" => (Some(values), false),
                "NotIn" => (Some(values), true),
                "Exists" => (None, false),
                "DoesNotExist" => (None, true),
                _ => (Some(Vec::new()), false),
            };
            Demand {
                key: expression.key.to_string(),
                values,
                not,
            }
        });
        Selector(labels.chain(expressions).collect())
    }
}

impl Selector {
    /// Whether labels meet it.
    pub(super) fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|demand| {
            let held = labels.get(&demand.key);
            let met = match &demand.values {
                None => held.is_some(),
                Some(values) => held.is_some_and(|held| values.contains(held)),
            };
            met != demand.not
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_operator_selects_as_documented() {
        let labels = BTreeMap::from([
            ("app".to_owned(), "orders".to_owned()),
            ("tier".to_owned(), "a".to_owned()),
        ]);
        for (json, selected) in [
            (r#"{}"#, true),
            (r#"{"matchLabels":{"app":"orders"}}"#, true),
            (r#"{"matchLabels":{"app":"risk"}}"#, false),
            (
                r#"{"matchExpressions":[{"key":"app","operator":"In","values":["risk","orders"]}]}"#,
                true,
            ),
            (
                r#"{"matchExpressions":[{"key":"app","operator":"NotIn","values":["orders"]}]}"#,
                false,
            ),
            (
                r#"{"matchExpressions":[{"key":"zone","operator":"NotIn","values":["orders"]}]}"#,
                true,
            ),
            (
                r#"{"matchExpressions":[{"key":"tier","operator":"Exists"}]}"#,
                true,
            ),
            (
                r#"{"matchLabels":{"app":"orders"},"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]}"#,
                false,
            ),
        ] {
            let written: Written<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(written.keep().selects(&labels), selected, "{json}");
        }
    }
}
