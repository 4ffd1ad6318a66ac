//! What an action says it would do, and how that becomes a plan: the checks every plan shares, the
//! level, the digest and the id are put on here and nowhere else.

use crate::action::{Context, Request};
use crate::finding::{Answer, Words, finding};
use crate::plan::{
    ApiCall, Blast, ConfirmLevel, Expectation, Finding, Leaves, Outcome, Plan, PlanId, Severity,
};
use crate::rights::{Right, Rights};
use crate::takes::Takes;
use crate::{freeze, glass, object, rights, takes};
use model::{Environment, Fact, Node, NodeId, Snapshot, Verb};
use serde_json::Value;
use std::collections::BTreeMap;

/// The check's id.
pub const SECOND_PERSON: &str = "plan.second-person";

/// How a plan can be taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Undo {
    /// A sentence; begins `No undo:` where there is none.
    pub sentence: String,
    /// The request that does it, made from the before-state. It is planned and checked like any
    /// other when it is asked for.
    pub request: Option<Request>,
}

impl Undo {
    /// There is none.
    #[must_use]
    pub fn none(why: &str) -> Self {
        Self {
            sentence: format!("No undo: {why}"),
            request: None,
        }
    }
}

/// An action's own part of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Settings with their defaults filled in: what a `qd` line needs to make the same plan again.
    pub settings: BTreeMap<String, String>,
    /// Everything touched, the node itself first.
    pub targets: Vec<NodeId>,
    /// The whole plan in one line, the button's text.
    pub label: String,
    /// Exact calls, in order.
    pub calls: Vec<ApiCall>,
    /// State before. Numbers are live counters, compared by nobody; words and flags are what must
    /// not change until the press.
    pub before: BTreeMap<String, Value>,
    /// The action's own checks, blocks first.
    pub findings: Vec<Finding>,
    /// What must be true afterwards.
    pub expectations: Vec<Expectation>,
    /// What it stops by itself at, sentences.
    pub stops: Vec<String>,
    /// How it is taken back.
    pub undo: Undo,
    /// Who and what is touched.
    pub blast: Blast,
    /// The level when nothing warns.
    pub level: ConfirmLevel,
    /// The phrase to type: the target's name, unless the action asks for more.
    pub confirm: String,
    /// What it takes away.
    pub takes: Vec<Takes>,
    /// Rights its calls need.
    pub rights: Vec<Right>,
    /// What it leaves open when it is over.
    pub leaves: Option<Leaves>,
}

/// The plan of a draft.
pub(crate) fn finish(
    verb: Verb,
    snapshot: &Snapshot,
    node: &Node,
    draft: Draft,
    context: &Context,
) -> Plan {
    let mut findings = draft.findings;
    findings.extend(takes::findings(snapshot, &draft.takes));
    findings.extend(freeze::findings(&context.freezes, snapshot.taken_at));
    let acts_as = acts_as(snapshot, node, verb, &draft.rights);
    let unasked = Rights::new();
    let known = context.rights.get(&acts_as).unwrap_or(&unasked);
    let rights = rights::findings(&draft.rights, known);
    findings.extend(rights.map(|finding| finding.aged(context.rights_age)));
    let domain = crate::domain::domain(snapshot, node).to_string();
    findings.extend(context.locks.get(&domain).map(crate::lease::locked));
    let (level, mut blocked) = level(draft.level, &findings);
    if level == ConfirmLevel::L4 {
        findings.push(second_person());
        blocked = true;
    }
    glass::mark(&mut findings);
    let breakable = blocked && stopping(draft.level, &findings).all(|f| f.breakable);
    let mut plan = Plan {
        id: PlanId(String::new()),
        action: verb,
        node: node.id.clone(),
        name: node.name.clone(),
        domain,
        place: place(snapshot, node),
        acts_as,
        settings: draft.settings,
        targets: draft.targets,
        label: draft.label,
        calls: draft.calls,
        before: draft.before,
        findings,
        expectations: draft.expectations,
        stops: draft.stops,
        undo: draft.undo.sentence,
        undo_request: draft.undo.request,
        blast: draft.blast,
        level,
        blocked,
        breakable,
        confirm: draft.confirm,
        takes: draft.takes,
        rights: draft.rights,
        leaves: draft.leaves,
        digest: String::new(),
        made_at: snapshot.taken_at,
        expires: context.expires,
    };
    plan.digest = plan.compute_digest();
    plan.id = PlanId(format!(
        "{}-{}-{}",
        verb.as_str(),
        snapshot.seq,
        &plan.digest[..12]
    ));
    plan
}

