//! Karpenter: pools of capacity, and the claims by which nodes are bought for pods that have no place.
//!
//! A claim without capacity is refused and deleted, and made anew at the next look; a spot instance is taken back two
//! minutes after the warning, drained or not (<https://karpenter.sh/docs/concepts/disruption/#interruption>).

use std::collections::BTreeSet;

use serde_json::Value;

use super::Cluster;
use super::agenda::Task;
use super::need::quantity;
use super::node::{NodeId, Size};
use super::pod::{Pod, PodId};
use super::recorder::{About, Tone, Voice};
use super::resource::Resource;
use super::spec::CapacityType;
use super::store::Labels;
use super::write::{WriteError, strings};
use crate::clock::Millis;

/// How often pods without a place are gathered.
const PROVISION_SECONDS: i64 = 10;
/// Seconds a spot instance lives after its warning
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html>).
pub(super) const SPOT_NOTICE_SECONDS: i64 = 120;
/// Seconds an empty node is kept (`consolidateAfter`).
const CONSOLIDATE_AFTER_SECONDS: i64 = 600;
/// Nodes bought at one look, at most.
const AT_ONCE: usize = 10;

/// A claim, in the order in which they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClaimId(pub u32);

/// A NodePool.
#[derive(Debug)]
pub(super) struct Pool {
    pub name: String,
    pub uid: String,
    pub created: Millis,
    pub generation: u32,
    pub labels: Labels,
    pub annotations: Labels,
    /// `karpenter.sh/capacity-type`, in the order of preference: spot first.
    pub capacity: Vec<CapacityType>,
    /// `node.kubernetes.io/instance-type`.
    pub types: Vec<String>,
    /// `limits.cpu`, cores; none is no limit.
    pub limit: Option<u32>,
}

/// How far a claim is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    /// The fleet is asked.
    Launching,
    /// There is no capacity, in these words.
    Refused(String),
    /// The instance starts.
    Launched(Millis),
    /// Its node is there.
    Registered(NodeId, Millis),
}

/// A NodeClaim.
#[derive(Debug)]
pub(super) struct Claim {
    pub id: ClaimId,
    pub name: String,
    pub uid: String,
    pub pool: usize,
    pub created: Millis,
    pub az: usize,
    pub instance_type: String,
    pub capacity: CapacityType,
    pub stage: Stage,
    pub deleted: Option<Millis>,
}

impl Claim {
    fn cores(&self) -> u32 {
        Size::of(&self.instance_type).cores()
    }
}

impl Cluster {
    /// The pools as they are at the start, with their nodes.
    pub(super) fn found_pools(&mut self) {
        const DAY: i64 = 86_400;
        for spec in self.spec.pools.clone() {
            let pool = Pool {
                name: spec.name,
                uid: self.dice.uid(),
                created: self.born.plus_seconds(-self.dice.between(60, 200) * DAY),
                generation: 1,
                labels: Labels::new(),
                annotations: Labels::new(),
                capacity: spec.capacity,
                types: spec.instance_types,
                limit: spec.cpu_limit,
            };
            self.pools.push(pool);
            let index = self.pools.len() - 1;
            for _ in 0..spec.nodes {
                let age = self.dice.between(3600, 4 * DAY);
                let created = self.born.plus_seconds(-age);
                let claim = self.new_claim(index, created);
                self.register_claim(claim, created.plus_seconds(70));
            }
        }
        if !self.pools.is_empty() {
            self.agenda
                .at(self.now.plus_seconds(PROVISION_SECONDS), Task::Provision);
        }
    }

