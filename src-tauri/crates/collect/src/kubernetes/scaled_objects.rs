//! KEDA's scaled objects, where they are served.
//! <https://keda.sh/docs/latest/reference/scaledobject-spec/>
//! <https://keda.sh/docs/latest/scalers/aws-sqs/>

use super::Context;
use super::autoscalers::{ScaleTarget, scales};
use super::decode::{Condition, Meta, Pairs, Text, condition, message, nullable};
use super::hosts::{Mention, mentions};
use super::ownership::deployer;
use super::shelf::{Decode, Malformed, Version};
use model::{Fact, Facts, FoundNode, Kind, Name, Relation};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct ScaledObject<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow)]
    spec: Spec<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    status: Status<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    #[serde(borrow)]
    scale_target_ref: ScaleTarget<'a>,
    #[serde(default)]
    min_replica_count: Option<i64>,
    #[serde(default)]
    max_replica_count: Option<i64>,
    #[serde(default)]
    idle_replica_count: Option<i64>,
    /// 30 when left out.
    #[serde(default)]
    polling_interval: Option<i64>,
    /// 300 when left out.
    #[serde(default)]
    cooldown_period: Option<i64>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    triggers: Vec<Trigger<'a>>,
}

#[derive(Deserialize)]
struct Trigger<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    metadata: Pairs<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    hpa_name: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    conditions: Vec<Condition<'a>>,
}

/// Scaled objects, one by one.
#[derive(Default)]
pub(super) struct ScaledObjects;

impl Decode for ScaledObjects {
    const KIND: Kind = Kind::ScaledObject;
    type Object<'a> = ScaledObject<'a>;

    fn node(
        object: &ScaledObject<'_>,
        context: &Context,
    ) -> Result<(FoundNode, Version), Malformed> {
        let ScaledObject {
            metadata,
            spec,
            status,
        } = object;
        let (namespace, name) = metadata.key(context)?;
        let id = context.id(Kind::ScaledObject, Some(&namespace), &name);
        let mut node = FoundNode::new(
            id,
            Kind::ScaledObject,
            &*name,
            context.scope(Some(&namespace)),
        );
        let facts = &mut node.facts;
        facts.set(Fact::Min, spec.min_replica_count.unwrap_or(0));
        facts.set(Fact::Max, spec.max_replica_count.unwrap_or(100));
        let implied = |count: Option<i64>| count.is_none().then_some(true);
        facts.set_some(Fact::MinImplied, implied(spec.min_replica_count));
        facts.set_some(Fact::MaxImplied, implied(spec.max_replica_count));
        facts.set(Fact::Paused, paused(metadata, status));
        describe(facts, metadata, spec, status);
        let ready = condition(&status.conditions, "Ready");
        facts.set_some(Fact::Ready, ready.map(Condition::holds));
        if let Some(ready) = ready.filter(|ready| !ready.holds()) {
            facts.set(Fact::Reason, context.intern.text(&ready.reason));
            facts.set(Fact::Message, message(&ready.message));
        }
        let active = condition(&status.conditions, "Active");
        facts.set_some(Fact::ScalingActive, active.map(Condition::holds));
        let words: Vec<String> = spec.triggers.iter().map(Trigger::words).collect();
        facts.set(Fact::Trigger, message(&words.join(", ")));
        scales(
            &mut node,
            &spec.scale_target_ref,
            &namespace,
            "scaleTargetRef",
            context,
        );
        for queue in spec
            .triggers
            .iter()
            .filter_map(|trigger| trigger.queue(context))
        {
            node.tie_from(Relation::ConsumedBy, queue, "queueURL of its trigger");
        }
        Ok((node, metadata.resource_version.to_string()))
    }
}

/// Its tempo, its autoscaler, who deploys it, and what of it is paused.
fn describe(facts: &mut Facts, meta: &Meta<'_>, spec: &Spec<'_>, status: &Status<'_>) {
    facts.set_some(Fact::CreatedAt, meta.created());
    facts.set_some(Fact::ManagedBy, deployer(meta));
    facts.set(
        Fact::PollingIntervalSeconds,
        spec.polling_interval.unwrap_or(30),
    );
    facts.set(Fact::CooldownSeconds, spec.cooldown_period.unwrap_or(300));
    facts.set_some(Fact::IdleReplicas, spec.idle_replica_count);
    let hpa = Some(&*status.hpa_name).filter(|name| !name.is_empty());
    facts.set_some(Fact::HpaName, hpa);
    let at = annotation(meta, "paused-replicas").and_then(|count| count.parse::<i64>().ok());
    facts.set_some(Fact::PausedReplicas, at);
    facts.set_some(Fact::PausedScaleIn, flag(meta, "paused-scale-in"));
    facts.set_some(Fact::PausedScaleOut, flag(meta, "paused-scale-out"));
}

fn annotation<'m>(meta: &'m Meta<'_>, name: &str) -> Option<&'m str> {
    meta.annotations.get(&format!("autoscaling.keda.sh/{name}"))
}

/// An annotation as KEDA reads it: Go's ParseBool, and what is no truth value counts as true
/// (<https://pkg.go.dev/strconv#ParseBool>).
fn flag(meta: &Meta<'_>, name: &str) -> Option<bool> {
    let off = ["0", "f", "F", "false", "FALSE", "False"];
    annotation(meta, name).map(|value| !off.contains(&value))
}

/// All scaling is paused (<https://keda.sh/docs/latest/concepts/scaling-deployments/#pausing-autoscaling>).
/// The condition says it of a pause of one direction too, while its autoscaler goes on.
fn paused(meta: &Meta<'_>, status: &Status<'_>) -> bool {
    let on = |name: &str| flag(meta, name) == Some(true);
    let asked = on("paused") || annotation(meta, "paused-replicas").is_some();
    let one_way = on("paused-scale-in") || on("paused-scale-out");
    let said = condition(&status.conditions, "Paused").is_some_and(Condition::holds);
    asked || (said && !one_way)
}

impl Trigger<'_> {
    /// `aws-sqs-queue settlement, 20 messages per pod`.
    fn words(&self) -> String {
        let queue = self
            .metadata
            .get("queueURL")
            .map(|url| url.rsplit('/').next().unwrap_or(url));
        let length = self.metadata.get("queueLength");
        match (queue, length) {
            (Some(queue), Some(length)) => {
                format!("{} {queue}, {length} messages per pod", &*self.kind)
            }
            (Some(queue), None) => format!("{} {queue}", &*self.kind),
            (None, _) => self.kind.to_string(),
        }
    }

    /// The queue of an SQS trigger: by URL, or by its bare name in the trigger's region.
    fn queue(&self, context: &Context) -> Option<Name> {
        if &*self.kind != "aws-sqs-queue" {
            return None;
        }
        let url = self.metadata.get("queueURL")?;
        match mentions("queueURL", url, &context.intern)
            .into_iter()
            .next()
        {
            Some(Mention::QueueArn(arn)) => return Some(Name::Arn(arn)),
            Some(Mention::QueueUrl(url)) => return Some(Name::QueueUrl(url)),
            Some(Mention::Host(_)) | None => {}
        }
        if url.contains('/') {
            return Some(Name::QueueUrl(url.into()));
        }
        let region = self.metadata.get("awsRegion").unwrap_or(&context.region);
        let account = context.session.scope().account.as_ref()?;
        let partition = model::partition(region);
        let arn: Arc<str> = format!("arn:{partition}:sqs:{region}:{account}:{url}").into();
        Some(Name::Arn(arn))
    }
}
