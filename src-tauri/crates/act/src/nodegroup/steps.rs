//! The hands of a scale: EKS over the wire, and what its answers mean.
//!
//! The update is made once, with a client token of its own. When its answer is lost it is recognised
//! by what it left: a new update of the group with our sizes (ListUpdates, DescribeUpdate), or the
//! sizes themselves (DescribeNodegroup).

use super::call::{DESIRED, MAX, MIN, UPDATE};
use super::settings::Sizes;
use super::subject::{nodes_of, same_cluster, waiting};
use super::{NODES_READY, NONE_WAITING, UPDATE as UPDATED};
use crate::course::{Answer, Call, Entry, Moment};
use crate::hands::{Hands, not_asked};
use crate::once;
use crate::origin::Origin;
use crate::plan::{ApiCall, Plan, hex};
use crate::receipt::{Figure, RunProgress};
use crate::sequence::{Steps, Took};
use crate::words::count;
use async_trait::async_trait;
use aws_sdk_eks::types::{NodegroupScalingConfig, UpdateStatus};
use cloud::{Session, failure};
use model::{Fact, NodeId, Service, Snapshot, SourceFailure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// One update of the group.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Update {
    pub(super) status: UpdateStatus,
    /// Parameters by EKS's names (`DesiredSize`).
    pub(super) params: BTreeMap<String, String>,
    /// Why it failed, in EKS's words.
    pub(super) error: Option<String>,
}

/// What a look shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) status: String,
    pub(super) sizes: Option<Sizes>,
    /// Ids of all its updates.
    pub(super) ids: BTreeSet<String>,
    /// Those that were not there before ours.
    pub(super) updates: BTreeMap<String, Update>,
}

pub(super) struct ScaleSteps {
    session: Option<Session>,
    node: NodeId,
    cluster: String,
    group: String,
    wanted: Option<Sizes>,
    /// Sizes when it was planned, in words.
    before: String,
    /// Updates there were before our call.
    known: Option<BTreeSet<String>>,
    /// The update our call made, where its answer came.
    ours: Option<String>,
    /// Updates that are over and will not change.
    over: BTreeMap<String, Update>,
}

impl ScaleSteps {
    pub(super) fn new(plan: &Plan, hands: &Hands) -> Self {
        let parameters = plan.calls.first().map(|call| &call.parameters);
        let text = |name: &str| {
            let value = parameters.and_then(|all| all.get(name));
            value.and_then(Value::as_str).unwrap_or("").to_owned()
        };
        let before = plan.before.get("sizes").and_then(Value::as_str);
        Self {
            session: hands.aws().cloned(),
            node: plan.node.clone(),
            cluster: text("clusterName"),
            group: text("nodegroupName"),
            wanted: Sizes::read(&plan.settings),
            before: before.unwrap_or("").to_owned(),
            known: None,
            ours: None,
            over: BTreeMap::new(),
        }
    }

    fn thing(&self) -> String {
        format!("{}/{}", self.cluster, self.group)
    }

    async fn describe(&self, session: &Session) -> Result<(String, Option<Sizes>), SourceFailure> {
        let thing = self.thing();
        let call = session.eks().describe_nodegroup();
        let call = call.cluster_name(&self.cluster).nodegroup_name(&self.group);
        let answer = session
            .ask(Service::Eks, "DescribeNodegroup", &thing, call.send())
            .await?;
        let group = answer.nodegroup.ok_or_else(|| {
            let asked = session.asked(Service::Eks, "DescribeNodegroup", &thing);
            failure::incomplete(&asked, "the nodegroup")
        })?;
        let sizes = group.scaling_config.as_ref().and_then(|scaling| {
            Some(Sizes {
                min: i64::from(scaling.min_size?),
                desired: i64::from(scaling.desired_size?),
                max: i64::from(scaling.max_size?),
            })
        });
        let status = group.status.as_ref().map_or("", |status| status.as_str());
        Ok((status.to_owned(), sizes))
    }

    async fn ids(&self, session: &Session) -> Result<BTreeSet<String>, SourceFailure> {
        let (mut ids, mut mark) = (BTreeSet::new(), None);
        loop {
            let call = session.eks().list_updates().name(&self.cluster);
            let call = call.nodegroup_name(&self.group).set_next_token(mark);
            let page = session
                .ask(Service::Eks, "ListUpdates", &self.thing(), call.send())
                .await?;
            let before = ids.len();
            ids.extend(page.update_ids.unwrap_or_default());
            mark = page.next_token.filter(|mark| !mark.is_empty());
            // A server that repeats itself would have no end.
            if mark.is_none() || ids.len() == before {
                return Ok(ids);
            }
        }
    }