    fn new_claim(&mut self, pool: usize, created: Millis) -> ClaimId {
        let id = ClaimId(self.next_claim);
        self.next_claim += 1;
        let mine = |c: &Self, az: usize| {
            c.claims
                .values()
                .filter(|c| c.pool == pool && c.az == az)
                .count()
        };
        let az = (0..self.spec.azs.len())
            .min_by_key(|az| mine(self, *az))
            .unwrap_or(0);
        let chosen = &self.pools[pool];
        let capacity = chosen.capacity.first().copied();
        let nth = self.dice.index(self.pools[pool].types.len());
        let chosen = &self.pools[pool];
        let claim = Claim {
            id,
            name: format!("{}-{}", chosen.name, self.dice.suffix(5)),
            uid: self.dice.uid(),
            pool,
            created,
            az,
            instance_type: chosen.types.get(nth).cloned().unwrap_or_default(),
            capacity: capacity.unwrap_or(CapacityType::OnDemand),
            stage: Stage::Launching,
            deleted: None,
        };
        self.claims.insert(id, claim);
        id
    }

    fn register_claim(&mut self, id: ClaimId, at: Millis) {
        let Some(claim) = self.claims.get(&id) else {
            return;
        };
        let created = claim.created;
        let node = self.make_claimed_node(id, at);
        if let Some(claim) = self.claims.get_mut(&id) {
            claim.stage = Stage::Registered(node, at);
            claim.created = created;
        }
    }

    /// Karpenter gathers the pods without a place and claims nodes for those that no claim on its way will hold.
    pub(super) fn provision(&mut self) {
        self.agenda
            .at(self.now.plus_seconds(PROVISION_SECONDS), Task::Provision);
        self.consolidate();
        for pool in 0..self.pools.len() {
            let waiting: Vec<PodId> = self
                .homeless
                .iter()
                .copied()
                .filter(|id| self.pods.get(id).is_some_and(|p| self.could_hold(pool, p)))
                .collect();
            let asked: u32 = waiting
                .iter()
                .filter_map(|id| self.pods.get(id))
                .map(|p| p.need.millicpu.max(1))
                .sum();
            if asked == 0 {
                continue;
            }
            // Refused claims count until they are deleted: only then the pods are looked at anew.
            let coming = |c: &&Claim| c.pool == pool && !matches!(c.stage, Stage::Registered(..));
            let coming: u32 = self.claims.values().filter(coming).map(allocatable).sum();
            let one = self.pools[pool]
                .types
                .first()
                .map_or(1000, |t| Size::of(t).allocatable().millicpu);
            let lacking = asked.saturating_sub(coming).div_ceil(one.max(1));
            let lacking = usize::try_from(lacking).unwrap_or(AT_ONCE).min(AT_ONCE);
            self.buy(pool, lacking, &waiting);
        }
    }

    /// Gives back what has been empty for a while (`consolidationPolicy: WhenEmpty`).
    fn consolidate(&mut self) {
        let now = self.now;
        let mut idle = Vec::new();
        for node in self.nodes.values_mut() {
            let Some(claim) = node.claim.filter(|_| !node.leaving) else {
                continue;
            };
            if !node.pods.is_empty() {
                node.empty_since = None;
                continue;
            }
            let since = *node.empty_since.get_or_insert(now);
            if now.since(since) >= CONSOLIDATE_AFTER_SECONDS * 1000 {
                idle.push(claim);
            }
        }
        for claim in idle {
            self.claim_says(claim, Tone::Normal, "DisruptionTerminating", "Empty/Delete");
            self.delete_claim(claim);
        }
    }

    fn could_hold(&self, pool: usize, pod: &Pod) -> bool {
        let pool = &self.pools[pool];
        let fits = |t: &String| {
            let room = Size::of(t).allocatable();
            pod.need.millicpu <= room.millicpu && pod.need.mib <= room.mib
        };
        pod.need.selector.is_empty() && pool.types.iter().any(fits)
    }

