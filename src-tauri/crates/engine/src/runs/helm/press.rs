//! From a press to a run.

use super::{Helm, Live, RunWatch};
use crate::audit::{Audit, AuditKind, Record};
use crate::gate::{Confirmed, Press, Refusal, Words};
use crate::journal::Journal;
use crate::runs::locks::DomainLock;
use crate::runs::runner::{Runner, Subject, blank};
use act::lease::Lease;
use act::{ConfirmLevel, Entry, Plan, RunEvent, RunId};
use std::sync::Arc;
use tokio::sync::watch;

/// Everything a run needs to go on.
pub(super) struct Begun {
    pub(super) subject: Subject,
    pub(super) course: Box<dyn act::Course>,
    pub(super) journal: Journal,
    pub(super) audit: Arc<Audit>,
    pub(super) lock: DomainLock,
    /// The lock that other consoles honour, where there is one.
    pub(super) lease: Option<Box<Lease>>,
    /// A call was made already that was not refused.
    pub(super) touched: bool,
}

impl Helm {
    /// Preflight, confirm, record, run. Answers as soon as the run has its audit row; the run goes on
    /// by itself.
    ///
    /// # Errors
    /// A [`Refusal`], a sentence; nothing was done then.
    pub async fn act(&self, press: &Press<'_>) -> Result<RunWatch, Refusal> {
        let started = self.press(press).await;
        self.note_sleep();
        if let Err(refusal) = &started {
            let body = serde_json::json!({ "plan": press.plan, "reason": press.reason });
            // What was refused is not done: failing to record it changes nothing out there.
            let _ = self.record(AuditKind::Refused, None, refusal.to_string(), body);
        }
        started
    }

    async fn press(&self, press: &Press<'_>) -> Result<RunWatch, Refusal> {
        let _pressing = self.pressing()?;
        let inner = &self.inner;
        let platform = inner.platform.as_ref();
        let cleared = inner.gate.clear(press, platform, &inner.rules).await?;
        let confirmed = cleared.confirm(press, &self.inner.gate)?;
        self.run(confirmed).await
    }

    /// The whole road for one plan, which arms itself: for the command line. From level 2 the digest
    /// must be given; a level-3 hold is kept here.
    ///
    /// # Errors
    /// A [`Refusal`], a sentence; nothing was done then.
    pub async fn act_once(&self, plan: &Plan, words: Words<'_>) -> Result<RunWatch, Refusal> {
        let plan = self.inner.gate.remember_alone(plan.clone());
        let broken = plan.blocked && plan.breakable && words.break_glass.is_some();
        let asked = broken || (plan.level >= ConfirmLevel::L3 && !plan.blocked);
        if asked && words.digest == Some(&plan.digest) {
            self.begin_hold(&plan.id)?;
            crate::time::sleep(crate::gate::HOLD).await;
        }
        self.act(&words.press(&plan.id)).await
    }

    /// Begins a run. Nothing but a [`Confirmed`] gets here.
    async fn run(&self, confirmed: Confirmed) -> Result<RunWatch, Refusal> {
        let inner = &self.inner;
        let (plan, grounds, pressed_at) = confirmed.into_parts();
        // The run that is there is named where it is known; between the two looks the lock decides.
        self.free(&plan)?;
        let lock = DomainLock::take(&inner.dir, plan.whole())?;
        self.free(&plan)?;
        let audit = self.audit()?;
        let mut course = inner.platform.course(&plan)?;
        let run = new_run(pressed_at);
        let mut subject = Subject {
            run,
            plan,
            grounds,
            pressed_at,
            taken: false,
        };
        let lease = self.take_lock(&mut subject, inner.platform.now()).await?;
        let opened = Entry::Opened {
            run: subject.run.clone(),
            plan: Box::new(subject.plan.clone()),
            actor: subject.grounds.actor.clone(),
            reason: subject.grounds.reason.clone(),
            break_glass: subject.grounds.break_glass.clone(),
            at: pressed_at,
        };
        let journal = match self.open(&subject, &opened, &audit).await {
            Ok(journal) => journal,
            Err(refusal) => {
                if let Some(lease) = lease {
                    lease.release().await;
                }
                return Err(refusal);
            }
        };
        inner.points.at("opened").await;
        course.learn(&opened);
        Ok(self.spawn(Begun {
            subject,
            course,
            journal,
            audit,
            lock,
            lease,
            touched: false,
        }))
    }

