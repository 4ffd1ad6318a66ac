//! What a ledger says: the fold of its lines.

use super::line::{Line, Sending};
use std::collections::{BTreeMap, BTreeSet};

/// Within this long SQS drops a repeated deduplication id (SQS Developer Guide, "Using the message
/// deduplication ID"), less a margin for the way there; milliseconds.
const DEDUPLICATED_MILLIS: i64 = 290_000;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// About to be sent; whether it was is not known.
    Sending,
    /// Certainly not sent.
    Unsent,
    /// Sent, not yet deleted where it came from.
    Sent,
    /// Sent and deleted.
    Deleted,
}

impl Stage {
    pub(crate) const fn was_sent(self) -> bool {
        matches!(self, Stage::Sent | Stage::Deleted)
    }
}

#[derive(Clone, Debug)]
struct Entry {
    stage: Stage,
    receipt: String,
    deduplication: Option<String>,
    first_sent: i64,
}

/// Counts of a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Sent, each message once.
    pub(crate) sent: i64,
    /// Of those, deleted where they came from.
    pub(crate) deleted: i64,
    /// About to be sent, outcome not known.
    pub(crate) open: i64,
    /// Sent again because the outcome of the time before is not known: so many may be there twice.
    pub(crate) twice: i64,
    /// Of those, so many are there twice; `None` where the destination was not looked through.
    pub(crate) counted: Option<i64>,
    /// Looked at and not sent: not selected.
    pub(crate) passed: i64,
    /// Refused by SQS, or not editable.
    pub(crate) unsent: i64,
    /// Copies of ours that came back.
    pub(crate) returned: i64,
}

/// A message that was sent again without an answer to the time before.
#[derive(Clone, Copy, Debug)]
struct Again {
    /// So often.
    times: i64,
    content: u64,
}

/// The fold of a ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// The node the messages come from.
    pub(crate) node: String,
    entries: BTreeMap<String, Entry>,
    /// Ids in the destination of what was sent.
    copies: BTreeSet<String>,
    returned: BTreeSet<String>,
    /// Held at some time and not sent since.
    looked: BTreeSet<String>,
    twice: BTreeMap<String, Again>,
    counted: Option<i64>,
    /// Who was sent with a deduplication id last, and when.
    deduplicated: BTreeMap<String, (String, i64)>,
    /// In flight with us, by id, with receipt.
    held: BTreeMap<String, String>,
    sent: i64,
    deleted: i64,
}

impl State {
    pub(crate) fn stage(&self, id: &str) -> Option<Stage> {
        self.entries.get(id).map(|entry| entry.stage)
    }

    /// Whether it is a copy this run sent, come back.
    pub(crate) fn is_copy(&self, id: &str) -> bool {
        self.copies.contains(id)
    }

    /// Ids in the destination of what is known to have been sent.
    pub(crate) const fn copies(&self) -> &BTreeSet<String> {
        &self.copies
    }

    /// What was sent again, by its content: so many of each may be in the destination under an id that is not known.
    pub(crate) fn sent_again(&self) -> BTreeMap<u64, i64> {
        let mut all = BTreeMap::new();
        for again in self.twice.values() {
            *all.entry(again.content).or_insert(0) += again.times;
        }
        all
    }

    /// Whether it was looked at before and not sent.
    pub(crate) fn was_passed(&self, id: &str) -> bool {
        self.looked.contains(id) || self.returned.contains(id)
    }

    /// The deduplication id it was to be sent with before.
    pub(crate) fn deduplication(&self, id: &str) -> Option<&str> {
        self.entries.get(id)?.deduplication.as_deref()
    }

    /// Whether another message was sent with this deduplication id so lately that SQS could drop one
    /// of the two.
    pub(crate) fn deduplication_taken(&self, id: &str, deduplication: &str, now: i64) -> bool {
        let last = self.deduplicated.get(deduplication);
        last.is_some_and(|(other, at)| other != id && now - at < 2 * DEDUPLICATED_MILLIS)
    }

    /// Sent and not deleted, with the last known receipt.
    pub(crate) fn undeleted(&self) -> Vec<(String, String)> {
        self.with_stage(|stage| stage == Stage::Sent)
    }