    fn buy(&mut self, pool: usize, count: usize, waiting: &[PodId]) {
        let mut waiting = waiting.iter();
        for _ in 0..count {
            let used: u32 = self
                .claims
                .values()
                .filter(|c| c.pool == pool && !matches!(c.stage, Stage::Refused(_)))
                .map(Claim::cores)
                .sum();
            let claim = self.new_claim(pool, self.now);
            let cores = self.claims.get(&claim).map_or(0, Claim::cores);
            if self.pools[pool].limit.is_some_and(|l| used + cores > l) {
                self.claims.remove(&claim);
                self.over_limit(pool, waiting.next().copied());
                return;
            }
            let name = self
                .claims
                .get(&claim)
                .map(|c| c.name.clone())
                .unwrap_or_default();
            let share: Vec<PodId> = waiting.by_ref().take(12).copied().collect();
            // A volume decides the zone.
            let home = share.iter().find_map(|id| self.home_of(*id));
            if let (Some(az), Some(claim)) = (home, self.claims.get_mut(&claim)) {
                claim.az = az;
            }
            for pod in share {
                self.nominate(pod, &name);
            }
            self.agenda
                .at(self.now.plus_seconds(3), Task::Launch(claim));
            self.show_claim(claim);
        }
        self.show_pool(pool);
    }

    /// The zone a pod's volume binds it to.
    fn home_of(&self, id: PodId) -> Option<usize> {
        let pod = self.pods.get(&id)?;
        self.workload(pod.workload)
            .homes
            .get(&pod.ordinal?)
            .copied()
    }

    /// Said once of a pod: each claim that fails would say it again under another name.
    fn nominate(&mut self, pod: PodId, claim: &str) {
        let Some(pod) = self.pods.get_mut(&pod).filter(|p| !p.nominated) else {
            return;
        };
        pod.nominated = true;
        let id = pod.id;
        let Some(about) = self.pods.get(&id).map(|p| self.about_pod(p)) else {
            return;
        };
        let message = format!("Pod should schedule on: nodeclaim/{claim}");
        let voice = Voice::Component("karpenter");
        self.say(about, voice, Tone::Normal, "Nominated", message);
    }

    fn over_limit(&mut self, pool: usize, pod: Option<PodId>) {
        let Some(about) = pod
            .and_then(|p| self.pods.get(&p))
            .map(|p| self.about_pod(p))
        else {
            return;
        };
        let message = format!(
            "Failed to schedule pod, all available instance types exceed limits for nodepool: \"{}\"",
            self.pools[pool].name
        );
        let voice = Voice::Component("karpenter");
        self.say(about, voice, Tone::Warning, "FailedScheduling", message);
    }

    /// The fleet answers: an instance of the first capacity type and zone that has one, or none.
    pub(super) fn launch_claim(&mut self, id: ClaimId) {
        let now = self.now;
        let Some(claim) = self.claims.get(&id).filter(|c| c.deleted.is_none()) else {
            return;
        };
        let zones = self.spec.azs.len();
        let order = (0..zones).map(|n| (claim.az + n) % zones);
        let wanted = self.pools[claim.pool].capacity.clone();
        let found = wanted.iter().find_map(|capacity| {
            let az = order
                .clone()
                .find(|az| !self.dry.contains(&(*capacity, *az)))?;
            Some((*capacity, az))
        });
        let Some((capacity, az)) = found else {
            self.refuse_claim(id);
            return;
        };
        let boot = self.dice.seconds(45, 75);
        if let Some(claim) = self.claims.get_mut(&id) {
            (claim.capacity, claim.az, claim.stage) = (capacity, az, Stage::Launched(now));
        }
        self.agenda.at(Millis(now.0 + boot), Task::Register(id));
        self.claim_says(
            id,
            Tone::Normal,
            "Launched",
            "Status condition transitioned, Type: Launched, Status: Unknown -> True, Reason: Launched",
        );
        self.show_claim(id);
    }

    /// No capacity: said, shown for a while, and deleted.
    fn refuse_claim(&mut self, id: ClaimId) {
        let Some(claim) = self.claims.get(&id) else {
            return;
        };
        let zones: Vec<&str> = self.spec.azs.iter().map(|a| a.name.as_str()).collect();
        let offered = self.pools[claim.pool].capacity.iter();
        let bought: Vec<&str> = offered.map(|c| c.karpenter()).collect();
        let message = format!(
            "creating instance, insufficient capacity, with fleet error(s), InsufficientInstanceCapacity: We currently do not have sufficient {} capacity ({}) in the Availability Zones you requested ({}).",
            claim.instance_type,
            bought.join(", "),
            zones.join(", ")
        );
        let name = claim.name.clone();
        let words = format!("NodeClaim {name} event: {message}");
        if let Some(claim) = self.claims.get_mut(&id) {
            claim.stage = Stage::Refused(message);
        }
        self.claim_says(id, Tone::Warning, "InsufficientCapacityError", &words);
        self.show_claim(id);
        let away = self.dice.seconds(30, 50);
        self.agenda
            .at(Millis(self.now.0 + away), Task::DropClaim(id));
    }

