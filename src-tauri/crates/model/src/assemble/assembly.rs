//! From one picture to the next: what did not change is neither merged, linked, judged nor rolled up
//! again.
//!
//! One road serves both cases. Drawn from scratch, every node is *touched*; drawn after another
//! picture, those are touched whose findings changed and those that are derived from them. From
//! there on nothing differs: touched nodes are derived and judged (with those whose judgement looked
//! beyond the node itself, see [`Judged`](rules::Judged)), and what rests on a changed judgement is
//! rolled up again. Law, tested over random worlds: both give the same picture.

use super::derive::{self, View};
use super::ground::{Frame, Ground};
use super::structure::{Structure, same_place};
use super::{Held, Input, changes, serving};
use crate::causes;
use crate::node::Node;
use crate::observation::{Change, Found};
use crate::rollup;
use crate::rules::{self, World};
use crate::snapshot::Snapshot;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Draws one picture after the other.
#[derive(Debug, Default)]
pub struct Assembly {
    last: Option<Picture>,
}

/// What is known of the picture drawn last.
#[derive(Debug)]
struct Picture {
    ground: Ground,
    structure: Structure,
    /// The nodes, complete.
    nodes: Vec<Arc<Node>>,
    /// Whether a rule looked beyond the node, by position.
    beyond: Vec<bool>,
    /// Whether facts of the node depend on the time, by position.
    timed: Vec<bool>,
}

impl Assembly {
    /// Draws the next picture. Nodes and edges that are as they were are shared with the last one.
    pub fn next(&mut self, input: Input<'_>) -> Snapshot {
        let mut sources = input.sources;
        sources.sort_by(|a, b| a.source.id.cmp(&b.source.id));
        let changes = changes(&input.held);
        let of_nodes = |h: &Held<'_>| !matches!(**h.found, Found::Change(_));
        let frame = Frame {
            held: input.held.into_iter().filter(of_nodes).collect(),
            sources: &sources,
            declared: &input.declared,
            thresholds: input.thresholds,
            now: input.taken_at,
        };
        // Taken: a rule with a defect leaves nothing behind that is half drawn.
        let picture = Picture::after(self.last.take(), &frame);
        let causes = picture.causes(&frame, &changes);
        let snapshot = Snapshot {
            seq: input.seq,
            taken_at: input.taken_at,
            stack: input.stack,
            identity: input.identity,
            nodes: picture.nodes.clone(),
            edges: Arc::clone(&picture.structure.edges),
            causes,
            changes,
            sources,
        };
        self.last = Some(picture);
        snapshot
    }
}

impl Picture {
    fn after(last: Option<Self>, frame: &Frame<'_>) -> Self {
        let Some(mut last) = last else {
            return Self::fresh(frame);
        };
        let news = last.ground.renew(frame, &last.structure);
        if news.is_some_and(|dirty| last.renew(frame, dirty)) {
            return last;
        }
        let mut picture = Self::fresh(frame);
        share(&last.nodes, &mut picture.nodes);
        picture
    }

    fn fresh(frame: &Frame<'_>) -> Self {
        let (structure, nodes) = Structure::new(&frame.held, frame.sources, frame.declared);
        let mut picture = Self {
            ground: Ground::new(frame),
            beyond: vec![true; nodes.len()],
            timed: vec![true; nodes.len()],
            structure,
            nodes,
        };
        let all: Vec<usize> = (0..picture.nodes.len()).collect();
        picture.derive(frame, &all);
        picture.judge(frame, &all);
        picture
    }

    /// Draws the picture anew where something changed; false when its structure did, too.
    fn renew(&mut self, frame: &Frame<'_>, dirty: Vec<usize>) -> bool {
        let touched = self.touched(dirty);
        let replaced = self.replace(frame, &touched);
        self.derive(frame, &touched);
        let same = |(at, old): &(usize, Arc<Node>)| same_place(old, &self.nodes[*at]);
        if !replaced.iter().all(same) {
            self.restore(replaced, |_, _| true);
            return false;
        }
        if self.ground.hears_as_before(frame) {
            self.judge(frame, &touched);
        } else {
            let all: Vec<usize> = (0..self.nodes.len()).collect();
            self.judge(frame, &all);
        }
        self.restore(replaced, |old, new| old == new);
        true
    }

