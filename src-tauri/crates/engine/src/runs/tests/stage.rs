//! A platform on which a redrive of `orders-dlq` is all green, with its state folder, its operator
//! and the audience of its runs.

use super::double::{Hands, Now, Sqs};
use crate::gate::{Press, Refusal};
use crate::runs::{Fresh, Helm, Platform, Points, RunWatch};
use crate::time::now;
use act::lease::{Claim, Taken, Theirs};
use act::redrive::RedriveCourse;
use act::{Allowed, Course, Plan, Receipt, Right, Rights, RunPhase, Verb};
use async_trait::async_trait;
use model::{
    Access, AccessState, AccountId, Edge, Environment, Fact, Facts, Health, Identity, Kind, Node,
    NodeId, Provenance, Relation, Scope, Service, Snapshot, Source, SourceId, SourceStatus,
    StackIdentity, Standing, State, Timestamp, Way,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) const ORDERS_ARN: &str = "arn:aws:sqs:eu-west-1:123456789012:orders";
const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-west-1";
pub(super) const BASE: i64 = 1_795_316_400_000;

pub(super) fn scope() -> Scope {
    Scope {
        account: Some(AccountId::new(ACCOUNT)),
        region: Some(REGION.into()),
        ..Scope::default()
    }
}

pub(super) fn dlq_id() -> NodeId {
    NodeId::aws(Kind::Queue, ACCOUNT, Some(REGION), "orders-dlq")
}

/// The platform as the acting half sees it.
pub(super) struct Stage {
    pub(super) sqs: Arc<Mutex<Sqs>>,
    now: Now,
    /// Milliseconds what we take for the platform's time is off.
    pub(super) skew: AtomicI64,
    /// Set by tests to spoil the picture.
    pub(super) ready: AtomicUsize,
    pub(super) idempotent: AtomicBool,
    /// Sources do not answer fresh reads.
    pub(super) deaf: AtomicBool,
    /// Who holds the lock of everything here.
    pub(super) held: Mutex<Option<&'static str>>,
    /// The role that redrives.
    pub(super) role: Mutex<Option<&'static str>>,
    /// What is denied.
    pub(super) denied: Mutex<Option<&'static str>>,
    /// Runs when fresh reads are asked for, once.
    #[expect(clippy::type_complexity, reason = "a test's hook")]
    pub(super) meanwhile: Mutex<Option<Box<dyn FnOnce(&Stage) + Send>>>,
}

impl Stage {
    /// The way into the account, with the role that redrives in it.
    fn access(&self) -> Vec<Access> {
        let role = *self.role.lock().expect("whole");
        let own = role.map(|role| (Verb::Redrive, role.to_owned()));
        vec![Access {
            account: AccountId::new(ACCOUNT),
            profile: None,
            way: Way::Keys,
            arn: None,
            act_role: None,
            act_roles: own.into_iter().collect(),
            expires_at: None,
            state: AccessState::Valid,
            sentence: None,
            next_step: None,
            command: None,
        }]
    }

    /// A stage with `messages` in the dead-letter queue.
    pub(super) fn new(messages: i64) -> Arc<Self> {
        let begun = now();
        let clock: Now = Arc::new(move || {
            let passed = i64::try_from((now() - begun).as_millis()).expect("short");
            Timestamp::from_millis(BASE + passed)
        });
        Arc::new(Self {
            sqs: Arc::new(Mutex::new(Sqs::new(Arc::clone(&clock), messages))),
            now: clock,
            skew: AtomicI64::new(0),
            ready: AtomicUsize::new(4),
            idempotent: AtomicBool::new(true),
            deaf: AtomicBool::new(false),
            held: Mutex::new(None),
            role: Mutex::new(None),
            denied: Mutex::new(None),
            meanwhile: Mutex::new(None),
        })
    }

    pub(super) fn sqs<T>(&self, with: impl FnOnce(&mut Sqs) -> T) -> T {
        with(&mut self.sqs.lock().expect("whole"))
    }

