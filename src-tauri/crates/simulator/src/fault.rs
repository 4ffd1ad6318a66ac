//! Faults as values: what the wire does wrong, per service and region.

/// The faults in force.
#[derive(Debug, Clone, Default)]
pub struct Faults {}
