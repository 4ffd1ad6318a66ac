//! Every check made true and made false, sizes, levels, the call, and what a look is taken for.

use super::call::{DESIRED, MAX};
use super::settings::Sizes;
use super::steps::{ScaleSteps, Seen, Update};
use crate::course::{Answer, Call, Entry};
use crate::sequence::{Steps, Took};
use crate::{
    Colour, ConfirmLevel, Context, Hands, Outcome, Plan, Request, Severity, Verb, called_for, plan,
};
use aws_sdk_eks::types::UpdateStatus;
use model::{
    AccountId, Edge, Fact, Health, Kind, Node, NodeId, Provenance, Relation, Scope, Service,
    Snapshot, Source, SourceStatus, Standing, State, Timestamp,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
const CLUSTER: &str = "prod-use1";

fn at(clock: &str) -> Timestamp {
    Timestamp::parse(&format!("2026-11-22T{clock}Z")).expect("a time")
}

fn scope() -> Scope {
    Scope {
        account: Some(AccountId::new(ACCOUNT)),
        region: Some(REGION.into()),
        cluster: Some(CLUSTER.into()),
        ..Scope::default()
    }
}

fn source(service: Service, part: &str) -> SourceStatus {
    SourceStatus {
        source: Source::new(service, scope(), part),
        state: State::Ok,
        last_ok: Some(at("09:35:00")),
        period_seconds: 30.0,
        requests: 1,
        skipped: 0,
        outdated: false,
        error: None,
        failure: None,
    }
}

fn id(kind: Kind, name: &str) -> NodeId {
    NodeId::new(format!("{kind}/{ACCOUNT}/{REGION}/{CLUSTER}/{name}"))
}

fn node(kind: Kind, name: &str, source_of: &SourceStatus) -> Node {
    Node {
        id: id(kind, name),
        kind,
        name: name.rsplit('/').next().unwrap_or(name).to_owned(),
        scope: scope(),
        health: Health::default(),
        facts: model::Facts::default(),
        zones: BTreeMap::new(),
        series: Vec::new(),
        standing: Standing::Read,
        observed_at: at("09:35:00"),
        source: source_of.source.id.clone(),
        fact_origins: BTreeMap::new(),
    }
}

/// A cluster with a running group of two nodes, an empty one on demand, and a deployment of 6 pods
/// with a core each, two to a node and two that wait.
struct World {
    nodes: BTreeMap<NodeId, Node>,
    edges: Vec<(NodeId, Relation, NodeId)>,
    sources: Vec<SourceStatus>,
}

impl World {
    fn new() -> Self {
        let sources = vec![
            source(Service::Eks, "clusters"),
            source(Service::Kubernetes, "nodes"),
            source(Service::Kubernetes, "pods"),
            source(Service::Kubernetes, "poddisruptionbudgets"),
            source(Service::Kubernetes, "deployments"),
        ];
        let mut world = Self {
            nodes: BTreeMap::new(),
            edges: Vec::new(),
            sources,
        };
        world.group("core", 2, 1, 6);
        world.group("reserve", 0, 0, 12);
        let mut deployment = node(Kind::Deployment, "trading/api", &world.sources[2]);
        deployment.facts.set(Fact::CpuRequestMillicores, 1_000_i64);
        deployment.facts.set(Fact::DisruptionsAllowed, 1_i64);
        world.add(deployment);
        for machine in ["ip-1", "ip-2"] {
            world.machine(machine);
            for n in 0..2 {
                world.pod(&format!("{machine}-{n}"), Some(machine));
            }
        }
        world.pod("late-0", None);
        world.pod("late-1", None);
        world
    }

    fn add(&mut self, node: Node) {
        self.nodes.insert(node.id.clone(), node);
    }

    fn group(&mut self, name: &str, desired: i64, min: i64, max: i64) {
        let mut group = node(Kind::Nodegroup, name, &self.sources[0]);
        for (fact, value) in [(Fact::Desired, desired), (Fact::Min, min), (Fact::Max, max)] {
            group.facts.set(fact, value);
        }
        group.facts.set(Fact::Status, "ACTIVE");
        group.facts.set(Fact::CapacityType, "ON_DEMAND");
        group.facts.set(Fact::InstanceTypes, "m7i.xlarge");
        group.facts.set(
            Fact::Arn,
            format!("arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/{CLUSTER}/{name}/1"),
        );
        self.add(group);
    }

    fn machine(&mut self, name: &str) {
        let mut machine = node(Kind::Node, name, &self.sources[1]);
        machine.facts.set(Fact::Ready, true);
        machine.facts.set(Fact::InstanceType, "m7i.xlarge");
        machine.facts.set(Fact::CpuAllocatableMillicores, 4_000_i64);
        self.edges.push((
            id(Kind::Nodegroup, "core"),
            Relation::Owns,
            machine.id.clone(),
        ));
        self.add(machine);
    }

    fn pod(&mut self, name: &str, on: Option<&str>) {
        let mut pod = node(Kind::Pod, &format!("trading/{name}"), &self.sources[2]);
        pod.facts.set(Fact::Workload, "trading/api");
        pod.facts.set(Fact::WorkloadKind, "Deployment");
        pod.facts.set(Fact::CreatedAt, at("09:30:00"));
        match on {
            Some(machine) => {
                pod.facts.set(Fact::Phase, "Running");
                pod.facts.set(Fact::NodeName, machine);
                self.edges
                    .push((id(Kind::Node, machine), Relation::Hosts, pod.id.clone()));
            }
            None => {
                pod.facts.set(Fact::Phase, "Pending");
                pod.facts.set(Fact::Reason, "Unschedulable");
                let message = "0/2 nodes are available: 2 Insufficient cpu.";
                pod.facts.set(Fact::Message, message);
            }
        }
        self.add(pod);
    }

    fn set(&mut self, kind: Kind, name: &str, fact: Fact, value: impl Into<model::Value>) {
        let node = self.nodes.get_mut(&id(kind, name)).expect("a node");
        node.facts.set(fact, value);
    }

    fn snapshot(&self) -> Snapshot {
        let mut edges: Vec<Edge> = self
            .edges
            .iter()
            .map(|(from, relation, to)| Edge {
                from: from.clone(),
                to: to.clone(),
                relation: *relation,
                provenance: Provenance("test".into()),
            })
            .collect();
        edges.sort();
        Snapshot {
            seq: 1,
            taken_at: at("09:35:01"),
            nodes: self.nodes.values().cloned().map(Arc::new).collect(),
            edges: edges.into(),
            sources: self.sources.clone(),
            ..crate::action::nothing()
        }
    }

    fn plan(&self, group: &str, settings: &[(&str, &str)]) -> Result<Plan, crate::PlanError> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = Request {
            action: Verb::Scale,
            node: id(Kind::Nodegroup, group),
            settings: settings.iter().map(own).collect(),
        };
        plan(&self.snapshot(), &request, &Context::default())
    }
}

