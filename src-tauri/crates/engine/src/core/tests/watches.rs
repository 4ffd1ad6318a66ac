//! Watches: silence, failure, full lists.

use super::fakes::*;
use crate::core::*;
use crate::time::{paused, sleep};
use collect::kubernetes::WatchBatch;
use model::{FailureClass, Level, State};
use std::sync::atomic::Ordering;

#[test]
fn single_things_change_and_a_full_list_replaces_all() {
    paused(async {
        let pods = FakeWatch::new("pods", |_| {
            then_silence(vec![
                WatchBatch::Began,
                WatchBatch::Replaced {
                    found: vec![queue("a", 1), queue("b", 1)],
                    skipped: 0,
                },
                WatchBatch::Changed {
                    upserts: vec![queue("b", 2), queue("c", 3)],
                    gone: vec![queue_id("a")],
                    skipped: 0,
                },
            ])
        });
        let bench = Bench::start(&[], std::slice::from_ref(&pods));
        let drawn = bench.when(|s| messages(s, "c") == Some(3)).await;
        assert_eq!(messages(&drawn, "a"), None);
        assert_eq!(messages(&drawn, "b"), Some(2));
        assert_eq!(status(&drawn, &pods.source().id).state, State::Ok);
    });
}

#[test]
fn a_silent_watch_turns_stale_without_any_message_and_is_opened_again() {
    paused(async {
        let pods = FakeWatch::new("pods", |nth| match nth {
            0 => then_silence(vec![WatchBatch::Replaced {
                found: vec![queue("a", 1)],
                skipped: 0,
            }]),
            _ => then_silence(vec![WatchBatch::Replaced {
                found: vec![queue("a", 2)],
                skipped: 0,
            }]),
        });
        let id = pods.source().id.clone();
        let bench = Bench::start(&[], std::slice::from_ref(&pods));
        bench.when(|s| messages(s, "a") == Some(1)).await;
        let begun = now();
        let old = bench.when(|s| status(s, &id).outdated).await;
        assert!(
            (now() - begun) <= Duration::from_secs(151),
            "{:?}",
            (now() - begun)
        );
        assert_eq!(old.nodes[0].health.level, Level::Unknown);
        assert_ne!(status(&old, &id).state, State::Ok);
        assert!(status(&old, &id).error.is_some());
        let back = bench.when(|s| messages(s, "a") == Some(2)).await;
        assert_eq!(status(&back, &id).state, State::Ok);
        assert_eq!(back.nodes[0].health.level, Level::Ok);
        assert_eq!(pods.openings.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn bookmarks_keep_a_quiet_watch_alive() {
    paused(async {
        let pods = FakeWatch::new("pods", |_| {
            let first = WatchBatch::Replaced {
                found: vec![queue("a", 1)],
                skipped: 0,
            };
            let bookmarks = futures::stream::unfold((), |()| async {
                sleep(Duration::from_secs(60)).await;
                Some((WatchBatch::Alive, ()))
            });
            Box::pin(futures::StreamExt::chain(
                futures::stream::iter([first]),
                bookmarks,
            ))
        });
        let id = pods.source().id.clone();
        let bench = Bench::start(&[], std::slice::from_ref(&pods));
        bench.when(|s| messages(s, "a") == Some(1)).await;
        for _ in 0..60 {
            sleep(Duration::from_secs(60)).await;
            assert_eq!(status(&bench.now(), &id).state, State::Ok);
        }
        assert_eq!(pods.openings.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_watch_that_fails_keeps_what_it_had_and_one_that_ends_is_opened_again() {
    paused(async {
        let pods = FakeWatch::new("pods", |nth| match nth {
            0 => Box::pin(futures::stream::iter([
                WatchBatch::Replaced {
                    found: vec![queue("a", 1)],
                    skipped: 0,
                },
                WatchBatch::Failed(failure(FailureClass::Unreachable)),
            ])),
            _ => then_silence(vec![WatchBatch::Alive]),
        });
        let id = pods.source().id.clone();
        let bench = Bench::start(&[], std::slice::from_ref(&pods));
        let failed = bench.when(|s| status(s, &id).state == State::Failed).await;
        assert_eq!(messages(&failed, "a"), Some(1));
        let back = bench.when(|s| status(s, &id).state == State::Ok).await;
        assert_eq!(messages(&back, "a"), Some(1));
    });
}

#[test]
fn a_watch_discovered_later_belongs_to_the_picture() {
    paused(async {
        let bench = Bench::start(&[], &[]);
        let late = FakeWatch::new("pods", |_| {
            then_silence(vec![WatchBatch::Replaced {
                found: vec![queue("a", 1)],
                skipped: 2,
            }])
        });
        bench.core.add(vec![late.clone()]).await;
        let drawn = bench.when(|s| messages(s, "a") == Some(1)).await;
        assert_eq!(status(&drawn, &late.source().id).skipped, 2);
    });
}
