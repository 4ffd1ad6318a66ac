//! What a cluster is made of, as the world asks for it: everything here is decided before the cluster exists.

use std::fmt;

use crate::clock::Millis;

/// An availability zone: its name in this account and the id that is the same in every account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Az {
    /// `us-east-1a`.
    pub name: String,
    /// `use1-az4`.
    pub id: String,
}

/// How the instances of a nodegroup are bought; the value of the label `eks.amazonaws.com/capacityType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapacityType {
    /// Kept until given back.
    OnDemand,
    /// Cheaper, reclaimed with two minutes' notice.
    Spot,
}

impl CapacityType {
    /// The word Karpenter uses in the label `karpenter.sh/capacity-type`.
    #[must_use]
    pub const fn karpenter(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
        }
    }

    /// The word EKS uses in its API and in the node label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "ON_DEMAND",
            Self::Spot => "SPOT",
        }
    }
}

/// A managed nodegroup, spread evenly over the cluster's zones.
#[derive(Debug, Clone)]
pub struct NodegroupSpec {
    /// Name, the value of the label `eks.amazonaws.com/nodegroup`.
    pub name: String,
    /// `m7i.4xlarge`: decides what a node can hold.
    pub instance_type: String,
    /// How its instances are bought.
    pub capacity_type: CapacityType,
    /// Least number of nodes.
    pub min: u32,
    /// Number of nodes wanted now. Raised at the start when the workloads would not fit.
    pub desired: u32,
    /// Greatest number of nodes; raised with `desired` where that is needed at the start.
    pub max: u32,
}

/// A Karpenter NodePool over all of the cluster's zones.
#[derive(Debug, Clone)]
pub struct PoolSpec {
    /// Name, the value of the label `karpenter.sh/nodepool`.
    pub name: String,
    /// Instance types it may buy.
    pub instance_types: Vec<String>,
    /// How it may buy them, in the order of preference.
    pub capacity: Vec<CapacityType>,
    /// `limits.cpu`, cores.
    pub cpu_limit: Option<u32>,
    /// Nodes it has at the start.
    pub nodes: u32,
}

/// Which controller runs a workload's pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkloadKind {
    /// Interchangeable pods, rolled by replica sets.
    Deployment,
    /// Numbered pods, rolled one by one from the highest number.
    StatefulSet,
}

impl WorkloadKind {
    /// The `kind` on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
        }
    }
}

/// A horizontal pod autoscaler on CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hpa {
    /// Least number of replicas.
    pub min: u32,
    /// Greatest number of replicas.
    pub max: u32,
    /// Wanted use in percent of the CPU request.
    pub target_cpu_percent: u32,
}

/// A KEDA trigger on the depth of an SQS queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueTrigger {
    /// The queue's URL as SQS gives it.
    pub queue_url: String,
    /// Least number of replicas.
    pub min: u32,
    /// Greatest number of replicas.
    pub max: u32,
    /// Visible messages one pod is meant to carry.
    pub length_per_pod: u32,
}

/// A service in front of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServicePort {
    /// Port of the service.
    pub port: u16,
    /// Port of the container; the one the target group's targets carry.
    pub target_port: u16,
}

/// What keeps a workload as git has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitOps {
    /// An Argo CD Application with automated sync and self-heal.
    ArgoCd,
    /// A Flux Kustomization.
    Flux,
}

impl GitOps {
    /// Namespace of its custom resources.
    #[must_use]
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::ArgoCd => "argocd",
            Self::Flux => "flux-system",
        }
    }
}

/// Namespace and name of a workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadKey {
    /// Namespace.
    pub namespace: String,
    /// Name of the deployment or stateful set.
    pub name: String,
}

