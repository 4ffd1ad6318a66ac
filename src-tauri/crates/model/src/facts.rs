//! What is known of a node: flat, with a closed set of names that carry their units.
//!
//! Absent means not known (or not applicable); a fact is never null. The names are the stable
//! contract of `qd topology --json` and of the window.

use crate::time::Timestamp;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// What a fact says where it was read that there is nothing: that is known, and not the same as not read.
pub const NONE: &str = "none";

macro_rules! facts {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// The name of a fact.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS)]
        #[serde(rename_all = "snake_case")]
        pub enum Fact {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Fact {
            /// Every fact name.
            pub const ALL: &'static [Fact] = &[$(Fact::$variant,)*];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Fact::$variant => $text,)* }
            }
        }
    };
}

facts! {
    /// ARN.
    Arn = "arn",
    /// The service's own status word.
    Status = "status",
    /// Why, in the service's words (waiting reason, status reason).
    Reason = "reason",
    /// The service's longer message.
    Message = "message",
    /// RFC 3339.
    CreatedAt = "created_at",
    /// Engine or cluster version.
    Version = "version",
    /// Deployment revision number.
    Revision = "revision",
    /// Bounded, k=v comma separated, for display.
    Labels = "labels",
    /// DNS name or endpoint.
    Host = "host",
    /// TCP port.
    Port = "port",
    /// URL.
    Url = "url",
    /// VPC id.
    Vpc = "vpc",
    /// A, AAAA, CNAME, HTTPS.
    RecordType = "record_type",
    /// Absent for alias records.
    TtlSeconds = "ttl_seconds",
    /// Is an alias record.
    Alias = "alias",
    /// DNS name it aliases.
    AliasTarget = "alias_target",
    /// Alias target health is evaluated.
    EvaluateTargetHealth = "evaluate_target_health",
    /// Values, comma separated.
    Values = "values",
    /// Routing set identifier.
    SetIdentifier = "set_identifier",
    /// Simple, weighted, latency, failover, geolocation, multivalue.
    Routing = "routing",
    /// 0-255.
    Weight = "weight",
    /// PRIMARY or SECONDARY.
    Failover = "failover",
    /// Region of a latency record.
    LatencyRegion = "latency_region",
    /// Its health check.
    HealthCheckId = "health_check_id",
    /// Zone is private.
    PrivateZone = "private_zone",
    /// Records in the zone.
    RecordCount = "record_count",
    /// NS values.
    NameServers = "name_servers",
    /// Sets of the zone that lead nowhere (SOA, TXT, MX, CAA, delegations, validation CNAMEs):
    /// type and name, comma separated, bounded.
    OtherRecords = "other_records",
    /// Whether Route 53 answers with this branch now.
    Serving = "serving",
    /// HTTP, HTTPS, TCP, CALCULATED, CLOUDWATCH_METRIC ….
    CheckType = "check_type",
    /// What it checks.
    Target = "target",
    /// 10 or 30.
    IntervalSeconds = "interval_seconds",
    /// 1-10 consecutive.
    FailureThreshold = "failure_threshold",
    /// Treats healthy as unhealthy.
    Inverted = "inverted",
    /// Always counts as healthy.
    Disabled = "disabled",
    /// 1 healthy, 0 unhealthy (CloudWatch HealthCheckStatus).
    CheckStatus = "check_status",
    /// 0-100 (HealthCheckPercentageHealthy).
    CheckersHealthyPercent = "checkers_healthy_percent",
    /// CloudFront domain.
    Domain = "domain",
    /// Alternate names, comma separated.
    Aliases = "aliases",
    /// Enabled.
    Enabled = "enabled",
    /// Number of origins.
    Origins = "origins",
    /// Number of origin groups.
    OriginGroups = "origin_groups",
    /// Associated web ACL ARN.
    WebAcl = "web_acl",
    /// Price class.
    PriceClass = "price_class",
    /// OAC id.
    OriginAccessControl = "origin_access_control",
    /// Requests per second.
    RequestsPerSecond = "requests_per_second",
    /// 0-100.
    Error4xxPercent = "error_4xx_percent",
    /// 0-100.
    Error5xxPercent = "error_5xx_percent",
    /// Milliseconds.
    OriginLatencyMs = "origin_latency_ms",
    /// 0-100.
    CacheHitPercent = "cache_hit_percent",
    /// Internet-facing or internal.
    Scheme = "scheme",
    /// Application, network.
    LbType = "lb_type",
    /// Availability zones.
    ZonesCount = "zones_count",
    /// Number of listeners.
    Listeners = "listeners",
    /// HTTPCode_Target_5XX per second.
    Target5xxPerSecond = "target_5xx_per_second",
    /// HTTPCode_ELB_5XX per second.
    Elb5xxPerSecond = "elb_5xx_per_second",
    /// Share of requests, 0-100.
    Target5xxPercent = "target_5xx_percent",
    /// Share of requests, 0-100.
    Elb5xxPercent = "elb_5xx_percent",
    /// TargetResponseTime p50, milliseconds.
    LatencyP50Ms = "latency_p50_ms",
    /// TargetResponseTime p99, milliseconds.
    LatencyP99Ms = "latency_p99_ms",
    /// RejectedConnectionCount per second.
    RejectedConnectionsPerSecond = "rejected_connections_per_second",
    /// HTTP, HTTPS, TCP.
    Protocol = "protocol",
    /// Ip, instance, lambda, alb.
    TargetType = "target_type",
    /// Registered targets.
    Targets = "targets",
    /// Healthy.
    TargetsHealthy = "targets_healthy",
    /// Unhealthy.
    TargetsUnhealthy = "targets_unhealthy",
    /// Draining.
    TargetsDraining = "targets_draining",
    /// Initial.
    TargetsInitial = "targets_initial",
    /// Unused.
    TargetsUnused = "targets_unused",
    /// E.g. Target.Timeout ×3, Target.ResponseCodeMismatch ×1.
    UnhealthyReasons = "unhealthy_reasons",
    /// Path.
    HealthCheckPath = "health_check_path",
    /// EKS platform version.
    PlatformVersion = "platform_version",
    /// API server endpoint.
    Endpoint = "endpoint",
    /// Issue codes with counts.
    HealthIssues = "health_issues",
    /// Who changes its desired size: `cluster-autoscaler` when tagged for it.
    ScaledBy = "scaled_by",
    /// Auto Scaling groups, comma separated.
    AutoscalingGroups = "autoscaling_groups",
    /// Zonal shift enabled.
    ZonalShiftEnabled = "zonal_shift_enabled",
    /// API server answer as we see it, milliseconds: on a connection that stands, to the head of the
    /// answer to `GET /version`.
    ApiLatencyMs = "api_latency_ms",
    /// Context of the kubeconfig it is read through: `kubectl --context`.
    KubeContext = "kube_context",
    /// The user that changes are made as, where it is not who reads: `kubectl --as`.
    ActUser = "act_user",
    /// Nodes.
    Nodes = "nodes",
    /// Ready nodes.
    NodesReady = "nodes_ready",
    /// Pods.
    Pods = "pods",
    /// Ready pods.
    PodsReady = "pods_ready",
    /// ResourceQuota: pods allowed.
    QuotaPods = "quota_pods",
    /// ResourceQuota: pods counted.
    QuotaPodsUsed = "quota_pods_used",
    /// ResourceQuota: CPU that may be requested, millicores.
    QuotaCpuMillicores = "quota_cpu_millicores",
    /// ResourceQuota: CPU requested, millicores.
    QuotaCpuUsedMillicores = "quota_cpu_used_millicores",
    /// ResourceQuota: memory that may be requested, MiB.
    QuotaMemoryMib = "quota_memory_mib",
    /// ResourceQuota: memory requested, MiB.
    QuotaMemoryUsedMib = "quota_memory_used_mib",
    /// Desired size or replicas.
    Desired = "desired",
    /// Lower bound.
    Min = "min",
    /// Upper bound.
    Max = "max",
    /// KEDA: the lower bound is not written down, 0 is what KEDA takes then.
    MinImplied = "min_implied",
    /// KEDA: the upper bound is not written down, 100 is what KEDA takes then.
    MaxImplied = "max_implied",
    /// NodePool: CPU its nodes may have in all, millicores; absent is no limit.
    CpuLimitMillicores = "cpu_limit_millicores",
    /// NodePool: CPU of the nodes it has, millicores.
    CpuProvisionedMillicores = "cpu_provisioned_millicores",
    /// NodePool: memory its nodes may have in all, MiB; absent is no limit.
    MemoryLimitMib = "memory_limit_mib",
    /// NodePool: memory of the nodes it has, MiB.
    MemoryProvisionedMib = "memory_provisioned_mib",
    /// NodePool: nodes it may have; absent is no limit.
    NodesLimit = "nodes_limit",
    /// NodePool: what it limits by an amount that could not be read, comma separated; absent is none.
    LimitsUnread = "limits_unread",
    /// NodePool: taints a pod must tolerate on its nodes, `key=value:effect`, comma separated.
    Taints = "taints",
    /// NodePool: labels its nodes have, `key=value` or `key=value|value`, comma separated; any of the values, `*` is
    /// whatever a pod asks for.
    NodeLabels = "node_labels",
    /// ON_DEMAND or SPOT; of a NodePool those it may buy, comma separated.
    CapacityType = "capacity_type",
    /// Comma separated.
    InstanceTypes = "instance_types",
    /// Ready condition is True.
    Ready = "ready",
    /// Not cordoned.
    Schedulable = "schedulable",
    /// Instance type.
    InstanceType = "instance_type",
    /// Managed nodegroup.
    Nodegroup = "nodegroup",
    /// Karpenter's NodePool that bought the node.
    NodePool = "nodepool",
    /// Kubelet version.
    KubeletVersion = "kubelet_version",
    /// Millicores.
    CpuAllocatableMillicores = "cpu_allocatable_millicores",
    /// MiB.
    MemoryAllocatableMib = "memory_allocatable_mib",
    /// Pods.
    PodsAllocatable = "pods_allocatable",
    /// RFC 3339, last transition of Ready.
    ReadySince = "ready_since",
    /// Provider id.
    ProviderId = "provider_id",
    /// Internal IP.
    InternalIp = "internal_ip",
    /// Memory, disk or PID pressure words.
    Pressure = "pressure",
    /// Replicas asked for.
    Replicas = "replicas",
    /// Ready.
    ReplicasReady = "replicas_ready",
    /// Of the newest revision.
    ReplicasUpdated = "replicas_updated",
    /// Available.
    ReplicasAvailable = "replicas_available",
    /// Unavailable.
    ReplicasUnavailable = "replicas_unavailable",
    /// Rollout or scaler paused.
    Paused = "paused",
    /// First container's image.
    Image = "image",
    /// Complete, progressing, stuck, paused.
    Rollout = "rollout",
    /// RFC 3339: creation of the newest replica set.
    RolloutStartedAt = "rollout_started_at",
    /// Restarts of its pods in the last 10 minutes.
    RestartsRecent = "restarts_recent",
    /// Metadata.generation.
    Generation = "generation",
    /// Status.observedGeneration.
    ObservedGeneration = "observed_generation",
    /// True for the newest replica set of its owner.
    RevisionCurrent = "revision_current",
    /// PDB minAvailable.
    MinAvailable = "min_available",
    /// PDB minAvailable where it is a count and not a share: it stays when there are fewer replicas.
    MinAvailableFixed = "min_available_fixed",
    /// PDB disruptionsAllowed.
    DisruptionsAllowed = "disruptions_allowed",
    /// RollingUpdate, Recreate, OnDelete.
    Strategy = "strategy",
    /// Pods beyond the wanted number while rolling out: a count or a percentage.
    MaxSurge = "max_surge",
    /// Pods that may be missing while rolling out: a count or a percentage.
    MaxUnavailable = "max_unavailable",
    /// CPU one pod requests, all its containers, millicores.
    CpuRequestMillicores = "cpu_request_millicores",
    /// Memory one pod requests, all its containers, MiB.
    MemoryRequestMib = "memory_request_mib",
    /// Seconds a pod may take to end.
    TerminationGraceSeconds = "termination_grace_seconds",
    /// Labels a pod asks of its node, `key=value`, comma separated.
    NodeSelector = "node_selector",
    /// Taints a pod tolerates, `key=value:effect`, without `=value` where any value is; `*` is any key or effect.
    Tolerations = "tolerations",
    /// Who deploys it: `argocd:APP`, `flux-kustomization:NAMESPACE/NAME`,
    /// `flux-helmrelease:NAMESPACE/NAME`, `helm:RELEASE`, else what its label says.
    ManagedBy = "managed_by",
    /// It puts back by itself what others change: Argo CD's automated sync with `selfHeal`, a
    /// Kustomization, a HelmRelease with `driftDetection.mode: enabled`; true also while suspended.
    SelfHeal = "self_heal",
    /// It does nothing until it is resumed: Flux' `spec.suspend`, Argo CD's annotation
    /// `argocd.argoproj.io/skip-reconcile`.
    Suspended = "suspended",
    /// What is written of that, as it is written; absent where nothing is.
    SuspendWritten = "suspend_written",
    /// It applies by itself what changes in git; an Application without automated sync waits for
    /// somebody.
    AutoSync = "auto_sync",
    /// Where it deploys to, when that is not its own cluster.
    Destination = "destination",
    /// Differences from git that it leaves alone, one rule after the other:
    /// `Deployment */* /spec/replicas, Deployment trading/api /spec/template`: kind, namespace and
    /// name (`*` for any of the two) and JSON pointer.
    IgnoresDrift = "ignores_drift",
    /// It leaves them alone also when it applies something else: a Kustomization, an Application with
    /// `RespectIgnoreDifferences=true`; a HelmRelease writes them at its next upgrade.
    IgnoresDriftAlways = "ignores_drift_always",
    /// Flux' `spec.interval`, seconds.
    SyncIntervalSeconds = "sync_interval_seconds",
    /// Argo CD's `status.sync.status`: Synced, OutOfSync, Unknown.
    SyncStatus = "sync_status",
    /// When it last looked: Argo CD's `status.reconciledAt`.
    SyncedAt = "synced_at",
    /// Field manager that wrote `spec.replicas` last; with `/scale` when through that subresource.
    ReplicasManager = "replicas_manager",
    /// Pending, Running, Succeeded, Failed, Unknown.
    Phase = "phase",
    /// IP.
    PodIp = "pod_ip",
    /// Node.
    NodeName = "node_name",
    /// Container restarts.
    Restarts = "restarts",
    /// RFC 3339.
    LastRestartAt = "last_restart_at",
    /// Last termination: reason and exit code.
    LastExit = "last_exit",
    /// Owning workload: namespace/name.
    Workload = "workload",
    /// Kind of the owning workload.
    WorkloadKind = "workload_kind",
    /// RFC 3339.
    StartedAt = "started_at",
    /// Deletion requested.
    Terminating = "terminating",
    /// Current.
    CurrentReplicas = "current_replicas",
    /// Desired by the autoscaler.
    DesiredReplicas = "desired_replicas",
    /// Kind/name it scales.
    ScaleTarget = "scale_target",
    /// Desired = max and limited.
    PinnedAtMax = "pinned_at_max",
    /// ScalingActive condition.
    ScalingActive = "scaling_active",
    /// Why limited.
    ScalingLimitedReason = "scaling_limited_reason",
    /// AbleToScale condition.
    AbleToScale = "able_to_scale",
    /// KEDA: scaling in is paused.
    PausedScaleIn = "paused_scale_in",
    /// KEDA: scaling out is paused.
    PausedScaleOut = "paused_scale_out",
    /// KEDA: paused at this many replicas.
    PausedReplicas = "paused_replicas",
    /// KEDA: the autoscaler it keeps.
    HpaName = "hpa_name",
    /// KEDA: seconds between looks at the trigger.
    PollingIntervalSeconds = "polling_interval_seconds",
    /// KEDA: seconds without load before scaling to zero.
    CooldownSeconds = "cooldown_seconds",
    /// KEDA: replicas without load.
    IdleReplicas = "idle_replicas",
    /// Metric in words.
    Metric = "metric",
    /// Current metric value.
    MetricCurrent = "metric_current",
    /// Target metric value.
    MetricTarget = "metric_target",
    /// Scaler trigger in words.
    Trigger = "trigger",
    /// RFC 3339.
    LastScaleAt = "last_scale_at",
    /// ClusterIP, NodePort, LoadBalancer.
    ServiceType = "service_type",
    /// Cluster IP.
    ClusterIp = "cluster_ip",
    /// Ingress class.
    IngressClass = "ingress_class",
    /// Hosts, comma separated.
    Hosts = "hosts",
    /// Engine.
    Engine = "engine",
    /// Engine version.
    EngineVersion = "engine_version",
    /// Reader endpoint.
    ReaderEndpoint = "reader_endpoint",
    /// Instance that writes.
    Writer = "writer",
    /// Writer or reader.
    Role = "role",
    /// Class.
    InstanceClass = "instance_class",
    /// How the storage of its cluster is charged: `aurora` (Standard) or `aurora-iopt1` (I/O-Optimized).
    StorageType = "storage_type",
    /// USD an hour for an instance of its class here, by the on-demand list price.
    HourlyUsd = "hourly_usd",
    /// 0-15.
    PromotionTier = "promotion_tier",
    /// Members.
    Members = "members",
    /// Readers.
    Readers = "readers",
    /// Readers that the stack file expects at least.
    ReadersExpected = "readers_expected",
    /// Available readers.
    ReadersAvailable = "readers_available",
    /// More than one AZ.
    MultiAz = "multi_az",
    /// 0-100.
    CpuPercent = "cpu_percent",
    /// Open connections.
    Connections = "connections",
    /// AuroraReplicaLag, milliseconds.
    ReplicaLagMs = "replica_lag_ms",
    /// Milliseconds.
    CommitLatencyMs = "commit_latency_ms",
    /// MiB.
    FreeableMemoryMib = "freeable_memory_mib",
    /// Protected.
    DeletionProtection = "deletion_protection",
    /// Global cluster it belongs to.
    GlobalCluster = "global_cluster",
    /// vCPUs the account may run in the region of what the group buys.
    VcpuQuota = "vcpu_quota",
    /// vCPUs it runs there.
    VcpuQuotaUsed = "vcpu_quota_used",
    /// Ids of the subnets its instances are put in.
    Subnets = "subnets",
    /// IPv4 addresses that those subnets have left together.
    FreeAddresses = "free_addresses",
    /// IPv4 addresses the fullest of them has left.
    LeastFreeAddresses = "least_free_addresses",
    /// Zones that its subnet group has subnets in, comma separated.
    SubnetZones = "subnet_zones",
    /// DB instances the account may have in the region.
    InstanceQuota = "instance_quota",
    /// DB instances it has there.
    InstanceQuotaUsed = "instance_quota_used",
    /// Names of the RDS Proxies in front of it, in words, each with what is wrong with it in parentheses;
    /// `none` when there are none, absent when not read.
    Proxies = "proxies",
    /// Pending maintenance actions in words; `none` when there are none, absent when not read.
    PendingMaintenance = "pending_maintenance",
    /// What a modification under way or waiting will change, in words; `none` when nothing is.
    PendingModifications = "pending_modifications",
    /// Daily window of automated backups, UTC: `hh24:mi-hh24:mi`.
    BackupWindow = "backup_window",
    /// Weekly maintenance window, UTC: `ddd:hh24:mi-ddd:hh24:mi`.
    MaintenanceWindow = "maintenance_window",
    /// RFC 3339: newest event of a failover in the last three hours.
    LastFailoverAt = "last_failover_at",
    /// Events of failovers in the last three hours: 0 is known, absent is not.
    FailoverEventsRecent = "failover_events_recent",
    /// Virtual CPUs of the class.
    ClassVcpus = "class_vcpus",
    /// Memory of the class, GiB.
    ClassMemoryGib = "class_memory_gib",
    /// Connections the engine's default for the class allows; a parameter group may say otherwise.
    MaxConnectionsEstimate = "max_connections_estimate",
    /// Who made it: `autoscaling` for readers of Application Auto Scaling.
    CreatedBy = "created_by",
    /// URL of the stack file that answers 2xx when its writer can be written to.
    WriteProbe = "write_probe",
    /// Global failover state.
    FailoverState = "failover_state",
    /// FIFO queue.
    Fifo = "fifo",
    /// ApproximateNumberOfMessages.
    MessagesVisible = "messages_visible",
    /// In flight.
    MessagesNotVisible = "messages_not_visible",
    /// Delayed.
    MessagesDelayed = "messages_delayed",
    /// ApproximateAgeOfOldestMessage.
    OldestAgeSeconds = "oldest_age_seconds",
    /// MessageRetentionPeriod.
    RetentionSeconds = "retention_seconds",
    /// VisibilityTimeout.
    VisibilityTimeoutSeconds = "visibility_timeout_seconds",
    /// MaximumMessageSize.
    MaximumMessageSizeBytes = "maximum_message_size_bytes",
    /// Redrive policy.
    MaxReceiveCount = "max_receive_count",
    /// Name of its DLQ.
    DeadLetterQueue = "dead_letter_queue",
    /// Some queue names it as DLQ.
    IsDeadLetterQueue = "is_dead_letter_queue",
    /// Names of the queues it is the DLQ of, comma separated.
    SourceQueues = "source_queues",
    /// NumberOfMessagesSent per second.
    SentPerSecond = "sent_per_second",
    /// NumberOfMessagesReceived per second.
    ReceivedPerSecond = "received_per_second",
    /// NumberOfMessagesDeleted per second.
    DeletedPerSecond = "deleted_per_second",
    /// At the current net rate; absent when it does not drain.
    TimeToDrainSeconds = "time_to_drain_seconds",
    /// Status of the newest move task.
    MoveTaskStatus = "move_task_status",
    /// RFC 3339.
    MoveTaskStartedAt = "move_task_started_at",
    /// Messages moved.
    MoveTaskMoved = "move_task_moved",
    /// Messages to move.
    MoveTaskToMove = "move_task_to_move",
    /// Max messages per second.
    MoveTaskRate = "move_task_rate",
    /// Failure reason.
    MoveTaskFailure = "move_task_failure",
    /// The queue's last ten move tasks, newest first: status, moved of how many, rate, start.
    MoveTaskHistory = "move_task_history",
    /// Task handle while running.
    MoveTaskHandle = "move_task_handle",
    /// Destination ARN.
    MoveTaskDestination = "move_task_destination",
    /// SSE or KMS.
    Encrypted = "encrypted",
    /// KMS key of the encryption; absent for SSE-SQS.
    KmsKey = "kms_key",
    /// Seconds a new message is held back.
    DelaySeconds = "delay_seconds",
    /// FIFO: duplicates are told by the hash of the body.
    ContentBasedDeduplication = "content_based_deduplication",
    /// Which queues may use it as a dead-letter queue: allowAll, denyAll, byQueue.
    RedrivePermission = "redrive_permission",
    /// RFC 3339: start of the minute in which the first of the messages now there came (from metrics).
    FirstMessageAt = "first_message_at",
    /// Stack file says redelivery is safe.
    ConsumerIdempotent = "consumer_idempotent",
    /// Stack file says the consumer cannot be seen.
    ConsumerExternal = "consumer_external",
    /// Runtime.
    Runtime = "runtime",
    /// MiB.
    MemoryMib = "memory_mib",
    /// Seconds.
    TimeoutSeconds = "timeout_seconds",
    /// RFC 3339.
    LastModified = "last_modified",
    /// Function or mapping state.
    StateWord = "state_word",
    /// How a function's last update ended: `Successful`, `Failed` or `InProgress`.
    LastUpdateStatus = "last_update_status",
    /// Per second.
    InvocationsPerSecond = "invocations_per_second",
    /// 0-100.
    ErrorsPercent = "errors_percent",
    /// Per second.
    ThrottlesPerSecond = "throttles_per_second",
    /// Milliseconds.
    DurationP95Ms = "duration_p95_ms",
    /// Concurrent.
    ConcurrentExecutions = "concurrent_executions",
    /// Reserved.
    ReservedConcurrency = "reserved_concurrency",
    /// Mapping batch size.
    BatchSize = "batch_size",
    /// Mapping ScalingConfig.
    MaximumConcurrency = "maximum_concurrency",
    /// Mapping's provisioned event pollers, at least; absent when it has none.
    ProvisionedPollers = "provisioned_pollers",
    /// Mapping's last result.
    LastProcessingResult = "last_processing_result",
    /// Mapping is meant to be enabled.
    EnabledWanted = "enabled_wanted",
    /// Event source ARN.
    EventSource = "event_source",
    /// Zone that a zonal shift keeps the traffic of the balancer or cluster out of; its id where its name was not told;
    /// `none`: no shift is applied.
    ShiftedAwayFrom = "shifted_away_from",
    /// RFC 3339: when the shift expires; absent of an autoshift, which AWS ends.
    ShiftedUntil = "shifted_until",
    /// Whose shift it is: `ZONAL_SHIFT` (somebody's), `PRACTICE_RUN`, `FIS_EXPERIMENT`, `ZONAL_AUTOSHIFT`.
    ShiftedBy = "shifted_by",
    /// What whoever made the shift wrote to it.
    ShiftComment = "shift_comment",
    /// Function the mapping invokes.
    FunctionName = "function_name",
    /// CloudFormation stack that keeps it, by the tag CloudFormation puts on what it makes; `none`: its tags were read
    /// and name none.
    OwnerStack = "owner_stack",
    /// OK, ALARM, INSUFFICIENT_DATA.
    AlarmState = "alarm_state",
    /// RFC 3339.
    AlarmStateSince = "alarm_state_since",
    /// Namespace/metric.
    AlarmMetric = "alarm_metric",
    /// Condition in words.
    AlarmCondition = "alarm_condition",
    /// Composite alarm.
    AlarmComposite = "alarm_composite",
    /// Actions enabled.
    ActionsEnabled = "actions_enabled",
}

