//! What an answer left out, and words that nobody knows.

use super::*;

/// A thing whose answer left one fact out.
fn without(s: &mut Stage, kind: Kind, name: &str, fact: Fact) -> NodeId {
    let thing = s.thing(kind, name, &[]);
    s.found(&thing).facts.remove(fact);
    thing
}

pub(super) const UNSAID: &[Row] = &[
    row(
        "unsaid.missing",
        Unknown,
        "orders: SQS left out ApproximateNumberOfMessages.",
        |s| without(s, Kind::Queue, "orders", MessagesVisible),
        NOTHING,
    ),
    row(
        "unsaid.missing",
        Unknown,
        "orders-1: RDS left out DBInstanceStatus.",
        |s| without(s, Kind::DbInstance, "orders-1", Status),
        thing!(DbInstance, "orders-1", Status = "available"),
    ),
    // A cluster that only a kubeconfig knows has no state in EKS.
    row(
        "unsaid.missing",
        Unknown,
        "prod: EKS left out status.",
        thing!(
            Cluster,
            "prod",
            Arn = "arn:aws:eks:us-east-1:1:cluster/prod"
        ),
        thing!(Cluster, "prod"),
    ),
    row(
        "unsaid.word",
        Unknown,
        "The state of pod api-1 is not known: it is said to be Unknown.",
        thing!(Pod, "api-1", Phase = "Unknown"),
        thing!(Pod, "api-1", Phase = "Running"),
    ),
    row(
        "unsaid.word",
        Unknown,
        "it is said to be KO",
        thing!(Alarm, "depth", AlarmState = "KO"),
        thing!(Alarm, "depth", AlarmState = "OK"),
    ),
];
