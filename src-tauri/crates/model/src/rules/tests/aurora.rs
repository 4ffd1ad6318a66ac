//! Aurora.

use super::*;

/// A cluster with a writer in zone a and readers in the given zones with their status.
fn aurora(s: &mut Stage, readers: &[(&str, &str)]) -> NodeId {
    let cluster = s.thing(Kind::DbCluster, "ledger", &[(Status, "available".into())]);
    let mut member = |name: String, role: &str, zone: &str, status: &str| {
        let facts = [(Role, role.into()), (Status, status.into())];
        let instance = s.thing(Kind::DbInstance, &name, &facts);
        s.place(&instance, zone);
        s.edge(&cluster, Relation::Owns, &instance);
    };
    member("ledger-1".to_owned(), "writer", "us-east-1a", "available");
    for (n, (zone, status)) in readers.iter().enumerate() {
        member(format!("ledger-{}", n + 2), "reader", zone, status);
    }
    cluster
}

pub(super) const DATABASES: &[Row] = &[
    row(
        "aurora.readers-expected",
        Warning,
        "ledger has 1 available of the 3 readers that the stack file expects.",
        |s| {
            s.declared.readers.push(("ledger".to_owned(), 3));
            aurora(
                s,
                &[("us-east-1b", "available"), ("us-east-1c", "creating")],
            )
        },
        |s| {
            s.declared.readers.push(("ledger".to_owned(), 1));
            aurora(s, &[("us-east-1b", "available")])
        },
    ),
    row(
        "aurora.readers-expected",
        Warning,
        "ledger has 1 available of the 2 readers that the stack file expects.",
        |s| {
            s.declared.readers.push(("ledger".to_owned(), 2));
            aurora(
                s,
                &[("us-east-1b", "backing-up"), ("us-east-1c", "stopped")],
            )
        },
        // A backup takes no reader away.
        |s| {
            s.declared.readers.push(("ledger".to_owned(), 2));
            aurora(
                s,
                &[("us-east-1b", "available"), ("us-east-1c", "backing-up")],
            )
        },
    ),
    row(
        "aurora.readers-expected",
        Warning,
        "ledger has 0 available of the 1 readers that the stack file expects.",
        |s| {
            s.declared.readers.push(("ledger".to_owned(), 1));
            aurora(s, &[])
        },
        // The instances were not listed: only the cluster names its members.
        |s| {
            s.declared.readers.push(("ledger".to_owned(), 1));
            let cluster = s.thing(Kind::DbCluster, "ledger", &[]);
            for (name, role) in [("ledger-1", "writer"), ("ledger-2", "reader")] {
                let member = s.thing(Kind::DbInstance, name, &[(Role, role.into())]);
                s.edge(&cluster, Relation::Owns, &member);
            }
            cluster
        },
    ),
    row(
        "aurora.status",
        InTransition,
        "ledger is failing-over.",
        thing!(DbCluster, "ledger", Status = "failing-over"),
        thing!(DbCluster, "ledger", Status = "available"),
    ),
    row(
        "aurora.no-instance",
        Warning,
        "ledger has no instance: nothing can read from it or write to it.",
        thing!(DbCluster, "ledger", Members = 0),
        // The secondary of a global database may stand without.
        thing!(DbCluster, "ledger", Members = 0, GlobalCluster = "world"),
    ),
    row(
        "aurora.no-instance",
        Critical,
        "ledger has no instance",
        |s| {
            let cluster = s.thing(Kind::DbCluster, "ledger", &[(Members, 0.into())]);
            let pod = s.thing(Kind::Pod, "api-1", &[]);
            s.edge(&pod, Relation::ConnectsTo, &cluster);
            cluster
        },
        thing!(DbCluster, "ledger", Members = 1),
    ),
    row(
        "aurora.no-writer",
        Critical,
        "ledger has no writer among its 1 instances.",
        |s| {
            let cluster = s.thing(Kind::DbCluster, "ledger", &[]);
            let reader = s.thing(Kind::DbInstance, "ledger-1", &[(Role, "reader".into())]);
            s.edge(&cluster, Relation::Owns, &reader);
            cluster
        },
        |s| aurora(s, &[("us-east-1b", "available")]),
    ),
    row(
        "aurora.no-reader",
        Warning,
        "ledger has no available reader: if ledger-1 fails",
        |s| aurora(s, &[]),
        |s| aurora(s, &[("us-east-1b", "available")]),
    ),
    row(
        "aurora.last-reader",
        Warning,
        "ledger has only ledger-3 left outside its writer's zone (us-east-1a).",
        |s| {
            aurora(
                s,
                &[
                    ("us-east-1b", "incompatible-network"),
                    ("us-east-1c", "available"),
                ],
            )
        },
        |s| {
            aurora(
                s,
                &[("us-east-1b", "available"), ("us-east-1c", "available")],
            )
        },
    ),
    row(
        "aurora.lag",
        Critical,
        "Reader ledger-2 is 6,100 ms behind its writer.",
        thing!(
            DbInstance,
            "ledger-2",
            Role = "reader",
            ReplicaLagMs = 6100.0
        ),
        thing!(DbInstance, "ledger-2", Role = "reader", ReplicaLagMs = 18.0),
    ),
    row(
        "aurora.writer-cpu",
        Warning,
        "Writer ledger-1 runs at 99 % CPU.",
        thing!(DbInstance, "ledger-1", Role = "writer", CpuPercent = 99.0),
        thing!(DbInstance, "ledger-1", Role = "writer", CpuPercent = 42.0),
    ),
    row(
        "aurora.failover-state",
        InTransition,
        "fails over (failing-over)",
        thing!(DbGlobal, "world", FailoverState = "failing-over"),
        thing!(DbGlobal, "world", Status = "available"),
    ),
];
