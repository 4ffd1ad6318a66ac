//! Drawing: assembles the picture, publishes it when there is news, tells those who wait.

use super::{Draft, Index};
use crate::book::Effect;
use crate::sameness::{News, news};
use crate::supervise::text_of;
use crate::time::Instant;
use model::{Level, Snapshot, Source, SourceFailure, SourceId, SourceStatus, State};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

impl Index {
    /// Assembles, publishes when there is news, and tells those who wait.
    pub(super) fn refresh(&mut self, now: Instant) {
        let rested = self.pace.begin(now);
        let previous = self.snapshots.borrow().clone();
        let begun = std::time::Instant::now();
        let next = self.assembled(&previous, now);
        let drawn = begun.elapsed();
        let news = news(&previous, &next);
        self.pace.spent(begun.elapsed());
        tracing::debug!(
            nodes = next.nodes.len(),
            micros = drawn.as_micros(),
            compared_micros = (begun.elapsed() - drawn).as_micros(),
            ?news,
            "assembled"
        );
        match news {
            News::Content => self.publish(next, now),
            News::Ages if rested => self.publish(next, now),
            News::Ages => self.soil(Effect::Ages),
            News::None => {}
        }
        let current = self.snapshots.borrow().clone();
        self.waiters.tell(&current, self.outstanding.is_empty());
        self.record();
    }

    fn assembled(&mut self, previous: &Snapshot, now: Instant) -> Snapshot {
        let draft = Draft {
            seq: previous.seq + 1,
            taken_at: (self.clock)(),
            sources: self.book.statuses(now),
            identity: self.identity.clone(),
            book: &self.book,
        };
        let assembler = &mut self.assembler;
        match catch_unwind(AssertUnwindSafe(|| assembler(draft))) {
            Ok(snapshot) => snapshot,
            Err(panic) => self.undrawable(previous, &text_of(panic.as_ref()), now),
        }
    }

    /// The picture when a rule has a defect: the nodes as they were, and a sentence.
    fn undrawable(&self, previous: &Snapshot, panic: &str, now: Instant) -> Snapshot {
        let mut sources = self.book.statuses(now);
        sources.push(self.defect(previous, panic));
        sources.sort_by(|a, b| a.source.id.cmp(&b.source.id));
        Snapshot {
            seq: previous.seq + 1,
            taken_at: (self.clock)(),
            sources,
            ..previous.clone()
        }
    }

    /// The assembly as a source that failed.
    fn defect(&self, previous: &Snapshot, panic: &str) -> SourceStatus {
        let failure = SourceFailure {
            class: model::FailureClass::Other,
            sentence: format!(
                "The picture could not be drawn anew: a rule has a defect ({panic})."
            ),
            next_step: "What is shown is the last good picture; please report this sentence."
                .to_owned(),
            code: None,
            request_id: None,
        };
        SourceStatus {
            source: Source::new(model::Service::Stack, model::Scope::default(), "assembly"),
            state: State::Failed,
            last_ok: Some(previous.taken_at),
            period_seconds: self.settings.ages_gap.as_secs_f64(),
            outdated: true,
            requests: 0,
            skipped: 0,
            error: Some(format!("{} {}", failure.sentence, failure.next_step)),
            failure: Some(failure),
        }
    }

    fn publish(&mut self, next: Snapshot, now: Instant) {
        self.pace.published(now);
        let abnormal = abnormal_sources(&next);
        self.signals.abnormal.send_if_modified(|known| {
            let differs = **known != abnormal;
            if differs {
                *known = Arc::new(abnormal);
            }
            differs
        });
        self.snapshots.send_replace(Arc::new(next));
    }
}

/// The sources that describe something abnormal: they are read faster.
fn abnormal_sources(snapshot: &Snapshot) -> BTreeSet<SourceId> {
    let mut sources = BTreeSet::new();
    for node in &snapshot.nodes {
        match node.health.level {
            Level::Ok | Level::Unknown => {}
            Level::InTransition | Level::Warning | Level::Critical => {
                if !sources.contains(&node.source) {
                    sources.insert(node.source.clone());
                }
                for origin in node.fact_origins.values() {
                    if !sources.contains(&origin.source) {
                        sources.insert(origin.source.clone());
                    }
                }
            }
        }
    }
    sources
}
