//! A selected redrive as people see it: steps, figures and predicates.

use super::consumer;
use super::course::SelectedCourse;
use super::ending;
use super::known::{Known, Step, Work};
use crate::course::{Answer, Face, Moment};
use crate::receipt::{Figure, RunPhase, RunProgress, StepRecord};
use crate::words::{count, percent, thousands};

pub(crate) fn face(run: &SelectedCourse, moment: &Moment<'_>) -> Face {
    let phase = phase(run);
    Face {
        phase,
        sentence: sentence(run, phase),
        steps: steps(run),
        progress: progress(run, moment),
        predicates: run.watch.results(),
    }
}

fn phase(run: &SelectedCourse) -> RunPhase {
    let known = &run.known;
    if known.closed.is_some() {
        RunPhase::Closed
    } else if !known.begun() {
        RunPhase::Opened
    } else if known.stopping.is_some() {
        RunPhase::Cancelling
    } else if run.watch.deadline().is_some() {
        RunPhase::Verifying
    } else {
        RunPhase::Running
    }
}

fn sentence(run: &SelectedCourse, phase: RunPhase) -> String {
    let done = ending::done(run);
    match phase {
        RunPhase::Opened => "Confirmed; the first call is next.".to_owned(),
        RunPhase::Cancelling => {
            let why = run
                .known
                .stopping
                .as_ref()
                .map_or("", |(_, _, why, _)| why.as_str());
            format!("Stopping: {why} {done}.")
        }
        RunPhase::Verifying => format!("{done}; watching that nothing comes back."),
        RunPhase::Running => format!("{done} so far."),
        RunPhase::Closed | RunPhase::Interrupted => {
            let closed = run.known.closed.as_ref();
            closed.map_or_else(String::new, |(_, sentence)| sentence.clone())
        }
    }
}

fn steps(run: &SelectedCourse) -> Vec<StepRecord> {
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
    for work in Work::ALL {
        steps.extend(calls(known, work));
    }
    if let (Some(_), Some(at)) = (run.watch.deadline(), known.ended) {
        let sentence = "Watching the predicates.".to_owned();
        steps.push(StepRecord::plain("verify", sentence, at, over));
    }
    steps
}

/// All calls of one kind of work as one step: from the first to the last.
fn calls(known: &Known, work: Work) -> Option<StepRecord> {
    let all: Vec<&Step> = known
        .steps
        .iter()
        .filter(|step| step.work == work)
        .collect();
    let (first, last) = (all.first()?, all.last()?);
    let legs = count(all.len() as i64, "leg");
    let sentence = match work {
        Work::Canary => format!("The canary, in {legs}: received, written down, sent, deleted."),
        Work::Rest => format!("The rest, in {legs}: received, written down, sent, deleted."),
        Work::Reconcile => {
            "Settled what was half done: what was sent is deleted, the rest can be received again."
                .to_owned()
        }
        Work::Sweep => {
            "Looked where it came from for what was sent and not known to be deleted.".to_owned()
        }
        Work::Count => "Looked in the destination for what was sent again.".to_owned(),
        Work::Release => "What was looked at and not sent can be received again.".to_owned(),
    };
    let finished = last.answer.as_ref().map(|(at, _)| *at);
    let mut step = StepRecord::plain(work.as_str(), sentence, first.at, finished);
    step.error = all.iter().rev().find_map(|step| match &step.answer {
        Some((_, Answer::Refused { failure } | Answer::Unknown { failure })) => {
            Some(failure.sentence.clone())
        }
        Some((_, Answer::Accepted { .. })) | None => None,
    });
    Some(step)
}

fn progress(run: &SelectedCourse, moment: &Moment<'_>) -> RunProgress {
    let tally = run.tally();
    let terms = run.terms.as_ref().ok();
    let there = run
        .known
        .baseline
        .map(|(total, _)| total)
        .or(run.plan.blast.messages);
    let all = terms.is_some_and(|terms| terms.filter.is_all() && terms.takes());
    let limit = terms.and_then(|terms| terms.limit);
    // How many a filter selects is known when it has looked at all.
    let to_move = match (limit, there.filter(|_| all)) {
        (Some(limit), Some(there)) => limit.min(there),
        (Some(limit), None) => limit,
        (None, there) => there.unwrap_or(0),
    };
    let rate = terms.map_or(1, |terms| terms.rate.max(1)) as f64;
    let left = (to_move - tally.sent).max(0) as f64;
    RunProgress {
        moved: tally.sent,
        to_move,
        counted: "messages sent and deleted".to_owned(),
        figures: figures(run, moment),
        dlq_depth: run.seen.map(|seen| seen.queue.total()),
        returned: run.returned(),
        returned_limit: Some(run.return_limit()),
        consumer_error_percent: consumer::errors(moment.snapshot, &run.plan),
        eta_seconds: (to_move > 0 && run.watch.deadline().is_none()).then(|| left / rate),
        observed_at: run
            .seen
            .filter(|_| moment.blind_for.is_zero())
            .map(|_| moment.now),
    }
}

fn figures(run: &SelectedCourse, moment: &Moment<'_>) -> Vec<Figure> {
    let tally = run.tally();
    let plain = |label: &str, number: i64| Figure {
        label: label.to_owned(),
        value: thousands(number),
        number: Some(number as f64),
        ..Figure::default()
    };
    let (returned, limit) = (run.returned(), run.return_limit());
    let mut figures = vec![plain("Sent", tally.sent), plain("Deleted", tally.deleted)];
    if let Some(errors) = consumer::errors(moment.snapshot, &run.plan) {
        figures.push(Figure {
            label: "Consumer errors".to_owned(),
            value: percent(errors),
            number: Some(errors),
            ..Figure::default()
        });
    }
    figures.push(Figure {
        limit: Some(format!("stop above {}", thousands(limit))),
        past: returned > limit,
        ..plain("Came back", returned)
    });
    figures.push(match tally.counted {
        Some(counted) => plain("There twice", counted),
        None => plain("May be there twice", tally.twice),
    });
    figures.push(plain("Looked at, not selected", tally.passed));
    if tally.unsent > 0 {
        figures.push(plain("Could not be sent", tally.unsent));
    }
    figures
}

pub(crate) fn known(run: &SelectedCourse) -> String {
    if let Some((_, sentence)) = &run.known.closed {
        return sentence.clone();
    }
    if !run.known.begun() {
        return "It was confirmed and nothing was sent.".to_owned();
    }
    format!("{}, as far as its journal says.", ending::done(run))
}

pub(crate) fn next(known: &Known) -> &'static str {
    if known.closed.is_some() {
        "Taking it up files it away."
    } else if !known.begun() {
        "Taking it up closes it; nothing is sent."
    } else {
        "Taking it up reads the ledger: what was sent is deleted and never sent again, the rest goes on."
    }
}
