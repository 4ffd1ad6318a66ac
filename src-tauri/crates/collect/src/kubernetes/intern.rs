//! Strings and label sets that thousands of objects share, held once.

use super::decode::Pairs;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// Below this many entries nothing is ever swept.
const SMALL: usize = 4096;
/// Labels are shown up to this many characters.
const SHOWN: usize = 400;

/// A label set and how it is shown.
#[derive(Debug)]
pub(crate) struct Labels {
    /// For selectors.
    pub(crate) map: Arc<BTreeMap<String, String>>,
    /// `k=v, …`, bounded.
    pub(crate) shown: Arc<str>,
}

/// The strings of one cluster.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    texts: Mutex<Texts>,
    labels: Mutex<LabelSets>,
}

#[derive(Debug, Default)]
struct Texts {
    held: HashSet<Arc<str>>,
    swept_at: usize,
}

#[derive(Debug, Default)]
struct LabelSets {
    held: HashMap<u64, Vec<Arc<Labels>>>,
    count: usize,
    swept_at: usize,
}

impl Interner {
    /// The one copy of `text`.
    pub(crate) fn text(&self, text: &str) -> Arc<str> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = texts.held.get(text) {
            return Arc::clone(held);
        }
        if texts.held.len() >= SMALL.max(texts.swept_at * 2) {
            texts.held.retain(|held| Arc::strong_count(held) > 1);
            texts.swept_at = texts.held.len();
        }
        let fresh: Arc<str> = text.into();
        texts.held.insert(Arc::clone(&fresh));
        fresh
    }

    /// The one copy of a label set.
    pub(crate) fn labels(&self, pairs: &Pairs<'_>) -> Arc<Labels> {
        let mut hasher = DefaultHasher::new();
        for (key, value) in pairs.iter() {
            (key, value).hash(&mut hasher);
        }
        let hash = hasher.finish();
        let mut sets = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = sets.held.get(&hash).and_then(|sets| find(sets, pairs)) {
            return held;
        }
        if sets.count >= SMALL.max(sets.swept_at * 2) {
            sets.sweep();
        }
        let fresh = Arc::new(Labels::new(pairs));
        sets.held.entry(hash).or_default().push(Arc::clone(&fresh));
        sets.count += 1;
        fresh
    }
}

impl LabelSets {
    fn sweep(&mut self) {
        self.held.retain(|_, sets| {
            sets.retain(|set| Arc::strong_count(set) > 1 || Arc::strong_count(&set.map) > 1);
            !sets.is_empty()
        });
        self.count = self.held.values().map(Vec::len).sum();
        self.swept_at = self.count;
    }
}

/// Equal to what is asked for? Servers write labels in order of their keys; should one not, the
/// set is held twice, which costs memory and nothing else.
fn find(sets: &[Arc<Labels>], pairs: &Pairs<'_>) -> Option<Arc<Labels>> {
    let same = |set: &&Arc<Labels>| {
        let held = set.map.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        held.eq(pairs.iter())
    };
    sets.iter().find(same).map(Arc::clone)
}

impl Labels {
    fn new(pairs: &Pairs<'_>) -> Self {
        let map: BTreeMap<String, String> = pairs
            .iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let mut shown = String::new();
        for (key, value) in &map {
            let comma = if shown.is_empty() { "" } else { ", " };
            if shown.len() + key.len() + value.len() > SHOWN {
                shown.push_str(", …");
                break;
            }
            shown.push_str(&format!("{comma}{key}={value}"));
        }
        Self {
            map: Arc::new(map),
            shown: shown.into(),
        }
    }
}
