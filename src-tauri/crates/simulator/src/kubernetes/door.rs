//! The simulation as one cluster's API server sees it.

use std::time::Duration;

use tokio::sync::watch;

use super::host::{Asked, Host, WireFault};
use crate::clock::Millis;
use crate::fault::Kind;
use crate::shared::SharedWorld;
use crate::world::cluster::Cluster;

/// One cluster of the shared world, by its index.
pub struct Door {
    shared: SharedWorld,
    index: usize,
}

impl Door {
    /// The door to the cluster at `index` of the world's clusters.
    #[must_use]
    pub fn new(shared: SharedWorld, index: usize) -> Self {
        Self { shared, index }
    }
}

impl Host for Door {
    fn cluster(&self, f: &mut dyn FnMut(&mut Cluster)) {
        if let Some(cluster) = self.shared.lock().clusters.get_mut(self.index) {
            f(cluster);
        }
    }

    fn now(&self) -> Millis {
        self.shared.lock().now
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.shared.subscribe()
    }

    fn moved(&self) {
        self.shared.notify();
    }

    fn fault(&self, asked: Asked<'_>) -> Option<WireFault> {
        let region = self
            .shared
            .lock()
            .clusters
            .get(self.index)
            .map(|c| c.spec().region.clone())?;
        let kinds =
            self.shared
                .faults()
                .of_kubernetes(&region, asked.verb, asked.resource, asked.sub);
        kinds.into_iter().find_map(|kind| match kind {
            Kind::Slow(more) => Some(WireFault::Slow(more)),
            Kind::Throttled => Some(WireFault::Throttled(1)),
            Kind::Denied => Some(WireFault::Denied),
            Kind::Silent => Some(WireFault::Silent),
            // What happens to bodies and credentials happens outside the API server.
            Kind::Expired | Kind::Malformed | Kind::Partial | Kind::Reset => None,
        })
    }

    fn latency(&self) -> Duration {
        Duration::from_millis(self.shared.latency_ms)
    }

    fn noted(&self, group: &str, asked: Asked<'_>, user: &str) {
        let Asked {
            verb,
            resource,
            sub,
        } = asked;
        let slash = if sub.is_empty() { "" } else { "/" };
        let action = format!("kubernetes:{verb}:{group}:{resource}{slash}{sub}");
        self.shared.trail().note(action, user);
    }

    fn token(&self) -> &str {
        &self.shared.bearer_token
    }

    fn secret(&self, key: &str, session: Option<&str>) -> Option<String> {
        let now = crate::aws::sign_in::wall_time();
        self.shared.sign_in().keys.secret(key, session, now)
    }
}
