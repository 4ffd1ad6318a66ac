//! The resources that are served: one row each, from which discovery, routing and storage follow.

/// A resource of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Resource {
    ConfigMaps,
    Events,
    LimitRanges,
    Namespaces,
    Nodes,
    PersistentVolumeClaims,
    PersistentVolumes,
    Pods,
    ReplicationControllers,
    ResourceQuotas,
    Secrets,
    ServiceAccounts,
    Services,
    DaemonSets,
    Deployments,
    ReplicaSets,
    StatefulSets,
    HorizontalPodAutoscalers,
    CronJobs,
    Jobs,
    Leases,
    EndpointSlices,
    Applications,
    TargetGroupBindings,
    Ec2NodeClasses,
    NodeClaims,
    NodePools,
    ScaledObjects,
    Kustomizations,
    Ingresses,
    PodDisruptionBudgets,
}

/// A subresource and what it answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subresource {
    /// Last part of the path.
    pub name: &'static str,
    /// Kind it speaks.
    pub kind: &'static str,
    /// Group of that kind, empty when it is the resource's own.
    pub group: &'static str,
    /// Version of that kind, empty when it is the resource's own.
    pub version: &'static str,
    /// Verbs.
    pub verbs: &'static [&'static str],
}

/// What is fixed about a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// API group, empty for the core.
    pub group: &'static str,
    /// API version.
    pub version: &'static str,
    /// Plural, as in paths.
    pub plural: &'static str,
    /// Singular.
    pub singular: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Whether it lives in a namespace.
    pub namespaced: bool,
    /// Short names of kubectl.
    pub short: &'static [&'static str],
    /// Categories, as in `kubectl get all`.
    pub categories: &'static [&'static str],
    /// Subresources.
    pub subresources: Subresources,
}

const STATUS_VERBS: &[&str] = &["get", "patch", "update"];
const ALL: &[&str] = &["all"];
const NONE: &[&str] = &[];

/// Which subresources a resource has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subresources {
    /// None.
    None,
    /// `status`.
    Status,
    /// `status` and `scale`.
    Scalable,
    /// Those of pods.
    Pod,
}

impl Row {
    /// Its subresources, by name.
    #[must_use]
    pub fn subresources(&self) -> Vec<Subresource> {
        let status = Subresource {
            name: "status",
            kind: self.kind,
            group: "",
            version: "",
            verbs: STATUS_VERBS,
        };
        let scale = Subresource {
            name: "scale",
            kind: "Scale",
            group: "autoscaling",
            version: "v1",
            verbs: STATUS_VERBS,
        };
        let eviction = Subresource {
            name: "eviction",
            kind: "Eviction",
            group: "policy",
            version: "v1",
            verbs: &["create"],
        };
        let log = Subresource {
            name: "log",
            kind: "Pod",
            group: "",
            version: "",
            verbs: &["get"],
        };
        match self.subresources {
            Subresources::None => Vec::new(),
            Subresources::Status => vec![status],
            Subresources::Scalable => vec![scale, status],
            Subresources::Pod => vec![eviction, log, status],
        }
    }
}

#[allow(clippy::too_many_arguments)]
const fn row(
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    namespaced: bool,
    short: &'static [&'static str],
    categories: &'static [&'static str],
    subresources: Subresources,
) -> Row {
    Row {
        group,
        version,
        plural,
        singular,
        kind,
        namespaced,
        short,
        categories,
        subresources,
    }
}

