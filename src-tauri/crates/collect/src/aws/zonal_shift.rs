//! Zonal shifts: whose traffic is kept out of an availability zone, until when, and by whom. Somebody's shifts, practice
//! runs, experiments and AWS's own autoshifts are all told with the resources they are applied to (ListManagedResources,
//! <https://docs.aws.amazon.com/arc-zonal-shift/latest/api/API_ListManagedResources.html>).

use crate::aws::text::{said, time};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round};
use async_trait::async_trait;
use aws_sdk_arczonalshift::types::{
    AppliedStatus, AutoshiftAppliedStatus, AutoshiftInResource, ManagedResourceSummary,
    ZonalShiftInResource,
};
use cloud::{Session, ec2};
use model::{Fact, Facts, Found, Kind, NONE, Service, SourceFailure};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Items of one page: the most the call takes (`MaxResults`).
const PAGE: i32 = 100;

/// Subnets asked for to learn what zones are called: as many as one filter takes (EC2 API reference, `Filter`).
const SUBNETS: usize = 200;

/// AWS's word for a shift that it makes by itself.
const AUTOSHIFT: &str = "ZONAL_AUTOSHIFT";

/// Shifts, said of every load balancer and cluster of the region.
pub struct Shifts;

#[async_trait]
impl Collector for Shifts {
    fn service(&self) -> Service {
        Service::ZonalShift
    }

    fn part(&self) -> &'static str {
        "shifts"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn needs(&self) -> &'static [Service] {
        &[Service::Elb, Service::Eks]
    }

    async fn collect(&self, session: &Session, known: &Known) -> Reading {
        let round = Round::new(session, Service::ZonalShift);
        let outcome = shifts(&round, known).await;
        round.end(outcome)
    }
}

async fn shifts(round: &Round<'_>, known: &Known) -> Result<Vec<Found>, SourceFailure> {
    let client = round.session.zonal_shift();
    let resources = all_pages!(
        round,
        "ListManagedResources",
        |mark| {
            let call = client.list_managed_resources().max_results(PAGE);
            let call = call.set_next_token(mark.clone());
            round.ask("ListManagedResources", "", call.send()).await?
        },
        page => (page.items, page.next_token)
    );
    let moved: BTreeMap<&str, Facts> = resources
        .iter()
        .filter_map(|resource| Some((resource.arn.as_deref()?, applied(resource)?)))
        .collect();
    let names = match moved.is_empty() {
        true => BTreeMap::new(),
        false => names(round, known).await,
    };
    let kinds = [Kind::LoadBalancer, Kind::Cluster];
    let things = kinds
        .into_iter()
        .flat_map(|kind| known.here(round.session, kind));
    let told = things.filter_map(|thing| {
        let arn = thing.facts.text(Fact::Arn)?;
        let facts = said_of(moved.get(arn), &names);
        Some(Found::Readings(round.readings(&thing.id, facts)))
    });
    Ok(told.collect())
}

/// The shift that is applied to a resource: at most one is at a time, others are `NOT_APPLIED`
/// (<https://docs.aws.amazon.com/r53recovery/latest/dg/arc-zonal-autoshift.how-it-works.precedence.html>).
fn applied(resource: &ManagedResourceSummary) -> Option<Facts> {
    let shifts = resource.zonal_shifts.iter().flatten();
    let shift = shifts
        .filter(|shift| shift.applied_status == AppliedStatus::Applied)
        .map(of_shift)
        .next();
    let autoshifts = resource.autoshifts.iter().flatten();
    let autoshift = autoshifts
        .filter(|shift| shift.applied_status == AutoshiftAppliedStatus::Applied)
        .map(of_autoshift)
        .next();
    shift.or(autoshift)
}

fn of_shift(shift: &ZonalShiftInResource) -> Facts {
    let mut facts = Facts::default();
    facts.set(Fact::ShiftedAwayFrom, shift.away_from.as_str());
    facts.set_some(Fact::ShiftedUntil, time(&shift.expiry_time));
    let by = shift.shift_type.as_ref().map(|kind| kind.as_str());
    facts.set_some(Fact::ShiftedBy, by);
    facts.set_some(Fact::ShiftComment, said(Some(&shift.comment)));
    facts
}

fn of_autoshift(shift: &AutoshiftInResource) -> Facts {
    let mut facts = Facts::default();
    facts.set(Fact::ShiftedAwayFrom, shift.away_from.as_str());
    facts.set(Fact::ShiftedBy, AUTOSHIFT);
    facts
}

/// The facts with the zone by its name.
fn said_of(shift: Option<&Facts>, names: &BTreeMap<String, String>) -> Facts {
    let mut facts = shift.cloned().unwrap_or_default();
    let zone = facts.text(Fact::ShiftedAwayFrom).unwrap_or(NONE);
    let zone = names.get(zone).map_or(zone, String::as_str).to_owned();
    facts.set(Fact::ShiftedAwayFrom, zone);
    facts
}

/// What this account calls zones, by their ids: the subnets of nodegroups tell both. A shift names the id
/// (<https://docs.aws.amazon.com/arc-zonal-shift/latest/api/API_StartZonalShift.html>, `awayFrom`), which is shown where
/// the name cannot be learnt.
async fn names(round: &Round<'_>, known: &Known) -> BTreeMap<String, String> {
    let groups = known.here(round.session, Kind::Nodegroup);
    let texts = groups.filter_map(|group| group.facts.text(Fact::Subnets));
    let ids: BTreeSet<&str> = texts.flat_map(|text| text.split(", ")).collect();
    let ids: Vec<String> = ids
        .into_iter()
        .take(SUBNETS)
        .map(ToOwned::to_owned)
        .collect();
    if ids.is_empty() {
        return BTreeMap::new();
    }
    let call = ec2::describe_subnets(&round.session.sdk, &ids, None);
    let read = round
        .ask_at(Service::Ec2, "DescribeSubnets", "", call)
        .await;
    let subnets = read.map(|page| page.subnets).unwrap_or_default();
    let named = subnets
        .into_iter()
        .filter_map(|one| one.zone_id.zip(one.zone));
    named.collect()
}
