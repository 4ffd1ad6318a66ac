//! Zonal shifts: traffic that somebody moved away from a zone. Members: ARC Zonal Shift API reference,
//! [ZonalShiftInResource](https://docs.aws.amazon.com/arc-zonal-shift/latest/api/API_ZonalShiftInResource.html).

use super::{Rule, Subject, Verdict, say};
use crate::facts::{Fact, NONE};
use crate::health::Level;
use crate::kind::Kind;
use crate::node::Node;
use crate::time::Timestamp;

pub(super) const RULES: &[Rule] = &[Rule::new(
    "zonal-shift.active",
    &[Kind::LoadBalancer, Kind::Cluster],
    active,
)];

/// The zone that a shift keeps traffic out of now; one that has expired since it was read does not.
#[must_use]
pub fn shifted_away(node: &Node, now: Timestamp) -> Option<&str> {
    let zone = node.facts.text(Fact::ShiftedAwayFrom)?;
    let expired = node
        .facts
        .time(Fact::ShiftedUntil)
        .is_some_and(|end| end <= now);
    (zone != NONE && !expired).then_some(zone)
}

/// When it expires, to the minute and with the date, for it may last for three days: ` until 2026-11-22 23:00 UTC`; empty
/// where no end was told.
#[must_use]
pub fn shift_end(node: &Node) -> String {
    let end = node.facts.time(Fact::ShiftedUntil).map(|at| at.to_string());
    let minute = end.as_deref().and_then(|text| text.get(..16));
    minute.map_or(String::new(), |text| {
        format!(" until {} UTC", text.replace('T', " "))
    })
}

fn active(subject: &Subject<'_>) -> Option<Verdict> {
    let zone = shifted_away(subject.node, subject.now())?;
    let until = shift_end(subject.node);
    let who = match subject.text(Fact::ShiftedBy) {
        Some("ZONAL_SHIFT") => " by somebody",
        Some("PRACTICE_RUN") => " by a practice run",
        Some("FIS_EXPERIMENT") => " by a fault injection experiment",
        Some("ZONAL_AUTOSHIFT") => " by AWS (autoshift)",
        Some(_) | None => "",
    };
    let comment = subject.text(Fact::ShiftComment);
    let comment = comment.map_or(String::new(), |text| format!(" (“{text}”)"));
    let sentence = format!(
        "Traffic of {} is shifted away from {zone}{until}{who}{comment}: its other zones carry it all.",
        subject.name()
    );
    let text = format!("a zonal shift away from {zone} is applied");
    say(
        Level::InTransition,
        sentence,
        subject.evidence(Fact::ShiftedAwayFrom, text),
    )
}
