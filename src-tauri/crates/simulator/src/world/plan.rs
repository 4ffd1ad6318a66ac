//! What the platform is made of before it exists: services, queues, functions and databases, the same in each region.

use crate::world::database::{Engine, Pool};
use crate::world::dice::Dice;
use crate::world::names::Names;

/// What a service does on the path of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Behind a load balancer, at a path of its host.
    Web {
        /// Index into [`Plan::balancers`].
        balancer: usize,
        /// Path pattern of its rule; the first service of a balancer also takes the rest.
        path: String,
    },
    /// Consumes a queue, scaled by its depth.
    Worker {
        /// Index into [`Plan::queues`].
        queue: usize,
    },
    /// Called by the others.
    Inner,
    /// Called by the others, with numbered pods.
    Stateful,
}

/// One service.
#[derive(Debug, Clone)]
pub struct ServicePlan {
    /// Namespace.
    pub namespace: String,
    /// Name of the deployment or stateful set.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// Share of the region's pods.
    pub weight: f64,
    /// Release it runs.
    pub tag: String,
    /// Revision of that release.
    pub revision: u32,
    /// Index of the queue it sends to.
    pub sends_to: Option<usize>,
    /// Reads the reference database too.
    pub reads_reference: bool,
    /// Share of its requests that write.
    pub writes: f64,
    /// How its connections follow a failover of its database.
    pub pool: Pool,
    /// Finds its database in its ConfigMap and not in its environment.
    pub by_config: bool,
}

/// Who consumes a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerPlan {
    /// A deployment.
    Pods,
    /// A function, by an event source mapping.
    Function,
}

/// A queue and its dead-letter queue.
#[derive(Debug, Clone)]
pub struct QueuePlan {
    /// Name.
    pub name: String,
    /// Name of the dead-letter queue.
    pub dead: String,
    /// Both are FIFO.
    pub fifo: bool,
    /// Who consumes it.
    pub consumer: ConsumerPlan,
    /// Messages a second at the reference hour.
    pub rate: f64,
    /// Seconds a received message is hidden.
    pub visibility: i64,
    /// Deliveries before dead-lettering.
    pub max_receive_count: u32,
    /// Share of messages in the newest schema.
    pub new_schema_share: f64,
}

/// A function.
#[derive(Debug, Clone)]
pub struct FunctionPlan {
    /// Name.
    pub name: String,
    /// Queue that triggers it; without one it is called directly.
    pub queue: Option<usize>,
    /// Reserved concurrency.
    pub reserved: Option<u32>,
}

/// A load balancer.
#[derive(Debug, Clone)]
pub struct BalancerPlan {
    /// Name.
    pub name: String,
    /// Label under the domain.
    pub label: String,
    /// Requests a second per pod behind it at the reference hour.
    pub rate_per_pod: f64,
    /// Median seconds of an answer.
    pub median: f64,
}

/// The platform.
#[derive(Debug)]
pub struct Plan {
    /// How things are called.
    pub names: Names,
    /// Load balancers: the API, the stream, the partners.
    pub balancers: Vec<BalancerPlan>,
    /// Services.
    pub services: Vec<ServicePlan>,
    /// Queues; the first is consumed by pods and carries two schemas.
    pub queues: Vec<QueuePlan>,
    /// Functions.
    pub functions: Vec<FunctionPlan>,
    /// Name of the main database cluster, one in each region.
    pub main_database: String,
    /// Its engine.
    pub main_engine: Engine,
    /// Name of the global database.
    pub reference_database: String,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        let mut names = Names::new(&mut dice);
        let main_database = names.branded();
        let reference_database = names.branded();
        let balancers = balancers(&names, &mut dice);
        let queues = queues(&mut names, &mut dice);
        let functions = functions(&mut names, &queues);
        let mut services = services(&mut names, &queues, &mut dice);
        connect(&mut services, &mut Dice::new(seed, 7));
        Self {
            names,
            balancers,
            services,
            queues,
            functions,
            main_database,
            main_engine: if Dice::new(seed, 6).chance(0.5) {
                Engine::MySql
            } else {
                Engine::Postgres
            },
            reference_database,
        }
    }

    /// Replicas of each service for about `pods` pods in all.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn replicas(&self, pods: u32) -> Vec<u32> {
        let total: f64 = self.services.iter().map(|s| s.weight).sum();
        let least = |role: &Role| match role {
            Role::Web { .. } | Role::Stateful => 3,
            Role::Worker { .. } => 6,
            Role::Inner => 2,
        };
        self.services
            .iter()
            .map(|s| ((f64::from(pods) * s.weight / total).round() as u32).max(least(&s.role)))
            .collect()
    }
}

fn tag(dice: &mut Dice) -> String {
    format!(
        "{}.{}.{}",
        dice.between(1, 6),
        dice.between(0, 40),
        dice.between(0, 9)
    )
}

fn balancers(names: &Names, dice: &mut Dice) -> Vec<BalancerPlan> {
    let labels = [
        dice.choose(&["api", "gw", "edge", "rest"]),
        dice.choose(&["ws", "live", "push", "rt"]),
        dice.choose(&["partners", "fix", "b2b", "desk"]),
    ];
    let figures = [(9.0, 0.045), (4.0, 0.012), (6.0, 0.070)];
    let plan = |(label, (rate_per_pod, median)): (&str, (f64, f64))| BalancerPlan {
        name: format!("{}-{label}", names.brand),
        label: label.into(),
        rate_per_pod,
        median,
    };
    labels.into_iter().zip(figures).map(plan).collect()
}

