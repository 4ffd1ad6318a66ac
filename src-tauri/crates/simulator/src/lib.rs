//! The simulated platform: one evolving world, served over loopback as AWS and Kubernetes APIs.
//!
//! The unmodified AWS SDK and kube clients speak to it through ordinary configuration files, so that nothing in
//! the product knows whether it looks at the real platform or at this one.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod aws;
pub mod clock;
pub mod control;
pub mod fault;
pub mod files;
pub mod kubernetes;
pub mod options;
pub mod scenario;
pub mod world;

mod churn;
mod resolver;
mod shared;
mod simulation;
mod trail;

pub use clock::Millis;
pub use options::{ClockMode, Options, SignInWay};
pub use shared::{Shared, SharedWorld};
pub use simulation::{Simulation, StartError};
pub use trail::Trail;

pub use model::SIMULATED_ACCOUNT;
