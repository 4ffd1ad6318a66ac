//! The platform under a run of the harness: the engine's own, but that its time moves with the run's
//! rests and its calls can go wrong.

use crate::stage::restart;
use act::{Answer, Call, Course, Decision, Entry, Face, Moment, Plan, RecoveryPart, Request, Verb};
use async_trait::async_trait;
use engine::runs::{Fresh, Platform};
use engine::{Engine, Refusal};
use model::{FailureClass, NodeId, Snapshot, SourceFailure, SourceId, Timestamp};
use simulator::Simulation;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// World seconds of one rest of a second or more, so that hours of watching take little.
pub(crate) const STRIDE: u32 = 5;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Refused: throttled.
    Throttled,
    /// Refused: not allowed.
    Denied,
    /// No answer, and it was not done.
    LostBefore,
    /// No answer, but it was done.
    LostAfter,
}

/// The platform of the harness: the engine's own, but for time and calls.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) simulation: Simulation,
    pub(crate) inner: Arc<dyn Platform>,
    pub(crate) fault: Mutex<Option<(usize, Fault)>>,
    pub(crate) writes: Arc<Mutex<Vec<(String, String)>>>,
}

#[async_trait]
impl Platform for World {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.snapshot()
    }

    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn actor(&self) -> String {
        "harness".to_owned()
    }

    async fn refresh(&self, sources: &[SourceId], deadline: Duration) -> Fresh {
        self.inner.refresh(sources, deadline).await
    }

    fn poke(&self, sources: &[SourceId]) {
        self.engine.poke(sources);
    }

    async fn rest(&self, time: Duration) {
        let stride = if time >= Duration::from_secs(1) {
            STRIDE
        } else {
            1
        };
        self.simulation.advance(stride).await;
    }

    fn course(&self, plan: &Plan) -> Result<Box<dyn Course>, Refusal> {
        Ok(Box::new(Faulty {
            inner: self.inner.course(plan)?,
            fault: *self.fault.lock().expect("whole"),
            writes: Arc::clone(&self.writes),
            engine: self.engine.clone(),
            followed: BTreeSet::new(),
        }))
    }
}

/// A course whose calls can go wrong.
struct Faulty {
    engine: Engine,
    /// What was restarted because the run named it.
    followed: BTreeSet<NodeId>,
    inner: Box<dyn Course>,
    fault: Option<(usize, Fault)>,
    writes: Arc<Mutex<Vec<(String, String)>>>,
}

fn failure(class: FailureClass, code: &str) -> SourceFailure {
    SourceFailure {
        class,
        sentence: format!("The call went wrong ({code})."),
        next_step: "Look at it.".to_owned(),
        code: Some(code.to_owned()),
        request_id: None,
    }
}

#[async_trait]
impl Course for Faulty {
    fn learn(&mut self, entry: &Entry) {
        self.inner.learn(entry);
    }

    /// What the run names for a restart is restarted, once, as an operator beside it would do.
    async fn look(&mut self) -> Result<(), SourceFailure> {
        for request in self.inner.follow_ups() {
            if request.action == Verb::Restart && self.followed.insert(request.node.clone()) {
                restart(&self.engine, &request.node, "named by the run").await;
            }
        }
        self.inner.look().await
    }

    async fn call(&mut self, call: &Call) -> Answer {
        let nth = {
            let mut writes = self.writes.lock().expect("whole");
            writes.push((call.step.clone(), call.operation.clone()));
            writes.len() - 1
        };
        let fault = self
            .fault
            .filter(|(at, _)| *at == nth)
            .map(|(_, fault)| fault);
        match fault {
            Some(Fault::Throttled) => Answer::Refused {
                failure: failure(FailureClass::Throttled, "Throttling"),
            },
            Some(Fault::Denied) => Answer::Refused {
                failure: failure(FailureClass::Denied, "AccessDenied"),
            },
            Some(Fault::LostBefore) => Answer::Unknown {
                failure: failure(FailureClass::TimedOut, ""),
            },
            Some(Fault::LostAfter) => {
                self.inner.call(call).await;
                Answer::Unknown {
                    failure: failure(FailureClass::TimedOut, ""),
                }
            }
            None => self.inner.call(call).await,
        }
    }

    fn decide(&mut self, moment: &Moment<'_>) -> Decision {
        self.inner.decide(moment)
    }

    fn known(&self) -> String {
        self.inner.known()
    }

    fn next(&self) -> String {
        self.inner.next()
    }

    fn face(&self, moment: &Moment<'_>) -> Face {
        self.inner.face(moment)
    }

    fn follow_ups(&self) -> Vec<Request> {
        self.inner.follow_ups()
    }

    fn recovery_parts(&self) -> Vec<RecoveryPart> {
        self.inner.recovery_parts()
    }
}
