//! Route 53: hosted zones, the record sets that lead somewhere, and health checks.
//!
//! A, AAAA, CNAME and HTTPS sets become nodes, one per set identifier. Everything else in a zone
//! (NS, SOA, TXT, MX, CAA, validation CNAMEs …) is a fact of the zone. Members: API reference,
//! ResourceRecordSet, AliasTarget, HealthCheckConfig.

mod health;
mod record;

pub use health::HealthChecks;

use crate::aws::s3;
use crate::aws::text::host;
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round, each};
use async_trait::async_trait;
use aws_sdk_route53::types::{HostedZone, ResourceRecordSet, RrType};
use cloud::Session;
use model::{Fact, Found, FoundNode, Kind, Name, NodeId, Service, SourceFailure};
use record::{Role, Target};
use std::collections::HashMap;
use std::time::Duration;

/// How many of a zone's other records are listed in its facts.
const LISTED: usize = 40;

/// Hosted zones and their record sets.
pub struct Records;

#[async_trait]
impl Collector for Records {
    fn service(&self) -> Service {
        Service::Route53
    }

    fn part(&self) -> &'static str {
        "records"
    }

    fn reach(&self) -> Reach {
        Reach::Global
    }

    fn period(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Route53);
        let outcome = zones(&round).await;
        round.end(outcome)
    }
}

async fn zones(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let zones = list_zones(round).await?;
    let wanted = zones.iter().filter(|zone| is_wanted(round.session, zone));
    let mut read = each(wanted, |zone| read_zone(round, zone)).await;
    lead_to_records(&mut read);
    let mut found = Vec::new();
    let mut buckets = Vec::new();
    for zone in read {
        found.push(Found::Node(Box::new(zone.node)));
        for record in zone.records {
            buckets.extend(record.bucket);
            found.push(Found::Node(Box::new(record.node)));
        }
    }
    s3::add_declared(&mut found, buckets);
    Ok(found)
}

async fn list_zones(round: &Round<'_>) -> Result<Vec<HostedZone>, SourceFailure> {
    let route53 = round.session.route53();
    Ok(all_pages!(
        round,
        "ListHostedZones",
        |mark| {
            let call = route53.list_hosted_zones().set_marker(mark.clone());
            round.ask("ListHostedZones", "", call.send()).await?
        },
        page => (page.hosted_zones, page.next_marker.filter(|_| page.is_truncated))
    ))
}

fn is_wanted(session: &Session, zone: &HostedZone) -> bool {
    let (id, name) = (zone_id(zone), host(&zone.name));
    let wanted = &session.hosted_zones;
    wanted.is_empty() || wanted.iter().any(|w| host(w) == name || w == id)
}

/// `/hostedzone/Z1` → `Z1`.
fn zone_id(zone: &HostedZone) -> &str {
    zone.id.rsplit('/').next().unwrap_or(&zone.id)
}

struct Zone {
    node: FoundNode,
    records: Vec<record::Record>,
}

/// A zone whose records cannot be read is there all the same, with the reason.
async fn read_zone(round: &Round<'_>, zone: &HostedZone) -> Zone {
    let id = zone_id(zone);
    let mut node = FoundNode::new(
        NodeId::aws(Kind::Zone, round.session.account.as_str(), None, id),
        Kind::Zone,
        zone.name.as_str(),
        round.scope(),
    );
    let private = zone
        .config
        .as_ref()
        .is_some_and(|config| config.private_zone);
    node.facts.set(Fact::PrivateZone, private);
    node.facts
        .set_some(Fact::RecordCount, zone.resource_record_set_count);
    let arn = format!("arn:{}:route53:::hostedzone/{id}", round.session.partition);
    node.facts.set(Fact::Arn, arn.as_str());
    node.known_as.push(Name::Arn(arn.into()));
    let mut records = Vec::new();
    match record_sets(round, id, &zone.name).await {
        Ok(sets) => records = sort_out(round, &mut node, id, sets),
        Err(failure) => node.failure = Some(failure),
    }
    Zone { node, records }
}

async fn record_sets(
    round: &Round<'_>,
    zone: &str,
    zone_name: &str,
) -> Result<Vec<ResourceRecordSet>, SourceFailure> {
    let route53 = round.session.route53();
    let mut sets = Vec::new();
    let mut from: (Option<String>, Option<RrType>, Option<String>) = (None, None, None);
    loop {
        let call = route53
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .set_start_record_name(from.0.clone())
            .set_start_record_type(from.1.clone())
            .set_start_record_identifier(from.2.clone());
        let page = round
            .ask("ListResourceRecordSets", zone_name, call.send())
            .await?;
        sets.extend(page.resource_record_sets);
        let next = (
            page.next_record_name,
            page.next_record_type,
            page.next_record_identifier,
        );
        if !page.is_truncated || next.0.is_none() {
            return Ok(sets);
        }
        if next == from {
            return Err(round.endless("ListResourceRecordSets"));
        }
        from = next;
    }
}

/// Sets that lead somewhere become nodes, the rest facts of the zone.
fn sort_out(
    round: &Round<'_>,
    zone: &mut FoundNode,
    zone_id: &str,
    sets: Vec<ResourceRecordSet>,
) -> Vec<record::Record> {
    let mut records = Vec::new();
    let mut others = Vec::new();
    for set in &sets {
        match record::role(set) {
            Role::Leads => records.extend(round.take(record::read(round, zone, zone_id, set))),
            Role::NameServers if host(&set.name) == host(&zone.name) => {
                let servers: Vec<&str> = record::values(set).collect();
                zone.facts.set(Fact::NameServers, servers.join(", "));
            }
            Role::NameServers | Role::Other => {
                others.push(format!("{} {}", set.r#type.as_str(), set.name));
            }
        }
    }
    if !others.is_empty() {
        let more = others.len().saturating_sub(LISTED);
        others.truncate(LISTED);
        if more > 0 {
            others.push(format!("{more} more"));
        }
        zone.facts.set(Fact::OtherRecords, others.join(", "));
    }
    records
}

/// An alias or CNAME to another record of these zones leads to exactly that record's sets; the name
/// alone could also be a distribution's alternate name.
fn lead_to_records(zones: &mut [Zone]) {
    let mut by_name: HashMap<(String, bool), Vec<(RrType, NodeId)>> = HashMap::new();
    for zone in zones.iter() {
        let private = zone.node.facts.flag(Fact::PrivateZone) == Some(true);
        for record in &zone.records {
            let name = host(&record.node.name);
            let entry = by_name.entry((name, private)).or_default();
            entry.push((record.kind.clone(), record.node.id.clone()));
        }
    }
    for zone in zones {
        let private = zone.node.facts.flag(Fact::PrivateZone) == Some(true);
        for record in &mut zone.records {
            let Some(Target {
                host, same_type, ..
            }) = &record.target
            else {
                continue;
            };
            let sets = by_name
                .get(&(host.clone(), private))
                .map_or(&[][..], Vec::as_slice);
            let matching: Vec<&NodeId> = sets
                .iter()
                .filter(|(kind, id)| (!same_type || *kind == record.kind) && *id != record.node.id)
                .map(|(_, id)| id)
                .collect();
            record.lead_to(&matching);
        }
    }
}
