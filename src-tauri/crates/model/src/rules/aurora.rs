//! Aurora: can the cluster write, can it fail over, do its replicas keep up.
//!
//! Status words: [viewing cluster status](https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html),
//! [DB instance status](https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html#Overview.DBInstance.Status).

use super::{Rule, Subject, Verdict, graded, say};
use crate::edge::Relation;
use crate::facts::Fact;
use crate::health::Level;
use crate::kind::Kind;
use crate::node::{Node, Standing};
use crate::words;

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "aurora.status",
        &[Kind::DbCluster, Kind::DbInstance],
        status,
    ),
    Rule::new("aurora.no-instance", &[Kind::DbCluster], no_instance),
    Rule::new("aurora.no-writer", &[Kind::DbCluster], no_writer),
    Rule::new("aurora.no-reader", &[Kind::DbCluster], no_reader),
    Rule::new("aurora.readers-expected", &[Kind::DbCluster], too_few),
    Rule::new("aurora.last-reader", &[Kind::DbCluster], last_reader),
    Rule::new("aurora.lag", &[Kind::DbInstance], lag),
    Rule::new("aurora.writer-cpu", &[Kind::DbInstance], writer_cpu),
    Rule::new("aurora.failover-state", &[Kind::DbGlobal], failover_state),
];

/// Whether the thing is on its way somewhere by itself.
fn changing(status: &str) -> bool {
    matches!(
        status,
        "creating"
            | "modifying"
            | "failing-over"
            | "promoting"
            | "maintenance"
            | "upgrading"
            | "rebooting"
            | "renaming"
            | "starting"
            | "backtracking"
            | "deleting"
            | "resetting-master-credentials"
            | "rotating-keys"
            | "configuring-enhanced-monitoring"
            | "configuring-iam-database-auth"
            | "configuring-log-exports"
            | "converting-to-vpc"
            | "moving-to-vpc"
            | "storage-optimization"
            | "preparing-data-migration"
            | "migrating"
            | "update-iam-db-auth"
            | "storage-config-upgrade"
            | "delete-precheck"
    )
}

fn status(subject: &Subject<'_>) -> Option<Verdict> {
    let status = subject.text(Fact::Status)?;
    if serves(status) {
        return None;
    }
    let level = if changing(status) {
        Level::InTransition
    } else {
        Level::Critical
    };
    let role = subject
        .text(Fact::Role)
        .map_or(String::new(), |r| format!(" ({r})"));
    let sentence = format!("{}{role} is {status}.", subject.name());
    let text = format!("status {status} (wanted available)");
    say(level, sentence, subject.evidence(Fact::Status, text))
}

/// Whether an instance of this status serves.
pub(crate) fn serves(status: &str) -> bool {
    matches!(status, "available" | "backing-up")
}

fn is_available(node: &Node) -> bool {
    node.facts.text(Fact::Status).is_none_or(serves)
}

fn role<'a>(subject: &Subject<'a>, role: &'static str) -> impl Iterator<Item = &'a Node> {
    let members = subject.next(Relation::Owns);
    members.filter(move |m| m.facts.text(Fact::Role) == Some(role))
}

/// Whether a global database owns it: as the secondary it may stand without instances ("headless").
fn is_global(subject: &Subject<'_>) -> bool {
    subject.text(Fact::GlobalCluster).is_some()
        || subject
            .previous(Relation::Owns)
            .any(|n| n.kind == Kind::DbGlobal)
}

/// Storage that nobody can reach: a cluster answers only through an instance.
fn no_instance(subject: &Subject<'_>) -> Option<Verdict> {
    let none = subject.count(Fact::Members)? == 0;
    if !none || is_global(subject) {
        return None;
    }
    let used = subject.previous(Relation::ConnectsTo).next().is_some();
    let level = if used {
        Level::Critical
    } else {
        Level::Warning
    };
    let sentence = format!(
        "{} has no instance: nothing can read from it or write to it.",
        subject.name()
    );
    say(
        level,
        sentence,
        subject.evidence(Fact::Members, "0 instances"),
    )
}

/// The regional clusters of a global database other than its primary have no writer by design.
fn no_writer(subject: &Subject<'_>) -> Option<Verdict> {
    let members = subject.next(Relation::Owns).count();
    let global = is_global(subject);
    let written = subject.text(Fact::Writer).is_some() || role(subject, "writer").next().is_some();
    if members == 0 || global || written {
        return None;
    }
    let sentence = format!(
        "{} has no writer among its {members} instances.",
        subject.name()
    );
    say(
        Level::Critical,
        sentence,
        subject.evidence(Fact::Members, "no member is the writer"),
    )
}

