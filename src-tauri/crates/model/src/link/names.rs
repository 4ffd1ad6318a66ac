//! Who bears a name, and which of the bearers a tie means.

use super::place;
use crate::assemble::Draft;
use crate::edge::Relation;
use crate::facts::Fact;
use crate::kind::Kind;
use crate::observation::{Name, Tie};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

type Labels = Arc<BTreeMap<String, String>>;

/// An index of names over the drafts, by position.
#[derive(Debug)]
pub(super) struct Names<'a> {
    ids: HashMap<&'a str, usize>,
    names: HashMap<&'a Name, Vec<usize>>,
    labelled: Labelled<'a>,
}

/// Pods by place (`account/region/cluster/namespace`) and one label.
type Labelled<'a> = HashMap<(&'a str, &'a str, &'a str), Vec<usize>>;

impl<'a> Names<'a> {
    /// Indexes what the drafts are called.
    pub(super) fn new(drafts: &[Draft<'a>]) -> Self {
        let mut ids = HashMap::with_capacity(drafts.len());
        let mut names: HashMap<&'a Name, Vec<usize>> = HashMap::with_capacity(drafts.len());
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
            labelled: labelled(drafts),
        }
    }

    /// Whether anybody bears the name (a selector always could).
    pub(super) fn knows(&self, at: usize, tie: &Tie, drafts: &[Draft<'a>]) -> bool {
        matches!(tie.other, Name::Selector(..)) || !self.resolve(at, tie, drafts).is_empty()
    }

    /// The positions of the neighbours that `tie` of the draft at `at` means.
    pub(super) fn resolve(&self, at: usize, tie: &Tie, drafts: &[Draft<'a>]) -> Vec<usize> {
        let mut found = match &tie.other {
            Name::Id(id) => self.by_id(id.as_str(), drafts),
            Name::Selector(cluster, namespace, labels) => {
                let place = cluster.as_str();
                let place = place.strip_prefix("cluster/").unwrap_or(place);
                return self.selected(&format!("{place}/{namespace}"), labels, drafts);
            }
            Name::Arn(_) | Name::Host(_) | Name::Ip(..) | Name::QueueUrl(_) => {
                self.names.get(&tie.other).cloned().unwrap_or_default()
            }
        };
        if found.is_empty()
            && let Some(place) = place::of(&tie.other, &drafts[at].node.scope)
        {
            found = self.by_id(place.id().as_str(), drafts);
        }
        found.retain(|other| *other != at);
        narrow(found, at, tie, drafts)
    }

    /// Placeholders have no finding, so their ids are found by their order.
    fn by_id(&self, id: &str, drafts: &[Draft<'a>]) -> Vec<usize> {
        let known = self.ids.get(id).copied();
        let known = known.or_else(|| drafts.binary_search_by(|d| d.node.id.as_str().cmp(id)).ok());
        known.into_iter().collect()
    }

    fn selected(&self, place: &str, labels: &Labels, drafts: &[Draft<'a>]) -> Vec<usize> {
        let rarest = labels
            .iter()
            .map(|(key, value)| self.labelled.get(&(place, key.as_str(), value.as_str())))
            .min_by_key(|pods| pods.map_or(0, Vec::len));
        let Some(Some(pods)) = rarest else {
            return Vec::new();
        };
        let all = |at: &usize| {
            drafts[*at].found().any(|found| {
                let own = found.labels.as_ref();
                own.is_some_and(|own| labels.iter().all(|(k, v)| own.get(k) == Some(v)))
            })
        };
        pods.iter().copied().filter(all).collect()
    }
}

/// Indexes the labels of pods under the keys that some selector uses.
fn labelled<'a>(drafts: &[Draft<'a>]) -> Labelled<'a> {
    let mut wanted: HashSet<&'a str> = HashSet::new();
    for draft in drafts {
        for tie in draft.ties() {
            if let Name::Selector(_, _, labels) = &tie.other {
                wanted.extend(labels.keys().map(String::as_str));
            }
        }
    }
    let mut index = Labelled::new();
    if wanted.is_empty() {
        return index;
    }
    for (at, draft) in drafts.iter().enumerate() {
        let Some(found) = draft.primary.filter(|f| f.kind == Kind::Pod) else {
            continue;
        };
        let Some((place, labels)) = pod_place(found.id.as_str()).zip(found.labels.as_ref()) else {
            continue;
        };
        for (key, value) in labels
            .iter()
            .filter(|(key, _)| wanted.contains(key.as_str()))
        {
            index.entry((place, key, value)).or_default().push(at);
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
