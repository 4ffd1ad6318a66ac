//! The steps of an action that patches a few Kubernetes objects and watches what becomes of it.

use super::{Object, Patch, Patches, wire};
use crate::course::{Answer, Call, Course, Moment};
use crate::draft::{Draft, Undo};
use crate::hands::{Hands, not_asked};
use crate::once::no_such_call;
use crate::plan::{ApiCall, Blast, ConfirmLevel, Plan};
use crate::receipt::RunProgress;
use crate::sequence::{Sequence, Steps, Took};
use crate::words::list;
use async_trait::async_trait;
use cloud::kubernetes::ClusterSession;
use model::{Node, Snapshot, SourceFailure};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a look shows: each watched object, or that it is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    objects: BTreeMap<Object, Option<Value>>,
}

impl Seen {
    /// The object as it was seen; `Null` when it is not there.
    pub(crate) fn object(&self, object: &Object) -> &Value {
        let found = self.objects.get(object).and_then(Option::as_ref);
        found.unwrap_or(&Value::Null)
    }

    #[cfg(test)]
    pub(crate) fn of(objects: &[(Object, Value)]) -> Self {
        let there = |(object, value): &(Object, Value)| (object.clone(), Some(value.clone()));
        Self {
            objects: objects.iter().map(there).collect(),
        }
    }
}

/// What an action says of what is seen.
pub(crate) trait Judge: Send {
    /// What was done when it is done, a clause.
    fn outcome(&self) -> String;

    /// Objects to look at besides those that are patched.
    fn watched(&self) -> Vec<Object>;

    /// Whether a predicate holds now, and its value in words.
    fn judge(&self, id: &str, seen: &Seen) -> (bool, String);

    /// What a predicate that does not hold waits for, where the picture says so: a clause.
    fn waits(&self, id: &str, snapshot: &Snapshot) -> Option<String> {
        let _ = (id, snapshot);
        None
    }

    /// What is written.
    fn patches(&self) -> &Patches;

    /// How far it is.
    fn progress(&self, seen: &Seen) -> RunProgress {
        let _ = seen;
        RunProgress::default()
    }
}

/// The steps of a plan of patches.
pub(crate) struct Patching<J> {
    session: Option<ClusterSession>,
    objects: Vec<Object>,
    judge: J,
}

impl<J: Judge + 'static> Patching<J> {
    /// The course of a plan whose calls carry patches.
    pub(crate) fn course(plan: &Plan, hands: &Hands, judge: J) -> Box<dyn Course> {
        let mut objects: Vec<Object> = judge.patches().objects().cloned().collect();
        objects.extend(judge.watched());
        objects.sort();
        objects.dedup();
        let steps = Self {
            session: hands.cluster().cloned(),
            objects,
            judge,
        };
        Box::new(Sequence::new(plan, steps))
    }
}

/// The draft of a plan that patches one object: the call, its rights and what is said of every such
/// plan. The action says the rest.
pub(crate) fn draft(snapshot: &Snapshot, node: &Node, patch: Option<&Patch>, step: &str) -> Draft {
    Draft {
        settings: BTreeMap::new(),
        targets: vec![node.id.clone()],
        label: String::new(),
        calls: patch
            .map(|patch| patch.call(snapshot, node, step))
            .into_iter()
            .collect(),
        before: BTreeMap::new(),
        findings: Vec::new(),
        expectations: Vec::new(),
        stops: vec!["Stop watching at any time: what was written stays written.".to_owned()],
        undo: Undo::none(""),
        blast: Blast::default(),
        level: ConfirmLevel::L2,
        confirm: node.name.clone(),
        takes: Vec::new(),
        rights: patch.map(Patch::rights).unwrap_or_default(),
        leaves: None,
    }
}

/// What of a patch is not as it was when it was planned, a sentence.
fn moved(patch: &Patch, object: &Value) -> Option<String> {
    if object.is_null() {
        return Some(format!("{} is not there any more.", patch.object.called()));
    }
    let moved: Vec<String> = patch
        .fields
        .iter()
        .filter(|field| field.seen(object) != field.was)
        .map(|field| {
            let seen = field.seen(object);
            let (seen, was) = (said(&seen), said(&field.was));
            format!(
                "{} is {seen}, was {was} when this was planned",
                field.called()
            )
        })
        .collect();
    (!moved.is_empty()).then(|| format!("{}: {}.", patch.object.called(), list(&moved)))
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[async_trait]
impl<J: Judge> Steps for Patching<J> {
    type Seen = Seen;

    fn outcome(&self) -> String {
        self.judge.outcome()
    }

    async fn look(&mut self) -> Result<Seen, SourceFailure> {
        let session = self.session.as_ref().ok_or_else(not_asked)?;
        let mut seen = Seen::default();
        for object in &self.objects {
            let read = wire::read(session, object).await?;
            seen.objects.insert(object.clone(), read);
        }
        Ok(seen)
    }

    async fn write(&mut self, call: &Call) -> Answer {
        let Some(session) = &self.session else {
            return Answer::Refused {
                failure: not_asked(),
            };
        };
        let Some(patch) = Patch::carried(&call.parameters) else {
            return no_such_call(call);
        };
        let version = call.saw["resourceVersion"].as_str();
        let answer = wire::patch(session, &patch, version).await;
        let Answer::Refused { failure } = &answer else {
            return answer;
        };
        // A test that fails and a version that is old are refused in words of their own; what is
        // there says whether that is why.
        let now = wire::read(session, &patch.object).await;
        let moved = now
            .ok()
            .and_then(|now| moved(&patch, &now.unwrap_or(Value::Null)));
        match moved {
            Some(what) => wire::overtaken(what, failure),
            None => answer,
        }
    }

    fn saw(&self, call: &ApiCall, seen: &Seen) -> Value {
        let patch = Patch::carried(&call.parameters);
        let object = patch.as_ref().map(|patch| seen.object(&patch.object));
        let version = object.and_then(|object| object.pointer("/metadata/resourceVersion"));
        json!({ "resourceVersion": version })
    }

    fn changed(&self, call: &ApiCall, seen: &Seen) -> Option<String> {
        let patch = Patch::carried(&call.parameters)?;
        moved(&patch, seen.object(&patch.object))
    }

    fn took(&self, call: &Call, seen: &Seen) -> Took {
        let Some(patch) = Patch::carried(&call.parameters) else {
            return Took::Unclear("the call is not one of this action's.".to_owned());
        };
        let object = seen.object(&patch.object);
        let all = |is: fn(&super::Field) -> &Value| {
            let mut fields = patch.fields.iter();
            !object.is_null() && fields.all(|field| field.seen(object) == *is(field))
        };
        if all(|field| &field.now) {
            Took::Yes
        } else if all(|field| &field.was) {
            Took::No
        } else {
            let what = moved(&patch, object).unwrap_or_default();
            Took::Unclear(what)
        }
    }

    fn taken_back(&self, seen: &Seen) -> Option<String> {
        self.judge.patches().taken_back(seen)
    }

    fn progress(&self, seen: &Seen) -> RunProgress {
        self.judge.progress(seen)
    }

    fn judge(&self, id: &str, seen: &Seen, moment: &Moment<'_>) -> (bool, String) {
        let (holds, words) = self.judge.judge(id, seen);
        let waits = (!holds).then(|| self.judge.waits(id, moment.snapshot));
        match waits.flatten() {
            Some(waits) => (holds, format!("{words}; {waits}")),
            None => (holds, words),
        }
    }
}
