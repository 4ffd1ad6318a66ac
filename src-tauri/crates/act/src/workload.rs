//! Actions on deployments and stateful sets.
//!
//! `replicas` belongs to somebody: KEDA, an autoscaler, git, or nobody (`owner`). What is written
//! goes to that owner, because what is written past it is overwritten at its next look (guards.md
//! §4). What a number of replicas needs and meets is asked in `room`, for the workload's own action
//! and for the bounds of its autoscaler alike.

pub(crate) mod near;
pub(crate) mod owner;
pub mod restart;
pub(crate) mod room;
pub mod scale;
#[cfg(test)]
pub(crate) mod tests;
pub mod undo;

pub use restart::Restart;
pub use scale::Scale;
pub use undo::Undo as RolloutUndo;
