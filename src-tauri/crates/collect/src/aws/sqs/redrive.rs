//! What SQS knows of dead-letter queues beyond the queues themselves: who names them, and the tasks
//! that move messages out of them.

use super::queue_urls;
use crate::aws::text::said;
use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round, each};
use async_trait::async_trait;
use aws_sdk_sqs::types::ListMessageMoveTasksResultEntry as Task;
use cloud::Session;
use model::{
    Fact, Facts, Found, FoundNode, Kind, Name, Relation, Service, SourceFailure, Standing,
    Timestamp,
};
use std::time::Duration;

/// Which queues name a queue as their dead-letter queue, as SQS itself says
/// (ListDeadLetterSourceQueues). It also tells of sources whose attributes we may not read.
pub struct DeadLetterSources;

/// Message move tasks of dead-letter queues (ListMessageMoveTasks).
pub struct MoveTasks;

#[async_trait]
impl Collector for DeadLetterSources {
    fn service(&self) -> Service {
        Service::Sqs
    }

    fn part(&self) -> &'static str {
        "dead-letter-sources"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(120)
    }

    async fn collect(&self, session: &Session, _known: &Known) -> Reading {
        let round = Round::new(session, Service::Sqs);
        let outcome = dead_letter_sources(&round).await;
        round.end(outcome)
    }
}

#[async_trait]
impl Collector for MoveTasks {
    fn service(&self) -> Service {
        Service::Sqs
    }

    fn part(&self) -> &'static str {
        "move-tasks"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(15)
    }

    fn needs(&self) -> &'static [Service] {
        &[Service::Sqs]
    }

    async fn collect(&self, session: &Session, known: &Known) -> Reading {
        let round = Round::new(session, Service::Sqs);
        let queues = known
            .here(session, Kind::Queue)
            .filter(|queue| queue.facts.flag(Fact::IsDeadLetterQueue) == Some(true));
        let read = each(queues, |queue| move_tasks(&round, queue)).await;
        let outcome = round.most(read);
        round.end(outcome)
    }
}

async fn dead_letter_sources(round: &Round<'_>) -> Result<Vec<Found>, SourceFailure> {
    let urls = queue_urls(round).await?;
    let read = each(&urls, |url| sources_of(round, url)).await;
    let nodes = round.most(read)?;
    Ok(nodes
        .into_iter()
        .map(|node| Found::Node(Box::new(node)))
        .collect())
}

/// The queue, named, with a tie from each source; `None` when it has none or is gone.
async fn sources_of(round: &Round<'_>, url: &str) -> Result<Option<FoundNode>, SourceFailure> {
    let Some(name) = url.rsplit('/').next().filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let sources = match source_urls(round, url, name).await {
        Err(failure) if super::is_gone(&failure) => return Ok(None),
        sources => sources?,
    };
    if sources.is_empty() {
        return Ok(None);
    }
    let mut node = round.node(Kind::Queue, name);
    node.standing = Standing::Declared;
    node.facts.set(Fact::IsDeadLetterQueue, true);
    let names = sources.iter().filter_map(|url| url.rsplit('/').next());
    for name in names.filter(|name| !name.is_empty()) {
        let source = round.id(Kind::Queue, name);
        let provenance = "source of the dead-letter queue";
        node.tie_from(Relation::DeadLetters, Name::Id(source), provenance);
    }
    Ok(Some(node))
}

async fn source_urls(
    round: &Round<'_>,
    url: &str,
    name: &str,
) -> Result<Vec<String>, SourceFailure> {
    let sqs = round.session.sqs();
    Ok(all_pages!(
        round,
        "ListDeadLetterSourceQueues",
        |mark| {
            let call = sqs.list_dead_letter_source_queues().queue_url(url).max_results(1000);
            let call = call.set_next_token(mark.clone());
            round.ask("ListDeadLetterSourceQueues", name, call.send()).await?
        },
        page => (page.queue_urls, page.next_token)
    ))
}

/// The newest task of the queue; none ever (or none for long) leaves the queue without facts.
async fn move_tasks(round: &Round<'_>, queue: &FoundNode) -> Result<Option<Found>, SourceFailure> {
    let Some(arn) = queue.facts.text(Fact::Arn) else {
        return Ok(None);
    };
    let call = round
        .session
        .sqs()
        .list_message_move_tasks()
        .source_arn(arn)
        .max_results(10);
    let answer = round
        .ask("ListMessageMoveTasks", &queue.name, call.send())
        .await?;
    let tasks = answer.results.unwrap_or_default();
    let newest = tasks.iter().max_by_key(|task| task.started_timestamp);
    Ok(newest.map(|task| {
        let mut facts = task_facts(task);
        facts.set(Fact::MoveTaskHistory, history(&tasks));
        Found::Readings(round.readings(&queue.id, facts))
    }))
}

/// `COMPLETED 400 of 400 at 50/s 2026-11-22T02:46:40Z`, newest first, with `; ` between. SQS keeps the
/// last ten tasks of a queue (API reference, ListMessageMoveTasks).
fn history(tasks: &[Task]) -> String {
    let mut tasks: Vec<&Task> = tasks.iter().collect();
    tasks.sort_by_key(|task| std::cmp::Reverse(task.started_timestamp));
    let told: Vec<String> = tasks
        .into_iter()
        .map(|task| {
            let of = task
                .approximate_number_of_messages_to_move
                .map_or(String::new(), |all| format!(" of {all}"));
            let rate = task
                .max_number_of_messages_per_second
                .map_or(String::new(), |rate| format!(" at {rate}/s"));
            let at = Timestamp::from_seconds(task.started_timestamp.div_euclid(1_000));
            format!(
                "{} {}{of}{rate} {at}",
                task.status.as_deref().unwrap_or("?"),
                task.approximate_number_of_messages_moved
            )
        })
        .collect();
    told.join("; ")
}

/// `StartedTimestamp` is in milliseconds (API reference, ListMessageMoveTasksResultEntry).
fn task_facts(task: &Task) -> Facts {
    let mut facts = Facts::default();
    facts.set_some(Fact::MoveTaskStatus, task.status.as_deref());
    facts.set(
        Fact::MoveTaskStartedAt,
        Timestamp::from_millis(task.started_timestamp),
    );
    facts.set(
        Fact::MoveTaskMoved,
        task.approximate_number_of_messages_moved,
    );
    facts.set_some(
        Fact::MoveTaskToMove,
        task.approximate_number_of_messages_to_move,
    );
    facts.set_some(Fact::MoveTaskRate, task.max_number_of_messages_per_second);
    facts.set_some(Fact::MoveTaskFailure, said(task.failure_reason.as_deref()));
    facts.set_some(Fact::MoveTaskHandle, task.task_handle.as_deref());
    facts.set_some(Fact::MoveTaskDestination, task.destination_arn.as_deref());
    facts
}
