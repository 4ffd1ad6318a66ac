//! Makes the alarms of a region.

use crate::clock::Millis;
use crate::world::SIMULATED_ACCOUNT as ACCOUNT;
use crate::world::alarm::{Alarm, AlarmState, Missing};
use crate::world::metric::MetricKey;
use crate::world::region::Region;

const DAY: i64 = 86_400;

/// The alarms of a region.
pub(super) fn alarms(region: &Region, now: Millis) -> Vec<Alarm> {
    let mut out = Vec::new();
    let place = region.name();
    for b in &region.balancers {
        let lb = b.arn.split_once(":loadbalancer/").map_or("", |(_, d)| d);
        let key = |metric: &str| {
            MetricKey::new(place, "AWS/ApplicationELB", metric, &[("LoadBalancer", lb)])
        };
        out.push(alarm(
            format!("{}-target-5xx", b.name),
            "Errors answered by the targets",
            key("HTTPCode_Target_5XX_Count"),
            "Sum",
            120.0,
            3,
            now,
        ));
        out.push(alarm(
            format!("{}-elb-5xx", b.name),
            "Errors answered by the load balancer",
            key("HTTPCode_ELB_5XX_Count"),
            "Sum",
            60.0,
            3,
            now,
        ));
        let mut slow = alarm(
            format!("{}-p99", b.name),
            "Slowest percent of answers",
            key("TargetResponseTime"),
            "p99",
            1.5,
            3,
            now,
        );
        slow.missing = Missing::Missing;
        out.push(slow);
    }
    for q in region.queues.values() {
        let key =
            |metric: &str| MetricKey::new(place, "AWS/SQS", metric, &[("QueueName", &q.name)]);
        if q.redrive.is_some() {
            out.push(alarm(
                format!("{}-age", q.name),
                "Messages wait",
                key("ApproximateAgeOfOldestMessage"),
                "Maximum",
                300.0,
                3,
                now,
            ));
        } else {
            out.push(alarm(
                format!("{}-not-empty", q.name),
                "Undeliverable messages",
                key("ApproximateNumberOfMessagesVisible"),
                "Maximum",
                0.0,
                1,
                now,
            ));
        }
    }
    for d in &region.databases {
        let key = MetricKey::new(
            place,
            "AWS/RDS",
            "AuroraReplicaLagMaximum",
            &[("DBClusterIdentifier", &d.name)],
        );
        out.push(alarm(
            format!("{}-replica-lag", d.name),
            "A reader is behind",
            key,
            "Maximum",
            1000.0,
            2,
            now,
        ));
    }
    for f in &region.functions {
        let key = MetricKey::new(place, "AWS/Lambda", "Errors", &[("FunctionName", &f.name)]);
        out.push(alarm(
            format!("{}-errors", f.name),
            "Failing executions",
            key,
            "Sum",
            25.0,
            2,
            now,
        ));
    }
    out
}

fn alarm(
    name: String,
    description: &str,
    metric: MetricKey,
    stat: &'static str,
    threshold: f64,
    periods: i64,
    now: Millis,
) -> Alarm {
    let action = format!("arn:aws:sns:{}:{ACCOUNT}:on-call", metric.region);
    Alarm {
        name,
        description: description.into(),
        metric,
        stat,
        period: 60,
        periods,
        datapoints: periods,
        threshold,
        below: false,
        missing: Missing::NotBreaching,
        state: AlarmState::Ok,
        reason: "Unchecked: Initial alarm creation".into(),
        changed: now.plus_seconds(-12 * DAY),
        configured: now.plus_seconds(-120 * DAY),
        action,
    }
}
