use super::*;
use crate::aws::ACCESS_KEY;
use crate::aws::authorize::Caller;
use crate::aws::principal::Principal;
use crate::clock::Millis;
use crate::options::SignInWay;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const START: Millis = Millis(1_800_000_000_000);

fn at(seconds: i64) -> Millis {
    START.plus_seconds(seconds)
}

/// A state, and the client that registered.
fn registered(scopes: &[&str]) -> (SignIn, Value) {
    let mut state = SignIn::new(SignInWay::Keys, START);
    let input = json!({"clientName": "test", "clientType": "public", "scopes": scopes});
    let client = oidc::register(&mut state, &input, START).unwrap();
    (state, client)
}

fn with(client: &Value, more: Value) -> Value {
    let mut input = json!({"clientId": client["clientId"], "clientSecret": client["clientSecret"]});
    let (all, more) = (input.as_object_mut().unwrap(), more.as_object().unwrap());
    all.extend(more.clone());
    input
}

fn begin(state: &mut SignIn, client: &Value, now: Millis) -> Value {
    let input = with(client, json!({"startUrl": state.start_url}));
    oidc::start(state, &input, "http://here", now).unwrap()
}

fn poll(state: &mut SignIn, client: &Value, begun: &Value, now: Millis) -> Result<Value, Refusal> {
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let input = json!({"grantType": grant, "deviceCode": begun["deviceCode"]});
    oidc::token(state, &with(client, input), now)
}

#[test]
fn a_code_waits_then_gives_one_token_and_that_gives_keys_until_it_ends() {
    let (mut state, client) = registered(&[]);
    let begun = begin(&mut state, &client, START);
    let code = begun["userCode"].as_str().unwrap().to_owned();
    assert_eq!(
        poll(&mut state, &client, &begun, at(1)),
        Err(Refusal::Pending)
    );
    assert!(!state.judge(Some("NONE-SUCH"), Verdict::Approved, at(1)));
    assert!(state.judge(Some(&code), Verdict::Approved, at(1)));
    let token = poll(&mut state, &client, &begun, at(2)).unwrap();
    assert!(
        token["refreshToken"].is_null(),
        "without a scope nothing is renewed"
    );
    assert_eq!(
        poll(&mut state, &client, &begun, at(4)),
        Err(Refusal::Grant)
    );
    let access = token["accessToken"].as_str().unwrap();
    assert_eq!(state.holds(access, at(3601)), Ok(()));
    assert_eq!(state.holds(access, at(3602)), Err(Refusal::Unauthorized));
    let of = |account: &str| {
        BTreeMap::from([
            ("account_id".to_owned(), account.to_owned()),
            ("role_name".to_owned(), ROLE.to_owned()),
        ])
    };
    let other = portal::credentials(&mut state, &of("111122223333"), at(3));
    assert_eq!(other, Err(Refusal::Forbidden));
    let keys = portal::credentials(&mut state, &of(model::SIMULATED_ACCOUNT), at(3)).unwrap();
    let text = |name: &str| keys["roleCredentials"][name].as_str().unwrap().to_owned();
    let (id, session) = (text("accessKeyId"), text("sessionToken"));
    let who = Caller::whole(Principal::operations());
    let admits = |key: &str, session, now| state.keys.admits(key, session, now);
    assert_eq!(admits(&id, Some(&session), at(3602)), Ok(who.clone()));
    assert_eq!(
        admits(&id, Some(&session), at(3603)),
        Err(KeyRefusal::Expired)
    );
    assert_eq!(admits(&id, Some("other"), at(4)), Err(KeyRefusal::Unknown));
    assert_eq!(admits("AKIAANY", None, at(4)), Ok(who));
}

#[test]
fn what_was_not_issued_is_let_in_as_the_way_to_sign_in_says() {
    let of = |way, key| SignIn::new(way, START).keys.admits(key, None, START);
    let user = || Ok(Caller::whole(Principal::User));
    assert_eq!(of(SignInWay::Sso, ACCESS_KEY), Err(KeyRefusal::Unknown));
    assert_eq!(of(SignInWay::Role, ACCESS_KEY), user());
    assert_eq!(of(SignInWay::Mfa, ACCESS_KEY), user());
    assert_eq!(of(SignInWay::Mfa, "AKIAANY"), Err(KeyRefusal::Unknown));
    let opens = |way| SignIn::new(way, START).keys.secret(ACCESS_KEY, None, START);
    assert!(opens(SignInWay::Keys).is_some());
    assert_eq!(
        opens(SignInWay::Mfa),
        None,
        "the user's keys open no cluster"
    );
}

#[test]
fn a_code_that_is_denied_over_or_asked_too_fast_says_so() {
    let (mut state, client) = registered(&[]);
    assert!(state.judge(None, Verdict::Denied, at(0)));
    let begun = begin(&mut state, &client, START);
    assert_eq!(
        poll(&mut state, &client, &begun, at(1)),
        Err(Refusal::Denied)
    );
    let begun = begin(&mut state, &client, at(10));
    assert_eq!(
        poll(&mut state, &client, &begun, at(11)),
        Err(Refusal::Pending)
    );
    assert_eq!(
        poll(&mut state, &client, &begun, at(11)),
        Err(Refusal::SlowDown)
    );
    assert_eq!(
        poll(&mut state, &client, &begun, at(700)),
        Err(Refusal::Expired)
    );
    let stranger = json!({"clientId": client["clientId"], "clientSecret": "no"});
    assert_eq!(
        poll(&mut state, &stranger, &begun, at(12)),
        Err(Refusal::Client)
    );
}

#[test]
fn a_refresh_token_renews_once_and_no_longer_than_the_session() {
    let (mut state, client) = registered(&["sso:account:access"]);
    state.next = Verdict::Approved;
    let begun = begin(&mut state, &client, START);
    let token = poll(&mut state, &client, &begun, at(1)).unwrap();
    let renew = |state: &mut SignIn, token: &Value, now: Millis| {
        let input = json!({"grantType": "refresh_token", "refreshToken": token["refreshToken"]});
        oidc::token(state, &with(&client, input), now)
    };
    let next = renew(&mut state, &token, at(3000)).unwrap();
    assert_ne!(next["accessToken"], token["accessToken"]);
    assert_eq!(
        renew(&mut state, &token, at(3000)),
        Err(Refusal::Grant),
        "used once"
    );
    assert_eq!(
        renew(&mut state, &next, at(8 * 3600 + 1)),
        Err(Refusal::Expired)
    );
}
