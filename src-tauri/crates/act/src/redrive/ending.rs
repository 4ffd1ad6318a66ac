//! Every way a redrive ends, each with its verdict, one sentence, and what to do next.

use super::course::RedriveCourse;
use super::known::{End, Why};
use super::task::{Part, Task};
use crate::course::Ending;
use crate::receipt::Verdict;
use crate::words::{count, list, span, thousands};
use model::{SourceFailure, move_failure};

const LOOK: &str = "Look at the queue's move tasks in the SQS console (Dead-letter queue redrive tasks) before you plan again.";

fn end(verdict: Verdict, sentence: String, next: impl Into<String>) -> Ending {
    let next = next.into();
    Ending {
        verdict,
        sentence,
        next_step: Some(next).filter(|text| !text.is_empty()),
    }
}

/// Something was moved: partial; nothing: `otherwise`.
fn by_moved(run: &RedriveCourse, otherwise: Verdict) -> Verdict {
    if run.moved_in_all() > 0 {
        Verdict::Partial
    } else {
        otherwise
    }
}

fn moved(run: &RedriveCourse) -> String {
    match run.moved_in_all() {
        0 => "Nothing was moved".to_owned(),
        n => format!(
            "{} moved to {} and stay there",
            count(n, "message"),
            run.brief.to
        ),
    }
}

const fn what(part: Part) -> &'static str {
    match part {
        Part::Canary => "the canary",
        Part::Full => "the full task",
    }
}

pub(crate) fn verified(run: &RedriveCourse) -> Ending {
    let seconds = run.watch.recovery_seconds().unwrap_or(0.0);
    end(
        Verdict::Verified,
        format!(
            "{} moved to {}; {} is empty and nothing came back. Recovered in {}.",
            count(run.moved_in_all(), "message"),
            run.brief.to,
            run.brief.name,
            span(seconds)
        ),
        "",
    )
}

pub(crate) fn unverified(run: &RedriveCourse, why: &str) -> Ending {
    end(
        Verdict::Unverified,
        format!(
            "{}. {why} Not verified: {}.",
            moved(run),
            list(&run.watch.missing())
        ),
        "Look at what is missing, then decide whether to redrive again.",
    )
}

pub(crate) fn came_back(run: &RedriveCourse) -> Ending {
    end(
        Verdict::Unverified,
        format!(
            "{}, but {} came back to {}.",
            moved(run),
            count(run.returned(), "message"),
            run.brief.name
        ),
        "Read why they fail before you redrive again.",
    )
}

pub(crate) fn never_began() -> Ending {
    end(
        Verdict::Aborted,
        "It was interrupted before the first call: nothing was started, nothing was moved."
            .to_owned(),
        "Plan it again.",
    )
}

pub(crate) fn stopped_before() -> Ending {
    end(
        Verdict::Aborted,
        "Stopped before the first call: nothing was moved.".to_owned(),
        "",
    )
}

pub(crate) fn stopped(run: &RedriveCourse) -> Ending {
    let (why, sentence) = run
        .known
        .stopping
        .as_ref()
        .map_or((Why::Operator, ""), |(_, why, s)| (*why, s));
    let next = match why {
        Why::Operator => "Plan it again to move the rest.",
        Why::Returns | Why::Consumer => "Fix the consumer, then redrive the rest.",
        Why::Blind => LOOK,
    };
    end(
        Verdict::Aborted,
        format!("Stopped: {sentence} {}.", moved(run)),
        next,
    )
}

pub(crate) fn another(run: &RedriveCourse, other: &Task) -> Ending {
    let rate = other
        .rate
        .map_or_else(|| "at SQS's own rate".to_owned(), |r| format!("at {r}/s"));
    end(
        by_moved(run, Verdict::Failed),
        format!(
            "Somebody else's move task is {} on {} ({rate}): ours was not started. {}.",
            other.status,
            run.brief.name,
            moved(run)
        ),
        "Wait until that task ends, then plan again.",
    )
}

pub(crate) fn refused(run: &RedriveCourse, part: Part, failure: &SourceFailure) -> Ending {
    end(
        by_moved(run, Verdict::Failed),
        format!(
            "SQS refused to start {}: {} {}.",
            what(part),
            failure.sentence,
            moved(run)
        ),
        failure.next_step.clone(),
    )
}