/// A scalar. Times are text (RFC 3339).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A count.
    Int(i64),
    /// A measured number.
    Float(f64),
    /// Words, identifiers, times.
    Text(#[ts(type = "string")] Arc<str>),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

macro_rules! int_values {
    ($($t:ty),*) => { $(impl From<$t> for Value {
        fn from(value: $t) -> Self {
            Self::Int(i64::from(value))
        }
    })* };
}
int_values!(i64, i32, u32, u16, u8);

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(plain(value).unwrap_or_else(|| value.into()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(plain(&value).unwrap_or_else(|| value.into()))
    }
}

impl From<Arc<str>> for Value {
    fn from(value: Arc<str>) -> Self {
        Self::Text(plain(&value).unwrap_or(value))
    }
}

/// The longest text a fact holds, in bytes: more than any name, address or list a person reads.
const LONGEST: usize = 8192;

/// A control character, or a mark that turns the direction of what follows: text of a cloud is shown
/// without.
#[must_use]
pub fn unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Text as it may be shown: bounded, without control characters and without marks that turn the
/// direction of what follows. `None` when it is fit as it is, as nearly all is.
fn plain(text: &str) -> Option<Arc<str>> {
    if text.len() <= LONGEST && !text.contains(unfit) {
        return None;
    }
    let (kept, more) = match text.len() > LONGEST {
        true => (&text[..text.floor_char_boundary(LONGEST)], "…"),
        false => (text, ""),
    };
    let shown = kept.chars().map(|c| if unfit(c) { ' ' } else { c });
    Some(shown.chain(more.chars()).collect::<String>().into())
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Text(value.to_string().into())
    }
}

