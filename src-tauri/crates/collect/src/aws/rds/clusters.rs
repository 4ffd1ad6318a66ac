//! Clusters and their members: the cluster says who writes, the instances say how they are.

use super::{class, is_relational, pending};
use crate::aws::text::{arn_tail, known_by_host, said, time};
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round};
use async_trait::async_trait;
use aws_sdk_rds::types::{DbCluster, DbClusterMember, DbInstance};
use cloud::Session;
use model::{
    Fact, Facts, Found, FoundNode, Kind, Name, NodeId, Readings, Relation, Service, SourceFailure,
    Timestamp,
};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

/// Aurora clusters and instances.
pub struct Clusters;

#[async_trait]
impl Collector for Clusters {
    fn service(&self) -> Service {
        Service::Rds
    }

    fn part(&self) -> &'static str {
        "clusters"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(15)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Rds);
        let outcome = clusters(&round).await;
        round.end(outcome)
    }
}

type Instances = BTreeMap<String, DbInstance>;

async fn clusters(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let (clusters, instances) = futures::join!(list_clusters(round), list_instances(round));
    let (clusters, instances) = (clusters?, instances.as_ref());
    let mut found = Vec::new();
    for cluster in clusters
        .iter()
        .filter(|c| is_relational(c.engine.as_deref()))
    {
        let named = round.take(said(cluster.db_cluster_identifier.as_deref()));
        let Some(name) = named else { continue };
        let nodes = read(round, name, cluster, instances);
        found.extend(nodes.into_iter().map(|node| Found::Node(Box::new(node))));
    }
    match instances {
        Ok(instances) => found.extend(others(round, &clusters, instances)),
        Err(failure) => {
            let told = |found: &Found| matches!(found, Found::Node(node) if node.failure.is_some());
            // No member is there to tell it.
            if !found.iter().any(told) {
                round.lose(failure.clone());
            }
        }
    }
    Ok(found)
}

/// What RDS lists beside them (single instances, DocumentDB, Neptune): that it is there, and no more.
fn others(round: &Round<'_>, clusters: &[DbCluster], instances: &Instances) -> Vec<Found> {
    let (drawn, other): (Vec<_>, Vec<_>) = clusters
        .iter()
        .partition(|c| is_relational(c.engine.as_deref()));
    let members: HashSet<&str> = drawn
        .iter()
        .flat_map(|cluster| cluster.db_cluster_members.iter().flatten())
        .filter_map(|member| member.db_instance_identifier.as_deref())
        .collect();
    let single = instances
        .iter()
        .filter(|(name, _)| !members.contains(name.as_str()))
        .map(|(name, instance)| (Kind::DbInstance, name.as_str(), instance.engine.as_deref()));
    let other = other.into_iter().filter_map(|cluster| {
        let name = said(cluster.db_cluster_identifier.as_deref())?;
        Some((Kind::DbCluster, name, cluster.engine.as_deref()))
    });
    let tell = |(kind, name, engine): (Kind, &str, Option<&str>)| {
        let mut facts = Facts::default();
        facts.set_some(Fact::Engine, engine);
        Found::Readings(Readings {
            // Nothing was measured: it is the same as long as it is listed.
            at: Timestamp::default(),
            ..round.readings(&round.id(kind, name), facts)
        })
    };
    single.chain(other).map(tell).collect()
}

async fn list_clusters(round: &Round<'_>) -> Result<Vec<DbCluster>, SourceFailure> {
    let rds = round.session.rds();
    Ok(all_pages!(
        round,
        "DescribeDBClusters",
        |mark| {
            let call = rds.describe_db_clusters().set_marker(mark.clone());
            round.ask("DescribeDBClusters", "", call.send()).await?
        },
        page => (page.db_clusters.unwrap_or_default(), page.marker)
    ))
}

