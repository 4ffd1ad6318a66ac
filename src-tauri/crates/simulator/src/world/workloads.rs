//! Makes the services of a region: what each pod is given, and the target group or queue it stands behind.

use std::collections::BTreeMap;

use crate::world::SIMULATED_ACCOUNT as ACCOUNT;
use crate::world::balancer::{self, Rule, TargetGroup};
use crate::world::cluster::{
    CapacityType, GitOps, Hpa, IngressSpec, NodegroupSpec, PoolSpec, QueueTrigger, ServicePort,
    WorkloadKey, WorkloadKind, WorkloadSpec,
};
use crate::world::database::Ail;
use crate::world::dice::Dice;
use crate::world::metric::{MetricKey, Metrics};
use crate::world::plan::{Plan, Role, ServicePlan};
use crate::world::queue::consume::Workforce;
use crate::world::region::{Region, Service};

/// CPU the autoscalers hold, percent of the request.
const TARGET_CPU: u32 = 65;
/// Messages a second one consuming pod handles.
const PER_POD: f64 = 3.0;

/// Adds the services of a region; returns what its cluster runs.
pub(super) fn workloads(
    region: &mut Region,
    plan: &Plan,
    pods: u32,
    dice: &mut Dice,
    metrics: &mut Metrics,
) -> Vec<WorkloadSpec> {
    let replicas = plan.replicas(pods);
    let mut out = Vec::new();
    for (n, (s, replicas)) in plan.services.iter().zip(replicas).enumerate() {
        let image = format!("{}/{}:{}", plan.names.brand, s.name, s.tag);
        let mut spec = WorkloadSpec::deployment(&s.namespace, &s.name, &image, replicas);
        spec.revision = s.revision;
        let databases = wire(region, plan, s, &mut spec);
        let mut service = Service {
            key: spec.key(),
            group: None,
            replicas: f64::from(replicas),
            rate: 0.0,
            median: 0.02,
            cpu: 45.0 + 10.0 * dice.unit(),
            stream: 2000 + n as u64,
            databases,
            writes: s.writes,
            pool: s.pool,
            ail: Ail::default(),
        };
        match &s.role {
            Role::Web { balancer, path } => web(
                region,
                plan,
                *balancer,
                path,
                &mut spec,
                &mut service,
                dice,
                metrics,
            ),
            Role::Worker { queue } => worker(region, *queue, &mut spec),
            Role::Inner => {
                // Every third is kept by Argo CD, every third by Flux, every third by nobody.
                spec.gitops = [Some(GitOps::ArgoCd), Some(GitOps::Flux), None][n % 3];
                spec.service = Some(ServicePort {
                    port: 80,
                    target_port: 9090,
                })
            }
            Role::Stateful => {
                spec.kind = WorkloadKind::StatefulSet;
                spec.service = Some(ServicePort {
                    port: 7000,
                    target_port: 7000,
                });
            }
        }
        spec.role_arn = Some(format!(
            "arn:aws:iam::{ACCOUNT}:role/{}-{}",
            plan.names.brand, s.name
        ));
        region.services.push(service);
        out.push(spec);
    }
    out
}

/// Gives a workload the addresses it uses; returns the databases among them.
fn wire(region: &Region, plan: &Plan, s: &ServicePlan, spec: &mut WorkloadSpec) -> Vec<usize> {
    spec.env = vec![
        ("SERVICE_NAME".into(), s.name.clone()),
        ("AWS_REGION".into(), region.place.name.into()),
    ];
    spec.config = vec![
        ("LOG_LEVEL".into(), "info".into()),
        ("HTTP_TIMEOUT_MS".into(), "2500".into()),
    ];
    if s.role == Role::Stateful {
        return Vec::new();
    }
    let main = &region.databases[0];
    let mut used = vec![0];
    if s.by_config {
        let url = format!(
            "{}://app@{}:{}/{}",
            main.engine.scheme(),
            main.endpoint,
            main.engine.port(),
            main.database
        );
        spec.config.push(("DATABASE_URL".into(), url));
    } else {
        spec.env
            .push(("DATABASE_HOST".into(), main.endpoint.clone()));
        spec.config
            .push(("DATABASE_READER_HOST".into(), main.reader_endpoint.clone()));
    }
    if s.reads_reference {
        spec.config.push((
            "REFERENCE_DB_HOST".into(),
            region.databases[1].reader_endpoint.clone(),
        ));
        used.push(1);
    }
    if let Some(q) = s.sends_to {
        let name = plan.queues[q]
            .name
            .trim_end_matches(".fifo")
            .replace('-', "_")
            .to_uppercase();
        let url = region.queues[&region.producers[q].queue].url.clone();
        spec.env.push((format!("{name}_URL"), url));
    }
    used
}

