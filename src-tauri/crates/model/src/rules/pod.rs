//! Pods: what fails, in words. A pod that ran to completion is well; one that is new or on its way
//! out is in transition.
//!
//! Reason words: [pod lifecycle](https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/)
//! and the kubelet's container waiting reasons.

use super::{Rule, Subject, Thresholds, Verdict, say};
use crate::assemble::RECENT_SECONDS;
use crate::facts::Fact;
use crate::health::Level;
use crate::kind::Kind;
use crate::node::Node;
use crate::time::Timestamp;
use crate::words;

pub(super) const RULES: &[Rule] = &[
    Rule::new("pod.failing", &[Kind::Pod], failing),
    Rule::new("pod.pending", &[Kind::Pod], pending),
    Rule::new("pod.not-ready", &[Kind::Pod], not_ready),
    Rule::new("pod.restarts", &[Kind::Pod], restarts),
    Rule::new("pod.failed", &[Kind::Pod], failed),
    Rule::new("pod.terminating", &[Kind::Pod], terminating),
];

/// `Pod x in us-east-1b`.
fn called(subject: &Subject<'_>) -> String {
    let az = subject.node.scope.az.as_deref();
    let place = az.map_or(String::new(), |az| format!(" in {az}"));
    format!("Pod {}{place}", subject.name())
}

fn phase<'a>(subject: &Subject<'a>) -> &'a str {
    subject.text(Fact::Phase).unwrap_or("Unknown")
}

fn leaving(subject: &Subject<'_>) -> bool {
    subject.flag(Fact::Terminating) == Some(true)
}

/// What a container's waiting or termination reason means; `None` when it is not a failure.
fn in_words(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "CrashLoopBackOff" => "crashes again and again and waits before the next start",
        "OOMKilled" => "was killed for using more memory than its limit",
        "Error" | "ContainerCannotRun" | "StartError" => "ended with an error",
        "DeadlineExceeded" => "ran longer than it may",
        "ImagePullBackOff" | "ErrImagePull" | "ErrImageNeverPull" | "RegistryUnavailable" => {
            "cannot pull its image"
        }
        "InvalidImageName" | "ImageInspectError" => "has an image name that cannot be used",
        "CreateContainerConfigError" => "refers to a ConfigMap or Secret that is not there",
        "CreateContainerError"
        | "RunContainerError"
        | "PreStartHookError"
        | "PostStartHookError"
        | "PreCreateHookError" => "cannot start its container",
        "Evicted" => "was evicted from its node",
        "NodeLost" => "is on a node that is lost",
        _ => return None,
    })
}

/// `: the longer message`, bounded.
fn message(subject: &Subject<'_>) -> String {
    let text = subject.text(Fact::Message).filter(|m| !m.is_empty());
    text.map_or(String::new(), |m| {
        let short: String = m.chars().take(160).collect();
        format!(": {}", short.trim_end_matches(['.', ' ']))
    })
}

fn failing(subject: &Subject<'_>) -> Option<Verdict> {
    if leaving(subject) || matches!(phase(subject), "Succeeded" | "Failed") {
        return None;
    }
    let reason = subject.text(Fact::Reason)?;
    let words = in_words(reason)?;
    // A container that ended may be one of several, or its pod already run again.
    let level = if subject.flag(Fact::Ready) == Some(true) {
        Level::Warning
    } else {
        Level::Critical
    };
    let last = subject
        .text(Fact::LastExit)
        .filter(|_| reason == "CrashLoopBackOff");
    let last = last.map_or(String::new(), |exit| format!(", last exit {exit}"));
    let restarts = subject.count(Fact::Restarts).unwrap_or(0);
    let times = if restarts > 0 {
        format!(", {}", words::count(restarts, "restart"))
    } else {
        String::new()
    };
    let sentence = format!(
        "{} {words} ({reason}{last}{times}){}.",
        called(subject),
        message(subject)
    );
    say(
        level,
        sentence,
        subject.evidence(Fact::Reason, format!("{reason}{times}")),
    )
}

fn age(subject: &Subject<'_>) -> f64 {
    let born = subject
        .since(Fact::CreatedAt)
        .or_else(|| subject.since(Fact::StartedAt));
    born.unwrap_or(f64::INFINITY)
}

/// ` for 2 m`, where it is known.
fn for_so_long(seconds: f64) -> String {
    if seconds.is_finite() {
        format!(" for {}", words::age(seconds))
    } else {
        String::new()
    }
}

