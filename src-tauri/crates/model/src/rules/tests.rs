//! Every rule: a case that makes it true and one that makes it false.

use super::RULES;
use crate::edge::Relation;
use crate::facts::Fact;
use crate::facts::Fact::*;
use crate::facts::Value;
use crate::failure::{FailureClass, SourceFailure};
use crate::health::Level::{self, Critical, InTransition, Unknown, Warning};
use crate::id::NodeId;
use crate::kind::Kind;
use crate::observation::Name;
use crate::source::Service;
use crate::stage::{Stage, ago, reason};
use std::collections::BTreeSet;

/// Puts something on the stage and says which node to look at.
type Scene = fn(&mut Stage) -> NodeId;

struct Row {
    rule: &'static str,
    level: Level,
    /// Part of the sentence that the true case gives.
    says: &'static str,
    yes: Scene,
    no: Scene,
}

const fn row(rule: &'static str, level: Level, says: &'static str, yes: Scene, no: Scene) -> Row {
    Row {
        rule,
        level,
        says,
        yes,
        no,
    }
}

/// One thing with facts.
macro_rules! thing {
    ($kind:ident, $name:literal $(, $fact:ident = $value:expr)* $(,)?) => {
        |s: &mut Stage| {
            let facts: &[(Fact, Value)] = &[$(($fact, Value::from($value)),)*];
            s.thing(Kind::$kind, $name, facts)
        }
    };
}

const NOTHING: Scene = thing!(Queue, "orders", MessagesVisible = 0);

/// A thing whose answer left one fact out.
fn without(s: &mut Stage, kind: Kind, name: &str, fact: Fact) -> NodeId {
    let thing = s.thing(kind, name, &[]);
    s.found(&thing).facts.remove(fact);
    thing
}

/// What an answer left out, and words that nobody knows.
const UNSAID: &[Row] = &[
    row(
        "unsaid.missing",
        Unknown,
        "orders: SQS left out ApproximateNumberOfMessages.",
        |s| without(s, Kind::Queue, "orders", MessagesVisible),
        NOTHING,
    ),
    row(
        "unsaid.missing",
        Unknown,
        "orders-1: RDS left out DBInstanceStatus.",
        |s| without(s, Kind::DbInstance, "orders-1", Status),
        thing!(DbInstance, "orders-1", Status = "available"),
    ),
    // A cluster that only a kubeconfig knows has no state in EKS.
    row(
        "unsaid.missing",
        Unknown,
        "prod: EKS left out status.",
        thing!(
            Cluster,
            "prod",
            Arn = "arn:aws:eks:us-east-1:1:cluster/prod"
        ),
        thing!(Cluster, "prod"),
    ),
    row(
        "unsaid.word",
        Unknown,
        "The state of pod api-1 is not known: it is said to be Unknown.",
        thing!(Pod, "api-1", Phase = "Unknown"),
        thing!(Pod, "api-1", Phase = "Running"),
    ),
    row(
        "unsaid.word",
        Unknown,
        "it is said to be KO",
        thing!(Alarm, "depth", AlarmState = "KO"),
        thing!(Alarm, "depth", AlarmState = "OK"),
    ),
];

