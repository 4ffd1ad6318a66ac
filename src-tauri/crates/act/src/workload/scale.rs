//! `scale` of a deployment or stateful set: another number of replicas, written to whoever owns them.
//!
//! Under an autoscaler the number is its floor: upwards the floor rises at once and the ceiling with
//! it where it must; downwards the floor falls and the autoscaler takes pods away when load allows.
//! Where nobody scales, and where git does (which is said on the button), the scale subresource is
//! written.

pub(crate) mod aim;
pub(crate) mod judge;
pub(crate) mod settings;

use super::owner::{self, Owner};
use super::{near, room};
use crate::action::{Action, PlanError, Request};
use crate::course::Course;
use crate::draft::{Draft, Undo};
use crate::finding::{Answer, Words, finding};
use crate::gitops;
use crate::hands::Hands;
use crate::object::{self, Patching, REPLICAS};
use crate::origin::Origin;
use crate::plan::{Blast, ConfirmLevel, Expectation, Finding, Plan, Severity};
use crate::setting::Setting;
use crate::shelf::Shelf;
use crate::words::{count, span};
use aim::Aim;
use judge::ScaleJudge;
use model::{Fact, Kind, Node, Snapshot, SourceId, Verb};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use judge::{KEPT, READY};

/// Seconds the replicas must be ready without interruption.
const READY_SECONDS: f64 = 60.0;

/// Another number of replicas.
#[derive(Clone, Copy, Debug)]
pub struct Scale;

impl Action for Scale {
    fn verb(&self) -> Verb {
        Verb::Scale
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Deployment, Kind::StatefulSet]
    }

    fn fits(&self) -> &'static str {
        "Deployments and StatefulSets"
    }

    fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        node.facts.count(Fact::Replicas).is_some()
    }

    /// Its autoscaler would give it more pods than its ceiling allows.
    fn called_for(&self, snapshot: &Snapshot, node: &Node) -> bool {
        near::autoscalers(snapshot, node).any(|hpa| hpa.facts.flag(Fact::PinnedAtMax) == Some(true))
    }

    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        _shelf: &Shelf,
    ) -> Result<Draft, PlanError> {
        let to = settings::replicas(settings, node)?;
        Ok(draft(&Aim::new(snapshot, node, to)))
    }

    fn settings(&self, _snapshot: &Snapshot, node: &Node) -> Vec<Setting> {
        settings::asked(node)
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        Patching::course(plan, hands, ScaleJudge::new(plan))
    }

    fn sources(&self, _snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        sources(plan)
    }
}

/// The sources the checks of a plan rest on.
pub(crate) fn sources(plan: &Plan) -> Vec<SourceId> {
    let sources = plan.findings.iter().filter_map(|f| f.source.clone());
    let all: BTreeSet<SourceId> = sources.collect();
    all.into_iter().collect()
}

fn draft(aim: &Aim<'_>) -> Draft {
    let node = aim.workload;
    let mut targets = vec![node.id.clone()];
    targets.extend(aim.owner.scaler().map(|scaler| scaler.id.clone()));
    Draft {
        settings: [("replicas".to_owned(), aim.to.to_string())].into(),
        targets,
        label: label(aim),
        before: before(aim),
        findings: findings(aim),
        expectations: expectations(aim),
        undo: undo(aim),
        blast: blast(aim),
        level: level(aim),
        // At least one is left, or `scale.to-zero` says whether that may be none.
        takes: Vec::new(),
        ..object::draft(aim.snapshot, node, aim.patch().as_ref(), "scale")
    }
}

fn level(aim: &Aim<'_>) -> ConfirmLevel {
    if aim.to == 0 {
        ConfirmLevel::L4
    } else if aim.to < aim.from {
        ConfirmLevel::L2
    } else {
        ConfirmLevel::L1
    }
}

/// The whole plan in one line, the owner named.
fn label(aim: &Aim<'_>) -> String {
    let what = format!("Scale {} {} → {}", aim.workload.name, aim.from, aim.to);
    let owner = match &aim.owner {
        Owner::ScaledObject(_) | Owner::Hpa(_) => {
            format!("{}: {}", aim.owner.called(), aim.bounds_words())
        }
        Owner::GitOps(keeper) => match keeper.reverts_in {
            Some(seconds) => {
                format!(
                    "{} reverts it in {}",
                    keeper.called,
                    gitops::within(seconds)
                )
            }
            None => format!("{} does not revert it by itself", keeper.called),
        },
        Owner::Nobody => "nobody else sets replicas".to_owned(),
    };
    match aim.off {
        Some(hpa) => format!("{what} · switches HPA {} off; {owner}", hpa.name),
        None => format!("{what} · {owner}"),
    }
}

fn before(aim: &Aim<'_>) -> BTreeMap<String, Value> {
    let mut all: BTreeMap<String, Value> = [
        ("owner".to_owned(), json!(aim.owner.called())),
        ("replicas".to_owned(), json!(aim.from)),
    ]
    .into();
    if let Some((min, max)) = aim.bounds {
        all.insert("min".to_owned(), json!(min));
        all.insert("max".to_owned(), json!(max));
    }
    all
}

