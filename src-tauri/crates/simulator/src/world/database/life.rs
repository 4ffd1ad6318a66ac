//! Databases in a whole world: what their troubles do to the platform, and what mends them.

use crate::clock::Millis;
use crate::scenario::Scenario;
use crate::world::database::{DbCluster, Pool, Refusal};
use crate::world::{Size, World};

const START: Millis = Millis(1_763_780_000_000);

fn world(scenario: Scenario, seed: u64) -> World {
    let size = Size {
        regions: 1,
        pods: 120,
        seed,
    };
    World::new(size, scenario, START)
}

fn run(world: &mut World, seconds: u32) {
    (0..seconds).for_each(|_| world.step());
}

fn main(world: &World) -> &DbCluster {
    &world.regions[0].databases[0]
}

fn failing(world: &World) -> f64 {
    world.regions[0].balancers[0].failing
}

/// Promotes the reader that is as large as the writer.
fn fail_over(world: &mut World) -> String {
    let now = world.now;
    let database = &mut world.regions[0].databases[0];
    let target = database.heir().unwrap().name.clone();
    database.fail_over(Some(&target), now).unwrap();
    target
}

fn log_of(world: &World, pool: Pool) -> Vec<(String, f64)> {
    let services = world.regions[0].services.iter();
    services
        .filter(|s| s.pool == pool && s.group.is_some())
        .flat_map(|s| {
            let pod = world.clusters[0].pods(&s.key).next().unwrap();
            let log = world.clusters[0]
                .pod_log(pod.namespace, pod.name, false)
                .unwrap();
            let heard = log
                .complaints
                .into_iter()
                .filter(move |c| c.heard(log.started, world.now));
            heard
                .map(|c| (c.what.words, c.what.share))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn a_sick_writer_is_seen_by_balancers_logs_and_itself_and_not_by_the_readers() {
    for seed in [1, 2, 3] {
        let mut world = world(Scenario::WriterSick, seed);
        run(&mut world, 5);
        let region = &world.regions[0];
        assert!(
            (0.03..0.15).contains(&failing(&world)),
            "{}",
            failing(&world)
        );
        let writer = main(&world).writer().unwrap();
        assert!(writer.strain > 1.2 && writer.waiting() > 30.0);
        assert!(main(&world).readers().all(|r| r.strain < 0.6));
        let pods: u32 = region.groups.iter().map(|g| g.targets.len() as u32).sum();
        assert!(
            pods > 0
                && region
                    .groups
                    .iter()
                    .all(|g| g.healthy_by_zone(3).iter().sum::<u32>() as usize == g.targets.len())
        );
        let words = log_of(&world, Pool::Resolves);
        assert!(
            !words.is_empty()
                && words
                    .iter()
                    .all(|(w, _)| w.starts_with("timeout acquiring connection")),
            "{words:?}"
        );
        assert_eq!(main(&world).failovers.len(), 0);
    }
}

#[test]
fn a_failover_mends_a_sick_writer_for_all_but_those_that_cling() {
    for seed in [1, 2, 3] {
        let mut world = world(Scenario::WriterSick, seed);
        let target = fail_over(&mut world);
        run(&mut world, 6);
        assert!(failing(&world) > 0.1, "nothing can be written");
        run(&mut world, 84);
        assert_eq!(main(&world).endpoint_at, target);
        let clinging: Vec<_> = world.regions[0]
            .services
            .iter()
            .filter(|s| s.ail.clinging > 0.0)
            .map(|s| (s.key.clone(), s.pool, s.ail.broken))
            .collect();
        assert!(
            !clinging.is_empty()
                && clinging
                    .iter()
                    .all(|(_, pool, broken)| *pool == Pool::Clings && *broken > 0.05)
        );
        assert!(log_of(&world, Pool::Resolves).is_empty());
        let words = log_of(&world, Pool::Clings);
        assert!(
            words.iter().all(|(w, _)| w.contains("read-only")) && !words.is_empty(),
            "{words:?}"
        );
        let healthy = world.regions[0]
            .services
            .iter()
            .filter(|s| s.pool != Pool::Clings);
        assert!(healthy.map(|s| s.ail.failing()).sum::<f64>() < 0.001);

        let now = world.now;
        for (key, ..) in &clinging {
            let tag = world.clusters[0].current_tag(key).unwrap().to_owned();
            world.clusters[0].release(key, &format!("{tag}.1"), now);
        }
        run(&mut world, 400);
        assert!(
            world.regions[0]
                .services
                .iter()
                .all(|s| s.ail.clinging == 0.0),
            "new pods find the new writer"
        );
        assert!(failing(&world) < 0.005, "{}", failing(&world));
    }
}

#[test]
fn when_it_is_load_a_failover_mends_nothing() {
    let mut world = world(Scenario::WriterLoad, 4);
    run(&mut world, 5);
    let before = failing(&world);
    assert!(before > 0.03, "{before}");
    assert!(
        main(&world)
            .readers()
            .filter(|r| r.status.serves())
            .all(|r| r.strain > 0.45),
        "the readers are hot too"
    );
    fail_over(&mut world);
    run(&mut world, 240);
    let writer = main(&world).writer().unwrap();
    assert!(
        writer.refused() > 0.15 && failing(&world) > 0.03,
        "{}",
        failing(&world)
    );
}

#[test]
fn connections_drop_with_the_writer_and_come_back_to_the_new_one() {
    let mut world = world(Scenario::Calm, 5);
    let before = main(&world).writer().unwrap().connections;
    fail_over(&mut world);
    run(&mut world, 5);
    assert!(main(&world).writer().unwrap().connections < 1.0);
    run(&mut world, 120);
    let writer = main(&world).writer().unwrap();
    let clinging: f64 = main(&world).readers().map(|r| r.connections).sum();
    assert!(writer.connections > before * 0.6 && clinging > 0.0);
}

#[test]
fn the_same_seed_fails_over_in_the_same_seconds() {
    let times = |seed| {
        let mut world = world(Scenario::WriterSick, seed);
        fail_over(&mut world);
        run(&mut world, 90);
        main(&world).failovers.clone()
    };
    assert_eq!(times(6), times(6));
    assert!((7..20).any(|seed| times(seed)[0].promoted != times(6)[0].promoted));
}

fn two_regions() -> World {
    let size = Size {
        regions: 2,
        pods: 60,
        seed: 8,
    };
    World::new(size, Scenario::Calm, START)
}

fn make_primary(world: &mut World, loses_data: bool) -> Result<(), Refusal> {
    let target = world.global_database.members[1].clone();
    let World {
        global_database,
        regions,
        now,
        ..
    } = world;
    global_database.make_primary(&target, loses_data, regions, *now)
}

#[test]
fn a_switchover_swaps_the_roles_and_tells_each_step() {
    let mut world = two_regions();
    make_primary(&mut world, false).unwrap();
    assert!(matches!(
        make_primary(&mut world, false),
        Err(Refusal::GlobalState(_))
    ));
    let mut statuses = Vec::new();
    while let Some(operation) = &world.global_database.operation {
        if statuses.last() != Some(&operation.status()) {
            statuses.push(operation.status());
        }
        world.step();
    }
    assert_eq!(statuses, ["pending", "switching-over"]);
    let (old, new) = (
        &world.regions[0].databases[1],
        &world.regions[1].databases[1],
    );
    assert!(old.secondary && old.writer().is_none());
    assert!(!new.secondary && new.writer().is_some());
    assert_eq!(
        world.global_database.members,
        [new.arn.clone(), old.arn.clone()]
    );
    assert_eq!(world.global_database.endpoint_at, new.arn);
    let told: Vec<&str> = world
        .regions
        .iter()
        .flat_map(|r| &r.events)
        .map(|e| e.message.as_str())
        .collect();
    for part in [
        "started",
        "successfully shut down",
        "successfully promoted",
        "finished",
    ] {
        assert!(told.iter().any(|m| m.contains(part)), "{part}: {told:?}");
    }
}

#[test]
fn after_a_global_failover_the_old_primary_has_to_resynchronise_before_a_switchover() {
    let mut world = two_regions();
    make_primary(&mut world, true).unwrap();
    while world.global_database.operation.is_some() {
        world.step();
    }
    assert_eq!(
        world.global_database.resyncing.as_ref(),
        Some(&world.regions[0].databases[1].arn)
    );
    assert!(matches!(
        make_primary(&mut world, false),
        Err(Refusal::ClusterState(_))
    ));
    run(&mut world, 500);
    assert!(world.global_database.resyncing.is_none());
    make_primary(&mut world, false).unwrap();
}
