//! What broken glass passes: the blocks that guards.md marks with †, and level 4 itself. Everything
//! else that blocks is the platform's own refusal, or would leave nothing healthy; nobody passes it.

use crate::draft::SECOND_PERSON;
use crate::plan::Finding;

/// The † of guards.md by the ids of their checks.
const DAGGERS: &[&str] = &[
    SECOND_PERSON,
    // §1
    "failover.not-recent",
    "failover.target-lag",
    // §4
    "scale.to-zero",
    // §6
    "redrive.changed-since-arrival",
    "redrive.consumer-enabled",
    "redrive.consumer-errors",
    "redrive.consumer-ready",
    // §8
    "purge.is-dlq",
    // §14
    "restart.keeps-serving",
    "undo.strategy",
];

/// Says of each finding whether broken glass passes it.
pub(crate) fn mark(findings: &mut [Finding]) {
    for finding in findings {
        finding.breakable = DAGGERS.contains(&finding.id.as_ref());
    }
}
