//! Whether two JSON documents are of one shape (the same members, each of the same type), and in
//! what they differ.

use super::{Difference, Unfit};
use crate::selected::filter::{Path, Segment};
use serde_json::Value;

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The consumer reads what it was sent before: a member that is gone, new or of another type is what
/// breaks it.
pub(super) fn same(before: &Value, after: &Value) -> Result<(), Unfit> {
    let mut first = None;
    walk(before, after, &mut Vec::new(), &mut |path, was, is| {
        let what = match (was, is) {
            (Some(was), Some(is)) if kind(was) != kind(is) => {
                format!("{path} would be {} instead of {}", kind(is), kind(was))
            }
            (Some(_), Some(_)) | (None, None) => return,
            (Some(_), None) => format!("{path} would be gone"),
            (None, Some(_)) => format!("{path} would be new"),
        };
        first.get_or_insert(what);
    });
    match first {
        None => Ok(()),
        Some(what) => Err(Unfit(format!(
            "The body would become of another shape: {what}. Say shape=free when the consumer takes it."
        ))),
    }
}

pub(super) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut all = Vec::new();
    walk(before, after, &mut Vec::new(), &mut |path, was, is| {
        all.push(Difference {
            path,
            before: was.map(ToString::to_string),
            after: is.map(ToString::to_string),
        });
    });
    all
}

type Each<'e> = dyn FnMut(String, Option<&Value>, Option<&Value>) + 'e;

/// Every place where the two differ, deepest first known.
fn walk(before: &Value, after: &Value, at: &mut Vec<Segment>, each: &mut Each<'_>) {
    match (before, after) {
        (Value::Object(was), Value::Object(is)) => {
            let new = is.keys().filter(|key| !was.contains_key(*key));
            for key in was.keys().chain(new) {
                at.push(Segment::Name(key.clone()));
                step(was.get(key), is.get(key), at, each);
                at.pop();
            }
        }
        (Value::Array(was), Value::Array(is)) => {
            for index in 0..was.len().max(is.len()) {
                at.push(Segment::Index(index));
                step(was.get(index), is.get(index), at, each);
                at.pop();
            }
        }
        (was, is) if was != is => each(Path(at.clone()).to_string(), Some(was), Some(is)),
        _ => {}
    }
}

fn step(was: Option<&Value>, is: Option<&Value>, at: &mut Vec<Segment>, each: &mut Each<'_>) {
    match (was, is) {
        (Some(was), Some(is)) => walk(was, is, at, each),
        (was, is) => each(Path(at.clone()).to_string(), was, is),
    }
}