fn findings(aim: &Aim<'_>) -> Vec<Finding> {
    let mut all = owner::known(aim.snapshot, aim.workload, &aim.owner);
    all.push(effect(aim));
    all.extend(room::findings(room::Step {
        snapshot: aim.snapshot,
        workload: aim.workload,
        from: aim.from,
        to: aim.to,
    }));
    let (written, field, what) = match aim.owner.scaler() {
        Some(scaler) => (scaler, "/spec", format!("the bounds of {}", scaler.name)),
        None => (
            aim.workload,
            REPLICAS,
            format!("replicas of {}", aim.workload.name),
        ),
    };
    all.extend(gitops::reverted(aim.snapshot, written, field, &what));
    all
}

/// Whether anything is changed by it.
fn effect(aim: &Aim<'_>) -> Finding {
    let name = &aim.workload.name;
    let holds = aim.patch().is_some();
    let why = match (&aim.owner, aim.bounds) {
        (Owner::ScaledObject(_) | Owner::Hpa(_), Some((min, _))) if aim.to < aim.from => format!(
            "{} keeps {} because load asks for them; its floor is {min} already.",
            aim.owner.called(),
            count(aim.from, "replica")
        ),
        _ => format!("{name} is asked for {} already.", count(aim.to, "replica")),
    };
    finding(
        "scale.effect",
        Severity::Block,
        Answer::of(
            Origin::of(aim.snapshot, aim.workload, Fact::Replicas),
            Some(holds),
            format!("{} → {}", aim.from, aim.to),
        ),
        Words {
            pass: format!("{name} is asked for {} now.", count(aim.from, "replica")),
            fail: why,
            unknown: format!("How many replicas {name} is asked for is not known."),
            threshold: "something changes",
            next: "Ask for another number, or change the ceiling of its autoscaler with bounds.",
        },
    )
}

fn expectations(aim: &Aim<'_>) -> Vec<Expectation> {
    let kept = aim.owner.two_syncs(aim.snapshot, "/spec");
    let name = &aim.workload.name;
    let number = match aim.owner.scaler() {
        Some(_) => format!("at least {}", count(aim.to, "replica")),
        None => count(aim.to, "replica"),
    };
    let what = match aim.owner.scaler() {
        Some(_) => format!("The bounds of {} stay as written", aim.owner.called()),
        None => format!("replicas of {name} stay as written"),
    };
    vec![
        Expectation {
            id: READY.into(),
            sentence: format!("{name} has {number}, all of them ready."),
            dwell_seconds: READY_SECONDS,
        },
        Expectation {
            id: KEPT.into(),
            sentence: format!(
                "{what} for {}, in which whoever may put them back looks at them.",
                span(kept)
            ),
            dwell_seconds: kept,
        },
    ]
}

fn undo(aim: &Aim<'_>) -> Undo {
    let request = |action, node: &Node, settings: &[(&str, i64)]| Request {
        action,
        node: node.id.clone(),
        settings: settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_string()))
            .collect(),
    };
    match (aim.owner.scaler(), aim.bounds) {
        (Some(scaler), Some((min, max))) => Undo {
            sentence: format!(
                "Undo: {} gets its bounds back, {min} to {max}.",
                aim.owner.called()
            ),
            request: Some(request(Verb::Bounds, scaler, &[("min", min), ("max", max)])),
        },
        _ => Undo {
            sentence: format!(
                "Undo: {} is scaled back to {}.",
                aim.workload.name, aim.from
            ),
            request: Some(request(
                Verb::Scale,
                aim.workload,
                &[("replicas", aim.from)],
            )),
        },
    }
}

fn blast(aim: &Aim<'_>) -> Blast {
    let name = &aim.workload.name;
    let change = (aim.to - aim.from).abs();
    let mut sentences = Vec::new();
    sentences.push(match aim.to.cmp(&aim.from) {
        std::cmp::Ordering::Greater => format!("{} more start.", count(change, "pod")),
        std::cmp::Ordering::Less => format!(
            "Up to {} end, each within its grace period; which, Kubernetes chooses.",
            count(change, "pod")
        ),
        std::cmp::Ordering::Equal => format!("No pod of {name} starts or ends at once."),
    });
    if aim.owner.scaler().is_some() {
        sentences.push(format!(
            "Written to {}, because it overwrites replicas at its next sync.",
            aim.owner.called()
        ));
    }
    if let Some(hpa) = aim.off {
        sentences.push(format!(
            "HPA {} is off while replicas are 0, and acts again once somebody sets them.",
            hpa.name
        ));
    }
    let databases = near::databases(aim.snapshot, aim.workload);
    for database in databases {
        sentences.push(format!("Its pods hold connections to {}.", database.name));
    }
    Blast {
        sentences,
        messages: None,
    }
}
