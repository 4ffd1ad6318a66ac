//! `pause` and `resume` of what keeps workloads as git has them.
//!
//! Flux is suspended by `spec.suspend`
//! (<https://fluxcd.io/flux/components/kustomize/kustomizations/#suspend>), an Argo CD Application by the
//! annotation `argocd.argoproj.io/skip-reconcile`
//! (<https://argo-cd.readthedocs.io/en/stable/user-guide/skip_reconcile/>): switching its automated sync
//! off would have to be remembered to be switched on again. Neither says in its status that it rests;
//! that it works again shows: Flux observes the new generation, Argo CD reconciles anew. What was
//! changed by hand meanwhile is put back then, and is said.

mod judge;

use super::called;
use crate::action::{Action, PlanError, Request};
use crate::course::Course;
use crate::draft::{Draft, Undo};
use crate::finding::{Answer, Words, finding};
use crate::hands::Hands;
use crate::lasts;
use crate::object::{self, Field, Object, Patch, Patching};
use crate::origin::Origin;
use crate::plan::{Expectation, Finding, Plan, Severity};
use crate::setting::{self, Setting};
use crate::shelf::Shelf;
use crate::words::{some, span};
use crate::workload::near;
use crate::workload::scale::sources;
use judge::SyncJudge;
use model::{Fact, Kind, Node, Relation, Snapshot, SourceId, Verb};
use serde_json::json;
use std::collections::BTreeMap;

const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";
/// How long what was written must stay, seconds: a parent that keeps this object as git has it may put
/// it back.
const DWELL: f64 = 60.0;

/// Suspends what keeps workloads as git has them.
#[derive(Clone, Copy, Debug)]
pub struct PauseSync;

/// Ends such a pause.
#[derive(Clone, Copy, Debug)]
pub struct ResumeSync;

const KINDS: &[Kind] = &[Kind::Application, Kind::Kustomization, Kind::HelmRelease];

impl Action for PauseSync {
    fn verb(&self) -> Verb {
        Verb::Pause
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn fits(&self) -> &'static str {
        "Argo CD Applications, Flux Kustomizations and HelmReleases"
    }

    fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        node.facts.flag(Fact::Suspended) == Some(false)
    }

    fn called_for(&self, _snapshot: &Snapshot, _node: &Node) -> bool {
        false
    }

    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        _shelf: &Shelf,
    ) -> Result<Draft, PlanError> {
        let (mut time, mut given) = (lasts::DEFAULT_SECONDS, lasts::DEFAULT.to_owned());
        for (name, value) in settings {
            if name != "for" {
                return Err(PlanError::NoSuchSetting {
                    verb: "pause",
                    name: name.clone(),
                    known: "for",
                });
            }
            time = lasts::seconds(value)?;
            value.trim().clone_into(&mut given);
        }
        Ok(pause(snapshot, node, time, given))
    }

    fn settings(&self, _snapshot: &Snapshot, _node: &Node) -> Vec<Setting> {
        vec![lasts::asked()]
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        Patching::course(plan, hands, SyncJudge::new(plan))
    }

    fn sources(&self, _snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        sources(plan)
    }
}

impl Action for ResumeSync {
    fn verb(&self) -> Verb {
        Verb::Resume
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn fits(&self) -> &'static str {
        "suspended Argo CD Applications, Flux Kustomizations and HelmReleases"
    }

    fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        node.facts.flag(Fact::Suspended) == Some(true)
    }

    /// Pauses are forgotten.
    fn called_for(&self, _snapshot: &Snapshot, _node: &Node) -> bool {
        true
    }

    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        _shelf: &Shelf,
    ) -> Result<Draft, PlanError> {
        setting::none(self.verb(), settings)?;
        Ok(resume(snapshot, node))
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        Patching::course(plan, hands, SyncJudge::new(plan))
    }

    fn sources(&self, _snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        sources(plan)
    }
}

/// The field that suspends it, from what is written to what is to be.
fn field(node: &Node, suspend: bool) -> Field {
    let written = node.facts.text(Fact::SuspendWritten);
    if node.kind == Kind::Application {
        return Field::annotation(SKIP_RECONCILE, written, suspend.then_some("true"));
    }
    let was = written.map(|written| written == "true");
    Field::new("/spec/suspend", json!(was), json!(suspend))
}

/// What both share.
fn common(snapshot: &Snapshot, node: &Node, suspend: bool, step: &str) -> Draft {
    let patch = Object::of(node).map(|object| Patch::new(object, vec![field(node, suspend)]));
    let kept = near::next(snapshot, &node.id, Relation::Deploys);
    let mut targets = vec![node.id.clone()];
    targets.extend(kept.iter().map(|kept| kept.id.clone()));
    let mut before = BTreeMap::from([("suspended".to_owned(), json!(!suspend))]);
    if let Some(looked) = node.facts.time(Fact::SyncedAt) {
        before.insert("reconciled_at".to_owned(), json!(looked.to_string()));
    }
    Draft {
        targets,
        before,
        findings: vec![state(snapshot, node, suspend)],
        ..object::draft(snapshot, node, patch.as_ref(), step)
    }
}

