//! What a failover does to whom, and what must be true afterwards (guards.md §1).

use super::subject::Subject;
use crate::database::any_available;
use crate::plan::{Blast, Expectation};
use crate::words::{count, list, percent, some, thousands};
use model::{Fact, Node};

pub(super) const ROLE: &str = "failover.role";
pub(super) const CLUSTER: &str = "failover.cluster";
pub(super) const ENDPOINT: &str = "failover.endpoint";
pub(super) const PROBE: &str = "failover.write-probe";
pub(super) const ERRORS: &str = "failover.errors";
pub(super) const READ_ONLY: &str = "failover.no-read-only";
pub(super) const OLD_WRITER: &str = "failover.old-writer";

/// How long each must hold, seconds.
const DWELL: f64 = 60.0;
/// Errors may be this much above what is usual, percent of requests.
pub(super) const ERRORS_ABOVE: f64 = 1.0;

pub(super) fn expectations(subject: &Subject<'_>) -> Vec<Expectation> {
    let expect = |id: &'static str, sentence: String| Expectation {
        id: id.into(),
        sentence,
        dwell_seconds: DWELL,
    };
    let cluster = &subject.cluster().name;
    let target = subject.target_name();
    let mut all = vec![
        expect(ROLE, format!("{target} is the writer of {cluster}.")),
        expect(CLUSTER, format!("{cluster} is available.")),
        expect(
            ENDPOINT,
            format!("The writer endpoint resolves to {target}."),
        ),
    ];
    if let Some(url) = subject.cluster().facts.text(Fact::WriteProbe) {
        all.push(expect(
            PROBE,
            format!("The write probe {url} is answered with 2xx."),
        ));
    }
    if !subject.balancers.is_empty() {
        let usual = baseline(&subject.balancers);
        let names: Vec<&str> = subject.balancers.iter().map(|b| b.name.as_str()).collect();
        all.push(expect(
            ERRORS,
            format!(
                "Target 5xx of {} are at most {} (usually {}).",
                list(&names),
                percent(usual + ERRORS_ABOVE),
                percent(usual)
            ),
        ));
    }
    if subject.users.iter().any(|user| !user.pods.is_empty()) {
        all.push(expect(
            READ_ONLY,
            "No pod logs that it still talks to the old writer.".to_owned(),
        ));
    }
    if let Some(writer) = subject.database.writer {
        all.push(expect(
            OLD_WRITER,
            format!("{} is back as a reader (not waited for).", writer.name),
        ));
    }
    all
}

/// The usual share of target 5xx, percent: the lower quartile of the last three hours, of the worst
/// balancer, so that trouble of less than most of them does not count as usual.
pub(super) fn baseline(balancers: &[&Node]) -> f64 {
    let of = |balancer: &&Node| {
        let series = |fact| balancer.series.iter().find(|s| s.fact == fact);
        let errors = series(Fact::Target5xxPerSecond)?;
        let requests = series(Fact::RequestsPerSecond)?;
        // Both are on the grid of minutes and end with the same one.
        let pairs = errors.values.iter().rev().zip(requests.values.iter().rev());
        let mut shares: Vec<f64> = pairs
            .filter_map(|(errors, requests)| Some(((*errors)?, (*requests)?)))
            .filter(|(_, requests)| *requests > 0.0)
            .map(|(errors, requests)| errors / requests * 100.0)
            .collect();
        shares.sort_by(f64::total_cmp);
        shares.get(shares.len() / 4).copied()
    };
    balancers.iter().filter_map(of).fold(0.0, f64::max)
}

pub(super) fn blast(subject: &Subject<'_>) -> Blast {
    let open = |node: &Node| node.facts.count(Fact::Connections).map(thousands);
    let writer = subject.database.writer;
    let connections = writer.and_then(open).unwrap_or_else(|| "all".to_owned());
    let mut sentences = vec![
        format!(
            "Writes stop, reads fail too for a moment, and {connections} connections to {} drop; usually under 60 s, often under 30 s.",
            writer.map_or("the writer", |w| w.name.as_str())
        ),
        format!(
            "{} becomes the writer and the old one a reader; AWS restarts both.{}",
            match subject.target_name() {
                "" => "The reader you choose",
                target => target,
            },
            restarts(subject.cluster())
        ),
        "The writer endpoint follows some seconds after the role (DNS, 5 s TTL); clients that keep its address write to the old writer and fail.".to_owned(),
    ];
    if any_available(&subject.database.readers) == Some(false) {
        sentences.push(
            "Without an available reader AWS creates a new primary, typically in less than 10 min."
                .to_owned(),
        );
    }
    if !subject.users.is_empty() {
        let names: Vec<&str> = subject.users.iter().map(|u| u.node.name.as_str()).collect();
        let pods: usize = subject.users.iter().map(|user| user.pods.len()).sum();
        let pods = i64::try_from(pods).unwrap_or(i64::MAX);
        sentences.push(format!(
            "{} with {} use it: {}.",
            count(i64::try_from(names.len()).unwrap_or(i64::MAX), "workload"),
            count(pods, "pod"),
            some(&names)
        ));
    }
    sentences.extend(
        subject
            .strain
            .as_ref()
            .map(|strain| strain.sentence.clone()),
    );
    sentences.extend(subject.heir.as_ref().map(|(heir, why)| {
        format!(
            "If none were named, AWS would promote {}: {why}.",
            heir.name
        )
    }));
    if let Some((heir, _)) = &subject.heir
        && subject.target.is_some_and(|target| target.id != heir.id)
    {
        sentences.push(format!("You chose {} instead.", subject.target_name()));
    }
    Blast {
        sentences,
        messages: None,
    }
}

/// Aurora MySQL restarts the other readers too before 2.10 (Aurora User Guide, "Rebooting an Aurora
/// cluster (version 2.10 and higher)").
fn restarts(cluster: &Node) -> &'static str {
    let version = cluster.facts.text(Fact::EngineVersion).unwrap_or("");
    let Some((_, version)) = version.split_once("mysql_aurora.") else {
        return "";
    };
    let mut parts = version.split('.').map(|part| part.parse::<u32>());
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < (2, 10) => {
            " This version restarts the other readers too."
        }
        _ => "",
    }
}
