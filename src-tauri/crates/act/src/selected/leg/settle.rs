//! After an interruption or a lost answer: what was sent is deleted, the rest can be received again.

use super::{Gone, Trouble};
use crate::selected::ledger::{Ledger, Line};
use crate::selected::post::{Fate, Post};
use crate::selected::terms::{Source, Terms};

const BATCH: usize = 10;

/// Deletes what was sent and not deleted, and lets what has no known outcome be received again: it
/// is then sent again, and counted. A receipt that SQS no longer takes is left: the message comes
/// back by itself, and is known by its id.
pub(crate) async fn reconcile(post: &dyn Post, ledger: &Ledger, terms: &Terms) -> Gone {
    if matches!(terms.source, Source::File(_)) {
        return Gone::default();
    }
    let undeleted = ledger.state().undeleted();
    for batch in undeleted.chunks(BATCH) {
        let receipts: Vec<String> = batch.iter().map(|(_, receipt)| receipt.clone()).collect();
        let fates = post.delete(&terms.source_url, &receipts).await;
        let done = batch
            .iter()
            .zip(fates)
            .filter(|(_, fate)| matches!(fate, Fate::Done(_)));
        let ids: Vec<String> = done.map(|((id, _), _)| id.clone()).collect();
        if let (false, Err(error)) = (
            ids.is_empty(),
            ledger.write(Line::Deleted { ids: ids.clone() }).await,
        ) {
            return disk(&error);
        }
    }
    let unsettled = ledger.state().unsettled();
    let_go(post, &terms.source_url, &unsettled).await;
    release(post, ledger, terms).await
}

/// Lets what is held be received again.
pub(crate) async fn release(post: &dyn Post, ledger: &Ledger, terms: &Terms) -> Gone {
    let held = ledger.state().held();
    let_go(post, &terms.source_url, &held).await;
    let ids: Vec<String> = held.into_iter().map(|(id, _)| id).collect();
    if ids.is_empty() {
        return Gone::default();
    }
    match ledger.write(Line::Released { ids }).await {
        Ok(()) => Gone::default(),
        Err(error) => disk(&error),
    }
}

/// Lets these, by id and receipt, be received again from the queue at `url`.
pub(super) async fn let_go(post: &dyn Post, url: &str, all: &[(String, String)]) {
    for batch in all.chunks(BATCH) {
        let receipts: Vec<String> = batch.iter().map(|(_, receipt)| receipt.clone()).collect();
        post.release(url, &receipts).await;
    }
}

fn disk(error: &crate::selected::ledger::LedgerError) -> Gone {
    Gone {
        exhausted: false,
        trouble: Some(Trouble::Disk(error.to_string())),
    }
}
