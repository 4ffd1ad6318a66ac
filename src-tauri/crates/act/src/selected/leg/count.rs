//! How many of what was sent again are there twice: looked for where it was sent to.
//!
//! A standard queue takes a repeated message as a new one, so that of a sending without an answer nobody says whether
//! it arrived (SQS Developer Guide, "Amazon SQS at-least-once delivery"). Its copy has an id that no answer told; it
//! is known by its content.

use super::settle::{holds_only, let_go};
use super::{EMPTY, Gone, Trouble};
use crate::selected::Message;
use crate::selected::ledger::{Ledger, Line, State};
use crate::selected::post::{Post, Taken};
use crate::selected::terms::Terms;
use crate::time::{Instant, now};
use futures::future::join_all;
use model::Timestamp;
use std::collections::BTreeMap;

/// What is met is hidden no longer than this, platform seconds: a count that dies lets nothing go.
pub(crate) const HIDE: i32 = 300;
/// Platform time is told in whole seconds.
const CLOCK_MILLIS: i64 = 2_000;
/// A queue that holds more is not looked through: about a minute's requests, and a sixth of what may be in flight
/// (SQS Developer Guide, "Amazon SQS standard queue quotas").
pub(crate) const MOST: i64 = 20_000;

/// What a look through the destination met.
#[derive(Default)]
struct Met {
    /// By id, with receipt: what is in flight with us.
    kept: BTreeMap<String, String>,
    /// Copies whose id no answer told, by content.
    unknown: BTreeMap<u64, i64>,
    /// It was not seen to its end.
    cut: bool,
}

/// Receives until nothing more comes, at most until `until`, looks for what arrived `since` then, writes down how many are there twice, and lets all be
/// received again. `exhausted` when that is known; a request that fails, a copy that is not met or somebody else who
/// receives leaves it open, and looking is no reason to end a run.
pub(crate) async fn count(
    post: &dyn Post,
    ledger: &Ledger,
    terms: &Terms,
    since: Timestamp,
    until: Instant,
) -> Gone {
    let copies = ledger.state().copies().clone();
    let ours = |message: &Message| {
        let late = |at: i64| at >= since.millis() - CLOCK_MILLIS;
        !copies.contains(&message.id) && message.sent_at().is_none_or(late)
    };
    let lanes = (0..terms.lanes).map(|_| look(post, terms, &ours, until));
    let met = join_all(lanes).await.into_iter().fold(Met::default(), both);
    let there = copies.iter().all(|id| met.kept.contains_key(id));
    let url = &terms.destination_url;
    let whole = !met.cut && there && holds_only(post, url, met.kept.len()).await;
    let kept: Vec<(String, String)> = met.kept.into_iter().collect();
    let_go(post, url, &kept).await;
    if !whole {
        return Gone::default();
    }
    let twice = twice(&ledger.state(), &met.unknown);
    match ledger.write(Line::Counted { twice }).await {
        Ok(()) => Gone {
            exhausted: true,
            trouble: None,
        },
        Err(error) => Gone {
            exhausted: false,
            trouble: Some(Trouble::Disk(error.to_string())),
        },
    }
}

/// One lane's look; what may be `ours` is told by its content.
async fn look(
    post: &dyn Post,
    terms: &Terms,
    ours: &(dyn Fn(&Message) -> bool + Sync),
    until: Instant,
) -> Met {
    let (mut met, mut empty) = (Met::default(), 0);
    while empty < EMPTY {
        let taken = post.receive(&terms.destination_url, HIDE).await;
        let (Ok(taken), true) = (taken, now() < until) else {
            met.cut = true;
            break;
        };
        empty = if taken.is_empty() { empty + 1 } else { 0 };
        for Taken { message, receipt } in taken {
            let new = met.kept.insert(message.id.clone(), receipt).is_none();
            if new && ours(&message) {
                *met.unknown
                    .entry(message.content(&message.body))
                    .or_default() += 1;
            }
        }
    }
    met
}

/// A message that two lanes met was received twice at once, which SQS may do: its count is not to be relied upon.
fn both(mut all: Met, one: Met) -> Met {
    let again = one.kept.keys().any(|id| all.kept.contains_key(id));
    all.cut = all.cut || one.cut || again;
    all.kept.extend(one.kept);
    for (content, count) in one.unknown {
        *all.unknown.entry(content).or_default() += count;
    }
    all
}

