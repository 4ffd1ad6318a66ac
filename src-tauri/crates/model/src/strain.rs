//! Whether a database's writer is in trouble because of its host, or because of what is asked of it.
//!
//! A failover cures the first and moves the second. Both show at the writer alike (CPU, commit latency,
//! connections that pile up); the readers tell them apart, for they do the same customers' reads on
//! other hosts: when they work no more than usual, it is not load. Metrics: Aurora User Guide,
//! "Amazon CloudWatch metrics for Amazon Aurora"; the past is the window that was read with them.

use crate::facts::Fact;
use crate::node::Node;

/// CPU from which a writer is in trouble, percent.
const FULL_PERCENT: f64 = 85.0;
/// Commits that take this many times their usual time are trouble too.
const SLOW_COMMITS: f64 = 5.0;
/// CPU that the load alone would give the writer: above it is load, below [`HOST_PERCENT`] its host.
const LOAD_PERCENT: f64 = 80.0;
const HOST_PERCENT: f64 = 70.0;
/// Without a past: CPU of the readers that speaks for load, and for the host.
const BUSY_READERS: f64 = 50.0;
const CALM_READERS: f64 = 35.0;
/// Points of the past that are needed to say what is usual.
const PAST: usize = 20;

/// What it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// The writer is not in trouble.
    Calm,
    /// The writer alone is: its host, or its zone.
    Host,
    /// The readers work more too: load, which goes with the role.
    Load,
    /// It is in trouble, and what is known does not say why.
    Unclear,
}

/// The evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Strain {
    /// What it looks like.
    pub looks: Looks,
    /// CPU of the writer, percent.
    pub writer_cpu: f64,
    /// Mean CPU of the readers, percent; absent where there are none or none was read.
    pub readers_cpu: Option<f64>,
    /// The readers' work against what is usual for them; absent without a past.
    pub work: Option<f64>,
    /// A sentence with the figures.
    pub sentence: String,
}

/// Weighs the writer against its readers. `None` while the writer's CPU is not known.
#[must_use]
pub fn strain(writer: &Node, readers: &[&Node]) -> Option<Strain> {
    let cpu = writer.facts.number(Fact::CpuPercent)?;
    let commits = commits(writer);
    let slow = commits.is_some_and(|(now, usual)| usual > 0.0 && now >= SLOW_COMMITS * usual);
    let readers_cpu = mean(readers);
    let work = work(readers);
    let by_load = usual(writer, Fact::CpuPercent)
        .zip(work)
        .map(|(usual, work)| usual * work);
    let looks = if cpu < FULL_PERCENT && !slow {
        Looks::Calm
    } else {
        match (by_load, readers_cpu) {
            (Some(cpu), _) if cpu >= LOAD_PERCENT => Looks::Load,
            (Some(cpu), _) if cpu < HOST_PERCENT => Looks::Host,
            (None, Some(cpu)) if cpu >= BUSY_READERS => Looks::Load,
            (None, Some(cpu)) if cpu <= CALM_READERS => Looks::Host,
            (Some(_) | None, _) => Looks::Unclear,
        }
    };
    let seen = Seen {
        writer,
        cpu,
        commits: commits.filter(|_| slow),
        readers_cpu,
        work,
        by_load,
    };
    Some(Strain {
        looks,
        writer_cpu: cpu,
        readers_cpu,
        work,
        sentence: sentence(&seen, looks),
    })
}

struct Seen<'a> {
    writer: &'a Node,
    cpu: f64,
    commits: Option<(f64, f64)>,
    readers_cpu: Option<f64>,
    work: Option<f64>,
    by_load: Option<f64>,
}

fn sentence(seen: &Seen<'_>, looks: Looks) -> String {
    let writer = &seen.writer.name;
    let cpu = seen.cpu.round();
    let commits = match seen.commits {
        Some((now, usual)) => format!(", commits take {now:.0} ms (usually {usual:.1} ms)"),
        None => String::new(),
    };
    let readers = match (seen.work, seen.readers_cpu) {
        (Some(work), Some(cpu)) => {
            format!("the readers do {work:.1} × their usual work ({cpu:.0} % CPU)")
        }
        (None, Some(cpu)) => format!("the readers run at {cpu:.0} % CPU"),
        (_, None) => "there is no reader to compare it with".to_owned(),
    };
    let alone = match seen.by_load {
        Some(cpu) => format!("; load alone would give it {:.0} % CPU", cpu.min(999.0)),
        None => String::new(),
    };
    match looks {
        Looks::Calm => format!("Writer {writer} is not in trouble: {cpu} % CPU."),
        Looks::Host => format!(
            "It looks like the host, not load: writer {writer} runs at {cpu} % CPU{commits}, {readers}{alone}."
        ),
        Looks::Load => format!(
            "It looks like load: writer {writer} runs at {cpu} % CPU{commits}, and {readers}{alone}. Failover moves the problem: the next writer gets the same load."
        ),
        Looks::Unclear => format!(
            "Whether it is load or the host cannot be told: writer {writer} runs at {cpu} % CPU{commits}, {readers}{alone}."
        ),
    }
}