/// Facts of one node (or one zone of it), ordered by name's declaration.
///
/// Copies share what they say until one of them changes: a snapshot of ten thousand pods takes its
/// facts over from what was found, and comparing the same facts costs nothing.
#[derive(Clone, Debug, Default, ts_rs::TS)]
#[ts(as = "std::collections::BTreeMap<Fact, Value>")]
pub struct Facts(Arc<Vec<(Fact, Value)>>);

impl PartialEq for Facts {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Facts {
    /// Sets a fact, replacing what was known. A non-finite number is not a fact and is left out.
    pub fn set(&mut self, fact: Fact, value: impl Into<Value>) {
        let value = value.into();
        if matches!(value, Value::Float(number) if !number.is_finite()) {
            return;
        }
        let facts = Arc::make_mut(&mut self.0);
        match facts.binary_search_by_key(&fact, |(f, _)| *f) {
            Ok(at) => facts[at].1 = value,
            Err(at) => facts.insert(at, (fact, value)),
        }
    }

    /// Sets a fact when there is something to set.
    pub fn set_some(&mut self, fact: Fact, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(fact, value);
        }
    }

    /// Takes over every fact of `other`.
    pub fn absorb(&mut self, other: &Facts) {
        for (fact, value) in other.0.iter() {
            self.set(*fact, value.clone());
        }
    }

