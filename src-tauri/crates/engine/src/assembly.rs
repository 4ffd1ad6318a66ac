//! From the book to the picture: what the stack file adds, and `model::assemble`.

use crate::index::{Assembler, Draft};
use cloud::Stack;
use model::{Assembly, Declared, DeclaredQueue, Input, PinnedEdge, StackIdentity, Thresholds};

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
    let declared = declared(stack);
    let mut assembly = Assembly::default();
    let assembler = move |draft: Draft<'_>| {
        let input = Input {
            seq: draft.seq,
            taken_at: draft.taken_at,
            stack: identity.clone(),
            identity: draft.identity,
            sources: draft.sources,
            held: draft.book.held(),
            declared: declared.clone(),
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
    let probes = stack.databases.iter();
    let probes = probes.map(|d| (d.name.clone(), d.write_probe.clone()));
    Declared {
        queues: queues.collect(),
        write_probes: probes.collect(),
        edges: edges.collect(),
    }
}