impl WorkloadKey {
    /// A key of these two.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for WorkloadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One workload.
#[derive(Debug, Clone)]
pub struct WorkloadSpec {
    /// Namespace; made when it is first named.
    pub namespace: String,
    /// Name of the deployment or stateful set; also of its service, service account and budget.
    pub name: String,
    /// Which controller.
    pub kind: WorkloadKind,
    /// Replicas at the start.
    pub replicas: u32,
    /// `repository:tag`; the registry of the account and region is put before it when it names none.
    pub image: String,
    /// Literal environment of the container, in order.
    pub env: Vec<(String, String)>,
    /// Environment that comes through the ConfigMap `NAME-config`, which the container takes with `envFrom`.
    pub config: Vec<(String, String)>,
    /// CPU request, thousandths of a core.
    pub requests_millicpu: u32,
    /// Memory request and limit, MiB.
    pub requests_mib: u32,
    /// Revision of the running release; older replica sets, scaled to zero, are kept below it. At least 1.
    pub revision: u32,
    /// Autoscaler on CPU.
    pub hpa: Option<Hpa>,
    /// KEDA trigger; takes the place of `hpa`.
    pub queue_trigger: Option<QueueTrigger>,
    /// Service, made when given.
    pub service: Option<ServicePort>,
    /// Target group the service's pods are registered with by a TargetGroupBinding; needs `service`.
    pub target_group_arn: Option<String>,
    /// Host of an ingress of class `alb`; needs `service`.
    pub ingress: Option<IngressSpec>,
    /// What keeps it as git has it, replicas included; for workloads without an autoscaler.
    pub gitops: Option<GitOps>,
    /// Role of the service account (IRSA), when it has one.
    pub role_arn: Option<String>,
}

/// An ingress of class `alb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressSpec {
    /// Host of its only rule.
    pub host: String,
    /// DNS name of the load balancer, shown in its status.
    pub load_balancer: String,
}

impl WorkloadSpec {
    /// A deployment with nothing but the necessary; set the rest with struct update syntax.
    pub fn deployment(namespace: &str, name: &str, image: &str, replicas: u32) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            kind: WorkloadKind::Deployment,
            replicas,
            image: image.to_owned(),
            env: Vec::new(),
            config: Vec::new(),
            requests_millicpu: 250,
            requests_mib: 512,
            revision: 1,
            hpa: None,
            queue_trigger: None,
            service: None,
            target_group_arn: None,
            ingress: None,
            gitops: None,
            role_arn: None,
        }
    }

    /// Its namespace and name.
    #[must_use]
    pub fn key(&self) -> WorkloadKey {
        WorkloadKey::new(&self.namespace, &self.name)
    }
}

/// A cluster.
#[derive(Debug, Clone)]
pub struct ClusterSpec {
    /// EKS's name of it.
    pub name: String,
    /// Region.
    pub region: String,
    /// Account id, in the ARNs and the registry.
    pub account: String,
    /// Kubernetes version, `1.33`.
    pub version: String,
    /// Second octet of the VPC: nodes and pods get addresses in `10.NETWORK.0.0/16`. Unique among clusters.
    pub network: u8,
    /// Zones; the order decides the subnets, one to four of them.
    pub azs: Vec<Az>,
    /// Nodegroups, at least one.
    pub nodegroups: Vec<NodegroupSpec>,
    /// Karpenter's pools.
    pub pools: Vec<PoolSpec>,
    /// Workloads, unique by namespace and name.
    pub workloads: Vec<WorkloadSpec>,
}

/// What a workload's pods in one zone are busy with now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Mean CPU use of a pod, percent of its request; may exceed 100.
    pub cpu_percent_of_request: f64,
}

/// How the containers of a faulty release end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashReason {
    /// Killed by the kernel for memory, exit code 137.
    OomKilled,
    /// The process gave up, exit code 1.
    Error,
}

/// A fault of a release: what its pods do, and no others.
#[derive(Debug, Clone, PartialEq)]
pub struct CrashLoop {
    /// Share of the release's pods that crash, 0 to 1.
    pub share: f64,
    /// How they end.
    pub reason: CrashReason,
    /// Last line their log shows before the end.
    pub last_words: String,
}

/// Bounds and counts of a nodegroup, as EKS shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodegroupState {
    /// Least number of nodes.
    pub min: u32,
    /// Number wanted.
    pub desired: u32,
    /// Greatest number.
    pub max: u32,
    /// Nodes that are Ready now.
    pub ready: u32,
    /// Nodes that are there, being drained or not.
    pub nodes: u32,
    /// An update is under way.
    pub updating: bool,
    /// When its settings last changed.
    pub modified: Millis,
}
