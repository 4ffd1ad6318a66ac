//! Replica sets: a deployment's revisions.
//! <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/replica-set-v1/>

use super::Context;
use super::decode::{Framing, Meta, nullable, object};
use super::joined::{Items, Join};
use super::neighbours::{Key, Rollout, Rollouts};
use super::shelf::{Malformed, Version};
use super::template::Template;
use model::{Fact, FoundNode, Kind, Name, Relation, Timestamp};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
struct ReplicaSet<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    spec: Spec<'a>,
    #[serde(default, deserialize_with = "nullable")]
    status: Status,
}

#[derive(Default, Deserialize)]
struct Spec<'a> {
    #[serde(default)]
    replicas: Option<i64>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    template: Template<'a>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default, deserialize_with = "nullable")]
    ready_replicas: i64,
    #[serde(default, deserialize_with = "nullable")]
    available_replicas: i64,
}

/// What is kept of a replica set.
#[derive(Debug)]
pub(super) struct Kept {
    revision: Option<i64>,
    /// It was a revision before: taken up again by a rollback.
    reused: bool,
    created: Option<Timestamp>,
    deployment: Option<Arc<str>>,
    replicas: i64,
    status: Status,
    image: Option<Arc<str>>,
}

/// Replica sets, joined by their deployment.
pub(super) struct ReplicaSets;

impl Join for ReplicaSets {
    const KIND: Kind = Kind::ReplicaSet;
    type Item = Kept;

    fn item(
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<(Key, Kept, Version), Malformed> {
        let ReplicaSet {
            metadata,
            spec,
            status,
        } = object(json, framing)?;
        let key = metadata.key(context)?;
        let owner = metadata
            .controller()
            .filter(|owner| &*owner.kind == "Deployment");
        let annotations = &metadata.annotations;
        let kept = Kept {
            revision: annotations
                .get("deployment.kubernetes.io/revision")
                .and_then(|revision| revision.parse().ok()),
            reused: annotations
                .get("deployment.kubernetes.io/revision-history")
                .is_some(),
            created: metadata.created(),
            deployment: owner.map(|owner| context.intern.text(&owner.name)),
            replicas: spec.replicas.unwrap_or(1),
            status,
            image: spec.template.image(context),
        };
        Ok((key, kept, metadata.resource_version.to_string()))
    }

    fn node(key: &Key, item: &Kept, items: &Items<Self>, context: &Context) -> FoundNode {
        let (namespace, name) = key;
        let id = context.id(Kind::ReplicaSet, Some(namespace), name);
        let mut node = FoundNode::new(
            id,
            Kind::ReplicaSet,
            &**name,
            context.scope(Some(namespace)),
        );
        let facts = &mut node.facts;
        facts.set(Fact::Replicas, item.replicas);
        facts.set(Fact::ReplicasReady, item.status.ready_replicas);
        facts.set(Fact::ReplicasAvailable, item.status.available_replicas);
        facts.set_some(Fact::CreatedAt, item.created);
        facts.set_some(Fact::Image, item.image.clone());
        if let Some(revision) = item.revision {
            let newest = siblings(key, item, items)
                .filter_map(|(_, other)| other.revision)
                .max();
            facts.set(Fact::Revision, revision);
            facts.set(
                Fact::RevisionCurrent,
                newest.is_none_or(|newest| newest <= revision),
            );
        }
        if let Some(deployment) = &item.deployment {
            let owner = context.id(Kind::Deployment, Some(namespace), deployment);
            node.tie_from(
                Relation::Owns,
                Name::Id(owner),
                "controller in ownerReferences",
            );
        }
        node
    }

    fn kin(key: &Key, item: &Kept, items: &Items<Self>) -> Vec<Key> {
        siblings(key, item, items)
            .map(|(key, _)| key.clone())
            .collect()
    }

    fn publish(items: &Items<Self>, context: &Context) {
        let mut rollouts = Rollouts::default();
        for (key, item) in items {
            let Some(revision) = item.revision else {
                continue;
            };
            rollouts.revisions.insert(key.clone(), revision);
            let Some(deployment) = &item.deployment else {
                continue;
            };
            let newest = Rollout {
                revision,
                started_at: item.created.filter(|_| !item.reused),
            };
            let held = rollouts
                .newest
                .entry((Arc::clone(&key.0), Arc::clone(deployment)));
            let held = held.or_insert_with(|| newest.clone());
            if held.revision < revision {
                *held = newest;
            }
        }
        context.neighbours.tell_rollouts(rollouts);
    }

    fn noticed(old: Option<&Kept>, new: Option<&Kept>) -> bool {
        let told = |item: &Kept| {
            (
                item.revision,
                item.reused,
                item.created,
                item.deployment.clone(),
            )
        };
        old.map(told) != new.map(told)
    }
}

/// The other replica sets of the same deployment.
fn siblings<'i>(
    key: &'i Key,
    item: &'i Kept,
    items: &'i Items<ReplicaSets>,
) -> impl Iterator<Item = (&'i Key, &'i Kept)> {
    // A deployment's replica sets are named after it, so they stand together.
    let from = (
        Arc::clone(&key.0),
        item.deployment
            .clone()
            .unwrap_or_else(|| Arc::clone(&key.1)),
    );
    let prefix = Arc::clone(&from.1);
    items
        .range(from..)
        .take_while(move |((namespace, name), _)| *namespace == key.0 && name.starts_with(&*prefix))
        .filter(move |(other, held)| {
            *other != key && held.deployment.is_some() && held.deployment == item.deployment
        })
}
