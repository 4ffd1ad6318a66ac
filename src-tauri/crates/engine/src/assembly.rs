//! From the book to the picture: what the stack file adds, and `model::assemble`.

use crate::index::{Assembler, Draft};
use cloud::Stack;
use model::{
    Assembly, Declared, DeclaredQueue, Expected, Input, PinnedEdge, StackIdentity, Thresholds,
};

/// The stack file's identity.
pub(crate) fn stack_identity(stack: &Stack) -> StackIdentity {
    StackIdentity {
        name: stack.name.clone(),
        environment: stack.environment,
    }
}

/// The assembler of one stack, and a sentence when its thresholds cannot be used as written.
pub(crate) fn assembler(stack: &Stack) -> (Assembler, Option<String>) {
    let (thresholds, complaint) = match Thresholds::from_overrides(&stack.thresholds) {
        Ok(thresholds) => (thresholds, None),
        Err(error) => (
            Thresholds::default(),
            Some(format!("{error} The defaults are used.")),
        ),
    };
    let identity = stack_identity(stack);
    let (declared, expected) = (declared(stack), stack.expected.clone());
    let mut assembly = Assembly::default();
    let assembler = move |draft: Draft<'_>| {
        let expected = expected.iter().filter_map(|thing| {
            let account = draft.identity.access.get(thing.account)?.account.clone();
            Some(Expected {
                kind: thing.kind,
                account,
                region: thing.region.clone(),
                name: thing.name.clone(),
            })
        });
        let declared = Declared {
            expected: expected.collect(),
            ..declared.clone()
        };
        let input = Input {
            seq: draft.seq,
            taken_at: draft.taken_at,
            stack: identity.clone(),
            identity: draft.identity,
            sources: draft.sources,
            held: draft.book.held(),
            declared,
            thresholds: &thresholds,
        };
        assembly.next(input)
    };
    (Box::new(assembler), complaint)
}

fn declared(stack: &Stack) -> Declared {
    let queues = stack.queues.iter().map(|queue| DeclaredQueue {
        name: queue.name.clone(),
        // Not said is not known; the stack file can only say that it is.
        idempotent: queue.idempotent.then_some(true),
        external: queue.external,
    });
    let edges = stack.edges.iter().map(|edge| PinnedEdge {
        from: edge.from.clone(),
        to: edge.to.clone(),
        relation: edge.relation,
    });
    let databases = || stack.databases.iter();
    let probes = databases().filter_map(|d| Some((d.name.clone(), d.write_probe.clone()?)));
    let readers = databases().filter_map(|d| Some((d.name.clone(), d.readers?)));
    Declared {
        queues: queues.collect(),
        write_probes: probes.collect(),
        readers: readers.collect(),
        expected: Vec::new(),
        edges: edges.collect(),
    }
}
