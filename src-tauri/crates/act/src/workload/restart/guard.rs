//! What blocks and what warns of a restart (guards.md §14), each decidable from one snapshot.

use crate::finding::{Answer, Words, finding};
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use crate::words::count;
use model::{Fact, Kind, Node, Relation, Snapshot, Value};

/// Waiting reasons of a container whose image does not come
/// (<https://kubernetes.io/docs/concepts/containers/images/>).
const NO_IMAGE: [&str; 4] = [
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
];

pub(super) fn findings(snapshot: &Snapshot, node: &Node) -> Vec<Finding> {
    let subject = Subject { snapshot, node };
    vec![
        subject.rolling(),
        subject.idle(),
        subject.image(),
        subject.room_to_roll(),
        subject.pinned(),
    ]
}

struct Subject<'a> {
    snapshot: &'a Snapshot,
    node: &'a Node,
}

impl Subject<'_> {
    fn origin(&self, fact: Fact) -> Origin {
        Origin::of(self.snapshot, self.node, fact)
    }

    /// Its pods go one after another, so that some serve at any time.
    fn rolling(&self) -> Finding {
        let facts = &self.node.facts;
        let replicas = facts.count(Fact::Replicas);
        let recreate = facts.text(Fact::Strategy) == Some("Recreate");
        let value = match (recreate, replicas) {
            (true, _) => "Recreate".to_owned(),
            (false, Some(replicas)) => count(replicas, "replica"),
            (false, None) => "not known".to_owned(),
        };
        let name = &self.node.name;
        finding(
            "restart.keeps-serving",
            Severity::Block,
            Answer::of(
                self.origin(Fact::Replicas),
                replicas.map(|replicas| replicas > 1 && !recreate),
                value.clone(),
            ),
            Words {
                pass: format!("{name} keeps serving: {value} are replaced one after another."),
                fail: match recreate {
                    true => format!(
                        "{name} ends all its pods before it starts new ones (strategy Recreate)."
                    ),
                    false => format!("{name} has {value}: nothing else serves while it restarts."),
                },
                unknown: format!("How {name} is rolled out is not known."),
                threshold: "more than one replica, rolled out one after another",
                next: "Scale it up first.",
            },
        )
    }

    fn idle(&self) -> Finding {
        let facts = &self.node.facts;
        let rollout = facts.text(Fact::Rollout);
        let value = rollout.unwrap_or("not known").to_owned();
        let behind = facts
            .count(Fact::ObservedGeneration)
            .zip(facts.count(Fact::Generation))
            .is_some_and(|(seen, wanted)| seen < wanted);
        let name = &self.node.name;
        finding(
            "restart.rollout-idle",
            Severity::Block,
            Answer::of(
                self.origin(Fact::Rollout),
                rollout.map(|rollout| rollout == "complete" && !behind),
                value.clone(),
            ),
            Words {
                pass: format!("No rollout of {name} is under way."),
                fail: format!("A rollout of {name} is {value}: a restart would begin another one."),
                unknown: format!("Whether {name} is being rolled out is not known."),
                threshold: "rollout complete",
                next: "Wait until it is complete, or undo it.",
            },
        )
    }

    /// A pod of it that cannot pull its image says that new ones could not either.
    fn image(&self) -> Finding {
        let failing = pods(self.snapshot, self.node).find(|pod| {
            pod.facts
                .text(Fact::Reason)
                .is_some_and(|r| NO_IMAGE.contains(&r))
        });
        let image = self.node.facts.text(Fact::Image).unwrap_or("its image");
        let name = &self.node.name;
        finding(
            "restart.image",
            Severity::Block,
            Answer::of(
                self.origin(Fact::Image),
                Some(failing.is_none()),
                match failing {
                    Some(pod) => pod
                        .facts
                        .text(Fact::Reason)
                        .unwrap_or("no image")
                        .to_owned(),
                    None => "pulled".to_owned(),
                },
            ),
            Words {
                pass: format!("No pod of {name} fails to pull {image}."),
                fail: format!(
                    "{} cannot pull {image}: new pods would not start.",
                    failing.map_or("A pod", |pod| pod.name.as_str())
                ),
                unknown: format!("Whether {image} can be pulled is not known."),
                threshold: "no pod waits for its image",
                next: "Put the image back, or undo to a revision whose image is there.",
            },
        )
    }

    /// With no surge and nothing allowed to be missing a rollout cannot begin; the API refuses that.
    /// With a surge, a pod that waits for a place says that there is none for one more.
    fn room_to_roll(&self) -> Finding {
        let waits = pods(self.snapshot, self.node).find(|pod| {
            pod.facts.text(Fact::Phase) == Some("Pending")
                && pod.facts.text(Fact::Reason) == Some("Unschedulable")
        });
        let strict = matches!(
            self.node.facts.get(Fact::MaxUnavailable),
            Some(Value::Int(0))
        ) || self.node.facts.text(Fact::MaxUnavailable) == Some("0%");
        let stuck = strict && waits.is_some();
        let name = &self.node.name;
        finding(
            "restart.room",
            Severity::Block,
            Answer::of(
                self.origin(Fact::Replicas),
                Some(!stuck),
                match waits {
                    Some(pod) => format!("{} waits for a place", pod.name),
                    None => "no pod waits for a place".to_owned(),
                },
            ),
            Words {
                pass: format!("The rollout of {name} has room to begin."),
                fail: format!(
                    "{name} allows no pod to be missing and there is no place for one more: the rollout would hang."
                ),
                unknown: String::new(),
                threshold: "a place for one more pod, or one that may be missing",
                next: "Add nodes, or allow a pod to be missing (maxUnavailable).",
            },
        )
    }

    fn pinned(&self) -> Finding {
        let scalers = self.snapshot.edges.iter();
        let scalers = scalers
            .filter(|e| e.relation == Relation::Scales && e.to == self.node.id)
            .filter_map(|e| self.snapshot.node(&e.from));
        let pinned = scalers
            .into_iter()
            .find(|s| s.facts.flag(Fact::PinnedAtMax) == Some(true));
        let answer = match pinned {
            Some(scaler) => Answer::of(
                Origin::of(self.snapshot, scaler, Fact::PinnedAtMax),
                Some(false),
                format!("{} is at its maximum", scaler.name),
            ),
            None => Answer::given(true, "not pinned"),
        };
        let name = &self.node.name;
        finding(
            "restart.not-pinned",
            Severity::Warn,
            answer,
            Words {
                pass: format!("No autoscaler of {name} is at its maximum."),
                fail: format!(
                    "{name} is scaled to its maximum already: every pod that is missing meanwhile is felt."
                ),
                unknown: String::new(),
                threshold: "below its maximum",
                next: "Raise the maximum first, or wait for less load.",
            },
        )
    }
}

/// The pods of a deployment.
fn pods<'a>(snapshot: &'a Snapshot, node: &'a Node) -> impl Iterator<Item = &'a Node> {
    let namespace = node.scope.namespace.as_deref().unwrap_or_default();
    let workload = format!("{namespace}/{}", node.name);
    let nodes = snapshot.nodes.iter().map(AsRef::as_ref);
    nodes.filter(move |pod: &&Node| {
        pod.kind == Kind::Pod
            && pod.scope.cluster == node.scope.cluster
            && pod.facts.text(Fact::Workload) == Some(workload.as_str())
    })
}

/// Restarts by themselves of the pods of a deployment that run now.
pub(super) fn restarts(snapshot: &Snapshot, node: &Node) -> i64 {
    pods(snapshot, node)
        .filter_map(|pod| pod.facts.count(Fact::Restarts))
        .sum()
}
