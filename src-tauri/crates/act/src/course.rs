//! What every run has in common: calls that are written down before they are made, answers that may
//! be unknown, and a course that decides the next thing from what is written and what is seen.
//!
//! A course never acts by itself. The runner asks it to look, asks it what to do, writes that down,
//! does it, writes the answer down. After a crash the same course is given the same journal and goes
//! on from what the platform shows: there is no second code path for recovery.

use crate::action::Request;
use crate::plan::Plan;
use crate::receipt::{
    PredicateResult, RecoveryPart, RunId, RunPhase, RunProgress, StepRecord, Verdict,
};
use async_trait::async_trait;
use model::{Snapshot, SourceFailure, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// One mutating call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Which step of the run makes it.
    pub step: String,
    /// `sqs:StartMessageMoveTask`.
    pub operation: String,
    /// Parameters by AWS's names.
    pub parameters: BTreeMap<String, Value>,
    /// What was there before, in the action's own shape: how the call is recognised afterwards by
    /// what it left.
    pub saw: Value,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Answer {
    /// Done, or begun.
    Accepted {
        /// The request id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
        /// What the service answered, by its names.
        result: BTreeMap<String, Value>,
    },
    /// Certainly not done: the service said no.
    Refused {
        /// Why.
        failure: SourceFailure,
    },
    /// Perhaps done: no answer, a broken one, or a server error. Never a reason to call again.
    Unknown {
        /// What went wrong.
        failure: SourceFailure,
    },
}

/// A line of a run's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "lowercase")]
pub enum Entry {
    /// Confirmed; the first line.
    Opened {
        /// Which run.
        run: RunId,
        /// What was confirmed.
        plan: Box<Plan>,
        /// Who pressed.
        actor: String,
        /// Why.
        reason: String,
        /// Why the glass was broken, where it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        break_glass: Option<String>,
        /// When, platform time.
        at: Timestamp,
    },
    /// A call is about to be made; on disk before it is.
    Intent {
        /// When.
        at: Timestamp,
        /// The call.
        call: Call,
    },
    /// What became of the last intent.
    Answered {
        /// When.
        at: Timestamp,
        /// Which step.
        step: String,
        /// Which operation.
        operation: String,
        /// The answer.
        answer: Answer,
    },
    /// Something the course must not forget.
    Mark {
        /// When.
        at: Timestamp,
        /// In the action's own shape.
        mark: Value,
    },
    /// Another process took the run up.
    Taken {
        /// When.
        at: Timestamp,
        /// Who.
        actor: String,
    },
    /// Over.
    Closed {
        /// When.
        at: Timestamp,
        /// How.
        ending: Ending,
    },
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// The verdict.
    pub verdict: Verdict,
    /// The outcome in one sentence.
    pub sentence: String,
    /// What is left to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Write this down, make the call, write the answer down.
    Call(Call),
    /// Write this down and ask again.
    Note(Value),
    /// Look again after this long (wall time: the platform's may run at another speed).
    Wait(Duration),
    /// It is over.
    End(Ending),
}

/// Why a run is to end before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The operator asked for it.
    Operator,
    /// Another console has the lock now.
    Lock,
}

impl Stop {
    /// That, as a sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Stop::Operator => "The operator stopped it.",
            Stop::Lock => "Another console has the lock now.",
        }
    }
}

/// The circumstances of a decision.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Platform time.
    pub now: Timestamp,
    /// Wall time since the last look that succeeded; zero when the last one did.
    pub blind_for: Duration,
    /// Platform seconds per second of ours: 1, but for a simulated platform that runs faster.
    pub pace: f64,
    /// The newest picture.
    pub snapshot: &'a Snapshot,
    /// It is to end.
    pub stop: Option<Stop>,
}

/// A run as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// Where it is.
    pub phase: RunPhase,
    /// What is happening, a sentence.
    pub sentence: String,
    /// Steps so far.
    pub steps: Vec<StepRecord>,
    /// Live figures.
    pub progress: RunProgress,
    /// Predicates.
    pub predicates: Vec<PredicateResult>,
}

/// The brain of one run.
#[async_trait]
pub trait Course: Send {
    /// Takes in a line of the journal: as it is written, and again from the start after a crash.
    fn learn(&mut self, entry: &Entry);

    /// Reads from the platform what the next decision rests on.
    ///
    /// # Errors
    /// When the platform does not say; what was seen before stays.
    async fn look(&mut self) -> Result<(), SourceFailure>;

    /// Makes a call, once, without retries.
    async fn call(&mut self, call: &Call) -> Answer;

    /// What to do next. Pure but for what it keeps of the predicates' dwell.
    fn decide(&mut self, moment: &Moment<'_>) -> Decision;

    /// What is known from the journal alone, a sentence: for `qd runs` after a crash.
    fn known(&self) -> String;

    /// What taking it up will do, a sentence.
    fn next(&self) -> String;

    /// How it stands.
    fn face(&self, moment: &Moment<'_>) -> Face;

    /// Requests that what is seen asks for next, e.g. the restart of what still holds on to the old
    /// writer. Each is planned and checked like any other when it is asked for.
    fn follow_ups(&self) -> Vec<Request> {
        Vec::new()
    }

    /// The parts that came back one after another, as far as they have.
    fn recovery_parts(&self) -> Vec<RecoveryPart> {
        Vec::new()
    }
}
