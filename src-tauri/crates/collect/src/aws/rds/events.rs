//! What RDS reports: failovers, restarts, maintenance (RDS UserGuide, USER_Events.Messages). They
//! are the proof of a failover that was asked for and the first sign of one that was not.

use crate::aws::text::{said, time};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round};
use async_trait::async_trait;
use aws_sdk_rds::types::{Event, SourceType};
use cloud::{Session, failure};
use model::{Change, ChangeKind, Fact, Facts, Found, FoundNode, Kind, Service, SourceFailure};
use std::time::Duration;

/// How far back events are asked for, in minutes.
const MINUTES: i32 = 180;

/// Events of clusters and instances.
pub struct Events;

#[async_trait]
impl Collector for Events {
    fn service(&self) -> Service {
        Service::Rds
    }

    fn part(&self) -> &'static str {
        "events"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn needs(&self) -> &'static [Service] {
        &[Service::Rds]
    }

    async fn collect(&self, session: &Session, known: &Known) -> Reading {
        let round = Round::new(session, Service::Rds);
        let clusters: Vec<&FoundNode> = known.here(session, Kind::DbCluster).collect();
        let outcome = events(&round, &clusters).await;
        round.end(outcome)
    }
}

async fn events(round: &Round<'_>, clusters: &[&FoundNode]) -> Result<Vec<Found>, SourceFailure> {
    let rds = round.session.rds();
    let events = all_pages!(
        round,
        "DescribeEvents",
        |mark| {
            let call = rds.describe_events().duration(MINUTES).set_marker(mark.clone());
            round.ask("DescribeEvents", "", call.send()).await?
        },
        page => (page.events.unwrap_or_default(), page.marker)
    );
    let changes = events.iter().filter_map(|event| change(round, event));
    let mut found: Vec<Found> = changes.map(Found::Change).collect();
    found.extend(
        clusters
            .iter()
            .map(|cluster| failovers(round, cluster, &events)),
    );
    Ok(found)
}

/// How often and when a cluster last failed over: also that it did not.
fn failovers(round: &Round<'_>, cluster: &FoundNode, events: &[Event]) -> Found {
    let its = events.iter().filter(|event| {
        event.source_type == Some(SourceType::DbCluster)
            && event.source_identifier.as_deref() == Some(&*cluster.name)
            && event
                .event_categories
                .iter()
                .flatten()
                .any(|c| c == "failover")
    });
    let times: Vec<_> = its
        .filter_map(|event| event.date.as_ref().and_then(time))
        .collect();
    let mut facts = Facts::default();
    facts.set(Fact::FailoverEventsRecent, times.len());
    facts.set_some(Fact::LastFailoverAt, times.into_iter().max());
    Found::Readings(round.readings(&cluster.id, facts))
}

/// `None` for what has no node here (snapshots, parameter groups), and for what is malformed.
fn change(round: &Round<'_>, event: &Event) -> Option<Change> {
    let kind = match event.source_type.as_ref()? {
        SourceType::DbCluster => Kind::DbCluster,
        SourceType::DbInstance => Kind::DbInstance,
        _ => return None,
    };
    let name = round.take(said(event.source_identifier.as_deref()))?;
    let at = round.take(event.date.as_ref().and_then(time))?;
    let message = failure::plain(round.take(said(event.message.as_deref()))?);
    Some(Change {
        at,
        kind: ChangeKind::Event,
        node: round.id(kind, name),
        sentence: format!("RDS: {}.", message.trim_end_matches('.')),
    })
}
