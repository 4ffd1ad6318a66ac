//! Application Auto Scaling, of the readers of Aurora clusters. Service model `application-autoscaling` 2016-02-06.

use serde_json::{Value, json};

use super::error::AwsError;
use super::page::page;
use super::region;
use super::render::Answer;
use super::request::Call;
use crate::world::database::{Activity, DbCluster, ReaderScaling};
use crate::world::{SIMULATED_ACCOUNT, World};

const DIMENSION: &str = "rds:cluster:ReadReplicaCount";
const POLICY: &str = "readers-by-cpu";
/// The service namespaces of the model.
const NAMESPACES: &[&str] = &[
    "ecs",
    "elasticmapreduce",
    "ec2",
    "appstream",
    "dynamodb",
    "rds",
    "sagemaker",
    "custom-resource",
    "comprehend",
    "lambda",
    "cassandra",
    "kafka",
    "elasticache",
    "neptune",
    "workspaces",
];

pub(super) fn handle(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let namespace = call.text("ServiceNamespace").unwrap_or_default();
    if !NAMESPACES.contains(&namespace) {
        return Err(invalid(format!(
            "Unsupported service namespace: {namespace}"
        )));
    }
    match call.operation.as_str() {
        "DescribeScalableTargets" => {
            listed(world, call, "ScalableTargets", &|d, s| vec![target(d, s)])
        }
        "DescribeScalingPolicies" => {
            listed(world, call, "ScalingPolicies", &|d, s| vec![policy(d, s)])
        }
        "DescribeScalingActivities" => listed(world, call, "ScalingActivities", &|d, s| {
            s.activities.iter().rev().map(|a| activity(d, a)).collect()
        }),
        "RegisterScalableTarget" => register(world, call),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn invalid(why: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", why)
}

type Write<'a> = &'a dyn Fn(&DbCluster, &ReaderScaling) -> Vec<Value>;

fn listed(world: &World, call: &Call, list: &str, write: Write<'_>) -> Result<Answer, AwsError> {
    let mut wanted = call.texts("ResourceIds");
    wanted.extend(call.text("ResourceId").map(str::to_owned));
    let dimension = call.text("ScalableDimension");
    let ours =
        call.text("ServiceNamespace") == Some("rds") && dimension.is_none_or(|d| d == DIMENSION);
    let all: Vec<Value> = region(world, call)
        .into_iter()
        .flat_map(|r| &r.databases)
        .filter(|d| ours && (wanted.is_empty() || wanted.contains(&resource(d))))
        .filter_map(|d| d.scaling.as_ref().map(|s| write(d, s)))
        .flatten()
        .collect();
    let size = call.int("MaxResults").and_then(|n| usize::try_from(n).ok());
    let page = page(
        list,
        all,
        call.text("NextToken"),
        size.unwrap_or(50).clamp(1, 50),
    )
    .ok_or_else(|| AwsError::new("InvalidNextTokenException", "The next token is invalid"))?;
    Ok(json!({ list: page.items, "NextToken": page.next }).into())
}

fn resource(d: &DbCluster) -> String {
    format!("cluster:{}", d.name)
}

fn arn(d: &DbCluster, what: &str) -> String {
    format!(
        "arn:aws:application-autoscaling:{}:{SIMULATED_ACCOUNT}:{what}",
        d.region
    )
}

fn target(d: &DbCluster, s: &ReaderScaling) -> Value {
    json!({
        "ServiceNamespace": "rds", "ResourceId": resource(d), "ScalableDimension": DIMENSION,
        "MinCapacity": s.min, "MaxCapacity": s.max,
        "RoleARN": format!(
            "arn:aws:iam::{SIMULATED_ACCOUNT}:role/aws-service-role/rds.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_RDSCluster"
        ),
        "CreationTime": s.created.epoch_seconds(),
        "SuspendedState": {
            "DynamicScalingInSuspended": s.in_suspended, "DynamicScalingOutSuspended": s.out_suspended,
            "ScheduledScalingSuspended": false,
        },
        "ScalableTargetARN": arn(d, &format!("scalable-target/{}", d.resource.to_lowercase())),
    })
}

fn policy(d: &DbCluster, s: &ReaderScaling) -> Value {
    let alarm = |side: &str| {
        let name = format!("TargetTracking-{}-{side}", resource(d));
        json!({
            "AlarmARN": format!("arn:aws:cloudwatch:{}:{SIMULATED_ACCOUNT}:alarm:{name}", d.region), "AlarmName": name,
        })
    };
    json!({
        "PolicyARN": arn(d, &format!("scalingPolicy:{}:resource/rds/{}:policyName/{POLICY}", d.resource.to_lowercase(), resource(d))).replace("application-autoscaling", "autoscaling"),
        "PolicyName": POLICY, "ServiceNamespace": "rds", "ResourceId": resource(d), "ScalableDimension": DIMENSION,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": s.target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "RDSReaderAverageCPUUtilization"},
            "ScaleOutCooldown": s.cooldown, "ScaleInCooldown": s.cooldown, "DisableScaleIn": false,
        },
        "Alarms": [alarm("AlarmHigh"), alarm("AlarmLow")], "CreationTime": s.created.epoch_seconds(),
    })
}

fn activity(d: &DbCluster, a: &Activity) -> Value {
    let done = a.ended.is_some();
    json!({
        "ActivityId": a.id, "ServiceNamespace": "rds", "ResourceId": resource(d), "ScalableDimension": DIMENSION,
        "Description": format!("Setting replica count to {}.", a.count), "Cause": a.cause,
        "StartTime": a.began.epoch_seconds(), "EndTime": a.ended.map(crate::clock::Millis::epoch_seconds),
        "StatusCode": if done { "Successful" } else { "InProgress" },
        "StatusMessage": if done {
            format!("Successfully set replica count to {}. Change successfully fulfilled by rds.", a.count)
        } else {
            format!("Successfully set replica count to {}. Waiting for change to be fulfilled by rds.", a.count)
        },
    })
}

/// RegisterScalableTarget: bounds and what is suspended.
fn register(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let id = call.text("ResourceId").unwrap_or_default();
    if call.text("ScalableDimension") != Some(DIMENSION) {
        return Err(invalid("Unsupported scalable dimension"));
    }
    let missing = || invalid(format!("DB cluster does not exist: {id}"));
    let r = world.region_index(&call.region).ok_or_else(missing)?;
    let mut databases = world.regions[r].databases.iter_mut();
    let database = databases.find(|d| resource(d) == id).ok_or_else(missing)?;
    let bound = |name: &str| call.int(name).and_then(|n| u32::try_from(n).ok());
    let (min, max) = (bound("MinCapacity"), bound("MaxCapacity"));
    let scaling = match (&mut database.scaling, min, max) {
        (Some(scaling), ..) => scaling,
        (none, Some(min), Some(max)) => none.insert(ReaderScaling::new(min, max, call.now)),
        _ => {
            return Err(AwsError::new(
                "ObjectNotFoundException",
                format!(
                    "No scalable target registered for service namespace: rds, resource ID: {id}, scalable dimension: {DIMENSION}"
                ),
            ));
        }
    };
    let (min, max) = (min.unwrap_or(scaling.min), max.unwrap_or(scaling.max));
    if min > max || max > 15 {
        return Err(invalid(
            "Minimum capacity must not be greater than maximum capacity, and neither than 15",
        ));
    }
    (scaling.min, scaling.max) = (min, max);
    let suspended = &call.input["SuspendedState"];
    if let Some(stop) = suspended["DynamicScalingInSuspended"].as_bool() {
        scaling.in_suspended = stop;
    }
    if let Some(stop) = suspended["DynamicScalingOutSuspended"].as_bool() {
        scaling.out_suspended = stop;
    }
    let arn = arn(
        database,
        &format!("scalable-target/{}", database.resource.to_lowercase()),
    );
    Ok(json!({ "ScalableTargetARN": arn }).into())
}
