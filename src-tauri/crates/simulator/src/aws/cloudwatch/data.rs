//! GetMetricData: batches of metrics, ScanBy, paging by datapoints. API reference, GetMetricData.

use serde_json::{Value, json};

use super::{bad_token, invalid, key, period, span, stat, validation};
use crate::aws::error::AwsError;
use crate::aws::page::page;
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
    let span = span(call)?;
    let descending = call.text("ScanBy") != Some("TimestampAscending");
    let limit = call
        .int("MaxDatapoints")
        .unwrap_or(MAX_DATAPOINTS)
        .clamp(1, MAX_DATAPOINTS);
    let mut results = Vec::new();
    for query in queries {
        results.push(one(metrics, call, query, span)?);
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

/// The results of a page: as many whole points as fit, the rest behind a token.
fn paged(
    results: Vec<Series>,
    call: &Call,
    descending: bool,
    limit: usize,
) -> Result<Answer, AwsError> {
    let flat: Vec<(usize, (Millis, f64))> = results
        .iter()
        .enumerate()
        .flat_map(|(n, r)| {
            let mut points = r.points.clone();
            if descending {
                points.reverse();
            }
            points.into_iter().map(move |p| (n, p))
        })
        .collect();
    let page = page("data", flat, call.text("NextToken"), limit).ok_or_else(bad_token)?;
    let last = page
        .items
        .last()
        .map(|(n, _)| *n)
        .filter(|_| page.next.is_some());
    let mut out: Vec<Value> = results
        .iter()
        .enumerate()
        .map(|(n, r)| {
            let complete = last.is_none_or(|last| n < last);
            let status = if complete { "Complete" } else { "PartialData" };
            json!({"Id": r.id, "Label": r.label, "Timestamps": [], "Values": [], "StatusCode": status})
        })
        .collect();
    for (n, (at, value)) in page.items {
        if let Some(list) = out[n]["Timestamps"].as_array_mut() {
            list.push(json!(at.epoch_seconds()));
        }
        if let Some(list) = out[n]["Values"].as_array_mut() {
            list.push(json!(value));
        }
    }
    Ok(json!({"MetricDataResults": out, "NextToken": page.next, "Messages": []}).into())
}
