//! A simulated platform, an engine that reads it, and the desk at which an action is planned and
//! pressed.

use crate::rows::{Row, prepare, row};
use crate::world::{Fault, STRIDE, World};
use act::{Action, Ask, Plan, Receipt, RunPhase};
use cloud::kubernetes::{ClusterPlace, ClusterSession};
use cloud::{ActRole, ActUser, Clock};
use engine::Words;
use engine::runs::{Helm, Nowhere, Platform, Points, Terms};
use engine::{Audit, AuditKind, Engine, Refusal, RunWatch, Settings, unfinished_runs};
use model::{Node, NodeId};
use serde_json::Value;
use simulator::{ClockMode, Millis, Options, Simulation};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// World time at the start, a Wednesday out of every backup and maintenance window: what is green does not depend on
/// the hour the tests run at.
const START: &str = "2026-03-04T15:30:00Z";
/// The role that acts in the simulated account.
const ACT_ROLE: &str = "arn:aws:iam::100200300400:role/quarterdeck-act";
/// And its user on the clusters.
pub(crate) const ACT_USER: &str = "quarterdeck-act";
/// Strides until an action must be green: ten minutes of the world.
const GREEN_WITHIN: u32 = 120;

/// One simulated world with its engine.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) row: Row,
    pub(crate) node: NodeId,
    pub(crate) state: PathBuf,
    action: &'static dyn Action,
    world: Arc<World>,
    cluster: Option<(ClusterPlace, Clock)>,
    _dir: tempfile::TempDir,
}

impl Stage {
    /// The world of an action's row, moved on to where the action is green.
    pub(crate) async fn new(action: &'static dyn Action) -> Self {
        let row = row(action);
        let dir = tempfile::tempdir().expect("a folder");
        let options = Options {
            scenario: row.scenario.to_owned(),
            dir: dir.path().join("sim"),
            pods: 60,
            regions: 1,
            seed: 3,
            clock: ClockMode::Explicit,
            start: Millis::parse_iso(START),
            ..Options::default()
        };
        let simulation = Simulation::start(options).await.expect("a simulation");
        simulation.advance(row.advance).await;
        let mut stack = cloud::Stack::load(&simulation.stack).expect("a stack file");
        // Whatever is done is done by a role that may do that and nothing else.
        for account in &mut stack.accounts {
            account.act_roles.other = ActRole::of(ACT_ROLE);
            account.act_user = ActUser::of(ACT_USER);
        }
        let sessions = cloud::open(&stack).await.expect("sessions");
        let places = cloud::kubernetes::places(&stack, &sessions);
        let clock = sessions.clock.clone();
        let state = dir.path().join("state");
        let settings = Settings {
            settle: Duration::from_millis(5),
            assembly_gap: Duration::from_millis(20),
            patience: Duration::from_millis(20),
            ..Settings::default()
        };
        let engine = Engine::with(stack, sessions, &state, settings, collect::COLLECTORS).await;
        let snapshot = engine.complete(Duration::from_secs(60)).await;
        let node = (row.node)(&snapshot);
        let world = Arc::new(World {
            engine: engine.clone(),
            simulation,
            inner: engine.platform(),
            fault: Mutex::default(),
            writes: Arc::default(),
        });
        let cluster = places.into_iter().next().map(|place| (place, clock));
        let stage = Self {
            engine,
            row,
            node,
            state,
            action,
            world,
            cluster,
            _dir: dir,
        };
        if let Some(prepare) = prepare(action) {
            prepare(&stage, stage.node.clone()).await;
        }
        stage
    }

    /// Lets the world go on for so many seconds, and has the node read afresh.
    pub(crate) async fn settle(&self, node: &NodeId, seconds: u32) {
        self.world.simulation.advance(seconds).await;
        let source = self.engine.snapshot().node(node).map(|n| n.source.clone());
        let fresh = self
            .world
            .refresh(source.as_slice(), Duration::from_secs(30));
        assert!(fresh.await.unanswered.is_empty(), "{node} was not read");
    }

