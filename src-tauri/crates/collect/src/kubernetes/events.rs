//! Events: what the cluster says happened. Warnings, and what tells of rollouts and scaling.
//! <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>

use super::Context;
use super::decode::{Framing, Meta, Text, message, nullable, object};
use super::neighbours::Key;
use super::shelf::{Malformed, Version};
use super::whole::Together;
use model::{Change, ChangeKind, Found, Kind, NodeId, Timestamp};
use serde::Deserialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// The newest that are told.
const NEWEST: usize = 500;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    involved_object: Involved<'a>,
    #[serde(borrow, default, rename = "type", deserialize_with = "nullable")]
    kind: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    reason: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    message: Text<'a>,
    #[serde(default)]
    count: Option<i64>,
    #[serde(borrow, default)]
    last_timestamp: Option<Text<'a>>,
    #[serde(borrow, default)]
    event_time: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    series: Series<'a>,
}

#[derive(Default, Deserialize)]
struct Involved<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    kind: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    name: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    namespace: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Series<'a> {
    #[serde(default)]
    count: Option<i64>,
    #[serde(borrow, default)]
    last_observed_time: Option<Text<'a>>,
}

/// Events, the newest together.
pub(super) struct Events;

impl Together for Events {
    type Item = Change;
    const GATHER: Duration = Duration::from_millis(500);

    fn item(
        json: &[u8],
        framing: Framing,
        context: &Context,
    ) -> Result<(Key, Option<Change>, Version), Malformed> {
        let event: Event<'_> = object(json, framing)?;
        event.metadata.named()?;
        // Event names are unique and many: not interned.
        let namespace = context
            .intern
            .text(event.metadata.namespace().unwrap_or_default());
        let key = (namespace, (&*event.metadata.name).into());
        let version = event.metadata.resource_version.to_string();
        Ok((key, change(&event, context), version))
    }

    fn found(items: &BTreeMap<Key, Change>, _context: &Context) -> Vec<Found> {
        let mut changes: Vec<(&Key, &Change)> = items.iter().collect();
        changes.sort_by_key(|(key, change)| (Reverse(change.at), *key));
        changes.truncate(NEWEST);
        changes
            .into_iter()
            .map(|(_, change)| Found::Change(change.clone()))
            .collect()
    }

    fn prune(items: &mut BTreeMap<Key, Change>) {
        if items.len() < NEWEST * 4 {
            return;
        }
        let mut times: Vec<Timestamp> = items.values().map(|change| change.at).collect();
        times.sort_unstable_by_key(|at| Reverse(*at));
        if let Some(oldest) = times.get(NEWEST * 2).copied() {
            items.retain(|_, change| change.at > oldest);
        }
    }
}

/// The change an event tells of; `None` when it is everyday life or about nothing we draw.
fn change(event: &Event<'_>, context: &Context) -> Option<Change> {
    let kind = kind_of(&event.reason, &event.kind)?;
    let node = about(&event.involved_object, context)?;
    let times = [
        &event.series.last_observed_time,
        &event.last_timestamp,
        &event.event_time,
    ];
    let at = times.into_iter().find_map(|time| time.as_ref()?.time());
    let at = at.or_else(|| event.metadata.created())?;
    let count = event.series.count.or(event.count).unwrap_or(1);
    let times = if count > 1 {
        format!(" (×{count})")
    } else {
        String::new()
    };
    let words = message(event.message.trim());
    let sentence = if words.is_empty() {
        format!("{}{times}", &*event.reason)
    } else {
        format!("{}: {words}{times}", &*event.reason)
    };
    Some(Change {
        at,
        kind,
        node,
        sentence,
    })
}

/// By the reason, which is a documented word, never by the message.
fn kind_of(reason: &str, kind: &str) -> Option<ChangeKind> {
    match reason {
        "DeploymentRollback" => Some(ChangeKind::Deploy),
        "ScalingReplicaSet"
        | "SuccessfulRescale"
        | "KEDAScaleTargetActivated"
        | "KEDAScaleTargetDeactivated" => Some(ChangeKind::Scale),
        "NodeReady" | "NodeNotReady" | "NodeNotSchedulable" | "NodeSchedulable"
        | "RegisteredNode" | "RemovingNode" | "Rebooted" => Some(ChangeKind::Event),
        _ => (kind == "Warning").then_some(ChangeKind::Event),
    }
}

fn about(object: &Involved<'_>, context: &Context) -> Option<NodeId> {
    let kind = match &*object.kind {
        "Pod" => Kind::Pod,
        "Node" => Kind::Node,
        "Deployment" => Kind::Deployment,
        "ReplicaSet" => Kind::ReplicaSet,
        "StatefulSet" => Kind::StatefulSet,
        "HorizontalPodAutoscaler" => Kind::Hpa,
        "ScaledObject" => Kind::ScaledObject,
        "Service" => Kind::Service,
        "Ingress" => Kind::Ingress,
        "Namespace" => Kind::Namespace,
        _ => return None,
    };
    let namespace = match kind {
        Kind::Node | Kind::Namespace => None,
        _ => Some(&*object.namespace),
    };
    (!object.name.is_empty()).then(|| context.id(kind, namespace, &object.name))
}
