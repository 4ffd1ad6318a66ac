//! Nodes and nodegroups: what an instance holds, where it stands and how well its kubelet is.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::need::Need;
use super::pod::PodId;
use super::pools::ClaimId;
use super::spec::CapacityType;
use super::store::Labels;
use crate::clock::Millis;

/// A node of a cluster, in the order in which they joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(pub u32);

/// What an instance type offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Cores, thousandths.
    pub millicpu: u32,
    /// Memory, MiB.
    pub mib: u32,
    /// Pods the kubelet admits.
    pub pods: u32,
}

impl Size {
    /// The size of an EC2 instance type by its name: the suffix gives the cores, the family letter the memory a core
    /// (c: 2 GiB, m and t: 4 GiB, r and x: 8 GiB). EKS admits 110 pods below 30 cores and 250 above
    /// (<https://docs.aws.amazon.com/eks/latest/userguide/choosing-instance-type.html>).
    pub(super) fn of(instance_type: &str) -> Self {
        let (family, size) = instance_type
            .split_once('.')
            .unwrap_or((instance_type, "large"));
        let cores = match size {
            "medium" => 1,
            "large" => 2,
            "xlarge" => 4,
            other => {
                other
                    .strip_suffix("xlarge")
                    .and_then(|n| n.parse::<u32>().ok())
                    .unwrap_or(1)
                    .clamp(1, 48)
                    * 4
            }
        };
        let gib = match family.as_bytes().first() {
            Some(b'c') => 2,
            Some(b'r' | b'x') => 8,
            _ => 4,
        };
        Self {
            millicpu: cores * 1000,
            mib: cores * gib * 1024,
            pods: if cores < 30 { 110 } else { 250 },
        }
    }

    /// vCPUs.
    pub(super) const fn cores(self) -> u32 {
        self.millicpu / 1000
    }

    /// What is left for pods after the kubelet and the system took their share.
    pub(super) fn allocatable(self) -> Self {
        Self {
            millicpu: self.millicpu - 80,
            mib: self.mib - 255 - self.mib / 20,
            pods: self.pods,
        }
    }
}

/// A node.
#[derive(Debug)]
pub(super) struct Node {
    pub id: NodeId,
    pub name: Arc<str>,
    pub uid: String,
    pub instance_id: String,
    pub ip: Ipv4Addr,
    /// Index of its zone in the cluster's.
    pub az: usize,
    /// Index of its nodegroup, when it has one.
    pub group: Option<usize>,
    /// The claim it was bought by, when it was.
    pub claim: Option<ClaimId>,
    pub size: Size,
    pub created: Millis,
    pub heartbeat: Millis,
    pub ready: bool,
    pub ready_since: Millis,
    /// `spec.unschedulable`.
    pub cordoned: bool,
    /// Being taken away.
    pub leaving: bool,
    pub pods: BTreeSet<PodId>,
    /// Since when Karpenter has found it empty.
    pub empty_since: Option<Millis>,
    pub used_millicpu: u32,
    pub used_mib: u32,
    pub labels: Arc<Labels>,
    /// Set through the API.
    pub annotations: Labels,
}

impl Node {
    /// What it lacks for a pod, in the scheduler's words; nothing when the pod fits.
    pub(super) fn lacks(&self, need: &Need) -> Vec<&'static str> {
        let room = self.size.allocatable();
        let pods = u32::try_from(self.pods.len()).unwrap_or(u32::MAX);
        let lacks = [
            (pods >= room.pods, "Too many pods"),
            (
                self.used_millicpu + need.millicpu > room.millicpu,
                "Insufficient cpu",
            ),
            (self.used_mib + need.mib > room.mib, "Insufficient memory"),
        ];
        lacks
            .into_iter()
            .filter(|(lack, _)| *lack)
            .map(|(_, what)| what)
            .collect()
    }

    /// Requested share of the fuller of CPU and memory, thousandths.
    pub(super) fn fullness(&self) -> u32 {
        let room = self.size.allocatable();
        (self.used_millicpu * 1000 / room.millicpu.max(1)).max(
            u32::try_from(u64::from(self.used_mib) * 1000 / u64::from(room.mib.max(1)))
                .unwrap_or(u32::MAX),
        )
    }
}

