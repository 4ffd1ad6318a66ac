//! RDS: Aurora clusters, instances, global databases, events. Service model `rds` 2014-10-31.

use serde_json::{Value, json};

use super::error::AwsError;
use super::page::page;
use super::region;
use super::render::Answer;
use super::request::{Call, instant};
use crate::world::database::{DbCluster, DbEvent, DbInstance};
use crate::world::region::Region;
use crate::world::{SIMULATED_ACCOUNT, World};

pub(super) fn handle(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let region = region(world, call);
    match call.operation.as_str() {
        "DescribeDBClusters" => clusters(region, call),
        "DescribeDBInstances" => instances(region, call),
        "DescribeGlobalClusters" => globals(world, region, call),
        "DescribeEvents" => events(region, call),
        "DescribePendingMaintenanceActions" => answer(call, "PendingMaintenanceActions", vec![]),
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

fn databases(region: Option<&Region>) -> &[DbCluster] {
    region.map_or(&[], |r| &r.databases)
}

fn clusters(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let Some(region) = region else {
        return answer(call, "DBClusters", vec![]);
    };
    let wanted = filter(call, "db-cluster-id");
    let mut all = region
        .databases
        .iter()
        .filter(|d| wanted.is_empty() || wanted.contains(&d.name) || wanted.contains(&d.arn));
    let all: Vec<Value> = match call.text("DBClusterIdentifier") {
        None => all.map(|d| cluster(region, d, call)).collect(),
        Some(id) => {
            let missing = || {
                AwsError::new(
                    "DBClusterNotFoundFault",
                    format!("DBCluster {id} not found."),
                )
                .status(404)
            };
            let found = all
                .find(|d| d.name == id || d.arn == id)
                .ok_or_else(missing)?;
            vec![cluster(region, found, call)]
        }
    };
    answer(call, "DBClusters", all)
}

fn cluster(region: &Region, d: &DbCluster, call: &Call) -> Value {
    let members: Vec<Value> = d
        .instances
        .iter()
        .map(|i| {
            json!({
                "DBInstanceIdentifier": i.name, "IsClusterWriter": i.writer,
                "DBClusterParameterGroupStatus": "in-sync", "PromotionTier": i.tier,
            })
        })
        .collect();
    json!({
        "AllocatedStorage": 1, "AvailabilityZones": region.zones, "BackupRetentionPeriod": 14, "DatabaseName": d.database,
        "DBClusterIdentifier": d.name, "DBClusterParameterGroup": "default.aurora-postgresql16",
        "DBSubnetGroup": "databases", "Status": d.status, "EarliestRestorableTime": call.now.plus_seconds(-14 * 86_400).iso_millis(),
        "Endpoint": d.endpoint, "ReaderEndpoint": d.reader_endpoint, "MultiAZ": d.instances.len() > 1,
        "Engine": d.engine, "EngineVersion": d.version, "LatestRestorableTime": call.now.plus_seconds(-180).iso_millis(),
        "Port": d.port, "MasterUsername": "root", "PreferredBackupWindow": "02:00-02:30",
        "PreferredMaintenanceWindow": "sun:04:00-sun:04:30", "ReadReplicaIdentifiers": [], "DBClusterMembers": members,
        "VpcSecurityGroups": [{"VpcSecurityGroupId": region.network.inner_group, "Status": "active"}],
        "HostedZoneId": "Z2R2ITUGPM61AM", "StorageEncrypted": true, "DbClusterResourceId": d.resource,
        "DBClusterArn": d.arn, "AssociatedRoles": [], "IAMDatabaseAuthenticationEnabled": true,
        "ClusterCreateTime": d.created.iso_millis(), "EngineMode": "provisioned", "DeletionProtection": true,
        "HttpEndpointEnabled": false, "ActivityStreamStatus": "stopped", "CopyTagsToSnapshot": true,
        "CrossAccountClone": false, "TagList": [], "AutoMinorVersionUpgrade": false, "NetworkType": "IPV4",
        "GlobalWriteForwardingStatus": "disabled",
    })
}

fn instances(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let Some(region) = region else {
        return answer(call, "DBInstances", vec![]);
    };
    let (of, wanted) = (
        filter(call, "db-cluster-id"),
        filter(call, "db-instance-id"),
    );
    let mut all = region
        .databases
        .iter()
        .flat_map(|d| d.instances.iter().map(move |i| (d, i)))
        .filter(|(d, i)| {
            (of.is_empty() || of.contains(&d.name) || of.contains(&d.arn))
                && (wanted.is_empty() || wanted.contains(&i.name))
        });
    let all: Vec<Value> = match call.text("DBInstanceIdentifier") {
        None => all.map(|(d, i)| instance(region, d, i, call)).collect(),
        Some(id) => {
            let missing = || {
                AwsError::new("DBInstanceNotFound", format!("DBInstance {id} not found."))
                    .status(404)
            };
            let (d, i) = all
                .find(|(d, i)| i.name == id || d.instance_arn(i) == id)
                .ok_or_else(missing)?;
            vec![instance(region, d, i, call)]
        }
    };
    answer(call, "DBInstances", all)
}

fn instance(region: &Region, d: &DbCluster, i: &DbInstance, call: &Call) -> Value {
    let subnets: Vec<Value> = region
        .zones
        .iter()
        .zip(&region.network.private_subnets)
        .map(|(zone, id)| json!({"SubnetIdentifier": id, "SubnetAvailabilityZone": {"Name": zone}, "SubnetStatus": "Active"}))
        .collect();
    json!({
        "DBInstanceIdentifier": i.name, "DBInstanceClass": i.class, "Engine": d.engine, "DBInstanceStatus": i.status,
        "MasterUsername": "root", "DBName": d.database,
        "Endpoint": {"Address": i.endpoint, "Port": d.port, "HostedZoneId": "Z2R2ITUGPM61AM"},
        "AllocatedStorage": 1, "InstanceCreateTime": i.created.iso_millis(), "PreferredBackupWindow": "02:00-02:30",
        "BackupRetentionPeriod": 14,
        "VpcSecurityGroups": [{"VpcSecurityGroupId": region.network.inner_group, "Status": "active"}],
        "DBParameterGroups": [{"DBParameterGroupName": "default.aurora-postgresql16", "ParameterApplyStatus": "in-sync"}],
        "AvailabilityZone": region.zones[i.az],
        "DBSubnetGroup": {
            "DBSubnetGroupName": "databases", "DBSubnetGroupDescription": "private subnets", "VpcId": region.network.vpc,
            "SubnetGroupStatus": "Complete", "Subnets": subnets,
        },
        "PreferredMaintenanceWindow": "sun:05:00-sun:05:30", "PendingModifiedValues": {},
        "LatestRestorableTime": call.now.plus_seconds(-180).iso_millis(),
        "MultiAZ": false, "EngineVersion": d.version, "AutoMinorVersionUpgrade": false, "LicenseModel": "postgresql-license",
        "PubliclyAccessible": false, "StorageType": "aurora", "DbInstancePort": 0, "DBClusterIdentifier": d.name,
        "StorageEncrypted": true, "DbiResourceId": i.resource, "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "CopyTagsToSnapshot": false, "MonitoringInterval": 0, "PromotionTier": i.tier, "DBInstanceArn": d.instance_arn(i),
        "IAMDatabaseAuthenticationEnabled": true, "PerformanceInsightsEnabled": true, "DeletionProtection": false,
        "TagList": [], "NetworkType": "IPV4",
    })
}

fn globals(world: &World, region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
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
    if region.is_none() {
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
        "Status": "available", "Engine": primary.engine, "EngineVersion": primary.version,
        "DatabaseName": primary.database, "StorageEncrypted": true, "DeletionProtection": true,
        "GlobalClusterMembers": members, "TagList": [],
    });
    answer(call, "GlobalClusters", vec![one])
}

fn events(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let at = |name: &str| call.input.get(name).and_then(instant);
    let end = at("EndTime").unwrap_or(call.now);
    let start = match (at("StartTime"), call.int("Duration")) {
        (Some(start), _) => start,
        (None, minutes) => call.now.plus_seconds(-60 * minutes.unwrap_or(60)),
    };
    let (kind, source) = (call.text("SourceType"), call.text("SourceIdentifier"));
    if source.is_some() && kind.is_none() {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "SourceType must be given with SourceIdentifier",
        ));
    }
    let categories = call.texts("EventCategories");
    let wanted = |e: &&DbEvent| {
        e.at >= start
            && e.at <= end
            && kind.is_none_or(|k| k == e.source_type)
            && source.is_none_or(|s| s == e.source)
            && (categories.is_empty() || categories.iter().any(|c| c == e.category))
    };
    let backups = databases(region).iter().filter_map(|d| backup(d, call));
    let mut all: Vec<DbEvent> = region
        .map(|r| r.events.clone())
        .unwrap_or_default()
        .into_iter()
        .chain(backups)
        .collect();
    all.sort_by_key(|e| e.at);
    let all: Vec<Value> = all
        .iter()
        .filter(wanted)
        .map(|e| {
            json!({
                "SourceIdentifier": e.source, "SourceType": e.source_type, "Message": e.message,
                "EventCategories": [e.category], "Date": e.at.iso_millis(), "SourceArn": e.arn,
            })
        })
        .collect();
    answer(call, "Events", all)
}

/// The backup of the last night.
fn backup(d: &DbCluster, call: &Call) -> Option<DbEvent> {
    let midnight = call.now.seconds().div_euclid(86_400) * 86_400;
    let at = crate::clock::Millis((midnight + 2 * 3600 + 300) * 1000);
    (at <= call.now).then(|| DbEvent {
        at,
        source_type: "db-cluster",
        source: d.name.clone(),
        arn: d.arn.clone(),
        category: "backup",
        message: "Automated backup finished.",
    })
}
