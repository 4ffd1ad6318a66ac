//! Functions. Metrics: Lambda developer guide, monitoring-metrics-types; `Duration` is in
//! milliseconds.

use super::figure::{
    Figure, Measured, PER_SECOND, Show, Subject, measure, percent, readings, share,
};
use super::metric::Window;
use crate::{Known, Round};
use model::{Fact, Facts, Found, Kind, Series, SourceFailure};

super::metrics! {
    /// Invocations, errors, throttles, duration and concurrency of functions.
    FunctionMetrics, "function-metrics", Regional, [Lambda], functions
}

/// `ErrorsPercent` holds the count of errors until it is divided by invocations.
const FIGURES: &[Figure] = &[
    Figure::new(
        Fact::InvocationsPerSecond,
        "Invocations",
        "Sum",
        PER_SECOND,
        Show::Past,
    ),
    Figure::new(Fact::ErrorsPercent, "Errors", "Sum", 1.0, Show::Newest),
    Figure::new(
        Fact::ThrottlesPerSecond,
        "Throttles",
        "Sum",
        PER_SECOND,
        Show::Past,
    ),
    Figure::new(Fact::DurationP95Ms, "Duration", "p95", 1.0, Show::Past),
    Figure::new(
        Fact::ConcurrentExecutions,
        "ConcurrentExecutions",
        "Maximum",
        1.0,
        Show::Whole,
    ),
];

async fn functions(round: &Round<'_>, known: &Known) -> Result<Vec<Found>, SourceFailure> {
    let window = Window::recent(round.session.clock.now());
    let subjects = known
        .here(round.session, Kind::Function)
        .map(|function| Subject {
            about: function.id.clone(),
            zone: None,
            namespace: "AWS/Lambda",
            dimensions: vec![("FunctionName", function.name.clone())],
            figures: FIGURES,
        });
    let measured = measure(round, &window, subjects.collect()).await?;
    Ok(readings(&window, &measured, |one, facts, series| {
        errors(one, facts, series, &window)
    }))
}

fn errors(one: &Measured, facts: &mut Facts, series: &mut Vec<Series>, window: &Window) {
    facts.remove(Fact::ErrorsPercent);
    let both = one
        .of(Fact::InvocationsPerSecond)
        .zip(one.of(Fact::ErrorsPercent));
    let Some((invocations, errors)) = both else {
        return;
    };
    facts.set_some(Fact::ErrorsPercent, percent(window, invocations, errors));
    let past = invocations.with(errors, share);
    series.extend(past.series(Fact::ErrorsPercent, 1.0, window));
}

#[cfg(test)]
mod tests {
    use super::super::metric::Points;
    use super::*;
    use model::{NodeId, Timestamp};

    #[test]
    fn errors_are_a_share_of_invocations_now_and_in_the_past() {
        let now = 1_795_315_620;
        let window = Window::recent(Timestamp::from_seconds(now));
        let subject = Subject {
            about: NodeId::new("function/1/r/x"),
            zone: None,
            namespace: "AWS/Lambda",
            dimensions: Vec::new(),
            figures: FIGURES,
        };
        let mut points = vec![
            Points::of(&[(now - 120, 100.0), (now - 60, 200.0)]),
            Points::of(&[(now - 60, 44.0)]),
        ];
        points.resize(FIGURES.len(), Points::default());
        let one = Measured { subject, points };
        let (mut facts, _) = one.facts(&window);
        let mut series = Vec::new();
        errors(&one, &mut facts, &mut series, &window);
        assert_eq!(facts.number(Fact::ErrorsPercent), Some(22.0));
        assert_eq!(series[0].values, [Some(0.0), Some(22.0)]);
    }
}
