//! What blocks a failover (guards.md §1), each decidable from one snapshot.

use super::subject::Subject;
use crate::database::{any_available, available_words};
use crate::finding::{Answer, Words, finding};
use crate::plan::{Finding, Severity};
use crate::words::{count, span};
use model::{Fact, NONE, Node, Standing, Timestamp};

/// Another failover within this many seconds blocks.
const RECENT_SECONDS: f64 = 600.0;
/// More lag than this blocks, milliseconds.
const LAG_MS: f64 = 1_000.0;
/// As much as this blocks a fail back, milliseconds: it is never urgent, and what is behind has to be
/// caught up with while nobody writes (guards.md §1, Undo).
pub(super) const BACK_LAG_MS: f64 = 100.0;
/// Status words in which a cluster answers as usual.
const AVAILABLE: [&str; 2] = ["available", "backing-up"];

pub(super) fn blocks(subject: &Subject<'_>) -> Vec<Finding> {
    let mut all = vec![
        cluster_available(subject),
        reader_available(subject),
        target_chosen(subject),
    ];
    if let Some(target) = subject.target {
        all.extend([
            target_available(subject, target),
            nothing_pending(subject, target, Pending::Modification),
            nothing_pending(subject, target, Pending::Maintenance),
            target_lag(subject, target),
        ]);
    }
    all.push(not_just_failed_over(subject));
    all.extend(global_at_rest(subject));
    all
}

fn cluster_available(subject: &Subject<'_>) -> Finding {
    let cluster = subject.cluster();
    let status = cluster.facts.text(Fact::Status);
    let origin = subject.database.origin(cluster, Fact::Status);
    let value = status.unwrap_or("not known").to_owned();
    finding(
        "failover.cluster-available",
        Severity::Block,
        Answer::of(
            origin,
            status.map(|s| AVAILABLE.contains(&s)),
            value.clone(),
        ),
        Words {
            pass: format!("{} is {value}.", cluster.name),
            fail: format!(
                "{} is {value}: RDS fails over only a cluster that is available.",
                cluster.name
            ),
            unknown: format!("The status of {} is not known.", cluster.name),
            threshold: "available",
            next: "Wait until it is available, then plan again.",
        },
    )
}

fn reader_available(subject: &Subject<'_>) -> Finding {
    let readers = &subject.database.readers;
    let origin = subject
        .database
        .origin(subject.cluster(), Fact::ReadersAvailable);
    let value = available_words(readers);
    finding(
        "failover.reader-available",
        Severity::Block,
        Answer::of(origin, any_available(readers), value.clone()),
        Words {
            pass: format!("Available as a reader: {value}."),
            fail: format!(
                "{} has no available reader: there is nobody to promote.",
                subject.cluster().name
            ),
            unknown: format!(
                "Whether {} has an available reader is not known.",
                subject.cluster().name
            ),
            threshold: "at least one",
            next: "Add a reader, or wait until one is available.",
        },
    )
}

fn target_chosen(subject: &Subject<'_>) -> Finding {
    let writer = subject.database.writer.map(|w| w.name.as_str());
    let asked = subject.asked.as_str();
    let fail = if asked.is_empty() {
        match &subject.heir {
            Some((heir, why)) => format!(
                "No target was chosen. AWS would promote {}: {why}.",
                heir.name
            ),
            None => "No target was chosen.".to_owned(),
        }
    } else if Some(asked) == writer {
        format!("{asked} is the writer already.")
    } else {
        format!("{asked} is no reader of {}.", subject.cluster().name)
    };
    finding(
        "failover.target-chosen",
        Severity::Block,
        Answer::given(
            subject.target.is_some(),
            match asked {
                "" => "nobody",
                asked => asked,
            },
        ),
        Words {
            pass: format!("{} was chosen as the new writer.", subject.target_name()),
            fail,
            unknown: String::new(),
            threshold: "one reader by name",
            next: "Choose the reader that becomes the writer: --set target=NAME.",
        },
    )
}

fn target_available(subject: &Subject<'_>, target: &Node) -> Finding {
    let status = target.facts.text(Fact::Status);
    let origin = subject.database.origin(target, Fact::Status);
    let value = status.unwrap_or("not known").to_owned();
    finding(
        "failover.target-available",
        Severity::Block,
        Answer::of(origin, status.map(|s| s == "available"), value.clone()),
        Words {
            pass: format!("{} is available.", target.name),
            fail: format!(
                "{} is {value}: RDS promotes only an available reader.",
                target.name
            ),
            unknown: format!("The status of {} is not known.", target.name),
            threshold: "available",
            next: "Choose another reader, or wait until it is available.",
        },
    )
}

#[derive(Clone, Copy)]
enum Pending {
    Modification,
    Maintenance,
}

