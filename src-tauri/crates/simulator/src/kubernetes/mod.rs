//! The Kubernetes API of each cluster over loopback.

mod host;

pub use host::{Asked, Host, WireFault};
