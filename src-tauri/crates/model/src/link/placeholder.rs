//! Nodes for neighbours that are named but were not found.

use super::place::{self, Place};
use crate::assemble::{Draft, Expected};
use crate::edge::Relation;
use crate::facts::{Fact, Facts};
use crate::health::Health;
use crate::id::{NodeId, SourceId};
use crate::kind::Kind;
use crate::node::{Node, Standing};
use crate::observation::{Name, Tie};
use crate::source::{Service, SourceStatus, State};
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What names the things that the stack file expects: no node.
const STACK_FILE: &str = "stack file";

/// What a source tells of things that it lists and does not describe, by thing and source: figures about what nobody found.
pub(crate) type Strays<'a> = BTreeMap<(&'a NodeId, &'a SourceId), &'a Facts>;

/// Neighbours that somebody names and nobody found, each once.
#[derive(Debug)]
pub(super) struct Missing {
    /// Position of the first one: after the drafts.
    first: usize,
    known: BTreeMap<NodeId, usize>,
    all: Vec<Named>,
}

/// One of them, and who named it first.
#[derive(Debug)]
struct Named {
    place: Place,
    facts: Facts,
    declarer: NodeId,
    source: SourceId,
    observed_at: Timestamp,
}

impl Missing {
    /// Nothing is missing yet; positions go on after `drafts` drafts.
    pub(super) fn new(drafts: usize) -> Self {
        Self {
            first: drafts,
            known: BTreeMap::new(),
            all: Vec::new(),
        }
    }

    /// The position of a placeholder for the neighbour that `tie` of `draft` names; `None` where the
    /// tie does not assert that there is one, or does not tell where.
    pub(super) fn place(&mut self, draft: &Draft<'_>, tie: &Tie) -> Option<usize> {
        if !is_asserted(tie.relation) || matches!(tie.other, Name::Selector(..)) {
            return None;
        }
        let place = place::of(&tie.other, &draft.node.scope)?;
        if place.id() == draft.node.id {
            return None;
        }
        let next = self.first + self.all.len();
        let at = *self.known.entry(place.id()).or_insert(next);
        if at == next {
            self.all.push(Named {
                facts: facts_of(&tie.other),
                place,
                declarer: draft.node.id.clone(),
                source: draft.node.source.clone(),
                observed_at: draft.node.observed_at,
            });
        }
        Some(at)
    }

    /// A placeholder for what the stack file expects, unless it was found or somebody names it already. Where nothing
    /// reads such things there, it cannot be told and nothing is.
    pub(super) fn expect(
        &mut self,
        expected: &Expected,
        drafts: &[Draft<'_>],
        sources: &[SourceStatus],
    ) {
        let place = Place {
            kind: expected.kind,
            account: expected.account.as_str().to_owned(),
            region: expected.region.clone(),
            name: expected.name.clone(),
        };
        let id = place.id();
        let found = drafts
            .binary_search_by(|draft| draft.node.id.cmp(&id))
            .is_ok();
        if found || self.known.contains_key(&id) {
            return;
        }
        let Some(asked) = finders(&place, drafts, sources).into_iter().next() else {
            return;
        };
        self.known.insert(id, self.first + self.all.len());
        self.all.push(Named {
            place,
            facts: Facts::default(),
            declarer: NodeId::new(STACK_FILE),
            source: asked.source.id.clone(),
            observed_at: asked.last_ok.unwrap_or_default(),
        });
    }

    /// The placeholders, by position.
    pub(super) fn drafts<'a>(
        self,
        drafts: &[Draft<'a>],
        strays: &Strays<'_>,
        sources: &[SourceStatus],
    ) -> Vec<Draft<'a>> {
        let named = self.all.into_iter();
        named
            .map(|named| draft(named, drafts, strays, sources))
            .collect()
    }
}

/// Whether a tie of this meaning asserts that the neighbour exists. What a pod has in its
/// environment does not: it may be a leftover, and it may be outside the stack.
const fn is_asserted(relation: Relation) -> bool {
    match relation {
        Relation::Owns
        | Relation::RoutesTo
        | Relation::Gates
        | Relation::Origin
        | Relation::Inspects
        | Relation::Forwards
        | Relation::ConsumedBy
        | Relation::DeadLetters => true,
        Relation::Targets
        | Relation::Selects
        | Relation::Hosts
        | Relation::Scales
        | Relation::Deploys
        | Relation::ConnectsTo
        | Relation::SendsTo
        | Relation::Watches => false,
    }
}