/// Whose the calls are, where the stack file names somebody: the action's role in the account, the user on the cluster.
fn acts_as(snapshot: &Snapshot, node: &Node, verb: Verb, rights: &[Right]) -> Option<String> {
    match rights.first()? {
        Right::Iam { .. } => {
            let account = node.scope.account.as_ref()?;
            let mut ways = snapshot.identity.access.iter();
            let way = ways.find(|way| way.account == *account)?;
            way.acts_as(verb).map(str::to_owned)
        }
        Right::Kubernetes { .. } => {
            let facts = &object::cluster(snapshot, node)?.facts;
            facts.text(Fact::ActUser).map(str::to_owned)
        }
    }
}

/// The level with warnings counted, and whether it is blocked. What is unknown counts as a warning
/// at L1 and L2 and as a block from L3 (guards.md, "The engine").
pub(crate) fn level(base: ConfirmLevel, findings: &[Finding]) -> (ConfirmLevel, bool) {
    let warned = any(findings, Severity::Warn, Outcome::Fail);
    let level = if warned || unknown(findings) {
        base.raised()
    } else {
        base
    };
    (level, stopping(base, findings).next().is_some())
}

/// The findings that stop a plan of this base level.
pub(crate) fn stopping(base: ConfirmLevel, findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    let warned = any(findings, Severity::Warn, Outcome::Fail);
    let before_unknown = if warned { base.raised() } else { base };
    let blind = before_unknown >= ConfirmLevel::L3;
    findings
        .iter()
        .filter(move |f| match (f.severity, f.outcome) {
            (Severity::Block, Outcome::Fail) => true,
            (Severity::Block | Severity::Warn, Outcome::Unknown) => blind,
            (Severity::Info, _)
            | (Severity::Warn, Outcome::Fail | Outcome::Pass)
            | (Severity::Block, Outcome::Pass) => false,
        })
}

fn unknown(findings: &[Finding]) -> bool {
    any(findings, Severity::Block, Outcome::Unknown)
        || any(findings, Severity::Warn, Outcome::Unknown)
}

fn any(findings: &[Finding], severity: Severity, outcome: Outcome) -> bool {
    let mut all = findings.iter();
    all.any(|f| f.severity == severity && f.outcome == outcome)
}

/// Level 4 takes a second person, who cannot be recorded here; or the glass broken by name.
fn second_person() -> Finding {
    finding(
        SECOND_PERSON,
        Severity::Block,
        Answer::given(false, "level 4"),
        Words {
            pass: String::new(),
            fail: "This is level 4: it takes a second person, who cannot be recorded here, or broken glass."
                .to_owned(),
            unknown: String::new(),
            threshold: "at most level 3",
            next: "Put right what it warns of or make it smaller. If that cannot wait: break the glass, and say why; it is recorded.",
        },
    )
}

/// `PROD · Meridian · 123456789012 · eu-west-1 · prod-euw1`, for the dialog's large type.
fn place(snapshot: &Snapshot, node: &Node) -> String {
    let stack = &snapshot.stack;
    let environment = match stack.environment {
        Environment::Prod => "PROD",
        Environment::Staging => "STAGING",
        Environment::Dev => "DEV",
    };
    let account = node.scope.account.as_ref().map_or("?", |a| a.as_str());
    let region = node.scope.region.as_deref().unwrap_or("global");
    let mut words = format!("{environment} · {} · {account} · {region}", stack.name);
    for part in [&node.scope.cluster, &node.scope.namespace]
        .into_iter()
        .flatten()
    {
        words.push_str(" · ");
        words.push_str(part);
    }
    words
}
