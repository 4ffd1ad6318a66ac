//! Global databases.

use serde_json::{Value, json};

use super::{answer, region};
use crate::aws::error::AwsError;
use crate::aws::render::Answer;
use crate::aws::request::Call;
use crate::world::{SIMULATED_ACCOUNT, World};

pub(super) fn describe(world: &World, call: &Call) -> Result<Answer, AwsError> {
    let g = &world.global_database;
    if let Some(id) = call
        .text("GlobalClusterIdentifier")
        .filter(|id| *id != g.name)
    {
        return Err(AwsError::new(
            "GlobalClusterNotFoundFault",
            format!("Global cluster {id} not found"),
        )
        .status(404));
    }
    if region(world, call).is_none() {
        return answer(call, "GlobalClusters", vec![]);
    }
    let members: Vec<Value> = g
        .members
        .iter()
        .enumerate()
        .map(|(n, arn)| {
            let others: Vec<&String> = g.members.iter().skip(1).collect();
            let readers = if n == 0 { json!(others) } else { json!([]) };
            json!({
                "DBClusterArn": arn, "Readers": readers, "IsWriter": n == 0, "GlobalWriteForwardingStatus": "disabled",
                "SynchronizationStatus": "connected",
            })
        })
        .collect();
    let primary = &world.regions[0].databases[1];
    let one = json!({
        "GlobalClusterIdentifier": g.name, "GlobalClusterResourceId": g.resource,
        "GlobalClusterArn": format!("arn:aws:rds::{SIMULATED_ACCOUNT}:global-cluster:{}", g.name),
        "Status": "available", "Engine": primary.engine.name(), "EngineVersion": primary.engine.version(),
        "DatabaseName": primary.database, "StorageEncrypted": true, "DeletionProtection": true,
        "GlobalClusterMembers": members, "TagList": [],
    });
    answer(call, "GlobalClusters", vec![one])
}
