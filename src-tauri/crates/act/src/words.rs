//! Numbers and spans as people read them in labels, findings and receipts.

use model::Timestamp;

/// `4182` → `4,182`.
pub(crate) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `(1, "message")` → `1 message`, `(4182, "message")` → `4,182 messages`.
pub(crate) fn count(number: i64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number))
}

/// Seconds in at most two units: `84 s`, `3 min`, `2 h 5 min`, `3 d 21 h`. Below two minutes in
/// seconds, as estimates of a run are read.
pub(crate) fn span(seconds: f64) -> String {
    let total = seconds.max(0.0).round() as i64;
    let pair = |a: i64, unit: &str, b: i64, small: &str| match b {
        0 => format!("{a} {unit}"),
        _ => format!("{a} {unit} {b} {small}"),
    };
    match total {
        0..120 => format!("{total} s"),
        120..3_600 => pair(total / 60, "min", total % 60, "s"),
        3_600..86_400 => pair(total / 3_600, "h", total / 60 % 60, "min"),
        _ => pair(total / 86_400, "d", total / 3_600 % 24, "h"),
    }
}

/// `38 %`, `0.4 %`.
pub(crate) fn percent(share: f64) -> String {
    let rounded = (share * 10.0).round() / 10.0;
    if rounded.fract() == 0.0 {
        format!("{rounded:.0} %")
    } else {
        format!("{rounded:.1} %")
    }
}

/// The time of day in UTC, `02:41:00`, for a reader who knows the date.
pub(crate) fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(11..19).unwrap_or(&text).to_owned()
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list<T: AsRef<str>>(items: &[T]) -> String {
    let words: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}

/// A word for a POSIX shell, quoted when it must be.
pub(crate) fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The first few names, and how many more.
pub(crate) fn some(names: &[&str]) -> String {
    const SHOWN: usize = 6;
    match names.len().checked_sub(SHOWN) {
        Some(more) if more > 1 => format!("{} and {more} more", names[..SHOWN].join(", ")),
        Some(_) | None => list(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_can_read_them() {
        assert_eq!(thousands(4182), "4,182");
        assert_eq!(thousands(-1_000_000), "-1,000,000");
        assert_eq!(count(1, "message"), "1 message");
        assert_eq!(span(83.64), "84 s");
        assert_eq!(span(150.0), "2 min 30 s");
        assert_eq!(span(180.0), "3 min");
        assert_eq!(span(273_600.0), "3 d 4 h");
        assert_eq!(percent(38.04), "38 %");
        assert_eq!(percent(0.44), "0.4 %");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn a_shell_reads_one_word() {
        assert_eq!(
            shell("arn:aws:sqs:eu-west-1:1:orders"),
            "arn:aws:sqs:eu-west-1:1:orders"
        );
        assert_eq!(shell("two words; rm -rf"), "'two words; rm -rf'");
        assert_eq!(shell("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(shell(""), "''");
    }
}
