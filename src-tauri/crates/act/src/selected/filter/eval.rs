//! Whether a filter selects a message.

use super::{Expr, Op, Subject};
use crate::selected::Message;
use serde_json::Value;
use std::cmp::Ordering;

pub(super) fn selects(expr: &Expr, message: &Message) -> bool {
    // The body is read once, and only where a path asks for it.
    let body = std::cell::OnceCell::new();
    let json = || {
        body.get_or_init(|| serde_json::from_str::<Value>(&message.body).ok())
            .as_ref()
    };
    holds(expr, message, &json)
}

fn holds<'m>(expr: &Expr, message: &'m Message, json: &dyn Fn() -> Option<&'m Value>) -> bool {
    match expr {
        Expr::All => true,
        Expr::Any(all) => all.iter().any(|one| holds(one, message, json)),
        Expr::Every(all) => all.iter().all(|one| holds(one, message, json)),
        Expr::Not(one) => !holds(one, message, json),
        Expr::Exists(subject) => with(subject, message, json, &mut |_| true),
        Expr::Compare(subject, op, value) => {
            let text = !matches!(subject, Subject::Json(_));
            with(subject, message, json, &mut |found| {
                compare(found, *op, value, text)
            })
        }
    }
}

/// Whether `test` holds for one of the subject's values.
fn with<'m>(
    subject: &Subject,
    message: &'m Message,
    json: &dyn Fn() -> Option<&'m Value>,
    test: &mut dyn FnMut(&Value) -> bool,
) -> bool {
    let text = |text: &str| Value::String(text.to_owned());
    match subject {
        Subject::Attribute(name) => message.attribute(name).is_some_and(|t| test(&text(t))),
        Subject::Group => message.group().is_some_and(|t| test(&text(t))),
        Subject::Body => test(&text(&message.body)),
        Subject::Json(path) => json().is_some_and(|v| path.nodes(v).into_iter().any(test)),
    }
}

/// `text`: what was found has no type of its own, so that a number in it is one.
fn compare(found: &Value, op: Op, value: &Value, text: bool) -> bool {
    let number;
    let found = match (found, value) {
        (Value::String(t), Value::Number(_)) if text => match serde_json::from_str(t.trim()) {
            Ok(Value::Number(n)) => {
                number = Value::Number(n);
                &number
            }
            Ok(_) | Err(_) => found,
        },
        (Value::String(t), Value::Bool(b)) if text => return ordered(t.cmp(&b.to_string()), op),
        _ => found,
    };
    match op {
        Op::Contains => both(found, value).is_some_and(|(a, b)| a.contains(b)),
        Op::StartsWith => both(found, value).is_some_and(|(a, b)| a.starts_with(b)),
        Op::Equal | Op::Unequal | Op::Less | Op::AtMost | Op::More | Op::AtLeast => {
            match order(found, value) {
                Some(order) => ordered(order, op),
                None => op == Op::Unequal,
            }
        }
    }
}

fn both<'a>(a: &'a Value, b: &'a Value) -> Option<(&'a str, &'a str)> {
    a.as_str().zip(b.as_str())
}

fn ordered(order: Ordering, op: Op) -> bool {
    match op {
        Op::Equal => order.is_eq(),
        Op::Unequal => order.is_ne(),
        Op::Less => order.is_lt(),
        Op::AtMost => order.is_le(),
        Op::More => order.is_gt(),
        Op::AtLeast => order.is_ge(),
        Op::Contains | Op::StartsWith => false,
    }
}

/// `None` when the two are of different types, or of one that has neither order nor equality here.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        _ => None,
    }
}
