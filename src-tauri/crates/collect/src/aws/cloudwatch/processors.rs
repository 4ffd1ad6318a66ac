//! How many vCPUs the account may run in a region and how many it runs: CloudWatch counts them, and knows the quota,
//! so that neither EC2 nor Service Quotas has to be asked.
//!
//! Metrics: `AWS/Usage` `ResourceCount` of EC2's vCPUs by class of purchase (EC2 User Guide, "Amazon EC2 usage
//! metrics"). On-demand and spot instances of the standard families have a quota each (EC2 User Guide, "On-Demand
//! Instance limits": A, C, D, H, I, M, R, T, Z); other families have quotas of their own, which are not read.

use super::metric::{Points, Query, Window, read_with_quota};
use crate::{Known, Round};
use model::{Fact, Facts, Found, FoundNode, Kind, SourceFailure, Timestamp};

super::metrics! {
    /// Quotas of vCPUs, said of every nodegroup they are about.
    ProcessorQuotas, "vcpu-quotas", Regional, [Eks], quotas
}

/// What the letters before the digit of a standard instance type can be.
const STANDARD: [&str; 11] = ["a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"];
/// Usage is collected every minute (CloudWatch User Guide, "CloudWatch usage metrics").
const PERIOD: i32 = 60;
/// A figure may come some minutes late.
const BACK_SECONDS: i64 = 900;

async fn quotas(round: &Round<'_>, known: &Known) -> Result<Vec<Found>, SourceFailure> {
    let window = Window::back(round.session.clock.now(), BACK_SECONDS, PERIOD);
    let mut found = Vec::new();
    for (capacity, class) in [
        ("ON_DEMAND", "Standard/OnDemand"),
        ("SPOT", "Standard/Spot"),
    ] {
        let groups = known.here(round.session, Kind::Nodegroup);
        let groups: Vec<&FoundNode> = groups.filter(|group| counts(group, capacity)).collect();
        if groups.is_empty() {
            continue;
        }
        let read = read_with_quota(round, &window, &[usage(class)]).await?;
        for (used, quota) in &read {
            let Some((facts, at)) = facts(used, quota, &window) else {
                continue;
            };
            found.extend(groups.iter().map(|group| {
                let mut readings = round.readings(&group.id, facts.clone());
                readings.at = at;
                Found::Readings(readings)
            }));
        }
    }
    Ok(found)
}

fn usage(class: &str) -> Query {
    let dimensions = [
        ("Class", class),
        ("Resource", "vCPU"),
        ("Service", "EC2"),
        ("Type", "Resource"),
    ];
    Query {
        namespace: "AWS/Usage",
        metric: "ResourceCount",
        stat: "Maximum",
        dimensions: dimensions
            .map(|(name, value)| (name, value.to_owned()))
            .into(),
    }
}

/// Whether what the group buys counts against the quota of the standard families for this capacity.
fn counts(group: &FoundNode, capacity: &str) -> bool {
    let facts = &group.facts;
    let types = facts.text(Fact::InstanceTypes).unwrap_or("");
    facts.text(Fact::CapacityType) == Some(capacity)
        && !types.is_empty()
        && types.split(", ").all(standard)
}

fn standard(instance_type: &str) -> bool {
    let letters = instance_type.find(|c: char| !c.is_ascii_lowercase());
    letters.is_some_and(|end| {
        instance_type[end..].starts_with(|c: char| c.is_ascii_digit())
            && STANDARD.contains(&&instance_type[..end])
    })
}

/// Both newest figures, and the end of the older one's period.
fn facts(used: &Points, quota: &Points, window: &Window) -> Option<(Facts, Timestamp)> {
    let ((used_at, used), (quota_at, quota)) = used.newest(window).zip(quota.newest(window))?;
    let mut facts = Facts::default();
    facts.set(Fact::VcpuQuota, quota.round() as i64);
    facts.set(Fact::VcpuQuotaUsed, used.round() as i64);
    let end = used_at.min(quota_at) + i64::from(PERIOD);
    Some((facts, Timestamp::from_seconds(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_standard_families_share_the_quota() {
        for name in [
            "m6i.2xlarge",
            "c7g.large",
            "t3.medium",
            "im4gn.xlarge",
            "z1d.large",
            "r6id.4xlarge",
        ] {
            assert!(standard(name), "{name}");
        }
        for name in [
            "p4d.24xlarge",
            "g5.xlarge",
            "inf2.xlarge",
            "x2idn.large",
            "trn1.2xlarge",
            "u-6tb1.metal",
            "hpc6a.48xlarge",
            "mac1.metal",
            "",
            "m",
        ] {
            assert!(!standard(name), "{name}");
        }
    }
}
