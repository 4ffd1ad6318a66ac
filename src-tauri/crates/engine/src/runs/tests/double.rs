//! An SQS with one dead-letter queue, whose move tasks take time and whose calls can go wrong.

use act::redrive::{Counts, Mover, Task};
use act::{Answer, Call};
use async_trait::async_trait;
use model::{FailureClass, SourceFailure, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What goes wrong with a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Refused: throttled.
    Throttled,
    /// Refused: not allowed.
    Denied,
    /// No answer, and it was not done.
    LostBefore,
    /// No answer, but it was done.
    LostAfter,
    /// No answer, it was done and is over, and somebody else's of the same rate runs.
    LostBesideTwin,
}

/// A clock that the test's paused one drives.
pub(super) type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The state of the double.
pub(super) struct Sqs {
    now: Now,
    /// Messages in the dead-letter queue.
    pub(super) dlq: i64,
    /// Messages in the destination; consumed at once unless it is stuck.
    pub(super) destination: i64,
    pub(super) stuck: bool,
    /// Of a hundred moved messages, how many fail again.
    pub(super) fail_percent: i64,
    /// Seconds until a failed message is back.
    pub(super) back_after: i64,
    coming: Vec<(Timestamp, i64)>,
    pub(super) tasks: Vec<Task>,
    /// Rates of accepted starts, in order.
    pub(super) started: Vec<i32>,
    pub(super) cancelled: u32,
    /// Faults by operation and how often it was called before.
    pub(super) faults: BTreeMap<(&'static str, usize), Fault>,
    called: BTreeMap<String, usize>,
    /// Reads answer nothing.
    pub(super) blind: bool,
    /// Reads answer nothing from the moment this many messages were moved.
    pub(super) blind_from: Option<i64>,
    /// The task fails with this reason once it moved some.
    pub(super) fails_with: Option<&'static str>,
}

impl Sqs {
    pub(super) fn new(now: Now, dlq: i64) -> Self {
        Self {
            now,
            dlq,
            destination: 0,
            stuck: false,
            fail_percent: 0,
            back_after: 40,
            coming: Vec::new(),
            tasks: Vec::new(),
            started: Vec::new(),
            cancelled: 0,
            faults: BTreeMap::new(),
            called: BTreeMap::new(),
            blind: false,
            blind_from: None,
            fails_with: None,
        }
    }

    /// How often a task of this rate was started.
    pub(super) fn starts_at(&self, rate: i32) -> usize {
        self.started.iter().filter(|r| **r == rate).count()
    }

    pub(super) fn moved(&self) -> i64 {
        self.tasks.iter().map(|task| task.moved).sum()
    }

    /// Starts a task as somebody else would.
    pub(super) fn start(&mut self, rate: i32) -> String {
        let started = (self.now)().millis() + self.tasks.len() as i64;
        let handle = format!("handle-{started}");
        self.tasks.insert(
            0,
            Task {
                handle: Some(handle.clone()),
                status: "RUNNING".to_owned(),
                destination: Some(super::stage::ORDERS_ARN.to_owned()),
                rate: Some(rate),
                moved: 0,
                to_move: Some(self.dlq),
                failure: None,
                started,
            },
        );
        handle
    }

    /// Lets time pass up to now.
    pub(super) fn advance(&mut self) {
        let now = (self.now)();
        let mut moved = 0;
        for task in &mut self.tasks {
            match task.status.as_str() {
                "RUNNING" => {
                    let seconds = (now.millis() - task.started) / 1000;
                    let due = seconds * i64::from(task.rate.unwrap_or(1));
                    let step = (due - task.moved).clamp(0, self.dlq - moved);
                    task.moved += step;
                    moved += step;
                    let all = task.moved >= task.to_move.unwrap_or(0) || self.dlq == moved;
                    let failed = self.fails_with.filter(|_| task.moved > 0);
                    if failed.is_some() {
                        task.status = "FAILED".to_owned();
                        task.failure = failed.map(ToOwned::to_owned);
                    } else if all {
                        task.status = "COMPLETED".to_owned();
                    }
                }
                "CANCELLING" => task.status = "CANCELLED".to_owned(),
                _ => {}
            }
            if task.status != "RUNNING" {
                task.handle = None;
            }
        }
        self.dlq -= moved;
        self.destination += moved;
        let bad = (moved * self.fail_percent + 99) / 100;
        self.coming.push((now.plus_seconds(self.back_after), bad));
        let (due, later): (Vec<_>, Vec<_>) = self.coming.drain(..).partition(|(at, _)| *at <= now);
        self.coming = later;
        self.dlq += due.iter().map(|(_, n)| n).sum::<i64>();
        if !self.stuck {
            self.destination = self.coming.iter().map(|(_, n)| n).sum();
        }
        if self.blind_from.is_some_and(|moved| self.moved() >= moved) {
            self.blind = true;
        }
    }

