//! An unfinished redrive told from its journal alone.

use super::course::RedriveCourse;
use super::known::{Known, Piece};
use super::mover::Mover;
use super::task::{Counts, Part, Task};
use crate::action::Recount;
use crate::course::{Answer, Call, Course, Entry, Moment};
use crate::plan::Plan;
use crate::words::count;
use async_trait::async_trait;
use model::{
    Environment, FailureClass, Identity, Snapshot, SourceFailure, StackIdentity, Timestamp,
};
use std::time::Duration;

pub(crate) fn recount(plan: &Plan, entries: &[Entry]) -> Recount {
    let mut course = RedriveCourse::new(plan, Box::new(Handless));
    for entry in entries {
        course.learn(entry);
    }
    let snapshot = nothing();
    let moment = Moment {
        now: plan.made_at,
        blind_for: Duration::from_secs(1),
        snapshot: &snapshot,
        stop: false,
    };
    Recount {
        known: known(&course),
        next: next(&course.known).to_owned(),
        face: course.face(&moment),
    }
}

fn known(course: &RedriveCourse) -> String {
    let known = &course.known;
    let moved = count(course.moved_in_all(), "message");
    if let Some((_, sentence)) = &known.closed {
        return sentence.clone();
    }
    if known.full.intent.is_some() {
        return piece("full task", &known.full, &moved);
    }
    match (&known.canary.end, known.passed) {
        (Some(_), Some(_)) => {
            format!("The canary moved {moved} and they stayed away; the full task was not started.")
        }
        (Some(end), None) => format!(
            "The canary is {} after {moved}; whether they came back was being watched, and the full task was not started.",
            end.status
        ),
        (None, _) if known.canary.intent.is_some() => piece("canary", &known.canary, &moved),
        (None, _) => "It was confirmed and nothing was started.".to_owned(),
    }
}

fn piece(what: &str, piece: &Piece, moved: &str) -> String {
    match (&piece.end, &piece.answer) {
        (Some(end), _) => format!("The {what} is {}; {moved} moved.", end.status),
        (None, Some((_, Answer::Accepted { .. }))) => {
            format!("The {what} was started; its end is not known.")
        }
        (None, Some((_, Answer::Refused { failure }))) => {
            format!("The {what} was refused: {}", failure.sentence)
        }
        (None, Some((_, Answer::Unknown { failure }))) => {
            format!(
                "Whether the {what} was started is not known: {}",
                failure.sentence
            )
        }
        (None, None) => {
            format!("The {what} was about to be started; whether SQS took it is not known.")
        }
    }
}

fn next(known: &Known) -> &'static str {
    let part = if known.full.intent.is_some() {
        Part::Full
    } else {
        Part::Canary
    };
    let piece = known.piece(part);
    if known.closed.is_some() {
        "Taking it up files it away."
    } else if piece.intent.is_none() && known.canary.intent.is_none() {
        "Taking it up closes it; nothing is started."
    } else if piece.end.is_some() {
        "Taking it up looks whether messages came back and goes on from there."
    } else {
        "Taking it up looks for its task and follows it; nothing is started a second time."
    }
}

/// A picture of nothing.
fn nothing() -> Snapshot {
    Snapshot {
        seq: 0,
        taken_at: Timestamp::default(),
        stack: StackIdentity {
            name: String::new(),
            environment: Environment::Dev,
        },
        identity: Identity::default(),
        nodes: Vec::new(),
        edges: Vec::new(),
        sources: Vec::new(),
        causes: Vec::new(),
        changes: Vec::new(),
    }
}

/// Hands that do nothing: a journal is only read here.
struct Handless;

fn not_asked() -> SourceFailure {
    SourceFailure {
        class: FailureClass::Other,
        sentence: "SQS was not asked.".to_owned(),
        next_step: String::new(),
        code: None,
        request_id: None,
    }
}

#[async_trait]
impl Mover for Handless {
    async fn tasks(&self, _source_arn: &str) -> Result<Vec<Task>, SourceFailure> {
        Err(not_asked())
    }

    async fn counts(&self, _queue_url: &str) -> Result<Counts, SourceFailure> {
        Err(not_asked())
    }

    async fn write(&self, _call: &Call) -> Answer {
        Answer::Refused {
            failure: not_asked(),
        }
    }
}
