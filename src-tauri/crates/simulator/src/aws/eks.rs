//! EKS. Service model `eks` 2017-11-01; instants are epoch seconds.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::error::AwsError;
use super::page::page;
use super::render::Answer;
use super::request::{Call, int};
use crate::clock::Millis;
use crate::world::cluster::{Cluster, NodegroupRefusal, NodegroupUpdate, Sizes};
use crate::world::region::Region;
use crate::world::{SIMULATED_ACCOUNT, World};

/// A certificate like that of a cluster's own authority. It signs nothing: on loopback there is no TLS.
const AUTHORITY: &str = include_str!("authority.pem");

pub(super) fn operation(method: &Method, path: &[&str]) -> Option<&'static str> {
    match (method.as_str(), path) {
        ("GET", ["clusters"]) => Some("ListClusters"),
        ("GET", ["clusters", _]) => Some("DescribeCluster"),
        ("GET", ["clusters", _, "node-groups"]) => Some("ListNodegroups"),
        ("GET", ["clusters", _, "node-groups", _]) => Some("DescribeNodegroup"),
        ("POST", ["clusters", _, "node-groups", _, "update-config"]) => {
            Some("UpdateNodegroupConfig")
        }
        ("GET", ["clusters", _, "updates"]) => Some("ListUpdates"),
        ("GET", ["clusters", _, "updates", _]) => Some("DescribeUpdate"),
        ("GET", ["clusters", _, "addons"]) => Some("ListAddons"),
        ("GET", ["clusters", _, "addons", _]) => Some("DescribeAddon"),
        _ => None,
    }
}

