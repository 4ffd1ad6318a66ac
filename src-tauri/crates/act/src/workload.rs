//! Actions on deployments and stateful sets.

pub mod restart;

pub use restart::Restart;
