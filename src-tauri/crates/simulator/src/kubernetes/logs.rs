//! Logs of a pod: a few plausible lines that follow from its state, the same each time they are asked for.

use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::json;

use super::failure::Failure;
use super::host::Host;
use super::query::Query;
use crate::clock::Millis;
use crate::world::cluster::store::Stored;
use crate::world::cluster::{Complained, PodLog};

/// Seconds between two lines.
const PACE: i64 = 3;
/// Lines shown when no number is asked for.
const LINES: i64 = 40;

/// Answers `pods/NAME/log`.
///
/// # Errors
/// 400 while there is nothing to show, in the words of the kubelet.
pub(super) fn answer(host: &dyn Host, query: &Query, pod: &Stored) -> Result<Response, Failure> {
    let mut log = None;
    host.cluster(&mut |c| log = c.pod_log(&pod.namespace, &pod.name, query.flag("previous")));
    let log = log.ok_or_else(|| waiting(pod, query.flag("previous")))?;
    let wanted = query
        .number("tailLines")?
        .map_or(LINES, |n| i64::try_from(n).unwrap_or(LINES))
        .min(1000);
    let since = query
        .number("sinceSeconds")?
        .map(|s| host.now().plus_seconds(-i64::try_from(s).unwrap_or(0)));
    let text = lines(&log, host.now(), wanted, since, query.flag("timestamps"));
    Ok(([(header::CONTENT_TYPE, "text/plain")], text).into_response())
}

fn waiting(pod: &Stored, previous: bool) -> Failure {
    let whole = pod.value();
    let container = whole["spec"]["containers"][0]["name"]
        .as_str()
        .unwrap_or_default();
    if previous {
        let message = format!(
            "previous terminated container \"{container}\" in pod \"{}\" not found",
            pod.name
        );
        return Failure::bad_request(message);
    }
    let reason = whole["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].as_str();
    let reason = reason.unwrap_or("ContainerCreating");
    Failure::bad_request(format!(
        "container \"{container}\" in pod \"{}\" is waiting to start: {reason}",
        pod.name
    ))
}

/// The last `wanted` lines, of those since an instant.
fn lines(log: &PodLog, now: Millis, wanted: i64, since: Option<Millis>, stamped: bool) -> String {
    let end = log.ended.unwrap_or(now);
    let earliest = Millis(end.0 - (wanted + 1) * PACE * 1000);
    let first = log.started.max(earliest).max(since.unwrap_or(earliest));
    let mut all = Vec::new();
    if first == log.started {
        let words = format!(
            "\"msg\":\"{} starting\",\"version\":\"{}\"",
            log.workload, log.tag
        );
        all.push((log.started, format!("{{\"level\":\"info\",{words}}}")));
    }
    let mut at = Millis((first.seconds().div_euclid(PACE) + 1) * PACE * 1000);
    while at < end {
        all.push((at, line(log, at)));
        at = at.plus_seconds(PACE);
    }
    if let (Some(words), Some(ended)) = (&log.last_words, log.ended) {
        all.push((
            ended,
            format!("{{\"level\":\"fatal\",\"msg\":\"{words}\"}}"),
        ));
    }
    let skipped = all
        .len()
        .saturating_sub(usize::try_from(wanted).unwrap_or(0));
    let written = all.into_iter().skip(skipped).map(|(at, words)| {
        let stamp = if stamped {
            format!("{} ", at.iso_millis())
        } else {
            String::new()
        };
        format!("{stamp}{words}\n")
    });
    written.collect()
}

fn line(log: &PodLog, at: Millis) -> String {
    let mix = (log.number ^ at.0.unsigned_abs()).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let ms = 2 + mix % 48;
    let trace = format!("{:08x}{:08x}", mix, mix.rotate_left(13) & 0xffff_ffff);
    let told = f64::from(u32::try_from(mix.rotate_left(7) % 1000).unwrap_or(0)) / 1000.0;
    let heard = |c: &&Complained| c.heard(log.started, at) && told < c.what.share;
    if let Some(c) = log.complaints.iter().rev().find(heard) {
        let msg = if log.consumes {
            "message not handled"
        } else {
            "request failed"
        };
        let error = json!(c.what.words);
        return format!(
            "{{\"level\":\"error\",\"msg\":\"{msg}\",\"error\":{error},\"trace\":\"{trace}\"}}"
        );
    }
    if log.consumes {
        return format!(
            "{{\"level\":\"info\",\"msg\":\"message handled\",\"ms\":{ms},\"trace\":\"{trace}\"}}"
        );
    }
    let route = ["/v1/orders", "/v1/quotes", "/v1/positions", "/v1/accounts"]
        [usize::try_from(mix % 4).unwrap_or(0)];
    format!(
        "{{\"level\":\"info\",\"msg\":\"request\",\"path\":\"{route}\",\"status\":200,\"ms\":{ms},\"trace\":\"{trace}\"}}"
    )
}
