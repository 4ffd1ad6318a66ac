//! RDS Proxies and what they lead to: of the targets one is the cluster, and one each of its members
//! (Aurora User Guide, "Managing an RDS Proxy"). A proxy has its cluster's name.

use serde_json::{Value, json};

use super::{answer, databases, required};
use crate::aws::error::AwsError;
use crate::aws::render::Answer;
use crate::aws::request::Call;
use crate::world::SIMULATED_ACCOUNT;
use crate::world::database::{DbCluster, DbInstance, Engine};
use crate::world::region::Region;

pub(super) fn describe(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let Some(region) = region else {
        return answer(call, "DBProxies", vec![]);
    };
    let mut all = proxied(Some(region));
    let all: Vec<Value> = match call.text("DBProxyName") {
        None => all
            .map(|(d, endpoint)| proxy(region, d, endpoint))
            .collect(),
        Some(name) => {
            let found = all.find(|(d, _)| d.name.eq_ignore_ascii_case(name));
            let (d, endpoint) = found.ok_or_else(|| unknown(name))?;
            vec![proxy(region, d, endpoint)]
        }
    };
    answer(call, "DBProxies", all)
}

pub(super) fn targets(region: Option<&Region>, call: &Call) -> Result<Answer, AwsError> {
    let name = required(call, "DBProxyName")?;
    let found = proxied(region).find(|(d, _)| d.name.eq_ignore_ascii_case(name));
    let (d, _) = found.ok_or_else(|| unknown(name))?;
    let group = call.text("TargetGroupName");
    if let Some(group) = group.filter(|group| *group != "default") {
        let why = format!("Target group {group} not found.");
        return Err(AwsError::new("DBProxyTargetGroupNotFoundFault", why).status(404));
    }
    let cluster = json!({ "RdsResourceId": d.name, "Port": 0, "Type": "TRACKED_CLUSTER" });
    let members = d.instances.iter().map(|i| member(d, i));
    answer(
        call,
        "Targets",
        [cluster].into_iter().chain(members).collect(),
    )
}

fn proxied(region: Option<&Region>) -> impl Iterator<Item = (&DbCluster, &str)> {
    let all = databases(region).iter();
    all.filter_map(|d| Some((d, d.proxy.as_deref()?)))
}

fn unknown(name: &str) -> AwsError {
    let why = format!("DB proxy {name} not found.");
    AwsError::new("DBProxyNotFoundFault", why).status(404)
}

fn proxy(region: &Region, d: &DbCluster, endpoint: &str) -> Value {
    let family = match d.engine {
        Engine::MySql => "MYSQL",
        Engine::Postgres => "POSTGRESQL",
    };
    let id: String = d.resource.to_lowercase().chars().skip(8).take(17).collect();
    json!({
        "DBProxyName": d.name, "DBProxyArn": format!("arn:aws:rds:{}:{SIMULATED_ACCOUNT}:db-proxy:prx-{id}", d.region),
        "Status": "available", "EngineFamily": family, "VpcId": region.network.vpc,
        "VpcSecurityGroupIds": [region.network.inner_group], "VpcSubnetIds": region.network.private_subnets,
        "RoleArn": format!("arn:aws:iam::{SIMULATED_ACCOUNT}:role/rds-proxy"), "Endpoint": endpoint,
        "RequireTLS": true, "IdleClientTimeout": 1800, "DebugLogging": false,
        "CreatedDate": d.created.iso_millis(), "UpdatedDate": d.created.iso_millis(),
    })
}

fn member(d: &DbCluster, i: &DbInstance) -> Value {
    let state = if i.status.serves() {
        "AVAILABLE"
    } else {
        "UNAVAILABLE"
    };
    json!({
        "Endpoint": i.endpoint, "RdsResourceId": i.name, "Port": d.engine.port(), "Type": "RDS_INSTANCE",
        "Role": if i.writer { "READ_WRITE" } else { "READ_ONLY" }, "TargetHealth": {"State": state},
    })
}
