//! `pause` and `resume` of a KEDA scaled object.
//!
//! KEDA is paused by annotations
//! (<https://keda.sh/docs/latest/concepts/scaling-deployments/#pausing-autoscaling>): scaling in
//! alone, which is what an incident asks for, scaling out alone (a database that drowns in
//! consumers), or everything. `paused-replicas` moves as well as pauses: `scale` does that. A pause is never left: it ends by an
//! open loop. What ends it takes every pausing annotation away and sees the autoscaler come back.

mod judge;
mod settings;

use crate::action::{Action, PlanError, Request};
use crate::course::Course;
use crate::draft::{Draft, Undo};
use crate::finding::{Answer, Words, finding};
use crate::gitops;
use crate::hands::Hands;
use crate::lasts;
use crate::object::{self, Field, Object, Patch, Patching};
use crate::origin::Origin;
use crate::plan::{Expectation, Finding, Plan, Severity};
use crate::setting::{self, Setting};
use crate::shelf::Shelf;
use crate::words::{count, list, span};
use crate::workload::near;
use crate::workload::owner::Owner;
use crate::workload::scale::sources;
use judge::PauseJudge;
use model::{Fact, Kind, Node, Relation, Snapshot, SourceId, Verb};
use serde_json::{Value, json};
use settings::{Settings, What};
use std::collections::BTreeMap;

/// Where a pause is written.
const ANNOTATIONS: &str = "/metadata/annotations";

const PAUSED: &str = "autoscaling.keda.sh/paused";
const PAUSED_REPLICAS: &str = "autoscaling.keda.sh/paused-replicas";
const PAUSED_SCALE_IN: &str = "autoscaling.keda.sh/paused-scale-in";
const PAUSED_SCALE_OUT: &str = "autoscaling.keda.sh/paused-scale-out";

/// Pauses a scaled object.
#[derive(Clone, Copy, Debug)]
pub struct PauseScaler;

/// Ends a pause of a scaled object.
#[derive(Clone, Copy, Debug)]
pub struct ResumeScaler;

impl Action for PauseScaler {
    fn verb(&self) -> Verb {
        Verb::Pause
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::ScaledObject]
    }

    fn fits(&self) -> &'static str {
        "KEDA ScaledObjects"
    }

    fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        node.facts.flag(Fact::Paused) == Some(false)
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
        let settings = Settings::parse(settings)?;
        Ok(pause(snapshot, node, &settings))
    }

    fn settings(&self, _snapshot: &Snapshot, _node: &Node) -> Vec<Setting> {
        settings::asked()
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        Patching::course(plan, hands, PauseJudge::new(plan))
    }

    fn sources(&self, _snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        sources(plan)
    }
}

impl Action for ResumeScaler {
    fn verb(&self) -> Verb {
        Verb::Resume
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::ScaledObject]
    }

    fn fits(&self) -> &'static str {
        "paused KEDA ScaledObjects"
    }

    fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        !marks(node).is_empty() || node.facts.flag(Fact::Paused) == Some(true)
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
        Patching::course(plan, hands, PauseJudge::new(plan))
    }

    fn sources(&self, _snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        sources(plan)
    }
}

/// The pausing annotations it carries, with their values.
fn marks(node: &Node) -> Vec<(&'static str, String)> {
    let facts = &node.facts;
    let mut all = Vec::new();
    let replicas = facts.count(Fact::PausedReplicas);
    if let Some(replicas) = replicas {
        all.push((PAUSED_REPLICAS, replicas.to_string()));
    }
    if facts.flag(Fact::Paused) == Some(true) && replicas.is_none() {
        all.push((PAUSED, "true".to_owned()));
    }
    for (fact, name) in [
        (Fact::PausedScaleIn, PAUSED_SCALE_IN),
        (Fact::PausedScaleOut, PAUSED_SCALE_OUT),
    ] {
        if facts.flag(fact) == Some(true) {
            all.push((name, "true".to_owned()));
        }
    }
    all
}

