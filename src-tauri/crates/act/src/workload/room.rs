//! What another number of replicas meets (guards.md §4): the rollout, the quota, the disruption
//! budget, room on the nodes, database connections, message groups, work in flight.

pub(crate) mod capacity;
mod databases;
mod fits;
pub(crate) mod pools;
mod queues;
#[cfg(test)]
mod tests;

use super::near;
use crate::finding::{Answer, Words, finding, not_checked};
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use crate::words::{count, list, thousands};
use model::{Fact, Node, Snapshot};

/// A number of replicas that becomes another one.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) workload: &'a Node,
    /// Replicas asked for now.
    pub(crate) from: i64,
    /// Replicas asked for then.
    pub(crate) to: i64,
}

impl Step<'_> {
    /// Pods that come; 0 when some go.
    pub(crate) fn added(&self) -> i64 {
        (self.to - self.from).max(0)
    }

    fn origin(&self, fact: Fact) -> Origin {
        Origin::of(self.snapshot, self.workload, fact)
    }
}

/// Every check of a step, blocks first.
pub(crate) fn findings(step: Step<'_>) -> Vec<Finding> {
    let mut all = vec![rollout(step)];
    if step.to < step.from {
        all.extend(zero(step));
        all.extend(budget(step));
        all.extend(queues::in_flight(step));
    }
    if step.to > step.from {
        all.push(quota(step));
        all.push(capacity::nodes(step));
        all.extend(capacity::addresses(step));
        all.extend(databases::connections(step));
        all.extend(queues::groups(step));
    }
    all
}

fn rollout(step: Step<'_>) -> Finding {
    let name = &step.workload.name;
    let word = step.workload.facts.text(Fact::Rollout);
    let surge = |fact| match step.workload.facts.get(fact) {
        Some(model::Value::Int(count)) => count.to_string(),
        Some(model::Value::Text(text)) => text.to_string(),
        Some(model::Value::Bool(_) | model::Value::Float(_)) | None => "?".to_owned(),
    };
    let settled = word.map(|word| matches!(word, "complete" | "paused"));
    finding(
        "scale.rollout",
        Severity::Block,
        Answer::of(
            step.origin(Fact::Rollout),
            settled,
            word.unwrap_or("not known"),
        ),
        Words {
            pass: match word {
                Some("paused") => format!("The rollout of {name} is paused: none moves."),
                Some(_) | None => format!("No rollout of {name} is under way."),
            },
            fail: format!(
                "A rollout of {name} is under way ({}; at most {} missing, {} more): old and new pods would both change in number.",
                word.unwrap_or("?"),
                surge(Fact::MaxUnavailable),
                surge(Fact::MaxSurge),
            ),
            unknown: format!("Whether a rollout of {name} is under way is not known."),
            threshold: "complete",
            next: "Wait until the rollout is complete, or undo it.",
        },
    )
}

fn zero(step: Step<'_>) -> Option<Finding> {
    if step.to > 0 {
        return None;
    }
    let path = near::on_path(step.snapshot, step.workload);
    let value = if path { "on the path" } else { "off the path" };
    Some(finding(
        "scale.to-zero",
        Severity::Block,
        Answer::of(step.origin(Fact::Replicas), Some(!path), value),
        Words {
            pass: format!(
                "No request and no queue leads to {} that was read.",
                step.workload.name
            ),
            fail: format!(
                "Requests or messages come to {}: at zero replicas nobody answers them.",
                step.workload.name
            ),
            unknown: format!(
                "Whether requests or messages come to {} is not known.",
                step.workload.name
            ),
            threshold: "not on the path of requests or messages",
            next: "Keep at least one replica.",
        },
    ))
}

fn budget(step: Step<'_>) -> Option<Finding> {
    let name = &step.workload.name;
    let Some(least) = step.workload.facts.count(Fact::MinAvailableFixed) else {
        let (part, id) = (near::BUDGETS, "scale.budget");
        return near::unread(step.snapshot, step.workload, part).map(|why| {
            not_checked(
                id,
                &format!("the disruption budget of {name} ({why})"),
                "Fewer pods than it asks for keep nodes from being drained.",
            )
        });
    };
    Some(finding(
        "scale.budget",
        Severity::Block,
        Answer::of(
            step.origin(Fact::MinAvailableFixed),
            Some(step.to >= least),
            format!("{} of at least {least}", step.to),
        ),
        Words {
            pass: format!(
                "The disruption budget of {name} asks for {least}, {} are left.",
                step.to
            ),
            fail: format!(
                "The disruption budget of {name} asks for {least} available pods; {} would be left, and no node could be drained any more.",
                step.to
            ),
            unknown: format!("What the disruption budget of {name} asks for is not known."),
            threshold: "at least minAvailable of its PodDisruptionBudget",
            next: "Keep as many as the budget asks for, or change the budget first.",
        },
    ))
}

/// One line of a quota: what it is of, what a pod adds, how much is allowed and used.
struct Line {
    noun: &'static str,
    each: Option<i64>,
    hard: Fact,
    used: Fact,
}

fn quota(step: Step<'_>) -> Finding {
    let request = |fact| step.workload.facts.count(fact);
    let lines = [
        Line {
            noun: "pods",
            each: Some(1),
            hard: Fact::QuotaPods,
            used: Fact::QuotaPodsUsed,
        },
        Line {
            noun: "millicores of CPU",
            each: request(Fact::CpuRequestMillicores),
            hard: Fact::QuotaCpuMillicores,
            used: Fact::QuotaCpuUsedMillicores,
        },
        Line {
            noun: "MiB of memory",
            each: request(Fact::MemoryRequestMib),
            hard: Fact::QuotaMemoryMib,
            used: Fact::QuotaMemoryUsedMib,
        },
    ];
    let namespace = near::namespace(step.snapshot, step.workload);
    let (mut over, mut within) = (Vec::new(), Vec::new());
    for line in lines {
        let fact = |fact| namespace.and_then(|node| node.facts.count(fact));
        let (Some(hard), Some(each)) = (fact(line.hard), line.each) else {
            continue;
        };
        let used = fact(line.used).unwrap_or(0);
        let then = used + each * step.added();
        let words = format!("{} of {} {}", thousands(then), thousands(hard), line.noun);
        match then > hard {
            true => over.push(words),
            false => within.push(words),
        }
    }
    let fits = over.is_empty();
    let value = match (fits, within.is_empty()) {
        (false, _) => list(&over),
        (true, false) => list(&within),
        (true, true) => "no quota".to_owned(),
    };
    let answer = match near::source(step.snapshot, step.workload, "resourcequotas") {
        Some(status) => Answer::of(
            Origin::of_source(step.snapshot, status),
            Some(fits),
            value.clone(),
        ),
        None => Answer::unknown("resource quotas are not read"),
    };
    let place = step.workload.scope.namespace.as_deref().unwrap_or("?");
    finding(
        "scale.quota",
        Severity::Block,
        answer,
        Words {
            pass: match within.is_empty() {
                true => format!(
                    "No ResourceQuota limits pods nor what they request of CPU and memory in {place}."
                ),
                false => format!("The ResourceQuota of {place} holds {value} then."),
            },
            fail: format!(
                "The ResourceQuota of {place} does not hold {} more: it would need {value}.",
                count(step.added(), "pod")
            ),
            unknown: format!("What the ResourceQuota of {place} holds is not known."),
            threshold: "within the ResourceQuota",
            next: "Ask for a larger quota, or for fewer replicas.",
        },
    )
}
