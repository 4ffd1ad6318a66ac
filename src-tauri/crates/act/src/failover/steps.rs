//! What a run of a failover makes of what it sees.

use super::expect::{CLUSTER, ENDPOINT, ERRORS, ERRORS_ABOVE, OLD_WRITER, PROBE, READ_ONLY, ROLE};
use super::eyes::{Eyes, Led, Members};
use super::logs::{self, Containers, Heard, Pod};
use crate::action::Request;
use crate::course::{Answer, Call, Moment};
use crate::hands::Hands;
use crate::origin::said;
use crate::plan::{ApiCall, Plan};
use crate::receipt::{Figure, RunProgress};
use crate::sequence::{Steps, Took};
use crate::words::{count, list, percent};
use async_trait::async_trait;
use model::{Fact, NodeId, SourceFailure, Timestamp, Verb};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Clocks of RDS's events and answers may differ by this, seconds.
const CLOCKS: f64 = 5.0;
/// A minute of metrics: what CloudWatch says is of a whole one.
const METRIC_SECONDS: i64 = 60;
/// The newest reading of logs covers at least this, seconds.
const LOG_SECONDS: f64 = 4.0;
/// A workload that clings this long will not let go by itself, seconds.
const HOPELESS: f64 = 300.0;

/// What a look shows.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    at: Timestamp,
    members: Members,
    /// Failover events; asked for only until the role has moved.
    events: Vec<(Timestamp, String)>,
    /// Whether the endpoint leads to the target.
    endpoint: Led,
    probe: Option<(bool, String)>,
    heard: Heard,
}

/// The terms of a run, read once from its plan.
struct Terms {
    node: NodeId,
    cluster: String,
    old: String,
    target: String,
    endpoint: String,
    old_endpoint: String,
    target_endpoint: String,
    probe: Option<String>,
    balancers: Vec<NodeId>,
    usual_errors: f64,
}

/// The steps of one failover.
pub(super) struct Failing {
    terms: Terms,
    hands: Hands,
    eyes: Eyes,
    /// Pods to read, as the last picture shows them.
    pods: Mutex<Vec<Pod>>,
    containers: Containers,
    heard: Heard,
    /// Address of the old writer.
    old_address: Option<String>,
    /// When the endpoint was first seen to lead to the target.
    moved: Option<Timestamp>,
}

