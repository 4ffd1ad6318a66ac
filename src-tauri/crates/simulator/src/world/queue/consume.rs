//! Pods that consume a queue: they receive, work for a moment, and delete what they could handle.
//!
//! A message a pod chokes on is left alone: it comes back after its visibility timeout, and after `maxReceiveCount`
//! deliveries SQS dead-letters it. That is all a faulty release does to a queue.

use std::sync::Arc;

use super::{Body, Message, Queue};
use crate::clock::Millis;
use crate::world::cluster::WorkloadKey;
use crate::world::dice::Dice;

/// The consumers of one queue.
#[derive(Debug)]
pub struct Workforce {
    /// ARN of the queue.
    pub queue: Arc<str>,
    /// Whose pods.
    pub workload: WorkloadKey,
    /// Messages a second one pod handles.
    pub per_pod: f64,
    /// Messages received in the last second, for the load of the pods.
    pub busy: f64,
    jobs: Vec<Job>,
}

#[derive(Debug)]
struct Job {
    slot: u64,
    receives: u32,
    ends: Millis,
}

/// Ready pods of one release.
#[derive(Debug, Clone, PartialEq)]
pub struct Crew {
    /// How many, a pod in a grey zone counting for less.
    pub pods: f64,
    /// Schema version the release cannot read.
    pub chokes_on: Option<u8>,
    /// Share of the work that is lost for other reasons.
    pub loses: f64,
}

impl Workforce {
    /// Nobody at work yet.
    #[must_use]
    pub fn new(queue: Arc<str>, workload: WorkloadKey, per_pod: f64) -> Self {
        Self {
            queue,
            workload,
            per_pod,
            busy: 0.0,
            jobs: Vec::new(),
        }
    }

    /// One world second. Returns the messages received too often.
    pub fn step(
        &mut self,
        crews: &[Crew],
        queue: &mut Queue,
        dice: &mut Dice,
        now: Millis,
    ) -> Vec<Message> {
        self.jobs.retain(|job| {
            let done = job.ends <= now;
            if done {
                queue.delete(job.slot, job.receives, now);
            }
            !done
        });
        let pods: f64 = crews.iter().map(|c| c.pods).sum();
        let room = usize::try_from(dice.rounded(pods * self.per_pod)).unwrap_or(0);
        if room == 0 {
            self.busy = 0.0;
            return Vec::new();
        }
        let received = queue.receive(room, queue.visibility_timeout, now);
        #[allow(clippy::cast_precision_loss)]
        let busy = received.deliveries.len() as f64;
        self.busy = busy;
        for delivery in received.deliveries {
            let crew = crew_of(crews, pods, dice);
            if !chokes(crew, &delivery.message.body) && !dice.chance(crew.loses) {
                let ends = now.plus_seconds(1);
                self.jobs.push(Job {
                    slot: delivery.slot,
                    receives: delivery.message.receives,
                    ends,
                });
            }
        }
        received.dead
    }
}

fn crew_of<'a>(crews: &'a [Crew], pods: f64, dice: &mut Dice) -> &'a Crew {
    let mut at = dice.unit() * pods;
    crews
        .iter()
        .find(|c| {
            at -= c.pods;
            at <= 0.0
        })
        .unwrap_or(&crews[0])
}

fn chokes(crew: &Crew, body: &Body) -> bool {
    crew.chokes_on.is_some_and(|bad| match body {
        Body::Made { schema, .. } => *schema == bad,
        Body::Text(text) => serde_json::from_str::<serde_json::Value>(text)
            .is_ok_and(|v| v["schemaVersion"].as_u64() == Some(u64::from(bad))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::queue::Redrive;

    const T0: Millis = Millis(1_700_000_000_000);

    fn run(chokes_on: Option<u8>, seconds: i64) -> (Queue, Queue) {
        let mut q = Queue::new("r", "1", "q", T0);
        let mut dead = Queue::new("r", "1", "d", T0);
        q.redrive = Some(Redrive {
            target: dead.arn.clone(),
            max_receive_count: 3,
        });
        q.visibility_timeout = 20;
        let mut dice = Dice::new(1, 1);
        let mut force = Workforce::new(q.arn.clone(), WorkloadKey::new("n", "w"), 4.0);
        let crews = [Crew {
            pods: 6.0,
            chokes_on,
            loses: 0.0,
        }];
        for s in 0..seconds {
            let now = T0.plus_seconds(s);
            for _ in 0..10 {
                let schema = if dice.chance(0.4) { 7 } else { 6 };
                let _ = q.send(
                    Message::new(dice.bits(), Body::Made { serial: 1, schema }, now),
                    0,
                    now,
                );
            }
            q.step(now);
            for message in force.step(&crews, &mut q, &mut dice, now) {
                dead.bury(message, q.arn.clone(), now);
            }
        }
        (q, dead)
    }

    #[test]
    fn a_sound_release_keeps_the_queue_empty_and_dead_letters_nothing() {
        let (q, dead) = run(None, 300);
        assert!(
            q.len() <= 30 && dead.is_empty(),
            "{} {}",
            q.len(),
            dead.len()
        );
        assert_eq!(q.ledger.came, q.len() as u64 + q.ledger.deleted);
    }

    #[test]
    fn a_release_that_chokes_on_a_schema_dead_letters_its_share_after_three_deliveries() {
        let (q, dead) = run(Some(7), 300);
        let share = dead.len() as f64 / q.ledger.came as f64;
        assert!((0.25..0.4).contains(&share), "{share}");
        assert_eq!(
            q.ledger.came,
            q.len() as u64 + q.ledger.deleted + q.ledger.left_dead
        );
    }
}