    /// About to be sent with no known outcome, or certainly unsent: with the last known receipt.
    pub(crate) fn unsettled(&self) -> Vec<(String, String)> {
        self.with_stage(|stage| stage == Stage::Sending)
    }

    fn with_stage(&self, wanted: impl Fn(Stage) -> bool) -> Vec<(String, String)> {
        let all = self.entries.iter().filter(|(_, entry)| wanted(entry.stage));
        all.map(|(id, entry)| (id.clone(), entry.receipt.clone()))
            .collect()
    }

    /// Held until the end, with receipts.
    pub(crate) fn held(&self) -> Vec<(String, String)> {
        self.held
            .iter()
            .map(|(id, r)| (id.clone(), r.clone()))
            .collect()
    }

    pub(crate) fn held_count(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn tally(&self) -> Tally {
        let count = |wanted: Stage| {
            let all = self.entries.values().filter(|entry| entry.stage == wanted);
            all.count() as i64
        };
        Tally {
            sent: self.sent,
            deleted: self.deleted,
            open: count(Stage::Sending),
            twice: self.twice.values().map(|again| again.times).sum(),
            counted: self.counted,
            passed: self.passed(),
            unsent: count(Stage::Unsent),
            returned: self.returned.len() as i64,
        }
    }

    /// Looked at and not selected: held, but neither to be sent nor a copy of ours.
    fn passed(&self) -> i64 {
        let neither = |id: &&String| !self.entries.contains_key(*id) && !self.copies.contains(*id);
        self.looked.iter().filter(neither).count() as i64
    }

    /// Takes in one line.
    pub(crate) fn take(&mut self, line: &Line) {
        match line {
            Line::Opened { node, .. } => self.node.clone_from(node),
            Line::Sending { messages } => messages.iter().for_each(|m| self.sending(m)),
            Line::Sent { ids } => ids.iter().for_each(|(id, copy)| self.sent(id, copy)),
            Line::Unsent { ids, .. } => self.set(ids, Stage::Unsent),
            Line::Deleted { ids } | Line::Gone { ids } => {
                let new = ids.iter().filter(|id| self.stage(id) == Some(Stage::Sent));
                self.deleted += new.count() as i64;
                self.set(ids, Stage::Deleted);
            }
            Line::Held { ids } => {
                for (id, receipt) in ids {
                    self.held.insert(id.clone(), receipt.clone());
                    self.looked.insert(id.clone());
                }
            }
            Line::Returned { ids } => self.returned.extend(ids.iter().cloned()),
            Line::Counted { twice } => self.counted = Some(*twice),
            Line::Released { ids } => {
                for id in ids {
                    self.held.remove(id);
                }
            }
        }
    }

    fn sending(&mut self, sending: &Sending) {
        let id = &sending.message.id;
        self.held.remove(id);
        self.looked.remove(id);
        let before = self.entries.get(id);
        let open = before.is_some_and(|entry| entry.stage == Stage::Sending);
        let first_sent = before.filter(|_| open).map_or(sending.at, |e| e.first_sent);
        // SQS itself drops the second one when it comes soon under the same deduplication id.
        let dropped = sending.deduplication.is_some()
            && before.is_some_and(|entry| entry.deduplication == sending.deduplication)
            && sending.at - first_sent < DEDUPLICATED_MILLIS;
        if open && !dropped {
            let body = sending.edited.as_ref().unwrap_or(&sending.message.body);
            let content = sending.message.content(body);
            let again = Again { times: 0, content };
            self.twice.entry(id.clone()).or_insert(again).times += 1;
            self.counted = None;
        }
        if let Some(used) = &sending.deduplication {
            let last = (id.clone(), sending.at);
            self.deduplicated.insert(used.clone(), last);
        }
        let entry = Entry {
            stage: Stage::Sending,
            receipt: sending.receipt.clone(),
            deduplication: sending.deduplication.clone(),
            first_sent,
        };
        self.entries.insert(id.clone(), entry);
    }

    fn sent(&mut self, id: &str, copy: &str) {
        self.copies.insert(copy.to_owned());
        if let Some(entry) = self.entries.get_mut(id) {
            if !entry.stage.was_sent() {
                self.sent += 1;
            }
            entry.stage = Stage::Sent;
        }
    }

    fn set(&mut self, ids: &[String], stage: Stage) {
        for id in ids {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.stage = stage;
            }
        }
    }
}
