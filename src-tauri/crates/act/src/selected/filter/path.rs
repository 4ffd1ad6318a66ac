//! The part of JSONPath that is understood: names, indexes and wildcards (RFC 9535, 2.3.1 to 2.3.3).

use super::{Misread, Scan, Token};
use serde_json::Value;
use std::fmt;

/// Where in a JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<Segment>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Name(String),
    Index(usize),
    Every,
}

impl Path {
    /// Reads a path; the next word is its `$`.
    pub(crate) fn read(scan: &mut Scan<'_>) -> Result<Self, Misread> {
        if !scan.mark("$")? {
            return Err(scan.misread("a path begins with $"));
        }
        let mut segments = Vec::new();
        loop {
            if scan.mark(".")? {
                segments.push(Self::after_dot(scan)?);
            } else if scan.mark("[")? {
                segments.push(Self::in_brackets(scan)?);
            } else {
                return Ok(Self(segments));
            }
        }
    }

    fn after_dot(scan: &mut Scan<'_>) -> Result<Segment, Misread> {
        if scan.mark("*")? {
            return Ok(Segment::Every);
        }
        match scan.peek()? {
            Some(Token::Word(name)) => {
                scan.next()?;
                Ok(Segment::Name(name))
            }
            _ => Err(scan.misread("a name or * follows the dot")),
        }
    }

    fn in_brackets(scan: &mut Scan<'_>) -> Result<Segment, Misread> {
        let expected = "a quoted name, an index from 0 or * stands in brackets";
        let mut ahead = scan.clone();
        let segment = match ahead.next()? {
            Some(Token::Text(name)) => Segment::Name(name),
            Some(Token::Mark("*")) => Segment::Every,
            Some(Token::Number(digits)) => match digits.parse() {
                Ok(index) => Segment::Index(index),
                Err(_) => return Err(scan.misread(expected)),
            },
            _ => return Err(scan.misread(expected)),
        };
        *scan = ahead;
        if scan.mark("]")? {
            Ok(segment)
        } else {
            Err(scan.misread("the bracket is not closed"))
        }
    }

    /// Whether it leads to one place at most.
    pub(crate) fn single(&self) -> bool {
        !self.0.contains(&Segment::Every)
    }

    /// Every node it leads to.
    pub(crate) fn nodes<'v>(&self, root: &'v Value) -> Vec<&'v Value> {
        let mut nodes = vec![root];
        for segment in &self.0 {
            nodes = nodes.into_iter().flat_map(|v| step(v, segment)).collect();
        }
        nodes
    }
}

fn step<'v>(value: &'v Value, segment: &Segment) -> Vec<&'v Value> {
    match segment {
        Segment::Name(name) => value
            .as_object()
            .and_then(|o| o.get(name))
            .into_iter()
            .collect(),
        Segment::Index(index) => value
            .as_array()
            .and_then(|a| a.get(*index))
            .into_iter()
            .collect(),
        Segment::Every => match value {
            Value::Object(object) => object.values().collect(),
            Value::Array(array) => array.iter().collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        },
    }
}

/// A name that needs no quotes.
pub(crate) fn plain(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// Text in single quotes as the language reads it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for segment in &self.0 {
            match segment {
                Segment::Name(name) if plain(name) => write!(f, ".{name}")?,
                Segment::Name(name) => write!(f, "[{}]", quoted(name))?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Every => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}
