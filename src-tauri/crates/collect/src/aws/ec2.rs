//! EC2: the addresses the subnets of a nodegroup have left. Nodes and, with the VPC CNI, their pods
//! take theirs from there (EKS User Guide, "Amazon EKS networking requirements for VPC and subnets").

use crate::round::all_pages;
use crate::{Collector, Known, Reach, Reading, Round};
use async_trait::async_trait;
use cloud::{Session, ec2};
use model::{Fact, Facts, Found, FoundNode, Kind, Service, SourceFailure};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Values one filter of a call takes (EC2 API reference, `Filter`).
const IDS: usize = 200;

/// Free addresses, said of every nodegroup of the region.
pub struct Subnets;

#[async_trait]
impl Collector for Subnets {
    fn service(&self) -> Service {
        Service::Ec2
    }

    fn part(&self) -> &'static str {
        "subnets"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn needs(&self) -> &'static [Service] {
        &[Service::Eks]
    }

    async fn collect(&self, session: &Session, known: &Known) -> Reading {
        let round = Round::new(session, Service::Ec2);
        let groups: Vec<&FoundNode> = known.here(session, Kind::Nodegroup).collect();
        let outcome = addresses(&round, &groups).await;
        round.end(outcome)
    }
}

async fn addresses(round: &Round<'_>, groups: &[&FoundNode]) -> Result<Vec<Found>, SourceFailure> {
    let all: BTreeSet<&str> = groups.iter().flat_map(|group| subnets(group)).collect();
    let all: Vec<String> = all.into_iter().map(ToOwned::to_owned).collect();
    let mut free = BTreeMap::new();
    for ids in all.chunks(IDS) {
        let read = all_pages!(
            round,
            "DescribeSubnets",
            |mark| {
                let call = ec2::describe_subnets(&round.session.sdk, ids, mark.clone());
                round.ask("DescribeSubnets", "", call).await?
            },
            page => (page.subnets, page.next_token)
        );
        free.extend(
            read.into_iter()
                .map(|one| (one.id, one.available_addresses)),
        );
    }
    let said = groups.iter().filter_map(|group| {
        let left: Option<Vec<i64>> = subnets(group).map(|id| free.get(id).copied()).collect();
        // What is left where one is not known is not what is left.
        let left = left.filter(|left| !left.is_empty())?;
        let mut facts = Facts::default();
        facts.set(Fact::FreeAddresses, left.iter().sum::<i64>());
        facts.set_some(Fact::LeastFreeAddresses, left.into_iter().min());
        Some(Found::Readings(round.readings(&group.id, facts)))
    });
    Ok(said.collect())
}

fn subnets(group: &FoundNode) -> impl Iterator<Item = &str> {
    let text = group.facts.text(Fact::Subnets).unwrap_or("");
    text.split(", ").filter(|id| !id.is_empty())
}