const SOURCES: &[Row] = &[
    row(
        "source.outdated",
        Unknown,
        "orders: data 3 m 10 s old: Nobody answered.",
        |s| {
            s.lose(Service::Sqs);
            let queue = s.thing(Kind::Queue, "orders", &[]);
            s.held[0].1 = ago(190);
            queue
        },
        |s| {
            s.lose(Service::Sqs);
            s.source(Service::Sqs).outdated = false;
            s.thing(Kind::Queue, "orders", &[])
        },
    ),
    row(
        "source.figures-outdated",
        Unknown,
        "orders: CloudWatch figures 1 m old",
        |s| {
            s.lose(Service::CloudWatch);
            let queue = s.thing(Kind::Queue, "orders", &[]);
            s.figures(&queue, &[(OldestAgeSeconds, 3.into())], None);
            queue
        },
        |s| {
            let queue = s.thing(Kind::Queue, "orders", &[]);
            s.figures(&queue, &[(OldestAgeSeconds, 3.into())], None);
            queue
        },
    ),
    row(
        "source.figures-missing",
        Unknown,
        "its CloudWatch figures in us-east-1 are not known: Nobody answered.",
        |s| {
            s.lose(Service::CloudWatch);
            s.source(Service::CloudWatch).source.part = "queue-metrics".to_owned();
            s.thing(Kind::Queue, "orders", &[])
        },
        |s| {
            // The figures of balancers say nothing about a queue.
            s.lose(Service::CloudWatch);
            s.source(Service::CloudWatch).source.part = "balancer-metrics".to_owned();
            s.thing(Kind::Queue, "orders", &[])
        },
    ),
    row(
        "source.partial",
        Unknown,
        "orders: its attributes are denied.",
        |s| {
            let queue = s.thing(Kind::Queue, "orders", &[]);
            let failure = SourceFailure {
                class: FailureClass::Denied,
                sentence: "its attributes are denied.".to_owned(),
                next_step: "Allow sqs:GetQueueAttributes.".to_owned(),
                code: None,
                request_id: None,
            };
            s.fail(&queue, failure);
            queue
        },
        NOTHING,
    ),
    row(
        "source.cluster-blind",
        Unknown,
        "prod: its all cannot be seen: Nobody answered.",
        |s| {
            s.lose(Service::Kubernetes);
            s.thing(Kind::Cluster, "prod", &[])
        },
        thing!(Cluster, "prod", Status = "ACTIVE"),
    ),
    row(
        "source.cluster-unwatched",
        Unknown,
        "spare: not watched, because no [[cluster]] of the stack file names it",
        thing!(Cluster, "spare", Status = "ACTIVE"),
        // Its kubeconfig does not open: it is watched in vain, which another rule says.
        |s| {
            s.lose(Service::Kubernetes);
            s.thing(Kind::Cluster, "prod", &[])
        },
    ),
    row(
        "declared.not-read",
        Unknown,
        "assets is not read: E1 names it, and S3 is not read yet.",
        |s| {
            s.add(Kind::Distribution, "E1", |d| {
                let host = Name::Host("assets.s3.amazonaws.com".into());
                d.tie_to(Relation::Origin, host, "origin domain");
            });
            crate::stage::id(Kind::Bucket, "assets")
        },
        NOTHING,
    ),
    row(
        "declared.missing",
        Warning,
        "orders names the queue orders-dlq, but SQS has none of that name in us-east-1.",
        |s| {
            s.add(Kind::Queue, "orders", |q| {
                let arn = "arn:aws:sqs:us-east-1:111122223333:orders-dlq";
                q.tie_to(
                    Relation::DeadLetters,
                    Name::Arn(arn.into()),
                    "redrive policy",
                );
            });
            crate::stage::id(Kind::Queue, "orders-dlq")
        },
        NOTHING,
    ),
];

/// Two branches of one name; gives the first. Each has a check with the given status.
fn branches(s: &mut Stage, first: f64, second: f64) -> NodeId {
    let mut ids = Vec::new();
    for (set, status) in [("use1", first), ("euw1", second)] {
        let record = s.add(Kind::Record, &format!("Z1/api.x./A/{set}"), |r| {
            r.name = "api.x.".to_owned();
            r.facts.set(SetIdentifier, set);
            r.facts.set(Alias, true);
            r.facts.set(EvaluateTargetHealth, false);
            r.facts.set(HealthCheckId, set);
        });
        let check = s.thing(Kind::HealthCheck, &format!("check-{set}"), &[]);
        s.figures(&check, &[(CheckStatus, status.into())], None);
        s.edge(&check, Relation::Gates, &record);
        ids.push(record);
    }
    ids.swap_remove(0)
}

