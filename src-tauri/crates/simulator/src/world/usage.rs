//! The account's use of what has a service quota, as CloudWatch counts it: vCPUs of EC2 (EC2 User Guide, "Amazon EC2
//! usage metrics").

use crate::world::cluster::{CapacityType, Cluster};
use crate::world::metric::{MetricKey, Metrics, SeriesId};

/// Classes of purchase, by CloudWatch's names.
const CLASSES: [(CapacityType, &str); 2] = [
    (CapacityType::OnDemand, "Standard/OnDemand"),
    (CapacityType::Spot, "Standard/Spot"),
];

/// A minute's figures of one region.
pub(super) fn sample(region: &str, cluster: &Cluster, metrics: &mut Metrics) {
    for (capacity, class) in CLASSES {
        let id = series(region, class, metrics);
        metrics.sample(id, f64::from(cluster.vcpus(capacity)));
        metrics.set_quota(id, f64::from(cluster.vcpu_quota(capacity)));
    }
}

fn series(region: &str, class: &str, metrics: &mut Metrics) -> SeriesId {
    let dimensions = [
        ("Class", class),
        ("Resource", "vCPU"),
        ("Service", "EC2"),
        ("Type", "Resource"),
    ];
    let key = MetricKey::new(region, "AWS/Usage", "ResourceCount", &dimensions);
    metrics.series(key, "None")
}
