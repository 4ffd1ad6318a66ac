//! Who keeps the mapping (guards.md §9): code that sets it back makes a change here a change for a while.

use crate::finding::{Answer, Words, finding, not_checked};
use crate::mapping::subject::Subject;
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use model::{Fact, NONE};

const ID: &str = "mapping.owner";

/// The CloudFormation stack its tags name. Tags that were not read, or lie too far back, stop nothing: they may be out of
/// reach here for good.
pub(super) fn owner(subject: &Subject<'_>) -> Finding {
    let origin = subject.origin(Fact::OwnerStack);
    match subject.mapping.facts.text(Fact::OwnerStack) {
        Some(stack) if origin.believed => kept(origin, stack),
        _ => unread(&origin),
    }
}

fn kept(origin: Origin, stack: &str) -> Finding {
    finding(
        ID,
        Severity::Warn,
        Answer::of(origin, Some(stack == NONE), stack),
        Words {
            pass: "None of its tags names a CloudFormation stack. Other infrastructure code leaves no tag that is known here."
                .to_owned(),
            fail: format!(
                "CloudFormation stack {stack} made this mapping: its next update may set it back."
            ),
            unknown: String::new(),
            threshold: "no stack",
            next: "Change the stack's template too, or tell who keeps it.",
        },
    )
}

fn unread(origin: &Origin) -> Finding {
    let why = match &origin.silence {
        Some(why) => format!("its tags are not read: {why}"),
        None => "its tags are not read".to_owned(),
    };
    not_checked(
        ID,
        &format!("whether infrastructure code keeps this mapping ({why})"),
        "If so, its next run sets it back.",
    )
}
