//! What a run needs of its confirmed plan, read once.

use super::calls::{CANARY, FULL, START};
use super::task::Part;
use crate::course::Call;
use crate::plan::{ApiCall, Plan};
use crate::redrive::settings::Settings;
use serde_json::Value;

/// A run's fixed terms.
#[derive(Clone, Debug)]
pub(crate) struct Brief {
    pub(crate) name: String,
    pub(crate) source_arn: String,
    pub(crate) source_url: String,
    pub(crate) destination_arn: Option<String>,
    /// The one destination's URL, where there is one.
    pub(crate) destination_url: Option<String>,
    pub(crate) to: String,
    /// Messages of the canary; `None` when it runs as one task.
    pub(crate) canary: Option<i64>,
    /// Seconds after which a message that fails again is back.
    pub(crate) return_seconds: f64,
    calls: Vec<ApiCall>,
}

impl Brief {
    pub(crate) fn new(plan: &Plan) -> Self {
        let text = |name: &str| {
            plan.before
                .get(name)
                .and_then(Value::as_str)
                .map(ToOwned::to_owned)
        };
        let start = start_of(&plan.calls, FULL);
        let parameter = |name: &str| {
            let value = start.and_then(|call| call.parameters.get(name));
            value.and_then(Value::as_str).map(ToOwned::to_owned)
        };
        let source_arn = parameter("SourceArn").unwrap_or_default();
        let destination_arn = parameter("DestinationArn");
        let canary = Settings::parse(&plan.settings).ok().and_then(|s| s.canary);
        Self {
            name: plan.name.clone(),
            source_url: text("dlq_url").unwrap_or_else(|| url(&source_arn)),
            destination_url: destination_arn
                .as_ref()
                .map(|arn| text("destination_url").unwrap_or_else(|| url(arn))),
            to: destination_arn.as_deref().map_or_else(
                || "its source queues".to_owned(),
                |arn| arn.rsplit(':').next().unwrap_or(arn).to_owned(),
            ),
            source_arn,
            destination_arn,
            canary: canary.filter(|_| start_of(&plan.calls, CANARY).is_some()),
            return_seconds: plan
                .before
                .get("return_seconds")
                .and_then(Value::as_f64)
                .unwrap_or(60.0),
            calls: plan.calls.clone(),
        }
    }

    /// The start call of a part, exactly as it was planned.
    pub(crate) fn start(&self, part: Part, saw: Value) -> Call {
        let planned = start_of(&self.calls, part.as_str());
        Call {
            step: part.as_str().to_owned(),
            operation: START.to_owned(),
            parameters: planned
                .map(|call| call.parameters.clone())
                .unwrap_or_default(),
            saw,
        }
    }

    /// The rate of a part's task.
    pub(crate) fn rate(&self, part: Part) -> i32 {
        let planned = start_of(&self.calls, part.as_str());
        let rate = planned.and_then(|call| call.parameters.get("MaxNumberOfMessagesPerSecond"));
        let rate = rate
            .and_then(Value::as_i64)
            .and_then(|rate| i32::try_from(rate).ok());
        rate.unwrap_or(0)
    }
}

fn start_of<'a>(calls: &'a [ApiCall], step: &str) -> Option<&'a ApiCall> {
    calls
        .iter()
        .find(|call| call.step == step && call.operation == START)
}

/// `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`, where the queue's URL was not read.
fn url(arn: &str) -> String {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        [_, _, _, region, account, name] => {
            format!("https://sqs.{region}.amazonaws.com/{account}/{name}")
        }
        _ => arn.to_owned(),
    }
}
