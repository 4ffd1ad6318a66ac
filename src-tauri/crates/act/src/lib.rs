//! WRITES: one file per action, and the nouns of the road of an action.
//!
//! ```text
//! offer ─▶ plan ─▶ preflight ─▶ Cleared ─▶ confirm ─▶ Confirmed ─▶ run (steps) ─▶ verify ─▶ Receipt
//! ```
//!
//! Offers and plans are pure: made from a snapshot, they ask nobody. What a run does next is decided
//! here too, by the action's course, from what its journal and the platform say; the engine's runner
//! does what is decided and keeps the journal.

pub mod action;
pub mod course;
pub mod offer;
pub mod plan;
pub mod receipt;
pub mod redrive;
pub mod setting;
mod words;

pub use action::{
    ACTIONS, Action, Context, PlanError, Recount, Request, action, colour, command, offers, plan,
};
pub use course::{Answer, Call, Course, Decision, Ending, Entry, Face, Moment};
pub use offer::{Colour, Offer};
pub use plan::{
    ApiCall, Blast, ConfirmLevel, Expectation, Finding, Outcome, Plan, PlanId, Severity, Verb, hex,
};
pub use receipt::{
    Figure, PredicateResult, Receipt, RunEvent, RunId, RunPhase, RunProgress, StepRecord, Verdict,
};
pub use setting::{Ask, Choice, Setting};