fn says(plan: &Plan, check: &str) -> (Severity, Outcome) {
    let found = plan.findings.iter().find(|f| f.id == check);
    let found = found.unwrap_or_else(|| panic!("{check} was not asked"));
    assert!(!found.sentence.is_empty(), "{check}");
    (found.severity, found.outcome)
}

#[test]
fn the_pods_that_wait_say_how_many_nodes_and_the_plan_is_two_presses() {
    let world = World::new();
    let plan = world.plan("reserve", &[]).expect("a plan");
    let unmet: Vec<_> = plan.failing().collect();
    assert!(unmet.is_empty(), "{unmet:#?}");
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L2, false));
    assert_eq!(plan.label, "Scale reserve 0 → 1 node");
    assert_eq!(
        plan.calls[0].cli,
        "aws eks update-nodegroup-config --region us-east-1 --cluster-name prod-use1 \
         --nodegroup-name reserve --scaling-config desiredSize=1"
    );
    assert!(plan.calls[0].parameters.contains_key(DESIRED));
    assert!(!plan.calls[0].parameters.contains_key(MAX));
    let undo = plan.undo_request.expect("an undo");
    assert_eq!(undo.settings["desired"], "0");
    assert!(
        plan.blast
            .sentences
            .iter()
            .any(|s| s.contains("2 pods wait"))
    );
}

