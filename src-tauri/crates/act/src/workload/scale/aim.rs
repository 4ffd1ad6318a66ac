//! What exactly is written for a number of replicas: the owner's bounds, or the scale subresource.

use crate::object::{Object, Patch};
use crate::workload::owner::Owner;
use model::{Fact, Kind, Node, Snapshot};
use serde_json::{Value, json};

/// A workload, its owner and the number wanted.
pub(crate) struct Aim<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) workload: &'a Node,
    pub(crate) owner: Owner<'a>,
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// The scaler's bounds now.
    pub(crate) bounds: Option<(i64, i64)>,
    /// The autoscaler that is switched off by zero replicas.
    pub(crate) off: Option<&'a Node>,
}

impl<'a> Aim<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, workload: &'a Node, to: i64) -> Self {
        let owner = Owner::of(snapshot, workload);
        // An autoscaler has no floor of zero; replicas of zero are written themselves, and switch it off
        // (<https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/>, implicit maintenance-mode deactivation).
        let off = match &owner {
            Owner::Hpa(hpa) if to == 0 => Some(*hpa),
            Owner::Hpa(_) | Owner::ScaledObject(_) | Owner::GitOps(_) | Owner::Nobody => None,
        };
        let owner = match off {
            Some(_) => Owner::unscaled(snapshot, workload),
            None => owner,
        };
        let bounds = owner.scaler().and_then(bounds);
        Self {
            snapshot,
            workload,
            from: workload.facts.count(Fact::Replicas).unwrap_or(0),
            to,
            owner,
            bounds,
            off,
        }
    }

    /// The scaler's bounds then.
    pub(crate) fn then(&self) -> Option<(i64, i64)> {
        let (min, max) = self.bounds?;
        let floor = if self.to < self.from {
            min.min(self.to)
        } else {
            min.max(self.to)
        };
        Some((floor, max.max(self.to)))
    }

    /// `min 4 → 6, max 12`.
    pub(crate) fn bounds_words(&self) -> String {
        match self.bounds.zip(self.then()) {
            Some((now, then)) => words(now, then),
            None => "its bounds are not known".to_owned(),
        }
    }

    /// What is written; `None` when nothing changes by it.
    pub(crate) fn patch(&self) -> Option<Patch> {
        match (self.owner.scaler(), self.bounds, self.then()) {
            (Some(scaler), Some(now), Some(then)) => {
                (now != then).then(|| write(scaler, now, then))?
            }
            (Some(_), _, _) => None,
            (None, _, _) => {
                let object = Object::of(self.workload)?;
                (self.from != self.to).then(|| Patch::scale(object, self.from, self.to))
            }
        }
    }
}

/// The bounds of an autoscaler or scaled object.
pub(crate) fn bounds(scaler: &Node) -> Option<(i64, i64)> {
    let facts = &scaler.facts;
    Some((facts.count(Fact::Min)?, facts.count(Fact::Max)?))
}

/// `min 4 → 6, max 12`.
pub(crate) fn words(now: (i64, i64), then: (i64, i64)) -> String {
    let one = |name: &str, now: i64, then: i64| match now == then {
        true => format!("{name} {now}"),
        false => format!("{name} {now} → {then}"),
    };
    format!(
        "{}, {}",
        one("min", now.0, then.0),
        one("max", now.1, then.1)
    )
}

/// The patch that sets both bounds of a scaler, tested as they are now.
pub(crate) fn write(scaler: &Node, now: (i64, i64), then: (i64, i64)) -> Option<Patch> {
    let names = if scaler.kind == Kind::ScaledObject {
        ("minReplicaCount", "maxReplicaCount")
    } else {
        ("minReplicas", "maxReplicas")
    };
    let was = |implied: Fact, number: i64| match scaler.facts.flag(implied) {
        Some(true) => Value::Null,
        Some(false) | None => json!(number),
    };
    let field = |name: &str, was: Value, now: i64, then: i64| {
        // A bound that does not change is tested and stays as it is, also where it is only implied.
        let then = if now == then {
            was.clone()
        } else {
            json!(then)
        };
        crate::object::Field::new(format!("/spec/{name}"), was, then)
    };
    let min = field(names.0, was(Fact::MinImplied, now.0), now.0, then.0);
    let max = field(names.1, was(Fact::MaxImplied, now.1), now.1, then.1);
    Some(Patch::new(Object::of(scaler)?, vec![min, max]))
}
