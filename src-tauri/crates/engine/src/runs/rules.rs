//! What plans rest on besides the picture: freezes of the stack file, and what is known of our
//! rights, asked in the background and again on every press.

use super::platform::Platform;
use crate::time::{Instant, now};
use act::{Allowed, Context, Freeze, PLAN_SECONDS, Plan, Right, Rights};
use model::{Node, NodeId, Snapshot, Timestamp};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An answer about a right is shown for this long.
const KNOWN_FOR: Duration = Duration::from_secs(300);
/// Rights are asked for at most this long on a press; what is not answered then is not checked.
const ASKED_WITHIN: Duration = Duration::from_secs(5);

/// What the stack file says about acting.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Its path, for command lines.
    pub stack_file: Option<String>,
    /// Times in which nothing is pressed.
    pub freezes: Vec<Freeze>,
}

impl Terms {
    /// Of a stack.
    #[must_use]
    pub fn of(stack: &cloud::Stack) -> Self {
        let freeze = |freeze: &cloud::stack::StackFreeze| Freeze {
            from: freeze.from,
            until: freeze.until,
            reason: freeze.reason.clone(),
        };
        Self {
            stack_file: Some(stack.path.display().to_string()),
            freezes: stack.freezes.iter().map(freeze).collect(),
        }
    }

    /// Of a stack file that says nothing about acting.
    #[must_use]
    pub fn named(stack_file: Option<&Path>) -> Self {
        Self {
            stack_file: stack_file.map(|path| path.display().to_string()),
            freezes: Vec::new(),
        }
    }
}

/// The terms, and what is known of rights.
#[derive(Debug, Default)]
pub struct Rules {
    terms: Terms,
    /// By place (account and cluster) and right.
    known: Mutex<BTreeMap<(String, Right), (Allowed, Instant)>>,
}

impl Rules {
    pub(crate) fn new(terms: Terms) -> Self {
        Self {
            terms,
            known: Mutex::default(),
        }
    }

    /// What a plan for `node` rests on, now.
    pub(crate) fn context(&self, snapshot: &Snapshot, node: &NodeId) -> Context {
        let node = snapshot.node(node);
        Context {
            stack_file: self.terms.stack_file.clone(),
            freezes: self.terms.freezes.clone(),
            rights: node
                .map(|node| self.rights(&place(node)))
                .unwrap_or_default(),
            expires: local_time().plus_seconds(i64::from(PLAN_SECONDS)),
        }
    }

    fn rights(&self, place: &str) -> Rights {
        let now = now();
        let known = self.lock();
        let fresh = known.iter().filter(|((of, _), (_, at))| {
            of == place && now.saturating_duration_since(*at) < KNOWN_FOR
        });
        fresh
            .map(|((_, right), (allowed, _))| (right.clone(), allowed.clone()))
            .collect()
    }

    /// Whether some right of this plan is not known (any more).
    pub(crate) fn wants_asking(&self, snapshot: &Snapshot, plan: &Plan) -> bool {
        let Some(node) = snapshot.node(&plan.node) else {
            return false;
        };
        let known = self.rights(&place(node));
        plan.rights.iter().any(|right| !known.contains_key(right))
    }

    /// Asks for every right of a plan, now.
    pub(crate) async fn ask(&self, platform: &dyn Platform, plan: &Plan) {
        let snapshot = platform.snapshot();
        let Some(node) = snapshot.node(&plan.node) else {
            return;
        };
        if plan.rights.is_empty() {
            return;
        }
        let asked = crate::time::timeout(ASKED_WITHIN, platform.rights(plan));
        let answers = asked.await.unwrap_or_else(|_| {
            let why = || Allowed::Unasked(format!("no answer in {} s", ASKED_WITHIN.as_secs()));
            plan.rights.iter().map(|r| (r.clone(), why())).collect()
        });
        let (place, at) = (place(node), now());
        let mut known = self.lock();
        for (right, allowed) in answers {
            known.insert((place.clone(), right), (allowed, at));
        }
    }

    /// No task panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, Right), (Allowed, Instant)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where rights are granted: an account, or a cluster of it.
fn place(node: &Node) -> String {
    let account = node.scope.account.as_ref().map_or("", |a| a.as_str());
    let cluster = node.scope.cluster.as_deref().unwrap_or("");
    let region = match cluster {
        "" => "",
        _ => node.scope.region.as_deref().unwrap_or(""),
    };
    format!("{account}/{region}/{cluster}")
}

/// This machine's clock: for what a person compares with the clock on their wall.
fn local_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
