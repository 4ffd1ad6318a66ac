//! What a sign-in ends in when it does not come about, and why a profile that signs in gave no credentials: told by the
//! types of the SDK, each in a sentence with what to do next. Nothing secret is in any of them.

use super::cache::{Cache, Token};
use super::portal::Portal;
use crate::failure::{find, no_connection, plain};
use crate::profiles::Way;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;
use std::error::Error;
use std::path::PathBuf;

/// Why nobody was signed in: a sentence; [`SignInError::next_step`] says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The profile, or the one it takes its credentials from, is in none of the files.
    #[error("The AWS config has no profile {profile}{}.", there_are(known))]
    NoProfile {
        /// Which.
        profile: String,
        /// The profiles there are, by name.
        known: Vec<String>,
    },
    /// It signs in otherwise.
    #[error("{}", otherwise(profile, through.as_deref(), *way))]
    OtherWay {
        /// Which profile was asked for.
        profile: String,
        /// The profile that it takes its credentials from in the end, where that is another.
        through: Option<String>,
        /// How that one signs in.
        way: Way,
    },
    /// The AWS config is not complete, or cannot be read.
    #[error("{sentence}")]
    Config {
        /// What is wrong with it.
        sentence: String,
    },
    /// There is no place for the token.
    #[error("The home folder is not known ($HOME is not set), and the token is kept in it.")]
    NoHome,
    /// The token could not be written.
    #[error("What follows a sign-in cannot be kept in {}: {reason}.", folder.display())]
    NotKept {
        /// Where.
        folder: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// Somebody said no in the browser (`AccessDeniedException`).
    #[error("The sign-in to {portal} was refused in the browser (AccessDeniedException).")]
    Refused {
        /// `session corp`.
        portal: String,
    },
    /// Nobody confirmed it in time (`ExpiredTokenException`).
    #[error(
        "Nobody confirmed the code {code} before it ended, so nobody is signed in to {portal}."
    )]
    CodeExpired {
        /// `session corp`.
        portal: String,
        /// The code of the person.
        code: String,
    },
    /// IAM Identity Center does not take what the config says.
    #[error("IAM Identity Center in {region} refused {call} for {portal} ({answer}).")]
    NotAccepted {
        /// The operation.
        call: &'static str,
        /// `session corp`.
        portal: String,
        /// Its region.
        region: String,
        /// The exception.
        answer: String,
    },
    /// There is no way to it.
    #[error("IAM Identity Center in {region} {how}.")]
    Unreachable {
        /// Its region.
        region: String,
        /// The second half of the sentence.
        how: String,
    },
    /// It failed, or answered what nobody understands.
    #[error("IAM Identity Center in {region} failed on {call} ({answer}).")]
    Failed {
        /// The operation.
        call: &'static str,
        /// Its region.
        region: String,
        /// The exception, or what was wrong.
        answer: String,
    },
    /// The sign-in is kept, but the profile's role is not given to whoever signed in.
    #[error(
        "You are signed in to {portal}, but it does not let you use the role of profile {profile} (ForbiddenException)."
    )]
    NotAssigned {
        /// `session corp`.
        portal: String,
        /// Which profile.
        profile: String,
    },
}

impl SignInError {
    /// Whether somebody, or time, said no; otherwise it could not be asked at all.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::CodeExpired { .. } | Self::NotAssigned { .. } => true,
            Self::NoProfile { .. }
            | Self::OtherWay { .. }
            | Self::Config { .. }
            | Self::NoHome
            | Self::NotKept { .. }
            | Self::NotAccepted { .. }
            | Self::Unreachable { .. }
            | Self::Failed { .. } => false,
        }
    }

    /// What to do, a sentence.
    #[must_use]
    pub fn next_step(&self) -> String {
        match self {
            Self::NoProfile { .. } => {
                "Give one of those, or name the stack file whose AWS config has it (--stack FILE).".to_owned()
            }
            Self::OtherWay { way, .. } => other_step(*way).to_owned(),
            Self::Config { .. } => "Correct the AWS config, or run `aws configure sso`.".to_owned(),
            Self::NoHome => "Set HOME to the home folder.".to_owned(),
            Self::NotKept { folder, .. } => {
                format!("Make {} writable for yourself, and see that the disk has room.", folder.display())
            }
            Self::Refused { .. } => {
                "Sign in again and confirm it; if it was not you who refused it, tell whoever runs IAM Identity Center.".to_owned()
            }
            Self::CodeExpired { .. } => "Sign in again, and confirm the new code in the browser in time.".to_owned(),
            Self::NotAccepted { portal, .. } => {
                format!("Check sso_start_url and sso_region of {portal} in the AWS config, then sign in again.")
            }
            Self::Unreachable { region, .. } => {
                format!("Check the network, VPN and proxy to oidc.{region}.amazonaws.com, and sso_region in the AWS config.")
            }
            Self::Failed { region, .. } => {
                format!("Sign in again; if it stays, see the AWS Health Dashboard for IAM Identity Center in {region}.")
            }
            Self::NotAssigned { profile, .. } => not_assigned(&format!("profile {profile}")),
        }
    }
}

fn not_assigned(of: &str) -> String {
    format!(
        "Ask whoever runs IAM Identity Center for that role, or correct sso_account_id and sso_role_name of {of} in the AWS config."
    )
}

fn there_are(known: &[String]) -> String {
    match known {
        [] => "; it has none".to_owned(),
        known => format!("; it has {}", known.join(", ")),
    }
}