    /// The nodes to put together anew: those that changed, and what is derived from others.
    fn touched(&self, dirty: Vec<usize>) -> Vec<usize> {
        let owners = self.structure.owners(&dirty);
        let timed = (0..self.timed.len()).filter(|at| self.timed[*at]);
        let all = dirty.into_iter().chain(owners).chain(timed);
        let all: BTreeSet<usize> = all.chain(self.structure.restless.iter().copied()).collect();
        all.into_iter().collect()
    }

    /// Puts nodes together anew, with the health they had; gives them as they were.
    fn replace(&mut self, frame: &Frame<'_>, touched: &[usize]) -> Vec<(usize, Arc<Node>)> {
        // What is only named is as old as what names it: that comes first.
        let (named, found): (Vec<usize>, Vec<usize>) =
            touched.iter().partition(|at| self.structure.is_named(**at));
        let all = found.into_iter().chain(named);
        all.map(|at| {
            let (held, sources) = (&frame.held, frame.sources);
            let mut node = self.structure.node(at, &self.nodes, held, sources);
            node.health = self.nodes[at].health.clone();
            (at, std::mem::replace(&mut self.nodes[at], Arc::new(node)))
        })
        .collect()
    }

    /// Puts nodes back as they were, where that is wanted.
    fn restore(&mut self, old: Vec<(usize, Arc<Node>)>, wanted: impl Fn(&Node, &Node) -> bool) {
        for (at, old) in old {
            if wanted(&old, &self.nodes[at]) {
                self.nodes[at] = old;
            }
        }
    }

    /// Completes the facts of the touched nodes.
    fn derive(&mut self, frame: &Frame<'_>, touched: &[usize]) {
        for at in touched {
            self.structure.census.count(*at, &self.nodes[*at]);
        }
        for at in touched {
            let view = View {
                nodes: &self.nodes,
                graph: &self.structure.graph,
                declared: frame.declared,
                census: &self.structure.census,
                now: frame.now,
            };
            let derived = derive::derive(&view, *at);
            self.timed[*at] = derived.timed;
            let node = Arc::make_mut(&mut self.nodes[*at]);
            node.facts.absorb(&derived.facts);
            node.scope.az = derived.az.or(node.scope.az.take());
        }
        let Structure { records, graph, .. } = &self.structure;
        serving::serve(&mut self.nodes, records, graph);
    }

    /// Judges the touched nodes and those whose judgement looked beyond them, and rolls up.
    fn judge(&mut self, frame: &Frame<'_>, touched: &[usize]) {
        let mut judged = self.beyond.clone();
        touched.iter().for_each(|at| judged[*at] = true);
        let judged: Vec<usize> = (0..judged.len()).filter(|at| judged[*at]).collect();
        let failures = self.structure.failures(&judged, &frame.held);
        let world = World {
            graph: &self.structure.graph,
            sources: frame.sources,
            changes: &[],
            thresholds: frame.thresholds,
            now: frame.now,
            failures: &failures,
        };
        let mut own = Vec::with_capacity(judged.len());
        for (at, judged) in rules::judge(&self.nodes, &judged, &world) {
            self.beyond[at] = judged.beyond;
            if !judged.reasons.iter().eq(self.nodes[at].health.own()) {
                own.push((at, judged.reasons));
            }
        }
        rollup::roll_up(&mut self.nodes, own, &world);
    }

    fn causes(&self, frame: &Frame<'_>, changes: &[Change]) -> Vec<crate::health::Cause> {
        let world = World {
            graph: &self.structure.graph,
            sources: frame.sources,
            changes,
            thresholds: frame.thresholds,
            now: frame.now,
            failures: &BTreeMap::new(),
        };
        causes::find(&self.nodes, &world)
    }
}

/// Takes over the earlier node wherever it says the same. Both are ordered by id.
fn share(earlier: &[Arc<Node>], nodes: &mut [Arc<Node>]) {
    let mut old = earlier.iter().peekable();
    for node in nodes {
        while old.next_if(|o| o.id < node.id).is_some() {}
        if let Some(same) = old.next_if(|o| ***o == **node) {
            *node = Arc::clone(same);
        }
    }
}
