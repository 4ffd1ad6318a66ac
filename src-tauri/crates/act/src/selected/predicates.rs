//! The predicates of a selected redrive, judged look by look.

use super::consumer;
use super::course::Seen;
use super::expect::{BACK, CONSUMED, CONSUMER, NO_RETURNS, SETTLE_SECONDS, SETTLED};
use super::ledger::Tally;
use crate::plan::Plan;
use crate::watch;
use crate::words::{count, span, thousands};
use model::{Fact, Snapshot, Timestamp};
use std::ops::Deref;

/// Older than this, the oldest message of the destination is getting old; younger, it is traffic.
const FRESH_SECONDS: f64 = 120.0;

/// One look, as far as the predicates care.
pub(crate) struct Look<'a> {
    pub(crate) now: Timestamp,
    pub(crate) pressed: Timestamp,
    /// When the last leg ended.
    pub(crate) ended: Option<Timestamp>,
    /// Nothing more is to be sent, nothing is half done or held.
    pub(crate) done: bool,
    pub(crate) seen: Seen,
    /// Messages in the destination before the first was sent.
    pub(crate) before: i64,
    pub(crate) tally: Tally,
    pub(crate) returned: i64,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) plan: &'a Plan,
}

/// The predicates of one run, and what they need to remember from look to look.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    general: watch::Watch,
    returned: i64,
    /// Since when the destination has been empty after the canary.
    quiet: Option<Timestamp>,
}

impl Deref for Watch {
    type Target = watch::Watch;

    fn deref(&self) -> &watch::Watch {
        &self.general
    }
}

impl Watch {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            general: watch::Watch::new(plan),
            returned: 0,
            quiet: None,
        }
    }

    /// The canary's messages had the time to fail and come back, and did not; or the destination has
    /// been empty for as long as counts take to settle, so that every one was consumed.
    pub(crate) fn canary_stayed_away(&self, now: Timestamp, ended: Timestamp, back: f64) -> bool {
        let waited = now.seconds_since(ended) >= back.max(SETTLE_SECONDS);
        let quiet = self
            .quiet
            .is_some_and(|at| now.seconds_since(at) >= SETTLE_SECONDS);
        waited || quiet
    }

    pub(crate) fn observe(&mut self, look: &Look<'_>) {
        let empty = look.seen.destination.total() == 0;
        self.quiet = match look.ended {
            Some(_) if empty => self.quiet.or(Some(look.now)),
            Some(_) | None => None,
        };
        let Some(ended) = look.ended.filter(|_| look.done) else {
            return;
        };
        let grown = look.returned > self.returned;
        let judge = |id: &str| judge(id, look, grown);
        self.general.observe(look.now, look.pressed, ended, judge);
        self.returned = look.returned;
    }
}

fn judge(id: &str, look: &Look<'_>, grown: bool) -> (bool, String) {
    let tally = look.tally;
    let both = format!(
        "{} sent, {} deleted",
        thousands(tally.sent),
        thousands(tally.deleted)
    );
    match id {
        SETTLED => (
            tally.sent == tally.deleted && tally.open == 0 && tally.sent > 0,
            both,
        ),
        BACK => (
            tally.open == 0 && tally.unsent == 0,
            format!("{} sent", thousands(tally.sent)),
        ),
        NO_RETURNS => {
            let value = format!("{} came back", thousands(look.returned));
            (look.returned == 0 && !grown, value)
        }
        CONSUMED => consumed(look),
        CONSUMER => consumer::well(look.snapshot, look.plan),
        other => (
            false,
            format!("{other} is not a predicate this version knows"),
        ),
    }
}

/// Live traffic goes on meanwhile: what is there is no backlog as long as none of it is old.
fn consumed(look: &Look<'_>) -> (bool, String) {
    let total = look.seen.destination.total();
    let held = count(total, "message");
    if total <= look.before {
        return (true, format!("holds {held}"));
    }
    let targets = look.plan.targets.iter().filter(|id| **id != look.plan.node);
    let age = |id| look.snapshot.node(id)?.facts.number(Fact::OldestAgeSeconds);
    match targets.filter_map(age).reduce(f64::max) {
        Some(age) => (
            age <= FRESH_SECONDS,
            format!("holds {held}, the oldest {}", span(age)),
        ),
        None => (false, format!("holds {held}")),
    }
}