const EDGE: &[Row] = &[
    row(
        "record.fail-open",
        Critical,
        "api.x. (use1) is unhealthy and so is every other branch, so Route 53 answers with it all the same",
        |s| branches(s, 0.0, 0.0),
        |s| branches(s, 0.0, 1.0),
    ),
    row(
        "record.branch-out",
        Warning,
        "api.x. (use1) is unhealthy: Route 53 leaves it out",
        |s| branches(s, 0.0, 1.0),
        |s| branches(s, 1.0, 1.0),
    ),
    row(
        "record.not-evaluated",
        Level::Ok,
        "Route 53 never takes it out",
        thing!(
            Record,
            "Z1/a./A/x",
            SetIdentifier = "x",
            Alias = true,
            EvaluateTargetHealth = false
        ),
        thing!(
            Record,
            "Z1/a./A/x",
            SetIdentifier = "x",
            Alias = true,
            EvaluateTargetHealth = true
        ),
    ),
    row(
        "healthcheck.unhealthy",
        Critical,
        "Health check c1 of https://api.x/health is unhealthy; 9 % of the checkers reach it (limit 18 %).",
        thing!(
            HealthCheck,
            "c1",
            CheckStatus = 0.0,
            Target = "https://api.x/health",
            CheckersHealthyPercent = 9.0
        ),
        thing!(HealthCheck, "c1", CheckStatus = 1.0),
    ),
    row(
        "healthcheck.checkers",
        Warning,
        "only 50 % of the checkers",
        thing!(
            HealthCheck,
            "c1",
            CheckStatus = 1.0,
            CheckersHealthyPercent = 50.0
        ),
        thing!(
            HealthCheck,
            "c1",
            CheckStatus = 1.0,
            CheckersHealthyPercent = 98.0
        ),
    ),
    row(
        "healthcheck.disabled",
        Level::Ok,
        "is disabled",
        thing!(HealthCheck, "c1", Disabled = true),
        thing!(HealthCheck, "c1", Disabled = false),
    ),
    row(
        "healthcheck.no-status",
        Unknown,
        "has no status",
        thing!(HealthCheck, "c1", Disabled = false),
        thing!(HealthCheck, "c1", CheckStatus = 1.0),
    ),
    row(
        "distribution.errors-5xx",
        Critical,
        "www.x answers 6.2 % of its requests with 5xx.",
        thing!(
            Distribution,
            "E1",
            Aliases = "www.x,x",
            Error5xxPercent = 6.2
        ),
        thing!(Distribution, "E1", Error5xxPercent = 0.2),
    ),
    row(
        "distribution.errors-4xx",
        Warning,
        "E1 answers 31 % of its requests with 4xx.",
        thing!(Distribution, "E1", Error4xxPercent = 31.0),
        thing!(Distribution, "E1", Error4xxPercent = 3.0),
    ),
    row(
        "distribution.deploying",
        InTransition,
        "(InProgress)",
        thing!(Distribution, "E1", Status = "InProgress"),
        thing!(Distribution, "E1", Status = "Deployed"),
    ),
    row(
        "distribution.disabled",
        Critical,
        "E1 is disabled, and www.x. leads to it.",
        |s| {
            let edge = s.thing(Kind::Distribution, "E1", &[(Enabled, false.into())]);
            let record = s.thing(Kind::Record, "www.x.", &[]);
            s.edge(&record, Relation::RoutesTo, &edge);
            edge
        },
        thing!(Distribution, "E1", Enabled = true),
    ),
];

/// A balancer with a share of failed requests per zone.
fn balancer(s: &mut Stage, shares: [f64; 3]) -> NodeId {
    let lb = s.thing(
        Kind::LoadBalancer,
        "api",
        &[(RequestsPerSecond, 100.into())],
    );
    for (zone, share) in ["us-east-1a", "us-east-1b", "us-east-1c"]
        .into_iter()
        .zip(shares)
    {
        s.zone(&lb, zone, &[(Target5xxPercent, share.into())]);
    }
    lb
}

/// A target group behind a balancer, with (healthy, unhealthy) per zone.
fn group(s: &mut Stage, zones: &[(&str, i64, i64)]) -> NodeId {
    let sum = |of: fn(&(&str, i64, i64)) -> i64| zones.iter().map(of).sum::<i64>();
    let (healthy, bad) = (sum(|z| z.1), sum(|z| z.2));
    let facts = [
        (Targets, (healthy + bad).into()),
        (TargetsHealthy, healthy.into()),
        (TargetsUnhealthy, bad.into()),
    ];
    let group = s.thing(Kind::TargetGroup, "api-tg", &facts);
    for (zone, healthy, bad) in zones {
        let facts = [
            (TargetsHealthy, (*healthy).into()),
            (TargetsUnhealthy, (*bad).into()),
        ];
        s.zone(&group, zone, &facts);
        if *bad > 0 {
            let why = format!("Target.Timeout ×{bad}");
            s.zone(&group, zone, &[(UnhealthyReasons, why.into())]);
        }
    }
    let lb = s.thing(Kind::LoadBalancer, "api", &[(ZonesCount, 3.into())]);
    s.edge(&lb, Relation::Forwards, &group);
    group
}

/// A group with counts of targets that are neither healthy nor unhealthy.
fn standing(s: &mut Stage, counts: &[(Fact, i64)]) -> NodeId {
    let facts: Vec<(Fact, Value)> = counts.iter().map(|(f, n)| (*f, (*n).into())).collect();
    s.thing(Kind::TargetGroup, "api-tg", &facts)
}

fn forwarded(s: &mut Stage, group: &NodeId) {
    let lb = s.thing(Kind::LoadBalancer, "api", &[(ZonesCount, 3.into())]);
    s.edge(&lb, Relation::Forwards, group);
}

