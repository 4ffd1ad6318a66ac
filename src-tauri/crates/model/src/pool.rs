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

impl Limited {
    fn noun(self) -> &'static str {
        match self {
            Limited::Cpu => "CPU",
            Limited::Memory => "memory",
            Limited::Nodes => "nodes",
        }
    }
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

    /// Whether it keeps Karpenter from buying for a pod that requests so much, 0 where that is not known: nothing is
    /// left, or less than the pod needs. That less is left than a node of the pool has bars nothing: Karpenter drops the
    /// instance types that do not fit and may buy a smaller one
    /// (<https://github.com/aws/karpenter-provider-aws/issues/5101>).
    #[must_use]
    pub fn bars(self, pod: i64) -> bool {
        self.left() < pod.max(1)
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
        let unit = match self.of {
            Limited::Memory => "GiB of ",
            Limited::Cpu | Limited::Nodes => "",
        };
        format!("{} {unit}{}", self.number(amount), self.of.noun())
    }
}

/// Whether pods that find no room make it buy nodes: it is Ready (one that is not "will not be considered for
/// scheduling") and not static, which keeps `spec.replicas` nodes whatever waits.
#[must_use]
pub(crate) fn buys_nodes(pool: &Node) -> bool {
    pool.facts.flag(Fact::Ready) == Some(true) && pool.facts.get(Fact::Replicas).is_none()
}

/// The limits it has of which is known what its nodes have of them; with nothing [`unread_limits`], empty is none.
#[must_use]
pub fn limits(pool: &Node) -> Vec<Limit> {
    let one = |(of, most, has): (Limited, Fact, Fact)| {
        let (most, has) = (pool.facts.count(most)?, pool.facts.count(has)?);
        Some(Limit { of, most, has })
    };
    LIMITS.into_iter().filter_map(one).collect()
}

/// Why what it may still buy is not known, a clause: a limit that could not be read, or not what counts against it.
/// `None` where all of it is known.
#[must_use]
pub fn unread_limits(pool: &Node) -> Option<String> {
    if let Some(limits) = pool.facts.text(Fact::LimitsUnread) {
        return Some(format!("its limit of {limits} could not be read"));
    }
    let unread = |(of, most, has): (Limited, Fact, Fact)| {
        let unread = pool.facts.count(most).is_some() && pool.facts.count(has).is_none();
        unread.then(|| format!("what it has of {} was not read", of.noun()))
    };
    LIMITS.into_iter().find_map(unread)
}

/// What is limited, with the fact of the limit and that of what counts against it.
const LIMITS: [(Limited, Fact, Fact); 3] = [
    (
        Limited::Cpu,
        Fact::CpuLimitMillicores,
        Fact::CpuProvisionedMillicores,
    ),
    (
        Limited::Memory,
        Fact::MemoryLimitMib,
        Fact::MemoryProvisionedMib,
    ),
    (Limited::Nodes, Fact::NodesLimit, Fact::Nodes),
];
