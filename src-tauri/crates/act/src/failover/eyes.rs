//! What a run of a failover reads: members and their state, where the endpoint leads, whether
//! something can be written, and the one call it makes.

use super::FAILOVER;
use crate::course::{Answer, Call};
use crate::hands::{Hands, not_asked};
use crate::once;
use crate::shelf;
use aws_sdk_rds::types::{DbCluster, DbInstance, Filter, SourceType};
use cloud::{Session, dns, failure, probe};
use model::{NodeId, Service, SourceFailure, Timestamp};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// How far back events are asked for, minutes.
const MINUTES: i32 = 20;

/// A cluster as the run sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Members {
    pub(super) status: String,
    pub(super) writer: Option<String>,
    /// Status by member.
    pub(super) states: BTreeMap<String, String>,
}

/// Where a name leads.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Led {
    /// To where it was asked about, and nowhere else.
    pub(super) there: bool,
    /// What it leads to, or why that is not known, in words.
    pub(super) said: String,
    /// Both it could lead to have one address (a proxy, a tunnel, a resolver that knows neither), so an
    /// address does not tell which of them it is.
    pub(super) alike: bool,
}

impl Led {
    fn by(from: &[Ipv4Addr], there: &[Ipv4Addr], old: Option<&str>) -> Self {
        let Some(first) = from.first() else {
            return Self {
                said: "no address".to_owned(),
                ..Self::default()
            };
        };
        let alike = old.is_some_and(|old| there.iter().any(|address| address.to_string() == old));
        let leads = from.iter().all(|address| there.contains(address));
        Self {
            there: leads && !alike && old.is_some(),
            said: match old {
                Some(_) if alike => format!("{first}, which is the old writer's address too"),
                None if leads => format!("{first}; the old writer's own address is not known"),
                Some(_) | None => first.to_string(),
            },
            alike,
        }
    }
}

/// The hands: RDS, the resolver, the probe.
pub(super) struct Eyes {
    session: Option<Session>,
    writes: Option<aws_sdk_rds::Client>,
    resolver: Option<SocketAddr>,
    /// The folder of runs, beside which is kept what was done from here.
    runs: Option<PathBuf>,
}

impl Eyes {
    pub(super) fn new(hands: &Hands) -> Self {
        let session = hands.aws().cloned();
        let writes = session
            .as_ref()
            .map(|session| aws_sdk_rds::Client::new(&session.sdk_for_writes()));
        Self {
            session,
            writes,
            resolver: hands.resolver(),
            runs: hands.runs().map(ToOwned::to_owned),
        }
    }

    fn session(&self) -> Result<&Session, SourceFailure> {
        self.session.as_ref().ok_or_else(not_asked)
    }

