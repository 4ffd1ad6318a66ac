//! Somebody gives a code, and STS gives a session for it
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>). The code goes to STS and nowhere else.

use super::cache::{AssumedRoleUser, Cache, Keys, Session};
use super::given::assuming;
use super::role::Role;
use crate::Clock;
use crate::chain::keys_of;
use crate::failure::{class_of_code, find, plain};
use crate::keys::Unusable;
use crate::profile;
use crate::programs::Programs;
use crate::sign_in::kept::Secret;
use crate::sign_in::{Call, Giver, SignInError, SignedIn, command_by};
use crate::stack::StackFiles;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::{AssumeRoleError, AssumeRoleOutput};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use jiff::Timestamp;
use model::FailureClass;
use std::fmt;

/// A code of a device: six digits, good once.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

/// A text that is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A code is six digits, as the device shows them.")]
pub struct NoCode;

impl Code {
    /// Six digits (`TokenCode` of AssumeRole); blanks between and around them are let go.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str) -> Result<Self, NoCode> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let is_code = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_code.then_some(Self(digits)).ok_or(NoCode)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(a code)")
    }
}

/// A sign-in that waits for a code. Nothing was asked yet; a code that is refused ends nothing.
#[derive(Clone, Debug)]
pub struct Asked {
    profile: String,
    files: StackFiles,
    role: Role,
    cache: Cache,
}

/// Begins to sign `profile` in.
///
/// # Errors
/// When there is no place for the session.
pub(crate) fn begin(profile: &str, files: &StackFiles, role: Role) -> Result<Asked, SignInError> {
    Ok(Asked {
        profile: profile.to_owned(),
        files: files.clone(),
        role,
        cache: Cache::of_this_user()?,
    })
}

impl Asked {
    /// What is signed in to: `role operations of account 111122223333`.
    #[must_use]
    pub fn role(&self) -> String {
        self.role.words()
    }

    /// `mfa_serial` of the profile: whose code it takes.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.role.device
    }

    /// Gives a code, and keeps the session that follows.
    ///
    /// # Errors
    /// When AWS does not give the role for it, or the session cannot be kept.
    pub async fn signed_in(&self, code: &Code) -> Result<SignedIn, SignInError> {
        let (source, region) = (Some(self.role.source.as_str()), &self.role.region);
        let shared = (&Clock::new(), &Programs::default());
        let base = profile::access(source, &self.files, region, shared).await;
        let keys = self.base_keys(&base.sdk).await?;
        let call = assuming(&base.sdk, keys, &self.role.step)
            .set_duration_seconds(self.role.seconds)
            .serial_number(&self.role.device)
            .token_code(&code.0);
        let answer = call.send().await.map_err(|error| self.refused(&error))?;
        let session = self.session(answer)?;
        let file = self.cache.keep(&self.role, &session)?;
        Ok(SignedIn {
            profile: self.profile.clone(),
            portal: self.role.words(),
            expires_at: session.credentials.expiration,
            renews: false,
            file,
        })
    }

    /// What the role is assumed with: the source's own keys where it has some, in a role's own profile too; else whatever
    /// the source takes its credentials from.
    async fn base_keys(&self, sdk: &SdkConfig) -> Result<Credentials, SignInError> {
        let source = &self.role.source;
        if let Ok((set, _)) = profile::read(Some(source), &self.files).await
            && let Some(keys) = set.get_profile(source).and_then(keys_of)
        {
            return Ok(keys);
        }
        if *source == self.role.profile {
            return Err(self.base("that is itself and has none".to_owned(), self.correct()));
        }
        let none = || CredentialsError::not_loaded("no provider");
        let asked = match sdk.credentials_provider() {
            Some(keys) => keys.provide_credentials().await,
            None => Err(none()),
        };
        asked.map_err(|error| match find::<Unusable>(&error) {
            Some(unusable) => {
                let command = command_by(&self.role.source, &self.files, None);
                let signs = format!("Sign in with `{command}` first.");
                self.base(unusable.to_string(), unusable.next_step().unwrap_or(signs))
            }
            None => self.base(
                "that has none, or they cannot be read".to_owned(),
                self.correct(),
            ),
        })
    }

    fn base(&self, why: String, step: String) -> SignInError {
        SignInError::Base {
            profile: self.role.profile.clone(),
            source_profile: self.role.source.clone(),
            why,
            step,
        }
    }

    fn correct(&self) -> String {
        let source = &self.role.source;
        format!("Put its keys under profile {source} of the AWS files, then sign in again.")
    }

    fn call(&self) -> Call {
        Call {
            giver: Giver::Sts,
            call: "AssumeRole",
            portal: self.role.words(),
            region: self.role.region.clone(),
        }
    }

    /// By the code of STS: it denies, it does not take the keys that asked, or something else.
    fn refused(&self, error: &SdkError<AssumeRoleError, HttpResponse>) -> SignInError {
        let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
        let answer = error.as_service_error().and_then(|said| said.meta().code());
        match answer.map(|answer| (answer, class_of_code(answer, status))) {
            Some((_, FailureClass::Denied)) => SignInError::NotGiven {
                role: self.role.words(),
                device: self.role.device.clone(),
                said: said(error),
            },
            Some((answer, FailureClass::Credentials)) => self.base(
                format!("AWS does not accept those ({})", plain(answer)),
                self.correct(),
            ),
            Some(_) | None => SignInError::of_call(self.call(), error),
        }
    }

    fn session(&self, answer: AssumeRoleOutput) -> Result<Session, SignInError> {
        let lacks = || SignInError::Failed {
            call: self.call(),
            answer: "an answer without credentials".to_owned(),
        };
        let keys = answer.credentials.ok_or_else(lacks)?;
        let ends = Timestamp::from_second(keys.expiration.secs()).map_err(|_| lacks())?;
        let user = answer.assumed_role_user;
        let account = user.as_ref().and_then(|user| user.arn.split(':').nth(4));
        Ok(Session {
            credentials: Keys {
                account_id: account.map(ToOwned::to_owned),
                access_key_id: keys.access_key_id,
                secret_access_key: Secret(keys.secret_access_key),
                session_token: Secret(keys.session_token),
                expiration: ends,
            },
            assumed_role_user: user.map(|user| AssumedRoleUser {
                assumed_role_id: user.assumed_role_id,
                arn: user.arn,
            }),
        })
    }
}

