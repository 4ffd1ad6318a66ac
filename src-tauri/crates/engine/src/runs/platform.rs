//! What the acting half needs of the reading half.

use crate::gate::Refusal;
use act::lease::{Claim, Taken, Theirs};
use act::{Allowed, Course, Plan, Rights};
use async_trait::async_trait;
use model::{Snapshot, SourceId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// The newest picture after fresh reads.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The picture.
    pub snapshot: Arc<Snapshot>,
    /// Sources that were asked and have not answered well since.
    pub unanswered: Vec<SourceId>,
}

/// The platform as the reading half knows it.
#[async_trait]
pub trait Platform: Send + Sync + 'static {
    /// The newest picture.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// Platform time.
    fn now(&self) -> Timestamp;

    /// Who acts, for the record: user, machine, and who AWS says that is.
    fn actor(&self) -> String;

    /// Reads these sources now and waits for what they say, at most `deadline`.
    async fn refresh(&self, sources: &[SourceId], deadline: Duration) -> Fresh;

    /// Asks for these sources to be read soon.
    fn poke(&self, sources: &[SourceId]);

    /// Platform seconds per second of ours: 1, but for a simulated platform that runs faster.
    fn pace(&self) -> f64 {
        1.0
    }

    /// Lets time pass between two looks of a run. A platform whose time is driven by hand moves it.
    async fn rest(&self, time: Duration) {
        crate::time::sleep(time).await;
    }

    /// Asks whether we have the rights a plan's calls need.
    async fn rights(&self, plan: &Plan) -> Rights {
        let why = || Allowed::Unasked("nobody can be asked here".to_owned());
        plan.rights.iter().map(|r| (r.clone(), why())).collect()
    }

    /// Takes the lock that other consoles honour, in the cluster of the plan's node, or of its region.
    async fn lock(&self, plan: &Plan, claim: &Claim<'_>) -> Taken {
        let _ = (plan, claim);
        Taken::Nowhere("there is no cluster here".to_owned())
    }

    /// Whether another console holds that lock now.
    async fn locked(&self, plan: &Plan, claim: &Claim<'_>) -> Option<Theirs> {
        let _ = (plan, claim);
        None
    }

    /// The course of a plan, with hands in the account and region of its node.
    ///
    /// # Errors
    /// When that account and region are not open.
    fn course(&self, plan: &Plan) -> Result<Box<dyn Course>, Refusal>;
}