    /// Somebody else merges a patch into an object of the cluster.
    pub(crate) async fn patch(&self, node: &Node, api: &str, plural: &str, patch: &Value) {
        let (place, clock) = self.cluster.as_ref().expect("a cluster");
        let session = ClusterSession::open(place, clock.clone()).await;
        let client = session.expect("a kubeconfig").client();
        let namespace = node.scope.namespace.as_deref().expect("a namespace");
        let path = format!("/apis/{api}/namespaces/{namespace}/{plural}/{}", node.name);
        let request = http::Request::patch(path)
            .header("content-type", "application/merge-patch+json")
            .body(patch.to_string().into_bytes())
            .expect("a request");
        let done: Result<Value, _> = client.request(request).await;
        done.expect("patched");
    }

    /// The `nth` call of the runs to come (from 0) goes wrong.
    pub(crate) fn fault(&self, nth: usize, fault: Fault) {
        *self.world.fault.lock().expect("whole") = Some((nth, fault));
    }

    /// A process.
    pub(crate) fn desk(&self) -> Desk<'_> {
        self.desk_with(Arc::new(Nowhere))
    }

    /// A process that tells of its points.
    pub(crate) fn desk_with(&self, points: Arc<dyn Points>) -> Desk<'_> {
        let platform: Arc<dyn Platform> = Arc::<World>::clone(&self.world);
        Desk {
            stage: self,
            helm: Helm::with_points(platform, &self.state, Terms::default(), points),
        }
    }

    /// Actions of IAM that were called, by whom.
    pub(crate) fn calls(&self) -> Vec<(String, String)> {
        let trail = self.world.simulation.shared().trail();
        let calls = trail.calls();
        calls
            .map(|(action, signer, _)| (action.to_owned(), signer.to_owned()))
            .collect()
    }

    /// Calls that were made, in order, by step and operation.
    pub(crate) fn writes(&self) -> Vec<(String, String)> {
        self.world.writes.lock().expect("whole").clone()
    }

    /// Whether the first call may be made again once a look showed that it did nothing.
    pub(crate) fn first_is_repeatable(&self) -> bool {
        let writes = self.writes();
        let first = writes.first().map(|(_, operation)| operation.as_str());
        first.is_some_and(|operation| self.row.repeatable.contains(&operation))
    }

    /// What must hold after whatever happened.
    pub(crate) fn assert_tidy(&self, what: &str) {
        let audit = Audit::open(&self.state).expect("the record");
        audit
            .verify()
            .unwrap_or_else(|broken| panic!("{what}: {broken}"));
        let rows = audit.rows().expect("rows");
        let of = |kind| rows.iter().filter(|row| row.kind == kind).count();
        assert_eq!(of(AuditKind::Opened), of(AuditKind::Closed), "{what}");
        let left = unfinished_runs(&self.state).expect("read");
        assert!(left.is_empty(), "{what}: {left:#?}");
        let mut seen = Vec::new();
        for write in self.writes() {
            let again = seen.contains(&write);
            let repeatable = self.row.repeatable.contains(&write.1.as_str());
            assert!(!again || repeatable, "{what}: {write:?} was called twice");
            seen.push(write);
        }
    }

    /// What every receipt must say.
    pub(crate) fn assert_told(&self, receipt: &Receipt, what: &str) {
        let verdict = receipt
            .verdict
            .unwrap_or_else(|| panic!("{what}: no verdict"));
        assert!(
            receipt.sentence.ends_with('.'),
            "{what}: {}",
            receipt.sentence
        );
        assert!(
            verdict == act::Verdict::Verified || receipt.next_step.is_some(),
            "{what}: no next step: {}",
            receipt.sentence
        );
        let touched = receipt.steps.iter().any(|step| step.request_id.is_some());
        if touched {
            assert_eq!(
                receipt.undo_request.is_some(),
                self.row.undo,
                "{what}: undo"
            );
        }
        assert!(!receipt.undo.is_empty(), "{what}: undo in words");
    }

    /// Somebody restarts a deployment.
    pub(crate) async fn restart(&self, node: &NodeId, stamp: &str) {
        restart(&self.engine, node, stamp).await;
    }

    /// Somebody else changes the target.
    pub(crate) async fn meddle(&self) {
        (self.row.meddle)(self, self.node.clone()).await;
        self.world.simulation.advance(1).await;
    }
}

