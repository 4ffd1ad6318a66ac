//! Makes a region from the plan.

use std::collections::{BTreeMap, HashMap};

use crate::clock::Millis;
use crate::world::SIMULATED_ACCOUNT as ACCOUNT;
use crate::world::balancer::{self, LoadBalancer};
use crate::world::cluster::{Az, ClusterSpec};
use crate::world::database::{DbCluster, DbSpec, Engine, ReaderScaling};
use crate::world::dice::Dice;
use crate::world::function::{Function, Mapping};
use crate::world::geography::{Network, Place, zones};
use crate::world::metric::{MetricKey, Metrics};
use crate::world::plan::{ConsumerPlan, Plan, Role, ServicePlan};
use crate::world::queue::{Queue, Redrive};
use crate::world::region::{EksFacts, Producer, QueueSeries, Region};
use crate::world::workloads::{nodegroups, pools, workloads};

const DAY: i64 = 86_400;

/// A region and the specification of its cluster, which is not built here.
pub struct Draft {
    /// The region; its target groups are still empty.
    pub region: Region,
    /// Its cluster.
    pub cluster: ClusterSpec,
}

/// Makes the region number `n`.
pub fn draft(
    plan: &Plan,
    place: Place,
    n: usize,
    pods: u32,
    now: Millis,
    seed: u64,
    metrics: &mut Metrics,
) -> Draft {
    let mut dice = Dice::new(seed, 100 + n as u64);
    let azs = zones(&place, &mut dice);
    let created = now.plus_seconds(-(400 + 37 * i64::try_from(n).unwrap_or(0)) * DAY);
    let mut region = empty(place, azs, created, plan, &mut dice);
    databases(&mut region, plan, (n, seed), created, metrics, &mut dice);
    queues(&mut region, plan, created, metrics);
    functions(&mut region, plan, now, metrics, &mut dice);
    // The first region grew by hand, the others were made from its template.
    if n > 0 {
        for mapping in &mut region.mappings {
            mapping.stack = Some(format!("{}-consumers", plan.names.brand));
        }
    }
    balancers(&mut region, plan, created, &mut dice, metrics);
    let workloads = workloads(&mut region, plan, pods, &mut dice, metrics);
    let cluster = ClusterSpec {
        name: format!("{}-{}", plan.names.brand, place.code),
        region: place.name.into(),
        account: ACCOUNT.into(),
        version: "1.33".into(),
        network: 20 + u8::try_from(n).unwrap_or(0),
        azs: region.azs.clone(),
        nodegroups: nodegroups(&workloads, plan),
        pools: pools(&workloads, plan),
        workloads,
    };
    Draft { region, cluster }
}

fn empty(place: Place, azs: Vec<Az>, created: Millis, plan: &Plan, dice: &mut Dice) -> Region {
    let count = azs.len();
    let name = format!("{}-{}", plan.names.brand, place.code);
    let network = Network::new(count, dice);
    let host = dice.upper(32);
    // Not used any more, but drawn: the world of a seed stays the same.
    dice.lower(60);
    Region {
        place,
        zones: azs.iter().map(|az| az.name.clone()).collect(),
        network,
        azs,
        eks: EksFacts {
            arn: format!("arn:aws:eks:{}:{ACCOUNT}:cluster/{name}", place.name),
            created,
            host,
            endpoint: String::new(),
            addons: vec![
                ("coredns", "v1.12.1-eksbuild.2"),
                ("kube-proxy", "v1.33.0-eksbuild.2"),
                ("vpc-cni", "v1.20.0-eksbuild.1"),
                ("aws-ebs-csi-driver", "v1.46.0-eksbuild.1"),
                ("eks-pod-identity-agent", "v1.3.7-eksbuild.2"),
            ],
        },
        services: Vec::new(),
        balancers: Vec::new(),
        groups: Vec::new(),
        databases: Vec::new(),
        events: Vec::new(),
        queues: BTreeMap::new(),
        queue_series: HashMap::new(),
        producers: Vec::new(),
        workforces: Vec::new(),
        moves: Vec::new(),
        functions: Vec::new(),
        mappings: Vec::new(),
        shifts: Vec::new(),
        defects: Vec::new(),
        grey: vec![0.0; count],
        loads: HashMap::new(),
        demand: 1.0,
        surge: 1.0,
    }
}

/// Class of the instances of a cluster, and of the one reader that is smaller.
const CLASS: &str = "db.r6g.2xlarge";
const SMALL_CLASS: &str = "db.r6g.xlarge";

fn databases(
    region: &mut Region,
    plan: &Plan,
    (n, seed): (usize, u64),
    created: Millis,
    metrics: &mut Metrics,
    dice: &mut Dice,
) {
    let zones = region.azs.len();
    let first = dice.below(zones);
    let zone = |i: usize| (first + i) % zones;
    let main = [(zone(0), CLASS), (zone(1), CLASS), (zone(2), SMALL_CLASS)];
    let reference = [(zone(0), CLASS), (zone(1), CLASS)];
    for (k, (name, global, members)) in [
        (&plan.main_database, false, &main[..]),
        (&plan.reference_database, true, &reference[..]),
    ]
    .into_iter()
    .enumerate()
    {
        let database = name.split_once('-').map_or("app", |(_, subject)| subject);
        let name = if global {
            format!("{name}-{}", region.place.code)
        } else {
            name.clone()
        };
        let spec = DbSpec {
            name: &name,
            region: region.place.name,
            account: ACCOUNT,
            database,
            engine: if global {
                Engine::Postgres
            } else {
                plan.main_engine
            },
            host: &dice.lower(12),
            resource: format!("cluster-{}", dice.upper(26)),
            global: global.then(|| plan.reference_database.clone()),
            secondary: global && n > 0,
            proxied: global && n == 0,
            instances: &members[..members.len().min(zones)],
            network: 120 + u8::try_from(n).unwrap_or(0),
            subnet: 20 + 100 * u8::try_from(k % 2).unwrap_or(0),
            created,
            dice: Dice::new(seed, 400 + 16 * n as u64 + k as u64),
        };
        let mut cluster = DbCluster::new(spec, metrics);
        if !global {
            cluster.scaling = Some(ReaderScaling::new(1, 4, created));
            // Half of the platforms have maintenance ahead of their last reader.
            let due = Dice::new(seed, 9).chance(0.5);
            if let Some(last) = cluster.instances.last_mut().filter(|_| due) {
                last.maintenance = Some(created.plus_seconds(500 * DAY));
            }
        }
        region.databases.push(cluster);
    }
}

