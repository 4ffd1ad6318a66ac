//! Taking up what a crash left.

use super::press::{Begun, opened_row};
use super::{Helm, Live, RunWatch};
use crate::audit::{AuditKind, AuditRow, Record};
use crate::gate::Refusal;
use crate::journal::Journal;
use crate::runs::locks::NodeLock;
use crate::runs::runner::{Subject, blank, end, touches};
use crate::runs::unfinished::subject;
use act::{Ending, Entry, Receipt, RunEvent, RunId};
use tokio::sync::watch;

impl Helm {
    /// Takes up an interrupted run: reads what the platform shows and ends it in a named outcome,
    /// starting nothing twice.
    ///
    /// # Errors
    /// When it is alive, unknown or damaged, or its account is not open.
    pub async fn resume(&self, run: &RunId) -> Result<RunWatch, Refusal> {
        let inner = &self.inner;
        let (mut journal, entries) = Journal::take_up(&inner.dir, run)?;
        let subject = subject(&inner.dir, run, &entries)?;
        let audit = self.audit()?;
        if let Some(row) = audit.about(run, AuditKind::Closed)? {
            return self.file(journal, &entries, &subject, &row);
        }
        let lock = NodeLock::take(&inner.dir, &subject.plan.node)?;
        let mut course = inner.platform.course(&subject.plan)?;
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
            touched: touched || unanswered,
        }))
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
        let (events, watch) = watch::channel(RunEvent { seq: 1, receipt });
        let (stop, _) = watch::channel(false);
        // The sender may go: the receipt is final.
        drop(events);
        self.live().insert(
            subject.run.clone(),
            Live {
                events: watch.clone(),
                stop,
            },
        );
        Ok(watch)
    }
}
