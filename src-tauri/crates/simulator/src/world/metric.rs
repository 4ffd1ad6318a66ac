//! What CloudWatch would have collected: series of one-minute points, written by the world as it moves.
//!
//! A point keeps count, sum, minimum and maximum, and for latencies a histogram, so that every statistic over every
//! period can be answered. A minute is readable only some time after its end, as on AWS.

use std::collections::{BTreeMap, VecDeque};

use crate::clock::Millis;
use crate::world::point::{BUCKET_FLOOR, BUCKETS, bucket_top, normal_cdf};
pub use crate::world::point::{Point, Stat};

/// Seconds after its end until a minute can be read.
pub const LAG_SECONDS: i64 = 20;
/// Minutes that are kept.
const KEPT_MINUTES: i64 = 36 * 60;

/// Names a series in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeriesId(u32);

/// What identifies a metric: region, namespace, name and dimensions sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricKey {
    /// Region whose CloudWatch holds it.
    pub region: String,
    /// For example `AWS/SQS`.
    pub namespace: String,
    /// Metric name.
    pub name: String,
    /// Sorted by name.
    pub dimensions: Vec<(String, String)>,
}

impl MetricKey {
    /// A key; the dimensions are sorted here.
    #[must_use]
    pub fn new(region: &str, namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let mut dimensions: Vec<_> = dimensions
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        dimensions.sort();
        Self {
            region: region.into(),
            namespace: namespace.into(),
            name: name.into(),
            dimensions,
        }
    }
}

/// Latencies of the running minute: a log-normal body and a mass of time-outs.
#[derive(Debug, Clone, Copy, Default)]
struct Spread {
    n: f64,
    ln_median: f64,
    slow_n: f64,
    slow_at: f64,
}

/// Width of the latency body, of the logarithm.
const SIGMA: f64 = 0.55;

#[derive(Debug, Default)]
struct Series {
    /// The service quota it is counted against, of a metric of usage.
    quota: Option<f64>,
    unit: &'static str,
    points: VecDeque<(i64, Point)>,
    open: Point,
    spread: Spread,
}

/// All series.
#[derive(Debug, Default)]
pub struct Metrics {
    index: BTreeMap<MetricKey, SeriesId>,
    series: Vec<Series>,
    minute: i64,
}

impl Metrics {
    /// An empty store whose running minute is the one of `now`.
    #[must_use]
    pub fn new(now: Millis) -> Self {
        Self {
            minute: now.seconds().div_euclid(60),
            ..Self::default()
        }
    }

    /// The series of a key, made when missing.
    pub fn series(&mut self, key: MetricKey, unit: &'static str) -> SeriesId {
        let next = SeriesId(u32::try_from(self.series.len()).unwrap_or(u32::MAX));
        let id = *self.index.entry(key).or_insert(next);
        if id == next {
            self.series.push(Series {
                unit,
                ..Series::default()
            });
        }
        id
    }

    /// Adds one sample.
    pub fn sample(&mut self, id: SeriesId, value: f64) {
        self.series[id.0 as usize]
            .open
            .add(1.0, value, value, value);
    }

    /// Adds `n` samples of the value 1, as counters are written.
    pub fn count(&mut self, id: SeriesId, n: f64) {
        self.series[id.0 as usize].open.add(n, n, 1.0, 1.0);
    }

    /// Adds one sample for this step, also when it is 0: counters that report zero.
    pub fn amount(&mut self, id: SeriesId, value: f64) {
        self.series[id.0 as usize]
            .open
            .add(1.0, value, value, value);
    }

    /// Adds `n` latencies spread around a median, seconds.
    pub fn latency(&mut self, id: SeriesId, n: f64, median: f64) {
        let spread = &mut self.series[id.0 as usize].spread;
        spread.n += n;
        spread.ln_median += n * median.max(BUCKET_FLOOR).ln();
    }

    /// Adds `n` latencies of exactly `at` seconds: requests that ran into a time-out.
    pub fn timeouts(&mut self, id: SeriesId, n: f64, at: f64) {
        let spread = &mut self.series[id.0 as usize].spread;
        spread.slow_n += n;
        spread.slow_at = at;
    }

