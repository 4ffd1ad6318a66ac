//! Global databases: how they are described, and how another region becomes their primary.

use serde_json::{Value, json};

use super::{answer, refused, region, required};
use crate::aws::error::AwsError;
use crate::aws::render::Answer;
use crate::aws::request::Call;
use crate::world::database::Refusal;
use crate::world::{SIMULATED_ACCOUNT, World};

fn unknown(id: &str) -> AwsError {
    AwsError::new(
        "GlobalClusterNotFoundFault",
        format!("Global cluster {id} not found"),
    )
    .status(404)
}

pub(super) fn describe(world: &World, call: &Call) -> Result<Answer, AwsError> {
    if let Some(id) = call.text("GlobalClusterIdentifier")
        && !id.eq_ignore_ascii_case(&world.global_database.name)
    {
        return Err(unknown(id));
    }
    let here = region(world, call).map(|_| global(world));
    answer(call, "GlobalClusters", here.into_iter().collect())
}

fn global(world: &World) -> Value {
    let g = &world.global_database;
    let primary = world
        .regions
        .iter()
        .flat_map(|r| &r.databases)
        .find(|d| g.members.first() == Some(&d.arn));
    let members: Vec<Value> = g
        .members
        .iter()
        .enumerate()
        .map(|(n, arn)| {
            let others: Vec<&String> = g.members.iter().skip(1).collect();
            let readers = if n == 0 { json!(others) } else { json!([]) };
            let behind = g.resyncing.as_ref() == Some(arn);
            json!({
                "DBClusterArn": arn, "Readers": readers, "IsWriter": n == 0, "GlobalWriteForwardingStatus": "disabled",
                "SynchronizationStatus": if behind { "pending-resync" } else { "connected" },
            })
        })
        .collect();
    let state = g.operation.as_ref().map(|o| {
        json!({
            "Status": o.status(), "FromDbClusterArn": o.from, "ToDbClusterArn": o.to,
            "IsDataLossAllowed": o.loses_data,
        })
    });
    json!({
        "GlobalClusterIdentifier": g.name, "GlobalClusterResourceId": g.resource,
        "GlobalClusterArn": format!("arn:aws:rds::{SIMULATED_ACCOUNT}:global-cluster:{}", g.name),
        "Status": g.status(), "Engine": primary.map(|d| d.engine.name()),
        "EngineVersion": primary.map(|d| d.engine.version()), "DatabaseName": primary.map(|d| &d.database),
        "StorageEncrypted": true, "DeletionProtection": true, "GlobalClusterMembers": members,
        "Endpoint": g.endpoint, "FailoverState": state, "TagList": [],
    })
}

/// SwitchoverGlobalCluster, and FailoverGlobalCluster: the latter loses data only when it is allowed to.
pub(super) fn make_primary(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let id = required(call, "GlobalClusterIdentifier")?;
    let target = required(call, "TargetDbClusterIdentifier")?;
    let says = |name: &str| call.text(name) == Some("true");
    let loses_data = call.operation == "FailoverGlobalCluster" && says("AllowDataLoss");
    if loses_data && says("Switchover") {
        let why = "AllowDataLoss and Switchover cannot be specified together.";
        return Err(refused(Refusal::Combination(why.into())));
    }
    let World {
        global_database,
        regions,
        now,
        ..
    } = world;
    if !id.eq_ignore_ascii_case(&global_database.name) {
        return Err(unknown(id));
    }
    global_database
        .make_primary(target, loses_data, regions, *now)
        .map_err(refused)?;
    Ok(json!({ "GlobalCluster": global(world) }).into())
}
