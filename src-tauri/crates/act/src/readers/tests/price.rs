//! What is told of prices, and why not.

use super::{add, remove, scope, snapshot, source};
use crate::{Action, ConfirmLevel, Outcome, Plan, Severity};
use model::node::FactOrigin;
use model::{Fact, Kind, Node, Scope, Service, Snapshot, Source, State, Timestamp};

/// A picture in which the Price List told what the instances cost.
fn priced(state: State, change: impl Fn(&mut Node)) -> Snapshot {
    let account = Scope {
        region: None,
        ..scope(None)
    };
    let mut status = source();
    status.source = Source::new(Service::Pricing, account, "instances");
    status.state = state;
    let id = status.source.id.clone();
    let tell = |node: &mut Node| {
        change(node);
        if node.facts.get(Fact::HourlyUsd).is_some() {
            let origin = FactOrigin {
                source: id.clone(),
                observed_at: Timestamp::default(),
            };
            node.fact_origins.insert(Fact::HourlyUsd, origin);
        }
    };
    let mut whole = snapshot(tell, 0);
    whole.sources.push(status);
    whole
}

fn costs(node: &mut Node) {
    if node.kind == Kind::DbInstance {
        node.facts.set(Fact::Engine, "aurora-mysql");
        node.facts.set(Fact::StorageType, "aurora");
        node.facts.set(Fact::HourlyUsd, 0.29);
    } else {
        node.facts.set(Fact::StorageType, "aurora");
    }
}

fn said<'a>(plan: &'a Plan, id: &str) -> Option<(&'a str, &'a str)> {
    let found = plan.findings.iter().find(|f| f.id == id)?;
    assert_eq!(
        (found.outcome, found.severity),
        (Outcome::Pass, Severity::Info)
    );
    Some((found.value.as_str(), found.sentence.as_str()))
}

#[test]
fn what_a_reader_costs_is_told_and_decides_nothing() {
    let (one_more, one_fewer) = ("add-reader.price", "remove-reader.price");
    let picture = priced(State::Ok, costs);
    let plan = add(&picture, &[]);
    assert_eq!(
        said(&plan, one_more),
        Some((
            "0.29 USD/h",
            "db.r6g.large costs 0.29 USD/h (on demand), 212 USD per month, until it is removed."
        ))
    );
    assert_eq!((plan.level, plan.blocked), (ConfirmLevel::L2, false));
    let asked = crate::readers::AddReader.sources(&picture, &plan);
    assert!(asked.iter().all(|id| !id.as_str().starts_with("pricing/")));
    let less = remove(&picture);
    let (value, sentence) = said(&less, one_fewer).expect("a price");
    assert_eq!(value, "0.29 USD/h");
    assert!(
        sentence.starts_with("Without db-3 (db.r6g.large) it is 0.29 USD/h (on demand), 212 USD")
    );
    assert_eq!((less.level, less.blocked), (ConfirmLevel::L3, false));
}

#[test]
fn a_price_that_was_not_read_says_why_and_decides_nothing() {
    let id = "add-reader.price";
    let why = |snapshot: &Snapshot, settings: &[(&str, &str)]| {
        let plan = add(snapshot, settings);
        assert!(!plan.blocked);
        let (value, sentence) = said(&plan, id).expect("said");
        assert_eq!(value, "not checked");
        sentence.to_owned()
    };
    let nobody = why(&snapshot(|_| {}, 0), &[]);
    assert!(nobody.contains("(nobody reads prices)"), "{nobody}");
    let pending = why(&priced(State::Pending, |_| {}), &[]);
    assert!(
        pending.contains("Price List has not answered yet"),
        "{pending}"
    );
    let picture = priced(State::Ok, costs);
    let other = why(&picture, &[("class", "db.r6g.xlarge")]);
    assert!(
        other.contains("db.r6g.xlarge (prices are read once a day, of the classes in use)"),
        "{other}"
    );
    let serverless = why(&picture, &[("class", "db.serverless")]);
    assert!(
        serverless.contains("charged by the capacity it uses"),
        "{serverless}"
    );
    // Another storage has another price.
    let optimized = priced(State::Ok, |node| {
        costs(node);
        if node.kind == Kind::DbCluster {
            node.facts.set(Fact::StorageType, "aurora-iopt1");
        }
    });
    assert!(why(&optimized, &[]).contains("classes in use"));
    let mut denied = priced(State::Failed, |_| {});
    let status = denied.sources.last_mut().expect("its source");
    status.error = Some("Price List GetProducts in us-east-1 was denied.".to_owned());
    status.last_ok = None;
    let denied = why(&denied, &[]);
    assert!(
        denied.contains("(Price List GetProducts in us-east-1 was denied)"),
        "{denied}"
    );
    let old = why(&priced(State::Stale, costs), &[]);
    assert!(
        old.contains("the last answer of Price List is too old"),
        "{old}"
    );
    assert_eq!(
        said(&remove(&snapshot(|_| {}, 0)), "remove-reader.price"),
        None
    );
}