    fn fault(&mut self, operation: &'static str) -> Option<Fault> {
        let nth = self.called.entry(operation.to_owned()).or_default();
        *nth += 1;
        self.faults.get(&(operation, *nth - 1)).copied()
    }

    fn write(&mut self, call: &Call) -> Answer {
        self.advance();
        let operation = if call.operation.ends_with("StartMessageMoveTask") {
            "start"
        } else {
            "cancel"
        };
        let fault = self.fault(operation);
        let refused = |code: &str, class| Answer::Refused {
            failure: failure(class, code),
        };
        match fault {
            Some(Fault::Throttled) => return refused("RequestThrottled", FailureClass::Throttled),
            Some(Fault::Denied) => return refused("AccessDenied", FailureClass::Denied),
            Some(Fault::LostBefore) => return lost(),
            Some(Fault::LostAfter | Fault::LostBesideTwin) | None => {}
        }
        let answer = if operation == "start" {
            self.begin(call)
        } else {
            self.cancel(call)
        };
        if fault == Some(Fault::LostBesideTwin) {
            self.tasks[0].status = "COMPLETED".to_owned();
            self.tasks[0].handle = None;
            self.start(1);
        }
        match fault {
            None => answer,
            Some(_) => lost(),
        }
    }

    fn begin(&mut self, call: &Call) -> Answer {
        if self
            .tasks
            .iter()
            .any(|task| matches!(task.status.as_str(), "RUNNING" | "CANCELLING"))
        {
            let failure = failure(FailureClass::Other, "UnsupportedOperation");
            return Answer::Refused { failure };
        }
        let rate = call.parameters["MaxNumberOfMessagesPerSecond"]
            .as_i64()
            .expect("a rate") as i32;
        self.started.push(rate);
        let handle = self.start(rate);
        accepted([("TaskHandle".to_owned(), json!(handle))].into())
    }

    fn cancel(&mut self, call: &Call) -> Answer {
        let handle = call.parameters["TaskHandle"]
            .as_str()
            .expect("a handle")
            .to_owned();
        let running = self
            .tasks
            .iter_mut()
            .find(|task| task.handle.as_deref() == Some(&handle));
        match running {
            Some(task) => {
                task.status = "CANCELLING".to_owned();
                self.cancelled += 1;
                accepted(BTreeMap::new())
            }
            None => Answer::Refused {
                failure: failure(FailureClass::Other, "ResourceNotFoundException"),
            },
        }
    }
}

fn accepted(result: BTreeMap<String, serde_json::Value>) -> Answer {
    Answer::Accepted {
        request_id: Some("req-1".to_owned()),
        result,
    }
}

fn lost() -> Answer {
    Answer::Unknown {
        failure: failure(FailureClass::TimedOut, ""),
    }
}

pub(super) fn failure(class: FailureClass, code: &str) -> SourceFailure {
    SourceFailure {
        class,
        sentence: format!("The call went wrong ({class:?} {code})."),
        next_step: "Look at it.".to_owned(),
        code: Some(code.to_owned()),
        request_id: None,
    }
}

/// Hands on the double.
pub(super) struct Hands(pub(super) Arc<Mutex<Sqs>>);

impl Hands {
    fn read<T>(&self, take: impl FnOnce(&Sqs) -> T) -> Result<T, SourceFailure> {
        let mut sqs = self.0.lock().expect("whole");
        sqs.advance();
        if sqs.blind {
            return Err(failure(FailureClass::TimedOut, ""));
        }
        Ok(take(&sqs))
    }
}

#[async_trait]
impl Mover for Hands {
    async fn tasks(&self, _source_arn: &str) -> Result<Vec<Task>, SourceFailure> {
        self.read(|sqs| sqs.tasks.iter().take(10).cloned().collect())
    }

    async fn counts(&self, queue_url: &str) -> Result<Counts, SourceFailure> {
        let dead = queue_url.ends_with("-dlq");
        self.read(|sqs| Counts {
            visible: if dead { sqs.dlq } else { sqs.destination },
            ..Counts::default()
        })
    }

    async fn write(&self, call: &Call) -> Answer {
        self.0.lock().expect("whole").write(call)
    }
}
