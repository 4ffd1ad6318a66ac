//! Decoding objects into the few fields used, with strings borrowed from the bytes that came.
//!
//! Kubernetes writes absent things in three ways (left out, `null`, empty): all three are the same
//! here. What has another type than the API documents makes that one item malformed.

use super::Context;
use super::neighbours::Key;
use model::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// Reasons and messages are kept up to this many bytes.
const MESSAGE: usize = 300;

/// How an object is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// It is the whole text: an item of a list.
    Item,
    /// It is the `object` of a watch event.
    Event,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Event<T> {
    object: T,
}

/// Decodes an object.
pub(super) fn object<'a, T: Deserialize<'a>>(
    json: &'a [u8],
    framing: Framing,
) -> Result<T, serde_json::Error> {
    match framing {
        Framing::Item => serde_json::from_slice(json),
        Framing::Event => serde_json::from_slice::<Event<T>>(json).map(|event| event.object),
    }
}

/// A string, borrowed where it has no escapes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Text<'_> {
    /// Parsed as a time.
    pub(super) fn time(&self) -> Option<Timestamp> {
        Timestamp::parse(self)
    }
}

/// Treats `null` like absence.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A string map in the order it came: labels, annotations, selectors, quantities.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pairs<'a>(Vec<(Text<'a>, Text<'a>)>);

impl Pairs<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.iter()
            .find(|(held, _)| *held == key)
            .map(|(_, value)| value)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some(pair) = map.next_entry::<Text<'de>, Text<'de>>()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// `metadata`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) namespace: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) resource_version: Text<'a>,
    #[serde(borrow, default)]
    pub(super) creation_timestamp: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) deletion_timestamp: Option<Text<'a>>,
    #[serde(default)]
    pub(super) generation: Option<i64>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) labels: Pairs<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) annotations: Pairs<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) owner_references: Vec<Owner<'a>>,
}

/// An object without a name is no object.
impl Meta<'_> {
    pub(super) fn named(&self) -> Result<(), serde_json::Error> {
        if self.name.is_empty() {
            Err(serde_json::Error::custom("an object without metadata.name"))
        } else {
            Ok(())
        }
    }

    /// Namespace (empty for what has none) and name.
    pub(super) fn key(&self, context: &Context) -> Result<Key, serde_json::Error> {
        self.named()?;
        let namespace = self.namespace().unwrap_or_default();
        Ok((
            context.intern.text(namespace),
            context.intern.text(&self.name),
        ))
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The owner that controls the object.
    pub(super) fn controller(&self) -> Option<&Owner<'_>> {
        self.owner_references
            .iter()
            .find(|owner| owner.controller == Some(true))
    }

    pub(super) fn created(&self) -> Option<Timestamp> {
        self.creation_timestamp.as_ref()?.time()
    }
}

/// One of `metadata.ownerReferences`.
#[derive(Debug, Deserialize)]
pub(super) struct Owner<'a> {
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(default)]
    pub(super) controller: Option<bool>,
}

/// An object of which only the metadata is wanted: a deletion, a bookmark.
#[derive(Debug, Deserialize)]
pub(super) struct Bare<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) metadata: Place<'a>,
}

/// Name, namespace and version.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) namespace: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) resource_version: Text<'a>,
}

/// One of `status.conditions`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) status: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) reason: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) message: Text<'a>,
    #[serde(borrow, default)]
    pub(super) last_transition_time: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) last_update_time: Option<Text<'a>>,
}

impl Condition<'_> {
    pub(super) fn holds(&self) -> bool {
        &*self.status == "True"
    }
}

/// The condition of a type.
pub(super) fn condition<'c, 'a>(
    conditions: &'c [Condition<'a>],
    kind: &str,
) -> Option<&'c Condition<'a>> {
    conditions.iter().find(|condition| &*condition.kind == kind)
}

/// A message as it is shown: one line, bounded.
pub(super) fn message(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if model::unfit(c) { ' ' } else { c })
        .collect();
    if line.len() > MESSAGE {
        line.truncate(line.floor_char_boundary(MESSAGE));
        line.push('…');
    }
    line
}

/// A CPU quantity in millicores: `16`, `3920m`.
/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>
pub(super) fn millicores(quantity: &str) -> Option<i64> {
    Some((quantity_value(quantity)? * 1000.0).round() as i64)
}

/// A memory quantity in MiB: `32Gi`, `31546364Ki`, bytes.
pub(super) fn mebibytes(quantity: &str) -> Option<i64> {
    Some((quantity_value(quantity)? / (1024.0 * 1024.0)).round() as i64)
}

/// A quantity as a number.
pub(super) fn quantity_value(quantity: &str) -> Option<f64> {
    let split = quantity
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(quantity.len());
    let (number, suffix) = quantity.split_at(split);
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        "Ei" => 1024.0_f64.powi(6),
        exponent => 10_f64.powi(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn quantities_are_read_in_every_notation() {
        assert_eq!(millicores("16"), Some(16_000));
        assert_eq!(millicores("3920m"), Some(3920));
        assert_eq!(mebibytes("32Gi"), Some(32_768));
        assert_eq!(mebibytes("31546364Ki"), Some(30_807));
        assert_eq!(mebibytes("1e9"), Some(954));
        assert_eq!(quantity_value("12x"), None);
    }

    #[test]
    fn absent_null_and_empty_are_the_same() {
        for json in [
            r#"{"name":"a"}"#,
            r#"{"name":"a","labels":null,"ownerReferences":null}"#,
        ] {
            let meta: Meta<'_> = serde_json::from_str(json).unwrap();
            assert!(
                meta.labels.is_empty()
                    && meta.owner_references.is_empty()
                    && meta.namespace.is_none()
            );
        }
        assert!(serde_json::from_str::<Meta<'_>>(r#"{"name":7}"#).is_err());
        assert!(
            serde_json::from_str::<Meta<'_>>("{}")
                .unwrap()
                .named()
                .is_err()
        );
    }
}
