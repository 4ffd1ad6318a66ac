//! Where each resource is served.

use super::Watched;

/// The resources that are listed and watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    Nodes,
    Pods,
    Deployments,
    ReplicaSets,
    StatefulSets,
    Autoscalers,
    Budgets,
    Quotas,
    Services,
    Ingresses,
    Events,
    Namespaces,
    ScaledObjects,
    NodePools,
    Applications,
    Kustomizations,
    HelmReleases,
    Bindings,
}

/// A resource's place in the API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    /// Whose requests are counted.
    pub(super) what: Watched,
    /// API group, empty for core.
    pub(super) group: &'static str,
    /// Version in the group.
    pub(super) version: &'static str,
    /// Plural.
    pub(super) resource: &'static str,
    /// Every Kubernetes API server serves it: a 404 means that this is none.
    pub(super) always: bool,
}

impl Endpoint {
    /// The path of the list over all namespaces.
    pub(super) fn path(&self) -> String {
        let Self {
            group,
            version,
            resource,
            ..
        } = self;
        if group.is_empty() {
            format!("/api/{version}/{resource}")
        } else {
            format!("/apis/{group}/{version}/{resource}")
        }
    }
}

/// The endpoint of what is listed and watched.
pub(super) const fn of(listed: Listed) -> Endpoint {
    match listed {
        Listed::Nodes => core(Watched::Nodes, "nodes"),
        Listed::Pods => core(Watched::Pods, "pods"),
        Listed::Services => core(Watched::Services, "services"),
        Listed::Events => core(Watched::Events, "events"),
        Listed::Namespaces => core(Watched::Namespaces, "namespaces"),
        Listed::Deployments => apps(Watched::Deployments, "deployments"),
        Listed::ReplicaSets => apps(Watched::ReplicaSets, "replicasets"),
        Listed::StatefulSets => apps(Watched::StatefulSets, "statefulsets"),
        Listed::Autoscalers => other(
            Watched::Autoscalers,
            "autoscaling",
            "v2",
            "horizontalpodautoscalers",
        ),
        Listed::Budgets => other(Watched::Budgets, "policy", "v1", "poddisruptionbudgets"),
        Listed::Quotas => other(Watched::Quotas, "", "v1", "resourcequotas"),
        Listed::Ingresses => other(Watched::Ingresses, "networking.k8s.io", "v1", "ingresses"),
        Listed::ScaledObjects => other(
            Watched::ScaledObjects,
            "keda.sh",
            "v1alpha1",
            "scaledobjects",
        ),
        Listed::NodePools => other(Watched::NodePools, "karpenter.sh", "v1", "nodepools"),
        Listed::Applications => other(
            Watched::Applications,
            "argoproj.io",
            "v1alpha1",
            "applications",
        ),
        Listed::Kustomizations => other(
            Watched::Kustomizations,
            "kustomize.toolkit.fluxcd.io",
            "v1",
            "kustomizations",
        ),
        Listed::HelmReleases => other(
            Watched::HelmReleases,
            "helm.toolkit.fluxcd.io",
            "v2",
            "helmreleases",
        ),
        Listed::Bindings => other(
            Watched::Bindings,
            "elbv2.k8s.aws",
            "v1beta1",
            "targetgroupbindings",
        ),
    }
}

const fn core(what: Watched, resource: &'static str) -> Endpoint {
    Endpoint {
        what,
        group: "",
        version: "v1",
        resource,
        always: true,
    }
}

const fn apps(what: Watched, resource: &'static str) -> Endpoint {
    Endpoint {
        what,
        group: "apps",
        version: "v1",
        resource,
        always: true,
    }
}

/// What an older or smaller server may not serve.
const fn other(
    what: Watched,
    group: &'static str,
    version: &'static str,
    resource: &'static str,
) -> Endpoint {
    Endpoint {
        what,
        group,
        version,
        resource,
        always: false,
    }
}