/// What both share.
fn common(snapshot: &Snapshot, node: &Node, fields: Vec<Field>, step: &str) -> Draft {
    let patch = Object::of(node).map(|object| Patch::new(object, fields));
    let patch = patch.filter(|patch| !patch.fields.is_empty());
    let mut targets = vec![node.id.clone()];
    let workload = near::next(snapshot, &node.id, Relation::Scales);
    targets.extend(workload.iter().map(|workload| workload.id.clone()));
    let mut before: BTreeMap<String, Value> = BTreeMap::new();
    before.insert(
        "paused".to_owned(),
        json!(list(
            &marks(node).iter().map(|(n, _)| *n).collect::<Vec<_>>()
        )),
    );
    // KEDA names it so when nothing else is asked (`horizontalPodAutoscalerConfig.name`).
    let usual = format!("keda-hpa-{}", node.name);
    let hpa = node.facts.text(Fact::HpaName).unwrap_or(&usual);
    before.insert("autoscaler".to_owned(), json!(hpa));
    let what = format!("the annotations of {}", node.name);
    Draft {
        targets,
        before,
        findings: gitops::reverted(snapshot, node, ANNOTATIONS, &what)
            .into_iter()
            .collect(),
        ..object::draft(snapshot, node, patch.as_ref(), step)
    }
}

fn pause(snapshot: &Snapshot, node: &Node, settings: &Settings) -> Draft {
    let name = &node.name;
    let mark = settings.what.annotation();
    let field = Field::annotation(mark, None, Some("true"));
    let mut draft = common(snapshot, node, vec![field], "pause");
    let time = span(settings.seconds as f64);
    draft.settings = settings.words();
    draft.label = format!(
        "Pause {} of KEDA ScaledObject {name} for {time}",
        settings.what.label()
    );
    draft.findings.insert(0, unpaused(snapshot, node));
    draft.findings.push(prefer(snapshot, node, settings.what));
    draft.expectations = expectations(snapshot, node, settings.what);
    draft.undo = Undo {
        sentence: format!("Undo: resume {name}."),
        request: Some(Request::plain(Verb::Resume, node)),
    };
    draft.blast.sentences = consequences(snapshot, node, settings);
    let stays = format!("{} of {name} stays paused.", settings.what.subject());
    draft.leaves = Some(lasts::leaves(node, stays, settings.seconds));
    draft
}

fn consequences(snapshot: &Snapshot, node: &Node, settings: &Settings) -> Vec<String> {
    let workload = near::next(snapshot, &node.id, Relation::Scales);
    let name = workload.first().map_or("its workload", |w| w.name.as_str());
    let now = workload
        .first()
        .and_then(|workload| workload.facts.count(Fact::Replicas));
    let now = now.map_or_else(|| "its replicas".to_owned(), |n| count(n, "replica"));
    let first = match settings.what {
        What::ScaleIn => format!("{name} keeps at least {now}, and still gets more as load asks."),
        What::ScaleOut => format!("{name} gets no more than {now}, and fewer where load falls."),
        What::All => format!("{name} stays at {now}, whatever comes."),
    };
    vec![first, lasts::open_loop(settings.seconds)]
}

fn unpaused(snapshot: &Snapshot, node: &Node) -> Finding {
    let marks: Vec<&str> = marks(node).iter().map(|(name, _)| *name).collect();
    let paused = node.facts.flag(Fact::Paused);
    let holds = paused.map(|paused| !paused && marks.is_empty());
    let value = match marks.is_empty() {
        true => "not paused".to_owned(),
        false => list(&marks),
    };
    finding(
        "pause.state",
        Severity::Block,
        Answer::of(
            Origin::of(snapshot, node, Fact::Paused),
            holds,
            value.clone(),
        ),
        Words {
            pass: format!("{} is not paused.", node.name),
            fail: format!("{} is paused already ({value}).", node.name),
            unknown: format!("Whether {} is paused is not known.", node.name),
            threshold: "not paused",
            next: "Resume it first if it is to be paused in another way.",
        },
    )
}

