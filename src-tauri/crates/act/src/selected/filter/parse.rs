//! From text to filter.

use super::{Expr, Filter, Misread, Op, Path, Scan, Subject, Token};
use serde_json::Value;

/// Nesting deeper than this is refused: nobody reads it, and reading it takes a stack.
const DEEPEST: usize = 50;

const OPS: &str = "=, !=, <, <=, >, >=, contains, starts-with or exists";

pub(super) fn filter(text: &str) -> Result<Filter, Misread> {
    let mut scan = Scan::new(text);
    if scan.done() {
        return Err(scan.misread("an empty filter selects nothing; say all for every message"));
    }
    if scan.word("all")? {
        return finished(scan, Expr::All);
    }
    let root = any(&mut scan, 0)?;
    finished(scan, root)
}

fn finished(mut scan: Scan<'_>, root: Expr) -> Result<Filter, Misread> {
    if scan.done() {
        Ok(Filter { root })
    } else {
        Err(scan.misread("\"and\", \"or\" or the end was expected"))
    }
}

fn any(scan: &mut Scan<'_>, depth: usize) -> Result<Expr, Misread> {
    let mut all = vec![every(scan, depth)?];
    while scan.word("or")? {
        all.push(every(scan, depth)?);
    }
    Ok(one_or(all, Expr::Any))
}

fn every(scan: &mut Scan<'_>, depth: usize) -> Result<Expr, Misread> {
    let mut all = vec![one(scan, depth)?];
    while scan.word("and")? {
        all.push(one(scan, depth)?);
    }
    Ok(one_or(all, Expr::Every))
}

fn one_or(mut all: Vec<Expr>, several: fn(Vec<Expr>) -> Expr) -> Expr {
    match all.len() {
        1 => all.remove(0),
        _ => several(all),
    }
}

fn one(scan: &mut Scan<'_>, depth: usize) -> Result<Expr, Misread> {
    if depth >= DEEPEST {
        return Err(scan.misread("it is nested too deeply"));
    }
    if scan.word("not")? {
        return Ok(Expr::Not(Box::new(one(scan, depth + 1)?)));
    }
    if scan.mark("(")? {
        let inner = any(scan, depth + 1)?;
        return if scan.mark(")")? {
            Ok(inner)
        } else {
            Err(scan.misread("the parenthesis is not closed"))
        };
    }
    test(scan)
}

fn test(scan: &mut Scan<'_>) -> Result<Expr, Misread> {
    let subject = subject(scan)?;
    if scan.word("exists")? {
        return Ok(Expr::Exists(subject));
    }
    let op = op(scan)?;
    let value = value(scan)?;
    let text_only = matches!(op, Op::Contains | Op::StartsWith);
    if text_only && !value.is_string() {
        return Err(scan.misread("contains and starts-with take a quoted text"));
    }
    Ok(Expr::Compare(subject, op, value))
}

fn subject(scan: &mut Scan<'_>) -> Result<Subject, Misread> {
    let expected = "attribute.NAME, group, body or a path that begins with $ was expected";
    match scan.peek()? {
        Some(Token::Mark("$")) => Ok(Subject::Json(Path::read(scan)?)),
        Some(Token::Word(word)) => match word.as_str() {
            "group" | "body" => {
                scan.next()?;
                Ok(if word == "group" {
                    Subject::Group
                } else {
                    Subject::Body
                })
            }
            "attribute" => {
                scan.next()?;
                attribute(scan)
            }
            _ => Err(scan.misread(expected)),
        },
        _ => Err(scan.misread(expected)),
    }
}

/// The name of a message attribute may hold dots (SendMessage, "MessageAttributes"): `attribute.a.b`
/// is the attribute `a.b`.
fn attribute(scan: &mut Scan<'_>) -> Result<Subject, Misread> {
    if scan.mark("[")? {
        let name = match scan.next()? {
            Some(Token::Text(name)) => name,
            _ => return Err(scan.misread("a quoted name stands in brackets")),
        };
        return if scan.mark("]")? {
            Ok(Subject::Attribute(name))
        } else {
            Err(scan.misread("the bracket is not closed"))
        };
    }
    let mut names: Vec<String> = Vec::new();
    while scan.mark(".")? {
        match scan.peek()? {
            Some(Token::Word(name)) => {
                scan.next()?;
                names.push(name);
            }
            _ => return Err(scan.misread("an attribute's name follows the dot")),
        }
    }
    match names.is_empty() {
        true => Err(scan.misread("attribute is followed by .NAME or ['NAME']")),
        false => Ok(Subject::Attribute(names.join("."))),
    }
}

fn op(scan: &mut Scan<'_>) -> Result<Op, Misread> {
    let op = match scan.peek()? {
        Some(Token::Mark("=")) => Op::Equal,
        Some(Token::Mark("!=")) => Op::Unequal,
        Some(Token::Mark("<")) => Op::Less,
        Some(Token::Mark("<=")) => Op::AtMost,
        Some(Token::Mark(">")) => Op::More,
        Some(Token::Mark(">=")) => Op::AtLeast,
        Some(Token::Word(word)) if word == "contains" => Op::Contains,
        Some(Token::Word(word)) if word == "starts-with" => Op::StartsWith,
        _ => return Err(scan.misread(format!("{OPS} was expected"))),
    };
    scan.next()?;
    Ok(op)
}

fn value(scan: &mut Scan<'_>) -> Result<Value, Misread> {
    let expected = "a number, a quoted text, true, false or null was expected";
    let value = match scan.peek()? {
        Some(Token::Text(text)) => Value::String(text),
        Some(Token::Number(digits)) => match serde_json::from_str(&digits) {
            Ok(number) => number,
            Err(_) => return Err(scan.misread(format!("{digits} is no number"))),
        },
        Some(Token::Word(word)) => match word.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            _ => return Err(scan.misread(expected)),
        },
        _ => return Err(scan.misread(expected)),
    };
    scan.next()?;
    Ok(value)
}
