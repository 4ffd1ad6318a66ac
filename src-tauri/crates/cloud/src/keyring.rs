//! Keys that do not expire, kept in the operating system's keyring (the Secret Service,
//! <https://specifications.freedesktop.org/secret-service/latest/>) and nowhere else: those of a profile of
//! the AWS config that says nothing about how it signs in.

use crate::keys::Unusable;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use keyring::{Entry, Error};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// What the entries of the keyring are filed under; the user is `aws:PROFILE`.
const SERVICE: &str = "quarterdeck";

/// An access key id and its secret.
#[derive(Serialize, Deserialize)]
struct Pair {
    id: String,
    secret: String,
}

/// Why the keyring did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// It holds no keys of this profile.
    #[error("the keyring has no keys of profile {0}")]
    None(String),
    /// There is no keyring here, or it is locked.
    #[error("the keyring cannot be used: {0}")]
    Unusable(String),
    /// What it holds was not put there by us.
    #[error("what the keyring has for profile {0} is no pair of keys")]
    Malformed(String),
}

impl KeyringError {
    /// What to do, a sentence.
    #[must_use]
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::None(_) => {
                "Put them there with qd keys set PROFILE, or say in the AWS config how the profile signs in; reading goes on by itself."
            }
            Self::Unusable(_) => {
                "Unlock the keyring of your desktop, or start the window from a session that has one; over ssh use a profile that signs in by IAM Identity Center."
            }
            Self::Malformed(_) => "Put them there again with qd keys set PROFILE.",
        }
    }
}

/// Keeps the keys of a profile, in the place of those it had.
///
/// # Errors
/// When there is no keyring or it is locked.
pub async fn keep(profile: &str, id: String, secret: String) -> Result<(), KeyringError> {
    let pair = Pair { id, secret };
    let told = |error: serde_json::Error| KeyringError::Unusable(error.to_string());
    let text = serde_json::to_string(&pair).map_err(told)?;
    with_entry(profile, move |entry| entry.set_password(&text)).await
}

/// Forgets the keys of a profile.
///
/// # Errors
/// When it holds none, or cannot be used.
pub async fn forget(profile: &str) -> Result<(), KeyringError> {
    with_entry(profile, |entry| entry.delete_credential()).await
}

async fn read(profile: &str) -> Result<Pair, KeyringError> {
    let text = with_entry(profile, |entry| entry.get_password()).await?;
    serde_json::from_str(&text).map_err(|_| KeyringError::Malformed(profile.to_owned()))
}

/// How long somebody has to unlock it.
const UNLOCKED_WITHIN: Duration = Duration::from_secs(60);
/// Somebody is asked for its password: one question at a time.
static ASKED: Semaphore = Semaphore::const_new(1);

/// The Secret Service may ask its user for a password: off the threads that everything else runs on, one question at a
/// time, and not for ever. A question that stays unanswered keeps the next ones away until it is.
async fn with_entry<T: Send + 'static>(
    profile: &str,
    act: impl FnOnce(Entry) -> Result<T, Error> + Send + 'static,
) -> Result<T, KeyringError> {
    let user = format!("aws:{profile}");
    let unanswered = || KeyringError::Unusable("it waits for its password to be typed".to_owned());
    let turn = timeout(UNLOCKED_WITHIN, ASKED.acquire()).await;
    let turn = turn.map_err(|_| unanswered())?;
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        Entry::new(SERVICE, &user).and_then(act)
    });
    match timeout(UNLOCKED_WITHIN, done).await {
        Ok(Ok(Ok(done))) => Ok(done),
        Ok(Ok(Err(Error::NoEntry))) => Err(KeyringError::None(profile.to_owned())),
        Ok(Ok(Err(error))) => Err(KeyringError::Unusable(told(&error).to_owned())),
        Ok(Err(_)) => Err(KeyringError::Unusable("it gave up".to_owned())),
        Err(_) => Err(unanswered()),
    }
}

/// Which of its failures it is; what it says itself may hold what was put in.
fn told(error: &Error) -> &'static str {
    match error {
        Error::NoDefaultStore => "there is none on this machine or in this session",
        Error::NoStorageAccess(_) => "it is locked",
        Error::PlatformFailure(_) => "it did not answer",
        Error::BadEncoding(_) | Error::BadDataFormat(..) => "what it holds is not text",
        _ => "it refused",
    }
}

/// The keys of one profile, read when they are needed.
#[derive(Debug)]
pub(crate) struct Kept {
    profile: String,
}

impl Kept {
    pub(crate) fn new(profile: &str) -> Self {
        Self {
            profile: profile.to_owned(),
        }
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            match read(&self.profile).await {
                Ok(pair) => Ok(Credentials::new(
                    pair.id,
                    pair.secret,
                    None,
                    None,
                    "keyring",
                )),
                Err(error) => {
                    let profile = self.profile.clone();
                    let unusable = Unusable::Keyring { profile, error };
                    Err(CredentialsError::invalid_configuration(unusable))
                }
            }
        })
    }
}
