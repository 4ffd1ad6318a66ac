//! Reduces values of environments and ConfigMaps to the host names and queues they mention.
//!
//! A value may be a host, `host:port`, a URL with credentials in it, a list of brokers or a whole
//! configuration file. Only names leave this module, never the value.

use super::intern::Interner;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Something a value points at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Mention {
    /// A host name, lower-case, no trailing dot, no `dualstack.`.
    Host(Arc<str>),
    /// A queue by the ARN its standard URL stands for, or by ARN.
    QueueArn(Arc<str>),
    /// A queue by a URL that is not AWS's own (an emulator, a VPC endpoint).
    QueueUrl(Arc<str>),
}

/// Longest value that is looked through.
const LONGEST: usize = 256 * 1024;
/// Most mentions that are kept of one value.
const MOST: usize = 32;

/// Names that end so are AWS endpoints or services of a cluster, wherever they stand.
const ENDPOINTS: [&str; 7] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".api.aws",
    ".on.aws",
    ".cloudfront.net",
    ".svc",
    ".cluster.local",
];

/// Variables whose name says that a plain name in them is a host.
const HOST_WORDS: [&str; 12] = [
    "HOST", "URL", "URI", "ENDPOINT", "ADDR", "SERVER", "DSN", "BROKER", "DATABASE", "REDIS",
    "CACHE", "DB",
];

/// What the value of `variable` mentions.
pub(super) fn mentions(variable: &str, value: &str, intern: &Interner) -> BTreeSet<Mention> {
    let mut found = BTreeSet::new();
    if value.len() > LONGEST || !value.contains('.') && !value.contains(':') {
        return found;
    }
    let named = {
        let upper = variable.to_ascii_uppercase();
        HOST_WORDS.iter().any(|word| upper.contains(word))
    };
    let bytes = value.as_bytes();
    let mut at = 0;
    while at < bytes.len() && found.len() < MOST {
        let Some(length) = run(&bytes[at..]) else {
            at += 1;
            continue;
        };
        let (start, end) = (at, at + length);
        at = end;
        if let Some((arn, used)) = queue_arn(&value[start..]) {
            found.insert(Mention::QueueArn(intern.text(arn)));
            at = start + used;
        } else if let Some((mention, used)) = queue_url(value, start, end, intern) {
            found.insert(mention);
            at = used;
        } else if let Some(host) = host(&value[start..end])
            && (is_endpoint(&host)
                || in_authority(value, start, end)
                || named && alone(value, start, end))
        {
            found.insert(Mention::Host(intern.text(&host)));
        }
    }
    found
}

/// How many bytes from here could be a host name (or begin an ARN); `None`: not one.
fn run(bytes: &[u8]) -> Option<usize> {
    let length = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        .count();
    (length > 0).then_some(length)
}

/// A host name with at least two labels and letters for its last.
fn host(text: &str) -> Option<String> {
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    let name = name.strip_prefix("dualstack.").unwrap_or(&name);
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let (_, last) = name.rsplit_once('.')?;
    let letters = last.len() > 1 && last.bytes().all(|byte| byte.is_ascii_alphabetic());
    (letters && name.len() <= 253 && name.split('.').all(label)).then(|| name.to_owned())
}

fn is_endpoint(host: &str) -> bool {
    ENDPOINTS.iter().any(|suffix| host.ends_with(suffix))
}

/// Right after `://` (and no user name), or after `://user:password@`.
fn in_authority(value: &str, start: usize, end: usize) -> bool {
    let before = &value[..start];
    let user_name = || {
        let next = value[end..].find(['/', '@', '?', '#', ' ', '"', '\n']);
        next.is_some_and(|at| value[end + at..].starts_with('@'))
    };
    before.ends_with("://") && !user_name()
        || before.ends_with('@')
            && before
                .rfind("://")
                .is_some_and(|scheme| !before[scheme + 3..].contains(['/', '?', ' ', '"', '\n']))
}

/// The whole value, or one of a list: `db.internal`, `db.internal:5432`, `a.internal:9092,b.internal:9092`.
fn alone(value: &str, start: usize, end: usize) -> bool {
    let before = value[..start].trim_end();
    let after = value[end..].trim_start();
    let port = after
        .strip_prefix(':')
        .map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    (before.is_empty() || before.ends_with(','))
        && (after.is_empty()
            || after.starts_with(',')
            || port.is_some_and(|rest| rest.is_empty() || rest.starts_with([',', '/'])))
}

