//! What one receive brought: sent, written down, deleted.

use super::{Leg, Sorted, Trouble};
use crate::selected::ledger::{LedgerError, Line, Sending};
use crate::selected::message::Message;
use crate::selected::post::{Fate, Outgoing, Taken};
use crate::selected::terms::{BATCH_BYTES, Source};
use crate::time::Instant;
use std::collections::BTreeSet;
use std::time::Duration;

/// The most a request is about.
pub(super) const BATCH: usize = 10;

fn ids(taken: &[Taken]) -> Vec<String> {
    taken.iter().map(|one| one.message.id.clone()).collect()
}

fn pairs(taken: &[Taken]) -> Vec<(String, String)> {
    let pair = |one: &Taken| (one.message.id.clone(), one.receipt.clone());
    taken.iter().map(pair).collect()
}

impl Leg<'_> {
    pub(super) async fn deal(&self, sorted: Sorted, taken_at: Instant) -> Result<(), LedgerError> {
        let Sorted {
            mut selected,
            passed,
            seen,
            again,
            returned,
        } = sorted;
        if !returned.is_empty() {
            self.ledger
                .write(Line::Returned {
                    ids: ids(&returned),
                })
                .await?;
        }
        let held: Vec<_> = [&passed, &seen, &returned]
            .into_iter()
            .flat_map(|t| pairs(t))
            .collect();
        if !held.is_empty() {
            self.ledger.write(Line::Held { ids: held }).await?;
        }
        self.delete(&pairs(&again)).await?;
        let room = self.reserve(selected.len());
        let surplus = selected.split_off(room);
        self.let_go(&surplus).await;
        let ready = self.prepared(selected).await?;
        self.send_all(ready, taken_at + self.quota.hidden).await
    }

    /// What can be sent, with its body and deduplication id; what cannot be edited is held.
    async fn prepared(&self, selected: Vec<Taken>) -> Result<Vec<Sending>, LedgerError> {
        let mut ready = Vec::new();
        let mut used = BTreeSet::new();
        let at = crate::time::wall_millis();
        for one in selected {
            let edited = match &self.terms.edit {
                None => None,
                Some(edit) => match edit.apply(&one.message.body) {
                    Ok(body) => Some(body),
                    Err(unfit) => {
                        self.give_back(1);
                        self.set_aside(&one, &unfit.to_string()).await?;
                        continue;
                    }
                },
            };
            let deduplication = self.deduplication(&one.message, at, &mut used);
            ready.push(Sending {
                message: one.message,
                receipt: one.receipt,
                edited,
                deduplication,
                at,
            });
        }
        Ok(ready)
    }

    /// Not to be sent: written down, and held until the end.
    async fn set_aside(&self, one: &Taken, why: &str) -> Result<(), LedgerError> {
        let message = Sending {
            message: one.message.clone(),
            receipt: one.receipt.clone(),
            edited: None,
            deduplication: None,
            at: crate::time::wall_millis(),
        };
        self.ledger
            .write(Line::Sending {
                messages: vec![message],
            })
            .await?;
        let ids = vec![one.message.id.clone()];
        self.ledger
            .write(Line::Unsent {
                ids,
                why: why.to_owned(),
            })
            .await?;
        self.ledger
            .write(Line::Held {
                ids: pairs(std::slice::from_ref(one)),
            })
            .await
    }

    /// The deduplication id to send with: its own, unless SQS could take it for a repeat and drop it.
    /// SQS drops a repeated id for five minutes after it was first sent (SQS Developer Guide, "Using
    /// the message deduplication ID"); a message that came here later than that was sent before.
    fn deduplication(
        &self,
        message: &Message,
        at: i64,
        used: &mut BTreeSet<String>,
    ) -> Option<String> {
        if !self.terms.fifo {
            return None;
        }
        let state = self.ledger.state();
        if let Some(before) = state.deduplication(&message.id) {
            return Some(before.to_owned());
        }
        let own = message.deduplication().unwrap_or(&message.id);
        let old = message
            .sent_at()
            .is_some_and(|sent| self.terms.platform_millis(at) - sent > 600_000);
        let from_queue = matches!(self.terms.source, Source::Queue);
        let free = !state.deduplication_taken(&message.id, own, at) && !used.contains(own);
        let id = if old && free && from_queue {
            own.to_owned()
        } else {
            self.terms.fresh_deduplication(own, &message.id)
        };
        used.insert(id.clone());
        Some(id)
    }

    pub(super) async fn send_all(
        &self,
        ready: Vec<Sending>,
        until: Instant,
    ) -> Result<(), LedgerError> {
        let mut rest = ready;
        let mut sent = Vec::new();
        let mut stuck: BTreeSet<String> = BTreeSet::new();
        while !rest.is_empty() {
            let round = self.round(&mut rest, &stuck);
            if round.is_empty() {
                break;
            }
            self.pace.wait(round.len(), self.quota.gap).await;
            if crate::time::now() >= until || self.troubled() {
                rest.splice(0..0, round);
                break;
            }
            let gone = self.send(round, &mut stuck).await?;
            sent.extend(gone);
        }
        // What is left of a group that is stuck, or came too late, is not sent now.
        self.give_back(rest.len());
        let left: Vec<Taken> = rest.into_iter().map(back).collect();
        self.delete(&sent).await?;
        self.let_go(&left).await;
        Ok(())
    }

    fn troubled(&self) -> bool {
        let trouble = self.trouble.lock();
        trouble.is_ok_and(|trouble| trouble.is_some())
    }

    /// The next messages that may go in one request: of a FIFO queue one of each group, and none of a
    /// group that is stuck.
    fn round(&self, rest: &mut Vec<Sending>, stuck: &BTreeSet<String>) -> Vec<Sending> {
        let (mut round, mut later) = (Vec::new(), Vec::new());
        let (mut groups, mut bytes) = (BTreeSet::new(), 0);
        for sending in std::mem::take(rest) {
            let group = sending.message.group().unwrap_or("").to_owned();
            let size = sending.message.bytes() + sending.edited.as_ref().map_or(0, String::len);
            let fits = round.len() < BATCH && (round.is_empty() || bytes + size <= BATCH_BYTES);
            let free = !self.terms.fifo || !(groups.contains(&group) || stuck.contains(&group));
            if fits && free {
                bytes += size;
                round.push(sending);
            } else {
                later.push(sending);
            }
            groups.insert(group);
        }
        *rest = later;
        round
    }

    /// Sends one request; ids and receipts of what SQS took.
    async fn send(
        &self,
        round: Vec<Sending>,
        stuck: &mut BTreeSet<String>,
    ) -> Result<Vec<(String, String)>, LedgerError> {
        self.ledger
            .write(Line::Sending {
                messages: round.clone(),
            })
            .await?;
        let outgoing: Vec<Outgoing<'_>> = round.iter().map(outgoing).collect();
        let fates = self.post.send(&self.terms.destination_url, &outgoing).await;
        let (mut sent, mut receipts, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (sending, fate) in round.iter().zip(fates) {
            let id = sending.message.id.clone();
            match fate {
                Fate::Done(copy) => {
                    sent.push((id.clone(), copy));
                    receipts.push((id, sending.receipt.clone()));
                    continue;
                }
                Fate::Refused(failure) => refused.push((sending, failure)),
                Fate::Unknown(failure) => self.stop(Trouble::Unknown(failure)),
            }
            stuck.insert(sending.message.group().unwrap_or("").to_owned());
        }
        if !sent.is_empty() {
            self.ledger.write(Line::Sent { ids: sent }).await?;
        }
        self.refused(&round, refused).await?;
        Ok(receipts)
    }

    /// A message SQS refuses is held until the end; when it refuses all of a request, that is about
    /// the request.
    async fn refused(
        &self,
        round: &[Sending],
        refused: Vec<(&Sending, model::SourceFailure)>,
    ) -> Result<(), LedgerError> {
        let Some((_, first)) = refused.first() else {
            return Ok(());
        };
        let (why, ids) = (
            first.sentence.clone(),
            refused.iter().map(|(s, _)| s.message.id.clone()),
        );
        self.ledger
            .write(Line::Unsent {
                ids: ids.collect(),
                why,
            })
            .await?;
        self.give_back(refused.len());
        if refused.len() == round.len() {
            self.stop(Trouble::Refused(first.clone()));
        }
        let held = refused.iter().filter(|(s, _)| !s.receipt.is_empty());
        let held: Vec<_> = held
            .map(|(s, _)| (s.message.id.clone(), s.receipt.clone()))
            .collect();
        if held.is_empty() {
            return Ok(());
        }
        self.ledger.write(Line::Held { ids: held }).await
    }

    /// Deletes what was sent. What cannot be deleted is sent no second time: it is deleted when it is
    /// seen again.
    async fn delete(&self, sent: &[(String, String)]) -> Result<(), LedgerError> {
        if matches!(self.terms.source, Source::File(_)) {
            return Ok(());
        }
        for batch in sent.chunks(BATCH) {
            let receipts: Vec<String> = batch.iter().map(|(_, receipt)| receipt.clone()).collect();
            let fates = self.post.delete(&self.terms.source_url, &receipts).await;
            let mut ids = Vec::new();
            for ((id, _), fate) in batch.iter().zip(fates) {
                match fate {
                    Fate::Done(_) => ids.push(id.clone()),
                    Fate::Refused(failure) => self.stop(Trouble::Refused(failure)),
                    Fate::Unknown(failure) => self.stop(Trouble::Unknown(failure)),
                }
            }
            if !ids.is_empty() {
                self.ledger.write(Line::Deleted { ids }).await?;
            }
        }
        Ok(())
    }

    /// Can be received again at once; where that fails, it can when its time is over.
    async fn let_go(&self, taken: &[Taken]) {
        if matches!(self.terms.source, Source::File(_)) {
            return;
        }
        for batch in taken.chunks(BATCH) {
            let receipts: Vec<String> = batch.iter().map(|one| one.receipt.clone()).collect();
            self.post.release(&self.terms.source_url, &receipts).await;
        }
    }

    /// Sends out of a file what was not sent before, in the file's order.
    pub(super) async fn resend(&self) {
        let Source::File(messages) = &self.terms.source else {
            return;
        };
        loop {
            let room = if self.over() { 0 } else { self.reserve(BATCH) };
            let next: Vec<Taken> = {
                let state = self.ledger.state();
                let open = messages.iter().filter(|m| {
                    !state.stage(&m.id).is_some_and(|stage| stage.was_sent())
                        && !state.was_passed(&m.id)
                });
                open.take(room).cloned().map(without_receipt).collect()
            };
            self.give_back(room - next.len());
            if next.is_empty() {
                let whole = room > 0;
                self.exhausted
                    .store(whole, std::sync::atomic::Ordering::Relaxed);
                return;
            }
            let far = crate::time::now() + Duration::from_secs(3_600);
            let ready = self.prepared(next).await;
            let done = match ready {
                Ok(ready) => self.send_all(ready, far).await,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                return self.stop(Trouble::Disk(error.to_string()));
            }
        }
    }
}

fn outgoing(sending: &Sending) -> Outgoing<'_> {
    Outgoing {
        message: &sending.message,
        body: sending.edited.as_deref().unwrap_or(&sending.message.body),
        deduplication: sending.deduplication.as_deref(),
    }
}

fn back(sending: Sending) -> Taken {
    Taken {
        message: sending.message,
        receipt: sending.receipt,
    }
}

fn without_receipt(message: Message) -> Taken {
    Taken {
        message,
        receipt: String::new(),
    }
}
