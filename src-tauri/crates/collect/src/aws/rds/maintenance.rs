//! Maintenance that RDS has announced (DescribePendingMaintenanceActions): a source of its own, for
//! it changes by the day and needs a permission of its own.

use crate::aws::text::{said, time};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round};
use async_trait::async_trait;
use aws_sdk_rds::types::{PendingMaintenanceAction, ResourcePendingMaintenanceActions};
use cloud::Session;
use model::{Fact, Facts, Found, FoundNode, Kind, NONE, Service, SourceFailure, Timestamp};
use std::collections::HashMap;
use std::time::Duration;

/// Pending maintenance of clusters and instances.
pub struct Maintenance;

#[async_trait]
impl Collector for Maintenance {
    fn service(&self) -> Service {
        Service::Rds
    }

    fn part(&self) -> &'static str {
        "maintenance"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn needs(&self) -> &'static [Service] {
        &[Service::Rds]
    }

    async fn collect(&self, session: &Session, known: &Known) -> Reading {
        let round = Round::new(session, Service::Rds);
        let databases: Vec<&FoundNode> = [Kind::DbCluster, Kind::DbInstance]
            .into_iter()
            .flat_map(|kind| known.here(session, kind))
            .collect();
        let outcome = maintenance(&round, &databases).await;
        round.end(outcome)
    }
}

async fn maintenance(
    round: &Round<'_>,
    databases: &[&FoundNode],
) -> Result<Vec<Found>, SourceFailure> {
    let rds = round.session.rds();
    let pending = all_pages!(
        round,
        "DescribePendingMaintenanceActions",
        |mark| {
            let call = rds.describe_pending_maintenance_actions().set_marker(mark.clone());
            round.ask("DescribePendingMaintenanceActions", "", call.send()).await?
        },
        page => (page.pending_maintenance_actions.unwrap_or_default(), page.marker)
    );
    let by_arn: HashMap<&str, &ResourcePendingMaintenanceActions> = pending
        .iter()
        .filter_map(|one| Some((round.take(said(one.resource_identifier.as_deref()))?, one)))
        .collect();
    let readings = databases.iter().map(|database| {
        let arn = database.facts.text(Fact::Arn);
        let waiting = arn.and_then(|arn| by_arn.get(arn));
        let mut facts = Facts::default();
        facts.set(
            Fact::PendingMaintenance,
            waiting.map_or_else(|| NONE.to_owned(), |waiting| words(waiting)),
        );
        Found::Readings(round.readings(&database.id, facts))
    });
    Ok(readings.collect())
}

/// `system-update from 2026-11-25T03:00:00.000Z, db-upgrade`.
fn words(waiting: &ResourcePendingMaintenanceActions) -> String {
    let details = waiting.pending_maintenance_action_details.iter().flatten();
    let words: Vec<String> = details.map(action).collect();
    if words.is_empty() {
        return NONE.to_owned();
    }
    words.join(", ")
}

fn action(action: &PendingMaintenanceAction) -> String {
    let what = said(action.action.as_deref()).unwrap_or("maintenance");
    match applied_at(action) {
        Some(at) => format!("{what} from {at}"),
        None => what.to_owned(),
    }
}

/// When it is applied: opted in, else forced, else in the maintenance window from then on.
fn applied_at(action: &PendingMaintenanceAction) -> Option<Timestamp> {
    let dates = [
        &action.current_apply_date,
        &action.forced_apply_date,
        &action.auto_applied_after_date,
    ];
    dates.into_iter().flatten().find_map(time)
}
