//! Times that are declared beforehand: once, or every week on some days by the clock of a place.

use crate::time::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use std::fmt;

/// Days looked at around now: a weekly window begins at most seven days from any day.
const DAYS: std::ops::RangeInclusive<i64> = -1..=8;

/// A declared time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// From one time to another.
    Once {
        /// Its start.
        from: Timestamp,
        /// Its end, after its start.
        until: Timestamp,
    },
    /// On days of the week, by the clock of a time zone; past midnight where it ends earlier than it
    /// begins. Where the clocks change, it begins and ends when they show it.
    Weekly(Weekly),
}

/// A time of every week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weekly {
    days: Vec<Weekday>,
    from: Time,
    until: Time,
    zone: TimeZone,
}

/// Why a weekly window is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoWindow {
    /// Not a day.
    #[error("{0:?} is no day of the week: write mon, tue, wed, thu, fri, sat or sun")]
    Day(String),
    /// Not a time of day.
    #[error("{0:?} is no time of day: write it as 14:30")]
    Clock(String),
    /// Not a time zone known here.
    #[error("the time zone {0:?} is not known here: write it as UTC or Europe/London")]
    Zone(String),
    /// Nothing in between.
    #[error("it begins and ends at the same time")]
    Empty,
}

/// One occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// Its start.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

impl Weekly {
    /// On `days` (`mon` … `sun`; none: every day) from one time of day (`14:30`) to another, by the
    /// clock of `zone` (an IANA name).
    ///
    /// # Errors
    /// [`NoWindow`], a clause.
    pub fn new(days: &[String], from: &str, until: &str, zone: &str) -> Result<Self, NoWindow> {
        let days = days.iter().map(|day| weekday(day));
        let mut days = days.collect::<Result<Vec<_>, _>>()?;
        if days.is_empty() {
            days = NAMES.iter().map(|(_, day)| *day).collect();
        }
        let (from, until) = (clock(from)?, clock(until)?);
        if from == until {
            return Err(NoWindow::Empty);
        }
        let zone = TimeZone::get(zone).map_err(|_| NoWindow::Zone(zone.to_owned()))?;
        Ok(Self {
            days,
            from,
            until,
            zone,
        })
    }

    /// Those that begin on a day around `now`, in order.
    fn around(&self, now: Timestamp) -> Vec<Occurrence> {
        let Ok(at) = jiff::Timestamp::from_millisecond(now.millis()) else {
            return Vec::new();
        };
        let today = at.to_zoned(self.zone.clone()).date();
        let days = DAYS.filter_map(|days| self.on(today, days.days()));
        days.collect()
    }

    fn on(&self, today: Date, distance: Span) -> Option<Occurrence> {
        let day = today.checked_add(distance).ok()?;
        if !self.days.contains(&day.weekday()) {
            return None;
        }
        let last = match self.until > self.from {
            true => day,
            false => day.tomorrow().ok()?,
        };
        Some(Occurrence {
            from: self.at(day, self.from)?,
            until: self.at(last, self.until)?,
        })
    }

    fn at(&self, day: Date, time: Time) -> Option<Timestamp> {
        let zoned = day.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    }
}

impl Window {
    /// The occurrence that `now` is in: its end is not part of it.
    #[must_use]
    pub fn active(&self, now: Timestamp) -> Option<Occurrence> {
        let mut all = self.near(now).into_iter();
        all.find(|found| found.from <= now && now < found.until)
    }

    /// The next occurrence that begins after `now`.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Occurrence> {
        let all = self.near(now).into_iter();
        all.filter(|found| found.from > now).min()
    }

    fn near(&self, now: Timestamp) -> Vec<Occurrence> {
        match self {
            Window::Once { from, until } => vec![Occurrence {
                from: *from,
                until: *until,
            }],
            Window::Weekly(weekly) => weekly.around(now),
        }
    }
}

impl fmt::Display for Weekly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = NAMES.iter().filter(|(_, day)| self.days.contains(day));
        let days: Vec<&str> = named.map(|(name, _)| *name).collect();
        let days = match days.len() {
            7 => "day".to_owned(),
            _ => days.join(", "),
        };
        let zone = self.zone.iana_name().unwrap_or("UTC");
        let short = |time: Time| format!("{:02}:{:02}", time.hour(), time.minute());
        let (from, until) = (short(self.from), short(self.until));
        write!(f, "every {days} {from}–{until} {zone}")
    }
}

const NAMES: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

