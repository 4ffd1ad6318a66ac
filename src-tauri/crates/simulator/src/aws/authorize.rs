//! Whether a call is allowed to whoever signed it
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>). Roles may everything;
//! a session policy narrows their sessions; the user may only say who it is and assume a role.
//!
//! Names of actions and resources: the Service Authorization Reference
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::eks::nodegroup_arn;
use super::error::{AwsError, Why};
use super::policy::{Policy, Says};
use super::principal::Principal;
use super::request::{Call, Service};
use crate::world::{SIMULATED_ACCOUNT, World};

/// Who signed a call, and what the credentials are narrowed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Who.
    pub(crate) principal: Principal,
    /// The session policy.
    pub(crate) policy: Option<Policy>,
}

impl Caller {
    /// Without a session policy.
    pub(crate) fn whole(principal: Principal) -> Self {
        Self {
            principal,
            policy: None,
        }
    }

    /// Whether nothing narrows what it may.
    fn is_unbound(&self) -> bool {
        self.policy.is_none() && self.principal != Principal::User
    }

    /// What says no to an action on a resource.
    fn refused(&self, action: &str, resource: &str) -> Option<Why> {
        if self.principal == Principal::User && action != "sts:AssumeRole" {
            return Some(Why::Identity);
        }
        match self.policy.as_ref()?.says(action, resource) {
            Says::Allow => None,
            Says::Deny => Some(Why::SessionDeny),
            Says::Nothing => Some(Why::Session),
        }
    }
}

/// An action on a resource.
struct Need {
    action: String,
    resource: String,
}

/// Lets a call pass that its signer may make.
pub(super) fn check(world: &World, call: &Call, caller: &Caller) -> Result<(), AwsError> {
    // Nobody can be kept from asking who they are (STS API Reference, GetCallerIdentity).
    let asks_who = (call.service, call.operation.as_str()) == (Service::Sts, "GetCallerIdentity");
    if asks_who || caller.is_unbound() {
        return Ok(());
    }
    for need in needs(world, call) {
        if let Some(why) = caller.refused(&need.action, &need.resource) {
            let who = caller.principal.arn();
            let resource = Some(need.resource.as_str()).filter(|resource| *resource != "*");
            return Err(AwsError::denied(
                call.service,
                &need.action,
                &who,
                resource,
                why,
            ));
        }
    }
    Ok(())
}

/// What a call needs, its own action first.
fn needs(world: &World, call: &Call) -> Vec<Need> {
    let own = action_of(call);
    let of = |resource: String| {
        vec![Need {
            action: own.clone(),
            resource,
        }]
    };
    match call.service {
        Service::Sqs => sqs(world, call, own),
        Service::Rds => rds(call).into_iter().flat_map(of).collect(),
        Service::Eks => of(eks(world, call)),
        Service::Lambda => of(lambda(call)),
        Service::Sts => of(call.text("RoleArn").unwrap_or("*").to_owned()),
        Service::Iam => of(iam(call)),
        Service::Route53 => of(match call.path.get(2) {
            Some(id) if call.segment(1) == "hostedzone" => {
                format!("arn:aws:route53:::hostedzone/{id}")
            }
            Some(id) if call.segment(1) == "healthcheck" => {
                format!("arn:aws:route53:::healthcheck/{id}")
            }
            Some(_) | None => "*".to_owned(),
        }),
        Service::S3 => of(match call.path.first() {
            Some(bucket) => format!("arn:aws:s3:::{bucket}"),
            None => "*".to_owned(),
        }),
        Service::ZonalShift => of(match call.text("resourceIdentifier") {
            Some(arn) => arn.to_owned(),
            None => "*".to_owned(),
        }),
        Service::CloudFront
        | Service::Elb
        | Service::CloudWatch
        | Service::AutoScaling
        | Service::Ec2
        | Service::Pricing => of("*".to_owned()),
    }
}

/// The action of IAM that a call is.
pub(super) fn action_of(call: &Call) -> String {
    format!("{}:{}", call.service.iam(), action(call))
}

/// The action of an operation where the two are not called the same.
fn action(call: &Call) -> &str {
    match (call.service, call.operation.as_str()) {
        (Service::Sqs, batch) => batch.strip_suffix("Batch").unwrap_or(batch),
        (Service::S3, "HeadBucket") => "ListBucket",
        (Service::S3, "ListBuckets") => "ListAllMyBuckets",
        (_, operation) => operation,
    }
}

