//! Clusters, instances and endpoints as they are described.

use serde_json::{Value, json};

use super::{answer, databases, filter, no_cluster, no_instance};
use crate::aws::error::AwsError;
use crate::aws::render::Answer;
use crate::aws::request::Call;
use crate::world::database::{DbCluster, DbInstance, InstanceStatus};
use crate::world::region::Region;

/// DB instances, and clusters, of a new account in a region
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html>).
const QUOTA: usize = 40;

pub(super) fn clusters(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
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
            let found = all
                .find(|d| d.name.eq_ignore_ascii_case(id) || d.arn == id)
                .ok_or_else(|| no_cluster(id))?;
            vec![cluster(region, found, call)]
        }
    };
    answer(call, "DBClusters", all)
}

pub(super) fn cluster(region: &Region, d: &DbCluster, call: &Call) -> Value {
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
        "DBClusterIdentifier": d.name, "DBClusterParameterGroup": d.engine.parameter_group(),
        "DBSubnetGroup": "databases", "Status": d.status.name(), "EarliestRestorableTime": call.now.plus_seconds(-14 * 86_400).iso_millis(),
        "Endpoint": d.endpoint, "ReaderEndpoint": d.reader_endpoint, "MultiAZ": d.instances.len() > 1,
        "Engine": d.engine.name(), "EngineVersion": d.engine.version(), "LatestRestorableTime": call.now.plus_seconds(-180).iso_millis(),
        "Port": d.engine.port(), "MasterUsername": "root", "PreferredBackupWindow": "02:00-02:30",
        "PreferredMaintenanceWindow": "sun:04:00-sun:04:30", "ReadReplicaIdentifiers": [], "DBClusterMembers": members,
        "VpcSecurityGroups": [{"VpcSecurityGroupId": region.network.inner_group, "Status": "active"}],
        "HostedZoneId": "Z2R2ITUGPM61AM", "StorageEncrypted": true, "DbClusterResourceId": d.resource,
        "DBClusterArn": d.arn, "AssociatedRoles": [], "IAMDatabaseAuthenticationEnabled": true,
        "ClusterCreateTime": d.created.iso_millis(), "EngineMode": "provisioned", "DeletionProtection": d.protected,
        "HttpEndpointEnabled": false, "ActivityStreamStatus": "stopped", "CopyTagsToSnapshot": true,
        "CrossAccountClone": false, "TagList": [], "AutoMinorVersionUpgrade": false, "NetworkType": "IPV4",
        "GlobalWriteForwardingStatus": "disabled",
    })
}

pub(super) fn instances(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
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
            let (d, i) = all
                .find(|(d, i)| i.name.eq_ignore_ascii_case(id) || d.instance_arn(i) == id)
                .ok_or_else(|| no_instance(id))?;
            vec![instance(region, d, i, call)]
        }
    };
    answer(call, "DBInstances", all)
}

pub(super) fn instance(region: &Region, d: &DbCluster, i: &DbInstance, call: &Call) -> Value {
    // An instance has its endpoint only once it is made.
    let endpoint = if i.status == InstanceStatus::Creating {
        Value::Null
    } else {
        json!({"Address": i.endpoint, "Port": d.engine.port(), "HostedZoneId": "Z2R2ITUGPM61AM"})
    };
    let subnets: Vec<Value> = region
        .zones
        .iter()
        .zip(&region.network.private_subnets)
        .map(|(zone, id)| json!({"SubnetIdentifier": id, "SubnetAvailabilityZone": {"Name": zone}, "SubnetStatus": "Active"}))
        .collect();
    json!({
        "DBInstanceIdentifier": i.name, "DBInstanceClass": i.class.name(), "Engine": d.engine.name(), "DBInstanceStatus": i.status.name(),
        "MasterUsername": "root", "DBName": d.database,
        "Endpoint": endpoint,
        "AllocatedStorage": 1, "InstanceCreateTime": i.created.iso_millis(), "PreferredBackupWindow": "02:00-02:30",
        "BackupRetentionPeriod": 14,
        "VpcSecurityGroups": [{"VpcSecurityGroupId": region.network.inner_group, "Status": "active"}],
        "DBParameterGroups": [{"DBParameterGroupName": d.engine.parameter_group(), "ParameterApplyStatus": "in-sync"}],
        "AvailabilityZone": region.zones[i.az],
        "DBSubnetGroup": {
            "DBSubnetGroupName": "databases", "DBSubnetGroupDescription": "private subnets", "VpcId": region.network.vpc,
            "SubnetGroupStatus": "Complete", "Subnets": subnets,
        },
        "PreferredMaintenanceWindow": "sun:05:00-sun:05:30", "PendingModifiedValues": {},
        "LatestRestorableTime": call.now.plus_seconds(-180).iso_millis(),
        "MultiAZ": false, "EngineVersion": d.engine.version(), "AutoMinorVersionUpgrade": false, "LicenseModel": d.engine.license(),
        "PubliclyAccessible": false, "StorageType": "aurora", "DbInstancePort": 0, "DBClusterIdentifier": d.name,
        "StorageEncrypted": true, "DbiResourceId": i.resource, "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "CopyTagsToSnapshot": false, "MonitoringInterval": 0, "PromotionTier": i.tier, "DBInstanceArn": d.instance_arn(i),
        "IAMDatabaseAuthenticationEnabled": true, "PerformanceInsightsEnabled": true, "DeletionProtection": false,
        "TagList": [], "NetworkType": "IPV4",
    })
}

