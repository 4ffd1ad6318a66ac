//! From metrics to facts: which metric of which thing becomes which fact.

use super::metric::{self, Points, Query, Window, rounded};
use crate::Round;
use model::{Fact, Facts, Found, NodeId, Readings, Series, SourceFailure, Timestamp};
use std::collections::BTreeMap;

/// One metric and what it becomes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    pub(super) fact: Fact,
    pub(super) metric: &'static str,
    pub(super) stat: &'static str,
    /// The metric times this is the fact, in the fact's unit.
    pub(super) scale: f64,
    pub(super) show: Show,
}

/// What of a metric is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// The newest figure.
    Newest,
    /// The newest figure and its past.
    Past,
    /// Only the past: the service itself says the present.
    OnlyPast,
    /// The newest figure as a whole number, and its past.
    Whole,
}

/// Sums of a minute become rates.
pub(super) const PER_SECOND: f64 = 1.0 / 60.0;

impl Figure {
    pub(super) const fn new(
        fact: Fact,
        metric: &'static str,
        stat: &'static str,
        scale: f64,
        show: Show,
    ) -> Self {
        Self {
            fact,
            metric,
            stat,
            scale,
            show,
        }
    }
}

/// One thing (or one zone of it) whose metrics are read.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) about: NodeId,
    pub(super) zone: Option<String>,
    pub(super) namespace: &'static str,
    pub(super) dimensions: Vec<(&'static str, String)>,
    pub(super) figures: &'static [Figure],
}

/// A subject and the points of its figures, in their order.
pub(super) struct Measured {
    pub(super) subject: Subject,
    pub(super) points: Vec<Points>,
}

impl Measured {
    /// The points of one figure.
    pub(super) fn of(&self, fact: Fact) -> Option<&Points> {
        let at = self
            .subject
            .figures
            .iter()
            .position(|figure| figure.fact == fact)?;
        self.points.get(at)
    }

    /// Sets the newest figures; the time is the end of the newest period among them.
    pub(super) fn facts(&self, window: &Window) -> (Facts, Option<Timestamp>) {
        let mut facts = Facts::default();
        let mut newest = None;
        for (figure, points) in self.subject.figures.iter().zip(&self.points) {
            let Some((start, value)) = points.newest(window) else {
                continue;
            };
            let value = rounded(value * figure.scale);
            match figure.show {
                Show::Newest | Show::Past => facts.set(figure.fact, value),
                Show::Whole => facts.set(figure.fact, value.round() as i64),
                Show::OnlyPast => {}
            }
            newest = newest.max(Some(start + i64::from(window.period)));
        }
        (facts, newest.map(Timestamp::from_seconds))
    }

    /// The past of the figures that show it.
    pub(super) fn series(&self, window: &Window) -> Vec<Series> {
        let shown = self.subject.figures.iter().zip(&self.points);
        shown
            .filter(|(figure, _)| figure.show != Show::Newest)
            .filter_map(|(figure, points)| {
                let mut series = points.series(figure.fact, figure.scale, window)?;
                if figure.show == Show::Whole {
                    series
                        .values
                        .iter_mut()
                        .flatten()
                        .for_each(|value| *value = value.round());
                }
                Some(series)
            })
            .collect()
    }
}

/// Reads every figure of every subject.
pub(super) async fn measure(
    round: &Round<'_>,
    window: &Window,
    subjects: Vec<Subject>,
) -> Result<Vec<Measured>, SourceFailure> {
    let queries: Vec<Query> = subjects
        .iter()
        .flat_map(|subject| {
            subject.figures.iter().map(|figure| Query {
                namespace: subject.namespace,
                metric: figure.metric,
                stat: figure.stat,
                dimensions: subject.dimensions.clone(),
            })
        })
        .collect();
    let mut points = metric::read(round, window, &queries).await?.into_iter();
    Ok(subjects
        .into_iter()
        .map(|subject| Measured {
            points: points.by_ref().take(subject.figures.len()).collect(),
            subject,
        })
        .collect())
}

/// Readings per node: its own figures, those of its zones, and its past. `more` adds what follows
/// from several figures. A node without any recent figure has no reading.
pub(super) fn readings(
    window: &Window,
    measured: &[Measured],
    more: impl Fn(&Measured, &mut Facts, &mut Vec<Series>),
) -> Vec<Found> {
    let mut all: BTreeMap<&NodeId, Readings> = BTreeMap::new();
    for one in measured {
        let (mut facts, at) = one.facts(window);
        let mut series = one.series(window);
        more(one, &mut facts, &mut series);
        if facts.is_empty() && series.is_empty() {
            continue;
        }
        let about = &one.subject.about;
        let readings = all.entry(about).or_insert_with(|| Readings {
            about: about.clone(),
            facts: Facts::default(),
            zones: BTreeMap::new(),
            series: Vec::new(),
            at: Timestamp::from_millis(0),
        });
        readings.at = readings.at.max(at.unwrap_or(window.now));
        match &one.subject.zone {
            Some(zone) => {
                readings.zones.insert(zone.clone(), facts);
            }
            None => {
                readings.facts.absorb(&facts);
                readings.series.extend(series);
            }
        }
    }
    all.into_values().map(Found::Readings).collect()
}

/// The share of `part` in `whole` in the newest complete period, 0-100. Services publish error
/// counts only when there are errors, so none is nought where there is a whole.
pub(super) fn percent(window: &Window, whole: &Points, part: &Points) -> Option<f64> {
    let (start, whole) = whole.newest(window)?;
    (whole > 0.0).then(|| share(whole, part.at(start)))
}

/// `part` in hundredths of `whole`.
pub(super) fn share(whole: f64, part: Option<f64>) -> f64 {
    if whole > 0.0 {
        rounded((part.unwrap_or(0.0) / whole * 100.0).min(100.0))
    } else {
        0.0
    }
}