/// `arn:aws:sqs:REGION:ACCOUNT:NAME` at the beginning of `text`, and its length.
fn queue_arn(text: &str) -> Option<(&str, usize)> {
    if !text.starts_with("arn:") {
        return None;
    }
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.')))
        .unwrap_or(text.len());
    let arn = &text[..end];
    let parts: Vec<&str> = arn.split(':').collect();
    let [_, _, "sqs", region, account, name] = parts.as_slice() else {
        return None;
    };
    (!region.is_empty() && is_account(account) && is_queue_name(name)).then_some((arn, end))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>
fn is_queue_name(text: &str) -> bool {
    let name = text.strip_suffix(".fifo").unwrap_or(text);
    !name.is_empty()
        && text.len() <= 80
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A queue URL whose host is `value[start..end]`: `https://HOST[:PORT]/ACCOUNT/NAME`.
fn queue_url(value: &str, start: usize, end: usize, intern: &Interner) -> Option<(Mention, usize)> {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| value[..start].ends_with(scheme))?;
    let rest = &value[end..];
    let port = rest.strip_prefix(':').map_or(0, |port| {
        1 + port.len() - port.trim_start_matches(|c: char| c.is_ascii_digit()).len()
    });
    let (account, rest) = rest[port..].strip_prefix('/')?.split_once('/')?;
    let length = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(rest.len());
    let name = rest[..length].trim_end_matches('.');
    if !is_account(account) || !is_queue_name(name) {
        return None;
    }
    let host = &value[start..end];
    let used = end + port + 1 + account.len() + 1 + name.len();
    let mention = match region_of(host) {
        Some((partition, region)) if port == 0 => Mention::QueueArn(
            intern.text(&format!("arn:{partition}:sqs:{region}:{account}:{name}")),
        ),
        _ => Mention::QueueUrl(intern.text(&value[start - scheme.len()..used])),
    };
    Some((mention, used))
}

/// Partition and region of a standard SQS host: `sqs.REGION.amazonaws.com`, `REGION.queue.amazonaws.com`.
/// <https://docs.aws.amazon.com/general/latest/gr/sqs-service.html>
fn region_of(host: &str) -> Option<(&'static str, &str)> {
    let (partition, bare) = match host.strip_suffix(".amazonaws.com.cn") {
        Some(bare) => ("aws-cn", bare),
        None => ("aws", host.strip_suffix(".amazonaws.com")?),
    };
    let region = bare
        .strip_prefix("sqs.")
        .or_else(|| bare.strip_suffix(".queue"))?;
    // A host of China's domain is China's, however the region is called.
    let partition = match partition {
        "aws" => model::partition(region),
        other => other,
    };
    (!region.contains('.')).then_some((partition, region))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(variable: &str, value: &str) -> Vec<String> {
        let interner = Interner::default();
        mentions(variable, value, &interner)
            .into_iter()
            .map(|mention| match mention {
                Mention::Host(host) => host.to_string(),
                Mention::QueueArn(arn) => format!("queue {arn}"),
                Mention::QueueUrl(url) => format!("queue {url}"),
            })
            .collect()
    }

    const AURORA: &str = "trading.cluster-c1x2y3.us-east-1.rds.amazonaws.com";

    #[test]
    fn hosts_are_found_in_every_usual_notation() {
        assert_eq!(of("DB_HOST", AURORA), [AURORA]);
        assert_eq!(
            of("X", &format!("{}:5432", AURORA.to_uppercase())),
            [AURORA]
        );
        assert_eq!(
            of(
                "X",
                &format!("jdbc:postgresql://{AURORA}:5432/trading?ssl=true")
            ),
            [AURORA]
        );
        assert_eq!(
            of("X", &format!("postgres://app:s.ecret.com@{AURORA}./db")),
            [AURORA]
        );
        assert_eq!(
            of(
                "application.yaml",
                &format!("db:\n  host: \"{AURORA}\"\n  v: 2026.11.3\n")
            ),
            [AURORA]
        );
        assert_eq!(
            of("PEER", "risk.trading.svc.cluster.local:8080"),
            ["risk.trading.svc.cluster.local"]
        );
        assert_eq!(
            of("API_URL", "https://api.partner.example/v1"),
            ["api.partner.example"]
        );
        assert_eq!(of("DB_HOST", "db.prod.internal"), ["db.prod.internal"]);
        assert_eq!(
            of("BROKERS", "a.kafka.internal:9092, b.kafka.internal:9092").len(),
            2
        );
        assert_eq!(
            of("X", "dualstack.lb-1.us-east-1.elb.amazonaws.com"),
            ["lb-1.us-east-1.elb.amazonaws.com"]
        );
    }

    #[test]
    fn what_is_no_host_is_not_kept() {
        for (variable, value) in [
            ("VERSION", "2026.11.3"),
            ("MAIN_CLASS", "com.meridian.orders.Main"),
            ("JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=75"),
            ("PASSWORD", "hunter2.example"),
            ("DB_HOST", "10.0.3.17"),
            ("DB_HOST", "localhost"),
            ("DB_URL", "postgres://first.last:pw@localhost/db"),
            ("EMPTY", ""),
        ] {
            assert_eq!(
                of(variable, value),
                Vec::<String>::new(),
                "{variable}={value}"
            );
        }
    }

    #[test]
    fn queues_are_found_by_url_and_by_arn() {
        let arn = "queue arn:aws:sqs:us-east-1:111122223333:settlement.fifo";
        assert_eq!(
            of(
                "Q",
                "https://sqs.us-east-1.amazonaws.com/111122223333/settlement.fifo"
            ),
            [arn]
        );
        assert_eq!(
            of("Q", "arn:aws:sqs:us-east-1:111122223333:settlement.fifo"),
            [arn]
        );
        assert_eq!(
            of("Q", "http://127.0.0.1:4566/000000000000/orders"),
            ["queue http://127.0.0.1:4566/000000000000/orders"]
        );
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(variable in "\\PC{0,12}", value in "\\PC{0,200}") {
            let _ = of(&variable, &value);
        }

        #[test]
        fn a_password_in_a_url_never_leaves(secret in "[a-z0-9]{8,20}") {
            let found = of("DATABASE_URL", &format!("postgres://app:{secret}@{AURORA}:5432/db?password={secret}"));
            prop_assert_eq!(found, [AURORA]);
        }
    }
}
