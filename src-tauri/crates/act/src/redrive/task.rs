//! Move tasks as SQS lists them, and how ours is told from others.
//!
//! `StartMessageMoveTask` takes no client token, so a start whose answer was lost is recognised by
//! what it left: a task that was not listed before the call, with our rate and destination. SQS
//! lists the last ten tasks of a queue and gives a handle only while a task is RUNNING
//! (ListMessageMoveTasks, API model 2012-11-05).

use super::calls::{CANARY, FULL};
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// A move task of the dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Names it while it is RUNNING.
    pub handle: Option<String>,
    /// RUNNING, COMPLETED, CANCELLING, CANCELLED, FAILED.
    pub status: String,
    /// Where it moves to, when the call named it.
    pub destination: Option<String>,
    /// Messages per second, when the call named it.
    pub rate: Option<i32>,
    /// Messages moved so far, approximately.
    pub moved: i64,
    /// Messages to move, as measured at its start.
    pub to_move: Option<i64>,
    /// Why it FAILED.
    pub failure: Option<String>,
    /// When it started, milliseconds since the epoch.
    pub started: i64,
}

impl Task {
    /// It moves messages, or still may.
    pub(crate) fn active(&self) -> bool {
        !matches!(self.status.as_str(), "COMPLETED" | "CANCELLED" | "FAILED")
    }

    pub(crate) fn key(&self) -> TaskKey {
        TaskKey {
            started: self.started,
            rate: self.rate,
            destination: self.destination.clone(),
        }
    }
}

/// What stays the same of a task over its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskKey {
    pub(crate) started: i64,
    pub(crate) rate: Option<i32>,
    pub(crate) destination: Option<String>,
}

/// Messages in a queue: approximate, settled within about a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// To be received.
    pub visible: i64,
    /// In flight.
    pub not_visible: i64,
    /// Delayed.
    pub delayed: i64,
}

impl Counts {
    pub(crate) const fn total(self) -> i64 {
        self.visible + self.not_visible + self.delayed
    }
}

/// Which of a run's two tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    Canary,
    Full,
}

impl Part {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Part::Canary => CANARY,
            Part::Full => FULL,
        }
    }

    pub(crate) fn named(step: &str) -> Option<Self> {
        [Part::Canary, Part::Full]
            .into_iter()
            .find(|part| part.as_str() == step)
    }
}

/// What a start that must be recognised looked like.
pub(crate) struct Sought<'a> {
    pub(crate) rate: i32,
    pub(crate) destination: Option<&'a str>,
    /// Tasks that were listed before the call.
    pub(crate) before: &'a [TaskKey],
    /// Tasks known to be another step's.
    pub(crate) taken: &'a [TaskKey],
    /// The handle of the answer, where there was one.
    pub(crate) handle: Option<&'a str>,
    /// A task that started later than this is somebody else's.
    pub(crate) until: Timestamp,
}

/// What the list says about a start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recognised<'a> {
    /// This one is ours.
    Ours(&'a Task),
    /// None is.
    None,
    /// It could be one, or not: nothing may be concluded.
    Ambiguous(usize),
}

pub(crate) fn recognise<'a>(tasks: &'a [Task], sought: &Sought<'_>) -> Recognised<'a> {
    if let Some(handle) = sought.handle
        && let Some(task) = tasks.iter().find(|t| t.handle.as_deref() == Some(handle))
    {
        return Recognised::Ours(task);
    }
    let fits = |task: &&Task| {
        task.rate == Some(sought.rate)
            && task.destination.as_deref() == sought.destination
            && !sought.before.contains(&task.key())
            && !sought.taken.contains(&task.key())
    };
    let candidates: Vec<&Task> = tasks.iter().filter(fits).collect();
    match candidates.as_slice() {
        [] => Recognised::None,
        [task] if task.started <= sought.until.millis() => Recognised::Ours(task),
        several => Recognised::Ambiguous(several.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(started: i64, rate: i32, status: &str) -> Task {
        Task {
            handle: (status == "RUNNING").then(|| format!("h{started}")),
            status: status.to_owned(),
            destination: Some("orders".to_owned()),
            rate: Some(rate),
            moved: 0,
            to_move: None,
            failure: None,
            started,
        }
    }

    fn sought<'a>(before: &'a [TaskKey], handle: Option<&'a str>) -> Sought<'a> {
        Sought {
            rate: 1,
            destination: Some("orders"),
            before,
            taken: &[],
            handle,
            until: Timestamp::from_millis(5_000),
        }
    }

    #[test]
    fn only_a_new_task_of_our_rate_and_destination_is_ours() {
        let old = task(1_000, 1, "CANCELLED");
        let ours = task(2_000, 1, "COMPLETED");
        let other = task(2_500, 50, "RUNNING");
        let tasks = [other.clone(), ours.clone(), old.clone()];
        let before = [old.key()];
        assert_eq!(
            recognise(&tasks, &sought(&before, None)),
            Recognised::Ours(&ours)
        );
        assert_eq!(
            recognise(&[other, old], &sought(&before, None)),
            Recognised::None
        );
    }

    #[test]
    fn two_that_fit_or_one_that_came_too_late_prove_nothing() {
        let tasks = [task(2_000, 1, "RUNNING"), task(1_900, 1, "CANCELLED")];
        assert_eq!(
            recognise(&tasks, &sought(&[], None)),
            Recognised::Ambiguous(2)
        );
        let late = [task(9_000, 1, "RUNNING")];
        assert_eq!(
            recognise(&late, &sought(&[], None)),
            Recognised::Ambiguous(1)
        );
        let named = recognise(&tasks, &sought(&[], Some("h2000")));
        assert_eq!(named, Recognised::Ours(&tasks[0]));
    }
}
