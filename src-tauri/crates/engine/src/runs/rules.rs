//! What plans rest on besides the picture: freezes of the stack file, and what is known of our
//! rights, asked in the background and again on every press.

use super::platform::Platform;
use crate::time::{Moment, here};
use act::lease::{Claim, Theirs};
use act::{
    Allowed, Context, Effect, Finding, Freeze, PLAN_SECONDS, Plan, Right, RightsOf, Severity, Verb,
};
use model::{Kind, Node, NodeId, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An answer about a right is shown for this long; what the machine slept counts, here and below.
const KNOWN_FOR: Duration = Duration::from_secs(300);
/// It is asked anew in the background from this age on, so that it never lapses while it is shown.
const REFRESHED_FROM: Duration = Duration::from_secs(150);
/// A lock that was seen held is shown for this long; it is looked at again with every plan.
const LOCK_KNOWN_FOR: Duration = Duration::from_secs(30);
/// Rights are asked for at most this long on a press; what is not answered then is not checked.
const ASKED_WITHIN: Duration = Duration::from_secs(5);

/// What the stack file says about acting.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Its path, for command lines.
    pub stack_file: Option<String>,
    /// Times in which nothing is pressed.
    pub freezes: Vec<Freeze>,
    /// The Kubernetes namespace of the locks that consoles honour.
    pub lock_namespace: String,
}

impl Terms {
    /// Of a stack.
    #[must_use]
    pub fn of(stack: &cloud::Stack) -> Self {
        let freeze = |freeze: &cloud::stack::StackFreeze| Freeze {
            window: freeze.window.clone(),
            effect: match freeze.effect {
                cloud::stack::StackEffect::Block => Effect::Blocks,
                cloud::stack::StackEffect::Warn => Effect::Warns,
                cloud::stack::StackEffect::Maintenance => Effect::Maintenance,
            },
            reason: freeze.reason.clone(),
        };
        Self {
            stack_file: Some(stack.path.display().to_string()),
            freezes: stack.freezes.iter().map(freeze).collect(),
            lock_namespace: stack.lock.namespace.clone(),
        }
    }

    /// Of a stack file that says nothing about acting.
    #[must_use]
    pub fn named(stack_file: Option<&Path>) -> Self {
        Self {
            stack_file: stack_file.map(|path| path.display().to_string()),
            ..Self::default()
        }
    }
}

/// What was answered about rights, and when.
type Known = BTreeMap<(String, Option<String>, Right), (Allowed, Moment)>;

/// The terms, and what is known of rights.
#[derive(Debug, Default)]
pub struct Rules {
    terms: Terms,
    /// Where runs keep journals and ledgers.
    runs: PathBuf,
    /// By place (account and cluster), by whom something is done there, and right.
    known: Mutex<Known>,
    /// Locks of other consoles by domain, as they were last seen.
    locks: Mutex<BTreeMap<String, (Theirs, Moment)>>,
    /// Plans whose rights are being asked for in the background.
    asking: Mutex<BTreeSet<(Verb, NodeId)>>,
}

impl Rules {
    pub(crate) fn new(terms: Terms, runs: &Path) -> Self {
        Self {
            terms,
            runs: runs.to_owned(),
            known: Mutex::default(),
            locks: Mutex::default(),
            asking: Mutex::default(),
        }
    }

    /// The Kubernetes namespace of the locks.
    pub(crate) fn lock_namespace(&self) -> &str {
        &self.terms.lock_namespace
    }

    /// What a plan for `node` rests on, now.
    pub(crate) fn context(&self, snapshot: &Snapshot, node: &NodeId) -> Context {
        let node = snapshot.node(node);
        let (rights, rights_age) = node.map_or_else(Default::default, |node| {
            self.rights(&place(node), KNOWN_FOR)
        });
        Context {
            stack_file: self.terms.stack_file.clone(),
            freezes: self.terms.freezes.clone(),
            rights,
            rights_age,
            locks: self.locks(),
            shelf: act::Shelf::default(),
            expires: here().plus_seconds(i64::from(PLAN_SECONDS)),
        }
    }

    /// The same with what this machine keeps about it: for what is planned, not for what is only
    /// listed.
    pub(crate) fn full(&self, snapshot: &Snapshot, node: &NodeId) -> Context {
        let mut context = self.context(snapshot, node);
        // Messages and failovers are kept: of other nodes there is nothing to read.
        let kept = |n: &Arc<Node>| matches!(n.kind, Kind::Queue | Kind::DbCluster);
        if snapshot.node(node).is_some_and(kept) {
            context.shelf = act::Shelf::read(&self.runs, node.as_str());
        }
        context
    }

