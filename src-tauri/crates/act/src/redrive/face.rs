//! A redrive as people see it: steps, figures and predicates, from what is known and seen.

use super::course::RedriveCourse;
use super::health;
use super::known::{Piece, request_id};
use super::task::Part;
use crate::course::{Answer, Face, Moment};
use crate::receipt::{Figure, RunPhase, RunProgress, StepRecord};
use crate::words::{count, percent, span, thousands};
use model::Timestamp;

pub(crate) fn face(run: &RedriveCourse, moment: &Moment<'_>) -> Face {
    let phase = phase(run);
    Face {
        phase,
        sentence: sentence(run, phase),
        steps: steps(run, moment.now),
        progress: progress(run, moment),
        predicates: run.watch.results(),
    }
}

fn verifying_since(run: &RedriveCourse) -> Option<Timestamp> {
    let full = run
        .known
        .full
        .end
        .as_ref()
        .filter(|end| end.status == "COMPLETED")
        .map(|end| end.at);
    let drained = run.seen.as_ref().is_some_and(|seen| seen.dlq.total() == 0);
    full.or_else(|| {
        run.known
            .passed
            .filter(|_| drained && run.known.full.intent.is_none())
    })
}

fn phase(run: &RedriveCourse) -> RunPhase {
    let known = &run.known;
    let ended =
        known.full.end.is_some() || known.full.intent.is_none() && known.canary.end.is_some();
    if known.closed.is_some() {
        RunPhase::Closed
    } else if verifying_since(run).is_some() {
        RunPhase::Verifying
    } else if known.stopping.is_some() && !ended {
        RunPhase::Cancelling
    } else if known.canary.intent.is_some() || known.full.intent.is_some() {
        RunPhase::Running
    } else {
        RunPhase::Opened
    }
}

fn sentence(run: &RedriveCourse, phase: RunPhase) -> String {
    let known = &run.known;
    let to = &run.brief.to;
    match phase {
        RunPhase::Opened => "Confirmed; the first call is next.".to_owned(),
        RunPhase::Cancelling => known
            .stopping
            .as_ref()
            .map_or_else(String::new, |(_, _, why)| {
                format!("Stopping: {why} What was moved stays moved.")
            }),
        RunPhase::Verifying => format!(
            "{} moved to {to}; watching that nothing comes back.",
            count(run.moved_in_all(), "message")
        ),
        RunPhase::Running if known.full.intent.is_some() => format!(
            "{} of {} moved to {to}.",
            thousands(run.moved_in_all()),
            thousands(to_move(run))
        ),
        RunPhase::Running if known.passed.is_some() => {
            "The canary stayed away; the rest is next.".to_owned()
        }
        RunPhase::Running if known.canary.end.is_some() => format!(
            "The canary of {} is over; watching for {} whether they come back.",
            count(run.moved(Part::Canary), "message"),
            span(run.brief.return_seconds)
        ),
        RunPhase::Running => format!(
            "The canary moves about {} to {to}.",
            count(run.brief.canary.unwrap_or(0), "message")
        ),
        RunPhase::Closed | RunPhase::Interrupted => known
            .closed
            .as_ref()
            .map_or_else(String::new, |(_, sentence)| sentence.clone()),
    }
}

fn to_move(run: &RedriveCourse) -> i64 {
    run.known.baseline.or(run.plan.blast.messages).unwrap_or(0)
}

fn steps(run: &RedriveCourse, now: Timestamp) -> Vec<StepRecord> {
    let known = &run.known;
    let mut steps = Vec::new();
    if let Some(at) = known.pressed_at {
        steps.push(step("checks", known.checks.sentence(), at, Some(at)));
    }
    for part in [Part::Canary, Part::Full] {
        let piece = known.piece(part);
        steps.extend(start_step(run, part, piece));
        steps.extend(cancel_step(part, piece));
    }
    if let Some(at) = verifying_since(run) {
        let over = known.closed.as_ref().map(|(at, _)| *at);
        steps.push(step(
            "verify",
            "Watching the predicates.".to_owned(),
            at,
            over,
        ));
    } else if let (Some(end), None) = (&known.canary.end, &known.full.intent) {
        let over = known
            .passed
            .or_else(|| known.closed.as_ref().map(|(at, _)| *at));
        let sentence = "Watching whether the canary's messages come back.".to_owned();
        steps.push(step("watch", sentence, end.at.min(now), over));
    }
    steps
}

