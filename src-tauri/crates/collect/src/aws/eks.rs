//! EKS: clusters and managed nodegroups, with what EKS itself says is wrong with them.
//!
//! Members: API reference, Cluster, Nodegroup, Issue, ClusterIssue.

use crate::aws::text::{known_by_host, said, time};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round, each};
use async_trait::async_trait;
use aws_sdk_eks::types::{Cluster, Nodegroup};
use cloud::Session;
use model::{
    Fact, Facts, Found, FoundNode, Kind, Name, NodeId, Relation, Scope, Service, SourceFailure,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Clusters with their nodegroups.
pub struct Clusters;

#[async_trait]
impl Collector for Clusters {
    fn service(&self) -> Service {
        Service::Eks
    }

    fn part(&self) -> &'static str {
        "clusters"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Eks);
        let outcome = clusters(&round).await;
        round.end(outcome)
    }
}

async fn clusters(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let eks = round.session.eks();
    let names = all_pages!(
        round,
        "ListClusters",
        |mark| {
            let call = eks.list_clusters().set_next_token(mark.clone());
            round.ask("ListClusters", "", call.send()).await?
        },
        page => (page.clusters.unwrap_or_default(), page.next_token)
    );
    let read = each(names.iter().filter(|n| !n.is_empty()), |name| {
        cluster(round, name)
    })
    .await;
    let nodes = read.into_iter().flatten();
    Ok(nodes.map(|node| Found::Node(Box::new(node))).collect())
}

/// A cluster and its nodegroups, asked about at once. What cannot be read of it is its failure.
async fn cluster(round: &Round<'_>, name: &str) -> Vec<FoundNode> {
    let mut node = round.node(Kind::Cluster, name);
    node.scope.cluster = Some(name.into());
    let call = round.session.eks().describe_cluster().name(name).send();
    let (cluster, groups) = futures::join!(
        round.ask("DescribeCluster", name, call),
        nodegroups(round, name, &node),
    );
    match cluster {
        Ok(answer) => match round.take(answer.cluster) {
            Some(cluster) => describe_cluster(&mut node, &cluster),
            None => return Vec::new(),
        },
        Err(failure) => node.failure = Some(failure),
    }
    let mut nodes = Vec::new();
    match groups {
        Ok(groups) => nodes.extend(groups),
        Err(failure) => node.failure = node.failure.or(Some(failure)),
    }
    nodes.push(node);
    nodes
}

/// Codes and messages of `health.issues`: the same members under two types.
macro_rules! issues {
    ($of:expr) => {{
        let issues = $of
            .health
            .iter()
            .flat_map(|health| health.issues.iter().flatten());
        issues.map(|issue| {
            let code = issue.code.as_ref().map_or("Other", |code| code.as_str());
            (code, issue.message.as_deref())
        })
    }};
}

fn describe_cluster(node: &mut FoundNode, cluster: &Cluster) {
    let facts = &mut node.facts;
    facts.set_some(Fact::Arn, cluster.arn.as_deref());
    facts.set_some(
        Fact::Status,
        cluster.status.as_ref().map(|status| status.as_str()),
    );
    facts.set_some(Fact::Version, cluster.version.as_deref());
    facts.set_some(Fact::PlatformVersion, cluster.platform_version.as_deref());
    facts.set_some(Fact::Endpoint, cluster.endpoint.as_deref());
    facts.set_some(Fact::CreatedAt, cluster.created_at.as_ref().and_then(time));
    let vpc = cluster.resources_vpc_config.as_ref();
    facts.set_some(Fact::Vpc, vpc.and_then(|vpc| vpc.vpc_id.as_deref()));
    let shift = cluster.zonal_shift_config.as_ref();
    facts.set_some(
        Fact::ZonalShiftEnabled,
        shift.and_then(|shift| shift.enabled),
    );
    describe_issues(node, issues!(cluster));
    if let Some(arn) = &cluster.arn {
        node.known_as.push(Name::Arn(arn.as_str().into()));
    }
    if let Some(host) = cluster
        .endpoint
        .as_deref()
        .and_then(|url| url.split("://").nth(1))
    {
        known_by_host(node, host.trim_end_matches('/'));
    }
}