    /// Platform time.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.session.as_ref().map(|session| session.clock.now());
        now.unwrap_or_default()
    }

    pub(super) async fn members(&self, cluster: &str) -> Result<Members, SourceFailure> {
        let session = self.session()?;
        let (described, instances) =
            futures::join!(described(session, cluster), instances(session, cluster));
        let (described, instances) = (described?, instances?);
        let members = described.db_cluster_members.unwrap_or_default();
        let writer = members.iter().find(|m| m.is_cluster_writer == Some(true));
        let state = |instance: DbInstance| {
            let status = instance.db_instance_status.unwrap_or_default();
            Some((instance.db_instance_identifier?, status))
        };
        let of_it =
            |instance: &DbInstance| instance.db_cluster_identifier.as_deref() == Some(cluster);
        let states = instances.into_iter().filter(of_it).filter_map(state);
        Ok(Members {
            status: described.status.unwrap_or_default(),
            writer: writer.and_then(|w| w.db_instance_identifier.clone()),
            states: states.collect(),
        })
    }

    /// Failover events of the cluster, in the last minutes: time and message.
    pub(super) async fn failovers(
        &self,
        cluster: &str,
    ) -> Result<Vec<(Timestamp, String)>, SourceFailure> {
        let session = self.session()?;
        let call = session
            .rds()
            .describe_events()
            .source_type(SourceType::DbCluster)
            .source_identifier(cluster)
            .event_categories("failover")
            .duration(MINUTES)
            .send();
        let answer = session
            .ask(Service::Rds, "DescribeEvents", cluster, call)
            .await?;
        let event = |event: aws_sdk_rds::types::Event| {
            let at = Timestamp::from_millis(event.date?.to_millis().ok()?);
            Some((at, failure::plain(&event.message?)))
        };
        let events = answer.events.unwrap_or_default();
        Ok(events.into_iter().filter_map(event).collect())
    }

    /// Whether a name leads to the same address as another, and no more to the `old` one.
    pub(super) async fn leads(&self, host: &str, to: &str, old: Option<&str>) -> Led {
        let (from, there) = futures::join!(
            dns::addresses(self.resolver, host),
            dns::addresses(self.resolver, to)
        );
        match (from, there) {
            (Ok(from), Ok(there)) => Led::by(&from, &there, old),
            (Err(error), _) | (_, Err(error)) => Led {
                said: error.to_string(),
                ..Led::default()
            },
        }
    }

    /// Where a name leads, as text; nothing when it is not known.
    pub(super) async fn address(&self, host: &str) -> Option<String> {
        let found = dns::addresses(self.resolver, host).await.ok()?;
        found.first().map(ToString::to_string)
    }

    /// Whether the write probe is answered well, and with what.
    pub(super) async fn probe(&self, url: &str) -> (bool, String) {
        match probe::get(url).await {
            Ok(status) => (true, format!("HTTP {status}")),
            Err(why) => (false, why),
        }
    }

    /// Makes the call for `node`, once.
    pub(super) async fn write(&self, node: &NodeId, call: &Call) -> Answer {
        let (Some(session), Some(writes)) = (&self.session, &self.writes) else {
            return Answer::Refused {
                failure: not_asked(),
            };
        };
        if call.operation != FAILOVER {
            return once::no_such_call(call);
        }
        let text = |name: &str| {
            let value = call.parameters.get(name).and_then(|value| value.as_str());
            value.map(ToOwned::to_owned)
        };
        let cluster = text("DBClusterIdentifier");
        let thing = cluster.clone().unwrap_or_default();
        let request = writes
            .failover_db_cluster()
            .set_db_cluster_identifier(cluster)
            .set_target_db_instance_identifier(text("TargetDBInstanceIdentifier"));
        let answer = once::aws(session, Service::Rds, call, &thing, request.send(), |_| {
            BTreeMap::new()
        })
        .await;
        if matches!(answer, Answer::Accepted { .. }) {
            self.keep(node);
        }
        answer
    }

    /// Keeps that `node` was failed over from here: a second witness beside RDS' own events.
    pub(super) fn keep(&self, node: &NodeId) {
        if let Some(runs) = &self.runs {
            // The journal has it as well.
            let _ = shelf::keep_failover(runs, node.as_str(), self.now());
        }
    }
}

async fn described(session: &Session, cluster: &str) -> Result<DbCluster, SourceFailure> {
    let call = session.rds().describe_db_clusters();
    let call = call.db_cluster_identifier(cluster).send();
    let answer = session
        .ask(Service::Rds, "DescribeDBClusters", cluster, call)
        .await?;
    let asked = session.asked(Service::Rds, "DescribeDBClusters", cluster);
    let found = answer.db_clusters.unwrap_or_default().into_iter().next();
    found.ok_or_else(|| failure::incomplete(&asked, "the cluster"))
}

async fn instances(session: &Session, cluster: &str) -> Result<Vec<DbInstance>, SourceFailure> {
    let of_it = Filter::builder().name("db-cluster-id").values(cluster);
    let call = session.rds().describe_db_instances();
    let call = call.filters(of_it.build()).send();
    let answer = session
        .ask(Service::Rds, "DescribeDBInstances", cluster, call)
        .await?;
    Ok(answer.db_instances.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Led;
    use std::net::Ipv4Addr;

    #[test]
    fn an_address_that_old_and_new_writer_share_tells_nothing() {
        let (old, new) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let was = old.to_string();
        let moved = Led::by(&[new], &[new], Some(&was));
        assert!(moved.there && !moved.alike);
        assert!(!Led::by(&[old], &[new], Some(&was)).there, "not yet");
        assert!(!Led::by(&[new, old], &[new], Some(&was)).there, "both");
        let blind = Led::by(&[new], &[new], None);
        assert!(!blind.there && !blind.alike && blind.said.contains("not known"));
        let shared = Led::by(&[old], &[old], Some(&was));
        assert!(!shared.there && shared.alike, "{}", shared.said);
        assert!(!Led::by(&[], &[new], Some(&was)).there);
    }
}
