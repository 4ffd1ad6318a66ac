//! A sequence of two calls against every way they can go.

use super::{Sequence, Steps, Took};
use crate::course::{Answer, Call, Course, Decision, Ending, Entry, Moment};
use crate::plan::{ApiCall, Blast, ConfirmLevel, Expectation, Plan, PlanId};
use crate::receipt::{RunId, Verdict};
use crate::{Verb, action};
use async_trait::async_trait;
use model::{FailureClass, NodeId, SourceFailure, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A thing with two switches.
#[derive(Default)]
struct World {
    on: Vec<String>,
    writes: Vec<String>,
    blind: bool,
    changed: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Denied,
    LostBefore,
    LostAfter,
}

struct Switches {
    world: Arc<Mutex<World>>,
    fault: (&'static str, Fault),
}

fn failure() -> SourceFailure {
    SourceFailure {
        class: FailureClass::Denied,
        sentence: "It said no.".to_owned(),
        next_step: "Ask for it.".to_owned(),
        code: None,
        request_id: None,
    }
}

#[async_trait]
impl Steps for Switches {
    type Seen = Vec<String>;

    fn outcome(&self) -> String {
        "both switches are on".to_owned()
    }

    async fn look(&mut self) -> Result<Vec<String>, SourceFailure> {
        let world = self.world.lock().expect("whole");
        if world.blind {
            return Err(failure());
        }
        Ok(world.on.clone())
    }

    async fn write(&mut self, call: &Call) -> Answer {
        let mut world = self.world.lock().expect("whole");
        world.writes.push(call.step.clone());
        let fault = if self.fault.0 == call.step {
            self.fault.1
        } else {
            Fault::None
        };
        if matches!(fault, Fault::None | Fault::LostAfter) {
            world.on.push(call.step.clone());
        }
        match fault {
            Fault::None => Answer::Accepted {
                request_id: Some("r".to_owned()),
                result: BTreeMap::new(),
            },
            Fault::Denied => Answer::Refused { failure: failure() },
            Fault::LostBefore | Fault::LostAfter => Answer::Unknown { failure: failure() },
        }
    }

    fn saw(&self, _call: &ApiCall, seen: &Vec<String>) -> Value {
        serde_json::json!(seen)
    }

    fn changed(&self, _call: &ApiCall, _seen: &Vec<String>) -> Option<String> {
        let changed = self.world.lock().expect("whole").changed;
        changed.then(|| "Somebody else pulled the plug.".to_owned())
    }

    fn took(&self, call: &Call, seen: &Vec<String>) -> Took {
        match seen.contains(&call.step) {
            true => Took::Yes,
            false => Took::No,
        }
    }

    fn judge(&self, _id: &str, seen: &Vec<String>, _moment: &Moment<'_>) -> (bool, String) {
        (seen.len() == 2, format!("{} on", seen.len()))
    }
}

fn plan() -> Plan {
    let call = |step: &str| ApiCall {
        operation: format!("switch:{step}"),
        region: "eu-west-1".to_owned(),
        parameters: BTreeMap::new(),
        cli: String::new(),
        step: step.to_owned(),
    };
    Plan {
        id: PlanId("p".to_owned()),
        action: Verb::Redrive,
        node: NodeId::new("queue/1/eu-west-1/q"),
        name: "q".to_owned(),
        domain: "queue/1/eu-west-1/q".to_owned(),
        place: String::new(),
        acts_as: None,
        settings: BTreeMap::new(),
        targets: Vec::new(),
        label: String::new(),
        calls: vec![call("one"), call("two")],
        before: BTreeMap::new(),
        findings: Vec::new(),
        expectations: vec![Expectation {
            id: "on".into(),
            sentence: "Both are on.".to_owned(),
            dwell_seconds: 60.0,
        }],
        stops: Vec::new(),
        undo: String::new(),
        undo_request: None,
        takes: Vec::new(),
        rights: Vec::new(),
        leaves: None,
        blast: Blast::default(),
        level: ConfirmLevel::L1,
        blocked: false,
        breakable: false,
        confirm: "q".to_owned(),
        digest: String::new(),
        made_at: Timestamp::default(),
        expires: Timestamp::default(),
    }
}

struct Drive {
    world: Arc<Mutex<World>>,
    fault: (&'static str, Fault),
    journal: Vec<Entry>,
    now: Timestamp,
}

impl Drive {
    fn new(fault: (&'static str, Fault)) -> Self {
        let opened = Entry::Opened {
            run: RunId("r".to_owned()),
            plan: Box::new(plan()),
            actor: "me".to_owned(),
            reason: "why".to_owned(),
            break_glass: None,
            at: Timestamp::default(),
        };
        Self {
            world: Arc::default(),
            fault,
            journal: vec![opened],
            now: Timestamp::default(),
        }
    }

    /// A process: goes on from the journal, and dies after so many lines.
    async fn go(&mut self, lines: usize, stop: bool) -> Option<Ending> {
        let world = Arc::clone(&self.world);
        let steps = Switches {
            world,
            fault: self.fault,
        };
        let mut course = Sequence::new(&plan(), steps);
        if self.journal.len() > 1 {
            let at = self.now;
            self.journal.push(Entry::Taken {
                at,
                actor: "me".to_owned(),
            });
        }
        self.journal.iter().for_each(|entry| course.learn(entry));
        let end = self.journal.len() + lines;
        let snapshot = action::nothing();
        let mut blind = Duration::ZERO;
        for _ in 0..10_000 {
            match course.look().await {
                Ok(()) => blind = Duration::ZERO,
                Err(_) => blind += Duration::from_secs(1),
            }
            let moment = Moment {
                now: self.now,
                blind_for: blind,
                pace: 1.0,
                snapshot: &snapshot,
                stop: stop.then_some(crate::Stop::Operator),
            };
            let decision = course.decide(&moment);
            let entries = match decision {
                Decision::End(ending) => return Some(ending),
                Decision::Wait(_) => {
                    self.now = self.now.plus_seconds(1);
                    Vec::new()
                }
                Decision::Note(mark) => vec![Entry::Mark { at: self.now, mark }],
                Decision::Call(call) => self.call(&mut course, call, end).await?,
            };
            for entry in entries {
                course.learn(&entry);
                self.journal.push(entry);
            }
            if self.journal.len() >= end {
                return None;
            }
        }
        panic!("it never ends");
    }

    async fn call(
        &mut self,
        course: &mut Sequence<Switches>,
        call: Call,
        end: usize,
    ) -> Option<Vec<Entry>> {
        let intent = Entry::Intent {
            at: self.now,
            call: call.clone(),
        };
        self.journal.push(intent.clone());
        course.learn(&intent);
        if self.journal.len() >= end {
            return None;
        }
        let answer = course.call(&call).await;
        Some(vec![Entry::Answered {
            at: self.now,
            step: call.step,
            operation: call.operation,
            answer,
        }])
    }

    fn writes(&self) -> Vec<String> {
        self.world.lock().expect("whole").writes.clone()
    }
}

const NEVER: usize = 10_000;

#[tokio::test]
async fn every_fault_has_its_outcome_and_no_call_is_made_twice() {
    use Fault::{Denied, LostAfter, LostBefore};
    let rows = [
        (("", Fault::None), Verdict::Verified, 2),
        (("one", Denied), Verdict::Failed, 1),
        (("one", LostBefore), Verdict::Failed, 1),
        (("one", LostAfter), Verdict::Verified, 2),
        (("two", Denied), Verdict::Partial, 2),
        (("two", LostBefore), Verdict::Partial, 2),
        (("two", LostAfter), Verdict::Verified, 2),
    ];
    for (fault, verdict, writes) in rows {
        let mut drive = Drive::new(fault);
        let ending = drive.go(NEVER, false).await.expect("an end");
        assert_eq!(ending.verdict, verdict, "{}", ending.sentence);
        assert_eq!(drive.writes().len(), writes, "{}", ending.sentence);
        assert!(ending.sentence.ends_with('.'), "{}", ending.sentence);
        assert!(verdict == Verdict::Verified || ending.next_step.is_some());
    }
}

#[tokio::test]
async fn a_death_after_every_line_ends_in_a_named_outcome_and_no_call_is_made_twice() {
    for lines in 1..7 {
        for again in 1..5 {
            let mut drive = Drive::new(("", Fault::None));
            if drive.go(lines, false).await.is_some() {
                continue;
            }
            let ending = match drive.go(again, false).await {
                Some(ending) => ending,
                None => drive.go(NEVER, false).await.expect("an end"),
            };
            assert!(!ending.sentence.is_empty());
            let mut writes = drive.writes();
            let all = writes.len();
            writes.sort();
            writes.dedup();
            assert_eq!(writes.len(), all, "{lines} {again} {}", ending.sentence);
        }
    }
}

#[tokio::test]
async fn stopping_blindness_and_somebody_else_make_no_further_call() {
    let mut drive = Drive::new(("", Fault::None));
    let ending = drive.go(NEVER, true).await.expect("an end");
    assert_eq!(ending.verdict, Verdict::Aborted, "{}", ending.sentence);
    let mut drive = Drive::new(("", Fault::None));
    drive.world.lock().expect("whole").blind = true;
    let ending = drive.go(NEVER, false).await.expect("an end");
    assert_eq!(ending.verdict, Verdict::Failed, "{}", ending.sentence);
    assert!(
        ending.sentence.contains("It said no."),
        "{}",
        ending.sentence
    );
    assert!(drive.writes().is_empty());
    let mut drive = Drive::new(("", Fault::None));
    drive.world.lock().expect("whole").changed = true;
    let ending = drive.go(NEVER, false).await.expect("an end");
    assert!(
        ending.sentence.contains("pulled the plug"),
        "{}",
        ending.sentence
    );
    assert!(drive.writes().is_empty());
}

#[tokio::test]
async fn a_run_that_sees_nothing_any_more_ends_as_it_is() {
    let mut drive = Drive::new(("", Fault::None));
    assert!(drive.go(2, false).await.is_none(), "one call was made");
    drive.world.lock().expect("whole").blind = true;
    let ending = drive.go(NEVER, false).await.expect("an end");
    assert_eq!(ending.verdict, Verdict::Partial, "{}", ending.sentence);
    assert_eq!(drive.writes().len(), 1);
}
