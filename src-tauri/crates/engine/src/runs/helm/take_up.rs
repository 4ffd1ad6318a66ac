//! Taking up what a crash left.

use super::press::{Begun, opened_row};
use super::{Helm, Live, RunWatch};
use crate::audit::{AuditKind, AuditRow, Record};
use crate::gate::Refusal;
use crate::journal::{Journal, JournalError};
use crate::runs::locks::DomainLock;
use crate::runs::runner::{Subject, blank, end, touches};
use crate::runs::unfinished::{recorded, sentence, subject};
use act::{Ending, Entry, Receipt, RunEvent, RunId};
use tokio::sync::watch;

impl Helm {
    /// Takes up an interrupted run: reads what the platform shows and ends it in a named outcome,
    /// starting nothing twice.
    ///
    /// # Errors
    /// When it is alive, unknown or damaged, or its account is not open.
    pub async fn resume(&self, run: &RunId) -> Result<RunWatch, Refusal> {
        let _pressing = self.pressing()?;
        let inner = &self.inner;
        let (mut journal, entries) = match Journal::take_up(&inner.dir, run) {
            Ok(taken) => taken,
            Err(error @ JournalError::Damaged { .. }) => return self.end_damaged(run, &error),
            Err(error) => return Err(error.into()),
        };
        let mut subject = subject(&inner.dir, run, &entries)?;
        let audit = self.audit()?;
        if let Some(row) = audit.about(run, AuditKind::Closed)? {
            return self.file(journal, &entries, &subject, &row);
        }
        let lock = DomainLock::take(&inner.dir, subject.plan.whole())?;
        let mut course = inner.platform.course(&subject.plan)?;
        let lease = self.take_lock(&mut subject, inner.platform.now()).await?;
        if audit.about(run, AuditKind::Opened)?.is_none() {
            audit.append(opened_row(&subject))?;
        }
        let actor = inner.platform.actor();
        let at = inner.platform.now();
        audit.append(Record {
            at,
            actor: actor.clone(),
            kind: AuditKind::Resumed,
            run: Some(run.clone()),
            sentence: format!("Taken up after an interruption: {}", subject.plan.label),
            body: serde_json::Value::Null,
        })?;
        inner.points.at("resumed").await;
        let taken = Entry::Taken { at, actor };
        journal.append(&taken)?;
        for entry in entries.iter().chain([&taken]) {
            course.learn(entry);
        }
        let touched = entries
            .iter()
            .any(|entry| matches!(entry, Entry::Answered { answer, .. } if touches(answer)));
        let unanswered = matches!(entries.last(), Some(Entry::Intent { .. }));
        Ok(self.spawn(Begun {
            subject,
            course,
            journal,
            audit,
            lock,
            lease,
            touched: touched || unanswered,
        }))
    }

    /// What a damaged journal's run started after the damage is not known, so it cannot be followed:
    /// it ends in that, and the journal is kept as it is.
    fn end_damaged(&self, run: &RunId, error: &JournalError) -> Result<RunWatch, Refusal> {
        let dir = &self.inner.dir;
        let (journal, entries) = Journal::salvage(dir, run)?;
        let known = subject(dir, run, &entries);
        let known = known.or_else(|error| {
            let state = &self.inner.state_dir;
            recorded(state, run).ok_or(error)
        })?;
        let audit = self.audit()?;
        let mut receipt = blank(&known);
        if let Some(recount) = act::recount(&known.plan, &entries) {
            receipt.steps = recount.face.steps;
            receipt.progress = recount.face.progress;
            receipt.sentence = recount.known;
        }
        let ending = Ending {
            verdict: act::Verdict::Partial,
            sentence: format!(
                "{} What it did after that is not known, so it is not followed. Before: {}",
                sentence(error),
                receipt.sentence
            ),
            next_step: Some(format!(
                "Look at {} where it lives before you plan again; the journal is kept as {}.damaged.",
                known.plan.name, run.0
            )),
        };
        let at = self.inner.platform.now();
        end(&mut receipt, &ending, at);
        if audit.about(run, AuditKind::Opened)?.is_none() {
            audit.append(opened_row(&known))?;
        }
        if audit.about(run, AuditKind::Closed)?.is_none() {
            audit.append(Record {
                at,
                actor: self.inner.platform.actor(),
                kind: AuditKind::Closed,
                run: Some(run.clone()),
                sentence: ending.sentence,
                body: serde_json::to_value(&receipt).unwrap_or_default(),
            })?;
        }
        journal.set_aside(dir, run)?;
        Ok(self.final_watch(receipt))
    }

    /// The crash came after the end: only the journal is left to be filed.
    fn file(
        &self,
        mut journal: Journal,
        entries: &[Entry],
        subject: &Subject,
        row: &AuditRow,
    ) -> Result<RunWatch, Refusal> {
        let mut receipt: Receipt =
            serde_json::from_value(row.body.clone()).unwrap_or_else(|_| blank(subject));
        let ending = Ending {
            verdict: receipt.verdict.unwrap_or(act::Verdict::Partial),
            sentence: row.sentence.clone(),
            next_step: receipt.next_step.clone(),
        };
        if !matches!(entries.last(), Some(Entry::Closed { .. })) {
            journal.append(&Entry::Closed {
                at: row.at,
                ending: ending.clone(),
            })?;
        }
        journal.done(&self.inner.dir, &subject.run)?;
        end(&mut receipt, &ending, row.at);
        Ok(self.final_watch(receipt))
    }

    fn final_watch(&self, receipt: Receipt) -> RunWatch {
        let run = receipt.run.clone();
        let (events, watch) = watch::channel(RunEvent { seq: 1, receipt });
        let (stop, _) = watch::channel(false);
        // The sender may go: the receipt is final.
        drop(events);
        let live = Live {
            events: watch.clone(),
            stop,
        };
        self.live().insert(run, live);
        watch
    }
}
