//! Profiles of every shape.

use super::*;
use crate::profile::read;
use crate::stack::StackFiles;

const ROLE: &str = "role_arn = arn:aws:iam::111122223333:role/ops\n";

async fn told(config: &str) -> Option<String> {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("config");
    std::fs::write(&file, config).expect("written");
    let files = StackFiles {
        aws_config: Some(file.clone()),
        aws_credentials: Some(file),
        kubeconfig: None,
    };
    let (set, start) = read(Some("p"), &files).await.expect("read");
    let chain = Chain::of(&set, &start).expect("a profile");
    of(&set, &start, &chain, |_| false)
}

async fn says(config: &str, what: &str) {
    let told = told(config).await.expect("something");
    assert!(told.contains(what), "{told}");
}

#[tokio::test]
async fn a_role_that_leads_nowhere_is_told() {
    let p = format!("[profile p]\n{ROLE}");
    says(&p, "neither source_profile nor credential_source").await;
    says(
        &format!("{p}source_profile = b\n"),
        "profile b (source_profile), which is not there",
    )
    .await;
    let circle = format!("{p}source_profile = b\n[profile b]\n{ROLE}source_profile = p\n");
    says(&circle, "lead back to p").await;
    // Keys of a source end the chain for the SDK too.
    let keyed = format!(
        "{p}source_profile = b\n[profile b]\naws_access_key_id = AKIDKEYS\naws_secret_access_key = s\n{ROLE}source_profile = nobody\n"
    );
    assert_eq!(told(&keyed).await, None);
    let both = format!("{p}source_profile = b\ncredential_source = Environment\n");
    says(&both, "both source_profile and credential_source").await;
    says(
        &format!("{p}credential_source = Environment\n"),
        "AWS_ACCESS_KEY_ID is not set",
    )
    .await;
    says(
        &format!("{p}credential_source = Moon\n"),
        "credential_source Moon",
    )
    .await;
    says(
        &format!("{p}web_identity_token_file = /nowhere\n"),
        "/nowhere",
    )
    .await;
    says(
        "[profile p]\nrole_arn = ops\nsource_profile = b\n",
        "no ARN of a role",
    )
    .await;
    let second = format!("{p}source_profile = b\n[profile b]\nrole_arn = x\nsource_profile = c\n");
    says(&second, "role_arn of profile b").await;
}

#[tokio::test]
async fn a_beginning_that_lacks_something_is_told() {
    says(
        "[profile p]\naws_access_key_id = AKIA\n",
        "no aws_secret_access_key",
    )
    .await;
    says(
        "[profile p]\naws_secret_access_key = x\n",
        "no aws_access_key_id",
    )
    .await;
    let desk =
        "[profile p]\nsso_session = corp\n[sso-session corp]\nsso_region = x\nsso_start_url = y\n";
    says(desk, "no sso_account_id").await;
    says("[profile p]\nlogin_session = arn:x\n", "`aws login`").await;
}

#[tokio::test]
async fn of_what_is_whole_nothing_is_told() {
    let keys = "aws_access_key_id = AKIA\naws_secret_access_key = x\n";
    for whole in [
        format!("[profile p]\n{keys}"),
        format!("[profile p]\n{ROLE}source_profile = p\n{keys}"),
        format!("[profile p]\n{ROLE}source_profile = b\n[profile b]\n{keys}"),
        format!("[profile p]\n{ROLE}credential_source = Ec2InstanceMetadata\n"),
        "[profile p]\nregion = eu-west-1\n".to_owned(),
        "[profile p]\ncredential_process = /bin/x\n".to_owned(),
    ] {
        assert_eq!(told(&whole).await, None, "{whole}");
    }
}
