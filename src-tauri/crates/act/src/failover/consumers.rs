//! Whether consumers of queues write here at a high rate (guards.md §1): what they take meanwhile fails
//! and comes back. A queue whose rate was not read, or too long ago, is not taken for a quiet one.

use super::subject::Subject;
use crate::finding::{Answer, Words, finding as found, not_checked};
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use crate::words::{count, list};
use model::{Fact, Kind, Node, Relation};
use std::collections::BTreeSet;

/// Consumers that write more messages per second than this retry against nothing meanwhile.
const CONSUMED_PER_SECOND: f64 = 500.0;

const ID: &str = "failover.consumers";

pub(super) fn finding(subject: &Subject<'_>) -> Finding {
    let queues = queues(subject);
    let (read, unread): (Vec<&Node>, Vec<&Node>) = queues.iter().partition(|queue| {
        let told = rate(queue).is_some();
        told && origin(subject, queue).believed
    });
    let unread: Vec<String> = unread.into_iter().map(last).collect();
    if read.is_empty() && !unread.is_empty() {
        let what = format!(
            "whether consumers write here at a high rate (the rate of {} was not read)",
            list(&unread)
        );
        return not_checked(ID, &what, "What they take meanwhile fails and comes back.");
    }
    let fast: Vec<(&Node, f64)> = read
        .into_iter()
        .filter_map(|queue| Some((queue, rate(queue)?)))
        .filter(|(_, rate)| *rate > CONSUMED_PER_SECOND)
        .collect();
    told(subject, &fast, queues.len(), &unread)
}

fn rate(queue: &Node) -> Option<f64> {
    queue.facts.number(Fact::ReceivedPerSecond)
}

fn origin(subject: &Subject<'_>, queue: &Node) -> Origin {
    subject.database.origin(queue, Fact::ReceivedPerSecond)
}

/// `fills`, or `fills (last 480 messages/s)` where it was read once, too long ago to count.
fn last(queue: &Node) -> String {
    match rate(queue) {
        Some(rate) => format!("{} (last {rate:.0} messages/s)", queue.name),
        None => queue.name.clone(),
    }
}

/// `fast` of so many queues; `unread` are those that may be fast too.
fn told(subject: &Subject<'_>, fast: &[(&Node, f64)], queues: usize, unread: &[String]) -> Finding {
    let words = |(queue, rate): &(&Node, f64)| format!("{} at {rate:.0} messages/s", queue.name);
    let names = list(&fast.iter().map(words).collect::<Vec<_>>());
    let answer = match fast.first() {
        Some((queue, _)) => Answer::of(origin(subject, queue), Some(false), names.clone()),
        None => Answer::given(true, "none"),
    };
    let rest = rest(queues, unread);
    found(
        ID,
        Severity::Warn,
        answer,
        Words {
            pass: match (queues, unread.is_empty()) {
                (0, _) => "No queue is known whose consumer writes here.".to_owned(),
                (_, true) => "No queue's consumer writes here at a high rate.".to_owned(),
                (_, false) => {
                    format!("No consumer that was read writes here at a high rate.{rest}")
                }
            },
            fail: format!(
                "Consumers write here at a high rate: {names}. What they take meanwhile fails and may dead-letter.{rest}"
            ),
            unknown: String::new(),
            threshold: "500 messages/s at most",
            next: "Pause their consumers for the minute of the failover.",
        },
    )
}

/// ` Of 6 queues the rate of 2 was not read: a and b.`; nothing where all were read.
fn rest(queues: usize, unread: &[String]) -> String {
    if unread.is_empty() {
        return String::new();
    }
    format!(
        " Of {} the rate of {} was not read: {}.",
        count(queues as i64, "queue"),
        unread.len(),
        list(unread)
    )
}

/// The queues that a user of the database consumes, itself or by what scales it.
fn queues<'a>(subject: &Subject<'a>) -> Vec<&'a Node> {
    let snapshot = subject.database.snapshot;
    let edges = || snapshot.edges.iter();
    let users: BTreeSet<_> = subject.users.iter().map(|user| &user.node.id).collect();
    let scalers: BTreeSet<_> = edges()
        .filter(|e| e.relation == Relation::Scales && users.contains(&e.to))
        .map(|e| &e.from)
        .collect();
    let queues: BTreeSet<_> = edges()
        .filter(|e| e.relation == Relation::ConsumedBy)
        .filter(|e| users.contains(&e.to) || scalers.contains(&e.to))
        .map(|e| &e.from)
        .collect();
    queues
        .into_iter()
        .filter_map(|id| snapshot.node(id))
        .map(AsRef::as_ref)
        .filter(|node: &&Node| node.kind == Kind::Queue)
        .collect()
}
