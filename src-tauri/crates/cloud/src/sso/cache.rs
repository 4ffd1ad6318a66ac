//! The token cache, as the AWS CLI keeps it: `~/.aws/sso/cache/<SHA-1 of the session's name or start URL>.json`
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/understanding-sso.html>), and beside it the client that was
//! registered, under the SHA-1 of what it was registered for. The fields and names are those of botocore
//! (<https://github.com/aws/aws-cli/blob/v2/awscli/botocore/utils.py>, `SSOTokenFetcher`, and `tokens.py`).

use super::portal::Portal;
use crate::sign_in::kept::{self, Secret};
use crate::sign_in::{Held, SignInError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// A registration that ends sooner than this is not used any more, seconds (botocore's `_EXPIRY_WINDOW`).
const REGISTRATION_LEFT: i64 = 15 * 60;

/// A token, and the client it was given to: with both it can be renewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    pub(super) access_token: Secret,
    #[serde(with = "kept::instant")]
    pub(super) expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client_secret: Option<Secret>,
    #[serde(
        default,
        with = "maybe_instant",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) registration_expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<Secret>,
}

/// A client that was registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Registration {
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    #[serde(with = "kept::instant")]
    pub(super) expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scopes: Option<Vec<String>>,
    /// Only clients of the other flow (an authorization code) name theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grant_types: Option<Vec<String>>,
}

/// The folder of one home.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
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
            folder: home.join(".aws/sso/cache"),
        }
    }

    /// Where the token of a portal is.
    pub(super) fn path(&self, portal: &Portal) -> PathBuf {
        self.named(portal.key())
    }

    /// The token of a portal, whether it still holds or not; an error when there is none or it is unreadable.
    pub(super) fn token(&self, portal: &Portal) -> io::Result<Token> {
        kept::read(&self.path(portal))
    }

    /// How long the token of a portal holds.
    pub(super) fn held(&self, portal: &Portal) -> Option<Held> {
        let token = self.token(portal).ok()?;
        Some(Held {
            expires: model::Timestamp::from_millis(token.expires_at.as_millisecond()),
            renews: token.refresh_token.is_some() && token.registration_expires_at.is_some(),
        })
    }

    /// Keeps the token of a portal.
    pub(super) fn keep(&self, portal: &Portal, token: &Token) -> Result<PathBuf, SignInError> {
        kept::write(self.path(portal), token)
    }

    /// A client that was registered for this, by us or the AWS CLI, and still holds.
    pub(super) fn registration(&self, portal: &Portal, now: Timestamp) -> Option<Registration> {
        let kept: Registration = kept::read(&self.named(&registered_for(portal))).ok()?;
        let other_flow = kept.grant_types.as_ref();
        let other_flow =
            other_flow.is_some_and(|all| all.iter().any(|g| g == "authorization_code"));
        let left = kept.expires_at.as_second() - now.as_second();
        (!other_flow && left >= REGISTRATION_LEFT).then_some(kept)
    }

    /// Keeps a client.
    pub(super) fn register(
        &self,
        portal: &Portal,
        registration: &Registration,
    ) -> Result<PathBuf, SignInError> {
        kept::write(self.named(&registered_for(portal)), registration)
    }

    fn named(&self, key: &str) -> PathBuf {
        self.folder.join(kept::name(key))
    }
}

/// The token of a portal in the cache of this user, whether it still holds or not.
pub(crate) fn token(portal: &Portal) -> Option<Held> {
    Cache::of_this_user().ok()?.held(portal)
}

/// Where the token of a portal is, or will be.
pub(crate) fn token_file(portal: &Portal) -> Option<PathBuf> {
    Some(Cache::of_this_user().ok()?.path(portal))
}

/// What botocore hashes to name a registration: JSON as Python writes it, keys in order.
fn registered_for(portal: &Portal) -> String {
    let text = kept::python_text;
    let maybe = |value: Option<&str>| value.map_or_else(|| "null".to_owned(), text);
    let scopes = portal.scopes.as_ref().map(|scopes| {
        let scopes: Vec<String> = scopes.iter().map(|scope| text(scope)).collect();
        format!("[{}]", scopes.join(", "))
    });
    format!(
        "{{\"region\": {}, \"scopes\": {}, \"session_name\": {}, \"startUrl\": {}, \"tool\": \"botocore\"}}",
        text(&portal.region),
        scopes.unwrap_or_else(|| "null".to_owned()),
        maybe(portal.session.as_deref()),
        text(&portal.start_url),
    )
}

mod maybe_instant {
    use jiff::Timestamp;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::kept::instant::serialize(at, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        super::kept::instant::deserialize(from).map(Some)
    }
}
