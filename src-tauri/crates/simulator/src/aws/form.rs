//! The form encoding of the query protocol, read into plain values.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// The pairs of a form or a query string.
pub(super) fn parse_form(text: &str) -> BTreeMap<String, String> {
    let decode = |s: &str| {
        percent_decode_str(&s.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(k, v)| (decode(k), decode(v)))
        .collect()
}

/// Turns `A.member.1.B=x` into `{"A":[{"B":"x"}]}`: numbered members become lists, and the name of a list's items goes.
pub(super) fn nest(form: &BTreeMap<String, String>) -> Value {
    let mut root = Value::Object(Map::new());
    for (key, value) in form {
        let mut at = &mut root;
        for part in key.split('.') {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            let Value::Object(map) = at else { break };
            at = map.entry(part.to_owned()).or_insert(Value::Null);
        }
        *at = Value::String(value.clone());
    }
    // A call's own parameters are no list, also when it has only one (`Filter.1.Name` of EC2).
    match root {
        Value::Object(map) => map.into_iter().map(|(k, v)| (k, collapse(v))).collect(),
        other => other,
    }
}

fn collapse(value: Value) -> Value {
    let Value::Object(map) = value else {
        return value;
    };
    let mut map: Map<String, Value> = map.into_iter().map(|(k, v)| (k, collapse(v))).collect();
    if !map.is_empty() && map.keys().all(|k| k.parse::<u32>().is_ok()) {
        let mut items: Vec<(u32, Value)> = map
            .into_iter()
            .map(|(k, v)| (k.parse().unwrap_or(0), v))
            .collect();
        items.sort_by_key(|(n, _)| *n);
        return Value::Array(items.into_iter().map(|(_, v)| v).collect());
    }
    if map.len() == 1 {
        let is_list_of_items = map
            .iter()
            .next()
            .is_some_and(|(k, v)| v.is_array() && ITEM_NAMES.contains(&k.as_str()));
        if is_list_of_items {
            return map
                .iter_mut()
                .next()
                .map(|(_, v)| v.take())
                .unwrap_or(Value::Null);
        }
    }
    Value::Object(map)
}

/// Names of list items in the query protocols spoken here.
const ITEM_NAMES: &[&str] = &["member", "Filter", "Value", "EventCategory", "Tag"];
