//! `[[freeze]]` and `[[maintenance]]`: times that are declared once, or for every week.
//!
//! ```toml
//! [[freeze]]
//! from = "2026-11-27T14:00:00Z"        # once: RFC 3339
//! until = "2026-11-28T06:00:00Z"
//! reason = "Black Friday"
//!
//! [[freeze]]
//! days = ["mon", "tue", "wed", "thu", "fri"]   # every day when left out
//! from = "09:30"                               # by the clock of the zone
//! until = "16:00"
//! zone = "America/New_York"
//! effect = "warn"                              # block when left out
//! reason = "market open"
//! ```

use super::{StackError, Wrong};
use model::Timestamp;
use model::window::{NoWindow, Weekly, Window};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

/// What a declared time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackEffect {
    /// Nothing is pressed.
    Block,
    /// A press is warned of.
    Warn,
    /// The platform is being worked on.
    Maintenance,
}

/// A declared time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackFreeze {
    /// When.
    pub window: Window,
    /// What it means.
    pub effect: StackEffect,
    /// Why.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenFreeze {
    days: Option<Vec<Spanned<String>>>,
    from: Spanned<String>,
    until: Spanned<String>,
    zone: Option<Spanned<String>>,
    #[serde(default)]
    effect: WrittenEffect,
    reason: String,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenEffect {
    #[default]
    Block,
    Warn,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenMaintenance {
    days: Option<Vec<Spanned<String>>>,
    from: Spanned<String>,
    until: Spanned<String>,
    zone: Option<Spanned<String>>,
    reason: String,
}

/// What both have.
struct Written {
    span: Range<usize>,
    days: Option<Vec<Spanned<String>>>,
    from: Spanned<String>,
    until: Spanned<String>,
    zone: Option<Spanned<String>>,
    effect: StackEffect,
    reason: String,
}

pub(super) fn times(
    freezes: Vec<Spanned<WrittenFreeze>>,
    maintenance: Vec<Spanned<WrittenMaintenance>>,
    wrong: &Wrong<'_>,
) -> Result<Vec<StackFreeze>, StackError> {
    let freezes = freezes.into_iter().map(|freeze| {
        let span = freeze.span();
        let freeze = freeze.into_inner();
        Written {
            span,
            days: freeze.days,
            from: freeze.from,
            until: freeze.until,
            zone: freeze.zone,
            effect: match freeze.effect {
                WrittenEffect::Block => StackEffect::Block,
                WrittenEffect::Warn => StackEffect::Warn,
            },
            reason: freeze.reason,
        }
    });
    let maintenance = maintenance.into_iter().map(|window| {
        let span = window.span();
        let window = window.into_inner();
        Written {
            span,
            days: window.days,
            from: window.from,
            until: window.until,
            zone: window.zone,
            effect: StackEffect::Maintenance,
            reason: window.reason,
        }
    });
    freezes
        .chain(maintenance)
        .map(|one| time(one, wrong))
        .collect()
}

fn time(written: Written, wrong: &Wrong<'_>) -> Result<StackFreeze, StackError> {
    if written.reason.trim().is_empty() {
        return Err(wrong(written.span, &"this time has no reason"));
    }
    // A time of day is of every week; anything else must be a point in time.
    let daily = !written.from.as_ref().contains('T') && written.from.as_ref().contains(':');
    let window = match daily || written.days.is_some() || written.zone.is_some() {
        true => weekly(&written, wrong)?,
        false => once(&written, wrong)?,
    };
    Ok(StackFreeze {
        window,
        effect: written.effect,
        reason: written.reason,
    })
}

fn once(written: &Written, wrong: &Wrong<'_>) -> Result<Window, StackError> {
    let time = |text: &Spanned<String>| {
        Timestamp::parse(text.as_ref()).ok_or_else(|| {
            let reason = format!(
                "{:?} is no time: write it as 2026-11-27T14:30:00Z, or as 14:30 with days and a zone",
                text.as_ref()
            );
            wrong(text.span(), &reason)
        })
    };
    let (from, until) = (time(&written.from)?, time(&written.until)?);
    if until <= from {
        return Err(wrong(
            written.until.span(),
            &"this time ends before it begins",
        ));
    }
    Ok(Window::Once { from, until })
}

fn weekly(written: &Written, wrong: &Wrong<'_>) -> Result<Window, StackError> {
    let Some(zone) = &written.zone else {
        let reason = "a time of every week needs a zone, e.g. zone = \"UTC\"";
        return Err(wrong(written.from.span(), &reason));
    };
    let days = written.days.as_deref().unwrap_or_default();
    let names: Vec<String> = days.iter().map(|day| day.as_ref().clone()).collect();
    let (from, until) = (written.from.as_ref(), written.until.as_ref());
    let weekly = Weekly::new(&names, from, until, zone.as_ref());
    weekly.map(Window::Weekly).map_err(|error| {
        let span = match &error {
            NoWindow::Day(text) => days.iter().find(|day| day.as_ref() == text),
            NoWindow::Clock(text) if text == from => Some(&written.from),
            NoWindow::Clock(_) | NoWindow::Empty => Some(&written.until),
            NoWindow::Zone(_) => Some(zone),
        };
        wrong(span.map_or(written.span.clone(), Spanned::span), &error)
    })
}