/// Milliseconds of a commit now and usually.
fn commits(writer: &Node) -> Option<(f64, f64)> {
    let now = writer.facts.number(Fact::CommitLatencyMs)?;
    Some((now, usual(writer, Fact::CommitLatencyMs)?))
}

/// What a figure usually is: the lower quartile of its past, so that trouble of less than most of the
/// window does not count as usual.
fn usual(node: &Node, fact: Fact) -> Option<f64> {
    let series = node.series.iter().find(|series| series.fact == fact)?;
    let mut values: Vec<f64> = series.values.iter().flatten().copied().collect();
    if values.len() < PAST {
        return None;
    }
    values.sort_by(f64::total_cmp);
    Some(values[values.len() / 4])
}

fn mean(readers: &[&Node]) -> Option<f64> {
    let cpus: Vec<f64> = readers
        .iter()
        .filter_map(|r| r.facts.number(Fact::CpuPercent))
        .collect();
    (!cpus.is_empty()).then(|| cpus.iter().sum::<f64>() / cpus.len() as f64)
}

/// The readers' work now against the usual, counted in cores: new readers take theirs from the others.
fn work(readers: &[&Node]) -> Option<f64> {
    let (mut now, mut before) = (0.0, 0.0);
    for reader in readers {
        let cores = reader.facts.number(Fact::ClassVcpus).unwrap_or(1.0);
        now += reader.facts.number(Fact::CpuPercent).unwrap_or(0.0) * cores;
        before += usual(reader, Fact::CpuPercent).unwrap_or(0.0) * cores;
    }
    (before > 0.0).then(|| now / before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Facts, Health, Kind, NodeId, Scope, Series, Service, Source, Standing, Timestamp};
    use std::collections::BTreeMap;

    fn instance(name: &str, cpu: f64, past: Option<f64>) -> Node {
        let mut facts = Facts::default();
        facts.set(Fact::CpuPercent, cpu);
        facts.set(Fact::ClassVcpus, 8);
        let series = past.map(|usual| {
            let mut values = vec![Some(usual); 100];
            values.extend(vec![Some(cpu); 6]);
            Series {
                fact: Fact::CpuPercent,
                start: Timestamp::default(),
                step_seconds: 60,
                values,
            }
        });
        Node {
            id: NodeId::new(format!("dbinstance/{name}")),
            kind: Kind::DbInstance,
            name: name.to_owned(),
            scope: Scope::default(),
            health: Health::default(),
            facts,
            zones: BTreeMap::new(),
            series: series.into_iter().collect(),
            standing: Standing::Read,
            observed_at: Timestamp::default(),
            source: Source::new(Service::Rds, Scope::default(), "clusters").id,
            fact_origins: BTreeMap::new(),
        }
    }

    fn looks(writer: (f64, Option<f64>), readers: &[(f64, Option<f64>)]) -> Looks {
        let writer = instance("w", writer.0, writer.1);
        let readers: Vec<Node> = readers
            .iter()
            .map(|(cpu, past)| instance("r", *cpu, *past))
            .collect();
        let readers: Vec<&Node> = readers.iter().collect();
        strain(&writer, &readers).expect("the CPU is known").looks
    }

    #[test]
    fn the_readers_tell_the_host_from_the_load() {
        let past = Some;
        assert_eq!(
            looks((46.0, past(45.0)), &[(21.0, past(20.0))]),
            Looks::Calm
        );
        assert_eq!(
            looks(
                (99.0, past(45.0)),
                &[(22.0, past(20.0)), (21.0, past(20.0))]
            ),
            Looks::Host
        );
        assert_eq!(
            looks(
                (99.0, past(45.0)),
                &[(66.0, past(20.0)), (61.0, past(20.0))]
            ),
            Looks::Load
        );
        assert_eq!(
            looks(
                (99.0, past(45.0)),
                &[(44.0, past(20.0)), (41.0, past(20.0)), (40.0, None)]
            ),
            Looks::Load,
            "a new reader takes its work from the others"
        );
    }

    #[test]
    fn without_a_past_the_readers_cpu_decides_and_without_readers_nothing_does() {
        assert_eq!(looks((99.0, None), &[(70.0, None)]), Looks::Load);
        assert_eq!(looks((99.0, None), &[(20.0, None)]), Looks::Host);
        assert_eq!(looks((99.0, None), &[(42.0, None)]), Looks::Unclear);
        assert_eq!(looks((99.0, Some(45.0)), &[]), Looks::Unclear);
    }

    #[test]
    fn slow_commits_are_trouble_at_any_cpu_and_an_unknown_writer_is_not_judged() {
        let mut writer = instance("w", 40.0, Some(38.0));
        writer.facts.set(Fact::CommitLatencyMs, 300.0);
        writer.series.push(Series {
            fact: Fact::CommitLatencyMs,
            start: Timestamp::default(),
            step_seconds: 60,
            values: vec![Some(4.0); 60],
        });
        let reader = instance("r", 20.0, Some(20.0));
        let told = strain(&writer, &[&reader]).expect("known");
        assert_eq!(told.looks, Looks::Host);
        assert!(told.sentence.contains("300 ms"), "{}", told.sentence);
        writer.facts.remove(Fact::CpuPercent);
        assert_eq!(strain(&writer, &[&reader]), None);
    }
}
