//! Words of the filter's and the edit's language, each with its position.

use super::Misread;

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A name or a keyword: letters, digits, `_` and `-`.
    Word(String),
    /// Quoted.
    Text(String),
    /// A number as written.
    Number(String),
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`, `(`, `)`, `[`, `]`, `.`, `*`, `$`, `;`.
    Mark(&'static str),
}

const MARKS: &[&str] = &[
    "!=", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ".", "*", "$", ";",
];

/// Reads a text word by word.
#[derive(Clone, Debug)]
pub(crate) struct Scan<'a> {
    text: &'a str,
    /// Byte position.
    at: usize,
}

impl<'a> Scan<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    /// What is left, from the next word on.
    pub(crate) fn rest(&mut self) -> &'a str {
        self.skip_space();
        &self.text[self.at..]
    }

    /// Goes on by so many bytes of [`Scan::rest`].
    pub(crate) fn pass(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.text.len());
    }

    pub(crate) fn done(&mut self) -> bool {
        self.rest().is_empty()
    }

    /// The position of the next word, from 1, in characters.
    pub(crate) fn position(&mut self) -> usize {
        self.skip_space();
        self.text[..self.at].chars().count() + 1
    }

    pub(crate) fn misread(&mut self, why: impl Into<String>) -> Misread {
        Misread {
            at: self.position(),
            why: why.into(),
        }
    }

    /// The next word, without taking it.
    pub(crate) fn peek(&mut self) -> Result<Option<Token>, Misread> {
        self.clone().next()
    }

    /// Takes the next word when it is this mark.
    pub(crate) fn mark(&mut self, mark: &str) -> Result<bool, Misread> {
        let found = matches!(self.peek()?, Some(Token::Mark(found)) if found == mark);
        if found {
            self.next()?;
        }
        Ok(found)
    }

    /// Takes the next word when it is this keyword.
    pub(crate) fn word(&mut self, word: &str) -> Result<bool, Misread> {
        let found = matches!(self.peek()?, Some(Token::Word(found)) if found == word);
        if found {
            self.next()?;
        }
        Ok(found)
    }

    /// Takes the next word; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Token>, Misread> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(None);
        };
        if first == '\'' || first == '"' {
            return self.quoted(first).map(Some);
        }
        let digit = first.is_ascii_digit();
        let negative = first == '-' && rest[1..].starts_with(|c: char| c.is_ascii_digit());
        if digit || negative {
            let number = |c: char| c.is_ascii_alphanumeric() || ".+-".contains(c);
            return Ok(Some(Token::Number(self.take(number))));
        }
        if first.is_alphabetic() || first == '_' {
            let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            return Ok(Some(Token::Word(self.take(word))));
        }
        match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            Some(mark) => {
                self.at += mark.len();
                Ok(Some(Token::Mark(mark)))
            }
            None => Err(self.misread(format!("{first:?} has no meaning here"))),
        }
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    /// Text in quotes; a backslash takes the next character as it is.
    fn quoted(&mut self, quote: char) -> Result<Token, Misread> {
        let begun = self.misread("the quote is not closed");
        let mut text = String::new();
        let mut chars = self.text[self.at..].char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some((_, next)) => text.push(next),
                    None => return Err(begun),
                },
                c if c == quote => {
                    self.at += at + c.len_utf8();
                    return Ok(Token::Text(text));
                }
                c => text.push(c),
            }
        }
        Err(begun)
    }
}
