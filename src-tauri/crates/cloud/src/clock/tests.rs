//! What the clock makes of answers, of sleep and of nonsense.

use super::*;

fn second(n: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_315_000 + n)
}

#[test]
fn a_date_header_sets_the_time_and_the_monotonic_clock_carries_it_on() {
    let clock = Clock::new();
    let start = since_boot();
    assert!(!clock.is_set());
    clock.observe("not a date");
    assert!(!clock.is_set());
    clock.observe("Sun, 22 Nov 2026 02:36:40 GMT");
    assert!(clock.is_set());
    let clock = Clock::new();
    clock.observe_at(second(0), start);
    assert_eq!(
        clock.at(start + Duration::from_millis(1500)).millis(),
        second(1).millis() + 500
    );
}

#[test]
fn it_is_signed_by_the_platforms_time_once_this_machines_was_refused() {
    let printed = |seconds: i64| {
        let at = wall_time().plus_seconds(seconds);
        let at = jiff::Timestamp::from_millisecond(at.millis()).expect("a time");
        let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
        printer.timestamp_to_rfc9110_string(&at).expect("printed")
    };
    let off = |clock: &Clock| {
        let signed = clock.signing_time();
        let ahead = signed.duration_since(SystemTime::now());
        ahead.map_or(0, |ahead| ahead.as_secs())
    };
    let clock = Clock::new();
    clock.observe(&printed(3600));
    assert_eq!(off(&clock), 0, "nobody refused anything");
    clock.refused_at(&printed(60));
    assert_eq!(off(&clock), 0, "not because of its time");
    let signed = SystemTime::now();
    assert!(!clock.signs_otherwise(signed));
    clock.refused_at(&printed(3600));
    assert!(off(&clock) > 3590);
    assert!(clock.signs_otherwise(signed));
    assert!(!clock.signs_otherwise(clock.signing_time()));
}

#[test]
fn a_date_at_the_end_of_the_calendar_is_none() {
    assert!(is_absurd("Fri, 31 Dec 9999 23:59:59 GMT"));
    assert!(is_absurd("Thu, 01 Jan 1970 00:00:00 GMT"));
    assert!(is_absurd("not a date"));
    let off = wall_time().plus_seconds(-86_400);
    let off = jiff::Timestamp::from_millisecond(off.millis()).expect("a time");
    let off = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_string(&off);
    assert!(!is_absurd(&off.expect("printed")));
}

#[test]
fn it_never_goes_back_whatever_a_server_says() {
    let clock = Clock::new();
    let start = since_boot();
    clock.observe_at(second(100), start);
    assert_eq!(clock.at(start), second(100));
    clock.observe_at(second(40), start);
    assert_eq!(clock.at(start), second(100));
    clock.observe_at(second(102), start);
    assert_eq!(clock.at(start), second(102));
}

#[test]
fn one_answer_from_the_far_future_is_not_believed_two_are() {
    let clock = Clock::new();
    let start = since_boot();
    clock.observe_at(second(0), start);
    clock.observe_at(second(90_000), start);
    assert_eq!(clock.at(start), second(0));
    clock.observe_at(second(1), start);
    clock.observe_at(second(90_001), start);
    assert_eq!(clock.at(start), second(1));
    clock.observe_at(second(90_002), start);
    assert_eq!(clock.at(start), second(90_001));
}

#[test]
fn it_goes_on_while_the_machine_sleeps_and_is_not_put_forward_once_more_for_that() {
    let clock = Clock::new();
    let start = since_boot();
    let woken = start + Duration::from_secs(28_800);
    clock.observe_at(second(0), start);
    assert_eq!(clock.at(woken), second(28_800));
    clock.observe_at(second(28_801), woken);
    clock.doubt();
    assert_eq!(clock.at(woken), second(28_801));
    clock.observe_at(second(28_800), woken);
    assert_eq!(clock.at(woken), second(28_800), "the next answer decides");
    clock.observe_at(second(28_799), woken);
    assert_eq!(clock.at(woken), second(28_800), "and only that one");
}

#[test]
fn a_platform_that_slept_as_well_sets_it_back_and_one_old_answer_does_not() {
    let clock = Clock::new();
    let start = since_boot();
    let woken = start + Duration::from_secs(28_800);
    clock.observe_at(second(0), start);
    clock.doubt();
    clock.observe_at(second(1), woken);
    assert_eq!(clock.at(woken), second(28_800), "sent before the sleep?");
    clock.observe_at(second(2), woken);
    assert_eq!(clock.at(woken), second(1));
    clock.observe_at(second(4), woken);
    assert_eq!(clock.at(woken), second(4));
    clock.doubt();
    clock.observe_at(second(0), woken + Duration::from_secs(28_800));
    clock.observe_at(second(28_803), woken + Duration::from_secs(28_800));
    let woken = woken + Duration::from_secs(28_800);
    assert_eq!(clock.at(woken), second(28_803));
}

#[test]
fn a_sleep_makes_no_platform_faster_and_the_pace_is_measured_anew_after_it() {
    let clock = Clock::new();
    let after = |seconds: u64| Duration::from_secs(1000 + seconds);
    assert!((clock.pace_at(after(0)) - 1.0).abs() < f64::EPSILON);
    clock.observe_at(second(0), after(0));
    clock.observe_at(second(1800), after(1800));
    clock.observe_at(second(30_600), after(30_600));
    assert!((clock.pace_at(after(30_600)) - 1.0).abs() < 0.01);
    // One that runs sixty times faster, and slept with this machine.
    let clock = Clock::new();
    clock.observe_at(second(0), after(0));
    clock.observe_at(second(60), after(1));
    assert!((clock.pace_at(after(1)) - 60.0).abs() < 0.01);
    clock.doubt();
    assert!((clock.pace_at(after(28_800)) - 1.0).abs() < f64::EPSILON);
    clock.observe_at(second(120), after(28_802));
    clock.observe_at(second(130), after(28_802));
    clock.observe_at(second(180), after(28_803));
    assert!((clock.pace_at(after(28_803)) - 60.0).abs() < 0.01);
}
