//! A machine that slept, or whose clock was set.

use super::fakes::*;
use crate::core::*;
use crate::time::{paused, sleep, sleep_machine};
use collect::kubernetes::WatchBatch;
use futures::stream::StreamExt as _;
use model::{FailureClass, State};

#[test]
fn what_was_read_before_the_machine_slept_is_old_and_read_again_at_once() {
    paused(async {
        let reader = FakeReader::new("queues", |nth| {
            Box::pin(async move {
                sleep(Duration::from_secs(1)).await;
                good(vec![queue("orders", i64::from(nth))]).await
            })
        });
        let (id, bench) = (
            reader.id(),
            Bench::start(std::slice::from_ref(&reader), &[]),
        );
        bench.when(|s| messages(s, "orders") == Some(0)).await;
        assert_eq!(status(&bench.now(), &id).state, State::Ok);
        sleep_machine(Duration::from_secs(8 * 3600));
        let began = now();
        let old = bench.when(|s| status(s, &id).outdated).await;
        assert_eq!(messages(&old, "orders"), Some(0));
        let read = bench.when(|s| messages(s, "orders") == Some(1)).await;
        assert!(
            (now() - began) < Duration::from_secs(10),
            "{:?}",
            (now() - began)
        );
        assert_eq!(status(&read, &id).state, State::Ok);
    });
}

#[test]
fn a_clock_that_was_set_makes_nothing_older_that_was_read() {
    paused(async {
        let reader = FakeReader::new("queues", |nth| {
            Box::pin(async move {
                sleep(Duration::from_secs(1)).await;
                good(vec![queue("orders", i64::from(nth))]).await
            })
        });
        let (id, bench) = (
            reader.id(),
            Bench::start(std::slice::from_ref(&reader), &[]),
        );
        bench.when(|s| messages(s, "orders") == Some(0)).await;
        crate::time::set_wall(8 * 3600);
        let began = now();
        let next = bench
            .when(|s| status(s, &id).outdated || messages(s, "orders") == Some(1))
            .await;
        assert_eq!(messages(&next, "orders"), Some(1));
        assert!((now() - began) < Duration::from_secs(10), "read at once");
    });
}

#[test]
fn a_watch_is_opened_anew_after_the_machine_slept_and_nothing_is_said_to_have_failed() {
    paused(async {
        let pods = FakeWatch::new("pods", |nth| {
            then_silence(vec![WatchBatch::Replaced {
                found: vec![queue("a", i64::from(nth))],
                skipped: 0,
            }])
        });
        let id = pods.source().id.clone();
        let bench = Bench::start(&[], std::slice::from_ref(&pods));
        bench.when(|s| messages(s, "a") == Some(0)).await;
        let mut pictures = bench.core.snapshots();
        sleep_machine(Duration::from_secs(3600));
        let began = now();
        loop {
            pictures.changed().await.expect("the index lives");
            let picture = pictures.borrow_and_update().clone();
            assert!(status(&picture, &id).failure.is_none());
            if messages(&picture, "a") == Some(1) {
                break;
            }
        }
        assert!((now() - began) < Duration::from_secs(10));
    });
}

#[test]
fn what_is_read_after_the_machine_slept_is_new_whoever_looks_first() {
    paused(async {
        let reader = FakeReader::new("queues", |nth| {
            Box::pin(async move {
                sleep(Duration::from_secs(1)).await;
                good(vec![queue("orders", i64::from(nth))]).await
            })
        });
        let (id, bench) = (
            reader.id(),
            Bench::start(std::slice::from_ref(&reader), &[]),
        );
        bench.when(|s| messages(s, "orders") == Some(0)).await;
        // Just after a look, so that none comes before what is read next.
        sleep(AWAKE_EVERY.mul_f64(1.1)).await;
        sleep_machine(Duration::from_secs(8 * 3600));
        bench.core.poke([&id]);
        bench.when(|s| messages(s, "orders") == Some(1)).await;
        let mut pictures = bench.core.snapshots();
        let outdated = pictures.wait_for(|s| status(s, &id).outdated);
        let never = crate::time::timeout(Duration::from_secs(60), outdated).await;
        assert!(never.is_err(), "it was read after the sleep");
        // And heard just before one, it is old.
        sleep_machine(Duration::from_secs(8 * 3600));
        bench.when(|s| status(s, &id).outdated).await;
    });
}

#[test]
fn a_watch_that_backs_off_is_opened_at_once_after_the_machine_slept() {
    paused(async {
        let pods = FakeWatch::new("pods", |nth| match nth {
            0..=6 => {
                futures::stream::iter([WatchBatch::Failed(failure(FailureClass::Unreachable))])
                    .boxed()
            }
            _ => then_silence(vec![WatchBatch::Replaced {
                found: vec![queue("a", 1)],
                skipped: 0,
            }]),
        });
        let bench = Bench::start(&[], std::slice::from_ref(&pods));
        // 1, 2, 4, 8, 16 and 32 s; then about 60.
        while pods.openings.load(std::sync::atomic::Ordering::SeqCst) < 7 {
            sleep(Duration::from_millis(100)).await;
        }
        sleep_machine(Duration::from_secs(3600));
        let began = now();
        bench.when(|s| messages(s, "a") == Some(1)).await;
        assert!((now() - began) < Duration::from_secs(10));
    });
}
