//! Credentials as they are handed to the SDK: what cannot be used is told before anything is signed.

use crate::failure::{class_of_code, find};
use crate::keyring::KeyringError;
use crate::programs::Stop;
use crate::sign_in::{NoKeys, Place, there_are};
use crate::standing::Ledger;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use jiff::Timestamp;
use model::access::{Refusal, Told};
use model::{FailureClass, SourceFailure};
use std::sync::PoisonError;
use std::time::SystemTime;

/// Why credentials are not used; nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    /// The profile is in none of the files.
    #[error("the AWS config has no profile {profile}{}", there_are(known))]
    NoProfile {
        /// Which.
        profile: String,
        /// The profiles there are.
        known: Vec<String>,
    },
    /// The AWS config cannot be read.
    #[error("the {0}")]
    Config(String),
    /// What the profile says of how it signs in leads nowhere.
    #[error("{0}")]
    Profile(String),
    /// A program gave none, or a file beside the stack would have one run and nobody approved it as it is.
    #[error("{0}")]
    Program(Stop),
    /// The profile leaves them to the keyring, and that has none.
    #[error("profile {profile} does not say how it signs in, and {error}")]
    Keyring {
        /// Which.
        profile: String,
        /// What it says.
        error: KeyringError,
    },
    /// STS says they are of another account than the stack file.
    #[error("{who} leads to account {is}, and the stack file says {wanted}")]
    Account {
        /// `profile prod`, `the default chain`.
        who: String,
        /// Where it leads.
        is: String,
        /// Where it should.
        wanted: String,
    },
    /// A sign-in gave none.
    #[error("{0}")]
    SignIn(NoKeys),
    /// The role that acts could not be assumed.
    #[error("the role that acts was not assumed: {}", .0.sentence.trim_end_matches('.'))]
    ActRole(Box<SourceFailure>),
    /// A key that no header takes.
    #[error("the {0} has characters that no key has")]
    Characters(&'static str),
}

impl Unusable {
    /// What to do, a sentence; `None`: to sign in.
    pub(crate) fn next_step(&self) -> Option<String> {
        let step = match self {
            Unusable::SignIn(why) => return why.next_step(),
            Unusable::ActRole(failure) => match failure.class {
                FailureClass::Throttled
                | FailureClass::Unreachable
                | FailureClass::TimedOut
                | FailureClass::Server => "The call was not sent. Plan it again in a moment.",
                FailureClass::Denied
                | FailureClass::Credentials
                | FailureClass::Malformed
                | FailureClass::Unsupported
                | FailureClass::Other => return Some(failure.next_step.clone()),
            },
            Unusable::NoProfile { .. } => {
                "Add it to the AWS config, and reading goes on by itself; or correct the profile in the stack file and start again."
            }
            Unusable::Config(_) => "Correct the file; reading goes on by itself.",
            Unusable::Profile(_) => "Correct it in the AWS config; reading goes on by itself.",
            Unusable::Program(stop) => stop.next_step(),
            Unusable::Keyring { profile, error } => return Some(in_keyring(profile, error)),
            Unusable::Account { .. } => {
                "Let the profile lead to that account, and reading goes on by itself; or correct its id in the stack file and start again."
            }
            Unusable::Characters(_) => {
                "Copy the key again, without what surrounds it; reading goes on by itself."
            }
        };
        Some(step.to_owned())
    }
}

/// What to do about a profile that leaves its keys to the keyring.
fn in_keyring(profile: &str, error: &KeyringError) -> String {
    let or = match error {
        KeyringError::None(_) | KeyringError::Malformed(_) => {
            format!("put its keys into the keyring with qd keys set {profile}")
        }
        KeyringError::Unusable(_) => "unlock the keyring of your desktop".to_owned(),
    };
    format!(
        "Say in the AWS config how profile {profile} signs in, and reading goes on by itself; or {or}."
    )
}

impl From<&Unusable> for Refusal {
    fn from(unusable: &Unusable) -> Self {
        let sentence = format!("{unusable}.");
        let mut letters = sentence.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        let told = Told {
            sentence: first.into_iter().chain(letters).collect(),
            next_step: unusable.next_step().unwrap_or_default(),
        };
        match unusable {
            Unusable::Account { .. } => Refusal::Another(told),
            Unusable::NoProfile { .. }
            | Unusable::Config(_)
            | Unusable::Profile(_)
            | Unusable::Program(_)
            | Unusable::Keyring { .. }
            | Unusable::ActRole(_)
            | Unusable::Characters(_) => Refusal::Unfit(told),
            Unusable::SignIn(why) => match why {
                NoKeys::NoCode { .. } => Refusal::SignIn(Told {
                    next_step: "Sign in with a code; reading goes on by itself.".to_owned(),
                    ..told
                }),
                NoKeys::Absent(_) | NoKeys::Ended { .. } | NoKeys::Refused(_) => Refusal::Over,
                NoKeys::NotAssigned(_) => Refusal::Denied,
                NoKeys::Unreachable { .. } => Refusal::Unreached,
            },
        }
    }
}

