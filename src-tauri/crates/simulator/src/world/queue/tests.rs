use super::*;
use crate::world::dice::Dice;

const T0: Millis = Millis(1_700_000_000_000);

fn queue(name: &str) -> Queue {
    Queue::new("eu-west-1", "100200300400", name, T0)
}

fn fill(queue: &mut Queue, n: u64) {
    for serial in 0..n {
        let message = Message::new(u128::from(serial), Body::Made { serial, schema: 6 }, T0);
        queue.send(message, 0, T0).expect("no deduplication");
    }
}

fn pair(n: u64) -> (BTreeMap<Arc<str>, Queue>, Arc<str>, Arc<str>) {
    let (mut source, mut dlq) = (queue("a"), queue("a-dead"));
    source.redrive = Some(Redrive {
        target: dlq.arn.clone(),
        max_receive_count: 2,
    });
    for serial in 0..n {
        let message = Message::new(u128::from(serial), Body::Made { serial, schema: 7 }, T0);
        dlq.bury(message, source.arn.clone(), T0);
    }
    let (from, to) = (dlq.arn.clone(), source.arn.clone());
    (
        BTreeMap::from([(from.clone(), dlq), (to.clone(), source)]),
        from,
        to,
    )
}

fn balanced(queue: &Queue) -> bool {
    let l = queue.ledger;
    l.came + l.came_dead
        == queue.len() as u64 + l.deleted + l.left_dead + l.moved + l.expired + l.purged
}

#[test]
fn a_received_message_is_hidden_and_comes_back() {
    let mut q = queue("q");
    fill(&mut q, 1);
    let got = q.receive(10, 20, T0);
    assert_eq!(
        (got.deliveries.len(), q.visible(), q.in_flight()),
        (1, 0, 1)
    );
    q.step(T0.plus_seconds(19));
    assert_eq!(q.visible(), 0);
    q.step(T0.plus_seconds(20));
    assert_eq!((q.visible(), q.in_flight()), (1, 0));
}

#[test]
fn the_receive_after_max_receive_count_dead_letters_with_id_and_send_time() {
    let mut q = queue("q");
    let dead: Arc<str> = "arn:dead".into();
    q.redrive = Some(Redrive {
        target: dead,
        max_receive_count: 2,
    });
    fill(&mut q, 1);
    let mut now = T0;
    for _ in 0..2 {
        assert_eq!(q.receive(1, 5, now).deliveries.len(), 1);
        now = now.plus_seconds(5);
        q.step(now);
    }
    let last = q.receive(1, 5, now);
    assert!(last.deliveries.is_empty());
    assert_eq!(
        (last.dead.len(), last.dead[0].receives, last.dead[0].sent),
        (1, 2, T0)
    );
    let mut dlq = queue("dead");
    for m in last.dead {
        dlq.bury(m, q.arn.clone(), now);
    }
    let kept = dlq.receive(1, 5, now).deliveries.remove(0).message;
    assert_eq!(
        (kept.id, kept.sent, kept.origin.as_deref()),
        (0, T0, Some(&*q.arn))
    );
    assert_eq!(dlq.tally.sent, 0, "dead-lettering is not a send");
    assert!(balanced(&q) && balanced(&dlq));
}

#[test]
fn an_old_receipt_deletes_nothing() {
    let mut q = queue("q");
    fill(&mut q, 1);
    let first = q.receive(1, 1, T0).deliveries.remove(0);
    q.step(T0.plus_seconds(1));
    let second = q.receive(1, 30, T0.plus_seconds(1)).deliveries.remove(0);
    assert!(!q.delete(first.slot, first.message.receives, T0));
    assert!(q.delete(second.slot, second.message.receives, T0));
    assert!(q.is_empty() && balanced(&q));
}

#[test]
fn a_fifo_group_is_locked_while_one_of_its_messages_is_in_flight() {
    let mut q = queue("q.fifo");
    for (n, group) in ["a", "a", "b"].into_iter().enumerate() {
        let mut m = Message::new(n as u128, Body::Text("x".into()), T0);
        m.group = Some(group.into());
        m.deduplication = Some(n.to_string().into());
        q.send(m, 0, T0).expect("fresh");
    }
    let ids = |q: &mut Queue, max: usize| -> Vec<u128> {
        let received = q.receive(max, 30, T0);
        received.deliveries.iter().map(|d| d.message.id).collect()
    };
    assert_eq!(ids(&mut q, 1), vec![0]);
    assert_eq!(ids(&mut q, 10), vec![2], "the rest of a is locked");
    q.delete(1, 1, T0);
    assert_eq!(ids(&mut q, 10), vec![1]);
}

