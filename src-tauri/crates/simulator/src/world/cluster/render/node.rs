//! Nodes.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::super::Cluster;
use super::super::node::{Node, Size};
use super::super::store::Draft;
use super::{draft, stamp};

impl Cluster {
    /// A node as it is now.
    pub(in super::super) fn node_draft(&self, node: &Node) -> Draft {
        let mut metadata = json!({
            "name": &*node.name, "uid": node.uid, "creationTimestamp": stamp(node.created), "labels": *node.labels,
            "annotations": { "node.alpha.kubernetes.io/ttl": "0",
                             "alpha.kubernetes.io/provided-node-ip": node.ip.to_string(),
                             "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
        });
        for (k, v) in &node.annotations {
            metadata["annotations"][k] = json!(v);
        }
        let mut spec = json!({ "providerID": format!("aws:///{}/{}", self.az_name(node.az), node.instance_id) });
        let taints = taints(node);
        if !taints.is_empty() {
            spec["taints"] = Value::Array(taints);
        }
        if node.cordoned {
            spec["unschedulable"] = json!(true);
        }
        let status = json!({
            "capacity": resources(node.size),
            "allocatable": resources(node.size.allocatable()),
            "conditions": conditions(node),
            "addresses": addresses(node.ip, &node.name),
            "daemonEndpoints": { "kubeletEndpoint": { "Port": 10250 } },
            "nodeInfo": self.info(node),
        });
        draft(
            "",
            &node.name,
            node.created,
            node.labels.clone(),
            &metadata,
            &json!({ "spec": spec, "status": status }),
        )
    }

    fn info(&self, node: &Node) -> Value {
        let machine: String = node.uid.replace('-', "");
        json!({
            "machineID": format!("ec2{}", &machine[3..]), "systemUUID": format!("ec2{}", &node.uid[3..]),
            "bootID": node.uid, "kernelVersion": "6.12.46-66.121.amzn2023.x86_64", "osImage": "Amazon Linux 2023.8.20260914",
            "containerRuntimeVersion": "containerd://2.1.4", "kubeletVersion": self.git_version(),
            "kubeProxyVersion": self.git_version(), "operatingSystem": "linux",
            "architecture": node.labels.get("kubernetes.io/arch"),
        })
    }

    /// The version of the server and its kubelets.
    #[must_use]
    pub fn git_version(&self) -> String {
        format!("v{}.5-eks-113cf36", self.spec.version)
    }
}

fn resources(size: Size) -> Value {
    let cpu = if size.millicpu.is_multiple_of(1000) {
        (size.millicpu / 1000).to_string()
    } else {
        format!("{}m", size.millicpu)
    };
    json!({ "cpu": cpu, "ephemeral-storage": "83864556Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0",
            "memory": format!("{}Ki", u64::from(size.mib) * 1024), "pods": size.pods.to_string() })
}

fn addresses(ip: Ipv4Addr, name: &str) -> Value {
    json!([
        { "type": "InternalIP", "address": ip.to_string() },
        { "type": "InternalDNS", "address": name },
        { "type": "Hostname", "address": name },
    ])
}

fn conditions(node: &Node) -> Value {
    let (beat, since, born) = (
        stamp(node.heartbeat),
        stamp(node.ready_since),
        stamp(node.created),
    );
    let one = |kind: &str, well: &str, reason: &str, message: &str| {
        if node.ready {
            let since = if kind == "Ready" { &since } else { &born };
            json!({ "type": kind, "status": well, "lastHeartbeatTime": beat, "lastTransitionTime": since,
                    "reason": reason, "message": message })
        } else {
            json!({ "type": kind, "status": "Unknown", "lastHeartbeatTime": beat, "lastTransitionTime": since,
                    "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status." })
        }
    };
    json!([
        one(
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available"
        ),
        one(
            "DiskPressure",
            "False",
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure"
        ),
        one(
            "PIDPressure",
            "False",
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available"
        ),
        one(
            "Ready",
            "True",
            "KubeletReady",
            "kubelet is posting ready status"
        ),
    ])
}

fn taints(node: &Node) -> Vec<Value> {
    let mut taints = Vec::new();
    if !node.ready {
        for effect in ["NoSchedule", "NoExecute"] {
            taints.push(
                json!({ "key": "node.kubernetes.io/unreachable", "effect": effect,
                                "timeAdded": stamp(node.ready_since) }),
            );
        }
    }
    if node.leaving && node.claim.is_some() {
        taints.push(json!({ "key": "karpenter.sh/disrupted", "effect": "NoSchedule" }));
    }
    if node.cordoned {
        taints.push(json!({ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" }));
    }
    taints
}
