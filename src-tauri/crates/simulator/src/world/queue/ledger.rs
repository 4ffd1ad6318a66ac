//! What is counted of a queue, and what its calls give back.

use super::Message;

/// What happened in a queue since the last minute, for its metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Sent by producers and by move tasks, not by dead-lettering.
    pub sent: u64,
    /// Delivered.
    pub received: u64,
    /// Deleted by consumers.
    pub deleted: u64,
    /// Receive calls that found nothing.
    pub empty_receives: u64,
}

/// Everything that ever happened in a queue; what came in equals what is there plus what left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Sent or moved in.
    pub came: u64,
    /// Dead-lettered in.
    pub came_dead: u64,
    /// Deleted.
    pub deleted: u64,
    /// Dead-lettered out.
    pub left_dead: u64,
    /// Moved out by a task.
    pub moved: u64,
    /// Expired.
    pub expired: u64,
    /// Purged.
    pub purged: u64,
}

/// A message handed to a consumer.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its place in the queue; stable while it is there.
    pub slot: u64,
    /// The message as it was delivered.
    pub message: Message,
}

/// What a receive call did.
#[derive(Debug, Default)]
pub struct Received {
    /// To the consumer.
    pub deliveries: Vec<Delivery>,
    /// Received too often: to the dead-letter queue.
    pub dead: Vec<Message>,
}
