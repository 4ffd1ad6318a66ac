//! One row per action: its world, how it gets green there, and how somebody else gets in its way. The rows are
//! kept by what they act on.

mod queues;

use crate::stage::Stage;
use act::{Action, Verb};
use futures::future::BoxFuture;
use model::{NodeId, Snapshot};

/// What the harness must know of an action.
pub(crate) struct Row {
    /// The simulated world.
    pub(crate) scenario: &'static str,
    /// World seconds until the action is green in it.
    pub(crate) advance: u32,
    /// Which node, in a complete picture.
    pub(crate) node: fn(&Snapshot) -> NodeId,
    /// Settings by name.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// Calls that may be made again once a look showed that they did not help, because a second one
    /// does no more than the first.
    pub(crate) repeatable: &'static [&'static str],
    /// Somebody else changes the target, so that ours must not be done.
    pub(crate) meddle: for<'a> fn(&'a Stage, NodeId) -> BoxFuture<'a, ()>,
    /// What it does can be undone by a request.
    pub(crate) undo: bool,
}

/// The row of an action. A verb without one does not compile.
pub(crate) fn row(action: &dyn Action) -> Row {
    match action.verb() {
        Verb::Redrive => queues::redrive(),
    }
}