/// What AWS said, as the end of a sentence.
fn said(error: &SdkError<AssumeRoleError, HttpResponse>) -> String {
    let message = error.meta().message().map(plain).unwrap_or_default();
    match message.trim_end_matches('.') {
        "" => String::new(),
        message => format!(": \u{201c}{message}\u{201d}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_in::Place;

    const CONFIG: &str = "\
[profile own]
role_arn = arn:aws:iam::111122223333:role/ops
source_profile = own
mfa_serial = arn:aws:iam::111122223333:mfa/anna
aws_access_key_id = AKIAOWN
aws_secret_access_key = x

[profile bare]
role_arn = arn:aws:iam::111122223333:role/ops
source_profile = bare
mfa_serial = arn:aws:iam::111122223333:mfa/anna

[profile over]
role_arn = arn:aws:iam::111122223333:role/ops
source_profile = keyed
mfa_serial = arn:aws:iam::111122223333:mfa/anna

[profile keyed]
role_arn = arn:aws:iam::111122223333:role/never
source_profile = nobody
aws_access_key_id = AKIAKEYED
aws_secret_access_key = x
aws_session_token = t
";

    async fn keys(profile: &str) -> Result<Credentials, SignInError> {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("config");
        std::fs::write(&file, CONFIG).expect("written");
        let files = StackFiles {
            aws_config: Some(file.clone()),
            aws_credentials: Some(file),
            kubeconfig: None,
        };
        let (set, _) = profile::read(None, &files).await.expect("read");
        let Ok(Place::Role(role)) = Place::of(&set, profile) else {
            panic!("{profile} takes no code");
        };
        let asked = begin(profile, &files, role).expect("begun");
        asked.base_keys(&SdkConfig::builder().build()).await
    }

    #[tokio::test]
    async fn a_role_is_assumed_with_the_keys_of_its_own_profile_or_of_its_source() {
        assert_eq!(keys("own").await.expect("keys").access_key_id(), "AKIAOWN");
        let keyed = keys("over").await.expect("keys");
        assert_eq!(
            (keyed.access_key_id(), keyed.session_token()),
            ("AKIAKEYED", Some("t"))
        );
        let told = keys("bare").await.expect_err("none");
        assert!(matches!(told, SignInError::Base { .. }), "{told}");
    }
}
