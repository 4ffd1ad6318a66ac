//! The token cache, as the AWS CLI keeps it: `~/.aws/sso/cache/<SHA-1 of the session's name or start URL>.json`
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/understanding-sso.html>), and beside it the client that was
//! registered, under the SHA-1 of what it was registered for. The fields and names are those of botocore
//! (<https://github.com/aws/aws-cli/blob/v2/awscli/botocore/utils.py>, `SSOTokenFetcher`, and `tokens.py`).

use super::failure::SignInError;
use super::portal::Portal;
use aws_runtime::fs_util::{Os, home_dir};
use aws_types::os_shim_internal::Env;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha1::{Digest, Sha1};
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// A registration that ends sooner than this is not used any more, seconds (botocore's `_EXPIRY_WINDOW`).
const REGISTRATION_LEFT: i64 = 15 * 60;

/// Text that nobody may see.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A token, and the client it was given to: with both it can be renewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    pub(super) access_token: Secret,
    #[serde(with = "instant")]
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
    #[serde(with = "instant")]
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
        let home = home_dir(&Env::real(), Os::real()).filter(|home| !home.is_empty());
        match home {
            Some(home) => Ok(Self::in_home(Path::new(&home))),
            None => Err(SignInError::NoHome),
        }
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
        read(&self.path(portal))
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
        self.write(self.path(portal), token)
    }

    /// A client that was registered for this, by us or the AWS CLI, and still holds.
    pub(super) fn registration(&self, portal: &Portal, now: Timestamp) -> Option<Registration> {
        let kept: Registration = read(&self.named(&registered_for(portal))).ok()?;
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
        self.write(self.named(&registered_for(portal)), registration)
    }

    fn named(&self, key: &str) -> PathBuf {
        let digest = Sha1::digest(key.as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{hex}.json"))
    }

    /// Whole or not at all, and readable by nobody else.
    fn write(&self, path: PathBuf, what: &impl Serialize) -> Result<PathBuf, SignInError> {
        let written = || {
            let mut folder = fs::DirBuilder::new();
            folder.recursive(true).mode(0o700).create(&self.folder)?;
            let mut file = tempfile::Builder::new()
                .suffix(".tmp")
                .tempfile_in(&self.folder)?;
            serde_json::to_writer(&mut file, what)?;
            file.flush()?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)
        };
        match written() {
            Ok(_) => Ok(path),
            Err(error) => Err(SignInError::NotKept {
                folder: self.folder.clone(),
                reason: error.to_string(),
            }),
        }
    }
}

/// How long a token holds; the token itself is not handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// When it ends.
    pub(crate) expires: model::Timestamp,
    /// It is renewed without anybody signing in, while its session lasts.
    pub(crate) renews: bool,
}

/// The token of a portal in the cache of this user, whether it still holds or not.
pub(crate) fn token(portal: &Portal) -> Option<Held> {
    Cache::of_this_user().ok()?.held(portal)
}

/// Where the token of a portal is, or will be.
pub(crate) fn token_file(portal: &Portal) -> Option<PathBuf> {
    Some(Cache::of_this_user().ok()?.path(portal))
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<T> {
    let text = fs::read(path)?;
    // What serde says of a file could repeat what is in it.
    serde_json::from_slice(&text).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// What botocore hashes to name a registration: JSON as Python writes it, keys in order.
fn registered_for(portal: &Portal) -> String {
    let text = |text: &str| ascii(&Value::from(text).to_string());
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

/// Python's JSON is ASCII (<https://docs.python.org/3/library/json.html#json.dump>, `ensure_ascii`).
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let units = c.encode_utf16(&mut [0; 2]).to_vec();
            out.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

/// `2026-11-29T15:00:00Z`; older versions of the AWS CLI ended it with `UTC`.
mod instant {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        let text = text
            .strip_suffix("UTC")
            .map(|text| format!("{text}Z"))
            .unwrap_or(text);
        text.parse().map_err(|_| D::Error::custom("no instant"))
    }
}

mod maybe_instant {
    use jiff::Timestamp;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::instant::serialize(at, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        super::instant::deserialize(from).map(Some)
    }
}
