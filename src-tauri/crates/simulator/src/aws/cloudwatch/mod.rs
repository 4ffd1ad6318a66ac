//! CloudWatch. Service model `cloudwatch` 2010-08-01, in three protocols: CBOR as the Rust crate speaks it, JSON and
//! the query protocol. Instants are epoch seconds in the plain values; the renderers know their keys.

mod alarms;
mod data;

use serde_json::{Value, json};

use super::error::AwsError;
use super::page::page;
use super::render::Answer;
use super::request::{Call, instant, int};
use crate::clock::Millis;
use crate::world::World;
use crate::world::metric::{MetricKey, Metrics, SeriesId, Stat, Window};

pub(super) fn handle(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    match call.operation.as_str() {
        "GetMetricData" => data::get(&world.metrics, call),
        "ListMetrics" => list(&world.metrics, call),
        "DescribeAlarms" => alarms::describe(&world.alarms, call),
        "GetMetricStatistics" => statistics(&world.metrics, call),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterValueException", message).query("InvalidParameterValue")
}

fn validation(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationError", message).query("ValidationError")
}

fn missing(name: &str) -> AwsError {
    let message = format!("The parameter {name} is required.");
    AwsError::new("MissingRequiredParameterException", message).query("MissingParameter")
}

fn bad_token() -> AwsError {
    AwsError::new("InvalidNextToken", "The next token is invalid.").query("InvalidNextToken")
}

/// The key of a metric named in a request.
fn key(region: &str, metric: &Value) -> MetricKey {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let pairs: Vec<(String, String)> = metric["Dimensions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|d| (text(&d["Name"]), text(&d["Value"])))
        .collect();
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    MetricKey::new(
        region,
        &text(&metric["Namespace"]),
        &text(&metric["MetricName"]),
        &pairs,
    )
}

fn stat(name: &str) -> Result<Stat, AwsError> {
    Stat::parse(name).ok_or_else(|| {
        invalid(format!(
            "The value {name} for parameter Stat is not supported."
        ))
    })
}

/// A period in seconds; high resolutions are read as a minute, the finest that exists here.
fn period(value: Option<&Value>) -> Result<i64, AwsError> {
    let seconds = value.and_then(int).unwrap_or(60);
    let legal = matches!(seconds, 1 | 5 | 10 | 20 | 30) || (seconds >= 60 && seconds % 60 == 0);
    if legal {
        Ok(seconds.max(60))
    } else {
        Err(invalid(
            "Period must be 1, 5, 10, 20, 30 or a multiple of 60",
        ))
    }
}

/// Start and end of a request.
fn span(call: &Call) -> Result<(Millis, Millis), AwsError> {
    let at = |name: &str| {
        call.input
            .get(name)
            .and_then(instant)
            .ok_or_else(|| missing(name))
    };
    let (start, end) = (at("StartTime")?, at("EndTime")?);
    if start >= end {
        return Err(validation(
            "The parameter StartTime must be less than the parameter EndTime.",
        ));
    }
    Ok((start, end))
}

fn metric_value(key: &MetricKey) -> Value {
    let dimensions: Vec<Value> = key
        .dimensions
        .iter()
        .map(|(n, v)| json!({"Name": n, "Value": v}))
        .collect();
    json!({"Namespace": key.namespace, "MetricName": key.name, "Dimensions": dimensions})
}

fn list(metrics: &Metrics, call: &Call) -> Result<Answer, AwsError> {
    let (namespace, name) = (call.text("Namespace"), call.text("MetricName"));
    let filters = call.list("Dimensions");
    let fits = |key: &MetricKey| {
        filters.iter().all(|f| {
            let (n, v) = (f["Name"].as_str().unwrap_or_default(), f["Value"].as_str());
            key.dimensions
                .iter()
                .any(|(dn, dv)| dn == n && v.is_none_or(|v| v == dv))
        })
    };
    let shown = |(key, id): &(&MetricKey, SeriesId)| {
        namespace.is_none_or(|n| n == key.namespace)
            && name.is_none_or(|n| n == key.name)
            && fits(key)
            && metrics.recently_active(*id, call.now)
    };
    let all: Vec<Value> = metrics
        .keys(&call.region)
        .filter(shown)
        .map(|(k, _)| metric_value(k))
        .collect();
    let page = page("metrics", all, call.text("NextToken"), 500).ok_or_else(bad_token)?;
    Ok(json!({"Metrics": page.items, "NextToken": page.next}).into())
}

fn statistics(metrics: &Metrics, call: &Call) -> Result<Answer, AwsError> {
    let (start, end) = span(call)?;
    let window = Window {
        start,
        end,
        period: period(call.input.get("Period"))?,
    };
    let (plain, extended) = (call.texts("Statistics"), call.texts("ExtendedStatistics"));
    if plain.is_empty() && extended.is_empty() {
        return Err(missing("Statistics"));
    }
    let name = call
        .text("MetricName")
        .ok_or_else(|| missing("MetricName"))?;
    let key = key(&call.region, &call.input);
    let mut points: Vec<Value> = Vec::new();
    if let Some(id) = metrics.find(&key) {
        for wanted in plain.iter().chain(&extended) {
            for (n, (at, value)) in metrics
                .read(id, window, stat(wanted)?, call.now)
                .into_iter()
                .enumerate()
            {
                if points.len() <= n {
                    points.push(json!({"Timestamp": at.epoch_seconds(), "Unit": metrics.unit(id)}));
                }
                if plain.contains(wanted) {
                    points[n][wanted] = json!(value);
                } else {
                    points[n]["ExtendedStatistics"][wanted] = json!(value);
                }
            }
        }
    }
    Ok(json!({"Label": name, "Datapoints": points}).into())
}
