//! Nodes and pods per cluster; pods that have run to completion are not counted.
//!
//! Ten thousand pods are not looked at again because one of them changed: each one's part is kept.

use super::derive::completed;
use crate::facts::{Fact, Facts};
use crate::kind::Kind;
use crate::node::Node;
use std::collections::HashMap;
use std::sync::Arc;

/// What a node adds to the count of its cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Nothing,
    Node {
        ready: bool,
    },
    Pod {
        ready: bool,
    },
}

/// The counts of every cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Census {
    /// The cluster a node is in, by position: a number of its own.
    cluster: Vec<u32>,
    /// What it adds, by position.
    parts: Vec<Part>,
}

impl Census {
    /// Knows where every node is; nothing is counted yet.
    pub(super) fn new(nodes: &[Arc<Node>]) -> Self {
        let mut clusters: HashMap<&str, u32> = HashMap::new();
        let mut cluster = Vec::with_capacity(nodes.len());
        for node in nodes {
            // 0 is nowhere.
            let next = u32::try_from(clusters.len() + 1).unwrap_or(u32::MAX);
            cluster.push(match node.kind {
                Kind::Node | Kind::Pod | Kind::Cluster => *clusters
                    .entry(place(node.id.as_str()).unwrap_or(""))
                    .or_insert(next),
                _ => 0,
            });
        }
        Self {
            cluster,
            parts: vec![Part::Nothing; nodes.len()],
        }
    }

    /// Takes what the node at a position adds now.
    pub(super) fn count(&mut self, at: usize, node: &Node) {
        let ready = node.facts.flag(Fact::Ready) == Some(true);
        self.parts[at] = match node.kind {
            Kind::Node => Part::Node { ready },
            Kind::Pod if !completed(node) => Part::Pod { ready },
            _ => Part::Nothing,
        };
    }

    /// The counts of the cluster at a position, if anything of it is known.
    pub(super) fn tell(&self, at: usize, facts: &mut Facts) {
        let (mut nodes, mut pods) = ([0_usize; 2], [0_usize; 2]);
        let here = self.cluster.iter().zip(&self.parts);
        for (_, part) in here.filter(|(cluster, _)| **cluster == self.cluster[at]) {
            match part {
                Part::Nothing => {}
                Part::Node { ready } => nodes[usize::from(*ready)] += 1,
                Part::Pod { ready } => pods[usize::from(*ready)] += 1,
            }
        }
        let ([nodes_out, nodes_ready], [pods_out, pods_ready]) = (nodes, pods);
        if nodes_out + nodes_ready + pods_out + pods_ready > 0 {
            facts.set(Fact::Nodes, nodes_out + nodes_ready);
            facts.set(Fact::NodesReady, nodes_ready);
            facts.set(Fact::Pods, pods_out + pods_ready);
            facts.set(Fact::PodsReady, pods_ready);
        }
    }
}

/// `kind/account/region/cluster/…` → `account/region/cluster`.
fn place(id: &str) -> Option<&str> {
    let start = id.find('/')? + 1;
    let end = id[start..].match_indices('/').nth(2);
    Some(end.map_or(&id[start..], |(at, _)| &id[start..start + at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_kubernetes_object_is_its_cluster() {
        assert_eq!(place("pod/1/us-east-1/prod/ns/p"), Some("1/us-east-1/prod"));
        assert_eq!(place("cluster/1/us-east-1/prod"), Some("1/us-east-1/prod"));
        assert_eq!(place("cluster"), None);
    }
}