/// Moving messages needs what it does on both queues, too
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html>);
/// without a destination they go back to where they came from. Seeing what is moved needs the queue's attributes
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-dlq.html>).
fn sqs(world: &World, call: &Call, own: String) -> Vec<Need> {
    let need = |action: &str, resource: &str| Need {
        action: action.to_owned(),
        resource: resource.to_owned(),
    };
    let source = match call.operation.as_str() {
        "StartMessageMoveTask" | "ListMessageMoveTasks" => {
            call.text("SourceArn").unwrap_or("*").to_owned()
        }
        "CancelMessageMoveTask" => task_source(call).unwrap_or_else(|| "*".to_owned()),
        "CreateQueue" | "GetQueueUrl" => match call.text("QueueName") {
            Some(name) => return vec![need(&own, &queue(call, name))],
            None => return vec![need(&own, "*")],
        },
        _ => {
            let name = call.text("QueueUrl").and_then(|url| url.rsplit('/').next());
            let resource = name.map_or_else(|| "*".to_owned(), |name| queue(call, name));
            return vec![need(&own, &resource)];
        }
    };
    let mut all = vec![need(&own, &source)];
    let moved: &[&str] = match call.operation.as_str() {
        "ListMessageMoveTasks" => &["GetQueueAttributes"],
        _ => &["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"],
    };
    let moved = moved
        .iter()
        .map(|action| need(&format!("sqs:{action}"), &source));
    all.extend(moved);
    if call.operation == "StartMessageMoveTask" {
        let to = destinations(world, call, &source);
        all.extend(to.iter().map(|to| need("sqs:SendMessage", to)));
    }
    all
}

fn queue(call: &Call, name: &str) -> String {
    format!("arn:aws:sqs:{}:{SIMULATED_ACCOUNT}:{name}", call.region)
}

fn task_source(call: &Call) -> Option<String> {
    let handle = BASE64.decode(call.text("TaskHandle")?).ok()?;
    let handle: Value = serde_json::from_slice(&handle).ok()?;
    handle["sourceArn"].as_str().map(str::to_owned)
}

fn destinations(world: &World, call: &Call, source: &str) -> Vec<String> {
    if let Some(to) = call.text("DestinationArn") {
        return vec![to.to_owned()];
    }
    let region = world.region_index(&call.region).map(|r| &world.regions[r]);
    let queues = region.into_iter().flat_map(|r| r.queues.values());
    let buries = |q: &&crate::world::queue::Queue| {
        q.redrive.as_ref().is_some_and(|to| &*to.target == source)
    };
    queues.filter(buries).map(|q| q.arn.to_string()).collect()
}

fn rds(call: &Call) -> Vec<String> {
    let arn = |kind: &str, name: &str| {
        format!(
            "arn:aws:rds:{}:{SIMULATED_ACCOUNT}:{kind}:{name}",
            call.region
        )
    };
    let named = [
        ("DBInstanceIdentifier", "db"),
        ("DBClusterIdentifier", "cluster"),
        ("DBProxyName", "db-proxy"),
    ];
    let all = named
        .iter()
        .filter_map(|(parameter, kind)| Some(arn(kind, call.text(parameter)?)));
    let mut all: Vec<String> = all.collect();
    if let Some(global) = call.text("GlobalClusterIdentifier") {
        all.push(format!(
            "arn:aws:rds::{SIMULATED_ACCOUNT}:global-cluster:{global}"
        ));
    }
    if all.is_empty() {
        all.push("*".to_owned());
    }
    all
}

fn eks(world: &World, call: &Call) -> String {
    let (cluster, group) = (call.segment(1), call.segment(3));
    let region = world.region_index(&call.region).map(|r| &world.regions[r]);
    match (call.segment(2), region) {
        _ if cluster.is_empty() => "*".to_owned(),
        ("node-groups", Some(region)) if !group.is_empty() => nodegroup_arn(region, cluster, group),
        _ => format!(
            "arn:aws:eks:{}:{SIMULATED_ACCOUNT}:cluster/{cluster}",
            call.region
        ),
    }
}

fn lambda(call: &Call) -> String {
    let (what, name) = (call.segment(1), call.segment(2));
    match what {
        _ if name.is_empty() => "*".to_owned(),
        _ if name.starts_with("arn:") => name.to_owned(),
        "functions" => format!(
            "arn:aws:lambda:{}:{SIMULATED_ACCOUNT}:function:{name}",
            call.region
        ),
        "event-source-mappings" => format!(
            "arn:aws:lambda:{}:{SIMULATED_ACCOUNT}:event-source-mapping:{name}",
            call.region
        ),
        _ => "*".to_owned(),
    }
}

fn iam(call: &Call) -> String {
    let role = call.text("RoleName");
    let role = role.map(|name| format!("arn:aws:iam::{SIMULATED_ACCOUNT}:role/{name}"));
    let source = call.text("PolicySourceArn").map(str::to_owned);
    role.or(source).unwrap_or_else(|| "*".to_owned())
}
