//! `bounds` of an autoscaler or scaled object: the fewest and most replicas it may set.
//!
//! An autoscaler that KEDA keeps is not written: KEDA puts its bounds back from the scaled object.

mod judge;

use crate::action::{Action, PlanError, Request};
use crate::course::Course;
use crate::draft::{Draft, Undo};
use crate::finding::{Answer, Words, finding};
use crate::gitops;
use crate::hands::Hands;
use crate::object::{self, Patch, Patching};
use crate::origin::Origin;
use crate::plan::{Blast, ConfirmLevel, Expectation, Finding, Plan, Severity};
use crate::setting::{Ask, Setting};
use crate::shelf::Shelf;
use crate::words::{count, span};
use crate::workload::owner::{self, Owner};
use crate::workload::scale::{aim, settings, sources};
use crate::workload::{near, room};
use judge::BoundsJudge;
use model::{Fact, Kind, Node, Relation, Snapshot, SourceId, Verb};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Other bounds.
#[derive(Clone, Copy, Debug)]
pub struct Bounds;

/// What is to become of a scaler.
struct Range<'a> {
    snapshot: &'a Snapshot,
    scaler: &'a Node,
    /// What it scales.
    workload: Option<&'a Node>,
    now: (i64, i64),
    then: (i64, i64),
}

impl Range<'_> {
    /// Replicas asked for now.
    fn current(&self) -> i64 {
        let workload = self.workload.and_then(|w| w.facts.count(Fact::Replicas));
        workload
            .or_else(|| self.scaler.facts.count(Fact::CurrentReplicas))
            .unwrap_or(0)
    }

    fn patch(&self) -> Option<Patch> {
        match self.now == self.then {
            true => None,
            false => aim::write(self.scaler, self.now, self.then),
        }
    }

    /// Replicas it may come to: the ceiling where that is raised, else what the floor asks for.
    fn reaches(&self) -> i64 {
        let current = self.current();
        if self.then.1 > self.now.1 {
            self.then.1.max(current)
        } else if self.then.0 > current {
            self.then.0
        } else if self.then.0 < self.now.0 {
            self.then.0.max(1).min(current)
        } else {
            current
        }
    }

    fn called(&self) -> String {
        scaler_of(self.scaler).called()
    }
}

impl Action for Bounds {
    fn verb(&self) -> Verb {
        Verb::Bounds
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Hpa, Kind::ScaledObject]
    }

    fn fits(&self) -> &'static str {
        "HorizontalPodAutoscalers and KEDA ScaledObjects"
    }

    fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        aim::bounds(node).is_some()
    }

    fn called_for(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        // Of KEDA's own autoscaler the scaled object is the place; it does not say that it is pinned.
        let keda = node.facts.text(Fact::ManagedBy) == Some("keda-operator");
        node.facts.flag(Fact::PinnedAtMax) == Some(true) && !keda
    }

    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        _shelf: &Shelf,
    ) -> Result<Draft, PlanError> {
        let now = aim::bounds(node).unwrap_or((0, 0));
        let then = parse(settings, node, now)?;
        let workload = near::next(snapshot, &node.id, Relation::Scales);
        Ok(draft(&Range {
            snapshot,
            scaler: node,
            workload: workload.into_iter().next(),
            now,
            then,
        }))
    }

    fn settings(&self, _snapshot: &Snapshot, node: &Node) -> Vec<Setting> {
        let now = aim::bounds(node).unwrap_or((0, 0));
        let ask = |name: &str, label: &str, default: i64, least: i64| Setting {
            name: name.to_owned(),
            label: label.to_owned(),
            default: default.to_string(),
            ask: Ask::Number {
                min: least,
                max: 10_000,
                unit: "pods".to_owned(),
                or: None,
            },
            note: None,
        };
        vec![
            ask("min", "At least", now.0, least(node)),
            ask("max", "At most", now.1 + settings::more(now.1), 1),
        ]
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        Patching::course(plan, hands, BoundsJudge::new(plan))
    }

    fn sources(&self, _snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        sources(plan)
    }
}

