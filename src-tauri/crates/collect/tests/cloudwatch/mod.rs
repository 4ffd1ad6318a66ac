//! CloudWatch speaks Smithy RPC v2 CBOR to this SDK: maps, with times as tag 1.

use super::{known, nothing, read, unexpected, without_time};
use crate::wire::{Answer, Request};
use ciborium::Value;

/// The newest minute that had ended at the server's `Date` (02:47:17).
const MINUTE: i64 = 1_795_315_560;

fn cbor(value: &Value) -> Answer {
    let mut body = Vec::new();
    ciborium::into_writer(value, &mut body).unwrap();
    Answer::Http(200, "application/cbor", body)
}

fn map(entries: Vec<(&str, Value)>) -> Value {
    Value::Map(entries.into_iter().map(|(k, v)| (text(k), v)).collect())
}

fn time(seconds: i64) -> Value {
    Value::Tag(1, Box::new(Value::Float(seconds as f64)))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn get<'v>(value: &'v Value, key: &str) -> &'v Value {
    let entries = value.as_map().expect("a map");
    let found = entries.iter().find(|(k, _)| k.as_text() == Some(key));
    &found.unwrap_or_else(|| panic!("{key} in {value:?}")).1
}

/// One metric that a request asks for.
struct Asked {
    id: String,
    metric: String,
    stat: String,
    period: i64,
    dimensions: Vec<(String, String)>,
}

fn asked(request: &Request) -> Vec<Asked> {
    let body: Value = ciborium::from_reader(&request.raw[..]).expect("CBOR");
    let text = |value: &Value, key: &str| get(value, key).as_text().expect("text").to_owned();
    let queries = get(&body, "MetricDataQueries")
        .as_array()
        .expect("queries")
        .iter();
    queries
        .map(|query| {
            let stat = get(query, "MetricStat");
            let metric = get(stat, "Metric");
            let dimensions = get(metric, "Dimensions")
                .as_array()
                .expect("dimensions")
                .iter();
            Asked {
                id: text(query, "Id"),
                metric: text(metric, "MetricName"),
                stat: text(stat, "Stat"),
                period: i128::from(get(stat, "Period").as_integer().expect("a period")) as i64,
                dimensions: dimensions
                    .map(|d| (text(d, "Name"), text(d, "Value")))
                    .collect(),
            }
        })
        .collect()
}

/// Answers every metric with these `(start, value)` points, newest first as servers may.
fn metrics(request: &Request, points: impl Fn(&Asked) -> Vec<(i64, f64)>) -> Answer {
    let results = asked(request)
        .iter()
        .map(|asked| {
            let mut points = points(asked);
            points.sort_by_key(|(start, _)| std::cmp::Reverse(*start));
            let (times, values) = points
                .into_iter()
                .map(|(start, value)| (time(start), Value::Float(value)))
                .unzip();
            map(vec![
                ("Id", text(&asked.id)),
                ("StatusCode", text("Complete")),
                ("Timestamps", Value::Array(times)),
                ("Values", Value::Array(values)),
            ])
        })
        .collect();
    cbor(&map(vec![("MetricDataResults", Value::Array(results))]))
}

#[tokio::test]
async fn balancer_metrics() {
    let answer = |request: &Request| {
        metrics(request, |asked| {
            let zone = asked
                .dimensions
                .iter()
                .any(|(name, _)| name == "AvailabilityZone");
            match (asked.metric.as_str(), asked.stat.as_str()) {
                ("RequestCount", _) => {
                    let count = if zone { 600.0 } else { 1800.0 };
                    vec![(MINUTE - 60, count), (MINUTE, count), (MINUTE + 60, 7.0)]
                }
                ("HTTPCode_Target_5XX_Count", _) => vec![(MINUTE, 18.0)],
                ("TargetResponseTime", "p50") => vec![(MINUTE, 0.0213)],
                ("TargetResponseTime", "p99") => vec![(MINUTE, 0.48)],
                _ => Vec::new(),
            }
        })
    };
    insta::assert_snapshot!(read("cloudwatch/balancer-metrics", answer, known).await);
}

