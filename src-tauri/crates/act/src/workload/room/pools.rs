//! What Karpenter may still buy for pods that find no room
//! (<https://karpenter.sh/docs/concepts/nodepools/#speclimits>).
//!
//! By the limits alone, so it is a most: limits count whole machines, and pods get less of them. A pool on whose nodes
//! the pods would not run ([`fits`]) is left out.

use super::Step;
use super::capacity::{Room, request};
use super::fits;
use crate::words::{list, thousands};
use crate::workload::near;
use model::{Fact, Kind, Limited, Node, limits, unread_limits, waits_for_room};

/// The watch of NodePools.
const PART: &str = "nodepools";
/// A node is bought within a minute or two: a pod that has waited for longer is not waiting for one, seconds.
const WAITED_SECONDS: f64 = 120.0;

/// Pods a node that is not there yet takes at most: what the kubelet allows where nothing else is set (`maxPods`,
/// <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/>). Some large machines of EC2 are set to more.
const PODS_PER_NODE: i64 = 110;
/// More pods than a cluster is made for (<https://kubernetes.io/docs/setup/best-practices/cluster-large/>): room for so
/// many is not told as a number.
const MANY_PODS: i64 = 150_001;

/// What Karpenter may still buy.
pub(crate) struct Bought {
    /// The pools were read.
    counted: bool,
    /// Pods of the workload that find room on it at most; 0 where nothing is known.
    pub(crate) pods: i64,
    /// Pods of the cluster that wait for room though it may buy.
    pub(crate) waiting: usize,
    /// What is known of it, one sentence per pool.
    pub(crate) words: String,
}

/// The next step where nothing is known of Karpenter.
pub(super) const SOME_AUTOSCALER: &str =
    "Scale a nodegroup first, or let the node autoscaler add nodes.";

impl Bought {
    /// What to do where it is not enough: a higher limit helps only where the limit is in the way.
    pub(super) fn next(&self) -> &'static str {
        match (self.counted, self.pods > 0 && self.waiting > 0) {
            (false, _) => SOME_AUTOSCALER,
            (true, true) => "Scale a nodegroup first.",
            (true, false) => "Scale a nodegroup first, or raise the limit of a NodePool.",
        }
    }
}

/// What the pools of the workload's cluster may still buy; `None` where it has none.
pub(crate) fn bought(step: Step<'_>) -> Option<Bought> {
    if let Some(why) = unread(step) {
        return Some(Bought {
            counted: false,
            pods: 0,
            waiting: 0,
            words: format!(" What Karpenter may buy is not counted: {why}."),
        });
    }
    let all = step.snapshot.nodes.iter().map(AsRef::as_ref);
    let here = |node: &&Node| near::same_cluster(node, step.workload);
    let pools: Vec<&Node> = all
        .clone()
        .filter(|node| node.kind == Kind::NodePool && here(node))
        .collect();
    let (mut pods, mut words) = (0_i64, String::new());
    for pool in &pools {
        let (more, said) = one(step, pool);
        pods = pods.saturating_add(more);
        words.push_str(&format!(" {said}"));
    }
    let long = |pod: &&Node| {
        let born = pod.facts.time(Fact::CreatedAt);
        born.is_some_and(|at| step.snapshot.taken_at.seconds_since(at) >= WAITED_SECONDS)
    };
    let waiting = all
        .filter(here)
        .filter(|pod| waits_for_room(pod) && long(pod));
    let waiting = waiting.count();
    (!pools.is_empty()).then_some(Bought {
        counted: true,
        pods,
        waiting,
        words,
    })
}

/// Why nothing is known of NodePools; `None` when they were read, or are not served.
fn unread(step: Step<'_>) -> Option<String> {
    let why = near::unread(step.snapshot, step.workload, PART)?;
    let status = near::source(step.snapshot, step.workload, PART);
    let error = status.and_then(|status| status.error.as_deref());
    Some(error.map_or(why, |error| error.trim_end_matches('.').to_owned()))
}

/// Pods a pool may buy room for, and a sentence of it.
fn one(step: Step<'_>, pool: &Node) -> (i64, String) {
    let name = &pool.name;
    if let Some(why) = fits::against(step.workload, pool) {
        return (0, format!("NodePool {name} is not counted: {why}."));
    }
    if pool.facts.get(Fact::Replicas).is_some() {
        let why = format!("NodePool {name} keeps a fixed number of nodes.");
        return (0, why);
    }
    match pool.facts.flag(Fact::Ready) {
        Some(true) => {}
        Some(false) => return (0, format!("NodePool {name} is not ready and buys nothing.")),
        None => {
            let why = "whether it is ready is not known";
            return (0, format!("NodePool {name} is not counted: {why}."));
        }
    }
    let pod = request(step.workload);
    let full = limits(pool).into_iter().find(|limit| match limit.of {
        Limited::Cpu => limit.bars(pod.cpu),
        Limited::Memory => limit.bars(pod.memory),
        Limited::Nodes => limit.bars(1),
    });
    if let Some(limit) = full {
        let why = format!("NodePool {name} is at its limit: {}.", limit.reached());
        return (0, why);
    }
    match unread_limits(pool) {
        Some(why) => (0, format!("NodePool {name} is not counted: {why}.")),
        None => by_limits(pool, pod),
    }
}

/// Pods for which the limits leave room, and what they leave.
fn by_limits(pool: &Node, pod: Room) -> (i64, String) {
    let mut left = Room::ENDLESS;
    let mut words = Vec::new();
    for limit in limits(pool) {
        match limit.of {
            Limited::Cpu => left.cpu = limit.left(),
            Limited::Memory => left.memory = limit.left(),
            Limited::Nodes => left.pods = limit.left().saturating_mul(PODS_PER_NODE),
        }
        words.push(limit.leaves());
    }
    let spot = match pool.facts.text(Fact::CapacityType) {
        Some("SPOT") => " (spot only)",
        Some(_) | None => "",
    };
    let (pods, name) = (left.holds(pod), &pool.name);
    let most = match pods {
        MANY_PODS.. => String::new(),
        pods => format!(", room for {} of these pods at most", thousands(pods)),
    };
    let words = match words.is_empty() {
        true => format!("NodePool {name} has no limit{spot}."),
        false => format!(
            "NodePool {name} may still buy {}{spot}{most}.",
            list(&words)
        ),
    };
    (pods, words)
}
