//! The failure harness: every action of `act::ACTIONS` × {fails at each step, outcome unknown,
//! throttled, denied, plan stale, target changed by another, double press, killed at each step,
//! cancelled}, over the simulated platform and the real SDK clients.
//!
//! Whatever happens: a named outcome, no call made a second time, the audit chain whole, nothing
//! left over, and the undo offered where there is one. An action is in it by being listed; without a
//! row in `rows.rs` it does not compile, or fails.

mod faults;
mod kills;
mod presses;
mod roles;
mod rows;
mod stage;
mod world;
