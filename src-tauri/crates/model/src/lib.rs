//! The nouns of Quarterdeck and everything that can be derived from them without asking anybody.
//!
//! This crate is pure: no clock, no network, no runtime. Time is passed in. Collectors produce
//! [`Observation`]s; [`assemble`](assemble::assemble) turns them into one [`Snapshot`] (edges by
//! `link`, health by `rules`, causes by `causes`); [`diff`] says what changed between two.
//!
//! ```text
//! Observation… ─▶ assemble ─▶ link ─▶ rules ─▶ roll-up ─▶ causes ─▶ Snapshot ─▶ diff ─▶ Update
//! ```

pub mod access;
pub mod assemble;
mod causes;
mod certificate;
pub mod cost;
pub mod diff;
pub mod edge;
pub mod facts;
pub mod failure;
pub mod graph;
pub mod health;
pub mod id;
pub mod kind;
mod link;
mod move_task;
pub mod node;
pub mod observation;
mod pool;
mod program;
pub mod rollup;
mod room;
pub mod rules;
pub mod snapshot;
pub mod source;
#[cfg(test)]
mod stage;
pub mod strain;
pub mod time;
mod verb;
pub mod window;
mod words;

pub use access::{Access, AccessState, Way};
pub use assemble::{
    Assembly, Declared, DeclaredQueue, Expected, Held, Input, PinnedEdge, assemble,
};
pub use certificate::{Certificate, CertificateUse};
pub use cost::Cost;
pub use diff::{Delta, Update, apply, diff};
pub use edge::{Edge, Provenance, Relation};
pub use facts::{Fact, Facts, NONE, Value, unfit};
pub use failure::{FailureClass, SourceFailure};
pub use graph::{Atlas, Graph};
pub use health::{Cause, Evidence, Health, Level, Reason, RuleId, Signal};
pub use id::{AccountId, NodeId, SourceId, is_account};
pub use kind::Kind;
pub use move_task::{MoveFailure, move_failure};
pub use node::{Node, Series, Standing};
pub use observation::{
    Change, ChangeKind, Direction, Found, FoundNode, Name, Observation, Readings, Tie,
};
pub use pool::{Limit, Limited, limits, unread_limits};
pub use program::Program;
pub use room::{awaited_nodes, waits_for_room};
pub use rules::{Thresholds, shift_end, shifted_away};
pub use snapshot::{Environment, Identity, NotFound, Snapshot, StackIdentity};
pub use source::{Scope, Service, Source, SourceStatus, State, partition};
pub use time::Timestamp;
pub use verb::Verb;
pub use window::Window;

/// The account id the simulated platform's STS answers; no real account uses it.
/// SIMULATED is shown only when STS answers this and every endpoint is loopback.
pub const SIMULATED_ACCOUNT: &str = "100200300400";
