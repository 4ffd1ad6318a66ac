//! Functions, mappings and alarms.

use super::*;

/// An alarm on a queue that is sent this many messages a second.
pub(super) fn silent_alarm(s: &mut Stage, state: &str) -> NodeId {
    let facts = [
        (AlarmState, state.into()),
        (AlarmStateSince, ago(60).into()),
    ];
    s.thing(Kind::Alarm, "orders-age", &facts)
}

pub(super) const FUNCTIONS: &[Row] = &[
    row(
        "function.errors",
        Critical,
        "settle fails 38 % of its invocations.",
        thing!(Function, "settle", ErrorsPercent = 38.0),
        thing!(Function, "settle", ErrorsPercent = 0.4),
    ),
    row(
        "function.throttled",
        Warning,
        "it uses all of its 50 reserved executions",
        thing!(
            Function,
            "settle",
            ThrottlesPerSecond = 2.0,
            ConcurrentExecutions = 50,
            ReservedConcurrency = 50
        ),
        thing!(Function, "settle", ThrottlesPerSecond = 0.0),
    ),
    row(
        "function.state",
        Critical,
        "settle is Failed: VpcNotFound.",
        thing!(
            Function,
            "settle",
            StateWord = "Failed",
            Reason = "VpcNotFound"
        ),
        thing!(Function, "settle", StateWord = "Active"),
    ),
    row(
        "mapping.disabled",
        Warning,
        "The mapping from orders to settle is Disabled: nothing is delivered.",
        thing!(
            Mapping,
            "m",
            StateWord = "Disabled",
            EventSource = "arn:aws:sqs:us-east-1:1:orders",
            FunctionName = "settle"
        ),
        thing!(Mapping, "m", StateWord = "Enabled"),
    ),
    row(
        "mapping.changing",
        InTransition,
        "is Enabling",
        thing!(Mapping, "m", StateWord = "Enabling"),
        thing!(Mapping, "m", StateWord = "Enabled"),
    ),
    row(
        "mapping.problem",
        Warning,
        "PROBLEM: Function call failed",
        thing!(
            Mapping,
            "m",
            StateWord = "Enabled",
            LastProcessingResult = "PROBLEM: Function call failed"
        ),
        thing!(
            Mapping,
            "m",
            StateWord = "Enabled",
            LastProcessingResult = "OK"
        ),
    ),
    row(
        "alarm.firing",
        Warning,
        "Alarm orders-age fires since 02:46:00.",
        |s| silent_alarm(s, "ALARM"),
        |s| silent_alarm(s, "OK"),
    ),
    row(
        "alarm.no-data",
        Unknown,
        "Alarm orders-age has no data since 02:46:00: what it watches is not known.",
        |s| silent_alarm(s, "INSUFFICIENT_DATA"),
        |s| silent_alarm(s, "OK"),
    ),
];
