//! One more reader.

mod guard;

use super::CREATE;
use super::hands::{AVAILABLE, CONNECTED, Changing, KEEPS_UP};
use super::price;
use crate::action::{Action, PlanError, Request};
use crate::arn;
use crate::course::Course;
use crate::database::Database;
use crate::draft::{Draft, Undo};
use crate::hands::Hands;
use crate::offer::Colour;
use crate::plan::{ApiCall, Blast, ConfirmLevel, Expectation, Plan};
use crate::rights::Right;
use crate::sequence::Sequence;
use crate::setting::{Ask, Choice, Setting};
use crate::shelf::Shelf;
use crate::words::shell;
use model::{Fact, Kind, Node, NodeId, Snapshot, SourceId, Verb};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Instances a cluster can have: a writer and fifteen readers (Aurora User Guide, "Aurora Replicas").
const MEMBERS: usize = 16;
/// The promotion tier a new reader gets, as RDS gives it by default.
const TIER: i64 = 1;

/// One more reader of a regional cluster.
#[derive(Clone, Copy, Debug)]
pub struct AddReader;

impl Action for AddReader {
    fn verb(&self) -> Verb {
        Verb::AddReader
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::DbCluster]
    }

    fn fits(&self) -> &'static str {
        "Aurora clusters"
    }

    fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        node.facts
            .text(Fact::Engine)
            .is_some_and(|engine| engine.starts_with("aurora"))
    }

    fn called_for(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        node.facts.text(Fact::Writer).is_some() && node.facts.count(Fact::Readers) == Some(0)
    }

    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        _shelf: &Shelf,
    ) -> Result<Draft, PlanError> {
        Ok(draft(&Subject::new(snapshot, node, settings)?))
    }

    fn settings(&self, snapshot: &Snapshot, node: &Node) -> Vec<Setting> {
        let subject = Subject::new(snapshot, node, &BTreeMap::new());
        subject.map_or_else(|_| Vec::new(), |subject| subject.asked())
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        Box::new(Sequence::new(plan, Changing::new(plan, hands, true)))
    }

    fn sources(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        sources(snapshot, plan)
    }
}

/// What the checks rest on, and the figures a run watches; prices are told alone.
pub(super) fn sources(snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
    let said = plan.findings.iter().filter_map(|f| f.source.clone());
    let said = said.filter(|id| !price::tells(snapshot, id));
    let mut all: BTreeSet<SourceId> = said.collect();
    if let Some(node) = snapshot.node(&plan.node) {
        all.insert(node.source.clone());
        let database = match node.kind {
            Kind::DbInstance => Database::of_instance(snapshot, node),
            _ => Some(Database::new(snapshot, node)),
        };
        let members = database.iter().flat_map(Database::members);
        let figures = members.filter_map(|m| m.fact_origins.get(&Fact::CpuPercent));
        all.extend(figures.map(|origin| origin.source.clone()));
    }
    all.into_iter().collect()
}

struct Subject<'a> {
    database: Database<'a>,
    class: String,
    /// Empty: RDS chooses.
    az: String,
    name: String,
    zones: Vec<String>,
    /// The zones are those of the subnet group; else only those that have members.
    zones_read: bool,
}

impl<'a> Subject<'a> {
    fn new(
        snapshot: &'a Snapshot,
        cluster: &'a Node,
        settings: &BTreeMap<String, String>,
    ) -> Result<Self, PlanError> {
        let database = Database::new(snapshot, cluster);
        let group = subnet_zones(&database);
        let zones_read = group.is_some();
        let zones = group.unwrap_or_else(|| zones_in_use(&database));
        let class = database.writer.or(database.readers.first().copied());
        let class = class.and_then(|node| node.facts.text(Fact::InstanceClass));
        let mut subject = Self {
            class: class.unwrap_or_default().to_owned(),
            az: emptiest(&database, &zones),
            name: free_name(&database),
            zones,
            zones_read,
            database,
        };
        for (name, value) in settings {
            match name.as_str() {
                "class" => value.trim().clone_into(&mut subject.class),
                "az" => value.trim().clone_into(&mut subject.az),
                _ => {
                    return Err(PlanError::NoSuchSetting {
                        verb: "add-reader",
                        name: name.clone(),
                        known: "class and az",
                    });
                }
            }
        }
        if !subject.class.starts_with("db.") {
            return Err(PlanError::BadSetting {
                name: "class",
                value: subject.class,
                why: "give an instance class such as db.r6g.large".to_owned(),
            });
        }
        Ok(subject)
    }

    fn asked(&self) -> Vec<Setting> {
        let class = Setting {
            name: "class".to_owned(),
            label: "Class".to_owned(),
            default: self.class.clone(),
            ask: Ask::Text {
                example: "db.r6g.2xlarge".to_owned(),
                most: 40,
            },
            note: Some("The writer's class, so that it can be promoted.".to_owned()),
        };
        let used = |zone: &str| {
            let members = self.database.members();
            let here: Vec<&str> = members
                .filter(|m| m.scope.az.as_deref() == Some(zone))
                .map(|m| m.name.as_str())
                .collect();
            match here.is_empty() {
                true => "no member yet".to_owned(),
                false => here.join(", "),
            }
        };
        let choices = self.zones.iter().map(|zone| Choice {
            value: zone.clone(),
            label: zone.clone(),
            facts: vec![used(zone)],
            colour: Colour::Green,
            why: None,
        });
        let az = Setting {
            name: "az".to_owned(),
            label: "Zone".to_owned(),
            default: self.az.clone(),
            ask: Ask::Choice {
                choices: choices.collect(),
            },
            note: match self.zones_read {
                true => None,
                false => Some(
                    "Only zones that have members: those of the subnet group were not read."
                        .to_owned(),
                ),
            },
        };
        vec![class, az]
    }
}

