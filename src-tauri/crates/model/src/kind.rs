//! What a node can be. Closed: a new kind makes every exhaustive match fail until it is complete.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// What a node is, in AWS's and Kubernetes' own words.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS)]
        #[serde(rename_all = "lowercase")]
        pub enum Kind { $($(#[$doc])* $variant,)* }

        impl Kind {
            /// Every kind, in the order of the path.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant,)*];

            /// The stable name, as in `qd topology --json`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Kind::$variant => $text,)* }
            }
        }
    };
}

kinds! {
    /// Route 53 hosted zone.
    Zone = "zone",
    /// Route 53 record set (A, AAAA, CNAME, HTTPS), one node per set identifier.
    Record = "record",
    /// Route 53 health check.
    HealthCheck = "healthcheck",
    /// CloudFront distribution.
    Distribution = "distribution",
    /// WAF web ACL.
    WebAcl = "webacl",
    /// S3 bucket.
    Bucket = "bucket",
    /// Application (or network) load balancer.
    LoadBalancer = "loadbalancer",
    /// Target group.
    TargetGroup = "targetgroup",
    /// EKS cluster.
    Cluster = "cluster",
    /// EKS managed nodegroup.
    Nodegroup = "nodegroup",
    /// Karpenter NodePool.
    NodePool = "nodepool",
    /// Kubernetes node.
    Node = "node",
    /// Kubernetes namespace.
    Namespace = "namespace",
    /// Deployment.
    Deployment = "deployment",
    /// ReplicaSet.
    ReplicaSet = "replicaset",
    /// StatefulSet.
    StatefulSet = "statefulset",
    /// Pod.
    Pod = "pod",
    /// HorizontalPodAutoscaler.
    Hpa = "hpa",
    /// KEDA ScaledObject.
    ScaledObject = "scaledobject",
    /// Argo CD Application.
    Application = "application",
    /// Flux Kustomization.
    Kustomization = "kustomization",
    /// Flux HelmRelease.
    HelmRelease = "helmrelease",
    /// Kubernetes service.
    Service = "service",
    /// Ingress.
    Ingress = "ingress",
    /// Aurora global database.
    DbGlobal = "dbglobal",
    /// Aurora cluster.
    DbCluster = "dbcluster",
    /// Aurora instance.
    DbInstance = "dbinstance",
    /// ElastiCache replication group.
    CacheGroup = "cachegroup",
    /// ElastiCache node.
    CacheNode = "cachenode",
    /// SQS queue.
    Queue = "queue",
    /// Lambda function.
    Function = "function",
    /// Lambda event source mapping.
    Mapping = "mapping",
    /// CloudWatch alarm.
    Alarm = "alarm",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