/// The endpoints every cluster has; there are no custom ones.
pub(super) fn endpoints(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let wanted = call.text("DBClusterIdentifier");
    let of = |id: &str, d: &DbCluster| d.name.eq_ignore_ascii_case(id) || d.arn == id;
    if let Some(id) = wanted
        && !databases(region).iter().any(|d| of(id, d))
    {
        return Err(no_cluster(id));
    }
    let types = filter(call, "db-cluster-endpoint-type");
    let all = databases(region)
        .iter()
        .filter(|d| wanted.is_none_or(|id| of(id, d)))
        .flat_map(|d| {
            let writer = if d.secondary { "inactive" } else { "available" };
            [
                (d, "WRITER", &d.endpoint, writer),
                (d, "READER", &d.reader_endpoint, "available"),
            ]
        })
        .filter(|(_, kind, ..)| types.is_empty() || types.iter().any(|t| t.eq_ignore_ascii_case(kind)))
        .map(|(d, kind, endpoint, status)| {
            json!({
                "DBClusterIdentifier": d.name, "Endpoint": endpoint, "Status": status, "EndpointType": kind,
            })
        })
        .collect();
    answer(call, "DBClusterEndpoints", all)
}

/// DescribeAccountAttributes: the quotas that clusters count against.
pub(super) fn quotas(region: Option<&Region>) -> Answer {
    let all = databases(region);
    let instances: usize = all.iter().map(|d| d.instances.len()).sum();
    let quota =
        |name: &str, used: usize| json!({ "AccountQuotaName": name, "Used": used, "Max": QUOTA });
    json!({ "AccountQuotas": [quota("DBClusters", all.len()), quota("DBInstances", instances)] })
        .into()
}

/// DescribePendingMaintenanceActions: instances with maintenance ahead.
pub(super) fn maintenance(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let wanted = call.text("ResourceIdentifier");
    let (of, named) = (
        filter(call, "db-cluster-id"),
        filter(call, "db-instance-id"),
    );
    let all = databases(region)
        .iter()
        .flat_map(|d| d.instances.iter().map(move |i| (d, i)))
        .filter(|(d, i)| {
            wanted.is_none_or(|arn| d.instance_arn(i) == arn)
                && (of.is_empty() || of.contains(&d.name) || of.contains(&d.arn))
                && (named.is_empty() || named.contains(&i.name) || named.contains(&d.instance_arn(i)))
        })
        .filter_map(|(d, i)| i.maintenance.map(|at| (d.instance_arn(i), at)))
        .map(|(arn, at)| {
            json!({
                "ResourceIdentifier": arn,
                "PendingMaintenanceActionDetails": [{
                    "Action": "system-update", "AutoAppliedAfterDate": at.iso_millis(), "CurrentApplyDate": at.iso_millis(),
                    "Description": "New Operating System update is available",
                }],
            })
        })
        .collect();
    answer(call, "PendingMaintenanceActions", all)
}