const BALANCING: &[Row] = &[
    row(
        "balancer.state",
        Warning,
        "api is active_impaired.",
        thing!(LoadBalancer, "api", Status = "active_impaired"),
        thing!(LoadBalancer, "api", Status = "active"),
    ),
    row(
        "balancer.elb-5xx",
        Critical,
        "api fails 7 % of its requests with 5xx of its own",
        thing!(
            LoadBalancer,
            "api",
            Elb5xxPercent = 7.0,
            RequestsPerSecond = 40
        ),
        thing!(
            LoadBalancer,
            "api",
            Elb5xxPercent = 7.0,
            RequestsPerSecond = 0.001
        ),
    ),
    row(
        "balancer.target-5xx",
        Warning,
        "api fails 1.9 % of its requests with 5xx from its targets",
        thing!(LoadBalancer, "api", Target5xxPercent = 1.9),
        thing!(LoadBalancer, "api", Target5xxPercent = 0.02),
    ),
    row(
        "balancer.zone-errors",
        Critical,
        "api fails 21 % of its requests in us-east-1b, at most 0.2 % in its other zones.",
        |s| balancer(s, [0.1, 21.0, 0.2]),
        |s| balancer(s, [19.0, 21.0, 18.0]),
    ),
    row(
        "balancer.slow",
        Warning,
        "takes 4,100 ms or more",
        thing!(LoadBalancer, "api", LatencyP99Ms = 4100.0),
        thing!(LoadBalancer, "api", LatencyP99Ms = 310.0),
    ),
    row(
        "balancer.rejects",
        Warning,
        "rejects 3 connections/s",
        thing!(LoadBalancer, "api", RejectedConnectionsPerSecond = 3.0),
        thing!(LoadBalancer, "api", RejectedConnectionsPerSecond = 0.0),
    ),
    row(
        "targetgroup.fail-open",
        Critical,
        "api-tg: none of its 4 targets is healthy, so the balancer sends to all of them (fail-open)",
        |s| group(s, &[("us-east-1a", 0, 2), ("us-east-1b", 0, 2)]),
        |s| group(s, &[("us-east-1a", 1, 2), ("us-east-1b", 0, 2)]),
    ),
    row(
        "targetgroup.none-healthy",
        Critical,
        "api-tg: none of its 5 targets is healthy (3 draining and 2 in another state): what api forwards there finds nobody.",
        |s| {
            let group = standing(
                s,
                &[(Targets, 5), (TargetsHealthy, 0), (TargetsDraining, 3)],
            );
            forwarded(s, &group);
            group
        },
        |s| {
            standing(
                s,
                &[(Targets, 5), (TargetsHealthy, 0), (TargetsDraining, 5)],
            )
        },
    ),
    row(
        "targetgroup.none-healthy",
        InTransition,
        "2 initial",
        |s| {
            let group = standing(s, &[(Targets, 2), (TargetsHealthy, 0), (TargetsInitial, 2)]);
            forwarded(s, &group);
            group
        },
        |s| {
            let group = standing(s, &[(Targets, 2), (TargetsHealthy, 1), (TargetsInitial, 1)]);
            forwarded(s, &group);
            group
        },
    ),
    row(
        "targetgroup.unhealthy",
        Warning,
        "api-tg: 3/12 targets unhealthy: 3/4 in us-east-1b (Target.Timeout ×3).",
        |s| {
            group(
                s,
                &[
                    ("us-east-1a", 4, 0),
                    ("us-east-1b", 1, 3),
                    ("us-east-1c", 4, 0),
                ],
            )
        },
        |s| group(s, &[("us-east-1a", 4, 0), ("us-east-1b", 4, 0)]),
    ),
    row(
        "targetgroup.zone-out",
        Warning,
        "api-tg has no healthy target in us-east-1b.",
        |s| group(s, &[("us-east-1a", 4, 0), ("us-east-1b", 0, 3)]),
        |s| group(s, &[("us-east-1a", 4, 0), ("us-east-1b", 1, 3)]),
    ),
    row(
        "targetgroup.empty",
        Warning,
        "api-tg has no registered target: api answers 503",
        |s| group(s, &[]),
        |s| group(s, &[("us-east-1a", 1, 0)]),
    ),
    row(
        "targetgroup.single-zone",
        Level::Ok,
        "all of its 2 targets in us-east-1a",
        |s| group(s, &[("us-east-1a", 2, 0)]),
        |s| group(s, &[("us-east-1a", 2, 0), ("us-east-1b", 1, 0)]),
    ),
];

