//! One row per action: its world, how it gets green there, and how somebody else gets in its way. The rows are
//! kept by what they act on.

mod capacity;
mod databases;
mod queues;
mod workloads;

use crate::stage::Stage;
use act::{Action, Verb};
use futures::future::BoxFuture;
use model::{Kind, NodeId, Snapshot};

/// What the harness must know of an action.
pub(crate) struct Row {
    /// The simulated world.
    pub(crate) scenario: &'static str,
    /// World seconds until the action is green in it.
    pub(crate) advance: u32,
    /// Which node, in a complete picture.
    pub(crate) node: fn(&Snapshot) -> NodeId,
    /// Settings by name; `*` is the best of what the action lets one choose from.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// Calls that may be made again once a look showed that they did not help, because a second one
    /// does no more than the first.
    pub(crate) repeatable: &'static [&'static str],
    /// Somebody else changes the target, so that ours must not be done.
    pub(crate) meddle: for<'a> fn(&'a Stage, NodeId) -> BoxFuture<'a, ()>,
    /// What it does can be undone by a request.
    pub(crate) undo: bool,
}

/// Every action; with `HARNESS_ONLY=VERB` those of one verb, to look at one closely.
pub(crate) fn actions() -> impl Iterator<Item = &'static dyn Action> {
    let only = std::env::var("HARNESS_ONLY").ok();
    let all = act::ACTIONS.iter().copied();
    all.filter(move |action| {
        only.as_ref()
            .is_none_or(|only| action.verb().as_str() == only)
    })
}

/// The row of an action. A verb without one does not compile.
pub(crate) fn row(action: &dyn Action) -> Row {
    match action.verb() {
        Verb::Redrive => queues::redrive(),
        Verb::RedriveSelected => queues::redrive_selected(),
        Verb::Purge => queues::purge(),
        Verb::Failover => databases::failover(),
        Verb::AddReader => databases::add_reader(),
        Verb::RemoveReader => databases::remove_reader(),
        Verb::Restart => workloads::restart(),
        Verb::Scale => scale(action),
        Verb::Pause => pause(action),
        Verb::Resume => resume(action),
        Verb::Concurrency => capacity::mapping_concurrency(),
        Verb::Bounds => workloads::bounds(),
        Verb::Undo => workloads::undo(),
    }
}

/// One verb for several kinds of node.
fn scale(action: &dyn Action) -> Row {
    match action.kinds() {
        [Kind::Nodegroup] => capacity::scale_nodegroup(),
        [Kind::Deployment, Kind::StatefulSet] => workloads::scale(),
        other => panic!("scale of {other:?} has no row"),
    }
}

fn pause(action: &dyn Action) -> Row {
    match action.kinds() {
        [Kind::Mapping] => capacity::pause_mapping(),
        [Kind::ScaledObject] => workloads::pause(),
        [Kind::Application, ..] => workloads::pause_sync(),
        other => panic!("pause of {other:?} has no row"),
    }
}

fn resume(action: &dyn Action) -> Row {
    match action.kinds() {
        [Kind::Mapping] => capacity::resume_mapping(),
        [Kind::ScaledObject] => workloads::resume(),
        [Kind::Application, ..] => workloads::resume_sync(),
        other => panic!("resume of {other:?} has no row"),
    }
}

/// What must have happened in the world of an action's row before it can be green.
pub(crate) type Prepare = for<'a> fn(&'a Stage, NodeId) -> BoxFuture<'a, ()>;

/// Only what takes something back needs it.
pub(crate) fn prepare(action: &dyn Action) -> Option<Prepare> {
    match (action.verb(), action.kinds()) {
        (Verb::Purge, _) => {
            Some(|stage, node| Box::pin(async move { queues::export_it(stage, node).await }))
        }
        (Verb::Resume, [Kind::Mapping]) => {
            Some(|stage, node| Box::pin(async move { capacity::pause_it(stage, node).await }))
        }
        (Verb::Resume, [Kind::ScaledObject]) => {
            Some(|stage, node| Box::pin(async move { workloads::pause_it(stage, node).await }))
        }
        (Verb::Resume, [Kind::Application, ..]) => {
            Some(|stage, node| Box::pin(async move { workloads::suspend_it(stage, node).await }))
        }
        _ => None,
    }
}