fn facts_of(name: &Name) -> Facts {
    let mut facts = Facts::default();
    match name {
        Name::Arn(arn) => facts.set(Fact::Arn, arn.clone()),
        Name::Host(host) => facts.set(Fact::Host, host.clone()),
        Name::QueueUrl(url) => facts.set(Fact::Url, url.clone()),
        Name::Id(_) | Name::Ip(..) | Name::Selector(..) => {}
    }
    facts
}

/// The placeholder: a ghost when its service answered without it, else declared.
fn draft<'a>(
    named: Named,
    drafts: &[Draft<'a>],
    strays: &Strays<'_>,
    sources: &[SourceStatus],
) -> Draft<'a> {
    let place = named.place;
    let id = place.id();
    let finders = finders(&place, drafts, sources);
    let listed = finders
        .iter()
        .find_map(|s| strays.get(&(&id, &s.source.id)));
    let standing = if listed.is_none() && answered(&finders) {
        Standing::Ghost
    } else {
        Standing::Declared
    };
    let mut facts = named.facts;
    for (fact, value) in listed.into_iter().flat_map(|facts| facts.iter()) {
        facts.set(fact, value.clone());
    }
    let node = Node {
        id,
        kind: place.kind,
        scope: place.scope(),
        name: place.name,
        health: Health::default(),
        facts,
        zones: BTreeMap::new(),
        series: Vec::new(),
        standing,
        observed_at: named.observed_at,
        source: named.source,
        fact_origins: BTreeMap::new(),
    };
    Draft::placeholder(node, named.declarer)
}

/// Whether the sources that would have found the thing answered, whole.
fn answered(asked: &[&SourceStatus]) -> bool {
    !asked.is_empty() && asked.iter().all(|s| s.state == State::Ok && s.skipped == 0)
}

/// The sources that would have found the thing: what found others of its kind there; where nothing was found, every
/// source of the service.
fn finders<'s>(
    place: &Place,
    drafts: &[Draft<'_>],
    sources: &'s [SourceStatus],
) -> Vec<&'s SourceStatus> {
    let Some(service) = reader(place.kind) else {
        return Vec::new();
    };
    let finders: BTreeSet<&SourceId> = drafts
        .iter()
        .map(|d| &d.node)
        .filter(|n| n.kind == place.kind && n.standing == Standing::Read)
        .filter(|n| {
            n.scope
                .account
                .as_ref()
                .is_some_and(|a| a.as_str() == place.account)
        })
        .filter(|n| n.scope.region.as_deref() == place.region.as_deref())
        .map(|n| &n.source)
        .collect();
    let covers = |s: &SourceStatus| {
        let scope = &s.source.scope;
        let here = scope
            .account
            .as_ref()
            .is_some_and(|a| a.as_str() == place.account)
            && (place.region.is_none() || scope.region.as_deref() == place.region.as_deref());
        s.source.service == service && here
    };
    sources
        .iter()
        .filter(|s| finders.contains(&s.source.id) || (finders.is_empty() && covers(s)))
        .collect()
}

/// The service that reads things of this kind; `None` while nothing does.
pub(crate) const fn reader(kind: Kind) -> Option<Service> {
    match kind {
        Kind::Zone | Kind::Record | Kind::HealthCheck => Some(Service::Route53),
        Kind::Distribution => Some(Service::CloudFront),
        Kind::LoadBalancer | Kind::TargetGroup => Some(Service::Elb),
        Kind::Cluster | Kind::Nodegroup => Some(Service::Eks),
        Kind::NodePool
        | Kind::Node
        | Kind::Namespace
        | Kind::Deployment
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::Pod
        | Kind::Hpa
        | Kind::ScaledObject
        | Kind::Application
        | Kind::Kustomization
        | Kind::HelmRelease
        | Kind::Service
        | Kind::Ingress => Some(Service::Kubernetes),
        Kind::DbGlobal | Kind::DbCluster | Kind::DbInstance => Some(Service::Rds),
        Kind::Queue => Some(Service::Sqs),
        Kind::Function | Kind::Mapping => Some(Service::Lambda),
        Kind::Alarm => Some(Service::CloudWatch),
        Kind::WebAcl | Kind::Bucket | Kind::CacheGroup | Kind::CacheNode => None,
    }
}
