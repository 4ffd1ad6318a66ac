//! Whether connections go through an RDS Proxy, which keeps them open over a failover and finds the new
//! writer itself (Aurora User Guide, "Amazon RDS Proxy concepts and terminology", Failover:
//! <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy.howitworks.html>).
//!
//! guards.md §1 has it as a warning. Here it is told and raises nothing: a warning makes a failover
//! level 4, and on every platform without a proxy nobody could leave a sick writer alone at night any
//! more, for a property that does not change within the incident. Whether a driver follows a failover
//! by itself is not read: no label says so everywhere.
//!
//! A proxy that is not well, as its source says behind its name, is named and not counted on. What a
//! proxy keeps are connections: a transaction that is under way fails all the same.

use super::subject::Subject;
use crate::finding::{Answer, Words, finding as found, not_checked};
use crate::plan::{Finding, Severity};
use crate::words::{count, list, some};
use model::{Fact, NONE};

const ID: &str = "failover.proxy";

pub(super) fn finding(subject: &Subject<'_>) -> Finding {
    let cluster = subject.cluster();
    let name = &cluster.name;
    let origin = subject.database.origin(cluster, Fact::Proxies);
    let told = cluster.facts.text(Fact::Proxies);
    let Some(proxies) = told.filter(|_| origin.believed) else {
        let what =
            format!("whether connections go through an RDS Proxy (those of {name} were not read)");
        return not_checked(ID, &what, "Pools without one may cling to the old writer.");
    };
    let users: Vec<&str> = subject
        .users
        .iter()
        .map(|user| user.node.name.as_str())
        .collect();
    // `a, b (incompatible-network)`; no name of a proxy has a blank in it.
    let all = proxies.split(", ").filter(|name| *name != NONE);
    let (ill, well): (Vec<&str>, Vec<&str>) = all.partition(|name| name.ends_with(')'));
    let aside = aside(&ill);
    let hold = match users.len() {
        1 => "holds connections",
        _ => "hold connections",
    };
    found(
        ID,
        Severity::Info,
        Answer::of(origin, Some(!well.is_empty() || users.is_empty()), proxies),
        Words {
            pass: match well.is_empty() {
                true => format!(
                    "No RDS Proxy {}stands in front of {name}, and no workload is known that connects to it.{aside}",
                    if ill.is_empty() { "" } else { "that works " }
                ),
                false => format!(
                    "RDS Proxy {} is in front of {name}: connections through it are kept and find the new writer; transactions under way fail. Those to the cluster's own endpoint do not go through it.{aside}",
                    list(&well)
                ),
            },
            fail: format!(
                "Connections do not go through an RDS Proxy{}: {} {hold} that may cling to the old writer: {}.{aside}",
                if ill.is_empty() { "" } else { " that works" },
                count(users.len() as i64, "workload"),
                some(&users)
            ),
            unknown: String::new(),
            threshold: "a proxy, or nobody who connects",
            next: "Watch their logs after the failover, and restart those that cling.",
        },
    )
}

/// ` RDS Proxy orders-proxy (incompatible-network) is not counted on.`; nothing without one.
fn aside(ill: &[&str]) -> String {
    match ill {
        [] => String::new(),
        [one] => format!(" RDS Proxy {one} is not counted on."),
        [_, ..] => format!(" RDS Proxies {} are not counted on.", list(ill)),
    }
}
