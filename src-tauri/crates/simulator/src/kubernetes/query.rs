//! The query of a request: list options and the like.

use super::failure::Failure;

/// Decoded parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a query string.
    #[must_use]
    pub(super) fn parse(text: &str) -> Self {
        let decode = |s: &str| {
            let spaced = s.replace('+', " ");
            percent_encoding::percent_decode_str(&spaced)
                .decode_utf8_lossy()
                .into_owned()
        };
        let pairs = text.split('&').filter(|p| !p.is_empty());
        Self(
            pairs
                .map(|p| p.split_once('=').unwrap_or((p, "")))
                .map(|(k, v)| (decode(k), decode(v)))
                .collect(),
        )
    }

    /// A parameter that is there and not empty.
    #[must_use]
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(k, _)| k == name)
            .map(|(_, v)| v.as_str())
            .filter(|v| !v.is_empty())
    }

    /// Whether a flag is set, as Go parses booleans.
    #[must_use]
    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(
            self.get(name),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True")
        )
    }

    /// A whole number.
    ///
    /// # Errors
    /// 400 when it is none.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let parsed = text.parse().map(Some);
        parsed.map_err(|_| {
            Failure::bad_request(format!(
                "invalid value for {name}: \"{text}\" is not a number"
            ))
        })
    }

    /// `resourceVersion`.
    ///
    /// # Errors
    /// 400 when it is no number.
    pub(super) fn version(&self) -> Result<Option<u64>, Failure> {
        let Some(text) = self.get("resourceVersion") else {
            return Ok(None);
        };
        let wrong = |_| {
            Failure::bad_request(format!(
                "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
            ))
        };
        text.parse().map(Some).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("labelSelector=app%3Dx%2Cy+in+%28a%29&watch=1&limit=");
        assert_eq!(query.get("labelSelector"), Some("app=x,y in (a)"));
        assert!(query.flag("watch"));
        assert_eq!(query.get("limit"), None);
    }
}