pub(crate) fn ambiguous(run: &RedriveCourse, part: Part, several: usize) -> Ending {
    let tasks = if several == 1 {
        "one task"
    } else {
        "several tasks"
    };
    end(
        by_moved(run, Verdict::Partial),
        format!(
            "The answer to starting {} was lost, and {tasks} on {} could be it or somebody else's: nothing more was started or cancelled.",
            what(part),
            run.brief.name
        ),
        LOOK,
    )
}

pub(crate) fn never_appeared(run: &RedriveCourse, part: Part) -> Ending {
    let started = run.known.piece(part).answer.as_ref();
    let accepted = matches!(started, Some((_, crate::course::Answer::Accepted { .. })));
    if accepted {
        return lost(run, part);
    }
    let why = match started {
        Some((_, crate::course::Answer::Unknown { failure })) => failure.sentence.clone(),
        Some(_) | None => "The run was interrupted while it was called.".to_owned(),
    };
    end(
        by_moved(run, Verdict::Failed),
        format!(
            "{} was not started: {why} SQS lists no such task. {}.",
            upper(what(part)),
            moved(run)
        ),
        "Plan it again.",
    )
}

fn upper(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

pub(crate) fn lost(run: &RedriveCourse, part: Part) -> Ending {
    end(
        by_moved(run, Verdict::Unverified),
        format!(
            "SQS took {} but does not list it, so its end is not known. {}.",
            what(part),
            moved(run)
        ),
        LOOK,
    )
}

pub(crate) fn will_not_stop(run: &RedriveCourse, part: Part, task: &Task) -> Ending {
    use crate::course::Answer;
    let why = match &run.known.piece(part).cancel_answer {
        Some(Answer::Refused { failure } | Answer::Unknown { failure }) => failure.sentence.clone(),
        Some(Answer::Accepted { .. }) | None => {
            "The cancel was accepted without effect.".to_owned()
        }
    };
    let rate = task.rate.map_or_else(String::new, |r| format!(" at {r}/s"));
    end(
        Verdict::Partial,
        format!(
            "{} is still moving messages{rate} and could not be cancelled: {why} {} so far.",
            upper(what(part)),
            count(run.moved_in_all(), "message")
        ),
        format!(
            "Cancel it with a role that may: aws sqs cancel-message-move-task --task-handle '{}'.",
            task.handle.as_deref().unwrap_or("HANDLE")
        ),
    )
}

pub(crate) fn task_failed(run: &RedriveCourse, part: Part, over: &End) -> Ending {
    let failure = move_failure(over.failure.as_deref().unwrap_or(""));
    end(
        by_moved(run, Verdict::Failed),
        format!(
            "SQS failed {}: {}. {}.",
            what(part),
            failure.why,
            moved(run)
        ),
        failure.next,
    )
}

pub(crate) fn cancelled_elsewhere(run: &RedriveCourse, part: Part) -> Ending {
    end(
        by_moved(run, Verdict::Aborted),
        format!(
            "{} was cancelled by somebody else. {}.",
            upper(what(part)),
            moved(run)
        ),
        "Ask who cancelled it and why, before you plan again.",
    )
}

pub(crate) fn press_too_old(run: &RedriveCourse) -> Ending {
    end(
        Verdict::Partial,
        format!(
            "The canary ended well, but the confirmation is too old to start the rest. {}.",
            moved(run)
        ),
        "Plan it again to move the rest.",
    )
}

pub(crate) fn consumer_fell_ill(run: &RedriveCourse, sentence: &str) -> Ending {
    end(
        Verdict::Partial,
        format!("The rest was not started. {sentence} {}.", moved(run)),
        "Fix the consumer, then redrive the rest.",
    )
}

pub(crate) fn blind_before() -> Ending {
    end(
        Verdict::Failed,
        "SQS did not answer: nothing was started, nothing was moved.".to_owned(),
        "Check the connection and the credentials, then plan it again.",
    )
}

pub(crate) fn blind(run: &RedriveCourse) -> Ending {
    end(
        Verdict::Partial,
        format!(
            "SQS has not answered for ten minutes. When last seen, {} had moved of {}.",
            count(run.moved_in_all(), "message"),
            thousands(run.known.baseline.unwrap_or(0))
        ),
        LOOK,
    )
}
