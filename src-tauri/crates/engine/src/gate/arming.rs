//! What is armed: one scope, for minutes, with a reason.

use super::{Gate, MAX_MINUTES, Refusal};
use crate::time::Instant;
use act::Plan;
use model::{Node, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Whether actions can be pressed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Arming {
    /// They can.
    pub armed: bool,
    /// Where, in words; empty when nowhere.
    pub scope: String,
    /// Until when, platform time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub until: Option<Timestamp>,
    /// Seconds left when this was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub seconds_left: Option<f64>,
    /// Why, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reason: Option<String>,
}

#[derive(Debug)]
pub(super) struct Armed {
    pub(super) scope: Scope,
    words: String,
    reason: String,
    end: Instant,
    until: Timestamp,
}

impl Gate {
    /// Allows actions within `scope` (absent parts: anywhere) for `minutes`.
    ///
    /// # Errors
    /// Without a reason, or for more than [`MAX_MINUTES`].
    pub fn arm(
        &self,
        scope: &Scope,
        reason: &str,
        minutes: u32,
        now: Timestamp,
    ) -> Result<Arming, Refusal> {
        if !(1..=MAX_MINUTES).contains(&minutes) {
            return Err(Refusal::Minutes(minutes));
        }
        if reason.trim().is_empty() {
            return Err(Refusal::NoReason);
        }
        self.lock().armed = Some(Armed {
            scope: scope.clone(),
            words: words(scope),
            reason: reason.trim().to_owned(),
            end: crate::time::now() + Duration::from_secs(60) * minutes,
            until: now.plus_seconds(60 * i64::from(minutes)),
        });
        Ok(self.arming())
    }

    /// Back to read-only. Answers whether anything was armed.
    pub fn disarm(&self) -> bool {
        self.lock().armed.take().is_some()
    }

    /// What is armed now.
    #[must_use]
    pub fn arming(&self) -> Arming {
        let mut state = self.lock();
        let now = crate::time::now();
        state.armed.take_if(|armed| armed.end <= now);
        state
            .armed
            .as_ref()
            .map_or_else(Arming::default, |armed| Arming {
                armed: true,
                scope: armed.words.clone(),
                until: Some(armed.until),
                seconds_left: Some((armed.end - now).as_secs_f64()),
                reason: Some(armed.reason.clone()),
            })
    }
}

pub(super) fn armed_for(
    node: Option<&Node>,
    plan: &Plan,
    scope: Option<&Scope>,
    arming: &Arming,
) -> Result<(), Refusal> {
    let wanted = node.map_or_else(|| plan.place.clone(), |node| words(&node.scope));
    let Some(scope) = scope.filter(|_| arming.armed) else {
        return Err(Refusal::ReadOnly(wanted));
    };
    if node.is_some_and(|node| covers(scope, &node.scope)) {
        return Ok(());
    }
    Err(Refusal::OutOfScope {
        armed: arming.scope.clone(),
        wanted,
    })
}

/// Every part that `scope` names is the same in `place`.
fn covers(scope: &Scope, place: &Scope) -> bool {
    fn same<T: PartialEq>(wanted: &Option<T>, found: &Option<T>) -> bool {
        wanted.is_none() || wanted == found
    }
    same(&scope.account, &place.account)
        && same(&scope.region, &place.region)
        && same(&scope.az, &place.az)
        && same(&scope.cluster, &place.cluster)
        && same(&scope.namespace, &place.namespace)
}

fn words(scope: &Scope) -> String {
    let account = scope.account.as_ref().map(|a| a.as_str());
    let parts = [
        account,
        scope.region.as_deref(),
        scope.az.as_deref(),
        scope.cluster.as_deref(),
        scope.namespace.as_deref(),
    ];
    let named: Vec<&str> = parts.into_iter().flatten().collect();
    if named.is_empty() {
        "the whole platform".to_owned()
    } else {
        named.join(" / ")
    }
}
