//! How many of what was sent again are there twice: looked for where it was sent to.
//!
//! A standard queue takes a repeated message as a new one, so that of a sending without an answer nobody says whether
//! it arrived (SQS Developer Guide, "Amazon SQS at-least-once delivery"). Its copy has an id that no answer told; it
//! is known by its content.

use super::settle::let_go;
use super::{EMPTY, Gone, Trouble};
use crate::redrive::Counts;
use crate::selected::Message;
use crate::selected::ledger::{Ledger, Line, State, Tally};
use crate::selected::post::{Post, Taken};
use crate::selected::terms::{Most, Terms};
use crate::time::{Instant, now};
use futures::future::join_all;
use model::Timestamp;
use std::collections::BTreeMap;

/// What is met is hidden no longer than this, platform seconds: a count that dies lets nothing go.
pub(crate) const HIDE: i32 = 120;
/// Platform time is told in whole seconds.
const CLOCK_MILLIS: i64 = 2_000;
/// A queue that holds more is not looked through: some seconds' requests, and a sixth of what may be in flight
/// (SQS Developer Guide, "Amazon SQS standard queue quotas").
const MOST: i64 = 20_000;
/// A destination whose policy moves a message on after fewer receives is not looked through: the look is one of them.
const SPARED: i64 = 3;

/// Whether what was sent again can be looked for: it went into a standard queue, by the counts nobody takes or adds
/// anything there, and no policy is near to moving a message on. `before` is how many were there at first.
pub(crate) fn can_be_counted(terms: &Terms, tally: Tally, before: i64, there: Counts) -> bool {
    let spared = match terms.most_receives {
        None => false,
        Some(Most::Unlimited) => true,
        Some(Most::Receives(most)) => before == 0 && most >= SPARED,
    };
    let ours = before + tally.sent..=before + tally.sent + tally.twice;
    let still = there.not_visible == 0 && there.delayed == 0 && ours.contains(&there.visible);
    let unknown = tally.twice > 0 && tally.open == 0 && tally.counted.is_none();
    unknown && spared && still && there.visible <= MOST && terms.takes() && !terms.fifo
}

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

/// Receives until nothing more comes, at most until `until`, looks for what arrived `since` then, writes down how many
/// are there twice, and lets all be received again. `exhausted` when that is known; a request that fails, a copy that is
/// not met or somebody else who receives leaves it open, and looking is no reason to end a run.
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
    let whole = !met.cut && there && alone(post, url, met.kept.len()).await;
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
        if now() >= until {
            met.cut = true;
            break;
        }
        let Ok(taken) = post.receive(&terms.destination_url, HIDE).await else {
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

/// Whether nobody else holds any: a long poll that brings nothing asked every server, so what is there was met. Counts
/// lag, and say too little rather than too much of what was just received.
async fn alone(post: &dyn Post, url: &str, kept: usize) -> bool {
    let counts = post.counts(url).await;
    counts.is_ok_and(|counts| counts.not_visible <= kept as i64)
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
    use crate::selected::terms::Source;
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

    #[test]
    fn only_a_queue_that_nobody_works_and_no_policy_threatens_is_looked_through() {
        let tally = Tally {
            sent: 100,
            twice: 10,
            ..Tally::default()
        };
        let there = Counts {
            visible: 104,
            not_visible: 0,
            delayed: 0,
        };
        let with = |most: Option<Most>| Terms {
            most_receives: most,
            ..terms(false)
        };
        let free = with(Some(Most::Unlimited));
        assert!(can_be_counted(&free, tally, 0, there));
        assert!(can_be_counted(
            &with(Some(Most::Receives(3))),
            tally,
            0,
            there
        ));
        let at = |visible, not_visible, delayed| Counts {
            visible,
            not_visible,
            delayed,
        };
        for (why, terms, tally, before, there) in [
            ("policy not known", &with(None), tally, 0, there),
            (
                "policy near",
                &with(Some(Most::Receives(2))),
                tally,
                0,
                there,
            ),
            (
                "receives before not known",
                &with(Some(Most::Receives(9))),
                tally,
                2,
                there,
            ),
            (
                "FIFO",
                &Terms {
                    fifo: true,
                    ..free.clone()
                },
                tally,
                0,
                there,
            ),
            (
                "put back",
                &Terms {
                    source: Source::File(Vec::new()),
                    ..free.clone()
                },
                tally,
                0,
                there,
            ),
            ("somebody takes", &free, tally, 0, at(104, 1, 0)),
            ("somebody took", &free, tally, 0, at(99, 0, 0)),
            ("somebody sends", &free, tally, 0, at(111, 0, 0)),
            ("delayed", &free, tally, 0, at(104, 0, 1)),
            (
                "nothing sent again",
                &free,
                Tally { twice: 0, ..tally },
                0,
                at(100, 0, 0),
            ),
            ("still open", &free, Tally { open: 1, ..tally }, 0, there),
            (
                "counted",
                &free,
                Tally {
                    counted: Some(0),
                    ..tally
                },
                0,
                there,
            ),
            (
                "too many",
                &free,
                Tally {
                    sent: 20_001,
                    ..tally
                },
                0,
                at(20_001, 0, 0),
            ),
        ] {
            assert!(!can_be_counted(terms, tally, before, there), "{why}");
        }
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
