//! ARC zonal shift. Service model `arc-zonal-shift` 2022-10-30; instants are epoch seconds. Every balancer and cluster is
//! managed; there are no autoshifts and no practice runs.

use http::Method;
use serde_json::{Map, Value, json};

use super::error::AwsError;
use super::page::page;
use super::render::Answer;
use super::request::Call;
use crate::clock::Millis;
use crate::world::World;
use crate::world::region::Region;
use crate::world::shift::Shift;

/// Longest shift (ARC Developer Guide, zonal shift: three days, 72 hours).
const LONGEST_SECONDS: i64 = 72 * 3600;

pub(super) fn operation(method: &Method, path: &[&str]) -> Option<&'static str> {
    match (method.as_str(), path) {
        ("GET", ["managedresources"]) => Some("ListManagedResources"),
        ("GET", ["zonalshifts"]) => Some("ListZonalShifts"),
        ("POST", ["zonalshifts"]) => Some("StartZonalShift"),
        ("DELETE", ["zonalshifts", _]) => Some("CancelZonalShift"),
        _ => None,
    }
}

pub(super) fn handle(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let region = world.region_index(&call.region);
    match call.operation.as_str() {
        "ListManagedResources" => {
            let all = region.map(|r| managed(&world.regions[r], call.now));
            listed(call, all.unwrap_or_default())
        }
        "ListZonalShifts" => {
            let wanted = call.param("status").unwrap_or("ACTIVE");
            let all = region.map(|r| {
                let region = &world.regions[r];
                let shifts = region.shifts.iter();
                let shifts = shifts.filter(|s| s.status(call.now) == wanted);
                shifts.map(|s| told(region, s, call.now)).collect()
            });
            listed(call, all.unwrap_or_default())
        }
        "StartZonalShift" => start(world, call),
        "CancelZonalShift" => cancel(world, call),
        other => Err(AwsError::unknown_operation(call.service, other)),
    }
}

fn listed(call: &Call, all: Vec<Value>) -> Result<Answer, AwsError> {
    let size = call.param("maxResults").and_then(|n| n.parse().ok());
    let size = size.unwrap_or(100).clamp(1, 100);
    let page = page("shifts", all, call.param("nextToken"), size)
        .ok_or_else(|| invalid("The token is not valid."))?;
    Ok(json!({"items": page.items, "nextToken": page.next}).into())
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", message)
}

fn missing(what: &str) -> AwsError {
    AwsError::new(
        "ResourceNotFoundException",
        format!("{what} was not found."),
    )
    .status(404)
}

/// Name and ARN of what can be shifted.
fn resources(region: &Region) -> Vec<(String, String)> {
    let balancers = region.balancers.iter();
    let mut all: Vec<_> = balancers.map(|b| (b.name.clone(), b.arn.clone())).collect();
    let arn = &region.eks.arn;
    let name = arn.rsplit('/').next().unwrap_or(arn);
    all.push((name.to_owned(), arn.clone()));
    all
}

fn managed(region: &Region, now: Millis) -> Vec<Value> {
    let ids: Vec<&str> = region.azs.iter().map(|az| az.id.as_str()).collect();
    let all = resources(region).into_iter().map(|(name, arn)| {
        let shift = region.shift_of(&arn, now);
        let weight = |z| {
            if shift.is_some_and(|s| s.zone == z) {
                0.0
            } else {
                1.0
            }
        };
        let weights: Map<String, Value> = ids
            .iter()
            .enumerate()
            .map(|(z, id)| ((*id).to_owned(), json!(weight(z))))
            .collect();
        let shifts: Vec<Value> = shift
            .map(|s| {
                let mut all = told(region, s, now);
                all["appliedStatus"] = json!("APPLIED");
                all
            })
            .into_iter()
            .collect();
        json!({
            "arn": arn, "name": name, "availabilityZones": ids, "appliedWeights": weights,
            "zonalShifts": shifts, "autoshifts": [],
            "zonalAutoshiftStatus": "DISABLED", "practiceRunStatus": "DISABLED",
        })
    });
    all.collect()
}

fn told(region: &Region, s: &Shift, now: Millis) -> Value {
    json!({
        "zonalShiftId": s.id, "resourceIdentifier": s.arn, "awayFrom": region.azs[s.zone].id,
        "startTime": s.started.epoch_seconds(), "expiryTime": s.expires.epoch_seconds(),
        "status": s.status(now), "comment": s.comment, "shiftType": "ZONAL_SHIFT",
    })
}

/// `90m`, `2h` in seconds (StartZonalShift, `expiresIn`).
fn seconds(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    let number: i64 = number.parse().ok().filter(|n| *n > 0)?;
    Some(number * unit).filter(|n| *n <= LONGEST_SECONDS)
}

fn start(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let arn = call.text("resourceIdentifier").unwrap_or_default();
    let r = world
        .region_index(&call.region)
        .ok_or_else(|| missing(arn))?;
    let region = &mut world.regions[r];
    if !resources(region).iter().any(|(_, known)| known == arn) {
        return Err(missing(arn));
    }
    let away = call.text("awayFrom").unwrap_or_default();
    let zone = region.azs.iter().position(|az| az.id == away);
    let zone = zone.ok_or_else(|| invalid(format!("{away} is no zone of the resource.")))?;
    let lasts = call.text("expiresIn").and_then(seconds);
    let lasts = lasts.ok_or_else(|| invalid("expiresIn must be from 1m to 72h."))?;
    if region.shift_of(arn, call.now).is_some() {
        let message = "There is an active zonal shift for the resource already.";
        return Err(AwsError::new("ConflictException", message).status(409));
    }
    region.shifts.push(Shift {
        id: format!("{:08x}-0000-4000-8000-{:012x}", region.shifts.len() + 1, r),
        arn: arn.to_owned(),
        zone,
        started: call.now,
        expires: call.now.plus_seconds(lasts),
        comment: call.text("comment").unwrap_or_default().to_owned(),
        cancelled: false,
    });
    let region = &world.regions[r];
    let made = region.shifts.last().map(|s| told(region, s, call.now));
    Ok(Answer::from(made.unwrap_or_default()).status(201))
}

fn cancel(world: &mut World, call: &Call) -> Result<Answer, AwsError> {
    let id = call.segment(1);
    let r = world
        .region_index(&call.region)
        .ok_or_else(|| missing(id))?;
    let region = &mut world.regions[r];
    let found = region.shifts.iter().position(|s| s.id == id);
    let at = found.ok_or_else(|| missing(id))?;
    if region.shifts[at].status(call.now) != "ACTIVE" {
        let message = "The zonal shift is not active.";
        return Err(AwsError::new("ConflictException", message).status(409));
    }
    region.shifts[at].cancelled = true;
    Ok(told(region, &region.shifts[at], call.now).into())
}
