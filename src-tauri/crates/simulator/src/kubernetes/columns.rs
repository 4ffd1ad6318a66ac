//! The columns of tables, as the printers of kube-apiserver define them
//! (`k8s.io/kubernetes/pkg/printers/internalversion/printers.go`) and as the custom resources do.

use crate::world::cluster::resource::Resource;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Name.
    pub name: &'static str,
    /// `string` or `integer`.
    pub kind: &'static str,
    /// 1 for those shown only when wide.
    pub priority: u8,
}

const fn text(name: &'static str) -> Column {
    Column {
        name,
        kind: "string",
        priority: 0,
    }
}

const fn wide(name: &'static str) -> Column {
    Column {
        name,
        kind: "string",
        priority: 1,
    }
}

const fn number(name: &'static str) -> Column {
    Column {
        name,
        kind: "integer",
        priority: 0,
    }
}

const NAME: Column = text("Name");
const AGE: Column = text("Age");
const MADE_OF: [Column; 3] = [wide("Containers"), wide("Images"), wide("Selector")];

/// The columns of a resource.
#[must_use]
#[rustfmt::skip]
pub(super) fn columns(resource: Resource) -> Vec<Column> {
    let mut all = vec![NAME];
    match resource {
        Resource::Pods => all.extend([text("Ready"), text("Status"), text("Restarts"), AGE, wide("IP"), wide("Node"), wide("Nominated Node"), wide("Readiness Gates")]),
        Resource::Nodes => all.extend([text("Status"), text("Roles"), AGE, text("Version"), wide("Internal-IP"), wide("External-IP"), wide("OS-Image"), wide("Kernel-Version"), wide("Container-Runtime")]),
        Resource::Namespaces => all.extend([text("Status"), AGE]),
        Resource::Deployments => {
            all.extend([text("Ready"), number("Up-to-date"), number("Available"), AGE]);
            all.extend(MADE_OF);
        }
        Resource::ReplicaSets => {
            all.extend([number("Desired"), number("Current"), number("Ready"), AGE]);
            all.extend(MADE_OF);
        }
        Resource::StatefulSets => all.extend([text("Ready"), AGE, wide("Containers"), wide("Images")]),
        Resource::HorizontalPodAutoscalers => all.extend([text("Reference"), text("Targets"), text("MinPods"), text("MaxPods"), number("Replicas"), AGE]),
        Resource::Services => all.extend([text("Type"), text("Cluster-IP"), text("External-IP"), text("Port(s)"), AGE, wide("Selector")]),
        Resource::Ingresses => all.extend([text("Class"), text("Hosts"), text("Address"), text("Ports"), AGE]),
        Resource::Events => return vec![text("Last Seen"), text("Type"), text("Reason"), text("Object"), wide("Subobject"), wide("Source"), text("Message"), wide("First Seen"), Column { name: "Count", kind: "integer", priority: 1 }, wide("Name")],
        Resource::EndpointSlices => all.extend([text("AddressType"), text("Ports"), text("Endpoints"), AGE]),
        Resource::PodDisruptionBudgets => all.extend([text("Min Available"), text("Max Unavailable"), number("Allowed Disruptions"), AGE]),
        Resource::ConfigMaps => all.extend([text("Data"), AGE]),
        Resource::ServiceAccounts => all.extend([text("Secrets"), AGE]),
        Resource::Leases => all.extend([text("Holder"), AGE]),
        Resource::ScaledObjects => all.extend([text("ScaleTargetKind"), text("ScaleTargetName"), number("Min"), number("Max"), text("Ready"), text("Active"), text("Fallback"), text("Paused"), text("Triggers"), text("Authentications"), AGE]),
        Resource::Applications => all.extend([text("Sync Status"), text("Health Status"), wide("Revision")]),
        Resource::Ec2NodeClasses => all.extend([text("Ready"), AGE]),
        Resource::NodeClaims => all.extend([text("Type"), text("Capacity"), text("Zone"), text("Node"), text("Ready"), AGE, wide("ID"), wide("NodePool")]),
        Resource::NodePools => all.extend([text("NodeClass"), text("Nodes"), text("Ready"), AGE, wide("Weight"), wide("CPU")]),
        Resource::Kustomizations => all.extend([AGE, text("Ready"), text("Status")]),
        Resource::TargetGroupBindings => all.extend([text("Service-Name"), text("Service-Port"), text("Target-Type"), wide("ARN"), AGE]),
        Resource::LimitRanges | Resource::PersistentVolumeClaims | Resource::PersistentVolumes
        | Resource::ReplicationControllers | Resource::ResourceQuotas | Resource::Secrets | Resource::DaemonSets
        | Resource::CronJobs | Resource::Jobs => all.push(AGE),
    }
    all
}