    async fn update(&self, session: &Session, id: &str) -> Result<Update, SourceFailure> {
        let thing = format!("{} of {}", id, self.thing());
        let call = session.eks().describe_update().name(&self.cluster);
        let call = call.nodegroup_name(&self.group).update_id(id);
        let answer = session
            .ask(Service::Eks, "DescribeUpdate", &thing, call.send())
            .await?;
        let update = answer.update.ok_or_else(|| {
            let asked = session.asked(Service::Eks, "DescribeUpdate", &thing);
            failure::incomplete(&asked, "the update")
        })?;
        let params = update.params().iter().filter_map(|param| {
            let name = param.r#type.as_ref()?.as_str().to_owned();
            Some((name, param.value.clone()?))
        });
        let error = update.errors().first().map(|error| {
            let code = error.error_code.as_ref().map_or("", |code| code.as_str());
            format!("{code} {}", error.error_message().unwrap_or(""))
                .trim()
                .to_owned()
        });
        Ok(Update {
            params: params.collect(),
            error,
            status: update.status.ok_or_else(|| {
                let asked = session.asked(Service::Eks, "DescribeUpdate", &thing);
                failure::incomplete(&asked, "a status")
            })?,
        })
    }

    /// The update our call made, as far as it can be told.
    fn own<'s>(&self, seen: &'s Seen) -> Option<&'s Update> {
        match &self.ours {
            Some(id) => seen.updates.get(id),
            None => seen.updates.values().find(|update| self.sets_ours(update)),
        }
    }

    /// Whether an update sets the sizes we asked for, and no others.
    fn sets_ours(&self, update: &Update) -> bool {
        let Some(wanted) = self.wanted else {
            return false;
        };
        let of = [
            ("MinSize", wanted.min),
            ("DesiredSize", wanted.desired),
            ("MaxSize", wanted.max),
        ];
        let said: Vec<(i64, &String)> = of
            .into_iter()
            .filter_map(|(name, size)| Some((size, update.params.get(name)?)))
            .collect();
        !said.is_empty() && said.iter().all(|(size, value)| **value == size.to_string())
    }
}

/// A token of its own for every change of the group: the sizes, and what updates it had before.
fn token(thing: &str, call: &ApiCall, ids: &BTreeSet<String>) -> String {
    let subject = json!([thing, call.region, call.parameters, ids]);
    let hash = hex(&Sha256::digest(subject.to_string().as_bytes()));
    format!("quarterdeck-{}", &hash[..32])
}

fn size(call: &Call, name: &str) -> Option<i32> {
    let number = call.parameters.get(name)?.as_i64()?;
    i32::try_from(number).ok()
}

#[async_trait]
impl Steps for ScaleSteps {
    type Seen = Seen;

    fn outcome(&self) -> String {
        match self.wanted {
            Some(wanted) => format!("{} has {}", self.group, wanted.words()),
            None => format!("{} has the sizes asked for", self.group),
        }
    }

    fn learn(&mut self, entry: &Entry) {
        match entry {
            Entry::Intent { call, .. } => {
                let ids = call.saw.get("updates").cloned();
                self.known = ids.and_then(|ids| serde_json::from_value(ids).ok());
            }
            Entry::Answered {
                answer: Answer::Accepted { result, .. },
                ..
            } => {
                let id = result.get("update.id").and_then(Value::as_str);
                self.ours = id.map(ToOwned::to_owned);
            }
            Entry::Opened { .. }
            | Entry::Answered { .. }
            | Entry::Mark { .. }
            | Entry::Taken { .. }
            | Entry::Closed { .. } => {}
        }
    }

    async fn look(&mut self) -> Result<Seen, SourceFailure> {
        let session = self.session.clone().ok_or_else(not_asked)?;
        let ids = self.ids(&session).await?;
        let known = self.known.clone().unwrap_or_else(|| ids.clone());
        let mut updates = BTreeMap::new();
        for id in ids.difference(&known) {
            let update = match self.over.get(id) {
                Some(update) => update.clone(),
                None => self.update(&session, id).await?,
            };
            if update.status != UpdateStatus::InProgress {
                self.over.insert(id.clone(), update.clone());
            }
            updates.insert(id.clone(), update);
        }
        // Last, so that the sizes are no older than the updates.
        let (status, sizes) = self.describe(&session).await?;
        Ok(Seen {
            status,
            sizes,
            ids,
            updates,
        })
    }

    async fn write(&mut self, call: &Call) -> Answer {
        let Some(session) = &self.session else {
            return Answer::Refused {
                failure: not_asked(),
            };
        };
        if call.operation != UPDATE {
            return once::no_such_call(call);
        }
        let scaling = NodegroupScalingConfig::builder()
            .set_min_size(size(call, MIN))
            .set_max_size(size(call, MAX))
            .set_desired_size(size(call, DESIRED))
            .build();
        let token = call.saw.get("token").and_then(Value::as_str);
        let client = aws_sdk_eks::Client::new(&session.sdk_for_writes());
        let request = client
            .update_nodegroup_config()
            .cluster_name(&self.cluster)
            .nodegroup_name(&self.group)
            .scaling_config(scaling)
            .set_client_request_token(token.map(ToOwned::to_owned));
        let thing = self.thing();
        once::aws(session, Service::Eks, call, &thing, request.send(), |out| {
            let id = out.update().and_then(|update| update.id());
            id.map(|id| ("update.id".to_owned(), json!(id)))
                .into_iter()
                .collect()
        })
        .await
    }

