//! Where the console keeps what must outlive it: last pictures, audit, journals.

use std::path::PathBuf;

/// `$XDG_STATE_HOME/quarterdeck`, or `~/.local/state/quarterdeck` where that is not set to an
/// absolute path (XDG Base Directory Specification 0.8,
/// <https://specifications.freedesktop.org/basedir-spec/0.8/>).
#[must_use]
pub fn state_dir() -> PathBuf {
    let named = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute());
    let usual = || {
        std::env::home_dir()
            .unwrap_or_default()
            .join(".local/state")
    };
    named.unwrap_or_else(usual).join("quarterdeck")
}
