//! What a crash left: runs whose journal is open, with what is known and what is next.

use super::runner::{Subject, blank};
use crate::audit::{Audit, AuditKind};
use crate::gate::Grounds;
use crate::journal::{self, Found, JournalError};
use act::{Entry, Receipt, RunId, RunPhase};
use std::io;
use std::path::Path;

/// Runs that are not over, of the state folder: alive in some process, or interrupted. One whose
/// journal is damaged says so; it is left out only when neither its first line nor the record tells
/// what it is about.
///
/// # Errors
/// When the folder cannot be read.
pub fn unfinished_runs(state_dir: &Path) -> io::Result<Vec<Receipt>> {
    let dir = state_dir.join(super::helm::FOLDER);
    let runs = journal::unfinished(&dir)?;
    let told = |run: &RunId| receipt(&dir, run).or_else(|error| damaged(state_dir, run, &error));
    Ok(runs.iter().filter_map(|run| told(run).ok()).collect())
}

fn receipt(dir: &Path, run: &RunId) -> Result<Receipt, JournalError> {
    let found = journal::peek(dir, run)?;
    let subject = subject(dir, run, &found.entries)?;
    told(dir, &subject, &found)
}

/// The receipt of a damaged journal, from what can be read of it.
fn damaged(state_dir: &Path, run: &RunId, error: &JournalError) -> Result<Receipt, JournalError> {
    let dir = state_dir.join(super::helm::FOLDER);
    let found = journal::peek_prefix(&dir, run)?;
    let subject = match subject(&dir, run, &found.entries) {
        Ok(subject) => subject,
        Err(error) => recorded(state_dir, run).ok_or(error)?,
    };
    let mut receipt = told(&dir, &subject, &found).unwrap_or_else(|_| blank(&subject));
    receipt.sentence = format!("{} What is known: {}", sentence(error), receipt.sentence);
    Ok(receipt)
}

/// What a run is about, from the row that opened it.
pub(crate) fn recorded(state_dir: &Path, run: &RunId) -> Option<Subject> {
    let audit = Audit::open(state_dir).ok()?;
    let row = audit.about(run, AuditKind::Opened).ok()??;
    let plan = serde_json::from_value(row.body.get("plan")?.clone()).ok()?;
    Some(Subject {
        run: run.clone(),
        plan,
        grounds: Grounds {
            actor: row.actor,
            reason: row.body.get("reason")?.as_str()?.to_owned(),
            break_glass: row
                .body
                .get("break_glass")
                .and_then(|why| why.as_str())
                .map(str::to_owned),
        },
        pressed_at: row.at,
        taken: true,
    })
}

/// An error as a sentence.
pub(crate) fn sentence(error: &JournalError) -> String {
    let words = error.to_string();
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase);
    let whole: String = first.into_iter().flatten().chain(letters).collect();
    format!("{}.", whole.trim_end_matches('.'))
}

fn told(dir: &Path, subject: &Subject, found: &Found) -> Result<Receipt, JournalError> {
    let recount = act::recount(&subject.plan, &found.entries);
    let recount = recount.ok_or_else(|| unknown_action(dir, &subject.run))?;
    let mut receipt = blank(subject);
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
        let run = &subject.run.0;
        receipt.next_step = Some(format!("{} (qd resume {run})", recount.next));
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
            break_glass,
            at,
        }) => Ok(Subject {
            run: run.clone(),
            plan: (**plan).clone(),
            grounds: Grounds {
                actor: actor.clone(),
                reason: reason.clone(),
                break_glass: break_glass.clone(),
            },
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
