//! The one place that lets an action through. Read-only by default; a scope is armed for minutes;
//! and a run can be begun only with a [`Confirmed`], which nothing but this file can make:
//!
//! ```text
//! Plan ─clear: armed? fresh reads, checks again, same answer?─▶ Cleared ─confirm: phrase, reason, hold─▶ Confirmed
//! ```
//!
//! Deadlines (arming, plans, holds) run on the local monotonic clock: the platform's may run at
//! another speed.

use crate::time::Instant;
use act::{ConfirmLevel, Context, Outcome, Plan, PlanError, PlanId, Request, RunId};
use model::{Node, Scope, Snapshot, SourceId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest a scope stays armed.
pub const MAX_MINUTES: u32 = 15;
/// How long a level-3 button is held.
pub const HOLD: Duration = Duration::from_secs(2);
/// A hold that was begun this long ago is forgotten.
const HOLD_FORGOTTEN: Duration = Duration::from_secs(60);
/// A plan must be pressed within this time.
const PLAN_LIFE: Duration = Duration::from_secs(60);
/// Plans kept; the oldest go first.
const PLANS: usize = 256;
/// Fresh reads on a press end after this long.
pub const PREFLIGHT: Duration = Duration::from_secs(15);

/// Whether actions can be pressed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Arming {
    /// They can.
    pub armed: bool,
    /// Where, in words; empty when nowhere.
    pub scope: String,
    /// Until when, platform time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub until: Option<Timestamp>,
    /// Seconds left when this was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub seconds_left: Option<f64>,
    /// Why, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<String>,
}

/// Why something is not done. Every one is a sentence.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Nothing is armed.
    #[error("This is read-only. Arm {0} with a reason first.")]
    ReadOnly(String),
    /// Something else is armed.
    #[error("{armed} is armed, and this is in {wanted}.")]
    OutOfScope {
        /// What is armed.
        armed: String,
        /// Where the action is.
        wanted: String,
    },
    /// Too long or no time.
    #[error("Arm for 1 to {MAX_MINUTES} minutes, not {0}.")]
    Minutes(u32),
    /// No reason given.
    #[error("Give a reason: it goes into the record.")]
    NoReason,
    /// The plan is not there (any more).
    #[error("That plan is gone: plan it again.")]
    NoSuchPlan,
    /// The plan is too old.
    #[error("That plan is older than {} seconds: plan it again.", PLAN_LIFE.as_secs())]
    Expired,
    /// Pressed twice.
    #[error("That plan was pressed already: it runs once.")]
    AlreadyPressed,
    /// The digest given is another plan's.
    #[error("The digest is not this plan's ({0}): look at the plan again.")]
    WrongDigest(String),
    /// From level 2 the digest must be given.
    #[error("This is level {0:?}: pass --digest with the digest of the plan you looked at.")]
    NoDigest(ConfirmLevel),
    /// The phrase is not the plan's.
    #[error("To confirm, give exactly: {0}")]
    WrongPhrase(String),
    /// The button was not held long enough.
    #[error("Hold for {} seconds; it was held {held:.1}.", HOLD.as_secs())]
    NotHeld {
        /// Seconds it was held; 0 when it was not.
        held: f64,
    },
    /// Level 4.
    #[error(
        "This is level 4 and needs a second person, who cannot be recorded yet: make it smaller, or put right what it warns of."
    )]
    SecondPerson,
    /// A check stops it.
    #[error("Blocked. {}", .0.join(" "))]
    Blocked(Vec<String>),
    /// The answer is not the one that was shown.
    #[error("It is not as it was shown. {}", .0.join(" "))]
    Changed(Vec<String>),
    /// Fresh reads did not come.
    #[error("These could not be read afresh: {}. Nothing was done.", names(.0))]
    Unread(Vec<SourceId>),
    /// It cannot be planned any more.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A run is on this node.
    #[error("Run {} is on {node} already.", .run.0)]
    Busy {
        /// Which.
        run: RunId,
        /// Where.
        node: String,
    },
    /// A run on this node was interrupted.
    #[error("Run {} on {node} was interrupted: resume it first (qd resume {}).", .run.0, .run.0)]
    Interrupted {
        /// Which.
        run: RunId,
        /// Where.
        node: String,
    },
    /// Another process is about to act on this node.
    #[error("Another process is acting on {0} at this moment.")]
    Elsewhere(String),
    /// No such run here.
    #[error("There is no run {} here to {verb}.", .run.0)]
    NoSuchRun {
        /// Which.
        run: RunId,
        /// `stop`, `watch`.
        verb: &'static str,
    },
    /// The account or region is not open.
    #[error("There is no session for {0}.")]
    NoSession(String),
    /// The record cannot be written, so nothing is done.
    #[error("Nothing was done: {0}.")]
    Audit(#[from] crate::audit::AuditError),
    /// The journal cannot be written, so nothing is done.
    #[error("Nothing was done: {0}.")]
    Journal(#[from] crate::journal::JournalError),
    /// The platform did not answer a run that was taken up.
    #[error("The run stays as it is: {0}")]
    Unreadable(String),
}

fn names(sources: &[SourceId]) -> String {
    let names: Vec<&str> = sources.iter().map(SourceId::as_str).collect();
    names.join(", ")
}

/// A plan that was looked at, its answer unchanged by fresh reads a moment ago, in an armed scope.
/// Only [`Gate::clear`] makes one.
#[derive(Debug)]
pub struct Cleared {
    plan: Plan,
    pressed: Instant,
    pressed_at: Timestamp,
    actor: String,
}

/// A cleared plan with everything its level asks for. Only [`Cleared::confirm`] makes one, and a run
/// accepts nothing else.
#[derive(Debug)]
pub struct Confirmed {
    plan: Plan,
    reason: String,
    actor: String,
    pressed_at: Timestamp,
}

impl Confirmed {
    pub(crate) fn into_parts(self) -> (Plan, String, String, Timestamp) {
        (self.plan, self.actor, self.reason, self.pressed_at)
    }
}

/// What the operator gives with a press.
#[derive(Clone, Copy, Debug)]
pub struct Press<'a> {
    /// Which plan.
    pub plan: &'a PlanId,
    /// The digest of what was looked at.
    pub digest: Option<&'a str>,
    /// The plan's phrase.
    pub phrase: &'a str,
    /// Why.
    pub reason: &'a str,
}

