//! Whether the databases behind the consumer have room for what it works on again (guards.md §6): a
//! redrive, native or selected, comes on top of live traffic.

use super::health;
use super::subject::Subject;
use crate::database::writer;
use crate::finding::{Answer, Words, finding, not_checked};
use crate::plan::{Finding, Outcome, Severity};
use crate::words::{percent, thousands};
use crate::workload::near;
use model::{Fact, Node, NodeId};
use std::collections::BTreeMap;

/// A writer busier than this, percent of its processors, has no room.
const CPU_PERCENT: f64 = 80.0;
/// Nor has one with more of its connections open, percent.
const CONNECTIONS_PERCENT: f64 = 90.0;

/// One finding for every database a consumer of a destination connects to; `rate` is how fast the
/// messages would come, per second.
pub(crate) fn findings(subject: &Subject<'_>, rate: i64) -> Vec<Finding> {
    let mut databases: BTreeMap<&NodeId, &Node> = BTreeMap::new();
    for (_, consumer) in health::seen(subject) {
        let reached = consumer
            .runs
            .map(|runs| near::databases(subject.snapshot, runs));
        databases.extend(reached.into_iter().flatten().map(|db| (&db.id, db)));
    }
    let databases = databases.into_values();
    databases.map(|db| one(subject, db, rate)).collect()
}

fn one(subject: &Subject<'_>, database: &Node, rate: i64) -> Finding {
    let writer = writer(subject.snapshot, database);
    let cpu = writer.and_then(|writer| writer.facts.number(Fact::CpuPercent));
    let open = writer.and_then(|writer| {
        let open = writer.facts.count(Fact::Connections)?;
        let most = writer.facts.count(Fact::MaxConnectionsEstimate)?;
        (most > 0).then_some((open, most))
    });
    let full =
        open.is_some_and(|(open, most)| open as f64 * 100.0 > most as f64 * CONNECTIONS_PERCENT);
    let holds = cpu.map(|cpu| cpu <= CPU_PERCENT && !full);
    let value = match (cpu, open) {
        (None, _) => "not read".to_owned(),
        (Some(cpu), None) => format!("CPU {}", percent(cpu)),
        (Some(cpu), Some((open, most))) => format!(
            "CPU {}, {} of about {} connections open",
            percent(cpu),
            thousands(open),
            thousands(most)
        ),
    };
    let answer = match writer {
        Some(writer) => Answer::of(
            subject.origin(writer, Fact::CpuPercent),
            holds,
            value.clone(),
        ),
        None => Answer::unknown("the writer was not read"),
    };
    let name = &database.name;
    if answer.outcome == Outcome::Unknown {
        return not_checked(
            "redrive.database",
            &format!(
                "whether the writer of {name}, which the consumer uses, has room (its figures were not read)"
            ),
            "What is redriven comes on top of its load.",
        );
    }
    finding(
        "redrive.database",
        Severity::Warn,
        answer,
        Words {
            pass: format!("The writer of {name}, which the consumer uses, has room: {value}."),
            fail: format!(
                "The writer of {name}, which the consumer uses, is busy already: {value}. What is redriven comes on top, at up to {}/s.",
                thousands(rate)
            ),
            unknown: String::new(),
            threshold: "CPU at most 80 %, at most 90 % of its connections open",
            next: "Wait until it is quieter, or redrive at a lower rate.",
        },
    )
}