#[test]
fn a_pod_with_a_volume_asks_for_a_node_in_every_zone() {
    let mut world = World::new();
    for (machine, zone) in [("ip-1", "us-east-1a"), ("ip-2", "us-east-1b")] {
        let node = world.nodes.get_mut(&id(Kind::Node, machine)).expect("it");
        node.scope.az = Some(zone.into());
    }
    let wanted = |world: &World| {
        let plan = world.plan("reserve", &[]).expect("a plan");
        plan.settings["desired"].clone()
    };
    assert_eq!(wanted(&world), "1");
    world.set(
        Kind::Pod,
        "trading/late-0",
        Fact::WorkloadKind,
        "StatefulSet",
    );
    assert_eq!(wanted(&world), "2");
}

#[test]
fn what_cannot_be_known_is_said() {
    let plan = World::new().plan("reserve", &[]).expect("a plan");
    for check in ["nodegroup.vcpu-quota", "nodegroup.free-addresses"] {
        assert_eq!(says(&plan, check), (Severity::Info, Outcome::Pass));
        let found = plan.findings.iter().find(|f| f.id == check).expect("there");
        assert_eq!(found.value, "not checked");
    }
}

#[test]
fn a_zonal_shift_of_the_cluster_is_warned_of_while_it_lasts_and_unread_ones_stop_nothing() {
    const ZONE: &str = "us-east-1b";
    let says_of = |shift: Option<(&str, &str)>, state: State| {
        let mut world = World::new();
        let mut status = source(Service::ZonalShift, "shifts");
        status.state = state;
        let mut cluster = node(Kind::Cluster, CLUSTER, &status);
        if let Some((zone, until)) = shift {
            cluster.facts.set(Fact::ShiftedAwayFrom, zone);
            cluster.facts.set(Fact::ShiftedUntil, at(until));
        }
        world.add(cluster);
        world.sources.push(status);
        let plan = world.plan("core", &[("desired", "3")]).expect("a plan");
        let found = plan
            .findings
            .iter()
            .find(|f| f.id == "nodegroup.zonal-shift");
        let found = found.expect("it is checked");
        (found.severity, found.outcome, found.sentence.clone())
    };
    let (severity, outcome, sentence) = says_of(Some((ZONE, "23:00:00")), State::Ok);
    assert_eq!((severity, outcome), (Severity::Warn, Outcome::Fail));
    assert!(
        sentence.contains(ZONE) && sentence.contains("until 2026-11-22 23:00 UTC"),
        "{sentence}"
    );
    for over in [(ZONE, "00:00:01"), ("none", "23:00:00")] {
        let (severity, outcome, _) = says_of(Some(over), State::Ok);
        assert_eq!((severity, outcome), (Severity::Warn, Outcome::Pass));
    }
    for (shift, state) in [(None, State::Ok), (Some((ZONE, "23:00:00")), State::Stale)] {
        let (severity, outcome, sentence) = says_of(shift, state);
        assert_eq!((severity, outcome), (Severity::Info, Outcome::Pass));
        assert!(
            sentence.starts_with("Not checked: zonal shifts"),
            "{sentence}"
        );
    }
}

