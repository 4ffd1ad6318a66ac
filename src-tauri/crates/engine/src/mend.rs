//! Credentials that are no good are tried again, as their files are now, until they are: reading goes
//! on by itself once somebody has signed in or corrected a file.
//!
//! An SDK keeps what it has read of the AWS config, so a trial is a session of its own. What it finds
//! decides: the sources are read again, or everything is opened anew.

use crate::engine::Inner;
use crate::identity::{answer, asks};
use crate::sight::Sight;
use crate::time::sleep;
use cloud::{AccountSessions, Caller, Stack};
use model::access::{AccessState, Answer};
use model::{Snapshot, SourceId};
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// The first trial comes so long after the trouble, later ones in twice the time each …
const FIRST_TRIAL: Duration = Duration::from_secs(4);
/// … up to this: a trial may run a program, or assume a role.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often the files are looked at meanwhile.
const FILES_EVERY: Duration = Duration::from_secs(2);
/// After an opening, the next one waits this long.
const REOPEN_AFTER: Duration = Duration::from_secs(10);
/// So long STS is waited for once a trial was good.
const STS_WITHIN: Duration = Duration::from_secs(8);

/// What is the matter with one account, by its place in the stack file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    /// Its credentials are no good: none were given, or STS does not accept them.
    NoGood(usize),
    /// It goes by a stand-in, and STS would name it now.
    Nameable(usize),
}

impl Trouble {
    fn place(self) -> usize {
        match self {
            Self::NoGood(place) | Self::Nameable(place) => place,
        }
    }
}

/// What a trial asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    /// Nothing: it is as bad as before.
    Wait,
    /// The session that is open may do as well: STS is asked through it.
    Ask,
    /// Only a new opening helps.
    Reopen,
}

/// Mends until the engine ends. Neither it nor its sight is kept while waiting: the engine ends when
/// its handles are gone, or when it was stopped.
pub(crate) async fn mend(engine: Weak<Inner>, pictures: watch::Sender<Arc<Snapshot>>) {
    let mut trials = Trials::default();
    while let Some(inner) = engine.upgrade() {
        let (sight, again) = (inner.sights.now(), Arc::clone(&inner.again));
        drop(inner);
        let accounts = sight.sessions.accounts.clone();
        let mut seen = sight.core.snapshots();
        // It was stopped: nothing is opened anew after that.
        if seen.has_changed().is_err() {
            return;
        }
        let trouble = troubles(&accounts, &seen.borrow_and_update());
        trials.begin_or_end(&trouble, &sight);
        drop(sight);
        let other = seen.wait_for(|picture| troubles(&accounts, picture) != trouble);
        let nameable = trouble.iter().any(|t| matches!(t, Trouble::Nameable(_)));
        if !nameable {
            tokio::select! {
                other = other => match other {
                    Ok(_) => continue,
                    Err(_) => return,
                },
                () = trials.due(&accounts, &again), if !trouble.is_empty() => {}
            }
        }
        let Some(inner) = engine.upgrade() else {
            return;
        };
        if inner.treat(&trouble, &pictures).await {
            drop(inner);
            rest(&again).await;
        }
    }
}

/// When credentials are tried again.
struct Trials {
    pause: Duration,
    /// The files as they were at the last trial, or when the trouble began.
    tried: Vec<u64>,
    /// Whether something was the matter when last looked at.
    any: bool,
}

impl Default for Trials {
    fn default() -> Self {
        Self {
            pause: FIRST_TRIAL,
            tried: Vec::new(),
            any: false,
        }
    }
}

impl Trials {
    /// Once nothing is the matter any more, what else was shut out need not wait for its turn; when
    /// trouble begins, the files are as they are.
    fn begin_or_end(&mut self, trouble: &[Trouble], sight: &Sight) {
        if trouble.is_empty() && std::mem::take(&mut self.any) {
            self.pause = FIRST_TRIAL;
            sight.core.poke_failed();
        }
        if !trouble.is_empty() && !std::mem::replace(&mut self.any, true) {
            self.tried = stamps(&sight.sessions.accounts);
        }
    }

