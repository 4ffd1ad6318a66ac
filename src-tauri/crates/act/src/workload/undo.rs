//! `undo` of a deployment: back to the pod template of an older revision, as `kubectl rollout undo`
//! does (<https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-back-a-deployment>).
//!
//! The template is that of the revision's replica set, taken when the call is made; the call applies
//! only while the deployment is at the revision it was planned for.

mod guard;
mod steps;

use super::near;
use super::scale::sources;
use crate::action::{Action, PlanError, Request};
use crate::course::Course;
use crate::draft::{self, Draft};
use crate::hands::Hands;
use crate::object::{Object, kubectl};
use crate::offer::Colour;
use crate::plan::{ApiCall, Blast, ConfirmLevel, Expectation, Plan};
use crate::sequence::Sequence;
use crate::setting::{Ask, Choice, Setting};
use crate::shelf::Shelf;
use crate::words::{count, shell};
use model::{Cause, Fact, Kind, Node, Relation, Snapshot, SourceId, Verb};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use steps::UndoSteps;

/// The cause that names a revision (`model::causes`).
const BLAMES: &str = "consumer-revision";
/// Seconds in which no pod may restart.
const STEADY_SECONDS: f64 = 120.0;

/// Back to an older revision.
#[derive(Clone, Copy, Debug)]
pub struct Undo;

/// A deployment and the revision to go back to.
struct Turn<'a> {
    snapshot: &'a Snapshot,
    deployment: &'a Node,
    /// The revision now.
    from: Option<i64>,
    /// The revision asked for.
    to: Option<i64>,
    /// Its replica set, when it is still there.
    set: Option<&'a Node>,
}

/// The replica sets of a deployment by revision, newest first.
fn revisions<'a>(snapshot: &'a Snapshot, deployment: &Node) -> Vec<(i64, &'a Node)> {
    let owned = near::next(snapshot, &deployment.id, Relation::Owns);
    let sets = owned
        .into_iter()
        .filter(|node| node.kind == Kind::ReplicaSet);
    let mut all: Vec<(i64, &Node)> = sets
        .filter_map(|set| Some((set.facts.count(Fact::Revision)?, set)))
        .collect();
    all.sort_by_key(|(revision, _)| std::cmp::Reverse(*revision));
    all
}

/// The cause that blames the deployment's revision.
fn blame<'a>(snapshot: &'a Snapshot, deployment: &Node) -> Option<&'a Cause> {
    let mut causes = snapshot.causes.iter();
    causes.find(|cause| cause.rule == BLAMES && cause.targets.contains(&deployment.id))
}

impl<'a> Turn<'a> {
    fn new(
        snapshot: &'a Snapshot,
        deployment: &'a Node,
        settings: &BTreeMap<String, String>,
    ) -> Result<Self, PlanError> {
        let from = deployment.facts.count(Fact::Revision);
        let all = revisions(snapshot, deployment);
        let before = all.iter().map(|(revision, _)| *revision);
        let before = before.filter(|revision| Some(*revision) < from).max();
        let mut to = before;
        for (name, value) in settings {
            match name.as_str() {
                "to" => to = Some(revision(value)?),
                _ => {
                    return Err(PlanError::NoSuchSetting {
                        verb: "undo",
                        name: name.clone(),
                        known: "to",
                    });
                }
            }
        }
        let set = all.iter().find(|(revision, _)| Some(*revision) == to);
        Ok(Self {
            snapshot,
            deployment,
            from,
            to,
            set: set.map(|(_, set)| *set),
        })
    }

    /// Pods a rollout may have too many, and may miss.
    fn slack(&self) -> (i64, i64) {
        let replicas = self.deployment.facts.count(Fact::Replicas).unwrap_or(0);
        let share = |fact, up: bool| match self.deployment.facts.get(fact) {
            Some(model::Value::Int(count)) => *count,
            Some(model::Value::Text(text)) => {
                let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
                let hundredths = replicas * percent;
                if up {
                    (hundredths + 99) / 100
                } else {
                    hundredths / 100
                }
            }
            Some(model::Value::Bool(_) | model::Value::Float(_)) | None => 0,
        };
        (
            share(Fact::MaxSurge, true),
            share(Fact::MaxUnavailable, false),
        )
    }