/// The zones of the cluster's subnet group, which every member names; `None` when none was read.
fn subnet_zones(database: &Database<'_>) -> Option<Vec<String>> {
    let mut members = database.members();
    let told = members.find_map(|member| member.facts.text(Fact::SubnetZones))?;
    let zones = told.split(',').map(str::trim).filter(|z| !z.is_empty());
    let zones: Vec<String> = zones.map(str::to_owned).collect();
    (!zones.is_empty()).then_some(zones)
}

/// Zones with members.
fn zones_in_use(database: &Database<'_>) -> Vec<String> {
    let used = database.members().filter_map(|m| m.scope.az.as_deref());
    let zones: BTreeSet<&str> = used.collect();
    zones.into_iter().map(str::to_owned).collect()
}

/// A zone that has neither the writer nor a reader yet, else the one with the fewest members.
fn emptiest(database: &Database<'_>, zones: &[String]) -> String {
    let members = |zone: &&String| {
        let here = database.members();
        here.filter(|m| m.scope.az.as_deref() == Some(zone.as_str()))
            .count()
    };
    zones
        .iter()
        .min_by_key(members)
        .cloned()
        .unwrap_or_default()
}

/// The first `NAME-N` that no member has.
fn free_name(database: &Database<'_>) -> String {
    let taken: BTreeSet<&str> = database.members().map(|m| m.name.as_str()).collect();
    let mut names = (1..).map(|n| format!("{}-{n}", database.cluster.name));
    names
        .find(|name| !taken.contains(name.as_str()))
        .unwrap_or_default()
}

fn draft(subject: &Subject<'_>) -> Draft {
    let cluster = subject.database.cluster;
    let instance = |subject: &Subject<'_>| {
        let account = cluster.scope.account.as_ref().map_or("", |a| a.as_str());
        let region = cluster.scope.region.as_deref();
        NodeId::aws(Kind::DbInstance, account, region, &subject.name)
    };
    let settings = [("class", &subject.class), ("az", &subject.az)];
    let settings = settings
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.clone()));
    Draft {
        settings: settings.collect(),
        targets: vec![cluster.id.clone()],
        label: format!(
            "Add reader {} to {} · {}{}",
            subject.name,
            cluster.name,
            subject.class,
            match subject.az.as_str() {
                "" => String::new(),
                az => format!(" in {az}"),
            }
        ),
        calls: vec![call(subject)],
        before: before(subject),
        findings: guard::findings(subject),
        expectations: expectations(subject),
        stops: vec![
            "An instance that is being created goes on by itself; stopping ends the watching."
                .to_owned(),
        ],
        undo: Undo {
            sentence: format!("Remove {} again.", subject.name),
            request: Some(Request {
                action: Verb::RemoveReader,
                node: instance(subject),
                settings: BTreeMap::new(),
            }),
        },
        blast: Blast {
            sentences: vec![
                format!(
                    "{} is created; it takes minutes until it is available, and its cache is cold.",
                    subject.name
                ),
                "Nothing that serves now is touched; it costs by the hour until it is removed."
                    .to_owned(),
                format!("Promotion tier {TIER}, the default."),
            ],
            messages: None,
        },
        level: ConfirmLevel::L2,
        confirm: cluster.name.clone(),
        takes: Vec::new(),
        rights: vec![Right::Iam {
            action: CREATE.to_owned(),
            resource: arn::instance(cluster, &subject.name),
        }],
        leaves: None,
    }
}

fn expectations(subject: &Subject<'_>) -> Vec<Expectation> {
    let expect = |id: &'static str, sentence: String, dwell_seconds| Expectation {
        id: id.into(),
        sentence,
        dwell_seconds,
    };
    let name = &subject.name;
    vec![
        expect(AVAILABLE, format!("{name} is available."), 60.0),
        expect(
            KEEPS_UP,
            format!("{name} is less than 100 ms behind."),
            60.0,
        ),
        expect(
            CONNECTED,
            format!("{name} takes connections (not waited for)."),
            0.0,
        ),
    ]
}

fn call(subject: &Subject<'_>) -> ApiCall {
    let cluster = subject.database.cluster;
    let region = cluster.scope.region.as_deref().unwrap_or("us-east-1");
    let engine = cluster.facts.text(Fact::Engine).unwrap_or("aurora-mysql");
    let mut parameters: BTreeMap<String, Value> = [
        ("DBInstanceIdentifier", json!(subject.name)),
        ("DBClusterIdentifier", json!(cluster.name)),
        ("DBInstanceClass", json!(subject.class)),
        ("Engine", json!(engine)),
        ("PromotionTier", json!(TIER)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let mut cli = format!(
        "aws rds create-db-instance --region {} --db-instance-identifier {} --db-cluster-identifier {} --db-instance-class {} --engine {} --promotion-tier {TIER}",
        shell(region),
        shell(&subject.name),
        shell(&cluster.name),
        shell(&subject.class),
        shell(engine)
    );
    if !subject.az.is_empty() {
        parameters.insert("AvailabilityZone".to_owned(), json!(subject.az));
        cli.push_str(&format!(" --availability-zone {}", shell(&subject.az)));
    }
    ApiCall {
        operation: CREATE.to_owned(),
        region: region.to_owned(),
        parameters,
        cli,
        step: "create".to_owned(),
    }
}

fn before(subject: &Subject<'_>) -> BTreeMap<String, Value> {
    let members: Vec<&str> = subject
        .database
        .members()
        .map(|m| m.name.as_str())
        .collect();
    [
        ("cluster", json!(subject.database.cluster.name)),
        ("reader", json!(subject.name)),
        ("members", json!(members.join(", "))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
