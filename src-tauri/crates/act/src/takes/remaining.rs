//! Counts what would be left of each kind of thing.

use super::{Left, Takes};
use crate::finding::Answer;
use crate::origin::Origin;
use crate::words::{count, list};
use model::{Fact, Kind, Level, Node, NodeId, Relation, Snapshot};
use std::collections::BTreeSet;

pub(super) fn after(snapshot: &Snapshot, taken: &Takes) -> Left {
    match taken {
        Takes::Reader { member } => readers(snapshot, member),
        Takes::Zone { near, zone } => zones(snapshot, near, zone),
        Takes::Record { record } => records(snapshot, record),
        Takes::Consumer { consumer } => consumers(snapshot, consumer),
        Takes::Nodes { group, left } => nodes(snapshot, group, *left),
        Takes::Machine { machine } => machines(snapshot, machine),
    }
}

fn missing(id: &NodeId) -> Left {
    Left {
        answer: Answer::unknown(format!("{id} was not read")),
        sentence: String::new(),
    }
}

fn from<'a>(snapshot: &'a Snapshot, node: &NodeId, relation: Relation) -> Vec<&'a Node> {
    let edges = snapshot.edges.iter();
    let edges = edges.filter(|e| e.relation == relation && e.from == *node);
    let nodes = edges.filter_map(|e| snapshot.node(&e.to));
    nodes.map(AsRef::as_ref).collect()
}

fn to<'a>(snapshot: &'a Snapshot, node: &NodeId, relation: Relation) -> Vec<&'a Node> {
    let edges = snapshot.edges.iter();
    let edges = edges.filter(|e| e.relation == relation && e.to == *node);
    let nodes = edges.filter_map(|e| snapshot.node(&e.from));
    nodes.map(AsRef::as_ref).collect()
}

fn names(nodes: &[&Node]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    list(&names)
}

/// Readers that are left, available, and for a database in another zone than the writer. One whose
/// status or zone is not known does not remain for certain.
fn readers(snapshot: &Snapshot, id: &NodeId) -> Left {
    let Some(member) = snapshot.node(id) else {
        return missing(id);
    };
    let groups = to(snapshot, id, Relation::Owns);
    let Some(group) = groups.first() else {
        return missing(id);
    };
    let all = from(snapshot, &group.id, Relation::Owns);
    let members: Vec<&Node> = all.into_iter().filter(|n| n.kind == member.kind).collect();
    let role = |node: &&&Node, role: &str| node.facts.text(Fact::Role) == Some(role);
    let writer = members
        .iter()
        .find(|n| role(n, "writer") || role(n, "primary"));
    let origin = Origin::of(snapshot, member, Fact::Role);
    let Some(writer) = writer else {
        return Left {
            answer: Answer::of(origin, None, "the writer is not known"),
            sentence: String::new(),
        };
    };
    let zones = |node: &Node| node.scope.az.clone().zip(writer.scope.az.clone());
    let remains = |node: &Node| {
        let available = node.facts.text(Fact::Status).map(|s| s == "available");
        let elsewhere = match member.kind {
            Kind::DbInstance => zones(node).map(|(own, its)| own != its),
            _ => Some(true),
        };
        match (available, elsewhere) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            (None, _) | (_, None) => None,
        }
    };
    let others = members.iter().copied();
    let others: Vec<&Node> = others
        .filter(|n| n.id != *id && n.id != writer.id)
        .collect();
    let of = |answer: Option<bool>| -> Vec<&Node> {
        let all = others.iter().copied();
        all.filter(|node| remains(node) == answer).collect()
    };
    let (left, unsaid) = (of(Some(true)), of(None));
    let (holds, value) = match (left.is_empty(), unsaid.is_empty()) {
        (false, _) => (Some(true), names(&left)),
        (true, false) => (
            None,
            format!("status or zone of {} not read", names(&unsaid)),
        ),
        (true, true) => (Some(false), "none".to_owned()),
    };
    let place = match member.kind {
        Kind::DbInstance => " in another zone than its writer",
        _ => "",
    };
    Left {
        answer: Answer::of(origin, holds, value),
        sentence: format!(
            "{} would be left without an available reader{place}.",
            group.name
        ),
    }
}

/// Other zones of the region with ready, schedulable nodes.
fn zones(snapshot: &Snapshot, near: &NodeId, zone: &str) -> Left {
    let Some(near) = snapshot.node(near) else {
        return missing(near);
    };
    let machines = snapshot.nodes.iter().filter(|node| {
        node.kind == Kind::Node
            && node.scope.account == near.scope.account
            && node.scope.region == near.scope.region
    });
    let (mut known, mut left) = (None, BTreeSet::new());
    for machine in machines {
        let origin = Origin::of(snapshot, machine, Fact::Ready);
        let serves = machine.facts.flag(Fact::Ready) == Some(true)
            && machine.facts.flag(Fact::Schedulable) != Some(false);
        if let (true, true, Some(az)) = (serves, origin.believed, machine.scope.az.as_deref())
            && az != zone
        {
            left.insert(az.to_owned());
        }
        known = known.or(Some(origin));
    }
    let zones: Vec<&String> = left.iter().collect();
    let answer = match known {
        None => Answer::unknown("no node of the region was read"),
        Some(origin) if zones.is_empty() => Answer::of(origin, Some(false), "none"),
        Some(origin) => Answer::of(origin, Some(true), list(&zones)),
    };
    Left {
        answer,
        sentence: format!("No other zone than {zone} has a ready node."),
    }
}

