//! Readers of an Aurora cluster: one more (`CreateDBInstance`) and one fewer (`DeleteDBInstance`; RDS
//! API reference).
//!
//! An Aurora Replica is an instance that is created in the cluster: it takes engine, network, credentials
//! and storage from it (Aurora User Guide, "Adding Aurora Replicas to a DB cluster"). Each of the two is
//! the undo of the other, with a new instance and a cold cache.

mod add;
mod hands;
mod price;
mod remove;
#[cfg(test)]
mod tests;

pub use add::AddReader;
pub use remove::RemoveReader;

use crate::database::Database;
use crate::finding::{Answer, Words, finding};
use crate::plan::{Finding, Severity};
use model::Fact;

/// The call that adds one.
pub(crate) const CREATE: &str = "rds:CreateDBInstance";
/// The call that takes one away.
pub(crate) const DELETE: &str = "rds:DeleteDBInstance";

/// RDS changes the members only of a cluster that is available.
fn cluster_available(id: &'static str, database: &Database<'_>) -> Finding {
    let cluster = database.cluster;
    let status = cluster.facts.text(Fact::Status);
    let value = status.unwrap_or("not known").to_owned();
    let holds = status.map(|s| matches!(s, "available" | "backing-up"));
    finding(
        id,
        Severity::Block,
        Answer::of(database.origin(cluster, Fact::Status), holds, value.clone()),
        Words {
            pass: format!("{} is {value}.", cluster.name),
            fail: format!(
                "{} is {value}: its members cannot be changed now.",
                cluster.name
            ),
            unknown: format!("The status of {} is not known.", cluster.name),
            threshold: "available",
            next: "Wait until it is available, then plan again.",
        },
    )
}
