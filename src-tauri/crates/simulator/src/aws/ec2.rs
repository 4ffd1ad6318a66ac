//! EC2: the subnets. Service model `ec2` 2016-11-15; where pods have their addresses is the VPC CNI's business, so the
//! ranges of the subnets are not told.

use serde_json::{Value, json};

use super::error::AwsError;
use super::page::page;
use super::render::Answer;
use super::request::Call;
use crate::world::cluster::Cluster;
use crate::world::region::Region;
use crate::world::{SIMULATED_ACCOUNT, World};

/// Addresses of a subnet of 18 bits, without the five AWS keeps (VPC User Guide, "Subnet CIDR blocks").
const ADDRESSES: usize = (1 << 14) - 5;

pub(super) fn handle(world: &World, call: &Call) -> Result<Answer, AwsError> {
    match call.operation.as_str() {
        "DescribeSubnets" => describe_subnets(world, call),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn describe_subnets(world: &World, call: &Call) -> Result<Answer, AwsError> {
    let here = world.region_index(&call.region);
    let all = here.map(|r| subnets(&world.regions[r], &world.clusters[r]));
    let mut all = all.unwrap_or_default();
    let wanted = call.texts("SubnetId");
    if let Some(missing) = wanted.iter().find(|id| !all.iter().any(|s| has(s, id))) {
        return Err(AwsError::new(
            "InvalidSubnetID.NotFound",
            format!("The subnet ID '{missing}' does not exist"),
        ));
    }
    all.retain(|subnet| wanted.is_empty() || wanted.iter().any(|id| has(subnet, id)));
    for filter in call.list("Filter") {
        let (member, values) = filtered(filter)?;
        all.retain(|subnet| values.iter().any(|value| subnet[member] == **value));
    }
    let size = call.int("MaxResults").unwrap_or(1000).clamp(5, 1000) as usize;
    let invalid = || AwsError::new("InvalidNextToken", "The token is not valid");
    let page = page("subnets", all, call.text("NextToken"), size).ok_or_else(invalid)?;
    Ok(json!({"subnetSet": page.items, "nextToken": page.next}).into())
}

fn has(subnet: &Value, id: &str) -> bool {
    subnet["subnetId"] == *id
}

/// The member a filter is about, and the values it takes.
fn filtered(filter: &Value) -> Result<(&'static str, Vec<&Value>), AwsError> {
    let name = filter["Name"].as_str().unwrap_or_default();
    let member = match name {
        "subnet-id" => "subnetId",
        "vpc-id" => "vpcId",
        "availability-zone" => "availabilityZone",
        "state" => "state",
        _ => {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("The filter '{name}' is invalid"),
            ));
        }
    };
    Ok((
        member,
        filter["Value"].as_array().into_iter().flatten().collect(),
    ))
}

fn subnets(region: &Region, cluster: &Cluster) -> Vec<Value> {
    let net = &region.network;
    let private = net.private_subnets.iter().zip(&region.azs).map(|(id, az)| {
        let pods = cluster
            .all_pods()
            .filter(|pod| pod.az == az.name && pod.ip.is_some());
        let nodes = cluster.nodes().filter(|node| node.az == az.name);
        (id, az, pods.count() + nodes.count(), false)
    });
    // Every load balancer has a node in each zone.
    let edge = region.balancers.len();
    let public = net.public_subnets.iter().zip(&region.azs);
    let public = public.map(|(id, az)| (id, az, edge, true));
    let told = private.chain(public).map(|(id, az, used, public)| {
        json!({
            "subnetId": id, "state": "available", "vpcId": net.vpc, "ownerId": SIMULATED_ACCOUNT,
            "availableIpAddressCount": ADDRESSES.saturating_sub(used),
            "availabilityZone": az.name, "availabilityZoneId": az.id,
            "defaultForAz": false, "mapPublicIpOnLaunch": public, "assignIpv6AddressOnCreation": false,
            "subnetArn": format!("arn:aws:ec2:{}:{SIMULATED_ACCOUNT}:subnet/{id}", region.name()),
        })
    });
    told.collect()
}
