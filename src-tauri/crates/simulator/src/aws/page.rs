//! Pages of a list, with tokens that only this list understands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// A page.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// Its items.
    pub(crate) items: Vec<T>,
    /// Token of the next page.
    pub(crate) next: Option<String>,
}

/// The page of `size` items that `token` stands for; `None` when the token was not given out for `list`.
#[must_use]
pub(crate) fn page<T>(
    list: &str,
    items: Vec<T>,
    token: Option<&str>,
    size: usize,
) -> Option<Page<T>> {
    let start = start(list, token)?;
    let total = items.len();
    let items: Vec<T> = items.into_iter().skip(start).take(size).collect();
    let end = start + items.len();
    Some(Page {
        items,
        next: (end < total).then(|| token_at(list, end)),
    })
}

/// Where the page of `token` starts; `None` when it was not given out for `list`.
#[must_use]
pub(crate) fn start(list: &str, token: Option<&str>) -> Option<usize> {
    token.map_or(Some(0), |token| read(list, token))
}

/// The token of the page that starts at `at`.
#[must_use]
pub(crate) fn token_at(list: &str, at: usize) -> String {
    BASE64.encode(format!("{list}\n{at}"))
}

fn read(list: &str, token: &str) -> Option<usize> {
    let text = String::from_utf8(BASE64.decode(token).ok()?).ok()?;
    let (name, at) = text.split_once('\n')?;
    (name == list).then(|| at.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_together_are_the_list() {
        let all: Vec<u32> = (0..25).collect();
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let page = page("l", all.clone(), token.as_deref(), 10).expect("own token");
            seen.extend(page.items);
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        assert!(
            page(
                "other",
                all.clone(),
                page("l", all, None, 3).and_then(|p| p.next).as_deref(),
                3
            )
            .is_none()
        );
    }
}
