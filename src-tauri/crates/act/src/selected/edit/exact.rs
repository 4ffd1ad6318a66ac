//! Whether a body's numbers survive being read and written: an edit must not change what it was not
//! asked to.

use super::Unfit;
use serde_json::Value;

/// # Errors
/// With the first number that would come out as another one.
pub(super) fn numbers(body: &str) -> Result<(), Unfit> {
    for token in tokens(body) {
        let written = serde_json::from_str::<Value>(token).map(|value| value.to_string());
        if !written.is_ok_and(|written| trimmed(&written) == trimmed(token)) {
            return Err(Unfit(format!(
                "The body holds the number {token}, which cannot be kept exactly while another place is edited."
            )));
        }
    }
    Ok(())
}

/// Zeros at the end of a fraction say nothing.
fn trimmed(number: &str) -> &str {
    let plain = !number.contains(['e', 'E']);
    match number.contains('.') && plain {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => number,
    }
}

/// The numbers of a JSON text, as written.
fn tokens(body: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let bytes = body.as_bytes();
    let (mut at, mut text) = (0, false);
    while at < bytes.len() {
        let byte = bytes[at];
        if text && byte == b'\\' {
            at += 1;
        } else if byte == b'"' {
            text = !text;
        } else if !text && (byte == b'-' || byte.is_ascii_digit()) {
            let belongs = |b: &u8| b.is_ascii_digit() || b"+-.eE".contains(b);
            let end = bytes[at..].iter().position(|b| !belongs(b));
            let end = end.map_or(bytes.len(), |length| at + length);
            all.push(&body[at..end]);
            at = end;
            continue;
        }
        at += 1;
    }
    all
}
