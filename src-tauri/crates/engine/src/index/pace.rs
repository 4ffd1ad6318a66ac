//! When the next picture is drawn: at most so often, seldom for ages alone, never for nothing.

use crate::book::Effect;
use crate::settings::Settings;
use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// How many costs the gap is judged by.
const COSTS_KEPT: usize = 5;

/// What happened since the last picture, and how fast pictures may follow each other.
pub(super) struct Pace {
    settings: Settings,
    dirt: Effect,
    /// When the next picture is wanted.
    wanted: Option<Instant>,
    /// Somebody waits for it.
    hasty: bool,
    /// What the latest pictures took.
    costs: VecDeque<Duration>,
    drawn_at: Option<Instant>,
    published_at: Option<Instant>,
}

impl Pace {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            dirt: Effect::Nothing,
            wanted: None,
            hasty: false,
            costs: VecDeque::new(),
            drawn_at: None,
            published_at: None,
        }
    }

    /// Something happened that is wanted in a picture at this time.
    pub(super) fn soil(&mut self, effect: Effect, wanted: Instant) {
        if effect == Effect::Content {
            self.wanted = Some(self.wanted.map_or(wanted, |at| at.min(wanted)));
        }
        self.dirt = self.dirt.max(effect);
    }

    /// What happened is wanted at once.
    pub(super) fn hasten(&mut self) {
        self.hasty = true;
    }

    /// The next picture need not keep a distance from the last one.
    pub(super) fn rested(&mut self) {
        self.drawn_at = None;
    }

    /// When the last picture was drawn; now, when none was.
    pub(super) fn drawn_at(&self, now: Instant) -> Instant {
        self.drawn_at.unwrap_or(now)
    }

    /// When the next picture is due; a source turns stale at `turn`.
    pub(super) fn due(&self, turn: Option<Instant>, now: Instant) -> Option<Instant> {
        let earliest = self.drawn_at.map(|at| at + self.gap());
        let dirty = match (self.dirt, self.wanted) {
            (Effect::Content, Some(_)) if self.hasty => Some(now),
            (Effect::Content, Some(wanted)) => Some(earliest.map_or(wanted, |at| at.max(wanted))),
            (Effect::Ages, _) => Some(self.drawn_at.map_or(now, |at| at + self.settings.ages_gap)),
            (Effect::Content | Effect::Nothing, _) => None,
        };
        let turn = turn.map(|at| earliest.map_or(at, |earliest| at.max(earliest)));
        [dirty, turn].into_iter().flatten().min()
    }

    /// The least time between two pictures: longer where they are expensive.
    fn gap(&self) -> Duration {
        let Settings {
            assembly_gap,
            assembly_gap_most,
            assembly_rest,
            ..
        } = self.settings;
        // The cheapest of late: one that was interrupted says nothing about the work.
        let cost = self.costs.iter().min().copied().unwrap_or_default();
        (cost * assembly_rest).clamp(assembly_gap, assembly_gap_most.max(assembly_gap))
    }

    /// A picture is drawn now; true when ages alone may be published.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        self.dirt = Effect::Nothing;
        self.wanted = None;
        self.hasty = false;
        self.drawn_at = Some(now);
        self.published_at
            .is_none_or(|at| now >= at + self.settings.ages_gap)
    }

    /// What the picture took.
    pub(super) fn spent(&mut self, cost: Duration) {
        if self.costs.len() == COSTS_KEPT {
            self.costs.pop_front();
        }
        self.costs.push_back(cost);
    }

    /// A picture was published.
    pub(super) fn published(&mut self, now: Instant) {
        self.published_at = Some(now);
    }
}
