//! `qd runs`, `qd resume`: what a crash left, and ending it in a named outcome.

use crate::args::ReadArgs;
use crate::failure::Failure;
use crate::text::clean;
use crate::{action, print, reading};
use act::RunId;

/// Unfinished runs.
pub(crate) fn list(json: bool) -> Result<u8, Failure> {
    let runs =
        engine::unfinished_runs(&engine::state_dir()).map_err(|e| Failure::new(e.to_string()))?;
    if json {
        print::line(&runs)?;
        return Ok(0);
    }
    if runs.is_empty() {
        print::text("No run is unfinished.\n")?;
    }
    for run in runs {
        let next = run.next_step.as_deref().unwrap_or("It is still running.");
        print::text(&format!(
            "{} {:?} {}\n  {}\n  {}\n",
            run.run.0,
            run.phase,
            clean(&run.plan.label),
            clean(&run.sentence),
            clean(next)
        ))?;
    }
    Ok(0)
}

/// Takes up an interrupted run. Exit 0 once it has ended in a named outcome, whichever: what was to
/// be done is to end it, and the verdict is on the line.
pub(crate) async fn resume(run: Option<&str>, read: &ReadArgs, json: bool) -> Result<u8, Failure> {
    let run = which(run)?;
    let (engine, _) = reading::read(read).await?;
    let outcome = match engine.resume(&run).await {
        Ok(watch) => action::follow(&engine, watch, json).await.map(|_verdict| 0),
        Err(error) => Err(Failure::with_code(error.to_string(), 4)),
    };
    engine.stop().await;
    outcome
}

/// The run that was named, or the only one there is.
fn which(run: Option<&str>) -> Result<RunId, Failure> {
    if let Some(run) = run {
        return Ok(RunId(run.to_owned()));
    }
    let runs =
        engine::unfinished_runs(&engine::state_dir()).map_err(|e| Failure::new(e.to_string()))?;
    match runs.as_slice() {
        [] => Err(Failure::with_code(
            "No run is unfinished: there is nothing to resume.",
            4,
        )),
        [only] => Ok(only.run.clone()),
        several => {
            let ids: Vec<&str> = several.iter().map(|run| run.run.0.as_str()).collect();
            let ids = ids.join(", ");
            Err(Failure::with_code(
                format!("{} runs are unfinished: say which of {ids}.", several.len()),
                4,
            ))
        }
    }
}
