//! What is published when, and to whom.

use super::fakes::*;
use crate::core::*;
use crate::index::Message;
use crate::time::{paused, sleep};
use crate::updates;
use collect::kubernetes::WatchBatch;
use futures::StreamExt as _;
use model::{FailureClass, Identity, State, Update, apply};
use std::pin::pin;

#[test]
fn what_did_not_change_is_not_published_but_its_age_is_kept_true() {
    paused(async {
        let reader = FakeReader::new("queues", |_| good(vec![queue("orders", 1)]));
        let bench = Bench::start(std::slice::from_ref(&reader), &[]);
        let first = bench.when(|s| messages(s, "orders") == Some(1)).await;
        let mut snapshots = bench.core.snapshots();
        snapshots.mark_unchanged();
        sleep(Duration::from_secs(600)).await;
        let last = snapshots.borrow().clone();
        let readings = u64::from(reader.count());
        assert!(readings > 9, "{readings}");
        // At most one per reading, none for the mere passing of time.
        assert!(
            last.seq - first.seq <= readings,
            "{} {}",
            last.seq,
            first.seq
        );
        let age = last
            .taken_at
            .seconds_since(status(&last, &reader.id()).last_ok.expect("read"));
        assert!(age <= 10.0, "{age}");
        assert!(bench.assemblies.count() as u64 <= readings + 3);
    });
}

#[test]
fn a_storm_is_assembled_four_times_a_second_and_ends_in_the_last_word() {
    paused(async {
        let storm = FakeWatch::new("pods", |_| {
            let changes = futures::stream::unfold(0_i64, |n| async move {
                sleep(Duration::from_millis(10)).await;
                let upserts = vec![queue(&format!("q{}", n % 50), n)];
                let gone = vec![queue_id(&format!("q{}", (n + 25) % 50))];
                (n < 1000).then(|| {
                    (
                        WatchBatch::Changed {
                            upserts,
                            gone,
                            skipped: 0,
                        },
                        n + 1,
                    )
                })
            });
            let begin = vec![
                WatchBatch::Began,
                WatchBatch::Replaced {
                    found: Vec::new(),
                    skipped: 0,
                },
            ];
            futures::stream::iter(begin)
                .chain(changes)
                .chain(futures::stream::pending())
                .boxed()
        });
        let bench = Bench::start(&[], std::slice::from_ref(&storm));
        let mut told = pin!(updates(bench.core.snapshots()));
        let Some(Update::Full { snapshot }) = told.next().await else {
            panic!("the full state comes first");
        };
        let mut folded = (*snapshot).clone();
        let begun = now();
        while messages(&folded, "q49") != Some(999) {
            match told.next().await.expect("the engine lives") {
                Update::Full { .. } => panic!("once is enough"),
                Update::Delta(delta) => {
                    folded = apply(&folded, &delta).expect("it applies to what was received");
                }
            }
        }
        assert_eq!(
            folded,
            *bench.now(),
            "folding the updates gives the newest picture"
        );
        assert_eq!(folded.nodes.len(), 25);
        let seconds = (now() - begun).as_secs_f64();
        let assemblies = bench.assemblies.count() as f64;
        assert!(assemblies / seconds <= 4.3, "{assemblies} in {seconds} s");
        assert!(assemblies / seconds >= 3.0, "{assemblies} in {seconds} s");
        let at = lock(&bench.assemblies.at).clone();
        // The first two are the empty picture and the completed one.
        assert!(
            at[2..]
                .windows(2)
                .all(|w| w[1] - w[0] >= Duration::from_millis(250))
        );
    });
}