impl Failing {
    pub(super) fn new(plan: &Plan, hands: &Hands) -> Self {
        let text = |name: &str| {
            let value = plan.before.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let balancers = text("balancers");
        let ids = balancers.split(',').filter(|id| !id.is_empty());
        let terms = Terms {
            node: plan.node.clone(),
            cluster: plan.name.clone(),
            old: text("writer"),
            target: text("target"),
            endpoint: text("endpoint"),
            old_endpoint: text("writer_endpoint"),
            target_endpoint: text("target_endpoint"),
            probe: Some(text("write_probe")).filter(|url| !url.is_empty()),
            balancers: ids.map(NodeId::new).collect(),
            usual_errors: plan
                .before
                .get("usual_error_percent")
                .and_then(Value::as_f64)
                .unwrap_or(0.0),
        };
        Self {
            terms,
            eyes: Eyes::new(hands),
            hands: hands.clone(),
            pods: Mutex::default(),
            containers: Containers::new(),
            heard: Heard::default(),
            old_address: None,
            moved: None,
        }
    }

    /// Logs are read once the endpoint has moved: before, everybody is without a writer.
    async fn listen(&mut self, now: Timestamp) {
        let pods = self
            .pods
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let since = self.heard.at.or(self.moved).unwrap_or(now);
        let passed = now.seconds_since(since);
        if self.moved.is_none()
            || pods.is_empty()
            || (self.heard.at.is_some() && passed < LOG_SECONDS)
        {
            return;
        }
        let seconds = passed.max(LOG_SECONDS).ceil() as u32;
        let old = self.old_address.as_deref();
        let told = logs::read(&self.hands, &pods, &mut self.containers, old, seconds).await;
        self.heard.note(&told, now);
    }

    /// Whose logs the next look reads.
    fn note_pods(&self, moment: &Moment<'_>) {
        if let Some(cluster) = moment.snapshot.node(&self.terms.node) {
            let pods = logs::pods(moment.snapshot, cluster);
            *self.pods.lock().unwrap_or_else(PoisonError::into_inner) = pods;
        }
    }

    fn judge_errors(&self, moment: &Moment<'_>) -> (bool, String) {
        let limit = self.terms.usual_errors + ERRORS_ABOVE;
        let mut worst: Option<f64> = None;
        for id in &self.terms.balancers {
            let Some(node) = moment.snapshot.node(id) else {
                return (false, format!("{} is not in the picture", logs::name(id)));
            };
            let (_, until) = said(node, Fact::Target5xxPercent);
            let begun = until.plus_seconds(-METRIC_SECONDS);
            if self.moved.is_none_or(|moved| begun < moved) {
                return (false, "no whole minute since the endpoint moved".to_owned());
            }
            let Some(errors) = node.facts.number(Fact::Target5xxPercent) else {
                return (false, format!("{} has no figure", node.name));
            };
            worst = Some(worst.map_or(errors, |w: f64| w.max(errors)));
        }
        let errors = worst.unwrap_or(0.0);
        (errors <= limit, percent(errors))
    }

    fn judge_logs(&self, seen: &Seen) -> (bool, String) {
        let heard = &seen.heard;
        if heard.at.is_none() {
            return (false, "no log read yet".to_owned());
        }
        if heard.read == 0 {
            return (false, "no pod's log can be read".to_owned());
        }
        let of = format!(
            "{} of {} read",
            count(heard.read as i64, "log"),
            heard.asked
        );
        let names: Vec<&str> = heard.clinging(seen.at).map(logs::name).collect();
        let lines = count(heard.lines as i64, "line");
        let said = match names.as_slice() {
            [] if heard.lines == 0 => of,
            [] => format!("{lines} just now, {of}"),
            names => format!("{lines} of {}, {of}", list(names)),
        };
        (heard.lines == 0, said)
    }

    /// A lost answer is settled by the role, the cluster's status and the events since.
    fn settled(&self, call: &Call, seen: &Seen) -> Took {
        let (terms, members) = (&self.terms, &seen.members);
        let writer = members.writer.as_deref();
        if writer == Some(terms.target.as_str()) {
            return Took::Yes;
        }
        if writer.is_some_and(|writer| writer != terms.old) {
            let writer = writer.unwrap_or_default();
            return Took::Unclear(format!(
                "{writer} became the writer, whom this run did not ask for."
            ));
        }
        let asked = call.saw.get("at").and_then(Value::as_str);
        let asked = asked.and_then(Timestamp::parse);
        let since = |at: &Timestamp| asked.is_none_or(|asked| at.seconds_since(asked) >= -CLOCKS);
        if members.status == "failing-over" || seen.events.iter().any(|(at, _)| since(at)) {
            return Took::Yes;
        }
        match members.status.as_str() {
            "available" | "backing-up" => Took::No,
            status => Took::Unclear(format!("{} is {status}.", terms.cluster)),
        }
    }
}

#[async_trait]
impl Steps for Failing {
    type Seen = Seen;

    fn outcome(&self) -> String {
        format!(
            "{} is the writer of {}",
            self.terms.target, self.terms.cluster
        )
    }

    async fn look(&mut self) -> Result<Seen, SourceFailure> {
        if self.old_address.is_none() {
            self.old_address = self.eyes.address(&self.terms.old_endpoint).await;
        }
        let terms = &self.terms;
        let members = self.eyes.members(&terms.cluster).await?;
        let promoted = members.writer.as_deref() == Some(terms.target.as_str());
        let events = async {
            match promoted {
                true => Ok(Vec::new()),
                false => self.eyes.failovers(&terms.cluster).await,
            }
        };
        let probe = async {
            match &terms.probe {
                Some(url) => Some(self.eyes.probe(url).await),
                None => None,
            }
        };
        let old = self.old_address.as_deref();
        let leads = self
            .eyes
            .leads(&terms.endpoint, &terms.target_endpoint, old);
        let (events, probe, endpoint) = futures::join!(events, probe, leads);
        let at = self.eyes.now();
        // Where an address tells nothing, the rest is looked at from the role on.
        match (promoted && (endpoint.there || endpoint.alike), self.moved) {
            (true, None) => self.moved = Some(at),
            (false, _) => self.moved = None,
            (true, Some(_)) => {}
        }
        self.listen(at).await;
        Ok(Seen {
            at,
            members,
            events: events?,
            endpoint,
            probe,
            heard: self.heard.clone(),
        })
    }

    async fn write(&mut self, call: &Call) -> Answer {
        self.eyes.write(&self.terms.node, call).await
    }

    fn saw(&self, _call: &ApiCall, seen: &Seen) -> Value {
        json!({ "writer": seen.members.writer, "at": seen.at.to_string() })
    }

