//! The window's commands: each asks the engine, which already holds the answer.

use crate::error::IpcError;
use crate::feed;
use crate::link::{Link, Links};
use crate::platform::{self, Asked, Platform};
use act::selected::peek::Peek;
use act::{Offer, OpenLoop, Plan, PlanId, Receipt, RunEvent, RunId, Verb};
use engine::{Arming, AuditRow, RunWatch, Words};
use model::{Cost, NodeId, Scope, Update};
use serde::Serialize;
use std::collections::BTreeMap;
use tauri::State;
use tauri::ipc::Channel;

type Answer<T> = Result<T, IpcError>;

/// What the window is and what it looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
pub struct About {
    /// Quarterdeck's version.
    pub version: String,
    /// The stack file, or the drill's scenario.
    pub looking_at: String,
    /// Scenarios of the simulated platform to choose from, where no platform was named.
    pub drills: Vec<String>,
    /// Why nothing can be shown, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<IpcError>,
}

/// Version, platform, and why it could not be opened. Answers once opening has ended.
#[tauri::command]
pub(crate) async fn about(platform: State<'_, Platform>) -> Answer<About> {
    let error = platform.engine().await.err();
    let (looking_at, drills) = match platform.asked() {
        Ok(Asked::Stack(file)) => (file.display().to_string(), Vec::new()),
        Ok(Asked::Drill(scenario)) => (format!("drill: {scenario}"), Vec::new()),
        Ok(Asked::Nothing) => (String::new(), platform::drills()),
        Err(_) => (String::new(), Vec::new()),
    };
    Ok(About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        looking_at,
        drills,
        error,
    })
}

/// Opens the simulated platform, where no platform was named on the command line.
#[tauri::command]
pub(crate) async fn start_drill(platform: State<'_, Platform>, scenario: String) -> Answer<()> {
    platform.start_drill(&scenario)
}

/// The full state, then deltas, until the window is gone.
#[tauri::command]
pub(crate) async fn subscribe(
    platform: State<'_, Platform>,
    channel: Channel<Update>,
) -> Answer<()> {
    feed::updates(&platform.engine().await?, channel);
    Ok(())
}

/// The links the window is given: the one it was started with, then those that are followed later.
#[tauri::command]
pub(crate) async fn links(links: State<'_, Links>, channel: Channel<Link>) -> Answer<()> {
    feed::links(links.inner().clone(), channel);
    Ok(())
}

/// Tries credentials that are no good again, and reads at once what failed.
#[tauri::command]
pub(crate) async fn try_again(platform: State<'_, Platform>) -> Answer<()> {
    platform.engine().await?.try_again();
    Ok(())
}

/// What can be done to one node.
#[tauri::command]
pub(crate) async fn offers(platform: State<'_, Platform>, node: NodeId) -> Answer<Vec<Offer>> {
    Ok(platform.engine().await?.offers(&node))
}

/// What can be done anywhere, worst first.
#[tauri::command]
pub(crate) async fn all_offers(platform: State<'_, Platform>) -> Answer<Vec<Offer>> {
    Ok(platform.engine().await?.all_offers())
}

/// The exact plan of an action, with every check.
#[tauri::command]
pub(crate) async fn plan(
    platform: State<'_, Platform>,
    action: Verb,
    node: NodeId,
    settings: BTreeMap<String, String>,
) -> Answer<Plan> {
    Ok(platform.engine().await?.plan(action, &node, &settings)?)
}

/// Whether this window may act now, and for how long.
#[tauri::command]
pub(crate) async fn arming(platform: State<'_, Platform>) -> Answer<Arming> {
    Ok(platform.engine().await?.arming())
}

/// Allows actions for some minutes, for a reason.
#[tauri::command]
pub(crate) async fn arm(
    platform: State<'_, Platform>,
    reason: String,
    minutes: u32,
) -> Answer<Arming> {
    let everywhere = Scope::default();
    Ok(platform
        .engine()
        .await?
        .arm(&everywhere, &reason, minutes)?)
}

/// Back to read-only.
#[tauri::command]
pub(crate) async fn disarm(platform: State<'_, Platform>) -> Answer<Arming> {
    let engine = platform.engine().await?;
    engine.disarm();
    Ok(engine.arming())
}

/// The operator's finger is down; the backend times the hold.
#[tauri::command]
pub(crate) async fn begin_hold(platform: State<'_, Platform>, plan: PlanId) -> Answer<()> {
    Ok(platform.engine().await?.begin_hold(&plan)?)
}

/// Preflight, confirm, audit, run. Answers as soon as the run has its audit row.
#[tauri::command]
pub(crate) async fn act(
    platform: State<'_, Platform>,
    plan: PlanId,
    digest: String,
    confirm: String,
    reason: String,
    break_glass: Option<String>,
) -> Answer<RunId> {
    let words = Words {
        digest: Some(&digest),
        phrase: &confirm,
        reason: &reason,
        break_glass: break_glass.as_deref(),
    };
    let run = platform.engine().await?.act(&plan, words).await?;
    Ok(run_of(&run))
}

/// Follows one run: its receipt as it stands, every time it changes.
#[tauri::command]
pub(crate) async fn watch_run(
    platform: State<'_, Platform>,
    run: RunId,
    channel: Channel<RunEvent>,
) -> Answer<()> {
    feed::run(platform.engine().await?.watch_run(&run)?, channel);
    Ok(())
}

/// Stops a run. What was moved stays moved.
#[tauri::command]
pub(crate) async fn cancel_run(platform: State<'_, Platform>, run: RunId) -> Answer<()> {
    Ok(platform.engine().await?.cancel(&run)?)
}

/// Recent and unfinished runs, newest first.
#[tauri::command]
pub(crate) async fn runs(platform: State<'_, Platform>) -> Answer<Vec<Receipt>> {
    Ok(platform.engine().await?.runs()?)
}

/// What was left open, by whom and until when, the most urgent first.
#[tauri::command]
pub(crate) async fn loops(platform: State<'_, Platform>) -> Answer<Vec<OpenLoop>> {
    Ok(platform.engine().await?.loops()?)
}

/// What reading the platform costs, and the budget it is held against.
#[tauri::command]
pub(crate) async fn cost(platform: State<'_, Platform>) -> Answer<Cost> {
    Ok(platform.engine().await?.cost())
}

/// Looks at a sample of a queue's messages and lets them go; says what that did to the queue, and
/// with `edit` what it would change.
#[tauri::command]
pub(crate) async fn peek(
    platform: State<'_, Platform>,
    node: NodeId,
    sample: u32,
    edit: Option<String>,
    free_shape: Option<bool>,
) -> Answer<Peek> {
    let edit = edit
        .as_deref()
        .map(|edit| (edit, free_shape.unwrap_or(false)));
    Ok(platform.engine().await?.peek(&node, sample, edit).await?)
}

/// Takes up an interrupted run.
#[tauri::command]
pub(crate) async fn resume_run(platform: State<'_, Platform>, run: RunId) -> Answer<RunId> {
    Ok(run_of(&platform.engine().await?.resume(&run).await?))
}

/// The newest rows of the audit.
#[tauri::command]
pub(crate) async fn audit(platform: State<'_, Platform>, limit: u32) -> Answer<Vec<AuditRow>> {
    Ok(platform.engine().await?.audit_rows(limit)?)
}

fn run_of(watch: &RunWatch) -> RunId {
    watch.borrow().receipt.run.clone()
}
