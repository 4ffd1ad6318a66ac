//! Where a process can die: tests stop a run at each of these, as SIGKILL would.

use async_trait::async_trait;

/// The points a run passes.
#[async_trait]
pub trait Points: Send + Sync + 'static {
    /// The run is at `point` now.
    async fn at(&self, point: &'static str);
}

/// Nothing happens anywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

#[async_trait]
impl Points for Nowhere {
    async fn at(&self, _point: &'static str) {}
}