#[derive(Debug)]
struct Armed {
    scope: Scope,
    words: String,
    reason: String,
    end: Instant,
    until: Timestamp,
}

#[derive(Debug)]
struct Held {
    plan: Plan,
    since: Instant,
    pressed: bool,
    /// Armed by itself, for this one plan (`qd act`).
    alone: bool,
    hold: Option<Instant>,
}

#[derive(Debug, Default)]
struct State {
    armed: Option<Armed>,
    plans: BTreeMap<PlanId, Held>,
    next: u64,
}

/// The gate of one engine.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<State>,
}

impl Gate {
    /// Allows actions within `scope` (absent parts: anywhere) for `minutes`.
    ///
    /// # Errors
    /// Without a reason, or for more than [`MAX_MINUTES`].
    pub fn arm(
        &self,
        scope: &Scope,
        reason: &str,
        minutes: u32,
        now: Timestamp,
    ) -> Result<Arming, Refusal> {
        if !(1..=MAX_MINUTES).contains(&minutes) {
            return Err(Refusal::Minutes(minutes));
        }
        if reason.trim().is_empty() {
            return Err(Refusal::NoReason);
        }
        self.lock().armed = Some(Armed {
            scope: scope.clone(),
            words: words(scope),
            reason: reason.trim().to_owned(),
            end: crate::time::now() + Duration::from_secs(60) * minutes,
            until: now.plus_seconds(60 * i64::from(minutes)),
        });
        Ok(self.arming())
    }

    /// Back to read-only. Answers whether anything was armed.
    pub fn disarm(&self) -> bool {
        self.lock().armed.take().is_some()
    }

    /// What is armed now.
    #[must_use]
    pub fn arming(&self) -> Arming {
        let mut state = self.lock();
        let now = crate::time::now();
        state.armed.take_if(|armed| armed.end <= now);
        state
            .armed
            .as_ref()
            .map_or_else(Arming::default, |armed| Arming {
                armed: true,
                scope: armed.words.clone(),
                until: Some(armed.until),
                seconds_left: Some((armed.end - now).as_secs_f64()),
                reason: Some(armed.reason.clone()),
            })
    }

