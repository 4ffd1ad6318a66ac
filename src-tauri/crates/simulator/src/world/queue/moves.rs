//! Message move tasks: the asynchronous redrive of a dead-letter queue.
//!
//! Service model of `sqs` 2012-11-05 (StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask): one active
//! task per queue, at most 500 messages a second, the number to move is measured at the start, cancelling stops the
//! task and reverts nothing. A moved message is a new one (Developer Guide, dead-letter queue redrive): new id, new
//! enqueue time, retention from the beginning.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Message, Queue};
use crate::clock::Millis;
use crate::world::dice::Dice;

/// Most messages a second a task may move.
pub const MAX_RATE: u32 = 500;
/// Tasks that ListMessageMoveTasks remembers per queue.
pub const REMEMBERED: usize = 10;
/// Seconds between the cancel call and the stop: AWS was recorded moving on for a moment.
const CANCELLING_SECONDS: i64 = 2;

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveStatus {
    /// Moving.
    Running,
    /// Every message was moved.
    Completed,
    /// Told to stop.
    Cancelling,
    /// Stopped.
    Cancelled,
    /// Could not go on.
    Failed,
}

impl MoveStatus {
    /// SQS's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Cancelling => "CANCELLING",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
        }
    }

    /// True while the task holds its queue's only place.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Cancelling)
    }
}

/// A move task.
#[derive(Debug, Clone)]
pub struct MoveTask {
    /// Part of its handle.
    pub id: String,
    /// ARN of the dead-letter queue.
    pub source: Arc<str>,
    /// ARN given by the caller; without one every message goes back where it came from.
    pub destination: Option<Arc<str>>,
    /// Messages a second, when the caller gave it.
    pub rate: Option<u32>,
    /// When it was started.
    pub started: Millis,
    /// Where it is.
    pub status: MoveStatus,
    /// Moved so far.
    pub moved: u64,
    /// Receivable messages at the start.
    pub to_move: u64,
    /// Why it failed.
    pub failure: Option<&'static str>,
    /// Messages that came later are left alone.
    horizon: u64,
    budget: f64,
    cancelled: Option<Millis>,
}

impl MoveTask {
    /// A task that starts now on `source`.
    #[must_use]
    pub fn new(
        id: String,
        source: &Queue,
        destination: Option<Arc<str>>,
        rate: Option<u32>,
        now: Millis,
    ) -> Self {
        Self {
            id,
            source: source.arn.clone(),
            destination,
            rate,
            started: now,
            status: MoveStatus::Running,
            moved: 0,
            to_move: source.visible() as u64,
            failure: None,
            horizon: source.horizon(),
            budget: 0.0,
            cancelled: None,
        }
    }

    /// Tells it to stop; false when it is not running.
    pub fn cancel(&mut self, now: Millis) -> bool {
        let running = self.status == MoveStatus::Running;
        if running {
            self.status = MoveStatus::Cancelling;
            self.cancelled = Some(now);
        }
        running
    }

    /// One world second.
    pub fn step(&mut self, queues: &mut BTreeMap<Arc<str>, Queue>, dice: &mut Dice, now: Millis) {
        match self.status {
            MoveStatus::Completed | MoveStatus::Cancelled | MoveStatus::Failed => return,
            MoveStatus::Cancelling => {
                if self
                    .cancelled
                    .is_none_or(|at| now.since(at) >= CANCELLING_SECONDS * 1000)
                {
                    self.status = MoveStatus::Cancelled;
                    return;
                }
            }
            MoveStatus::Running => {}
        }
        self.budget = (self.budget + self.pace()).min(f64::from(MAX_RATE));
        while self.budget >= 1.0 && self.status.is_active() {
            match self.move_one(queues, dice, now) {
                Ok(true) => self.budget -= 1.0,
                Ok(false) => break,
                Err(reason) => {
                    self.status = MoveStatus::Failed;
                    self.failure = Some(reason);
                }
            }
        }
        let left = queues
            .get(&self.source)
            .is_some_and(|q| q.holds_before(self.horizon));
        if !left && self.status == MoveStatus::Running {
            self.status = MoveStatus::Completed;
        }
    }

    /// Messages this second. Without a given rate SQS chooses one by the backlog.
    fn pace(&self) -> f64 {
        match self.rate {
            Some(rate) => f64::from(rate),
            None if self.to_move > 1000 => f64::from(MAX_RATE),
            None => 100.0,
        }
    }

    fn move_one(
        &mut self,
        queues: &mut BTreeMap<Arc<str>, Queue>,
        dice: &mut Dice,
        now: Millis,
    ) -> Result<bool, &'static str> {
        let source = queues
            .get_mut(&self.source)
            .ok_or("AWS.SimpleQueueService.NonExistentQueue")?;
        let Some(next) = source.peek_before(self.horizon) else {
            return Ok(false);
        };
        let to = match &self.destination {
            Some(arn) => arn.clone(),
            None => next
                .origin
                .clone()
                .ok_or("CouldNotDetermineMessageSource")?,
        };
        if !queues.contains_key(&to) {
            return Err("AWS.SimpleQueueService.NonExistentQueue");
        }
        let taken = queues
            .get_mut(&self.source)
            .and_then(|q| q.take_before(self.horizon, now));
        let (Some(old), Some(destination)) = (taken, queues.get_mut(&to)) else {
            return Ok(false);
        };
        let fresh = Message {
            attributes: old.attributes,
            group: old.group,
            deduplication: destination.fifo.then(|| dice.uuid().into()),
            ..Message::new(dice.bits(), old.body, now)
        };
        // A fresh deduplication id cannot repeat another, so the send is never dropped.
        let _ = destination.send(fresh, 0, now);
        self.moved += 1;
        Ok(true)
    }
}
