use super::*;
use crate::world::balancer::TargetState;

const START: Millis = Millis(1_764_000_000_000);

fn world(scenario: Scenario) -> World {
    World::new(
        Size {
            regions: 2,
            pods: 120,
            seed: 11,
        },
        scenario,
        START,
    )
}

fn run(world: &mut World, seconds: i64) {
    for _ in 0..seconds {
        world.step();
    }
}

fn fingerprint(world: &World) -> String {
    let queues: Vec<_> = world
        .regions
        .iter()
        .flat_map(|r| r.queues.values())
        .map(|q| (q.name.clone(), q.ledger))
        .collect();
    let targets: Vec<_> = world
        .regions
        .iter()
        .flat_map(|r| r.groups.iter())
        .map(|g| (g.name.clone(), g.targets.len()))
        .collect();
    format!("{queues:?} {targets:?} {:?}", world.dns.records)
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let (mut a, mut b) = (world(Scenario::DlqFills), world(Scenario::DlqFills));
    run(&mut a, 60);
    run(&mut b, 60);
    assert_eq!(fingerprint(&a), fingerprint(&b));
}

#[test]
fn no_message_is_ever_lost_or_made() {
    let mut world = world(Scenario::DlqFills);
    run(&mut world, 120);
    for queue in world.regions.iter().flat_map(|r| r.queues.values()) {
        let l = queue.ledger;
        assert_eq!(
            l.came + l.came_dead,
            queue.len() as u64 + l.deleted + l.left_dead + l.moved + l.expired + l.purged,
            "{}",
            queue.name
        );
    }
}

#[test]
fn calm_dead_letters_nothing_and_all_targets_are_healthy() {
    let mut world = world(Scenario::Calm);
    run(&mut world, 60);
    for region in &world.regions {
        for queue in region.queues.values().filter(|q| q.redrive.is_none()) {
            assert!(queue.is_empty(), "{}", queue.name);
        }
        for group in &region.groups {
            assert!(!group.targets.is_empty(), "{}", group.name);
            assert!(
                group
                    .targets
                    .values()
                    .all(|t| matches!(t.state, TargetState::Healthy | TargetState::Initial))
            );
        }
    }
    assert!(
        world
            .alarms
            .iter()
            .all(|a| a.state == alarm::AlarmState::Ok)
    );
}

#[test]
fn the_dead_letter_queue_fills_until_the_release_is_rolled_back() {
    let mut world = world(Scenario::DlqFills);
    let dead = |world: &World| {
        let region = &world.regions[0];
        let arn = &region.queues[&region.workforces[0].queue]
            .redrive
            .as_ref()
            .unwrap()
            .target;
        region.queues[arn].len()
    };
    let at_start = dead(&world);
    assert!((200..3000).contains(&at_start), "{at_start}");
    run(&mut world, 300);
    let later = dead(&world);
    assert!(later > at_start + 300, "{at_start} {later}");
    run(&mut world, 600);
    let settled = dead(&world);
    run(&mut world, 120);
    assert_eq!(
        dead(&world),
        settled,
        "after the rollback nothing new comes"
    );
    assert!(settled <= 5000, "{settled}");
}

#[test]
fn a_grey_zone_is_seen_by_balancers_nodes_and_databases_and_nowhere_else() {
    let mut world = world(Scenario::AzDegraded);
    run(&mut world, 30);
    let (r, zone) = world
        .regions
        .iter()
        .enumerate()
        .find_map(|(r, region)| region.grey.iter().position(|g| *g > 0.0).map(|z| (r, z)))
        .expect("a grey zone");
    let region = &world.regions[r];
    let unhealthy: Vec<usize> = region
        .groups
        .iter()
        .flat_map(|g| g.targets.values())
        .filter(|t| matches!(t.state, TargetState::Unhealthy(balancer::Failure::Timeout)))
        .map(|t| t.az)
        .collect();
    assert!(
        !unhealthy.is_empty() && unhealthy.iter().all(|z| *z == zone),
        "{unhealthy:?}"
    );
    let behind: Vec<usize> = region
        .databases
        .iter()
        .flat_map(|d| &d.instances)
        .filter(|i| i.lag_ms > 1000.0)
        .map(|i| i.az)
        .collect();
    assert!(
        !behind.is_empty() && behind.iter().all(|z| *z == zone),
        "{behind:?}"
    );
    assert!(
        region
            .databases
            .iter()
            .flat_map(|d| &d.instances)
            .all(|i| !i.writer || i.az != zone)
    );
}

#[test]
fn calm_stays_calm_through_the_day() {
    for hour in [9, 14] {
        let start = Millis(START.0 - START.0.rem_euclid(86_400_000)).plus_seconds(hour * 3600);
        let size = Size {
            regions: 2,
            pods: 80,
            seed: 100 + hour.unsigned_abs(),
        };
        let mut world = World::new(size, Scenario::Calm, start);
        run(&mut world, 900);
        let firing: Vec<&String> = world
            .alarms
            .iter()
            .filter(|a| a.state != alarm::AlarmState::Ok)
            .map(|a| &a.name)
            .collect();
        assert!(firing.is_empty(), "from {hour}:00 {firing:?}");
        for queue in world.regions.iter().flat_map(|r| r.queues.values()) {
            let live = queue.redrive.is_some();
            assert!(
                queue.len() < if live { 200 } else { 1 },
                "{hour} {} {}",
                queue.name,
                queue.len()
            );
        }
    }
}

#[test]
fn the_seed_and_not_the_hour_chooses_the_zone() {
    let size = Size {
        regions: 1,
        pods: 60,
        seed: 9,
    };
    let grey = |start: Millis| {
        World::new(size, Scenario::AzDegraded, start).regions[0]
            .grey
            .clone()
    };
    let zones: Vec<_> = (0..3).map(|n| grey(START.plus_seconds(4321 * n))).collect();
    assert!(zones.iter().all(|z| *z == zones[0]), "{zones:?}");
}
