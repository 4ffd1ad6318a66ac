//! Zonal shifts.

use super::*;

/// A thing whose traffic is kept out of us-east-1b until then.
fn shifted(s: &mut Stage, kind: Kind, name: &str, until: &str) -> NodeId {
    let facts = [
        (ShiftedAwayFrom, "us-east-1b".into()),
        (ShiftedUntil, until.into()),
        (ShiftedBy, "ZONAL_SHIFT".into()),
        (ShiftComment, "INC-42".into()),
    ];
    s.thing(kind, name, &facts)
}

pub(super) const SHIFTS: &[Row] = &[
    row(
        "zonal-shift.active",
        InTransition,
        "Traffic of api is shifted away from us-east-1b until 2099-11-22 23:00 UTC by somebody (“INC-42”): its other zones carry it all.",
        |s| shifted(s, Kind::LoadBalancer, "api", "2099-11-22T23:00:00Z"),
        |s| shifted(s, Kind::LoadBalancer, "api", "2001-11-22T23:00:00Z"),
    ),
    row(
        "zonal-shift.active",
        InTransition,
        "Traffic of prod is shifted away from use1-az2 by AWS (autoshift): its",
        thing!(
            Cluster,
            "prod",
            ShiftedAwayFrom = "use1-az2",
            ShiftedBy = "ZONAL_AUTOSHIFT"
        ),
        thing!(Cluster, "prod", ShiftedAwayFrom = "none"),
    ),
];
