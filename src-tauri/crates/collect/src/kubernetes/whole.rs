//! A small resource that is told whole whenever something in it changed.

use super::Context;
use super::decode::{Bare, Framing, object};
use super::neighbours::Key;
use super::shelf::{Malformed, News, Shelf, Version};
use model::Found;
use std::collections::BTreeMap;
use std::time::Duration;

/// How objects are told together.
pub(super) trait Together: Send + Sync + Sized + 'static {
    /// What is kept of an object.
    type Item: Send + Sync;
    /// How long changes are gathered.
    const GATHER: Duration;

    /// Decodes an object; `None`: of no interest.
    fn item(
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<(Key, Option<Self::Item>, Version), Malformed>;

    /// Everything, of all of them.
    fn found(items: &BTreeMap<Key, Self::Item>, context: &Context) -> Vec<Found>;

    /// Forgets what will not be told again.
    fn prune(_items: &mut BTreeMap<Key, Self::Item>) {}

    /// The source failed, is absent, or has begun anew: neighbours must not wait for it.
    fn give_up(_context: &Context) {}
}

/// The shelf of such a resource.
pub(super) struct Whole<T: Together> {
    items: BTreeMap<Key, T::Item>,
    changed: bool,
}

impl<T: Together> Default for Whole<T> {
    fn default() -> Self {
        Self {
            items: BTreeMap::new(),
            changed: false,
        }
    }
}

impl<T: Together> Shelf for Whole<T> {
    fn begin(&mut self) {
        self.items.clear();
        self.changed = false;
    }

    fn put(
        &mut self,
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<Version, Malformed> {
        let (key, item, version) = T::item(json, framing, context)?;
        match item {
            Some(item) => {
                self.items.insert(key, item);
                self.changed = true;
                T::prune(&mut self.items);
            }
            None => self.changed |= self.items.remove(&key).is_some(),
        }
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
        self.changed |= self.items.remove(&key).is_some();
        Ok(metadata.resource_version.to_string())
    }

    fn all(&mut self, context: &Context) -> Vec<Found> {
        self.changed = false;
        T::found(&self.items, context)
    }

    fn news(&mut self, context: &Context) -> News {
        if std::mem::take(&mut self.changed) {
            News::All(T::found(&self.items, context))
        } else {
            News::None
        }
    }

    fn give_up(&mut self, context: &Context) {
        T::give_up(context);
    }

    fn gather(&self) -> Duration {
        T::GATHER
    }
}
