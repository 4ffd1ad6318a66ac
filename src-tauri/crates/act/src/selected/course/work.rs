//! The calls of a selected redrive: legs, and tidying up.

use super::{Decision, Moment, POLL, SelectedCourse};
use crate::course::{Answer, Call};
use crate::plan::Outcome;
use crate::selected::consumer;
use crate::selected::ending;
use crate::selected::known::{Mark, Why, Work, told};
use crate::selected::ledger::{Ledger, Line};
use crate::selected::leg::{self, Gone, Leg, Quota, Trouble};
use crate::selected::terms::Terms;
use model::{FailureClass, SourceFailure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a leg goes on before the run looks again (wall time).
const LEG: Duration = Duration::from_secs(3);
/// Of the time a message is hidden, this share is used; what is not sent by then comes back by itself.
const USED_OF_HIDDEN: f64 = 0.8;
/// The rate of the first leg after the canary; each further one is twice as fast, up to the asked one.
const RAMP: i64 = 10;
/// How long the consumer may take to be well again between two legs, platform seconds.
const CONSUMER_SECONDS: f64 = 180.0;

fn number(call: &Call, name: &str) -> i64 {
    call.parameters
        .get(name)
        .and_then(Value::as_i64)
        .unwrap_or(0)
}

impl SelectedCourse {
    /// The next leg: so many messages, so fast.
    pub(super) fn leg(&self, work: Work, terms: &Terms) -> Call {
        let sent = self.tally().sent;
        let left = terms.limit.map_or(i64::MAX, |limit| limit - sent);
        let legs = self
            .known
            .steps
            .iter()
            .filter(|s| s.work == Work::Rest)
            .count();
        let (messages, rate) = match (work, terms.canary) {
            (Work::Canary, Some(canary)) => (left.min(canary - sent), terms.rate.min(RAMP)),
            (_, Some(_)) => (left, terms.rate.min(RAMP << legs.min(16))),
            (_, None) => (left, terms.rate),
        };
        let mut call = self.tidy(work);
        call.parameters
            .insert("DestinationUrl".to_owned(), json!(terms.destination_url));
        call.parameters
            .insert("Messages".to_owned(), json!(messages));
        call.parameters
            .insert("MessagesPerSecond".to_owned(), json!(rate));
        call
    }

    /// A call about one queue: where the messages come from, or what they became is counted.
    pub(super) fn tidy(&self, work: Work) -> Call {
        let url = self.terms.as_ref().map_or("", |terms| match work {
            Work::Count => &terms.destination_url,
            Work::Canary | Work::Rest | Work::Reconcile | Work::Sweep | Work::Release => {
                &terms.source_url
            }
        });
        Call {
            step: format!("{}-{}", work.as_str(), self.calls + 1),
            operation: work.operation().to_owned(),
            parameters: BTreeMap::from([("QueueUrl".to_owned(), json!(url))]),
            saw: json!({ "sent": self.tally().sent }),
        }
    }

    /// The next leg, unless the consumer fell ill.
    pub(super) fn unless_ill(&self, moment: &Moment<'_>, terms: &Terms) -> Decision {
        let ill = consumer::now(moment.snapshot, &self.plan).filter(|_| terms.takes());
        if let Some((Outcome::Fail, sentence)) = ill {
            let since = self.known.ended.or(self.known.passed).unwrap_or(moment.now);
            // A consumer that scales is not ready for a moment; one that fails stays that way.
            if self.elapsed(since, moment.now) < CONSUMER_SECONDS {
                return Decision::Wait(POLL);
            }
            return Self::note(&Mark::Stopping {
                why: Why::Consumer,
                sentence,
                next: "Fix the consumer, then redrive the rest.".to_owned(),
            });
        }
        Decision::Call(self.leg(Work::Rest, terms))
    }

    /// Makes a call. What it did with single messages is in the ledger.
    pub(super) async fn work(&mut self, call: &Call) -> Answer {
        let (Ok(terms), Some(Ok(ledger))) = (&self.terms, &self.ledger) else {
            return refused("There is no ledger, and without one nothing is sent.");
        };
        let before = ledger.state().tally().sent;
        if let Err(error) = opened(ledger, terms).await {
            return refused(&error);
        }
        let Some(work) = Work::of(&call.step) else {
            return crate::once::no_such_call(call);
        };
        let post = self.post.as_ref();
        let until = |hide: i32| crate::time::now() + self.hidden(hide);
        let gone = match work {
            Work::Canary | Work::Rest => self.walk(call, terms, ledger).await,
            Work::Sweep => {
                leg::sweep(post, ledger, terms, until(terms.hide.min(leg::SWEEP_HIDE))).await
            }
            Work::Count => {
                let since = self.known.pressed_at.unwrap_or(self.plan.made_at);
                leg::count(post, ledger, terms, since, until(leg::COUNT_HIDE)).await
            }
            Work::Reconcile => leg::reconcile(post, ledger, terms).await,
            Work::Release => leg::release(post, ledger, terms).await,
        };
        let tally = ledger.state().tally();
        match gone.trouble {
            Some(Trouble::Refused(failure)) => {
                let untouched = tally.sent == before;
                answer(untouched, failure)
            }
            Some(Trouble::Disk(error)) => refused(&error),
            Some(Trouble::Unknown(failure)) => Answer::Unknown { failure },
            None => Answer::Accepted {
                request_id: None,
                result: told(tally, gone.exhausted),
            },
        }
    }

    /// For how long what is received may be dealt with, of our time.
    fn hidden(&self, hide: i32) -> Duration {
        let seconds = f64::from(hide) * USED_OF_HIDDEN / self.speed.max(1.0);
        Duration::from_secs_f64(seconds)
    }

    async fn walk(&self, call: &Call, terms: &Terms, ledger: &Ledger) -> Gone {
        let rate = number(call, "MessagesPerSecond").max(1) as f64 * self.speed.max(1.0);
        let quota = Quota {
            messages: number(call, "Messages"),
            gap: Duration::from_secs_f64(1.0 / rate),
            hidden: self.hidden(terms.hide),
            time: LEG,
        };
        let leg = Leg::new(self.post.as_ref(), ledger, terms, &self.pace, quota);
        leg.walk().await
    }

    pub(super) fn verify(&self, moment: &Moment<'_>) -> Decision {
        if self.watch.verified() {
            return Decision::End(ending::verified(self));
        }
        if self.tally().sent == 0 {
            return Decision::End(ending::none_selected(self));
        }
        if moment.stop.is_some() {
            return Decision::End(ending::unverified(self, "Watching was stopped."));
        }
        if self.over >= super::stops::RETURN_LOOKS {
            return Decision::End(ending::came_back(self));
        }
        let late = self.watch.deadline().is_some_and(|at| moment.now > at);
        if late {
            return Decision::End(ending::unverified(self, "The deadline passed."));
        }
        Decision::Wait(POLL)
    }
}

/// Nothing of a refused request was done; but when others of the same leg were taken, the leg as a
/// whole was not refused, and the ledger says how far it came.
fn answer(untouched: bool, failure: SourceFailure) -> Answer {
    if untouched {
        Answer::Refused { failure }
    } else {
        Answer::Unknown { failure }
    }
}

/// The first line says whose ledger it is.
async fn opened(ledger: &Ledger, terms: &Terms) -> Result<(), String> {
    if !ledger.state().node.is_empty() {
        return Ok(());
    }
    let line = Line::Opened {
        node: terms.node.clone(),
        queue: terms.source_url.clone(),
    };
    ledger.write(line).await.map_err(|error| error.to_string())
}

fn refused(sentence: &str) -> Answer {
    Answer::Refused {
        failure: SourceFailure {
            class: FailureClass::Other,
            sentence: sentence.to_owned(),
            next_step: "Make room in the state folder, then plan again.".to_owned(),
            code: None,
            request_id: None,
        },
    }
}
