//! WRITES: one file per action, and the nouns of the road of an action.
//!
//! ```text
//! offer ─▶ plan ─▶ preflight ─▶ Cleared ─▶ confirm ─▶ Confirmed ─▶ run (steps) ─▶ verify ─▶ Receipt
//! ```

pub mod offer;
pub mod plan;
pub mod receipt;

pub use offer::{Colour, Offer};
pub use plan::{
    ApiCall, Blast, ConfirmLevel, Expectation, Finding, Outcome, Plan, PlanId, Severity, Verb,
};
pub use receipt::{
    PredicateResult, Receipt, RunEvent, RunId, RunPhase, RunProgress, StepRecord, Verdict,
};
