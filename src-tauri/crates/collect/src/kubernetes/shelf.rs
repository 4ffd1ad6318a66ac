//! What a stream keeps between two batches.
//!
//! Most resources keep nothing but what changed since the last batch: the engine holds the nodes.

use super::decode::{self, Bare, Framing};
use super::endpoint::Listed;
use super::joined::Joined;
use super::whole::Whole;
use super::{
    Context, autoscalers, bindings, budgets, events, gitops, node_pools, nodes, pods, quotas,
    replicasets, scaled_objects, services, workloads,
};
use model::{Found, FoundNode, Kind, NodeId};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Changes are gathered for this long before they are told.
const GATHER: Duration = Duration::from_millis(50);

/// Why an object was left out: it is not of the documented shape.
pub(super) type Malformed = serde_json::Error;

/// The version an object had, as the server wrote it.
pub(super) type Version = String;

/// What to tell the engine.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    /// Nothing.
    None,
    /// Some nodes.
    Some {
        upserts: Vec<Found>,
        gone: Vec<NodeId>,
    },
    /// Everything, anew.
    All(Vec<Found>),
}

/// What a change at a neighbour asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejoin {
    /// Nothing.
    Nothing,
    /// [`Shelf::news`] has something to tell.
    Tell,
    /// The list must be read again.
    List,
}

/// Holds what a stream needs between batches.
pub(super) trait Shelf: Send + Sync {
    /// A full list begins: what was held is void.
    fn begin(&mut self);
    /// An object was listed, added or changed.
    fn put(
        &mut self,
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<Version, Malformed>;
    /// An object was deleted.
    fn remove(
        &mut self,
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<Version, Malformed>;
    /// Waits, within reason, for neighbours this resource is joined with.
    fn settle<'a>(
        &'a mut self,
        _context: &'a Context,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(std::future::ready(()))
    }
    /// Everything, after a full list.
    fn all(&mut self, context: &Context) -> Vec<Found>;
    /// What changed since the last call of this or `all`.
    fn news(&mut self, context: &Context) -> News;
    /// Something changed at a neighbour.
    fn rejoin(&mut self, _context: &Context) -> Rejoin {
        Rejoin::Nothing
    }
    /// How long changes are gathered before they are told.
    fn gather(&self) -> Duration {
        GATHER
    }
    /// The source failed or is absent: neighbours must not wait for it.
    fn give_up(&mut self, _context: &Context) {}
}

/// The shelf of a resource that is listed and watched.
pub(super) fn of(what: Listed) -> Box<dyn Shelf> {
    match what {
        Listed::Nodes => Box::new(Passing::<nodes::Nodes>::default()),
        Listed::Pods => Box::new(pods::Pods::default()),
        Listed::Deployments => Box::new(Joined::<workloads::Deployments>::default()),
        Listed::ReplicaSets => Box::new(Joined::<replicasets::ReplicaSets>::default()),
        Listed::StatefulSets => Box::new(Joined::<workloads::StatefulSets>::default()),
        Listed::Autoscalers => Box::new(Passing::<autoscalers::Autoscalers>::default()),
        Listed::Budgets => Box::new(Whole::<budgets::Budgets>::default()),
        Listed::Quotas => Box::new(Whole::<quotas::Quotas>::default()),
        Listed::Services => Box::new(Passing::<services::Services>::default()),
        Listed::Ingresses => Box::new(Passing::<services::Ingresses>::default()),
        Listed::Events => Box::new(Whole::<events::Events>::default()),
        Listed::Namespaces => Box::new(Passing::<services::Namespaces>::default()),
        Listed::ScaledObjects => Box::new(Passing::<scaled_objects::ScaledObjects>::default()),
        Listed::NodePools => Box::new(Passing::<node_pools::NodePools>::default()),
        Listed::Applications => Box::new(Passing::<gitops::Applications>::default()),
        Listed::Kustomizations => Box::new(Passing::<gitops::Kustomizations>::default()),
        Listed::HelmReleases => Box::new(Passing::<gitops::HelmReleases>::default()),
        Listed::Bindings => Box::new(Whole::<bindings::Bindings>::default()),
    }
}

/// A resource whose objects become nodes one by one.
pub(super) trait Decode: Send + Sync + Default + 'static {
    /// The kind of its nodes.
    const KIND: Kind;
    /// The fields used.
    type Object<'a>: Deserialize<'a>;
    /// The node an object becomes, and the object's version.
    fn node(
        object: &Self::Object<'_>,
        context: &Context,
    ) -> Result<(FoundNode, Version), Malformed>;
}

/// Keeps what changed since the last batch.
#[derive(Default)]
pub(super) struct Passing<D> {
    pending: BTreeMap<NodeId, Option<Box<FoundNode>>>,
    decode: std::marker::PhantomData<D>,
}

impl<D: Decode> Shelf for Passing<D> {
    fn begin(&mut self) {
        self.pending.clear();
    }

    fn put(
        &mut self,
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<Version, Malformed> {
        let object: D::Object<'_> = decode::object(json, framing)?;
        let (node, version) = D::node(&object, context)?;
        self.pending.insert(node.id.clone(), Some(Box::new(node)));
        Ok(version)
    }

    fn remove(
        &mut self,
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<Version, Malformed> {
        let (id, version) = bare(json, framing, D::KIND, context)?;
        self.pending.insert(id, None);
        Ok(version)
    }

    fn all(&mut self, _context: &Context) -> Vec<Found> {
        let pending = std::mem::take(&mut self.pending);
        pending.into_values().flatten().map(Found::Node).collect()
    }

    fn news(&mut self, _context: &Context) -> News {
        let (mut upserts, mut gone) = (Vec::new(), Vec::new());
        for (id, node) in std::mem::take(&mut self.pending) {
            match node {
                Some(node) => upserts.push(Found::Node(node)),
                None => gone.push(id),
            }
        }
        some(upserts, gone)
    }
}

/// News, or none.
pub(super) fn some(upserts: Vec<Found>, gone: Vec<NodeId>) -> News {
    if upserts.is_empty() && gone.is_empty() {
        News::None
    } else {
        News::Some { upserts, gone }
    }
}

/// The id and version of an object of which nothing else is wanted.
pub(super) fn bare(
    json: &[u8],
    framing: Framing,
    kind: Kind,
    context: &Context,
) -> Result<(NodeId, Version), Malformed> {
    let Bare { metadata } = decode::object(json, framing)?;
    let id = context.id(kind, metadata.namespace.as_deref(), &metadata.name);
    Ok((id, metadata.resource_version.to_string()))
}
