//! What the endpoints resolve to. AWS has no API for it: clients ask the resolver of their VPC.
//!
//! The writer endpoint is an alias of the writer's own endpoint and follows a failover some seconds late; the reader
//! endpoint goes round over the readers (Aurora User Guide, "Amazon Aurora endpoint connections").

use std::net::Ipv4Addr;

use super::{DbCluster, DbInstance};

/// Seconds an answer may be kept.
pub const TTL: u32 = 5;

impl DbCluster {
    /// The instance a host name of this cluster leads to; the outer `None` for a name that is none of its own, the inner
    /// where nothing is behind it. `turn` chooses among the readers.
    #[must_use]
    pub fn resolve(&self, host: &str, turn: usize) -> Option<Option<&DbInstance>> {
        let host = host.trim_end_matches('.');
        if host.eq_ignore_ascii_case(&self.endpoint) {
            return Some(self.instance(&self.endpoint_at).filter(|_| !self.secondary));
        }
        if host.eq_ignore_ascii_case(&self.reader_endpoint) {
            let serving: Vec<&DbInstance> = self.readers().filter(|i| i.status.serves()).collect();
            return Some(match serving.len() {
                0 => self.writer(),
                n => Some(serving[turn % n]),
            });
        }
        let own = |i: &&DbInstance| i.endpoint.eq_ignore_ascii_case(host);
        self.instances.iter().find(own).map(Some)
    }

    /// What the writer endpoint resolves to.
    #[must_use]
    pub fn writer_address(&self) -> Option<Ipv4Addr> {
        self.instance(&self.endpoint_at).map(|i| i.address)
    }
}