    /// Forgets a fact.
    pub fn remove(&mut self, fact: Fact) {
        Arc::make_mut(&mut self.0).retain(|(f, _)| *f != fact);
    }

    /// The value, as it is.
    #[must_use]
    pub fn get(&self, fact: Fact) -> Option<&Value> {
        self.0
            .binary_search_by_key(&fact, |(f, _)| *f)
            .ok()
            .map(|at| &self.0[at].1)
    }

    /// The value as a number (counts and measures).
    #[must_use]
    pub fn number(&self, fact: Fact) -> Option<f64> {
        match self.get(fact)? {
            Value::Int(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Bool(_) | Value::Text(_) => None,
        }
    }

    /// The value as a count.
    #[must_use]
    pub fn count(&self, fact: Fact) -> Option<i64> {
        match self.get(fact)? {
            Value::Int(value) => Some(*value),
            Value::Float(value) => Some(*value as i64),
            Value::Bool(_) | Value::Text(_) => None,
        }
    }

    /// The value as words.
    #[must_use]
    pub fn text(&self, fact: Fact) -> Option<&str> {
        match self.get(fact)? {
            Value::Text(value) => Some(value),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => None,
        }
    }

    /// The value as a truth; absent is `None`, not false.
    #[must_use]
    pub fn flag(&self, fact: Fact) -> Option<bool> {
        match self.get(fact)? {
            Value::Bool(value) => Some(*value),
            Value::Int(_) | Value::Float(_) | Value::Text(_) => None,
        }
    }

    /// The value as a time.
    #[must_use]
    pub fn time(&self, fact: Fact) -> Option<Timestamp> {
        Timestamp::parse(self.text(fact)?)
    }

    /// All facts, ordered.
    pub fn iter(&self) -> impl Iterator<Item = (Fact, &Value)> {
        self.0.iter().map(|(fact, value)| (*fact, value))
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (fact, value) in self.0.iter() {
            map.serialize_entry(fact.as_str(), value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Facts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of facts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Facts, A::Error> {
                let mut facts = Facts::default();
                while let Some((fact, value)) = map.next_entry::<Fact, Value>()? {
                    facts.set(fact, value);
                }
                Ok(facts)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_share_facts_until_one_changes() {
        let mut one = Facts::default();
        one.set(Fact::Pods, 3);
        let mut two = one.clone();
        assert!(Arc::ptr_eq(&one.0, &two.0));
        two.set(Fact::Pods, 4);
        assert_eq!(
            (one.count(Fact::Pods), two.count(Fact::Pods)),
            (Some(3), Some(4))
        );
        two.remove(Fact::Pods);
        assert!(two.is_empty() && one != two);
    }

    #[test]
    fn text_is_bounded_and_plain() {
        let mut facts = Facts::default();
        facts.set(Fact::EngineVersion, "8\u{1b}[31m\u{202e}.0\n");
        assert_eq!(facts.text(Fact::EngineVersion), Some("8 [31m .0 "));
        facts.set(Fact::Message, "é".repeat(LONGEST));
        let shown = facts.text(Fact::Message).expect("is there");
        assert!(shown.len() <= LONGEST + '…'.len_utf8() && shown.ends_with('…'));
    }

    #[test]
    fn facts_survive_json_and_keep_their_names() {
        let mut facts = Facts::default();
        facts.set(Fact::MessagesVisible, 1284_i64);
        facts.set(Fact::OldestAgeSeconds, 552.5);
        facts.set(Fact::Fifo, false);
        facts.set(Fact::CpuPercent, f64::NAN);
        let json = serde_json::to_string(&facts).expect("facts serialise");
        assert_eq!(
            json,
            r#"{"fifo":false,"messages_visible":1284,"oldest_age_seconds":552.5}"#
        );
        assert_eq!(
            serde_json::from_str::<Facts>(&json).expect("facts parse"),
            facts
        );
    }
}
