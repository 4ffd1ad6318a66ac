//! What a budget slows, and when it does not.

use super::fakes::*;
use crate::core::*;
use crate::time::{paused, sleep};
use model::Service;

#[test]
fn a_budget_slows_nothing_any_more_once_anything_is_wrong_or_a_run_is_live() {
    paused(async {
        let reader = FakeReader::new("queues", |_| good(vec![queue("orders", 1)]));
        let other = FakeReader::of(Service::Elb, "balancers", &[], |nth| {
            let broken = (15..=50).contains(&nth);
            good(vec![queue("other", if broken { 500 } else { 1 })])
        });
        let bench = Bench::start(&[reader.clone(), other.clone()], &[]);
        bench.core.pace_of_spending().send_replace(5.0);
        bench.when(|s| messages(s, "orders").is_some()).await;
        bench.when(|s| messages(s, "other") == Some(500)).await;
        let began = now();
        let calm = reader.count();
        assert!(reader.gaps().into_iter().skip(1).all(|gap| gap > 100.0));
        sleep(Duration::from_secs(70)).await;
        assert!(reader.count() > calm, "the rest under way ended");
        bench.when(|s| messages(s, "other") == Some(1)).await;
        let during = (now() - began).as_secs_f64() / f64::from(reader.count() - calm);
        assert!(during < 100.0, "{during}");
        sleep(Duration::from_secs(3600)).await;
        let last = reader.gaps().pop().expect("read");
        assert!(last > 200.0, "{last}");
        let calm = reader.count();
        let _run = bench.core.hurry(BTreeSet::from([other.id()]));
        sleep(Duration::from_secs(200)).await;
        assert!(reader.count() > calm + 1, "a run elsewhere counts too");
    });
}
