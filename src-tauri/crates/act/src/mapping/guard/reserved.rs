//! Whether the mappings of a function stay within what it has reserved.

use super::super::subject::Subject;
use super::weaker;
use crate::finding::{Answer, Words, finding};
use crate::origin::Origin;
use crate::plan::{Finding, Severity};
use crate::words::count;
use model::{Fact, Service};

/// The mappings of a function together must stay within its reserved concurrency, or it is throttled,
/// and what is throttled too often is dead-lettered
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>).
pub(super) fn reserved(subject: &Subject<'_>, max: Option<i64>) -> Finding {
    let siblings = subject.siblings();
    let limits = || {
        siblings
            .iter()
            .map(|node| node.facts.count(Fact::MaximumConcurrency))
    };
    let others: i64 = limits().flatten().sum();
    let unbounded = limits().filter(Option::is_none).count() as i64;
    let reserved = subject
        .function_node
        .and_then(|function| function.facts.count(Fact::ReservedConcurrency));
    let value = match (max, reserved, unbounded) {
        (_, None, _) => "nothing reserved".to_owned(),
        (None, Some(reserved), _) => format!("no limit, {reserved} reserved"),
        (Some(max), Some(reserved), 0) => format!("{} of {reserved} reserved", max + others),
        (Some(max), Some(reserved), n) => format!(
            "{} and {} without a limit, {reserved} reserved",
            max + others,
            count(n, "other mapping")
        ),
    };
    let holds = match (max, reserved) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(max), Some(reserved)) => unbounded == 0 && max + others <= reserved,
    };
    let each = siblings.iter();
    let siblings = each.map(|node| Origin::of(subject.snapshot, node, Fact::MaximumConcurrency));
    let answer = match read(subject) {
        Some(origin) => Answer::of(siblings.fold(origin, weaker), Some(holds), value.clone()),
        None => Answer::unknown("reserved concurrency is not read"),
    };
    finding(
        "mapping.reserved",
        Severity::Warn,
        answer,
        Words {
            pass: match reserved {
                Some(_) => format!("The mappings of {} fit: {value}.", subject.function()),
                None => format!(
                    "{} has no concurrency reserved that its mappings could exceed.",
                    subject.function()
                ),
            },
            fail: format!(
                "The mappings of {} may ask for more than it may run: {value}. It is throttled then, and what is throttled too often goes to the dead-letter queue.",
                subject.function()
            ),
            unknown: format!(
                "How much concurrency {} has reserved is not known.",
                subject.function()
            ),
            threshold: "sum within the reserved concurrency",
            next: "Give a lower number, limit its other mappings, or reserve more for the function first.",
        },
    )
}

/// The reading of reserved concurrency, which may be that there is none.
fn read(subject: &Subject<'_>) -> Option<Origin> {
    let function = subject.function_node?;
    if function.facts.get(Fact::ReservedConcurrency).is_some() {
        return Some(Origin::of(
            subject.snapshot,
            function,
            Fact::ReservedConcurrency,
        ));
    }
    let mut sources = subject.snapshot.sources.iter();
    let status = sources.find(|status| {
        status.source.service == Service::Lambda
            && status.source.part == "concurrency"
            && status.source.scope.account == function.scope.account
            && status.source.scope.region == function.scope.region
    })?;
    Some(Origin::of_source(subject.snapshot, status))
}
