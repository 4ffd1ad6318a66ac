//! Aurora instances. Metrics: Aurora UserGuide, Aurora.AuroraMonitoring.Metrics; `CommitLatency`
//! and `AuroraReplicaLag` are in milliseconds, `FreeableMemory` in bytes.

use super::figure::{Figure, Show, Subject, measure, readings};
use super::metric::Window;
use crate::{Known, Round};
use model::{Fact, Found, Kind, SourceFailure};

super::metrics! {
    /// CPU, connections, lag, commit latency and memory of Aurora instances.
    DatabaseMetrics, "database-metrics", Regional, [Rds], databases
}

const FIGURES: &[Figure] = &[
    Figure::new(
        Fact::CpuPercent,
        "CPUUtilization",
        "Average",
        1.0,
        Show::Past,
    ),
    Figure::new(
        Fact::Connections,
        "DatabaseConnections",
        "Average",
        1.0,
        Show::Whole,
    ),
    Figure::new(
        Fact::ReplicaLagMs,
        "AuroraReplicaLag",
        "Maximum",
        1.0,
        Show::Past,
    ),
    Figure::new(
        Fact::CommitLatencyMs,
        "CommitLatency",
        "Average",
        1.0,
        Show::Past,
    ),
    Figure::new(
        Fact::FreeableMemoryMib,
        "FreeableMemory",
        "Average",
        1.0 / 1_048_576.0,
        Show::Newest,
    ),
];

async fn databases(round: &Round<'_>, known: &Known) -> Result<Vec<Found>, SourceFailure> {
    let window = Window::recent(round.session.clock.now());
    let subjects = known
        .here(round.session, Kind::DbInstance)
        .map(|instance| Subject {
            about: instance.id.clone(),
            zone: None,
            namespace: "AWS/RDS",
            dimensions: vec![("DBInstanceIdentifier", instance.name.clone())],
            figures: FIGURES,
        });
    let measured = measure(round, &window, subjects.collect()).await?;
    Ok(readings(&window, &measured, |_, _, _| {}))
}
