//! What keeps workloads as git has them.

use crate::server::recorded;
use crate::server::{Act, Server, list_of, nodes, told};
use collect::kubernetes::{Limits, WatchBatch, Watched};
use model::{Direction, Fact, FoundNode, Name, NodeId, Relation};
use serde_json::{Value, json};

async fn one(what: Watched, path: &str, object: &Value) -> FoundNode {
    let server = Server::start().await;
    server.list(path, Act::Json(list_of("1", std::slice::from_ref(object))));
    let cluster = server.cluster(Limits::default()).await;
    let mut found = nodes(told(&mut cluster.watch(what)).await);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

async fn application(metadata: Value, automated: Value) -> FoundNode {
    let mut meta = json!({"name": "shop", "namespace": "argocd"});
    meta.as_object_mut()
        .expect("a map")
        .extend(metadata.as_object().expect("a map").clone());
    let object = json!({
        "metadata": meta,
        "spec": {"project": "default", "syncPolicy": {"automated": automated}, "ignoreDifferences": [
            {"group": "apps", "kind": "Deployment", "name": "api", "jsonPointers": ["/spec/replicas"]}]},
        "status": {"sync": {"status": "OutOfSync"}, "reconciledAt": "2026-11-22T02:00:00Z", "resources": [
            {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "trading", "name": "api", "status": "OutOfSync"},
            {"version": "v1", "kind": "Service", "namespace": "trading", "name": "api"},
        ]},
    });
    let path = "/apis/argoproj.io/v1alpha1/applications";
    one(Watched::Applications, path, &object).await
}

#[tokio::test]
async fn an_application_heals_by_itself_only_where_it_says_so() {
    let node = application(json!({}), json!({"prune": true, "selfHeal": true})).await;
    assert_eq!(node.facts.flag(Fact::SelfHeal), Some(true));
    assert_eq!(node.facts.flag(Fact::Suspended), Some(false));
    assert_eq!(node.facts.text(Fact::SuspendWritten), None);
    assert_eq!(node.facts.flag(Fact::AutoSync), Some(true));
    assert_eq!(node.facts.text(Fact::SyncStatus), Some("OutOfSync"));
    assert!(node.facts.time(Fact::SyncedAt).is_some());
    let ignored = node.facts.text(Fact::IgnoresDrift);
    assert_eq!(ignored, Some("Deployment */api /spec/replicas"));
    assert_eq!(node.facts.flag(Fact::IgnoresDriftAlways), Some(false));
    let tied: Vec<&Name> = node.ties.iter().map(|tie| &tie.other).collect();
    let api = NodeId::new("deployment/111122223333/eu-west-1/prod/trading/api");
    assert_eq!(tied, [&Name::Id(api)]);
    assert_eq!(
        (node.ties[0].relation, node.ties[0].direction),
        (Relation::Deploys, Direction::Out)
    );
    for automated in [
        json!(null),
        json!({}),
        json!({"selfHeal": true, "enabled": false}),
    ] {
        let node = application(json!({}), automated).await;
        assert_eq!(node.facts.flag(Fact::SelfHeal), Some(false));
    }
    for (written, rests) in [
        ("true", true),
        ("True", true),
        ("1", true),
        ("false", false),
        ("yes", false),
    ] {
        let skip = json!({"annotations": {"argocd.argoproj.io/skip-reconcile": written}});
        let node = application(skip, json!({"selfHeal": true})).await;
        assert_eq!(node.facts.flag(Fact::Suspended), Some(rests), "{written}");
        assert_eq!(node.facts.text(Fact::SuspendWritten), Some(written));
    }
    let set = json!({"ownerReferences": [{"kind": "ApplicationSet", "name": "shops", "controller": true}]});
    let node = application(set, json!({})).await;
    assert_eq!(
        node.facts.text(Fact::ManagedBy),
        Some("applicationset:shops")
    );
}

#[tokio::test]
async fn what_deploys_to_another_cluster_is_tied_to_nothing_here() {
    let object = json!({
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {"destination": {"server": "https://10.0.0.1"}},
        "status": {"resources": [{"kind": "Deployment", "namespace": "trading", "name": "api"}]},
    });
    let path = "/apis/argoproj.io/v1alpha1/applications";
    let node = one(Watched::Applications, path, &object).await;
    assert_eq!(node.facts.text(Fact::Destination), Some("https://10.0.0.1"));
    assert!(node.ties.is_empty());
}

#[tokio::test]
async fn while_flux_reconciles_it_is_neither_ready_nor_not() {
    let object = json!({
        "metadata": {"name": "apps", "namespace": "flux-system"},
        "spec": {"interval": "10m", "kubeConfig": {"secretRef": {"name": "other"}}},
        "status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Progressing"}],
            "inventory": {"entries": [{"id": "trading_api_apps_Deployment", "v": "v1"}]}},
    });
    let path = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations";
    let node = one(Watched::Kustomizations, path, &object).await;
    assert_eq!(node.facts.flag(Fact::Ready), None);
    assert!(node.ties.is_empty(), "another cluster's");
}

