//! Global databases: which regional clusters they join, and which of them writes.
//!
//! Every region of a global database lists it, so it is found once per region under one id.

use crate::aws::text::{arn_region, arn_tail, said};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round};
use async_trait::async_trait;
use aws_sdk_rds::types::{GlobalCluster, GlobalClusterMember};
use cloud::Session;
use model::{
    Fact, Facts, Found, FoundNode, Kind, Name, NodeId, Relation, Scope, Service, SourceFailure,
};
use std::time::Duration;

/// Global databases.
pub struct GlobalClusters;

#[async_trait]
impl Collector for GlobalClusters {
    fn service(&self) -> Service {
        Service::Rds
    }

    fn part(&self) -> &'static str {
        "global-clusters"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Rds);
        let outcome = globals(&round).await;
        round.end(outcome)
    }
}

async fn globals(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let rds = round.session.rds();
    let globals = all_pages!(
        round,
        "DescribeGlobalClusters",
        |mark| {
            let call = rds.describe_global_clusters().set_marker(mark.clone());
            round.ask("DescribeGlobalClusters", "", call.send()).await?
        },
        page => (page.global_clusters.unwrap_or_default(), page.marker)
    );
    let mut found = Vec::new();
    for global in &globals {
        let named = round.take(said(global.global_cluster_identifier.as_deref()));
        let Some(name) = named else { continue };
        found.push(Found::Node(Box::new(node(round, name, global))));
        found.extend(members(global).filter_map(|member| about_member(round, name, member)));
    }
    Ok(found)
}

fn members(global: &GlobalCluster) -> impl Iterator<Item = &GlobalClusterMember> {
    global.global_cluster_members.iter().flatten()
}

fn node(round: &Round<'_>, name: &str, global: &GlobalCluster) -> FoundNode {
    let account = &round.session.account;
    let scope = Scope {
        account: Some(account.clone()),
        ..Scope::default()
    };
    let id = NodeId::aws(Kind::DbGlobal, account.as_str(), None, name);
    let mut node = FoundNode::new(id, Kind::DbGlobal, name, scope);
    let facts = &mut node.facts;
    facts.set_some(Fact::Arn, global.global_cluster_arn.as_deref());
    facts.set_some(Fact::Status, global.status.as_deref());
    facts.set_some(Fact::Engine, global.engine.as_deref());
    facts.set_some(Fact::EngineVersion, global.engine_version.as_deref());
    facts.set_some(Fact::Endpoint, global.endpoint.as_deref());
    facts.set_some(Fact::DeletionProtection, global.deletion_protection);
    facts.set(Fact::Members, members(global).count());
    let writer = members(global).find(|member| member.is_writer == Some(true));
    let writer = writer.and_then(|member| member.db_cluster_arn.as_deref());
    facts.set_some(Fact::Writer, writer.map(place));
    let failover = global.failover_state.as_ref();
    let failover = failover.and_then(|state| state.status.as_ref());
    facts.set_some(Fact::FailoverState, failover.map(|status| status.as_str()));
    if let Some(arn) = &global.global_cluster_arn {
        node.known_as.push(Name::Arn(arn.as_str().into()));
    }
    for arn in members(global).filter_map(|member| member.db_cluster_arn.as_deref()) {
        let name = Name::Arn(arn.into());
        node.tie_to(Relation::Owns, name, "member of the global database");
    }
    node
}

/// `ledger in us-east-1`: cluster names may repeat from region to region.
fn place(arn: &str) -> String {
    match arn_region(arn) {
        Some(region) => format!("{} in {region}", arn_tail(arn)),
        None => arn_tail(arn).to_owned(),
    }
}

/// The member of this region belongs to it.
fn about_member(round: &Round<'_>, global: &str, member: &GlobalClusterMember) -> Option<Found> {
    let arn = member.db_cluster_arn.as_deref()?;
    if arn_region(arn) != Some(&*round.session.region) {
        return None;
    }
    let mut facts = Facts::default();
    facts.set(Fact::GlobalCluster, global);
    let role = member
        .is_writer
        .map(|writer| if writer { "primary" } else { "secondary" });
    facts.set_some(Fact::Role, role);
    let cluster = round.id(Kind::DbCluster, arn_tail(arn));
    Some(Found::Readings(round.readings(&cluster, facts)))
}