/// A cluster with nodes, of which the first `out` are not ready.
fn cluster(s: &mut Stage, all: usize, out: usize) -> NodeId {
    let cluster = s.thing(Kind::Cluster, "prod", &[(Status, "ACTIVE".into())]);
    for n in 0..all {
        let ready = (Ready, (n >= out).into());
        s.thing(
            Kind::Node,
            &format!("ip-10-0-0-{n}"),
            &[ready, (CreatedAt, ago(86_400).into())],
        );
    }
    cluster
}

const CLUSTERS: &[Row] = &[
    row(
        "eks.status",
        Critical,
        "The nodegroup main is CREATE_FAILED.",
        thing!(Nodegroup, "main", Status = "CREATE_FAILED"),
        thing!(Nodegroup, "main", Status = "ACTIVE"),
    ),
    row(
        "eks.issues",
        Warning,
        "NodeCreationFailure",
        thing!(Nodegroup, "main", HealthIssues = "NodeCreationFailure ×2"),
        thing!(Nodegroup, "main", HealthIssues = ""),
    ),
    row(
        "cluster.api-slow",
        Warning,
        "took 6,200 ms",
        thing!(Cluster, "prod", ApiLatencyMs = 6200.0),
        thing!(Cluster, "prod", ApiLatencyMs = 62.0),
    ),
    row(
        "cluster.nodes",
        Critical,
        "3 of 9 nodes of prod are not ready.",
        |s| cluster(s, 9, 3),
        |s| cluster(s, 9, 0),
    ),
    row(
        "node.not-ready",
        Critical,
        "Node ip-1 is not ready since 02:46:00 (NodeStatusUnknown).",
        thing!(
            Node,
            "ip-1",
            Ready = false,
            ReadySince = ago(60),
            CreatedAt = ago(9_000),
            Reason = "NodeStatusUnknown"
        ),
        thing!(Node, "ip-1", Ready = true),
    ),
    row(
        "node.was-not-ready",
        Warning,
        "was not ready until 02:45:00",
        thing!(
            Node,
            "ip-1",
            Ready = true,
            ReadySince = ago(120),
            CreatedAt = ago(9_000)
        ),
        thing!(
            Node,
            "ip-1",
            Ready = true,
            ReadySince = ago(120),
            CreatedAt = ago(200)
        ),
    ),
    row(
        "node.pressure",
        Warning,
        "reports pressure: memory",
        thing!(Node, "ip-1", Ready = true, Pressure = "memory"),
        thing!(Node, "ip-1", Ready = true),
    ),
    row(
        "node.cordoned",
        InTransition,
        "is cordoned",
        thing!(Node, "ip-1", Ready = true, Schedulable = false),
        thing!(Node, "ip-1", Ready = true, Schedulable = true),
    ),
];

