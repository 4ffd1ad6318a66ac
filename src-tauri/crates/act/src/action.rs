//! What every action has in common: it fits some nodes and turns a request into a draft.
//!
//! A plan is made from a snapshot alone, so the colour of a button is true before it is pressed.

use crate::autoscaler::{Bounds, PauseScaler, ResumeScaler};
use crate::course::{Course, Entry, Face, Moment};
use crate::draft::{Draft, finish};
use crate::failover::Failover;
use crate::finding::REQUEST;
use crate::freeze::Freeze;
use crate::gitops::{PauseSync, ResumeSync};
use crate::hands::Hands;
use crate::lease::Theirs;
use crate::mapping::{MappingConcurrency, PauseMapping, ResumeMapping};
use crate::nodegroup::ScaleNodegroup;
use crate::offer::{Colour, Offer};
use crate::plan::{Outcome, Plan, Severity};
use crate::purge::Purge;
use crate::readers::{AddReader, RemoveReader};
use crate::redrive::Redrive;
use crate::rights::RightsOf;
use crate::selected::RedriveSelected;
use crate::setting::Setting;
use crate::shelf::Shelf;
use crate::words::shell;
use crate::workload::{Restart, RolloutUndo, Scale};
use model::{
    Environment, Identity, Kind, Node, NodeId, Snapshot, SourceId, StackIdentity, Timestamp, Verb,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Every action there is: one row each. A verb may have several, for different kinds of node.
pub const ACTIONS: &[&dyn Action] = &[
    &Redrive,
    &RedriveSelected,
    &Purge,
    &Failover,
    &Restart,
    &AddReader,
    &RemoveReader,
    &ScaleNodegroup,
    &PauseMapping,
    &ResumeMapping,
    &MappingConcurrency,
    &Scale,
    &Bounds,
    &PauseScaler,
    &ResumeScaler,
    &PauseSync,
    &ResumeSync,
    &RolloutUndo,
];

/// What is asked for: a verb, a node and settings by name (absent ones take their defaults).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(rename = "ActionRequest")]
pub struct Request {
    /// What to do.
    pub action: Verb,
    /// To which node.
    pub node: NodeId,
    /// How, e.g. `rate` → `50`.
    pub settings: BTreeMap<String, String>,
}

impl Request {
    /// With every setting at its default.
    #[must_use]
    pub fn plain(action: Verb, node: &Node) -> Self {
        Self {
            action,
            node: node.id.clone(),
            settings: BTreeMap::new(),
        }
    }
}

/// What a plan rests on besides the snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// Path of the stack file, for the `qd` command line that does the same.
    pub stack_file: Option<String>,
    /// Times in which nothing is pressed.
    pub freezes: Vec<Freeze>,
    /// What is known of the rights of those by whom something is done.
    pub rights: RightsOf,
    /// How old the oldest of those answers is, seconds.
    pub rights_age: f64,
    /// Locks that other consoles hold, by blast domain.
    pub locks: BTreeMap<String, Theirs>,
    /// [`Plan::expires`] of plans made now.
    pub expires: Timestamp,
    /// What this machine keeps about the node.
    pub shelf: Shelf,
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
        fits: String,
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

/// One thing the console can do to some kinds of node.
pub trait Action: Sync {
    /// Its verb.
    fn verb(&self) -> Verb;

    /// The kinds of node it is for.
    fn kinds(&self) -> &'static [Kind];

    /// The same in words, for a refusal: `SQS queues`.
    fn fits(&self) -> &'static str;

    /// Whether it is offered on `node`, of one of its kinds (a plan may still be asked for, to learn
    /// why not).
    fn offered(&self, snapshot: &Snapshot, node: &Node) -> bool;

    /// Whether the situation calls for it on `node`, of one of its kinds and offered: then it is listed
    /// among what can be done anywhere, blocked or not, without being looked for. Everything else is
    /// found on its node. Cheap: asked of every node for every picture.
    fn called_for(&self, snapshot: &Snapshot, node: &Node) -> bool;

    /// What would be done to `node`, of one of its kinds, with every check of its own answered from
    /// `snapshot` and from what this machine keeps about the node.
    ///
    /// # Errors
    /// When a setting cannot be used; what is blocked by a check is still a draft.
    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        shelf: &Shelf,
    ) -> Result<Draft, PlanError>;

    /// What it asks for on `node`, with each candidate's fit; nothing when it asks nothing.
    fn settings(&self, snapshot: &Snapshot, node: &Node) -> Vec<Setting> {
        let _ = (snapshot, node);
        Vec::new()
    }

    /// The course of a confirmed plan. Without hands it can be told its journal and says what it
    /// knows; its looks fail and its calls are refused.
    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course>;

    /// The sources a plan's answers rest on: read afresh before a press.
    fn sources(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId>;
}

/// The action of a verb on a kind of node.
#[must_use]
pub fn action(verb: Verb, kind: Kind) -> Option<&'static dyn Action> {
    let mut all = ACTIONS.iter().copied();
    all.find(|action| action.verb() == verb && action.kinds().contains(&kind))
}

