//! Time and state: who reads what when, and the one picture that results.
//!
//! ```text
//! pollers ─┐
//! watchers ┼─ bounded mpsc ─▶ index (single writer) ─▶ model::assemble ─▶ watch<Arc<Snapshot>>
//! recorder ┘                                                             └▶ updates: full, deltas
//! ```
//!
//! [`Engine`] is the handle. What acts on the platform reads the same picture through it.

mod assembly;
pub mod audit;
mod awake;
mod book;
mod cadence;
mod clusters;
mod core;
mod discovery;
mod engine;
mod errand;
mod finder;
pub mod gate;
mod identity;
mod index;
pub mod journal;
mod looking;
mod loops;
mod mend;
mod meter;
mod poller;
mod pulse;
mod recorder;
pub mod runs;
mod sameness;
mod settings;
mod sight;
mod state;
mod supervise;
mod thrift;
mod time;
mod updates;
mod watcher;

pub use crate::core::Hurry;
pub use audit::{Audit, AuditKind, AuditRow, Broken};
pub use cloud::folders::{config_dir, state_dir};
pub use discovery::{Choice, Discovery, FoundAccount, FoundCluster, discover};
pub use engine::{Engine, sources_of};
pub use gate::{Arming, Press, Refusal, Words};
pub use looking::LookError;
pub use loops::LoopsError;
pub use runs::{Fresh, Helm, Platform, RunWatch, Terms, unfinished_runs};
pub use settings::Settings;
pub use updates::updates;
