//! The checks of an undo (guards.md §14).

use super::{Turn, blame, words};
use crate::finding::{Answer, Words, finding};
use crate::gitops;
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use crate::words::count;
use crate::workload::near;
use crate::workload::room::{Step, capacity, pools};
use model::Fact;

pub(super) fn findings(turn: &Turn<'_>) -> Vec<Finding> {
    let mut all = vec![revision(turn), rollout(turn), strategy(turn), room(turn)];
    all.push(blamed(turn));
    all.extend(pinned(turn));
    let what = format!("the revision of {}", turn.deployment.name);
    all.extend(gitops::reverted(
        turn.snapshot,
        turn.deployment,
        "/spec/template",
        &what,
    ));
    all
}

fn origin(turn: &Turn<'_>, fact: Fact) -> Origin {
    Origin::of(turn.snapshot, turn.deployment, fact)
}

fn revision(turn: &Turn<'_>) -> Finding {
    let name = &turn.deployment.name;
    let same = turn.to.is_some() && turn.to == turn.from;
    let (to, from) = (words(turn.to), words(turn.from));
    let origin = match turn.set {
        Some(set) => Origin::of(turn.snapshot, set, Fact::Revision),
        None => match near::source(turn.snapshot, turn.deployment, "replicasets") {
            Some(status) => Origin::of_source(turn.snapshot, status),
            None => origin(turn, Fact::Revision),
        },
    };
    finding(
        "undo.revision",
        Severity::Block,
        Answer::of(
            origin,
            Some(turn.set.is_some() && !same),
            format!("{from} → {to}"),
        ),
        Words {
            pass: format!("The replica set of revision {to} is still there."),
            fail: match (same, turn.to) {
                (true, _) => format!("{name} is at revision {to} already."),
                (false, None) => format!("There is no revision of {name} before {from}."),
                (false, Some(_)) => format!(
                    "The replica set of revision {to} is gone: its template is not known any more."
                ),
            },
            unknown: format!("Which revisions of {name} are still there is not known."),
            threshold: "its replica set exists",
            next: "Choose another revision, or roll the old image out by git.",
        },
    )
}

/// A rollout under way stops it, unless it is the very one that is blamed or that hangs.
fn rollout(turn: &Turn<'_>) -> Finding {
    let name = &turn.deployment.name;
    let word = turn.deployment.facts.text(Fact::Rollout);
    let remedy = blame(turn.snapshot, turn.deployment).is_some();
    let holds = word.map(|word| match word {
        "progressing" => remedy,
        "paused" => false,
        _ => true,
    });
    finding(
        "undo.rollout",
        Severity::Block,
        Answer::of(
            origin(turn, Fact::Rollout),
            holds,
            word.unwrap_or("not known"),
        ),
        Words {
            pass: match word {
                Some("progressing") => {
                    "The rollout under way is the one that is blamed; the undo takes its place."
                        .to_owned()
                }
                Some("stuck") => {
                    format!("The rollout of {name} is stuck; the undo takes its place.")
                }
                Some(_) | None => format!("No rollout of {name} is under way."),
            },
            fail: match word {
                Some("paused") => {
                    format!("The rollout of {name} is paused: an undo would have no effect.")
                }
                Some(_) | None => format!("A rollout of {name} is under way."),
            },
            unknown: format!("Whether a rollout of {name} is under way is not known."),
            threshold: "no other rollout under way",
            next: "Wait until it is complete, or resume it where it is paused.",
        },
    )
}

/// All pods at once, or the only one.
fn strategy(turn: &Turn<'_>) -> Finding {
    let node = turn.deployment;
    let recreate = node.facts.text(Fact::Strategy) == Some("Recreate");
    let (_, missing) = turn.slack();
    let replicas = node.facts.count(Fact::Replicas).unwrap_or(0);
    let alone = replicas == 1 && missing > 0;
    let path = near::on_path(turn.snapshot, node);
    let value = match (recreate, alone) {
        (true, _) => "Recreate".to_owned(),
        (false, true) => "its only replica may be missing".to_owned(),
        (false, false) => count(replicas, "replica"),
    };
    finding(
        "undo.strategy",
        Severity::Block,
        Answer::of(
            origin(turn, Fact::Strategy),
            Some(!(path && (recreate || alone))),
            value.clone(),
        ),
        Words {
            pass: "Pods are replaced a few at a time, or nobody waits for them.".to_owned(),
            fail: format!(
                "Requests or messages come to {}, and its strategy leaves none ready meanwhile ({value}).",
                node.name
            ),
            unknown: format!("How pods of {} are replaced is not known.", node.name),
            threshold: "some pod stays ready",
            next: "Scale it up first, or change its strategy.",
        },
    )
}