    /// What is known of a place and not older than `within`, and the age of the oldest, seconds.
    fn rights(&self, place: &str, within: Duration) -> (RightsOf, f64) {
        let known = self.lock();
        let fresh = known
            .iter()
            .filter(|((of, ..), (_, at))| of == place && at.age() < within);
        let mut oldest = Duration::ZERO;
        let mut rights = RightsOf::new();
        for ((_, whose, right), (allowed, at)) in fresh {
            oldest = oldest.max(at.age());
            let theirs = rights.entry(whose.clone()).or_default();
            theirs.insert(right.clone(), allowed.clone());
        }
        (rights, oldest.as_secs_f64())
    }

    /// Whether some right of this plan is not known, or not any more.
    pub(crate) fn unknown(&self, snapshot: &Snapshot, plan: &Plan) -> bool {
        self.lacks(snapshot, plan, KNOWN_FOR)
    }

    /// Whether some right of this plan should be asked for, in the background.
    pub(crate) fn wants_asking(&self, snapshot: &Snapshot, plan: &Plan) -> bool {
        self.lacks(snapshot, plan, REFRESHED_FROM)
    }

    fn lacks(&self, snapshot: &Snapshot, plan: &Plan, within: Duration) -> bool {
        let Some(node) = snapshot.node(&plan.node) else {
            return false;
        };
        let (known, _) = self.rights(&place(node), within);
        let known = known.get(&plan.acts_as);
        let is_known = |right| known.is_some_and(|known| known.contains_key(right));
        !plan.rights.iter().all(is_known)
    }

    /// Takes it upon the caller to ask for a plan's rights; `None` when somebody does already.
    pub(crate) fn begin_asking(&self, plan: &Plan) -> Option<(Verb, NodeId)> {
        let key = (plan.action, plan.node.clone());
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.insert(key.clone()).then_some(key)
    }

    /// They are asked for.
    pub(crate) fn end_asking(&self, key: &(Verb, NodeId)) {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.remove(key);
    }

    /// Locks that were seen held a moment ago.
    fn locks(&self) -> BTreeMap<String, Theirs> {
        let known = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = known
            .iter()
            .filter(|(_, (_, at))| at.age() < LOCK_KNOWN_FOR);
        recent
            .map(|(domain, (theirs, _))| (domain.clone(), theirs.clone()))
            .collect()
    }

    /// Looks whether another console holds the lock of a plan's domain.
    async fn look(&self, platform: &dyn Platform, plan: &Plan) {
        let claim = Claim {
            domain: &plan.domain,
            namespace: self.lock_namespace(),
            holder: "",
            run: "",
            doing: "",
            now: platform.now(),
        };
        let looked = crate::time::timeout(ASKED_WITHIN, platform.locked(plan, &claim));
        let found = looked.await.ok().flatten();
        let mut known = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Some(theirs) => known.insert(plan.domain.clone(), (theirs, Moment::now())),
            None => known.remove(&plan.domain),
        };
    }

    /// Asks for every right of a plan and looks for the lock of its domain, now.
    pub(crate) async fn ask(&self, platform: &dyn Platform, plan: &Plan) {
        tokio::join!(self.look(platform, plan), self.ask_rights(platform, plan));
    }

    /// Asks for every right of a plan, now.
    async fn ask_rights(&self, platform: &dyn Platform, plan: &Plan) {
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
        let (place, at) = (place(node), Moment::now());
        let mut known = self.lock();
        for (right, allowed) in answers {
            let whose = plan.acts_as.clone();
            known.insert((place.clone(), whose, right), (allowed, at));
        }
    }

    /// No task panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a finding about rights rests on answers that need no asking yet.
pub(crate) fn is_fresh(finding: &Finding) -> bool {
    let young = finding.age < Some(REFRESHED_FROM.as_secs_f64());
    // What was not asked yet has no source but the plan and passes as information.
    young && finding.severity == Severity::Block
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{paused, sleep_machine};

    #[test]
    fn rights_and_locks_that_were_learnt_before_a_sleep_are_not_known_after_it() {
        paused(async {
            let rules = Rules::new(Terms::default(), Path::new(""));
            let right = Right::Iam {
                action: "sqs:StartMessageMoveTask".to_owned(),
                resource: "*".to_owned(),
            };
            let held = Theirs {
                holder: "ben@desk".to_owned(),
                since: None,
                doing: None,
                place: "lease orders".to_owned(),
            };
            rules.lock().insert(
                ("1//".to_owned(), None, right),
                (Allowed::Yes, Moment::now()),
            );
            let mut locks = rules.locks.lock().expect("whole");
            locks.insert("orders".to_owned(), (held, Moment::now()));
            drop(locks);
            sleep_machine(Duration::from_secs(20));
            assert!(rules.rights("1//", KNOWN_FOR).1 >= 20.0, "its age");
            assert_eq!(rules.locks().len(), 1);
            sleep_machine(Duration::from_secs(8 * 3600));
            assert!(rules.rights("1//", KNOWN_FOR).0.is_empty());
            assert!(rules.locks().is_empty());
        });
    }
}
