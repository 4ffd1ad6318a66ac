//! What is written down of the book, so that the next start draws it at once.
//!
//! Findings are recorded, not the finished picture: drawn again through the ordinary assembly,
//! everything old rolls up as Unknown by the ordinary rules, and each source that answers
//! replaces exactly its own part.

use model::{Found, SourceId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Everything held at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recording {
    /// Platform time.
    pub(crate) taken_at: Timestamp,
    /// One per source that ever answered well.
    pub(crate) shelves: Vec<Shelf>,
}

/// What one source held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shelf {
    /// Which source.
    pub(crate) source: SourceId,
    /// Its last good reading.
    pub(crate) last_ok: Timestamp,
    /// What it found.
    pub(crate) items: Vec<Shelved>,
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shelved {
    /// When it was observed.
    pub(crate) at: Timestamp,
    /// What.
    pub(crate) found: Arc<Found>,
}