fn pending(subject: &Subject<'_>) -> Option<Verdict> {
    let reason = subject.text(Fact::Reason);
    if phase(subject) != "Pending" || leaving(subject) || reason.and_then(in_words).is_some() {
        return None;
    }
    let seconds = age(subject);
    let limit = subject.limits().pod_pending_seconds;
    let unschedulable = reason == Some("Unschedulable");
    // Images and volumes take their time.
    let patience = if unschedulable { limit } else { 3.0 * limit };
    let level = if seconds <= patience {
        Level::InTransition
    } else {
        Level::Warning
    };
    let why = if unschedulable {
        " because no node takes it"
    } else {
        ""
    };
    let sentence = format!(
        "{} is pending{}{why}{}.",
        called(subject),
        for_so_long(seconds),
        message(subject)
    );
    let text = format!("phase Pending (limit {})", words::span(patience));
    say(level, sentence, subject.evidence(Fact::Phase, text))
}

fn not_ready(subject: &Subject<'_>) -> Option<Verdict> {
    let ready = subject.flag(Fact::Ready);
    let reason = subject.text(Fact::Reason);
    let spoken_for = reason.and_then(in_words).is_some() || leaving(subject);
    if phase(subject) != "Running" || ready != Some(false) || spoken_for {
        return None;
    }
    // Since its last change of readiness where that is told, else since it started.
    let told = subject.since(Fact::ReadySince);
    let seconds = told
        .or_else(|| subject.since(Fact::StartedAt))
        .unwrap_or_else(|| age(subject));
    let limit = subject.limits().pod_unready_seconds;
    let excused = starting(subject.node, subject.now(), subject.limits(), limit);
    let level = if seconds <= limit || excused {
        Level::InTransition
    } else {
        Level::Warning
    };
    let span = if told.is_some() {
        for_so_long(seconds)
    } else {
        String::new()
    };
    let sentence = format!(
        "{} runs but is not ready{span}{}.",
        called(subject),
        message(subject)
    );
    let text = format!("Ready is False (limit {})", words::span(limit));
    say(level, sentence, subject.evidence(Fact::Ready, text))
}

/// Started, or started again, so lately that it is not ready yet; a pod that ends again and again is
/// not excused.
pub(crate) fn starting(pod: &Node, now: Timestamp, limits: &Thresholds, seconds: f64) -> bool {
    let within = |fact| {
        pod.facts
            .time(fact)
            .is_some_and(|t| now.seconds_since(t) <= seconds)
    };
    let restarts = pod.facts.number(Fact::Restarts).unwrap_or(0.0);
    restarts < limits.pod_restarts && (within(Fact::CreatedAt) || within(Fact::LastRestartAt))
}

/// Runs again, but it has ended often and lately.
fn restarts(subject: &Subject<'_>) -> Option<Verdict> {
    let restarts = subject.count(Fact::Restarts)?;
    let limit = subject.limits().pod_restarts;
    let recent = subject
        .since(Fact::LastRestartAt)
        .is_some_and(|s| s <= RECENT_SECONDS);
    let failing = subject.text(Fact::Reason).and_then(in_words).is_some();
    if (restarts as f64) < limit || !recent || failing || leaving(subject) {
        return None;
    }
    let last = subject
        .text(Fact::LastExit)
        .map_or(String::new(), |e| format!(", last exit {e}"));
    let times = words::count(restarts, "time");
    let sentence = format!("{} restarted {times}, lately again{last}.", called(subject));
    let text = format!(
        "{} (limit {})",
        words::count(restarts, "restart"),
        words::measure(limit)
    );
    say(
        Level::Warning,
        sentence,
        subject.evidence(Fact::Restarts, text),
    )
}

/// Ended for good with a failure: its owner has replaced it, unless it has none that does.
fn failed(subject: &Subject<'_>) -> Option<Verdict> {
    if phase(subject) != "Failed" {
        return None;
    }
    let reason = subject.text(Fact::Reason);
    let words = reason.and_then(in_words).unwrap_or("ended with a failure");
    let replaced = matches!(
        subject.text(Fact::WorkloadKind),
        Some("Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
    );
    let level = if replaced { Level::Ok } else { Level::Warning };
    let rest = if replaced {
        "; its owner replaces it"
    } else {
        ""
    };
    let sentence = format!("{} {words}{}{rest}.", called(subject), message(subject));
    say(
        level,
        sentence,
        subject.evidence(Fact::Phase, "phase Failed"),
    )
}

fn terminating(subject: &Subject<'_>) -> Option<Verdict> {
    if !leaving(subject) {
        return None;
    }
    let sentence = format!("{} is being deleted.", called(subject));
    say(
        Level::InTransition,
        sentence,
        subject.evidence(Fact::Terminating, "deletion requested"),
    )
}
