//! Makes what stands before the regions: DNS and the edge.

use crate::clock::Millis;
use crate::world::SIMULATED_ACCOUNT as ACCOUNT;
use crate::world::dice::Dice;
use crate::world::dns::{Answer, Dns, HealthCheck, RecordSet, Routing, Watched};
use crate::world::edge::{AccessControl, Bucket, Distribution, Edge, Origin};
use crate::world::geography::CLOUDFRONT_ZONE;
use crate::world::metric::Metrics;
use crate::world::plan::Plan;
use crate::world::region::Region;

const DAY: i64 = 86_400;

/// The edge: one distribution before the API balancers, one before the bucket of the web pages.
pub fn edge(
    plan: &Plan,
    regions: &[Region],
    now: Millis,
    metrics: &mut Metrics,
    dice: &mut Dice,
) -> Edge {
    let domain = &plan.names.domain;
    let bucket = Bucket {
        name: format!("{}-web-{}", plan.names.brand, dice.hex(6)),
        region: regions[0].name().into(),
        created: now.plus_seconds(-410 * DAY),
    };
    let control = AccessControl {
        id: format!("E{}", dice.upper(13)),
        name: format!("{}-web", plan.names.brand),
    };
    let mut distribution = |aliases: Vec<String>, comment: String, hit_share: f64| {
        let id = format!("E{}", dice.upper(13));
        let name = format!("d{}.cloudfront.net", dice.lower(13));
        let modified = now.plus_seconds(-dice.between(5, 90) * DAY);
        let mut d = Distribution::new(id, ACCOUNT, name, modified, metrics);
        d.aliases = aliases;
        d.comment = comment;
        d.hit_share = hit_share;
        d.etag = format!("E{}", dice.upper(13));
        d.certificate = format!(
            "arn:aws:acm:us-east-1:{ACCOUNT}:certificate/{}",
            dice.uuid()
        );
        d
    };
    let label = &plan.balancers[0].label;
    let mut api = distribution(
        vec![format!("{label}.{domain}")],
        format!("{} API", plan.names.title()),
        0.08,
    );
    api.origins = regions
        .iter()
        .map(|r| Origin {
            id: format!("alb-{}", r.place.code),
            domain: r.balancers[0].dns.clone(),
            access_control: None,
        })
        .collect();
    api.group = (api.origins.len() > 1).then(|| "alb-failover".into());
    let aliases = vec![
        domain.clone(),
        format!("www.{domain}"),
        format!("static.{domain}"),
    ];
    let mut web = distribution(aliases, format!("{} web", plan.names.title()), 0.96);
    web.root = "index.html";
    web.invalidations = vec![(
        format!("I{}", dice.upper(13)),
        now.plus_seconds(-3 * DAY - 4711),
    )];
    web.origins = vec![Origin {
        id: "s3-web".into(),
        domain: format!("{}.s3.{}.amazonaws.com", bucket.name, bucket.region),
        access_control: Some(control.id.clone()),
    }];
    Edge {
        distributions: vec![api, web],
        controls: vec![control],
        buckets: vec![bucket],
    }
}

/// The zone, its records and health checks.
pub fn dns(
    plan: &Plan,
    regions: &[Region],
    edge: &Edge,
    now: Millis,
    metrics: &mut Metrics,
    dice: &mut Dice,
) -> Dns {
    let domain = &plan.names.domain;
    let mut dns = Dns {
        zone: format!("Z0{}", dice.upper(18)),
        name: format!("{domain}."),
        comment: format!("{} public zone", plan.names.title()),
        reference: dice.uuid(),
        servers: (0..4)
            .map(|n| {
                format!(
                    "ns-{}.awsdns-{:02}.{}",
                    dice.between(1, 2047),
                    dice.between(0, 63),
                    ["com", "net", "org", "co.uk"][n]
                )
            })
            .collect(),
        records: Vec::new(),
        checks: checks(plan, regions, now, metrics, dice),
    };
    zone_records(&mut dns, dice);
    edge_records(&mut dns, plan, edge);
    region_records(&mut dns, plan, regions);
    dns.records.sort_by(|a, b| {
        (reversed(&a.name), a.kind, &a.set).cmp(&(reversed(&b.name), b.kind, &b.set))
    });
    dns
}

/// Labels from the root: the order ListResourceRecordSets answers in.
#[must_use]
pub fn reversed(name: &str) -> Vec<String> {
    name.trim_end_matches('.')
        .rsplit('.')
        .map(str::to_owned)
        .collect()
}