/// A change of a nodegroup's settings, as `DescribeUpdate` shows it.
#[derive(Debug, Clone)]
pub struct NodegroupUpdate {
    /// Update id.
    pub id: String,
    /// `clientRequestToken` it came with.
    pub token: Option<String>,
    /// What was asked for: type and value.
    pub params: Vec<(&'static str, String)>,
    /// When it was asked for.
    pub created: Millis,
    /// When it is done.
    pub settles: Millis,
}

/// A nodegroup.
#[derive(Debug)]
pub(super) struct Nodegroup {
    pub name: String,
    pub instance_type: String,
    pub capacity_type: CapacityType,
    pub min: u32,
    pub desired: u32,
    pub max: u32,
    /// Instances that have been ordered and not yet joined.
    pub joining: u32,
    /// When its settings last changed.
    pub modified: Millis,
    /// Changes asked for through EKS, oldest first.
    pub updates: Vec<NodegroupUpdate>,
    /// Why its Auto Scaling group gets no instances, since when.
    pub issue: Option<(Millis, String)>,
}

/// The addresses of one VPC: a quarter of 10.N.0.0/16 per zone, nodes at its start and pods above.
#[derive(Debug)]
pub(super) struct Addresses {
    network: u8,
    next_node: [u32; 4],
    next_pod: [u32; 4],
    freed: [VecDeque<u32>; 4],
}

const FIRST_NODE: u32 = 10;
const FIRST_POD: u32 = 0x0800;
const SUBNET: u32 = 0x4000;
/// Freed pod addresses are kept aside while fewer than this many are free, as the VPC CNI cools them down.
const COOLING: usize = 64;

impl Addresses {
    pub(super) fn new(network: u8) -> Self {
        Self {
            network,
            next_node: [FIRST_NODE; 4],
            next_pod: [FIRST_POD; 4],
            freed: Default::default(),
        }
    }

    fn address(&self, az: usize, host: u32) -> Ipv4Addr {
        let offset = u32::try_from(az % 4).unwrap_or(0) * SUBNET + host % SUBNET;
        Ipv4Addr::from((10 << 24) | (u32::from(self.network) << 16) | offset)
    }

    /// Spread over the subnet by a step that is prime to its size, so that names do not count up.
    pub(super) fn node(&mut self, az: usize) -> Ipv4Addr {
        let n = self.next_node[az % 4];
        self.next_node[az % 4] += 1;
        let span = FIRST_POD - FIRST_NODE;
        self.address(az, FIRST_NODE + ((n - FIRST_NODE) * 619) % span)
    }

    pub(super) fn pod(&mut self, az: usize) -> Ipv4Addr {
        let lane = az % 4;
        if (self.freed[lane].len() > COOLING || self.next_pod[lane] >= SUBNET - 2)
            && let Some(host) = self.freed[lane].pop_front()
        {
            return self.address(az, host);
        }
        let n = self.next_pod[lane];
        self.next_pod[lane] += 1;
        let span = SUBNET - 2 - FIRST_POD;
        self.address(az, FIRST_POD + ((n - FIRST_POD) * 4057) % span)
    }

    pub(super) fn free(&mut self, az: usize, ip: Ipv4Addr) {
        self.freed[az % 4].push_back(u32::from(ip) % SUBNET);
    }
}

/// The private DNS name of an instance: `ec2.internal` in us-east-1, `REGION.compute.internal` elsewhere.
pub(super) fn dns_name(ip: Ipv4Addr, region: &str) -> String {
    let [a, b, c, d] = ip.octets();
    let domain = if region == "us-east-1" {
        "ec2.internal".to_owned()
    } else {
        format!("{region}.compute.internal")
    };
    format!("ip-{a}-{b}-{c}-{d}.{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_type_gives_cores_and_memory() {
        assert_eq!(
            Size::of("m7i.4xlarge"),
            Size {
                millicpu: 16_000,
                mib: 65_536,
                pods: 110
            }
        );
        assert_eq!(
            Size::of("c7g.xlarge"),
            Size {
                millicpu: 4_000,
                mib: 8_192,
                pods: 110
            }
        );
        assert_eq!(Size::of("r6i.8xlarge").pods, 250);
    }

    #[test]
    fn addresses_are_unique_and_within_their_zone() {
        let mut addresses = Addresses::new(42);
        let mut seen = BTreeSet::new();
        for n in 0..6000 {
            let ip = addresses.pod(n % 3);
            assert!(seen.insert(ip), "{ip} twice");
            assert_eq!(usize::from(ip.octets()[2] >> 6), n % 3);
        }
        for n in 0..300 {
            assert!(seen.insert(addresses.node(n % 3)));
        }
    }

    #[test]
    fn names_follow_the_region() {
        let ip = Ipv4Addr::new(10, 40, 1, 9);
        assert_eq!(dns_name(ip, "us-east-1"), "ip-10-40-1-9.ec2.internal");
        assert_eq!(
            dns_name(ip, "eu-west-1"),
            "ip-10-40-1-9.eu-west-1.compute.internal"
        );
    }
}
