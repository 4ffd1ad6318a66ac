//! A deployment in a small cluster, and every check of scaling it, both ways.

use super::scale::judge::{KEPT, READY, ScaleJudge};
use crate::action::nothing;
use crate::object::Judge as _;
use crate::plan::{ConfirmLevel, Outcome, Plan, Severity};
use crate::{Context, Request, Verb, plan};
use model::{
    Cause, Edge, Fact, Health, Kind, Level, Node, NodeId, Provenance, Relation, Scope, Service,
    Snapshot, Source, SourceStatus, Standing, State, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const PLACE: &str = "1/eu-west-1/c";

/// A cluster under construction.
pub(crate) struct Ground {
    nodes: Vec<Node>,
    edges: Vec<(NodeId, Relation, NodeId)>,
    sources: Vec<SourceStatus>,
    causes: Vec<Cause>,
}

fn source(part: &str) -> SourceStatus {
    let scope = Scope {
        region: Some("eu-west-1".into()),
        cluster: Some("c".into()),
        ..Scope::default()
    };
    SourceStatus {
        source: Source::new(Service::Kubernetes, scope, part),
        state: State::Ok,
        last_ok: Some(Timestamp::default()),
        period_seconds: 10.0,
        requests: 1,
        skipped: 0,
        outdated: false,
        error: None,
        failure: None,
    }
}

impl Ground {
    /// `api` with 4 replicas in `trading`, one node with room for four more, nobody who scales.
    pub(crate) fn new() -> Self {
        let mut ground = Self {
            nodes: Vec::new(),
            edges: Vec::new(),
            sources: [
                "deployments",
                "horizontalpodautoscalers",
                "scaledobjects",
                "resourcequotas",
                "poddisruptionbudgets",
                "replicasets",
                "nodes",
                "nodepools",
            ]
            .map(source)
            .into(),
            causes: Vec::new(),
        };
        ground.node(Kind::Namespace, "trading");
        let api = ground.node(Kind::Deployment, "api");
        let facts = &mut ground.at(&api).facts;
        for (fact, count) in [
            (Fact::Replicas, 4),
            (Fact::ReplicasReady, 4),
            (Fact::Revision, 42),
            (Fact::CpuRequestMillicores, 500),
            (Fact::MemoryRequestMib, 512),
            (Fact::TerminationGraceSeconds, 30),
            (Fact::MaxSurge, 1),
            (Fact::MaxUnavailable, 1),
        ] {
            facts.set(fact, count);
        }
        facts.set(Fact::Rollout, "complete");
        facts.set(Fact::Strategy, "RollingUpdate");
        let machine = ground.node(Kind::Node, "m1");
        let facts = &mut ground.at(&machine).facts;
        facts.set(Fact::Ready, true);
        facts.set(Fact::Schedulable, true);
        facts.set(Fact::CpuAllocatableMillicores, 4_000);
        facts.set(Fact::MemoryAllocatableMib, 8_192);
        facts.set(Fact::PodsAllocatable, 20);
        let set = ground.node(Kind::ReplicaSet, "api-42");
        ground.at(&set).facts.set(Fact::Revision, 42);
        ground.tie(&api, Relation::Owns, &set);
        let old = ground.node(Kind::ReplicaSet, "api-41");
        ground.at(&old).facts.set(Fact::Revision, 41);
        ground.tie(&api, Relation::Owns, &old);
        for n in 0..4 {
            let pod = ground.node(Kind::Pod, &format!("api-42-{n}"));
            let facts = &mut ground.at(&pod).facts;
            facts.set(Fact::NodeName, "m1");
            facts.set(Fact::Workload, "trading/api");
            facts.set(Fact::WorkloadKind, "Deployment");
            facts.set(Fact::Ready, true);
            ground.tie(&set, Relation::Owns, &pod);
        }
        ground
    }

    pub(crate) fn node(&mut self, kind: Kind, name: &str) -> NodeId {
        let id = match kind {
            Kind::Node | Kind::Namespace => NodeId::new(format!("{kind}/{PLACE}/{name}")),
            _ => NodeId::new(format!("{kind}/{PLACE}/trading/{name}")),
        };
        self.nodes.push(Node {
            id: id.clone(),
            kind,
            name: name.to_owned(),
            scope: Scope {
                region: Some("eu-west-1".into()),
                cluster: Some("c".into()),
                namespace: Some("trading".into()),
                ..Scope::default()
            },
            health: Health::default(),
            facts: model::Facts::default(),
            zones: BTreeMap::new(),
            series: Vec::new(),
            standing: Standing::Read,
            observed_at: Timestamp::default(),
            source: source("deployments").source.id,
            fact_origins: BTreeMap::new(),
        });
        id
    }

    pub(crate) fn at(&mut self, id: &NodeId) -> &mut Node {
        let mut nodes = self.nodes.iter_mut();
        nodes.find(|node| node.id == *id).expect("a node")
    }

    pub(crate) fn api(&mut self) -> &mut Node {
        self.at(&api())
    }

    pub(crate) fn tie(&mut self, from: &NodeId, relation: Relation, to: &NodeId) {
        self.edges.push((from.clone(), relation, to.clone()));
    }

    /// A scaler of `api` with these bounds.
    pub(crate) fn scaler(&mut self, kind: Kind, name: &str, min: i64, max: i64) -> NodeId {
        let id = self.node(kind, name);
        let facts = &mut self.at(&id).facts;
        facts.set(Fact::Min, min);
        facts.set(Fact::Max, max);
        facts.set(Fact::ScaleTarget, "Deployment/api");
        if kind == Kind::ScaledObject {
            facts.set(Fact::Paused, false);
            facts.set(Fact::PollingIntervalSeconds, 30);
        }
        self.tie(&id, Relation::Scales, &api());
        id
    }

    /// A queue `api` works on.
    pub(crate) fn queue(&mut self) -> NodeId {
        let queue = self.node(Kind::Queue, "orders");
        let facts = &mut self.at(&queue).facts;
        facts.set(Fact::VisibilityTimeoutSeconds, 20);
        facts.set(Fact::MessagesNotVisible, 9);
        self.tie(&queue, Relation::ConsumedBy, &api());
        queue
    }

    pub(crate) fn forget(&mut self, part: &str) {
        self.sources.retain(|s| s.source.part != part);
    }

    pub(crate) fn blame(&mut self) {
        self.causes.push(Cause {
            rule: "consumer-revision".into(),
            level: Level::Critical,
            sentence: "api fails since revision 42.".to_owned(),
            targets: vec![api()],
            signals: Vec::new(),
            consequences: Vec::new(),
            since: None,
        });
    }

    pub(crate) fn picture(&self) -> Snapshot {
        let mut nodes = self.nodes.clone();
        nodes.sort_by(|a, b| a.id.cmp(&b.id));
        let edges = self.edges.iter().map(|(from, relation, to)| Edge {
            from: from.clone(),
            to: to.clone(),
            relation: *relation,
            provenance: Provenance("test".into()),
        });
        let mut edges: Vec<Edge> = edges.collect();
        edges.sort();
        Snapshot {
            nodes: nodes.into_iter().map(Arc::new).collect(),
            edges: edges.into(),
            sources: self.sources.clone(),
            causes: self.causes.clone(),
            ..nothing()
        }
    }

    pub(crate) fn plan(&self, action: Verb, node: &NodeId, settings: &[(&str, &str)]) -> Plan {
        let settings = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let request = Request {
            action,
            node: node.clone(),
            settings: settings.collect(),
        };
        plan(&self.picture(), &request, &Context::default()).expect("a plan")
    }

    pub(crate) fn scale(&self, to: &str) -> Plan {
        self.plan(Verb::Scale, &api(), &[("replicas", to)])
    }
}

pub(crate) fn api() -> NodeId {
    NodeId::new(format!("deployment/{PLACE}/trading/api"))
}

pub(crate) fn outcome(plan: &Plan, id: &str) -> Outcome {
    let found = plan.findings.iter().find(|finding| finding.id == id);
    let found = found.unwrap_or_else(|| panic!("{id} is not among {:#?}", plan.findings));
    assert!(found.sentence.ends_with('.'), "{}", found.sentence);
    assert!(found.outcome == Outcome::Pass || found.next_step.is_some());
    found.outcome
}

/// A check that passes on `good` and fails on what `spoil` makes of it.
fn both_ways(id: &str, good: &dyn Fn() -> Ground, to: &str, spoil: &dyn Fn(&mut Ground)) {
    let ground = good();
    assert_eq!(outcome(&ground.scale(to), id), Outcome::Pass, "{id}");
    let mut spoilt = ground;
    spoil(&mut spoilt);
    assert_eq!(outcome(&spoilt.scale(to), id), Outcome::Fail, "{id}");
}

#[test]
fn every_check_of_a_scale_fails_and_passes() {
    let plain: &dyn Fn() -> Ground = &Ground::new;
    let worker: &dyn Fn() -> Ground = &|| {
        let mut ground = Ground::new();
        ground.queue();
        ground.api().facts.set(Fact::TerminationGraceSeconds, 60);
        ground
    };
    both_ways("scale.rollout", plain, "6", &|g| {
        g.api().facts.set(Fact::Rollout, "progressing");
    });
    both_ways("scale.quota", plain, "6", &|g| {
        let namespace = NodeId::new(format!("namespace/{PLACE}/trading"));
        g.at(&namespace).facts.set(Fact::QuotaPods, 5);
        g.at(&namespace).facts.set(Fact::QuotaPodsUsed, 4);
    });
    both_ways("scale.nodes", plain, "8", &|g| {
        let machine = NodeId::new(format!("node/{PLACE}/m1"));
        g.at(&machine)
            .facts
            .set(Fact::CpuAllocatableMillicores, 3_000);
    });
    let networked: &dyn Fn() -> Ground = &|| {
        let mut ground = Ground::new();
        let group = ground.node(Kind::Nodegroup, "core");
        ground.at(&group).facts.set(Fact::FreeAddresses, 2);
        ground
    };
    both_ways("scale.free-addresses", networked, "6", &|g| {
        let group = NodeId::new(format!("nodegroup/{PLACE}/trading/core"));
        g.at(&group).facts.set(Fact::FreeAddresses, 1);
    });
    let budgeted: &dyn Fn() -> Ground = &|| {
        let mut ground = Ground::new();
        ground.api().facts.set(Fact::MinAvailableFixed, 2);
        ground
    };
    both_ways("scale.budget", budgeted, "2", &|g| {
        g.api().facts.set(Fact::MinAvailableFixed, 3);
    });
    both_ways("scale.in-flight", worker, "2", &|g| {
        g.api().facts.set(Fact::TerminationGraceSeconds, 10);
    });
    let fifo: &dyn Fn() -> Ground = &|| {
        let mut ground = Ground::new();
        let queue = ground.queue();
        ground.at(&queue).facts.set(Fact::Fifo, true);
        ground
    };
    both_ways("scale.fifo", fifo, "6", &|g| {
        let queue = NodeId::new(format!("queue/{PLACE}/trading/orders"));
        g.at(&queue).facts.set(Fact::MessagesNotVisible, 3);
    });
    both_ways("scale.to-zero", plain, "0", &|g| {
        g.queue();
    });
    both_ways("scale.effect", plain, "6", &|g| {
        g.api().facts.set(Fact::Replicas, 6);
    });
}

#[test]
fn database_connections_are_measured_and_held_against_the_writer() {
    let ground = |most: i64| {
        let mut ground = Ground::new();
        let cluster = ground.node(Kind::DbCluster, "db");
        let writer = ground.node(Kind::DbInstance, "w");
        let facts = &mut ground.at(&writer).facts;
        facts.set(Fact::Role, "writer");
        facts.set(Fact::Connections, 80);
        facts.set(Fact::MaxConnectionsEstimate, most);
        ground.tie(&cluster, Relation::Owns, &writer);
        ground.tie(&api(), Relation::ConnectsTo, &cluster);
        ground.scale("6")
    };
    assert_eq!(outcome(&ground(200), "scale.connections"), Outcome::Pass);
    let full = ground(100);
    assert_eq!(outcome(&full, "scale.connections"), Outcome::Fail);
    let finding = full.findings.iter().find(|f| f.id == "scale.connections");
    let sentence = &finding.expect("there").sentence;
    assert!(sentence.contains("20.0 connections"), "{sentence}");
    assert!(sentence.contains("about 40"), "{sentence}");
    assert_eq!(full.level, ConfirmLevel::L2, "a warning raises the level");
}

#[test]
fn who_owns_replicas_is_known_or_the_check_is_unknown() {
    let mut ground = Ground::new();
    assert_eq!(outcome(&ground.scale("6"), "scale.owner"), Outcome::Pass);
    ground.forget("scaledobjects");
    assert_eq!(outcome(&ground.scale("6"), "scale.owner"), Outcome::Unknown);
}

#[test]
fn the_write_goes_to_whoever_owns_replicas() {
    let mut ground = Ground::new();
    let plan = ground.scale("6");
    assert_eq!(plan.label, "Scale api 4 → 6 · nobody else sets replicas");
    assert_eq!(plan.level, ConfirmLevel::L1);
    assert_eq!(
        plan.calls[0].cli,
        "kubectl --namespace trading scale deployments.apps/api --current-replicas=4 --replicas=6"
    );
    assert_eq!(ground.scale("3").level, ConfirmLevel::L2);
    ground.api().facts.set(Fact::ManagedBy, "argocd:shop");
    let plan = ground.scale("6");
    assert_eq!(
        plan.label,
        "Scale api 4 → 6 · Argo CD application shop reverts it in ≤ 3 min"
    );
    assert_eq!(outcome(&plan, "scale.gitops"), Outcome::Fail);
    ground.api().facts.remove(Fact::ManagedBy);
    let hpa = ground.scaler(Kind::Hpa, "api", 3, 5);
    let plan = ground.scale("6");
    assert_eq!(
        plan.label,
        "Scale api 4 → 6 · HPA api: min 3 → 6, max 5 → 6"
    );
    assert!(plan.targets.contains(&hpa));
    assert!(
        plan.calls[0]
            .cli
            .contains("patch horizontalpodautoscalers.autoscaling/api --type=json"),
        "{}",
        plan.calls[0].cli
    );
    let undo = plan.undo_request.expect("an undo");
    assert_eq!((undo.action, undo.node), (Verb::Bounds, hpa));
    assert_eq!(undo.settings["max"], "5");
    let scaled = ground.scaler(Kind::ScaledObject, "api", 2, 9);
    let plan = ground.scale("6");
    assert_eq!(
        plan.label,
        "Scale api 4 → 6 · KEDA ScaledObject api: min 2 → 6, max 9"
    );
    assert!(plan.targets.contains(&scaled));
}

#[test]
fn two_autoscalers_a_pause_and_a_selector_that_does_not_fit_stop_it() {
    let mut ground = Ground::new();
    let hpa = ground.scaler(Kind::Hpa, "api", 3, 8);
    assert_eq!(
        outcome(&ground.scale("6"), "scale.one-owner"),
        Outcome::Pass
    );
    assert_eq!(
        outcome(&ground.scale("6"), "scale.owner-active"),
        Outcome::Pass
    );
    ground.at(&hpa).facts.set(Fact::Reason, "AmbiguousSelector");
    assert_eq!(
        outcome(&ground.scale("6"), "scale.owner-active"),
        Outcome::Fail
    );
    ground.scaler(Kind::Hpa, "other", 3, 8);
    assert_eq!(
        outcome(&ground.scale("6"), "scale.one-owner"),
        Outcome::Fail
    );
    let mut paused = Ground::new();
    let scaled = paused.scaler(Kind::ScaledObject, "api", 2, 9);
    paused.at(&scaled).facts.set(Fact::Paused, true);
    assert_eq!(
        outcome(&paused.scale("6"), "scale.owner-active"),
        Outcome::Fail
    );
}

#[test]
fn downwards_an_autoscaler_keeps_what_load_asks_for() {
    let mut ground = Ground::new();
    ground.scaler(Kind::Hpa, "api", 4, 8);
    let plan = ground.scale("3");
    assert_eq!(plan.label, "Scale api 4 → 3 · HPA api: min 4 → 3, max 8");
    let mut ground = Ground::new();
    ground.scaler(Kind::Hpa, "api", 2, 8);
    let plan = ground.scale("3");
    assert_eq!(outcome(&plan, "scale.effect"), Outcome::Fail);
    assert!(plan.blocked && plan.calls.is_empty());
}

#[test]
fn zero_needs_a_second_person_and_broken_glass_where_something_leads_to_it() {
    let stops = |plan: &Plan| -> Vec<String> {
        let stop = plan
            .findings
            .iter()
            .filter(|f| f.severity == Severity::Block && f.outcome != Outcome::Pass);
        assert!(stop.clone().all(|f| f.breakable), "guards.md: a dagger");
        stop.map(|f| f.id.to_string()).collect()
    };
    let plan = Ground::new().scale("0");
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L4, true));
    assert_eq!(stops(&plan), ["plan.second-person"]);
    let mut ground = Ground::new();
    ground.queue();
    let all = stops(&ground.scale("0"));
    assert!(all.contains(&"scale.to-zero".to_owned()), "{all:?}");
}