fn queues(region: &mut Region, plan: &Plan, created: Millis, metrics: &mut Metrics) {
    for q in &plan.queues {
        let mut dead = Queue::new(region.place.name, ACCOUNT, &q.dead, created);
        dead.retention = 1_209_600;
        dead.tags = BTreeMap::from([("team".into(), "operations".into())]);
        let mut queue = Queue::new(region.place.name, ACCOUNT, &q.name, created);
        queue.visibility_timeout = q.visibility;
        queue.wait = 20;
        queue.content_deduplication = q.fifo;
        queue.redrive = Some(Redrive {
            target: dead.arn.clone(),
            max_receive_count: q.max_receive_count,
        });
        region.producers.push(Producer {
            queue: queue.arn.clone(),
            rate: q.rate,
            new_schema_share: q.new_schema_share,
            serial: 0,
        });
        for mut queue in [queue, dead] {
            queue.watched = true;
            add_queue(region, queue, metrics);
        }
    }
}

/// Puts a queue into a region and registers its series.
pub fn add_queue(region: &mut Region, queue: Queue, metrics: &mut Metrics) {
    let name = queue.name.clone();
    let place = region.place.name;
    let mut series = |metric: &str, unit| {
        metrics.series(
            MetricKey::new(place, "AWS/SQS", metric, &[("QueueName", &name)]),
            unit,
        )
    };
    let all = QueueSeries {
        visible: series("ApproximateNumberOfMessagesVisible", "Count"),
        hidden: series("ApproximateNumberOfMessagesNotVisible", "Count"),
        delayed: series("ApproximateNumberOfMessagesDelayed", "Count"),
        age: series("ApproximateAgeOfOldestMessage", "Seconds"),
        sent: series("NumberOfMessagesSent", "Count"),
        received: series("NumberOfMessagesReceived", "Count"),
        deleted: series("NumberOfMessagesDeleted", "Count"),
        empty: series("NumberOfEmptyReceives", "Count"),
    };
    region.queue_series.insert(queue.arn.clone(), all);
    region.queues.insert(queue.arn.clone(), queue);
}

fn functions(
    region: &mut Region,
    plan: &Plan,
    now: Millis,
    metrics: &mut Metrics,
    dice: &mut Dice,
) {
    for f in &plan.functions {
        let changed = now.plus_seconds(-dice.between(3, 60) * DAY);
        let mut function =
            Function::new(region.place.name, ACCOUNT, &f.name, changed, metrics, dice);
        function.reserved = f.reserved;
        function.env = vec![
            ("LOG_LEVEL".into(), "info".into()),
            ("DATABASE_HOST".into(), region.databases[0].endpoint.clone()),
        ];
        match f.queue {
            Some(q) => {
                let arn = region.producers[q].queue.clone();
                region.mappings.push(Mapping::new(
                    dice.uuid(),
                    arn,
                    region.functions.len(),
                    changed,
                ));
            }
            None => function.direct = 6.0,
        }
        region.functions.push(function);
    }
}

fn balancers(
    region: &mut Region,
    plan: &Plan,
    created: Millis,
    dice: &mut Dice,
    metrics: &mut Metrics,
) {
    let place = region.place.name;
    for b in &plan.balancers {
        let id = dice.hex(16);
        let dimension = format!("app/{}/{id}", b.name);
        let base = format!("arn:aws:elasticloadbalancing:{place}:{ACCOUNT}");
        let scope = [("LoadBalancer", dimension.as_str())];
        region.balancers.push(LoadBalancer {
            arn: format!("{base}:loadbalancer/{dimension}"),
            name: b.name.clone(),
            dns: format!(
                "{}-{}.{place}.elb.amazonaws.com",
                b.name,
                dice.between(100_000_000, 2_000_000_000)
            ),
            scheme: "internet-facing",
            created,
            https: format!("{base}:listener/{dimension}/{}", dice.hex(16)),
            http: format!("{base}:listener/{dimension}/{}", dice.hex(16)),
            certificate: format!("arn:aws:acm:{place}:{ACCOUNT}:certificate/{}", dice.uuid()),
            rules: Vec::new(),
            counters: balancer::counters(metrics, place, &scope, &region.zones),
            own_errors: balancer::spread(
                metrics,
                place,
                "HTTPCode_ELB_5XX_Count",
                &scope,
                &region.zones,
            ),
            connections: balancer::spread(
                metrics,
                place,
                "ActiveConnectionCount",
                &scope,
                &region.zones,
            ),
            failing: 0.0,
        });
    }
}

/// The role a plan gives the consumer of its first queue: pods.
#[must_use]
pub fn first_worker(plan: &Plan) -> Option<&ServicePlan> {
    let pods = |q: usize| plan.queues[q].consumer == ConsumerPlan::Pods && !plan.queues[q].fifo;
    plan.services
        .iter()
        .find(|s| matches!(s.role, Role::Worker { queue } if pods(queue)))
}