const PODS: &[Row] = &[
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

const WORKLOADS: &[Row] = &[
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

/// A cluster with a writer in zone a and readers in the given zones with their status.
fn aurora(s: &mut Stage, readers: &[(&str, &str)]) -> NodeId {
    let cluster = s.thing(Kind::DbCluster, "ledger", &[(Status, "available".into())]);
    let mut member = |name: String, role: &str, zone: &str, status: &str| {
        let facts = [(Role, role.into()), (Status, status.into())];
        let instance = s.thing(Kind::DbInstance, &name, &facts);
        s.place(&instance, zone);
        s.edge(&cluster, Relation::Owns, &instance);
    };
    member("ledger-1".to_owned(), "writer", "us-east-1a", "available");
    for (n, (zone, status)) in readers.iter().enumerate() {
        member(format!("ledger-{}", n + 2), "reader", zone, status);
    }
    cluster
}

const DATABASES: &[Row] = &[
    row(
        "aurora.status",
        InTransition,
        "ledger is failing-over.",
        thing!(DbCluster, "ledger", Status = "failing-over"),
        thing!(DbCluster, "ledger", Status = "available"),
    ),
    row(
        "aurora.no-instance",
        Warning,
        "ledger has no instance: nothing can read from it or write to it.",
        thing!(DbCluster, "ledger", Members = 0),
        // The secondary of a global database may stand without.
        thing!(DbCluster, "ledger", Members = 0, GlobalCluster = "world"),
    ),
    row(
        "aurora.no-instance",
        Critical,
        "ledger has no instance",
        |s| {
            let cluster = s.thing(Kind::DbCluster, "ledger", &[(Members, 0.into())]);
            let pod = s.thing(Kind::Pod, "api-1", &[]);
            s.edge(&pod, Relation::ConnectsTo, &cluster);
            cluster
        },
        thing!(DbCluster, "ledger", Members = 1),
    ),
    row(
        "aurora.no-writer",
        Critical,
        "ledger has no writer among its 1 instances.",
        |s| {
            let cluster = s.thing(Kind::DbCluster, "ledger", &[]);
            let reader = s.thing(Kind::DbInstance, "ledger-1", &[(Role, "reader".into())]);
            s.edge(&cluster, Relation::Owns, &reader);
            cluster
        },
        |s| aurora(s, &[("us-east-1b", "available")]),
    ),
    row(
        "aurora.no-reader",
        Warning,
        "ledger has no available reader: if ledger-1 fails",
        |s| aurora(s, &[]),
        |s| aurora(s, &[("us-east-1b", "available")]),
    ),
    row(
        "aurora.last-reader",
        Warning,
        "ledger has only ledger-3 left outside its writer's zone (us-east-1a).",
        |s| {
            aurora(
                s,
                &[
                    ("us-east-1b", "incompatible-network"),
                    ("us-east-1c", "available"),
                ],
            )
        },
        |s| {
            aurora(
                s,
                &[("us-east-1b", "available"), ("us-east-1c", "available")],
            )
        },
    ),
    row(
        "aurora.lag",
        Critical,
        "Reader ledger-2 is 6,100 ms behind its writer.",
        thing!(
            DbInstance,
            "ledger-2",
            Role = "reader",
            ReplicaLagMs = 6100.0
        ),
        thing!(DbInstance, "ledger-2", Role = "reader", ReplicaLagMs = 18.0),
    ),
    row(
        "aurora.writer-cpu",
        Warning,
        "Writer ledger-1 runs at 99 % CPU.",
        thing!(DbInstance, "ledger-1", Role = "writer", CpuPercent = 99.0),
        thing!(DbInstance, "ledger-1", Role = "writer", CpuPercent = 42.0),
    ),
    row(
        "aurora.failover-state",
        InTransition,
        "fails over (failing-over)",
        thing!(DbGlobal, "world", FailoverState = "failing-over"),
        thing!(DbGlobal, "world", Status = "available"),
    ),
];

/// A dead-letter queue of `orders` with this depth over the last minutes, the last one now.
fn dlq(s: &mut Stage, depths: &[f64]) -> NodeId {
    let now = depths.last().copied().unwrap_or(0.0);
    let dead = s.thing(
        Kind::Queue,
        "orders-dlq",
        &[(MessagesVisible, (now as i64).into())],
    );
    let source = s.thing(Kind::Queue, "orders", &[]);
    s.edge(&source, Relation::DeadLetters, &dead);
    s.figures(
        &dead,
        &[(OldestAgeSeconds, 552.into())],
        Some((MessagesVisible, depths)),
    );
    dead
}

const QUEUES: &[Row] = &[
    row(
        "queue.dlq-growing",
        Critical,
        "orders-dlq grows: 1,284 messages more in 5 m, 1,284 in all: the consumer of orders loses them.",
        |s| dlq(s, &[0.0, 0.0, 0.0, 90.0, 400.0, 900.0, 1284.0]),
        |s| dlq(s, &[1284.0, 1284.0, 1284.0, 1284.0, 1284.0, 1284.0, 1284.0]),
    ),
    row(
        "queue.dlq-not-empty",
        Warning,
        "orders-dlq holds 1,284 messages; the oldest came 552 s ago.",
        |s| dlq(s, &[1284.0, 1284.0]),
        |s| dlq(s, &[0.0, 0.0]),
    ),
    row(
        "queue.age",
        Warning,
        "The oldest message of orders has waited 8 m 20 s; 90 messages are before its consumer.",
        thing!(
            Queue,
            "orders",
            OldestAgeSeconds = 500,
            MessagesVisible = 90
        ),
        thing!(Queue, "orders", OldestAgeSeconds = 5, MessagesVisible = 90),
    ),
    row(
        "queue.not-draining",
        Warning,
        "orders does not drain: 50 messages/s come, 20/s are done, 4,000 wait.",
        thing!(
            Queue,
            "orders",
            MessagesVisible = 4000,
            SentPerSecond = 50.0,
            DeletedPerSecond = 20.0
        ),
        thing!(
            Queue,
            "orders",
            MessagesVisible = 4000,
            SentPerSecond = 50.0,
            DeletedPerSecond = 70.0
        ),
    ),
    row(
        "queue.in-flight",
        Warning,
        "at 20,000 SQS gives out no more",
        thing!(
            Queue,
            "orders.fifo",
            MessagesNotVisible = 19000,
            Fifo = true
        ),
        thing!(Queue, "orders", MessagesNotVisible = 19000, Fifo = false),
    ),
    row(
        "queue.expiring",
        Critical,
        "loses its oldest messages in 10 h at the latest",
        thing!(
            Queue,
            "orders",
            MessagesVisible = 9,
            OldestAgeSeconds = 309_600,
            RetentionSeconds = 345_600
        ),
        thing!(
            Queue,
            "orders",
            MessagesVisible = 9,
            OldestAgeSeconds = 60,
            RetentionSeconds = 345_600
        ),
    ),
    row(
        "queue.move-failed",
        Warning,
        "The last redrive of orders-dlq failed: some messages were not put here by SQS, so it does not know where they came from (CouldNotDetermineMessageSource).",
        thing!(
            Queue,
            "orders-dlq",
            MessagesVisible = 9,
            MoveTaskStatus = "FAILED",
            MoveTaskFailure = "CouldNotDetermineMessageSource"
        ),
        thing!(
            Queue,
            "orders-dlq",
            MessagesVisible = 9,
            MoveTaskStatus = "COMPLETED"
        ),
    ),
    row(
        "queue.moving",
        InTransition,
        "A redrive of orders-dlq is RUNNING: 20 of 90 messages moved.",
        thing!(
            Queue,
            "orders-dlq",
            MoveTaskStatus = "RUNNING",
            MoveTaskMoved = 20,
            MoveTaskToMove = 90
        ),
        thing!(Queue, "orders-dlq", MoveTaskStatus = "COMPLETED"),
    ),
];

/// An alarm on a queue that is sent this many messages a second.
fn silent_alarm(s: &mut Stage, state: &str) -> NodeId {
    let facts = [
        (AlarmState, state.into()),
        (AlarmStateSince, ago(60).into()),
    ];
    s.thing(Kind::Alarm, "orders-age", &facts)
}

const FUNCTIONS: &[Row] = &[
    row(
        "function.errors",
        Critical,
        "settle fails 38 % of its invocations.",
        thing!(Function, "settle", ErrorsPercent = 38.0),
        thing!(Function, "settle", ErrorsPercent = 0.4),
    ),
    row(
        "function.throttled",
        Warning,
        "it uses all of its 50 reserved executions",
        thing!(
            Function,
            "settle",
            ThrottlesPerSecond = 2.0,
            ConcurrentExecutions = 50,
            ReservedConcurrency = 50
        ),
        thing!(Function, "settle", ThrottlesPerSecond = 0.0),
    ),
    row(
        "function.state",
        Critical,
        "settle is Failed: VpcNotFound.",
        thing!(
            Function,
            "settle",
            StateWord = "Failed",
            Reason = "VpcNotFound"
        ),
        thing!(Function, "settle", StateWord = "Active"),
    ),
    row(
        "mapping.disabled",
        Warning,
        "The mapping from orders to settle is Disabled: nothing is delivered.",
        thing!(
            Mapping,
            "m",
            StateWord = "Disabled",
            EventSource = "arn:aws:sqs:us-east-1:1:orders",
            FunctionName = "settle"
        ),
        thing!(Mapping, "m", StateWord = "Enabled"),
    ),
    row(
        "mapping.changing",
        InTransition,
        "is Enabling",
        thing!(Mapping, "m", StateWord = "Enabling"),
        thing!(Mapping, "m", StateWord = "Enabled"),
    ),
    row(
        "mapping.problem",
        Warning,
        "PROBLEM: Function call failed",
        thing!(
            Mapping,
            "m",
            StateWord = "Enabled",
            LastProcessingResult = "PROBLEM: Function call failed"
        ),
        thing!(
            Mapping,
            "m",
            StateWord = "Enabled",
            LastProcessingResult = "OK"
        ),
    ),
    row(
        "alarm.firing",
        Warning,
        "Alarm orders-age fires since 02:46:00.",
        |s| silent_alarm(s, "ALARM"),
        |s| silent_alarm(s, "OK"),
    ),
    row(
        "alarm.no-data",
        Unknown,
        "Alarm orders-age has no data since 02:46:00: what it watches is not known.",
        |s| silent_alarm(s, "INSUFFICIENT_DATA"),
        |s| silent_alarm(s, "OK"),
    ),
];

const TABLES: &[&[Row]] = &[
    SOURCES, UNSAID, EDGE, BALANCING, CLUSTERS, PODS, WORKLOADS, DATABASES, QUEUES, FUNCTIONS,
];

#[test]
fn every_rule_speaks_when_it_should_and_only_then() {
    let mut wrong = Vec::new();
    for row in TABLES.iter().copied().flatten() {
        let mut stage = Stage::new();
        let id = (row.yes)(&mut stage);
        let picture = stage.picture();
        match reason(&picture, &id, row.rule) {
            None => wrong.push(format!("{} does not speak", row.rule)),
            Some(r) if r.level != row.level => wrong.push(format!("{} is {:?}", row.rule, r.level)),
            Some(r) if !r.sentence.contains(row.says) => {
                wrong.push(format!(
                    "{} says {:?}, not {:?}",
                    row.rule, r.sentence, row.says
                ));
            }
            Some(r) if !r.sentence.ends_with('.') || r.evidence.is_empty() => {
                wrong.push(format!(
                    "{} gives no sentence or no evidence: {r:?}",
                    row.rule
                ));
            }
            Some(_) => {}
        }
        let mut stage = Stage::new();
        let id = (row.no)(&mut stage);
        if let Some(r) = reason(&stage.picture(), &id, row.rule) {
            wrong.push(format!("{} speaks without cause: {}", row.rule, r.sentence));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_its_cases_and_a_name_of_its_own() {
    let rules: Vec<&str> = RULES.iter().copied().flatten().map(|r| r.id).collect();
    let named: BTreeSet<&str> = rules.iter().copied().collect();
    assert_eq!(named.len(), rules.len(), "a name is used twice");
    let tried: BTreeSet<&str> = TABLES.iter().copied().flatten().map(|r| r.rule).collect();
    assert_eq!(tried, named);
}

#[test]
fn an_alarm_without_data_on_an_idle_thing_is_no_unknown() {
    let mut stage = Stage::new();
    let alarm = silent_alarm(&mut stage, "INSUFFICIENT_DATA");
    let queue = stage.thing(Kind::Queue, "orders", &[(MessagesVisible, 0.into())]);
    stage.edge(&alarm, Relation::Watches, &queue);
    let picture = stage.picture();
    let reason = reason(&picture, &alarm, "alarm.no-data").expect("it is said");
    assert_eq!(
        (reason.level, reason.sentence.as_str()),
        (
            Level::Ok,
            "Alarm orders-age has no data since 02:46:00: orders is idle."
        )
    );
}

#[test]
fn capacity_decides_how_bad_a_missing_pod_is() {
    for (pods, ready, expected) in [
        (12, 11, Warning),
        (1, 0, Critical),
        (700, 699, Level::Ok),
        (12, 6, Critical),
        (12, 12, Level::Ok),
    ] {
        let mut stage = Stage::new();
        let (deployment, _) = stage.deployment("api", pods, ready);
        let picture = stage.picture();
        assert_eq!(
            crate::stage::level(&picture, &deployment),
            expected,
            "{ready} of {pods}"
        );
    }
}

#[test]
fn pods_that_an_autoscaler_just_asked_for_are_a_transition() {
    let mut stage = Stage::new();
    let (deployment, pods) = stage.deployment("api", 4, 2);
    for pod in &pods[2..] {
        stage.found(pod).facts.set(CreatedAt, ago(20));
        stage.found(pod).facts.set(StartedAt, ago(20));
    }
    let picture = stage.picture();
    assert_eq!(crate::stage::level(&picture, &deployment), InTransition);
}

#[test]
fn a_pod_that_restarts_for_once_is_a_transition_for_all_that_rest_on_it() {
    for (restarts, expected) in [(1, InTransition), (7, Warning)] {
        let mut stage = Stage::new();
        let group = group(&mut stage, &[("us-east-1a", 11, 0), ("us-east-1b", 10, 1)]);
        let (deployment, pods) = stage.deployment("api", 12, 11);
        let facts = &mut stage.found(&pods[11]).facts;
        facts.set(LastRestartAt, ago(20));
        facts.set(Restarts, restarts);
        for pod in &pods {
            stage.edge(&group, Relation::Targets, pod);
        }
        let picture = stage.picture();
        for (id, rule) in [
            (&group, "targetgroup.unhealthy"),
            (&deployment, "workload.capacity"),
        ] {
            let reason = reason(&picture, id, rule).expect("it is said");
            assert_eq!(reason.level, expected, "{rule} after {restarts} restarts");
        }
    }
}
