//! What is open, what is over, what cannot be known.

use super::*;
use crate::action::nothing;
use model::{AccountId, Facts, Health, Scope, Service, Source, SourceStatus, Standing, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

const ACCOUNT: &str = "123456789012";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_000_000 + seconds)
}

fn source(state: State) -> SourceStatus {
    let scope = Scope {
        account: Some(AccountId::new(ACCOUNT)),
        ..Scope::default()
    };
    SourceStatus {
        source: Source::new(Service::Lambda, scope, "mappings"),
        state,
        last_ok: Some(at(0)),
        period_seconds: 10.0,
        requests: 1,
        skipped: 0,
        outdated: state != State::Ok,
        error: None,
        failure: None,
    }
}

fn id(kind: Kind) -> NodeId {
    NodeId::aws(kind, ACCOUNT, Some("eu-west-1"), "orders")
}

fn picture(kind: Kind, facts: &[(Fact, Value)], seen: i64, state: State) -> Snapshot {
    let mut snapshot = nothing();
    let source = source(state);
    let mut node = Node {
        id: id(kind),
        kind,
        name: "orders".to_owned(),
        scope: Scope::default(),
        health: Health::default(),
        facts: Facts::default(),
        zones: BTreeMap::new(),
        series: Vec::new(),
        standing: Standing::Read,
        observed_at: at(seen),
        source: source.source.id.clone(),
        fact_origins: BTreeMap::new(),
    };
    for (fact, value) in facts {
        node.facts.set(*fact, value.clone());
    }
    snapshot.taken_at = at(seen);
    snapshot.nodes.push(Arc::new(node));
    snapshot.sources.push(source);
    snapshot
}

fn left(kind: Kind) -> Left {
    Left {
        run: RunId("r1".to_owned()),
        node: id(kind),
        name: "orders".to_owned(),
        stack: "Meridian".to_owned(),
        leaves: Leaves {
            sentence: "orders stays paused.".to_owned(),
            seconds: 1_800,
            close: Request {
                action: Verb::Redrive,
                node: id(kind),
                settings: BTreeMap::new(),
            },
        },
        actor: "ann".to_owned(),
        reason: "drill".to_owned(),
        since: at(0),
        ended: true,
    }
}

fn state(word: &str) -> [(Fact, Value); 1] {
    [(Fact::StateWord, word.into())]
}

#[test]
fn a_pause_is_open_until_the_platform_shows_otherwise() {
    let left = left(Kind::Mapping);
    let of = |word: &str, seen, source| {
        shown(&picture(Kind::Mapping, &state(word), seen, source), &left)
    };
    assert_eq!(of("Disabled", 10, State::Ok), Shown::Open);
    assert_eq!(of("Disabling", 10, State::Ok), Shown::Open);
    assert_eq!(of("Enabled", 10, State::Ok), Shown::Closed);
    assert_eq!(of("Updating", 10, State::Ok), Shown::Unknown);
    // Read before the run ended: it says nothing about what the run left.
    assert_eq!(of("Enabled", 0, State::Ok), Shown::Unknown);
    // A watched thing that has not changed since is as old as its last change.
    assert_eq!(of("Disabled", 0, State::Ok), Shown::Open);
    // Outdated: it says nothing about now.
    assert_eq!(of("Enabled", 10, State::Stale), Shown::Unknown);
}

#[test]
fn a_thing_that_is_gone_is_over_only_where_everything_was_read() {
    let left = left(Kind::Mapping);
    let mut without = picture(Kind::Mapping, &[], 10, State::Ok);
    without.nodes.clear();
    assert_eq!(shown(&without, &left), Shown::Closed);
    without.sources = vec![source(State::Failed)];
    assert_eq!(shown(&without, &left), Shown::Unknown);
    without.sources.clear();
    assert_eq!(shown(&without, &left), Shown::Unknown);
}

#[test]
fn a_loop_says_until_when_and_alarms_afterwards() {
    let left = left(Kind::Mapping);
    let open = ours(&left, Shown::Open, at(600));
    assert_eq!(open.state, LoopState::Open);
    assert!(
        open.sentence.contains("closed in 20 min"),
        "{}",
        open.sentence
    );
    let unseen = ours(&left, Shown::Unknown, at(600));
    assert_eq!(unseen.state, LoopState::Unseen);
    let late = ours(&left, Shown::Open, at(2_400));
    assert_eq!(late.state, LoopState::Expired);
    assert!(late.sentence.contains("10 min ago"), "{}", late.sentence);
    assert!(
        late.sentence.contains("redrive on orders"),
        "{}",
        late.sentence
    );
    // Nothing seen is no reason to be quiet.
    assert_eq!(
        ours(&left, Shown::Unknown, at(2_400)).state,
        LoopState::Expired
    );
    assert!(
        LoopState::Expired < LoopState::Open,
        "the most urgent first"
    );
}

#[test]
fn what_somebody_else_left_open_is_listed() {
    let rows: [(Kind, Fact, Value, Option<&str>); 8] = [
        (
            Kind::Mapping,
            Fact::StateWord,
            "Disabled".into(),
            Some("is disabled"),
        ),
        (Kind::Mapping, Fact::StateWord, "Enabled".into(), None),
        (
            Kind::ScaledObject,
            Fact::Paused,
            true.into(),
            Some("is paused"),
        ),
        (Kind::ScaledObject, Fact::Paused, false.into(), None),
        (
            Kind::ScaledObject,
            Fact::PausedScaleIn,
            true.into(),
            Some("not scale in"),
        ),
        (
            Kind::Deployment,
            Fact::Paused,
            true.into(),
            Some("is paused"),
        ),
        (
            Kind::Queue,
            Fact::MoveTaskStatus,
            "RUNNING".into(),
            Some("move task"),
        ),
        (Kind::Queue, Fact::MoveTaskStatus, "COMPLETED".into(), None),
    ];
    for (kind, fact, value, words) in rows {
        let all = found(&picture(kind, &[(fact, value)], 10, State::Ok));
        let sentence = all.first().map(|found| found.sentence.as_str());
        match words {
            Some(words) => assert!(sentence.is_some_and(|s| s.contains(words)), "{sentence:?}"),
            None => assert_eq!(sentence, None),
        }
        assert!(all.iter().all(|found| found.owner.is_none()));
    }
}
