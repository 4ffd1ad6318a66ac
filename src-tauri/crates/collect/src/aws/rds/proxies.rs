//! Which RDS Proxies stand in front of a cluster (DescribeDBProxies, DescribeDBProxyTargets): a source of
//! its own, for it changes by the month and needs permissions of its own.
//!
//! Of a proxy's targets the cluster itself has the type `TRACKED_CLUSTER` and its identifier as
//! `RdsResourceId`, beside one target for each member
//! (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBProxyTarget.html>). Applications
//! connect to the proxy's endpoint instead of the cluster's
//! (<https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy.howitworks.html>), so a
//! cluster is also known by that. Endpoints that were added to a proxy later
//! (DescribeDBProxyEndpoints) are not read.
//!
//! A proxy that is not `available` does not take requests
//! (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBProxy.html>), and one that does not
//! reach its targets leads nowhere
//! (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_TargetHealth.html>): what is wrong is
//! said behind its name. What is not told is not held against it.

use crate::aws::text::{known_by_host, said};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round, each};
use async_trait::async_trait;
use aws_sdk_rds::types::{
    DbProxy, DbProxyStatus, DbProxyTarget, TargetRole, TargetState, TargetType,
};
use cloud::Session;
use model::{Fact, Facts, Found, FoundNode, Kind, NONE, Service, SourceFailure, Standing};
use std::time::Duration;

/// Proxies, said of their clusters.
pub struct Proxies;

#[async_trait]
impl Collector for Proxies {
    fn service(&self) -> Service {
        Service::Rds
    }

    fn part(&self) -> &'static str {
        "proxies"
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
        let clusters: Vec<&FoundNode> = known.here(session, Kind::DbCluster).collect();
        let outcome = proxies(&round, &clusters).await;
        round.end(outcome)
    }
}

/// A proxy with the clusters it leads to.
struct Front {
    name: String,
    endpoint: Option<String>,
    /// Why it keeps no connection now, a word or two.
    fault: Option<String>,
    clusters: Vec<String>,
}

async fn proxies(round: &Round<'_>, clusters: &[&FoundNode]) -> Result<Vec<Found>, SourceFailure> {
    let rds = round.session.rds();
    let proxies = all_pages!(
        round,
        "DescribeDBProxies",
        |mark| {
            let call = rds.describe_db_proxies().set_marker(mark.clone());
            round.ask("DescribeDBProxies", "", call.send()).await?
        },
        page => (page.db_proxies.unwrap_or_default(), page.marker)
    );
    let all = proxies.len();
    let read = each(&proxies, |proxy| front(round, proxy)).await;
    let fronts = round.most(read)?;
    let whole = fronts.len() == all;
    let told = clusters
        .iter()
        .flat_map(|cluster| about(round, cluster, &fronts, whole));
    Ok(told.collect())
}

/// `None` for a proxy without a name.
async fn front(round: &Round<'_>, proxy: &DbProxy) -> Result<Option<Front>, SourceFailure> {
    let Some(name) = said(proxy.db_proxy_name.as_deref()) else {
        return Ok(round.take(None));
    };
    let targets = targets(round, name).await?;
    let tracked = targets
        .iter()
        .filter(|target| target.r#type == Some(TargetType::TrackedCluster))
        .filter_map(|target| round.take(said(target.rds_resource_id.as_deref())));
    Ok(Some(Front {
        name: name.to_owned(),
        endpoint: said(proxy.endpoint.as_deref()).map(ToOwned::to_owned),
        fault: fault(proxy, &targets),
        clusters: tracked.map(ToOwned::to_owned).collect(),
    }))
}

impl Front {
    /// `orders-proxy`, or `orders-proxy (incompatible-network)`.
    fn called(&self) -> String {
        match &self.fault {
            Some(fault) => format!("{} ({fault})", self.name),
            None => self.name.clone(),
        }
    }
}

/// A writer that the proxy does not reach is what a failover is for; a reader may be the next writer.
fn fault(proxy: &DbProxy, targets: &[DbProxyTarget]) -> Option<String> {
    if let Some(status) = proxy.status.as_ref()
        && *status != DbProxyStatus::Available
    {
        return Some(status.as_str().to_owned());
    }
    let state = |target: &DbProxyTarget| target.target_health.as_ref()?.state.clone();
    let lost = |target: &&DbProxyTarget| {
        state(target) == Some(TargetState::Unavailable)
            && target.role != Some(TargetRole::ReadWrite)
    };
    let mut told = targets.iter().filter_map(state).peekable();
    if told.peek().is_some() && !told.any(|state| state == TargetState::Available) {
        return Some("no target available".to_owned());
    }
    let lost = targets.iter().find(lost)?;
    let name = said(lost.rds_resource_id.as_deref()).unwrap_or("a target");
    Some(format!("{name} unavailable"))
}

async fn targets(round: &Round<'_>, proxy: &str) -> Result<Vec<DbProxyTarget>, SourceFailure> {
    let rds = round.session.rds();
    Ok(all_pages!(
        round,
        "DescribeDBProxyTargets",
        |mark| {
            let call = || {
                let call = rds.describe_db_proxy_targets().db_proxy_name(proxy);
                call.set_marker(mark.clone()).send()
            };
            round.ask_patiently("DescribeDBProxyTargets", proxy, call).await?
        },
        page => (page.targets.unwrap_or_default(), page.marker)
    ))
}

/// The proxies of a cluster, and the hosts by which it is known through them. That it has none is only
/// said when every proxy was asked.
fn about(round: &Round<'_>, cluster: &FoundNode, fronts: &[Front], whole: bool) -> Vec<Found> {
    let own = |front: &&Front| front.clusters.iter().any(|name| **name == *cluster.name);
    let mut own: Vec<&Front> = fronts.iter().filter(own).collect();
    own.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<String> = own.iter().map(|front| front.called()).collect();
    let mut facts = Facts::default();
    match names.is_empty() {
        false => facts.set(Fact::Proxies, names.join(", ")),
        true => facts.set_some(Fact::Proxies, whole.then_some(NONE)),
    }
    let mut found = vec![Found::Readings(round.readings(&cluster.id, facts))];
    let mut node = round.node(Kind::DbCluster, &cluster.name);
    node.standing = Standing::Declared;
    for host in own.iter().filter_map(|front| front.endpoint.as_deref()) {
        known_by_host(&mut node, host);
    }
    if !node.known_as.is_empty() {
        found.push(Found::Node(Box::new(node)));
    }
    found
}
