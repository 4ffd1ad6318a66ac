//! Text for a terminal: what comes from a cloud is plain text, whatever it contains.

use std::fmt::Write as _;

/// `text` without control characters and marks of direction (an escape sequence in a resource's name
/// must not move the reader's cursor, nor turn the words around it), at most 500 characters.
pub(crate) fn clean(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .map(|c| if model::unfit(c) { '·' } else { c })
        .take(500)
        .collect();
    if text.chars().nth(500).is_some() {
        shown.push('…');
    }
    shown
}

/// A number of seconds as people say it: `41 s`, `9 m 12 s`, `3 h 5 m`, `2 d 4 h`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (days, hours, minutes, rest) = (
        whole / 86_400,
        whole / 3_600 % 24,
        whole / 60 % 60,
        whole % 60,
    );
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => format!("{minutes} m {rest} s"),
        (0, _, _) => format!("{hours} h {minutes} m"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A count with thousands separated: `4,182`.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        let _ = write!(shown, "{digit}");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc"), "a·[2Jb·c");
        assert_eq!(clean("db\u{202e}gpj"), "db·gpj");
        assert_eq!(clean(&"x".repeat(600)).chars().count(), 501);
    }

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!(duration(41.4), "41 s");
        assert_eq!(duration(552.0), "9 m 12 s");
        assert_eq!(duration(11_100.0), "3 h 5 m");
        assert_eq!(duration(187_200.0), "2 d 4 h");
        assert_eq!(count(4182), "4,182");
        assert_eq!(count(12), "12");
    }
}
