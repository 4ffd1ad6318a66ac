//! Signing in, where it takes a person: a code to confirm on a page of IAM Identity Center ([`crate::sso`]), or a code
//! of a device with which a role is assumed ([`crate::mfa`]). What follows is kept where the AWS CLI keeps it, so that
//! whoever signed in with one is signed in with both.

mod command;
mod failure;
pub(crate) mod kept;

use crate::chain::Chain;
use crate::mfa::{self, Role};
use crate::profile::config_files;
use crate::profiles::{Way, unreadable};
use crate::sso::{self, Portal};
use crate::stack::StackFiles;
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::section::EnvConfigSections;
use aws_types::os_shim_internal::{Env, Fs};
pub(crate) use command::{command, command_by};
pub(crate) use failure::NoKeys;
pub use failure::{Call, Giver, SignInError};
use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;

/// A sign-in that waits for somebody. Dropping it ends it, and nothing is half written.
#[derive(Debug)]
pub enum SigningIn {
    /// A code is to be confirmed on a page.
    Page(Box<sso::Pending>),
    /// A code of a device is to be given.
    Code(Box<mfa::Asked>),
}

/// Somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedIn {
    /// The profile that was asked for.
    pub profile: String,
    /// What is signed in to: `session corp`, a start URL, `role operations of account 111122223333`.
    pub portal: String,
    /// Until when it holds.
    pub expires_at: Timestamp,
    /// Whether it is renewed by itself, until the session ends.
    pub renews: bool,
    /// Where it is kept.
    pub file: PathBuf,
}

/// Begins to sign `profile` in. `files` are those of the stack file, or `StackFiles::default()` for `~/.aws`.
///
/// # Errors
/// When nobody signs in for the profile, or a code to confirm is not given.
pub async fn begin(profile: &str, files: &StackFiles) -> Result<SigningIn, SignInError> {
    let brought = config_files(files).unwrap_or_default();
    let loaded = aws_config::profile::load(&Fs::real(), &Env::real(), &brought, None).await;
    let set = loaded.map_err(|error| SignInError::Config {
        sentence: unreadable(&error),
    })?;
    match Place::of(&set, profile)? {
        Place::Portal(portal) => {
            let pending = sso::begin(profile, files, portal).await?;
            Ok(SigningIn::Page(Box::new(pending)))
        }
        Place::Role(role) => {
            let asked = mfa::begin(profile, files, role)?;
            Ok(SigningIn::Code(Box::new(asked)))
        }
    }
}

/// Where somebody signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// IAM Identity Center.
    Portal(Portal),
    /// A role that takes a code.
    Role(Role),
}

impl Place {
    /// Where `profile` signs in, or the profile that it takes its credentials from.
    pub(crate) fn of(set: &EnvConfigSections, profile: &str) -> Result<Self, SignInError> {
        match Chain::of(set, profile).filter(|chain| chain.way == Way::Mfa) {
            Some(chain) => Role::of(set, chain.root).map(Self::Role),
            None => Portal::of(set, profile).map(Self::Portal),
        }
    }

    /// How long what is kept of it holds; `None`: nothing is, or it cannot be read.
    pub(crate) fn held(&self) -> Option<Held> {
        match self {
            Self::Portal(portal) => sso::token(portal),
            Self::Role(role) => mfa::session(role),
        }
    }

    /// The file it is kept in, or will be.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Portal(portal) => sso::token_file(portal),
            Self::Role(role) => mfa::session_file(role),
        }
    }

    /// Why no credentials came of it; `None`: for another reason, or the error says it itself.
    pub(crate) fn why(&self, error: &CredentialsError, now: Timestamp) -> Option<NoKeys> {
        match self {
            Self::Portal(portal) => sso::why(error, portal, now),
            Self::Role(_) => None,
        }
    }
}

/// How long what followed a sign-in holds; it itself is not handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// When it ends.
    pub(crate) expires: model::Timestamp,
    /// It is renewed without anybody signing in, while its session lasts.
    pub(crate) renews: bool,
}

/// A profile that is in none of the files.
pub(crate) fn missing(set: &EnvConfigSections, profile: &str) -> SignInError {
    let mut known: Vec<String> = set.profiles().map(ToOwned::to_owned).collect();
    known.sort();
    SignInError::NoProfile {
        profile: profile.to_owned(),
        known,
    }
}

/// The end of a sentence about a profile that is not there.
pub(crate) fn there_are(known: &[String]) -> String {
    match known {
        [] => "; it has none".to_owned(),
        known => format!("; it has {}", known.join(", ")),
    }
}
