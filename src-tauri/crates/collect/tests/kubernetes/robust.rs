//! A server that misbehaves: every way it can ends in the right pods and in a sentence.

use crate::server::{
    Act, Line, Server, bookmark, event, list_of, next, nodes, pod, recorded, restarts, told,
};
use collect::kubernetes::{Limits, WatchBatch, Watched};
use model::FailureClass;
use serde_json::json;
use std::io::Write as _;
use std::time::Duration;

const PODS: &str = "/api/v1/pods";

fn short() -> Limits {
    Limits {
        silence: Duration::from_millis(300),
        head: Duration::from_millis(300),
        pause: Duration::from_millis(300),
        absent: Duration::from_millis(100),
    }
}

async fn two_pods() -> Server {
    let server = Server::start().await;
    server.list(
        PODS,
        Act::Json(list_of("10", &[pod("a", "5", 0), pod("b", "6", 0)])),
    );
    server
}

#[tokio::test]
async fn a_recorded_watch_is_followed() {
    let server = Server::start().await;
    server.list(PODS, Act::Json(recorded("pods-list")));
    let lines = recorded("pods-watch")
        .as_array()
        .unwrap()
        .iter()
        .cloned()
        .map(Line::Event)
        .collect();
    server.watch(PODS, Act::Watch(lines));
    let cluster = server.cluster(Limits::default()).await;
    let mut watch = cluster.watch(Watched::Pods);
    assert_eq!(nodes(told(&mut watch).await).len(), 2);
    let WatchBatch::Changed {
        upserts,
        gone,
        skipped,
    } = told(&mut watch).await
    else {
        panic!()
    };
    assert_eq!((upserts.len(), gone.len(), skipped), (1, 1, 0));
    assert!(
        gone[0]
            .as_str()
            .ends_with("/trading/fix-gateway-79bff64478-69dvt")
    );
    assert!(
        server.asked()[1].contains("resourceVersion=1437&"),
        "{:?}",
        server.asked()
    );
    assert_eq!(cluster.requests(Watched::Pods), 2);
}

#[tokio::test]
async fn gone_in_the_stream_lists_again() {
    let server = two_pods().await;
    server.list(PODS, Act::Json(list_of("20", &[pod("b", "6", 3)])));
    let gone = recorded("pods-watch-old")
        .as_array()
        .unwrap()
        .iter()
        .cloned()
        .map(Line::Event)
        .collect();
    server.watch(PODS, Act::Watch(gone));
    let cluster = server.cluster(Limits::default()).await;
    let mut watch = cluster.watch(Watched::Pods);
    assert_eq!(restarts(&nodes(told(&mut watch).await)).len(), 2);
    assert_eq!(next(&mut watch).await, WatchBatch::Began);
    assert_eq!(
        restarts(&nodes(next(&mut watch).await)),
        [("b".to_owned(), 3)]
    );
}

