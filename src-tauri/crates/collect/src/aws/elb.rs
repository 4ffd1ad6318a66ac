//! Elastic Load Balancing v2: balancers with what their listeners forward to, and target groups
//! with the health of every target.
//!
//! Two sources, because they change at different speeds: listeners and rules rarely, target health
//! within seconds. Reason codes: API reference, TargetHealth.

mod balancers;
mod targets;

pub use balancers::Balancers;
pub use targets::TargetGroups;
