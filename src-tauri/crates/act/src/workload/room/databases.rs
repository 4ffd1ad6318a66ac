//! Whether databases take the connections of more pods.
//!
//! What a pod opens is measured, not assumed: the connections that are open now over the ready pods
//! of every workload that connects there. All of it is held against the writer, which takes most.

use super::Step;
use crate::database::{members, writer};
use crate::finding::{Answer, Words, finding};
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use crate::words::thousands;
use crate::workload::near;
use model::{Fact, Kind, Node, Relation};

/// One finding per database it connects to.
pub(super) fn connections(step: Step<'_>) -> Vec<Finding> {
    let databases = near::databases(step.snapshot, step.workload);
    databases.into_iter().map(|db| one(step, db)).collect()
}

/// What is known of a database's connections.
struct Use {
    /// Connections one pod holds, on the average.
    each: f64,
    /// Open to the writer.
    open: i64,
    /// What the writer takes.
    most: i64,
}

fn of(step: Step<'_>, writer: &Node, database: &Node) -> Option<Use> {
    let open = members(step.snapshot, database)
        .into_iter()
        .filter_map(|m| m.facts.count(Fact::Connections));
    let all: i64 = open.sum();
    let clients = near::previous(step.snapshot, &database.id, Relation::ConnectsTo);
    let ready = clients
        .iter()
        .filter(|node| matches!(node.kind, Kind::Deployment | Kind::StatefulSet))
        .filter_map(|node| node.facts.count(Fact::ReplicasReady));
    let pods: i64 = ready.sum();
    Some(Use {
        each: (pods > 0).then(|| all as f64 / pods as f64)?,
        open: writer.facts.count(Fact::Connections)?,
        most: writer.facts.count(Fact::MaxConnectionsEstimate)?,
    })
}

fn one(step: Step<'_>, database: &Node) -> Finding {
    let writer = writer(step.snapshot, database);
    let found = writer.and_then(|writer| of(step, writer, database));
    let name = &database.name;
    let added = step.added();
    let (holds, value, numbers) = match &found {
        None => (None, "not known".to_owned(), String::new()),
        Some(found) => {
            let more = (found.each * added as f64).ceil() as i64;
            let left = found.most - found.open;
            (
                Some(more <= left),
                format!(
                    "about {} more, room for {}",
                    thousands(more),
                    thousands(left)
                ),
                format!(
                    "a pod holds about {:.1} connections to {name}, {added} more pods about {}; its writer has {} of about {} open (max_connections by its class)",
                    found.each,
                    thousands(more),
                    thousands(found.open),
                    thousands(found.most)
                ),
            )
        }
    };
    let origin = writer.map(|writer| Origin::of(step.snapshot, writer, Fact::Connections));
    let answer = match origin {
        Some(origin) => Answer::of(origin, holds, value),
        None => Answer::unknown("the writer was not read"),
    };
    finding(
        "scale.connections",
        Severity::Warn,
        answer,
        Words {
            pass: format!("{name} takes the connections: {numbers}."),
            fail: format!("{name} may run out of connections: {numbers}."),
            unknown: format!("Whether {name} takes the connections of more pods is not known."),
            threshold: "within max_connections of the writer",
            next: "Ask for fewer replicas, or make the pools smaller first.",
        },
    )
}