#[tokio::test]
async fn queue_metrics_look_back_for_the_first_dead_letter() {
    // The dead-letter queue has held messages for longer than the three hours shown.
    let hour = MINUTE.div_euclid(3600) * 3600 - 5 * 3600;
    let answer = move |request: &Request| {
        metrics(request, |asked| {
            match (asked.metric.as_str(), asked.stat.as_str(), asked.period) {
                ("ApproximateAgeOfOldestMessage", ..) => vec![(MINUTE, 17_000.0)],
                ("ApproximateNumberOfMessagesVisible", "Minimum", 3600) => {
                    let since = (1..6).map(|n| (hour + n * 3600, 3.0));
                    [(hour - 3600, 0.0), (hour, 0.0)]
                        .into_iter()
                        .chain(since)
                        .collect()
                }
                ("ApproximateNumberOfMessagesVisible", "Maximum", 60)
                    if request.line.contains("GetMetricData") && asked_alone(request) =>
                {
                    vec![(hour + 600, 0.0), (hour + 660, 1.0), (hour + 720, 3.0)]
                }
                ("ApproximateNumberOfMessagesVisible", ..) => {
                    (0..18).map(|n| (MINUTE - 600 * n, 3.0)).collect()
                }
                _ => Vec::new(),
            }
        })
    };
    insta::assert_snapshot!(read("cloudwatch/queue-metrics", answer, known).await);
}

/// CloudWatch has no points of a queue that was inactive, and begins up to fifteen minutes late:
/// the age of the oldest message knows better.
#[tokio::test]
async fn the_first_message_of_a_silent_queue_is_as_old_as_its_first_point_or_the_oldest_message() {
    let first = async |age: Option<f64>| {
        let answer = move |request: &Request| {
            metrics(request, |asked| match asked.metric.as_str() {
                "ApproximateNumberOfMessagesVisible" if asked.period == 60 => {
                    (0..3).map(|n| (MINUTE - 600 * n, 4.0)).collect()
                }
                "ApproximateAgeOfOldestMessage" => {
                    age.map(|age| (MINUTE, age)).into_iter().collect()
                }
                _ => Vec::new(),
            })
        };
        let found = read("cloudwatch/queue-metrics", answer, known).await;
        let line = found.lines().find(|line| line.contains("first_message_at"));
        line.map(|line| line.trim().to_owned()).unwrap_or(found)
    };
    assert!(first(None).await.contains("T02:26:00"));
    assert!(first(Some(1150.0)).await.contains("T02:26:00"));
    assert!(first(Some(1800.0)).await.contains("T02:17:00"));
}

fn asked_alone(request: &Request) -> bool {
    asked(request).len() == 1
}

#[tokio::test]
async fn database_function_and_edge_metrics() {
    let answer = |request: &Request| {
        metrics(request, |asked| match asked.metric.as_str() {
            "FreeableMemory" => vec![(MINUTE, 8_589_934_592.0)],
            "Invocations" => vec![(MINUTE - 60, 60.0), (MINUTE, 120.0)],
            "Errors" => vec![(MINUTE, 6.0)],
            "HealthCheckStatus" => vec![(MINUTE - 60, 0.0), (MINUTE, 1.0)],
            "CacheHitRate" | "OriginLatency" => Vec::new(),
            _ => vec![(MINUTE, 12.3456)],
        })
    };
    for part in ["database-metrics", "function-metrics", "edge-metrics"] {
        let found = read(&format!("cloudwatch/{part}"), answer, known).await;
        insta::assert_snapshot!(part, found);
    }
}

/// The quota comes by an expression over the usage; both are said of the groups that buy of it.
#[tokio::test]
async fn vcpu_quotas() {
    let answer = |request: &Request| {
        let body: Value = ciborium::from_reader(&request.raw[..]).expect("CBOR");
        let queries = get(&body, "MetricDataQueries").as_array().expect("queries");
        assert_eq!(get(&queries[1], "Expression"), &text("SERVICE_QUOTA(m0)"));
        let spot = request.raw.windows(4).any(|bytes| bytes == b"Spot");
        let series = |id: &str, values: [f64; 2]| {
            let times = [time(MINUTE), time(MINUTE - 60)];
            map(vec![
                ("Id", text(id)),
                ("StatusCode", text("Complete")),
                ("Timestamps", Value::Array(times.into())),
                ("Values", Value::Array(values.map(Value::Float).into())),
            ])
        };
        let quota = if spot {
            [640.0, 640.0]
        } else {
            [1152.0, 1024.0]
        };
        let used = series("m0", [if spot { 64.0 } else { 808.0 }, 700.0]);
        let results = Value::Array(vec![used, series("m1", quota)]);
        cbor(&map(vec![("MetricDataResults", results)]))
    };
    insta::assert_snapshot!(read("cloudwatch/vcpu-quotas", answer, known).await);
}

