//! What was sent and is not known to be deleted, looked for where it came from: it is there still and
//! is deleted, or it is not there any more.
//!
//! A run that dies between a deletion and its line in the ledger leaves a receipt that not every server
//! takes a second time. SQS answers a deletion of what is deleted with success, but of a FIFO queue it
//! refuses a receipt whose time is over (DeleteMessage, API reference): then the message is there.

use super::settle::let_go;
use super::{EMPTY, Gone, Trouble};
use crate::selected::ledger::{Ledger, LedgerError, Line, Stage};
use crate::selected::post::{Fate, Post, Taken};
use crate::selected::terms::Terms;
use crate::time::{Instant, now};

/// What is met is hidden no longer than this, platform seconds: a sweep that dies lets nothing go.
pub(crate) const HIDE: i32 = 120;

/// Receives until nothing more comes, at most until `until`; what is not looked for is let go then.
/// `exhausted` when nothing is left open: what was met is deleted, and the queue holds nothing else
/// that was not met, so that the rest is gone, and written down as that. A request that fails leaves
/// it open: everything was sent, and looking is no reason to end a run.
pub(crate) async fn sweep(post: &dyn Post, ledger: &Ledger, terms: &Terms, until: Instant) -> Gone {
    let mut kept = Vec::new();
    let looked = look_through(post, ledger, terms, until, &mut kept).await;
    let swept = match looked {
        // A message of a FIFO group is not received while one before it is in flight.
        Ok(true) if kept.is_empty() || !terms.fifo => {
            match holds_only(post, terms, kept.len()).await {
                true => gone(ledger).await.map(|()| true),
                false => Ok(false),
            }
        }
        Ok(_) => Ok(false),
        Err(error) => Err(error),
    };
    let_go(post, &terms.source_url, &kept).await;
    Gone {
        exhausted: ledger.state().undeleted().is_empty(),
        trouble: swept.err().map(|error| Trouble::Disk(error.to_string())),
    }
}

/// Whether all that could be received was, and all of it that was sent is deleted. What stays in
/// flight with us is `kept`.
async fn look_through(
    post: &dyn Post,
    ledger: &Ledger,
    terms: &Terms,
    until: Instant,
    kept: &mut Vec<(String, String)>,
) -> Result<bool, LedgerError> {
    let (mut empty, mut whole) = (0, true);
    while empty < EMPTY && !ledger.state().undeleted().is_empty() {
        if now() >= until {
            return Ok(false);
        }
        let hide = terms.hide.min(HIDE);
        let Ok(taken) = post.receive(&terms.source_url, hide).await else {
            return Ok(false);
        };
        empty = if taken.is_empty() { empty + 1 } else { 0 };
        let sent = |one: &Taken| {
            let stage = ledger.state().stage(&one.message.id);
            stage.is_some_and(Stage::was_sent)
        };
        let (again, others): (Vec<Taken>, Vec<Taken>) = taken.into_iter().partition(sent);
        let stayed = delete(post, ledger, terms, again).await?;
        whole = whole && stayed.is_empty();
        kept.extend(others.into_iter().chain(stayed).map(pair));
    }
    Ok(whole)
}

fn pair(one: Taken) -> (String, String) {
    (one.message.id, one.receipt)
}

/// Deletes; gives back what was not, or perhaps not.
async fn delete(
    post: &dyn Post,
    ledger: &Ledger,
    terms: &Terms,
    again: Vec<Taken>,
) -> Result<Vec<Taken>, LedgerError> {
    if again.is_empty() {
        return Ok(again);
    }
    let receipts: Vec<String> = again.iter().map(|one| one.receipt.clone()).collect();
    let fates = post.delete(&terms.source_url, &receipts).await;
    let (mut ids, mut stayed) = (Vec::new(), Vec::new());
    for (one, fate) in again.into_iter().zip(fates) {
        match fate {
            Fate::Done(_) => ids.push(one.message.id),
            Fate::Refused(_) | Fate::Unknown(_) => stayed.push(one),
        }
    }
    if !ids.is_empty() {
        ledger.write(Line::Deleted { ids }).await?;
    }
    Ok(stayed)
}

/// Whether the queue holds nothing but what is in flight with us, by SQS's counts: somebody else may
/// have received what is looked for.
async fn holds_only(post: &dyn Post, terms: &Terms, kept: usize) -> bool {
    let counts = post.counts(&terms.source_url).await;
    counts.is_ok_and(|c| c.visible == 0 && c.delayed == 0 && c.not_visible == kept as i64)
}

async fn gone(ledger: &Ledger) -> Result<(), LedgerError> {
    let left = ledger.state().undeleted();
    let ids: Vec<String> = left.into_iter().map(|(id, _)| id).collect();
    match ids.is_empty() {
        true => Ok(()),
        false => ledger.write(Line::Gone { ids }).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selected::ledger::Sending;
    use crate::selected::leg::fixture::{Strict, message, terms};
    use std::time::Duration;

    /// A ledger in which `a` and `b` were sent and their deletion is not known; what a sweep of a queue
    /// that holds `there` leaves undeleted.
    async fn left(fifo: bool, there: &[&'static str]) -> (Vec<String>, usize) {
        left_by(&holding(there), fifo).await
    }

    fn holding(there: &[&str]) -> Strict {
        Strict::holding(there.iter().map(|id| message(id)).collect())
    }

    async fn left_by(queue: &Strict, fifo: bool) -> (Vec<String>, usize) {
        let dir = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(dir.path(), "run").expect("a ledger");
        let messages = ["a", "b"].map(|id| Sending {
            message: message(id),
            receipt: format!("first-{id}"),
            edited: None,
            deduplication: None,
            at: 0,
        });
        let sending = Line::Sending {
            messages: messages.into(),
        };
        ledger.write(sending).await.expect("written");
        let ids = ["a", "b"].map(|id| (id.to_owned(), format!("copy-{id}")));
        ledger
            .write(Line::Sent { ids: ids.into() })
            .await
            .expect("written");
        let until = now() + Duration::from_secs(60);
        let gone = sweep(queue, &ledger, &terms(fifo), until).await;
        assert_eq!(gone.trouble, None);
        let undeleted = ledger.state().undeleted();
        assert_eq!(gone.exhausted, undeleted.is_empty());
        (
            undeleted.into_iter().map(|(id, _)| id).collect(),
            queue.flying(),
        )
    }

    #[tokio::test]
    async fn what_is_there_is_deleted_and_what_is_not_is_gone() {
        for there in [&[][..], &["a"], &["b", "other", "a"], &["other"]] {
            assert_eq!(left(false, there).await, (vec![], 0), "{there:?}");
        }
    }

    #[tokio::test]
    async fn what_was_met_and_not_deleted_or_may_be_with_another_is_not_called_gone() {
        let both = || vec!["a".to_owned(), "b".to_owned()];
        let mut refuses = holding(&["a"]);
        refuses.refuses = true;
        assert_eq!(left_by(&refuses, false).await, (both(), 0));
        let mut peeked = Strict::default();
        peeked.theirs = 1;
        assert_eq!(left_by(&peeked, false).await, (both(), 0));
    }

    #[tokio::test]
    async fn what_another_message_of_its_group_may_hide_is_not_called_gone() {
        assert_eq!(left(true, &[]).await.0, Vec::<String>::new());
        assert_eq!(
            left(true, &["other"]).await,
            (vec!["a".into(), "b".into()], 0)
        );
        assert_eq!(left(true, &["a", "b"]).await.0, Vec::<String>::new());
    }
}
