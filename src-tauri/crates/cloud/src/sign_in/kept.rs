//! Files that the AWS CLI keeps below `~/.aws` and that are kept as it keeps them: found by both, whole or not at all,
//! readable by nobody else.

use super::SignInError;
use aws_runtime::fs_util::{Os, home_dir};
use aws_types::os_shim_internal::Env;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha1::{Digest, Sha1};
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// Text that nobody may see.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The home the SDK looks in too.
pub(crate) fn home() -> Result<PathBuf, SignInError> {
    let home = home_dir(&Env::real(), Os::real()).filter(|home| !home.is_empty());
    home.map(PathBuf::from).ok_or(SignInError::NoHome)
}

/// Name of the file of what is kept under `key`: its SHA-1.
pub(crate) fn name(key: &str) -> String {
    let digest = Sha1::digest(key.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.json")
}

/// Reads a file.
pub(crate) fn read<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<T> {
    let text = fs::read(path)?;
    // What serde says of a file could repeat what is in it.
    serde_json::from_slice(&text).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Writes a file: whole or not at all, and readable by nobody else. Its folder is made.
pub(crate) fn write(path: PathBuf, what: &impl Serialize) -> Result<PathBuf, SignInError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = || {
        let mut made = fs::DirBuilder::new();
        made.recursive(true).mode(0o700).create(folder)?;
        let mut file = tempfile::Builder::new()
            .suffix(".tmp")
            .tempfile_in(folder)?;
        serde_json::to_writer(&mut file, what)?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)
    };
    match written() {
        Ok(_) => Ok(path),
        Err(error) => Err(SignInError::NotKept {
            folder: folder.to_owned(),
            reason: error.to_string(),
        }),
    }
}

/// A text in JSON as Python writes it: in ASCII
/// (<https://docs.python.org/3/library/json.html#json.dump>, `ensure_ascii`).
pub(crate) fn python_text(text: &str) -> String {
    let json = Value::from(text).to_string();
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
pub(crate) mod instant {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        let text = text
            .strip_suffix("UTC")
            .map(|text| format!("{text}Z"))
            .unwrap_or(text);
        text.parse().map_err(|_| D::Error::custom("no instant"))
    }
}
