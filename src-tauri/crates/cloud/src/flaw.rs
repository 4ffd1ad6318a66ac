//! What is the matter with how a profile says it signs in, found in the files before anybody is asked: the SDK says of
//! all of it that there are no credentials.

use crate::acting::ActRole;
use crate::chain::{Chain, keys_of};
use crate::profiles::Way;
use aws_runtime::env_config::section::{EnvConfigSections, Profile as Section};
use std::collections::BTreeSet;

/// What is the matter with a profile, a clause; `None`: nothing that can be seen in the files. `environment` tells
/// whether a variable is set.
pub(crate) fn of(
    set: &EnvConfigSections,
    start: &str,
    chain: &Chain<'_>,
    environment: impl Fn(&str) -> bool,
) -> Option<String> {
    roles(set, start, &environment).or_else(|| beginning(chain))
}

/// Each role on the way to where the credentials begin.
fn roles(
    set: &EnvConfigSections,
    start: &str,
    environment: impl Fn(&str) -> bool,
) -> Option<String> {
    let (mut seen, mut name) = (BTreeSet::new(), start);
    loop {
        let section = set.get_profile(name)?;
        // As for the SDK, keys of a source end the chain, whatever else it says.
        if name != start && keys_of(section).is_some() {
            return None;
        }
        let role = section.get("role_arn")?;
        if !seen.insert(name) {
            return Some(format!(
                "profile {start} takes its role with the credentials of profiles that lead back to {name}"
            ));
        }
        if ActRole::of(role).is_none() {
            return Some(format!(
                "the role_arn of profile {name} is no ARN of a role (arn:aws:iam::111122223333:role/NAME): {role}"
            ));
        }
        match source(section, &environment) {
            Ok(None) => return None,
            Ok(Some(next)) if next == name => return None,
            Ok(Some(next)) if set.get_profile(next).is_none() => {
                return Some(format!(
                    "profile {name} takes its role with the credentials of profile {next} (source_profile), which is not there"
                ));
            }
            Ok(Some(next)) => name = next,
            Err(why) => return Some(format!("profile {name} {why}")),
        }
    }
}

/// The profile whose credentials a role is assumed with; none where they come from elsewhere
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html>).
fn source(section: &Section, environment: impl Fn(&str) -> bool) -> Result<Option<&str>, String> {
    if let Some(file) = section.get("web_identity_token_file") {
        return match std::fs::metadata(file) {
            Ok(_) => Ok(None),
            Err(error) => Err(format!(
                "has a web_identity_token_file that cannot be read, {file}: {error}"
            )),
        };
    }
    let from = section.get("credential_source");
    match (section.get("source_profile"), from) {
        (Some(profile), None) => Ok(Some(profile)),
        (Some(_), Some(_)) => {
            Err("has both source_profile and credential_source for its role".to_owned())
        }
        (None, None) => Err(
            "has a role_arn, and neither source_profile nor credential_source say with whose credentials it is assumed"
                .to_owned(),
        ),
        (None, Some("Environment")) if !environment("AWS_ACCESS_KEY_ID") => Err(
            "takes its role with keys of the environment (credential_source), and AWS_ACCESS_KEY_ID is not set here"
                .to_owned(),
        ),
        (None, Some("Environment" | "Ec2InstanceMetadata" | "EcsContainer")) => Ok(None),
        (None, Some(other)) => Err(format!(
            "has the credential_source {other}, and there are Environment, Ec2InstanceMetadata and EcsContainer"
        )),
    }
}

/// Where the credentials begin.
fn beginning(chain: &Chain<'_>) -> Option<String> {
    let section = chain.root;
    let (name, has) = (section.name(), |setting: &str| {
        section.get(setting).is_some()
    });
    if has("login_session") && chain.way == Way::Chain && !has("credential_source") {
        return Some(format!(
            "profile {name} signs in by `aws login` (login_session), which is not spoken here"
        ));
    }
    match (
        chain.way,
        has("aws_access_key_id"),
        has("aws_secret_access_key"),
    ) {
        (Way::Keys, true, false) => Some(format!(
            "profile {name} has an aws_access_key_id and no aws_secret_access_key"
        )),
        (Way::Chain, false, true) => Some(format!(
            "profile {name} has an aws_secret_access_key and no aws_access_key_id"
        )),
        (Way::Sso, ..) => {
            let lacks = ["sso_account_id", "sso_role_name"];
            let lacks = lacks.into_iter().find(|setting| !has(setting))?;
            Some(format!(
                "profile {name} signs in with IAM Identity Center and has no {lacks}"
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
