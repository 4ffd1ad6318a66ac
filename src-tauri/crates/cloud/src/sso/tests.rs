use super::cache::{Cache, Registration, Token};
use super::failure::{kept, of_call};
use super::portal::Portal;
use super::why;
use crate::profiles::Way;
use crate::sign_in::kept::Secret;
use crate::sign_in::{NoKeys, SignInError};
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_sso::types::error::UnauthorizedException;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use aws_types::os_shim_internal::{Env, Fs};
use jiff::Timestamp;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;

/// A token as botocore 1.43 writes it (`SSOTokenFetcher`, `JSONFileCache`).
const TOKEN: &str = include_str!("tests/token.json");
/// A registered client as botocore writes it.
const CLIENT: &str = include_str!("tests/client.json");

const CONFIG: &str = "\
[profile desk]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Operations

[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access

[profile old]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 111122223333
sso_role_name = Operations

[profile prod]
role_arn = arn:aws:iam::444455556666:role/ops
source_profile = desk

[profile round]
role_arn = arn:aws:iam::444455556666:role/ops
source_profile = about

[profile about]
role_arn = arn:aws:iam::444455556666:role/ops
source_profile = round

[profile keyed]
role_arn = arn:aws:iam::444455556666:role/ops
source_profile = base

[profile base]
aws_access_key_id = AKIA1
aws_secret_access_key = x

[profile lost]
sso_session = nowhere

[profile half]
sso_session = half

[sso-session half]
sso_start_url = https://corp.awsapps.com/start
";

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

async fn portal(profile: &str) -> Result<Portal, SignInError> {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("config");
    std::fs::write(&file, CONFIG).expect("written");
    let files = EnvConfigFiles::builder()
        .with_file(EnvConfigFileKind::Config, file)
        .build();
    let set = aws_config::profile::load(&Fs::real(), &Env::real(), &files, None).await;
    Portal::of(&set.expect("read"), profile)
}

#[tokio::test]
async fn both_forms_of_the_config_and_chains_lead_to_the_portal() {
    let desk = portal("desk").await.expect("a portal");
    assert_eq!(desk.key(), "corp");
    assert_eq!(desk.region, "eu-west-1");
    assert_eq!(desk.scopes, Some(vec!["sso:account:access".to_owned()]));
    assert_eq!(portal("prod").await, Ok(desk));
    let old = portal("old").await.expect("a portal");
    assert_eq!(old.key(), "https://corp.awsapps.com/start");
    assert_eq!((old.session, old.scopes), (None, None));
}

#[tokio::test]
async fn what_does_not_sign_in_so_says_how_it_does() {
    let told = portal("keyed").await.expect_err("keys");
    assert_eq!(
        told,
        SignInError::OtherWay {
            profile: "keyed".to_owned(),
            through: Some("base".to_owned()),
            way: Way::Keys,
        }
    );
    assert_eq!(
        told.to_string(),
        "Profile keyed does not sign in with IAM Identity Center: it takes its credentials from profile base, \
        which has keys in a file, which do not end."
    );
    let told = portal("round").await.expect_err("a circle");
    assert!(
        matches!(told, SignInError::OtherWay { way: Way::Role, .. }),
        "{told}"
    );
    let told = portal("nobody").await.expect_err("none").to_string();
    assert!(
        told.starts_with("The AWS config has no profile nobody; it has about, base,"),
        "{told}"
    );
    let told = portal("lost").await.expect_err("no session").to_string();
    assert!(
        told.contains("[sso-session nowhere], which the AWS config does not have"),
        "{told}"
    );
    let told = portal("half").await.expect_err("no region").to_string();
    assert_eq!(
        told,
        "[sso-session half] of the AWS config has no sso_region."
    );
}

#[tokio::test]
async fn the_cache_is_the_one_of_the_aws_cli_to_the_letter() {
    let home = tempfile::tempdir().expect("a home");
    let cache = Cache::in_home(home.path());
    let desk = portal("desk").await.expect("a portal");
    // `hashlib.sha1(b"corp").hexdigest()`.
    let path = cache.path(&desk);
    assert!(path.ends_with(".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"));
    let token: Token = serde_json::from_str(TOKEN).expect("a token");
    assert_eq!(cache.keep(&desk, &token).expect("kept"), path);
    let written = std::fs::read_to_string(&path).expect("a file");
    let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert_eq!(json(&written), json(TOKEN));
    assert_eq!(cache.token(&desk).expect("read"), token);
    let mode = |path: &std::path::Path| {
        let data = std::fs::metadata(path).expect("there");
        data.permissions().mode() & 0o777
    };
    assert_eq!(mode(&path), 0o600);
    let folder = path.parent().expect("a folder");
    assert_eq!(mode(folder), 0o700);
    let all = std::fs::read_dir(folder).expect("a folder").count();
    assert_eq!(all, 1, "nothing is left beside it");
}

#[tokio::test]
async fn a_client_that_the_aws_cli_registered_is_used_until_it_ends() {
    let home = tempfile::tempdir().expect("a home");
    let cache = Cache::in_home(home.path());
    let desk = portal("desk").await.expect("a portal");
    let client: Registration = serde_json::from_str(CLIENT).expect("a client");
    let path = cache.register(&desk, &client).expect("kept");
    assert!(
        path.ends_with("787ef34d0a944c01385765faa28b5e67d1c08f33.json"),
        "{}",
        path.display()
    );
    assert_eq!(
        cache.registration(&desk, at("2027-02-27T14:59:00Z")),
        Some(client.clone())
    );
    assert_eq!(cache.registration(&desk, at("2027-02-27T15:01:00Z")), None);
    let other = Registration {
        grant_types: Some(vec!["authorization_code".to_owned()]),
        ..client
    };
    cache.register(&desk, &other).expect("kept");
    assert_eq!(cache.registration(&desk, at("2026-11-29T15:00:00Z")), None);
}

#[test]
fn the_older_form_of_an_instant_is_read_too() {
    let text = TOKEN.replace("2026-11-29T23:00:00Z", "2026-11-29T23:00:00UTC");
    let token: Token = serde_json::from_str(&text).expect("a token");
    assert_eq!(token.expires_at, at("2026-11-29T23:00:00Z"));
}

#[test]
fn nothing_secret_is_in_what_is_printed_of_a_token_or_a_client() {
    let token: Token = serde_json::from_str(TOKEN).expect("a token");
    let client: Registration = serde_json::from_str(CLIENT).expect("a client");
    let printed = format!("{token:?} {client:?} {:?}", Secret("shh-1".to_owned()));
    for secret in ["access-shh", "client-shh", "refresh-shh", "shh-1"] {
        assert!(TOKEN.contains(secret) || secret == "shh-1", "{secret}");
        assert!(!printed.contains(secret), "{printed}");
    }
    let broken = serde_json::from_str::<Token>(&TOKEN.replace("2026-11-29T23", "access-shh"));
    assert!(!broken.expect_err("no instant").to_string().contains("shh"));
}

fn answered<E>(status: u16, error: E) -> SdkError<E, HttpResponse> {
    let status = status.try_into().expect("a status");
    SdkError::service_error(error, HttpResponse::new(status, SdkBody::empty()))
}

#[tokio::test]
async fn the_types_of_the_sdk_say_why_there_are_no_credentials() {
    let desk = portal("desk").await.expect("a portal");
    let now = at("2026-11-29T15:00:00Z");
    let of = |status, error| {
        let inner = CredentialsError::provider_error(answered(status, error));
        // As the SDK wraps what a profile's first provider failed of.
        why(&CredentialsError::provider_error(inner), &desk, now)
    };
    let unauthorized = UnauthorizedException::builder().message("x").build();
    let unauthorized = GetRoleCredentialsError::UnauthorizedException(unauthorized);
    let refused = of(401, unauthorized).expect("a reason");
    assert_eq!(refused, NoKeys::Refused("session corp".to_owned()));
    assert_eq!(refused.next_step(), None, "to sign in");
    let forbidden = of(
        403,
        GetRoleCredentialsError::unhandled("ForbiddenException"),
    );
    let forbidden = forbidden.expect("a reason");
    assert_eq!(forbidden, NoKeys::NotAssigned("session corp".to_owned()));
    assert!(
        forbidden
            .next_step()
            .expect("a step")
            .contains("sso_role_name")
    );
    let other = GetRoleCredentialsError::unhandled("x");
    assert_eq!(of(500, other), None);
    let slow: SdkError<GetRoleCredentialsError, HttpResponse> = SdkError::timeout_error("slow");
    let slow = why(&CredentialsError::provider_error(slow), &desk, now).expect("a reason");
    assert!(
        slow.to_string()
            .contains("in eu-west-1 gave no complete answer"),
        "{slow}"
    );
}

#[test]
fn the_cache_says_why_where_nothing_was_asked() {
    let token: Token = serde_json::from_str(TOKEN).expect("a token");
    let words = || "session corp".to_owned();
    let before = at("2026-11-29T22:59:59Z");
    assert_eq!(kept(Ok(token.clone()), words(), before), None);
    let ended = kept(Ok(token), words(), at("2026-11-29T23:00:00Z")).expect("a reason");
    assert_eq!(
        ended.to_string(),
        "the sign-in to session corp ended at 2026-11-29 23:00 UTC"
    );
    let none = kept(Err(std::io::ErrorKind::NotFound.into()), words(), before);
    assert_eq!(none, Some(NoKeys::Absent(words())));
}

#[tokio::test]
async fn a_refusal_of_identity_center_is_told_from_a_way_that_is_cut_and_a_fault_of_theirs() {
    use aws_sdk_ssooidc::operation::register_client::RegisterClientError as Call;
    use aws_sdk_ssooidc::types::error::InvalidRequestException;
    let desk = portal("desk").await.expect("a portal");
    let invalid = InvalidRequestException::builder().build();
    let told = of_call(
        "RegisterClient",
        &desk,
        &answered(400, Call::InvalidRequestException(invalid)),
    );
    assert!(matches!(told, SignInError::NotAccepted { .. }), "{told}");
    assert!(
        told.next_step()
            .contains("sso_start_url and sso_region of session corp")
    );
    let told = of_call(
        "RegisterClient",
        &desk,
        &answered(503, Call::unhandled("x")),
    );
    assert_eq!(
        told.to_string(),
        "IAM Identity Center in eu-west-1 failed on RegisterClient (HTTP 503)."
    );
    let cut: SdkError<Call, HttpResponse> = SdkError::timeout_error("slow");
    let told = of_call("RegisterClient", &desk, &cut);
    assert!(told.next_step().contains("oidc.eu-west-1.amazonaws.com") && !told.is_refusal());
}

#[tokio::test]
async fn a_token_says_how_long_it_holds_and_whether_it_renews_itself() {
    let home = tempfile::tempdir().expect("a folder");
    let cache = Cache::in_home(home.path());
    let desk = portal("desk").await.expect("a portal");
    let old = portal("old").await.expect("a portal");
    assert_eq!(cache.held(&desk), None);
    std::fs::create_dir_all(cache.path(&desk).parent().expect("a folder")).expect("made");
    std::fs::write(cache.path(&desk), TOKEN).expect("written");
    let held = cache.held(&desk).expect("a token");
    assert_eq!(held.expires.to_string(), "2026-11-29T23:00:00.000Z");
    assert!(held.renews);
    // Of the same start URL, in the older form: another sign-in.
    assert_eq!(cache.held(&old), None);
    let plain = TOKEN.replace("refreshToken", "other");
    std::fs::write(cache.path(&old), plain).expect("written");
    assert!(cache.held(&old).is_some_and(|held| !held.renews));
    std::fs::write(cache.path(&old), "no json").expect("written");
    assert_eq!(cache.held(&old), None);
}
