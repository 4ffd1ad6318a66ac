//! Text from elsewhere, as it may be shown, and words that can be pasted into a shell.

/// So much of what a program or server says is repeated, in characters.
const LONGEST_QUOTE: usize = 200;

/// Bounded, on one line, without control characters and marks of direction.
pub(crate) fn plain(text: &str) -> String {
    let fit = text.trim().chars().filter(|c| !model::unfit(*c));
    let mut shown: String = fit.clone().take(LONGEST_QUOTE).collect();
    if fit.count() > LONGEST_QUOTE {
        shown.push('…');
    }
    shown
}

/// Whole, with a dot in the place of each control character and mark of direction: what somebody
/// decides about must not hide anything.
pub(crate) fn visible(text: &str) -> String {
    let dotted = text.chars().map(|c| if model::unfit(c) { '·' } else { c });
    dotted.collect()
}

/// A word as a POSIX shell takes it for one
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html>).
pub(crate) fn quoted(text: &str) -> String {
    let bare = |c: char| c.is_alphanumeric() || "_-./@:+=".contains(c);
    match !text.is_empty() && text.chars().all(bare) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
