//! What keeps workloads as git has them: Argo CD's Applications, Flux' Kustomizations and HelmReleases.
//!
//! An Application that is out of sync is no fault: many are synced by hand.

use super::{Rule, Subject, Verdict, say};
use crate::facts::Fact;
use crate::health::Level;
use crate::kind::Kind;

const KEEPERS: &[Kind] = &[Kind::Application, Kind::Kustomization, Kind::HelmRelease];

pub(super) const RULES: &[Rule] = &[
    Rule::new("gitops.suspended", KEEPERS, suspended),
    Rule::new("gitops.not-ready", KEEPERS, not_ready),
];

fn suspended(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::Suspended) != Some(true) {
        return None;
    }
    let sentence = format!(
        "{} is suspended: what changes in git does not reach the cluster.",
        subject.name()
    );
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::Suspended, "suspended"),
    )
}

fn not_ready(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.flag(Fact::Ready) != Some(false) || subject.flag(Fact::Suspended) == Some(true) {
        return None;
    }
    let why = subject.text(Fact::Reason).unwrap_or("no reason given");
    let sentence = format!("{} cannot apply what git says: {why}.", subject.name());
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::Ready, format!("Ready is False ({why})")),
    )
}
