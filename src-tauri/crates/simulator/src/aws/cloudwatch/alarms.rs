//! DescribeAlarms.

use serde_json::{Value, json};

use super::{bad_token, metric_value, validation};
use crate::aws::error::AwsError;
use crate::aws::page::page;
use crate::aws::render::Answer;
use crate::aws::request::Call;
use crate::world::SIMULATED_ACCOUNT;
use crate::world::alarm::{Alarm, Missing};

pub(super) fn describe(alarms: &[Alarm], call: &Call) -> Result<Answer, AwsError> {
    let (names, prefix, state) = (
        call.texts("AlarmNames"),
        call.text("AlarmNamePrefix"),
        call.text("StateValue"),
    );
    if !names.is_empty() && prefix.is_some() {
        return Err(validation(
            "AlarmNamePrefix and AlarmNames are mutually exclusive",
        ));
    }
    if let Some(state) = state.filter(|s| !["OK", "ALARM", "INSUFFICIENT_DATA"].contains(s)) {
        return Err(validation(format!(
            "1 validation error detected: Value '{state}' at 'stateValue' failed to satisfy constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"
        )));
    }
    let types = call.texts("AlarmTypes");
    let metric_alarms = types.is_empty() || types.iter().any(|t| t == "MetricAlarm");
    let size = match call.int("MaxRecords") {
        None => 50,
        Some(n) if (1..=100).contains(&n) => usize::try_from(n).unwrap_or(50),
        Some(n) => {
            return Err(validation(format!(
                "Value {n} at 'maxRecords' failed to satisfy constraint: between 1 and 100"
            )));
        }
    };
    let fits = |a: &&Alarm| {
        a.metric.region == call.region
            && metric_alarms
            && (names.is_empty() || names.contains(&a.name))
            && prefix.is_none_or(|p| a.name.starts_with(p))
            && state.is_none_or(|s| s == a.state.name())
    };
    let mut all: Vec<&Alarm> = alarms.iter().filter(fits).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let all = all.into_iter().map(value).collect();
    let page = page("alarms", all, call.text("NextToken"), size).ok_or_else(bad_token)?;
    Ok(json!({"CompositeAlarms": [], "MetricAlarms": page.items, "NextToken": page.next}).into())
}

fn value(a: &Alarm) -> Value {
    let percentile = a.stat.starts_with('p');
    let mut out = metric_value(&a.metric);
    let more = json!({
        "AlarmName": a.name, "AlarmDescription": a.description, "ActionsEnabled": true,
        "AlarmArn": format!("arn:aws:cloudwatch:{}:{SIMULATED_ACCOUNT}:alarm:{}", a.metric.region, a.name),
        "AlarmConfigurationUpdatedTimestamp": a.configured.epoch_seconds(),
        "OKActions": [], "AlarmActions": [a.action], "InsufficientDataActions": [],
        "StateValue": a.state.name(), "StateReason": a.reason,
        "StateUpdatedTimestamp": a.changed.epoch_seconds(), "StateTransitionedTimestamp": a.changed.epoch_seconds(),
        "Statistic": if percentile { Value::Null } else { json!(a.stat) },
        "ExtendedStatistic": if percentile { json!(a.stat) } else { Value::Null },
        "Period": a.period, "EvaluationPeriods": a.periods, "DatapointsToAlarm": a.datapoints, "Threshold": a.threshold,
        "ComparisonOperator": a.comparison(),
        "TreatMissingData": match a.missing { Missing::Missing => "missing", Missing::NotBreaching => "notBreaching" },
    });
    if let (Value::Object(out), Value::Object(more)) = (&mut out, more) {
        out.extend(more);
    }
    out
}
