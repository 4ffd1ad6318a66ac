//! What a NodePool may still buy: asked by the cause of a shortage, and by what scales against it.
//!
//! Limits bound what a pool's nodes have together; once one is exceeded no node is bought until others went, and where
//! none is set there is none (<https://karpenter.sh/docs/concepts/nodepools/#speclimits>).

use crate::facts::Fact;
use crate::node::Node;
use crate::words;

/// What a NodePool limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// CPU, millicores.
    Cpu,
    /// Memory, MiB.
    Memory,
    /// Nodes.
    Nodes,
}

/// One limit of a NodePool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Of what, and so in which unit.
    pub of: Limited,
    /// What its nodes may have.
    pub most: i64,
    /// What they have.
    pub has: i64,
}

impl Limit {
    /// What may still be bought.
    #[must_use]
    pub fn left(self) -> i64 {
        (self.most - self.has).max(0)
    }

    /// `62 of 64 CPU`.
    #[must_use]
    pub fn reached(self) -> String {
        format!("{} of {}", self.number(self.has), self.amount(self.most))
    }

    /// `4 of its limit of 64 CPU`.
    #[must_use]
    pub fn leaves(self) -> String {
        let (left, most) = (self.number(self.left()), self.amount(self.most));
        format!("{left} of its limit of {most}")
    }

    fn number(self, amount: i64) -> String {
        let unit = match self.of {
            Limited::Cpu => 1_000.0,
            Limited::Memory => 1_024.0,
            Limited::Nodes => 1.0,
        };
        words::measure(amount as f64 / unit)
    }

    fn amount(self, amount: i64) -> String {
        let noun = match self.of {
            Limited::Cpu => "CPU",
            Limited::Memory => "GiB of memory",
            Limited::Nodes => "nodes",
        };
        format!("{} {noun}", self.number(amount))
    }
}

/// Whether pods that find no room make it buy nodes: it is Ready (one that is not "will not be considered for
/// scheduling") and not static, which keeps `spec.replicas` nodes whatever waits.
#[must_use]
pub fn buys_nodes(pool: &Node) -> bool {
    pool.facts.flag(Fact::Ready) == Some(true) && pool.facts.get(Fact::Replicas).is_none()
}

/// The limits it has; empty is none.
#[must_use]
pub fn limits(pool: &Node) -> Vec<Limit> {
    let one = |of, most: Fact, has: Fact| {
        let has = pool.facts.count(has).unwrap_or(0);
        let most = pool.facts.count(most);
        most.map(|most| Limit { of, most, has })
    };
    let all = [
        one(
            Limited::Cpu,
            Fact::CpuLimitMillicores,
            Fact::CpuProvisionedMillicores,
        ),
        one(
            Limited::Memory,
            Fact::MemoryLimitMib,
            Fact::MemoryProvisionedMib,
        ),
        one(Limited::Nodes, Fact::NodesLimit, Fact::Nodes),
    ];
    all.into_iter().flatten().collect()
}

/// The limit that keeps a pool from buying another node: nothing is left of it, or less CPU or memory than the
/// smallest of `nodes`, the pool's own, gives to pods.
#[must_use]
pub fn at_its_limit(pool: &Node, nodes: &[&Node]) -> Option<Limit> {
    let smallest = |fact: Fact| {
        let all = nodes.iter().filter_map(|node| node.facts.count(fact));
        all.min().unwrap_or(1).max(1)
    };
    let least = |of: Limited| match of {
        Limited::Cpu => smallest(Fact::CpuAllocatableMillicores),
        Limited::Memory => smallest(Fact::MemoryAllocatableMib),
        Limited::Nodes => 1,
    };
    let mut all = limits(pool).into_iter();
    all.find(|limit| limit.left() < least(limit.of))
}
