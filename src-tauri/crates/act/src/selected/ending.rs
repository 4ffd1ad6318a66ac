//! Every way a selected redrive ends, each with its verdict, one sentence, and what to do next.

use super::course::SelectedCourse;
use super::terms::Terms;
use crate::course::Ending;
use crate::receipt::Verdict;
use crate::words::{count, list, span, thousands};

fn end(verdict: Verdict, sentence: String, next: impl Into<String>) -> Ending {
    let next = next.into();
    Ending {
        verdict,
        sentence,
        next_step: Some(next).filter(|text| !text.is_empty()),
    }
}

/// What was done, with what may be there twice: one or more sentences without the last stop.
pub(crate) fn done(run: &SelectedCourse) -> String {
    let tally = run.tally();
    let (name, to) = run
        .terms
        .as_ref()
        .map_or(("the queue", "the destination"), |t| {
            (t.name.as_str(), t.to.as_str())
        });
    let mut all = match tally.sent {
        0 => "Nothing was sent".to_owned(),
        sent if run.terms.as_ref().is_ok_and(Terms::takes) => format!(
            "{} sent to {to}, {} deleted from {name}",
            count(sent, "message"),
            thousands(tally.deleted)
        ),
        sent => format!("{} put back into {to}", count(sent, "message")),
    };
    if tally.twice > 0 {
        let twice = match tally.counted {
            Some(0) => "looked for, none is there twice".to_owned(),
            Some(1) => "looked for, 1 is there twice".to_owned(),
            Some(counted) => format!("looked for, {} are there twice", thousands(counted)),
            None => format!("up to {} may be there twice", thousands(tally.twice)),
        };
        all.push_str(&format!(
            "; {} sent again because no answer came: {twice}",
            thousands(tally.twice)
        ));
    }
    if tally.open > 0 {
        all.push_str(&format!(
            "; whether {} more arrived is not known, they are still in {name}",
            thousands(tally.open)
        ));
    }
    if tally.unsent > 0 {
        all.push_str(&format!(
            "; {} could not be sent and stay",
            thousands(tally.unsent)
        ));
    }
    all
}

pub(crate) fn verified(run: &SelectedCourse) -> Ending {
    let seconds = run.watch.recovery_seconds().unwrap_or(0.0);
    let unsent = run.tally().unsent;
    let sentence = format!(
        "{}. Nothing came back. Recovered in {}.",
        done(run),
        span(seconds)
    );
    match unsent {
        0 => end(Verdict::Verified, sentence, ""),
        _ => end(
            Verdict::Partial,
            sentence,
            "Peek at what is left; the ledger says of each why it was not sent.",
        ),
    }
}

pub(crate) fn unverified(run: &SelectedCourse, why: &str) -> Ending {
    let missing = run.watch.missing();
    end(
        Verdict::Unverified,
        format!("{}. {why} Not verified: {}.", done(run), list(&missing)),
        "Look at what is missing, then decide whether to redrive again.",
    )
}

pub(crate) fn came_back(run: &SelectedCourse) -> Ending {
    let returned = count(run.returned(), "message");
    end(
        Verdict::Unverified,
        format!("{}. {returned} came back.", done(run)),
        "Read why they fail before you redrive again.",
    )
}

pub(crate) fn none_selected(run: &SelectedCourse) -> Ending {
    let looked = count(run.tally().passed + run.tally().unsent, "message");
    end(
        Verdict::Aborted,
        format!(
            "Nothing was sent: of {looked} that could be looked at none was selected and could be sent."
        ),
        "Peek at the queue and change the filter.",
    )
}

pub(crate) fn never_began() -> Ending {
    end(
        Verdict::Aborted,
        "It was interrupted before the first call: nothing was sent.".to_owned(),
        "Plan it again.",
    )
}

pub(crate) fn another(run: &SelectedCourse, status: &str) -> Ending {
    end(
        Verdict::Failed,
        format!(
            "Somebody else's move task is {status} on {}: nothing was sent.",
            run.plan.name
        ),
        "Wait until that task ends, then plan again.",
    )
}

pub(crate) fn stopped_before(run: &SelectedCourse) -> Ending {
    let why = run
        .known
        .stopping
        .as_ref()
        .map_or("", |(_, _, why, _)| why.as_str());
    end(
        Verdict::Aborted,
        format!("Stopped before the first call: nothing was sent. {why}")
            .trim_end()
            .to_owned(),
        "Plan it again.",
    )
}

pub(crate) fn stopped(run: &SelectedCourse) -> Ending {
    use super::known::Why;
    let stopping = run.known.stopping.as_ref();
    let (why, sentence, next) = stopping.map_or((Why::Operator, "", ""), |(_, why, s, n)| {
        (*why, s.as_str(), n.as_str())
    });
    let verdict = match why {
        Why::Operator | Why::Returns | Why::Consumer | Why::Blind => Verdict::Aborted,
        Why::Refused if run.tally().sent > 0 => Verdict::Partial,
        Why::Refused => Verdict::Failed,
    };
    end(verdict, format!("Stopped: {sentence} {}.", done(run)), next)
}

pub(crate) fn unusable(run: &SelectedCourse, why: &str) -> Ending {
    let verdict = if run.known.begun() {
        Verdict::Partial
    } else {
        Verdict::Failed
    };
    end(
        verdict,
        format!("It goes no further: {} {}.", why.trim_end(), done(run)),
        "Put that right, then plan again.",
    )
}

pub(crate) fn blind_before() -> Ending {
    end(
        Verdict::Failed,
        "SQS did not answer: nothing was sent.".to_owned(),
        "Check the connection and the credentials, then plan it again.",
    )
}