async fn nodegroups(
    round: &Round<'_>,
    cluster: &str,
    owner: &FoundNode,
) -> Result<Vec<FoundNode>, SourceFailure> {
    let eks = round.session.eks();
    let names = all_pages!(
        round,
        "ListNodegroups",
        |mark| {
            let call = eks.list_nodegroups().cluster_name(cluster).set_next_token(mark.clone());
            round.ask("ListNodegroups", cluster, call.send()).await?
        },
        page => (page.nodegroups.unwrap_or_default(), page.next_token)
    );
    let (id, scope) = (owner.id.clone(), owner.scope.clone());
    Ok(each(names.iter().filter(|n| !n.is_empty()), |name| {
        nodegroup(round, cluster, name, &id, &scope)
    })
    .await)
}

/// Nodegroup names repeat from cluster to cluster, so the cluster is part of the id.
async fn nodegroup(
    round: &Round<'_>,
    cluster: &str,
    name: &str,
    owner: &NodeId,
    scope: &Scope,
) -> FoundNode {
    let id = round.id(Kind::Nodegroup, &format!("{cluster}/{name}"));
    let mut node = FoundNode::new(id, Kind::Nodegroup, name, scope.clone());
    node.tie_from(
        Relation::Owns,
        Name::Id(owner.clone()),
        "nodegroup of the cluster",
    );
    let call = round.session.eks().describe_nodegroup();
    let call = call.cluster_name(cluster).nodegroup_name(name).send();
    match round
        .ask("DescribeNodegroup", &format!("{cluster}/{name}"), call)
        .await
    {
        Ok(answer) => {
            if let Some(group) = round.take(answer.nodegroup) {
                describe_nodegroup(&mut node, &group);
            }
        }
        Err(failure) => node.failure = Some(failure),
    }
    node
}

fn describe_nodegroup(node: &mut FoundNode, group: &Nodegroup) {
    let facts = &mut node.facts;
    facts.set_some(Fact::Arn, group.nodegroup_arn.as_deref());
    facts.set_some(
        Fact::Status,
        group.status.as_ref().map(|status| status.as_str()),
    );
    facts.set_some(Fact::Version, group.version.as_deref());
    facts.set_some(Fact::CreatedAt, group.created_at.as_ref().and_then(time));
    let capacity = group
        .capacity_type
        .as_ref()
        .map(|capacity| capacity.as_str());
    facts.set_some(Fact::CapacityType, capacity);
    let types = group
        .instance_types
        .as_ref()
        .filter(|types| !types.is_empty());
    facts.set_some(Fact::InstanceTypes, types.map(|types| types.join(", ")));
    let subnets = group.subnets.as_ref().filter(|ids| !ids.is_empty());
    facts.set_some(Fact::Subnets, subnets.map(|ids| ids.join(", ")));
    describe_owner(facts, group);
    if let Some(scaling) = &group.scaling_config {
        facts.set_some(Fact::Desired, scaling.desired_size);
        facts.set_some(Fact::Min, scaling.min_size);
        facts.set_some(Fact::Max, scaling.max_size);
    }
    describe_issues(node, issues!(group));
    if let Some(arn) = &group.nodegroup_arn {
        node.known_as.push(Name::Arn(arn.as_str().into()));
    }
}

/// Who sizes the group besides its scaling configuration. The Cluster Autoscaler finds its groups by
/// this tag (its AWS documentation, auto-discovery).
fn describe_owner(facts: &mut Facts, group: &Nodegroup) {
    let enabled = "k8s.io/cluster-autoscaler/enabled";
    let tagged = group
        .tags
        .as_ref()
        .is_some_and(|tags| tags.contains_key(enabled));
    facts.set_some(Fact::ScaledBy, tagged.then_some("cluster-autoscaler"));
    let made = group.resources.as_ref();
    let groups: Vec<&str> = made
        .iter()
        .flat_map(|made| made.auto_scaling_groups.iter().flatten())
        .filter_map(|group| said(group.name.as_deref()))
        .collect();
    if !groups.is_empty() {
        facts.set(Fact::AutoscalingGroups, groups.join(", "));
    }
}

/// Issue codes with counts, and the first message; absent when EKS reports none.
fn describe_issues<'a>(
    node: &mut FoundNode,
    issues: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) {
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut first = None;
    for (code, message) in issues {
        *codes.entry(code).or_default() += 1;
        first = first.or(said(message));
    }
    if !codes.is_empty() {
        let words: Vec<String> = codes
            .iter()
            .map(|(code, n)| format!("{code} ×{n}"))
            .collect();
        node.facts.set(Fact::HealthIssues, words.join(", "));
        node.facts.set_some(Fact::Message, first);
    }
}