/// The lowest floor: KEDA scales to zero, an autoscaler alone does not
/// (`HPAScaleToZero` is an alpha feature).
fn least(node: &Node) -> i64 {
    i64::from(node.kind != Kind::ScaledObject)
}

/// Only the ceiling rises when nothing is asked.
fn parse(
    settings: &BTreeMap<String, String>,
    node: &Node,
    now: (i64, i64),
) -> Result<(i64, i64), PlanError> {
    let mut then = (now.0, now.1 + settings::more(now.1));
    if !settings.is_empty() {
        then = now;
    }
    for (name, value) in settings {
        match name.as_str() {
            "min" => then.0 = settings::number("min", value, least(node))?,
            "max" => then.1 = settings::number("max", value, 1)?,
            _ => {
                return Err(PlanError::NoSuchSetting {
                    verb: "bounds",
                    name: name.clone(),
                    known: "min and max",
                });
            }
        }
    }
    if then.0 > then.1 {
        return Err(PlanError::BadSetting {
            name: "min",
            value: then.0.to_string(),
            why: format!("it must not be above max ({})", then.1),
        });
    }
    Ok(then)
}

fn draft(range: &Range<'_>) -> Draft {
    let scaler = range.scaler;
    let mut targets = vec![scaler.id.clone()];
    targets.extend(range.workload.map(|workload| workload.id.clone()));
    Draft {
        settings: [("min", range.then.0), ("max", range.then.1)]
            .map(|(name, value)| (name.to_owned(), value.to_string()))
            .into(),
        targets,
        label: format!(
            "Bounds of {} · {}",
            range.called(),
            aim::words(range.now, range.then)
        ),
        before: before(range),
        findings: findings(range),
        expectations: expectations(range),
        undo: undo(range),
        blast: blast(range),
        level: level(range),
        ..object::draft(range.snapshot, scaler, range.patch().as_ref(), "bounds")
    }
}

fn level(range: &Range<'_>) -> ConfirmLevel {
    if range.then.0 < range.now.0 || range.then.1 < range.now.1 {
        ConfirmLevel::L2
    } else {
        ConfirmLevel::L1
    }
}

