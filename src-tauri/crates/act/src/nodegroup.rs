//! Scaling of an EKS managed nodegroup: `UpdateNodegroupConfig`, then its nodes and the pods that wait.
//!
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateNodegroupConfig.html>. The update is
//! Successful long before its nodes are there: what counts is that as many nodes are Ready as were
//! asked for and that no pod waits for room any more. What EC2 would refuse (vCPU quota, free
//! addresses) is checked where CloudWatch and EC2 tell it; where not, the plan says so.

mod call;
mod guard;
mod need;
mod settings;
mod steps;
mod subject;
#[cfg(test)]
mod tests;

use crate::action::{Action, PlanError, Request};
use crate::course::Course;
use crate::draft::{Draft, Undo};
use crate::hands::Hands;
use crate::plan::{Blast, ConfirmLevel, Expectation, Plan};
use crate::sequence::Sequence;
use crate::setting::Setting;
use crate::shelf::Shelf;
use crate::takes::Takes;
use crate::words::count;
use model::{Fact, Kind, Node, Snapshot, SourceId, Verb};
use serde_json::{Value, json};
use settings::Sizes;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use steps::ScaleSteps;
use subject::Subject;

/// As many nodes are Ready as were asked for.
const NODES_READY: &str = "nodegroup.nodes-ready";
/// No pod waits for room.
const NONE_WAITING: &str = "nodegroup.none-waiting";
/// EKS says the update is Successful.
const UPDATE: &str = "nodegroup.update-successful";
/// Nodes and pods must be right for this long, seconds (guards.md, "Verification").
const DWELL_SECONDS: f64 = 60.0;

/// Scales a managed nodegroup.
#[derive(Clone, Copy, Debug)]
pub struct ScaleNodegroup;

impl Action for ScaleNodegroup {
    fn verb(&self) -> Verb {
        Verb::Scale
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Nodegroup]
    }

    fn fits(&self) -> &'static str {
        "EKS managed nodegroups"
    }

    fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        Sizes::of(node).is_some()
    }

    fn called_for(&self, snapshot: &Snapshot, node: &Node) -> bool {
        need::fallback(snapshot, node)
    }

    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        _shelf: &Shelf,
    ) -> Result<Draft, PlanError> {
        let subject = Subject::new(snapshot, node);
        let wanted = settings::parse(&subject, settings)?;
        Ok(draft(&subject, wanted))
    }

    fn settings(&self, snapshot: &Snapshot, node: &Node) -> Vec<Setting> {
        settings::asked(&Subject::new(snapshot, node))
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        Box::new(Sequence::new(plan, ScaleSteps::new(plan, hands)))
    }

    fn sources(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        let found = plan.findings.iter().filter_map(|f| f.source.clone());
        let mut all: BTreeSet<SourceId> = found.collect();
        if let Some(node) = snapshot.node(&plan.node) {
            all.insert(node.source.clone());
            let watched = subject::watched(snapshot, node);
            all.extend(watched.map(|status| status.source.id.clone()));
        }
        all.into_iter().collect()
    }
}

fn draft(subject: &Subject<'_>, wanted: Sizes) -> Draft {
    let (group, before) = (subject.group, subject.sizes);
    let down = wanted.desired < before.desired;
    Draft {
        settings: wanted.settings(),
        targets: vec![group.id.clone()],
        label: label(subject, wanted),
        calls: vec![call::update(subject, wanted)],
        before: before_state(subject),
        findings: guard::findings(subject, wanted),
        expectations: expectations(subject, wanted),
        stops: Vec::new(),
        undo: undo(subject, wanted),
        blast: blast(subject, wanted),
        level: if down {
            ConfirmLevel::L3
        } else {
            ConfirmLevel::L2
        },
        confirm: group.name.clone(),
        takes: if down {
            vec![Takes::Nodes {
                group: group.id.clone(),
                left: wanted.desired,
            }]
        } else {
            Vec::new()
        },
        rights: call::rights(subject),
        leaves: None,
    }
}