fn pause(snapshot: &Snapshot, node: &Node, seconds: i64, given: String) -> Draft {
    let name = called(node.kind, &node.name);
    let mut draft = common(snapshot, node, true, "pause");
    draft.findings.extend(parent(snapshot, node));
    draft.settings = [("for".to_owned(), given)].into();
    draft.label = format!("Pause {name} for {}", span(seconds as f64));
    draft.expectations = vec![kept(format!("{name} stays suspended for 60 s."))];
    draft.undo = Undo {
        sentence: format!("Undo: resume {}.", node.name),
        request: Some(Request::plain(Verb::Resume, node)),
    };
    draft.blast.sentences = vec![
        format!(
            "Nothing that changes in git reaches {}: no release, no rollback.",
            what(snapshot, node)
        ),
        "What is changed by hand stays, until it is resumed.".to_owned(),
        lasts::open_loop(seconds),
    ];
    draft.leaves = Some(lasts::leaves(
        node,
        format!("{name} stays suspended."),
        seconds,
    ));
    draft
}

fn resume(snapshot: &Snapshot, node: &Node) -> Draft {
    let name = called(node.kind, &node.name);
    let mut draft = common(snapshot, node, false, "resume");
    draft.label = format!("Resume {name}");
    draft.expectations = vec![
        Expectation {
            id: judge::BACK.into(),
            sentence: format!("{name} has looked at git again."),
            dwell_seconds: 0.0,
        },
        kept(format!("{name} stays resumed for 60 s.")),
    ];
    draft.undo = Undo {
        sentence: format!("Undo: pause {} again.", node.name),
        request: Some(Request::plain(Verb::Pause, node)),
    };
    draft.blast.sentences = back(snapshot, node);
    draft
}

/// What happens when it looks at git again.
fn back(snapshot: &Snapshot, node: &Node) -> Vec<String> {
    if node.facts.flag(Fact::AutoSync) == Some(false) {
        let compared = "It compares with git again; nothing is applied until somebody syncs it.";
        return vec![compared.to_owned()];
    }
    let by_hand = match node.facts.flag(Fact::SelfHeal) {
        Some(true) => "What was changed by hand meanwhile is put back as git has it.",
        Some(false) | None => {
            "What was changed by hand stays until the next change in git; what changed there meanwhile is applied."
        }
    };
    vec![
        format!("It keeps {} as git has it again.", what(snapshot, node)),
        by_hand.to_owned(),
    ]
}

/// What it keeps, by name where it is known: of much of what it deploys nothing is watched.
fn what(snapshot: &Snapshot, node: &Node) -> String {
    let kept = near::next(snapshot, &node.id, Relation::Deploys);
    let names: Vec<&str> = kept.iter().map(|kept| kept.name.as_str()).collect();
    match names.as_slice() {
        [] => "what it deploys".to_owned(),
        names => format!("{} and whatever else it deploys", some(names)),
    }
}

/// An ApplicationSet takes annotations away that it did not write
/// (<https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Controlling-Resource-Modification/#preserving-changes-made-to-an-applications-annotations-and-labels>).
fn parent(snapshot: &Snapshot, node: &Node) -> Option<Finding> {
    let mark = node.facts.text(Fact::ManagedBy)?;
    let set = mark.strip_prefix("applicationset:")?;
    let by = format!("ApplicationSet {set}");
    Some(finding(
        "pause.parent",
        Severity::Warn,
        Answer::of(
            Origin::of(snapshot, node, Fact::ManagedBy),
            Some(false),
            by.clone(),
        ),
        Words {
            pass: format!("Nothing makes {}.", node.name),
            fail: format!(
                "{by} makes {} and takes the annotation away, unless it preserves it.",
                node.name
            ),
            unknown: format!("What makes {} is not known.", node.name),
            threshold: "made by nothing",
            next: "Pause it in git, or let the ApplicationSet preserve the annotation (preservedFields).",
        },
    ))
}

fn kept(sentence: String) -> Expectation {
    Expectation {
        id: judge::KEPT.into(),
        sentence,
        dwell_seconds: DWELL,
    }
}

/// It is not yet what it is to be.
fn state(snapshot: &Snapshot, node: &Node, suspend: bool) -> Finding {
    let suspended = node.facts.flag(Fact::Suspended);
    let words = |on: bool| if on { "suspended" } else { "not suspended" };
    let name = &node.name;
    finding(
        if suspend {
            "pause.state"
        } else {
            "resume.state"
        },
        Severity::Block,
        Answer::of(
            Origin::of(snapshot, node, Fact::Suspended),
            suspended.map(|on| on != suspend),
            suspended.map_or("not known", words),
        ),
        Words {
            pass: format!("{name} is {}.", words(!suspend)),
            fail: format!("{name} is {} already.", words(suspend)),
            unknown: format!("Whether {name} is suspended is not known."),
            threshold: if suspend {
                "not suspended"
            } else {
                "suspended"
            },
            next: "There is nothing to do.",
        },
    )
}
