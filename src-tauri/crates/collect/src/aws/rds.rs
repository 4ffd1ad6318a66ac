//! RDS: Aurora clusters with their members, global databases, and what RDS reports of them.
//!
//! Members: API reference, DBCluster, DBClusterMember, DBInstance, GlobalCluster, Event,
//! ResourcePendingMaintenanceActions, AccountQuota, DBProxy, DBProxyTarget.

mod class;
mod clusters;
mod events;
mod global;
mod maintenance;
mod pending;
mod proxies;
mod quotas;

pub use clusters::Clusters;
pub use events::Events;
pub use global::GlobalClusters;
pub use maintenance::Maintenance;
pub use proxies::Proxies;
pub use quotas::Quotas;

/// DescribeDBClusters and DescribeDBInstances also return what is not Aurora but shares the API:
/// Neptune and DocumentDB.
fn is_relational(engine: Option<&str>) -> bool {
    !matches!(engine, Some("neptune" | "docdb"))
}
