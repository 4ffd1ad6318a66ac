//! Lambda. Service model `lambda` 2015-03-31.

use http::Method;
use serde_json::{Value, json};

use super::error::AwsError;
use super::page::page;
use super::region;
use super::render::Answer;
use super::request::{Call, int};
use crate::world::function::{ACCOUNT_CONCURRENCY, Function, Mapping};
use crate::world::region::Region;
use crate::world::{SIMULATED_ACCOUNT, World};

pub(super) fn operation(method: &Method, path: &[&str]) -> Option<&'static str> {
    match (method.as_str(), path) {
        ("GET", ["2015-03-31", "functions"]) => Some("ListFunctions"),
        ("GET", ["2015-03-31", "functions", _]) => Some("GetFunction"),
        ("GET", ["2015-03-31", "functions", _, "configuration"]) => {
            Some("GetFunctionConfiguration")
        }
        ("GET", ["2019-09-30", "functions", _, "concurrency"]) => Some("GetFunctionConcurrency"),
        ("PUT", ["2017-10-31", "functions", _, "concurrency"]) => Some("PutFunctionConcurrency"),
        ("DELETE", ["2017-10-31", "functions", _, "concurrency"]) => {
            Some("DeleteFunctionConcurrency")
        }
        ("GET", ["2015-03-31", "event-source-mappings"]) => Some("ListEventSourceMappings"),
        ("GET", ["2015-03-31", "event-source-mappings", _]) => Some("GetEventSourceMapping"),
        ("PUT", ["2015-03-31", "event-source-mappings", _]) => Some("UpdateEventSourceMapping"),
        ("GET", ["2017-03-31", "tags", _]) => Some("ListTags"),
        ("GET", ["2016-08-19", "account-settings"]) => Some("GetAccountSettings"),
        _ => None,
    }
}

pub(super) fn handle(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    if call.operation == "UpdateEventSourceMapping" {
        return update_mapping(world, call);
    }
    if matches!(
        call.operation.as_str(),
        "PutFunctionConcurrency" | "DeleteFunctionConcurrency"
    ) {
        return reserve(world, call);
    }
    let region = region(world, call);
    match call.operation.as_str() {
        "ListFunctions" => {
            let all = region
                .map(|r| r.functions.iter().map(|f| in_a_list(r, f)).collect())
                .unwrap_or_default();
            listed(call, "Functions", all, 50)
        }
        "GetFunction" => get_function(region, call),
        "GetFunctionConfiguration" => {
            let (region, f) = find(region, call.segment(2), call)?;
            Ok(configuration(region, f).into())
        }
        "GetFunctionConcurrency" => {
            let (_, f) = find(region, call.segment(2), call)?;
            Ok(json!({"ReservedConcurrentExecutions": f.reserved}).into())
        }
        "ListEventSourceMappings" => list_mappings(region, call),
        "GetEventSourceMapping" => {
            let id = call.segment(2);
            let found = region.and_then(|r| {
                r.mappings
                    .iter()
                    .find(|m| m.uuid == id)
                    .map(|m| mapping(r, m))
            });
            found.map(Into::into).ok_or_else(no_mapping)
        }
        "ListTags" => list_tags(region, call),
        "GetAccountSettings" => Ok(account(region).into()),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn listed(call: &Call, list: &str, all: Vec<Value>, default: usize) -> Result<Answer, AwsError> {
    let size = call
        .param("MaxItems")
        .and_then(|n| n.parse().ok())
        .unwrap_or(default)
        .clamp(1, default);
    let invalid = || AwsError::new("InvalidParameterValueException", "The marker is not valid");
    let page = page(list, all, call.param("Marker"), size).ok_or_else(invalid)?;
    Ok(json!({ list: page.items, "NextMarker": page.next }).into())
}

fn no_mapping() -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )
    .status(404)
}

/// A function by name, partial ARN or ARN.
fn find<'a>(
    region: Option<&'a Region>,
    id: &str,
    call: &Call,
) -> Result<(&'a Region, &'a Function), AwsError> {
    let name = id.rsplit(':').next().unwrap_or(id);
    let found = region.and_then(|r| Some((r, r.functions.iter().find(|f| f.name == name)?)));
    found.ok_or_else(|| {
        let arn = format!(
            "arn:aws:lambda:{}:{SIMULATED_ACCOUNT}:function:{name}",
            call.region
        );
        AwsError::new(
            "ResourceNotFoundException",
            format!("Function not found: {arn}"),
        )
        .status(404)
    })
}