fn queues(names: &mut Names, dice: &mut Dice) -> Vec<QueuePlan> {
    let shapes = [
        (false, ConsumerPlan::Pods, 12.0, 20, 3, 0.38),
        (true, ConsumerPlan::Pods, 2.0, 45, 4, 0.0),
        (false, ConsumerPlan::Function, 5.0, 60, 4, 0.1),
        (false, ConsumerPlan::Function, 7.0, 90, 5, 0.0),
        (false, ConsumerPlan::Pods, 4.0, 30, 5, 0.2),
    ];
    let mut plan = |(fifo, consumer, rate, visibility, max_receive_count, new_schema_share)| {
        let subject = names.subject();
        let (name, dead) = names.queue_pair(subject, fifo);
        let rate = rate * (0.9 + 0.2 * dice.unit());
        QueuePlan {
            name,
            dead,
            fifo,
            consumer,
            rate,
            visibility,
            max_receive_count,
            new_schema_share,
        }
    };
    shapes.into_iter().map(&mut plan).collect()
}

fn functions(names: &mut Names, queues: &[QueuePlan]) -> Vec<FunctionPlan> {
    let mut out: Vec<FunctionPlan> = Vec::new();
    for (n, _) in queues
        .iter()
        .enumerate()
        .filter(|(_, q)| q.consumer == ConsumerPlan::Function)
    {
        let reserved = out.is_empty().then_some(50);
        out.push(FunctionPlan {
            name: names.branded(),
            queue: Some(n),
            reserved,
        });
    }
    out.push(FunctionPlan {
        name: names.branded(),
        queue: None,
        reserved: None,
    });
    out
}

fn services(names: &mut Names, queues: &[QueuePlan], dice: &mut Dice) -> Vec<ServicePlan> {
    let mut roles: Vec<(Role, f64)> = Vec::new();
    let web = [(0, 9, 4.6), (1, 2, 5.5), (2, 2, 2.5)];
    for (balancer, count, weight) in web {
        roles.extend((0..count).map(|_| {
            (
                Role::Web {
                    balancer,
                    path: String::new(),
                },
                weight,
            )
        }));
    }
    let workers = queues
        .iter()
        .enumerate()
        .filter(|(_, q)| q.consumer == ConsumerPlan::Pods);
    roles.extend(workers.map(|(queue, _)| (Role::Worker { queue }, 1.3)));
    roles.extend((0..8).map(|_| (Role::Inner, 3.4)));
    roles.extend((0..2).map(|_| (Role::Stateful, 1.3)));
    let teams = names.teams.clone();
    let mut out = Vec::new();
    for (n, (role, weight)) in roles.into_iter().enumerate() {
        let subject = names.subject();
        let (name, role) = match role {
            Role::Web { balancer: 1, .. } => (
                names.stream(subject),
                Role::Web {
                    balancer: 1,
                    path: format!("/{subject}*"),
                },
            ),
            Role::Web { balancer, .. } => (
                names.api(subject),
                Role::Web {
                    balancer,
                    path: format!("/{subject}*"),
                },
            ),
            Role::Worker { queue } => (names.worker(subject), Role::Worker { queue }),
            Role::Inner => (names.inner(subject), Role::Inner),
            Role::Stateful => (names.store(subject), Role::Stateful),
        };
        let sends_to = matches!(
            role,
            Role::Web {
                balancer: 0 | 2,
                ..
            }
        )
        .then_some(n % queues.len());
        out.push(ServicePlan {
            namespace: dice.pick(&teams).clone(),
            name,
            role,
            weight: weight * (0.75 + 0.5 * dice.unit()),
            tag: tag(dice),
            revision: u32::try_from(dice.between(3, 60)).unwrap_or(3),
            sends_to,
            reads_reference: n % 3 == 0,
            writes: 0.0,
            pool: Pool::Resolves,
            by_config: dice.chance(0.4),
        });
    }
    out
}

/// Decides how much the services write and how their connections behave; one at least behind the first balancer clings.
fn connect(services: &mut [ServicePlan], dice: &mut Dice) {
    for service in services.iter_mut() {
        service.writes = 0.1 + 0.15 * dice.unit();
        service.pool = match dice.unit() {
            x if x < 0.35 => Pool::Aware,
            x if x < 0.95 => Pool::Resolves,
            _ => Pool::Clings,
        };
    }
    let mut first: Vec<&mut ServicePlan> = services
        .iter_mut()
        .filter(|s| matches!(s.role, Role::Web { balancer: 0, .. }))
        .collect();
    let chosen = dice.below(first.len());
    if first.iter().all(|s| s.pool != Pool::Clings) {
        first[chosen].pool = Pool::Clings;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_same_seed_makes_the_same_platform_and_another_seed_another() {
        let text = |seed| format!("{:?}", Plan::new(seed));
        assert_eq!(text(4), text(4));
        assert_ne!(text(4), text(5));
    }

    #[test]
    fn every_queue_has_a_sender_and_names_are_unique() {
        for seed in 0..50 {
            let plan = Plan::new(seed);
            let fed: BTreeSet<usize> = plan.services.iter().filter_map(|s| s.sends_to).collect();
            assert_eq!(fed.len(), plan.queues.len());
            let names: BTreeSet<&String> = plan.services.iter().map(|s| &s.name).collect();
            assert_eq!(names.len(), plan.services.len());
            assert!(
                plan.queues
                    .iter()
                    .all(|q| q.name.len() < 81 && q.dead.len() < 81)
            );
        }
    }

    #[test]
    fn the_replicas_add_up_to_about_the_pods_asked_for() {
        for pods in [100, 700, 10_000] {
            let n: u32 = Plan::new(1).replicas(pods).iter().sum();
            assert!(n.abs_diff(pods) <= pods / 6 + 10, "{n} for {pods}");
        }
    }
}
