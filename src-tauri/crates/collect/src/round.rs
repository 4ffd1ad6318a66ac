//! One round of questions: what a collector asks in one reading, with its counts.

use crate::Reading;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use cloud::{Session, failure};
use futures::StreamExt;
use model::{
    Facts, FailureClass, Found, FoundNode, Kind, NodeId, Readings, Scope, Service, SourceFailure,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Calls in flight at once within one reading: enough that 60 ms a call does not add up.
const AT_ONCE: usize = 16;

/// More pages than any list read here can have: 1,000 queues a page, 50 to 100 of other things.
pub(crate) const PAGES: usize = 300;

/// Rests before a throttled question about one thing is asked again.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// One reading under way.
pub struct Round<'s> {
    /// Whom it asks.
    pub session: &'s Session,
    service: Service,
    requests: Arc<AtomicU32>,
    skipped: AtomicU32,
    /// Failures about single things that left no trace in a node.
    lost: Mutex<Vec<SourceFailure>>,
}

impl<'s> Round<'s> {
    /// Begins.
    #[must_use]
    pub fn new(session: &'s Session, service: Service) -> Self {
        Self {
            session,
            service,
            requests: Arc::default(),
            skipped: AtomicU32::new(0),
            lost: Mutex::default(),
        }
    }

    /// Asks within the budget. `thing` is what the call is about, empty when it lists everything.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub async fn ask<O, E>(
        &self,
        call: &str,
        thing: &str,
        answer: impl Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send,
    ) -> Result<O, SourceFailure>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.ask_at(self.service, call, thing, answer).await
    }

    /// The same, of another service than the round's own.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub async fn ask_at<O, E>(
        &self,
        service: Service,
        call: &str,
        thing: &str,
        answer: impl Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send,
    ) -> Result<O, SourceFailure>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let answer = self.session.ask(service, call, thing, answer);
        cloud::counting(self.requests.clone(), answer).await
    }

    /// Asks about one thing of many, and again a few times when that is throttled: another reader of
    /// the same account may have emptied the bucket that ours takes to be full, and one answer less
    /// leaves a hole in the picture. What lists everything is not asked again: it says at once that it
    /// is throttled.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub async fn ask_patiently<O, E, F>(
        &self,
        call: &str,
        thing: &str,
        answer: impl Fn() -> F,
    ) -> Result<O, SourceFailure>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        F: Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send,
    {
        for pause in PAUSES {
            match self.ask(call, thing, answer()).await {
                Err(failure) if failure.class == FailureClass::Throttled => {
                    tokio::time::sleep(pause).await;
                }
                answered => return answered,
            }
        }
        self.ask(call, thing, answer()).await
    }

    /// Takes an item, or counts it as malformed when what makes it is missing.
    pub fn take<T>(&self, item: Option<T>) -> Option<T> {
        if item.is_none() {
            self.skipped.fetch_add(1, Ordering::Relaxed);
        }
        item
    }

    /// Of many answers to the same question about different things: those that came. One that did
    /// not is counted; when none came, the first failure is the reading's.
    ///
    /// # Errors
    /// When everything failed.
    pub fn most<T>(
        &self,
        answers: impl IntoIterator<Item = Result<Option<T>, SourceFailure>>,
    ) -> Result<Vec<T>, SourceFailure> {
        let (mut all, mut answered) = (Vec::new(), false);
        let mut failures = Vec::new();
        for answer in answers {
            match answer {
                Ok(item) => {
                    answered = true;
                    all.extend(item);
                }
                Err(failure) => failures.push(failure),
            }
        }
        if !answered && !failures.is_empty() {
            return Err(failures.swap_remove(0));
        }
        self.skipped
            .fetch_add(failures.len() as u32, Ordering::Relaxed);
        self.lost
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .append(&mut failures);
        Ok(all)
    }

    /// Notes a question about what was found that was not answered.
    pub fn lose(&self, failure: SourceFailure) {
        let lost = self.lost.lock();
        lost.unwrap_or_else(PoisonError::into_inner).push(failure);
    }

    /// Figures about a node, as of now.
    #[must_use]
    pub fn readings(&self, about: &NodeId, facts: Facts) -> Readings {
        Readings {
            about: about.clone(),
            facts,
            zones: BTreeMap::new(),
            series: Vec::new(),
            at: self.session.clock.now(),
        }
    }

    /// A paged list whose pages never end: the server repeats its page mark.
    #[must_use]
    pub fn endless(&self, call: &str) -> SourceFailure {
        let asked = self.session.asked(self.service, call, "");
        failure::incomplete(&asked, "an end: its page mark repeats")
    }

    /// A paged list of more pages than any has ([`PAGES`]).
    #[must_use]
    pub fn too_long(&self, call: &str) -> SourceFailure {
        let asked = self.session.asked(self.service, call, "");
        failure::incomplete(&asked, &format!("an end: more than {PAGES} pages"))
    }

    /// A node of this session's account and region.
    #[must_use]
    pub fn node(&self, kind: Kind, name: &str) -> FoundNode {
        let scope = self.session.scope();
        FoundNode::new(self.id(kind, name), kind, name, scope)
    }

    /// The id of a node of this session's account and region.
    #[must_use]
    pub fn id(&self, kind: Kind, name: &str) -> NodeId {
        let region = (!self.session.global).then_some(&*self.session.region);
        NodeId::aws(kind, self.session.account.as_str(), region, name)
    }

    /// Where this round looks.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.session.scope()
    }

    /// Ends with what was found.
    #[must_use]
    pub fn end(self, outcome: Result<Vec<Found>, SourceFailure>) -> Reading {
        let mut lost = self
            .lost
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        lost.extend(outcome.iter().flatten().filter_map(|found| match found {
            Found::Node(node) => node.failure.clone(),
            Found::Readings(_) | Found::Change(_) => None,
        }));
        Reading {
            requests: self.requests.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
            partial: partial(lost),
            outcome,
        }
    }
}

/// What a source says whose list came, but not everything about the things in it: the first
/// failure, and how many more there were.
fn partial(lost: Vec<SourceFailure>) -> Option<SourceFailure> {
    let more = lost.len().saturating_sub(1);
    let mut first = lost.into_iter().next()?;
    match more {
        0 => {}
        1 => first.sentence.push_str(" So did one more."),
        n => first.sentence.push_str(&format!(" So did {n} more.")),
    }
    Some(first)
}

/// Does `work` for every item, up to sixteen at once; the results are in the items' order.
pub async fn each<T, R, F, W>(items: impl IntoIterator<Item = T>, work: W) -> Vec<R>
where
    F: Future<Output = R>,
    W: FnMut(T) -> F,
{
    let jobs: Vec<F> = items.into_iter().map(work).collect();
    futures::stream::iter(jobs)
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// Reads a paged list to its end: `$page` is called with the mark of the page to read and yields
/// `(items, next mark)`. A mark that repeats ends it in a failure instead of a loop.
macro_rules! all_pages {
    ($round:expr, $call:expr, |$mark:ident| $ask:expr, $page:ident => $split:expr) => {{
        let mut all = Vec::new();
        let mut $mark: Option<String> = None;
        let mut pages = 0;
        loop {
            pages += 1;
            let $page = $ask;
            let (items, next): (_, Option<String>) = $split;
            all.extend(items);
            match next.filter(|next| !next.is_empty()) {
                None => break,
                next if next == $mark => return Err($round.endless($call)),
                _ if pages == crate::round::PAGES => return Err($round.too_long($call)),
                next => $mark = next,
            }
        }
        all
    }};
}
pub(crate) use all_pages;
