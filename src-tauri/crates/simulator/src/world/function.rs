//! Lambda: functions and the event source mappings that feed them from queues.
//!
//! States of a mapping are those of the service model of `lambda` 2015-03-31 (EventSourceMappingConfiguration).

use std::sync::Arc;

use crate::clock::Millis;
use crate::world::dice::Dice;
use crate::world::metric::{MetricKey, Metrics, SeriesId};
use crate::world::queue::{Message, Queue};

/// Concurrent executions of an account in a region.
pub const ACCOUNT_CONCURRENCY: u32 = 1000;

/// A function.
#[derive(Debug)]
pub struct Function {
    /// Name.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// Runtime.
    pub runtime: &'static str,
    /// MiB.
    pub memory: u32,
    /// Seconds.
    pub timeout: u32,
    /// When it last changed.
    pub modified: Millis,
    /// SHA-256 of the code, base64.
    pub code: String,
    /// Revision id.
    pub revision: String,
    /// Reserved concurrency.
    pub reserved: Option<u32>,
    /// Environment.
    pub env: Vec<(String, String)>,
    /// Median seconds of an execution.
    pub median: f64,
    /// Direct calls a second at the reference hour.
    pub direct: f64,
    /// Executions running now.
    pub running: f64,
    /// Calls refused since the metrics were last written.
    throttled: f64,
    series: FunctionSeries,
}

#[derive(Debug)]
struct FunctionSeries {
    invocations: SeriesId,
    errors: SeriesId,
    throttles: SeriesId,
    duration: SeriesId,
    concurrency: SeriesId,
}

impl Function {
    /// A function.
    pub fn new(
        region: &str,
        account: &str,
        name: &str,
        modified: Millis,
        metrics: &mut Metrics,
        dice: &mut Dice,
    ) -> Self {
        let mut series = |metric: &str, unit| {
            metrics.series(
                MetricKey::new(region, "AWS/Lambda", metric, &[("FunctionName", name)]),
                unit,
            )
        };
        let series = FunctionSeries {
            invocations: series("Invocations", "Count"),
            errors: series("Errors", "Count"),
            throttles: series("Throttles", "Count"),
            duration: series("Duration", "Milliseconds"),
            concurrency: series("ConcurrentExecutions", "Count"),
        };
        Self {
            name: name.into(),
            arn: format!("arn:aws:lambda:{region}:{account}:function:{name}"),
            runtime: dice.choose(&["nodejs22.x", "python3.13", "java21", "provided.al2023"]),
            memory: *dice.pick(&[256, 512, 1024]),
            timeout: 15,
            modified,
            code: format!("{}=", dice.lower(43)),
            revision: dice.uuid(),
            reserved: None,
            env: Vec::new(),
            median: 0.08 + 0.1 * dice.unit(),
            direct: 0.0,
            running: 0.0,
            throttled: 0.0,
            series,
        }
    }

    /// Writes what ran in a step: `calls` executions of which `errors` failed.
    pub fn record(&mut self, metrics: &mut Metrics, calls: f64, errors: f64, dt: f64) {
        self.running = calls * self.median / dt;
        let throttled = std::mem::take(&mut self.throttled);
        if calls <= 0.0 {
            if throttled > 0.0 {
                metrics.amount(self.series.throttles, throttled);
            }
            return;
        }
        metrics.count(self.series.invocations, calls);
        metrics.amount(self.series.errors, errors);
        metrics.amount(self.series.throttles, throttled);
        metrics.latency(self.series.duration, calls, self.median * 1000.0);
        metrics.sample(self.series.concurrency, self.running.ceil());
    }
}

/// State of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MappingState {
    /// Polling.
    Enabled,
    /// Not polling.
    Disabled,
    /// On the way to polling.
    Enabling,
    /// On the way to not polling.
    Disabling,
    /// Taking a new setting.
    Updating,
}

impl MappingState {
    /// Lambda's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::Enabling => "Enabling",
            Self::Disabling => "Disabling",
            Self::Updating => "Updating",
        }
    }

    /// True while another update is refused.
    #[must_use]
    pub fn is_moving(self) -> bool {
        matches!(self, Self::Enabling | Self::Disabling | Self::Updating)
    }
}