#[test]
fn complete_waits_for_all_but_not_for_ever() {
    paused(async {
        let dead = FakeReader::new("dead", |_| hang());
        let slow = FakeReader::new("slow", |_| {
            Box::pin(async {
                sleep(Duration::from_secs(2)).await;
                good(vec![queue("orders", 3)]).await
            })
        });
        let failing = FakeReader::new("failing", |_| bad(FailureClass::Denied));
        let bench = Bench::start(&[slow.clone(), failing.clone()], &[]);
        let begun = now();
        let whole = bench.core.complete(Duration::from_secs(30)).await;
        assert_eq!(messages(&whole, "orders"), Some(3));
        assert_eq!(status(&whole, &failing.id()).state, State::Failed);
        assert!(
            (now() - begun) < Duration::from_millis(2010),
            "{:?}",
            (now() - begun)
        );

        let bench = Bench::start(&[slow.clone(), dead.clone()], &[]);
        let begun = now();
        let part = bench.core.complete(Duration::from_secs(5)).await;
        assert!(
            (now() - begun) < Duration::from_millis(5010),
            "{:?}",
            (now() - begun)
        );
        assert_eq!(messages(&part, "orders"), Some(3));
        let told = status(&part, &dead.id());
        assert_eq!(told.state, State::Failed);
        assert!(
            told.error
                .as_ref()
                .is_some_and(|e| e.contains("no answer in 5 s")),
            "{told:?}"
        );
        // Once complete, always complete.
        let again = bench.core.complete(Duration::from_secs(5)).await;
        assert_eq!(status(&again, &dead.id()).state, State::Failed);
    });
}

#[test]
fn a_rule_with_a_defect_leaves_the_last_picture_and_a_sentence() {
    paused(async {
        let reader = FakeReader::new("queues", |nth| {
            good(vec![queue("orders", i64::from(nth) * 50)])
        });
        let bench = Bench::start(std::slice::from_ref(&reader), &[]);
        *lock(&bench.assemblies.panics_at) = Some(60);
        let broken = bench.when(|s| s.sources.len() == 2).await;
        assert_eq!(messages(&broken, "orders"), Some(50));
        let told = broken
            .sources
            .iter()
            .find(|s| s.source.part == "assembly")
            .expect("it is told");
        assert!(
            told.error
                .as_ref()
                .is_some_and(|e| e.contains("cannot count that far")),
            "{told:?}"
        );
        *lock(&bench.assemblies.panics_at) = None;
        let mended = bench.when(|s| messages(s, "orders") > Some(60)).await;
        assert_eq!(mended.sources.len(), 1);
    });
}

#[test]
fn identity_is_part_of_the_picture() {
    paused(async {
        let bench = Bench::start(&[], &[]);
        let identity = Identity {
            simulated: true,
            ..Identity::default()
        };
        let told = Message::Identity(identity.clone());
        bench
            .core
            .mailbox()
            .send(told)
            .await
            .expect("the index lives");
        assert_eq!(
            bench.when(|s| s.identity.simulated).await.identity,
            identity
        );
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_make_one_history() {
    // Real threads: eight sources write as fast as they can, each counting up.
    let readers: Vec<_> = (0..8)
        .map(|reader| {
            let part = format!("part{reader}");
            let name = format!("q{reader}");
            FakeReader::new(&part, move |nth| good(vec![queue(&name, i64::from(nth))]))
        })
        .collect();
    let bench = Bench::start(&readers, &[]);
    let mut told = pin!(updates(bench.core.snapshots()));
    let Some(Update::Full { snapshot }) = told.next().await else {
        panic!("the full state comes first");
    };
    let mut folded = (*snapshot).clone();
    while !(0..8).all(|q| messages(&folded, &format!("q{q}")) >= Some(200)) {
        bench.core.poke(
            readers
                .iter()
                .map(|r| r.source().id.clone())
                .collect::<Vec<_>>()
                .iter(),
        );
        // Poked readers answer in microseconds; deltas come a few times a second.
        let next = crate::time::timeout(Duration::from_millis(1), told.next()).await;
        let Ok(Some(Update::Delta(delta))) = next else {
            continue;
        };
        let before = folded;
        folded = apply(&before, &delta).expect("no delta is missing");
        assert_eq!(folded.seq, delta.seq);
        assert!(folded.seq > before.seq && folded.taken_at >= before.taken_at);
        for q in 0..8 {
            let name = format!("q{q}");
            assert!(
                messages(&folded, &name) >= messages(&before, &name),
                "time never goes back"
            );
        }
    }
    bench.core.stop().await;
}
