//! Small conversions that every service needs: names out of ARNs and URLs, times out of the SDK.

use aws_smithy_types::DateTime;
use model::{FoundNode, Name, Timestamp};

/// A host as it is compared: lower-case, no trailing dot, no `dualstack.` (Route 53 prefixes it to
/// a balancer's name when an alias is made in the console).
pub(crate) fn host(name: &str) -> String {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    match name.strip_prefix("dualstack.") {
        Some(rest) => rest.to_owned(),
        None => name,
    }
}

/// [`host`] as a name for linking.
pub(crate) fn host_name(name: &str) -> Name {
    Name::Host(host(name).into())
}

/// What others may call a node by one of its hosts. A name without a dot (an emulator's
/// `localhost`) belongs to nobody.
pub(crate) fn known_by_host(node: &mut FoundNode, name: &str) {
    let name = name.split(':').next().unwrap_or(name);
    if name.contains('.') {
        node.known_as.push(host_name(name));
    }
}

/// Words, unless there are none.
pub(crate) fn said(words: Option<&str>) -> Option<&str> {
    words.map(str::trim).filter(|words| !words.is_empty())
}

/// What follows the last `:` of an ARN, e.g. a queue's name.
pub(crate) fn arn_tail(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// The region of an ARN, where it has one.
pub(crate) fn arn_region(arn: &str) -> Option<&str> {
    arn.split(':').nth(3).filter(|region| !region.is_empty())
}

/// The ARN of a function without version or alias (`…:function:NAME[:QUALIFIER]`).
pub(crate) fn unqualified(arn: &str) -> &str {
    match arn.match_indices(':').nth(6) {
        Some((at, _)) => &arn[..at],
        None => arn,
    }
}

/// A time of the SDK, unless it is one that no calendar has (RFC 3339 ends with year 9999).
pub(crate) fn time(at: &DateTime) -> Option<Timestamp> {
    let last = 253_402_300_799;
    let seconds = at.secs();
    if !(0..=last).contains(&seconds) {
        return None;
    }
    Some(Timestamp::from_millis(
        seconds * 1000 + i64::from(at.subsec_nanos() / 1_000_000),
    ))
}

/// Text that AWS gives where a count is meant; what is below nought is none.
pub(crate) fn count(text: Option<&String>) -> Option<i64> {
    text?.trim().parse().ok().filter(|count| *count >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_compare_whatever_their_spelling() {
        assert_eq!(
            host("dualstack.Web-1.elb.amazonaws.com."),
            "web-1.elb.amazonaws.com"
        );
    }

    #[test]
    fn a_time_outside_the_calendar_is_no_time() {
        assert_eq!(time(&DateTime::from_secs(i64::MAX)), None);
        assert_eq!(time(&DateTime::from_secs(-1)), None);
        let at = DateTime::from_millis(1_795_315_620_007);
        assert_eq!(time(&at), Some(Timestamp::from_millis(1_795_315_620_007)));
    }

    #[test]
    fn a_function_is_the_same_by_version_and_alias() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:settle";
        assert_eq!(unqualified(&format!("{arn}:live")), arn);
        assert_eq!(unqualified(arn), arn);
    }

    #[test]
    fn arns_give_their_parts() {
        let arn = "arn:aws:sqs:us-east-1:123456789012:orders";
        assert_eq!(
            (arn_tail(arn), arn_region(arn)),
            ("orders", Some("us-east-1"))
        );
        assert_eq!(arn_region("x"), None);
    }
}