    /// A claim's instance has become a node.
    pub(super) fn join_claim(&mut self, id: ClaimId) {
        let now = self.now;
        if self.claims.get(&id).is_none_or(|c| c.deleted.is_some()) {
            self.drop_claim(id);
            return;
        }
        self.register_claim(id, now);
        let node = self.claims.get(&id).and_then(|c| match c.stage {
            Stage::Registered(node, _) => Some(node),
            Stage::Launching | Stage::Refused(_) | Stage::Launched(_) => None,
        });
        if let Some(node) = node {
            self.welcome(node);
        }
        self.show_claim(id);
    }

    /// A claim is gone.
    pub(super) fn drop_claim(&mut self, id: ClaimId) {
        if let Some(claim) = self.claims.remove(&id) {
            self.store.remove(Resource::NodeClaims, "", &claim.name);
            self.show_pool(claim.pool);
        }
    }

    /// The claim of a name.
    pub(super) fn claim_named(&self, name: &str) -> Option<ClaimId> {
        self.claims.values().find(|c| c.name == name).map(|c| c.id)
    }

    /// Takes over a changed pool: how and what it buys, and its limit.
    pub(super) fn write_pool(&mut self, name: &str, new: &Value) -> Result<(), WriteError> {
        let index = self.pools.iter().position(|p| p.name == name);
        let index = index.ok_or(WriteError::NotFound)?;
        let values = |key: &str| {
            let all = new.pointer("/spec/template/spec/requirements");
            let all = all.and_then(Value::as_array).into_iter().flatten();
            let one = all
                .filter(|r| r["key"] == key)
                .find_map(|r| r["values"].as_array());
            let words = one.into_iter().flatten().filter_map(Value::as_str);
            words.map(str::to_owned).collect::<Vec<String>>()
        };
        let offered = values("karpenter.sh/capacity-type");
        // Spot first, whatever the order of the values.
        let capacity = [CapacityType::Spot, CapacityType::OnDemand]
            .into_iter()
            .filter(|c| offered.iter().any(|o| o == c.karpenter()))
            .collect();
        let limit = &new["spec"]["limits"]["cpu"];
        let limit = (!limit.is_null()).then(|| quantity(limit).clamp(0.0, 1e6) as u32);
        let types = values("node.kubernetes.io/instance-type");
        let pool = &mut self.pools[index];
        let changed = (&pool.capacity, &pool.types, pool.limit) != (&capacity, &types, limit);
        pool.generation += u32::from(changed);
        (pool.capacity, pool.types, pool.limit) = (capacity, types, limit);
        pool.labels = strings(&new["metadata"]["labels"]);
        pool.annotations = strings(&new["metadata"]["annotations"]);
        self.show_pool(index);
        Ok(())
    }

    /// Deletes a claim, and drains its node when it has one; budgets are kept, without end.
    pub(super) fn delete_claim(&mut self, id: ClaimId) {
        const NEVER: i64 = 86_400 * 365;
        let now = self.now;
        let Some(claim) = self.claims.get_mut(&id).filter(|c| c.deleted.is_none()) else {
            return;
        };
        claim.deleted = Some(now);
        match claim.stage {
            Stage::Registered(node, _) => {
                self.show_claim(id);
                self.disrupt(node, now.plus_seconds(NEVER));
            }
            Stage::Launching | Stage::Refused(_) | Stage::Launched(_) => self.drop_claim(id),
        }
    }

    /// A node is tainted and emptied; at `limit` it goes whatever is still on it.
    fn disrupt(&mut self, id: NodeId, limit: Millis) {
        let Some(node) = self.nodes.get_mut(&id).filter(|n| !n.leaving) else {
            return;
        };
        node.leaving = true;
        self.show_node(id);
        self.empty_node(id, limit);
    }