/// What came of asking for credentials last. No part of a key is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Given {
    /// They were not asked for yet.
    #[default]
    Nothing,
    /// They were handed to the SDK.
    Keys {
        /// When they end; `None`: they do not say.
        expires: Option<SystemTime>,
    },
    /// They were not.
    Refused(Refusal),
}

/// Hands on what a provider gives, unless it is known that it cannot be used.
#[derive(Debug)]
pub(crate) struct Keys {
    provider: SharedCredentialsProvider,
    before: Before,
    ledger: Ledger,
}

/// What is known of credentials before they are asked for.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Why they are not even asked for.
    pub(crate) refused: Option<Unusable>,
    /// Where somebody signs in for them.
    pub(crate) place: Option<Place>,
}

impl Keys {
    pub(crate) fn new(provider: SharedCredentialsProvider, before: Before, ledger: Ledger) -> Self {
        Self {
            provider,
            before,
            ledger,
        }
    }

    /// The same failure, with the reason where it is the sign-in.
    fn told(&self, error: CredentialsError) -> CredentialsError {
        let place = self.before.place.as_ref();
        match place.and_then(|place| place.why(&error, Timestamp::now())) {
            Some(why) => CredentialsError::invalid_configuration(Unusable::SignIn(why)),
            None => error,
        }
    }

    async fn asked(&self) -> Result<Credentials, CredentialsError> {
        if let Some(refused) = &self.before.refused {
            return Err(CredentialsError::invalid_configuration(refused.clone()));
        }
        let given = self.provider.provide_credentials().await;
        let credentials = given.map_err(|error| self.told(error))?;
        match unfit(&credentials) {
            Some(part) => Err(CredentialsError::invalid_configuration(
                Unusable::Characters(part),
            )),
            None => Ok(credentials),
        }
    }
}

fn given(outcome: &Result<Credentials, CredentialsError>) -> Given {
    match outcome {
        Ok(credentials) => Given::Keys {
            expires: credentials.expiry(),
        },
        Err(error) => Given::Refused(refusal(error)),
    }
}

/// Why a provider gives nothing, by the types of its error: what an assumed role's STS said, or that
/// nobody could be reached.
fn refusal(error: &CredentialsError) -> Refusal {
    if let Some(unusable) = find::<Unusable>(error) {
        return unusable.into();
    }
    if matches!(error, CredentialsError::ProviderTimedOut(_))
        || find::<ConnectorError>(error).is_some()
    {
        return Refusal::Unreached;
    }
    let code = find::<AssumeRoleError>(error).and_then(|error| error.meta().code());
    match code.map(|code| (code, class_of_code(code, 400))) {
        Some((_, FailureClass::Denied)) => Refusal::Denied,
        Some(("ExpiredToken" | "ExpiredTokenException", _)) => Refusal::Over,
        Some((_, FailureClass::Throttled | FailureClass::Server)) => Refusal::Unreached,
        Some(_) | None => Refusal::Missing,
    }
}

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let outcome = self.asked().await;
            *self.ledger.lock().unwrap_or_else(PoisonError::into_inner) = given(&outcome);
            outcome
        })
    }
}

/// The part that is not of visible ASCII characters: id and session token are sent in headers
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>).
fn unfit(credentials: &Credentials) -> Option<&'static str> {
    let bad = |text: &str| text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic());
    if bad(credentials.access_key_id()) {
        return Some("access key id");
    }
    let token = credentials
        .session_token()
        .filter(|token| !token.is_empty());
    token.is_some_and(bad).then_some("session token")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str, token: Option<&str>) -> Credentials {
        Credentials::new(id, "secret", token.map(str::to_owned), None, "test")
    }

    #[test]
    fn a_key_that_no_header_takes_is_told_before_it_is_sent() {
        assert_eq!(unfit(&of("AKIA7", None)), None);
        assert_eq!(unfit(&of("AKIA7", Some("abc/+="))), None);
        assert_eq!(
            unfit(&of("AKIA\u{e9}\u{1b}[31m", None)),
            Some("access key id")
        );
        assert_eq!(unfit(&of("AKIA7", Some("a\nb"))), Some("session token"));
    }
}