/// The action of a plan, also of one out of a journal whose node is gone.
#[must_use]
pub fn action_of(plan: &Plan) -> Option<&'static dyn Action> {
    action(plan.action, kind_of(&plan.node)?)
}

/// What has to be read afresh before and during a run of this plan. The checks that rest on the
/// request itself name a source that nobody reads.
#[must_use]
pub fn sources_of(plan: &Plan, snapshot: &Snapshot) -> Vec<SourceId> {
    let mut all = action_of(plan).map_or_else(Vec::new, |a| a.sources(snapshot, plan));
    all.retain(|source| source.as_str() != REQUEST);
    all
}

/// The kind of a node's id, which begins with it.
fn kind_of(node: &NodeId) -> Option<Kind> {
    let word = node.as_str().split('/').next()?;
    Kind::ALL.iter().copied().find(|kind| kind.as_str() == word)
}

/// An unfinished run told from its journal alone; nobody is asked.
#[must_use]
pub fn recount(plan: &Plan, entries: &[Entry]) -> Option<Recount> {
    let mut course = action_of(plan)?.course(plan, &Hands::none());
    for entry in entries {
        course.learn(entry);
    }
    let snapshot = nothing();
    let moment = Moment {
        now: plan.made_at,
        blind_for: Duration::from_secs(1),
        pace: 1.0,
        snapshot: &snapshot,
        stop: None,
    };
    Some(Recount {
        known: course.known(),
        next: course.next(),
        face: course.face(&moment),
    })
}

/// A picture of nothing.
pub(crate) fn nothing() -> Snapshot {
    Snapshot {
        seq: 0,
        taken_at: Timestamp::default(),
        stack: StackIdentity {
            name: String::new(),
            environment: Environment::Dev,
        },
        identity: Identity::default(),
        nodes: Vec::new(),
        edges: [].into(),
        sources: Vec::new(),
        causes: Vec::new(),
        changes: Vec::new(),
    }
}

/// What can be done to `node`, each with its preflight colour. Nothing when the node is unknown.
#[must_use]
pub fn offers(snapshot: &Snapshot, node: &NodeId, context: &Context) -> Vec<Offer> {
    let Some(node) = snapshot.node(node) else {
        return Vec::new();
    };
    offered(snapshot, node)
        .filter_map(|action| made(action, snapshot, node, context))
        .collect()
}

/// What the situation calls for anywhere, in the order of the nodes. `context` gives what a plan for
/// a node rests on.
pub fn called_for(snapshot: &Snapshot, context: impl Fn(&NodeId) -> Context) -> Vec<Offer> {
    let mut all = Vec::new();
    for node in &snapshot.nodes {
        let mut called = offered(snapshot, node)
            .filter(|action| action.called_for(snapshot, node))
            .peekable();
        if called.peek().is_some() {
            let context = context(&node.id);
            all.extend(called.filter_map(|action| made(action, snapshot, node, &context)));
        }
    }
    all
}

fn offered<'a>(
    snapshot: &'a Snapshot,
    node: &'a Node,
) -> impl Iterator<Item = &'static dyn Action> + 'a {
    let all = ACTIONS.iter().copied();
    all.filter(move |action| action.kinds().contains(&node.kind) && action.offered(snapshot, node))
}

/// The offer with its defaults; none when even those cannot be used.
fn made(action: &dyn Action, snapshot: &Snapshot, node: &Node, context: &Context) -> Option<Offer> {
    let draft = action
        .draft(snapshot, node, &BTreeMap::new(), &context.shelf)
        .ok()?;
    let settings = action.settings(snapshot, node);
    let plan = finish(action.verb(), snapshot, node, draft, context);
    Some(offer(plan, settings, context))
}

/// The plan for a request.
///
/// # Errors
/// [`PlanError`], a sentence; a plan that is blocked by a check is still a plan.
pub fn plan(snapshot: &Snapshot, request: &Request, context: &Context) -> Result<Plan, PlanError> {
    let node = snapshot
        .node(&request.node)
        .ok_or_else(|| PlanError::NoSuchNode(request.node.clone()))?;
    let action = action(request.action, node.kind).ok_or_else(|| {
        let verb = request.action;
        let of_verb = ACTIONS.iter().filter(|action| action.verb() == verb);
        let fits: Vec<&str> = of_verb.map(|action| action.fits()).collect();
        PlanError::DoesNotFit {
            verb: verb.as_str(),
            node: request.node.clone(),
            fits: crate::words::list(&fits),
        }
    })?;
    let draft = action.draft(snapshot, node, &request.settings, &context.shelf)?;
    Ok(finish(action.verb(), snapshot, node, draft, context))
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

/// The `qd` line that plans a request: its level, phrase and digest are in the answer.
#[must_use]
pub fn plan_command(request: &Request) -> String {
    let verb = request.action.as_str();
    let mut words = vec!["qd".to_owned(), "plan".to_owned(), verb.to_owned()];
    words.push(shell(request.node.as_str()));
    for (name, value) in &request.settings {
        words.push("--set".to_owned());
        words.push(shell(&format!("{name}={value}")));
    }
    words.join(" ")
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
