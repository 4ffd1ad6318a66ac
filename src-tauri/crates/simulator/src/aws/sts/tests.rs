use super::*;
use crate::aws::request::{Protocol, Service};
use crate::options::SignInWay;
use serde_json::Value;
use std::collections::BTreeMap;

const NOW: Millis = Millis(1_800_000_000_000);

fn user() -> Caller {
    Caller::whole(Principal::User)
}

/// AssumeRole of `role`, with more parameters or others.
fn call(role: Role, more: Value) -> Call {
    let mut input = json!({"RoleArn": role.arn(), "RoleSessionName": "desk"});
    let given = more.as_object().unwrap().clone();
    input.as_object_mut().unwrap().extend(given);
    Call {
        service: Service::Sts,
        region: "us-east-1".into(),
        protocol: Protocol::Query,
        operation: "AssumeRole".into(),
        input,
        path: Vec::new(),
        query: BTreeMap::new(),
        now: NOW,
    }
}

fn assumed(state: &mut SignIn, caller: &Caller, call: &Call) -> Result<Value, AwsError> {
    handle(state, caller, call, NOW).map(|answer| answer.body)
}

fn refusal(state: &mut SignIn, caller: &Caller, role: Role, more: Value) -> (String, String) {
    let error = assumed(state, caller, &call(role, more)).unwrap_err();
    (error.code, error.message)
}

/// Whom the keys of an answer belong to, `seconds` from now.
fn holder(state: &SignIn, body: &Value, seconds: i64) -> Option<Caller> {
    let key = &body["Credentials"];
    let (id, session) = (key["AccessKeyId"].as_str()?, key["SessionToken"].as_str());
    state
        .keys
        .admits(id, session, NOW.plus_seconds(seconds))
        .ok()
}

#[test]
fn a_role_gives_a_session_that_ends_when_it_says() {
    let mut state = SignIn::new(SignInWay::Role, NOW);
    let body = assumed(
        &mut state,
        &user(),
        &call(Role::Act, json!({"DurationSeconds": "900"})),
    );
    let body = body.unwrap();
    assert_eq!(
        body["Credentials"]["Expiration"],
        NOW.plus_seconds(900).iso()
    );
    let who = holder(&state, &body, 899).unwrap();
    assert!(
        who.principal
            .arn()
            .ends_with(":assumed-role/quarterdeck-act/desk")
    );
    assert_eq!(body["AssumedRoleUser"]["Arn"], who.principal.arn());
    assert_eq!(holder(&state, &body, 900), None);
    state.lifetimes.role = 20;
    let body = assumed(&mut state, &user(), &call(Role::Operations, json!({}))).unwrap();
    assert!(holder(&state, &body, 19).is_some() && holder(&state, &body, 20).is_none());
}

#[test]
fn a_role_that_is_not_there_is_answered_like_one_that_trusts_somebody_else() {
    let mut state = SignIn::new(SignInWay::Role, NOW);
    let other = json!({"RoleArn": "arn:aws:iam::100200300400:role/admin"});
    let (code, message) = refusal(&mut state, &user(), Role::Act, other);
    assert_eq!(code, "AccessDenied");
    assert!(
        message.starts_with("User: arn:aws:iam::")
            && message.contains("sts:AssumeRole on resource: arn:aws:iam::100200300400:role/admin")
    );
    let act = Caller::whole(Principal::Session {
        role: Role::Act,
        name: "desk".into(),
    });
    assert_eq!(
        refusal(&mut state, &act, Role::Operations, json!({})).0,
        "AccessDenied"
    );
    let operations = Caller::whole(Principal::operations());
    assert!(assumed(&mut state, &operations, &call(Role::Act, json!({}))).is_ok());
}

