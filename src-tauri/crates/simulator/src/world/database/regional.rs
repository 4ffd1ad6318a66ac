//! The databases of a region, second by second.

use super::load::Ask;
use crate::clock::Millis;
use crate::world::flow::Frame;
use crate::world::metric::Metrics;
use crate::world::region::Region;

/// Seconds between two samples of a database's gauges: a minute's average sees a failover that takes less.
const SAMPLED: i64 = 5;

impl Region {
    /// Lets the databases live one second: what is due happens, then they bear what is asked of them.
    pub fn step_databases(&mut self, frame: Frame, now: Millis, metrics: &mut Metrics) {
        for n in 0..self.databases.len() {
            self.databases[n].run_agenda(now, &mut self.events);
            self.strain_database(n, frame, now);
            self.databases[n].autoscale(self.zones.len(), now, metrics);
            if now.seconds() % SAMPLED == 0 {
                self.sample_database(n, frame, now, metrics);
            }
        }
    }

    /// A minute of history: nothing happens to the databases but the day.
    pub fn relive_databases(&mut self, frame: Frame, now: Millis, metrics: &mut Metrics) {
        for n in 0..self.databases.len() {
            for second in 0..4 {
                self.strain_database(n, frame, now.plus_seconds(15 * second));
            }
            self.sample_database(n, frame, now, metrics);
        }
    }

    fn strain_database(&mut self, n: usize, frame: Frame, now: Millis) {
        let grey = std::mem::take(&mut self.grey);
        let ask = self.ask(n, frame, &grey);
        self.databases[n].bear(&ask, now);
        self.grey = grey;
    }

    fn sample_database(&self, n: usize, frame: Frame, now: Millis, metrics: &mut Metrics) {
        let ask = self.ask(n, frame, &self.grey);
        self.databases[n].sample(metrics, &ask, now);
    }

    fn ask<'a>(&self, n: usize, frame: Frame, grey: &'a [f64]) -> Ask<'a> {
        let named = self.services.iter().filter(|s| s.databases.contains(&n));
        let (attached, clinging) = self.attachment(n);
        Ask {
            grey,
            demand: self.demand,
            pods: named.map(|s| s.replicas).sum(),
            attached,
            clinging,
            seed: frame.seed ^ (n as u64),
        }
    }
}
