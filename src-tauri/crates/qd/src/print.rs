//! Writing to stdout without panicking when the reader has gone (`qd watch | head`).

use crate::failure::Failure;
use serde::Serialize;
use std::io::{BufWriter, ErrorKind, Write as _};

/// Written in pieces of this size: a picture of 10,000 pods is 22 MB, never held as text.
const PIECE: usize = 64 * 1024;

/// One JSON document on one line.
pub(crate) fn line(value: &impl Serialize) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(PIECE, std::io::stdout().lock());
    match serde_json::to_writer(&mut out, value) {
        Ok(()) => ended(out.write_all(b"\n").and_then(|()| out.flush())),
        Err(error) if error.is_io() => ended(Err(error.into())),
        Err(error) => Err(Failure::new(format!(
            "This could not be written as JSON: {error}."
        ))),
    }
}

/// Text as it is.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    ended(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

fn ended(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Ok(()) => Ok(()),
        // Whoever read us has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(format!(
            "Standard output cannot be written: {error}."
        ))),
    }
}
