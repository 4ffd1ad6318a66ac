//! One reader fewer.
//!
//! Whether it feeds a replica or is a custom endpoint's only member is read right before the call and
//! stops the run there: neither is in the picture.

use super::add::sources;
use super::hands::{CPU, Changing, GONE, OTHERS};
use super::{DELETE, cluster_available, price};
use crate::action::{Action, PlanError, Request};
use crate::arn;
use crate::course::Course;
use crate::database::{
    Database, any_available, available_words, class_words, is_autoscaled, is_available, is_told,
    size,
};
use crate::draft::{Draft, Undo};
use crate::finding::{Answer, Words, finding};
use crate::hands::Hands;
use crate::plan::{ApiCall, Blast, ConfirmLevel, Expectation, Finding, Plan, Severity};
use crate::rights::Right;
use crate::sequence::Sequence;
use crate::setting;
use crate::shelf::Shelf;
use crate::takes::Takes;
use crate::words::{percent, shell, thousands};
use model::{Fact, Kind, Node, Snapshot, SourceId, Verb};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One reader fewer of a regional cluster.
#[derive(Clone, Copy, Debug)]
pub struct RemoveReader;

impl Action for RemoveReader {
    fn verb(&self) -> Verb {
        Verb::RemoveReader
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::DbInstance]
    }

    fn fits(&self) -> &'static str {
        "Aurora readers"
    }

    fn offered(&self, _snapshot: &Snapshot, node: &Node) -> bool {
        node.facts.text(Fact::Role) == Some("reader")
    }

    fn called_for(&self, _snapshot: &Snapshot, _node: &Node) -> bool {
        false
    }

    fn draft(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        settings: &BTreeMap<String, String>,
        _shelf: &Shelf,
    ) -> Result<Draft, PlanError> {
        setting::none(self.verb(), settings)?;
        let database =
            Database::of_instance(snapshot, node).ok_or_else(|| PlanError::DoesNotFit {
                verb: "remove-reader",
                node: node.id.clone(),
                fits: "readers of an Aurora cluster that was read".to_owned(),
            })?;
        Ok(draft(&Subject {
            database,
            reader: node,
        }))
    }

    fn course(&self, plan: &Plan, hands: &Hands) -> Box<dyn Course> {
        Box::new(Sequence::new(plan, Changing::new(plan, hands, false)))
    }

    fn sources(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<SourceId> {
        sources(snapshot, plan)
    }
}

struct Subject<'a> {
    database: Database<'a>,
    reader: &'a Node,
}

impl<'a> Subject<'a> {
    /// Readers that serve when this one is gone.
    fn others(&self) -> Vec<&'a Node> {
        let all = self.database.readers.iter().copied();
        all.filter(|r| r.id != self.reader.id && is_available(r))
            .collect()
    }
}

fn draft(subject: &Subject<'_>) -> Draft {
    let (reader, cluster) = (subject.reader, subject.database.cluster);
    let expect = |id: &'static str, sentence: String, dwell_seconds| Expectation {
        id: id.into(),
        sentence,
        dwell_seconds,
    };
    let mut expectations = vec![expect(
        GONE,
        format!("{} is no member of {} any more.", reader.name, cluster.name),
        0.0,
    )];
    if !subject.others().is_empty() {
        let sentence = format!("The readers that are left stay below {} CPU.", percent(CPU));
        expectations.push(expect(OTHERS, sentence, 300.0));
    }
    let open = reader.facts.count(Fact::Connections).map(thousands);
    Draft {
        settings: BTreeMap::new(),
        targets: vec![reader.id.clone(), cluster.id.clone()],
        label: format!("Remove reader {} of {}", reader.name, cluster.name),
        calls: vec![call(subject)],
        before: before(subject),
        findings: findings(subject),
        expectations,
        stops: vec!["A deletion that was begun cannot be cancelled; stopping ends the watching.".to_owned()],
        undo: undo(subject),
        blast: Blast {
            sentences: vec![
                format!(
                    "{} is deleted ({}); its {} connections drop.",
                    reader.name,
                    class_words(reader),
                    open.unwrap_or_else(|| "open".to_owned())
                ),
                "The cluster's data stays: storage belongs to the cluster.".to_owned(),
                "A deletion cannot be cancelled; a reader that is added again is a new one with a cold cache.".to_owned(),
            ],
            messages: None,
        },
        level: ConfirmLevel::L3,
        confirm: reader.name.clone(),
        takes: vec![Takes::Reader {
            member: reader.id.clone(),
        }],
        rights: vec![Right::Iam {
            action: DELETE.to_owned(),
            resource: arn::instance(cluster, &reader.name),
        }],
        leaves: None,
    }
}

