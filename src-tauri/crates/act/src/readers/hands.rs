//! What a run that changes the members of a cluster reads, and the calls it makes.

use super::{CREATE, DELETE};
use crate::course::{Answer, Call, Moment};
use crate::hands::{Hands, not_asked};
use crate::once;
use crate::origin::Origin;
use crate::plan::{ApiCall, Plan};
use crate::receipt::{Figure, RunProgress};
use crate::sequence::{Steps, Took};
use crate::watch::DEADLINE_SECONDS;
use crate::words::percent;
use async_trait::async_trait;
use aws_sdk_rds::types::{DbInstance, Filter};
use cloud::{Session, failure};
use model::{Fact, Kind, NodeId, Service, Snapshot, SourceFailure};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const AVAILABLE: &str = "reader.available";
pub(super) const KEEPS_UP: &str = "reader.keeps-up";
pub(super) const CONNECTED: &str = "reader.connected";
pub(super) const GONE: &str = "reader.gone";
pub(super) const OTHERS: &str = "reader.others-carry";

/// A new reader keeps up below this lag, milliseconds.
const LAG_MS: f64 = 100.0;
/// From the call until a new reader serves, with its first figures, seconds.
const CREATION_SECONDS: f64 = 2_700.0;
/// The readers that are left carry the reads below this CPU, percent.
pub(super) const CPU: f64 = 70.0;

/// An instance as the run sees it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    status: String,
    /// RDS's own id of it: another one is another instance of the same name.
    resource: String,
    /// What rests on it alone, in words; asked for only where it is to be removed.
    bears: Option<String>,
}

/// The steps of adding or removing one reader.
pub(super) struct Changing {
    session: Option<Session>,
    writes: Option<aws_sdk_rds::Client>,
    cluster: String,
    name: String,
    adds: bool,
    node: NodeId,
    others: Vec<NodeId>,
}

