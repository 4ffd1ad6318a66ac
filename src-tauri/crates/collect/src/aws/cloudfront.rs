//! CloudFront: distributions and where they fetch from.
//!
//! ListDistributions gives everything shown (API reference, DistributionSummary), so no
//! distribution is asked about by itself.

use crate::aws::s3::{self, Bucket};
use crate::aws::text::{host, host_name, known_by_host, time};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round};
use async_trait::async_trait;
use aws_sdk_cloudfront::types::{DistributionSummary, Origin};
use cloud::Session;
use model::{Fact, Found, FoundNode, Kind, Name, Relation, Service, SourceFailure};
use std::time::Duration;

/// Distributions.
pub struct Distributions;

#[async_trait]
impl Collector for Distributions {
    fn service(&self) -> Service {
        Service::CloudFront
    }

    fn part(&self) -> &'static str {
        "distributions"
    }

    fn reach(&self) -> Reach {
        Reach::Global
    }

    fn period(&self) -> Duration {
        Duration::from_secs(60)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::CloudFront);
        let outcome = distributions(&round).await;
        round.end(outcome)
    }
}

async fn distributions(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let cloudfront = round.session.cloudfront();
    let summaries = all_pages!(
        round,
        "ListDistributions",
        |mark| {
            let call = cloudfront.list_distributions().set_marker(mark.clone());
            round.ask("ListDistributions", "", call.send()).await?.distribution_list
        },
        page => match page {
            Some(page) => (
                page.items.unwrap_or_default(),
                page.next_marker.filter(|_| page.is_truncated),
            ),
            None => (Vec::new(), None),
        }
    );
    let mut found = Vec::new();
    let mut buckets = Vec::new();
    for summary in &summaries {
        let id = Some(summary.id.as_str()).filter(|id| !id.is_empty());
        let Some(id) = round.take(id) else { continue };
        found.push(Found::Node(Box::new(node(round, id, summary))));
        let hosts = origins(summary).map(|origin| host(&origin.domain_name));
        buckets.extend(hosts.filter_map(|host| Some(Bucket::of(&host)?.declared(round))));
    }
    s3::add_declared(&mut found, buckets);
    Ok(found)
}

fn origins(summary: &DistributionSummary) -> impl Iterator<Item = &Origin> {
    summary.origins.iter().flat_map(|origins| &origins.items)
}

fn node(round: &Round<'_>, id: &str, summary: &DistributionSummary) -> FoundNode {
    let mut node = round.node(Kind::Distribution, id);
    describe(&mut node, summary);
    known_by_host(&mut node, &summary.domain_name);
    if !summary.arn.is_empty() {
        node.facts.set(Fact::Arn, summary.arn.as_str());
        node.known_as.push(Name::Arn(summary.arn.as_str().into()));
    }
    for alias in aliases(summary) {
        known_by_host(&mut node, alias);
    }
    for origin in origins(summary) {
        let provenance = format!("origin {} of the distribution", origin.id);
        node.tie_to(Relation::Origin, host_name(&origin.domain_name), provenance);
    }
    node
}

fn aliases(summary: &DistributionSummary) -> &[String] {
    let aliases = summary.aliases.as_ref();
    aliases
        .and_then(|aliases| aliases.items.as_deref())
        .unwrap_or_default()
}

fn describe(node: &mut FoundNode, summary: &DistributionSummary) {
    let facts = &mut node.facts;
    facts.set(Fact::Status, summary.status.as_str());
    facts.set(Fact::Domain, summary.domain_name.as_str());
    facts.set(Fact::Enabled, summary.enabled);
    facts.set(Fact::PriceClass, summary.price_class.as_str());
    facts.set_some(Fact::LastModified, time(&summary.last_modified_time));
    if !aliases(summary).is_empty() {
        facts.set(Fact::Aliases, aliases(summary).join(", "));
    }
    if !summary.web_acl_id.is_empty() {
        facts.set(Fact::WebAcl, summary.web_acl_id.as_str());
    }
    facts.set(Fact::Origins, origins(summary).count());
    let groups = summary.origin_groups.as_ref();
    let groups = groups.and_then(|groups| groups.items.as_ref());
    facts.set(Fact::OriginGroups, groups.map_or(0, Vec::len));
    let mut controls: Vec<&str> = origins(summary)
        .filter_map(|origin| origin.origin_access_control_id.as_deref())
        .filter(|id| !id.is_empty())
        .collect();
    controls.dedup();
    if !controls.is_empty() {
        facts.set(Fact::OriginAccessControl, controls.join(", "));
    }
}