    fn changed(&self, _call: &ApiCall, seen: &Seen) -> Option<String> {
        let (terms, members) = (&self.terms, &seen.members);
        let writer = members.writer.as_deref().unwrap_or("nobody");
        if writer != terms.old {
            return Some(format!(
                "{writer} is the writer of {} now, and not {} any more.",
                terms.cluster, terms.old
            ));
        }
        if !matches!(members.status.as_str(), "available" | "backing-up") {
            return Some(format!(
                "{} is {} now: somebody else changes it.",
                terms.cluster, members.status
            ));
        }
        match members.states.get(&terms.target).map(String::as_str) {
            Some("available") => None,
            Some(status) => Some(format!("{} is {status} now.", terms.target)),
            None => Some(format!(
                "{} is no member of {} any more.",
                terms.target, terms.cluster
            )),
        }
    }

    fn took(&self, call: &Call, seen: &Seen) -> Took {
        let took = self.settled(call, seen);
        if took == Took::Yes {
            self.eyes.keep(&self.terms.node);
        }
        took
    }

    fn progress(&self, seen: &Seen) -> RunProgress {
        let figure = |label: &str, value: String| Figure {
            label: label.to_owned(),
            value,
            ..Figure::default()
        };
        let writer = seen.members.writer.clone().unwrap_or_default();
        let mut figures = vec![
            figure("Writer", writer),
            figure("Cluster", seen.members.status.clone()),
            figure("Writer endpoint", seen.endpoint.said.clone()),
        ];
        figures.extend(
            seen.events
                .last()
                .map(|(_, said)| figure("RDS", said.clone())),
        );
        let clinging: Vec<&str> = seen.heard.clinging(seen.at).map(logs::name).collect();
        if !clinging.is_empty() {
            figures.push(figure("Still on the old writer", list(&clinging)));
        }
        RunProgress {
            figures,
            ..RunProgress::default()
        }
    }

    fn soft(&self, id: &str) -> bool {
        id == OLD_WRITER
    }

    fn part(&self, id: &str) -> Option<&'static str> {
        match id {
            ROLE | CLUSTER => Some("role"),
            ENDPOINT => Some("endpoint"),
            PROBE | ERRORS | READ_ONLY => Some("application"),
            _ => None,
        }
    }

    /// A pool that clings for minutes does so until its connections end: the restart is the next step,
    /// and not more watching. Nor does watching tell apart two with one address.
    fn hopeless(&self, missing: &[&str], seen: &Seen, moment: &Moment<'_>) -> Option<String> {
        if seen.endpoint.alike && missing == [ENDPOINT] {
            return Some(format!(
                "Where the writer endpoint leads cannot be told: {} and {} have the same address.",
                self.terms.old, self.terms.target
            ));
        }
        let theirs = |id: &&&str| matches!(**id, PROBE | ERRORS | READ_ONLY);
        if missing.is_empty() || !missing.iter().all(|id| theirs(&id)) {
            return None;
        }
        let since = seen.heard.since(moment.now)?;
        if moment.now.seconds_since(since) < HOPELESS {
            return None;
        }
        let names: Vec<&str> = seen.heard.clinging(moment.now).map(logs::name).collect();
        Some(format!(
            "The role and the endpoint moved, but {} still talks to the old writer: restart it.",
            list(&names)
        ))
    }

    fn follow_ups(&self, seen: &Seen) -> Vec<Request> {
        let restart = |node: &NodeId| Request {
            action: Verb::Restart,
            node: node.clone(),
            settings: BTreeMap::new(),
        };
        let clinging = seen.heard.clinging(seen.at);
        clinging
            .filter(|id| logs::can_be_restarted(id))
            .map(restart)
            .collect()
    }

    fn judge(&self, id: &str, seen: &Seen, moment: &Moment<'_>) -> (bool, String) {
        if id == READ_ONLY {
            self.note_pods(moment);
        }
        let (terms, members) = (&self.terms, &seen.members);
        let writer = members.writer.as_deref().unwrap_or("nobody");
        match id {
            ROLE => (writer == terms.target, format!("writer {writer}")),
            CLUSTER => (
                matches!(members.status.as_str(), "available" | "backing-up"),
                members.status.clone(),
            ),
            ENDPOINT => (seen.endpoint.there, seen.endpoint.said.clone()),
            PROBE => seen
                .probe
                .clone()
                .unwrap_or((false, "not asked".to_owned())),
            ERRORS => self.judge_errors(moment),
            READ_ONLY => self.judge_logs(seen),
            OLD_WRITER => {
                let status = members
                    .states
                    .get(&terms.old)
                    .map_or("gone", String::as_str);
                (
                    writer != terms.old && status == "available",
                    status.to_owned(),
                )
            }
            _ => (false, "not known here".to_owned()),
        }
    }
}