/// A list leaves some members out (API reference, ListFunctions).
fn in_a_list(region: &Region, f: &Function) -> Value {
    let mut all = configuration(region, f);
    if let Value::Object(members) = &mut all {
        members.retain(|name, _| name != "State" && name != "LastUpdateStatus");
    }
    all
}

fn configuration(region: &Region, f: &Function) -> Value {
    let env: serde_json::Map<String, Value> =
        f.env.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    json!({
        "FunctionName": f.name, "FunctionArn": f.arn, "Runtime": f.runtime,
        "Role": format!("arn:aws:iam::{SIMULATED_ACCOUNT}:role/{}", f.name), "Handler": "index.handler", "CodeSize": 4_194_304,
        "Description": "", "Timeout": f.timeout, "MemorySize": f.memory,
        "LastModified": f.modified.iso_millis().replace('Z', "+0000"), "CodeSha256": f.code, "Version": "$LATEST",
        "VpcConfig": {
            "SubnetIds": region.network.private_subnets, "SecurityGroupIds": [region.network.inner_group], "VpcId": region.network.vpc,
            "Ipv6AllowedForDualStack": false,
        },
        "Environment": {"Variables": env}, "TracingConfig": {"Mode": "PassThrough"}, "RevisionId": f.revision,
        "State": "Active", "LastUpdateStatus": "Successful", "PackageType": "Zip", "Architectures": ["arm64"],
        "EphemeralStorage": {"Size": 512}, "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", "LogGroup": format!("/aws/lambda/{}", f.name)},
    })
}

fn get_function(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let (region, f) = find(region, call.segment(2), call)?;
    let concurrency = f
        .reserved
        .map(|n| json!({"ReservedConcurrentExecutions": n}));
    let code = json!({"RepositoryType": "S3", "Location": format!("https://awslambda-{}-tasks.s3.amazonaws.com/snapshots/{}", call.region, f.revision)});
    Ok(json!({"Configuration": configuration(region, f), "Code": code, "Tags": {"environment": "prod"}, "Concurrency": concurrency}).into())
}

fn mapping(region: &Region, m: &Mapping) -> Value {
    json!({
        "UUID": m.uuid, "BatchSize": m.batch_size, "MaximumBatchingWindowInSeconds": m.window, "EventSourceArn": &*m.queue,
        "FunctionArn": region.functions[m.function].arn, "LastModified": m.modified.epoch_seconds(), "State": m.state.name(),
        "StateTransitionReason": "USER_INITIATED", "FunctionResponseTypes": [],
        "ScalingConfig": m.max_concurrency.map(|n| json!({"MaximumConcurrency": n})),
        "EventSourceMappingArn": format!("{}{}", mapping_base(region), m.uuid),
    })
}

/// The ARN of a mapping, but for its id.
fn mapping_base(region: &Region) -> String {
    format!(
        "arn:aws:lambda:{}:{SIMULATED_ACCOUNT}:event-source-mapping:",
        region.name()
    )
}

/// `ListTags` of a function or a mapping, by its ARN.
fn list_tags(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let arn = call.segment(2);
    if !arn.starts_with("arn:aws:lambda:") {
        let message = format!("Value '{arn}' at 'resource' failed to satisfy constraint");
        return Err(AwsError::new("ValidationException", message));
    }
    if !arn.contains(":event-source-mapping:") {
        find(region, arn, call)?;
        return Ok(json!({"Tags": {"environment": "prod"}}).into());
    }
    let region = region.ok_or_else(no_mapping)?;
    let base = mapping_base(region);
    let found = region
        .mappings
        .iter()
        .find(|m| arn.strip_prefix(base.as_str()) == Some(m.uuid.as_str()));
    let m = found.ok_or_else(no_mapping)?;
    let mut tags = json!({"environment": "prod"});
    if let Some(stack) = &m.stack {
        let id = format!(
            "arn:aws:cloudformation:{}:{SIMULATED_ACCOUNT}:stack/{stack}/{}",
            region.name(),
            m.uuid
        );
        tags["aws:cloudformation:stack-name"] = json!(stack);
        tags["aws:cloudformation:stack-id"] = json!(id);
        tags["aws:cloudformation:logical-id"] = json!("Mapping");
    }
    Ok(json!({"Tags": tags}).into())
}

