//! Ties become edges: every name a node uses for a neighbour is looked up among what others are
//! called. Which neighbour a name means depends on the tie (a host can be a record, a distribution's
//! alias and a bucket at once), so candidates are narrowed before edges are drawn.
//!
//! A name nobody bears becomes a placeholder only where AWS itself named the neighbour: a *ghost*
//! when the service that owns it answered without it, *declared* when that service was not read.

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
pub(crate) use placeholder::reader;
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

/// Resolves every tie. Placeholders are added to `drafts`, which stay ordered by id; the links are
/// ordered and each (from, to, relation) appears once.
pub(crate) fn link(
    drafts: &mut Vec<Draft<'_>>,
    sources: &[SourceStatus],
    declared: &Declared,
) -> Vec<Link> {
    let missing = placeholder::missing(drafts, &Names::new(drafts));
    insert(drafts, missing, sources);
    let names = Names::new(drafts);
    let mut links = Vec::new();
    for (at, draft) in drafts.iter().enumerate() {
        for tie in draft.ties() {
            tie_links(at, tie, drafts, &names, &mut links);
        }
    }
    pin(drafts, declared, &mut links);
    turn::consumers(&mut links);
    once(links)
}

fn tie_links(at: usize, tie: &Tie, drafts: &[Draft<'_>], names: &Names<'_>, all: &mut Vec<Link>) {
    for other in names.resolve(at, tie, drafts) {
        let (from, to) = match tie.direction {
            Direction::Out => (at, other),
            Direction::In => (other, at),
        };
        all.push(Link {
            from,
            to,
            relation: tie.relation,
            provenance: tie.provenance.clone(),
        });
    }
}

/// Adds what is missing as placeholders.
fn insert(drafts: &mut Vec<Draft<'_>>, missing: Vec<Missing>, sources: &[SourceStatus]) {
    if missing.is_empty() {
        return;
    }
    let added: Vec<_> = missing
        .into_iter()
        .map(|m| placeholder::draft(m, drafts, sources))
        .collect();
    drafts.extend(added);
    drafts.sort_by(|a, b| a.node.id.cmp(&b.node.id));
    drafts.dedup_by(|a, b| a.node.id == b.node.id);
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