#[allow(clippy::too_many_arguments)]
fn web(
    region: &mut Region,
    plan: &Plan,
    b: usize,
    path: &str,
    spec: &mut WorkloadSpec,
    service: &mut Service,
    dice: &mut Dice,
    metrics: &mut Metrics,
) {
    let place = region.place.name;
    let group = region.groups.len();
    let short = |text: &str| text.replace('-', "").chars().take(8).collect::<String>();
    let name = format!(
        "k8s-{}-{}-{}",
        short(&spec.namespace),
        short(&spec.name),
        dice.hex(10)
    );
    let dimension = format!("targetgroup/{name}/{}", dice.hex(16));
    let arn = format!("arn:aws:elasticloadbalancing:{place}:{ACCOUNT}:{dimension}");
    let target_port = 8080;
    let cpu = TARGET_CPU;
    spec.hpa = Some(Hpa {
        min: (spec.replicas / 2).max(3),
        max: spec.replicas * 2,
        target_cpu_percent: cpu,
    });
    spec.service = Some(ServicePort {
        port: 80,
        target_port,
    });
    spec.target_group_arn = Some(arn.clone());
    let balancer = &mut region.balancers[b];
    spec.ingress = Some(IngressSpec {
        host: format!("{}.{}", plan.balancers[b].label, plan.names.domain),
        load_balancer: balancer.dns.clone(),
    });
    let rule = balancer.https.replace(":listener/", ":listener-rule/");
    let rules = balancer.rules.len();
    let priority = u32::try_from(rules + 1).unwrap_or(1) * 10;
    let default = Rule {
        arn: format!("{rule}/{}", dice.hex(16)),
        priority: None,
        path: None,
        group,
    };
    let own = Rule {
        arn: format!("{rule}/{}", dice.hex(16)),
        priority: Some(priority),
        path: Some(path.into()),
        group,
    };
    if rules == 0 {
        balancer.rules.push(default);
    }
    let at = balancer.rules.len() - 1;
    balancer.rules.insert(at, own);
    let lb = balancer
        .arn
        .split_once(":loadbalancer/")
        .map_or("", |(_, d)| d)
        .to_owned();
    let scope = [
        ("LoadBalancer", lb.as_str()),
        ("TargetGroup", dimension.as_str()),
    ];
    region.groups.push(TargetGroup {
        arn,
        name,
        balancer: b,
        port: target_port,
        workload: spec.key(),
        targets: BTreeMap::new(),
        counters: balancer::counters(metrics, place, &scope, &region.zones),
        healthy_hosts: balancer::spread(metrics, place, "HealthyHostCount", &scope, &region.zones),
        unhealthy_hosts: balancer::spread(
            metrics,
            place,
            "UnHealthyHostCount",
            &scope,
            &region.zones,
        ),
        per_target: metrics.series(
            MetricKey::new(
                place,
                "AWS/ApplicationELB",
                "RequestCountPerTarget",
                &[("TargetGroup", &dimension)],
            ),
            "Count",
        ),
    });
    service.group = Some(group);
    service.rate = plan.balancers[b].rate_per_pod * f64::from(spec.replicas);
    service.median = plan.balancers[b].median * (0.7 + 0.6 * dice.unit());
    service.cpu = f64::from(cpu) * 0.97;
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn worker(region: &mut Region, queue: usize, spec: &mut WorkloadSpec) {
    let producer = &region.producers[queue];
    let q = &region.queues[&producer.queue];
    let needed = (producer.rate * 1.5 / PER_POD).ceil() as u32;
    let min = spec.replicas.max(needed);
    spec.replicas = min;
    spec.queue_trigger = Some(QueueTrigger {
        queue_url: q.url.clone(),
        min,
        max: min + min.div_ceil(2),
        length_per_pod: 20,
    });
    spec.env.push(("QUEUE_URL".into(), q.url.clone()));
    region.workforces.push(Workforce::new(
        q.arn.clone(),
        WorkloadKey::new(&spec.namespace, &spec.name),
        PER_POD,
    ));
}

/// Cores of the pods' requests that the nodegroups hold, and that the pool of spot instances holds beyond.
const KEPT: f64 = 0.92;
const BOUGHT: f64 = 0.34;

fn requested(workloads: &[WorkloadSpec]) -> f64 {
    let all = workloads.iter();
    all.map(|w| f64::from(w.replicas) * f64::from(w.requests_millicpu))
        .sum()
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn nodes(millicpu: f64, each: f64) -> u32 {
    (millicpu / each).floor() as u32
}

/// The nodegroups, and one that is kept empty for the day the spot instances are gone.
pub(super) fn nodegroups(workloads: &[WorkloadSpec], plan: &Plan) -> Vec<NodegroupSpec> {
    let all = nodes(requested(workloads) * KEPT, 7_920.0).max(3);
    let core = (all * 3 / 5).max(2);
    let group = |name: &str, desired: u32, min: u32, max: u32| NodegroupSpec {
        name: format!("{}-{name}", plan.names.brand),
        instance_type: "m7i.2xlarge".into(),
        capacity_type: CapacityType::OnDemand,
        min,
        desired,
        max,
    };
    let running = |name: &str, n: u32| group(name, n, (n / 2).max(1), n * 2 + 2);
    vec![
        running("core", core),
        running("web", (all - core).max(1)),
        group(
            plan.names
                .pick(&["reserve", "fallback", "standby", "spare"]),
            0,
            0,
            12.max(all / 2),
        ),
    ]
}

/// The pool of spot instances.
pub(super) fn pools(workloads: &[WorkloadSpec], plan: &Plan) -> Vec<PoolSpec> {
    let count = nodes(requested(workloads) * BOUGHT, 3_920.0).max(3);
    vec![PoolSpec {
        name: plan
            .names
            .pick(&["burst", "flex", "elastic", "spot"])
            .into(),
        instance_types: ["m7i.xlarge", "m6i.xlarge", "m7a.xlarge"]
            .map(Into::into)
            .into(),
        capacity: vec![CapacityType::Spot],
        cpu_limit: Some(count * 4 * 3),
        nodes: count,
    }]
}
