//! Writes, evictions, and faults of the wire.

use super::*;

#[tokio::test]
async fn a_scale_is_written_and_the_pods_follow() {
    let bench = Bench::new();
    let path = "/apis/apps/v1/namespaces/trading/statefulsets/ledger/scale";
    let merge = "application/merge-patch+json";
    let want = json!({ "spec": { "replicas": 5 } });
    let (status, dry) = bench
        .send(Method::PATCH, &format!("{path}?dryRun=All"), merge, &want)
        .await;
    assert_eq!(
        (status, &dry["spec"]["replicas"], &dry["status"]["replicas"]),
        (200, &json!(5), &json!(3))
    );
    assert_eq!(
        bench.with(|c| c.desired(&WorkloadKey::new("trading", "ledger"))),
        3
    );
    let (status, scale) = bench.send(Method::PATCH, path, merge, &want).await;
    assert_eq!(
        (status, &scale["kind"], &scale["spec"]["replicas"]),
        (200, &json!("Scale"), &json!(5))
    );
    bench.run(90);
    let (_, now) = bench.get(path).await;
    assert_eq!(now["status"]["replicas"], 5);
    let mut stale = now.clone();
    stale["metadata"]["resourceVersion"] = json!("1");
    let (status, v) = bench
        .send(Method::PUT, path, "application/json", &stale)
        .await;
    assert_eq!((status, &v["reason"]), (409, &json!("Conflict")));
}

#[tokio::test]
async fn a_restart_is_a_new_revision_and_its_undo_finds_the_old_one() {
    let bench = Bench::new();
    let patch = json!({ "spec": { "template": { "metadata": { "annotations": { "kubectl.kubernetes.io/restartedAt": "now" } } } } });
    let (status, v) = bench
        .send(
            Method::PATCH,
            ORDERS,
            "application/strategic-merge-patch+json",
            &patch,
        )
        .await;
    assert_eq!(
        (
            status,
            &v["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        ),
        (200, &json!("43"))
    );
    bench.run(120);
    let (_, sets) = bench.get("/apis/apps/v1/namespaces/trading/replicasets?labelSelector=app.kubernetes.io/name%3Dorders").await;
    let old = sets["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "42")
        .unwrap();
    let mut template = old["spec"]["template"].clone();
    template["metadata"]["labels"]
        .as_object_mut()
        .unwrap()
        .remove("pod-template-hash");
    template["metadata"]["creationTimestamp"] = Value::Null;
    let undo = json!([{ "op": "replace", "path": "/spec/template", "value": template }]);
    bench
        .send(Method::PATCH, ORDERS, "application/json-patch+json", &undo)
        .await;
    bench.run(120);
    let (_, set) = bench
        .get(&format!(
            "/apis/apps/v1/namespaces/trading/replicasets/{}",
            name(old)
        ))
        .await;
    assert_eq!(
        set["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "44"
    );
    assert_eq!(set["status"]["readyReplicas"], 8);
}

#[tokio::test]
async fn evictions_stop_at_the_budget() {
    let bench = Bench::new();
    let (_, pods) = bench
        .get(&format!(
            "{PODS}?labelSelector=app.kubernetes.io/name%3Dorders"
        ))
        .await;
    let mut answers = Vec::new();
    for pod in names(&pods) {
        let body =
            json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": pod } });
        let (status, v) = bench
            .send(
                Method::POST,
                &format!("{PODS}/{pod}/eviction"),
                "application/json",
                &body,
            )
            .await;
        if status == 429 {
            let words = "The disruption budget orders needs 6 healthy pods and has 6 currently";
            assert_eq!(v["details"]["causes"][0]["message"], words);
        }
        answers.push(status);
    }
    assert_eq!(answers, [201, 201, 429, 429, 429, 429, 429, 429]);
}

#[tokio::test]
async fn a_lease_is_created_once() {
    let bench = Bench::new();
    let path = "/apis/coordination.k8s.io/v1/namespaces/trading/leases";
    let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "demo" },
                        "spec": { "holderIdentity": "a", "leaseDurationSeconds": 30 } });
    let (status, made) = bench
        .send(Method::POST, path, "application/json", &lease)
        .await;
    assert_eq!(
        (status, &made["metadata"]["namespace"], &made["spec"]),
        (201, &json!("trading"), &lease["spec"])
    );
    let (status, v) = bench
        .send(Method::POST, path, "application/json", &lease)
        .await;
    assert_eq!((status, &v["reason"]), (409, &json!("AlreadyExists")));
}

#[tokio::test]
async fn faults_show_on_the_wire() {
    let bench = Bench::new();
    let set = |fault| *bench.fault.lock().unwrap() = fault;
    set(Some(("list", WireFault::Throttled(3))));
    let (status, headers, _) = bench
        .ask(Request::get(PODS).body(Body::empty()).unwrap())
        .await;
    assert_eq!(
        (status.as_u16(), &headers["retry-after"]),
        (429, &http::HeaderValue::from(3))
    );
    set(Some(("patch", WireFault::Denied)));
    let merge = "application/merge-patch+json";
    let (status, v) = bench
        .send(Method::PATCH, &format!("{ORDERS}/scale"), merge, &json!({}))
        .await;
    let words = "deployments.apps \"orders\" is forbidden: User \"operator\" cannot patch resource \"deployments/scale\" in API group \"apps\" in the namespace \"trading\"";
    assert_eq!((status, &v["message"]), (403, &json!(words)));
    let review = json!({ "spec": { "resourceAttributes": { "verb": "patch", "group": "apps", "resource": "deployments" } } });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let (status, v) = bench
        .send(Method::POST, path, "application/json", &review)
        .await;
    assert_eq!((status, &v["status"]["allowed"]), (201, &json!(false)));
    set(None);
    let (_, v) = bench
        .send(Method::POST, path, "application/json", &review)
        .await;
    assert_eq!(v["status"]["allowed"], true);
}

#[tokio::test]
async fn a_request_can_be_of_another_user_where_that_is_allowed() {
    let bench = Bench::new();
    let ask = || {
        let request = Request::get(ORDERS).header("impersonate-user", "act");
        bench.ask(request.body(Body::empty()).unwrap())
    };
    assert_eq!(ask().await.0, 200);
    bench.get(PODS).await;
    let told = bench.told.lock().unwrap().clone();
    assert_eq!(told, ["act get apps/deployments", "operator list /pods"]);
    *bench.fault.lock().unwrap() = Some(("impersonate", WireFault::Denied));
    let (status, _, body) = ask().await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status.as_u16(), &body["reason"]),
        (403, &json!("Forbidden"))
    );
    let message = body["message"].as_str().unwrap();
    assert!(
        message.contains("cannot impersonate resource \"users\""),
        "{message}"
    );
    assert_eq!(bench.get(PODS).await.0, 200);
}