#[tokio::test]
async fn nothing_known_asks_nothing() {
    let found = read("cloudwatch/queue-metrics", unexpected, nothing).await;
    assert_eq!(found, "0 requests, 0 skipped\n");
}

/// A stack without us-east-1 still hears of the alarms that can only be there.
#[tokio::test]
async fn alarms_on_global_services_are_read_where_no_region_would() {
    let answer = |request: &Request| match request.operation.as_str() {
        "GetMetricData" => metrics(request, |_| Vec::new()),
        _ => all_alarms(request),
    };
    let url = crate::wire::serve(answer).await;
    let (mut global, regional) = crate::wire::sessions(&url).await;
    let known = known(&global, &regional);
    let edge = super::collector("cloudwatch/edge-metrics");
    let covered = edge.collect(&global, &known).await;
    assert_eq!(covered.outcome.expect("succeeds").len(), 0);
    global.covered = false;
    let found = edge
        .collect(&global, &known)
        .await
        .outcome
        .expect("succeeds");
    let lines = crate::wire::lines(&found);
    assert!(
        lines.starts_with("alarm/111122223333/us-east-1/edge-5xx Read"),
        "{lines}"
    );
    assert!(
        lines.contains("Watches -> Id(distribution/111122223333/global/E1)"),
        "{lines}"
    );
    assert_eq!(found.len(), 1, "{lines}");
}

#[tokio::test]
async fn alarms() {
    let found = read("cloudwatch/alarms", all_alarms, nothing).await;
    insta::assert_snapshot!(without_time(&found));
}

fn all_alarms(request: &Request) -> Answer {
    match request.operation.as_str() {
        "DescribeAlarms" => cbor(&map(vec![
            (
                "MetricAlarms",
                Value::Array(vec![
                    map(vec![
                        ("AlarmName", text("orders-age")),
                        (
                            "AlarmArn",
                            text("arn:aws:cloudwatch:us-east-1:111122223333:alarm:orders-age"),
                        ),
                        ("StateValue", text("ALARM")),
                        ("StateReason", text("Threshold Crossed: 3 datapoints")),
                        ("StateTransitionedTimestamp", time(MINUTE - 300)),
                        ("ActionsEnabled", Value::Bool(true)),
                        ("Namespace", text("AWS/SQS")),
                        ("MetricName", text("ApproximateAgeOfOldestMessage")),
                        ("Statistic", text("Maximum")),
                        ("ComparisonOperator", text("GreaterThanOrEqualToThreshold")),
                        ("Threshold", Value::Float(300.0)),
                        ("EvaluationPeriods", Value::from(5)),
                        ("DatapointsToAlarm", Value::from(3)),
                        ("Period", Value::from(60)),
                        (
                            "Dimensions",
                            Value::Array(vec![dimension("QueueName", "orders")]),
                        ),
                    ]),
                    map(vec![
                        ("AlarmName", text("api-5xx")),
                        ("StateValue", text("INSUFFICIENT_DATA")),
                        ("StateUpdatedTimestamp", time(1_700_000_000)),
                        ("ComparisonOperator", text("GreaterThanThreshold")),
                        (
                            "Dimensions",
                            Value::Array(vec![
                                dimension("LoadBalancer", "app/api/1"),
                                dimension("AvailabilityZone", "us-east-1a"),
                            ]),
                        ),
                    ]),
                    map(vec![("StateValue", text("OK"))]),
                    map(vec![
                        ("AlarmName", text("edge-5xx")),
                        ("StateValue", text("OK")),
                        ("Namespace", text("AWS/CloudFront")),
                        ("MetricName", text("5xxErrorRate")),
                        (
                            "Dimensions",
                            Value::Array(vec![
                                dimension("DistributionId", "E1"),
                                dimension("Region", "Global"),
                            ]),
                        ),
                    ]),
                ]),
            ),
            (
                "CompositeAlarms",
                Value::Array(vec![map(vec![
                    ("AlarmName", text("orders")),
                    (
                        "AlarmRule",
                        text("ALARM(\"orders-age\") OR ALARM(\"api-5xx\")"),
                    ),
                    ("StateValue", text("OK")),
                ])]),
            ),
        ])),
        _ => unexpected(request),
    }
}

fn dimension(name: &str, value: &str) -> Value {
    map(vec![("Name", text(name)), ("Value", text(value))])
}
