//! How many of a plan's checks passed on the press, as a run's first step says it: a check that was
//! not made did not pass.

use crate::finding::NOT_CHECKED;
use crate::plan::{Finding, Outcome, Severity};

/// The checks of a plan by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    passed: usize,
    unchecked: usize,
    all: usize,
}

impl Checked {
    pub(crate) fn of(findings: &[Finding]) -> Self {
        let unchecked = |f: &&Finding| {
            f.severity == Severity::Info
                && (f.outcome == Outcome::Unknown || f.value == NOT_CHECKED)
        };
        let count = findings.iter().filter(unchecked).count();
        let passed = findings
            .iter()
            .filter(|f| f.outcome == Outcome::Pass && !unchecked(f));
        Self {
            passed: passed.count(),
            unchecked: count,
            all: findings.len(),
        }
    }

    /// The step's sentence.
    pub(crate) fn sentence(self) -> String {
        let Self {
            passed,
            unchecked,
            all,
        } = self;
        let made = all - unchecked;
        match unchecked {
            0 => format!("{passed} of {made} checks passed again on the press."),
            n => format!(
                "{passed} of {made} checks passed again on the press; {n} could not be made."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Answer, Words, finding, not_checked};

    #[test]
    fn what_was_not_checked_did_not_pass() {
        let one = |severity, holds| {
            let words = Words {
                pass: String::new(),
                fail: String::new(),
                unknown: String::new(),
                threshold: "",
                next: "",
            };
            finding("a", severity, Answer::given(holds, ""), words)
        };
        let made = [one(Severity::Block, true), one(Severity::Warn, false)];
        let said = |findings: &[Finding]| Checked::of(findings).sentence();
        assert_eq!(said(&made), "1 of 2 checks passed again on the press.");
        let mut all = made.to_vec();
        all.push(not_checked("b", "x", "y"));
        assert_eq!(
            said(&all),
            "1 of 2 checks passed again on the press; 1 could not be made."
        );
    }
}