#[test]
fn with_a_device_a_role_takes_a_code_and_each_code_once() {
    let mut state = SignIn::new(SignInWay::Mfa, NOW);
    let serial = Authenticator::serial();
    let without = refusal(&mut state, &user(), Role::Operations, json!({}));
    assert!(
        without
            .1
            .contains("is not authorized to perform: sts:AssumeRole")
    );
    let mut with = |serial: &str, code: &str| {
        let more = json!({"SerialNumber": serial, "TokenCode": code});
        assumed(&mut state, &user(), &call(Role::Operations, more))
    };
    let right = (0..1_000_000)
        .map(|n| format!("{n:06}"))
        .find(|code| with(&serial, code).is_ok());
    let right = right.expect("one of them is right");
    let again = with(&serial, &right).unwrap_err();
    assert_eq!((again.code.as_str(), again.status), ("AccessDenied", 403));
    assert!(
        again
            .message
            .contains("with invalid MFA one time pass code")
    );
    assert!(
        with("arn:aws:iam::100200300400:mfa/other", "123456")
            .unwrap_err()
            .message
            .contains("verify your MFA serial number")
    );
    assert_eq!(with(&serial, "1234").unwrap_err().code, "ValidationError");
    let half = refusal(
        &mut state,
        &user(),
        Role::Act,
        json!({"TokenCode": "123456"}),
    );
    assert!(half.1.contains("must provide both"));
    let operations = Caller::whole(Principal::operations());
    assert!(assumed(&mut state, &operations, &call(Role::Act, json!({}))).is_ok());
}

#[test]
fn what_does_not_keep_the_model_is_refused_by_its_name() {
    let mut state = SignIn::new(SignInWay::Role, NOW);
    for (more, says) in [
        (json!({"RoleArn": ""}), "'roleArn'"),
        (json!({"RoleSessionName": "x"}), "'roleSessionName'"),
        (json!({"RoleSessionName": "on call"}), "[\\w+=,.@-]*"),
        (json!({"DurationSeconds": "899"}), "'durationSeconds'"),
        (
            json!({"DurationSeconds": "3601"}),
            "exceeds the MaxSessionDuration",
        ),
        (json!({"Policy": "x".repeat(2049)}), "'policy'"),
        (
            json!({"Tags": [{"Key": "a", "Value": "b"}]}),
            "takes no Tags",
        ),
    ] {
        let (code, message) = refusal(&mut state, &user(), Role::Act, more);
        assert_eq!(code, "ValidationError", "{message}");
        assert!(message.contains(says), "{message}");
    }
    let operations = Caller::whole(Principal::operations());
    let chained = refusal(
        &mut state,
        &operations,
        Role::Act,
        json!({"DurationSeconds": 3601}),
    );
    assert!(chained.1.contains("role chaining"));
}

#[test]
fn a_session_policy_is_kept_with_the_keys_or_refused() {
    let mut state = SignIn::new(SignInWay::Keys, NOW);
    let operations = Caller::whole(Principal::operations());
    let policy =
        r#"{"Statement": {"Effect": "Allow", "Action": "sqs:PurgeQueue", "Resource": "*"}}"#;
    let body = assumed(
        &mut state,
        &operations,
        &call(Role::Act, json!({"Policy": policy})),
    )
    .unwrap();
    assert!(
        body["PackedPolicySize"]
            .as_u64()
            .is_some_and(|n| (1..=100).contains(&n))
    );
    let holder = holder(&state, &body, 0).unwrap();
    assert_eq!(holder.policy, Some(Policy::parse(policy).unwrap()));
    let broken = refusal(&mut state, &operations, Role::Act, json!({"Policy": "{}"}));
    assert_eq!(broken.0, "MalformedPolicyDocument");
    // Text that does not repeat itself packs badly.
    let mut n = 7u32;
    let noise: String = std::iter::repeat_with(|| {
        n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(33 + u8::try_from(n >> 24).unwrap() % 90)
    })
    .filter(|c| !"\"\\".contains(*c))
    .take(1900)
    .collect();
    let large =
        format!(r#"{{"Statement": {{"Effect": "Allow", "Action": "*", "Resource": "{noise}"}}}}"#);
    let large = refusal(&mut state, &operations, Role::Act, json!({"Policy": large}));
    assert_eq!(large.0, "PackedPolicyTooLarge");
}
