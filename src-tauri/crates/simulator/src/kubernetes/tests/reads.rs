//! Lists, tables, discovery and refusals.

use super::*;

#[tokio::test]
async fn pages_keep_the_version_of_the_first() {
    let bench = Bench::new();
    bench.run(2);
    let (_, whole) = bench.get("/api/v1/pods").await;
    let (mut path, mut pages, mut left) =
        ("/api/v1/pods?limit=4".to_owned(), Vec::new(), Vec::new());
    loop {
        let (status, page) = bench.get(&path).await;
        assert_eq!(status, 200);
        assert_eq!(
            page["metadata"]["resourceVersion"],
            whole["metadata"]["resourceVersion"]
        );
        pages.extend(page["items"].as_array().unwrap().clone());
        left.push(page["metadata"]["remainingItemCount"].as_u64());
        // The world goes on between two pages: pods come and go.
        bench.with(|c| {
            c.release(
                &WorkloadKey::new("trading", "orders"),
                &format!("t{}", left.len()),
                c.now(),
            )
        });
        bench.run(20);
        let Some(more) = page["metadata"]["continue"].as_str() else {
            break;
        };
        path = format!("/api/v1/pods?limit=4&continue={more}");
    }
    assert_eq!(Value::from(pages), whole["items"]);
    assert_eq!(left, [Some(11), Some(7), Some(3), None]);
}

#[tokio::test]
async fn a_page_whose_version_is_gone_says_how_to_go_on() {
    let bench = Bench::new();
    let (_, first) = bench.get(&format!("{PODS}?limit=5")).await;
    bench.with(|c| c.set_queue_depth(&WorkloadKey::new("trading", "settler"), 5000));
    bench.run(40);
    bench.with(Cluster::forget_history);
    let more = first["metadata"]["continue"].as_str().unwrap();
    let (status, gone) = bench.get(&format!("{PODS}?limit=50&continue={more}")).await;
    assert_eq!(
        (status, &gone["reason"], &gone["code"]),
        (410, &json!("Expired"), &json!(410))
    );
    let more = gone["metadata"]["continue"].as_str().unwrap();
    let (status, rest) = bench
        .get(&format!("{PODS}?limit=500&continue={more}"))
        .await;
    assert_eq!(status, 200);
    let (_, now) = bench.get(PODS).await;
    let last = names(&first).pop().unwrap();
    let expected: Vec<String> = names(&now).into_iter().filter(|n| *n > last).collect();
    assert_eq!(names(&rest), expected);
}

#[tokio::test]
async fn refusals_have_the_recorded_words() {
    let bench = Bench::new();
    let message = |v: &Value| v["message"].as_str().unwrap_or_default().to_owned();
    let merge = "application/merge-patch+json";
    let (status, v) = bench
        .get("/apis/apps/v1/namespaces/trading/deployments/nope")
        .await;
    assert_eq!(
        (status, message(&v)),
        (404, "deployments.apps \"nope\" not found".into())
    );
    let (status, v) = bench.get("/api/v1/pods?fieldSelector=spec.foo%3Dbar").await;
    assert_eq!(
        (status, message(&v)),
        (400, "field label not supported: spec.foo".into())
    );
    let (status, v) = bench.get("/api/v1/pods?limit=2&continue=garbage").await;
    assert_eq!(status, 400);
    assert!(message(&v).starts_with("invalid continue token: continue key is not valid: "));
    let (status, v) = bench
        .send(Method::PATCH, "/api/v1/pods", merge, &json!({ "a": 1 }))
        .await;
    assert_eq!(
        (status, &v["reason"], &v["details"]),
        (405, &json!("MethodNotAllowed"), &json!({}))
    );
    let (status, v) = bench
        .send(Method::PATCH, ORDERS, "text/plain", &json!("x"))
        .await;
    assert_eq!(
        (status, message(&v)),
        (415, "415: Unsupported Media Type".into())
    );
    let down = json!({ "spec": { "replicas": -1 } });
    let (status, v) = bench
        .send(Method::PATCH, &format!("{ORDERS}/scale"), merge, &down)
        .await;
    let words = "Scale.autoscaling \"orders\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0";
    assert_eq!((status, message(&v)), (422, words.into()));
    assert_eq!(v["details"]["causes"][0]["field"], "spec.replicas");
    let (status, _, body) = bench
        .ask(
            Request::get("/apis/nobody.io/v1/things")
                .body(Body::empty())
                .unwrap(),
        )
        .await;
    assert_eq!(
        (status.as_u16(), body.as_slice()),
        (404, b"404 page not found\n".as_slice())
    );
    let (status, v) = bench.get("/api/v1/pods?resourceVersion=999999999999").await;
    assert_eq!((status, &v["reason"]), (504, &json!("Timeout")));
}

