//! Freezes and maintenance windows of the stack file: times in which nothing is pressed, or in which
//! a press is not what it is at other times.
//!
//! Which time it is, the platform says: two consoles in two time zones, or one whose clock is off,
//! come to the same answer.

use crate::finding::{Answer, Words, finding};
use crate::plan::{Finding, Severity};
use model::Timestamp;
use model::window::{Occurrence, Window};

/// The check's id.
pub const NO_FREEZE: &str = "plan.no-freeze";
/// The check's id.
pub const NO_MAINTENANCE: &str = "plan.no-maintenance";

/// What a declared time means for a press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is pressed.
    Blocks,
    /// A press is warned of.
    Warns,
    /// The platform is being worked on: what is seen may be part of that.
    Maintenance,
}

/// A declared time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// When.
    pub window: Window,
    /// What it means.
    pub effect: Effect,
    /// Why, for the sentence.
    pub reason: String,
}

/// What the declared times say at `now` (platform time): one finding over the freezes and one over the
/// maintenance windows; none where the stack file declares none.
pub(crate) fn findings(declared: &[Freeze], now: Timestamp) -> Vec<Finding> {
    let (maintenance, freezes): (Vec<&Freeze>, Vec<&Freeze>) = declared
        .iter()
        .partition(|one| one.effect == Effect::Maintenance);
    let frozen = (!freezes.is_empty()).then(|| frozen(&freezes, now));
    let maintained = maintained(&maintenance, now);
    frozen.into_iter().chain(maintained).collect()
}

fn active<'a>(all: &[&'a Freeze], now: Timestamp) -> Option<(&'a Freeze, Occurrence)> {
    let on = all
        .iter()
        .filter_map(|one| Some((*one, one.window.active(now)?)));
    // What blocks comes before what warns; of the same kind, what lasts longest.
    on.max_by_key(|(one, found)| (one.effect == Effect::Blocks, found.until))
}

fn frozen(freezes: &[&Freeze], now: Timestamp) -> Finding {
    let on = active(freezes, now);
    let severity = match on.map(|(one, _)| one.effect) {
        Some(Effect::Warns | Effect::Maintenance) => Severity::Warn,
        Some(Effect::Blocks) | None => Severity::Block,
    };
    let next = freezes.iter().filter_map(|one| one.window.next(now)).min();
    let value = match (on, next) {
        (Some((_, found)), _) => format!("until {}", minute(found.until)),
        (None, Some(next)) => format!("the next begins {}", minute(next.from)),
        (None, None) => "none to come".to_owned(),
    };
    let fail = on.map(|(one, found)| sentence("Frozen", one, found));
    finding(
        NO_FREEZE,
        severity,
        Answer::given(on.is_none(), value.clone()),
        Words {
            pass: format!("No freeze is on ({value})."),
            fail: fail.unwrap_or_default(),
            unknown: String::new(),
            threshold: "outside every [[freeze]] of the stack file",
            next: "Wait until it ends, or change the stack file with whoever declared it.",
        },
    )
}

/// Outside of maintenance there is nothing to say.
fn maintained(windows: &[&Freeze], now: Timestamp) -> Option<Finding> {
    let (one, found) = active(windows, now)?;
    Some(finding(
        NO_MAINTENANCE,
        Severity::Warn,
        Answer::given(false, format!("until {}", minute(found.until))),
        Words {
            pass: String::new(),
            fail: format!(
                "{} What is abnormal may be part of it.",
                sentence("Maintenance", one, found)
            ),
            unknown: String::new(),
            threshold: "outside every [[maintenance]] of the stack file",
            next: "Ask whoever maintains it before you act on it.",
        },
    ))
}

fn sentence(what: &str, one: &Freeze, found: Occurrence) -> String {
    let every = match &one.window {
        Window::Once { .. } => String::new(),
        Window::Weekly(weekly) => format!(" ({weekly})"),
    };
    format!(
        "{what} until {}, since {}{every}: {}.",
        minute(found.until),
        minute(found.from),
        one.reason.trim_end_matches('.')
    )
}

/// `2026-11-28 06:00 UTC`.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(clock)) => format!("{day} {clock} UTC"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Outcome;
    use model::window::Weekly;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_seconds(hour * 3_600)
    }

    fn once(from: i64, until: i64, effect: Effect) -> Freeze {
        Freeze {
            window: Window::Once {
                from: hour(from),
                until: hour(until),
            },
            effect,
            reason: "market open.".to_owned(),
        }
    }

    #[test]
    fn a_freeze_blocks_until_it_ends_and_says_until_when() {
        let frozen = [once(10, 12, Effect::Blocks)];
        let answer = |now| findings(&frozen, hour(now)).remove(0);
        assert_eq!(answer(9).outcome, Outcome::Pass);
        let inside = answer(11);
        assert_eq!(
            (inside.severity, inside.outcome),
            (Severity::Block, Outcome::Fail)
        );
        assert_eq!(
            inside.sentence,
            "Frozen until 1970-01-01 12:00 UTC, since 1970-01-01 10:00 UTC: market open."
        );
        assert_eq!(answer(12).outcome, Outcome::Pass);
        assert!(findings(&[], hour(11)).is_empty());
    }

    #[test]
    fn a_freeze_that_only_warns_does_not_stop_and_one_that_blocks_comes_first() {
        let soft = [once(10, 12, Effect::Warns)];
        let warned = findings(&soft, hour(11)).remove(0);
        assert_eq!(
            (warned.severity, warned.outcome),
            (Severity::Warn, Outcome::Fail)
        );
        let both = [once(10, 14, Effect::Warns), once(10, 12, Effect::Blocks)];
        assert_eq!(
            findings(&both, hour(11)).remove(0).severity,
            Severity::Block
        );
    }

    #[test]
    fn maintenance_warns_inside_and_is_silent_outside() {
        let windows = [once(10, 12, Effect::Maintenance)];
        let inside = findings(&windows, hour(11)).remove(0);
        assert_eq!(
            (inside.severity, inside.outcome),
            (Severity::Warn, Outcome::Fail)
        );
        assert!(
            inside.sentence.starts_with("Maintenance until"),
            "{}",
            inside.sentence
        );
        assert!(findings(&windows, hour(12)).is_empty());
    }

    #[test]
    fn a_weekly_freeze_names_its_week() {
        let weekly = Weekly::new(&["thu".to_owned()], "09:00", "17:00", "UTC").expect("one");
        let frozen = [Freeze {
            window: Window::Weekly(weekly),
            effect: Effect::Blocks,
            reason: "change board".to_owned(),
        }];
        // 1970-01-01 was a Thursday.
        let inside = findings(&frozen, hour(10)).remove(0);
        assert!(
            inside.sentence.contains("every thu 09:00–17:00 UTC"),
            "{}",
            inside.sentence
        );
        assert_eq!(findings(&frozen, hour(18)).remove(0).outcome, Outcome::Pass);
    }
}