/// `Scale meridian-reserve 0 → 5 nodes`, with the bounds where they change.
fn label(subject: &Subject<'_>, wanted: Sizes) -> String {
    let (name, before) = (&subject.group.name, subject.sizes);
    let bounds = if (wanted.min, wanted.max) == (before.min, before.max) {
        String::new()
    } else {
        format!(
            " · bounds {}–{} → {}–{}",
            before.min, before.max, wanted.min, wanted.max
        )
    };
    format!(
        "Scale {name} {} → {}{bounds}",
        before.desired,
        count(wanted.desired, "node")
    )
}

/// Sizes as words, so that somebody else's change is a changed answer.
fn before_state(subject: &Subject<'_>) -> BTreeMap<String, Value> {
    let facts = &subject.group.facts;
    BTreeMap::from([
        ("sizes".to_owned(), json!(subject.sizes.words())),
        (
            "status".to_owned(),
            json!(facts.text(Fact::Status).unwrap_or("not known")),
        ),
        ("nodes_ready".to_owned(), json!(subject.ready())),
        ("pods_waiting".to_owned(), json!(subject.waiting.len())),
    ])
}

fn expectations(subject: &Subject<'_>, wanted: Sizes) -> Vec<Expectation> {
    let name = &subject.group.name;
    let expect = |id: &'static str, sentence: String, dwell_seconds: f64| Expectation {
        id: Cow::Borrowed(id),
        sentence,
        dwell_seconds,
    };
    let mut all = vec![expect(
        UPDATE,
        format!("EKS says the update of {name} is Successful."),
        0.0,
    )];
    if wanted.desired != subject.sizes.desired {
        all.push(expect(
            NODES_READY,
            format!(
                "{} of {name} {} Ready, usually within 5 minutes.",
                count(wanted.desired, "node"),
                if wanted.desired == 1 { "is" } else { "are" },
            ),
            DWELL_SECONDS,
        ));
        all.push(expect(
            NONE_WAITING,
            "No pod of the cluster is Pending for lack of room.".to_owned(),
            DWELL_SECONDS,
        ));
    }
    all
}

fn undo(subject: &Subject<'_>, wanted: Sizes) -> Undo {
    let before = subject.sizes;
    let what = if wanted.desired > before.desired {
        "the nodes that came are drained and terminated, EKS chooses which"
    } else if wanted.desired < before.desired {
        "new instances are started, the terminated ones do not come back"
    } else {
        "no node comes or goes for it"
    };
    Undo {
        sentence: format!(
            "Set {} back to {}: {what}.",
            subject.group.name,
            before.words()
        ),
        request: Some(Request {
            action: Verb::Scale,
            node: subject.group.id.clone(),
            settings: before.settings(),
        }),
    }
}

fn blast(subject: &Subject<'_>, wanted: Sizes) -> Blast {
    let (group, before) = (subject.group, subject.sizes);
    let types = group.facts.text(Fact::InstanceTypes);
    let of = types.map_or_else(String::new, |types| format!(" ({types})"));
    let change = wanted.desired - before.desired;
    let mut sentences = Vec::new();
    if change > 0 {
        sentences.push(format!(
            "{} of {}{of} are ordered; each is billed from its start until it is terminated.",
            count(change, "instance"),
            group.name
        ));
        sentences.push(match subject.waiting.len() {
            0 => "No pod waits for room now.".to_owned(),
            n => format!("{} for room now.", waits(n)),
        });
    } else if change < 0 {
        sentences.push(format!(
            "{} of {}{of} are drained and terminated: EKS chooses which.",
            count(-change, "instance"),
            group.name
        ));
        sentences.push(format!(
            "{} on its {} now; those on the chosen ones start again elsewhere.",
            match subject.pods() {
                1 => "1 pod runs".to_owned(),
                n => format!("{} run", count(n, "pod")),
            },
            count(subject.ready(), "Ready node")
        ));
    } else {
        sentences.push("No node comes or goes now; only the bounds change.".to_owned());
    }
    Blast {
        sentences,
        messages: None,
    }
}

/// `1 pod waits`, `61 pods wait`.
fn waits(pods: usize) -> String {
    match pods {
        1 => "1 pod waits".to_owned(),
        n => format!("{n} pods wait"),
    }
}