    /// Closes every minute before the one of `now`.
    pub fn tick(&mut self, now: Millis) {
        let minute = now.seconds().div_euclid(60);
        if minute == self.minute {
            return;
        }
        for series in &mut self.series {
            series.close(self.minute);
        }
        self.minute = minute;
    }

    /// Unit and key of every series of a region, in order.
    pub fn keys<'a>(&'a self, region: &'a str) -> impl Iterator<Item = (&'a MetricKey, SeriesId)> {
        self.index
            .iter()
            .filter(move |(k, _)| k.region == region)
            .map(|(k, id)| (k, *id))
    }

    /// The series of a key, when it exists.
    #[must_use]
    pub fn find(&self, key: &MetricKey) -> Option<SeriesId> {
        self.index.get(key).copied()
    }

    /// Says which service quota a metric of usage is counted against.
    pub fn set_quota(&mut self, id: SeriesId, quota: f64) {
        self.series[id.0 as usize].quota = Some(quota);
    }

    /// The service quota a metric of usage is counted against.
    #[must_use]
    pub fn quota(&self, id: SeriesId) -> Option<f64> {
        self.series[id.0 as usize].quota
    }

    /// CloudWatch's name of the unit.
    #[must_use]
    pub fn unit(&self, id: SeriesId) -> &'static str {
        self.series[id.0 as usize].unit
    }

    /// True when the series has any readable point in the last three hours.
    #[must_use]
    pub fn recently_active(&self, id: SeriesId, now: Millis) -> bool {
        let since = now.seconds().div_euclid(60) - 180;
        self.series[id.0 as usize]
            .points
            .back()
            .is_some_and(|(minute, _)| *minute >= since)
    }

    /// Points of `period` seconds (a multiple of 60) from `start` to before `end`, oldest first.
    ///
    /// Only whole minutes that ended [`LAG_SECONDS`] before `now` are read. Periods are aligned as CloudWatch aligns
    /// them, to multiples of the period.
    #[must_use]
    pub fn read(
        &self,
        id: SeriesId,
        window: Window,
        stat: Stat,
        now: Millis,
    ) -> Vec<(Millis, f64)> {
        let per = (window.period / 60).max(1);
        let first = window.start.seconds().div_euclid(60 * per) * per;
        let readable = (now.seconds() - LAG_SECONDS).div_euclid(60);
        let last = ((window.end.0 + 59_999).div_euclid(60_000)).min(readable);
        let points = &self.series[id.0 as usize].points;
        let from = points.partition_point(|(minute, _)| *minute < first);
        let within = points
            .range(from..)
            .take_while(|(minute, _)| *minute < last);
        if per == 1 {
            return within
                .map(|(minute, point)| (Millis(minute * 60_000), stat.of(point)))
                .collect();
        }
        let mut out: Vec<(Millis, f64)> = Vec::new();
        let mut bucket: Option<(i64, Point)> = None;
        for (minute, point) in within {
            let start = minute.div_euclid(per) * per;
            match &mut bucket {
                Some((at, sum)) if *at == start => sum.merge(point),
                other => {
                    out.extend(
                        other
                            .take()
                            .map(|(at, sum)| (Millis(at * 60_000), stat.of(&sum))),
                    );
                    *other = Some((start, point.clone()));
                }
            }
        }
        out.extend(bucket.map(|(at, sum)| (Millis(at * 60_000), stat.of(&sum))));
        out
    }
}

impl Series {
    fn close(&mut self, minute: i64) {
        if self.spread.n > 0.0 || self.spread.slow_n > 0.0 {
            self.settle_latencies();
        }
        if self.open.count > 0.0 {
            self.points
                .push_back((minute, std::mem::take(&mut self.open)));
        }
        while self
            .points
            .front()
            .is_some_and(|(m, _)| *m < minute - KEPT_MINUTES)
        {
            self.points.pop_front();
        }
    }

