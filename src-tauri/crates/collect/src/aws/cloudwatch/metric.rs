//! GetMetricData: many metrics over one window, in as few calls as its limits allow.
//!
//! Limits: 500 metrics and 100,800 points a call (API reference, GetMetricData). Servers differ in
//! the order of the values, so they are put on a grid of periods here.

use crate::{Round, each};
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy,
};
use aws_smithy_types::DateTime;
use model::{Fact, Series, SourceFailure, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// Metrics a call may ask for.
const METRICS: usize = 500;

/// Points a call may return.
const POINTS: i64 = 100_800;

/// Oldest point that is still taken for the present, in seconds: metrics come up to some minutes
/// late, and what is older says nothing about now.
const PRESENT: i64 = 360;

/// One metric of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) namespace: &'static str,
    pub(super) metric: &'static str,
    pub(super) stat: &'static str,
    pub(super) dimensions: Vec<(&'static str, String)>,
}

/// A stretch of time on a grid of periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Platform time now.
    pub(super) now: Timestamp,
    /// Start of the first period.
    pub(super) start: Timestamp,
    /// End of the last period.
    pub(super) end: Timestamp,
    /// Seconds.
    pub(super) period: i32,
}

impl Window {
    /// The last three hours, a minute a point.
    pub(super) fn recent(now: Timestamp) -> Self {
        Self::back(now, 3 * 3600, 60)
    }

    /// The last `seconds` before `now`, to the end of the period under way.
    pub(super) fn back(now: Timestamp, seconds: i64, period: i32) -> Self {
        let end = Timestamp::from_seconds(grid(now, period) + i64::from(period));
        Self {
            now,
            start: end.plus_seconds(-seconds),
            end,
            period,
        }
    }

    /// `seconds` from `start`, a minute a point.
    pub(super) fn from(now: Timestamp, start: Timestamp, seconds: i64) -> Self {
        let start = Timestamp::from_seconds(grid(start, 60));
        Self {
            now,
            start,
            end: start.plus_seconds(seconds),
            period: 60,
        }
    }

    fn periods(&self) -> i64 {
        (self.end.millis() - self.start.millis()) / 1000 / i64::from(self.period)
    }
}

/// Start of the period that holds `at`, in seconds.
fn grid(at: Timestamp, period: i32) -> i64 {
    at.millis().div_euclid(1000 * i64::from(period)) * i64::from(period)
}

/// What one metric showed, by start of period in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Points(BTreeMap<i64, f64>);

impl Points {
    /// The newest period that has ended, if it is recent: its start in seconds and its value.
    pub(super) fn newest(&self, window: &Window) -> Option<(i64, f64)> {
        let now = window.now.millis() / 1000;
        let last = now - i64::from(window.period);
        let (start, value) = self.0.range(..=last).next_back()?;
        (*start >= last - PRESENT).then_some((*start, *value))
    }

    /// The value of the period that starts at `start` seconds.
    pub(super) fn at(&self, start: i64) -> Option<f64> {
        self.0.get(&start).copied()
    }

    /// All points, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, f64)> {
        self.0.iter().map(|(start, value)| (*start, *value))
    }

    /// These points, each changed by its neighbour of the same period.
    pub(super) fn with(&self, other: &Points, join: impl Fn(f64, Option<f64>) -> f64) -> Self {
        Self(
            self.iter()
                .map(|(at, value)| (at, join(value, other.at(at))))
                .collect(),
        )
    }

    /// The past as a series, from the first point to the newest complete period.
    pub(super) fn series(&self, fact: Fact, scale: f64, window: &Window) -> Option<Series> {
        let first = *self.0.keys().next()?;
        let step = i64::from(window.period);
        let last = grid(window.now, window.period) - step;
        let values: Vec<Option<f64>> = (0..)
            .map(|n| first + n * step)
            .take_while(|start| *start <= last)
            .map(|start| self.at(start).map(|value| rounded(value * scale)))
            .collect();
        (!values.is_empty()).then(|| Series {
            fact,
            start: Timestamp::from_seconds(first),
            step_seconds: u32::try_from(window.period).unwrap_or(60),
            values,
        })
    }

    #[cfg(test)]
    pub(super) fn of(points: &[(i64, f64)]) -> Self {
        Self(points.iter().copied().collect())
    }
}

