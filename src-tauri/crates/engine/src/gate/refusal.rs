//! Why something is not done.

use super::{HOLD, MAX_MINUTES};
use act::lease::Theirs;
use act::{ConfirmLevel, PLAN_SECONDS, PlanError, RunId};
use model::{SourceId, Timestamp};

/// Why something is not done. Every one is a sentence.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What is below is being closed or opened anew.
    #[error(
        "The platform is being closed or opened anew at this moment: nothing was done. Press again when it is drawn."
    )]
    Closing,
    /// Nothing is armed.
    #[error("This is read-only. Arm {0} with a reason first.")]
    ReadOnly(String),
    /// Something else is armed.
    #[error("{armed} is armed, and this is in {wanted}.")]
    OutOfScope {
        /// What is armed.
        armed: String,
        /// Where the action is.
        wanted: String,
    },
    /// Too long or no time.
    #[error("Arm for 1 to {MAX_MINUTES} minutes, not {0}.")]
    Minutes(u32),
    /// No reason given.
    #[error("Give a reason: it goes into the record.")]
    NoReason,
    /// The plan is not there (any more).
    #[error("That plan is gone: plan it again.")]
    NoSuchPlan,
    /// The plan is too old.
    #[error("That plan is older than {} seconds: plan it again.", PLAN_SECONDS)]
    Expired,
    /// Pressed twice.
    #[error("That plan was pressed already: it runs once.")]
    AlreadyPressed,
    /// The digest given is another plan's.
    #[error("The digest is not this plan's ({0}): look at the plan again.")]
    WrongDigest(String),
    /// From level 2 the digest must be given.
    #[error("This is level {0:?}: pass --digest with the digest of the plan you looked at.")]
    NoDigest(ConfirmLevel),
    /// The phrase is not the plan's.
    #[error("To confirm, give exactly: {0}")]
    WrongPhrase(String),
    /// The button was not held long enough.
    #[error("Hold for {} seconds; it was held {held:.1}.", HOLD.as_secs())]
    NotHeld {
        /// Seconds it was held; 0 when it was not.
        held: f64,
    },
    /// A check stops it.
    #[error("Blocked. {}", .0.join(" "))]
    Blocked(Vec<String>),
    /// The answer is not the one that was shown.
    #[error("It is not as it was shown. {}", .0.join(" "))]
    Changed(Vec<String>),
    /// Fresh reads did not come.
    #[error("These could not be read afresh: {}. Nothing was done.", names(.0))]
    Unread(Vec<SourceId>),
    /// It cannot be planned any more.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A run is on this node.
    #[error("Run {} is on {node} already.", .run.0)]
    Busy {
        /// Which.
        run: RunId,
        /// Where.
        node: String,
    },
    /// A run on this node was interrupted.
    #[error("Run {} on {node} was interrupted: resume it first (qd resume {}).", .run.0, .run.0)]
    Interrupted {
        /// Which.
        run: RunId,
        /// Where.
        node: String,
    },
    /// Another process acts in this blast domain.
    #[error("Another process is acting on {0} at this moment.")]
    Elsewhere(String),
    /// Another console holds the domain's lock.
    #[error("{node} is locked: {} is acting on it{}{}. See the {}; it lapses {} s after its holder has gone.", .theirs.holder, from(.theirs.since), .theirs.doing(), .theirs.place, act::lease::LEASE_SECONDS)]
    Locked {
        /// What is locked.
        node: String,
        /// Who holds it, where, and what they do.
        theirs: Box<Theirs>,
    },
    /// No such run here.
    #[error("There is no run {} here to {verb}.", .run.0)]
    NoSuchRun {
        /// Which.
        run: RunId,
        /// `stop`, `watch`.
        verb: &'static str,
    },
    /// The account or region is not open.
    #[error("There is no session for {0}.")]
    NoSession(String),
    /// The record cannot be written, so nothing is done.
    #[error("Nothing was done: {0}.")]
    Audit(#[from] crate::audit::AuditError),
    /// What would be left open cannot be written down, so nothing is done.
    #[error("Nothing was done: {0}.")]
    Loops(#[from] crate::loops::LoopsError),
    /// The journal cannot be written, so nothing is done.
    #[error("Nothing was done: {0}.")]
    Journal(#[from] crate::journal::JournalError),
    /// The platform did not answer a run that was taken up.
    #[error("The run stays as it is: {0}")]
    Unreadable(String),
}

fn from(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| format!(" since {at}"))
}

fn names(sources: &[SourceId]) -> String {
    let names: Vec<&str> = sources.iter().map(SourceId::as_str).collect();
    names.join(", ")
}
