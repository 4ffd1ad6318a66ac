//! Actions on what sets `replicas`: autoscalers and KEDA's scaled objects.

pub mod bounds;
pub mod pause;

pub use bounds::Bounds;
pub use pause::{PauseScaler, ResumeScaler};
