//! `qd offers`, `qd plan`, `qd act`: the road of an action, from offer to receipt.

use crate::args::{ActionArgs, ReadArgs};
use crate::failure::Failure;
use crate::text::clean;
use crate::{print, reading};
use act::{Offer, Outcome, Plan, Receipt, RunId, RunPhase, Severity, Verb, Verdict};
use engine::{Engine, RunWatch};
use model::{NodeId, Snapshot};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tokio::signal::unix::{SignalKind, signal};

/// Exit code of a plan that is blocked or an action that is refused.
const REFUSED: u8 = 4;
/// Exit code of a run that was left before its end.
const INTERRUPTED: u8 = 7;

/// What the operator says for the record.
pub(crate) struct Words {
    /// Why.
    pub(crate) reason: String,
    /// The plan's phrase.
    pub(crate) confirm: String,
    /// The plan's digest.
    pub(crate) digest: Option<String>,
    /// Why the glass is broken.
    pub(crate) break_glass: Option<String>,
}

/// What can be done to a node.
pub(crate) async fn offers(node: &str, read: &ReadArgs, json: bool) -> Result<u8, Failure> {
    let (engine, snapshot) = reading::read(read).await?;
    let id = snapshot
        .find(node, |_| true)
        .map_err(|e| Failure::new(e.to_string()))?
        .id
        .clone();
    let offers = engine.helm().offers_asked(&id).await;
    if json {
        print::line(&offers)?;
    } else {
        print::text(&offers_text(&id, &offers))?;
    }
    engine.stop().await;
    Ok(0)
}

fn offers_text(node: &NodeId, offers: &[Offer]) -> String {
    if offers.is_empty() {
        return format!(
            "Nothing can be done to {} from here.\n",
            clean(node.as_str())
        );
    }
    let mut text = String::new();
    for offer in offers {
        let colour = format!("{:?}", offer.colour).to_lowercase();
        let _ = writeln!(
            text,
            "{colour:<6} {:?} {}",
            offer.level,
            clean(&offer.label)
        );
        if let Some(why) = &offer.why {
            let _ = writeln!(text, "       {}", clean(why));
        }
        let _ = writeln!(text, "       {}", clean(&offer.command));
    }
    text
}

/// The exact plan.
pub(crate) async fn plan(what: &ActionArgs, read: &ReadArgs, json: bool) -> Result<u8, Failure> {
    let (engine, snapshot) = reading::read(read).await?;
    let plan = planned(&engine, &snapshot, what).await?;
    if json {
        print::line(&plan)?;
    } else {
        print::text(&plan_text(&plan))?;
    }
    engine.stop().await;
    Ok(if plan.blocked { REFUSED } else { 0 })
}

/// The plan that undoes a run, made from what was there before it.
pub(crate) async fn undo(run: &str, read: &ReadArgs, json: bool) -> Result<u8, Failure> {
    let (engine, _) = reading::read(read).await?;
    let undone = undone(&engine, run).await;
    engine.stop().await;
    let plan = undone?;
    if json {
        print::line(&plan)?;
    } else {
        print::text(&plan_text(&plan))?;
    }
    Ok(if plan.blocked { REFUSED } else { 0 })
}

async fn undone(engine: &Engine, run: &str) -> Result<Plan, Failure> {
    let refused = |why: String| Failure::with_code(why, REFUSED);
    let runs = engine.runs().map_err(|e| Failure::new(e.to_string()))?;
    let receipt = runs.iter().find(|receipt| receipt.run.0 == run);
    let receipt =
        receipt.ok_or_else(|| refused(format!("There is no run {run} in the record.")))?;
    let request = receipt.undo_request.as_ref();
    let request = request
        .ok_or_else(|| refused(format!("Run {run} left nothing to undo. {}", receipt.undo)))?;
    let planned = engine
        .helm()
        .plan_asked(request.action, &request.node, &request.settings);
    planned.await.map_err(|e| refused(e.to_string()))
}

async fn planned(engine: &Engine, snapshot: &Snapshot, what: &ActionArgs) -> Result<Plan, Failure> {
    let action = Verb::parse(&what.action).ok_or_else(|| {
        let known: Vec<&str> = Verb::ALL.iter().map(|v| v.as_str()).collect();
        Failure::new(format!(
            "{:?} is no action; there is: {}.",
            what.action,
            known.join(", ")
        ))
    })?;
    let node = snapshot
        .find(&what.node, |kind| act::action(action, kind).is_some())
        .map_err(|error| Failure::new(error.to_string()))?;
    let settings: BTreeMap<String, String> = what.settings.iter().cloned().collect();
    engine
        .helm()
        .plan_asked(action, &node.id, &settings)
        .await
        .map_err(|e| Failure::with_code(e.to_string(), REFUSED))
}

