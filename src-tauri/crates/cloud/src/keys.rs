//! Credentials as they are handed to the SDK: what cannot be used is told before anything is signed.

use crate::sso::{self, NoKeys, Portal};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use jiff::Timestamp;

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
    /// A file beside the stack would have a program run.
    #[error(
        "profile {profile} of a file the stack brings along gets its credentials from a program (credential_process), and that was not approved"
    )]
    Program {
        /// Which profile, perhaps by way of `source_profile`.
        profile: String,
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
    /// A sign-in with IAM Identity Center gave none.
    #[error("{0}")]
    SignIn(NoKeys),
    /// A key that no header takes.
    #[error("the {0} has characters that no key has")]
    Characters(&'static str),
}

impl Unusable {
    /// What to do, a sentence; `None`: to sign in.
    pub(crate) fn next_step(&self) -> Option<String> {
        let step = match self {
            Unusable::SignIn(why) => return why.next_step(),
            Unusable::NoProfile { .. } => {
                "Correct the profile in the stack file, or add it to the AWS config."
            }
            Unusable::Program { .. } => {
                "Look at what it runs; if it is yours, move the profile to your own ~/.aws/config and leave the file out of the stack file."
            }
            Unusable::Account { .. } => {
                "Use a profile of that account, or correct its id in the stack file; then start again."
            }
            Unusable::Characters(_) => "Copy the key again, without what surrounds it.",
        };
        Some(step.to_owned())
    }
}

fn there_are(known: &[String]) -> String {
    match known {
        [] => "; it has none".to_owned(),
        known => format!("; it has {}", known.join(", ")),
    }
}

/// Hands on what a provider gives, unless it is known that it cannot be used.
#[derive(Debug)]
pub(crate) struct Keys {
    provider: SharedCredentialsProvider,
    refused: Option<Unusable>,
    portal: Option<Portal>,
}

impl Keys {
    pub(crate) fn new(
        provider: SharedCredentialsProvider,
        refused: Option<Unusable>,
        portal: Option<Portal>,
    ) -> Self {
        Self {
            provider,
            refused,
            portal,
        }
    }

    /// The same failure, with the reason where it is the sign-in.
    fn told(&self, error: CredentialsError) -> CredentialsError {
        let portal = self.portal.as_ref();
        match portal.and_then(|portal| sso::why(&error, portal, Timestamp::now())) {
            Some(why) => CredentialsError::invalid_configuration(Unusable::SignIn(why)),
            None => error,
        }
    }
}

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            if let Some(refused) = &self.refused {
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