#[test]
fn zero_switches_an_autoscaler_off_instead_of_asking_it_for_a_floor_it_cannot_have() {
    let mut ground = Ground::new();
    let hpa = ground.scaler(Kind::Hpa, "api", 3, 8);
    let plan = ground.scale("0");
    assert_eq!(
        plan.label,
        "Scale api 4 → 0 · switches HPA api off; nobody else sets replicas"
    );
    assert!(
        plan.calls[0]
            .cli
            .ends_with("--current-replicas=4 --replicas=0"),
        "{}",
        plan.calls[0].cli
    );
    let undo = plan.undo_request.expect("an undo");
    assert_eq!((undo.action, undo.node), (Verb::Scale, api()));
    let kept = |plan: &Plan| {
        plan.expectations
            .iter()
            .find(|e| e.id == "scale.kept")
            .expect("it")
            .dwell_seconds
    };
    let alone = kept(&ground.scale("6"));
    ground.at(&hpa).facts.set(Fact::ManagedBy, "argocd:shop");
    let minded = kept(&ground.scale("6"));
    assert_eq!(
        (alone, minded),
        (30.0, 360.0),
        "who keeps the autoscaler has its say too"
    );
}

#[test]
fn what_a_pass_says_is_what_was_read() {
    let sentence = |plan: &Plan, id: &str| {
        let found = plan.findings.iter().find(|f| f.id == id);
        found.expect("it").sentence.clone()
    };
    let mut ground = Ground::new();
    ground.api().facts.set(Fact::Rollout, "paused");
    let plan = ground.scale("6");
    assert_eq!(outcome(&plan, "scale.rollout"), Outcome::Pass);
    assert_eq!(
        sentence(&plan, "scale.rollout"),
        "The rollout of api is paused: none moves."
    );
    assert!(!plan.findings.iter().any(|f| f.id == "scale.budget"));
    ground
        .sources
        .retain(|s| s.source.part != "poddisruptionbudgets");
    let told = sentence(&ground.scale("3"), "scale.budget");
    assert!(
        told.starts_with("Not checked: the disruption budget of api"),
        "{told}"
    );
    let hpa = ground.scaler(Kind::Hpa, "api", 3, 8);
    ground.at(&hpa).facts.set(Fact::ScalingActive, false);
    ground
        .at(&hpa)
        .facts
        .set(Fact::Reason, "FailedGetResourceMetric");
    let plan = ground.scale("6");
    assert_eq!(outcome(&plan, "scale.owner-active"), Outcome::Pass);
    assert_eq!(
        sentence(&plan, "scale.owner-active"),
        "api keeps its bounds, but does not see its metrics."
    );
    ground.at(&hpa).facts.set(Fact::AbleToScale, false);
    assert_eq!(
        outcome(&ground.scale("6"), "scale.owner-active"),
        Outcome::Fail
    );
}

