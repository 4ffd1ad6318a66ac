//! GetMetricData: batches of metrics, ScanBy, paging by datapoints. API reference, GetMetricData.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{bad_token, invalid, key, period, span, stat, validation};
use crate::aws::error::AwsError;
use crate::aws::page::{start, token_at};
use crate::aws::render::Answer;
use crate::aws::request::Call;
use crate::clock::Millis;
use crate::world::metric::{Metrics, Window};

/// Metrics of one call.
const MAX_QUERIES: usize = 500;
/// Datapoints of one answer.
const MAX_DATAPOINTS: i64 = 100_800;

pub(super) fn get(metrics: &Metrics, call: &Call) -> Result<Answer, AwsError> {
    let queries = call.list("MetricDataQueries");
    if queries.is_empty() {
        return Err(super::missing("MetricDataQueries"));
    }
    if queries.len() > MAX_QUERIES {
        return Err(validation(
            "The collection MetricDataQueries must not have a size greater than 500.",
        ));
    }
    let mut ids = HashSet::new();
    if !queries.iter().all(|query| ids.insert(query["Id"].as_str())) {
        return Err(validation(
            "The values for parameter Id in MetricDataQueries are not unique.",
        ));
    }
    let span = span(call)?;
    let descending = call.text("ScanBy") != Some("TimestampAscending");
    let limit = call
        .int("MaxDatapoints")
        .unwrap_or(MAX_DATAPOINTS)
        .clamp(1, MAX_DATAPOINTS);
    let mut results = Vec::new();
    for query in queries {
        results.push(match query["Expression"].as_str() {
            Some(expression) => Some(quota(metrics, call, query, expression, span)?),
            None => one(metrics, call, query, span)?,
        });
    }
    let results: Vec<Series> = results.into_iter().flatten().collect();
    paged(
        results,
        call,
        descending,
        usize::try_from(limit).unwrap_or(usize::MAX),
    )
}

struct Series {
    id: String,
    label: String,
    points: Vec<(Millis, f64)>,
}

fn one(
    metrics: &Metrics,
    call: &Call,
    query: &Value,
    (start, end): (Millis, Millis),
) -> Result<Option<Series>, AwsError> {
    let id = query["Id"].as_str().unwrap_or_default();
    if !id.starts_with(|c: char| c.is_ascii_lowercase())
        || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    {
        return Err(validation(format!(
            "The value {id} for parameter Id must start with a lowercase letter and hold only letters, digits and underscores."
        )));
    }
    let Some(wanted) = query.get("MetricStat").filter(|m| m.is_object()) else {
        return Err(validation(format!(
            "Error in expression '{id}': this simulation answers metrics, not expressions."
        )));
    };
    let key = key(&call.region, &wanted["Metric"]);
    if key.name.is_empty() || key.namespace.is_empty() {
        return Err(invalid(
            "The parameters Namespace and MetricName are required.",
        ));
    }
    let window = Window {
        start,
        end,
        period: period(wanted.get("Period"))?,
    };
    let stat = stat(wanted["Stat"].as_str().unwrap_or_default())?;
    let points = metrics
        .find(&key)
        .map(|series| metrics.read(series, window, stat, call.now))
        .unwrap_or_default();
    let label = query["Label"].as_str().unwrap_or(&key.name).to_owned();
    let shown = query["ReturnData"]
        .as_bool()
        .or_else(|| query["ReturnData"].as_str().map(|t| t == "true"))
        .unwrap_or(true);
    Ok(shown.then(|| Series {
        id: id.to_owned(),
        label,
        points,
    }))
}

/// The one function of metric math that is known here: `SERVICE_QUOTA` of another query of the call that names a metric
/// of usage (CloudWatch User Guide, "Using metric math"); a point for each of that metric's.
fn quota(
    metrics: &Metrics,
    call: &Call,
    query: &Value,
    expression: &str,
    span: (Millis, Millis),
) -> Result<Series, AwsError> {
    let id = query["Id"].as_str().unwrap_or_default();
    let unknown = || {
        validation(format!(
            "Error in expression '{id}': this simulation knows SERVICE_QUOTA of a metric of usage, not {expression}."
        ))
    };
    let of = expression.trim().strip_prefix("SERVICE_QUOTA(");
    let of = of
        .and_then(|rest| rest.strip_suffix(')'))
        .ok_or_else(unknown)?;
    let used = call.list("MetricDataQueries").iter();
    let used = used.clone().find(|q| q["Id"].as_str() == Some(of.trim()));
    let used = used
        .filter(|q| q["MetricStat"].is_object())
        .ok_or_else(unknown)?;
    let key = key(&call.region, &used["MetricStat"]["Metric"]);
    if key.namespace != "AWS/Usage" {
        return Err(unknown());
    }
    let quota = metrics.find(&key).and_then(|series| metrics.quota(series));
    let shown = json!({"Id": id, "MetricStat": used["MetricStat"]});
    let points = one(metrics, call, &shown, span)?.map_or_else(Vec::new, |used| used.points);
    let points = points.into_iter().filter_map(|(at, _)| Some((at, quota?)));
    Ok(Series {
        id: id.to_owned(),
        label: query["Label"].as_str().unwrap_or(expression).to_owned(),
        points: points.collect(),
    })
}

/// The results of a page: as many points as fit, in the order of the queries, the rest behind a token.
fn paged(
    results: Vec<Series>,
    call: &Call,
    descending: bool,
    limit: usize,
) -> Result<Answer, AwsError> {
    let total: usize = results.iter().map(|r| r.points.len()).sum();
    let start = start("data", call.text("NextToken"))
        .ok_or_else(bad_token)?
        .min(total);
    let end = start.saturating_add(limit).min(total);
    let next = (end < total).then(|| token_at("data", end));
    let (mut out, mut at) = (Vec::with_capacity(results.len()), 0);
    for mut r in results {
        if descending {
            r.points.reverse();
        }
        let n = r.points.len();
        let (from, to) = (start.clamp(at, at + n) - at, end.clamp(at, at + n) - at);
        let shown = &r.points[from..to];
        let status = if at + n <= end {
            "Complete"
        } else {
            "PartialData"
        };
        at += n;
        let stamps: Vec<Value> = shown
            .iter()
            .map(|(t, _)| Value::from(t.epoch_seconds()))
            .collect();
        let values: Vec<Value> = shown.iter().map(|(_, v)| Value::from(*v)).collect();
        out.push(json!({"Id": r.id, "Label": r.label, "StatusCode": status}));
        if let Some(Value::Object(map)) = out.last_mut() {
            map.insert("Timestamps".into(), Value::Array(stamps));
            map.insert("Values".into(), Value::Array(values));
        }
    }
    let mut body = json!({"NextToken": next, "Messages": []});
    body["MetricDataResults"] = Value::Array(out);
    Ok(body.into())
}