#[test]
fn every_block_fails_when_it_should_and_only_then() {
    type Break = fn(&mut World);
    let none: Break = |_| ();
    type Row = (&'static str, &'static [(&'static str, &'static str)], Break);
    let up: &[(&str, &str)] = &[("desired", "3")];
    let rows: &[Row] = &[
        ("nodegroup.active", up, |w| {
            w.set(Kind::Nodegroup, "reserve", Fact::Status, "UPDATING");
        }),
        ("nodegroup.within-bounds", &[("desired", "13")], none),
        (
            "nodegroup.within-bounds",
            &[("desired", "2"), ("min", "3")],
            none,
        ),
        (
            "nodegroup.within-bounds",
            &[("desired", "0"), ("max", "0")],
            none,
        ),
        ("nodegroup.changes", &[("desired", "0")], none),
        ("nodegroup.vcpu-quota", up, |w| {
            w.set(Kind::Nodegroup, "reserve", Fact::VcpuQuotaUsed, 53_i64);
        }),
        ("nodegroup.vcpu-quota", up, |w| {
            w.set(Kind::Nodegroup, "reserve", Fact::VcpuQuota, 27_i64);
        }),
    ];
    let counted = |mut world: World| {
        // Three nodes of four vCPUs would be 12 more: just as many as are left.
        world.set(Kind::Nodegroup, "reserve", Fact::VcpuQuota, 64_i64);
        world.set(Kind::Nodegroup, "reserve", Fact::VcpuQuotaUsed, 52_i64);
        world
    };
    let green = counted(World::new()).plan("reserve", up).expect("a plan");
    for (check, settings, make) in rows {
        assert_eq!(says(&green, check), (Severity::Block, Outcome::Pass));
        let mut world = counted(World::new());
        make(&mut world);
        let plan = world.plan("reserve", settings).expect("a plan");
        assert_eq!(
            says(&plan, check),
            (Severity::Block, Outcome::Fail),
            "{check}"
        );
        assert!(plan.blocked, "{check}");
    }
}

#[test]
fn every_warning_raises_the_level_when_it_should_and_only_then() {
    type Row = (&'static str, &'static str, fn(&mut World));
    let rows: &[Row] = &[
        ("nodegroup.issues", "3", |w| {
            let issues = "AsgInstanceLaunchFailures ×1";
            w.set(Kind::Nodegroup, "core", Fact::HealthIssues, issues);
        }),
        ("nodegroup.autoscaler", "3", |w| {
            w.set(
                Kind::Nodegroup,
                "core",
                Fact::ScaledBy,
                "cluster-autoscaler",
            );
        }),
        ("nodegroup.autoscaler", "3", |w| {
            let image = "registry.k8s.io/autoscaling/cluster-autoscaler:v1.33.0";
            w.set(Kind::Deployment, "trading/api", Fact::Image, image);
        }),
        ("nodegroup.on-demand", "3", |w| {
            w.set(Kind::Nodegroup, "core", Fact::CapacityType, "SPOT");
        }),
        ("nodegroup.budgets", "1", |w| {
            w.set(
                Kind::Deployment,
                "trading/api",
                Fact::DisruptionsAllowed,
                0_i64,
            );
        }),
        ("nodegroup.room", "1", |w| {
            w.set(
                Kind::Deployment,
                "trading/api",
                Fact::CpuRequestMillicores,
                2_000_i64,
            );
        }),
    ];
    for (check, desired, make) in rows {
        let mut world = World::new();
        // In the green world the four pods that run fit one node.
        world.nodes.retain(|_, n| !n.name.starts_with("late"));
        let settings = [("desired", *desired)];
        let green = world.plan("core", &settings).expect("a plan");
        assert_eq!(
            says(&green, check),
            (Severity::Warn, Outcome::Pass),
            "{check}"
        );
        make(&mut world);
        let plan = world.plan("core", &settings).expect("a plan");
        assert_eq!(
            says(&plan, check),
            (Severity::Warn, Outcome::Fail),
            "{check}"
        );
        assert_eq!(plan.level, green.level.raised(), "{check}");
    }
}

#[test]
fn down_is_level_three_says_that_instances_die_and_leaves_a_node() {
    let mut world = World::new();
    world.nodes.retain(|_, n| !n.name.starts_with("late"));
    let plan = world.plan("core", &[("desired", "1")]).expect("a plan");
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L3, false));
    assert_eq!(says(&plan, "nodegroup.terminates").0, Severity::Info);
    let last = [("desired", "0"), ("min", "0")];
    let plan = world.plan("core", &last).expect("a plan");
    assert_eq!(
        says(&plan, "plan.something-remains"),
        (Severity::Block, Outcome::Fail)
    );
    world.sources[1].state = State::Stale;
    let plan = world.plan("core", &[("desired", "1")]).expect("a plan");
    assert!(plan.blocked, "outdated nodes are not enough at L3");
}