fn list_mappings(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let of = match call.param("FunctionName") {
        None => None,
        Some(name) => Some(find(region, name, call)?.1.arn.clone()),
    };
    let from = call.param("EventSourceArn");
    let all = region.map(|r| {
        r.mappings
            .iter()
            .filter(|m| from.is_none_or(|q| q == &*m.queue))
            .filter(|m| {
                of.as_ref()
                    .is_none_or(|f| *f == r.functions[m.function].arn)
            })
            .map(|m| mapping(r, m))
            .collect()
    });
    listed(call, "EventSourceMappings", all.unwrap_or_default(), 100)
}

fn update_mapping(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let Some(r) = world.region_index(&call.region) else {
        return Err(no_mapping());
    };
    let region = &mut world.regions[r];
    let id = call.segment(2);
    let m = region
        .mappings
        .iter_mut()
        .find(|m| m.uuid == id)
        .ok_or_else(no_mapping)?;
    if m.state.is_moving() {
        let message = "Cannot update the event source mapping because it is in use.";
        return Err(AwsError::new("ResourceInUseException", message));
    }
    let invalid = |message: String| AwsError::new("InvalidParameterValueException", message);
    if let Some(n) = call.int("BatchSize") {
        let n = u32::try_from(n)
            .ok()
            .filter(|n| (1..=10_000).contains(n))
            .ok_or_else(|| invalid(format!("Batch size {n} must be between 1 and 10000")))?;
        m.batch_size = n;
    }
    if let Some(scaling) = call.input.get("ScalingConfig") {
        m.max_concurrency = match scaling.get("MaximumConcurrency").and_then(int) {
            None => None,
            Some(n) if (2..=1000).contains(&n) => u32::try_from(n).ok(),
            Some(n) => {
                return Err(invalid(format!(
                    "MaximumConcurrency {n} must be between 2 and 1000"
                )));
            }
        };
    }
    m.ask(call.input.get("Enabled").and_then(Value::as_bool), call.now);
    let m = region
        .mappings
        .iter()
        .find(|m| m.uuid == id)
        .ok_or_else(no_mapping)?;
    Ok(Answer::from(mapping(region, m)).status(202))
}

/// Least of the account's concurrency that stays for functions without a reservation
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>).
const LEAST_UNRESERVED: u32 = 100;

/// `PutFunctionConcurrency` and `DeleteFunctionConcurrency`.
fn reserve(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let name = find(region(world, call), call.segment(2), call)?
        .1
        .name
        .clone();
    let Some(r) = world.region_index(&call.region) else {
        return Err(no_mapping());
    };
    let functions = &mut world.regions[r].functions;
    let others: u32 = functions
        .iter()
        .filter(|f| f.name != name)
        .filter_map(|f| f.reserved)
        .sum();
    let wanted = if call.operation == "DeleteFunctionConcurrency" {
        None
    } else {
        let asked = call.int("ReservedConcurrentExecutions");
        Some(asked.and_then(|n| u32::try_from(n).ok()).ok_or_else(|| {
            let message = "ReservedConcurrentExecutions must be a number of at least 0";
            AwsError::new("InvalidParameterValueException", message)
        })?)
    };
    if wanted.is_some_and(|n| others + n + LEAST_UNRESERVED > ACCOUNT_CONCURRENCY) {
        let message = format!(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{LEAST_UNRESERVED}]."
        );
        return Err(AwsError::new("InvalidParameterValueException", message));
    }
    for f in functions.iter_mut().filter(|f| f.name == name) {
        f.reserved = wanted;
    }
    Ok(match wanted {
        Some(n) => json!({ "ReservedConcurrentExecutions": n }).into(),
        None => Answer::from(json!({})).status(204),
    })
}

fn account(region: Option<&Region>) -> Value {
    let functions = region.map_or(0, |r| r.functions.len());
    let reserved: u32 = region.map_or(0, |r| r.functions.iter().filter_map(|f| f.reserved).sum());
    json!({
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800_u64, "CodeSizeUnzipped": 262_144_000, "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": ACCOUNT_CONCURRENCY, "UnreservedConcurrentExecutions": ACCOUNT_CONCURRENCY - reserved,
        },
        "AccountUsage": {"TotalCodeSize": functions * 4_194_304, "FunctionCount": functions},
    })
}
