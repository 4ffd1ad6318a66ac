//! Target group bindings of the AWS Load Balancer Controller, where they are served: which target
//! group sends to which service. They are no nodes; what they say is said of the service.
//! <https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/targetgroupbinding/spec/>

use super::Context;
use super::decode::{Framing, Meta, Text, object};
use super::neighbours::Key;
use super::shelf::{Malformed, Version};
use super::whole::Together;
use model::{Found, FoundNode, Kind, Name, Relation, Standing};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

#[derive(Deserialize)]
struct Binding<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow)]
    spec: Spec<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    /// Filled in by the controller where the group is given by name.
    #[serde(borrow, default, rename = "targetGroupARN")]
    target_group_arn: Option<Text<'a>>,
    #[serde(borrow)]
    service_ref: ServiceRef<'a>,
}

#[derive(Deserialize)]
struct ServiceRef<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

/// Bindings, said of their services.
pub(super) struct Bindings;

impl Together for Bindings {
    /// Service and target group.
    type Item = (Arc<str>, Arc<str>);
    const GATHER: Duration = Duration::from_millis(50);

    fn item(
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<(Key, Option<Self::Item>, Version), Malformed> {
        let Binding { metadata, spec } = object(json, framing)?;
        let key = metadata.key(context)?;
        let service = context.intern.text(&spec.service_ref.name);
        let bound = spec
            .target_group_arn
            .map(|arn| (service, context.intern.text(&arn)));
        Ok((key, bound, metadata.resource_version.to_string()))
    }

    fn found(items: &BTreeMap<Key, Self::Item>, context: &Context) -> Vec<Found> {
        let mut services: BTreeMap<Key, FoundNode> = BTreeMap::new();
        for ((namespace, _), (service, group)) in items {
            let key = (Arc::clone(namespace), Arc::clone(service));
            let node = services.entry(key).or_insert_with(|| {
                let id = context.id(Kind::Service, Some(namespace), service);
                let scope = context.scope(Some(namespace));
                let mut node = FoundNode::new(id, Kind::Service, &**service, scope);
                node.standing = Standing::Declared;
                node
            });
            node.tie_from(
                Relation::Selects,
                Name::Arn(Arc::clone(group)),
                "TargetGroupBinding",
            );
        }
        services
            .into_values()
            .map(|node| Found::Node(Box::new(node)))
            .collect()
    }
}
