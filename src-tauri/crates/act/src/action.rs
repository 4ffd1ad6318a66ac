//! What every action has in common: it fits some nodes and turns a request into a plan.
//!
//! A plan is made from a snapshot alone, so the colour of a button is true before it is pressed.
//! Adding an action is one file next to `redrive.rs` and one row of [`ACTIONS`].

use crate::course::{Course, Entry, Face};
use crate::offer::{Colour, Offer};
use crate::plan::{Outcome, Plan, Severity, Verb};
use crate::redrive::Redrive;
use crate::setting::Setting;
use crate::words::shell;
use cloud::Session;
use model::{Node, NodeId, Snapshot, SourceId};
use std::collections::BTreeMap;

/// Every action there is.
pub const ACTIONS: &[&dyn Action] = &[&Redrive];

/// What is asked for: a verb, a node and settings by name (absent ones take their defaults).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub action: Verb,
    /// To which node.
    pub node: NodeId,
    /// How, e.g. `rate` → `50`.
    pub settings: BTreeMap<String, String>,
}

/// What a plan's texts need to know of the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Path of the stack file, for the `qd` command line that does the same.
    pub stack_file: Option<String>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The node is not in the snapshot.
    #[error("nothing here has the id {0}")]
    NoSuchNode(NodeId),
    /// The action does not apply to that kind of node.
    #[error("{verb} does not apply to {node}: it is for {fits}")]
    DoesNotFit {
        /// The action.
        verb: &'static str,
        /// The node asked for.
        node: NodeId,
        /// What it applies to.
        fits: &'static str,
    },
    /// The action has no such setting.
    #[error("{verb} has no setting {name:?}; it has {known}")]
    NoSuchSetting {
        /// The action.
        verb: &'static str,
        /// The unknown name.
        name: String,
        /// The names there are.
        known: &'static str,
    },
    /// A setting's value cannot be used.
    #[error("{name} = {value:?} cannot be used: {why}")]
    BadSetting {
        /// Which setting.
        name: &'static str,
        /// What was given.
        value: String,
        /// What would do.
        why: String,
    },
}

/// An unfinished run, from its journal alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Recount {
    /// What is known, a sentence.
    pub known: String,
    /// What taking it up will do, a sentence.
    pub next: String,
    /// Steps and figures as far as they were written down.
    pub face: Face,
}

/// One thing the console can do.
pub trait Action: Sync {
    /// Its verb.
    fn verb(&self) -> Verb;

    /// Whether it is offered on `node` (a plan may still be asked for, to learn why not).
    fn offered(&self, snapshot: &Snapshot, node: &Node) -> bool;

    /// The plan for `node`, with every check answered from `snapshot`.
    ///
    /// # Errors
    /// When the node is of the wrong kind or a setting cannot be used; a plan that is blocked by a
    /// check is still a plan.
    fn plan(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
    ) -> Result<Plan, PlanError>;

    /// What it asks for on `node`, with each candidate's fit; nothing when it asks nothing.
    fn settings(&self, snapshot: &Snapshot, node: &Node) -> Vec<Setting> {
        let _ = (snapshot, node);
        Vec::new()
    }

    /// The course of a confirmed plan, with `session` (the account and region of its node) as its
    /// hands.
    fn course(&self, plan: &Plan, session: Session) -> Box<dyn Course>;

    /// What the journal of a run tells to somebody who does not ask the platform.
    fn recount(&self, plan: &Plan, entries: &[Entry]) -> Recount;

    /// The sources a plan's answers rest on: read afresh before a press.
    fn sources(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId>;
}

/// The action of a verb.
#[must_use]
pub fn action(verb: Verb) -> &'static dyn Action {
    match verb {
        Verb::Redrive => &Redrive,
    }
}

/// What can be done to `node`, each with its preflight colour. Nothing when the node is unknown.
#[must_use]
pub fn offers(snapshot: &Snapshot, node: &NodeId, context: &Context) -> Vec<Offer> {
    let Some(node) = snapshot.node(node) else {
        return Vec::new();
    };
    ACTIONS
        .iter()
        .filter(|action| action.offered(snapshot, node))
        .filter_map(|action| {
            let plan = action.plan(snapshot, node, &BTreeMap::new()).ok()?;
            Some(offer(plan, action.settings(snapshot, node), context))
        })
        .collect()
}

/// The plan for a request.
///
/// # Errors
/// [`PlanError`], a sentence; a plan that is blocked by a check is still a plan.
pub fn plan(snapshot: &Snapshot, request: &Request) -> Result<Plan, PlanError> {
    let node = snapshot
        .node(&request.node)
        .ok_or_else(|| PlanError::NoSuchNode(request.node.clone()))?;
    action(request.action).plan(snapshot, node, &request.settings)
}

fn offer(plan: Plan, settings: Vec<Setting>, context: &Context) -> Offer {
    Offer {
        settings,
        command: command(&plan, context),
        colour: colour(&plan),
        why: why(&plan),
        action: plan.action,
        node: plan.node,
        label: plan.label,
        level: plan.level,
        findings: plan.findings,
    }
}

/// The colour of a plan's button.
#[must_use]
pub fn colour(plan: &Plan) -> Colour {
    if plan.blocked {
        Colour::Red
    } else if plan.failing().next().is_some() {
        Colour::Amber
    } else {
        Colour::Green
    }
}

/// The worst unmet finding in one sentence, with how many more there are.
fn why(plan: &Plan) -> Option<String> {
    let rank = |outcome: Outcome, severity: Severity| (severity, outcome == Outcome::Fail);
    let mut unmet: Vec<_> = plan.failing().collect();
    unmet.sort_by_key(|f| std::cmp::Reverse(rank(f.outcome, f.severity)));
    let first = unmet.first()?;
    Some(match unmet.len() {
        1 => first.sentence.clone(),
        n => format!("{} ({} more)", first.sentence, n - 1),
    })
}

/// The `qd` line that does the same as the button.
#[must_use]
pub fn command(plan: &Plan, context: &Context) -> String {
    let mut words = vec![
        "qd".to_owned(),
        "act".to_owned(),
        plan.action.as_str().to_owned(),
    ];
    words.push(shell(plan.node.as_str()));
    for (name, value) in &plan.settings {
        words.push("--set".to_owned());
        words.push(shell(&format!("{name}={value}")));
    }
    words.extend(["--reason".to_owned(), "'why'".to_owned()]);
    words.extend(["--confirm".to_owned(), shell(&plan.confirm)]);
    if plan.level >= crate::ConfirmLevel::L2 {
        words.extend(["--digest".to_owned(), plan.digest.clone()]);
    }
    if let Some(file) = &context.stack_file {
        words.extend(["--stack".to_owned(), shell(file)]);
    }
    words.join(" ")
}
