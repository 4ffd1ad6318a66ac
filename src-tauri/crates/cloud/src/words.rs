//! Text from elsewhere, as it may be shown, and words that can be pasted into a shell.

use http::Uri;

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

/// A URL as it may be shown: without the user and password it may have.
pub(crate) fn address(url: &Uri) -> String {
    let scheme = url.scheme_str().map(|scheme| format!("{scheme}://"));
    let port = url.port_u16().map(|port| format!(":{port}"));
    format!(
        "{}{}{}{}",
        scheme.unwrap_or_default(),
        url.host().unwrap_or_default(),
        port.unwrap_or_default(),
        url.path().trim_end_matches('/')
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_who_it_is_for() {
        let shown = |text: &str| address(&text.parse().expect("a URL"));
        assert_eq!(shown("http://me:secret@corp:3128/"), "http://corp:3128");
        assert_eq!(
            shown("socks5h://me:secret@corp:1080"),
            "socks5h://corp:1080"
        );
        assert_eq!(shown("me:secret@corp:3128"), "corp:3128");
        assert_eq!(
            shown("https://me:secret@[::1]:6443/k8s/clusters/c-1"),
            "https://[::1]:6443/k8s/clusters/c-1"
        );
    }
}