async fn list_instances(round: &Round<'_>) -> Result<Instances, SourceFailure> {
    let rds = round.session.rds();
    let instances = all_pages!(
        round,
        "DescribeDBInstances",
        |mark| {
            let call = rds.describe_db_instances().set_marker(mark.clone());
            round.ask("DescribeDBInstances", "", call.send()).await?
        },
        page => (page.db_instances.unwrap_or_default(), page.marker)
    );
    let named = instances.into_iter().filter_map(|instance| {
        let name = round.take(said(instance.db_instance_identifier.as_deref()))?;
        let name = name.to_owned();
        Some((name, instance))
    });
    Ok(named.collect())
}

/// The cluster and its members; when the instances could not be listed, the members are there all
/// the same with their roles, and with the reason.
fn read(
    round: &Round<'_>,
    name: &str,
    cluster: &DbCluster,
    instances: Result<&Instances, &SourceFailure>,
) -> Vec<FoundNode> {
    let mut node = round.node(Kind::DbCluster, name);
    describe(&mut node, cluster);
    let members: Vec<FoundNode> = cluster
        .db_cluster_members
        .iter()
        .flatten()
        .filter_map(|member| {
            let name = round.take(said(member.db_instance_identifier.as_deref()))?;
            let mut instance = instance(round, name, member, &node.id);
            let storage = node.facts.text(Fact::StorageType);
            instance.facts.set_some(Fact::StorageType, storage);
            match instances {
                Ok(instances) => {
                    if let Some(known) = instances.get(name) {
                        describe_instance(&mut instance, known);
                    }
                }
                Err(failure) => instance.failure = Some(failure.clone()),
            }
            Some(instance)
        })
        .collect();
    count(&mut node, &members, instances.is_ok());
    let mut nodes = members;
    nodes.push(node);
    nodes
}

fn describe(node: &mut FoundNode, cluster: &DbCluster) {
    let facts = &mut node.facts;
    facts.set_some(Fact::Arn, cluster.db_cluster_arn.as_deref());
    facts.set_some(Fact::Status, cluster.status.as_deref());
    facts.set_some(Fact::Engine, cluster.engine.as_deref());
    facts.set_some(Fact::EngineVersion, cluster.engine_version.as_deref());
    facts.set_some(Fact::Endpoint, cluster.endpoint.as_deref());
    facts.set_some(Fact::ReaderEndpoint, cluster.reader_endpoint.as_deref());
    facts.set_some(Fact::Port, cluster.port);
    facts.set_some(Fact::DeletionProtection, cluster.deletion_protection);
    facts.set_some(Fact::StorageType, storage_type(cluster));
    let waiting = pending::of_cluster(cluster.pending_modified_values.as_ref());
    facts.set(Fact::PendingModifications, waiting);
    facts.set_some(
        Fact::BackupWindow,
        said(cluster.preferred_backup_window.as_deref()),
    );
    facts.set_some(
        Fact::MaintenanceWindow,
        said(cluster.preferred_maintenance_window.as_deref()),
    );
    facts.set_some(
        Fact::CreatedAt,
        cluster.cluster_create_time.as_ref().and_then(time),
    );
    let global = cluster.global_cluster_identifier.as_deref().map(arn_tail);
    facts.set_some(Fact::GlobalCluster, global.filter(|name| !name.is_empty()));
    if let Some(arn) = &cluster.db_cluster_arn {
        node.known_as.push(Name::Arn(arn.as_str().into()));
    }
    let endpoints = [&cluster.endpoint, &cluster.reader_endpoint];
    let endpoints = endpoints.into_iter().flatten();
    for host in endpoints.chain(cluster.custom_endpoints.iter().flatten()) {
        known_by_host(node, host);
    }
}

/// How the storage of an Aurora cluster is charged: RDS names I/O-Optimized and says nothing of Standard
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html>, StorageType).
fn storage_type(cluster: &DbCluster) -> Option<&str> {
    let aurora = cluster.engine.as_deref()?.starts_with("aurora");
    aurora.then(|| said(cluster.storage_type.as_deref()).unwrap_or("aurora"))
}

