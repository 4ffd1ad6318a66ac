//! Every check made true and made false.

use super::Restart;
use crate::action::nothing;
use crate::object::kubectl;
use crate::{Action, ConfirmLevel, Context, Outcome, Plan, Request, Verb, plan};
use model::{
    Edge, Fact, Health, Kind, Node, NodeId, Provenance, Relation, Scope, Service, Snapshot, Source,
    SourceStatus, Standing, State, Timestamp, Value,
};
use std::collections::BTreeMap;
use std::sync::Arc;

fn scope() -> Scope {
    Scope {
        region: Some("eu-west-1".into()),
        cluster: Some("c".into()),
        namespace: Some("trading".into()),
        ..Scope::default()
    }
}

fn source() -> SourceStatus {
    SourceStatus {
        source: Source::new(Service::Kubernetes, Scope::default(), "deployments"),
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

fn node(kind: Kind, name: &str, facts: &[(Fact, Value)]) -> Node {
    let mut own = model::Facts::default();
    for (fact, value) in facts {
        own.set(*fact, value.clone());
    }
    Node {
        id: NodeId::new(format!("{kind}/1/eu-west-1/c/trading/{name}")),
        kind,
        name: name.to_owned(),
        scope: scope(),
        health: Health::default(),
        facts: own,
        zones: BTreeMap::new(),
        series: Vec::new(),
        standing: Standing::Read,
        observed_at: Timestamp::default(),
        source: source().source.id,
        fact_origins: BTreeMap::new(),
    }
}

/// `api` with three replicas and one pod, and facts on top.
fn planned(own: &[(Fact, Value)], pod: &[(Fact, Value)], pinned: bool) -> Plan {
    let mut facts = vec![
        (Fact::Replicas, 3.into()),
        (Fact::Rollout, "complete".into()),
        (Fact::Strategy, "RollingUpdate".into()),
        (Fact::Image, "registry/api:7".into()),
        (Fact::MaxUnavailable, 0.into()),
    ];
    facts.extend(own.iter().cloned());
    let mut running = vec![(Fact::Workload, "trading/api".into())];
    running.extend(pod.iter().cloned());
    let mut nodes = vec![
        node(
            Kind::Cluster,
            "c",
            &[(Fact::KubeContext, "prod-euw1".into())],
        ),
        node(Kind::Deployment, "api", &facts),
        node(Kind::Hpa, "api", &[(Fact::PinnedAtMax, pinned.into())]),
        node(Kind::Pod, "api-1", &running),
    ];
    nodes.sort_by(|a, b| a.id.cmp(&b.id));
    let id = |kind| NodeId::new(format!("{kind}/1/eu-west-1/c/trading/api"));
    let scales = Edge {
        from: id("hpa"),
        to: id("deployment"),
        relation: Relation::Scales,
        provenance: Provenance("test".into()),
    };
    let snapshot = Snapshot {
        nodes: nodes.into_iter().map(Arc::new).collect(),
        edges: [scales].into(),
        sources: vec![source()],
        ..nothing()
    };
    let deployment = snapshot.node(&id("deployment")).expect("there");
    assert!(Restart.offered(&snapshot, deployment));
    let request = Request {
        action: Verb::Restart,
        node: id("deployment"),
        settings: BTreeMap::new(),
    };
    plan(&snapshot, &request, &Context::default()).expect("a plan")
}

#[test]
fn a_line_names_a_context_also_of_a_cluster_that_is_reached_without() {
    let arn = "arn:aws:eks:eu-west-1:1:cluster/c";
    let line = |facts: &[(Fact, Value)]| {
        let nodes = vec![node(Kind::Cluster, "c", facts)];
        let snapshot = Snapshot {
            nodes: nodes.into_iter().map(Arc::new).collect(),
            ..nothing()
        };
        kubectl(&snapshot, &node(Kind::Deployment, "api", &[]))
    };
    let told = line(&[(Fact::Arn, arn.into())]);
    assert!(told.contains(arn), "{told}");
    let both = [
        (Fact::Arn, arn.into()),
        (Fact::KubeContext, "prod-euw1".into()),
    ];
    assert_eq!(line(&both), "kubectl --context prod-euw1");
}

#[test]
fn a_sound_deployment_is_restarted_at_level_two() {
    let plan = planned(&[], &[], false);
    let failing: Vec<_> = plan.failing().map(|f| &f.sentence).collect();
    assert!(failing.is_empty(), "{failing:?}");
    assert_eq!(plan.level, ConfirmLevel::L2);
    assert_eq!(
        plan.calls[0].cli,
        "kubectl --context prod-euw1 --namespace trading rollout restart deployment/api"
    );
}

#[test]
fn what_would_stop_serving_or_hang_is_blocked_and_what_is_felt_warns() {
    let pending: &[(Fact, Value)] = &[
        (Fact::Phase, "Pending".into()),
        (Fact::Reason, "Unschedulable".into()),
    ];
    let no_image: &[(Fact, Value)] = &[(Fact::Reason, "ImagePullBackOff".into())];
    let rows: Vec<(&str, Plan)> = vec![
        (
            "restart.keeps-serving",
            planned(&[(Fact::Replicas, 1.into())], &[], false),
        ),
        (
            "restart.keeps-serving",
            planned(&[(Fact::Strategy, "Recreate".into())], &[], false),
        ),
        (
            "restart.rollout-idle",
            planned(&[(Fact::Rollout, "progressing".into())], &[], false),
        ),
        ("restart.image", planned(&[], no_image, false)),
        ("restart.room", planned(&[], pending, false)),
    ];
    for (id, plan) in rows {
        let failing: Vec<_> = plan.failing().map(|f| f.id.as_ref()).collect();
        assert_eq!((failing.as_slice(), plan.blocked), ([id].as_slice(), true));
    }
    let one_may_be_missing = planned(&[(Fact::MaxUnavailable, 1.into())], pending, false);
    assert!(!one_may_be_missing.blocked);
    let pinned = planned(&[], &[], true);
    assert_eq!(pinned.level, ConfirmLevel::L3);
    let failing: Vec<_> = pinned
        .failing()
        .map(|f| (f.id.as_ref(), f.outcome))
        .collect();
    assert_eq!(failing, [("restart.not-pinned", Outcome::Fail)]);
}
