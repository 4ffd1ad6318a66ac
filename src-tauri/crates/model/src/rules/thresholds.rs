//! Every limit of the health and cause rules, with its default; the stack file's `[thresholds]`
//! overrides them by name. Defaults are from practice, not from a standard.

use serde::Serialize;
use std::collections::BTreeMap;

macro_rules! thresholds {
    ($($(#[$doc:meta])* $name:ident = $default:literal,)*) => {
        /// The limits of the rules.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        pub struct Thresholds { $($(#[$doc])* pub $name: f64,)* }

        impl Default for Thresholds {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Thresholds {
            /// Every name, as in the stack file.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];

            fn set(&mut self, name: &str, value: f64) -> bool {
                match name {
                    $(stringify!($name) => self.$name = value,)*
                    _ => return false,
                }
                true
            }
        }
    };
}

thresholds! {
    /// Distribution: 5xx share that is abnormal, percent.
    edge_5xx_warning_percent = 1.0,
    /// Distribution: 5xx share that is failing, percent.
    edge_5xx_critical_percent = 5.0,
    /// Distribution: 4xx share that is abnormal, percent.
    edge_4xx_warning_percent = 20.0,
    /// Balancer: share of requests the targets fail that is abnormal, percent.
    target_5xx_warning_percent = 1.0,
    /// Balancer: share of requests the targets fail that is failing, percent.
    target_5xx_critical_percent = 5.0,
    /// Balancer: share of requests the balancer itself fails that is abnormal, percent.
    elb_5xx_warning_percent = 1.0,
    /// Balancer: share of requests the balancer itself fails that is failing, percent.
    elb_5xx_critical_percent = 5.0,
    /// Balancer: p99 of the targets' response time that is abnormal, milliseconds.
    latency_p99_warning_ms = 2_000.0,
    /// Balancer: requests per second below which shares of them say nothing.
    quiet_requests_per_second = 0.05,
    /// Target group: unhealthy share from which it is failing, percent.
    targets_critical_percent = 50.0,
    /// Target group: unhealthy share below which it is not worth a warning, percent.
    targets_noise_percent = 2.0,
    /// Pod: pending this long is abnormal, seconds.
    pod_pending_seconds = 60.0,
    /// Pod: running but not ready this long is abnormal, seconds.
    pod_unready_seconds = 60.0,
    /// Pod: restarts from which a recent one is worth a warning.
    pod_restarts = 3.0,
    /// Workload: unavailable share from which it is failing, percent.
    replicas_critical_percent = 50.0,
    /// Workload: unavailable share below which it is not worth a warning, percent.
    replicas_noise_percent = 2.0,
    /// Workload: how long the pods of a new revision may take to start, seconds.
    rollout_young_seconds = 300.0,
    /// Workload: recent restarts of its pods from which it is abnormal.
    workload_restarts = 5.0,
    /// Workload: share of its pods that restarted lately from which that is abnormal, percent.
    workload_restarts_percent = 10.0,
    /// Cluster: nodes not ready from which it is failing, percent.
    nodes_critical_percent = 25.0,
    /// Cluster: API server answer that is slow, milliseconds.
    api_latency_warning_ms = 3_000.0,
    /// Aurora: replica lag that is abnormal, milliseconds.
    replica_lag_warning_ms = 1_000.0,
    /// Aurora: replica lag that is failing, milliseconds.
    replica_lag_critical_ms = 5_000.0,
    /// Aurora: writer CPU that is abnormal, percent.
    writer_cpu_percent = 90.0,
    /// Queue: age of the oldest message that is abnormal, seconds.
    queue_age_warning_seconds = 300.0,
    /// Queue: age of the oldest message that is failing, seconds.
    queue_age_critical_seconds = 1_800.0,
    /// Queue: messages below which a backlog that does not drain is not worth a warning.
    queue_backlog_messages = 500.0,
    /// Queue: share of the in-flight limit (120,000, FIFO 20,000) that is abnormal, percent.
    queue_in_flight_percent = 80.0,
    /// Queue: share of the retention at which messages are about to be lost, percent.
    queue_expiry_percent = 80.0,
    /// Dead-letter queue: arrivals within this many seconds mean that it grows.
    dlq_growing_seconds = 300.0,
    /// Function: error share that is abnormal, percent.
    function_errors_warning_percent = 5.0,
    /// Function: error share that is failing, percent.
    function_errors_critical_percent = 20.0,
    /// Cause: independent systems that must be abnormal in one zone.
    az_fault_systems = 3.0,
    /// Cause: how long after a revision its first failures may come, seconds.
    revision_blame_seconds = 1_800.0,
}

/// A `[thresholds]` entry that is not one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ThresholdError {
    /// No limit has this name.
    #[error("There is no threshold {name:?}; the names are {}.", Thresholds::NAMES.join(", "))]
    Unknown {
        /// What was written.
        name: String,
    },
    /// Not a number a limit can be.
    #[error("The threshold {name} is {value}; it must be a number of at least 0.")]
    Value {
        /// Which.
        name: String,
        /// What was written.
        value: f64,
    },
}

impl Thresholds {
    /// The defaults with the stack file's overrides.
    ///
    /// # Errors
    /// When a name is not one of [`Thresholds::NAMES`], or a value is negative or no number.
    pub fn from_overrides(overrides: &BTreeMap<String, f64>) -> Result<Self, ThresholdError> {
        let mut limits = Self::default();
        for (name, value) in overrides {
            let (name, value) = (name.clone(), *value);
            if !(value.is_finite() && value >= 0.0) {
                return Err(ThresholdError::Value { name, value });
            }
            if !limits.set(&name, value) {
                return Err(ThresholdError::Unknown { name });
            }
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_change_what_they_name_and_refuse_what_is_unknown() {
        let one = |name: &str, value| {
            Thresholds::from_overrides(&BTreeMap::from([(name.to_owned(), value)]))
        };
        let limits = one("writer_cpu_percent", 80.0).expect("a known name");
        assert_eq!(limits.writer_cpu_percent, 80.0);
        assert_eq!(limits.pod_restarts, Thresholds::default().pod_restarts);
        let sentence = one("cpu", 1.0).expect_err("an unknown name").to_string();
        assert!(
            sentence.starts_with("There is no threshold \"cpu\""),
            "{sentence}"
        );
        assert!(one("writer_cpu_percent", f64::NAN).is_err());
        assert!(one("writer_cpu_percent", -1.0).is_err());
    }
}