    fn nodes(&self) -> Vec<Node> {
        let (dead, live, task) = self.sqs(|sqs| {
            sqs.advance();
            (sqs.dlq, sqs.destination, sqs.tasks.first().cloned())
        });
        let mut dlq = queue("orders-dlq", dead);
        dlq.facts.set(Fact::IsDeadLetterQueue, true);
        dlq.facts.set(Fact::SourceQueues, "orders");
        dlq.facts
            .set(Fact::FirstMessageAt, Timestamp::from_millis(BASE - 900_000));
        dlq.facts.set(Fact::RetentionSeconds, 345_600_i64);
        if let Some(task) = task {
            dlq.facts.set(Fact::MoveTaskStatus, task.status);
            dlq.facts.set(
                Fact::MoveTaskStartedAt,
                Timestamp::from_millis(task.started),
            );
        }
        let mut orders = queue("orders", live);
        orders.facts.set(Fact::MaxReceiveCount, 3_i64);
        orders.facts.set(Fact::VisibilityTimeoutSeconds, 20_i64);
        orders.facts.set(
            Fact::ConsumerIdempotent,
            self.idempotent.load(Ordering::Relaxed),
        );
        let mut writer = node(Kind::Deployment, "order-writer", "deployments");
        writer.facts.set(Fact::Replicas, 4_i64);
        writer
            .facts
            .set(Fact::ReplicasReady, self.ready.load(Ordering::Relaxed));
        writer.facts.set(Fact::Rollout, "complete");
        writer.facts.set(Fact::ErrorsPercent, 0.2);
        writer.facts.set(
            Fact::RolloutStartedAt,
            Timestamp::from_millis(BASE - 300_000),
        );
        let mut nodes = vec![dlq, orders, writer];
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        nodes
    }
}