#[test]
fn a_repeated_deduplication_id_is_dropped_for_five_minutes() {
    let mut q = queue("q.fifo");
    let message = |id| {
        let mut m = Message::new(id, Body::Text("x".into()), T0);
        m.group = Some("g".into());
        m.deduplication = Some("same".into());
        m
    };
    assert!(q.send(message(1), 0, T0).is_ok());
    assert_eq!(q.send(message(2), 0, T0).expect_err("repeated").0, 1);
    assert!(q.send(message(3), 0, T0.plus_seconds(300)).is_ok());
    assert_eq!(q.len(), 2);
}

#[test]
fn messages_expire_by_the_time_they_were_sent() {
    let mut q = queue("q");
    q.retention = 60;
    fill(&mut q, 3);
    q.receive(1, 1000, T0);
    q.step(Millis(T0.0 - T0.0 % 30_000).plus_seconds(90));
    assert!(q.is_empty() && q.in_flight() == 0 && balanced(&q));
}

#[test]
fn a_move_task_moves_at_its_rate_and_makes_new_messages() {
    let (mut queues, from, to) = pair(25);
    let mut dice = Dice::new(1, 1);
    let mut task = MoveTask::new("t".into(), &queues[&from], None, Some(10), T0);
    assert_eq!(task.to_move, 25);
    let mut seen = Vec::new();
    for s in 1..=4 {
        task.step(&mut queues, &mut dice, T0.plus_seconds(s));
        seen.push((task.moved, task.status));
    }
    assert_eq!(
        seen,
        vec![
            (10, MoveStatus::Running),
            (20, MoveStatus::Running),
            (25, MoveStatus::Completed),
            (25, MoveStatus::Completed)
        ]
    );
    assert_eq!((queues[&to].visible(), queues[&to].tally.sent), (25, 25));
    let first = queues
        .get_mut(&to)
        .unwrap()
        .receive(1, 1, T0)
        .deliveries
        .remove(0)
        .message;
    assert!(first.id > 25 && first.receives == 1 && first.sent == T0.plus_seconds(1));
    assert!(queues.values().all(balanced));
}

#[test]
fn cancelling_stops_soon_and_reverts_nothing() {
    let (mut queues, from, to) = pair(20);
    let mut dice = Dice::new(1, 1);
    let mut task = MoveTask::new("t".into(), &queues[&from], None, Some(1), T0);
    for s in 1..=3 {
        task.step(&mut queues, &mut dice, T0.plus_seconds(s));
    }
    assert!(task.cancel(T0.plus_seconds(3)) && !task.cancel(T0.plus_seconds(3)));
    for s in 4..=10 {
        task.step(&mut queues, &mut dice, T0.plus_seconds(s));
    }
    assert_eq!(task.status, MoveStatus::Cancelled);
    assert!((3..=5).contains(&task.moved));
    assert_eq!(queues[&to].len() as u64, task.moved);
    assert_eq!(queues[&from].len() as u64, 20 - task.moved);
}

#[test]
fn a_message_without_a_source_fails_a_task_without_a_destination() {
    let (mut queues, from, _) = pair(0);
    fill(queues.get_mut(&from).unwrap(), 1);
    let mut task = MoveTask::new("t".into(), &queues[&from], None, None, T0);
    task.step(&mut queues, &mut Dice::new(1, 1), T0.plus_seconds(1));
    assert_eq!(
        (task.status, task.failure),
        (MoveStatus::Failed, Some("CouldNotDetermineMessageSource"))
    );
    assert_eq!(queues[&from].len(), 1);
}

#[test]
fn messages_that_arrive_after_the_start_are_left_and_those_in_flight_awaited() {
    let (mut queues, from, to) = pair(2);
    let mut dice = Dice::new(1, 1);
    queues.get_mut(&from).unwrap().receive(1, 5, T0);
    let mut task = MoveTask::new("t".into(), &queues[&from], None, Some(100), T0);
    let origin = to.clone();
    queues
        .get_mut(&from)
        .unwrap()
        .bury(Message::new(9, Body::Text("late".into()), T0), origin, T0);
    task.step(&mut queues, &mut dice, T0.plus_seconds(1));
    assert_eq!((task.moved, task.status), (1, MoveStatus::Running));
    queues.get_mut(&from).unwrap().step(T0.plus_seconds(5));
    task.step(&mut queues, &mut dice, T0.plus_seconds(6));
    assert_eq!(
        (task.moved, task.status, queues[&from].len()),
        (2, MoveStatus::Completed, 1)
    );
}

#[test]
fn one_receive_takes_what_it_can_of_a_fifo_group_in_order() {
    let mut q = queue("q.fifo");
    for n in 0..12u128 {
        let mut m = Message::new(n, Body::Text("x".into()), T0);
        m.group = Some("a".into());
        m.deduplication = Some(n.to_string().into());
        q.send(m, 0, T0).expect("fresh");
    }
    let received = q.receive(10, 30, T0);
    let ids: Vec<u128> = received.deliveries.iter().map(|d| d.message.id).collect();
    assert_eq!(ids, (0..10).collect::<Vec<u128>>());
    assert!(q.receive(10, 30, T0).deliveries.is_empty());
}
