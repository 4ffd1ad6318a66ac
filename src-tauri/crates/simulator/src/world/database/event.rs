//! What DescribeEvents tells. Texts and categories: Aurora User Guide, "Amazon RDS event categories and event messages
//! for Aurora"; the API gives no event id, and (as in the AWS CLI's example) no full stop.

use super::{DbCluster, DbInstance};
use crate::clock::Millis;

/// An event of DescribeEvents.
#[derive(Debug, Clone)]
pub struct DbEvent {
    /// When.
    pub at: Millis,
    /// `db-instance`, `db-cluster`, `db-cluster-snapshot`.
    pub source_type: &'static str,
    /// Identifier.
    pub source: String,
    /// ARN.
    pub arn: String,
    /// Category.
    pub category: &'static str,
    /// What happened.
    pub message: String,
}

impl DbCluster {
    /// Something that happened to the cluster.
    pub(super) fn tell(&self, at: Millis, category: &'static str, message: String) -> DbEvent {
        DbEvent {
            at,
            source_type: "db-cluster",
            source: self.name.clone(),
            arn: self.arn.clone(),
            category,
            message,
        }
    }

    /// Something that happened to one of its instances.
    pub(super) fn tell_of(
        &self,
        at: Millis,
        instance: &DbInstance,
        category: &'static str,
        message: &str,
    ) -> DbEvent {
        DbEvent {
            at,
            source_type: "db-instance",
            source: instance.name.clone(),
            arn: self.instance_arn(instance),
            category,
            message: message.to_owned(),
        }
    }
}
