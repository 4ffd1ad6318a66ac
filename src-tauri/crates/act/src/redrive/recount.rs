//! An unfinished redrive told from its journal alone.

use super::course::RedriveCourse;
use super::known::{Known, Piece};
use super::task::Part;
use crate::course::Answer;
use crate::words::count;

pub(crate) fn known(course: &RedriveCourse) -> String {
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

pub(crate) fn next(known: &Known) -> &'static str {
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