/// Three decimals: what a person can use, and stable from reading to reading.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Reads every query over the window; the points are in the order of the queries.
pub(super) async fn read(
    round: &Round<'_>,
    window: &Window,
    queries: &[Query],
) -> Result<Vec<Points>, SourceFailure> {
    let fit = usize::try_from(POINTS / window.periods().max(1)).unwrap_or(METRICS);
    let batches = queries.chunks(fit.clamp(1, METRICS));
    let read = each(batches, |batch| read_batch(round, window, batch)).await;
    let mut all = Vec::with_capacity(queries.len());
    for batch in read {
        all.extend(batch?);
    }
    Ok(all)
}

/// Reads metrics of usage, each with the service quota it is counted against, which only an expression tells
/// (CloudWatch User Guide, "Using metric math", `SERVICE_QUOTA`): pairs in the order of the queries.
pub(super) async fn read_with_quota(
    round: &Round<'_>,
    window: &Window,
    usage: &[Query],
) -> Result<Vec<(Points, Points)>, SourceFailure> {
    let metrics = usage.iter().enumerate();
    let metrics = metrics.map(|(n, query)| asked(n, query, window.period));
    let quotas = (0..usage.len()).map(|n| {
        let quota = MetricDataQuery::builder().id(format!("m{}", usage.len() + n));
        quota.expression(format!("SERVICE_QUOTA(m{n})")).build()
    });
    let queries = metrics.chain(quotas).collect();
    let mut used = ask(round, window, queries, usage[0].namespace).await?;
    let quotas = used.split_off(usage.len());
    Ok(used.into_iter().zip(quotas).collect())
}

async fn read_batch(
    round: &Round<'_>,
    window: &Window,
    batch: &[Query],
) -> Result<Vec<Points>, SourceFailure> {
    let queries = batch.iter().enumerate();
    let queries = queries.map(|(n, query)| asked(n, query, window.period));
    ask(round, window, queries.collect(), batch[0].namespace).await
}

/// The points of every query, in their order; the n-th has the id `mN`.
async fn ask(
    round: &Round<'_>,
    window: &Window,
    queries: Vec<MetricDataQuery>,
    about: &str,
) -> Result<Vec<Points>, SourceFailure> {
    let mut points = vec![Points::default(); queries.len()];
    let metrics = charged(&queries);
    let mut mark: Option<String> = None;
    loop {
        round.session.budget.asks_metrics(metrics);
        let call = round
            .session
            .cloudwatch()
            .get_metric_data()
            .start_time(DateTime::from_millis(window.start.millis()))
            .end_time(DateTime::from_millis(window.end.millis()))
            .scan_by(ScanBy::TimestampAscending)
            .set_metric_data_queries(Some(queries.clone()))
            .set_next_token(mark.clone());
        let page = round.ask("GetMetricData", about, call.send()).await?;
        for result in page.metric_data_results.iter().flatten() {
            round.take(place(&mut points, result, window));
        }
        match page.next_token.filter(|next| !next.is_empty()) {
            None => return Ok(points),
            next if next == mark => return Err(round.endless("GetMetricData")),
            next => mark = next,
        }
    }
}

/// How many metrics AWS charges for (<https://aws.amazon.com/cloudwatch/pricing/>): each query that names one, every
/// statistic by itself, which is more than AWS may count; an expression over them is none.
fn charged(queries: &[MetricDataQuery]) -> usize {
    queries.iter().filter(|q| q.metric_stat.is_some()).count()
}

