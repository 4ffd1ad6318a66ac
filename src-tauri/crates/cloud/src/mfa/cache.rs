//! Sessions as the AWS CLI keeps them: `~/.aws/cli/cache/<SHA-1 of what AssumeRole is asked with>.json`, the answer of
//! AssumeRole in it. Names and fields are those of botocore
//! (<https://github.com/boto/botocore/blob/develop/botocore/credentials.py>, `BaseAssumeRoleCredentialFetcher`, and
//! `JSONFileCache` of `utils.py`).

use super::role::Role;
use crate::sign_in::kept::{self, Secret, python_text};
use crate::sign_in::{Held, SignInError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// A session: the part of AssumeRole's answer that is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Session {
    pub(super) credentials: Keys,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) assumed_role_user: Option<AssumedRoleUser>,
}

/// Its credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Keys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret,
    pub(super) session_token: Secret,
    #[serde(with = "instant_utc")]
    pub(super) expiration: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) account_id: Option<String>,
}

/// Whose they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumedRoleUser {
    pub(super) assumed_role_id: String,
    pub(super) arn: String,
}

/// The folder of one home.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Of the home the SDK looks in too.
    pub(super) fn of_this_user() -> Result<Self, SignInError> {
        kept::home().map(|home| Self::in_home(&home))
    }

    /// Of this home.
    pub(super) fn in_home(home: &Path) -> Self {
        Self {
            folder: home.join(".aws/cli/cache"),
        }
    }

    /// Where the session of a role is.
    pub(super) fn path(&self, role: &Role) -> PathBuf {
        self.folder.join(kept::name(&asked_with(role)))
    }

    /// The session of a role, whether it still holds or not; an error when there is none or it is unreadable.
    pub(super) fn session(&self, role: &Role) -> io::Result<Session> {
        kept::read(&self.path(role))
    }

    /// Keeps the session of a role.
    pub(super) fn keep(&self, role: &Role, session: &Session) -> Result<PathBuf, SignInError> {
        kept::write(self.path(role), session)
    }

    /// How long the session of a role holds. Only another code gives the next one.
    pub(super) fn held(&self, role: &Role) -> Option<Held> {
        let session = self.session(role).ok()?;
        let ends = session.credentials.expiration.as_millisecond();
        Some(Held {
            expires: model::Timestamp::from_millis(ends),
            renews: false,
        })
    }
}

/// How long the session of a role in the cache of this user holds.
pub(crate) fn session(role: &Role) -> Option<Held> {
    Cache::of_this_user().ok()?.held(role)
}

/// Where the session of a role is, or will be.
pub(crate) fn session_file(role: &Role) -> Option<PathBuf> {
    Some(Cache::of_this_user().ok()?.path(role))
}

/// What botocore hashes to name a session: what the config says of the call, as Python writes JSON, keys in order.
fn asked_with(role: &Role) -> String {
    let text = |name: &str, value: &Option<String>| {
        let value = value.as_deref()?;
        Some(format!("\"{name}\": {}", python_text(value)))
    };
    let all = [
        role.seconds.map(|n| format!("\"DurationSeconds\": {n}")),
        text("ExternalId", &role.step.external_id),
        text("RoleArn", &Some(role.step.arn.clone())),
        text("RoleSessionName", &role.step.session_name),
        text("SerialNumber", &Some(role.device.clone())),
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    format!("{{{}}}", all.join(", "))
}

/// `2026-11-29T15:00:00UTC`, as Python's `%Z` ends it.
mod instant_utc {
    use crate::sign_in::kept;
    use jiff::Timestamp;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.strftime("%Y-%m-%dT%H:%M:%SUTC").to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        kept::instant::deserialize(from)
    }
}
