//! Changes to a message's JSON body, in the language of the filter.
//!
//! ```text
//! edit   = change { ";" change }
//! change = "set" PATH "=" JSON | "remove" PATH
//! ```
//!
//! `PATH` is a filter's, without wildcards; `JSON` any JSON value (RFC 8259). `set` replaces what is
//! there or adds a member to an object that is there; `remove` takes a member or an element away. A
//! body the changes do not fit is not sent.

mod apply;
mod exact;
mod shape;
#[cfg(test)]
mod tests;

use super::filter::{Misread, Path, Scan};
use serde_json::Value;

/// What is changed in each message.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    changes: Vec<Change>,
    /// The body may become of another shape.
    free: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Change {
    Set(Path, Value),
    Remove(Path),
}

/// Why a message cannot be edited, a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub String);

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ts_rs::TS)]
pub struct Difference {
    /// Where, as a path.
    pub path: String,
    /// What was there, as JSON; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub before: Option<String>,
    /// What is there now, as JSON; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub after: Option<String>,
}

impl Edit {
    /// Reads an edit; `free`: the body may become of another shape (other members or types).
    ///
    /// # Errors
    /// [`Misread`], with the position.
    pub fn parse(text: &str, free: bool) -> Result<Self, Misread> {
        let mut scan = Scan::new(text);
        let mut changes = Vec::new();
        loop {
            changes.push(change(&mut scan)?);
            if scan.done() {
                return Ok(Self { changes, free });
            }
            if !scan.mark(";")? {
                return Err(scan.misread("; or the end was expected"));
            }
        }
    }

    /// The body as edited.
    ///
    /// # Errors
    /// [`Unfit`] when it is no JSON, has no such place, or would become of another shape.
    pub fn apply(&self, body: &str) -> Result<String, Unfit> {
        let before: Value = serde_json::from_str(body).map_err(|_| {
            Unfit("The body is no JSON, so that nothing in it can be set.".to_owned())
        })?;
        exact::numbers(body)?;
        let mut after = before.clone();
        for change in &self.changes {
            match change {
                Change::Set(path, value) => apply::set(&mut after, path, value)?,
                Change::Remove(path) => apply::remove(&mut after, path)?,
            }
        }
        if !self.free {
            shape::same(&before, &after)?;
        }
        Ok(after.to_string())
    }

    /// The same as a jq program over the body's JSON.
    #[must_use]
    pub fn jq(&self) -> String {
        let one = |change: &Change| match change {
            Change::Set(path, value) => format!("setpath({}; {value})", apply::steps(path)),
            Change::Remove(path) => format!("delpaths([{}])", apply::steps(path)),
        };
        let all: Vec<String> = self.changes.iter().map(one).collect();
        all.join(" | ")
    }

    /// What an edited body has otherwise.
    #[must_use]
    pub fn differences(before: &str, after: &str) -> Vec<Difference> {
        match (serde_json::from_str(before), serde_json::from_str(after)) {
            (Ok(before), Ok(after)) => shape::differences(&before, &after),
            _ => Vec::new(),
        }
    }
}

fn change(scan: &mut Scan<'_>) -> Result<Change, Misread> {
    if scan.word("remove")? {
        return Ok(Change::Remove(place(scan)?));
    }
    if !scan.word("set")? {
        return Err(scan.misread("set or remove was expected"));
    }
    let path = place(scan)?;
    if !scan.mark("=")? {
        return Err(scan.misread("= was expected"));
    }
    let rest = scan.rest();
    let text = &rest[..value_end(rest)];
    match serde_json::from_str(text) {
        Ok(value) => {
            scan.pass(text.len());
            Ok(Change::Set(path, value))
        }
        Err(_) => Err(scan.misread("a JSON value was expected, text in double quotes")),
    }
}

/// Where a value ends: before the next `;` outside of text.
fn value_end(rest: &str) -> usize {
    let (mut text, mut taken) = (false, false);
    for (at, c) in rest.char_indices() {
        match c {
            _ if taken => taken = false,
            '\\' if text => taken = true,
            '"' => text = !text,
            ';' if !text => return at,
            _ => {}
        }
    }
    rest.len()
}

fn place(scan: &mut Scan<'_>) -> Result<Path, Misread> {
    let begun = scan.misread("one place is edited: no wildcard, and not the whole body");
    let path = Path::read(scan)?;
    if path.single() && !path.0.is_empty() {
        Ok(path)
    } else {
        Err(begun)
    }
}
