//! Pod disruption budgets: how many pods of a workload may be taken away. They are no nodes; what
//! they allow is a fact of the workloads they cover.
//! <https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/pod-disruption-budget-v1/>

use super::Context;
use super::decode::{Framing, Meta, nullable, object};
use super::neighbours::{Budget, Key};
use super::selector::Written;
use super::shelf::{Malformed, Version};
use super::whole::Together;
use super::workloads::Share;
use model::Found;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Deserialize)]
struct Pdb<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    spec: Spec<'a>,
    #[serde(default, deserialize_with = "nullable")]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    /// Absent: selects nothing.
    #[serde(borrow, default)]
    selector: Option<Written<'a>>,
    /// A count, or a percentage in words.
    #[serde(borrow, default)]
    min_available: Option<Share<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default, deserialize_with = "nullable")]
    disruptions_allowed: i64,
    #[serde(default, deserialize_with = "nullable")]
    desired_healthy: i64,
}

/// Budgets, told to the workloads.
pub(super) struct Budgets;

impl Together for Budgets {
    type Item = Budget;
    const GATHER: Duration = Duration::from_millis(250);

    fn item(
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<(Key, Option<Budget>, Version), Malformed> {
        let Pdb {
            metadata,
            spec,
            status,
        } = object(json, framing)?;
        let key = metadata.key(context)?;
        let fixed = match spec.min_available {
            Some(Share::Count(count)) => Some(count),
            Some(Share::Percent(_)) | None => None,
        };
        let budget = spec.selector.map(|selector| Budget {
            namespace: key.0.clone(),
            selector: selector.keep(),
            min_available: status.desired_healthy,
            fixed,
            allowed: status.disruptions_allowed,
        });
        Ok((key, budget, metadata.resource_version.to_string()))
    }

    fn found(items: &BTreeMap<Key, Budget>, context: &Context) -> Vec<Found> {
        context
            .neighbours
            .tell_budgets(items.values().cloned().collect());
        Vec::new()
    }

    fn give_up(context: &Context) {
        context.neighbours.tell_budgets(Vec::new());
    }
}
