//! Events: what controllers and kubelets say happened, counted when they repeat themselves.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Cluster;
use super::agenda::Task;
use super::dice::hash;
use super::resource::Resource;
use super::store::{Draft, Labels};
use crate::clock::Millis;

/// Events are kept for an hour, as an API server does by default (`--event-ttl`).
const KEPT_SECONDS: i64 = 3600;
/// How often expired ones are dropped.
const SWEEP_SECONDS: i64 = 60;

/// The object an event is about.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub kind: &'static str,
    pub api_version: &'static str,
    /// Empty for what has no namespace; the event itself then lies in `default`.
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

/// Who says it.
#[derive(Debug, Clone)]
pub(super) enum Voice {
    /// A controller, in the older style with counts.
    Component(&'static str),
    /// A kubelet, on its node.
    Kubelet(Arc<str>),
    /// The scheduler, in the newer style with an event time.
    Scheduler,
}

/// Whether it is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Normal,
    Warning,
}

#[derive(Debug)]
struct Event {
    about: About,
    voice: Voice,
    tone: Tone,
    reason: &'static str,
    message: String,
    name: String,
    uid: String,
    first: Millis,
    last: Millis,
    count: u32,
}

/// The events of a cluster.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    events: HashMap<u64, Event>,
    order: std::collections::BTreeMap<(Millis, u64), u64>,
    serial: u64,
}

impl Cluster {
    /// Records an event at the current instant.
    pub(super) fn say(
        &mut self,
        about: About,
        voice: Voice,
        tone: Tone,
        reason: &'static str,
        message: String,
    ) {
        let now = self.now;
        let id = hash(&format!("{}\0{reason}\0{message}", about.uid));
        let recorder = &mut self.recorder;
        recorder.serial += 1;
        let serial = recorder.serial;
        if let Some(event) = recorder.events.get_mut(&id) {
            event.last = now;
            event.count += 1;
        } else {
            let nanos = u64::try_from(now.0).unwrap_or(0) * 1_000_000 + serial % 1_000_000;
            let name = format!("{}.{nanos:016x}", about.name);
            let uid = self.dice.uid();
            let event = Event {
                about,
                voice,
                tone,
                reason,
                message,
                name,
                uid,
                first: now,
                last: now,
                count: 1,
            };
            recorder.events.insert(id, event);
        }
        recorder.order.insert((now, serial), id);
        if let Some(draft) = recorder.events.get(&id).map(Event::draft) {
            self.store.put(Resource::Events, draft);
        }
    }

    /// Drops what is older than an event is kept.
    pub(super) fn sweep_events(&mut self) {
        let horizon = self.now.plus_seconds(-KEPT_SECONDS);
        while let Some(entry) = self
            .recorder
            .order
            .first_entry()
            .filter(|e| e.key().0 <= horizon)
        {
            let id = entry.remove();
            if self
                .recorder
                .events
                .get(&id)
                .is_none_or(|e| e.last > horizon)
            {
                continue;
            }
            if let Some(event) = self.recorder.events.remove(&id) {
                self.store
                    .remove(Resource::Events, event.namespace(), &event.name);
            }
        }
        self.agenda
            .at(self.now.plus_seconds(SWEEP_SECONDS), Task::Sweep);
    }
}

impl Event {
    fn namespace(&self) -> &str {
        if self.about.namespace.is_empty() {
            "default"
        } else {
            &self.about.namespace
        }
    }

    fn draft(&self) -> Draft {
        let mut object = json!({
            "involvedObject": self.involved(),
            "reason": self.reason,
            "message": self.message,
            "type": match self.tone { Tone::Normal => "Normal", Tone::Warning => "Warning" },
        });
        self.stamp(&mut object);
        let metadata = json!({
            "name": self.name, "namespace": self.namespace(), "uid": self.uid, "creationTimestamp": self.first.iso(),
        });
        let rest = object.to_string();
        Draft {
            namespace: self.namespace().to_owned(),
            name: self.name.clone(),
            created: self.first,
            labels: Arc::new(Labels::new()),
            text: format!("{{\"metadata\":{metadata},{}", &rest[1..]),
            pod: None,
        }
    }

    fn involved(&self) -> Value {
        let About {
            kind,
            api_version,
            namespace,
            name,
            uid,
        } = &self.about;
        let mut object =
            json!({ "kind": kind, "apiVersion": api_version, "name": name, "uid": uid });
        if !namespace.is_empty() {
            object["namespace"] = json!(namespace);
        }
        if matches!(self.voice, Voice::Kubelet(_)) && *kind == "Pod" {
            let container = name.rsplitn(3, '-').nth(2).unwrap_or(name);
            if matches!(
                self.reason,
                "Pulled" | "Created" | "Started" | "BackOff" | "Unhealthy" | "Killing"
            ) {
                object["fieldPath"] = json!(format!("spec.containers{{{container}}}"));
            }
        }
        object
    }

    fn stamp(&self, object: &mut Value) {
        let (component, host) = match &self.voice {
            Voice::Component(name) => (*name, None),
            Voice::Kubelet(node) => ("kubelet", Some(node.clone())),
            Voice::Scheduler => {
                object["source"] = json!({});
                object["firstTimestamp"] = Value::Null;
                object["lastTimestamp"] = Value::Null;
                let micros = format!("{}000Z", self.first.iso_millis().trim_end_matches('Z'));
                object["eventTime"] = json!(micros);
                if self.count > 1 {
                    let last = format!("{}000Z", self.last.iso_millis().trim_end_matches('Z'));
                    object["series"] = json!({ "count": self.count, "lastObservedTime": last });
                }
                object["action"] = json!(if self.reason == "Scheduled" {
                    "Binding"
                } else {
                    "Scheduling"
                });
                object["reportingComponent"] = json!("default-scheduler");
                object["reportingInstance"] = json!("default-scheduler-0");
                return;
            }
        };
        let mut source = json!({ "component": component });
        if let Some(host) = &host {
            source["host"] = json!(&**host);
        }
        object["source"] = source;
        object["firstTimestamp"] = json!(self.first.iso());
        object["lastTimestamp"] = json!(self.last.iso());
        object["count"] = json!(self.count);
        object["eventTime"] = Value::Null;
        object["reportingComponent"] = json!(component);
        object["reportingInstance"] = json!(host.as_deref().unwrap_or(""));
    }
}