/// What arrived under an id that is not known, as far as something like it was sent again: a producer may have sent
/// the like too.
fn twice(state: &State, unknown: &BTreeMap<u64, i64>) -> i64 {
    let again = state.sent_again().into_iter();
    let arrived =
        again.map(|(content, times)| times.min(unknown.get(&content).copied().unwrap_or(0)));
    arrived.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selected::ledger::Sending;
    use crate::selected::leg::fixture::{Strict, message, terms};
    use std::time::Duration;

    const PRESSED: i64 = 1_700_000_000_000;

    fn sending(id: &str, body: &str) -> Line {
        let mut message = message(id);
        message.body = body.to_owned();
        Line::Sending {
            messages: vec![Sending {
                message,
                receipt: String::new(),
                edited: None,
                deduplication: None,
                at: 0,
            }],
        }
    }

    /// `a` and `b` were sent again without an answer to the first time, `c` once; how many are counted twice in a
    /// destination that holds `there`, and what stays in flight.
    async fn counted(there: &[(&str, &str, i64)], theirs: i64) -> (Option<i64>, usize) {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(dir.path(), "run").expect("a ledger");
        let again = ["a", "b"].map(|id| sending(id, id));
        for line in again.iter().chain(&again).chain([&sending("c", "c")]) {
            ledger.write(line.clone()).await.expect("written");
        }
        let ids = ["a", "b", "c"].map(|id| (id.to_owned(), format!("copy-{id}")));
        ledger
            .write(Line::Sent { ids: ids.into() })
            .await
            .expect("written");
        let arrived = |(id, body, at): &(&str, &str, i64)| {
            let mut message = message(id);
            message.body = (*body).to_owned();
            message
                .system
                .insert("SentTimestamp".to_owned(), at.to_string());
            message
        };
        let mut queue = Strict::holding(there.iter().map(arrived).collect());
        queue.theirs = theirs;
        let until = now() + Duration::from_secs(60);
        let gone = count(
            &queue,
            &ledger,
            &terms(false),
            Timestamp::from_millis(PRESSED),
            until,
        )
        .await;
        let counted = ledger.state().tally().counted;
        assert_eq!((gone.exhausted, gone.trouble), (counted.is_some(), None));
        (counted, queue.flying())
    }

    fn known(more: &[(&'static str, &'static str, i64)]) -> Vec<(&'static str, &'static str, i64)> {
        let copies = [
            ("copy-a", "a", PRESSED),
            ("copy-b", "b", PRESSED),
            ("copy-c", "c", PRESSED),
        ];
        copies.into_iter().chain(more.iter().copied()).collect()
    }

    #[tokio::test]
    async fn what_arrived_a_second_time_is_counted_and_can_be_received_again() {
        assert_eq!(counted(&known(&[]), 0).await, (Some(0), 0));
        assert_eq!(
            counted(&known(&[("x", "a", PRESSED)]), 0).await,
            (Some(1), 0)
        );
        let both = [
            ("x", "a", PRESSED),
            ("y", "b", PRESSED),
            ("z", "other", PRESSED),
        ];
        assert_eq!(counted(&known(&both), 0).await, (Some(2), 0));
    }

    #[tokio::test]
    async fn what_others_sent_is_not_taken_for_a_copy() {
        let thrice = [
            ("x", "a", PRESSED),
            ("y", "a", PRESSED),
            ("z", "c", PRESSED),
        ];
        assert_eq!(
            counted(&known(&thrice), 0).await,
            (Some(1), 0),
            "one was sent again, no more can be there"
        );
        let before = [("x", "a", PRESSED - 60_000)];
        assert_eq!(
            counted(&known(&before), 0).await,
            (Some(0), 0),
            "it was there before"
        );
    }

    #[tokio::test]
    async fn it_is_not_known_where_somebody_takes_them() {
        assert_eq!(
            counted(&known(&[])[1..], 0).await,
            (None, 0),
            "a copy is gone"
        );
        assert_eq!(
            counted(&known(&[("x", "a", PRESSED)]), 1).await,
            (None, 0),
            "one is with somebody else"
        );
    }
}