/// Batches a second that pollers still receive while the function is throttled.
const POLLS_WHILE_THROTTLED: f64 = 2.0;
/// Seconds a mapping takes to reach the state asked for.
pub const TRANSITION_SECONDS: i64 = 12;

/// An event source mapping from a queue to a function.
#[derive(Debug)]
pub struct Mapping {
    /// UUID.
    pub uuid: String,
    /// Queue ARN.
    pub queue: Arc<str>,
    /// Index of the function.
    pub function: usize,
    /// Messages per call.
    pub batch_size: u32,
    /// Seconds a batch is gathered.
    pub window: u32,
    /// Concurrent executions this mapping may use, 2..=1000.
    pub max_concurrency: Option<u32>,
    /// State now.
    pub state: MappingState,
    /// State after the transition.
    pub wanted: MappingState,
    /// End of the transition.
    pub settles: Millis,
    /// When it last changed.
    pub modified: Millis,
    /// Executions failing for their own reasons, share.
    pub error_rate: f64,
    /// CloudFormation stack that made it.
    pub stack: Option<String>,
    jobs: Vec<(u64, u32)>,
}

impl Mapping {
    /// A mapping that polls.
    #[must_use]
    pub fn new(uuid: String, queue: Arc<str>, function: usize, modified: Millis) -> Self {
        Self {
            uuid,
            queue,
            function,
            batch_size: 10,
            window: 0,
            max_concurrency: Some(20),
            state: MappingState::Enabled,
            wanted: MappingState::Enabled,
            settles: modified,
            modified,
            error_rate: 0.0004,
            stack: None,
            jobs: Vec::new(),
        }
    }

    /// Asks for a state; the mapping gets there after [`TRANSITION_SECONDS`].
    pub fn ask(&mut self, enabled: Option<bool>, now: Millis) {
        let (passing, wanted) = match (enabled, self.state) {
            (Some(true), MappingState::Disabled) => (MappingState::Enabling, MappingState::Enabled),
            (Some(false), MappingState::Enabled) => {
                (MappingState::Disabling, MappingState::Disabled)
            }
            _ => (MappingState::Updating, self.state),
        };
        self.state = passing;
        self.wanted = wanted;
        self.settles = now.plus_seconds(TRANSITION_SECONDS);
        self.modified = now;
    }

    /// One world second: finishes the calls of the last one, polls, calls. Returns calls, failed calls, dead messages.
    pub fn step(
        &mut self,
        queue: &mut Queue,
        function: &mut Function,
        dice: &mut Dice,
        now: Millis,
    ) -> (f64, f64, Vec<Message>) {
        if self.state.is_moving() && now >= self.settles {
            self.state = self.wanted;
        }
        for (slot, receives) in std::mem::take(&mut self.jobs) {
            queue.delete(slot, receives, now);
        }
        let polling = matches!(
            self.state,
            MappingState::Enabled | MappingState::Updating | MappingState::Disabling
        );
        if !polling {
            return (0.0, 0.0, Vec::new());
        }
        let a_second = |limit: u32| (f64::from(limit) / function.median).floor().min(400.0);
        let calls_possible = a_second(self.max_concurrency.unwrap_or(100)).max(1.0);
        // Beyond the function's own reservation a batch is received and refused: it comes back after its visibility
        // timeout, one delivery nearer to the dead-letter queue
        // (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>).
        let calls_allowed = function.reserved.map_or(f64::INFINITY, a_second);
        let mut refused = 0.0;
        let (mut calls, mut errors, mut dead) = (0.0, 0.0, Vec::new());
        while calls < calls_possible && queue.visible() > 0 {
            let got = queue.receive(self.batch_size as usize, queue.visibility_timeout, now);
            dead.extend(got.dead);
            if got.deliveries.is_empty() {
                break;
            }
            if calls >= calls_allowed {
                refused += 1.0;
                // The pollers back off.
                if refused >= POLLS_WHILE_THROTTLED {
                    break;
                }
                continue;
            }
            calls += 1.0;
            if dice.chance(self.error_rate) {
                errors += 1.0;
            } else {
                self.jobs
                    .extend(got.deliveries.iter().map(|d| (d.slot, d.message.receives)));
            }
        }
        function.throttled += refused;
        (calls, errors, dead)
    }
}
