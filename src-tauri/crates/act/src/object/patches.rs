//! What a plan of patches writes, looked at again: whether it stands, and who took it back.

use super::{Object, Patch, Seen};
use crate::plan::Plan;
use crate::words::list;
use serde_json::Value;

/// The patches that a plan carries.
#[derive(Clone, Debug)]
pub(crate) struct Patches(Vec<Patch>);

impl Patches {
    /// Those of a plan's calls.
    pub(crate) fn of(plan: &Plan) -> Self {
        let calls = plan.calls.iter();
        let carried = calls.filter_map(|call| Patch::carried(&call.parameters));
        Self(carried.collect())
    }

    #[cfg(test)]
    pub(crate) fn only(patch: Patch) -> Self {
        Self(vec![patch])
    }

    /// What they are written to.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.0.iter().map(|patch| &patch.object)
    }

    /// What is not as it was written, in words.
    fn lost(&self, seen: &Seen) -> Vec<String> {
        let mut all = Vec::new();
        for patch in &self.0 {
            let object = seen.object(&patch.object);
            for field in &patch.fields {
                let now = field.seen(object);
                if now != field.now {
                    all.push(format!(
                        "{} of {} is {now}, not {}",
                        field.called(),
                        patch.object.called(),
                        field.now
                    ));
                }
            }
        }
        all
    }

    /// Whether all of it stands as it was written, and what does not.
    pub(crate) fn kept(&self, seen: &Seen) -> (bool, String) {
        let lost = self.lost(seen);
        match lost.is_empty() {
            true => (true, "as written".to_owned()),
            false => (false, list(&lost)),
        }
    }

    /// Who took it back, a sentence; `None` while all of it stands.
    pub(crate) fn taken_back(&self, seen: &Seen) -> Option<String> {
        let lost = self.lost(seen);
        if lost.is_empty() {
            return None;
        }
        let who = self.0.iter().find_map(|patch| {
            let object = seen.object(&patch.object);
            let field = patch.fields.iter().find(|f| f.seen(object) != f.now)?;
            writer(object, &field.called()).filter(|who| *who != "quarterdeck")
        });
        let by = who.map(|who| format!(" by {who}")).unwrap_or_default();
        Some(format!("It was taken back{by}: {}.", list(&lost)))
    }
}

/// Who wrote a field last, by `metadata.managedFields`.
fn writer<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    let path = format!("/fieldsV1/f:spec/f:{field}");
    let writers = object.pointer("/metadata/managedFields")?.as_array()?;
    let wrote = writers
        .iter()
        .filter(|entry| entry.pointer(&path).is_some());
    let last = wrote.max_by_key(|entry| entry["time"].as_str().unwrap_or("").to_owned())?;
    last["manager"].as_str()
}
