//! Numbers, spans and lists as people read them, so that every sentence says them the same way.

/// `1284` → `1,284`. Measures are rounded to whole numbers.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0.0 && digits != "0" {
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

/// `(1, "message")` → `1 message`, `(1284, "message")` → `1,284 messages`.
pub(crate) fn count(number: i64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number as f64))
}

/// A measure with at most one decimal, none where it says nothing: `38`, `0.4`.
pub(crate) fn measure(number: f64) -> String {
    let rounded = (number * 10.0).round() / 10.0;
    if rounded.fract() == 0.0 || rounded.abs() >= 100.0 {
        thousands(rounded)
    } else {
        format!("{rounded:.1}")
    }
}

/// Seconds as people say them: `45 s`, `3 m 10 s`, `2 h 5 m`, `3 d 4 h`.
pub(crate) fn span(seconds: f64) -> String {
    let total = seconds.max(0.0).round() as i64;
    let (days, hours, minutes, rest) = (
        total / 86_400,
        total / 3_600 % 24,
        total / 60 % 60,
        total % 60,
    );
    match (days, hours, minutes, rest) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, 0) => format!("{m} m"),
        (0, 0, m, s) => format!("{m} m {s} s"),
        (0, h, 0, _) => format!("{h} h"),
        (0, h, m, _) => format!("{h} h {m} m"),
        (d, 0, _, _) => format!("{d} d"),
        (d, h, _, _) => format!("{d} d {h} h"),
    }
}

/// The age of data, in steps of ten seconds beyond the first minute so that an old reading does not
/// become a new sentence with every snapshot.
pub(crate) fn age(seconds: f64) -> String {
    let step = if seconds < 600.0 { 10.0 } else { 60.0 };
    span((seconds / step).floor() * step)
}

/// `a`, `a and b`, `a, b and c`; beyond `limit` items the rest is counted.
pub(crate) fn list<T: AsRef<str>>(items: &[T], limit: usize) -> String {
    let shown = items.len().min(limit);
    let mut words: Vec<String> = items[..shown]
        .iter()
        .map(|i| i.as_ref().to_owned())
        .collect();
    if items.len() > shown {
        words.push(format!("{} more", items.len() - shown));
    }
    match words.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}

/// `is` or `are`.
pub(crate) fn are(number: usize) -> &'static str {
    if number == 1 { "is" } else { "are" }
}

/// The time of day in UTC, `02:41:00`; the reader knows the date.
pub(crate) fn clock(at: crate::time::Timestamp) -> String {
    let text = at.to_string();
    text.get(11..19).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(thousands(0.0), "0");
        assert_eq!(thousands(999.0), "999");
        assert_eq!(thousands(1284.0), "1,284");
        assert_eq!(thousands(-1_234_567.0), "-1,234,567");
        assert_eq!(count(1, "message"), "1 message");
        assert_eq!(count(1284, "message"), "1,284 messages");
        assert_eq!(measure(38.04), "38");
        assert_eq!(measure(0.44), "0.4");
        assert_eq!(measure(1284.4), "1,284");
    }

    #[test]
    fn spans_name_their_two_largest_units() {
        assert_eq!(span(45.2), "45 s");
        assert_eq!(span(190.0), "3 m 10 s");
        assert_eq!(span(180.0), "3 m");
        assert_eq!(span(7_500.0), "2 h 5 m");
        assert_eq!(span(273_600.0), "3 d 4 h");
        assert_eq!(age(197.0), "3 m 10 s");
        assert_eq!(age(3_599.0), "59 m");
    }

    #[test]
    fn lists_count_what_they_leave_out() {
        assert_eq!(list(&["a"], 3), "a");
        assert_eq!(list(&["a", "b", "c"], 3), "a, b and c");
        assert_eq!(list(&["a", "b", "c", "d"], 2), "a, b and 2 more");
    }

    #[test]
    fn clocks_are_times_of_day() {
        let at = crate::time::Timestamp::parse("2026-11-22T02:41:00Z").expect("a time");
        assert_eq!(clock(at), "02:41:00");
    }
}
