//! Rhythm, failure, panic, order.

use super::fakes::*;
use crate::core::*;
use crate::time::{paused, sleep};
use futures::future::BoxFuture;
use model::{FailureClass, Level, Service, State};

#[test]
fn a_dead_source_blocks_nobody_and_says_so() {
    paused(async {
        let dead = FakeReader::new("dead", |_| hang());
        let alive = FakeReader::new("alive", |nth| good(vec![queue("orders", i64::from(nth))]));
        let bench = Bench::start(&[dead.clone(), alive.clone()], &[]);
        let drawn = bench.when(|s| messages(s, "orders") == Some(0)).await;
        assert_eq!(status(&drawn, &dead.id()).state, State::Pending);
        let failed = bench
            .when(|s| status(s, &dead.id()).state == State::Failed)
            .await;
        let told = status(&failed, &dead.id());
        let failure = told.failure.as_ref().expect("a failed source says why");
        assert_eq!(failure.class, FailureClass::TimedOut);
        assert!(
            told.error
                .as_ref()
                .is_some_and(|e| e.contains("no answer in 60 s")),
            "{told:?}"
        );
        // Its poller lives and tries again, and the other was read all the while.
        let before = dead.count();
        sleep(Duration::from_secs(400)).await;
        assert!(dead.count() > before);
        assert!(alive.count() > 8);
    });
}

#[test]
fn a_calm_source_is_read_ever_less_often_and_its_failing_path_faster() {
    paused(async {
        let reader = FakeReader::new("queues", |nth| {
            good(vec![queue("orders", if nth < 8 { 1 } else { 500 })])
        });
        let bench = Bench::start(std::slice::from_ref(&reader), &[]);
        bench.when(|s| messages(s, "orders") == Some(500)).await;
        let calm = reader.gaps();
        assert!(
            calm[0] < 34.0 && *calm.last().expect("several") > 53.0,
            "{calm:?}"
        );
        let before = reader.count();
        sleep(Duration::from_secs(60)).await;
        let hurried = reader.count() - before;
        assert!(
            (5..=7).contains(&hurried),
            "every 10 s while critical, not {hurried} a minute"
        );
    });
}

#[test]
fn throttling_backs_off_and_recovery_is_at_once() {
    paused(async {
        let reader = FakeReader::new("queues", |nth| match nth {
            0..4 => bad(FailureClass::Throttled),
            _ => good(vec![queue("orders", i64::from(nth))]),
        });
        let bench = Bench::start(std::slice::from_ref(&reader), &[]);
        bench.when(|s| messages(s, "orders") == Some(5)).await;
        let gaps = reader.gaps();
        assert!(
            gaps[0] > 50.0 && gaps[1] > 1.6 * gaps[0] && gaps[2] > 1.6 * gaps[1],
            "{gaps:?}"
        );
        assert!(gaps[4] < 34.0, "{gaps:?}");
    });
}

#[test]
fn a_failed_reading_keeps_the_last_good_one_until_it_is_too_old() {
    paused(async {
        let reader = FakeReader::new("queues", |nth| match nth {
            0 => good(vec![queue("orders", 7)]),
            _ => bad(FailureClass::Server),
        });
        let bench = Bench::start(std::slice::from_ref(&reader), &[]);
        let failed = bench
            .when(|s| status(s, &reader.id()).state == State::Failed)
            .await;
        assert_eq!(messages(&failed, "orders"), Some(7));
        assert_eq!(
            failed.nodes[0].health.level,
            Level::Ok,
            "it is still believed"
        );
        let old = bench.when(|s| status(s, &reader.id()).outdated).await;
        assert_eq!(old.nodes[0].health.level, Level::Unknown);
        assert_eq!(messages(&old, "orders"), Some(7));
    });
}

#[test]
fn a_panic_is_a_failed_source_and_a_restart() {
    paused(async {
        let reader = FakeReader::new("queues", |nth| -> BoxFuture<'static, _> {
            Box::pin(async move {
                assert_ne!(nth, 1, "index out of bounds");
                good(vec![queue("orders", i64::from(nth))]).await
            })
        });
        let bench = Bench::start(std::slice::from_ref(&reader), &[]);
        let failed = bench
            .when(|s| status(s, &reader.id()).state == State::Failed)
            .await;
        let told = status(&failed, &reader.id())
            .error
            .clone()
            .expect("a sentence");
        assert!(
            told.contains("defect") && told.contains("index out of bounds"),
            "{told}"
        );
        assert_eq!(messages(&failed, "orders"), Some(0));
        bench.when(|s| messages(s, "orders") == Some(2)).await;
    });
}

