//! Whether a backup or maintenance window is near: in UTC, `hh24:mi-hh24:mi` every day, or
//! `ddd:hh24:mi-ddd:hh24:mi` every week (RDS API reference, DBCluster).

use super::subject::Subject;
use crate::finding::{Answer, Words, finding as found};
use crate::plan::{Finding, Severity};
use crate::words::list;
use model::{Fact, Node, Timestamp};

/// A window is near from this many minutes before it begins until it ends.
const NEAR_MINUTES: i64 = 30;
const DAY: i64 = 24 * 60;
const WEEK: i64 = 7 * DAY;

/// The backup of the cluster, and the maintenance of the cluster and of the two that change roles.
pub(super) fn finding(subject: &Subject<'_>, target: &Node, writer: &Node) -> Finding {
    let cluster = subject.cluster();
    let windows = [
        ("backup", cluster, Fact::BackupWindow),
        ("maintenance", cluster, Fact::MaintenanceWindow),
        ("maintenance", target, Fact::MaintenanceWindow),
        ("maintenance", writer, Fact::MaintenanceWindow),
    ];
    let now = subject.database.snapshot.taken_at;
    let (mut near, mut far, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for (what, node, fact) in windows {
        let text = node.facts.text(fact);
        match text.and_then(|text| Some((text, is_near(text, now)?))) {
            Some((text, true)) => near.push(format!("{what} of {} {text} UTC", node.name)),
            Some((text, false)) => far.push(format!("{what} of {} {text} UTC", node.name)),
            None => unread.push(format!("{what} of {}", node.name)),
        }
    }
    let answer = match (near.is_empty(), far.is_empty()) {
        (false, _) => (Some(false), list(&near)),
        (true, false) => (Some(true), format!("none near: {}", list(&far))),
        (true, true) => (None, "not read".to_owned()),
    };
    let (holds, value) = answer;
    let rest = match unread.is_empty() {
        true => String::new(),
        false => format!(" Not read: {}.", list(&unread)),
    };
    found(
        "failover.window",
        Severity::Warn,
        Answer::of(subject.database.origin(cluster, Fact::Status), holds, value),
        Words {
            pass: format!("No window is near. Read: {}.{rest}", list(&far)),
            fail: format!("A window is near or open: {}.", list(&near)),
            unknown: "Whether a backup or maintenance window is near is not known.".to_owned(),
            threshold: "none within 30 min",
            next: "Wait until the window is over, if you can.",
        },
    )
}

/// Open now, or within [`NEAR_MINUTES`]; `None` for what is no window.
fn is_near(window: &str, now: Timestamp) -> Option<bool> {
    let (from, until) = window.split_once('-')?;
    let ((start, round), (end, other)) = (minute(from)?, minute(until)?);
    if round != other {
        return None;
    }
    let minutes = now.millis().div_euclid(60_000);
    // 1 January 1970 was a Thursday; weeks begin on Monday here.
    let now = match round {
        DAY => minutes.rem_euclid(DAY),
        _ => (minutes + 3 * DAY).rem_euclid(WEEK),
    };
    let length = (end - start).rem_euclid(round);
    Some((now - (start - NEAR_MINUTES)).rem_euclid(round) < length + NEAR_MINUTES)
}

/// Minute of the day or of the week, and how many minutes until it comes again.
fn minute(text: &str) -> Option<(i64, i64)> {
    let clock = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        let (hours, minutes) = (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?);
        let real = (0..24).contains(&hours) && (0..60).contains(&minutes);
        real.then_some(hours * 60 + minutes)
    };
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    match text.trim().split_once(':') {
        Some((day, rest)) if DAYS.contains(&day.to_lowercase().as_str()) => {
            let at = DAYS.iter().position(|d| *d == day.to_lowercase())?;
            Some((i64::try_from(at).ok()? * DAY + clock(rest)?, WEEK))
        }
        Some(_) => Some((clock(text.trim())?, DAY)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::is_near;
    use model::Timestamp;

    #[test]
    fn a_window_is_near_from_half_an_hour_before_until_its_end() {
        // 2026-11-22 is a Sunday.
        let at =
            |clock: &str| Timestamp::parse(&format!("2026-11-22T{clock}:00Z")).expect("a time");
        for (clock, daily) in [
            ("01:29", false),
            ("01:30", true),
            ("02:29", true),
            ("02:30", false),
        ] {
            let near = is_near("02:00-02:30", at(clock));
            assert_eq!(near, Some(daily), "{clock}");
        }
        for (window, clock, near) in [
            ("sun:04:00-sun:04:30", "03:45", Some(true)),
            ("mon:04:00-mon:04:30", "04:10", Some(false)),
            ("sun:23:50-mon:00:20", "23:55", Some(true)),
            ("mon:00:10-mon:00:40", "23:45", Some(true)),
            ("23:50-00:20", "00:10", Some(true)),
            ("whenever", "00:10", None),
            ("25:00-26:00", "00:10", None),
            ("sun:04:00-04:30", "04:10", None),
        ] {
            assert_eq!(is_near(window, at(clock)), near, "{window} at {clock}");
        }
    }
}
