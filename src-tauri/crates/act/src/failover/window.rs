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

pub(super) fn finding(subject: &Subject<'_>, target: &Node) -> Finding {
    let cluster = subject.cluster();
    let windows = [
        ("backup", cluster.facts.text(Fact::BackupWindow)),
        ("maintenance", cluster.facts.text(Fact::MaintenanceWindow)),
        ("maintenance", target.facts.text(Fact::MaintenanceWindow)),
    ];
    let now = subject.database.snapshot.taken_at;
    let mut near: Vec<String> = windows
        .iter()
        .filter_map(|(what, text)| Some((what, (*text)?)))
        .filter(|(_, text)| is_near(text, now))
        .map(|(what, text)| format!("{what} {text} UTC"))
        .collect();
    near.dedup();
    let value = match near.is_empty() {
        true => "none".to_owned(),
        false => list(&near),
    };
    found(
        "failover.window",
        Severity::Warn,
        Answer::of(
            subject.database.origin(cluster, Fact::Status),
            Some(near.is_empty()),
            value.clone(),
        ),
        Words {
            pass: "No backup or maintenance window is near.".to_owned(),
            fail: format!("A window is near or open: {value}."),
            unknown: "Whether a window is near is not known.".to_owned(),
            threshold: "none within 30 min",
            next: "Wait until the window is over, if you can.",
        },
    )
}

/// Open now, or within [`NEAR_MINUTES`].
fn is_near(window: &str, now: Timestamp) -> bool {
    let Some((from, until)) = window.split_once('-') else {
        return false;
    };
    let (Some((start, round)), Some((end, _))) = (minute(from), minute(until)) else {
        return false;
    };
    let minutes = now.millis().div_euclid(60_000);
    // 1 January 1970 was a Thursday; weeks begin on Monday here.
    let now = match round {
        DAY => minutes.rem_euclid(DAY),
        _ => (minutes + 3 * DAY).rem_euclid(WEEK),
    };
    let length = (end - start).rem_euclid(round);
    (now - (start - NEAR_MINUTES)).rem_euclid(round) < length + NEAR_MINUTES
}

/// Minute of the day or of the week, and how many minutes until it comes again.
fn minute(text: &str) -> Option<(i64, i64)> {
    let clock = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        Some(hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?)
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
            assert_eq!(is_near("02:00-02:30", at(clock)), daily, "{clock}");
        }
        assert!(is_near("sun:04:00-sun:04:30", at("03:45")));
        assert!(!is_near("mon:04:00-mon:04:30", at("04:10")));
        assert!(is_near("sun:23:50-mon:00:20", at("23:55")));
        assert!(is_near("mon:00:10-mon:00:40", at("23:45")));
        assert!(is_near("23:50-00:20", at("00:10")));
        assert!(!is_near("whenever", at("00:10")));
    }
}
