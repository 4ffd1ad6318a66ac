//! What the API server of one cluster needs of the simulation around it.

use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Millis;
use crate::world::cluster::Cluster;

/// What the wire does wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFault {
    /// The answer comes, this much later.
    Slow(Duration),
    /// 429 with `Retry-After` of so many seconds.
    Throttled(u32),
    /// 403, whoever asks.
    Denied,
    /// No answer, and nothing more on watches that are open.
    Silent,
}

/// A request as a fault selects it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: &'a str,
    /// Plural of the resource (`pods`), or the path of a request that names none.
    pub resource: &'a str,
    /// Subresource, empty for the object itself.
    pub sub: &'a str,
}

/// The simulation, as one cluster's API server sees it.
pub trait Host: Send + Sync + 'static {
    /// Runs `f` on the cluster under the world's lock.
    fn cluster(&self, f: &mut dyn FnMut(&mut Cluster));
    /// World time.
    fn now(&self) -> Millis;
    /// Changes whenever the world moved.
    fn changes(&self) -> watch::Receiver<u64>;
    /// Wakes everyone who waits for changes, after a write.
    fn moved(&self);
    /// The fault in force for a request, if any.
    fn fault(&self, asked: Asked<'_>) -> Option<WireFault>;
    /// Remembers who asked for what; `group` is the API group, empty for core.
    fn noted(&self, group: &str, asked: Asked<'_>, user: &str);
    /// Added to every answer.
    fn latency(&self) -> Duration;
    /// Time between two bookmarks on a quiet watch; a minute, as the watch cache of the real server has it.
    fn bookmark_every(&self) -> Duration {
        Duration::from_secs(60)
    }
    /// The token that is let in.
    fn token(&self) -> &str;
    /// The secret of an access key that came with a session token, where both hold.
    fn secret(&self, key: &str, session: Option<&str>) -> Option<String>;
}
