//! Ties become edges: every name a node uses for a neighbour is looked up among what others are
//! called. Which neighbour a name means depends on the tie (a host can be a record, a distribution's
//! alias and a bucket at once), so candidates are narrowed before edges are drawn.
//!
//! A name nobody bears becomes a placeholder only where AWS itself named the neighbour: a *ghost*
//! when the service that owns it answered without it, *declared* when that service was not read. What
//! the stack file expects and nobody found is one of the two as well.

mod names;
mod place;
mod placeholder;
#[cfg(test)]
mod tests;
mod turn;

use crate::assemble::{Declared, Draft};
use crate::edge::Relation;
use crate::observation::{Direction, Tie};
use crate::source::SourceStatus;
use names::Names;
use placeholder::Missing;
pub(crate) use placeholder::{Strays, reader};
use std::borrow::Cow;

/// An edge between positions of the ordered nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link {
    /// Position of where it starts.
    pub(crate) from: usize,
    /// Position of where it ends.
    pub(crate) to: usize,
    /// What it means.
    pub(crate) relation: Relation,
    /// How it is known.
    pub(crate) provenance: Cow<'static, str>,
}

/// A map that is asked tens of thousands of times for one snapshot; its order is never used.
type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// Resolves every tie. Placeholders are added to `drafts`, which stay ordered by id; the links are
/// ordered and each (from, to, relation) appears once.
pub(crate) fn link(
    drafts: &mut Vec<Draft<'_>>,
    strays: &Strays<'_>,
    sources: &[SourceStatus],
    declared: &Declared,
) -> Vec<Link> {
    let names = Names::new(drafts);
    let mut missing = Missing::new(drafts.len());
    let mut links = Vec::with_capacity(3 * drafts.len());
    for (at, draft) in drafts.iter().enumerate() {
        for tie in draft.ties() {
            let others = names.resolve(at, tie, drafts);
            if others.is_empty() {
                let placeholder = missing.place(draft, tie);
                links.extend(placeholder.map(|other| edge(at, tie, other)));
            }
            links.extend(others.iter().map(|other| edge(at, tie, *other)));
        }
    }
    for expected in &declared.expected {
        missing.expect(expected, drafts, sources);
    }
    let added = missing.drafts(drafts, strays, sources);
    insert(drafts, added, &mut links);
    pin(drafts, declared, &mut links);
    turn::consumers(&mut links);
    once(links)
}

fn edge(at: usize, tie: &Tie, other: usize) -> Link {
    let (from, to) = match tie.direction {
        Direction::Out => (at, other),
        Direction::In => (other, at),
    };
    Link {
        from,
        to,
        relation: tie.relation,
        provenance: tie.provenance.clone(),
    }
}

/// Adds the placeholders, which the links know by positions after the drafts, in order.
fn insert<'a>(drafts: &mut Vec<Draft<'a>>, added: Vec<Draft<'a>>, links: &mut [Link]) {
    if added.is_empty() {
        return;
    }
    let mut all: Vec<(usize, Draft<'a>)> = drafts.drain(..).chain(added).enumerate().collect();
    all.sort_by(|a, b| a.1.node.id.cmp(&b.1.node.id));
    let mut moved = vec![0; all.len()];
    for (now, (was, draft)) in all.into_iter().enumerate() {
        moved[was] = now;
        drafts.push(draft);
    }
    for link in links {
        (link.from, link.to) = (moved[link.from], moved[link.to]);
    }
}

/// Edges the stack file pins, where both ends are found.
fn pin(drafts: &[Draft<'_>], declared: &Declared, links: &mut Vec<Link>) {
    let find = |text: &str| {
        let by_id = drafts.binary_search_by(|d| d.node.id.as_str().cmp(text));
        by_id.ok().or_else(|| {
            let mut named = (0..drafts.len()).filter(|at| drafts[*at].node.name == text);
            named.next().filter(|_| named.next().is_none())
        })
    };
    for edge in &declared.edges {
        if let (Some(from), Some(to)) = (find(&edge.from), find(&edge.to)) {
            links.push(Link {
                from,
                to,
                relation: edge.relation,
                provenance: Cow::Borrowed("pinned in the stack file"),
            });
        }
    }
}

/// Orders the links and makes one of those that say the same for several reasons.
fn once(mut links: Vec<Link>) -> Vec<Link> {
    links.sort_unstable();
    links.dedup();
    let mut all: Vec<Link> = Vec::with_capacity(links.len());
    for link in links {
        match all.last_mut() {
            Some(last)
                if (last.from, last.to, last.relation) == (link.from, link.to, link.relation) =>
            {
                if last.provenance.len() < 200 {
                    last.provenance = format!("{}; {}", last.provenance, link.provenance).into();
                }
            }
            _ => all.push(link),
        }
    }
    all
}