#[test]
fn what_the_cluster_does_not_let_be_read_is_not_checked() {
    let mut world = World::new();
    let unread = ["poddisruptionbudgets", "deployments"];
    world
        .sources
        .retain(|s| !unread.contains(&s.source.part.as_str()));
    let plan = world.plan("core", &[("desired", "1")]).expect("a plan");
    for check in ["nodegroup.budgets", "nodegroup.autoscaler"] {
        assert_eq!(says(&plan, check), (Severity::Info, Outcome::Pass));
    }
}

#[test]
fn addresses_for_the_nodes_block_and_for_their_pods_warn() {
    // A node of this cluster has more than one pod and less than three: three nodes and six pods.
    let cases = [
        (9, Severity::Warn, Outcome::Pass),
        (8, Severity::Warn, Outcome::Fail),
        (3, Severity::Warn, Outcome::Fail),
        (2, Severity::Block, Outcome::Fail),
    ];
    for (free, severity, outcome) in cases {
        let mut world = World::new();
        world.set(Kind::Nodegroup, "reserve", Fact::FreeAddresses, free);
        let plan = world.plan("reserve", &[("desired", "3")]).expect("a plan");
        assert_eq!(says(&plan, "nodegroup.free-addresses"), (severity, outcome));
    }
}

#[test]
fn bounds_alone_move_no_node_and_are_no_matter_of_the_autoscaler() {
    let mut world = World::new();
    world.set(
        Kind::Nodegroup,
        "core",
        Fact::ScaledBy,
        "cluster-autoscaler",
    );
    let plan = world.plan("core", &[("max", "8")]).expect("a plan");
    assert_eq!(says(&plan, "nodegroup.autoscaler").1, Outcome::Pass);
    assert_eq!(plan.settings["desired"], "2");
    let ids: Vec<&str> = plan.expectations.iter().map(|e| &*e.id).collect();
    assert_eq!(ids, ["nodegroup.update-successful"]);
}

#[test]
fn it_is_called_for_on_the_group_that_is_kept_when_pods_wait_for_room() {
    let called = |world: &World| -> Vec<(NodeId, Colour)> {
        let all = called_for(&world.snapshot(), |_| Context::default());
        all.into_iter().map(|o| (o.node, o.colour)).collect()
    };
    let mut world = World::new();
    let reserve = id(Kind::Nodegroup, "reserve");
    assert_eq!(called(&world), [(reserve.clone(), Colour::Green)]);
    world.set(Kind::Nodegroup, "reserve", Fact::CapacityType, "SPOT");
    assert_eq!(called(&world)[0].0, id(Kind::Nodegroup, "core"));
    world.set(
        Kind::Nodegroup,
        "core",
        Fact::ScaledBy,
        "cluster-autoscaler",
    );
    assert!(called(&world).is_empty());
    let mut calm = World::new();
    let taint = "0/2 nodes are available: 2 node(s) had untolerated taint {x: y}.";
    calm.set(Kind::Pod, "trading/late-0", Fact::Message, taint);
    calm.set(Kind::Pod, "trading/late-1", Fact::CreatedAt, at("09:34:50"));
    assert!(called(&calm).is_empty(), "no room is missing, or only just");
}

#[test]
fn while_ordered_nodes_are_on_their_way_no_second_group_is_called_for() {
    let called = |world: &World| !called_for(&world.snapshot(), |_| Context::default()).is_empty();
    let mut world = World::new();
    world.set(Kind::Nodegroup, "reserve", Fact::Desired, 2_i64);
    assert!(!called(&world), "two of reserve are on their way");
    let issue = "AsgInstanceLaunchFailures";
    world.set(Kind::Nodegroup, "reserve", Fact::HealthIssues, issue);
    assert!(called(&world), "EKS says why they may never come");
}

