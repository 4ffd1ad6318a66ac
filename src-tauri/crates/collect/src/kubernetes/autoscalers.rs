//! Horizontal pod autoscalers.
//! <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/>

use super::Context;
use super::decode::{Condition, Meta, Text, condition, message, nullable, quantity_value};
use super::ownership::deployer;
use super::shelf::{Decode, Malformed, Version};
use model::{Fact, Facts, FoundNode, Kind, Name, Relation};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Hpa<'a> {
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
    min_replicas: Option<i64>,
    max_replicas: i64,
    #[serde(borrow, default, deserialize_with = "nullable")]
    metrics: Vec<Metric<'a>>,
}

/// The workload a scaler scales.
#[derive(Deserialize)]
pub(super) struct ScaleTarget<'a> {
    /// `Deployment` when left out (KEDA).
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    #[serde(default, deserialize_with = "nullable")]
    current_replicas: i64,
    #[serde(default, deserialize_with = "nullable")]
    desired_replicas: i64,
    #[serde(borrow, default)]
    last_scale_time: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    current_metrics: Vec<Metric<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    conditions: Vec<Condition<'a>>,
}

/// A metric, as asked for (`target`) or as measured (`current`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric<'a> {
    #[serde(borrow, default)]
    resource: Option<Source<'a>>,
    #[serde(borrow, default)]
    container_resource: Option<Source<'a>>,
    #[serde(borrow, default)]
    pods: Option<Source<'a>>,
    #[serde(borrow, default)]
    object: Option<Source<'a>>,
    #[serde(borrow, default)]
    external: Option<Source<'a>>,
}

#[derive(Deserialize)]
struct Source<'a> {
    /// Of a resource metric.
    #[serde(borrow, default, deserialize_with = "nullable")]
    name: Text<'a>,
    /// Of the others.
    #[serde(borrow, default, deserialize_with = "nullable")]
    metric: MetricName<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    target: Amount<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    current: Amount<'a>,
}

#[derive(Default, Deserialize)]
struct MetricName<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    name: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Amount<'a> {
    #[serde(default)]
    average_utilization: Option<i64>,
    #[serde(borrow, default)]
    average_value: Option<Text<'a>>,
    #[serde(borrow, default)]
    value: Option<Text<'a>>,
}

/// Autoscalers, one by one.
#[derive(Default)]
pub(super) struct Autoscalers;

impl Decode for Autoscalers {
    const KIND: Kind = Kind::Hpa;
    type Object<'a> = Hpa<'a>;

    fn node(object: &Hpa<'_>, context: &Context) -> Result<(FoundNode, Version), Malformed> {
        let Hpa {
            metadata,
            spec,
            status,
        } = object;
        let (namespace, name) = metadata.key(context)?;
        let id = context.id(Kind::Hpa, Some(&namespace), &name);
        let mut node = FoundNode::new(id, Kind::Hpa, &*name, context.scope(Some(&namespace)));
        let facts = &mut node.facts;
        facts.set(Fact::Min, spec.min_replicas.unwrap_or(1));
        facts.set(Fact::Max, spec.max_replicas);
        facts.set(Fact::CurrentReplicas, status.current_replicas);
        facts.set(Fact::DesiredReplicas, status.desired_replicas);
        facts.set_some(
            Fact::LastScaleAt,
            status.last_scale_time.as_ref().and_then(Text::time),
        );
        facts.set_some(Fact::CreatedAt, metadata.created());
        facts.set_some(Fact::ManagedBy, deployer(metadata));
        conditions(facts, spec, status, context);
        metrics(facts, spec, status, context);
        scales(
            &mut node,
            &spec.scale_target_ref,
            &namespace,
            "scaleTargetRef",
            context,
        );
        let keda = metadata
            .controller()
            .filter(|owner| &*owner.kind == "ScaledObject");
        if let Some(keda) = keda {
            let owner = context.id(Kind::ScaledObject, Some(&namespace), &keda.name);
            node.tie_from(
                Relation::Owns,
                Name::Id(owner),
                "controller in ownerReferences",
            );
        }
        Ok((node, metadata.resource_version.to_string()))
    }
}

