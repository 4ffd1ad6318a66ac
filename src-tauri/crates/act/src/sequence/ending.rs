//! Every way a sequence ends, each with its verdict, one sentence, and what to do next.

use super::known::Step;
use super::{Sequence, Steps};
use crate::course::{Answer, Call, Ending, Stop};
use crate::receipt::{RecoveryPart, Verdict};
use crate::words::{list, span};
use model::SourceFailure;

const LOOK: &str = "Look at it where it lives before you plan again.";

fn end(verdict: Verdict, sentence: String, next: impl Into<String>) -> Ending {
    let next = next.into();
    Ending {
        verdict,
        sentence,
        next_step: Some(next).filter(|text| !text.is_empty()),
    }
}

/// Some steps were done: partial; none: `otherwise`.
fn by_done<S: Steps>(run: &Sequence<S>, otherwise: Verdict) -> Verdict {
    match run.known.done() {
        0 => otherwise,
        _ => Verdict::Partial,
    }
}

/// What stands, for the end of a sentence.
fn done<S: Steps>(run: &Sequence<S>) -> String {
    let done: Vec<&str> = run
        .known
        .steps
        .iter()
        .filter(|step| step.settled.is_some())
        .map(|step| step.operation.as_str())
        .collect();
    match done.as_slice() {
        [] => "Nothing was changed".to_owned(),
        done => format!("{} was done and stays done", list(done)),
    }
}

pub(super) fn verified<S: Steps>(run: &Sequence<S>) -> Ending {
    let seconds = run.watch.recovery_seconds().unwrap_or(0.0);
    let part = |part: RecoveryPart| format!("{} {}", part.part, span(part.seconds));
    let parts = run.watch.parts(|id| run.steps.part(id));
    let parts: Vec<String> = parts.into_iter().map(part).collect();
    let parts = match parts.as_slice() {
        [] => String::new(),
        parts => format!(" ({})", parts.join(", ")),
    };
    let left = run.watch.left();
    let left = match left.as_slice() {
        [] => String::new(),
        left => format!("Not yet: {}.", list(left)),
    };
    end(
        Verdict::Verified,
        format!(
            "Done and verified: {}. It took {}{parts}.",
            run.steps.outcome(),
            span(seconds)
        ),
        left,
    )
}

pub(super) fn unverified<S: Steps>(run: &Sequence<S>, why: &str) -> Ending {
    end(
        Verdict::Unverified,
        format!(
            "{}. {why} Not verified: {}.",
            done(run),
            list(&run.watch.missing())
        ),
        "Look at what is missing, then undo it or go on.",
    )
}

pub(super) fn taken_back(who: &str) -> Ending {
    end(
        Verdict::Unverified,
        format!("It was written, and did not last. {who}"),
        "Look at who owns it, and change it there.",
    )
}

pub(super) fn never_began() -> Ending {
    end(
        Verdict::Aborted,
        "It was interrupted before the first call: nothing was changed.".to_owned(),
        "Plan it again.",
    )
}

pub(super) fn stopped<S: Steps>(run: &Sequence<S>, stop: Stop) -> Ending {
    end(
        by_done(run, Verdict::Aborted),
        format!("{} {}.", stop.sentence(), done(run)),
        "Plan it again, or undo what was done.",
    )
}

pub(super) fn press_too_old<S: Steps>(run: &Sequence<S>) -> Ending {
    end(
        by_done(run, Verdict::Aborted),
        format!(
            "The confirmation is too old for what is left to do. {}.",
            done(run)
        ),
        "Plan it again.",
    )
}

pub(super) fn changed<S: Steps>(run: &Sequence<S>, what: &str) -> Ending {
    end(
        by_done(run, Verdict::Failed),
        format!("{what} Ours was not made. {}.", done(run)),
        "Ask who changed it and why, then plan again.",
    )
}

pub(super) fn refused<S: Steps>(run: &Sequence<S>, call: &Call, failure: &SourceFailure) -> Ending {
    end(
        by_done(run, Verdict::Failed),
        format!(
            "{} was refused: {} {}.",
            call.operation,
            failure.sentence,
            done(run)
        ),
        failure.next_step.clone(),
    )
}

pub(super) fn not_made<S: Steps>(run: &Sequence<S>, step: &Step) -> Ending {
    let why = match &step.answer {
        Some(Answer::Unknown { failure } | Answer::Refused { failure }) => failure.sentence.clone(),
        Some(Answer::Accepted { .. }) | None => {
            "The run was interrupted while it was called.".to_owned()
        }
    };
    end(
        by_done(run, Verdict::Failed),
        format!(
            "{} had no effect: {why} It is as it was before. {}.",
            step.operation,
            done(run)
        ),
        "Plan it again.",
    )
}

pub(super) fn unclear<S: Steps>(run: &Sequence<S>, why: &str) -> Ending {
    end(
        Verdict::Partial,
        format!("Whether the call took cannot be told: {why} Nothing more was called."),
        LOOK,
    )
    .with(done(run))
}

pub(super) fn never_settled<S: Steps>(run: &Sequence<S>, call: &Call) -> Ending {
    end(
        Verdict::Unverified,
        format!(
            "{} was accepted but is not done. {}.",
            call.operation,
            done(run)
        ),
        LOOK,
    )
}

/// Whoever answered without what a look rests on has answered, so the reason is told and not guessed.
pub(super) fn blind_before<S: Steps>(run: &Sequence<S>) -> Ending {
    end(
        Verdict::Failed,
        format!(
            "What the call rests on could not be read for a minute: {} Nothing was called, nothing was changed.",
            run.trouble
        ),
        "Put right what could not be read, then plan it again.",
    )
}

pub(super) fn blind<S: Steps>(run: &Sequence<S>) -> Ending {
    let verdict = if run.known.begun() {
        Verdict::Partial
    } else {
        Verdict::Failed
    };
    end(
        verdict,
        format!(
            "Nothing could be read for ten minutes: {} When last seen: {}.",
            run.trouble,
            done(run).to_lowercase()
        ),
        LOOK,
    )
}

impl Ending {
    fn with(mut self, more: String) -> Self {
        self.sentence = format!("{} {more}.", self.sentence);
        self
    }
}
