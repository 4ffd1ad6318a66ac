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
mod book;
mod cadence;
mod clusters;
mod core;
mod engine;
mod identity;
mod index;
mod meter;
mod poller;
mod recorder;
mod sameness;
mod settings;
mod state;
mod supervise;
mod time;
mod updates;
mod watcher;

pub use crate::core::Hurry;
pub use engine::{Engine, sources_of};
pub use settings::Settings;
pub use state::state_dir;
pub use updates::updates;
