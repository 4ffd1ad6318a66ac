//! Any history of a resource, seen through any faults, ends in the same pods as its final list.

use crate::server::{Server, Truth, Twist, next, pod};
use collect::kubernetes::{Limits, WatchBatch, Watched};
use futures::future::join_all;
use model::{Fact, Found};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use std::time::Duration;

/// Histories tried; they run side by side, since most of their time is back-off.
const HISTORIES: usize = 64;

/// What happens to one of six pods.
#[derive(Clone, Debug)]
enum Happening {
    Put(u8),
    Delete(u8),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![3 => (0_u8..6).prop_map(Happening::Put), 1 => (0_u8..6).prop_map(Happening::Delete)];
    prop::collection::vec(one, 1..30)
}

fn twists() -> impl Strategy<Value = Vec<(usize, Twist)>> {
    let twist = prop_oneof![
        Just(Twist::End),
        Just(Twist::Reset),
        Just(Twist::HalfLine),
        Just(Twist::Garbage),
        Just(Twist::Gone),
        Just(Twist::Silence),
        Just(Twist::Refused),
    ];
    prop::collection::vec((0_usize..8, twist), 0..4)
}

/// The log of a history: version, event type, pod; and the restarts of what is there in the end.
fn log(happenings: &[Happening]) -> (Truth, BTreeMap<String, i64>) {
    let (mut truth, mut there) = (Truth::default(), BTreeMap::new());
    for happening in happenings {
        let version = truth.log.len() as i64 + 1;
        let (name, put) = match happening {
            Happening::Put(pod) => (format!("pod-{pod}"), true),
            Happening::Delete(pod) => (format!("pod-{pod}"), false),
        };
        let kind = match (put, there.contains_key(&name)) {
            (true, true) => "MODIFIED",
            (true, false) => "ADDED",
            (false, true) => "DELETED",
            (false, false) => continue,
        };
        truth
            .log
            .push((kind, pod(&name, &version.to_string(), version)));
        if put {
            there.insert(name, version);
        } else {
            there.remove(&name);
        }
    }
    (truth, there)
}

fn apply(batch: WatchBatch, held: &mut BTreeMap<String, i64>) {
    let upserts = match batch {
        WatchBatch::Replaced { found, .. } => {
            held.clear();
            found
        }
        WatchBatch::Changed { upserts, gone, .. } => {
            for id in gone {
                held.remove(id.as_str().rsplit('/').next().unwrap());
            }
            upserts
        }
        WatchBatch::Began | WatchBatch::Alive | WatchBatch::Absent(_) | WatchBatch::Failed(_) => {
            return;
        }
    };
    for found in upserts {
        let Found::Node(node) = found else {
            panic!("{found:?}")
        };
        held.insert(node.name.clone(), node.facts.count(Fact::Restarts).unwrap());
    }
}

async fn ends_right(happenings: Vec<Happening>, twists: Vec<(usize, Twist)>, listed: usize) {
    let (mut truth, wanted) = log(&happenings);
    let told = format!("{happenings:?} {twists:?} listed at {listed}");
    truth.listed = listed.min(truth.log.len());
    truth.twists = twists.into();
    let server = Server::start().await;
    server.tell(truth);
    let limits = Limits {
        silence: Duration::from_millis(400),
        ..Limits::default()
    };
    let cluster = server.cluster(limits).await;
    let mut watch = cluster.watch(Watched::Pods);
    let mut held = BTreeMap::from([("nothing was told".to_owned(), 0)]);
    let seen = tokio::time::timeout(Duration::from_secs(60), async {
        while held != wanted {
            apply(next(&mut watch).await, &mut held);
        }
    });
    assert!(seen.await.is_ok(), "{told}: {held:?} and not {wanted:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_history_through_any_faults_ends_in_its_final_list() {
    let mut runner = TestRunner::deterministic();
    let strategy = (happenings(), twists(), 0_usize..30);
    let histories: Vec<_> = (0..HISTORIES)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect();
    let runs = histories
        .into_iter()
        .map(|(happenings, twists, listed)| ends_right(happenings, twists, listed));
    join_all(runs).await;
}
