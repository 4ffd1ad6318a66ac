use super::cache::{Cache, Session};
use super::role::Role;
use super::{Code, NoCode};
use crate::chain::Chain;
use crate::sign_in::{Place, SignInError};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::section::EnvConfigSections;
use aws_types::os_shim_internal::{Env, Fs};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;

/// A session as botocore 1.43 writes it (`JSONFileCache`).
const SESSION: &str = include_str!("tests/session.json");

const CONFIG: &str = "\
[profile ops]
role_arn = arn:aws:iam::111122223333:role/ops
source_profile = base
mfa_serial = arn:aws:iam::444455556666:mfa/anna

[profile long]
region = eu-west-1
role_arn = arn:aws:iam::111122223333:role/path/ops
source_profile = base
mfa_serial = arn:aws:iam::444455556666:mfa/anna
duration_seconds = 7200
external_id = na\u{ef}ve
role_session_name = anna

[profile prod]
role_arn = arn:aws:iam::777788889999:role/prod
source_profile = middle
role_session_name = desk

[profile middle]
role_arn = arn:aws:iam::777788889999:role/middle
source_profile = ops

[profile lost]
role_arn = arn:aws:iam::111122223333:role/ops
source_profile = nobody
mfa_serial = arn:aws:iam::444455556666:mfa/anna

[profile rootless]
role_arn = arn:aws:iam::111122223333:role/ops
mfa_serial = arn:aws:iam::444455556666:mfa/anna

[profile china]
role_arn = arn:aws-cn:iam::111122223333:role/ops
source_profile = base
mfa_serial = GAHT12345678

[profile base]
aws_access_key_id = AKIA1
aws_secret_access_key = x
";

async fn set() -> EnvConfigSections {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("config");
    std::fs::write(&file, CONFIG).expect("written");
    let files = EnvConfigFiles::builder()
        .with_file(EnvConfigFileKind::Config, file)
        .build();
    let set = aws_config::profile::load(&Fs::real(), &Env::real(), &files, None).await;
    set.expect("read")
}

async fn role(profile: &str) -> Result<Role, SignInError> {
    match Place::of(&set().await, profile)? {
        Place::Role(role) => Ok(role),
        Place::Portal(portal) => panic!("{profile} signs in to {}", portal.words()),
    }
}

#[tokio::test]
async fn a_chain_leads_to_the_role_that_takes_a_code_and_to_those_above_it() {
    let ops = role("ops").await.expect("a role");
    assert_eq!(ops.device, "arn:aws:iam::444455556666:mfa/anna");
    assert_eq!(ops.words(), "role ops of account 111122223333");
    assert_eq!(
        (ops.source.as_str(), ops.region.as_str()),
        ("base", "us-east-1")
    );
    assert_eq!(role("prod").await, Ok(ops));
    let set = set().await;
    let above = |profile: &str| -> Vec<String> {
        let chain = Chain::of(&set, profile).expect("a profile");
        chain.steps.into_iter().map(|step| step.arn).collect()
    };
    assert_eq!(
        above("prod"),
        [
            "arn:aws:iam::777788889999:role/middle",
            "arn:aws:iam::777788889999:role/prod"
        ]
    );
    assert_eq!(above("ops"), [""; 0]);
    assert_eq!(role("long").await.expect("a role").region, "eu-west-1");
    assert_eq!(role("china").await.expect("a role").region, "cn-north-1");
}

#[tokio::test]
async fn a_config_that_is_not_complete_says_what_it_lacks() {
    let told = role("lost").await.expect_err("no source").to_string();
    assert!(
        told.starts_with("The AWS config has no profile nobody; it has base,"),
        "{told}"
    );
    let told = role("rootless").await.expect_err("no source").to_string();
    assert_eq!(
        told,
        "Profile rootless of the AWS config has no source_profile."
    );
    let told = role("base").await.expect_err("keys");
    assert!(matches!(told, SignInError::OtherWay { .. }), "{told}");
}

#[tokio::test]
async fn the_cache_is_the_one_of_the_aws_cli_to_the_letter() {
    let home = tempfile::tempdir().expect("a home");
    let cache = Cache::in_home(home.path());
    // As `AssumeRoleCredentialFetcher._create_cache_key` of botocore 1.43 names them.
    let (ops, long) = (
        role("ops").await.expect("a role"),
        role("long").await.expect("a role"),
    );
    assert!(
        cache
            .path(&ops)
            .ends_with(".aws/cli/cache/039e777911a72f820b11dce70a67653ced1cb983.json"),
        "{}",
        cache.path(&ops).display()
    );
    assert!(
        cache
            .path(&long)
            .ends_with("893892170ee6d9aaa779d5202aee55d45308fcb0.json"),
        "{}",
        cache.path(&long).display()
    );
    let session: Session = serde_json::from_str(SESSION).expect("a session");
    let path = cache.keep(&ops, &session).expect("kept");
    let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let mut botocore = json(SESSION);
    botocore
        .as_object_mut()
        .expect("fields")
        .remove("ResponseMetadata");
    assert_eq!(
        json(&std::fs::read_to_string(&path).expect("a file")),
        botocore
    );
    let mode = |path: &std::path::Path| {
        let about = std::fs::metadata(path).expect("there");
        about.permissions().mode() & 0o777
    };
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("a folder")), 0o700);
    let held = cache.held(&ops).expect("a session");
    assert_eq!(held.expires.to_string(), "2026-11-29T16:00:00.000Z");
    assert!(!held.renews, "only another code gives the next");
    assert_eq!(cache.held(&long), None);
    std::fs::write(&path, "no json").expect("written");
    assert_eq!(cache.held(&ops), None);
}

#[test]
fn a_code_is_six_digits_and_nothing_else_and_is_not_printed() {
    for code in ["123456", " 123 456\n"] {
        let code = Code::parse(code).expect("a code");
        assert_eq!(format!("{code:?}"), "(a code)");
    }
    for other in ["", "12345", "1234567", "12345a", "१२३४५६", "-12345"] {
        assert_eq!(Code::parse(other), Err(NoCode), "{other}");
    }
}

#[test]
fn nothing_secret_is_in_what_is_printed_of_a_session() {
    let session: Session = serde_json::from_str(SESSION).expect("a session");
    let printed = format!("{session:?}");
    assert!(SESSION.contains("secret-shh") && SESSION.contains("session-shh"));
    assert!(!printed.contains("shh"), "{printed}");
}