#[test]
fn a_failure_is_shown_although_the_next_attempt_mends_it_at_once() {
    paused(async {
        let reader = FakeReader::new("queues", |nth| match nth {
            1 => bad(FailureClass::Server),
            _ => good(vec![queue("orders", i64::from(nth))]),
        });
        let bench = Bench::start(std::slice::from_ref(&reader), &[]);
        let failed = |s: &Snapshot| status(s, &reader.id()).state == State::Failed;
        bench.when(failed).await;
        let seen = now();
        let begun = lock(&reader.begun)[1];
        assert!(seen - begun < Duration::from_millis(600), "no patience");
    });
}

#[test]
fn a_poke_reads_now_and_again_after_a_reading_under_way() {
    paused(async {
        let reader = FakeReader::new("queues", |nth| {
            Box::pin(async move {
                sleep(Duration::from_secs(2)).await;
                good(vec![queue("orders", i64::from(nth))]).await
            })
        });
        let bench = Bench::start(std::slice::from_ref(&reader), &[]);
        bench.when(|s| messages(s, "orders") == Some(0)).await;
        bench.core.poke([&reader.id()]);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(
            reader.count(),
            2,
            "read at once, not at the end of the period"
        );
        // This reading began before the poke: another must follow.
        let fresh = bench
            .core
            .refresh(BTreeSet::from([reader.id()]), Duration::from_secs(9))
            .await;
        assert_eq!(messages(&fresh, "orders"), Some(2));
    });
}

#[test]
fn a_refresh_of_a_hanging_source_ends_in_time() {
    paused(async {
        let reader = FakeReader::new("queues", |nth| match nth {
            0 => good(vec![queue("orders", 1)]),
            _ => hang(),
        });
        let bench = Bench::start(std::slice::from_ref(&reader), &[]);
        bench.when(|s| messages(s, "orders") == Some(1)).await;
        let begun = now();
        bench
            .core
            .refresh(BTreeSet::from([reader.id()]), Duration::from_secs(5))
            .await;
        assert!((now() - begun) <= Duration::from_secs(5));
    });
}

#[test]
fn a_run_hurries_its_sources_only_while_it_lasts() {
    paused(async {
        let reader = FakeReader::new("queues", |_| good(vec![queue("orders", 1)]));
        let bench = Bench::start(std::slice::from_ref(&reader), &[]);
        bench.when(|s| messages(s, "orders") == Some(1)).await;
        let run = bench.core.hurry(BTreeSet::from([reader.id()]));
        sleep(Duration::from_secs(60)).await;
        let during = reader.count();
        assert!(
            (11..=15).contains(&during),
            "every 5 s, not {during} a minute"
        );
        drop(run);
        sleep(Duration::from_secs(60)).await;
        assert!(reader.count() - during <= 2);
    });
}

#[test]
fn who_needs_others_is_read_after_they_answered_or_failed() {
    paused(async {
        let slow = FakeReader::of(Service::Sqs, "queues", &[], |_| {
            Box::pin(async {
                sleep(Duration::from_secs(3)).await;
                good(Vec::new()).await
            })
        });
        let failing = FakeReader::of(Service::Rds, "clusters", &[], |_| {
            Box::pin(async {
                sleep(Duration::from_secs(5)).await;
                bad(FailureClass::Denied).await
            })
        });
        let metrics = FakeReader::of(
            Service::CloudWatch,
            "metrics",
            &[Service::Sqs, Service::Rds, Service::CloudWatch],
            |_| good(Vec::new()),
        );
        let epoch = now();
        let bench = Bench::start(&[metrics.clone(), slow, failing], &[]);
        bench.core.complete(Duration::from_secs(30)).await;
        let begun = lock(&metrics.begun)[0] - epoch;
        assert!((5.0..5.5).contains(&begun.as_secs_f64()), "{begun:?}");
    });
}