    /// Keeps a plan so that it can be pressed, once; answers it under its own id.
    pub fn remember(&self, plan: Plan) -> Plan {
        self.keep(plan, false)
    }

    /// Keeps a plan that arms itself when pressed (`qd act`: the command line is the decision).
    pub fn remember_alone(&self, plan: Plan) -> Plan {
        self.keep(plan, true)
    }

    fn keep(&self, mut plan: Plan, alone: bool) -> Plan {
        let mut state = self.lock();
        let now = crate::time::now();
        state
            .plans
            .retain(|_, held| now - held.since < 2 * PLAN_LIFE);
        while state.plans.len() >= PLANS {
            state.plans.pop_first();
        }
        state.next += 1;
        // Ids rise, so that the first of the map is the oldest.
        plan.id = PlanId(format!("{:010}-{}", state.next, plan.id.0));
        let held = Held {
            plan: plan.clone(),
            since: now,
            pressed: false,
            alone,
            hold: None,
        };
        state.plans.insert(plan.id.clone(), held);
        plan
    }

    /// The operator's finger is down on this plan's button.
    ///
    /// # Errors
    /// When the plan is gone or was pressed.
    pub fn begin_hold(&self, plan: &PlanId) -> Result<(), Refusal> {
        let mut state = self.lock();
        let held = state.plans.get_mut(plan).ok_or(Refusal::NoSuchPlan)?;
        if held.pressed {
            return Err(Refusal::AlreadyPressed);
        }
        held.hold = Some(crate::time::now());
        Ok(())
    }

    /// Everything about a press that needs no reading: plan, digest, arming, phrase, reason, hold.
    /// The plan counts as pressed from here on; a refusal that can be put right by the same hand
    /// (phrase, reason, hold, arming) gives it back.
    fn take(&self, press: &Press<'_>, snapshot: &Snapshot) -> Result<(Plan, Instant), Refusal> {
        let arming = self.arming();
        let mut state = self.lock();
        let scope = state.armed.as_ref().map(|armed| armed.scope.clone());
        let held = state.plans.get_mut(press.plan).ok_or(Refusal::NoSuchPlan)?;
        if held.pressed {
            return Err(Refusal::AlreadyPressed);
        }
        let now = crate::time::now();
        if now - held.since > PLAN_LIFE {
            return Err(Refusal::Expired);
        }
        match press.digest {
            Some(digest) if digest != held.plan.digest => {
                return Err(Refusal::WrongDigest(held.plan.digest.clone()));
            }
            None if held.plan.level >= ConfirmLevel::L2 => {
                return Err(Refusal::NoDigest(held.plan.level));
            }
            Some(_) | None => {}
        }
        refuse_blocked(&held.plan)?;
        if !held.alone {
            let node = snapshot.node(&held.plan.node);
            armed_for(node.map(AsRef::as_ref), &held.plan, scope.as_ref(), &arming)?;
        }
        satisfied(&held.plan, press, held.hold.map(|at| now - at))?;
        held.pressed = true;
        Ok((held.plan.clone(), now))
    }

    /// The press: everything that needs no reading, then fresh reads of what the plan rests on, every
    /// check again, and the same answer as was shown.
    ///
    /// # Errors
    /// A [`Refusal`], a sentence; a changed answer shows the difference.
    pub async fn clear(
        &self,
        press: &Press<'_>,
        platform: &dyn crate::runs::Platform,
    ) -> Result<Cleared, Refusal> {
        let snapshot = platform.snapshot();
        let (shown, pressed) = self.take(press, &snapshot)?;
        let pressed_at = platform.now();
        let sources = act::action(shown.action).sources(&snapshot, &shown);
        let fresh = platform.refresh(&sources, PREFLIGHT).await;
        if !fresh.unanswered.is_empty() {
            return Err(Refusal::Unread(fresh.unanswered));
        }
        let plan = again(&shown, &fresh.snapshot)?;
        let difference = shown.difference(&plan);
        if !difference.is_empty() {
            return Err(Refusal::Changed(difference));
        }
        refuse_blocked(&plan)?;
        let plan = Plan {
            id: shown.id,
            ..plan
        };
        Ok(Cleared {
            plan,
            pressed,
            pressed_at,
            actor: platform.actor(),
        })
    }

