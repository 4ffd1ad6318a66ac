//! Failover of an Aurora cluster to a reader that was chosen: `FailoverDBCluster` (RDS API reference).
//!
//! Plan and checks are made from a snapshot alone (`subject`, `heir`, `guard`, `caution`, `consumers`,
//! `proxy`, `window`, `settings`, `expect`). A run is a [`sequence`](crate::sequence) of the one call; `eyes`
//! reads what became of it (members, endpoint, probe, logs) and `steps` judges that.

mod caution;
mod consumers;
mod expect;
mod eyes;
mod guard;
mod heir;
mod logs;
mod proxy;
mod settings;
mod steps;
mod subject;
#[cfg(test)]
mod tests;
mod window;

use crate::action::{Action, PlanError, Request};
use crate::arn;
use crate::course::Course;
use crate::database::Database;
use crate::draft::{Draft, Undo};
use crate::hands::Hands;
use crate::plan::{ApiCall, ConfirmLevel, Plan};
use crate::rights::Right;
use crate::sequence::Sequence;
use crate::setting::Setting;
use crate::shelf::Shelf;
use crate::words::shell;
use model::strain::{Looks, strain};
use model::{Fact, Kind, Level, Node, Snapshot, SourceId, Verb};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use steps::Failing;
use subject::Subject;

/// The call.
pub(crate) const FAILOVER: &str = "rds:FailoverDBCluster";

/// The failover of a regional cluster.
#[derive(Clone, Copy, Debug)]
pub struct Failover;

impl Action for Failover {
    fn verb(&self) -> Verb {
        Verb::Failover
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::DbCluster]
    }

    fn fits(&self) -> &'static str {
        "Aurora clusters"
    }

    /// A cluster without a writer (the secondary of a global database) has nothing to fail over.
    fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        node.facts.text(Fact::Writer).is_some()
    }

    /// When the writer is in trouble and it looks like its host.
    fn called_for(&self, snapshot: &Snapshot, node: &Node) -> bool {
        if node.health.level < Level::Warning {
            return false;
        }
        let database = Database::new(snapshot, node);
        let strained = database.writer.and_then(|w| strain(w, &database.readers));
        strained.is_some_and(|strain| strain.looks == Looks::Host)
    }

    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        shelf: &Shelf,
    ) -> Result<Draft, PlanError> {
        let mut subject = Subject::new(snapshot, node, settings)?;
        subject.from_here = shelf.failed_over_at;
        Ok(draft(&subject))
    }

    fn settings(&self, snapshot: &Snapshot, node: &Node) -> Vec<Setting> {
        let subject = Subject::new(snapshot, node, &BTreeMap::new());
        subject.map_or_else(|_| Vec::new(), |subject| settings::asked(&subject))
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        Box::new(Sequence::new(plan, Failing::new(plan, hands)))
    }

    fn sources(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        let said = plan.findings.iter().filter_map(|f| f.source.clone());
        let mut all: BTreeSet<SourceId> = said.collect();
        if let Some(node) = snapshot.node(&plan.node) {
            all.insert(node.source.clone());
            let database = Database::new(snapshot, node);
            let balancers = database.balancers(&database.users());
            let errors = balancers
                .into_iter()
                .map(|b| database.origin(b, Fact::Target5xxPercent).source);
            all.extend(errors);
        }
        all.into_iter().collect()
    }
}

fn draft(subject: &Subject<'_>) -> Draft {
    let cluster = subject.cluster();
    let mut findings = guard::blocks(subject);
    findings.extend(caution::warnings(subject));
    let asked = subject.target_name().to_owned();
    let back = if subject.back { "yes" } else { "" };
    let settings = [("target", asked), ("back", back.to_owned())].into_iter();
    let given = settings.filter(|(_, value)| !value.is_empty());
    Draft {
        settings: given.map(|(k, v)| (k.to_owned(), v)).collect(),
        targets: subject.targets(),
        label: label(subject),
        calls: vec![call(subject)],
        before: before(subject),
        findings,
        expectations: expect::expectations(subject),
        stops: vec![
            "A failover that was begun cannot be stopped; stopping ends the watching.".to_owned(),
        ],
        undo: undo(subject),
        blast: expect::blast(subject),
        level: ConfirmLevel::L3,
        confirm: cluster.name.clone(),
        takes: Vec::new(),
        rights: vec![Right::Iam {
            action: FAILOVER.to_owned(),
            resource: arn::database(cluster),
        }],
        leaves: None,
    }
}

