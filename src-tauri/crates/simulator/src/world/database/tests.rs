use super::*;

const T0: Millis = Millis(1_700_000_000_000);
const BIG: &str = "db.r6g.2xlarge";

fn cluster(instances: &[(usize, &'static str)]) -> (DbCluster, Metrics) {
    let mut metrics = Metrics::new(T0);
    let spec = DbSpec {
        name: "books",
        region: "eu-west-1",
        account: "1",
        database: "app",
        engine: Engine::MySql,
        host: "abc",
        resource: "cluster-A".into(),
        global: None,
        proxied: false,
        secondary: false,
        instances,
        network: 120,
        subnet: 10,
        created: T0.plus_seconds(-86_400),
        dice: Dice::new(5, 1),
    };
    (DbCluster::new(spec, &mut metrics), metrics)
}

fn run(cluster: &mut DbCluster, from: Millis, seconds: i64) -> Vec<DbEvent> {
    let mut events = Vec::new();
    for s in 1..=seconds {
        cluster.run_agenda(from.plus_seconds(s), &mut events);
    }
    events
}

#[test]
fn a_failover_moves_the_role_then_the_endpoint_then_brings_the_old_writer_back() {
    let (mut c, _) = cluster(&[(0, BIG), (1, BIG), (2, BIG)]);
    c.fail_over(Some("BOOKS-3"), T0).unwrap();
    assert_eq!(c.status, ClusterStatus::FailingOver);
    let events = run(&mut c, T0, 90);
    let f = c.failovers.last().unwrap().clone();
    let (promoted, moved, back) = (f.promoted.unwrap(), f.moved.unwrap(), f.returned.unwrap());
    assert!(f.stopped < promoted && promoted < moved && moved < back);
    assert!(
        promoted.since(T0) <= 20_000 && moved.since(promoted) >= 3_000,
        "{f:?}"
    );
    assert_eq!(c.writer().unwrap().name, "books-3");
    assert_eq!(c.endpoint_at, "books-3");
    assert_eq!(c.status, ClusterStatus::Available);
    assert!(
        c.instances
            .iter()
            .all(|i| i.status == InstanceStatus::Available)
    );
    let told: Vec<(&str, &str)> = events
        .iter()
        .map(|e| (e.source.as_str(), e.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("books", "Started cross AZ failover to DB instance: books-3"),
            ("books-1", "DB instance shutdown"),
            ("books-3", "DB instance restarted"),
            ("books", "Completed failover to DB instance: books-3"),
            ("books-1", "DB instance restarted"),
        ]
    );
}

#[test]
fn while_it_fails_over_there_is_no_second_failover_and_the_endpoint_still_leads_to_the_old_writer()
{
    let (mut c, _) = cluster(&[(0, BIG), (1, BIG)]);
    c.fail_over(None, T0).unwrap();
    assert!(matches!(
        c.fail_over(None, T0),
        Err(Refusal::ClusterState(_))
    ));
    let mut at = T0;
    while c.writer().unwrap().name != "books-2" {
        at = at.plus_seconds(1);
        c.run_agenda(at, &mut Vec::new());
    }
    let leads = c
        .resolve("Books.cluster-abc.eu-west-1.rds.amazonaws.com.", 0)
        .unwrap()
        .unwrap();
    assert_eq!(leads.name, "books-1", "the role moves first");
    run(&mut c, at, 9);
    assert_eq!(c.writer_address(), c.instance("books-2").map(|i| i.address));
}

#[test]
fn without_a_target_the_tier_decides_then_the_size() {
    let (mut c, _) = cluster(&[
        (0, BIG),
        (1, "db.r6g.large"),
        (2, BIG),
        (0, "db.r6g.4xlarge"),
    ]);
    assert_eq!(
        c.heir().unwrap().name,
        "books-2",
        "tier 1 before the larger ones of tier 2"
    );
    c.set_tier("books-2", 2, T0).unwrap();
    run(&mut c, T0, 30);
    assert_eq!(c.heir().unwrap().name, "books-4", "of one tier the largest");
}

#[test]
fn what_cannot_be_promoted_is_refused_with_the_documented_fault() {
    let (mut c, mut metrics) = cluster(&[(0, BIG)]);
    assert!(matches!(
        c.fail_over(None, T0),
        Err(Refusal::ClusterState(_))
    ));
    assert!(matches!(
        c.fail_over(Some("books-1"), T0),
        Err(Refusal::InstanceState(_))
    ));
    assert!(matches!(
        c.fail_over(Some("other"), T0),
        Err(Refusal::NoInstance(_))
    ));
    let new = NewReader {
        name: "books-2".into(),
        class: DbClass::parse(BIG).unwrap(),
        az: None,
        tier: 1,
    };
    c.add_reader(new, 3, T0, &mut metrics).unwrap();
    assert_eq!(c.instance("books-2").unwrap().az, 1, "the emptiest zone");
    assert!(matches!(
        c.fail_over(Some("books-2"), T0),
        Err(Refusal::InstanceState(_))
    ));
    let events = run(&mut c, T0, 430);
    assert_eq!(events.last().unwrap().message, "DB instance created");
    c.fail_over(Some("books-2"), T0.plus_seconds(430)).unwrap();
}

#[test]
fn a_deleted_reader_is_gone_after_minutes_and_cannot_be_deleted_twice() {
    let (mut c, _) = cluster(&[(0, BIG), (1, BIG)]);
    c.delete_instance("books-2", T0).unwrap();
    assert!(matches!(
        c.delete_instance("books-2", T0),
        Err(Refusal::InstanceState(_))
    ));
    let events = run(&mut c, T0, 310);
    assert_eq!(events.last().unwrap().message, "DB instance deleted");
    assert_eq!(c.instances.len(), 1);
}

fn ask(demand: f64) -> load::Ask<'static> {
    load::Ask {
        grey: &[0.0; 3],
        demand,
        pods: 40.0,
        attached: 1.0,
        clinging: 0.0,
        seed: 3,
    }
}

fn bear(c: &mut DbCluster, demand: f64) {
    for s in 0..60 {
        c.bear(&ask(demand), T0.plus_seconds(s));
    }
}

#[test]
fn a_bad_host_fills_the_writer_and_leaves_the_readers_calm() {
    let (mut c, _) = cluster(&[(0, BIG), (1, BIG), (2, BIG)]);
    bear(&mut c, 1.0);
    let (calm, before) = (
        c.writer().unwrap().waiting(),
        c.writer().unwrap().connections,
    );
    assert!(calm < 1.5 && c.writer().unwrap().refused() == 0.0);
    c.instances[0].host = 0.3;
    bear(&mut c, 1.0);
    let writer = c.writer().unwrap();
    assert!(writer.strain > 1.3 && writer.waiting() > 30.0 && writer.refused() > 0.2);
    assert!(writer.connections > 2.0 * before);
    assert!(c.readers().all(|r| r.strain < 0.3 && r.refused() == 0.0));
}

#[test]
fn load_goes_with_the_role_and_a_bad_host_does_not() {
    let (mut c, _) = cluster(&[(0, BIG), (1, BIG), (2, BIG)]);
    c.weight = 2.6;
    bear(&mut c, 1.0);
    assert!(c.writer().unwrap().refused() > 0.1 && c.readers().all(|r| r.strain > 0.5));
    c.fail_over(None, T0).unwrap();
    run(&mut c, T0, 90);
    bear(&mut c, 1.0);
    assert!(
        c.writer().unwrap().refused() > 0.1,
        "the new writer is as full"
    );
    c.weight = 1.0;
    c.instances[0].host = 0.3;
    bear(&mut c, 1.0);
    assert!(
        c.writer().unwrap().refused() == 0.0,
        "the bad host is not the writer's"
    );
}

#[test]
fn a_smaller_heir_gets_hot() {
    let (mut c, _) = cluster(&[(0, BIG), (1, "db.r6g.xlarge")]);
    c.fail_over(None, T0).unwrap();
    run(&mut c, T0, 90);
    bear(&mut c, 1.0);
    assert!(
        c.writer().unwrap().strain > 0.85,
        "{}",
        c.writer().unwrap().strain
    );
}

fn scaled(name: &str) -> bool {
    name.starts_with("application-autoscaling-")
}

fn live(
    c: &mut DbCluster,
    metrics: &mut Metrics,
    demand: f64,
    from: Millis,
    seconds: i64,
) -> Millis {
    for s in 1..=seconds {
        let now = from.plus_seconds(s);
        c.run_agenda(now, &mut Vec::new());
        c.bear(&ask(demand), now);
        c.autoscale(3, now, metrics);
    }
    from.plus_seconds(seconds)
}

#[test]
fn autoscaling_adds_its_own_readers_when_they_are_hot_and_removes_only_those() {
    let (mut c, mut metrics) = cluster(&[(0, BIG), (1, BIG)]);
    c.scaling = Some(ReaderScaling::new(1, 3, T0));
    let now = live(&mut c, &mut metrics, 4.5, T0, 170);
    assert_eq!(c.instances.len(), 2, "three minutes have to pass");
    let now = live(&mut c, &mut metrics, 4.5, now, 30);
    let own = c.instances.iter().find(|i| scaled(&i.name)).unwrap();
    assert_eq!(
        (own.tier, own.class.name(), own.status),
        (15, BIG, InstanceStatus::Creating)
    );
    let now = live(&mut c, &mut metrics, 0.5, now, 600);
    let first = c.scaling.as_ref().unwrap().activities[0].clone();
    assert!(
        first.adds && first.count == 2 && first.ended.is_some(),
        "{first:?}"
    );
    live(&mut c, &mut metrics, 0.5, now, 1500);
    let left: Vec<&str> = c.instances.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(left, ["books-1", "books-2"]);
}

#[test]
fn suspended_or_at_its_maximum_autoscaling_adds_nothing() {
    for (max, suspended) in [(3, true), (1, false)] {
        let (mut c, mut metrics) = cluster(&[(0, BIG), (1, BIG)]);
        let mut scaling = ReaderScaling::new(1, max, T0);
        scaling.out_suspended = suspended;
        c.scaling = Some(scaling);
        live(&mut c, &mut metrics, 4.5, T0, 600);
        assert_eq!(c.instances.len(), 2);
    }
}