    /// No task panics while it holds this lock, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cleared {
    /// Takes the operator's word for it.
    ///
    /// # Errors
    /// When phrase or reason are not what the level asks for.
    pub fn confirm(self, press: &Press<'_>, gate: &Gate) -> Result<Confirmed, Refusal> {
        let hold = gate.lock().plans.get(press.plan).and_then(|held| held.hold);
        satisfied(&self.plan, press, hold.map(|at| self.pressed - at))?;
        Ok(Confirmed {
            plan: self.plan,
            reason: press.reason.trim().to_owned(),
            actor: self.actor,
            pressed_at: self.pressed_at,
        })
    }
}

/// The same request, planned on another snapshot.
fn again(shown: &Plan, snapshot: &Arc<Snapshot>) -> Result<Plan, PlanError> {
    let request = Request {
        action: shown.action,
        node: shown.node.clone(),
        settings: shown.settings.clone(),
    };
    act::plan(snapshot, &request)
}

fn refuse_blocked(plan: &Plan) -> Result<(), Refusal> {
    if !plan.blocked {
        return Ok(());
    }
    let stops =
        |f: &&act::Finding| f.severity == act::Severity::Block || f.outcome == Outcome::Unknown;
    Err(Refusal::Blocked(
        plan.failing()
            .filter(stops)
            .map(|f| f.sentence.clone())
            .collect(),
    ))
}

fn armed_for(
    node: Option<&Node>,
    plan: &Plan,
    scope: Option<&Scope>,
    arming: &Arming,
) -> Result<(), Refusal> {
    let wanted = node.map_or_else(|| plan.place.clone(), |node| words(&node.scope));
    let Some(scope) = scope.filter(|_| arming.armed) else {
        return Err(Refusal::ReadOnly(wanted));
    };
    if node.is_some_and(|node| covers(scope, &node.scope)) {
        return Ok(());
    }
    Err(Refusal::OutOfScope {
        armed: arming.scope.clone(),
        wanted,
    })
}

/// What the level asks of the operator (guards.md, "The engine").
fn satisfied(plan: &Plan, press: &Press<'_>, held: Option<Duration>) -> Result<(), Refusal> {
    if press.phrase != plan.confirm {
        return Err(Refusal::WrongPhrase(plan.confirm.clone()));
    }
    if press.reason.trim().is_empty() {
        return Err(Refusal::NoReason);
    }
    match plan.level {
        ConfirmLevel::L0 | ConfirmLevel::L1 | ConfirmLevel::L2 => Ok(()),
        ConfirmLevel::L3 => match held {
            Some(held) if held >= HOLD && held < HOLD_FORGOTTEN => Ok(()),
            Some(held) => Err(Refusal::NotHeld {
                held: held.as_secs_f64(),
            }),
            None => Err(Refusal::NotHeld { held: 0.0 }),
        },
        ConfirmLevel::L4 => Err(Refusal::SecondPerson),
    }
}

/// Every part that `scope` names is the same in `place`.
fn covers(scope: &Scope, place: &Scope) -> bool {
    fn same<T: PartialEq>(wanted: &Option<T>, found: &Option<T>) -> bool {
        wanted.is_none() || wanted == found
    }
    same(&scope.account, &place.account)
        && same(&scope.region, &place.region)
        && same(&scope.az, &place.az)
        && same(&scope.cluster, &place.cluster)
        && same(&scope.namespace, &place.namespace)
}

fn words(scope: &Scope) -> String {
    let account = scope.account.as_ref().map(|a| a.as_str());
    let parts = [
        account,
        scope.region.as_deref(),
        scope.az.as_deref(),
        scope.cluster.as_deref(),
        scope.namespace.as_deref(),
    ];
    let named: Vec<&str> = parts.into_iter().flatten().collect();
    if named.is_empty() {
        "the whole platform".to_owned()
    } else {
        named.join(" / ")
    }
}

/// What `qd` says of itself in an offer's command line.
#[must_use]
pub fn context(stack_file: Option<&std::path::Path>) -> Context {
    Context {
        stack_file: stack_file.map(|path| path.display().to_string()),
    }
}
