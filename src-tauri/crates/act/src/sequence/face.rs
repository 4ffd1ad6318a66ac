//! A sequence as people see it.

use super::known::{Known, Step};
use super::{Sequence, Steps};
use crate::course::{Answer, Face, Moment};
use crate::receipt::{RunPhase, RunProgress, StepRecord};

pub(super) fn face<S: Steps>(run: &Sequence<S>, moment: &Moment<'_>) -> Face {
    let phase = phase(&run.known);
    Face {
        phase,
        sentence: sentence(run, phase),
        steps: steps(run),
        progress: RunProgress {
            observed_at: moment.blind_for.is_zero().then_some(moment.now),
            ..run
                .seen
                .as_ref()
                .map_or_else(RunProgress::default, |seen| run.steps.progress(seen))
        },
        predicates: run.watch.results(),
    }
}

fn phase(known: &Known) -> RunPhase {
    if known.closed.is_some() {
        RunPhase::Closed
    } else if known.ended().is_some() {
        RunPhase::Verifying
    } else if known.begun() {
        RunPhase::Running
    } else {
        RunPhase::Opened
    }
}

fn sentence<S: Steps>(run: &Sequence<S>, phase: RunPhase) -> String {
    match phase {
        RunPhase::Opened => "Confirmed; the first call is next.".to_owned(),
        RunPhase::Verifying => format!("Called; watching that {}.", run.steps.outcome()),
        RunPhase::Running | RunPhase::Cancelling => {
            format!(
                "{} of {} calls done.",
                run.known.done(),
                run.known.steps.len()
            )
        }
        RunPhase::Closed | RunPhase::Interrupted => {
            let closed = run.known.closed.as_ref();
            closed.map_or_else(String::new, |(_, sentence)| sentence.clone())
        }
    }
}

fn steps<S: Steps>(run: &Sequence<S>) -> Vec<StepRecord> {
    let known = &run.known;
    let over = known.closed.as_ref().map(|(at, _)| *at);
    let mut steps = Vec::new();
    if let Some(at) = known.pressed_at {
        steps.push(StepRecord::plain(
            "checks",
            known.checks.sentence(),
            at,
            Some(at),
        ));
    }
    steps.extend(known.steps.iter().filter_map(called));
    if let Some(at) = known.ended() {
        let sentence = "Watching the predicates.".to_owned();
        steps.push(StepRecord::plain("verify", sentence, at, over));
    }
    steps
}

fn called(step: &Step) -> Option<StepRecord> {
    let at = step.intended_at?;
    let refused = matches!(step.answer, Some(Answer::Refused { .. }));
    let finished = step.settled.or(step.answered_at.filter(|_| refused));
    let mut record = StepRecord::plain(&step.name, format!("{}.", step.operation), at, finished);
    match &step.answer {
        Some(Answer::Accepted { request_id, .. }) => record.request_id.clone_from(request_id),
        Some(Answer::Refused { failure } | Answer::Unknown { failure }) => {
            record.request_id.clone_from(&failure.request_id);
            record.error = Some(failure.sentence.clone());
        }
        None => {}
    }
    Some(record)
}

pub(super) fn known<S: Steps>(run: &Sequence<S>) -> String {
    let known = &run.known;
    if let Some((_, sentence)) = &known.closed {
        return sentence.clone();
    }
    let open = known.steps.iter().find(|step| step.settled.is_none());
    match open {
        None => "Every call was made; whether it worked was being watched.".to_owned(),
        Some(_) if !known.begun() => "It was confirmed and nothing was called.".to_owned(),
        Some(step) => match &step.answer {
            Some(Answer::Accepted { .. }) => format!("{} was accepted.", step.operation),
            Some(Answer::Refused { failure }) => {
                format!("{} was refused: {}", step.operation, failure.sentence)
            }
            Some(Answer::Unknown { failure }) => format!(
                "Whether {} took is not known: {}",
                step.operation, failure.sentence
            ),
            None if step.intended_at.is_some() => {
                format!(
                    "{} was about to be called; whether it took is not known.",
                    step.operation
                )
            }
            None => format!("{} is next.", step.operation),
        },
    }
}

pub(super) fn next(known: &Known) -> &'static str {
    if known.closed.is_some() {
        "Taking it up files it away."
    } else if !known.begun() {
        "Taking it up closes it; nothing is called."
    } else if known.ended().is_some() {
        "Taking it up goes on watching; nothing is called."
    } else {
        "Taking it up looks what took and goes on from there; no call is made a second time."
    }
}
