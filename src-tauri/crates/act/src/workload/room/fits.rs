//! Whether a pod may run on the nodes of a NodePool: its node selector against the labels they have
//! (<https://karpenter.sh/docs/concepts/scheduling/#selecting-nodes>), its tolerations against their taints
//! (<https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/>).
//!
//! A label that the pool does not speak of fits where it is a well-known one, of which Karpenter picks any value; one of
//! your own must be among its labels or requirements. Affinity is not compared.

use model::{Fact, Node};

/// Why Karpenter does not buy of `pool` for pods of `workload`, a clause; `None` where nothing is known against it.
pub(super) fn against(workload: &Node, pool: &Node) -> Option<String> {
    let tolerations = said(workload, Fact::Tolerations);
    let mut taints = each(said(pool, Fact::Taints));
    let taint = taints.find(|taint| !each(tolerations).any(|one| tolerates(one, taint)));
    if let Some(taint) = taint {
        return Some(format!("these pods do not tolerate its taint {taint}"));
    }
    let labels = format!(
        "{}, karpenter.sh/nodepool={}",
        said(pool, Fact::NodeLabels),
        pool.name
    );
    let mut selector = each(said(workload, Fact::NodeSelector));
    let wanted = selector.find(|wanted| !has(&labels, wanted))?;
    Some(format!("these pods ask for nodes with {wanted}"))
}

/// What is said, nothing where nothing is.
fn said(node: &Node, fact: Fact) -> &str {
    node.facts.text(fact).unwrap_or("")
}

fn each(text: &str) -> impl Iterator<Item = &str> {
    text.split(", ").filter(|one| !one.is_empty())
}

/// Whether a toleration, `key=value:effect` or `key:effect`, is of a taint, `key=value:effect` or `key:effect`.
fn tolerates(toleration: &str, taint: &str) -> bool {
    let (key, value, effect) = parts(toleration);
    let (taint_key, taint_value, taint_effect) = parts(taint);
    let any = |text: &str, of: &str| text == "*" || text == of;
    let values = value.is_none_or(|value| value == taint_value.unwrap_or(""));
    any(key, taint_key) && values && any(effect, taint_effect)
}

/// Key, value and effect.
fn parts(text: &str) -> (&str, Option<&str>, &str) {
    let (what, effect) = text.rsplit_once(':').unwrap_or((text, ""));
    match what.split_once('=') {
        Some((key, value)) => (key, Some(value), effect),
        None => (what, None, effect),
    }
}

/// Whether labels, `key=value|value, …` with `*` for any value, allow for `key=value`. One they do not speak of Karpenter
/// sets where it is well known; of another it says that it "does not have known values", and buys nothing.
fn has(labels: &str, wanted: &str) -> bool {
    let Some((key, value)) = wanted.split_once('=') else {
        return true;
    };
    let told = each(labels)
        .filter_map(|label| label.split_once('='))
        .filter(|(own, _)| *own == key);
    let told: Vec<&str> = told.map(|(_, values)| values).collect();
    let allows = |values: &&str| values.split('|').any(|one| one == value || one == "*");
    match told.is_empty() {
        true => well_known(key),
        false => told.iter().all(allows),
    }
}

/// Whether Karpenter knows the values of a label by itself, by the domain of its key
/// (<https://karpenter.sh/docs/concepts/scheduling/#well-known-labels>); EKS Auto Mode has its own
/// (<https://docs.aws.amazon.com/eks/latest/userguide/create-node-pool.html>). Wider than their lists, which grow.
fn well_known(key: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    matches!(
        domain,
        "kubernetes.io" | "karpenter.sh" | "karpenter.k8s.aws"
    ) || domain.ends_with(".kubernetes.io")
        || domain.starts_with("topology.")
        || key.starts_with("eks.amazonaws.com/instance-")
        || key == "eks.amazonaws.com/compute-type"
}
