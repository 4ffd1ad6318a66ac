//! Where the console keeps what must outlive it: its state, and its stack files.

use std::path::PathBuf;

/// `$XDG_STATE_HOME/quarterdeck`, or `~/.local/state/quarterdeck` where that is not set to an
/// absolute path (XDG Base Directory Specification 0.8,
/// <https://specifications.freedesktop.org/basedir-spec/0.8/>).
#[must_use]
pub fn state_dir() -> PathBuf {
    xdg("XDG_STATE_HOME", ".local/state")
}

/// Where the stack files the window offers lie: `$XDG_CONFIG_HOME/quarterdeck`, or
/// `~/.config/quarterdeck` (same specification).
#[must_use]
pub fn config_dir() -> PathBuf {
    xdg("XDG_CONFIG_HOME", ".config")
}

fn xdg(variable: &str, usual: &str) -> PathBuf {
    let named = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|p| p.is_absolute());
    let usual = || std::env::home_dir().unwrap_or_default().join(usual);
    named.unwrap_or_else(usual).join("quarterdeck")
}
