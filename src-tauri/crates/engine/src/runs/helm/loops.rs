//! What was left open, as it stands now.

use super::Helm;
use crate::gate::Refusal;
use crate::journal;
use crate::runs::runner::Subject;
use crate::runs::unfinished::unfinished_runs;
use act::loops::{Left, Shown, found, ours, shown};
use act::{OpenLoop, Receipt};
use model::{Snapshot, Timestamp};

impl Helm {
    /// What was left open and by whom, the most urgent first; what the platform shows to be over is
    /// closed in the book. What nobody here left open is listed where the platform shows it.
    ///
    /// # Errors
    /// When the book or the journals cannot be read.
    pub fn loops(&self) -> Result<Vec<OpenLoop>, Refusal> {
        let inner = &self.inner;
        let (snapshot, now) = (inner.platform.snapshot(), inner.platform.now());
        let runs = self.unfinished()?;
        let mut all = Vec::new();
        for left in inner.loops.open()? {
            if left.stack == snapshot.stack.name {
                all.extend(self.stands(left, &snapshot, &runs, now)?);
            }
        }
        for other in found(&snapshot) {
            if !all.iter().any(|known: &OpenLoop| known.node == other.node) {
                all.push(owned(other, &runs));
            }
        }
        all.sort_by(|a, b| (a.state, a.until, &a.id).cmp(&(b.state, b.until, &b.id)));
        Ok(all)
    }

    /// A loop of the book as it stands; nothing once it is over.
    fn stands(
        &self,
        mut left: Left,
        snapshot: &Snapshot,
        runs: &[Receipt],
        now: Timestamp,
    ) -> Result<Option<OpenLoop>, Refusal> {
        // A process that died between writing the loop down and its journal left no run.
        left.ended |= !runs.iter().any(|run| run.run == left.run);
        let seen = if left.ended {
            shown(snapshot, &left)
        } else {
            Shown::Open
        };
        if seen == Shown::Closed {
            let how = "the platform shows that it is no longer open";
            self.inner.loops.close(&left.run, now, how)?;
            return Ok(None);
        }
        Ok(Some(ours(&left, seen, now)))
    }

    /// Writes down what a run is about to leave open.
    pub(super) fn begin_loop(&self, subject: &Subject) -> Result<(), Refusal> {
        let Some(leaves) = &subject.plan.leaves else {
            return Ok(());
        };
        let left = Left {
            run: subject.run.clone(),
            node: subject.plan.node.clone(),
            name: subject.plan.name.clone(),
            stack: self.inner.platform.snapshot().stack.name.clone(),
            leaves: leaves.clone(),
            actor: subject.grounds.actor.clone(),
            reason: subject.grounds.reason.clone(),
            since: subject.pressed_at,
            ended: false,
        };
        Ok(self.inner.loops.begin(&left)?)
    }

    pub(super) fn unfinished(&self) -> Result<Vec<Receipt>, Refusal> {
        unfinished_runs(&self.inner.state_dir).map_err(|source| {
            let path = self.inner.dir.clone();
            Refusal::Journal(journal::JournalError::Io {
                path,
                what: "read",
                source,
            })
        })
    }
}

/// A run of ours on the node, alive or interrupted, is whose it is.
fn owned(mut found: OpenLoop, runs: &[Receipt]) -> OpenLoop {
    if let Some(run) = runs.iter().find(|run| run.node == found.node) {
        found.owner = Some(run.actor.clone());
        found.reason = Some(run.reason.clone());
        found.run = Some(run.run.clone());
        found.since = found.since.or(Some(run.pressed_at));
    }
    found
}
