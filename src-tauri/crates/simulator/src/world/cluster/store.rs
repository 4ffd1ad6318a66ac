//! The objects as the API server keeps them: bytes by key, one counter of versions, and a log of what changed.
//!
//! An object is rendered when it changes, never when it is asked for, so that a LIST of 10,000 pods is a
//! concatenation. The log answers watches, and by undoing it a list continues at the version it began with.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Bound, Range};
use std::sync::Arc;

use hyper::body::Bytes;

use super::resource::Resource;
use crate::clock::Millis;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// What a pod's row in a table and the pod field selectors need, kept beside the bytes so that neither parses them.
#[derive(Debug, Clone, PartialEq)]
pub struct PodRow {
    /// Containers ready.
    pub ready: bool,
    /// The word kubectl shows.
    pub status: &'static str,
    /// Restarts so far.
    pub restarts: u32,
    /// When the last one was.
    pub last_restart: Option<Millis>,
    /// Address, empty while there is none.
    pub ip: String,
    /// Node, empty while there is none.
    pub node: Arc<str>,
    /// `status.phase`.
    pub phase: &'static str,
}

/// An object to be put: everything but its version.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Namespace, empty for what has none.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Creation time.
    pub created: Millis,
    /// Labels.
    pub labels: Arc<Labels>,
    /// The object without `kind`, `apiVersion` and `resourceVersion`; starts with `{"metadata":{` and a first field.
    pub text: String,
    /// For pods.
    pub pod: Option<PodRow>,
}

/// An object as it was at one version.
#[derive(Debug)]
pub struct Stored {
    /// Namespace, empty for what has none.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `resourceVersion`.
    pub version: u64,
    /// Creation time.
    pub created: Millis,
    /// Labels.
    pub labels: Arc<Labels>,
    /// The object as an item of a list: without `kind` and `apiVersion`.
    pub body: Bytes,
    /// For pods.
    pub pod: Option<PodRow>,
    metadata: Range<usize>,
    prefix: usize,
}

impl Stored {
    fn new(draft: Draft, version: u64) -> Self {
        const HEAD: &str = "{\"metadata\":{";
        debug_assert!(draft.text.starts_with(HEAD), "{}", draft.text);
        let rest = &draft.text[HEAD.len()..];
        let head = format!("{HEAD}\"resourceVersion\":\"{version}\",");
        let prefix = head.len();
        let mut body = head;
        body.reserve_exact(rest.len());
        body.push_str(rest);
        let start = HEAD.len() - 1;
        let metadata = start..end_of_object(body.as_bytes(), start);
        let Draft {
            namespace,
            name,
            created,
            labels,
            pod,
            ..
        } = draft;
        Self {
            namespace,
            name,
            version,
            created,
            labels,
            body: Bytes::from(body),
            pod,
            metadata,
            prefix,
        }
    }

    /// The key among objects of its resource: `namespace/name`, or the name alone.
    #[must_use]
    pub fn key(&self) -> String {
        key(&self.namespace, &self.name)
    }

    /// The metadata object alone.
    #[must_use]
    pub fn metadata(&self) -> Bytes {
        self.body.slice(self.metadata.clone())
    }

    /// The whole as a value, for what is asked for seldom.
    #[must_use]
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    fn same_as(&self, draft: &Draft) -> bool {
        self.body[self.prefix..] == draft.text.as_bytes()["{\"metadata\":{".len()..]
            && self.pod == draft.pod
    }

    /// The same object under another version, as a deletion or a selector that no longer matches shows it.
    #[must_use]
    pub fn at(&self, version: u64) -> Self {
        let text = format!(
            "{{\"metadata\":{{{}",
            String::from_utf8_lossy(&self.body[self.prefix..])
        );
        let draft = Draft {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            created: self.created,
            labels: self.labels.clone(),
            text,
            pod: self.pod.clone(),
        };
        Self::new(draft, version)
    }
}

/// The key of an object among those of its resource.
#[must_use]
pub fn key(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    }
}

/// End (exclusive) of the JSON object that starts at `start`.
fn end_of_object(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (i, byte) in bytes.iter().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return i + 1;
                }
            }
            _ => {}
        }
    }
    bytes.len()
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It is new.
    Added,
    /// It is another.
    Modified,
    /// It is gone; the change carries its last state.
    Deleted,
}

/// One entry of the log.
#[derive(Debug, Clone)]
pub struct Change {
    /// Version this change made.
    pub version: u64,
    /// What happened.
    pub happened: Happened,
    /// The object after it, or its last state when deleted.
    pub object: Arc<Stored>,
    /// The object before it.
    pub before: Option<Arc<Stored>>,
}

/// The version asked for is older than the kept log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {asked} ({kept})")]
pub struct TooOld {
    /// Version asked for.
    pub asked: u64,
    /// Oldest version that can still be served.
    pub kept: u64,
}

#[derive(Default)]
struct Shelf {
    objects: BTreeMap<String, Arc<Stored>>,
    log: VecDeque<Change>,
    floor: u64,
}

/// All objects of a cluster.
pub struct Store {
    shelves: BTreeMap<Resource, Shelf>,
    version: u64,
    capacity: usize,
}

impl Store {
    /// Changes kept per resource: about what a real watch cache holds for a busy one.
    pub const LOG_CAPACITY: usize = 8192;