    /// What is written down before the first call: the loop it leaves, the journal, the audit row.
    async fn open(
        &self,
        subject: &Subject,
        opened: &Entry,
        audit: &Audit,
    ) -> Result<Journal, Refusal> {
        let inner = &self.inner;
        self.begin_loop(subject)?;
        let journal = Journal::create(&inner.dir, &subject.run, opened)?;
        inner.points.at("journaled").await;
        if let Err(error) = audit.append(opened_row(subject)) {
            // Nothing was called: the journal has nothing to tell.
            let _ = journal.done(&inner.dir, &subject.run);
            let _ = inner.loops.forget(&subject.run);
            return Err(error.into());
        }
        Ok(journal)
    }

    /// No other run is in the domain, and none was left there.
    fn free(&self, plan: &Plan) -> Result<(), Refusal> {
        let Some(other) = self
            .unfinished()?
            .into_iter()
            .find(|receipt| receipt.plan.whole() == plan.whole())
        else {
            return Ok(());
        };
        let node = match other.node == plan.node {
            true => plan.name.clone(),
            false => format!("{}, which belongs with {}", other.plan.name, plan.name),
        };
        Err(match other.phase {
            act::RunPhase::Interrupted => Refusal::Interrupted {
                run: other.run,
                node,
            },
            _ => Refusal::Busy {
                run: other.run,
                node,
            },
        })
    }

    pub(super) fn spawn(&self, begun: Begun) -> RunWatch {
        let Begun {
            subject,
            course,
            journal,
            audit,
            lock,
            lease,
            touched,
        } = begun;
        let run = subject.run.clone();
        let (events, watch) = watch::channel(RunEvent {
            seq: 0,
            receipt: blank(&subject),
        });
        let (stop, stopped) = watch::channel(false);
        let runner = Runner {
            subject,
            course,
            journal,
            dir: self.inner.dir.clone(),
            audit,
            loops: Arc::clone(&self.inner.loops),
            platform: Arc::clone(&self.inner.platform),
            points: Arc::clone(&self.inner.points),
            events,
            stop: stopped,
            touched,
            lease,
            renewed: crate::time::now(),
            lost: None,
        };
        self.live().insert(
            run,
            Live {
                events: watch.clone(),
                stop,
            },
        );
        tokio::spawn(async move {
            if let Err(refusal) = runner.go().await {
                tracing::warn!(%refusal, "a run stays interrupted");
            }
            drop(lock);
        });
        watch
    }
}

pub(super) fn opened_row(subject: &Subject) -> Record {
    let grounds = &subject.grounds;
    Record {
        at: subject.pressed_at,
        actor: subject.grounds.actor.clone(),
        kind: AuditKind::Opened,
        run: Some(subject.run.clone()),
        sentence: match &grounds.break_glass {
            None => format!("{}: {}", subject.plan.label, grounds.reason),
            Some(why) => format!(
                "Glass broken ({why}). {}: {}",
                subject.plan.label, grounds.reason
            ),
        },
        body: serde_json::json!({
            "plan": subject.plan,
            "reason": grounds.reason,
            "break_glass": grounds.break_glass,
        }),
    }
}

/// `20261122-024912-7f3a`: sorts by start; the tail keeps two of one second apart.
fn new_run(at: model::Timestamp) -> RunId {
    let text: String = at
        .to_string()
        .chars()
        .filter(char::is_ascii_digit)
        .take(14)
        .collect();
    let (day, clock) = text.split_at(text.len().min(8));
    RunId(format!("{day}-{clock}-{:04x}", rand::random::<u16>()))
}
