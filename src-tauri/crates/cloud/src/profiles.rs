//! The profiles of the AWS config: which there are, where each begins and how each signs in, as the AWS CLI reads them
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>). Nothing is asked of AWS and no key is kept.

use crate::profile::{account_of, config_files};
use crate::stack::StackFiles;
use crate::standing::places;
use aws_runtime::env_config::error::EnvConfigFileLoadError;
use aws_runtime::env_config::section::Profile as Section;
use aws_types::os_shim_internal::{Env, Fs};
pub use model::Way;
use std::path::PathBuf;

/// One profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: Option<String>,
    /// How it signs in.
    pub way: Way,
    /// The account it says it leads to.
    pub account: Option<String>,
    /// It says nothing of how it signs in: its keys may be in the keyring.
    pub says_nothing: bool,
    /// The profile it takes its credentials from.
    pub source: Option<String>,
}

/// What says how a profile signs in
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>).
const WAYS: [&str; 9] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "source_profile",
    "sso_session",
    "sso_start_url",
];

/// Whether a profile says nothing of how it signs in.
pub(crate) fn says_nothing(section: &Section) -> bool {
    WAYS.iter().all(|way| section.get(way).is_none())
}

/// Every profile there is, by name.
///
/// # Errors
/// When a file cannot be read or is no AWS config: a sentence.
pub async fn profiles(files: &StackFiles) -> Result<Vec<Profile>, String> {
    let brought = config_files(files).unwrap_or_default();
    let loaded = aws_config::profile::load(&Fs::real(), &Env::real(), &brought, None).await;
    let set = loaded.map_err(|error| unreadable(&error))?;
    let read = |name: &str| {
        let profile = set.get_profile(name)?;
        Some(Profile {
            name: name.to_owned(),
            region: profile.get("region").map(ToOwned::to_owned),
            way: way_of(profile),
            account: account_of(profile),
            says_nothing: says_nothing(profile),
            source: profile.get("source_profile").map(ToOwned::to_owned),
        })
    };
    let mut all: Vec<Profile> = set.profiles().filter_map(read).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

/// How the section of a profile signs in; of several ways the one the SDK takes first.
pub(crate) fn way_of(section: &Section) -> Way {
    let has = |key: &str| section.get(key).is_some();
    if has("role_arn") && has("mfa_serial") {
        Way::Mfa
    } else if has("role_arn") {
        Way::Role
    } else if has("sso_session") || has("sso_start_url") {
        Way::Sso
    } else if has("credential_process") {
        Way::Program
    } else if has("aws_access_key_id") {
        Way::Keys
    } else {
        Way::Chain
    }
}

pub(crate) fn unreadable(error: &EnvConfigFileLoadError) -> String {
    format!("The {}.", not_read(error))
}

/// The same in the middle of a sentence, after its article.
pub(crate) fn not_read(error: &EnvConfigFileLoadError) -> String {
    let cause = std::error::Error::source(error);
    let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
    let told = format!("AWS config cannot be read: {error}{cause}");
    told.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The file that is no text, which the SDK passes over as if it were not there.
pub(crate) fn no_text(files: &StackFiles) -> Option<PathBuf> {
    let (config, credentials) = places(files);
    [config, credentials].into_iter().find(|file| {
        let bytes = std::fs::read(file);
        bytes.is_ok_and(|bytes| std::str::from_utf8(&bytes).is_err())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_text_is_found() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("config");
        let files = StackFiles {
            aws_config: Some(file.clone()),
            aws_credentials: Some(dir.path().join("none")),
            kubeconfig: None,
        };
        std::fs::write(&file, "[profile p]\n# café\n").expect("written");
        assert_eq!(no_text(&files), None);
        std::fs::write(&file, b"[profile p]\n# caf\xe9\n").expect("written");
        assert_eq!(no_text(&files), Some(file));
    }

    async fn of(config: &str, credentials: &str) -> Result<Vec<Profile>, String> {
        let dir = tempfile::tempdir().expect("a folder");
        let (one, other) = (dir.path().join("config"), dir.path().join("credentials"));
        std::fs::write(&one, config).expect("written");
        std::fs::write(&other, credentials).expect("written");
        let files = StackFiles {
            aws_config: Some(one),
            aws_credentials: Some(other),
            kubeconfig: None,
        };
        profiles(&files).await
    }

    #[tokio::test]
    async fn each_profile_says_how_it_signs_in_and_where_it_leads() {
        let config = "[default]\nregion = eu-west-1\n\n\
            [profile prod]\nregion = us-east-1\nrole_arn = arn:aws-us-gov:iam::111122223333:role/ops\nsource_profile = base\n\n\
            [profile base]\n\n[profile desk]\nsso_session = corp\nsso_account_id = 444455556666\nsso_role_name = ReadOnly\n\n\
            [sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\n\
            [profile vault]\ncredential_process = /usr/bin/vault\n";
        let credentials = "[base]\naws_access_key_id = AKIA1\naws_secret_access_key = x\n";
        let all = of(config, credentials).await.expect("read");
        let told: Vec<_> = all
            .iter()
            .map(|p| {
                (
                    p.name.as_str(),
                    p.way,
                    p.region.as_deref(),
                    p.account.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("base", Way::Keys, None, None),
                ("default", Way::Chain, Some("eu-west-1"), None),
                ("desk", Way::Sso, None, Some("444455556666")),
                ("prod", Way::Role, Some("us-east-1"), Some("111122223333")),
                ("vault", Way::Program, None, None),
            ]
        );
    }

    #[tokio::test]
    async fn no_files_are_no_profiles_and_garbage_is_a_sentence() {
        assert_eq!(of("", "").await, Ok(Vec::new()));
        let told = of("[profile prod\nregion = eu-west-1\n", "").await;
        let told = told.expect_err("garbage");
        assert!(
            told.starts_with("The AWS config cannot be read") && told.contains("config"),
            "{told}"
        );
    }
}
