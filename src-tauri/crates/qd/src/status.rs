//! `qd status`: the snapshot for people. Causes first, then what is abnormal, then blind spots.

use crate::loops;
use crate::text::{clean, count, duration};
use act::OpenLoop;
use model::{
    Access, AccountId, FailureClass, Level, Node, Snapshot, SourceStatus, Standing, State,
};
use std::fmt::Write as _;

/// At most this many abnormal nodes are listed; the rest are counted.
const LISTED: usize = 40;

/// The text and the monitoring-plugin exit code (0 OK, 1 warning, 2 critical, 3 unknown; the
/// plugin guidelines' critical > unknown > warning,
/// <https://www.monitoring-plugins.org/doc/guidelines.html#AEN78>).
pub(crate) fn render(snapshot: &Snapshot, open: &[OpenLoop]) -> (String, u8) {
    let mut text = String::new();
    // What is overdue is a warning of its own: nobody closed it.
    let overdue = if loops::overdue(open) {
        Level::Warning
    } else {
        Level::Ok
    };
    let worst = worst(snapshot).max(overdue);
    headline(&mut text, snapshot, worst);
    access(&mut text, snapshot);
    causes(&mut text, snapshot);
    abnormal(&mut text, snapshot);
    if !open.is_empty() {
        let _ = write!(text, "\nLeft open:\n{}", loops::lines(open));
    }
    sources(&mut text, snapshot);
    let code = match worst {
        Level::Ok | Level::InTransition => 0,
        Level::Warning => 1,
        Level::Critical => 2,
        Level::Unknown => 3,
    };
    (text, code)
}

fn worst(snapshot: &Snapshot) -> Level {
    // A declared node belongs to a service that is not read at all (an S3 origin): it is listed by
    // `qd topology`, but nobody can mend it by looking, so it does not decide the exit code.
    let read = snapshot
        .nodes
        .iter()
        .filter(|n| n.standing != Standing::Declared);
    let nodes = read.map(|n| n.health.level);
    let causes = snapshot.causes.iter().map(|c| c.level);
    let sources = snapshot.sources.iter().map(|s| match s.is_missed() {
        false => Level::Ok,
        true => Level::Unknown,
    });
    nodes
        .chain(causes)
        .chain(sources)
        .max()
        .unwrap_or(Level::Unknown)
}

pub(crate) fn word(level: Level) -> &'static str {
    match level {
        Level::Ok => "OK",
        Level::InTransition => "IN TRANSITION",
        Level::Warning => "WARNING",
        Level::Unknown => "UNKNOWN",
        Level::Critical => "CRITICAL",
    }
}

fn headline(text: &mut String, snapshot: &Snapshot, worst: Level) {
    let identity = &snapshot.identity;
    let accounts: Vec<&str> = identity.accounts.iter().map(|a| a.as_str()).collect();
    let mark = match (identity.simulated, identity.tunnel) {
        (true, _) => " · SIMULATED",
        (false, true) => " · TUNNEL",
        (false, false) => "",
    };
    let environment = format!("{:?}", snapshot.stack.environment).to_uppercase();
    let _ = writeln!(
        text,
        "{}: {} ({environment}{mark}), account {}, {} nodes at {}",
        word(worst),
        clean(&snapshot.stack.name),
        if accounts.is_empty() {
            "not known".to_owned()
        } else {
            accounts.join(", ")
        },
        count(snapshot.nodes.len()),
        snapshot.taken_at,
    );
}

/// Credentials that are about to end or shut us out, and what to do.
fn access(text: &mut String, snapshot: &Snapshot) {
    let mut told = snapshot.identity.access.iter().filter_map(|access| {
        let sentence = access.sentence.as_deref()?;
        let next_step = access.next_step.as_deref().unwrap_or_default();
        let command = access.command.as_deref();
        let command = command.map_or_else(String::new, |command| format!(" `{command}`"));
        let state = access.state.words().to_uppercase();
        Some(format!(
            "{state:<13} {} {}{}\n",
            clean(sentence),
            clean(next_step),
            clean(&command)
        ))
    });
    let certificates = snapshot.identity.certificates.iter().map(|certificate| {
        format!(
            "{:<13} {} {}\n",
            certificate.state.words().to_uppercase(),
            clean(&certificate.sentence),
            clean(&certificate.next_step)
        )
    });
    let mut told = told.by_ref().chain(certificates);
    if let Some(first) = told.next() {
        let _ = write!(text, "\nCredentials:\n{first}");
    }
    told.for_each(|line| text.push_str(&line));
}

