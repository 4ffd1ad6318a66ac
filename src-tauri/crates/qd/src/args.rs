//! The command line of `qd`; names and meanings are stable.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Quarterdeck without a window: the same engine for scripts, terminals and tests.
#[derive(Debug, Parser)]
#[command(name = "qd", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the simulated platform until told to stop; prints one JSON line when ready.
    Sim(SimArgs),
    /// One complete snapshot. Exit 0 complete, 3 when a source failed (the rest is printed).
    Topology {
        #[command(flatten)]
        read: ReadArgs,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// What is wrong, in sentences. Exit 0 OK, 1 warning, 2 critical, 3 unknown.
    Status {
        #[command(flatten)]
        read: ReadArgs,
    },
    /// The full state, then deltas, one JSON object per line, until interrupted.
    Watch {
        #[command(flatten)]
        stack: StackArgs,
        /// One JSON object per line (the only form there is).
        #[arg(long)]
        json: bool,
    },
}

/// Which platform.
#[derive(Debug, Args)]
pub(crate) struct StackArgs {
    /// The stack file.
    #[arg(long, value_name = "FILE")]
    pub(crate) stack: PathBuf,
}

/// Which platform, and how long to wait for it.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// Bounds the reading, in seconds: sources still out are failed, the rest is printed.
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: f64,
}

/// The simulated platform's parameters.
#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    /// calm, az-degraded, dlq-fills.
    #[arg(long)]
    pub(crate) scenario: String,
    /// Where it writes its stack file, AWS files, kubeconfig and `control`.
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// Milliseconds every answer is held back.
    #[arg(long, default_value_t = 0)]
    pub(crate) latency_ms: u64,
    /// Pods per region.
    #[arg(long, default_value_t = 700)]
    pub(crate) pods: u32,
    /// Regions.
    #[arg(long, default_value_t = 2)]
    pub(crate) regions: u32,
    /// World seconds per wall second.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) speed: f64,
    /// Names and chances come from it; the same seed makes the same world.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// `auto` follows the wall clock; `explicit` moves only when told to (see DIR/control).
    #[arg(long, default_value = "auto")]
    pub(crate) clock: String,
    /// A fault, e.g. `throttled:sqs:us-east-1`; may be repeated.
    #[arg(long = "fault", value_name = "SPEC")]
    pub(crate) faults: Vec<String>,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 && value <= 86_400.0 => Ok(value),
        _ => Err("give seconds between 0 and 86400, e.g. 30".to_owned()),
    }
}
