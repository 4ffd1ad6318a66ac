//! The one place that lets an action through. Read-only by default; a scope is armed for minutes;
//! and a run can be begun only with a [`Confirmed`], which nothing but this file can make:
//!
//! ```text
//! Plan ─clear: armed? fresh reads, checks again, same answer?─▶ Cleared ─confirm: phrase, reason, hold─▶ Confirmed
//! ```
//!
//! Deadlines (arming, plans, holds) run on the local monotonic clock: the platform's may run at
//! another speed.

mod arming;
mod refusal;

pub use arming::Arming;
pub use refusal::Refusal;

use crate::awake::Awake;
use crate::runs::{Platform, Rules};
use crate::time::Instant;
use act::{ConfirmLevel, Context, Outcome, PLAN_SECONDS, Plan, PlanError, PlanId, Request};
use arming::{Armed, armed_for};
use model::{Snapshot, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest a scope stays armed.
pub const MAX_MINUTES: u32 = 15;
/// How long a level-3 button is held.
pub const HOLD: Duration = Duration::from_secs(2);
/// A hold that was begun this long ago is forgotten.
const HOLD_FORGOTTEN: Duration = Duration::from_secs(60);
/// A plan must be pressed within this time.
const PLAN_LIFE: Duration = Duration::from_secs(PLAN_SECONDS as u64);
/// Plans kept; the oldest go first.
const PLANS: usize = 256;
/// Fresh reads on a press end after this long.
pub const PREFLIGHT: Duration = Duration::from_secs(15);

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
    grounds: Grounds,
    pressed_at: Timestamp,
}

/// Who pressed and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grounds {
    pub(crate) actor: String,
    pub(crate) reason: String,
    /// Why the glass was broken, where it was.
    pub(crate) break_glass: Option<String>,
}

impl Confirmed {
    pub(crate) fn into_parts(self) -> (Plan, Grounds, Timestamp) {
        (self.plan, self.grounds, self.pressed_at)
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
    /// Why one person alone passes what only broken glass passes.
    pub break_glass: Option<&'a str>,
}

/// What the operator says for one plan; see [`Press`].
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// The digest of what was looked at.
    pub digest: Option<&'a str>,
    /// The plan's phrase.
    pub phrase: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Why one person alone passes what only broken glass passes.
    pub break_glass: Option<&'a str>,
}

impl<'a> Words<'a> {
    /// The press of a plan with these words.
    #[must_use]
    pub fn press(self, plan: &'a PlanId) -> Press<'a> {
        Press {
            plan,
            digest: self.digest,
            phrase: self.phrase,
            reason: self.reason,
            break_glass: self.break_glass,
        }
    }
}

impl Press<'_> {
    /// What broken glass is recorded with; none for a plan that needs none.
    fn glass(&self, plan: &Plan) -> Option<String> {
        let said = self
            .break_glass
            .map(str::trim)
            .filter(|why| !why.is_empty());
        said.filter(|_| plan.blocked && plan.breakable)
            .map(str::to_owned)
    }
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
    awake: Awake,
    /// The machine slept while something was armed, and nobody was told yet.
    slept: bool,
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
        // Before the digest: whoever looked at another answer is told what stops it now.
        refuse_blocked(&held.plan, press)?;
        match press.digest {
            Some(digest) if digest != held.plan.digest => {
                return Err(Refusal::WrongDigest(held.plan.digest.clone()));
            }
            None if held.plan.level >= ConfirmLevel::L2 || held.plan.blocked => {
                return Err(Refusal::NoDigest(held.plan.level));
            }
            Some(_) | None => {}
        }
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
        platform: &dyn Platform,
        rules: &Rules,
    ) -> Result<Cleared, Refusal> {
        let snapshot = platform.snapshot();
        let (shown, pressed) = self.take(press, &snapshot)?;
        let pressed_at = platform.now();
        let sources = act::sources_of(&shown, &snapshot);
        let fresh = platform.refresh(&sources, PREFLIGHT);
        let (fresh, ()) = tokio::join!(fresh, rules.ask(platform, &shown));
        if !fresh.unanswered.is_empty() {
            return Err(Refusal::Unread(fresh.unanswered));
        }
        let context = rules.full(&fresh.snapshot, &shown.node);
        let plan = again(&shown, &fresh.snapshot, &context)?;
        let difference = shown.difference(&plan);
        if !difference.is_empty() {
            return Err(Refusal::Changed(difference));
        }
        refuse_blocked(&plan, press)?;
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

    /// Whether the machine slept while something was armed since this was last asked.
    pub(crate) fn slept(&self) -> bool {
        std::mem::take(&mut self.lock().slept)
    }

    /// What is armed and what was shown, unless the machine slept or its clock was set: then neither counts any more.
    /// No task panics while it holds this lock, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.awake.look().is_some() {
            state.slept |= state.armed.take().is_some();
            state.plans.clear();
        }
        state
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
            grounds: Grounds {
                actor: self.actor,
                reason: press.reason.trim().to_owned(),
                break_glass: press.glass(&self.plan),
            },
            plan: self.plan,
            pressed_at: self.pressed_at,
        })
    }
}

/// The same request, planned on another snapshot.
fn again(shown: &Plan, snapshot: &Snapshot, context: &Context) -> Result<Plan, PlanError> {
    let request = Request {
        action: shown.action,
        node: shown.node.clone(),
        settings: shown.settings.clone(),
    };
    act::plan(snapshot, &request, context)
}

fn refuse_blocked(plan: &Plan, press: &Press<'_>) -> Result<(), Refusal> {
    if !plan.blocked || press.glass(plan).is_some() {
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

/// What the level asks of the operator (guards.md, "The engine").
fn satisfied(plan: &Plan, press: &Press<'_>, held: Option<Duration>) -> Result<(), Refusal> {
    if press.phrase != plan.confirm {
        return Err(Refusal::WrongPhrase(plan.confirm.clone()));
    }
    if press.reason.trim().is_empty() {
        return Err(Refusal::NoReason);
    }
    let must_hold = plan.blocked || plan.level >= ConfirmLevel::L3;
    let held = held.unwrap_or_default();
    match must_hold && !(HOLD..HOLD_FORGOTTEN).contains(&held) {
        true => Err(Refusal::NotHeld {
            held: held.as_secs_f64(),
        }),
        false => Ok(()),
    }
}
