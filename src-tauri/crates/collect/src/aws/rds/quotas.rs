//! How many DB instances the account may have in a region and how many it has (DescribeAccountAttributes,
//! <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeAccountAttributes.html>): a
//! source of its own, for it needs a permission of its own.

use crate::{Collector, Known, Reach, Reading, Round};
use async_trait::async_trait;
use cloud::Session;
use model::{Fact, Facts, Found, FoundNode, Kind, Service, SourceFailure};
use std::time::Duration;

/// AWS's name of the quota.
const INSTANCES: &str = "DBInstances";

/// Quotas, said of every cluster of the region.
pub struct Quotas;

#[async_trait]
impl Collector for Quotas {
    fn service(&self) -> Service {
        Service::Rds
    }

    fn part(&self) -> &'static str {
        "quotas"
    }

    fn reach(&self) -> Reach {
        Reach::Regional
    }

    fn period(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn needs(&self) -> &'static [Service] {
        &[Service::Rds]
    }

    async fn collect(&self, session: &Session, known: &Known) -> Reading {
        let round = Round::new(session, Service::Rds);
        let clusters: Vec<&FoundNode> = known.here(session, Kind::DbCluster).collect();
        let outcome = quotas(&round, &clusters).await;
        round.end(outcome)
    }
}

async fn quotas(round: &Round<'_>, clusters: &[&FoundNode]) -> Result<Vec<Found>, SourceFailure> {
    let call = round.session.rds().describe_account_attributes();
    let answer = round
        .ask("DescribeAccountAttributes", "", call.send())
        .await?;
    let mut quotas = answer.account_quotas.iter().flatten();
    let instances = quotas.find(|quota| quota.account_quota_name.as_deref() == Some(INSTANCES));
    let mut facts = Facts::default();
    facts.set_some(Fact::InstanceQuota, instances.and_then(|quota| quota.max));
    facts.set_some(
        Fact::InstanceQuotaUsed,
        instances.and_then(|quota| quota.used),
    );
    let readings =
        |cluster: &&FoundNode| Found::Readings(round.readings(&cluster.id, facts.clone()));
    Ok(clusters.iter().map(readings).collect())
}
