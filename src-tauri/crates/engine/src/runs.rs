//! Runs: from a confirmed plan to a receipt, across crashes.
//!
//! [`Helm`] is the acting half of the engine, over a small [`Platform`]: it offers, plans, arms,
//! presses, runs, stops and takes up again. The order on a press is fixed: journal on disk, audit row
//! opened, first call; and at the end: audit row closed, journal filed. Whatever a crash leaves out
//! of that, [`Helm::resume`] puts in.

mod deck;
mod helm;
mod locks;
mod platform;
mod points;
mod rules;
mod runner;
mod unfinished;

#[cfg(test)]
mod tests;

pub(crate) use deck::Deck;
pub(crate) use helm::FOLDER;
pub use helm::{Helm, RunWatch};
pub use platform::{Fresh, Platform};
pub use points::{Nowhere, Points};
pub use rules::{Rules, Terms};
pub use unfinished::unfinished_runs;