fn conditions(facts: &mut Facts, spec: &Spec<'_>, status: &Status<'_>, context: &Context) {
    let limited = condition(&status.conditions, "ScalingLimited").filter(|limited| limited.holds());
    let at_max = limited.is_some_and(|limited| &*limited.reason == "TooManyReplicas");
    facts.set(
        Fact::PinnedAtMax,
        at_max && status.desired_replicas >= spec.max_replicas,
    );
    facts.set_some(
        Fact::ScalingLimitedReason,
        limited.map(|limited| context.intern.text(&limited.reason)),
    );
    let active = condition(&status.conditions, "ScalingActive");
    facts.set_some(Fact::ScalingActive, active.map(Condition::holds));
    let able = condition(&status.conditions, "AbleToScale");
    facts.set_some(Fact::AbleToScale, able.map(Condition::holds));
    if let Some(trouble) = [active, able]
        .into_iter()
        .flatten()
        .find(|condition| !condition.holds())
    {
        facts.set(Fact::Reason, context.intern.text(&trouble.reason));
        facts.set(Fact::Message, message(&trouble.message));
    }
}

/// The first metric in words, and its value and target.
fn metrics(facts: &mut Facts, spec: &Spec<'_>, status: &Status<'_>, context: &Context) {
    let Some(wanted) = spec.metrics.first().and_then(Metric::source) else {
        return;
    };
    let (amount, unit) = wanted.target.read();
    facts.set(
        Fact::Metric,
        context.intern.text(&format!("{} {unit}", wanted.called())),
    );
    facts.set_some(Fact::MetricTarget, amount);
    let measured = status.current_metrics.iter().filter_map(Metric::source);
    let current = measured.filter(|source| source.called() == wanted.called());
    let like = |source: &Source<'_>| source.current.like(&wanted.target);
    facts.set_some(Fact::MetricCurrent, current.into_iter().find_map(like));
}

impl<'a> Metric<'a> {
    fn source(&self) -> Option<&Source<'a>> {
        let all = [
            &self.resource,
            &self.container_resource,
            &self.pods,
            &self.object,
            &self.external,
        ];
        all.into_iter().find_map(Option::as_ref)
    }
}

impl Source<'_> {
    fn called(&self) -> &str {
        if self.name.is_empty() {
            &self.metric.name
        } else {
            &self.name
        }
    }
}

impl Amount<'_> {
    /// The number and what it is.
    fn read(&self) -> (Option<f64>, &'static str) {
        if let Some(percent) = self.average_utilization {
            return (Some(percent as f64), "utilization in percent");
        }
        let quantity = |text: &Option<Text<'_>>| text.as_deref().and_then(quantity_value);
        match quantity(&self.average_value) {
            Some(value) => (Some(value), "per pod"),
            None => (quantity(&self.value), "in all"),
        }
    }

    /// The measured number in the unit of the target.
    fn like(&self, target: &Amount<'_>) -> Option<f64> {
        let quantity = |text: &Option<Text<'_>>| text.as_deref().and_then(quantity_value);
        if target.average_utilization.is_some() {
            self.average_utilization.map(|percent| percent as f64)
        } else if target.average_value.is_some() {
            quantity(&self.average_value)
        } else {
            quantity(&self.value)
        }
    }
}

/// Ties a scaler to the workload it scales.
pub(super) fn scales(
    node: &mut FoundNode,
    target: &ScaleTarget<'_>,
    namespace: &str,
    how: &'static str,
    context: &Context,
) {
    let word = if target.kind.is_empty() {
        "Deployment"
    } else {
        &*target.kind
    };
    node.facts.set(
        Fact::ScaleTarget,
        context.intern.text(&format!("{word}/{}", &*target.name)),
    );
    let kind = match word {
        "Deployment" => Kind::Deployment,
        "StatefulSet" => Kind::StatefulSet,
        "ReplicaSet" => Kind::ReplicaSet,
        _ => return,
    };
    let workload = context.id(kind, Some(namespace), &target.name);
    node.tie_to(Relation::Scales, Name::Id(workload), how);
}
