//! What goes on beside the reading as long as a sight is open: its pictures are shown, its requests
//! counted, who we are is looked at again, and what somebody approved is read.

use crate::core::lock;
use crate::identity::{answer, identity};
use crate::index::Message;
use crate::meter::Meter;
use crate::sight::{Sight, spent};
use crate::time::{now, timeout};
use cloud::Sessions;
use model::access::Answer;
use model::{FailureClass, Program, Snapshot};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// How often requests are counted and our identity is looked at again.
const PULSE: Duration = Duration::from_secs(5);

/// Shows this sight's pictures, counts its requests and looks at who we are, until it is stopped.
pub(crate) fn begin(
    sight: &Sight,
    meter: &Arc<Mutex<Meter>>,
    pictures: watch::Sender<Arc<Snapshot>>,
) {
    sight.show(pictures);
    let (sessions, clusters) = (sight.sessions.clone(), sight.clusters.clone());
    let (meter, mailbox) = (Arc::clone(meter), sight.core.mailbox());
    let (mut drawn, core) = (sight.core.snapshots(), Arc::downgrade(&sight.core));
    let slowed = sight.core.pace_of_spending();
    sight.core.spawn(async move {
        let all = || clusters.all();
        // What is shown, not what is so by now: somebody may have signed in while the sight was opened.
        let mut known = drawn.borrow().identity.clone();
        let mut approved = sessions.programs.stamp();
        loop {
            let stamp = sessions.programs.stamp();
            if std::mem::replace(&mut approved, stamp) != stamp
                && let Some(core) = core.upgrade()
            {
                // Somebody approved a program, here or in a terminal.
                core.poke_failed();
            }
            let calm = core.upgrade().is_some_and(|core| core.is_calm());
            slowed.send_if_modified(|slowed| {
                let (mut meter, spent) = (lock(&meter), spent(&sessions, &clusters));
                meter.note(now(), spent);
                let wanted = meter.thrift(now(), spent, calm);
                std::mem::replace(slowed, wanted) != wanted
            });
            let said = said(&sessions, &drawn.borrow_and_update());
            let seen = identity(&sessions, &all(), &drawn.borrow().sources);
            if seen != known {
                known = seen;
                let message = Message::Identity(known.clone());
                if mailbox.send(message).await.is_err() {
                    return;
                }
            }
            // Sooner, when STS says something else.
            let other = drawn.wait_for(|picture| self::said(&sessions, picture) != said);
            if let Ok(Err(_)) = timeout(PULSE, other).await {
                return;
            }
        }
    });
}

/// What STS said last of every account, and which programs wait.
fn said(sessions: &Sessions, picture: &Snapshot) -> (Vec<Option<FailureClass>>, Vec<Program>) {
    let accounts = sessions.accounts.iter();
    let failures = accounts.map(|account| match answer(account, &picture.sources) {
        Answer::Failed(failure) => Some(failure.class),
        Answer::Awaited | Answer::Given => None,
    });
    (failures.collect(), sessions.programs.waiting())
}