    /// Until the next trial: somebody asks for it, a file was corrected, or it is time.
    async fn due(&mut self, accounts: &[AccountSessions], again: &Notify) {
        let until_corrected = async {
            while stamps(accounts) == self.tried {
                sleep(FILES_EVERY).await;
            }
        };
        tokio::select! {
            () = again.notified() => self.pause = FIRST_TRIAL,
            () = until_corrected => self.pause = FIRST_TRIAL,
            () = sleep(self.pause) => self.pause = (self.pause * 2).min(LONGEST_PAUSE),
        }
        self.tried = stamps(accounts);
    }
}

/// The files that the ways in are made of, as they are.
fn stamps(accounts: &[AccountSessions]) -> Vec<u64> {
    accounts.iter().map(|a| a.standing.stamp()).collect()
}

/// Until a moment after an opening, or somebody does not want to wait.
async fn rest(again: &Notify) {
    tokio::select! {
        () = again.notified() => {}
        () = sleep(REOPEN_AFTER) => {}
    }
}

impl Inner {
    /// Tries what is in trouble again and does what helps; whether all was opened anew.
    async fn treat(&self, trouble: &[Trouble], pictures: &watch::Sender<Arc<Snapshot>>) -> bool {
        let sight = self.sights.now();
        let ill: Vec<usize> = trouble.iter().map(|trouble| trouble.place()).collect();
        let tried = trouble.iter().map(|&one| self.remedy(&sight, one));
        let remedies = futures::future::join_all(tried).await;
        if remedies.contains(&Remedy::Reopen) {
            self.reopen(&ill, pictures).await;
            return true;
        }
        let asked = remedies.iter().zip(&ill);
        let asked = asked.filter(|(remedy, _)| **remedy == Remedy::Ask);
        let asked: BTreeSet<usize> = asked.map(|(_, place)| *place).collect();
        if asked.is_empty() {
            return false;
        }
        let accounts = &sight.sessions.accounts;
        let sources: BTreeSet<SourceId> = asked.iter().map(|at| asks(&accounts[*at])).collect();
        let picture = sight.core.refresh(sources, STS_WITHIN).await;
        let still = troubles(accounts, &picture);
        if still.iter().any(|trouble| asked.contains(&trouble.place())) {
            self.reopen(&ill, pictures).await;
            return true;
        }
        false
    }

    async fn remedy(&self, sight: &Sight, trouble: Trouble) -> Remedy {
        let stack = &self.recipe.stack;
        let place = match trouble {
            Trouble::Nameable(_) => return Remedy::Reopen,
            Trouble::NoGood(place) => place,
        };
        let held = &sight.sessions.accounts[place];
        match cloud::look(&stack.accounts[place], stack, &sight.sessions).await {
            Ok(caller) => of_caller(held, wanted(stack, place), &caller),
            Err(_) => Remedy::Wait,
        }
    }
}

fn wanted(stack: &Stack, place: usize) -> Option<&str> {
    stack.accounts[place].id.as_deref()
}

/// What helps once somebody is named.
fn of_caller(held: &AccountSessions, wanted: Option<&str>, caller: &Caller) -> Remedy {
    let right = wanted.is_none_or(|wanted| caller.account.as_str() == wanted);
    match &held.identity {
        Err(_) if held.of_another && !right => Remedy::Wait,
        Err(_) => Remedy::Reopen,
        Ok(named) if named.account == caller.account => Remedy::Ask,
        Ok(_) => Remedy::Reopen,
    }
}

/// The accounts that something is the matter with.
fn troubles(accounts: &[AccountSessions], picture: &Snapshot) -> Vec<Trouble> {
    let of = |(place, account): (usize, &AccountSessions)| match answer(account, &picture.sources) {
        Answer::Failed(failure) => {
            let shut_out = AccessState::told_by(failure).shuts_out();
            shut_out.then_some(Trouble::NoGood(place))
        }
        Answer::Given if account.identity.is_err() => Some(Trouble::Nameable(place)),
        Answer::Given | Answer::Awaited => None,
    };
    accounts.iter().enumerate().filter_map(of).collect()
}
