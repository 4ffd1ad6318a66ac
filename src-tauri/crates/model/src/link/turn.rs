//! A queue URL in a pod's environment says that the pod talks to the queue, not which way. A scaler
//! or a pinned edge that names the workload as the queue's consumer settles it.

use super::Link;
use crate::edge::Relation;
use std::collections::{HashMap, HashSet};

/// Turns `workload sends to queue` around where the workload is known to consume that queue.
pub(super) fn consumers(links: &mut [Link]) {
    let consumers = consumed(links);
    if consumers.is_empty() {
        return;
    }
    let owners: HashMap<usize, usize> = links
        .iter()
        .filter(|l| l.relation == Relation::Owns)
        .map(|l| (l.to, l.from))
        .collect();
    for link in links.iter_mut().filter(|l| l.relation == Relation::SendsTo) {
        let mut at = Some(link.from);
        let mut steps = 0;
        while let Some(workload) = at.filter(|_| steps < 4) {
            if consumers.contains(&(link.to, workload)) {
                (link.from, link.to) = (link.to, link.from);
                link.relation = Relation::ConsumedBy;
                break;
            }
            at = owners.get(&workload).copied();
            steps += 1;
        }
    }
}

/// (queue, workload) pairs that a scaler on the queue's length or a pinned edge declares.
fn consumed(links: &[Link]) -> HashSet<(usize, usize)> {
    let by = links.iter().filter(|l| l.relation == Relation::ConsumedBy);
    let mut pairs: HashSet<(usize, usize)> = by.map(|l| (l.from, l.to)).collect();
    let scaled = links.iter().filter(|l| l.relation == Relation::Scales);
    let mut workloads: HashMap<usize, Vec<usize>> = HashMap::new();
    for link in scaled {
        workloads.entry(link.from).or_default().push(link.to);
    }
    let through: Vec<_> = pairs
        .iter()
        .flat_map(|(queue, scaler)| {
            let all = workloads.get(scaler).into_iter().flatten();
            all.map(|workload| (*queue, *workload))
        })
        .collect();
    pairs.extend(through);
    pairs
}
