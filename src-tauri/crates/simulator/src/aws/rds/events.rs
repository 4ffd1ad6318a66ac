//! What happened to databases.

use serde_json::{Value, json};

use super::{answer, databases};
use crate::aws::error::AwsError;
use crate::aws::render::Answer;
use crate::aws::request::{Call, instant};
use crate::world::database::{DbCluster, DbEvent};
use crate::world::region::Region;

pub(super) fn describe(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let at = |name: &str| call.input.get(name).and_then(instant);
    let end = at("EndTime").unwrap_or(call.now);
    let start = match (at("StartTime"), call.int("Duration")) {
        (Some(start), _) => start,
        (None, minutes) => call.now.plus_seconds(-60 * minutes.unwrap_or(60)),
    };
    let (kind, source) = (call.text("SourceType"), call.text("SourceIdentifier"));
    if source.is_some() && kind.is_none() {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "SourceType must be given with SourceIdentifier",
        ));
    }
    let categories = call.texts("EventCategories");
    let wanted = |e: &&DbEvent| {
        e.at >= start
            && e.at <= end
            && kind.is_none_or(|k| k == e.source_type)
            && source.is_none_or(|s| s == e.source)
            && (categories.is_empty() || categories.iter().any(|c| c == e.category))
    };
    let backups = databases(region).iter().filter_map(|d| backup(d, call));
    let mut all: Vec<DbEvent> = region
        .map(|r| r.events.clone())
        .unwrap_or_default()
        .into_iter()
        .chain(backups)
        .collect();
    all.sort_by_key(|e| e.at);
    let all: Vec<Value> = all
        .iter()
        .filter(wanted)
        .map(|e| {
            json!({
                "SourceIdentifier": e.source, "SourceType": e.source_type, "Message": e.message,
                "EventCategories": [e.category], "Date": e.at.iso_millis(), "SourceArn": e.arn,
            })
        })
        .collect();
    answer(call, "Events", all)
}

/// The backup of the last night.
fn backup(d: &DbCluster, call: &Call) -> Option<DbEvent> {
    let midnight = call.now.seconds().div_euclid(86_400) * 86_400;
    let at = crate::clock::Millis((midnight + 2 * 3600 + 300) * 1000);
    let day = &at.iso()[..10];
    let snapshot = format!("rds:{}-{day}-02-05", d.name);
    (at <= call.now).then(|| DbEvent {
        at,
        source_type: "db-cluster-snapshot",
        source: snapshot.clone(),
        arn: d.arn.replace(
            &format!(":cluster:{}", d.name),
            &format!(":cluster-snapshot:{snapshot}"),
        ),
        category: "backup",
        message: "Automated cluster snapshot created".into(),
    })
}
