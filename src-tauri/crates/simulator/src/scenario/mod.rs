//! Scenarios: what happens to the world, and when. They only make events; everything seen follows from those.

/// The scenarios that exist.
pub const NAMES: &[&str] = &["calm", "az-degraded", "dlq-fills"];