fn causes(text: &mut String, snapshot: &Snapshot) {
    for cause in &snapshot.causes {
        let since = cause.since.map_or(String::new(), |since| {
            format!(
                " Since {since} ({} ago).",
                duration(snapshot.taken_at.seconds_since(since))
            )
        });
        let _ = writeln!(
            text,
            "\nCAUSE {}: {}{since}",
            word(cause.level),
            clean(&cause.sentence)
        );
        for signal in &cause.signals {
            let at = signal.at.map_or(String::new(), |at| format!("{at} "));
            let _ = writeln!(text, "  {at}{}", clean(&signal.sentence));
        }
        if !cause.consequences.is_empty() {
            let _ = writeln!(
                text,
                "  {} grouped as consequences",
                count(cause.consequences.len())
            );
        }
    }
}

/// The reasons a node has by itself, as opposed to what was rolled up to it.
fn own_level(node: &Node) -> Option<Level> {
    node.health
        .reasons
        .iter()
        .filter(|r| r.leaf.is_none())
        .map(|r| r.level)
        .max()
}

fn abnormal(text: &mut String, snapshot: &Snapshot) {
    let mut nodes: Vec<(Level, &Node)> = snapshot
        .nodes
        .iter()
        .filter(|node| node.standing != Standing::Declared)
        .filter_map(|node| own_level(node).map(|level| (level, node.as_ref())))
        .filter(|(level, _)| *level != Level::Ok)
        .collect();
    nodes.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
    if nodes.is_empty() {
        let _ = writeln!(text, "\nNothing is abnormal.");
    }
    if !nodes.is_empty() {
        let _ = writeln!(text);
    }
    for (level, node) in nodes.iter().take(LISTED) {
        let place = node
            .scope
            .az
            .as_deref()
            .or(node.scope.region.as_deref())
            .unwrap_or("global");
        let reason = node
            .health
            .reasons
            .iter()
            .find(|r| r.leaf.is_none() && r.level == *level);
        let sentence = reason.map_or("", |r| r.sentence.as_str());
        let _ = writeln!(
            text,
            "{:<13} {} {} ({place}): {}",
            word(*level),
            node.kind,
            clean(&node.name),
            clean(sentence)
        );
    }
    if nodes.len() > LISTED {
        let _ = writeln!(text, "… and {} more", count(nodes.len() - LISTED));
    }
}

/// Whether what is said of an account's credentials says all of why a source was not read.
fn is_shut_out(source: &SourceStatus, shut: &[&AccountId]) -> bool {
    let class = source.failure.as_ref().map(|failure| failure.class);
    let account = source.source.scope.account.as_ref();
    class == Some(FailureClass::Credentials) && account.is_some_and(|a| shut.contains(&a))
}

fn sources(text: &mut String, snapshot: &Snapshot) {
    let shut = |access: &&Access| access.state.shuts_out() && access.sentence.is_some();
    let shut: Vec<_> = snapshot.identity.access.iter().filter(shut).collect();
    let shut: Vec<&AccountId> = shut.iter().map(|access| &access.account).collect();
    let bad = snapshot.sources.iter().filter(|s| s.state != State::Ok);
    let (out, bad): (Vec<_>, Vec<_>) = bad.partition(|source| is_shut_out(source, &shut));
    if !bad.is_empty() || !out.is_empty() {
        let _ = writeln!(text, "\nNot read:");
    }
    if !out.is_empty() {
        let sources = count(out.len());
        let _ = writeln!(text, "  {sources} sources for want of credentials (above)");
    }
    for source in bad {
        let error = source.error.as_deref().unwrap_or("no answer yet");
        let _ = writeln!(
            text,
            "  {}: {}",
            clean(source.source.id.as_str()),
            clean(error)
        );
    }
}
