//! Watches, and what a silence does to them.

use super::*;

#[tokio::test]
async fn a_watch_from_a_list_replays_to_the_next_list() {
    let bench = Bench::new();
    bench.run(1);
    let (_, before) = bench.get(PODS).await;
    let version = before["metadata"]["resourceVersion"].as_str().unwrap();
    let mut seen: BTreeMap<String, Value> = before["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (name(p), p.clone()))
        .collect();
    let mut events = bench
        .watch(&format!(
            "{PODS}?watch=1&resourceVersion={version}&allowWatchBookmarks=true"
        ))
        .await;
    bench.with(|c| c.release(&WorkloadKey::new("trading", "orders"), "next", c.now()));
    for _ in 0..6 {
        bench.run(20);
    }
    let (_, after) = bench.get(PODS).await;
    let end: u64 = after["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(version_of)
        .max()
        .unwrap();
    loop {
        let event = events.next().await.unwrap();
        let mut object = event["object"].clone();
        let version = version_of(&object);
        assert_eq!(
            (&object["kind"], &object["apiVersion"]),
            (&json!("Pod"), &json!("v1"))
        );
        object
            .as_object_mut()
            .unwrap()
            .retain(|k, _| k != "kind" && k != "apiVersion");
        match event["type"].as_str().unwrap() {
            "ADDED" => assert!(seen.insert(name(&object), object).is_none()),
            "MODIFIED" => assert!(seen.insert(name(&object), object).is_some()),
            "DELETED" => assert!(seen.remove(&name(&object)).is_some()),
            other => panic!("{other}"),
        }
        if version >= end && seen.len() == after["items"].as_array().unwrap().len() {
            break;
        }
    }
    assert_eq!(
        Value::from(seen.into_values().collect::<Vec<_>>()),
        after["items"]
    );
}

fn version_of(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_watch_from_a_version_that_is_gone_ends_with_410() {
    let bench = Bench::new();
    let mut events = bench
        .watch(&format!("{PODS}?watch=1&resourceVersion=2"))
        .await;
    let event = events.next().await.unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
    assert_eq!(event["object"]["reason"], "Expired");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn initial_events_end_with_a_bookmark() {
    let bench = Bench::new();
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=&allowWatchBookmarks=true";
    let mut events = bench.watch(&format!("{PODS}?{query}")).await;
    for _ in 0..15 {
        assert_eq!(events.next().await.unwrap()["type"], "ADDED");
    }
    let end = events.next().await.unwrap();
    assert_eq!(end["type"], "BOOKMARK");
    assert_eq!(
        end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
    let (status, refused) = bench
        .get(&format!("{PODS}?watch=1&sendInitialEvents=true"))
        .await;
    assert_eq!((status, &refused["reason"]), (422, &json!("Invalid")));
}

#[tokio::test]
async fn an_object_that_no_longer_matches_is_deleted_from_the_watch() {
    let bench = Bench::new();
    let mut events = bench
        .watch(&format!(
            "{PODS}?watch=1&fieldSelector=status.phase%3DPending"
        ))
        .await;
    bench.with(|c| c.release(&WorkloadKey::new("trading", "orders"), "next", c.now()));
    bench.run(30);
    let mut kinds = Vec::new();
    loop {
        let event = events.next().await.unwrap();
        let kind = event["type"].as_str().unwrap().to_owned();
        if kind == "DELETED" {
            assert_eq!(event["object"]["status"]["phase"], "Pending");
            break;
        }
        kinds.push(kind);
    }
    assert_eq!(kinds[0], "ADDED");
}

#[tokio::test]
async fn a_silent_server_answers_nothing_until_it_is_heard_again() {
    let bench = Bench::new();
    let mut events = bench
        .watch(&format!(
            "{PODS}?watch=1&resourceVersion={}",
            bench.with(|c| c.store().version())
        ))
        .await;
    *bench.fault.lock().unwrap() = Some(("watch", WireFault::Silent));
    bench.with(|c| c.release(&WorkloadKey::new("trading", "orders"), "next", c.now()));
    bench.run(10);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), events.next())
            .await
            .is_err()
    );
    *bench.fault.lock().unwrap() = None;
    assert_eq!(events.next().await.unwrap()["type"], "ADDED");
}

#[tokio::test]
async fn a_quiet_watch_is_kept_alive_by_bookmarks_and_ends_in_time() {
    let bench = Bench::new();
    let version = bench.with(|c| c.store().version());
    let query =
        format!("watch=1&resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=1");
    let mut events = bench.watch(&format!("{PODS}?{query}")).await;
    for _ in 0..4 {
        let event = events.next().await.unwrap();
        assert_eq!(
            (event["type"].as_str(), version_of(&event["object"])),
            (Some("BOOKMARK"), version)
        );
    }
    // More of them come, and then the end.
    while let Some(event) = events.next().await {
        assert_eq!(event["type"], "BOOKMARK");
    }
}
