//! RDS: Aurora clusters, instances, proxies, global databases, events. Service model `rds` 2014-10-31.

mod events;
mod global;
mod proxies;
mod read;
mod write;

use serde_json::{Value, json};

use super::error::AwsError;
use super::page::page;
use super::region;
use super::render::Answer;
use super::request::Call;
use crate::world::World;
use crate::world::database::{DbCluster, Refusal};
use crate::world::region::Region;

pub(super) fn handle(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    match call.operation.as_str() {
        "DescribeDBClusters" => read::clusters(region(world, call), call),
        "DescribeDBInstances" => read::instances(region(world, call), call),
        "DescribeDBClusterEndpoints" => read::endpoints(region(world, call), call),
        "DescribeGlobalClusters" => global::describe(world, call),
        "DescribeEvents" => events::describe(region(world, call), call),
        "DescribeAccountAttributes" => Ok(read::quotas(region(world, call))),
        "DescribeDBProxies" => proxies::describe(region(world, call), call),
        "DescribeDBProxyTargets" => proxies::targets(region(world, call), call),
        "DescribePendingMaintenanceActions" => read::maintenance(region(world, call), call),
        "FailoverDBCluster" => write::fail_over(world, call),
        "CreateDBInstance" => write::create_instance(world, call),
        "DeleteDBInstance" => write::delete_instance(world, call),
        "ModifyDBInstance" => write::modify_instance(world, call),
        "ModifyDBCluster" => write::modify_cluster(world, call),
        "SwitchoverGlobalCluster" | "FailoverGlobalCluster" => global::make_primary(world, call),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn answer(call: &Call, list: &str, all: Vec<Value>) -> Result<Answer, AwsError> {
    let size = match call.int("MaxRecords") {
        None => 100,
        Some(n) if (20..=100).contains(&n) => usize::try_from(n).unwrap_or(100),
        Some(n) => {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("Invalid value {n} for MaxRecords. Must be between 20 and 100"),
            ));
        }
    };
    let invalid = || AwsError::new("InvalidParameterValue", "The marker is not valid");
    let page = page(list, all, call.text("Marker"), size).ok_or_else(invalid)?;
    Ok(json!({ list: page.items, "Marker": page.next }).into())
}

/// The values of a filter.
fn filter(call: &Call, name: &str) -> Vec<String> {
    call.list("Filters")
        .iter()
        .filter(|f| f["Name"].as_str() == Some(name))
        .flat_map(|f| f["Values"].as_array().into_iter().flatten())
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect()
}

/// The databases of a region.
fn databases(region: Option<&Region>) -> &[DbCluster] {
    region.map_or(&[], |r| &r.databases)
}

fn no_cluster(id: &str) -> AwsError {
    AwsError::new(
        "DBClusterNotFoundFault",
        format!("DBCluster {id} not found."),
    )
    .status(404)
}

fn no_instance(id: &str) -> AwsError {
    AwsError::new("DBInstanceNotFound", format!("DBInstance {id} not found.")).status(404)
}

/// The code of the service model for what the world refuses.
fn refused(why: Refusal) -> AwsError {
    match why {
        Refusal::ClusterState(m) => AwsError::new("InvalidDBClusterStateFault", m),
        Refusal::InstanceState(m) => AwsError::new("InvalidDBInstanceState", m),
        Refusal::NoInstance(m) => AwsError::new("DBInstanceNotFound", m).status(404),
        Refusal::InstanceExists(m) => AwsError::new("DBInstanceAlreadyExists", m),
        Refusal::Quota(m) => AwsError::new("InstanceQuotaExceeded", m),
        Refusal::Value(m) => AwsError::new("InvalidParameterValue", m),
        Refusal::Combination(m) => AwsError::new("InvalidParameterCombination", m),
        Refusal::GlobalState(m) => AwsError::new("InvalidGlobalClusterStateFault", m),
        Refusal::NoCluster(m) => AwsError::new("DBClusterNotFoundFault", m).status(404),
    }
}

/// A parameter that must be there.
fn required<'a>(call: &'a Call, name: &str) -> Result<&'a str, AwsError> {
    call.text(name).ok_or_else(|| {
        AwsError::new(
            "MissingParameter",
            format!("The request must contain the parameter {name}."),
        )
    })
}
