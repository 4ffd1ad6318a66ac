//! Messages through the queues of a region: sent, delivered, dead-lettered, moved.

use crate::clock::Millis;
use crate::world::cluster::Cluster;
use crate::world::dice::Dice;
use crate::world::flow::{NEW_SCHEMA, OLD_SCHEMA};
use crate::world::metric::Metrics;
use crate::world::queue::consume::Crew;
use crate::world::queue::{Body, Message};
use crate::world::region::Region;

impl Region {
    /// Moves the messages of one second: sends, deliveries, dead-lettering, move tasks.
    pub fn move_messages(
        &mut self,
        cluster: &Cluster,
        now: Millis,
        metrics: &mut Metrics,
        dice: &mut Dice,
    ) {
        for queue in self.queues.values_mut() {
            queue.step(now);
        }
        self.produce(now, dice);
        self.consume_by_pods(cluster, now, dice);
        self.consume_by_functions(now, metrics, dice);
        let mut moves = std::mem::take(&mut self.moves);
        for task in &mut moves {
            task.step(&mut self.queues, dice, now);
        }
        self.moves = moves;
    }

    fn produce(&mut self, now: Millis, dice: &mut Dice) {
        let served = 1.0 - self.balancers.first().map_or(0.0, |b| b.failing);
        for producer in &mut self.producers {
            let Some(queue) = self.queues.get_mut(&producer.queue) else {
                continue;
            };
            for _ in 0..dice.rounded(producer.rate * self.demand * served) {
                producer.serial += 1;
                let schema = if dice.chance(producer.new_schema_share) {
                    NEW_SCHEMA
                } else {
                    OLD_SCHEMA
                };
                let mut message = Message::new(
                    dice.bits(),
                    Body::Made {
                        serial: producer.serial,
                        schema,
                    },
                    now,
                );
                if queue.fifo {
                    message.group = Some(format!("account-{}", producer.serial % 40).into());
                    message.deduplication = Some(dice.hex(32).into());
                }
                // Fresh ids never repeat.
                let _ = queue.send(message, queue.delay, now);
            }
        }
    }

    fn consume_by_pods(&mut self, cluster: &Cluster, now: Millis, dice: &mut Dice) {
        let mut dead = Vec::new();
        for force in &mut self.workforces {
            let Some(queue) = self.queues.get_mut(&force.queue) else {
                continue;
            };
            // What fails is tried again before its message comes back: it costs hands and no message.
            let trouble = self
                .services
                .iter()
                .find(|s| s.key == force.workload)
                .map_or(0.0, |s| s.ail.failing());
            let mut crews: Vec<(&str, Crew)> = Vec::new();
            for pod in cluster.pods(&force.workload).filter(|p| p.ready) {
                let ill = self
                    .zones
                    .iter()
                    .position(|z| z == pod.az)
                    .map_or(0.0, |z| self.grey[z]);
                let hands = (1.0 - 0.7 * ill) * (1.0 - 0.5 * trouble);
                if let Some((_, crew)) = crews.iter_mut().find(|(tag, _)| *tag == pod.image_tag) {
                    crew.loses =
                        (crew.loses * crew.pods + 0.15 * ill * hands) / (crew.pods + hands);
                    crew.pods += hands;
                } else {
                    let fault = self
                        .defects
                        .iter()
                        .find(|d| d.workload == force.workload && d.tag == pod.image_tag);
                    let crew = Crew {
                        pods: hands,
                        chokes_on: fault.map(|d| d.chokes_on),
                        loses: 0.15 * ill,
                    };
                    crews.push((pod.image_tag, crew));
                }
            }
            let crews: Vec<Crew> = crews.into_iter().map(|(_, c)| c).collect();
            let lost = force.step(&crews, queue, dice, now);
            dead.push((force.queue.clone(), lost));
            let pods: f64 = crews.iter().map(|c| c.pods).sum();
            let cpu = 12.0 + 60.0 * force.busy / (pods * force.per_pod).max(1.0);
            self.loads
                .insert(force.workload.clone(), vec![cpu; self.zones.len()]);
        }
        for (from, lost) in dead {
            self.bury(&from, lost, now);
        }
    }

    fn consume_by_functions(&mut self, now: Millis, metrics: &mut Metrics, dice: &mut Dice) {
        let mut dead = Vec::new();
        for mapping in &mut self.mappings {
            let (Some(queue), Some(function)) = (
                self.queues.get_mut(&mapping.queue),
                self.functions.get_mut(mapping.function),
            ) else {
                continue;
            };
            let (calls, errors, lost) = mapping.step(queue, function, dice, now);
            function.record(metrics, calls, errors, 1.0);
            dead.push((mapping.queue.clone(), lost));
        }
        for (from, lost) in dead {
            self.bury(&from, lost, now);
        }
    }
}