fn queue(name: &str, visible: i64) -> Node {
    let mut queue = node(Kind::Queue, name, "queues");
    queue
        .facts
        .set(Fact::Arn, format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"));
    queue
        .facts
        .set(Fact::Url, format!("http://127.0.0.1:1/{ACCOUNT}/{name}"));
    queue.facts.set(Fact::MessagesVisible, visible);
    queue.facts.set(Fact::Fifo, false);
    queue
}

fn source(part: &str) -> Source {
    let service = if part == "deployments" {
        Service::Kubernetes
    } else {
        Service::Sqs
    };
    Source::new(service, scope(), part)
}

fn node(kind: Kind, name: &str, part: &str) -> Node {
    Node {
        id: NodeId::aws(kind, ACCOUNT, Some(REGION), name),
        kind,
        name: name.to_owned(),
        scope: scope(),
        health: Health::default(),
        facts: Facts::default(),
        zones: BTreeMap::new(),
        series: Vec::new(),
        standing: Standing::Read,
        observed_at: Timestamp::from_millis(BASE),
        source: source(part).id,
        fact_origins: BTreeMap::new(),
    }
}

fn edge(from: &Node, relation: Relation, to: &Node) -> Edge {
    let provenance = Provenance("test".into());
    Edge {
        from: from.id.clone(),
        to: to.id.clone(),
        relation,
        provenance,
    }
}

#[async_trait]
impl Platform for Stage {
    async fn lock(&self, plan: &Plan, claim: &Claim<'_>) -> Taken {
        let theirs = self.locked(plan, claim).await;
        let free = || Taken::Nowhere("there is no cluster on this stage".to_owned());
        theirs.map_or_else(free, Taken::Theirs)
    }

    async fn locked(&self, _plan: &Plan, claim: &Claim<'_>) -> Option<Theirs> {
        let holder = (*self.held.lock().expect("whole"))?;
        Some(Theirs {
            holder: holder.to_owned(),
            since: Some(Timestamp::from_millis(BASE)),
            doing: Some("Purge it, glass broken: nobody answers".to_owned()),
            place: format!("lease {} in ops of c1", act::lease::name(claim.domain)),
        })
    }

    async fn rights(&self, plan: &Plan) -> Rights {
        let denied = *self.denied.lock().expect("whole");
        let answer = |right: &Right| match (denied, right) {
            (Some(denied), Right::Iam { action, .. }) if action == denied => {
                Allowed::No("no policy allows it".to_owned())
            }
            (_, Right::Iam { .. } | Right::Kubernetes { .. }) => Allowed::Yes,
        };
        plan.rights.iter().map(|r| (r.clone(), answer(r))).collect()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        let nodes = self.nodes();
        let named = |name: &str| nodes.iter().find(|n| n.name == name).expect("on stage");
        let mut edges = vec![
            edge(named("orders"), Relation::DeadLetters, named("orders-dlq")),
            edge(named("orders"), Relation::ConsumedBy, named("order-writer")),
        ];
        edges.sort();
        let mut sources: Vec<SourceStatus> = ["deployments", "move-tasks", "queues"]
            .into_iter()
            .map(|part| SourceStatus {
                source: source(part),
                state: State::Ok,
                last_ok: Some(self.now()),
                period_seconds: 10.0,
                requests: 1,
                skipped: 0,
                outdated: false,
                error: None,
                failure: None,
            })
            .collect();
        sources.sort_by(|a, b| a.source.id.cmp(&b.source.id));
        Arc::new(Snapshot {
            seq: 1,
            taken_at: self.now(),
            stack: StackIdentity {
                name: "Meridian".to_owned(),
                environment: Environment::Prod,
            },
            identity: Identity {
                access: self.access(),
                ..Identity::default()
            },
            nodes: nodes.into_iter().map(Arc::new).collect(),
            edges: edges.into(),
            sources,
            causes: Vec::new(),
            changes: Vec::new(),
        })
    }

    fn now(&self) -> Timestamp {
        let now = (self.now)();
        Timestamp::from_millis(now.millis() + self.skew.load(Ordering::Relaxed))
    }

    fn actor(&self) -> String {
        "okafor@desk".to_owned()
    }

    async fn refresh(&self, sources: &[SourceId], _deadline: Duration) -> Fresh {
        let hook = self.meanwhile.lock().expect("whole").take();
        if let Some(hook) = hook {
            hook(self);
        }
        let deaf = self.deaf.load(Ordering::Relaxed);
        let unanswered = if deaf { sources.to_vec() } else { Vec::new() };
        Fresh {
            snapshot: self.snapshot(),
            unanswered,
        }
    }

    fn poke(&self, _sources: &[SourceId]) {}

    fn course(&self, plan: &Plan) -> Result<Box<dyn Course>, Refusal> {
        let hands = Hands(Arc::clone(&self.sqs));
        Ok(Box::new(RedriveCourse::new(plan, Box::new(hands))))
    }
}

/// One process: a helm over the stage and a state folder.
pub(super) struct Desk {
    pub(super) stage: Arc<Stage>,
    pub(super) helm: Helm,
    pub(super) state: std::path::PathBuf,
}

impl Desk {
    pub(super) fn new(stage: &Arc<Stage>, state: &std::path::Path) -> Self {
        Self::with_points(stage, state, Arc::new(crate::runs::Nowhere))
    }

    pub(super) fn with_points(
        stage: &Arc<Stage>,
        state: &std::path::Path,
        points: Arc<dyn Points>,
    ) -> Self {
        let platform: Arc<dyn Platform> = Arc::<Stage>::clone(stage);
        let helm = Helm::with_points(platform, state, crate::runs::Terms::default(), points);
        Self {
            stage: Arc::clone(stage),
            helm,
            state: state.to_owned(),
        }
    }

    pub(super) fn plan(&self) -> Plan {
        self.helm
            .plan(Verb::Redrive, &dlq_id(), &BTreeMap::new())
            .expect("a plan")
    }

    /// Arms, plans and presses.
    pub(super) async fn press(&self) -> Result<RunWatch, Refusal> {
        self.helm
            .arm(&scope(), "dlq filled by revision 42", 15)
            .expect("armed");
        let plan = self.plan();
        self.press_plan(&plan).await
    }

    pub(super) async fn press_plan(&self, plan: &Plan) -> Result<RunWatch, Refusal> {
        let press = Press {
            plan: &plan.id,
            digest: Some(&plan.digest),
            phrase: &plan.confirm,
            reason: "dlq filled by revision 42",
            break_glass: None,
        };
        self.helm.act(&press).await
    }

    /// Presses and waits for the receipt.
    pub(super) async fn receipt(&self) -> Receipt {
        let run = self.press().await.expect("started");
        closed(run).await.expect("a receipt")
    }

    /// What must hold after whatever happened: the chain is whole, every opened run is closed once,
    /// nothing is left over, and no part was started twice.
    pub(super) fn assert_tidy(&self) {
        let audit = crate::Audit::open(&self.state).expect("opened");
        audit.verify().expect("the chain is whole");
        let rows = audit.rows().expect("rows");
        let of = |kind| rows.iter().filter(|row| row.kind == kind).count();
        assert_eq!(
            of(crate::AuditKind::Opened),
            of(crate::AuditKind::Closed),
            "{rows:#?}"
        );
        let left = crate::unfinished_runs(&self.state).expect("read");
        assert!(left.is_empty(), "{left:#?}");
        let started = self.stage.sqs(|sqs| sqs.started.clone());
        let twice = started.len() > 2 || started.len() == 2 && started[0] == started[1];
        assert!(!twice, "{started:?}");
    }
}

/// The final receipt; `None` when the run's process died.
pub(super) async fn closed(mut run: RunWatch) -> Option<Receipt> {
    loop {
        let receipt = run.borrow_and_update().receipt.clone();
        if receipt.phase == RunPhase::Closed {
            return Some(receipt);
        }
        run.changed().await.ok()?;
    }
}