#[tokio::test]
async fn flux_says_its_interval_what_it_keeps_and_why_it_cannot() {
    let object = json!({
        "metadata": {"name": "apps", "namespace": "flux-system", "generation": 2},
        "spec": {"interval": "1h30m", "suspend": true, "path": "./apps", "ignore": [{"paths": ["/spec/replicas"]}]},
        "status": {
            "conditions": [{"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "kustomize build failed"}],
            "inventory": {"entries": [
                {"id": "trading_api_apps_Deployment", "v": "v1"},
                {"id": "_trading__Namespace", "v": "v1"},
                {"id": "odd", "v": "v1"},
            ]},
        },
    });
    let path = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations";
    let node = one(Watched::Kustomizations, path, &object).await;
    assert_eq!(node.facts.count(Fact::SyncIntervalSeconds), Some(5_400));
    assert_eq!(node.facts.flag(Fact::Suspended), Some(true));
    assert_eq!(node.facts.flag(Fact::Ready), Some(false));
    assert_eq!(node.facts.text(Fact::Reason), Some("BuildFailed"));
    let ignored = node.facts.text(Fact::IgnoresDrift);
    assert_eq!(
        ignored,
        Some(
            "Deployment */* /spec/replicas, StatefulSet */* /spec/replicas, HorizontalPodAutoscaler */* /spec/replicas, ScaledObject */* /spec/replicas"
        )
    );
    assert_eq!(node.facts.flag(Fact::IgnoresDriftAlways), Some(true));
    assert_eq!(node.ties.len(), 1);
}

#[tokio::test]
async fn a_helm_release_puts_drift_right_only_when_told_to() {
    for (mode, heals) in [("enabled", true), ("warn", false), ("", false)] {
        let object = json!({
            "metadata": {"name": "api", "namespace": "trading"},
            "spec": {"interval": "10m", "driftDetection": {"mode": mode, "ignore": [
                {"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}}]}},
        });
        let path = "/apis/helm.toolkit.fluxcd.io/v2/helmreleases";
        let node = one(Watched::HelmReleases, path, &object).await;
        assert_eq!(node.facts.flag(Fact::SelfHeal), Some(heals), "{mode}");
        assert_eq!(node.facts.count(Fact::SyncIntervalSeconds), Some(600));
        let ignored = node.facts.text(Fact::IgnoresDrift);
        assert_eq!(ignored, Some("Deployment */* /spec/replicas"));
    }
}

#[tokio::test]
async fn who_is_forbidden_what_is_not_there_is_told_that_it_is_not_there() {
    let path = "/apis/argoproj.io/v1alpha1/applications";
    let forbidden = || Act::Status(403, recorded("forbidden"), vec![]);
    let server = Server::start().await;
    server.list(path, forbidden());
    let cluster = server.cluster(Limits::default()).await;
    let told_first = told(&mut cluster.watch(Watched::Applications)).await;
    assert!(
        matches!(told_first, WatchBatch::Absent(_)),
        "{told_first:?}"
    );
    let server = Server::start().await;
    server.list(path, forbidden());
    let group =
        json!({"kind": "APIResourceList", "groupVersion": "argoproj.io/v1alpha1", "resources": []});
    server.list("/apis/argoproj.io/v1alpha1", Act::Json(group));
    let cluster = server.cluster(Limits::default()).await;
    let told_then = told(&mut cluster.watch(Watched::Applications)).await;
    assert!(matches!(told_then, WatchBatch::Failed(_)), "{told_then:?}");
}