/// Restarts a deployment as `kubectl rollout restart` does.
pub(crate) async fn restart(engine: &Engine, node: &NodeId, stamp: &str) {
    let snapshot = engine.snapshot();
    let node = snapshot.node(node).expect("the deployment");
    let cluster = engine.cluster_of(node).expect("its cluster");
    let stamp = serde_json::json!({ "kubectl.kubernetes.io/restartedAt": stamp });
    let patch = serde_json::json!({
        "spec": { "template": { "metadata": { "annotations": stamp } } },
    });
    let kind = kube::core::GroupVersionKind::gvk("apps", "v1", "Deployment");
    let kind = kube::core::ApiResource::from_gvk_with_plural(&kind, "deployments");
    let namespace = node.scope.namespace.as_deref().expect("a namespace");
    let api: kube::Api<kube::core::DynamicObject> =
        kube::Api::namespaced_with(cluster.client(), namespace, &kind);
    let params = kube::api::PatchParams::default();
    let patch = kube::api::Patch::Merge(&patch);
    api.patch(&node.name, &params, &patch)
        .await
        .expect("patched");
}

/// One process over a stage.
pub(crate) struct Desk<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) helm: Helm,
}

impl Desk<'_> {
    /// The plan, once it is green: in a world of chance a pod may be restarting just now.
    pub(crate) async fn plan(&self) -> Plan {
        for _ in 0..GREEN_WITHIN {
            let plan = self.asked().await;
            if !plan.blocked {
                return plan;
            }
            self.stage.world.simulation.advance(STRIDE).await;
        }
        let failing: Vec<_> = self.asked().await.failing().cloned().collect();
        panic!("not green: {failing:#?}");
    }

    /// Waits until what was done shows: a plan made now is another, or blocked. What is watched tells
    /// by itself, a moment later, perhaps about another node than the one to act on; what is polled is
    /// asked again, as the press does.
    pub(crate) async fn outdated(&self, shown: &Plan) {
        let mut pictures = self.stage.engine.snapshots();
        let sources = act::sources_of(shown, &pictures.borrow_and_update());
        let told = async {
            loop {
                let world = &self.stage.world;
                let fresh = world.refresh(&sources, Duration::from_secs(30)).await;
                assert!(fresh.unanswered.is_empty(), "{:?}", fresh.unanswered);
                let plan = self.asked().await;
                if plan.blocked || plan.digest != shown.digest {
                    break;
                }
                pictures.changed().await.expect("the engine goes on");
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(20), told).await;
    }

    /// The value of a setting; for `*`, the best of what can be chosen.
    fn value(&self, name: &str, value: &str) -> String {
        if value != "*" {
            return value.to_owned();
        }
        let snapshot = self.stage.engine.snapshot();
        let node = snapshot.node(&self.stage.node).expect("the node");
        let mut asked = self.stage.action.settings(&snapshot, node).into_iter();
        let asked = asked.find(|setting| setting.name == name);
        match asked.map(|setting| setting.ask) {
            Some(Ask::Choice { choices }) => choices[0].value.clone(),
            other => panic!("{name} is no choice: {other:?}"),
        }
    }

    /// The plan as a press would find it now.
    async fn asked(&self) -> Plan {
        let settings = self.stage.row.settings.iter();
        let settings: BTreeMap<String, String> = settings
            .map(|(name, value)| ((*name).to_owned(), self.value(name, value)))
            .collect();
        let verb = self.stage.action.verb();
        let plan = self
            .helm
            .plan_asked(verb, &self.stage.node, &settings)
            .await;
        plan.expect("a plan")
    }

    /// The whole road for one plan, as `qd act` walks it.
    pub(crate) async fn press(&self, plan: &Plan) -> Result<RunWatch, Refusal> {
        self.helm.act_once(plan, drill(plan)).await
    }

    /// Presses the very same plan, without planning it again.
    pub(crate) async fn press_again(&self, plan: &Plan) -> Result<RunWatch, Refusal> {
        self.helm.act(&drill(plan).press(&plan.id)).await
    }
}

/// The right words for a plan.
fn drill(plan: &Plan) -> Words<'_> {
    Words {
        digest: Some(&plan.digest),
        phrase: &plan.confirm,
        reason: "drill",
        break_glass: None,
    }
}

/// The final receipt; `None` when the run's process died.
pub(crate) async fn closed(mut run: RunWatch) -> Option<Receipt> {
    loop {
        let receipt = run.borrow_and_update().receipt.clone();
        if receipt.phase == RunPhase::Closed {
            return Some(receipt);
        }
        run.changed().await.ok()?;
    }
}