fn nothing_pending(subject: &Subject<'_>, target: &Node, what: Pending) -> Finding {
    let (id, fact, noun) = match what {
        Pending::Modification => (
            "failover.target-modification",
            Fact::PendingModifications,
            "change",
        ),
        Pending::Maintenance => (
            "failover.target-maintenance",
            Fact::PendingMaintenance,
            "maintenance",
        ),
    };
    let waiting = target.facts.text(fact);
    let origin = subject.database.origin(target, fact);
    let value = waiting.unwrap_or("not read").to_owned();
    finding(
        id,
        Severity::Block,
        Answer::of(origin, waiting.map(|w| w == NONE), value.clone()),
        Words {
            pass: format!("No {noun} waits at {}.", target.name),
            fail: format!(
                "{noun} waits at {}: {value}. The new writer would be restarted for it.",
                target.name
            )
            .replacen(noun, &capital(noun), 1),
            unknown: format!("Whether {noun} waits at {} is not known.", target.name),
            threshold: "none",
            next: "Choose another reader.",
        },
    )
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Of a failover, and stricter of one that takes another back.
fn target_lag(subject: &Subject<'_>, target: &Node) -> Finding {
    let lag = target.facts.number(Fact::ReplicaLagMs);
    let origin = subject.database.origin(target, Fact::ReplicaLagMs);
    let value = lag.map_or_else(|| "not known".to_owned(), |lag| format!("{lag:.0} ms"));
    let name = &target.name;
    let (holds, fail, threshold, next) = match subject.back {
        false => (
            lag.map(|lag| lag <= LAG_MS),
            format!("{name} is {value} behind the writer: it has to catch up before it can write."),
            "1,000 ms at most",
            "Choose a reader that keeps up.",
        ),
        true => (
            lag.map(|lag| lag < BACK_LAG_MS),
            format!(
                "{name} is {value} behind the writer: a fail back is held back until it is planned again with less than 100 ms."
            ),
            "below 100 ms",
            "Wait until its lag is below 100 ms, then plan again: failing back is not urgent.",
        ),
    };
    finding(
        "failover.target-lag",
        Severity::Block,
        Answer::of(origin, holds, value.clone()),
        Words {
            pass: format!("{name} is {value} behind the writer."),
            fail,
            unknown: format!("How far {name} is behind the writer is not known."),
            threshold,
            next,
        },
    )
}

/// By RDS' events, and by what was done from here: events come late, and not from every server.
fn not_just_failed_over(subject: &Subject<'_>) -> Finding {
    let cluster = subject.cluster();
    let recent = cluster.facts.count(Fact::FailoverEventsRecent);
    let told = cluster.facts.time(Fact::LastFailoverAt);
    let taken = subject.database.snapshot.taken_at;
    let since = |at: Timestamp| taken.seconds_since(at).max(0.0);
    let ago = told.max(subject.from_here).map(since);
    let young = ago.is_some_and(|ago| ago < RECENT_SECONDS);
    let value = match (recent, ago) {
        (_, Some(ago)) => format!("{} ago", span(ago)),
        (None, None) => "not read".to_owned(),
        (Some(_), None) => "none in the last 3 h".to_owned(),
    };
    let origin = subject.database.origin(cluster, Fact::FailoverEventsRecent);
    let answer = match subject.from_here.map(since) {
        Some(ago) if ago < RECENT_SECONDS => Answer::given(false, value.clone()),
        _ => Answer::of(origin, recent.map(|_| !young), value.clone()),
    };
    let events = count(recent.unwrap_or(0), "event");
    finding(
        "failover.not-recent",
        Severity::Block,
        answer,
        Words {
            // Not every server keeps events: it is told whose word it is.
            pass: match subject.from_here > told {
                true => format!("Last failover of {} from here: {value}.", cluster.name),
                false => format!(
                    "Last failover of {} that RDS reports: {value}.",
                    cluster.name
                ),
            },
            fail: format!(
                "{} failed over {value} ({events} of RDS in the last 3 h): a second one now would drop every connection again.",
                cluster.name
            ),
            unknown: format!("Whether {} failed over lately is not known.", cluster.name),
            threshold: "10 min ago or more",
            next: "Look whether the last failover helped before another one.",
        },
    )
}

/// Only for a member of a global database, by the picture or by the cluster's own word.
fn global_at_rest(subject: &Subject<'_>) -> Option<Finding> {
    let global = subject.database.global();
    let named = subject.cluster().facts.text(Fact::GlobalCluster);
    let name = global.map(|global| global.name.as_str()).or(named)?;
    let read = global.filter(|global| global.standing == Standing::Read);
    let state = read.and_then(|global| global.facts.text(Fact::FailoverState));
    let state = state.filter(|state| !state.is_empty());
    let answer = match read {
        Some(global) => Answer::of(
            subject.database.origin(global, Fact::Status),
            Some(state.is_none()),
            state.unwrap_or("none"),
        ),
        None => Answer::unknown("not read"),
    };
    Some(finding(
        "failover.global-at-rest",
        Severity::Block,
        answer,
        Words {
            pass: format!("Global database {name} does not change its primary."),
            fail: format!(
                "Global database {name} changes its primary now ({}).",
                state.unwrap_or("")
            ),
            unknown: format!("The state of global database {name} is not known."),
            threshold: "no failover state",
            next: "Wait until it is over.",
        },
    ))
}