    fn settle_latencies(&mut self) {
        let Spread {
            n,
            ln_median,
            slow_n,
            slow_at,
        } = std::mem::take(&mut self.spread);
        let mut histogram = Box::new([0.0_f32; BUCKETS]);
        if n > 0.0 {
            let ln_median = ln_median / n;
            let mut below = 0.0;
            for (i, bucket) in histogram.iter_mut().enumerate() {
                let share = normal_cdf((bucket_top(i).ln() - ln_median) / SIGMA);
                #[allow(clippy::cast_possible_truncation)]
                let here = (n * (share - below)) as f32;
                *bucket = here;
                below = share;
            }
            let mean = (ln_median + SIGMA * SIGMA / 2.0).exp();
            self.open.add(
                n,
                n * mean,
                (ln_median - 2.5 * SIGMA).exp(),
                (ln_median + 3.2 * SIGMA).exp(),
            );
        }
        if slow_n > 0.0 {
            let i = (0..BUCKETS)
                .find(|i| bucket_top(*i) >= slow_at)
                .unwrap_or(BUCKETS - 1);
            #[allow(clippy::cast_possible_truncation)]
            let more = slow_n as f32;
            histogram[i] += more;
            self.open.add(slow_n, slow_n * slow_at, slow_at, slow_at);
        }
        self.open.histogram = Some(histogram);
    }
}

/// What part of a series is read.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Inclusive.
    pub start: Millis,
    /// Exclusive.
    pub end: Millis,
    /// Seconds.
    pub period: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Millis = Millis(1_700_000_040_000);

    fn minute_of(write: impl FnOnce(&mut Metrics, SeriesId)) -> (Metrics, SeriesId) {
        let mut metrics = Metrics::new(T0);
        let id = metrics.series(
            MetricKey::new("r", "AWS/X", "M", &[("B", "2"), ("A", "1")]),
            "Count",
        );
        write(&mut metrics, id);
        metrics.tick(T0.plus_seconds(60));
        (metrics, id)
    }

    fn window() -> Window {
        Window {
            start: T0.plus_seconds(-600),
            end: T0.plus_seconds(600),
            period: 60,
        }
    }

    #[test]
    fn a_minute_is_unreadable_until_the_lag_has_passed() {
        let (metrics, id) = minute_of(|m, id| m.count(id, 5.0));
        assert!(
            metrics
                .read(id, window(), Stat::Sum, T0.plus_seconds(60))
                .is_empty()
        );
        let later = metrics.read(id, window(), Stat::Sum, T0.plus_seconds(60 + LAG_SECONDS));
        assert_eq!(later, vec![(T0, 5.0)]);
    }

    #[test]
    fn percentiles_see_the_timeouts_behind_the_body() {
        let (metrics, id) = minute_of(|m, id| {
            m.latency(id, 950.0, 0.080);
            m.timeouts(id, 50.0, 10.0);
        });
        let read = |stat| metrics.read(id, window(), stat, T0.plus_seconds(600))[0].1;
        let p50 = read(Stat::Percentile(0.5));
        assert!((0.07..0.10).contains(&p50), "{p50}");
        assert!(read(Stat::Percentile(0.99)) > 8.0);
        assert!((read(Stat::SampleCount) - 1000.0).abs() < 1e-6);
    }

    #[test]
    fn longer_periods_add_up_the_minutes_aligned_to_the_period() {
        let (mut metrics, id) = minute_of(|m, id| m.count(id, 5.0));
        metrics.count(id, 7.0);
        metrics.tick(T0.plus_seconds(120));
        let read = metrics.read(
            id,
            Window {
                period: 300,
                ..window()
            },
            Stat::Sum,
            T0.plus_seconds(600),
        );
        assert_eq!(read.iter().map(|(_, v)| v).sum::<f64>(), 12.0);
        assert!(read.iter().all(|(at, _)| at.seconds() % 300 == 0));
    }

    #[test]
    fn dimensions_are_sorted_so_that_order_does_not_matter() {
        assert_eq!(
            MetricKey::new("r", "n", "m", &[("B", "2"), ("A", "1")]),
            MetricKey::new("r", "n", "m", &[("A", "1"), ("B", "2")])
        );
    }
}