    fn tag(&self) -> String {
        let image = self.set.and_then(|set| set.facts.text(Fact::Image));
        let tag = image.and_then(|image| image.rsplit_once(':'));
        tag.map_or_else(String::new, |(_, tag)| format!(" ({tag})"))
    }
}

fn revision(value: &str) -> Result<i64, PlanError> {
    let number: Option<i64> = value.trim().parse().ok();
    number
        .filter(|number| *number > 0)
        .ok_or_else(|| PlanError::BadSetting {
            name: "to",
            value: value.to_owned(),
            why: "give the number of a revision".to_owned(),
        })
}

impl Action for Undo {
    fn verb(&self) -> Verb {
        Verb::Undo
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Deployment]
    }

    fn fits(&self) -> &'static str {
        "Deployments"
    }

    fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        node.facts.count(Fact::Revision).is_some()
    }

    fn called_for(&self, snapshot: &Snapshot, node: &Node) -> bool {
        blame(snapshot, node).is_some()
    }

    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        _shelf: &Shelf,
    ) -> Result<Draft, PlanError> {
        Ok(drafted(&Turn::new(snapshot, node, settings)?))
    }

    fn settings(&self, snapshot: &Snapshot, node: &Node) -> Vec<Setting> {
        let turn = Turn::new(snapshot, node, &BTreeMap::new());
        let default = turn.ok().and_then(|turn| turn.to);
        asked(snapshot, node, default)
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        Box::new(Sequence::new(plan, UndoSteps::new(plan, hands)))
    }

    fn sources(&self, _snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        sources(plan)
    }
}

fn asked(snapshot: &Snapshot, node: &Node, default: Option<i64>) -> Vec<Setting> {
    let now = node.facts.count(Fact::Revision);
    let others = revisions(snapshot, node)
        .into_iter()
        .filter(|(revision, _)| Some(*revision) != now);
    let choices = others.map(|(revision, set)| {
        let image = set.facts.text(Fact::Image).map(ToOwned::to_owned);
        let created = set.facts.text(Fact::CreatedAt);
        Choice {
            value: revision.to_string(),
            label: format!("revision {revision}"),
            facts: image
                .into_iter()
                .chain(created.map(|at| format!("made {}", minute(at))))
                .collect(),
            colour: Colour::Green,
            why: None,
        }
    });
    vec![Setting {
        name: "to".to_owned(),
        label: "Back to".to_owned(),
        default: default.map_or_else(String::new, |to| to.to_string()),
        ask: Ask::Choice {
            choices: choices.collect(),
        },
        note: Some("It becomes a new revision with the old template.".to_owned()),
    }]
}

/// `2026-11-24 11:53 UTC` of `2026-11-24T11:53:24.000Z`.
fn minute(at: &str) -> String {
    match (at.get(..10), at.get(11..16)) {
        (Some(day), Some(time)) if at.ends_with('Z') => format!("{day} {time} UTC"),
        _ => at.to_owned(),
    }
}

fn words(revision: Option<i64>) -> String {
    revision.map_or_else(|| "?".to_owned(), |revision| revision.to_string())
}