impl Resource {
    /// All of them, in the order of discovery.
    pub const ALL: &'static [Self] = &[
        Self::ConfigMaps,
        Self::Events,
        Self::LimitRanges,
        Self::Namespaces,
        Self::Nodes,
        Self::PersistentVolumeClaims,
        Self::PersistentVolumes,
        Self::Pods,
        Self::ReplicationControllers,
        Self::ResourceQuotas,
        Self::Secrets,
        Self::ServiceAccounts,
        Self::Services,
        Self::DaemonSets,
        Self::Deployments,
        Self::ReplicaSets,
        Self::StatefulSets,
        Self::HorizontalPodAutoscalers,
        Self::CronJobs,
        Self::Jobs,
        Self::Leases,
        Self::EndpointSlices,
        Self::Applications,
        Self::TargetGroupBindings,
        Self::Ec2NodeClasses,
        Self::NodeClaims,
        Self::NodePools,
        Self::ScaledObjects,
        Self::Kustomizations,
        Self::Ingresses,
        Self::PodDisruptionBudgets,
    ];

    /// Its row.
    #[must_use]
    #[rustfmt::skip]
    pub const fn row(self) -> Row {
        match self {
            Self::ConfigMaps => row("", "v1", "configmaps", "configmap", "ConfigMap", true, &["cm"], NONE, Subresources::None),
            Self::Events => row("", "v1", "events", "event", "Event", true, &["ev"], NONE, Subresources::None),
            Self::LimitRanges => row("", "v1", "limitranges", "limitrange", "LimitRange", true, &["limits"], NONE, Subresources::None),
            Self::Namespaces => row("", "v1", "namespaces", "namespace", "Namespace", false, &["ns"], NONE, Subresources::Status),
            Self::Nodes => row("", "v1", "nodes", "node", "Node", false, &["no"], NONE, Subresources::Status),
            Self::PersistentVolumeClaims => row("", "v1", "persistentvolumeclaims", "persistentvolumeclaim", "PersistentVolumeClaim", true, &["pvc"], NONE, Subresources::Status),
            Self::PersistentVolumes => row("", "v1", "persistentvolumes", "persistentvolume", "PersistentVolume", false, &["pv"], NONE, Subresources::Status),
            Self::Pods => row("", "v1", "pods", "pod", "Pod", true, &["po"], ALL, Subresources::Pod),
            Self::ReplicationControllers => row("", "v1", "replicationcontrollers", "replicationcontroller", "ReplicationController", true, &["rc"], ALL, Subresources::None),
            Self::ResourceQuotas => row("", "v1", "resourcequotas", "resourcequota", "ResourceQuota", true, &["quota"], NONE, Subresources::None),
            Self::Secrets => row("", "v1", "secrets", "secret", "Secret", true, NONE, NONE, Subresources::None),
            Self::ServiceAccounts => row("", "v1", "serviceaccounts", "serviceaccount", "ServiceAccount", true, &["sa"], NONE, Subresources::None),
            Self::Services => row("", "v1", "services", "service", "Service", true, &["svc"], ALL, Subresources::Status),
            Self::DaemonSets => row("apps", "v1", "daemonsets", "daemonset", "DaemonSet", true, &["ds"], ALL, Subresources::Status),
            Self::Deployments => row("apps", "v1", "deployments", "deployment", "Deployment", true, &["deploy"], ALL, Subresources::Scalable),
            Self::ReplicaSets => row("apps", "v1", "replicasets", "replicaset", "ReplicaSet", true, &["rs"], ALL, Subresources::Scalable),
            Self::StatefulSets => row("apps", "v1", "statefulsets", "statefulset", "StatefulSet", true, &["sts"], ALL, Subresources::Scalable),
            Self::HorizontalPodAutoscalers => row("autoscaling", "v2", "horizontalpodautoscalers", "horizontalpodautoscaler", "HorizontalPodAutoscaler", true, &["hpa"], ALL, Subresources::Status),
            Self::CronJobs => row("batch", "v1", "cronjobs", "cronjob", "CronJob", true, &["cj"], ALL, Subresources::Status),
            Self::Jobs => row("batch", "v1", "jobs", "job", "Job", true, NONE, ALL, Subresources::Status),
            Self::Leases => row("coordination.k8s.io", "v1", "leases", "lease", "Lease", true, NONE, NONE, Subresources::None),
            Self::EndpointSlices => row("discovery.k8s.io", "v1", "endpointslices", "endpointslice", "EndpointSlice", true, NONE, NONE, Subresources::None),
            Self::Applications => row("argoproj.io", "v1alpha1", "applications", "application", "Application", true, &["app", "apps"], NONE, Subresources::None),
            Self::Ec2NodeClasses => row("karpenter.k8s.aws", "v1", "ec2nodeclasses", "ec2nodeclass", "EC2NodeClass", false, &["ec2nc", "ec2ncs"], &["karpenter"], Subresources::Status),
            Self::NodeClaims => row("karpenter.sh", "v1", "nodeclaims", "nodeclaim", "NodeClaim", false, NONE, &["karpenter"], Subresources::Status),
            Self::NodePools => row("karpenter.sh", "v1", "nodepools", "nodepool", "NodePool", false, NONE, &["karpenter"], Subresources::Status),
            Self::Kustomizations => row("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "kustomization", "Kustomization", true, &["ks"], NONE, Subresources::Status),
            Self::TargetGroupBindings => row("elbv2.k8s.aws", "v1beta1", "targetgroupbindings", "targetgroupbinding", "TargetGroupBinding", true, NONE, NONE, Subresources::Status),
            Self::ScaledObjects => row("keda.sh", "v1alpha1", "scaledobjects", "scaledobject", "ScaledObject", true, &["so"], NONE, Subresources::Status),
            Self::Ingresses => row("networking.k8s.io", "v1", "ingresses", "ingress", "Ingress", true, &["ing"], NONE, Subresources::Status),
            Self::PodDisruptionBudgets => row("policy", "v1", "poddisruptionbudgets", "poddisruptionbudget", "PodDisruptionBudget", true, &["pdb"], NONE, Subresources::Status),
        }
    }

    /// The resource of a path.
    #[must_use]
    pub fn find(group: &str, version: &str, plural: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|r| {
            let row = r.row();
            row.plural == plural && row.group == group && row.version == version
        })
    }

    /// `v1`, `apps/v1`.
    #[must_use]
    pub fn api_version(self) -> String {
        let row = self.row();
        if row.group.is_empty() {
            row.version.to_owned()
        } else {
            format!("{}/{}", row.group, row.version)
        }
    }

    /// `pods`, `deployments.apps`: as error messages name it.
    #[must_use]
    pub fn qualified(self) -> String {
        let row = self.row();
        if row.group.is_empty() {
            row.plural.to_owned()
        } else {
            format!("{}.{}", row.plural, row.group)
        }
    }
}