fn label(subject: &Subject<'_>) -> String {
    let cluster = &subject.cluster().name;
    let from = subject.database.writer.map_or("?", |w| w.name.as_str());
    match subject.target {
        Some(target) if subject.back => format!("Fail back {cluster}: {from} → {}", target.name),
        Some(target) => format!("Fail over {cluster}: {from} → {}", target.name),
        None => format!("Fail over {cluster}: {from} → a reader you choose"),
    }
}

fn call(subject: &Subject<'_>) -> ApiCall {
    let cluster = subject.cluster();
    let region = cluster.scope.region.as_deref().unwrap_or("us-east-1");
    let target = subject.target_name();
    let parameters = [
        ("DBClusterIdentifier", json!(cluster.name)),
        ("TargetDBInstanceIdentifier", json!(target)),
    ];
    let parameters = parameters.into_iter();
    ApiCall {
        operation: FAILOVER.to_owned(),
        region: region.to_owned(),
        parameters: parameters.map(|(k, v)| (k.to_owned(), v)).collect(),
        cli: format!(
            "aws rds failover-db-cluster --region {} --db-cluster-identifier {} --target-db-instance-identifier {}",
            shell(region),
            shell(&cluster.name),
            shell(if target.is_empty() { "NAME" } else { target })
        ),
        step: "failover".to_owned(),
    }
}

/// Numbers are live counters, compared by nobody; words are what must not change until the press.
fn before(subject: &Subject<'_>) -> BTreeMap<String, Value> {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    let mut keep = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            all.insert(name.to_owned(), value);
        }
    };
    let text = |node: Option<&Node>, fact| node.and_then(|n| n.facts.text(fact)).map(|t| json!(t));
    let cluster = Some(subject.cluster());
    let (writer, target) = (subject.database.writer, subject.target);
    keep("writer", writer.map(|w| json!(w.name)));
    keep("target", target.map(|t| json!(t.name)));
    keep("cluster_status", text(cluster, Fact::Status));
    keep("endpoint", text(cluster, Fact::Endpoint));
    keep("writer_endpoint", text(writer, Fact::Endpoint));
    keep("target_endpoint", text(target, Fact::Endpoint));
    keep("write_probe", text(cluster, Fact::WriteProbe));
    let number = |node: Option<&Node>, fact| {
        let value = node.and_then(|n| n.facts.number(fact));
        value.map(|n| json!(n))
    };
    keep("writer_cpu_percent", number(writer, Fact::CpuPercent));
    keep("writer_connections", number(writer, Fact::Connections));
    keep("target_lag_ms", number(target, Fact::ReplicaLagMs));
    let usual = expect::baseline(&subject.balancers);
    keep("usual_error_percent", Some(json!(usual)));
    let balancers: Vec<&str> = subject.balancers.iter().map(|b| b.id.as_str()).collect();
    keep("balancers", Some(json!(balancers.join(","))));
    all
}

/// The way back is a failover of its own, which knows that it is one: it is held back by less lag.
fn undo(subject: &Subject<'_>) -> Undo {
    let Some(writer) = subject.database.writer else {
        return Undo::none("the writer is not known.");
    };
    let back = [
        ("target".to_owned(), writer.name.clone()),
        ("back".to_owned(), "yes".to_owned()),
    ];
    Undo {
        sentence: format!(
            "Failing back to {} is a failover of its own, with its own checks: once it is an available reader less than {:.0} ms behind, and no sooner than 10 min after this one.",
            writer.name,
            guard::BACK_LAG_MS
        ),
        request: Some(Request {
            action: Verb::Failover,
            node: subject.cluster().id.clone(),
            settings: back.into_iter().collect(),
        }),
    }
}