fn drafted(turn: &Turn<'_>) -> Draft {
    let node = turn.deployment;
    let name = &node.name;
    let mut settings = BTreeMap::new();
    if let Some(to) = turn.to {
        settings.insert("to".to_owned(), to.to_string());
    }
    let own = Object::of(node);
    let rights = own.iter().flat_map(|own| {
        let set = turn.set.and_then(Object::of);
        let read = set.map(|set| set.right("get", ""));
        let own = [own.right("get", ""), own.right("patch", "")];
        own.into_iter().chain(read)
    });
    Draft {
        settings,
        targets: vec![node.id.clone()],
        label: format!(
            "Roll back {name}: revision {} → {}{}",
            words(turn.from),
            words(turn.to),
            turn.tag()
        ),
        calls: call(turn).into_iter().collect(),
        before: before(turn),
        findings: guard::findings(turn),
        expectations: expectations(turn),
        stops: vec!["Stop watching at any time: the rollout goes on by itself.".to_owned()],
        undo: taken_back(turn),
        blast: blast(turn),
        level: ConfirmLevel::L2,
        confirm: name.clone(),
        takes: Vec::new(),
        rights: rights.collect(),
        leaves: None,
    }
}

fn call(turn: &Turn<'_>) -> Option<ApiCall> {
    let object = Object::of(turn.deployment)?;
    let (from, to) = (turn.from?, turn.to?);
    let set = Object::of(turn.set?)?;
    let parameters = [
        ("object", object.path("")),
        ("replicaset", set.name.clone()),
        ("from", from.to_string()),
        ("to", to.to_string()),
    ];
    Some(ApiCall {
        operation: steps::UNDO.to_owned(),
        region: turn
            .deployment
            .scope
            .region
            .as_deref()
            .unwrap_or("")
            .to_owned(),
        parameters: parameters
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .into(),
        cli: format!(
            "{} --namespace {} rollout undo {} --to-revision={to}",
            kubectl(turn.snapshot, turn.deployment),
            shell(&object.namespace),
            shell(&format!("deployments.apps/{}", object.name))
        ),
        step: "undo".to_owned(),
    })
}

fn before(turn: &Turn<'_>) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    // A word, so that another revision until the press is a changed answer.
    all.insert("revision".to_owned(), json!(words(turn.from)));
    let image = turn.deployment.facts.text(Fact::Image);
    if let Some(image) = image {
        all.insert("image".to_owned(), json!(image));
    }
    let replicas = turn.deployment.facts.count(Fact::Replicas);
    if let Some(replicas) = replicas {
        all.insert("replicas".to_owned(), json!(replicas));
    }
    all
}

fn expectations(turn: &Turn<'_>) -> Vec<Expectation> {
    let name = &turn.deployment.name;
    let expect = |id: &'static str, sentence: String, dwell_seconds: f64| Expectation {
        id: id.into(),
        sentence,
        dwell_seconds,
    };
    vec![
        expect(
            steps::ROLLED,
            format!(
                "{name} has the template of revision {} and every replica is updated and ready.",
                words(turn.to)
            ),
            60.0,
        ),
        expect(
            steps::STEADY,
            format!("No pod of {name} restarts for 2 min."),
            STEADY_SECONDS,
        ),
    ]
}

fn taken_back(turn: &Turn<'_>) -> draft::Undo {
    let name = &turn.deployment.name;
    draft::Undo {
        sentence: format!("Undo: {name} goes to revision {} again.", words(turn.from)),
        request: turn.from.map(|from| Request {
            action: Verb::Undo,
            node: turn.deployment.id.clone(),
            settings: [("to".to_owned(), from.to_string())].into(),
        }),
    }
}

fn blast(turn: &Turn<'_>) -> Blast {
    let node = turn.deployment;
    let replicas = node.facts.count(Fact::Replicas).unwrap_or(0);
    let (surge, missing) = turn.slack();
    let mut sentences = vec![format!(
        "{} of {} are replaced, at most {missing} missing and {surge} more at a time; disruption budgets do not limit a rollout.",
        count(replicas, "pod"),
        node.name
    )];
    if let Some(image) = turn.set.and_then(|set| set.facts.text(Fact::Image)) {
        sentences.push(format!(
            "They run {image} again; whether the registry still has it is not asked."
        ));
    }
    for database in near::databases(turn.snapshot, node) {
        sentences.push(format!(
            "Their connections to {} are made anew.",
            database.name
        ));
    }
    Blast {
        sentences,
        messages: None,
    }
}
