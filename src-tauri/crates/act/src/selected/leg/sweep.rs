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

/// Receives until nothing more comes, at most until `until`; what is not looked for is let go then.
/// `exhausted` when all of the queue was seen: what was not met is gone, and written down as that.
pub(crate) async fn sweep(post: &dyn Post, ledger: &Ledger, terms: &Terms, until: Instant) -> Gone {
    let mut others = Vec::new();
    let swept = receive_all(post, ledger, terms, until, &mut others).await;
    // A message of a FIFO group is not received while one before it is in flight.
    let whole = !terms.fifo || others.is_empty();
    let_go(post, terms, &others).await;
    let written = match swept {
        Ok(true) if whole => gone(ledger).await.map_err(|e| Trouble::Disk(e.to_string())),
        Ok(_) => Ok(()),
        Err(trouble) => Err(trouble),
    };
    Gone {
        exhausted: written.is_ok(),
        trouble: written.err(),
    }
}

/// Whether everything was seen.
async fn receive_all(
    post: &dyn Post,
    ledger: &Ledger,
    terms: &Terms,
    until: Instant,
    others: &mut Vec<(String, String)>,
) -> Result<bool, Trouble> {
    let mut empty = 0;
    while empty < EMPTY && !ledger.state().undeleted().is_empty() {
        if now() >= until {
            return Ok(false);
        }
        let taken = post.receive(&terms.source_url, terms.hide).await;
        let taken = taken.map_err(Trouble::Refused)?;
        empty = if taken.is_empty() { empty + 1 } else { 0 };
        let sent = |one: &Taken| {
            let stage = ledger.state().stage(&one.message.id);
            stage.is_some_and(Stage::was_sent)
        };
        let (again, rest): (Vec<Taken>, Vec<Taken>) = taken.into_iter().partition(sent);
        others.extend(rest.into_iter().map(|one| (one.message.id, one.receipt)));
        let deleted = delete(post, ledger, terms, &again).await;
        deleted.map_err(|error| Trouble::Disk(error.to_string()))?;
    }
    Ok(true)
}

async fn delete(
    post: &dyn Post,
    ledger: &Ledger,
    terms: &Terms,
    again: &[Taken],
) -> Result<(), LedgerError> {
    if again.is_empty() {
        return Ok(());
    }
    let receipts: Vec<String> = again.iter().map(|one| one.receipt.clone()).collect();
    let fates = post.delete(&terms.source_url, &receipts).await;
    let done = again.iter().zip(fates);
    let done = done.filter(|(_, fate)| matches!(fate, Fate::Done(_)));
    let ids: Vec<String> = done.map(|(one, _)| one.message.id.clone()).collect();
    match ids.is_empty() {
        true => Ok(()),
        false => ledger.write(Line::Deleted { ids }).await,
    }
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
    use crate::redrive::Counts;
    use crate::selected::Message;
    use crate::selected::filter::Filter;
    use crate::selected::ledger::Sending;
    use crate::selected::post::Outgoing;
    use crate::selected::terms::Source;
    use async_trait::async_trait;
    use model::SourceFailure;
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    /// A queue that takes no receipt of another receive.
    #[derive(Default)]
    struct Strict {
        visible: Mutex<Vec<&'static str>>,
        in_flight: Mutex<Vec<String>>,
    }

    fn message(id: &str) -> Message {
        Message {
            id: id.to_owned(),
            body: "{}".to_owned(),
            attributes: BTreeMap::new(),
            system: BTreeMap::new(),
        }
    }

    fn locked<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
        what.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[async_trait]
    impl Post for Strict {
        async fn receive(&self, _: &str, _: i32) -> Result<Vec<Taken>, SourceFailure> {
            let taken = locked(&self.visible).pop().map(|id| Taken {
                message: message(id),
                receipt: format!("second-{id}"),
            });
            locked(&self.in_flight).extend(taken.iter().map(|one| one.receipt.clone()));
            Ok(taken.into_iter().collect())
        }

        async fn send(&self, _: &str, _: &[Outgoing<'_>]) -> Vec<Fate> {
            unreachable!("nothing is sent")
        }

        async fn delete(&self, _: &str, receipts: &[String]) -> Vec<Fate> {
            let mut flying = locked(&self.in_flight);
            flying.retain(|one| !receipts.contains(one));
            receipts.iter().map(|_| Fate::Done(String::new())).collect()
        }

        async fn release(&self, _: &str, receipts: &[String]) -> Vec<Fate> {
            self.delete("", receipts).await
        }

        async fn counts(&self, _: &str) -> Result<Counts, SourceFailure> {
            unreachable!("nothing is counted")
        }

        async fn moving(&self, _: &str) -> Result<Option<String>, SourceFailure> {
            unreachable!("nothing is asked")
        }
    }

    fn terms(fifo: bool) -> Terms {
        Terms {
            name: "dlq".to_owned(),
            node: "queue/1/r/dlq".to_owned(),
            source_url: String::new(),
            source_arn: String::new(),
            destination_url: String::new(),
            to: String::new(),
            filter: Filter::parse("all").expect("a filter"),
            edit: None,
            limit: None,
            rate: 10,
            canary: None,
            lanes: 1,
            hide: 30,
            fifo,
            return_seconds: 60.0,
            source: Source::Queue,
            skew: 0,
        }
    }

    /// A ledger in which `a` and `b` were sent and their deletion is not known; what a sweep of a queue
    /// that holds `there` leaves undeleted.
    async fn left(fifo: bool, there: &[&'static str]) -> (Vec<String>, usize) {
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
        let queue = Strict::default();
        *locked(&queue.visible) = there.to_vec();
        let until = now() + Duration::from_secs(60);
        let gone = sweep(&queue, &ledger, &terms(fifo), until).await;
        assert_eq!(gone.trouble, None);
        let undeleted = ledger.state().undeleted();
        let flying = locked(&queue.in_flight).len();
        (undeleted.into_iter().map(|(id, _)| id).collect(), flying)
    }

    #[tokio::test]
    async fn what_is_there_is_deleted_and_what_is_not_is_gone() {
        for there in [&[][..], &["a"], &["b", "other", "a"], &["other"]] {
            assert_eq!(left(false, there).await, (vec![], 0), "{there:?}");
        }
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
