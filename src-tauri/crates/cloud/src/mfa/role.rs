//! From a profile of the AWS config to the role that takes a code, and the roles assumed with its session
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html>).

use crate::sign_in::{SignInError, missing};
use aws_runtime::env_config::section::{EnvConfigSections, Profile};

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// `role_arn`.
    pub(crate) arn: String,
    /// `external_id`.
    pub(crate) external_id: Option<String>,
    /// `role_session_name`.
    pub(crate) session_name: Option<String>,
}

impl Step {
    /// Of a profile that has a `role_arn`.
    pub(crate) fn of(section: &Profile) -> Option<Self> {
        let text = |setting: &str| section.get(setting).filter(|text| !text.is_empty());
        Some(Self {
            arn: text("role_arn")?.to_owned(),
            external_id: text("external_id").map(ToOwned::to_owned),
            session_name: text("role_session_name").map(ToOwned::to_owned),
        })
    }
}

/// A role that takes a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    /// The profile that has the `mfa_serial`.
    pub(crate) profile: String,
    /// What is assumed.
    pub(crate) step: Step,
    /// `mfa_serial`: the device that shows the codes.
    pub(crate) device: String,
    /// `duration_seconds`.
    pub(crate) seconds: Option<i32>,
    /// `source_profile`: whose credentials it is assumed with.
    pub(crate) source: String,
    /// Where STS is asked.
    pub(crate) region: String,
}

impl Role {
    /// Of a profile that has a `role_arn` and an `mfa_serial`.
    pub(crate) fn of(set: &EnvConfigSections, section: &Profile) -> Result<Self, SignInError> {
        let profile = section.name();
        let lacks = |setting: &str| SignInError::Config {
            sentence: format!("Profile {profile} of the AWS config has no {setting}."),
        };
        let source = section.get("source_profile");
        let source = source.ok_or_else(|| lacks("source_profile"))?;
        let from = set.get_profile(source);
        let from = from.ok_or_else(|| missing(set, source))?;
        let seconds = section.get("duration_seconds");
        let step = Step::of(section).ok_or_else(|| lacks("role_arn"))?;
        let region = section.get("region").or_else(|| from.get("region"));
        Ok(Self {
            profile: profile.to_owned(),
            device: section.get("mfa_serial").unwrap_or_default().to_owned(),
            seconds: seconds.and_then(|seconds| seconds.trim().parse().ok()),
            source: source.to_owned(),
            region: region.unwrap_or_else(|| home(&step.arn)).to_owned(),
            step,
        })
    }

    /// `role operations of account 111122223333`.
    pub(crate) fn words(&self) -> String {
        let mut parts = self.step.arn.splitn(6, ':').skip(4);
        let (account, name) = (parts.next(), parts.next());
        let name = name.and_then(|name| name.strip_prefix("role/"));
        match (account, name) {
            (Some(account), Some(name)) => format!("role {name} of account {account}"),
            (Some(_) | None, _) => format!("role {}", self.step.arn),
        }
    }
}

/// A region of the partition of an ARN
/// (<https://docs.aws.amazon.com/general/latest/gr/sts.html>).
fn home(arn: &str) -> &'static str {
    match arn.split(':').nth(1) {
        Some("aws-cn") => "cn-north-1",
        Some("aws-us-gov") => "us-gov-west-1",
        Some(_) | None => "us-east-1",
    }
}
