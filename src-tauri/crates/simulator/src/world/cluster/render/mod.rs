//! From state to the objects on the wire, in the shapes a real API server was recorded answering.

mod git;
mod network;
mod node;
mod pod;
mod pools;
mod scaling;
mod workload;

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;

use super::store::{Draft, Labels};
use super::workload::Workload;
use crate::clock::Millis;

/// A draft from its metadata (without the version) and everything else.
pub(super) fn draft(
    namespace: &str,
    name: &str,
    created: Millis,
    labels: Arc<Labels>,
    metadata: &Value,
    rest: &Value,
) -> Draft {
    let rest = rest.to_string();
    let tail = if rest.len() > 2 {
        format!(",{}", &rest[1..])
    } else {
        "}".to_owned()
    };
    Draft {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        created,
        labels,
        text: format!("{{\"metadata\":{metadata}{tail}"),
        pod: None,
    }
}

/// Seconds since the epoch as `2026-11-22T18:14:38Z`. Pods carry a dozen of these and 10,000 pods are rendered at
/// the start, so this does not go through a calendar library.
pub(super) fn stamp(at: Millis) -> String {
    let seconds = at.seconds();
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Howard Hinnant's civil_from_days, <https://howardhinnant.github.io/date_algorithms.html>.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (
        doy - (153 * mp + 2) / 5 + 1,
        if mp < 10 { mp + 3 } else { mp - 9 },
    );
    let year = yoe + era * 400 + i64::from(month <= 2);
    let mut text = String::with_capacity(20);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    );
    text
}

/// Name of the metric KEDA serves for a workload's queue.
pub(super) fn metric_name(workload: &Workload) -> String {
    let queue = workload
        .scaled
        .as_ref()
        .and_then(|s| s.queue_url.rsplit('/').next())
        .unwrap_or("queue");
    format!("s0-aws-sqs-{}", queue.replace('.', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_agrees_with_the_calendar() {
        for at in [
            0,
            951_782_400_000,
            1_795_371_278_123,
            1_709_164_800_000,
            4_102_444_799_000,
        ] {
            assert_eq!(stamp(Millis(at)), Millis(at).iso());
        }
    }
}
