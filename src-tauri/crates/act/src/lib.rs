//! WRITES: one file per action, and the nouns of the road of an action.
//!
//! ```text
//! offer ─▶ plan ─▶ preflight ─▶ Cleared ─▶ confirm ─▶ Confirmed ─▶ run (steps) ─▶ verify ─▶ Receipt
//! ```
//!
//! Offers and plans are pure: made from a snapshot, they ask nobody. What a run does next is decided
//! here too, by the action's course, from what its journal and the platform say; the engine's runner
//! does what is decided and keeps the journal.
//!
//! # How to add an action
//!
//! 1. A word in the model's `verb.rs` (one line of `verbs!`), unless the verb exists for another kind of node.
//! 2. A file `act/src/NAME.rs` (or a folder of that name) with a unit struct that is an [`Action`],
//!    and one row of [`ACTIONS`]. It says:
//!    - `verb`, `kinds`, `fits` (those kinds in words), `offered`, `called_for` (the situation
//!      asks for it: listed without being looked for), `settings` (what the dialog asks for);
//!    - `draft`: settings parsed (a bad one is a [`PlanError`]), the exact calls with their CLI or
//!      kubectl line, before-state, its own checks, expectations, stops, blast radius, its **base**
//!      level, what it [`Takes`] away, the [`Right`]s its calls need, its [`Undo`] (a [`Request`]
//!      made from the before-state), and what it [`Leaves`] open.
//!    - `course`: the brain of a run (below). `sources`: the sources its checks rest on.
//! 3. A row in the failure harness (`tests/tests/harness/`): the simulated world, how to bring the
//!    action to green, how somebody else would change its target. Without a row the harness fails.
//!
//! Everything else is done for every action alike, and must not be done again by one: warnings raise
//! the level, unknown data blocks from L3, freezes, rights, the graph invariant, digest, expiry, the
//! lock, phrase, reason, hold, journal, audit, offering the undo, open loops.
//!
//! **Checks**: `finding(id, severity, answer, words)` with `Answer::of(Origin::of(snapshot, node,
//! fact), Some(holds), value)`, so that what is missing or outdated is unknown by itself; an answer
//! that rests on no reading is `Answer::given`.
//!
//! **Courses**: an action that makes one or a few calls and then watches its predicates is a
//! [`sequence`]: it gives a `Steps` (look, write, "did this call take?", judge a predicate) and gets
//! lost answers, crashes, refusals, stopping, blindness and verification from there. Only what
//! follows a long-running task of its own (the redrive) writes a [`Course`]. Writes go through
//! `once::aws` or `once::kubernetes`, with clients made for writes, which never repeat a request.

pub mod action;
mod arn;
pub mod autoscaler;
mod checked;
pub mod course;
mod database;
pub mod domain;
pub mod draft;
pub mod failover;
mod finding;
pub mod freeze;
pub mod gitops;
mod glass;
pub mod hands;
mod lasts;
pub mod lease;
pub mod loops;
pub mod mapping;
pub mod nodegroup;
mod object;
pub mod offer;
pub mod once;
mod origin;
pub mod plan;
pub mod purge;
pub mod readers;
pub mod receipt;
pub mod redrive;
pub mod rights;
pub mod selected;
pub mod sequence;
pub mod setting;
#[cfg(test)]
mod shared_tests;
pub mod shelf;
pub mod takes;
mod time;
mod watch;
mod words;
pub mod workload;

pub use action::{
    ACTIONS, Action, Context, PlanError, Recount, Request, action, action_of, called_for, colour,
    command, offers, plan, plan_command, recount, sources_of,
};
pub use course::{Answer, Call, Course, Decision, Ending, Entry, Face, Moment, Stop};
pub use domain::domain;
pub use draft::{Draft, Undo};
pub use freeze::{Effect, Freeze};
pub use hands::Hands;
pub use loops::{LoopId, LoopState, OpenLoop};
pub use model::Verb;
pub use offer::{Colour, Offer};
pub use plan::{
    ApiCall, Blast, ConfirmLevel, Expectation, Finding, Leaves, Outcome, PLAN_SECONDS, Plan,
    PlanId, Severity, hex,
};
pub use receipt::{
    Figure, PredicateResult, Receipt, RecoveryPart, RunEvent, RunId, RunPhase, RunProgress,
    StepRecord, Verdict,
};
pub use rights::{Allowed, Right, Rights, RightsOf};
pub use setting::{Ask, Choice, Setting};
pub use shelf::Shelf;
pub use takes::Takes;