impl Changing {
    pub(super) fn new(plan: &Plan, hands: &Hands, adds: bool) -> Self {
        let text = |name: &str| {
            let value = plan.before.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let session = hands.aws().cloned();
        let writes = session
            .as_ref()
            .map(|session| aws_sdk_rds::Client::new(&session.sdk_for_writes()));
        let others = text("other_readers");
        let name = text("reader");
        let place: Vec<&str> = plan.node.as_str().split('/').collect();
        let node = match place.as_slice() {
            [_, account, region, ..] => NodeId::aws(Kind::DbInstance, account, Some(region), &name),
            _ => plan.node.clone(),
        };
        Self {
            session,
            writes,
            cluster: text("cluster"),
            others: others
                .split(',')
                .filter(|id| !id.is_empty())
                .map(NodeId::new)
                .collect(),
            name,
            adds,
            node,
        }
    }

    async fn member(&self, session: &Session) -> Result<Option<Member>, SourceFailure> {
        let of_it = Filter::builder()
            .name("db-cluster-id")
            .values(&self.cluster);
        let call = session.rds().describe_db_instances();
        let call = call.filters(of_it.build()).send();
        let answer = session
            .ask(Service::Rds, "DescribeDBInstances", &self.cluster, call)
            .await?;
        let mut all = answer.db_instances.unwrap_or_default().into_iter();
        let named = |i: &DbInstance| i.db_instance_identifier.as_deref() == Some(&self.name);
        let Some(instance) = all.find(named) else {
            return Ok(None);
        };
        let status = instance.db_instance_status.clone().unwrap_or_default();
        let bears = match self.adds || status != "available" {
            true => None,
            false => self.bears(session, &instance).await?,
        };
        Ok(Some(Member {
            status,
            resource: instance.dbi_resource_id.unwrap_or_default(),
            bears,
        }))
    }

    /// A replica that it feeds, or a custom endpoint that leads to it alone.
    ///
    /// DBCluster lists "the custom endpoints associated with the DB cluster" (RDS API reference,
    /// DBCluster, CustomEndpoints) without their members; only where it lists one are they asked for, by
    /// DescribeDBClusterEndpoints: another right, and a call that not every server knows.
    async fn bears(
        &self,
        session: &Session,
        instance: &DbInstance,
    ) -> Result<Option<String>, SourceFailure> {
        let fed = instance.read_replica_db_instance_identifiers();
        let fed = fed
            .iter()
            .chain(instance.read_replica_db_cluster_identifiers());
        if let Some(replica) = fed.into_iter().next() {
            return Ok(Some(format!("the source of replica {replica}")));
        }
        if !self.has_custom_endpoints(session).await? {
            return Ok(None);
        }
        let custom = Filter::builder()
            .name("db-cluster-endpoint-type")
            .values("custom");
        let call = session.rds().describe_db_cluster_endpoints();
        let call = call.db_cluster_identifier(&self.cluster);
        let answer = session
            .ask(
                Service::Rds,
                "DescribeDBClusterEndpoints",
                &self.cluster,
                call.filters(custom.build()).send(),
            )
            .await?;
        let endpoints = answer.db_cluster_endpoints.unwrap_or_default();
        let alone = endpoints
            .into_iter()
            .find(|endpoint| endpoint.static_members() == std::slice::from_ref(&self.name));
        Ok(alone.map(|endpoint| {
            let name = endpoint.db_cluster_endpoint_identifier.unwrap_or_default();
            format!("the only member of custom endpoint {name}")
        }))
    }

    async fn has_custom_endpoints(&self, session: &Session) -> Result<bool, SourceFailure> {
        let call = session.rds().describe_db_clusters();
        let call = call.db_cluster_identifier(&self.cluster).send();
        let answer = session
            .ask(Service::Rds, "DescribeDBClusters", &self.cluster, call)
            .await?;
        let asked = session.asked(Service::Rds, "DescribeDBClusters", &self.cluster);
        let found = answer.db_clusters.unwrap_or_default().into_iter().next();
        let cluster = found.ok_or_else(|| failure::incomplete(&asked, "the cluster"))?;
        Ok(!cluster.custom_endpoints().is_empty())
    }

    async fn send(&self, session: &Session, writes: &aws_sdk_rds::Client, call: &Call) -> Answer {
        let text = |name: &str| {
            let value = call.parameters.get(name).and_then(Value::as_str);
            value.map(ToOwned::to_owned)
        };
        let nothing = BTreeMap::new;
        match call.operation.as_str() {
            CREATE => {
                let tier = call.parameters.get("PromotionTier").and_then(Value::as_i64);
                let request = writes
                    .create_db_instance()
                    .set_db_instance_identifier(text("DBInstanceIdentifier"))
                    .set_db_cluster_identifier(text("DBClusterIdentifier"))
                    .set_db_instance_class(text("DBInstanceClass"))
                    .set_engine(text("Engine"))
                    .set_availability_zone(text("AvailabilityZone"))
                    .set_promotion_tier(tier.and_then(|tier| i32::try_from(tier).ok()));
                once::aws(
                    session,
                    Service::Rds,
                    call,
                    &self.name,
                    request.send(),
                    |_| nothing(),
                )
                .await
            }
            DELETE => {
                let request = writes
                    .delete_db_instance()
                    .set_db_instance_identifier(text("DBInstanceIdentifier"));
                once::aws(
                    session,
                    Service::Rds,
                    call,
                    &self.name,
                    request.send(),
                    |_| nothing(),
                )
                .await
            }
            _ => once::no_such_call(call),
        }
    }
}

/// A figure of a member that can be believed now; else why there is none.
fn figure(snapshot: &Snapshot, node: &NodeId, fact: Fact) -> Result<f64, &'static str> {
    let node = snapshot.node(node).ok_or("no figure yet")?;
    let told = node.facts.number(fact).ok_or("no figure yet")?;
    match Origin::of(snapshot, node, fact).believed {
        true => Ok(told),
        false => Err("the last figure is too old"),
    }
}