/// Without a missing pod and without room for one more, on the nodes or on those Karpenter may buy, the rollout hangs.
fn room(turn: &Turn<'_>) -> Finding {
    let node = turn.deployment;
    let replicas = node.facts.count(Fact::Replicas).unwrap_or(0);
    let (surge, missing) = turn.slack();
    let step = Step {
        snapshot: turn.snapshot,
        workload: node,
        from: replicas,
        to: replicas + surge,
    };
    let (holds, _) = capacity::holds(step);
    let bought = pools::bought(step);
    let may = bought.as_ref().filter(|bought| bought.waiting == 0);
    let may = may.is_some_and(|bought| bought.pods > 0);
    let answer = match (missing > 0, holds) {
        (true, _) => Answer::of(
            origin(turn, Fact::MaxUnavailable),
            Some(true),
            format!("{missing} may be missing"),
        ),
        (false, holds) => Answer::of(
            origin(turn, Fact::MaxUnavailable),
            holds.map(|holds| holds > 0 || may),
            match holds {
                Some(0) if may => "none may be missing, Karpenter may buy nodes".to_owned(),
                Some(holds) => format!("none may be missing, room for {holds} more"),
                None => "none may be missing, room not known".to_owned(),
            },
        ),
    };
    finding(
        "undo.room",
        Severity::Block,
        answer,
        Words {
            pass: "The rollout can begin.".to_owned(),
            fail: format!(
                "No pod of {} may be missing and the nodes hold not one more: the rollout would hang.{}",
                node.name,
                bought.map_or(String::new(), |bought| bought.words)
            ),
            unknown: "Whether the nodes hold one more pod is not known.".to_owned(),
            threshold: "room for one more, or one may be missing",
            next: "Add a node first, or allow one pod to be missing.",
        },
    )
}

/// A rollback that nothing speaks for is thought over once more.
fn blamed(turn: &Turn<'_>) -> Finding {
    let name = &turn.deployment.name;
    let cause = blame(turn.snapshot, turn.deployment);
    let stuck = turn.deployment.facts.text(Fact::Rollout) == Some("stuck");
    let from = words(turn.from);
    let (value, why) = match (cause, stuck) {
        (Some(cause), _) => ("named as the cause", cause.sentence.as_str()),
        (None, true) => ("stuck", "its rollout is stuck."),
        (None, false) => ("nothing speaks against it", ""),
    };
    finding(
        "undo.blamed",
        Severity::Warn,
        Answer::of(
            origin(turn, Fact::Revision),
            Some(cause.is_some() || stuck),
            value,
        ),
        Words {
            pass: format!("Revision {from} is to blame: {why}"),
            fail: format!("Nothing says that revision {from} of {name} is to blame for anything."),
            unknown: format!("Whether revision {from} of {name} is to blame is not known."),
            threshold: "a cause names the revision",
            next: "Look at the causes first; roll back only what is broken.",
        },
    )
}

fn pinned(turn: &Turn<'_>) -> Option<Finding> {
    let mut scalers = near::autoscalers(turn.snapshot, turn.deployment);
    let hpa = scalers.next()?;
    let pinned = hpa.facts.flag(Fact::PinnedAtMax);
    Some(finding(
        "undo.pinned",
        Severity::Warn,
        Answer::of(
            Origin::of(turn.snapshot, hpa, Fact::PinnedAtMax),
            pinned.map(|pinned| !pinned),
            match pinned {
                Some(true) => "at its maximum",
                Some(false) => "below its maximum",
                None => "not known",
            },
        ),
        Words {
            pass: format!("{} has room above.", hpa.name),
            fail: format!(
                "{} is at its maximum: no pod makes up for those that are replaced.",
                hpa.name
            ),
            unknown: format!("Whether {} has room above is not known.", hpa.name),
            threshold: "not pinned at max",
            next: "Raise its maximum first.",
        },
    ))
}
