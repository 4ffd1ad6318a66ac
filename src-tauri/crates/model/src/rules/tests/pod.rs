//! Pods.

use super::*;

pub(super) const PODS: &[Row] = &[
    row(
        "pod.failing",
        Critical,
        "Pod p crashes again and again and waits before the next start (CrashLoopBackOff, last exit OOMKilled (exit 137), 9 restarts)",
        thing!(
            Pod,
            "p",
            Phase = "Running",
            Ready = false,
            Reason = "CrashLoopBackOff",
            LastExit = "OOMKilled (exit 137)",
            Restarts = 9
        ),
        thing!(Pod, "p", Phase = "Running", Ready = true, Restarts = 0),
    ),
    row(
        "pod.pending",
        Warning,
        "Pod p is pending for 5 m because no node takes it: 0/12 nodes are available.",
        thing!(
            Pod,
            "p",
            Phase = "Pending",
            CreatedAt = ago(300),
            Reason = "Unschedulable",
            Message = "0/12 nodes are available."
        ),
        thing!(
            Pod,
            "p",
            Phase = "Running",
            CreatedAt = ago(300),
            Ready = true
        ),
    ),
    row(
        "pod.not-ready",
        Warning,
        "Pod p runs but is not ready for 2 m.",
        thing!(
            Pod,
            "p",
            Phase = "Running",
            Ready = false,
            ReadySince = ago(120)
        ),
        thing!(
            Pod,
            "p",
            Phase = "Running",
            Ready = true,
            ReadySince = ago(120)
        ),
    ),
    row(
        "pod.restarts",
        Warning,
        "restarted 4 times, lately again",
        thing!(
            Pod,
            "p",
            Phase = "Running",
            Ready = true,
            Restarts = 4,
            LastRestartAt = ago(100)
        ),
        thing!(
            Pod,
            "p",
            Phase = "Running",
            Ready = true,
            Restarts = 4,
            LastRestartAt = ago(90_000)
        ),
    ),
    row(
        "pod.failed",
        Warning,
        "was evicted from its node",
        thing!(Pod, "p", Phase = "Failed", Reason = "Evicted"),
        thing!(Pod, "p", Phase = "Succeeded", Reason = "Completed"),
    ),
    row(
        "pod.terminating",
        InTransition,
        "is being deleted",
        thing!(Pod, "p", Phase = "Running", Terminating = true),
        thing!(Pod, "p", Phase = "Running", Terminating = false),
    ),
];