fn otherwise(profile: &str, through: Option<&str>, way: Way) -> String {
    let who = match through {
        Some(through) => format!("it takes its credentials from profile {through}, which"),
        None => "it".to_owned(),
    };
    let how = match way {
        Way::Sso => "signs in with IAM Identity Center",
        Way::Role => "assumes a role",
        Way::Program => "gets its credentials from a program (credential_process)",
        Way::Keys => "has keys in a file, which do not end",
        Way::Chain => {
            "says nothing, so the default chain is asked (environment, container, machine)"
        }
    };
    format!("Profile {profile} does not sign in with IAM Identity Center: {who} {how}.")
}

fn other_step(way: Way) -> &'static str {
    match way {
        Way::Sso | Way::Chain => {
            "To sign in with IAM Identity Center, give the profile an sso_session (`aws configure sso`)."
        }
        Way::Role => "Renew what the role is assumed with; there is nothing to sign in to.",
        Way::Program => "Renew what that program asks for; there is nothing to sign in to.",
        Way::Keys => {
            "If the keys are refused, replace them in the file; there is nothing to sign in to."
        }
    }
}

/// What a call to IAM Identity Center failed of.
pub(super) fn of_call<E>(
    call: &'static str,
    portal: &Portal,
    error: &SdkError<E, HttpResponse>,
) -> SignInError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let region = portal.region.clone();
    let status = error.raw_response().map(|raw| raw.status().as_u16());
    let code = error
        .meta()
        .code()
        .filter(|code| !code.is_empty())
        .map(plain);
    let answer = match (code, status) {
        (Some(code), _) => code,
        (None, Some(status)) => format!("HTTP {status}"),
        (None, None) => "no answer that can be understood".to_owned(),
    };
    match error {
        SdkError::TimeoutError(_) => SignInError::Unreachable {
            region,
            how: "gave no complete answer in time".to_owned(),
        },
        SdkError::DispatchFailure(_) => SignInError::Unreachable {
            region,
            how: no_connection(error),
        },
        SdkError::ServiceError(_) if status.is_some_and(|s| s < 500 && s != 429) => {
            SignInError::NotAccepted {
                call,
                portal: portal.words(),
                region,
                answer,
            }
        }
        _ => SignInError::Failed {
            call,
            region,
            answer,
        },
    }
}

/// An answer that lacks what it must have.
pub(super) fn incomplete(call: &'static str, portal: &Portal, lacks: &str) -> SignInError {
    SignInError::Failed {
        call,
        region: portal.region.clone(),
        answer: format!("an answer without {lacks}"),
    }
}

/// Why a profile that signs in with IAM Identity Center gave no credentials; nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoKeys {
    /// There is no token.
    #[error("nobody is signed in to {0}")]
    Absent(String),
    /// There is one, and its time is over.
    #[error("the sign-in to {portal} ended at {ended}")]
    Ended {
        /// `session corp`.
        portal: String,
        /// In words.
        ended: String,
    },
    /// The portal does not take it (`UnauthorizedException`).
    #[error("the sign-in to {0} is not accepted any more (UnauthorizedException)")]
    Refused(String),
    /// The role is not given to whoever signed in (`ForbiddenException`).
    #[error("{0} does not let whoever signed in use this role (ForbiddenException)")]
    NotAssigned(String),
    /// There is no way to the portal.
    #[error("the access portal of {portal} in {region} {how}")]
    Unreachable {
        /// `session corp`.
        portal: String,
        /// Its region.
        region: String,
        /// The rest of the sentence.
        how: String,
    },
}

impl NoKeys {
    /// What to do, where signing in is not it.
    pub(crate) fn next_step(&self) -> Option<String> {
        match self {
            Self::Absent(_) | Self::Ended { .. } | Self::Refused(_) => None,
            Self::NotAssigned(_) => Some(not_assigned("the profile")),
            Self::Unreachable { region, .. } => Some(format!(
                "Check the network, VPN and proxy to portal.sso.{region}.amazonaws.com; it is asked again by itself."
            )),
        }
    }
}

/// Why, by the types of the SDK where they say it, else by what the token cache holds. `None`: for another reason.
pub(crate) fn why(error: &CredentialsError, portal: &Portal, now: Timestamp) -> Option<NoKeys> {
    if find::<SdkError<AssumeRoleError, HttpResponse>>(error).is_some() {
        return None;
    }
    let words = portal.words();
    if let Some(asked) = find::<SdkError<GetRoleCredentialsError, HttpResponse>>(error) {
        return match asked {
            SdkError::ServiceError(said) if said.err().is_unauthorized_exception() => {
                Some(NoKeys::Refused(words))
            }
            SdkError::ServiceError(said) if said.raw().status().as_u16() == 403 => {
                Some(NoKeys::NotAssigned(words))
            }
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => Some(NoKeys::Unreachable {
                portal: words,
                region: portal.region.clone(),
                how: match asked {
                    SdkError::TimeoutError(_) => "gave no complete answer in time".to_owned(),
                    _ => no_connection(asked),
                },
            }),
            _ => None,
        };
    }
    let token = Cache::of_this_user().ok()?.token(portal);
    kept(token, words, now)
}

/// What the token cache says of it.
pub(super) fn kept(
    token: std::io::Result<Token>,
    portal: String,
    now: Timestamp,
) -> Option<NoKeys> {
    match token {
        Ok(token) if token.expires_at <= now => Some(NoKeys::Ended {
            portal,
            ended: token.expires_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        }),
        Ok(_) => None,
        // Unreadable is as good as absent: signing in writes it anew.
        Err(_) => Some(NoKeys::Absent(portal)),
    }
}