fn step(
    name: &str,
    sentence: String,
    started: Timestamp,
    finished: Option<Timestamp>,
) -> StepRecord {
    StepRecord {
        step: name.to_owned(),
        sentence,
        started,
        finished,
        request_id: None,
        error: None,
    }
}

fn start_step(run: &RedriveCourse, part: Part, piece: &Piece) -> Option<StepRecord> {
    let at = piece.intent?;
    let rate = run.brief.rate(part);
    let moved = count(run.moved(part), "message");
    let sentence = match &piece.end {
        Some(end) => {
            let overshot = overshot(run, part);
            format!("{}: {moved} moved at up to {rate}/s{overshot}.", end.status)
        }
        None => format!("sqs:StartMessageMoveTask at up to {rate}/s: {moved} moved so far."),
    };
    let refused = matches!(piece.answer, Some((_, Answer::Refused { .. })));
    let finished = piece.end.as_ref().map(|end| end.at);
    let finished =
        finished.or_else(|| piece.answer.as_ref().filter(|_| refused).map(|(at, _)| *at));
    let mut record = step(part.as_str(), sentence, at, finished);
    record.request_id = piece.request_id();
    record.error = error(piece.answer.as_ref().map(|(_, answer)| answer))
        .or_else(|| piece.end.as_ref().and_then(|end| end.failure.clone()));
    Some(record)
}

/// What the canary moved beyond its number: SQS goes on until it has taken the cancel.
fn overshot(run: &RedriveCourse, part: Part) -> String {
    let over = run.brief.canary.map(|n| (n, run.moved(part) - n));
    match over.filter(|(_, over)| part == Part::Canary && *over > 0) {
        Some((n, over)) => format!(
            ", {} asked and {} more until SQS had taken the cancel",
            thousands(n),
            thousands(over)
        ),
        None => String::new(),
    }
}

fn cancel_step(part: Part, piece: &Piece) -> Option<StepRecord> {
    let at = piece.cancelled_at?;
    let sentence = match part {
        Part::Canary => "Cancel the canary: it has moved enough, or the run stops.",
        Part::Full => "Cancel the full task: what was moved stays moved.",
    };
    let mut record = step(
        "cancel",
        sentence.to_owned(),
        at,
        piece.end.as_ref().map(|end| end.at),
    );
    record.request_id = request_id(piece.cancel_answer.as_ref());
    record.error = error(piece.cancel_answer.as_ref());
    Some(record)
}

fn error(answer: Option<&Answer>) -> Option<String> {
    match answer? {
        Answer::Accepted { .. } => None,
        Answer::Refused { failure } | Answer::Unknown { failure } => Some(failure.sentence.clone()),
    }
}

fn progress(run: &RedriveCourse, moment: &Moment<'_>) -> RunProgress {
    let moved = run.moved_in_all();
    let to_move = to_move(run);
    let rate = f64::from(run.brief.rate(Part::Full).max(1));
    let over = run.known.full.end.is_some();
    RunProgress {
        moved,
        to_move,
        counted: "messages moved".to_owned(),
        figures: figures(run, moment),
        dlq_depth: run.seen.as_ref().map(|seen| seen.dlq.total()),
        returned: run.returned(),
        returned_limit: Some(run.return_limit()),
        consumer_error_percent: health::reported_errors(moment.snapshot, &run.plan),
        eta_seconds: (!over).then(|| (to_move - moved).max(0) as f64 / rate),
        observed_at: run
            .seen
            .as_ref()
            .filter(|_| moment.blind_for.is_zero())
            .map(|_| moment.now),
    }
}

/// What is watched: what is left, what the consumer does, what came back against its limit.
fn figures(run: &RedriveCourse, moment: &Moment<'_>) -> Vec<Figure> {
    let depth = run.seen.as_ref().map(|seen| seen.dlq.total());
    let errors = health::reported_errors(moment.snapshot, &run.plan);
    let (returned, limit) = (run.returned(), run.return_limit());
    let known = run.seen.is_some();
    let mut figures = Vec::new();
    if let Some(depth) = depth {
        figures.push(Figure {
            label: "Dead-letter queue".to_owned(),
            value: count(depth, "message"),
            number: Some(depth as f64),
            ..Figure::default()
        });
    }
    if let Some(errors) = errors {
        figures.push(Figure {
            label: "Consumer errors".to_owned(),
            value: percent(errors),
            number: Some(errors),
            ..Figure::default()
        });
    }
    figures.push(Figure {
        label: "Came back".to_owned(),
        value: thousands(returned),
        number: known.then_some(returned as f64),
        limit: Some(format!("stop above {}", thousands(limit))),
        past: returned > limit,
    });
    figures
}
