//! The lock that other consoles honour, taken at the press and given back at the end.

use super::Helm;
use crate::gate::Refusal;
use crate::runs::runner::Subject;
use act::lease::{Claim, Lease, Taken};
use model::Timestamp;

impl Helm {
    /// Takes the lock of a run's domain, and says in the plan's checks what came of it. Without a
    /// cluster that gives one, the platform's own state is what keeps two consoles apart.
    ///
    /// # Errors
    /// When somebody else has it.
    pub(super) async fn take_lock(
        &self,
        subject: &mut Subject,
        now: Timestamp,
    ) -> Result<Option<Box<Lease>>, Refusal> {
        let inner = &self.inner;
        let doing = doing(subject);
        let claim = Claim {
            domain: subject.plan.whole(),
            namespace: inner.rules.lock_namespace(),
            holder: &subject.grounds.actor,
            run: &subject.run.0,
            doing: &doing,
            now,
        };
        let taken = inner.platform.lock(&subject.plan, &claim).await;
        match taken {
            Taken::Ours(lease) => {
                let place = Ok(lease.place());
                subject.plan.findings.push(act::lease::finding(&place));
                Ok(Some(lease))
            }
            Taken::Theirs(theirs) => Err(Refusal::Locked {
                node: subject.plan.name.clone(),
                theirs: Box::new(theirs),
            }),
            Taken::Nowhere(why) => {
                subject.plan.findings.push(act::lease::finding(&Err(why)));
                Ok(None)
            }
        }
    }
}

/// What a run does and why: what other consoles read of it while it holds the lock.
fn doing(subject: &Subject) -> String {
    let grounds = &subject.grounds;
    let because = |what: &str, why: &str| match why.trim() {
        "" => String::new(),
        why => format!(", {what}: {why}"),
    };
    let glass = grounds.break_glass.as_deref().unwrap_or_default();
    format!(
        "{}{}{}",
        subject.plan.label,
        because("reason", &grounds.reason),
        because("glass broken", glass)
    )
}
