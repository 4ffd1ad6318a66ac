//! What one run recorded and the next draws.

use super::fakes::*;
use crate::core::*;
use crate::index::Message;
use crate::recorder::Notices;
use model::{Level, State};

fn recorder(dir: &std::path::Path, mailbox: &mpsc::Sender<Message>) -> Recorder {
    let mailbox = mailbox.clone();
    let gap = Duration::from_secs(10);
    Recorder::open(
        dir,
        "stack".to_owned(),
        gap,
        Notices::new(Vec::new()),
        move |recording| {
            // In these tests the index always lives that long.
            let _ = mailbox.blocking_send(Message::Restore(recording));
        },
    )
}

#[tokio::test]
async fn the_next_start_draws_what_was_last_known_and_marks_it_stale() {
    let dir = tempfile::tempdir().expect("a directory");
    let reader = FakeReader::new("queues", |_| {
        good(vec![queue("orders", 4), queue("old", 1)])
    });
    let bench = Bench::recorded(std::slice::from_ref(&reader), &[], |m| {
        recorder(dir.path(), &m)
    });
    bench.when(|s| messages(s, "orders") == Some(4)).await;
    bench.core.stop().await;

    let (release, released) = watch::channel(false);
    let reader = FakeReader::new("queues", move |_| {
        let mut released = released.clone();
        Box::pin(async move {
            released.wait_for(|go| *go).await.expect("released");
            good(vec![queue("orders", 5)]).await
        })
    });
    let bench = Bench::recorded(std::slice::from_ref(&reader), &[], |m| {
        recorder(dir.path(), &m)
    });
    let drawn = bench.when(|s| messages(s, "orders") == Some(4)).await;
    let told = status(&drawn, &reader.id());
    assert_eq!(told.state, State::Stale);
    assert!(told.outdated);
    assert!(
        told.error
            .as_ref()
            .is_some_and(|e| e.contains("recorded at")),
        "{told:?}"
    );
    assert!(drawn.nodes.iter().all(|n| n.health.level == Level::Unknown));

    release.send(true).expect("the reader waits");
    let live = bench.core.complete(Duration::from_secs(30)).await;
    assert_eq!(messages(&live, "orders"), Some(5));
    assert_eq!(messages(&live, "old"), None, "what is gone is gone");
    assert_eq!(status(&live, &reader.id()).state, State::Ok);
    bench.core.stop().await;
}

#[tokio::test]
async fn what_was_recorded_does_not_make_a_picture_complete() {
    let dir = tempfile::tempdir().expect("a directory");
    let reader = FakeReader::new("queues", |_| good(vec![queue("orders", 4)]));
    let bench = Bench::recorded(std::slice::from_ref(&reader), &[], |m| {
        recorder(dir.path(), &m)
    });
    bench.core.complete(Duration::from_secs(30)).await;
    bench.core.stop().await;

    let reader = FakeReader::new("queues", |_| hang());
    let bench = Bench::recorded(std::slice::from_ref(&reader), &[], |m| {
        recorder(dir.path(), &m)
    });
    bench.when(|s| messages(s, "orders") == Some(4)).await;
    let part = bench.core.complete(Duration::from_millis(50)).await;
    let told = status(&part, &reader.id());
    assert_eq!(told.state, State::Failed);
    assert!(
        told.outdated,
        "what an earlier run saw is old, whatever it says"
    );
    bench.core.stop().await;
}

#[tokio::test]
async fn a_corrupt_record_is_no_obstacle() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join(crate::recorder::FILE), [7_u8; 5000]).expect("written");
    let reader = FakeReader::new("queues", |_| good(vec![queue("orders", 4)]));
    let bench = Bench::recorded(std::slice::from_ref(&reader), &[], |m| {
        recorder(dir.path(), &m)
    });
    let drawn = bench.core.complete(Duration::from_secs(30)).await;
    assert_eq!(messages(&drawn, "orders"), Some(4));
    bench.core.stop().await;
}
