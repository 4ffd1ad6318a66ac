//! What changes databases: failover, and readers that come and go.

use serde_json::json;

use super::read::{cluster, instance};
use super::{no_cluster, no_instance, refused, required};
use crate::aws::error::AwsError;
use crate::aws::render::Answer;
use crate::aws::request::Call;
use crate::world::World;
use crate::world::database::{ClusterStatus, DbClass, NewReader, Refusal};
use crate::world::region::Region;

/// Characters an identifier may have.
const LONGEST_NAME: usize = 63;

/// The region of the call, to change it.
fn here<'a>(world: &'a mut World, call: &Call) -> Option<&'a mut Region> {
    let n = world.region_index(&call.region)?;
    world.regions.get_mut(n)
}

/// Index of a cluster by identifier or ARN.
fn cluster_index(region: &Region, id: &str) -> Option<usize> {
    region
        .databases
        .iter()
        .position(|d| d.name.eq_ignore_ascii_case(id) || d.arn == id)
}

/// Index of the cluster an instance belongs to.
fn owner(region: &Region, id: &str) -> Option<usize> {
    region
        .databases
        .iter()
        .position(|d| d.instance(id).is_some())
}

/// FailoverDBCluster. The answer is the cluster as it was when the request came, as in the API reference's example.
pub(super) fn fail_over(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let id = required(call, "DBClusterIdentifier")?;
    let region = here(world, call).ok_or_else(|| no_cluster(id))?;
    let n = cluster_index(region, id).ok_or_else(|| no_cluster(id))?;
    let target = call.text("TargetDBInstanceIdentifier");
    if let Some(target) = target
        && owner(region, target).is_some_and(|o| o != n)
    {
        let why = format!("DB instance {target} is not a member of DB cluster {id}.");
        return Err(refused(Refusal::InstanceState(why)));
    }
    let before = cluster(region, &region.databases[n], call);
    region.databases[n]
        .fail_over(target, call.now)
        .map_err(refused)?;
    Ok(json!({ "DBCluster": before }).into())
}

/// CreateDBInstance, into a cluster.
pub(super) fn create_instance(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let name = required(call, "DBInstanceIdentifier")?.to_lowercase();
    let class = required(call, "DBInstanceClass")?;
    let engine = required(call, "Engine")?;
    let id = required(call, "DBClusterIdentifier")?;
    let r = world
        .region_index(&call.region)
        .ok_or_else(|| no_cluster(id))?;
    let World {
        regions, metrics, ..
    } = world;
    let region = &mut regions[r];
    let n = cluster_index(region, id).ok_or_else(|| no_cluster(id))?;
    let new = NewReader {
        class: DbClass::parse(class).ok_or_else(|| {
            refused(Refusal::Value(format!(
                "Invalid DB Instance class: {class}"
            )))
        })?,
        az: zone(region, call)?,
        tier: tier(call)?.unwrap_or(1),
        name: named(name)?,
    };
    if owner(region, &new.name).is_some() {
        return Err(refused(Refusal::InstanceExists(
            "DB instance already exists".into(),
        )));
    }
    if engine != region.databases[n].engine.name() {
        return Err(refused(Refusal::Combination(format!(
            "The engine name requested for your DB instance ({engine}) doesn't match the engine name of your DB cluster ({}).",
            region.databases[n].engine.name()
        ))));
    }
    let (zones, name) = (region.zones.len(), new.name.clone());
    region.databases[n]
        .add_reader(new, zones, call.now, metrics)
        .map_err(refused)?;
    described(region, n, &name, call)
}

/// DeleteDBInstance.
pub(super) fn delete_instance(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let id = required(call, "DBInstanceIdentifier")?;
    let region = here(world, call).ok_or_else(|| no_instance(id))?;
    let n = owner(region, id).ok_or_else(|| no_instance(id))?;
    if call.text("FinalDBSnapshotIdentifier").is_some() {
        let why = "FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance";
        return Err(refused(Refusal::Combination(why.into())));
    }
    region.databases[n]
        .delete_instance(id, call.now)
        .map_err(refused)?;
    described(region, n, id, call)
}

/// ModifyDBInstance: the promotion tier.
pub(super) fn modify_instance(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let id = required(call, "DBInstanceIdentifier")?;
    let region = here(world, call).ok_or_else(|| no_instance(id))?;
    let n = owner(region, id).ok_or_else(|| no_instance(id))?;
    if let Some(tier) = tier(call)? {
        region.databases[n]
            .set_tier(id, tier, call.now)
            .map_err(refused)?;
    }
    described(region, n, id, call)
}

/// ModifyDBCluster: protection against deletion.
pub(super) fn modify_cluster(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let id = required(call, "DBClusterIdentifier")?;
    let region = here(world, call).ok_or_else(|| no_cluster(id))?;
    let n = cluster_index(region, id).ok_or_else(|| no_cluster(id))?;
    let status = region.databases[n].status;
    if status != ClusterStatus::Available {
        let why = format!(
            "DB cluster {id} is not in available state: it is {}.",
            status.name()
        );
        return Err(refused(Refusal::ClusterState(why)));
    }
    if let Some(protected) = call.text("DeletionProtection") {
        region.databases[n].protected = protected == "true";
    }
    Ok(json!({ "DBCluster": cluster(region, &region.databases[n], call) }).into())
}

fn described(region: &Region, n: usize, id: &str, call: &Call) -> Result<Answer, AwsError> {
    let d = &region.databases[n];
    let i = d.instance(id).ok_or_else(|| no_instance(id))?;
    Ok(json!({ "DBInstance": instance(region, d, i, call) }).into())
}

/// An identifier as the API reference wants it: letters, digits and single hyphens, beginning with a letter.
fn named(name: String) -> Result<String, AwsError> {
    let plain = name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !name.ends_with('-')
        && !name.contains("--");
    if plain {
        return Ok(name);
    }
    let why = format!(
        "The parameter DBInstanceIdentifier is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens: {name}"
    );
    Err(refused(Refusal::Value(why)))
}

fn zone(region: &Region, call: &Call) -> Result<Option<usize>, AwsError> {
    let Some(az) = call.text("AvailabilityZone") else {
        return Ok(None);
    };
    let found = region.zones.iter().position(|z| z == az);
    let why = || refused(Refusal::Value(format!("Invalid availability zone {az}.")));
    found.map(Some).ok_or_else(why)
}

fn tier(call: &Call) -> Result<Option<u32>, AwsError> {
    let Some(tier) = call.int("PromotionTier") else {
        return Ok(None);
    };
    match u32::try_from(tier).ok().filter(|t| *t <= 15) {
        Some(tier) => Ok(Some(tier)),
        None => Err(refused(Refusal::Value(format!(
            "Invalid promotion tier {tier}. Valid values are 0 - 15."
        )))),
    }
}