    /// An empty store whose first object gets a version above `version`.
    #[must_use]
    pub fn new(version: u64) -> Self {
        Self {
            shelves: BTreeMap::new(),
            version,
            capacity: Self::LOG_CAPACITY,
        }
    }

    /// The version of the last change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Forgets the log: what came before the present can no longer be watched from or continued.
    pub fn forget(&mut self) {
        let version = self.version;
        for resource in Resource::ALL {
            let shelf = self.shelves.entry(*resource).or_default();
            shelf.log.clear();
            shelf.floor = version;
        }
    }

    /// Keeps at most `capacity` changes per resource.
    pub fn keep(&mut self, capacity: usize) {
        self.capacity = capacity.max(1);
        for shelf in self.shelves.values_mut() {
            shelf.trim(self.capacity);
        }
    }

    /// Puts an object; nothing happens when it is there already, exactly so.
    pub fn put(&mut self, resource: Resource, draft: Draft) -> Arc<Stored> {
        let shelf = self.shelves.entry(resource).or_default();
        let key = key(&draft.namespace, &draft.name);
        let before = shelf.objects.get(&key).cloned();
        if let Some(old) = before.as_ref().filter(|old| old.same_as(&draft)) {
            return old.clone();
        }
        self.version += 1;
        let object = Arc::new(Stored::new(draft, self.version));
        shelf.objects.insert(key, object.clone());
        let happened = if before.is_some() {
            Happened::Modified
        } else {
            Happened::Added
        };
        shelf.note(
            Change {
                version: self.version,
                happened,
                object: object.clone(),
                before,
            },
            self.capacity,
        );
        object
    }

    /// Deletes an object; `None` when there is none.
    pub fn remove(
        &mut self,
        resource: Resource,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<Stored>> {
        let shelf = self.shelves.get_mut(&resource)?;
        let before = shelf.objects.remove(&key(namespace, name))?;
        self.version += 1;
        let object = Arc::new(before.at(self.version));
        let change = Change {
            version: self.version,
            happened: Happened::Deleted,
            object: object.clone(),
            before: Some(before),
        };
        shelf.note(change, self.capacity);
        Some(object)
    }

    /// An object by name.
    #[must_use]
    pub fn get(&self, resource: Resource, namespace: &str, name: &str) -> Option<&Arc<Stored>> {
        self.shelves
            .get(&resource)?
            .objects
            .get(&key(namespace, name))
    }

    /// How many objects of a resource there are.
    #[must_use]
    pub fn count(&self, resource: Resource) -> usize {
        self.shelves.get(&resource).map_or(0, |s| s.objects.len())
    }

    /// Objects of a resource in the order of their keys, of one namespace or of all, from `start` on.
    pub fn range(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        start: Option<&str>,
    ) -> impl Iterator<Item = &Arc<Stored>> {
        let prefix = namespace.map(|n| format!("{n}/")).unwrap_or_default();
        let from = start.map_or_else(|| prefix.clone(), str::to_owned);
        self.shelves
            .get(&resource)
            .into_iter()
            .flat_map(move |s| {
                s.objects
                    .range((Bound::Included(from.clone()), Bound::Unbounded))
            })
            .take_while(move |(k, _)| k.starts_with(&prefix))
            .map(|(_, o)| o)
    }

    /// The same as it was at `version`, by undoing what happened since.
    ///
    /// # Errors
    /// [`TooOld`] when the log does not reach back that far.
    pub fn range_at(
        &self,
        resource: Resource,
        namespace: Option<&str>,
        start: Option<&str>,
        version: u64,
    ) -> Result<Vec<Arc<Stored>>, TooOld> {
        let since = self.since(resource, version)?;
        let mut objects: BTreeMap<String, Arc<Stored>> = self
            .range(resource, namespace, start)
            .map(|o| (o.key(), o.clone()))
            .collect();
        let changes: Vec<&Change> = since.collect();
        let prefix = namespace.map(|n| format!("{n}/")).unwrap_or_default();
        for change in changes.into_iter().rev() {
            let key = change.object.key();
            if !key.starts_with(&prefix) || start.is_some_and(|s| key.as_str() < s) {
                continue;
            }
            match &change.before {
                Some(before) => objects.insert(key, before.clone()),
                None => objects.remove(&key),
            };
        }
        Ok(objects.into_values().collect())
    }

    /// What happened to a resource after `version`, oldest first.
    ///
    /// # Errors
    /// [`TooOld`] when the log does not reach back that far.
    pub fn since(
        &self,
        resource: Resource,
        version: u64,
    ) -> Result<impl Iterator<Item = &Change>, TooOld> {
        let shelf = self.shelves.get(&resource);
        let floor = shelf.map_or(0, |s| s.floor);
        if version < floor {
            return Err(TooOld {
                asked: version,
                kept: floor,
            });
        }
        Ok(shelf.into_iter().flat_map(move |s| {
            let from = s.log.partition_point(|c| c.version <= version);
            s.log.range(from..)
        }))
    }
}

impl Shelf {
    fn note(&mut self, change: Change, capacity: usize) {
        self.log.push_back(change);
        self.trim(capacity);
    }

    fn trim(&mut self, capacity: usize) {
        while self.log.len() > capacity {
            if let Some(dropped) = self.log.pop_front() {
                self.floor = dropped.version;
            }
        }
    }
}
