//! The session of a role that takes a code, as it is handed to the SDK, and the roles that are assumed with it.

use super::cache::Cache;
use super::role::{Role, Step};
use crate::keys::Unusable;
use crate::sign_in::NoKeys;
use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use jiff::Timestamp;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is handed out for a profile whose chain of roles begins with one that takes a code.
#[derive(Debug)]
pub(crate) struct Given {
    role: Role,
    /// Assumed with the session of `role`, each with that of the one before.
    above: Vec<Step>,
    /// How STS is asked; without credentials.
    sts: SdkConfig,
}

impl Given {
    pub(crate) fn new(role: Role, above: Vec<Step>, sts: SdkConfig) -> Self {
        Self { role, above, sts }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let now = Timestamp::now();
        let cache = Cache::of_this_user().ok();
        let kept = cache.and_then(|cache| cache.session(&self.role).ok());
        // Unreadable is as good as absent: signing in writes it anew.
        let unusable = match kept {
            Some(session) if session.credentials.expiration > now => {
                let keys = session.credentials;
                let first = Credentials::new(
                    keys.access_key_id,
                    keys.secret_access_key.0,
                    Some(keys.session_token.0),
                    Some(system_time(keys.expiration)),
                    "mfa",
                );
                return climbed(&self.sts, &self.above, first).await;
            }
            Some(session) => NoKeys::Ended {
                portal: self.role.words(),
                ended: session
                    .credentials
                    .expiration
                    .strftime("%Y-%m-%d %H:%M UTC")
                    .to_string(),
            },
            None => NoKeys::NoCode {
                profile: self.role.profile.clone(),
                role: self.role.words(),
                device: self.role.device.clone(),
            },
        };
        Err(CredentialsError::invalid_configuration(Unusable::SignIn(
            unusable,
        )))
    }
}

impl ProvideCredentials for Given {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// The credentials of the last role, each assumed with those of the one before.
pub(crate) async fn climbed(
    sts: &SdkConfig,
    steps: &[Step],
    first: Credentials,
) -> Result<Credentials, CredentialsError> {
    let mut credentials = first;
    for step in steps {
        let answer = assuming(sts, credentials, step).send().await;
        let answer = answer.map_err(CredentialsError::provider_error)?;
        credentials = assumed(answer)
            .ok_or_else(|| CredentialsError::unhandled("AssumeRole gave no credentials"))?;
    }
    Ok(credentials)
}

/// AssumeRole of `step` with `credentials`.
pub(super) fn assuming(
    sts: &SdkConfig,
    credentials: Credentials,
    step: &Step,
) -> AssumeRoleFluentBuilder {
    let sts = sts
        .to_builder()
        .identity_cache(IdentityCache::no_cache())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let default = || format!("quarterdeck-{}", Timestamp::now().as_second());
    aws_sdk_sts::Client::new(&sts)
        .assume_role()
        .role_arn(&step.arn)
        .set_external_id(step.external_id.clone())
        .role_session_name(step.session_name.clone().unwrap_or_else(default))
}

fn assumed(answer: AssumeRoleOutput) -> Option<Credentials> {
    let keys = answer.credentials?;
    let ends = SystemTime::try_from(keys.expiration).ok();
    Some(Credentials::new(
        keys.access_key_id,
        keys.secret_access_key,
        Some(keys.session_token),
        ends,
        "AssumeRole",
    ))
}

fn system_time(at: Timestamp) -> SystemTime {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
    UNIX_EPOCH + Duration::from_millis(millis)
}