fn before(range: &Range<'_>) -> BTreeMap<String, Value> {
    let mut all: BTreeMap<String, Value> = [
        ("min", json!(range.now.0)),
        ("max", json!(range.now.1)),
        ("replicas", json!(range.current())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(workload) = range.workload {
        all.insert("scales".to_owned(), json!(workload.id.as_str()));
    }
    all
}

fn findings(range: &Range<'_>) -> Vec<Finding> {
    let mut all = vec![effect(range), ceiling(range)];
    all.extend(keda(range));
    all.extend(owner::active(range.snapshot, &scaler_of(range.scaler)));
    if let Some(workload) = range.workload {
        all.extend(room::findings(room::Step {
            snapshot: range.snapshot,
            workload,
            from: range.current(),
            to: range.reaches(),
        }));
    }
    let what = format!("the bounds of {}", range.scaler.name);
    all.extend(gitops::reverted(
        range.snapshot,
        range.scaler,
        "/spec",
        &what,
    ));
    all
}

fn scaler_of(node: &Node) -> Owner<'_> {
    if node.kind == Kind::ScaledObject {
        Owner::ScaledObject(node)
    } else {
        Owner::Hpa(node)
    }
}

fn effect(range: &Range<'_>) -> Finding {
    let words = aim::words(range.now, range.then);
    finding(
        "bounds.effect",
        Severity::Block,
        Answer::of(
            Origin::of(range.snapshot, range.scaler, Fact::Max),
            Some(range.now != range.then),
            words.clone(),
        ),
        Words {
            pass: format!("{} changes: {words}.", range.called()),
            fail: format!("{} has these bounds already: {words}.", range.called()),
            unknown: format!("The bounds of {} are not known.", range.called()),
            threshold: "something changes",
            next: "Ask for other bounds.",
        },
    )
}

/// A ceiling below what runs would take pods away whatever the load.
fn ceiling(range: &Range<'_>) -> Finding {
    let current = range.current();
    let max = range.then.1;
    finding(
        "bounds.max",
        Severity::Block,
        Answer::of(
            Origin::of(range.snapshot, range.scaler, Fact::Max),
            Some(max >= current),
            format!("at most {max}, {current} now"),
        ),
        Words {
            pass: format!("At most {max} is not below the {current} there are now."),
            fail: format!(
                "At most {max} is below the {} that load asks for now: {} would end at the next sync.",
                count(current, "replica"),
                count(current - max, "pod")
            ),
            unknown: "How many replicas there are now is not known.".to_owned(),
            threshold: "max not below the current replicas",
            next: "Lower min first and wait until load lets replicas fall, or ask for a higher max.",
        },
    )
}

/// KEDA writes the bounds of the autoscalers it keeps.
fn keda(range: &Range<'_>) -> Option<Finding> {
    if range.scaler.kind != Kind::Hpa {
        return None;
    }
    let owners = near::previous(range.snapshot, &range.scaler.id, Relation::Owns);
    let keda = owners
        .into_iter()
        .find(|node| node.kind == Kind::ScaledObject);
    let value = keda.map_or("its own", |keda| keda.name.as_str());
    Some(finding(
        "bounds.owner",
        Severity::Block,
        Answer::of(
            Origin::of(range.snapshot, range.scaler, Fact::Max),
            Some(keda.is_none()),
            value,
        ),
        Words {
            pass: format!("No ScaledObject keeps {}.", range.called()),
            fail: format!(
                "KEDA keeps {} and puts its bounds back: they belong to ScaledObject {value}.",
                range.called()
            ),
            unknown: format!("Whether KEDA keeps {} is not known.", range.called()),
            threshold: "not kept by KEDA",
            next: "Change the bounds of the ScaledObject instead.",
        },
    ))
}

fn expectations(range: &Range<'_>) -> Vec<Expectation> {
    let kept = scaler_of(range.scaler).two_syncs(range.snapshot, "/spec");
    let mut all = vec![Expectation {
        id: judge::KEPT.into(),
        sentence: format!(
            "The bounds of {} stay as written for {} (two syncs).",
            range.called(),
            span(kept)
        ),
        dwell_seconds: kept,
    }];
    if let Some(workload) = range.workload {
        all.push(Expectation {
            id: judge::WITHIN.into(),
            sentence: format!(
                "{} has {} to {} replicas, all of them ready.",
                workload.name, range.then.0, range.then.1
            ),
            dwell_seconds: 60.0,
        });
    }
    all
}

fn undo(range: &Range<'_>) -> Undo {
    let (min, max) = range.now;
    Undo {
        sentence: format!("Undo: {} gets {min} to {max} back.", range.called()),
        request: Some(Request {
            action: Verb::Bounds,
            node: range.scaler.id.clone(),
            settings: [("min", min), ("max", max)]
                .map(|(name, value)| (name.to_owned(), value.to_string()))
                .into(),
        }),
    }
}

fn blast(range: &Range<'_>) -> Blast {
    let current = range.current();
    let name = range.workload.map_or("its workload", |w| w.name.as_str());
    let first = if range.then.0 > current {
        format!(
            "{} of {name} start at the next sync, whatever the load.",
            count(range.then.0 - current, "pod")
        )
    } else if range.then.1 > range.now.1 {
        format!(
            "Up to {} of {name} may start as load asks for them.",
            count(range.then.1 - current, "more pod")
        )
    } else {
        format!("No pod of {name} starts or ends at once.")
    };
    Blast {
        sentences: vec![first],
        messages: None,
    }
}