pub(super) fn handle(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    if call.operation == "UpdateNodegroupConfig" {
        return update_nodegroup(world, call);
    }
    let found = world
        .region_index(&call.region)
        .map(|r| (&world.regions[r], &world.clusters[r]));
    if call.operation == "ListClusters" {
        return listed(
            call,
            "clusters",
            found.iter().map(|(_, c)| c.spec().name.clone()).collect(),
        );
    }
    let name = call.segment(1);
    let Some((region, cluster)) = found.filter(|(_, c)| c.spec().name == name) else {
        return Err(no_cluster(name));
    };
    match call.operation.as_str() {
        "DescribeCluster" => Ok(json!({"cluster": describe(region, cluster)}).into()),
        "ListNodegroups" => listed(
            call,
            "nodegroups",
            cluster
                .spec()
                .nodegroups
                .iter()
                .map(|g| g.name.clone())
                .collect(),
        ),
        "DescribeNodegroup" => nodegroup(region, cluster, call),
        "ListUpdates" => {
            let group = call.param("nodegroupName").unwrap_or_default();
            known_nodegroup(cluster, group)?;
            let updates = cluster.nodegroup_updates(group);
            listed(call, "updateIds", updates.map(|u| u.id.clone()).collect())
        }
        "DescribeUpdate" => {
            let (id, group) = (
                call.segment(3),
                call.param("nodegroupName").unwrap_or_default(),
            );
            let found = cluster.nodegroup_updates(group).find(|u| u.id == id);
            let missing = || not_found(format!("No update found for ID: {id}"));
            Ok(json!({"update": update(found.ok_or_else(missing)?, call.now)}).into())
        }
        "ListAddons" => listed(
            call,
            "addons",
            region
                .eks
                .addons
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect(),
        ),
        "DescribeAddon" => addon(region, cluster, call),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn listed(call: &Call, list: &str, all: Vec<String>) -> Result<Answer, AwsError> {
    let size = call
        .param("maxResults")
        .and_then(|n| n.parse().ok())
        .unwrap_or(100_usize)
        .clamp(1, 100);
    let invalid = || AwsError::new("InvalidParameterException", "Invalid next token");
    let page = page(list, all, call.param("nextToken"), size).ok_or_else(invalid)?;
    Ok(json!({ list: page.items, "nextToken": page.next }).into())
}

fn describe(region: &Region, cluster: &Cluster) -> Value {
    let (spec, eks, net) = (cluster.spec(), &region.eks, &region.network);
    let subnets: Vec<&String> = net
        .private_subnets
        .iter()
        .chain(&net.public_subnets)
        .collect();
    json!({
        "name": spec.name, "arn": eks.arn, "createdAt": eks.created.epoch_seconds(), "version": spec.version,
        "endpoint": eks.endpoint,
        "roleArn": format!("arn:aws:iam::{SIMULATED_ACCOUNT}:role/eks-{}", spec.name),
        "resourcesVpcConfig": {
            "subnetIds": subnets, "securityGroupIds": [], "clusterSecurityGroupId": net.inner_group, "vpcId": net.vpc,
            "endpointPublicAccess": true, "endpointPrivateAccess": true, "publicAccessCidrs": ["0.0.0.0/0"],
        },
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4"},
        "logging": {"clusterLogging": [{"types": ["api", "audit"], "enabled": true}]},
        "identity": {"oidc": {"issuer": format!("https://oidc.eks.{}.amazonaws.com/id/{}", region.name(), eks.host)}},
        "status": "ACTIVE", "certificateAuthority": {"data": BASE64_STANDARD.encode(AUTHORITY)}, "platformVersion": "eks.12",
        "tags": {"environment": "prod"}, "health": {"issues": []},
        "accessConfig": {"authenticationMode": "API"}, "upgradePolicy": {"supportType": "STANDARD"},
        "zonalShiftConfig": {"enabled": true}, "deletionProtection": true,
    })
}

/// ARN of a nodegroup.
pub(super) fn nodegroup_arn(region: &Region, cluster: &str, name: &str) -> String {
    let id = &region.eks.host.to_lowercase()[..8];
    format!(
        "arn:aws:eks:{}:{SIMULATED_ACCOUNT}:nodegroup/{cluster}/{name}/{id}",
        region.name()
    )
}

fn nodegroup(region: &Region, cluster: &Cluster, call: &Call) -> Result<Answer, AwsError> {
    let (spec, name) = (cluster.spec(), call.segment(3));
    let missing = || not_found(format!("No node group found for name: {name}."));
    let group = spec
        .nodegroups
        .iter()
        .find(|g| g.name == name)
        .ok_or_else(missing)?;
    let state = cluster.nodegroup(name);
    let (min, desired, max) = state.map_or((group.min, group.desired, group.max), |s| {
        (s.min, s.desired, s.max)
    });
    let modified = state.map_or(region.eks.created, |s| s.modified);
    let status = match state {
        Some(s) if s.updating => "UPDATING",
        Some(_) | None => "ACTIVE",
    };
    let issues: Vec<Value> = cluster
        .nodegroup_issue(name)
        .into_iter()
        .map(|why| {
            let asg = format!("eks-{name}-{}", &region.eks.host.to_lowercase()[..8]);
            json!({"code": "AsgInstanceLaunchFailures", "message": why, "resourceIds": [asg]})
        })
        .collect();
    let id = format!("{name}-{}", &region.eks.host.to_lowercase()[..8]);
    Ok(json!({"nodegroup": {
        "nodegroupName": name,
        "nodegroupArn": nodegroup_arn(region, &spec.name, name),
        "clusterName": spec.name, "version": spec.version, "releaseVersion": format!("{}.3-20251016", spec.version),
        "createdAt": region.eks.created.epoch_seconds(), "modifiedAt": modified.epoch_seconds(),
        "status": status, "capacityType": group.capacity_type.as_str(),
        "scalingConfig": {"minSize": min, "maxSize": max, "desiredSize": desired},
        "instanceTypes": [group.instance_type], "subnets": region.network.private_subnets, "amiType": "AL2023_x86_64_STANDARD",
        "nodeRole": format!("arn:aws:iam::{SIMULATED_ACCOUNT}:role/eks-node-{}", spec.name), "labels": {},
        "resources": {"autoScalingGroups": [{"name": format!("eks-{id}")}]}, "diskSize": 80, "health": {"issues": issues},
        "updateConfig": {"maxUnavailablePercentage": 20}, "tags": {"environment": "prod"},
    }})
    .into())
}

fn not_found(message: String) -> AwsError {
    AwsError::new("ResourceNotFoundException", message).status(404)
}

fn no_cluster(name: &str) -> AwsError {
    not_found(format!("No cluster found for name: {name}."))
}

fn known_nodegroup(cluster: &Cluster, name: &str) -> Result<(), AwsError> {
    let missing = || not_found(format!("No node group found for name: {name}."));
    cluster.nodegroup(name).map(drop).ok_or_else(missing)
}

/// The answer of `UpdateNodegroupConfig` and `DescribeUpdate`: shape `Update`.
fn update(update: &NodegroupUpdate, now: Millis) -> Value {
    let params: Vec<Value> = update
        .params
        .iter()
        .map(|(kind, value)| json!({"type": kind, "value": value}))
        .collect();
    let status = if now >= update.settles {
        "Successful"
    } else {
        "InProgress"
    };
    json!({"id": update.id, "status": status, "type": "ConfigUpdate", "params": params,
           "createdAt": update.created.epoch_seconds(), "errors": []})
}

/// Only `scalingConfig` is taken; what is left out of it stays as it is.
fn update_nodegroup(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let (name, group) = (call.segment(1), call.segment(3));
    let invalid = |message: String| AwsError::new("InvalidParameterException", message);
    let index = world.region_index(&call.region);
    let cluster = index
        .map(|r| &mut world.clusters[r])
        .filter(|c| c.spec().name == name)
        .ok_or_else(|| no_cluster(name))?;
    known_nodegroup(cluster, group)?;
    let scaling = call
        .input
        .get("scalingConfig")
        .ok_or_else(|| invalid("No changes needed: scalingConfig is missing".into()))?;
    let size = |field: &str| match scaling.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => int(value)
            .and_then(|n| u32::try_from(n).ok())
            .map(Some)
            .ok_or_else(|| invalid(format!("{field} must be a number of at least 0"))),
    };
    let sizes = Sizes {
        min: size("minSize")?,
        desired: size("desiredSize")?,
        max: size("maxSize")?,
    };
    let token = call.text("clientRequestToken");
    let done = cluster
        .update_nodegroup(group, sizes, token, call.now)
        .map_err(|refusal| match refusal {
            NodegroupRefusal::Missing => {
                not_found(format!("No node group found for name: {group}."))
            }
            NodegroupRefusal::Busy => AwsError::new(
                "ResourceInUseException",
                "Nodegroup cannot be updated as it is currently not in Active State",
            )
            .status(409),
            NodegroupRefusal::Sizes(why) => invalid(why),
        })?;
    Ok(json!({"update": update(&done, call.now)}).into())
}

fn addon(region: &Region, cluster: &Cluster, call: &Call) -> Result<Answer, AwsError> {
    let (name, eks) = (call.segment(3), &region.eks);
    let missing = || {
        AwsError::new(
            "ResourceNotFoundException",
            format!("No addon: {name} found in cluster: {}", cluster.spec().name),
        )
        .status(404)
    };
    let (_, version) = eks
        .addons
        .iter()
        .find(|(n, _)| *n == name)
        .ok_or_else(missing)?;
    Ok(json!({"addon": {
        "addonName": name, "clusterName": cluster.spec().name, "status": "ACTIVE", "addonVersion": version,
        "health": {"issues": []},
        "addonArn": format!("arn:aws:eks:{}:{SIMULATED_ACCOUNT}:addon/{}/{name}/{}", region.name(), cluster.spec().name, &eks.host.to_lowercase()[..8]),
        "createdAt": eks.created.epoch_seconds(), "modifiedAt": eks.created.epoch_seconds(), "tags": {},
    }})
    .into())
}