#[async_trait]
impl Steps for Changing {
    type Seen = Option<Member>;

    fn outcome(&self) -> String {
        match self.adds {
            true => format!("{} is a reader of {}", self.name, self.cluster),
            false => format!("{} is no member of {} any more", self.name, self.cluster),
        }
    }

    async fn look(&mut self) -> Result<Option<Member>, SourceFailure> {
        let session = self.session.as_ref().ok_or_else(not_asked)?;
        self.member(session).await
    }

    async fn write(&mut self, call: &Call) -> Answer {
        match (&self.session, &self.writes) {
            (Some(session), Some(writes)) => self.send(session, writes, call).await,
            _ => Answer::Refused {
                failure: not_asked(),
            },
        }
    }

    fn saw(&self, _call: &ApiCall, seen: &Option<Member>) -> Value {
        json!({ "resource": seen.as_ref().map(|member| &member.resource) })
    }

    fn changed(&self, _call: &ApiCall, seen: &Option<Member>) -> Option<String> {
        match (self.adds, seen) {
            (true, Some(_)) => Some(format!("{} is there already.", self.name)),
            (false, None) => Some(format!("{} is gone already.", self.name)),
            (false, Some(member)) if member.status != "available" => {
                Some(format!("{} is {} now.", self.name, member.status))
            }
            (false, Some(member)) => {
                let bears = member.bears.as_ref()?;
                Some(format!("{} is {bears}.", self.name))
            }
            (true, None) => None,
        }
    }

    /// An instance that is there and was not was created; one that is being deleted, or is gone, was
    /// deleted. The name is of this plan alone, so nobody else's call can look like it.
    fn took(&self, _call: &Call, seen: &Option<Member>) -> Took {
        match (self.adds, seen) {
            (true, Some(_)) | (false, None) => Took::Yes,
            (false, Some(member)) if member.status == "deleting" => Took::Yes,
            (true, None) | (false, Some(_)) => Took::No,
        }
    }

    fn progress(&self, seen: &Option<Member>) -> RunProgress {
        let status = seen.as_ref().map_or("not there", |member| &member.status);
        RunProgress {
            figures: vec![Figure {
                label: self.name.clone(),
                value: status.to_owned(),
                ..Figure::default()
            }],
            ..RunProgress::default()
        }
    }

    /// A new instance takes minutes to come up, and its first figures minutes more.
    fn patience(&self) -> f64 {
        match self.adds {
            true => CREATION_SECONDS,
            false => DEADLINE_SECONDS,
        }
    }

    fn soft(&self, id: &str) -> bool {
        id == CONNECTED
    }

    fn judge(&self, id: &str, seen: &Option<Member>, moment: &Moment<'_>) -> (bool, String) {
        let status = seen.as_ref().map_or("not there", |member| &member.status);
        let own = |fact| figure(moment.snapshot, &self.node, fact);
        match id {
            AVAILABLE => (status == "available", status.to_owned()),
            KEEPS_UP => match own(Fact::ReplicaLagMs) {
                Ok(lag) => (lag < LAG_MS, format!("{lag:.0} ms")),
                Err(why) => (false, why.to_owned()),
            },
            CONNECTED => match own(Fact::Connections) {
                Ok(open) => (open > 0.0, format!("{open:.0} connections")),
                Err(why) => (false, why.to_owned()),
            },
            GONE => (seen.is_none(), status.to_owned()),
            OTHERS => {
                let cpu = |id| figure(moment.snapshot, id, Fact::CpuPercent);
                let all: Result<Vec<f64>, _> = self.others.iter().map(cpu).collect();
                match all.map(|all| all.into_iter().fold(0.0, f64::max)) {
                    Ok(most) => (most < CPU, percent(most)),
                    Err(why) => (false, why.to_owned()),
                }
            }
            _ => (false, "not known here".to_owned()),
        }
    }
}
