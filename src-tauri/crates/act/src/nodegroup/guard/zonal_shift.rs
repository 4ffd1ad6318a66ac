//! Whether somebody keeps the cluster's traffic out of a zone (guards.md §11).

use crate::finding::{Answer, Words, finding, not_checked};
use crate::nodegroup::subject::Subject;
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use model::{Fact, Kind, Node, shift_end, shifted_away};

const ID: &str = "nodegroup.zonal-shift";

/// While a shift lasts, EKS starts no node in that zone: what is ordered comes in the others
/// (<https://docs.aws.amazon.com/r53recovery/latest/dg/arc-zonal-shift.resource-types.eks.html>).
pub(super) fn zonal_shift(subject: &Subject<'_>) -> Finding {
    let cluster = cluster(subject);
    let told = cluster.filter(|node| node.facts.get(Fact::ShiftedAwayFrom).is_some());
    let origin = cluster.map(|node| Origin::of(subject.snapshot, node, Fact::ShiftedAwayFrom));
    match (told, origin) {
        (Some(node), Some(origin)) if origin.believed => judged(subject, node, origin),
        (_, origin) => unread(origin.as_ref()),
    }
}

fn cluster<'a>(subject: &Subject<'a>) -> Option<&'a Node> {
    let scope = &subject.group.scope;
    let mut nodes = subject.snapshot.nodes.iter().map(AsRef::as_ref);
    nodes.find(|node: &&Node| {
        node.kind == Kind::Cluster
            && node.scope.account == scope.account
            && node.scope.region == scope.region
            && Some(node.name.as_str()) == scope.cluster.as_deref()
    })
}

fn judged(subject: &Subject<'_>, cluster: &Node, origin: Origin) -> Finding {
    let zone = shifted_away(cluster, subject.snapshot.taken_at);
    let until = shift_end(cluster);
    let name = &cluster.name;
    let away = zone.unwrap_or("no zone");
    finding(
        ID,
        Severity::Warn,
        Answer::of(origin, Some(zone.is_none()), away),
        Words {
            pass: format!("Nobody keeps the traffic of {name} out of a zone."),
            fail: format!(
                "The traffic of {name} is shifted away from {away}{until}: EKS starts no node there, what is ordered comes in the other zones."
            ),
            unknown: String::new(),
            threshold: "no zonal shift",
            next: "Ask whoever made the shift; after it, nodes are not spread as before.",
        },
    )
}

fn unread(origin: Option<&Origin>) -> Finding {
    let why = origin.and_then(|origin| origin.silence.as_deref());
    let why = why.unwrap_or("ARC did not say");
    not_checked(
        ID,
        &format!("zonal shifts of the cluster ({why})"),
        "While one lasts, EKS starts no node in the zone it is away from.",
    )
}
