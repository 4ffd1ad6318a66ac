//! A database cluster as actions see it: who writes, who reads, who uses it, and what is in front of
//! those.

use crate::origin::Origin;
use crate::words::list;
use crate::workload::near;
use model::{Fact, Kind, Node, Relation, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// A cluster with its members, by the picture.
#[derive(Clone, Debug)]
pub(crate) struct Database<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) cluster: &'a Node,
    pub(crate) writer: Option<&'a Node>,
    /// By name.
    pub(crate) readers: Vec<&'a Node>,
}

impl<'a> Database<'a> {
    /// Of a cluster.
    pub(crate) fn new(snapshot: &'a Snapshot, cluster: &'a Node) -> Self {
        let mut readers = members(snapshot, cluster);
        readers.retain(|member| !is_writer(member));
        readers.sort_by(|a: &&Node, b| a.name.cmp(&b.name));
        Self {
            snapshot,
            cluster,
            writer: writer(snapshot, cluster),
            readers,
        }
    }

    /// Of the cluster an instance belongs to.
    pub(crate) fn of_instance(snapshot: &'a Snapshot, instance: &Node) -> Option<Self> {
        let owner = snapshot.edges.iter().find_map(|edge| {
            let owns = edge.relation == Relation::Owns && edge.to == instance.id;
            let owner = owns.then(|| snapshot.node(&edge.from)).flatten()?;
            (owner.kind == Kind::DbCluster).then_some(owner)
        });
        Some(Self::new(snapshot, owner?))
    }

    /// Writer and readers.
    pub(crate) fn members(&self) -> impl Iterator<Item = &'a Node> + '_ {
        self.writer.into_iter().chain(self.readers.iter().copied())
    }

    /// Where `fact` of `node` comes from.
    pub(crate) fn origin(&self, node: &Node, fact: Fact) -> Origin {
        Origin::of(self.snapshot, node, fact)
    }

    /// Deployments and stateful sets that name one of its endpoints, with their ready pods.
    pub(crate) fn users(&self) -> Vec<User<'a>> {
        let snapshot = self.snapshot;
        let named: BTreeSet<_> = self
            .members()
            .map(|member| &member.id)
            .chain([&self.cluster.id])
            .collect();
        let connects = snapshot
            .edges
            .iter()
            .filter(|edge| edge.relation == Relation::ConnectsTo && named.contains(&edge.to))
            .filter_map(|edge| snapshot.node(&edge.from));
        let mut users: BTreeMap<_, User<'a>> = BTreeMap::new();
        for node in connects.map(AsRef::as_ref) {
            if is_workload(node) {
                let pods = Vec::new();
                users.entry(&node.id).or_insert(User { node, pods });
            }
        }
        let mut by_name: BTreeMap<_, &mut User<'a>> = users
            .values_mut()
            .map(|user| {
                let scope = &user.node.scope;
                let namespace = scope.namespace.as_deref().unwrap_or_default();
                let name = format!("{namespace}/{}", user.node.name);
                let cluster = scope.cluster.as_deref().map(ToOwned::to_owned);
                ((cluster, user.node.kind.as_str().to_owned(), name), user)
            })
            .collect();
        let pods = snapshot.nodes.iter().map(AsRef::as_ref);
        for pod in pods.filter(|node: &&Node| node.kind == Kind::Pod) {
            let kind = pod.facts.text(Fact::WorkloadKind).map(str::to_lowercase);
            let key = pod.facts.text(Fact::Workload).map(ToOwned::to_owned);
            let (Some(kind), Some(key)) = (kind, key) else {
                continue;
            };
            let cluster = pod.scope.cluster.as_deref().map(ToOwned::to_owned);
            if let Some(user) = by_name.get_mut(&(cluster, kind, key)) {
                user.pods.push(pod);
            }
        }
        users.into_values().collect()
    }

    /// Application balancers in front of the pods of `users`.
    pub(crate) fn balancers(&self, users: &[User<'_>]) -> Vec<&'a Node> {
        let pods: BTreeSet<_> = users
            .iter()
            .flat_map(|user| user.pods.iter().map(|pod| &pod.id))
            .collect();
        let edges = || self.snapshot.edges.iter();
        let groups: BTreeSet<_> = edges()
            .filter(|e| e.relation == Relation::Targets && pods.contains(&e.to))
            .map(|e| &e.from)
            .collect();
        let balancers: BTreeSet<_> = edges()
            .filter(|e| e.relation == Relation::Forwards && groups.contains(&e.to))
            .map(|e| &e.from)
            .collect();
        let nodes = balancers
            .into_iter()
            .filter_map(|id| self.snapshot.node(id));
        nodes.map(AsRef::as_ref).collect()
    }

    /// The global database it belongs to, by the picture.
    pub(crate) fn global(&self) -> Option<&'a Node> {
        let owner = self.snapshot.edges.iter().find_map(|edge| {
            let owns = edge.relation == Relation::Owns && edge.to == self.cluster.id;
            let owner = owns.then(|| self.snapshot.node(&edge.from)).flatten()?;
            (owner.kind == Kind::DbGlobal).then_some(owner)
        });
        owner.map(AsRef::as_ref)
    }
}