    /// A spot instance gets its warning.
    pub(super) fn interrupt(&mut self, id: NodeId) {
        let now = self.now;
        let Some(claim) = self.nodes.get(&id).and_then(|n| n.claim) else {
            return;
        };
        let words = "Spot interruption warning was triggered";
        let ends = "Interruption triggered termination for the NodeClaim";
        for (reason, message) in [
            ("SpotInterrupted", words),
            ("TerminatingOnInterruption", ends),
        ] {
            let voice = Voice::Component("karpenter");
            self.node_says(id, voice, Tone::Warning, reason, message.to_owned());
            self.claim_says(claim, Tone::Warning, reason, message);
        }
        if let Some(claim) = self.claims.get_mut(&claim) {
            claim.deleted.get_or_insert(now);
        }
        self.show_claim(claim);
        self.disrupt(id, now.plus_seconds(SPOT_NOTICE_SECONDS));
    }

    /// Spot instances are taken back: so many nodes get their warning within the next `within` seconds, and no zone
    /// sells any more until [`Self::spot_returns`]. Fewer nodes when fewer would leave `pending` pods without a place.
    pub fn spot_storm(&mut self, nodes: usize, pending: u32, within: i64, now: Millis) {
        self.now = self.now.max(now);
        for az in 0..self.spec.azs.len() {
            self.dry.insert((CapacityType::Spot, az));
        }
        let chosen = self.unlucky(nodes, pending);
        for id in chosen {
            let wait = self.dice.seconds(0, within);
            self.agenda
                .at(Millis(self.now.0 + wait), Task::Interrupt(id));
        }
    }

    /// Spot nodes whose loss leaves about so many pods without a place, by the CPU they request.
    fn unlucky(&mut self, most: usize, pending: u32) -> Vec<NodeId> {
        let spot = |id: &Option<ClaimId>, c: &Self| {
            id.and_then(|id| c.claims.get(&id))
                .is_some_and(|c| c.capacity == CapacityType::Spot)
        };
        let mut candidates: Vec<NodeId> = self
            .nodes
            .values()
            .filter(|n| spot(&n.claim, self))
            .map(|n| n.id)
            .collect();
        let usual = self
            .pods
            .values()
            .next()
            .map_or(250, |p| p.need.millicpu.max(1));
        let free = |n: &super::node::Node| {
            (n.size
                .allocatable()
                .millicpu
                .saturating_sub(n.used_millicpu))
                / usual
        };
        let mut room: i64 = self.nodes.values().map(|n| i64::from(free(n))).sum();
        let mut chosen = Vec::new();
        while chosen.len() < most && !candidates.is_empty() && room > -i64::from(pending) {
            let id = candidates.swap_remove(self.dice.index(candidates.len()));
            if let Some(node) = self.nodes.get(&id) {
                let pods = i64::try_from(node.pods.len()).unwrap_or(0);
                room -= i64::from(free(node)) + pods;
            }
            chosen.push(id);
        }
        chosen
    }

    /// A zone sells spot instances again.
    pub fn spot_returns(&mut self, az: usize) {
        self.dry.remove(&(CapacityType::Spot, az));
    }

    pub(super) fn claim_says(
        &mut self,
        id: ClaimId,
        tone: Tone,
        reason: &'static str,
        message: &str,
    ) {
        let Some(claim) = self.claims.get(&id) else {
            return;
        };
        let about = About {
            kind: "NodeClaim",
            api_version: "karpenter.sh/v1",
            namespace: String::new(),
            name: claim.name.clone(),
            uid: claim.uid.clone(),
        };
        let voice = Voice::Component("karpenter");
        self.say(about, voice, tone, reason, message.to_owned());
    }
}

fn allocatable(claim: &Claim) -> u32 {
    Size::of(&claim.instance_type).allocatable().millicpu
}

/// Zones and capacity types that sell nothing.
pub(super) type Dry = BTreeSet<(CapacityType, usize)>;