/// During an incident only scaling in does harm.
fn prefer(snapshot: &Snapshot, node: &Node, what: What) -> Finding {
    finding(
        "pause.scale-out",
        Severity::Warn,
        Answer::of(
            Origin::of(snapshot, node, Fact::Paused),
            Some(what == What::ScaleIn),
            what.as_str(),
        ),
        Words {
            pass: "Scaling out goes on.".to_owned(),
            fail: format!(
                "Nothing scales {} out while {} is paused: a backlog grows at the rate at which messages come.",
                node.name,
                what.label()
            ),
            unknown: "Whether scaling out goes on is not known.".to_owned(),
            threshold: "scale-in only",
            next: "Pause scale-in only, unless more pods are the problem (then scale-out).",
        },
    )
}

fn expectations(snapshot: &Snapshot, node: &Node, what: What) -> Vec<Expectation> {
    let kept = Owner::ScaledObject(node).two_syncs(snapshot, ANNOTATIONS);
    let sentence = match what {
        What::ScaleIn | What::ScaleOut => {
            format!("KEDA has switched {} of {} off.", what.label(), node.name)
        }
        What::All => format!("KEDA says that {} is paused.", node.name),
    };
    vec![
        Expectation {
            id: judge::EFFECT.into(),
            sentence,
            dwell_seconds: kept,
        },
        Expectation {
            id: judge::KEPT.into(),
            sentence: format!(
                "The annotation stays as written for {} (two syncs).",
                span(kept)
            ),
            dwell_seconds: kept,
        },
    ]
}

fn resume(snapshot: &Snapshot, node: &Node) -> Draft {
    let name = &node.name;
    let marks = marks(node);
    let fields = marks
        .iter()
        .map(|(name, value)| Field::annotation(name, Some(value), None))
        .collect();
    let mut draft = common(snapshot, node, fields, "resume");
    let what = What::of(node);
    draft.label = format!("Resume KEDA ScaledObject {name}");
    draft.findings.insert(0, paused(snapshot, node, &marks));
    let kept = Owner::ScaledObject(node).two_syncs(snapshot, ANNOTATIONS);
    draft.expectations = vec![
        Expectation {
            id: judge::BACK.into(),
            sentence: format!("The autoscaler of {name} is back and scales as its spec asks."),
            dwell_seconds: kept,
        },
        Expectation {
            id: judge::KEPT.into(),
            sentence: format!("{name} stays resumed for {} (two syncs).", span(kept)),
            dwell_seconds: kept,
        },
    ];
    draft.undo = Undo {
        sentence: format!("Undo: pause {} of {name} again.", what.label()),
        request: Some(Request {
            action: Verb::Pause,
            node: node.id.clone(),
            settings: [("what".to_owned(), what.as_str().to_owned())].into(),
        }),
    };
    draft.blast.sentences = vec![format!(
        "KEDA scales {name} by its trigger again: pods it no longer needs end."
    )];
    draft
}

fn paused(snapshot: &Snapshot, node: &Node, marks: &[(&str, String)]) -> Finding {
    let names: Vec<&str> = marks.iter().map(|(name, _)| *name).collect();
    let value = match names.is_empty() {
        true => "not paused".to_owned(),
        false => list(&names),
    };
    finding(
        "resume.state",
        Severity::Block,
        Answer::of(
            Origin::of(snapshot, node, Fact::Paused),
            Some(!names.is_empty()),
            value.clone(),
        ),
        Words {
            pass: format!("{} is paused ({value}).", node.name),
            fail: format!("{} is not paused.", node.name),
            unknown: format!("Whether {} is paused is not known.", node.name),
            threshold: "paused",
            next: "There is nothing to resume.",
        },
    )
}
