//! What a simulation is started with.

use std::path::PathBuf;

use crate::clock::Millis;

/// How world time moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockMode {
    /// With the wall clock, `speed` times faster.
    Auto,
    /// Only when told to, by [`crate::Simulation::advance`] or the control endpoint.
    Explicit,
}

/// What the written profile signs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInWay {
    /// Keys in a file; any key is let in.
    Keys,
    /// IAM Identity Center; only keys that it issued are let in.
    Sso,
    /// A role, assumed with the keys of a user that may do nothing else.
    Role,
    /// The same, and it takes a code of the user's device.
    Mfa,
}

/// The parameters of a simulation.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the scenario; see [`crate::scenario::NAMES`].
    pub scenario: String,
    /// Where the files are written; made when missing.
    pub dir: PathBuf,
    /// Milliseconds added to every answer.
    pub latency_ms: u64,
    /// Pods per region, about.
    pub pods: u32,
    /// Number of regions, 1 to 6.
    pub regions: usize,
    /// World seconds per wall second in [`ClockMode::Auto`].
    pub speed: f64,
    /// Decides every name and every throw of the dice.
    pub seed: u64,
    /// How time moves.
    pub clock: ClockMode,
    /// World time at the start; the machine's when `None`. Demand, backup and maintenance windows follow from the hour:
    /// only with it does the same seed make the same world again.
    pub start: Option<Millis>,
    /// Faults in force from the start, in the notation of [`crate::fault`].
    pub faults: Vec<String>,
    /// What the written profile signs in with.
    pub sign_in: SignInWay,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scenario: "calm".into(),
            dir: PathBuf::from("."),
            latency_ms: 0,
            pods: 700,
            regions: 2,
            speed: 1.0,
            seed: 1,
            clock: ClockMode::Auto,
            start: None,
            faults: Vec::new(),
            sign_in: SignInWay::Keys,
        }
    }
}
