//! What RDS reports: failovers, restarts, maintenance (RDS UserGuide, USER_Events.Messages). They
//! are the proof of a failover that was asked for and the first sign of one that was not.

use crate::aws::text::{said, time};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round};
use async_trait::async_trait;
use aws_sdk_rds::types::{Event, SourceType};
use cloud::{Session, failure};
use model::{Change, ChangeKind, Found, Kind, Service, SourceFailure};
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

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Rds);
        let outcome = events(&round).await;
        round.end(outcome)
    }
}

async fn events(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
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
    Ok(events
        .iter()
        .filter_map(|event| change(round, event))
        .map(Found::Change)
        .collect())
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