fn weekday(text: &str) -> Result<Weekday, NoWindow> {
    let found = NAMES.iter().find(|(name, _)| *name == text);
    let found = found.map(|(_, day)| *day);
    found.ok_or_else(|| NoWindow::Day(text.to_owned()))
}

fn clock(text: &str) -> Result<Time, NoWindow> {
    let no = || NoWindow::Clock(text.to_owned());
    let (hour, minute) = text.split_once(':').ok_or_else(no)?;
    let two = |part: &str| (part.len() == 2).then(|| part.parse::<i8>().ok()).flatten();
    let (hour, minute) = (two(hour).ok_or_else(no)?, two(minute).ok_or_else(no)?);
    Time::new(hour, minute, 0, 0).map_err(|_| no())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a time")
    }

    fn weekly(days: &[&str], from: &str, until: &str, zone: &str) -> Result<Window, NoWindow> {
        let days: Vec<String> = days.iter().map(|day| (*day).to_owned()).collect();
        Weekly::new(&days, from, until, zone).map(Window::Weekly)
    }

    #[test]
    fn a_weekly_window_follows_the_clock_of_its_place() {
        // 2026-11-23 is a Monday; New York is five hours behind UTC then.
        let open = weekly(&["mon", "tue"], "09:30", "16:00", "America/New_York").expect("one");
        assert_eq!(open.active(at("2026-11-23T14:29:59Z")), None);
        let inside = open.active(at("2026-11-23T14:30:00Z")).expect("inside");
        assert_eq!(inside.until, at("2026-11-23T21:00:00Z"));
        assert_eq!(open.active(at("2026-11-23T21:00:00Z")), None);
        assert_eq!(open.active(at("2026-11-25T15:00:00Z")), None, "a Wednesday");
        let next = open.next(at("2026-11-25T15:00:00Z")).expect("next week");
        assert_eq!(next.from, at("2026-11-30T14:30:00Z"));
        // In July it is four hours.
        assert!(open.active(at("2026-07-20T13:30:00Z")).is_some());
    }

    #[test]
    fn a_window_past_midnight_belongs_to_the_day_it_begins_on() {
        let night = weekly(&["sat"], "22:00", "02:00", "UTC").expect("one");
        assert!(night.active(at("2026-11-28T23:00:00Z")).is_some());
        let late = night
            .active(at("2026-11-29T01:59:59Z"))
            .expect("Sunday morning");
        assert_eq!(late.from, at("2026-11-28T22:00:00Z"));
        assert_eq!(
            night.active(at("2026-11-28T01:00:00Z")),
            None,
            "Saturday morning"
        );
    }

    #[test]
    fn a_window_of_one_time_is_just_that() {
        let once = Window::Once {
            from: at("2026-11-27T14:00:00Z"),
            until: at("2026-11-28T06:00:00Z"),
        };
        assert!(once.active(at("2026-11-27T14:00:00Z")).is_some());
        assert_eq!(once.active(at("2026-11-28T06:00:00Z")), None);
        assert!(once.next(at("2026-11-27T13:00:00Z")).is_some());
        assert_eq!(once.next(at("2026-11-28T13:00:00Z")), None);
    }

    #[test]
    fn what_is_no_window_says_why() {
        let no = |days: &[&str], from: &str, until: &str, zone: &str| {
            weekly(days, from, until, zone).expect_err("none")
        };
        assert_eq!(
            no(&["funday"], "09:00", "10:00", "UTC"),
            NoWindow::Day("funday".to_owned())
        );
        assert_eq!(
            no(&[], "9:00", "10:00", "UTC"),
            NoWindow::Clock("9:00".to_owned())
        );
        assert_eq!(
            no(&[], "09:00", "25:00", "UTC"),
            NoWindow::Clock("25:00".to_owned())
        );
        assert_eq!(no(&[], "09:00", "09:00", "UTC"), NoWindow::Empty);
        assert!(matches!(
            no(&[], "09:00", "10:00", "Mars/Base"),
            NoWindow::Zone(_)
        ));
    }

    #[test]
    fn a_weekly_window_reads_as_people_say_it() {
        let days = ["mon".to_owned(), "fri".to_owned()];
        let some = Weekly::new(&days, "09:30", "16:00", "UTC").expect("one");
        assert_eq!(some.to_string(), "every mon, fri 09:30–16:00 UTC");
        let all = Weekly::new(&[], "22:00", "02:00", "UTC").expect("one");
        assert_eq!(all.to_string(), "every day 22:00–02:00 UTC");
    }
}
