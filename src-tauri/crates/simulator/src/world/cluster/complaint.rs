//! What goes wrong around the pods of a workload, as far as their logs tell it.

use super::Cluster;
use super::spec::WorkloadKey;
use crate::clock::Millis;

/// Complaints of a workload that are kept.
const KEPT: usize = 64;
/// A share that changes less than this, as a factor, is the same complaint.
const SAME: f64 = 1.4;

/// What pods log of something that fails around them.
#[derive(Debug, Clone, PartialEq)]
pub struct Complaint {
    /// The error.
    pub words: String,
    /// Share of their lines that tell of it, 0 to 1.
    pub share: f64,
    /// Only containers started before this know it; all when left out.
    pub started_before: Option<Millis>,
}

/// A complaint and its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Complained {
    /// What.
    pub what: Complaint,
    /// From when.
    pub since: Millis,
    /// Until when; still when left out.
    pub until: Option<Millis>,
}

impl Complained {
    /// Whether a container started at `started` logs it at `at`.
    #[must_use]
    pub fn heard(&self, started: Millis, at: Millis) -> bool {
        self.since <= at
            && self.until.is_none_or(|until| at < until)
            && self
                .what
                .started_before
                .is_none_or(|before| started < before)
    }
}

impl Cluster {
    /// From now on the pods of a workload complain of this, or of nothing.
    pub fn complain(&mut self, key: &WorkloadKey, what: Option<Complaint>, now: Millis) {
        let Some(id) = self.find(key) else { return };
        let all = &mut self.workload_mut(id).complaints;
        let open = all.last_mut().filter(|c| c.until.is_none());
        match (open, what) {
            (Some(open), Some(what)) if alike(&open.what, &what) => {}
            (open, what) => {
                if let Some(open) = open {
                    open.until = Some(now);
                }
                let begin = |what| Complained {
                    what,
                    since: now,
                    until: None,
                };
                all.extend(what.map(begin));
                let surplus = all.len().saturating_sub(KEPT);
                all.drain(..surplus);
            }
        }
    }
}

fn alike(a: &Complaint, b: &Complaint) -> bool {
    let ratio = a.share / b.share.max(f64::MIN_POSITIVE);
    a.words == b.words
        && a.started_before == b.started_before
        && (1.0 / SAME..SAME).contains(&ratio)
}
