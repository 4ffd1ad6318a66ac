//! Which messages: a small language over a message's attributes and its JSON body.
//!
//! ```text
//! where   = "all" | any
//! any     = every { "or" every }
//! every   = one { "and" one }
//! one     = "not" one | "(" any ")" | test
//! test    = subject ( "exists" | op value )
//! subject = "attribute." NAME | "attribute['" TEXT "']" | "group" | "body" | PATH
//! op      = "=" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "starts-with"
//! value   = NUMBER | 'TEXT' | "TEXT" | true | false | null
//! PATH    = "$" { "." NAME | "['" TEXT "']" | "[" INDEX "]" | "[*]" | ".*" }
//! ```
//!
//! `PATH` is the part of JSONPath (RFC 9535, 2.1 to 2.5.1) with name, index and wildcard selectors;
//! an index counts from 0. A test over several nodes holds when it holds for one of them; over none
//! it does not hold, whatever the operator. Numbers compare as numbers (an attribute's text too, where
//! it is one); text compares by code point; values of different types are unequal and have no order.
//! A body that is no JSON has no nodes.

mod eval;
mod jq;
mod parse;
pub(crate) mod path;
mod scan;

pub(crate) use path::{Path, Segment};
pub(crate) use scan::{Scan, Token};

use serde_json::Value;

/// Why a text is not a filter (or an edit), and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {why}")]
pub struct Misread {
    /// Position, from 1, in characters.
    pub at: usize,
    /// What was expected there.
    pub why: String,
}

/// Which messages are selected.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    pub(crate) root: Expr,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    All,
    Any(Vec<Expr>),
    Every(Vec<Expr>),
    Not(Box<Expr>),
    Exists(Subject),
    Compare(Subject, Op, Value),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Subject {
    Attribute(String),
    Group,
    Body,
    Json(Path),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Contains,
    StartsWith,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// [`Misread`], with the position.
    pub fn parse(text: &str) -> Result<Self, Misread> {
        parse::filter(text)
    }

    /// Every message.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        matches!(self.root, Expr::All)
    }

    /// Whether it selects a message.
    #[must_use]
    pub fn selects(&self, message: &super::Message) -> bool {
        eval::selects(&self.root, message)
    }

    /// The same as a jq condition over one element of `Messages` as `aws sqs receive-message` prints
    /// them.
    #[must_use]
    pub fn jq(&self) -> String {
        jq::condition(&self.root)
    }
}

#[cfg(test)]
mod tests;
