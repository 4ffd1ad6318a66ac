//! A filter as a jq condition, so that the command lines of a plan select the same messages.

use super::{Expr, Op, Path, Segment, Subject};
use serde_json::Value;

pub(super) fn condition(expr: &Expr) -> String {
    match expr {
        Expr::All => "true".to_owned(),
        Expr::Any(all) => joined(all, " or "),
        Expr::Every(all) => joined(all, " and "),
        Expr::Not(one) => format!("({} | not)", condition(one)),
        Expr::Exists(subject) => format!("any({}; true)", nodes(subject)),
        Expr::Compare(subject, op, value) => {
            format!("any({}; {})", nodes(subject), test(*op, value, subject))
        }
    }
}

fn joined(all: &[Expr], with: &str) -> String {
    let all: Vec<String> = all.iter().map(condition).collect();
    format!("({})", all.join(with))
}

/// What the subject's values are, none when it is not there.
fn nodes(subject: &Subject) -> String {
    match subject {
        Subject::Attribute(name) => format!(
            ".MessageAttributes[{}]? | .StringValue // empty",
            literal(&Value::String(name.clone()))
        ),
        Subject::Group => ".Attributes.MessageGroupId? // empty".to_owned(),
        Subject::Body => ".Body".to_owned(),
        Subject::Json(path) => format!("(.Body | try fromjson catch empty) | {}", steps(path)),
    }
}

fn steps(path: &Path) -> String {
    let mut all = vec![".".to_owned()];
    for segment in &path.0 {
        all.push(match segment {
            Segment::Name(name) => {
                let name = literal(&Value::String(name.clone()));
                format!("(objects | select(has({name})) | .[{name}])")
            }
            Segment::Index(at) => format!("(arrays | select(length > {at}) | .[{at}])"),
            Segment::Every => "((objects, arrays) | .[])".to_owned(),
        });
    }
    all.join(" | ")
}

fn test(op: Op, value: &Value, subject: &Subject) -> String {
    let typed = matches!(subject, Subject::Json(_));
    let of = match value {
        Value::Number(_) if !typed => "(. as $t | try tonumber catch $t)",
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => ".",
        Value::Array(_) | Value::Object(_) => ".",
    };
    let value = match value {
        Value::Bool(b) if !typed => literal(&Value::String(b.to_string())),
        other => literal(other),
    };
    let same = format!("({of} | type) == ({value} | type)");
    match op {
        Op::Equal => format!("{of} == {value}"),
        Op::Unequal => format!("{of} != {value}"),
        Op::Less => format!("{same} and {of} < {value}"),
        Op::AtMost => format!("{same} and {of} <= {value}"),
        Op::More => format!("{same} and {of} > {value}"),
        Op::AtLeast => format!("{same} and {of} >= {value}"),
        Op::Contains => format!("{same} and contains({value})"),
        Op::StartsWith => format!("{same} and startswith({value})"),
    }
}

fn literal(value: &Value) -> String {
    value.to_string()
}