fn checks(
    plan: &Plan,
    regions: &[Region],
    now: Millis,
    metrics: &mut Metrics,
    dice: &mut Dice,
) -> Vec<HealthCheck> {
    let mut out = Vec::new();
    for (b, balancer) in plan.balancers.iter().enumerate() {
        for (r, region) in regions.iter().enumerate() {
            let host = format!(
                "{}.{}.{}",
                region.place.code, balancer.label, plan.names.domain
            );
            let watched = Watched::Endpoint {
                region: r,
                balancer: b,
                host,
            };
            let interval = if b == 0 { 10 } else { 30 };
            let label = format!("{}-{}", balancer.label, region.place.code);
            out.push(HealthCheck::new(
                watched, label, interval, now, metrics, dice,
            ));
        }
    }
    let children = (0..regions.len()).collect();
    let watched = Watched::Calculated {
        children,
        threshold: 1,
    };
    out.push(HealthCheck::new(
        watched,
        format!("{}-any", plan.balancers[0].label),
        30,
        now,
        metrics,
        dice,
    ));
    out
}

fn values(name: &str, kind: &'static str, ttl: u32, values: Vec<String>) -> RecordSet {
    RecordSet {
        name: name.into(),
        kind,
        set: None,
        routing: Routing::Simple,
        answer: Answer::Values(ttl, values),
        check: None,
    }
}

fn alias(name: String, kind: &'static str, zone: &str, target: &str, evaluate: bool) -> RecordSet {
    let answer = Answer::Alias {
        zone: zone.into(),
        name: format!("{target}."),
        evaluate,
    };
    RecordSet {
        name,
        kind,
        set: None,
        routing: Routing::Simple,
        answer,
        check: None,
    }
}

fn zone_records(dns: &mut Dns, dice: &mut Dice) {
    let zone = dns.name.clone();
    let soa = format!(
        "{}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400",
        dns.servers[0]
    );
    let servers = dns.servers.iter().map(|s| format!("{s}.")).collect();
    let validation = format!("_{}.{zone}", dice.hex(32));
    let proof = format!("_{}.{}.acm-validations.aws.", dice.hex(32), dice.lower(10));
    dns.records = vec![
        values(&zone, "NS", 172_800, servers),
        values(&zone, "SOA", 900, vec![soa]),
        values(
            &zone,
            "TXT",
            300,
            vec!["\"v=spf1 include:amazonses.com -all\"".into()],
        ),
        values(
            &zone,
            "MX",
            3600,
            vec!["10 inbound-smtp.us-east-1.amazonaws.com.".into()],
        ),
        values(&validation, "CNAME", 300, vec![proof]),
    ];
}

fn edge_records(dns: &mut Dns, plan: &Plan, edge: &Edge) {
    let zone = dns.name.clone();
    let (api, web) = (&edge.distributions[0], &edge.distributions[1]);
    for kind in ["A", "AAAA"] {
        dns.records.push(alias(
            format!("{}.{zone}", plan.balancers[0].label),
            kind,
            CLOUDFRONT_ZONE,
            &api.domain,
            false,
        ));
        dns.records.push(alias(
            zone.clone(),
            kind,
            CLOUDFRONT_ZONE,
            &web.domain,
            false,
        ));
        dns.records.push(alias(
            format!("www.{zone}"),
            kind,
            CLOUDFRONT_ZONE,
            &web.domain,
            false,
        ));
    }
    dns.records.push(values(
        &format!("static.{zone}"),
        "CNAME",
        300,
        vec![format!("{}.", web.domain)],
    ));
}

fn region_records(dns: &mut Dns, plan: &Plan, regions: &[Region]) {
    let zone = dns.name.clone();
    let target = |r: &Region, b: usize| format!("dualstack.{}", r.balancers[b].dns);
    for (n, r) in regions.iter().enumerate() {
        let check = |b: usize, dns: &Dns| Some(dns.checks[b * regions.len() + n].id.clone());
        for (b, balancer) in plan.balancers.iter().enumerate() {
            let host = format!("{}.{}.{zone}", r.place.code, balancer.label);
            dns.records
                .push(alias(host, "A", r.place.elb_zone, &target(r, b), true));
        }
        let mut stream = alias(
            format!("{}.{zone}", plan.balancers[1].label),
            "A",
            r.place.elb_zone,
            &target(r, 1),
            true,
        );
        stream.set = Some(r.place.code.into());
        stream.routing = Routing::Latency(r.place.name.into());
        stream.check = check(1, dns);
        let mut app = alias(
            format!("app.{zone}"),
            "A",
            r.place.elb_zone,
            &target(r, 0),
            true,
        );
        app.set = Some(format!("app-{}", r.place.code));
        app.routing = Routing::Weighted(if n == 0 { 80 } else { 20 });
        app.check = check(0, dns);
        dns.records.extend([stream, app]);
        if n < 2 && regions.len() > 1 {
            let mut partner = alias(
                format!("{}.{zone}", plan.balancers[2].label),
                "A",
                r.place.elb_zone,
                &target(r, 2),
                true,
            );
            partner.set = Some(["first", "second"][n].into());
            partner.routing = Routing::Failover(["PRIMARY", "SECONDARY"][n]);
            partner.check = check(2, dns);
            dns.records.push(partner);
        }
    }
    if regions.len() == 1 {
        dns.records.push(alias(
            format!("{}.{zone}", plan.balancers[2].label),
            "A",
            regions[0].place.elb_zone,
            &target(&regions[0], 2),
            true,
        ));
    }
}
