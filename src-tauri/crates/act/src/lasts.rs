//! How long a pause lasts, as it is asked for: `90s`, `30m`, `2h`. It is left as an open loop, which is
//! overdue then.

use crate::action::{PlanError, Request};
use crate::plan::Leaves;
use crate::setting::{Ask, Setting};
use crate::words::span;
use model::{Node, Verb};

/// Half an hour.
pub(crate) const DEFAULT: &str = "30m";
/// The same, seconds.
pub(crate) const DEFAULT_SECONDS: i64 = 1_800;
/// The shortest and longest pause, seconds.
const SECONDS: std::ops::RangeInclusive<i64> = 60..=86_400;

/// The setting of that name.
pub(crate) fn asked() -> Setting {
    Setting {
        name: "for".to_owned(),
        label: "For".to_owned(),
        default: DEFAULT.to_owned(),
        ask: Ask::Text {
            example: DEFAULT.to_owned(),
            most: 6,
        },
        note: Some("Then it is an overdue open loop.".to_owned()),
    }
}

/// Its seconds.
///
/// # Errors
/// What is no time from a minute to a day.
pub(crate) fn seconds(value: &str) -> Result<i64, PlanError> {
    let text = value.trim();
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some(_) | None => 0,
    };
    let digits = text.get(..text.len().saturating_sub(1)).unwrap_or("");
    let number: Option<i64> = digits.parse().ok();
    let seconds = number.and_then(|number| number.checked_mul(unit));
    seconds
        .filter(|seconds| unit > 0 && SECONDS.contains(seconds))
        .ok_or_else(|| PlanError::BadSetting {
            name: "for",
            value: value.to_owned(),
            why: "give a time from 1m to 24h, e.g. 30m".to_owned(),
        })
}

/// What a pause of `node` leaves open: `stays`, a sentence.
pub(crate) fn leaves(node: &Node, stays: String, seconds: i64) -> Leaves {
    Leaves {
        sentence: stays,
        seconds,
        close: Request::plain(Verb::Resume, node),
    }
}

/// That it is one, among the consequences.
pub(crate) fn open_loop(seconds: i64) -> String {
    let time = span(seconds as f64);
    format!("It is an open loop: it is to be resumed within {time}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_bounded() {
        for (text, expected) in [("90s", 90), ("30m", 1_800), ("2h", 7_200), (" 1m ", 60)] {
            assert_eq!(seconds(text).expect(text), expected);
        }
        assert_eq!(seconds(DEFAULT).expect("the default"), DEFAULT_SECONDS);
        for bad in [
            "",
            "30",
            "m",
            "0m",
            "25h",
            "-5m",
            "5d",
            "9223372036854775807h",
            "é",
        ] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