fn call(subject: &Subject<'_>) -> ApiCall {
    let region = subject
        .reader
        .scope
        .region
        .as_deref()
        .unwrap_or("us-east-1");
    let name = &subject.reader.name;
    let parameters = [("DBInstanceIdentifier".to_owned(), json!(name))];
    ApiCall {
        operation: DELETE.to_owned(),
        region: region.to_owned(),
        parameters: parameters.into(),
        cli: format!(
            "aws rds delete-db-instance --region {} --db-instance-identifier {}",
            shell(region),
            shell(name)
        ),
        step: "delete".to_owned(),
    }
}

fn before(subject: &Subject<'_>) -> BTreeMap<String, Value> {
    let others: Vec<&str> = subject.others().iter().map(|r| r.id.as_str()).collect();
    let role = subject.reader.facts.text(Fact::Role);
    let status = subject.reader.facts.text(Fact::Status);
    [
        ("cluster", json!(subject.database.cluster.name)),
        ("reader", json!(subject.reader.name)),
        ("role", json!(role)),
        ("status", json!(status)),
        ("other_readers", json!(others.join(","))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn undo(subject: &Subject<'_>) -> Undo {
    let facts = &subject.reader.facts;
    let mut settings = BTreeMap::new();
    let class = facts.text(Fact::InstanceClass);
    settings.extend(class.map(|class| ("class".to_owned(), class.to_owned())));
    let az = subject.reader.scope.az.as_deref();
    settings.extend(az.map(|az| ("az".to_owned(), az.to_owned())));
    Undo {
        sentence:
            "Add a reader of the same class in the same zone: a new instance with a cold cache."
                .to_owned(),
        request: Some(Request {
            action: Verb::AddReader,
            node: subject.database.cluster.id.clone(),
            settings,
        }),
    }
}

fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let mut all = vec![
        is_reader(subject),
        cluster_available("remove-reader.cluster-available", &subject.database),
        available(subject),
        not_last(subject),
        others_carry(subject),
        autoscaling(subject),
        idle(subject),
    ];
    all.extend(price::of_one_fewer(&subject.database, subject.reader));
    all
}

fn is_reader(subject: &Subject<'_>) -> Finding {
    let (reader, role) = (subject.reader, subject.reader.facts.text(Fact::Role));
    finding(
        "remove-reader.is-reader",
        Severity::Block,
        Answer::of(
            subject.database.origin(reader, Fact::Role),
            role.map(|role| role == "reader"),
            role.unwrap_or("not known"),
        ),
        Words {
            pass: format!("{} is a reader.", reader.name),
            fail: format!("{} is the writer.", reader.name),
            unknown: format!("Whether {} is a reader is not known.", reader.name),
            threshold: "reader",
            next: "Fail over first.",
        },
    )
}

fn available(subject: &Subject<'_>) -> Finding {
    let status = subject.reader.facts.text(Fact::Status);
    let (name, value) = (&subject.reader.name, status.unwrap_or("not known"));
    finding(
        "remove-reader.available",
        Severity::Block,
        Answer::of(
            subject.database.origin(subject.reader, Fact::Status),
            status.map(|status| status == "available"),
            value,
        ),
        Words {
            pass: format!("{name} is available."),
            fail: format!("{name} is {value}: RDS is changing it."),
            unknown: format!("The status of {name} is not known."),
            threshold: "available",
            next: "Wait until it is available, then plan again.",
        },
    )
}

fn not_last(subject: &Subject<'_>) -> Finding {
    let all = subject.database.readers.iter().copied();
    let others: Vec<&Node> = all.filter(|r| r.id != subject.reader.id).collect();
    let value = available_words(&others);
    let cluster = subject.database.cluster;
    finding(
        "remove-reader.not-last",
        Severity::Block,
        Answer::of(
            subject.database.origin(cluster, Fact::ReadersAvailable),
            any_available(&others),
            value.clone(),
        ),
        Words {
            pass: format!("Readers that are left: {value}."),
            fail: format!(
                "{} is the last available reader of {}.",
                subject.reader.name, cluster.name
            ),
            unknown: format!(
                "Whether {} has another available reader is not known.",
                cluster.name
            ),
            threshold: "at least one other available reader",
            next: "Add another reader first.",
        },
    )
}

/// Its reads go to those that are left.
fn others_carry(subject: &Subject<'_>) -> Finding {
    let work =
        |node: &Node| Some(node.facts.number(Fact::CpuPercent)? * size(node).0.unwrap_or(1.0));
    let others = subject.others();
    let cores: f64 = others.iter().map(|r| size(r).0.unwrap_or(1.0)).sum();
    let all: Option<f64> = others
        .iter()
        .copied()
        .chain([subject.reader])
        .map(work)
        .sum();
    let cpu = all.filter(|_| cores > 0.0).map(|all| all / cores);
    let value = cpu.map_or_else(|| "not known".to_owned(), percent);
    let silent = |r: &&Node| r.facts.number(Fact::CpuPercent).is_none();
    let asked = others.iter().copied().find(silent);
    finding(
        "remove-reader.others-carry",
        Severity::Block,
        Answer::of(
            subject
                .database
                .origin(asked.unwrap_or(subject.reader), Fact::CpuPercent),
            cpu.map(|cpu| cpu < CPU),
            value.clone(),
        ),
        Words {
            pass: format!("The readers that are left carry its reads: about {value} CPU."),
            fail: format!("The readers that are left would run at about {value} CPU."),
            unknown: "How busy the readers are is not known.".to_owned(),
            threshold: "less than 70 % CPU on those that are left",
            next: "Add another reader first, or wait for less load.",
        },
    )
}

fn autoscaling(subject: &Subject<'_>) -> Finding {
    let made = is_autoscaled(subject.reader);
    let name = &subject.reader.name;
    finding(
        "remove-reader.autoscaling",
        Severity::Warn,
        Answer::of(
            subject.database.origin(subject.reader, Fact::Role),
            is_told(subject.reader).then_some(!made),
            match (is_told(subject.reader), made) {
                (false, _) => "not known",
                (true, true) => "made by autoscaling",
                (true, false) => "not made by autoscaling",
            },
        ),
        Words {
            pass: format!(
                "{name} was not made by autoscaling. Whether a policy asks for more readers is not read."
            ),
            fail: format!(
                "{name} was made by autoscaling: it makes another one while its figure asks for it."
            ),
            unknown: format!("Who made {name} is not known."),
            threshold: "not made by autoscaling",
            next: "Lower autoscaling's minimum or maximum instead.",
        },
    )
}

fn idle(subject: &Subject<'_>) -> Finding {
    let open = subject.reader.facts.count(Fact::Connections);
    let value = open.map_or_else(|| "not known".to_owned(), thousands);
    finding(
        "remove-reader.connections",
        Severity::Info,
        Answer::of(
            subject.database.origin(subject.reader, Fact::Connections),
            open.map(|open| open == 0),
            value.clone(),
        ),
        Words {
            pass: format!("{} has no open connection.", subject.reader.name),
            fail: format!(
                "{} has {value} open connections, which drop.",
                subject.reader.name
            ),
            unknown: format!("The connections of {} are not known.", subject.reader.name),
            threshold: "0",
            next: "Let them drain first where you can.",
        },
    )
}
