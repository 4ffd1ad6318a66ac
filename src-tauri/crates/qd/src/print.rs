//! Writing to stdout without panicking when the reader has gone (`qd watch | head`).

use crate::failure::Failure;
use serde::Serialize;
use std::io::{ErrorKind, Write as _};

/// One JSON document on one line.
pub(crate) fn line(value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string(value)
        .map_err(|error| Failure::new(format!("This could not be written as JSON: {error}.")))?;
    text.push('\n');
    self::text(&text)
}

/// Text as it is.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        // Whoever read us has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(format!(
            "Standard output cannot be written: {error}."
        ))),
    }
}