/// Ids start with a lower-case letter (API reference, MetricDataQuery).
fn asked(n: usize, query: &Query, period: i32) -> MetricDataQuery {
    let dimensions = query
        .dimensions
        .iter()
        .map(|(name, value)| Dimension::builder().name(*name).value(value).build());
    let metric = Metric::builder()
        .namespace(query.namespace)
        .metric_name(query.metric)
        .set_dimensions(Some(dimensions.collect()))
        .build();
    let stat = MetricStat::builder()
        .metric(metric)
        .period(period)
        .stat(query.stat)
        .build();
    MetricDataQuery::builder()
        .id(format!("m{n}"))
        .metric_stat(stat)
        .build()
}

/// Puts one result (a page's part of it) on the grid; `None` when it is none of ours or its times
/// and values do not pair.
fn place(points: &mut [Points], result: &MetricDataResult, window: &Window) -> Option<()> {
    let n: usize = result.id.as_deref()?.strip_prefix('m')?.parse().ok()?;
    let points = points.get_mut(n)?;
    let (times, values) = (result.timestamps(), result.values());
    if times.len() != values.len() {
        return None;
    }
    for (time, value) in times.iter().zip(values) {
        let at = crate::aws::text::time(time)?;
        if value.is_finite() {
            points.0.insert(grid(at, window.period), *value);
        }
    }
    Some(())
}

/// Reads different windows of the same metric for different things, each by a call of its own.
pub(super) async fn read_each(
    round: &Round<'_>,
    asked: &[(Window, Query)],
) -> HashMap<usize, Points> {
    let read = each(
        asked.iter().enumerate(),
        |(n, (window, query))| async move {
            let points = read(round, window, std::slice::from_ref(query))
                .await
                .ok()?;
            Some((n, points.into_iter().next()?))
        },
    );
    read.await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_315_620;

    fn window() -> Window {
        Window::recent(Timestamp::from_seconds(NOW + 17))
    }

    #[test]
    fn the_window_is_three_hours_of_whole_minutes() {
        let window = window();
        assert_eq!(window.end, Timestamp::from_seconds(NOW + 60));
        assert_eq!(window.start, Timestamp::from_seconds(NOW + 60 - 10_800));
        assert_eq!(window.periods(), 180);
    }

    #[test]
    fn a_period_under_way_is_no_figure_and_an_old_one_says_nothing_about_now() {
        let points = Points::of(&[(NOW - 120, 1.0), (NOW - 60, 2.0), (NOW, 9.0)]);
        assert_eq!(points.newest(&window()), Some((NOW - 60, 2.0)));
        assert_eq!(Points::of(&[(NOW - 3600, 1.0)]).newest(&window()), None);
    }

    #[test]
    fn values_are_paired_with_their_times_in_whatever_order_they_come() {
        let result = MetricDataResult::builder()
            .id("m0")
            .timestamps(DateTime::from_secs(NOW))
            .timestamps(DateTime::from_secs(NOW - 60))
            .values(2.0)
            .values(1.0)
            .build();
        let mut points = [Points::default()];
        assert!(place(&mut points, &result, &window()).is_some());
        assert_eq!(points[0], Points::of(&[(NOW - 60, 1.0), (NOW, 2.0)]));
        let unpaired = MetricDataResult::builder().id("m0").values(1.0).build();
        assert!(place(&mut points, &unpaired, &window()).is_none());
        let stranger = MetricDataResult::builder().id("m7").build();
        assert!(place(&mut points, &stranger, &window()).is_none());
    }

    #[test]
    fn a_series_shows_gaps_and_ends_with_the_newest_complete_period() {
        let points = Points::of(&[(NOW - 180, 60.0), (NOW - 60, 120.0), (NOW, 1.0)]);
        let series = points
            .series(Fact::SentPerSecond, 1.0 / 60.0, &window())
            .expect("has one");
        assert_eq!(series.start, Timestamp::from_seconds(NOW - 180));
        assert_eq!(series.values, [Some(1.0), None, Some(2.0)]);
    }
}
