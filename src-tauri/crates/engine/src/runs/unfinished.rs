//! What a crash left: runs whose journal is open, with what is known and what is next.

use super::runner::{Subject, blank};
use crate::journal::{self, JournalError};
use act::{Entry, Receipt, RunId, RunPhase};
use std::io;
use std::path::Path;

/// Runs that are not over, of the state folder: alive in some process, or interrupted. A journal
/// that is damaged is left out here and named when it is resumed.
///
/// # Errors
/// When the folder cannot be read.
pub fn unfinished_runs(state_dir: &Path) -> io::Result<Vec<Receipt>> {
    let dir = state_dir.join(super::helm::FOLDER);
    let runs = journal::unfinished(&dir)?;
    Ok(runs
        .iter()
        .filter_map(|run| receipt(&dir, run).ok())
        .collect())
}

fn receipt(dir: &Path, run: &RunId) -> Result<Receipt, JournalError> {
    let found = journal::peek(dir, run)?;
    let subject = subject(dir, run, &found.entries)?;
    let recount = act::recount(&subject.plan, &found.entries);
    let recount = recount.ok_or_else(|| unknown_action(dir, run))?;
    let mut receipt = blank(&subject);
    receipt.steps = recount.face.steps;
    receipt.progress = recount.face.progress;
    receipt.predicates = recount.face.predicates;
    receipt.phase = if found.alive {
        recount.face.phase
    } else {
        RunPhase::Interrupted
    };
    receipt.sentence = recount.known;
    if !found.alive {
        receipt.next_step = Some(format!("{} (qd resume {})", recount.next, run.0));
    }
    Ok(receipt)
}

/// A journal of a later version, with an action this one does not have.
fn unknown_action(dir: &Path, run: &RunId) -> JournalError {
    JournalError::Damaged {
        path: dir.join(&run.0),
        line: 1,
        why: "this version knows no such action".to_owned(),
    }
}

/// What a run is about, from the first line of its journal.
pub(crate) fn subject(dir: &Path, run: &RunId, entries: &[Entry]) -> Result<Subject, JournalError> {
    match entries.first() {
        Some(Entry::Opened {
            run,
            plan,
            actor,
            reason,
            at,
        }) => Ok(Subject {
            run: run.clone(),
            plan: (**plan).clone(),
            actor: actor.clone(),
            reason: reason.clone(),
            pressed_at: *at,
            taken: true,
        }),
        Some(_) | None => Err(JournalError::Damaged {
            path: dir.join(&run.0),
            line: 1,
            why: "it does not say what was confirmed".to_owned(),
        }),
    }
}
