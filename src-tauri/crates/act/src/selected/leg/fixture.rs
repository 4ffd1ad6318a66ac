//! A queue in memory, for the checks of what is looked for in one.

use crate::redrive::Counts;
use crate::selected::Message;
use crate::selected::filter::Filter;
use crate::selected::post::{Fate, Handless, Outgoing, Post, Taken};
use crate::selected::terms::{Source, Terms};
use async_trait::async_trait;
use model::SourceFailure;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A queue that takes no receipt of another receive.
#[derive(Default)]
pub(crate) struct Strict {
    visible: Mutex<Vec<Message>>,
    in_flight: Mutex<Vec<String>>,
    /// Nothing is deleted.
    pub(crate) refuses: bool,
    /// In flight with somebody else.
    pub(crate) theirs: i64,
}

pub(crate) fn message(id: &str) -> Message {
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

impl Strict {
    pub(crate) fn holding(messages: Vec<Message>) -> Self {
        Self {
            visible: Mutex::new(messages),
            ..Self::default()
        }
    }

    /// What is in flight with us.
    pub(crate) fn flying(&self) -> usize {
        locked(&self.in_flight).len()
    }
}

#[async_trait]
impl Post for Strict {
    async fn receive(&self, _: &str, _: i32) -> Result<Vec<Taken>, SourceFailure> {
        let taken = locked(&self.visible).pop().map(|message| Taken {
            receipt: format!("second-{}", message.id),
            message,
        });
        locked(&self.in_flight).extend(taken.iter().map(|one| one.receipt.clone()));
        Ok(taken.into_iter().collect())
    }

    async fn send(&self, _: &str, _: &[Outgoing<'_>]) -> Vec<Fate> {
        unreachable!("nothing is sent")
    }

    async fn delete(&self, _: &str, receipts: &[String]) -> Vec<Fate> {
        match self.refuses {
            true => Handless.delete("", receipts).await,
            false => self.release("", receipts).await,
        }
    }

    async fn release(&self, _: &str, receipts: &[String]) -> Vec<Fate> {
        let mut flying = locked(&self.in_flight);
        flying.retain(|one| !receipts.contains(one));
        receipts.iter().map(|_| Fate::Done(String::new())).collect()
    }

    async fn counts(&self, _: &str) -> Result<Counts, SourceFailure> {
        Ok(Counts {
            visible: locked(&self.visible).len() as i64,
            not_visible: locked(&self.in_flight).len() as i64 + self.theirs,
            delayed: 0,
        })
    }

    async fn moving(&self, _: &str) -> Result<Option<String>, SourceFailure> {
        unreachable!("nothing is asked")
    }
}

pub(crate) fn terms(fifo: bool) -> Terms {
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
        most_receives: None,
        source: Source::Queue,
        skew: 0,
    }
}
