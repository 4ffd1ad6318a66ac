//! What a sign-in ends in when it does not come about, and why a profile that signs in gave no credentials: told by the
//! types of the SDK, each in a sentence with what to do next. Nothing secret is in any of them.

use super::there_are;
use crate::failure::{no_connection, plain};
use crate::profiles::Way;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;
use std::path::PathBuf;

/// Who gives what a sign-in is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Giver {
    /// IAM Identity Center.
    IdentityCenter,
    /// The Security Token Service.
    Sts,
}

impl Giver {
    const fn words(self) -> &'static str {
        match self {
            Self::IdentityCenter => "IAM Identity Center",
            Self::Sts => "STS",
        }
    }

    /// The first part of its host's name.
    const fn host(self) -> &'static str {
        match self {
            Self::IdentityCenter => "oidc",
            Self::Sts => "sts",
        }
    }
}

/// A call that a sign-in makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Of whom.
    pub giver: Giver,
    /// The operation.
    pub call: &'static str,
    /// What is signed in to: `session corp`, `role operations`.
    pub portal: String,
    /// Where.
    pub region: String,
}

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
    /// What the config says is not taken.
    #[error("{} in {} refused {} for {} ({answer}).", call.giver.words(), call.region, call.call, call.portal)]
    NotAccepted {
        /// Which call.
        call: Call,
        /// The exception.
        answer: String,
    },
    /// There is no way to it.
    #[error("{} in {} {how}.", call.giver.words(), call.region)]
    Unreachable {
        /// Which call.
        call: Call,
        /// The second half of the sentence.
        how: String,
    },
    /// It failed, or answered what nobody understands.
    #[error("{} in {} failed on {} ({answer}).", call.giver.words(), call.region, call.call)]
    Failed {
        /// Which call.
        call: Call,
        /// The exception, or what was wrong.
        answer: String,
    },
    /// AWS does not give the role for this code (`AccessDenied`): which of several reasons it was, it says in words only.
    #[error("AWS did not give {role} for this code of {device} (AccessDenied){said}.")]
    NotGiven {
        /// `role operations`.
        role: String,
        /// `mfa_serial` of the profile.
        device: String,
        /// What AWS said, or nothing.
        said: String,
    },
    /// What the role is assumed with cannot be used.
    #[error(
        "Profile {profile} assumes a role with the credentials of profile {source_profile}, and {why}."
    )]
    Base {
        /// Which was asked for.
        profile: String,
        /// `source_profile`.
        source_profile: String,
        /// Why not, the rest of the sentence.
        why: String,
        /// What to do about it.
        step: String,
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
            Self::Refused { .. }
            | Self::CodeExpired { .. }
            | Self::NotAssigned { .. }
            | Self::NotGiven { .. } => true,
            Self::NoProfile { .. }
            | Self::OtherWay { .. }
            | Self::Config { .. }
            | Self::NoHome
            | Self::NotKept { .. }
            | Self::NotAccepted { .. }
            | Self::Unreachable { .. }
            | Self::Base { .. }
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
            Self::NotAccepted { call, .. } => match call.giver {
                Giver::IdentityCenter => {
                    format!("Check sso_start_url and sso_region of {} in the AWS config, then sign in again.", call.portal)
                }
                Giver::Sts => {
                    "Check role_arn, external_id, role_session_name and duration_seconds in the AWS config, then sign in again.".to_owned()
                }
            },
            Self::Unreachable { call, .. } => {
                let (host, region) = (call.giver.host(), &call.region);
                format!("Check the network, VPN and proxy to {host}.{region}.amazonaws.com, and the region in the AWS config.")
            }
            Self::Failed { call, .. } => {
                let (giver, region) = (call.giver.words(), &call.region);
                format!("Sign in again; if it stays, see the AWS Health Dashboard for {giver} in {region}.")
            }
            Self::NotGiven { .. } => {
                "A code is good once: wait until the device shows the next one, and give that. If it stays, see that mfa_serial names your device and that the role trusts you.".to_owned()
            }
            Self::Base { step, .. } => step.clone(),
            Self::NotAssigned { profile, .. } => not_assigned(&format!("profile {profile}")),
        }
    }
}

fn not_assigned(of: &str) -> String {
    format!(
        "Ask whoever runs IAM Identity Center for that role, or correct sso_account_id and sso_role_name of {of} in the AWS config."
    )
}

fn otherwise(profile: &str, through: Option<&str>, way: Way) -> String {
    let who = match through {
        Some(through) => format!("it takes its credentials from profile {through}, which"),
        None => "it".to_owned(),
    };
    let how = match way {
        Way::Sso => "signs in with IAM Identity Center",
        Way::Role => "assumes a role",
        Way::Mfa => "assumes a role with a code",
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
        Way::Mfa => "Sign in with a code of its device.",
        Way::Role => "Renew what the role is assumed with; there is nothing to sign in to.",
        Way::Program => "Renew what that program asks for; there is nothing to sign in to.",
        Way::Keys => {
            "If the keys are refused, replace them in the file; there is nothing to sign in to."
        }
    }
}

impl SignInError {
    /// What a call failed of.
    pub(crate) fn of_call<E>(call: Call, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        let code = error.meta().code();
        let code = code.filter(|code| !code.is_empty()).map(plain);
        let answer = match (code, status) {
            (Some(code), _) => code,
            (None, Some(status)) => format!("HTTP {status}"),
            (None, None) => "no answer that can be understood".to_owned(),
        };
        match error {
            SdkError::TimeoutError(_) => Self::Unreachable {
                call,
                how: "gave no complete answer in time".to_owned(),
            },
            SdkError::DispatchFailure(_) => Self::Unreachable {
                call,
                how: no_connection(error),
            },
            SdkError::ServiceError(_) if status.is_some_and(|s| s < 500 && s != 429) => {
                Self::NotAccepted { call, answer }
            }
            _ => Self::Failed { call, answer },
        }
    }
}

/// Why a profile that somebody signs in for gave no credentials; nothing was sent.
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
    /// Nobody gave a code.
    #[error("profile {profile} assumes {role} with a code of {device}, and none was given yet")]
    NoCode {
        /// Which profile has the `mfa_serial`.
        profile: String,
        /// `role operations`.
        role: String,
        /// Its `mfa_serial`.
        device: String,
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
            Self::Absent(_) | Self::Ended { .. } | Self::NoCode { .. } | Self::Refused(_) => None,
            Self::NotAssigned(_) => Some(not_assigned("the profile")),
            Self::Unreachable { region, .. } => Some(format!(
                "Check the network, VPN and proxy to portal.sso.{region}.amazonaws.com; it is asked again by itself."
            )),
        }
    }
}
