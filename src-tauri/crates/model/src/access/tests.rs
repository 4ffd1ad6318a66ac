//! Every state: a case that makes it true, one that makes it false.

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_796_000_000);

fn root(way: Way) -> Root {
    Root {
        profile: Some("prod".to_owned()),
        way,
        file: "/home/ana/.aws/config".to_owned(),
        command: matches!(way, Way::Sso | Way::Mfa).then(|| "qd login prod".to_owned()),
    }
}

fn way_in(way: Way) -> WayIn<'static> {
    WayIn {
        account: AccountId::new("111122223333"),
        profile: Some("prod".to_owned()),
        way,
        root: root(way),
        arn: Some("arn:aws:iam::111122223333:user/ana".to_owned()),
        ends: None,
        refusal: None,
        answer: Answer::Given,
    }
}

fn ending_in(way: Way, seconds: i64) -> WayIn<'static> {
    WayIn {
        ends: Some(NOW.plus_seconds(seconds)),
        ..way_in(way)
    }
}

fn refused(way: Way, refusal: Refusal) -> WayIn<'static> {
    WayIn {
        refusal: Some(refusal),
        ..way_in(way)
    }
}

fn failure(class: FailureClass, code: Option<&str>) -> SourceFailure {
    SourceFailure {
        class,
        sentence: "STS GetCallerIdentity in us-east-1 was refused.".to_owned(),
        next_step: "Set this machine's clock.".to_owned(),
        code: code.map(ToOwned::to_owned),
        request_id: None,
    }
}

fn failed(class: FailureClass, code: Option<&str>) -> AccessState {
    let failure = failure(class, code);
    let seen = WayIn {
        answer: Answer::Failed(&failure),
        ..way_in(Way::Keys)
    };
    seen.judge(NOW).state
}

#[test]
fn what_lasts_is_valid_and_nothing_is_said() {
    let access = way_in(Way::Keys).judge(NOW);
    assert_eq!(access.state, AccessState::Valid);
    assert_eq!(
        (access.sentence, access.next_step, access.command),
        (None, None, None)
    );
    assert_eq!(
        ending_in(Way::Sso, 901).judge(NOW).state,
        AccessState::Valid
    );
}

#[test]
fn what_ends_within_a_quarter_of_an_hour_is_expiring_until_it_has_expired() {
    let access = ending_in(Way::Sso, 899).judge(NOW);
    assert_eq!(access.state, AccessState::Expiring);
    let sentence = access.sentence.expect("a sentence");
    assert!(
        sentence.contains("profile prod (account 111122223333) end at "),
        "{sentence}"
    );
    assert_eq!(access.command.as_deref(), Some("qd login prod"));
    assert_eq!(
        ending_in(Way::Sso, 1).judge(NOW).state,
        AccessState::Expiring
    );
    let access = ending_in(Way::Sso, 0).judge(NOW);
    assert_eq!(access.state, AccessState::Expired);
    assert_eq!(access.expires_at, Some(NOW));
    assert!(
        access
            .sentence
            .is_some_and(|s| s.contains("have expired (until "))
    );
}

#[test]
fn sts_says_what_has_expired_what_is_denied_and_what_is_no_good() {
    use FailureClass::{Credentials, Denied, TimedOut, Unreachable};
    for (class, code, state) in [
        (Credentials, Some("ExpiredToken"), AccessState::Expired),
        (
            Credentials,
            Some("ExpiredTokenException"),
            AccessState::Expired,
        ),
        (
            Credentials,
            Some("InvalidClientTokenId"),
            AccessState::Unusable,
        ),
        (Credentials, None, AccessState::Unusable),
        (Denied, Some("AccessDenied"), AccessState::Denied),
        (Unreachable, None, AccessState::Unknown),
        (TimedOut, None, AccessState::Unknown),
    ] {
        assert_eq!(failed(class, code), state, "{class:?} {code:?}");
    }
    assert_eq!(
        WayIn {
            answer: Answer::Awaited,
            ..way_in(Way::Keys)
        }
        .judge(NOW)
        .state,
        AccessState::Unknown
    );
}

#[test]
fn what_was_not_given_says_why() {
    let told = Told {
        sentence: "Profile prod leads to account 4.".to_owned(),
        next_step: "Use another.".to_owned(),
    };
    for (refusal, state) in [
        (Refusal::Another(told.clone()), AccessState::WrongAccount),
        (Refusal::SignIn(told.clone()), AccessState::Unusable),
        (Refusal::Unfit(told), AccessState::Unusable),
        (Refusal::Denied, AccessState::Denied),
        (Refusal::Over, AccessState::Expired),
        (Refusal::Missing, AccessState::Unusable),
        (Refusal::Unreached, AccessState::Unknown),
    ] {
        let access = refused(Way::Role, refusal.clone()).judge(NOW);
        assert_eq!(access.state, state, "{refusal:?}");
        assert_eq!(access.sentence.is_some(), state != AccessState::Unknown);
        assert_eq!(access.next_step.is_some(), access.sentence.is_some());
        assert_eq!(state.shuts_out(), state != AccessState::Unknown);
    }
}

#[test]
fn each_way_names_the_file_or_the_command_that_puts_it_right() {
    for way in [Way::Role, Way::Program, Way::Keys, Way::Chain] {
        let access = refused(way, Refusal::Missing).judge(NOW);
        let next = access.next_step.expect("a next step");
        assert!(
            next.contains("prod") && next.contains("/home/ana/.aws/config"),
            "{next}"
        );
        assert_eq!(access.command, None);
    }
    for way in [Way::Sso, Way::Mfa] {
        let access = refused(way, Refusal::Over).judge(NOW);
        assert!(access.command.is_some() && access.sentence.is_some());
    }
}

#[test]
fn signing_in_is_offered_where_it_helps() {
    let told = || Told {
        sentence: "No code was given yet.".to_owned(),
        next_step: "Give one.".to_owned(),
    };
    let offered = |seen: WayIn<'_>| seen.judge(NOW).command.is_some();
    assert!(offered(refused(Way::Mfa, Refusal::SignIn(told()))));
    assert!(!offered(refused(Way::Mfa, Refusal::Unfit(told()))));
    assert!(!offered(refused(Way::Mfa, Refusal::Denied)));
    for (code, helps) in [("InvalidClientTokenId", true), ("RequestExpired", false)] {
        let failure = failure(FailureClass::Credentials, Some(code));
        let seen = WayIn {
            answer: Answer::Failed(&failure),
            ..way_in(Way::Mfa)
        };
        assert_eq!(offered(seen), helps, "{code}");
    }
}

#[test]
fn a_clock_that_is_off_is_not_a_matter_of_keys() {
    for (code, clock) in [
        ("RequestTimeTooSkewed", true),
        ("InvalidClientTokenId", false),
    ] {
        let failure = failure(FailureClass::Credentials, Some(code));
        let seen = WayIn {
            answer: Answer::Failed(&failure),
            ..way_in(Way::Keys)
        };
        let next = seen.judge(NOW).next_step.expect("a next step");
        assert_eq!(next.contains("clock"), clock, "{next}");
    }
}
