//! Watching a cluster, over real connections: against the recorded answers of a real API server,
//! and against a server that misbehaves on purpose.
#![allow(clippy::unwrap_used)]

mod facts;
mod gitops;
mod history;
mod kinds;
mod node_pools;
mod robust;
mod server;
