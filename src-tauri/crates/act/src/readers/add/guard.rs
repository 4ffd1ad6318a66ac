//! The checks of another reader (guards.md §3).

use super::{MEMBERS, Subject};
use crate::database::{is_autoscaled, is_told};
use crate::finding::{Answer, Words, finding, not_checked};
use crate::plan::{Finding, Severity};
use crate::readers::{cluster_available, price};
use model::Fact;

pub(super) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    vec![
        cluster_available("add-reader.cluster-available", &subject.database),
        room(subject),
        quota(subject),
        zone(subject),
        same_class(subject),
        autoscaling(subject),
        price::of_one_more(&subject.database, &subject.class),
    ]
}

fn room(subject: &Subject<'_>) -> Finding {
    let members = subject.database.members().count();
    let cluster = subject.database.cluster;
    finding(
        "add-reader.room",
        Severity::Block,
        Answer::of(
            subject.database.origin(cluster, Fact::Members),
            Some(members < MEMBERS),
            format!("{members} members"),
        ),
        Words {
            pass: format!(
                "{} has {members} of {MEMBERS} possible members.",
                cluster.name
            ),
            fail: format!(
                "{} has all {MEMBERS} members an Aurora cluster can have.",
                cluster.name
            ),
            unknown: format!("The members of {} are not known.", cluster.name),
            threshold: "fewer than 16 members",
            next: "Use a larger class instead.",
        },
    )
}

/// The account's quota in the region; where it was not read, RDS refuses what is too much.
fn quota(subject: &Subject<'_>) -> Finding {
    let cluster = subject.database.cluster;
    let count = |fact| cluster.facts.count(fact);
    let origin = subject.database.origin(cluster, Fact::InstanceQuota);
    let told = count(Fact::InstanceQuota).zip(count(Fact::InstanceQuotaUsed));
    let Some((most, used)) = told else {
        return not_checked(
            "add-reader.quota",
            "the account's quota of DB instances (RDS did not say)",
            "When it is used up, RDS refuses with InstanceQuotaExceeded and creates nothing.",
        );
    };
    finding(
        "add-reader.quota",
        Severity::Block,
        Answer::of(origin, Some(used < most), format!("{used} of {most}")),
        Words {
            pass: format!("{used} of the {most} DB instances the account may have here are there."),
            fail: format!("The account has all {most} DB instances it may have here."),
            unknown: "Whether the account may have one more DB instance is not known.".to_owned(),
            threshold: "fewer than the quota",
            next: "Remove one that is not needed, or ask AWS for a higher quota.",
        },
    )
}

fn zone(subject: &Subject<'_>) -> Finding {
    let cluster = subject.database.cluster;
    let holds = subject.az.is_empty() || subject.zones.contains(&subject.az);
    let known = match subject.zones.is_empty() {
        true => "none".to_owned(),
        false => subject.zones.join(", "),
    };
    let (pass, fail) = match subject.zones_read {
        true => (
            format!(
                "The subnet group of {} has subnets in {known}.",
                cluster.name
            ),
            format!(
                "The subnet group of {} has no subnet in {}: it has {known}.",
                cluster.name, subject.az
            ),
        ),
        false => (
            format!(
                "{} has members in {known}; the zones of its subnet group were not read.",
                cluster.name
            ),
            format!(
                "{} has no member in {} yet, and the zones of its subnet group were not read; it has members in {known}.",
                cluster.name, subject.az
            ),
        ),
    };
    finding(
        "add-reader.zone",
        Severity::Block,
        Answer::of(
            subject.database.origin(cluster, Fact::Members),
            Some(holds),
            match subject.az.as_str() {
                "" => "RDS chooses",
                az => az,
            },
        ),
        Words {
            pass,
            fail,
            unknown: format!("The zones of {} are not known.", cluster.name),
            threshold: "a zone of its subnet group",
            next: "Choose one of its zones.",
        },
    )
}

fn same_class(subject: &Subject<'_>) -> Finding {
    let writer = subject.database.writer;
    let its = writer.and_then(|w| w.facts.text(Fact::InstanceClass));
    let cluster = subject.database.cluster;
    finding(
        "add-reader.class",
        Severity::Warn,
        Answer::of(
            subject
                .database
                .origin(writer.unwrap_or(cluster), Fact::InstanceClass),
            its.map(|its| its == subject.class),
            subject.class.clone(),
        ),
        Words {
            pass: format!("{} is the writer's class.", subject.class),
            fail: format!(
                "{} is another class than the writer's {}: promoted, it would carry the writes otherwise.",
                subject.class,
                its.unwrap_or("")
            ),
            unknown: "The writer's class is not known.".to_owned(),
            threshold: "the writer's class",
            next: "Take the writer's class, unless it is never to be promoted.",
        },
    )
}

/// Where autoscaling made a reader, it counts this one too.
fn autoscaling(subject: &Subject<'_>) -> Finding {
    let own: Vec<&str> = subject
        .database
        .readers
        .iter()
        .filter(|r| is_autoscaled(r))
        .map(|r| r.name.as_str())
        .collect();
    let cluster = subject.database.cluster;
    let told = subject.database.readers.iter().all(|r| is_told(r));
    let (holds, value) = match (own.is_empty(), told) {
        (false, _) => (Some(false), own.join(", ")),
        (true, true) => (Some(true), "none of its readers".to_owned()),
        (true, false) => (None, "not known".to_owned()),
    };
    finding(
        "add-reader.autoscaling",
        Severity::Warn,
        Answer::of(
            subject.database.origin(cluster, Fact::Members),
            holds,
            value,
        ),
        Words {
            pass: "Autoscaling has made no reader here.".to_owned(),
            fail: format!(
                "Autoscaling counts this reader too and may take one of its own away: {}.",
                own.join(", ")
            ),
            unknown: "Whether autoscaling has made readers is not known.".to_owned(),
            threshold: "no reader of autoscaling",
            next: "Raise its minimum instead.",
        },
    )
}