/// A source that answers after so many seconds, with one queue.
fn late(service: Service, part: &str, seconds: u64) -> Arc<FakeReader> {
    FakeReader::of(service, part, &[], move |nth| {
        Box::pin(async move {
            let wait = if nth == 0 { seconds } else { 0 };
            sleep(Duration::from_secs(wait)).await;
            good(vec![queue("orders", 1)]).await
        })
    })
}

fn figures(needs: &[Service]) -> Arc<FakeReader> {
    FakeReader::of(Service::CloudWatch, "queue-metrics", needs, |_| {
        good(Vec::new())
    })
}

#[test]
fn who_waits_says_for_what_and_so_does_the_command_that_gave_up() {
    paused(async {
        let metrics = figures(&[Service::Sqs]);
        let dead = FakeReader::new("queues", |_| hang());
        let bench = Bench::start(&[metrics.clone(), dead.clone()], &[]);
        let waits = "CloudWatch queue-metrics in eu-west-1: not read yet; the first reading waits for SQS queues in eu-west-1.";
        let told = |s: &Snapshot| status(s, &metrics.id()).error.clone();
        bench.when(|s| told(s).as_deref() == Some(waits)).await;
        let complete = bench.core.complete(Duration::from_secs(8)).await;
        let failure = status(&complete, &metrics.id()).failure.clone();
        let failure = failure.expect("failed");
        assert_eq!(failure.class, FailureClass::TimedOut);
        assert_eq!(
            failure.sentence,
            "CloudWatch queue-metrics in eu-west-1: no answer in 8 s, for it was not asked yet; it waits for SQS queues in eu-west-1, which did not answer in 8 s."
        );
        assert!(
            failure
                .next_step
                .contains("look at SQS queues in eu-west-1"),
            "{}",
            failure.next_step
        );
        let cause = status(&complete, &dead.id()).error.clone();
        assert!(cause.is_some_and(|e| e.contains("no answer in 8 s")));
    });
}

#[test]
fn a_hanging_source_is_not_waited_for_when_others_answered_and_asked_about_when_it_comes() {
    paused(async {
        let metrics = figures(&[Service::Sqs, Service::Rds]);
        let quick = late(Service::Rds, "clusters", 1);
        let slow = late(Service::Sqs, "queues", 20);
        let epoch = now();
        let bench = Bench::start(&[metrics.clone(), quick, slow], &[]);
        bench.core.complete(Duration::from_secs(50)).await;
        sleep(Duration::from_secs(5)).await;
        let begun: Vec<f64> = lock(&metrics.begun)
            .iter()
            .map(|at| (*at - epoch).as_secs_f64())
            .collect();
        assert_eq!(begun.len(), 2, "{begun:?}");
        assert!((5.0..5.5).contains(&begun[0]), "{begun:?}");
        assert!((20.0..20.5).contains(&begun[1]), "{begun:?}");
    });
}

#[test]
fn figures_do_not_wait_for_other_figures() {
    paused(async {
        let metrics = figures(&[Service::Sqs]);
        let tasks = FakeReader::of(Service::Sqs, "move-tasks", &[Service::Sqs], |_| hang());
        let queues = late(Service::Sqs, "queues", 1);
        let epoch = now();
        let bench = Bench::start(&[metrics.clone(), tasks, queues], &[]);
        bench
            .when(|s| status(s, &metrics.id()).state == State::Ok)
            .await;
        let begun = lock(&metrics.begun)[0] - epoch;
        assert!((1.0..1.5).contains(&begun.as_secs_f64()), "{begun:?}");
    });
}

#[test]
fn stopping_ends_every_task() {
    paused(async {
        let reader = FakeReader::new("queues", |_| good(vec![queue("orders", 1)]));
        let bench = Bench::start(&[reader.clone(), FakeReader::new("dead", |_| hang())], &[]);
        bench.when(|s| messages(s, "orders") == Some(1)).await;
        bench.core.stop().await;
        let before = reader.count();
        sleep(Duration::from_secs(600)).await;
        assert_eq!(reader.count(), before);
        bench.core.stop().await;
        // Asking a stopped engine gives its last picture.
        let last = bench.core.complete(Duration::from_secs(1)).await;
        assert_eq!(messages(&last, "orders"), Some(1));
    });
}
