//! vCPUs the account runs here, and the most it may run: EC2 keeps a quota for on-demand and one for spot instances of
//! the standard families (EC2 User Guide, "On-Demand Instance limits" and "Spot Instance limits").

use super::Cluster;
use super::node::Size;
use super::spec::CapacityType;
use crate::clock::Millis;

/// vCPUs beyond what the bounds of the nodegroups allow.
const SPARE: u32 = 64;

/// What EC2 says of an instance beyond the quota (EC2 Auto Scaling User Guide, "Troubleshoot: instance launch
/// failure").
fn refusal(capacity: CapacityType, quota: u32) -> String {
    let what = match capacity {
        CapacityType::OnDemand => "On-Demand",
        CapacityType::Spot => "Spot",
    };
    format!(
        "Could not launch {what} Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of {quota} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit. Launching EC2 instance failed."
    )
}

fn cores(instance_type: &str) -> u32 {
    Size::of(instance_type).cores()
}

impl Cluster {
    /// vCPUs that run or are ordered.
    #[must_use]
    pub fn vcpus(&self, capacity: CapacityType) -> u32 {
        let bought = |node: &&super::node::Node| match (node.group, node.claim) {
            (Some(group), _) => self.groups[group].capacity_type == capacity,
            (None, Some(claim)) => self
                .claims
                .get(&claim)
                .is_some_and(|c| c.capacity == capacity),
            (None, None) => false,
        };
        let running = self.nodes.values().filter(bought);
        let groups = self.groups.iter().filter(|g| g.capacity_type == capacity);
        running.map(|node| node.size.cores()).sum::<u32>()
            + groups
                .map(|g| g.joining * cores(&g.instance_type))
                .sum::<u32>()
    }

    /// The most vCPUs the account may run of a capacity.
    #[must_use]
    pub const fn vcpu_quota(&self, capacity: CapacityType) -> u32 {
        self.quotas[capacity as usize]
    }

    /// The account may fill every nodegroup, and run as much again as its pools do.
    pub(super) fn found_quotas(&mut self) {
        for capacity in [CapacityType::OnDemand, CapacityType::Spot] {
            let groups = self.groups.iter().filter(|g| g.capacity_type == capacity);
            let more = groups.map(|g| (g.max - g.desired) * cores(&g.instance_type));
            let most = self.vcpus(capacity) * 3 / 2 + more.sum::<u32>() + SPARE;
            self.quotas[capacity as usize] = most.next_multiple_of(32);
        }
    }

    /// Whether EC2 gives one more instance to a nodegroup; where it does not, EKS says so of the group from now on.
    pub(super) fn launches(&mut self, group: usize, now: Millis) -> bool {
        let (capacity, more) = {
            let group = &self.groups[group];
            (group.capacity_type, cores(&group.instance_type))
        };
        let quota = self.vcpu_quota(capacity);
        let fits = self.vcpus(capacity) + more <= quota;
        self.groups[group].issue = (!fits).then(|| (now, refusal(capacity, quota)));
        fits
    }
}
