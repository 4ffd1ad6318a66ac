//! From a profile to where its credentials begin, and the roles that are assumed from there: in the order of the SDK
//! (`resolve_chain` of aws-config; <https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html>),
//! but for roles that take a code, which the SDK does not know.

use crate::mfa::Step;
use crate::profiles::{Way, way_of};
use aws_credential_types::Credentials;
use aws_runtime::env_config::section::{EnvConfigSections, Profile as Section};
use std::collections::BTreeSet;

/// A profile, followed to where its credentials begin.
pub(crate) struct Chain<'a> {
    /// The profile they begin with, or the role on the way that takes a code.
    pub(crate) root: &'a Section,
    /// How they begin there; [`Way::Role`]: they do not, because the chain is broken or a circle.
    pub(crate) way: Way,
    /// The roles that are assumed from there on, in their order.
    pub(crate) steps: Vec<Step>,
}

impl<'a> Chain<'a> {
    /// Of a profile; `None`: it is not there.
    pub(crate) fn of(set: &'a EnvConfigSections, start: &str) -> Option<Self> {
        let mut root = set.get_profile(start)?;
        let (mut seen, mut steps) = (BTreeSet::new(), Vec::new());
        let way = loop {
            let first = seen.is_empty();
            if !seen.insert(root.name()) {
                break Way::Role;
            }
            if !first && keys_of(root).is_some() {
                break Way::Keys;
            }
            match way_of(root) {
                Way::Mfa => break Way::Mfa,
                Way::Role if root.get("web_identity_token_file").is_none() => {}
                Way::Role | Way::Sso | Way::Program | Way::Keys | Way::Chain => {
                    break begins(root);
                }
            }
            steps.extend(Step::of(root));
            match Next::of(set, root) {
                Next::Itself => break begins(root),
                Next::Another(next) => root = next,
                Next::Nowhere => break Way::Role,
            }
        };
        steps.reverse();
        Some(Self { root, way, steps })
    }
}

/// Whose credentials a role is assumed with.
enum Next<'a> {
    /// Those of the profile that has the role.
    Itself,
    Another(&'a Section),
    /// The profile does not say, says two things, or names one that is not there.
    Nowhere,
}

impl<'a> Next<'a> {
    fn of(set: &'a EnvConfigSections, role: &Section) -> Self {
        match (role.get("source_profile"), role.get("credential_source")) {
            (Some(source), None) if source == role.name() => Self::Itself,
            (Some(source), None) => set.get_profile(source).map_or(Self::Nowhere, Self::Another),
            (None, Some(_)) => Self::Itself,
            (Some(_), Some(_)) | (None, None) => Self::Nowhere,
        }
    }
}

/// The keys of its own that a profile has: as a source they come before whatever else it says.
pub(crate) fn keys_of(section: &Section) -> Option<Credentials> {
    Some(Credentials::new(
        section.get("aws_access_key_id")?,
        section.get("aws_secret_access_key")?,
        section.get("aws_session_token").map(ToOwned::to_owned),
        None,
        "profile",
    ))
}

/// Any of these makes it a profile of IAM Identity Center.
const SSO: [&str; 5] = [
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
];

/// How the credentials of a profile begin, whatever role it assumes with them (`base_provider` of aws-config).
fn begins(section: &Section) -> Way {
    let has = |setting: &str| section.get(setting).is_some();
    if has("credential_source") || has("web_identity_token_file") {
        Way::Chain
    } else if SSO.iter().any(|setting| has(setting)) {
        Way::Sso
    } else if has("login_session") {
        Way::Chain
    } else if has("credential_process") {
        Way::Program
    } else if has("aws_access_key_id") {
        Way::Keys
    } else {
        Way::Chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::read;
    use crate::stack::StackFiles;

    async fn followed(config: &str, start: &str) -> (String, Way, Vec<String>) {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("config");
        std::fs::write(&file, config).expect("written");
        let files = StackFiles {
            aws_config: Some(file.clone()),
            aws_credentials: Some(file),
            kubeconfig: None,
        };
        let (set, _) = read(Some(start), &files).await.expect("read");
        let chain = Chain::of(&set, start).expect("a profile");
        let roles = chain.steps.into_iter().map(|step| step.arn);
        (chain.root.name().to_owned(), chain.way, roles.collect())
    }

    fn role(account: u64) -> String {
        format!("arn:aws:iam::{account:012}:role/r")
    }

    #[tokio::test]
    async fn a_role_comes_before_the_program_beside_it_and_the_source_is_what_is_run() {
        let config = format!(
            "[profile start]\nrole_arn = {}\nsource_profile = base\ncredential_process = /bin/decoy\n\
             [profile base]\ncredential_process = /bin/runs\n",
            role(1)
        );
        let (root, way, roles) = followed(&config, "start").await;
        assert_eq!((root.as_str(), way), ("base", Way::Program));
        assert_eq!(roles, [role(1)]);
    }

    #[tokio::test]
    async fn a_role_may_be_assumed_with_what_the_same_profile_begins_with() {
        let config = format!(
            "[profile own]\nrole_arn = {}\nsource_profile = own\ncredential_process = /bin/runs\n",
            role(1)
        );
        let (root, way, roles) = followed(&config, "own").await;
        assert_eq!((root.as_str(), way), ("own", Way::Program));
        assert_eq!(roles, [role(1)]);
    }

    #[tokio::test]
    async fn keys_of_a_source_end_the_chain_whatever_else_it_says() {
        let config = format!(
            "[profile start]\nrole_arn = {}\nsource_profile = keyed\n\
             [profile keyed]\nrole_arn = {}\nsource_profile = base\naws_access_key_id = AKIA1\naws_secret_access_key = x\n\
             [profile base]\ncredential_process = /bin/never\n",
            role(2),
            role(1)
        );
        let (root, way, roles) = followed(&config, "start").await;
        assert_eq!((root.as_str(), way), ("keyed", Way::Keys));
        assert_eq!(roles, [role(2)]);
        let (root, way, roles) = followed(&config, "keyed").await;
        assert_eq!((root.as_str(), way), ("base", Way::Program));
        assert_eq!(roles, [role(1)]);
    }

    #[tokio::test]
    async fn a_circle_a_gap_and_a_sign_in_run_no_program() {
        let config = format!(
            "[profile a]\nrole_arn = {r}\nsource_profile = b\ncredential_process = /bin/never\n\
             [profile b]\nrole_arn = {r}\nsource_profile = a\n\
             [profile lost]\nrole_arn = {r}\nsource_profile = nobody\ncredential_process = /bin/never\n\
             [profile desk]\nsso_account_id = 1\ncredential_process = /bin/never\n\
             [profile pod]\nrole_arn = {r}\nweb_identity_token_file = /t\nsource_profile = v\n[profile v]\ncredential_process = /bin/never\n",
            r = role(1)
        );
        assert_eq!(followed(&config, "a").await.1, Way::Role);
        assert_eq!(followed(&config, "lost").await.1, Way::Role);
        assert_eq!(followed(&config, "desk").await.1, Way::Sso);
        assert_eq!(followed(&config, "pod").await.1, Way::Chain);
    }
}
