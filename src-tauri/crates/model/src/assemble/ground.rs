//! What a picture is drawn from, and what of it changed since the last one.

use super::structure::{Structure, same_shape};
use super::{Declared, Held};
use crate::id::SourceId;
use crate::observation::Found;
use crate::rules::{Thresholds, believed};
use crate::source::{SourceStatus, State};
use crate::time::Timestamp;
use std::sync::Arc;

/// What a picture is drawn from now.
pub(super) struct Frame<'a> {
    /// Nodes and figures, without changes.
    pub(super) held: Vec<Held<'a>>,
    /// Every source, ordered by id.
    pub(super) sources: &'a [SourceStatus],
    pub(super) declared: &'a Declared,
    pub(super) thresholds: &'a Thresholds,
    pub(super) now: Timestamp,
}

/// What the last picture was drawn from.
#[derive(Debug)]
pub(super) struct Ground {
    held: Vec<Kept>,
    /// Every source, and whether it answered whole: a thing it did not find is not there.
    whole: Vec<(SourceId, bool)>,
    /// The sources that are not believed, as far as they are quoted.
    unheard: Vec<SourceStatus>,
    declared: Declared,
    thresholds: Thresholds,
}

/// A finding as it was. While it is kept no other one can have its address, so that findings are
/// compared by address.
#[derive(Debug)]
struct Kept {
    source: SourceId,
    observed_at: Timestamp,
    found: Arc<Found>,
}

impl Ground {
    pub(super) fn new(frame: &Frame<'_>) -> Self {
        let keep = |held: &Held<'_>| Kept {
            source: held.source.clone(),
            observed_at: held.observed_at,
            found: Arc::clone(held.found),
        };
        Self {
            held: frame.held.iter().map(keep).collect(),
            whole: whole(frame.sources),
            unheard: unheard(frame.sources),
            declared: frame.declared.clone(),
            thresholds: frame.thresholds.clone(),
        }
    }

    /// Takes what is held now; gives the nodes that it tells otherwise, or nothing when the
    /// structure is another one.
    pub(super) fn renew(&mut self, frame: &Frame<'_>, structure: &Structure) -> Option<Vec<usize>> {
        let same = self.held.len() == frame.held.len()
            && self.declared == *frame.declared
            && self.thresholds == *frame.thresholds
            && self.whole == whole(frame.sources);
        if !same {
            return None;
        }
        let mut dirty = Vec::new();
        for (at, (was, is)) in self.held.iter_mut().zip(&frame.held).enumerate() {
            let same = Arc::ptr_eq(&was.found, is.found);
            if was.source != *is.source || !(same || same_shape(&was.found, is.found)) {
                return None;
            }
            if !same || was.observed_at != is.observed_at {
                was.observed_at = is.observed_at;
                was.found = Arc::clone(is.found);
                dirty.extend(structure.place(at));
            }
        }
        Some(dirty)
    }

    /// Whether all that is said of sources that are not believed is what it was.
    pub(super) fn hears_as_before(&mut self, frame: &Frame<'_>) -> bool {
        let unheard = unheard(frame.sources);
        let same = unheard == self.unheard;
        self.unheard = unheard;
        same
    }
}

fn whole(sources: &[SourceStatus]) -> Vec<(SourceId, bool)> {
    let whole = |s: &SourceStatus| s.state == State::Ok && s.skipped == 0;
    let all = sources.iter();
    all.map(|s| (s.source.id.clone(), whole(s))).collect()
}

fn unheard(sources: &[SourceStatus]) -> Vec<SourceStatus> {
    let lost = sources.iter().filter(|s| !believed(s));
    lost.map(|s| SourceStatus {
        requests: 0,
        ..s.clone()
    })
    .collect()
}