    fn saw(&self, call: &ApiCall, seen: &Seen) -> Value {
        json!({
            "token": token(&self.thing(), call, &seen.ids),
            "updates": seen.ids,
            "sizes": seen.sizes.map(Sizes::words),
        })
    }

    fn changed(&self, _call: &ApiCall, seen: &Seen) -> Option<String> {
        if seen.status != "ACTIVE" {
            return Some(format!(
                "{} is {}: somebody else began an update of it.",
                self.group, seen.status
            ));
        }
        let now = seen.sizes.map(Sizes::words);
        let now = now.filter(|now| *now != self.before)?;
        Some(format!(
            "{} had {} and has {now} now: somebody else changed it.",
            self.group, self.before
        ))
    }

    fn took(&self, _call: &Call, seen: &Seen) -> Took {
        if self.own(seen).is_some() {
            return Took::Yes;
        }
        if !seen.updates.is_empty() {
            return Took::Unclear(format!(
                "another update of {} began at the same time.",
                self.group
            ));
        }
        match seen.sizes {
            Some(sizes) if Some(sizes) == self.wanted => Took::Yes,
            Some(sizes) if sizes.words() == self.before => Took::No,
            Some(sizes) => Took::Unclear(format!(
                "{} has {} now, neither what it had nor what was asked for.",
                self.group,
                sizes.words()
            )),
            None => Took::Unclear(format!("EKS does not say the sizes of {}.", self.group)),
        }
    }

    fn settled(&self, _call: &Call, seen: &Seen) -> bool {
        let own = self.own(seen);
        own.is_some_and(|update| update.status != UpdateStatus::InProgress)
    }

    fn progress(&self, seen: &Seen) -> RunProgress {
        let update = self.own(seen).map(|update| Figure {
            label: "Update".to_owned(),
            value: update_words(update),
            ..Figure::default()
        });
        let sizes = seen.sizes.map(|sizes| Figure {
            label: "EKS says".to_owned(),
            value: sizes.words(),
            ..Figure::default()
        });
        RunProgress {
            figures: update.into_iter().chain(sizes).collect(),
            ..RunProgress::default()
        }
    }

    fn judge(&self, id: &str, seen: &Seen, moment: &Moment<'_>) -> (bool, String) {
        match id {
            UPDATED => match self.own(seen) {
                Some(update) => (
                    update.status == UpdateStatus::Successful,
                    update_words(update),
                ),
                // The update was another's, but the sizes are ours.
                None => (
                    seen.sizes.is_some() && seen.sizes == self.wanted && seen.status == "ACTIVE",
                    format!("{}, no update of ours", seen.status),
                ),
            },
            NODES_READY => ready(moment.snapshot, &self.node, self.wanted),
            NONE_WAITING => none_waits(moment.snapshot, &self.node),
            other => (false, format!("{other} is not known")),
        }
    }
}

fn update_words(update: &Update) -> String {
    match &update.error {
        Some(error) => format!("{}: {error}", update.status.as_str()),
        None => update.status.as_str().to_owned(),
    }
}

fn ready(snapshot: &Snapshot, group: &NodeId, wanted: Option<Sizes>) -> (bool, String) {
    let nodes = nodes_of(snapshot, group);
    let mut ready = 0;
    for node in &nodes {
        if !Origin::of(snapshot, node, Fact::Ready).believed {
            return (false, "the nodes were not read lately".to_owned());
        }
        ready += i64::from(super::subject::is_ready(node));
    }
    let there = nodes.len() as i64;
    let mut value = format!("{ready} Ready of {}", count(there, "node"));
    let wanted = wanted.map(|sizes| sizes.desired);
    if let Some(wanted) = wanted.filter(|wanted| *wanted != there) {
        value = format!("{value} there, {wanted} wanted");
    }
    (ready == there && wanted == Some(ready), value)
}

fn none_waits(snapshot: &Snapshot, group: &NodeId) -> (bool, String) {
    let Some(group) = snapshot.node(group) else {
        return (false, "the nodegroup is gone".to_owned());
    };
    let pods = snapshot.sources.iter().find(|status| {
        status.source.service == Service::Kubernetes
            && status.source.part == "pods"
            && same_cluster(&status.source.scope, &group.scope)
    });
    let believed = pods.is_some_and(|status| Origin::of_source(snapshot, status).believed);
    if !believed {
        return (false, "the pods were not read lately".to_owned());
    }
    let waiting = waiting(snapshot, &group.scope).count();
    (waiting == 0, count(waiting as i64, "pod"))
}