#[test]
fn a_setting_that_cannot_be_used_is_refused_in_words() {
    let world = World::new();
    for bad in [
        ("desired", "many"),
        ("desired", "-1"),
        ("max", "451"),
        ("nodes", "3"),
    ] {
        let error = world.plan("core", &[bad]).expect_err("refused").to_string();
        assert!(error.contains(bad.0), "{error}");
    }
}

fn steps() -> (ScaleSteps, Plan) {
    let plan = World::new()
        .plan("reserve", &[("desired", "5")])
        .expect("a plan");
    (ScaleSteps::new(&plan, &Hands::none()), plan)
}

fn seen(desired: i64, updates: &[(&str, &str)]) -> Seen {
    let update = |(id, desired): &(&str, &str)| {
        let params = BTreeMap::from([("DesiredSize".to_owned(), (*desired).to_owned())]);
        let update = Update {
            status: UpdateStatus::Successful,
            params,
            error: None,
        };
        ((*id).to_owned(), update)
    };
    Seen {
        status: "ACTIVE".to_owned(),
        sizes: Some(Sizes {
            min: 0,
            desired,
            max: 12,
        }),
        ids: updates.iter().map(|(id, _)| (*id).to_owned()).collect(),
        updates: updates.iter().map(update).collect(),
    }
}

#[test]
fn a_lost_answer_is_told_by_the_updates_and_the_sizes() {
    let (steps, plan) = steps();
    let call = Call {
        step: plan.calls[0].step.clone(),
        operation: plan.calls[0].operation.clone(),
        parameters: plan.calls[0].parameters.clone(),
        saw: steps.saw(&plan.calls[0], &seen(0, &[])),
    };
    assert_eq!(steps.took(&call, &seen(5, &[("u1", "5")])), Took::Yes);
    assert_eq!(steps.took(&call, &seen(0, &[])), Took::No);
    let other = steps.took(&call, &seen(7, &[("u1", "7")]));
    assert!(matches!(other, Took::Unclear(_)), "{other:?}");
    let unexplained = steps.took(&call, &seen(7, &[]));
    assert!(matches!(unexplained, Took::Unclear(_)), "{unexplained:?}");
}

#[test]
fn somebody_elses_update_keeps_ours_from_being_made() {
    let (steps, plan) = steps();
    assert_eq!(steps.changed(&plan.calls[0], &seen(0, &[])), None);
    let sized = steps.changed(&plan.calls[0], &seen(1, &[]));
    assert!(sized.is_some_and(|why| why.contains("somebody else")));
    let busy = Seen {
        status: "UPDATING".to_owned(),
        ..seen(0, &[])
    };
    assert!(steps.changed(&plan.calls[0], &busy).is_some());
}

#[test]
fn a_token_stands_for_one_change_of_one_group_as_it_was() {
    let (steps, plan) = steps();
    let token = |seen: &Seen| steps.saw(&plan.calls[0], seen)["token"].clone();
    assert_eq!(
        token(&seen(0, &[("a", "1")])),
        token(&seen(0, &[("a", "1")]))
    );
    assert_ne!(
        token(&seen(0, &[("a", "1")])),
        token(&seen(0, &[("b", "1")]))
    );
}

#[test]
fn our_update_is_the_one_the_answer_named() {
    let (mut steps, _) = steps();
    let result = BTreeMap::from([("update.id".to_owned(), serde_json::json!("u2"))]);
    steps.learn(&Entry::Answered {
        at: at("09:36:00"),
        step: "update".to_owned(),
        operation: "eks:UpdateNodegroupConfig".to_owned(),
        answer: Answer::Accepted {
            request_id: None,
            result,
        },
    });
    let mut two = seen(5, &[("u1", "5"), ("u2", "5")]);
    let call = |plan: &Plan| Call {
        step: String::new(),
        operation: String::new(),
        parameters: plan.calls[0].parameters.clone(),
        saw: serde_json::Value::Null,
    };
    let plan = World::new()
        .plan("reserve", &[("desired", "5")])
        .expect("a plan");
    assert!(steps.settled(&call(&plan), &two));
    two.updates.get_mut("u2").expect("ours").status = UpdateStatus::InProgress;
    assert!(!steps.settled(&call(&plan), &two));
}