/// The instances of a cluster, by the picture.
pub(crate) fn members<'a>(snapshot: &'a Snapshot, cluster: &Node) -> Vec<&'a Node> {
    let mut all = near::next(snapshot, &cluster.id, Relation::Owns);
    all.retain(|node| node.kind == Kind::DbInstance);
    all
}

/// The one of them that takes writes; `None` where no member is known to.
pub(crate) fn writer<'a>(snapshot: &'a Snapshot, cluster: &Node) -> Option<&'a Node> {
    let mut all = members(snapshot, cluster).into_iter();
    all.find(|member| is_writer(member))
}

fn is_writer(member: &Node) -> bool {
    member.facts.text(Fact::Role) == Some("writer")
}

/// A workload that uses a database.
#[derive(Clone, Debug)]
pub(crate) struct User<'a> {
    pub(crate) node: &'a Node,
    pub(crate) pods: Vec<&'a Node>,
}

fn is_workload(node: &Node) -> bool {
    matches!(node.kind, Kind::Deployment | Kind::StatefulSet)
}

/// `db.r6g.2xlarge (8 vCPU, 64 GiB)`, as far as the class is known.
pub(crate) fn class_words(instance: &Node) -> String {
    let facts = &instance.facts;
    let class = facts.text(Fact::InstanceClass).unwrap_or("class not known");
    let (cpus, memory) = size(instance);
    match (cpus, memory) {
        (Some(cpus), Some(memory)) => format!("{class} ({cpus:.0} vCPU, {memory:.0} GiB)"),
        _ => class.to_owned(),
    }
}

/// Virtual CPUs and GiB of its class.
pub(crate) fn size(instance: &Node) -> (Option<f64>, Option<f64>) {
    let facts = &instance.facts;
    (
        facts.number(Fact::ClassVcpus),
        facts.number(Fact::ClassMemoryGib),
    )
}

/// Whether its class is smaller than the other's, in memory or CPUs; `None` when a class is not known
/// and they differ.
pub(crate) fn smaller(instance: &Node, than: &Node) -> Option<bool> {
    let class = |node: &Node| node.facts.text(Fact::InstanceClass).map(ToOwned::to_owned);
    if class(instance).is_some() && class(instance) == class(than) {
        return Some(false);
    }
    let ((cpus, memory), (their_cpus, their_memory)) = (size(instance), size(than));
    Some(cpus? < their_cpus? || memory? < their_memory?)
}

/// Whether RDS says it can be used.
pub(crate) fn is_available(instance: &Node) -> bool {
    instance.facts.text(Fact::Status) == Some("available")
}

/// Whether one of them can be used; `None` while none is known to, and the status of one is not known.
pub(crate) fn any_available(instances: &[&Node]) -> Option<bool> {
    let silent = |node: &&Node| !is_told(node);
    match instances.iter().any(|node| is_available(node)) {
        true => Some(true),
        false if instances.iter().any(silent) => None,
        false => Some(false),
    }
}

/// Names of those that can be used, in words.
pub(crate) fn available_words(instances: &[&Node]) -> String {
    let able = instances.iter().filter(|node| is_available(node));
    let names: Vec<&str> = able.map(|node| node.name.as_str()).collect();
    match (names.is_empty(), any_available(instances)) {
        (false, _) => list(&names),
        (true, None) => "not known".to_owned(),
        (true, Some(_)) => "none".to_owned(),
    }
}

/// Whether RDS described it: as a member alone, nothing but its role is known.
pub(crate) fn is_told(instance: &Node) -> bool {
    instance.facts.text(Fact::Status).is_some()
}

/// Whether Application Auto Scaling made it.
pub(crate) fn is_autoscaled(instance: &Node) -> bool {
    instance.facts.text(Fact::CreatedBy) == Some("autoscaling")
}