#[tokio::test]
async fn a_reset_in_mid_line_repeats_what_was_missed() {
    let server = two_pods().await;
    let whole = event("MODIFIED", &pod("a", "11", 1));
    let half = Line::Bytes(r#"{"type":"MODIFIED","object":{"metadata":{"name":"b","#.to_owned());
    server.watch(PODS, Act::Watch(vec![whole, half, Line::Gate, Line::Reset]));
    server.watch(
        PODS,
        Act::Watch(vec![event("MODIFIED", &pod("b", "12", 2)), Line::Silence]),
    );
    let cluster = server.cluster(Limits::default()).await;
    let mut watch = cluster.watch(Watched::Pods);
    told(&mut watch).await;
    assert_eq!(
        restarts(&nodes(told(&mut watch).await)),
        [("a".to_owned(), 1)]
    );
    server.go_on();
    assert_eq!(told(&mut watch).await, WatchBatch::Alive);
    assert_eq!(
        restarts(&nodes(told(&mut watch).await)),
        [("b".to_owned(), 2)]
    );
    assert!(
        server
            .asked()
            .last()
            .unwrap()
            .contains("resourceVersion=11&")
    );
}

#[tokio::test]
async fn a_garbage_line_is_gone_round() {
    let server = two_pods().await;
    let garbage = || {
        Act::Watch(vec![
            Line::Bytes("\u{1}\u{2} <html>\n".to_owned()),
            Line::Silence,
        ])
    };
    server.watch(PODS, garbage());
    server.watch(PODS, garbage());
    let cluster = server.cluster(Limits::default()).await;
    let mut watch = cluster.watch(Watched::Pods);
    told(&mut watch).await;
    assert_eq!(told(&mut watch).await, WatchBatch::Alive);
    let WatchBatch::Failed(failure) = told(&mut watch).await else {
        panic!()
    };
    assert_eq!(failure.class, FailureClass::Malformed);
    assert_eq!(nodes(told(&mut watch).await).len(), 2);
}

#[tokio::test]
async fn a_malformed_item_costs_itself() {
    let server = Server::start().await;
    let strange =
        json!({"metadata": {"name": "x", "namespace": "trading"}, "status": {"phase": 7}});
    server.list(
        PODS,
        Act::Json(list_of(
            "10",
            &[
                pod("a", "5", 0),
                strange.clone(),
                serde_json::Value::Null,
                pod("b", "6", 0),
            ],
        )),
    );
    server.watch(
        PODS,
        Act::Watch(vec![
            event("MODIFIED", &strange),
            event("MODIFIED", &pod("b", "12", 4)),
        ]),
    );
    let cluster = server.cluster(Limits::default()).await;
    let mut watch = cluster.watch(Watched::Pods);
    let WatchBatch::Replaced { found, skipped } = told(&mut watch).await else {
        panic!()
    };
    assert_eq!((found.len(), skipped), (2, 2));
    let WatchBatch::Changed {
        upserts, skipped, ..
    } = told(&mut watch).await
    else {
        panic!()
    };
    assert_eq!((upserts.len(), skipped), (1, 1));
}

#[tokio::test]
async fn silence_is_noticed_and_a_second_one_lists_again() {
    let server = two_pods().await;
    let cluster = server.cluster(short()).await;
    let mut watch = cluster.watch(Watched::Pods);
    told(&mut watch).await;
    assert_eq!(told(&mut watch).await, WatchBatch::Alive);
    assert_eq!(next(&mut watch).await, WatchBatch::Began);
    assert_eq!(nodes(next(&mut watch).await).len(), 2);
}

#[tokio::test]
async fn a_bookmark_is_a_sign_of_life_and_moves_the_version() {
    let server = two_pods().await;
    server.watch(PODS, Act::Watch(vec![bookmark("77"), Line::End]));
    let cluster = server.cluster(Limits::default()).await;
    let mut watch = cluster.watch(Watched::Pods);
    told(&mut watch).await;
    assert_eq!(told(&mut watch).await, WatchBatch::Alive);
    assert_eq!(told(&mut watch).await, WatchBatch::Alive);
    assert!(
        server
            .asked()
            .last()
            .unwrap()
            .contains("resourceVersion=77&")
    );
}

#[tokio::test]
async fn throttled_waits_as_long_as_it_was_told() {
    let server = Server::start().await;
    let status = json!({"kind": "Status", "reason": "TooManyRequests", "code": 429});
    server.list(PODS, Act::Status(429, status, vec![("retry-after", "1")]));
    server.list(PODS, Act::Json(list_of("10", &[pod("a", "5", 0)])));
    let cluster = server.cluster(Limits::default()).await;
    let mut watch = cluster.watch(Watched::Pods);
    let WatchBatch::Failed(failure) = told(&mut watch).await else {
        panic!()
    };
    assert_eq!(failure.class, FailureClass::Throttled);
    let failed_at = std::time::Instant::now();
    assert_eq!(nodes(told(&mut watch).await).len(), 1);
    assert!(
        failed_at.elapsed() >= Duration::from_millis(900),
        "{:?}",
        failed_at.elapsed()
    );
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_gzipped_list_is_unpacked_and_a_broken_one_is_malformed() {
    let whole = gzipped(&list_of("10", &[pod("a", "5", 2)]).to_string());
    let server = Server::start().await;
    server.list(PODS, Act::Gzip(whole.clone()));
    let cluster = server.cluster(short()).await;
    let found = nodes(told(&mut cluster.watch(Watched::Pods)).await);
    assert_eq!(restarts(&found), [("a".to_owned(), 2)]);
    for broken in [
        whole[..whole.len() / 2].to_vec(),
        b"no gzip at all".to_vec(),
    ] {
        let failure = failure_of(Act::Gzip(broken)).await;
        assert_eq!(
            failure.class,
            FailureClass::Malformed,
            "{}",
            failure.sentence
        );
    }
}

async fn failure_of(act: Act) -> model::SourceFailure {
    let server = Server::start().await;
    server.list(PODS, act);
    let cluster = server.cluster(short()).await;
    match told(&mut cluster.watch(Watched::Pods)).await {
        WatchBatch::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_refusal_has_its_class_and_a_sentence() {
    let list = list_of("10", &[pod("a", "5", 0)]);
    let cases = [
        (
            Act::Status(401, recorded("unauthorized"), vec![]),
            FailureClass::Credentials,
            "credentials",
        ),
        (
            Act::Status(403, recorded("forbidden"), vec![]),
            FailureClass::Denied,
            "missing: list pods at cluster scope",
        ),
        (
            Act::Status(
                500,
                json!({"reason": "InternalError", "message": "etcd"}),
                vec![],
            ),
            FailureClass::Server,
            "etcd",
        ),
        (Act::Text(503, "upstream down"), FailureClass::Server, "503"),
        (
            Act::Text(404, "404 page not found\n"),
            FailureClass::Unsupported,
            "404",
        ),
        (Act::Hang, FailureClass::TimedOut, "did not answer"),
        (
            Act::Stall("{\"items\":["),
            FailureClass::TimedOut,
            "in the middle",
        ),
        (
            Act::Reset,
            FailureClass::Unreachable,
            "could not be reached",
        ),
        (Act::CutAt(list, 40), FailureClass::Unreachable, "broke off"),
        (
            Act::Text(200, "<html>please sign in</html>"),
            FailureClass::Malformed,
            "cannot be read",
        ),
    ];
    for (act, class, words) in cases {
        let failure = failure_of(act.clone()).await;
        assert_eq!(failure.class, class, "{act:?}: {}", failure.sentence);
        assert!(
            failure.sentence.contains(words),
            "{act:?}: {}",
            failure.sentence
        );
        assert!(
            failure.sentence.contains("prod") && failure.sentence.contains("pods"),
            "{}",
            failure.sentence
        );
        assert!(!failure.next_step.is_empty());
    }
}

#[tokio::test]
async fn a_server_that_comes_back_is_seen() {
    let server = two_pods().await;
    server.watch(PODS, Act::Watch(vec![Line::Reset]));
    server.watch(PODS, Act::Reset);
    server.watch(
        PODS,
        Act::Watch(vec![event("DELETED", &pod("a", "12", 0)), Line::Silence]),
    );
    let cluster = server.cluster(Limits::default()).await;
    let mut watch = cluster.watch(Watched::Pods);
    told(&mut watch).await;
    let WatchBatch::Failed(failure) = told(&mut watch).await else {
        panic!()
    };
    assert_eq!(failure.class, FailureClass::Unreachable);
    assert_eq!(told(&mut watch).await, WatchBatch::Alive);
    let WatchBatch::Changed { gone, .. } = told(&mut watch).await else {
        panic!()
    };
    assert_eq!(gone.len(), 1);
}
