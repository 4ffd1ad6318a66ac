//! A resource whose nodes depend on each other or on other resources: its objects are kept, and a
//! node is told again when what it is joined with has changed. For hundreds of objects, not for
//! thousands that change all the time.

use super::Context;
use super::decode::{Bare, Framing, object};
use super::neighbours::{Key, PATIENCE};
use super::shelf::{Malformed, News, Rejoin, Shelf, Version, some};
use model::{Found, FoundNode, Kind, NodeId};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The objects of a resource, by namespace and name.
pub(super) type Items<J> = BTreeMap<Key, <J as Join>::Item>;

/// How objects become nodes together.
pub(super) trait Join: Send + Sync + Sized + 'static {
    /// The kind of its nodes.
    const KIND: Kind;
    /// What is kept of an object.
    type Item: Send + Sync;

    /// Decodes an object.
    fn item(
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<(Key, Self::Item, Version), Malformed>;

    /// The node of an object.
    fn node(key: &Key, item: &Self::Item, items: &Items<Self>, context: &Context) -> FoundNode;

    /// Other objects whose nodes depend on this one.
    fn kin(_key: &Key, _item: &Self::Item, _items: &Items<Self>) -> Vec<Key> {
        Vec::new()
    }

    /// Tells the neighbours what they join.
    fn publish(_items: &Items<Self>, _context: &Context) {}

    /// Whether neighbours would notice that one took the place of the other.
    fn noticed(_old: Option<&Self::Item>, _new: Option<&Self::Item>) -> bool {
        false
    }

    /// Whether the neighbours have told what these objects are joined with.
    fn ready(_items: &Items<Self>, _context: &Context) -> bool {
        true
    }
}

/// The shelf of such a resource.
pub(super) struct Joined<J: Join> {
    items: Items<J>,
    told: BTreeMap<NodeId, FoundNode>,
    dirty: BTreeSet<Key>,
    unpublished: bool,
}

impl<J: Join> Default for Joined<J> {
    fn default() -> Self {
        Self {
            items: BTreeMap::new(),
            told: BTreeMap::new(),
            dirty: BTreeSet::new(),
            unpublished: true,
        }
    }
}

impl<J: Join> Shelf for Joined<J> {
    fn begin(&mut self) {
        self.items.clear();
        self.dirty.clear();
        self.unpublished = true;
    }

    fn put(
        &mut self,
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<Version, Malformed> {
        let (key, item, version) = J::item(json, framing, context)?;
        let old = self.items.remove(&key);
        self.unpublished |= J::noticed(old.as_ref(), Some(&item));
        self.soil(&key, &item);
        if let Some(old) = &old {
            self.soil(&key, old);
        }
        self.items.insert(key, item);
        Ok(version)
    }

    fn remove(
        &mut self,
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<Version, Malformed> {
        let Bare { metadata } = object(json, framing)?;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let key = (
            context.intern.text(namespace),
            context.intern.text(&metadata.name),
        );
        if let Some(old) = self.items.remove(&key) {
            self.unpublished |= J::noticed(Some(&old), None);
            self.soil(&key, &old);
        }
        Ok(metadata.resource_version.to_string())
    }

    fn settle<'a>(
        &'a mut self,
        context: &'a Context,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        self.publish(context);
        let items = &self.items;
        Box::pin(
            context
                .neighbours
                .wait(PATIENCE, move |_| J::ready(items, context)),
        )
    }

    fn all(&mut self, context: &Context) -> Vec<Found> {
        self.publish(context);
        self.dirty.clear();
        self.told = self.nodes(self.items.keys(), context);
        let nodes = self.told.values().cloned();
        nodes.map(|node| Found::Node(Box::new(node))).collect()
    }

    fn news(&mut self, context: &Context) -> News {
        self.publish(context);
        let dirty = std::mem::take(&mut self.dirty);
        let (mut upserts, mut gone) = (Vec::new(), Vec::new());
        for key in &dirty {
            if !self.items.contains_key(key) {
                let id = context.id(J::KIND, Some(&key.0), &key.1);
                if self.told.remove(&id).is_some() {
                    gone.push(id);
                }
            }
        }
        for (id, node) in self.nodes(dirty.iter(), context) {
            if self.told.get(&id) != Some(&node) {
                upserts.push(Found::Node(Box::new(node.clone())));
                self.told.insert(id, node);
            }
        }
        some(upserts, gone)
    }

    fn rejoin(&mut self, _context: &Context) -> Rejoin {
        self.dirty.extend(self.items.keys().cloned());
        if self.dirty.is_empty() {
            Rejoin::Nothing
        } else {
            Rejoin::Tell
        }
    }

    fn give_up(&mut self, context: &Context) {
        self.unpublished = true;
        self.publish(context);
    }
}

impl<J: Join> Joined<J> {
    fn soil(&mut self, key: &Key, item: &J::Item) {
        self.dirty.extend(J::kin(key, item, &self.items));
        self.dirty.insert((Arc::clone(&key.0), Arc::clone(&key.1)));
    }

    fn publish(&mut self, context: &Context) {
        if std::mem::take(&mut self.unpublished) {
            J::publish(&self.items, context);
        }
    }

    fn nodes<'k>(
        &self,
        keys: impl Iterator<Item = &'k Key>,
        context: &Context,
    ) -> BTreeMap<NodeId, FoundNode> {
        keys.filter_map(|key| {
            let node = J::node(key, self.items.get(key)?, &self.items, context);
            Some((node.id.clone(), node))
        })
        .collect()
    }
}
