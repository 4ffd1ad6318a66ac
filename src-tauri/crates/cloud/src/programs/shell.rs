//! The words of a `credential_process`, which the SDK hands to `sh -c`: only a line whose every word
//! is itself can be approved, because what a shell makes of the rest is not what was looked at
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>: no variables,
//! no `~`).

use std::iter::Peekable;
use std::str::Chars;

/// What a shell would make something else of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotPlain {
    /// A character with a meaning.
    #[error("has a {0:?} that a shell would act on")]
    Acts(char),
    /// A quote without its other end.
    #[error("has a quote that does not end")]
    Open,
}

/// Without quotes a shell acts on these
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02>).
const ACTS: &str = "|&;<>()$`*?[]#~={}!%\n\r";

/// The words of a line.
pub(crate) fn words(line: &str) -> Result<Vec<String>, NotPlain> {
    let mut rest = line.trim().chars().peekable();
    let mut all = Vec::new();
    while rest.peek().is_some() {
        all.push(word(&mut rest, all.is_empty())?);
        while rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    }
    Ok(all)
}

fn word(rest: &mut Peekable<Chars<'_>>, first: bool) -> Result<String, NotPlain> {
    let mut word = String::new();
    while let Some(next) = rest.next_if(|c| !matches!(c, ' ' | '\t')) {
        match next {
            '\'' => single(rest, &mut word)?,
            '"' => double(rest, &mut word)?,
            '\\' => word.push(rest.next().ok_or(NotPlain::Open)?),
            // In an argument it is itself; in the first word it sets a variable.
            '=' | '%' if !first => word.push(next),
            next if ACTS.contains(next) => return Err(NotPlain::Acts(next)),
            next => word.push(next),
        }
    }
    Ok(word)
}

fn single(rest: &mut Peekable<Chars<'_>>, word: &mut String) -> Result<(), NotPlain> {
    loop {
        match rest.next().ok_or(NotPlain::Open)? {
            '\'' => return Ok(()),
            next => word.push(next),
        }
    }
}

fn double(rest: &mut Peekable<Chars<'_>>, word: &mut String) -> Result<(), NotPlain> {
    loop {
        match rest.next().ok_or(NotPlain::Open)? {
            '"' => return Ok(()),
            acts @ ('$' | '`' | '!') => return Err(NotPlain::Acts(acts)),
            '\\' => match rest.next().ok_or(NotPlain::Open)? {
                itself @ ('"' | '\\' | '$' | '`') => word.push(itself),
                other => word.extend(['\\', other]),
            },
            next => word.push(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_its_words_or_not_approved_at_all() {
        let split = |line: &str| words(line).expect("plain");
        assert_eq!(
            split("/opt/vault read  --role=ops"),
            ["/opt/vault", "read", "--role=ops"]
        );
        assert_eq!(
            split(r#""/opt/my tools/vault" 'a $b' c\ d "e\"f""#),
            ["/opt/my tools/vault", "a $b", "c d", "e\"f"]
        );
        assert_eq!(split(""), [""; 0]);
        for (line, acts) in [
            ("good; evil", ';'),
            ("good $(evil)", '$'),
            ("good \"`evil`\"", '`'),
            ("good > /etc/x", '>'),
            ("X=1 good", '='),
            ("~/bin/good", '~'),
        ] {
            assert_eq!(words(line), Err(NotPlain::Acts(acts)), "{line}");
        }
        assert_eq!(words("good 'and so on"), Err(NotPlain::Open));
    }
}
