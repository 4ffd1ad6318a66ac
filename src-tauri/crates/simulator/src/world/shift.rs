//! Zonal shifts: traffic of a load balancer or cluster that is kept out of a zone for a while. Of a cluster only the shift
//! is told; its nodes and pods stay as they are.

use crate::clock::Millis;
use crate::world::region::Region;

/// A shift.
#[derive(Debug, Clone)]
pub struct Shift {
    /// Id.
    pub id: String,
    /// ARN of the balancer or cluster.
    pub arn: String,
    /// Index of the zone.
    pub zone: usize,
    /// When it began.
    pub started: Millis,
    /// When it ends by itself.
    pub expires: Millis,
    /// What its maker wrote.
    pub comment: String,
    /// Ended before.
    pub cancelled: bool,
}

impl Shift {
    /// ARC's word: ACTIVE, EXPIRED or CANCELED.
    #[must_use]
    pub fn status(&self, now: Millis) -> &'static str {
        match (self.cancelled, now >= self.expires) {
            (true, _) => "CANCELED",
            (false, true) => "EXPIRED",
            (false, false) => "ACTIVE",
        }
    }
}

impl Region {
    /// The shift of a resource that lasts.
    #[must_use]
    pub fn shift_of(&self, arn: &str, now: Millis) -> Option<&Shift> {
        let mut all = self.shifts.iter();
        all.find(|shift| shift.arn == arn && shift.status(now) == "ACTIVE")
    }
}
