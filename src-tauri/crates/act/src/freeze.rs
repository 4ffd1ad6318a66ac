//! Freezes: times in which nothing is pressed, from the stack file.

use crate::finding::{Answer, Words, finding};
use crate::plan::{Finding, Severity};
use model::Timestamp;

/// The check's id.
pub const NO_FREEZE: &str = "plan.no-freeze";

/// A time in which nothing is pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Its start, platform time.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// Why, for the sentence.
    pub reason: String,
}

/// Whether `now` (platform time) is in a freeze; nothing where the stack file declares none.
pub(crate) fn findings(freezes: &[Freeze], now: Timestamp) -> Option<Finding> {
    if freezes.is_empty() {
        return None;
    }
    let active = freezes.iter().find(|f| f.from <= now && now < f.until);
    let next = freezes
        .iter()
        .filter(|f| f.from > now)
        .min_by_key(|f| f.from);
    let (value, fail) = match (active, next) {
        (Some(freeze), _) => (
            format!("until {}", freeze.until),
            format!(
                "Frozen from {} until {}: {}.",
                freeze.from,
                freeze.until,
                freeze.reason.trim_end_matches('.')
            ),
        ),
        (None, Some(next)) => (format!("the next begins {}", next.from), String::new()),
        (None, None) => ("none to come".to_owned(), String::new()),
    };
    Some(finding(
        NO_FREEZE,
        Severity::Block,
        Answer::given(active.is_none(), value.clone()),
        Words {
            pass: format!("No freeze is on ({value})."),
            fail,
            unknown: String::new(),
            threshold: "outside every [[freeze]] of the stack file",
            next: "Wait until it ends, or change the stack file with whoever declared it.",
        },
    ))
}
