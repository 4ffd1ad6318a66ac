//! Workloads and what scales them.

use super::*;

pub(super) const WORKLOADS: &[Row] = &[
    row(
        "workload.capacity",
        Warning,
        "api has 11 of 12 pods ready, 1 missing in us-east-1c.",
        |s| s.deployment("api", 12, 11).0,
        |s| s.deployment("api", 12, 12).0,
    ),
    row(
        "workload.rollout-stuck",
        Warning,
        "The rollout of revision 42 of api is stuck",
        thing!(
            Deployment,
            "api",
            Rollout = "stuck",
            Revision = 42,
            Replicas = 3,
            ReplicasReady = 3,
            ReplicasUpdated = 1
        ),
        thing!(Deployment, "api", Rollout = "complete"),
    ),
    row(
        "workload.rollout",
        InTransition,
        "api rolls out revision 42: 1 of 3 pods are updated.",
        thing!(
            Deployment,
            "api",
            Rollout = "progressing",
            Revision = 42,
            Replicas = 3,
            ReplicasReady = 3,
            ReplicasUpdated = 1,
            RolloutStartedAt = ago(30)
        ),
        thing!(
            Deployment,
            "api",
            Rollout = "complete",
            RolloutStartedAt = ago(30)
        ),
    ),
    row(
        "workload.paused",
        InTransition,
        "is paused",
        thing!(Deployment, "api", Paused = true),
        thing!(Deployment, "api", Paused = false),
    ),
    row(
        "workload.restarts",
        Warning,
        "restarted at least 9 times",
        |s| {
            let (deployment, pods) = s.deployment("api", 3, 3);
            for pod in &pods {
                let facts = &mut s.found(pod).facts;
                facts.set(CreatedAt, ago(300));
                facts.set(Restarts, 3);
                facts.set(LastRestartAt, ago(20));
            }
            deployment
        },
        |s| s.deployment("api", 3, 3).0,
    ),
    row(
        "hpa.pinned",
        Warning,
        "api is pinned at its maximum of 12: Deployment/api gets no more pods (TooManyReplicas).",
        thing!(
            Hpa,
            "api",
            PinnedAtMax = true,
            Max = 12,
            ScaleTarget = "Deployment/api",
            ScalingLimitedReason = "TooManyReplicas"
        ),
        thing!(Hpa, "api", PinnedAtMax = false),
    ),
    row(
        "hpa.inactive",
        Warning,
        "does not scale Deployment/api: FailedGetResourceMetric.",
        thing!(
            Hpa,
            "api",
            ScalingActive = false,
            ScaleTarget = "Deployment/api",
            Reason = "FailedGetResourceMetric"
        ),
        thing!(Hpa, "api", ScalingActive = true),
    ),
    row(
        "scaledobject.paused",
        Warning,
        "is paused",
        thing!(ScaledObject, "api", Paused = true),
        thing!(ScaledObject, "api", Paused = false),
    ),
    row(
        "scaledobject.not-ready",
        Warning,
        "cannot scale",
        thing!(ScaledObject, "api", Ready = false),
        thing!(ScaledObject, "api", Ready = true),
    ),
    row(
        "gitops.suspended",
        Warning,
        "what changes in git does not reach the cluster",
        thing!(Kustomization, "apps", Suspended = true),
        thing!(Application, "apps", Suspended = false),
    ),
    row(
        "gitops.not-ready",
        Warning,
        "cannot apply what git says",
        thing!(HelmRelease, "api", Ready = false, Suspended = false),
        thing!(HelmRelease, "api", Ready = false, Suspended = true),
    ),
];