fn no_reader(subject: &Subject<'_>) -> Option<Verdict> {
    let writer = role(subject, "writer").next()?;
    if role(subject, "reader").any(is_available) {
        return None;
    }
    let sentence = format!(
        "{} has no available reader: if {} fails, a new writer has to be built first.",
        subject.name(),
        writer.name
    );
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::ReadersAvailable, "0 readers available (wanted 1)"),
    )
}

/// The stack file says how many readers there are at least. Of one whose status was not read it is not known whether
/// it is there.
fn too_few(subject: &Subject<'_>) -> Option<Verdict> {
    let wanted = subject.count(Fact::ReadersExpected)?;
    if subject.node.standing != Standing::Read {
        return None;
    }
    let mut members = subject.next(Relation::Owns);
    if members.any(|member| member.facts.text(Fact::Status).is_none()) {
        return None;
    }
    let found = role(subject, "reader").filter(|r| is_available(r)).count();
    let found = i64::try_from(found).unwrap_or(i64::MAX);
    if found >= wanted {
        return None;
    }
    let sentence = format!(
        "{} has {found} available of the {wanted} readers that the stack file expects.",
        subject.name()
    );
    let text = format!("{found} readers available (expected {wanted})");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::ReadersAvailable, text),
    )
}

/// A failover out of the writer's zone needs a reader in another one.
fn last_reader(subject: &Subject<'_>) -> Option<Verdict> {
    let writer = role(subject, "writer").next()?;
    let elsewhere: Vec<&Node> = role(subject, "reader")
        .filter(|r| r.scope.az != writer.scope.az)
        .collect();
    let left: Vec<&str> = elsewhere
        .iter()
        .filter(|r| is_available(r))
        .map(|r| r.name.as_str())
        .collect();
    let (level, words) = match (left.as_slice(), elsewhere.len()) {
        ([], 0) if role(subject, "reader").next().is_some() => (
            Level::Warning,
            "no reader outside its writer's zone".to_owned(),
        ),
        ([], 1..) => (
            Level::Warning,
            "no available reader outside its writer's zone".to_owned(),
        ),
        ([last], 2..) => (
            Level::Warning,
            format!("only {last} left outside its writer's zone"),
        ),
        ([only], 1) => (
            Level::Ok,
            format!("one reader outside its writer's zone, {only}"),
        ),
        _ => return None,
    };
    let zone = writer
        .scope
        .az
        .as_deref()
        .map_or(String::new(), |az| format!(" ({az})"));
    let sentence = format!("{} has {words}{zone}.", subject.name());
    let text = format!(
        "{} of {} other-zone readers available",
        left.len(),
        elsewhere.len()
    );
    say(
        level,
        sentence,
        subject.evidence(Fact::ReadersAvailable, text),
    )
}

fn lag(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.text(Fact::Role) == Some("writer") {
        return None;
    }
    let lag = subject.number(Fact::ReplicaLagMs)?;
    let limits = subject.limits();
    let level = graded(
        lag,
        limits.replica_lag_warning_ms,
        limits.replica_lag_critical_ms,
    )?;
    let az = subject.node.scope.az.as_deref();
    let place = az.map_or(String::new(), |az| format!(" in {az}"));
    let (lag, limit) = (
        words::thousands(lag),
        words::thousands(limits.replica_lag_warning_ms),
    );
    let sentence = format!(
        "Reader {}{place} is {lag} ms behind its writer.",
        subject.name()
    );
    let text = format!("AuroraReplicaLag {lag} ms (limit {limit} ms)");
    say(level, sentence, subject.evidence(Fact::ReplicaLagMs, text))
}

fn writer_cpu(subject: &Subject<'_>) -> Option<Verdict> {
    let cpu = subject.number(Fact::CpuPercent)?;
    let limit = subject.limits().writer_cpu_percent;
    if subject.text(Fact::Role) != Some("writer") || cpu <= limit {
        return None;
    }
    let (cpu, limit) = (words::measure(cpu), words::measure(limit));
    let sentence = format!("Writer {} runs at {cpu} % CPU.", subject.name());
    let text = format!("CPU {cpu} % (limit {limit} %)");
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::CpuPercent, text),
    )
}

fn failover_state(subject: &Subject<'_>) -> Option<Verdict> {
    let state = subject
        .text(Fact::FailoverState)
        .filter(|s| !s.is_empty())?;
    let sentence = format!("Global database {} fails over ({state}).", subject.name());
    say(
        Level::InTransition,
        sentence,
        subject.evidence(Fact::FailoverState, state),
    )
}
