//! CloudWatch alarms, evaluated each minute on the same points everyone reads.
//!
//! Evaluation after the CloudWatch User Guide, "Evaluating an alarm" and "Configuring how alarms treat missing data".

use crate::clock::Millis;
use crate::world::metric::{MetricKey, Metrics, Stat, Window};

/// State of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmState {
    /// Within its threshold.
    Ok,
    /// Beyond it.
    Alarm,
    /// Not enough data.
    Insufficient,
}

impl AlarmState {
    /// CloudWatch's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::Insufficient => "INSUFFICIENT_DATA",
        }
    }
}

/// What a missing point counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Nothing.
    Missing,
    /// Within the threshold.
    NotBreaching,
}

/// An alarm on one metric.
#[derive(Debug)]
pub struct Alarm {
    /// Name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// Metric.
    pub metric: MetricKey,
    /// Statistic as CloudWatch names it.
    pub stat: &'static str,
    /// Seconds.
    pub period: i64,
    /// Periods looked at.
    pub periods: i64,
    /// Of which so many must breach.
    pub datapoints: i64,
    /// Threshold.
    pub threshold: f64,
    /// Breaches from below; otherwise from above. Both strict for above, strict for below.
    pub below: bool,
    /// Missing points.
    pub missing: Missing,
    /// State.
    pub state: AlarmState,
    /// Why.
    pub reason: String,
    /// When the state last changed.
    pub changed: Millis,
    /// When it was configured.
    pub configured: Millis,
    /// Action.
    pub action: String,
}

impl Alarm {
    /// CloudWatch's name of the comparison.
    #[must_use]
    pub fn comparison(&self) -> &'static str {
        if self.below {
            "LessThanThreshold"
        } else {
            "GreaterThanThreshold"
        }
    }

    /// Looks at the last periods and takes the state they give.
    pub fn evaluate(&mut self, metrics: &Metrics, now: Millis) {
        let Some(stat) = Stat::parse(self.stat) else {
            return;
        };
        let span = self.period * (self.periods + 1) + super::metric::LAG_SECONDS;
        let window = Window {
            start: now.plus_seconds(-span),
            end: now,
            period: self.period,
        };
        let points = metrics
            .find(&self.metric)
            .map(|id| metrics.read(id, window, stat, now))
            .unwrap_or_default();
        let wanted = usize::try_from(self.periods).unwrap_or(1);
        let last = &points[points.len().saturating_sub(wanted)..];
        let breaches = |v: f64| {
            if self.below {
                v < self.threshold
            } else {
                v > self.threshold
            }
        };
        let breaching =
            i64::try_from(last.iter().filter(|(_, v)| breaches(*v)).count()).unwrap_or(0);
        let state = if breaching >= self.datapoints {
            AlarmState::Alarm
        } else if last.is_empty() && self.missing == Missing::Missing {
            AlarmState::Insufficient
        } else {
            AlarmState::Ok
        };
        if state != self.state {
            self.reason = self.explain(state, last);
            self.state = state;
            self.changed = now;
        }
    }

    fn explain(&self, state: AlarmState, points: &[(Millis, f64)]) -> String {
        if points.is_empty() {
            return "Insufficient Data: no datapoints were received for the evaluation period."
                .into();
        }
        let list: Vec<String> = points
            .iter()
            .rev()
            .map(|(at, v)| format!("{v:.4} ({})", at.iso()))
            .collect();
        let (were, relation) = match (state, self.below) {
            (AlarmState::Alarm, true) => ("were", "less than"),
            (AlarmState::Alarm, false) => ("were", "greater than"),
            (_, true) => ("were not", "less than"),
            (_, false) => ("were not", "greater than"),
        };
        format!(
            "Threshold Crossed: {} datapoints [{}] {were} {relation} the threshold ({:?}).",
            points.len(),
            list.join(", "),
            self.threshold
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_goes_on_with_enough_breaching_points_and_off_when_they_are_gone() {
        let t0 = Millis(1_700_000_040_000);
        let mut metrics = Metrics::new(t0);
        let key = MetricKey::new("r", "AWS/X", "M", &[]);
        let id = metrics.series(key.clone(), "Count");
        let mut alarm = Alarm {
            name: "a".into(),
            description: String::new(),
            metric: key,
            stat: "Maximum",
            period: 60,
            periods: 2,
            datapoints: 2,
            threshold: 0.0,
            below: false,
            missing: Missing::Missing,
            state: AlarmState::Insufficient,
            reason: String::new(),
            changed: t0,
            configured: t0,
            action: String::new(),
        };
        let mut states = Vec::new();
        for (minute, value) in [5.0, 5.0, 0.0, 0.0].into_iter().enumerate() {
            metrics.sample(id, value);
            let now = t0.plus_seconds(60 * (i64::try_from(minute).unwrap() + 1));
            metrics.tick(now);
            alarm.evaluate(&metrics, now.plus_seconds(30));
            states.push(alarm.state);
        }
        assert_eq!(
            states,
            vec![
                AlarmState::Ok,
                AlarmState::Alarm,
                AlarmState::Ok,
                AlarmState::Ok
            ]
        );
        assert!(alarm.reason.contains("Threshold Crossed"));
    }
}
