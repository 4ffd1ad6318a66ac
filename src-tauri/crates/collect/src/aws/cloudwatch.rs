//! CloudWatch: the figures of what the other services found, their recent past, and the alarms.
//!
//! Every reading asks for whole windows (three hours, a minute a point) and keeps nothing from the
//! reading before, so one cold snapshot knows as much as one that watched. A figure is the newest
//! complete period's; where CloudWatch has no recent point the figure is absent: an idle queue is
//! not unknown, and not zero either.

mod alarms;
mod balancers;
mod databases;
mod edge;
mod figure;
mod functions;
mod metric;
mod processors;
mod queues;

pub use alarms::Alarms;
pub use balancers::BalancerMetrics;
pub use databases::DatabaseMetrics;
pub use edge::EdgeMetrics;
pub use functions::FunctionMetrics;
pub use processors::ProcessorQuotas;
pub use queues::QueueMetrics;

/// CloudWatch has one point a minute: asking more often than twice a minute costs and tells nothing.
const FLOOR: std::time::Duration = std::time::Duration::from_secs(30);

/// A collector of the figures of one service.
macro_rules! metrics {
    ($(#[$doc:meta])* $name:ident, $part:literal, $reach:ident, [$($needs:ident),*], $read:path) => {
        $(#[$doc])*
        pub struct $name;

        #[async_trait::async_trait]
        impl crate::Collector for $name {
            fn service(&self) -> model::Service {
                model::Service::CloudWatch
            }

            fn part(&self) -> &'static str {
                $part
            }

            fn reach(&self) -> crate::Reach {
                crate::Reach::$reach
            }

            fn period(&self) -> std::time::Duration {
                std::time::Duration::from_secs(60)
            }

            fn floor(&self) -> std::time::Duration {
                crate::aws::cloudwatch::FLOOR
            }

            fn needs(&self) -> &'static [model::Service] {
                &[$(model::Service::$needs),*]
            }

            async fn collect(
                &self,
                session: &cloud::Session,
                known: &crate::Known,
            ) -> crate::Reading {
                let round = crate::Round::new(session, model::Service::CloudWatch);
                let outcome = $read(&round, known).await;
                round.end(outcome)
            }
        }
    };
}
use metrics;

#[cfg(test)]
mod tests {
    use crate::COLLECTORS;
    use model::Service;
    use std::time::Duration;

    #[test]
    fn figures_states_of_functions_and_tags_are_not_asked_for_more_often_than_is_of_use() {
        for collector in COLLECTORS {
            let floor = match (collector.service(), collector.part()) {
                (Service::CloudWatch, _) | (Service::Lambda, "states") => super::FLOOR,
                (Service::Lambda, "tags") => collector.period(),
                _ => Duration::ZERO,
            };
            assert_eq!(collector.floor(), floor, "{}", collector.part());
        }
    }
}
