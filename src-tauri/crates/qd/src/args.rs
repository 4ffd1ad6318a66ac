//! The command line of `qd`; names and meanings are stable.

use clap::{Args, Parser, Subcommand};
use model::Environment;
use simulator::Millis;
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
    /// Look through profiles of the AWS config, say what is there, and write a stack file. Exit 0 complete, 3 when a
    /// source failed (the file is written), 2 when there is something to choose.
    Init(InitArgs),
    /// Keep or forget the keys of a profile in the operating system's keyring. Exit 0 done, 2 misused.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Sign in. With IAM Identity Center: prints a page and a code, and waits until somebody confirms it in a browser, on
    /// any machine. For a role with an mfa_serial: asks for the code of that device. What follows is kept where the AWS
    /// CLI keeps it; what runs goes on by itself. Exit 0 signed in, 5 refused or not confirmed in time, 2 a profile that
    /// does not sign in so, or no code.
    Login(LoginArgs),
    /// Programs that a kubeconfig (exec plugins) or an AWS config beside the stack (credential_process) names to sign
    /// in with, and that are run only as they were approved. Without a hash: lists what waits, with all that is
    /// known of it, and what was approved; runs nothing. Exit 0 done, 2 no such program.
    Approve(ApproveArgs),
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
    /// What can be done to a node, each with its preflight colour and why not.
    Offers {
        /// A node's id, or its name where that is unique.
        node: String,
        #[command(flatten)]
        read: ReadArgs,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// The exact plan of an action with every check. Exit 0 clear, 4 blocked.
    Plan {
        #[command(flatten)]
        what: ActionArgs,
        #[command(flatten)]
        read: ReadArgs,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Do it: arm that one plan, check, run, verify. The last line is the receipt.
    /// Exit 0 verified, 4 blocked or refused, 5 failed, 6 done but not verified, 7 aborted or partial.
    Act {
        #[command(flatten)]
        what: ActionArgs,
        /// Why, for the audit.
        #[arg(long)]
        reason: String,
        /// The phrase the plan asks for (`confirm` in `qd plan --json`).
        #[arg(long)]
        confirm: String,
        /// The plan's digest; required from L2.
        #[arg(long)]
        digest: Option<String>,
        /// Passes level 4 and what only broken glass passes (`breakable` in `qd plan --json`): why
        /// nobody else could approve it. Recorded as such.
        #[arg(long, value_name = "WHY")]
        break_glass: Option<String>,
        #[command(flatten)]
        read: ReadArgs,
        /// One JSON object per line: run events, then the receipt.
        #[arg(long)]
        json: bool,
    },
    /// Unfinished runs: what is known, what is next. Exit 0.
    Runs {
        /// Taken and not needed: the state folder holds the runs of every stack.
        #[arg(long, value_name = "FILE", hide = true)]
        stack: Option<PathBuf>,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// The plan that undoes a run, from what was there before it; it is checked like any other, and
    /// done with `qd act`. Exit 0 clear, 4 blocked or nothing to undo.
    Undo {
        /// The run's id (`qd act` prints it).
        run: String,
        #[command(flatten)]
        read: ReadArgs,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// What was left open, by whom and until when. Exit 0, 1 when something is overdue.
    Loops {
        #[command(flatten)]
        read: ReadArgs,
        /// One JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Take up an interrupted run and end it in a named outcome. Never starts anything twice.
    /// Exit 0 once it has ended, whatever the verdict (it is in the receipt); 4 when it cannot be
    /// taken up (alive elsewhere, unknown), 5 when it was interrupted again.
    Resume {
        /// The run's id; may be left out when one run is unfinished.
        run: Option<String>,
        #[command(flatten)]
        read: ReadArgs,
        /// One JSON object per line: run events, then the receipt.
        #[arg(long)]
        json: bool,
    },
    /// Look at a sample of a queue's messages, grouped by what they have in common, each group with
    /// the filter that selects it. Each one looked at counts one more receive and is hidden for a
    /// moment, then let go.
    Peek(PeekArgs),
    /// Write every message of a queue that can be received into a file, as JSON lines, with
    /// everything needed to send it again. Exit 0 complete, 3 partial.
    Export(ExportArgs),
    /// The record of everything done.
    #[command(subcommand)]
    Audit(AuditCommand),
}

/// Who signs in.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// A profile of the AWS config.
    pub(crate) profile: String,
    /// The stack file, where it brings its own AWS config.
    #[arg(long, value_name = "FILE")]
    pub(crate) stack: Option<PathBuf>,
    /// Another AWS config than the usual one or the stack file's.
    #[arg(long, value_name = "FILE")]
    pub(crate) aws_config: Option<PathBuf>,
    /// Another file of AWS credentials than the usual one or the stack file's.
    #[arg(long, value_name = "FILE")]
    pub(crate) aws_credentials: Option<PathBuf>,
    /// The code of the device, where one is asked for: it is good once. Without it, it is asked for.
    #[arg(long, value_name = "DIGITS")]
    pub(crate) code: Option<String>,
    /// One JSON object per line: what is asked for, then the outcome.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which program.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The beginning of the hash of a program that waits: approves it exactly as it is now. Changed later in file,
    /// arguments, variables or the server that is sent what it gives, it waits again.
    #[arg(value_name = "HASH-PREFIX")]
    pub(crate) hash: Option<String>,
    /// The stack file; without one every context of the usual kubeconfig is looked at.
    #[arg(long, value_name = "FILE")]
    pub(crate) stack: Option<PathBuf>,
    /// Take back what was approved under a hash that begins so.
    #[arg(long, value_name = "HASH-PREFIX", conflicts_with = "hash")]
    pub(crate) forget: Option<String>,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to do with the audit.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check the hash chain. Exit 0 intact, 5 broken (names the first bad row).
    Verify(RecordArgs),
    /// Every row, one JSON object per line.
    Export(RecordArgs),
}

/// What to look at.
#[derive(Debug, Args)]
pub(crate) struct PeekArgs {
    /// A queue's id, or its name where that is unique.
    pub(crate) queue: String,
    /// Messages at most, 1 to 500.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) sample: u32,
    /// Show what this edit would change: `set PATH = JSON` or `remove PATH`, `;` between.
    #[arg(long)]
    pub(crate) edit: Option<String>,
    /// `keep`, or `free` when the body may become of another shape.
    #[arg(long, default_value = "keep", value_parser = ["keep", "free"])]
    pub(crate) shape: String,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to export, and where to.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// A queue's id, or its name where that is unique.
    pub(crate) queue: String,
    /// The file; one that an interrupted export left is taken up.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The record is one for every stack, and has one form.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// `verify`: one JSON document instead of text; `export` is JSON anyway.
    #[arg(long)]
    pub(crate) json: bool,
    /// Taken and not needed: there is one record.
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) stack: Option<PathBuf>,
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
    /// Bounds the reading, in seconds, from the start of the command: sources still out are failed,
    /// the rest is printed.
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: f64,
}

/// What to do about keys that do not expire.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Keep the keys of a profile that does not say how it signs in; asks for them, or reads two lines.
    Set {
        /// The profile of the AWS config.
        profile: String,
    },
    /// Forget them.
    Forget {
        /// The profile of the AWS config.
        profile: String,
    },
}

/// What a stack file is made from.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// A profile of the AWS config; may be repeated. Without one $AWS_PROFILE, the only profile there is, or the
    /// default chain.
    #[arg(long = "profile", value_name = "NAME")]
    pub(crate) profiles: Vec<String>,
    /// A region; may be repeated. Without one each profile's own, or $AWS_REGION.
    #[arg(long = "region", value_name = "REGION")]
    pub(crate) regions: Vec<String>,
    /// The platform's name; the first profile's when left out.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// prod, staging or dev: how loudly the window says where it is.
    #[arg(long, default_value = "prod", value_parser = environment)]
    pub(crate) environment: Environment,
    /// The stack file to be written; never over one that is there.
    #[arg(long, default_value = "quarterdeck.toml", value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Another AWS config than the usual one.
    #[arg(long, value_name = "FILE")]
    pub(crate) aws_config: Option<PathBuf>,
    /// Another file of AWS credentials than the usual one.
    #[arg(long, value_name = "FILE")]
    pub(crate) aws_credentials: Option<PathBuf>,
    /// Another kubeconfig than the usual one.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Bounds the look, in seconds.
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: f64,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which action, to what, how.
#[derive(Debug, Args)]
pub(crate) struct ActionArgs {
    /// The action, e.g. `redrive`.
    pub(crate) action: String,
    /// A node's id, or its name where that is unique.
    pub(crate) node: String,
    /// A setting, e.g. `rate=20`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    pub(crate) settings: Vec<(String, String)>,
}

/// The simulated platform's parameters.
#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    /// calm, az-degraded, dlq-fills, writer-sick, writer-load, spot-storm.
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
    /// What the written profile signs in with: `keys` in a file; `sso`: IAM Identity Center, through `qd login`
    /// (DIR/control tells how to say yes or no); `role`: it assumes one with the keys of another profile; `mfa`: that
    /// takes a code, through `qd login` (DIR/control has the seed of the codes).
    #[arg(long, default_value = "keys")]
    pub(crate) sign_in: String,
    /// World time at the start, e.g. 2026-03-04T15:30:00Z; now if it is not given.
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub(crate) start: Option<Millis>,
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

fn environment(text: &str) -> Result<Environment, String> {
    let mut all = Environment::ALL.into_iter();
    all.find(|environment| environment.as_str() == text)
        .ok_or_else(|| "give prod, staging or dev".to_owned())
}

fn instant(text: &str) -> Result<Millis, String> {
    Millis::parse_iso(text).ok_or_else(|| "give an instant, e.g. 2026-03-04T15:30:00Z".to_owned())
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("give KEY=VALUE, e.g. rate=20".to_owned()),
    }
}