fn instance(
    round: &Round<'_>,
    name: &str,
    member: &DbClusterMember,
    cluster: &NodeId,
) -> FoundNode {
    let mut node = round.node(Kind::DbInstance, name);
    node.tie_from(
        Relation::Owns,
        Name::Id(cluster.clone()),
        "member of the cluster",
    );
    let role = member
        .is_cluster_writer
        .map(|writer| if writer { "writer" } else { "reader" });
    node.facts.set_some(Fact::Role, role);
    node.facts
        .set_some(Fact::PromotionTier, member.promotion_tier);
    node
}

fn describe_instance(node: &mut FoundNode, instance: &DbInstance) {
    node.scope.az = instance.availability_zone.as_deref().map(Into::into);
    let facts = &mut node.facts;
    facts.set_some(Fact::Arn, instance.db_instance_arn.as_deref());
    facts.set_some(Fact::Status, instance.db_instance_status.as_deref());
    facts.set_some(Fact::Engine, instance.engine.as_deref());
    facts.set_some(Fact::EngineVersion, instance.engine_version.as_deref());
    facts.set_some(Fact::InstanceClass, instance.db_instance_class.as_deref());
    class::describe(
        facts,
        instance.db_instance_class.as_deref(),
        instance.engine.as_deref(),
    );
    facts.set(Fact::PendingModifications, pending::of_instance(instance));
    facts.set_some(
        Fact::MaintenanceWindow,
        said(instance.preferred_maintenance_window.as_deref()),
    );
    facts.set_some(Fact::SubnetZones, subnet_zones(instance));
    facts.set_some(
        Fact::CreatedBy,
        is_autoscaled(instance).then_some("autoscaling"),
    );
    facts.set_some(
        Fact::CreatedAt,
        instance.instance_create_time.as_ref().and_then(time),
    );
    if let Some(endpoint) = &instance.endpoint {
        facts.set_some(Fact::Endpoint, endpoint.address.as_deref());
        facts.set_some(Fact::Port, endpoint.port);
        if let Some(host) = &endpoint.address {
            known_by_host(node, host);
        }
    }
    if let Some(arn) = &instance.db_instance_arn {
        node.known_as.push(Name::Arn(arn.as_str().into()));
    }
}

/// Where its cluster can have members: the zones of the subnets of its group (RDS API reference,
/// DBSubnetGroup).
fn subnet_zones(instance: &DbInstance) -> Option<String> {
    let group = instance.db_subnet_group.as_ref()?;
    let subnets = group.subnets.iter().flatten();
    let zones: BTreeSet<&str> = subnets
        .filter_map(|subnet| said(subnet.subnet_availability_zone.as_ref()?.name.as_deref()))
        .collect();
    let zones: Vec<&str> = zones.into_iter().collect();
    (!zones.is_empty()).then(|| zones.join(", "))
}

/// Readers that Application Auto Scaling added carry its tag, and a name that begins like this (Aurora
/// UserGuide, Aurora.Integrating.AutoScaling).
fn is_autoscaled(instance: &DbInstance) -> bool {
    let tags = instance.tag_list.iter().flatten();
    let named = instance.db_instance_identifier.as_deref();
    named.is_some_and(|name| name.starts_with("application-autoscaling-"))
        || tags
            .filter_map(|tag| tag.key.as_deref())
            .any(|key| key == "application-autoscaling:resourceId")
}

/// What follows from the members; status and zones only when the instances were listed.
fn count(node: &mut FoundNode, members: &[FoundNode], listed: bool) {
    let with = |role: &'static str| {
        members
            .iter()
            .filter(move |member| member.facts.text(Fact::Role) == Some(role))
    };
    let facts = &mut node.facts;
    facts.set(Fact::Members, members.len());
    facts.set(Fact::Readers, with("reader").count());
    facts.set_some(
        Fact::Writer,
        with("writer").next().map(|writer| writer.name.as_str()),
    );
    if listed {
        let serves = |status| matches!(status, Some("available" | "backing-up"));
        let available = with("reader").filter(|reader| serves(reader.facts.text(Fact::Status)));
        facts.set(Fact::ReadersAvailable, available.count());
        let zones: BTreeSet<_> = members
            .iter()
            .filter_map(|m| m.scope.az.as_deref())
            .collect();
        facts.set(Fact::MultiAz, zones.len() > 1);
    }
}
