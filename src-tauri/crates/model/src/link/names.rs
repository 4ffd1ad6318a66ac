//! Who bears a name, and which of the bearers a tie means.

use super::{Map, place};
use crate::assemble::Draft;
use crate::edge::Relation;
use crate::facts::Fact;
use crate::kind::Kind;
use crate::observation::{Name, Tie};
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

type Labels = Arc<BTreeMap<String, String>>;

/// An index of names over the drafts, by position.
#[derive(Debug)]
pub(super) struct Names<'a> {
    ids: Map<&'a str, usize>,
    names: Map<&'a Name, Vec<usize>>,
    crowds: Map<&'a str, Vec<Crowd<'a>>>,
}

/// Pods of one namespace that bear the same labels.
#[derive(Debug)]
struct Crowd<'a> {
    labels: &'a Labels,
    pods: Vec<usize>,
}

impl<'a> Names<'a> {
    /// Indexes what the drafts are called.
    pub(super) fn new(drafts: &[Draft<'a>]) -> Self {
        let mut ids = Map::with_capacity_and_hasher(drafts.len(), RandomState::default());
        let mut names: Map<&'a Name, Vec<usize>> =
            Map::with_capacity_and_hasher(drafts.len(), RandomState::default());
        for (at, draft) in drafts.iter().enumerate() {
            for found in draft.found() {
                ids.insert(found.id.as_str(), at);
            }
            for name in draft.known_as() {
                let bearers = names.entry(name).or_default();
                if bearers.last() != Some(&at) {
                    bearers.push(at);
                }
            }
        }
        Self {
            ids,
            names,
            crowds: crowds(drafts),
        }
    }

    /// The positions of the neighbours that `tie` of the draft at `at` means.
    pub(super) fn resolve(&self, at: usize, tie: &Tie, drafts: &[Draft<'a>]) -> Cow<'_, [usize]> {
        let found: &[usize] = match &tie.other {
            Name::Id(id) => self.by_id(id.as_str()),
            Name::Selector(cluster, namespace, labels) => {
                let place = cluster.as_str();
                let place = place.strip_prefix("cluster/").unwrap_or(place);
                return self
                    .selected(&format!("{place}/{namespace}"), labels)
                    .into();
            }
            Name::Arn(_) | Name::Host(_) | Name::Ip(..) | Name::QueueUrl(_) => {
                self.names.get(&tie.other).map_or(&[], Vec::as_slice)
            }
        };
        if let [only] = found
            && *only != at
        {
            return found.into();
        }
        let found = if found.is_empty() {
            place::of(&tie.other, &drafts[at].node.scope)
                .map_or(found, |place| self.by_id(place.id().as_str()))
        } else {
            found
        };
        let others = found.iter().copied().filter(|other| *other != at);
        narrow(others.collect(), at, tie, drafts).into()
    }

    fn by_id(&self, id: &str) -> &[usize] {
        self.ids.get(id).map_or(&[], std::slice::from_ref)
    }

    /// Every pod of the place that bears all the labels; without labels nothing is selected.
    fn selected(&self, place: &str, labels: &Labels) -> Vec<usize> {
        let crowds = self.crowds.get(place).into_iter().flatten();
        let fits = |crowd: &&Crowd<'_>| {
            let bears = |(key, value)| crowd.labels.get(key) == Some(value);
            !labels.is_empty() && labels.iter().all(bears)
        };
        crowds
            .filter(fits)
            .flat_map(|crowd| crowd.pods.iter().copied())
            .collect()
    }
}

/// Groups the pods by place and labels. Pods of one owner stand side by side and share their
/// labels, so that a look at the last group mostly suffices.
fn crowds<'a>(drafts: &[Draft<'a>]) -> Map<&'a str, Vec<Crowd<'a>>> {
    let mut index: Map<&'a str, Vec<Crowd<'a>>> = Map::default();
    for (at, draft) in drafts.iter().enumerate() {
        let Some(found) = draft.primary.filter(|f| f.kind == Kind::Pod) else {
            continue;
        };
        let Some((place, labels)) = pod_place(found.id.as_str()).zip(found.labels.as_ref()) else {
            continue;
        };
        let here = index.entry(place).or_default();
        match here.last_mut() {
            Some(crowd) if Arc::ptr_eq(crowd.labels, labels) => crowd.pods.push(at),
            _ => here.push(Crowd {
                labels,
                pods: vec![at],
            }),
        }
    }
    index
}

/// `pod/account/region/cluster/namespace/name` → `account/region/cluster/namespace`.
fn pod_place(id: &str) -> Option<&str> {
    let rest = id.strip_prefix("pod/")?;
    Some(&rest[..rest.rfind('/')?])
}

/// Of several bearers of a name, those that the tie means.
fn narrow(mut found: Vec<usize>, at: usize, tie: &Tie, drafts: &[Draft<'_>]) -> Vec<usize> {
    if found.len() < 2 {
        return found;
    }
    let node = |at: &usize| &drafts[*at].node;
    match &tie.other {
        Name::Ip(..) => keep_if_any(&mut found, |o| {
            // A finished pod keeps the address it had; it may belong to another one by now.
            !matches!(
                node(o).facts.text(Fact::Phase),
                Some("Succeeded" | "Failed")
            )
        }),
        Name::Host(_) if matches!(tie.relation, Relation::RoutesTo | Relation::Origin) => {
            // DNS asks the zone first: an alternate name of a distribution is only what it accepts.
            keep_if_any(&mut found, |o| node(o).kind == Kind::Record);
            let public = |o: &usize| node(o).facts.flag(Fact::PrivateZone) != Some(true);
            keep_if_any(&mut found, public);
            let wanted = drafts[at].node.facts.text(Fact::RecordType);
            keep_if_any(&mut found, |o| {
                wanted.is_none() || node(o).facts.text(Fact::RecordType) == wanted
            });
        }
        Name::Host(_) | Name::Id(_) | Name::Arn(_) | Name::QueueUrl(_) | Name::Selector(..) => {}
    }
    found
}

fn keep_if_any(found: &mut Vec<usize>, keep: impl Fn(&usize) -> bool) {
    if found.iter().any(&keep) {
        found.retain(keep);
    }
}
