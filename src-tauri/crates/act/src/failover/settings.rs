//! Whom to promote: every reader with its fit, best first. Nobody is chosen by default.

use super::subject::Subject;
use super::{caution, guard};
use crate::database::{class_words, is_autoscaled, size};
use crate::offer::Colour;
use crate::plan::{Finding, Outcome, Severity};
use crate::setting::{Ask, Choice, Setting};
use crate::words::{list, percent, thousands};
use model::{Fact, Node};

pub(super) fn asked(subject: &Subject<'_>) -> Vec<Setting> {
    let mut choices: Vec<(Choice, &Node)> = subject
        .database
        .readers
        .iter()
        .map(|reader| (choice(subject, reader), *reader))
        .collect();
    choices.sort_by(|(a, one), (b, other)| {
        let tier = |node: &Node| node.facts.count(Fact::PromotionTier).unwrap_or(15);
        let memory = |node: &Node| size(node).1.unwrap_or(0.0);
        let lag = |node: &Node| node.facts.number(Fact::ReplicaLagMs).unwrap_or(f64::MAX);
        a.colour
            .cmp(&b.colour)
            .then(tier(one).cmp(&tier(other)))
            .then(memory(other).total_cmp(&memory(one)))
            .then(lag(one).total_cmp(&lag(other)))
    });
    let note = match &subject.heir {
        Some((heir, why)) => format!(
            "If none were named, AWS would promote {}: {why}.",
            heir.name
        ),
        None => "There is no available reader to promote.".to_owned(),
    };
    vec![Setting {
        name: "target".to_owned(),
        label: "New writer".to_owned(),
        default: String::new(),
        ask: Ask::Choice {
            choices: choices.into_iter().map(|(choice, _)| choice).collect(),
        },
        note: Some(note),
    }]
}

fn choice<'a>(subject: &Subject<'a>, reader: &'a Node) -> Choice {
    let chosen = Subject {
        asked: reader.name.clone(),
        target: Some(reader),
        ..subject.clone()
    };
    let mut findings = guard::blocks(&chosen);
    findings.extend(caution::warnings(&chosen));
    let (colour, why) = fit(&findings);
    Choice {
        value: reader.name.clone(),
        label: reader.name.clone(),
        facts: facts(subject, reader),
        colour,
        why,
    }
}

/// Unknown data blocks a failover, so it counts as red.
fn fit(findings: &[Finding]) -> (Colour, Option<String>) {
    let red = |f: &&Finding| {
        f.severity != Severity::Info
            && (f.outcome == Outcome::Unknown
                || (f.severity == Severity::Block && f.outcome == Outcome::Fail))
    };
    let amber = |f: &&Finding| f.severity == Severity::Warn && f.outcome == Outcome::Fail;
    let first = |those: &dyn Fn(&&Finding) -> bool| {
        findings
            .iter()
            .find(|f| those(f))
            .map(|f| f.sentence.clone())
    };
    if let Some(why) = first(&red) {
        return (Colour::Red, Some(why));
    }
    match first(&amber) {
        Some(why) => (Colour::Amber, Some(why)),
        None => (Colour::Green, None),
    }
}

/// Zone, class, tier, lag, CPU, connections against the writer's.
fn facts(subject: &Subject<'_>, reader: &Node) -> Vec<String> {
    let facts = &reader.facts;
    let mut all = vec![
        reader
            .scope
            .az
            .as_deref()
            .unwrap_or("zone not known")
            .to_owned(),
        class_words(reader),
    ];
    let made = match is_autoscaled(reader) {
        true => ", made by autoscaling",
        false => "",
    };
    let tier = facts.count(Fact::PromotionTier);
    all.extend(tier.map(|tier| format!("tier {tier}{made}")));
    let known = |value: Option<String>| value.unwrap_or_else(|| "not known".to_owned());
    let lag = facts.number(Fact::ReplicaLagMs);
    all.push(format!(
        "lag {}",
        known(lag.map(|ms| format!("{ms:.0} ms")))
    ));
    let cpu = facts.number(Fact::CpuPercent);
    all.push(format!("CPU {}", known(cpu.map(percent))));
    let open = |node: &Node| node.facts.count(Fact::Connections).map(thousands);
    let writer = subject.database.writer;
    all.push(format!(
        "{} connections (writer {})",
        known(open(reader)),
        known(writer.and_then(open))
    ));
    let status = facts.text(Fact::Status).filter(|s| *s != "available");
    all.extend(status.map(ToOwned::to_owned));
    let alarms: Vec<&str> = reader
        .health
        .reasons
        .iter()
        .take(1)
        .map(|reason| reason.sentence.as_str())
        .collect();
    if !alarms.is_empty() {
        all.push(list(&alarms));
    }
    all
}