#[tokio::test]
async fn only_known_tokens_are_let_in() {
    let bench = Bench::new();
    for (token, expected) in [
        ("Bearer known", 200),
        ("Bearer other", 401),
        ("Basic known", 401),
    ] {
        let request = Request::get(PODS)
            .header("authorization", token)
            .body(Body::empty())
            .unwrap();
        let (status, headers, body) = bench.ask(request).await;
        assert_eq!(status.as_u16(), expected, "{token}");
        assert_eq!(headers["date"], BORN.http_date());
        if expected == 401 {
            let v: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(
                (&v["message"], &v["reason"]),
                (&json!("Unauthorized"), &json!("Unauthorized"))
            );
        }
    }
}

#[tokio::test]
async fn a_long_list_is_compressed_for_who_takes_it_and_says_the_same() {
    let bench = Arc::new(Bench {
        cluster: Mutex::new(Cluster::new(spec(8), BORN, 9)),
        steps: watch::channel(0).0,
        fault: Mutex::new(None),
        told: Mutex::default(),
    });
    let (_, headers, plain) = bench
        .ask(Request::get("/api/v1/pods").body(Body::empty()).unwrap())
        .await;
    assert!(headers.get("content-encoding").is_none());
    let request = Request::get("/api/v1/pods")
        .header("accept-encoding", "br, gzip")
        .body(Body::empty())
        .unwrap();
    let (_, headers, packed) = bench.ask(request).await;
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(plain.len() > 128 * 1024 && packed.len() * 4 < plain.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice())
        .read_to_end(&mut unpacked)
        .unwrap();
    assert!(unpacked == plain);
    serde_json::from_slice::<Value>(&plain).unwrap();
}

#[tokio::test]
async fn tables_have_a_cell_for_every_column() {
    let bench = Bench::new();
    bench.with(|c| c.release(&WorkloadKey::new("trading", "orders"), "next", c.now()));
    bench.run(10);
    for resource in crate::world::cluster::resource::Resource::ALL {
        let row = resource.row();
        let base = if row.group.is_empty() {
            "/api/v1".to_owned()
        } else {
            format!("/apis/{}/{}", row.group, row.version)
        };
        let request = Request::get(format!("{base}/{}", row.plural)).header(
            "accept",
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
        );
        let (status, _, body) = bench.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, 200, "{resource:?}");
        let table: Value = serde_json::from_slice(&body).unwrap();
        let columns = table["columnDefinitions"].as_array().unwrap().len();
        for line in table["rows"].as_array().unwrap() {
            assert_eq!(
                line["cells"].as_array().unwrap().len(),
                columns,
                "{resource:?}: {line}"
            );
            assert_eq!(line["object"]["kind"], "PartialObjectMetadata");
        }
    }
}

#[tokio::test]
async fn both_forms_of_discovery_agree() {
    let bench = Bench::new();
    let (_, groups) = bench.get("/apis").await;
    let request = Request::get("/apis").header(
        "accept",
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
    );
    let (_, headers, body) = bench.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        headers["content-type"],
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    );
    let whole: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        groups["groups"].as_array().unwrap().len(),
        whole["items"].as_array().unwrap().len()
    );
    for item in whole["items"].as_array().unwrap() {
        let version = &item["versions"][0];
        let path = format!(
            "/apis/{}/{}",
            name(item),
            version["version"].as_str().unwrap()
        );
        let (status, list) = bench.get(&path).await;
        assert_eq!(status, 200, "{path}");
        let plain = |v: &&Value| !v["name"].as_str().unwrap().contains('/');
        let listed: Vec<&Value> = list["resources"]
            .as_array()
            .unwrap()
            .iter()
            .filter(plain)
            .map(|v| &v["name"])
            .collect();
        let found: Vec<&Value> = version["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| &v["resource"])
            .collect();
        assert_eq!(listed, found);
    }
}