#[test]
fn the_patch_tests_what_was_seen_and_lines_say_the_same() {
    let mut ground = Ground::new();
    let scaled = ground.scaler(Kind::ScaledObject, "api", 0, 100);
    ground.at(&scaled).facts.set(Fact::MinImplied, true);
    ground.at(&scaled).facts.set(Fact::MaxImplied, true);
    let cli = ground.scale("6").calls[0].cli.clone();
    for part in [
        r#"{"op":"test","path":"/spec/minReplicaCount","value":null}"#,
        r#"{"op":"test","path":"/spec/maxReplicaCount","value":null}"#,
        r#"{"op":"add","path":"/spec/minReplicaCount","value":6}"#,
    ] {
        assert!(cli.contains(part), "{cli}");
    }
    assert!(!cli.contains(r#""op":"add","path":"/spec/max"#), "{cli}");
}

#[test]
fn every_check_of_bounds_fails_and_passes() {
    let mut ground = Ground::new();
    let machine = NodeId::new(format!("node/{PLACE}/m1"));
    ground
        .at(&machine)
        .facts
        .set(Fact::CpuAllocatableMillicores, 8_000);
    let hpa = ground.scaler(Kind::Hpa, "api", 3, 8);
    let good = ground.plan(Verb::Bounds, &hpa, &[("min", "3"), ("max", "9")]);
    for id in ["bounds.effect", "bounds.max", "bounds.owner"] {
        assert_eq!(outcome(&good, id), Outcome::Pass, "{id}");
    }
    assert_eq!(good.level, ConfirmLevel::L1);
    assert_eq!(good.label, "Bounds of HPA api · min 3, max 8 → 9");
    let same = ground.plan(Verb::Bounds, &hpa, &[("min", "3"), ("max", "8")]);
    assert_eq!(outcome(&same, "bounds.effect"), Outcome::Fail);
    let low = ground.plan(Verb::Bounds, &hpa, &[("min", "1"), ("max", "3")]);
    assert_eq!(outcome(&low, "bounds.max"), Outcome::Fail);
    assert_eq!(low.level, ConfirmLevel::L2);
    let scaled = ground.scaler(Kind::ScaledObject, "keda", 1, 9);
    ground.tie(&scaled, Relation::Owns, &hpa);
    let kept = ground.plan(Verb::Bounds, &hpa, &[("max", "9")]);
    assert_eq!(outcome(&kept, "bounds.owner"), Outcome::Fail);
}

#[test]
fn bounds_that_contradict_each_other_are_refused_in_words() {
    let mut ground = Ground::new();
    let hpa = ground.scaler(Kind::Hpa, "api", 3, 8);
    let ask = |settings: &[(&str, &str)]| {
        let settings = settings
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let request = Request {
            action: Verb::Bounds,
            node: hpa.clone(),
            settings: settings.collect(),
        };
        plan(&ground.picture(), &request, &Context::default())
    };
    for bad in [
        [("min", "9")],
        [("min", "0")],
        [("max", "none")],
        [("least", "1")],
    ] {
        let error = ask(&bad).expect_err("refused").to_string();
        assert!(error.contains(bad[0].0), "{error}");
    }
}

#[test]
fn a_pause_leaves_a_loop_and_prefers_scaling_in() {
    let mut ground = Ground::new();
    let scaled = ground.scaler(Kind::ScaledObject, "api", 2, 9);
    let plan = ground.plan(Verb::Pause, &scaled, &[]);
    assert_eq!(outcome(&plan, "pause.state"), Outcome::Pass);
    assert_eq!(outcome(&plan, "pause.scale-out"), Outcome::Pass);
    assert_eq!(plan.level, ConfirmLevel::L2);
    let leaves = plan.leaves.expect("a loop");
    assert_eq!((leaves.seconds, leaves.close.action), (1_800, Verb::Resume));
    assert_eq!(
        plan.calls[0].cli,
        "kubectl --namespace trading annotate scaledobjects.keda.sh/api autoscaling.keda.sh/paused-scale-in=true"
    );
    let all = ground.plan(Verb::Pause, &scaled, &[("what", "all"), ("for", "5m")]);
    assert_eq!(outcome(&all, "pause.scale-out"), Outcome::Fail);
    assert_eq!(all.level, ConfirmLevel::L3);
    let out = ground.plan(Verb::Pause, &scaled, &[("what", "scale-out")]);
    assert_eq!(outcome(&out, "pause.scale-out"), Outcome::Fail);
    assert!(out.calls[0].cli.ends_with("paused-scale-out=true"));
    let resume = ground.plan(Verb::Resume, &scaled, &[]);
    assert_eq!(outcome(&resume, "resume.state"), Outcome::Fail);
    for (fact, what) in [
        (Fact::PausedScaleOut, "scale-out"),
        (Fact::PausedScaleIn, "all"),
    ] {
        ground.at(&scaled).facts.set(fact, true);
        let undo = ground
            .plan(Verb::Resume, &scaled, &[])
            .undo_request
            .expect("one");
        assert_eq!(undo.settings["what"], what, "undone as it was");
    }
    ground.at(&scaled).facts.set(Fact::PausedScaleOut, false);
    let resume = ground.plan(Verb::Resume, &scaled, &[]);
    assert_eq!(outcome(&resume, "resume.state"), Outcome::Pass);
    assert!(
        resume.calls[0].cli.ends_with("paused-scale-in-"),
        "{}",
        resume.calls[0].cli
    );
    let again = ground.plan(Verb::Pause, &scaled, &[]);
    assert_eq!(outcome(&again, "pause.state"), Outcome::Fail);
}

fn undo(ground: &Ground) -> Plan {
    ground.plan(Verb::Undo, &api(), &[])
}

#[test]
fn every_check_of_an_undo_fails_and_passes() {
    let mut ground = Ground::new();
    ground.blame();
    ground.queue();
    ground.scaler(Kind::Hpa, "api", 3, 8);
    let hpa = NodeId::new(format!("hpa/{PLACE}/trading/api"));
    ground.at(&hpa).facts.set(Fact::PinnedAtMax, false);
    let good = undo(&ground);
    for id in [
        "undo.revision",
        "undo.rollout",
        "undo.strategy",
        "undo.room",
        "undo.blamed",
        "undo.pinned",
    ] {
        assert_eq!(outcome(&good, id), Outcome::Pass, "{id}");
    }
    assert_eq!(good.level, ConfirmLevel::L2);
    assert_eq!(good.settings["to"], "41");
    assert_eq!(
        good.calls[0].cli,
        "kubectl --namespace trading rollout undo deployments.apps/api --to-revision=41"
    );
    ground.at(&hpa).facts.set(Fact::PinnedAtMax, true);
    ground.api().facts.set(Fact::Strategy, "Recreate");
    ground.api().facts.set(Fact::MaxUnavailable, 0);
    let machine = NodeId::new(format!("node/{PLACE}/m1"));
    ground.at(&machine).facts.set(Fact::PodsAllocatable, 4);
    ground.causes.clear();
    ground.api().facts.set(Fact::Rollout, "progressing");
    let bad = undo(&ground);
    for id in [
        "undo.rollout",
        "undo.strategy",
        "undo.room",
        "undo.blamed",
        "undo.pinned",
    ] {
        assert_eq!(outcome(&bad, id), Outcome::Fail, "{id}");
    }
    let gone = ground.plan(Verb::Undo, &api(), &[("to", "7")]);
    assert_eq!(outcome(&gone, "undo.revision"), Outcome::Fail);
    assert!(gone.calls.is_empty());
}

#[test]
fn an_undo_is_called_for_when_a_cause_names_the_revision_and_is_thought_over_when_none_does() {
    let mut ground = Ground::new();
    let called = |ground: &Ground| {
        let picture = ground.picture();
        let offers = crate::called_for(&picture, |_| Context::default());
        offers.iter().any(|offer| offer.action == Verb::Undo)
    };
    assert!(!called(&ground));
    assert_eq!(undo(&ground).level, ConfirmLevel::L3);
    ground.blame();
    assert!(called(&ground));
    assert_eq!(undo(&ground).level, ConfirmLevel::L2);
    ground.api().facts.set(Fact::Rollout, "progressing");
    assert_eq!(outcome(&undo(&ground), "undo.rollout"), Outcome::Pass);
}

#[test]
fn a_scale_that_waits_says_what_the_scheduler_says() {
    let mut ground = Ground::new();
    let judge = ScaleJudge::new(&ground.scale("5"));
    let waits = |ground: &Ground| judge.waits(READY, &ground.picture());
    assert_eq!(waits(&ground), None);
    let pod = NodeId::new(format!("pod/{PLACE}/trading/api-42-2"));
    let facts = &mut ground.at(&pod).facts;
    facts.set(Fact::Phase, "Pending");
    facts.set(Fact::Reason, "Unschedulable");
    facts.set(
        Fact::Message,
        "0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate.",
    );
    assert_eq!(
        waits(&ground).as_deref(),
        Some("api-42-2 waits: 0/3 nodes are available: 3 Insufficient cpu")
    );
    assert_eq!(judge.waits(KEPT, &ground.picture()), None);
}
