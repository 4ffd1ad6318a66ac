//! `qd loops`: what was left open, by whom and until when.

use crate::args::ReadArgs;
use crate::failure::Failure;
use crate::text::clean;
use crate::{print, reading};
use act::{LoopState, OpenLoop};
use std::fmt::Write as _;

/// Lists what is open. Exit 0 when nothing is overdue, 1 when something is.
pub(crate) async fn list(read: &ReadArgs, json: bool) -> Result<u8, Failure> {
    let (engine, _) = reading::read(read).await?;
    let loops = engine.loops();
    engine.stop().await;
    let loops = loops.map_err(|error| Failure::new(error.to_string()))?;
    if json {
        print::line(&loops)?;
    } else if loops.is_empty() {
        print::text("Nothing was left open.\n")?;
    } else {
        print::text(&lines(&loops))?;
    }
    Ok(u8::from(overdue(&loops)))
}

/// Something was to be closed by now.
pub(crate) fn overdue(loops: &[OpenLoop]) -> bool {
    loops.iter().any(|open| open.state == LoopState::Expired)
}

/// Each with its owner, and the line that plans its end.
pub(crate) fn lines(loops: &[OpenLoop]) -> String {
    let mut text = String::new();
    for open in loops {
        let word = match open.state {
            LoopState::Expired => "OVERDUE",
            LoopState::Unseen => "unseen",
            LoopState::Open => "open",
        };
        let _ = writeln!(text, "{word:<8} {}", clean(&open.sentence));
        let owner = open.owner.as_deref().unwrap_or("not known");
        let reason = open.reason.as_deref();
        let reason = reason.map_or_else(String::new, |why| format!(": {why}"));
        let _ = writeln!(text, "         by {}", clean(&format!("{owner}{reason}")));
        if let Some(until) = open.until {
            let _ = writeln!(text, "         until {until}");
        }
        if let Some(close) = &open.close {
            let _ = writeln!(text, "         {}", clean(&act::plan_command(close)));
        }
    }
    text
}