/// Other answers of the same name and type that are not sick.
fn records(snapshot: &Snapshot, id: &NodeId) -> Left {
    let Some(record) = snapshot.node(id) else {
        return missing(id);
    };
    let kind = record.facts.text(Fact::RecordType);
    let owners = to(snapshot, id, Relation::Owns);
    let siblings = owners
        .iter()
        .flat_map(|zone| from(snapshot, &zone.id, Relation::Owns));
    let left: Vec<&Node> = siblings
        .filter(|n| n.id != *id && n.name == record.name)
        .filter(|n| n.facts.text(Fact::RecordType) == kind)
        .filter(|n| {
            matches!(
                n.health.level,
                Level::Ok | Level::InTransition | Level::Warning
            )
        })
        .collect();
    let origin = Origin::of(snapshot, record, Fact::RecordType);
    let value = format!(
        "{} of the name {}",
        count(left.len() as i64, "answer"),
        record.name
    );
    Left {
        answer: Answer::of(origin, Some(!left.is_empty()), value),
        sentence: format!(
            "{} would have no healthy answer left: Route 53 would then treat all of them as healthy and serve the broken one.",
            record.name
        ),
    }
}

/// Every queue it takes from has another consumer.
fn consumers(snapshot: &Snapshot, id: &NodeId) -> Left {
    let Some(consumer) = snapshot.node(id) else {
        return missing(id);
    };
    let queues = to(snapshot, id, Relation::ConsumedBy);
    let alone: Vec<&Node> = queues
        .into_iter()
        .filter(|queue| {
            let others = from(snapshot, &queue.id, Relation::ConsumedBy);
            !others.iter().any(|other| other.id != *id)
        })
        .collect();
    let origin = Origin::of(snapshot, consumer, Fact::Status);
    let value = match alone.is_empty() {
        true => "another consumer".to_owned(),
        false => format!("nobody else takes from {}", names(&alone)),
    };
    Left {
        answer: Answer::of(origin, Some(alone.is_empty()), value),
        sentence: format!("Nobody would consume {} any more.", names(&alone)),
    }
}

/// Ready, schedulable nodes of the cluster outside a nodegroup, and those it keeps: of its own no more
/// than are ready now. Where none of its own was read, those are not known.
fn nodes(snapshot: &Snapshot, id: &NodeId, left: i64) -> Left {
    let Some(group) = snapshot.node(id) else {
        return missing(id);
    };
    let own: BTreeSet<&NodeId> = from(snapshot, id, Relation::Owns)
        .into_iter()
        .map(|node| &node.id)
        .collect();
    let all = snapshot.nodes.iter().map(AsRef::as_ref);
    let machines = all.filter(|node: &&Node| {
        node.kind == Kind::Node
            && node.scope.account == group.scope.account
            && node.scope.region == group.scope.region
            && node.scope.cluster == group.scope.cluster
    });
    let (mut known, mut others, mut ready, mut read) = (None, 0, 0, false);
    for machine in machines {
        let origin = Origin::of(snapshot, machine, Fact::Ready);
        let serves = machine.facts.flag(Fact::Ready) == Some(true)
            && machine.facts.flag(Fact::Schedulable) != Some(false);
        let counts = i64::from(serves && origin.believed);
        match own.contains(&machine.id) {
            true => (ready, read) = (ready + counts, true),
            false => others += counts,
        }
        known = known.or(Some(origin));
    }
    let remain = others + ready.min(left).max(0);
    let answer = match known {
        Some(origin) if others + ready == 0 && left > 0 && read => {
            Answer::of(origin, Some(true), "no node is Ready now either")
        }
        None => Answer::unknown("no node of the cluster was read"),
        Some(origin) if remain == 0 && left > 0 && !read => {
            Answer::of(origin, None, "no node of the nodegroup was read")
        }
        Some(origin) => Answer::of(origin, Some(remain > 0), count(remain, "Ready node")),
    };
    Left {
        answer,
        sentence: format!(
            "{} would have no Ready node left.",
            group.scope.cluster.as_deref().unwrap_or("The cluster")
        ),
    }
}

/// Every workload with a ready pod there has one elsewhere.
fn machines(snapshot: &Snapshot, id: &NodeId) -> Left {
    let Some(machine) = snapshot.node(id) else {
        return missing(id);
    };
    let ready = |pod: &&Node| pod.facts.flag(Fact::Ready) == Some(true);
    let here: Vec<&Node> = from(snapshot, id, Relation::Hosts)
        .into_iter()
        .filter(ready)
        .collect();
    let there: BTreeSet<&NodeId> = here.iter().map(|pod| &pod.id).collect();
    let key = |pod: &Node| {
        let workload = pod.facts.text(Fact::Workload)?;
        Some((pod.scope.namespace.clone(), workload.to_owned()))
    };
    let elsewhere: BTreeSet<_> = snapshot
        .nodes
        .iter()
        .map(AsRef::as_ref)
        .filter(|n: &&Node| n.kind == Kind::Pod && n.scope.cluster == machine.scope.cluster)
        .filter(|n| ready(n) && !there.contains(&n.id))
        .filter_map(key)
        .collect();
    let alone: BTreeSet<String> = here
        .iter()
        .filter_map(|pod| key(pod))
        .filter(|workload| !elsewhere.contains(workload))
        .map(|(_, name)| name)
        .collect();
    let alone: Vec<&String> = alone.iter().collect();
    let value = match alone.is_empty() {
        true => "every workload has ready pods elsewhere".to_owned(),
        false => format!("{} runs only here", list(&alone)),
    };
    Left {
        answer: Answer::of(
            Origin::of(snapshot, machine, Fact::Ready),
            Some(alone.is_empty()),
            value,
        ),
        sentence: format!("{} would have no ready pod left.", list(&alone)),
    }
}