fn plan_text(plan: &Plan) -> String {
    let mut text = format!(
        "{}\n{} · level {:?}\n",
        clean(&plan.label),
        clean(&plan.place),
        plan.level
    );
    if let Some(signed) = plan.signed() {
        let _ = writeln!(text, "{}", clean(&signed));
    }
    for finding in &plan.findings {
        let mark = match finding.outcome {
            Outcome::Pass => "pass ",
            Outcome::Fail => match finding.severity {
                Severity::Block => "BLOCK",
                Severity::Warn => "warn ",
                Severity::Info => "info ",
            },
            Outcome::Unknown => "?    ",
        };
        let _ = writeln!(
            text,
            "  {mark} {} [{}]",
            clean(&finding.sentence),
            clean(&finding.value)
        );
        if let (true, Some(next)) = (finding.outcome != Outcome::Pass, &finding.next_step) {
            let _ = writeln!(text, "        {}", clean(next));
        }
    }
    for sentence in plan.blast.sentences.iter().chain(&plan.stops) {
        let _ = writeln!(text, "  {}", clean(sentence));
    }
    for call in &plan.calls {
        let _ = writeln!(text, "  $ {}", clean(&call.cli));
    }
    let _ = writeln!(text, "  {}", clean(&plan.undo));
    let _ = writeln!(
        text,
        "confirm: {}\ndigest:  {}",
        clean(&plan.confirm),
        plan.digest
    );
    text
}

/// The whole road: plan, preflight, confirm, run, verify, receipt.
pub(crate) async fn act(
    what: &ActionArgs,
    words: &Words,
    read: &ReadArgs,
    json: bool,
) -> Result<u8, Failure> {
    let (engine, snapshot) = reading::read(read).await?;
    let plan = planned(&engine, &snapshot, what).await?;
    let outcome = engine
        .act_once(
            &plan,
            engine::Words {
                digest: words.digest.as_deref(),
                phrase: &words.confirm,
                reason: &words.reason,
                break_glass: words.break_glass.as_deref(),
            },
        )
        .await;
    let code = match outcome {
        Ok(run) => follow(&engine, run, json).await,
        Err(refused) => Err(Failure::with_code(refused.to_string(), REFUSED)),
    };
    engine.stop().await;
    code
}

/// Prints a run's events as they come, the receipt last. An interrupt stops the run as its plan says; a second one leaves
/// it as it is.
pub(crate) async fn follow(engine: &Engine, mut run: RunWatch, json: bool) -> Result<u8, Failure> {
    let unable = |error| Failure::new(format!("Signals cannot be received: {error}."));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unable)?;
    let mut stopping = false;
    let mut said = String::new();
    loop {
        let event = run.borrow_and_update().clone();
        let receipt = &event.receipt;
        let closed = receipt.phase == RunPhase::Closed;
        match (json, closed) {
            (true, true) => print::line(receipt)?,
            (true, false) => print::line(&event)?,
            (false, _) if receipt.sentence != said => {
                said.clone_from(&receipt.sentence);
                print::text(&format!("{}\n", clean(&said)))?;
            }
            (false, _) => {}
        }
        if closed {
            if !json {
                print::text(&receipt_text(receipt))?;
            }
            return Ok(exit_code(receipt));
        }
        let id = receipt.run.clone();
        let changed = loop {
            tokio::select! {
                changed = run.changed() => break changed,
                _ = interrupt.recv() => {
                    if std::mem::replace(&mut stopping, true) {
                        return Err(left(&id));
                    }
                    stop(engine, &id);
                }
            }
        };
        if changed.is_err() {
            let sentence = "The run ended without a receipt; `qd runs` says what is known.";
            return Err(Failure::with_code(sentence, 5));
        }
    }
}

fn stop(engine: &Engine, run: &RunId) {
    let said = match engine.cancel(run) {
        Ok(()) => format!(
            "Stopping. Interrupt once more to leave it as it is; `qd resume {}` takes it up then.",
            run.0
        ),
        Err(refused) => refused.to_string(),
    };
    eprintln!("qd: {}", clean(&said));
}

fn left(run: &RunId) -> Failure {
    let sentence = format!(
        "Left as it is: what was called stays called, and `qd resume {}` takes it up.",
        run.0
    );
    Failure::with_code(sentence, INTERRUPTED)
}

fn exit_code(receipt: &Receipt) -> u8 {
    match receipt.verdict {
        Some(Verdict::Verified) => 0,
        Some(Verdict::Unverified) => 6,
        Some(Verdict::Partial | Verdict::Aborted) => 7,
        Some(Verdict::Failed) | None => 5,
    }
}

fn receipt_text(receipt: &Receipt) -> String {
    let mut text = format!("run {}\n", receipt.run.0);
    for step in &receipt.steps {
        let id = step
            .request_id
            .as_deref()
            .map(|id| format!(" · request {id}"))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "  {} {}{}",
            step.started,
            clean(&step.sentence),
            clean(&id)
        );
    }
    for predicate in &receipt.predicates {
        let mark = if predicate.holds { "holds" } else { "MISSING" };
        let _ = writeln!(
            text,
            "  {mark} {} [{}]",
            clean(&predicate.sentence),
            clean(&predicate.value)
        );
    }
    if let Some(seconds) = receipt.recovery_seconds {
        let _ = writeln!(text, "recovered in {}", crate::text::duration(seconds));
    }
    if let Some(left) = &receipt.left_open {
        let span = crate::text::duration(left.seconds as f64);
        let _ = writeln!(text, "left open for {span}: {}", clean(&left.sentence));
    }
    if let Some(undo) = &receipt.undo_request {
        let _ = writeln!(text, "undo: {}", clean(&act::plan_command(undo)));
    }
    if let Some(next) = &receipt.next_step {
        let _ = writeln!(text, "next: {}", clean(next));
    }
    text
}
