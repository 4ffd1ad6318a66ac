//! Where the console keeps what must outlive it: last pictures, audit, journals; and its stack files.

use std::fs::{File, OpenOptions, Permissions, set_permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

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

/// Lets one process at a time prepare the database at `path`, as long as the answer is kept: turning
/// a new file into a WAL database twice at once fails (SQLite, "Write-Ahead Logging", 9). Makes the
/// file where there is none, and leaves it to its owner alone.
///
/// It never opens a file that is there: closing any descriptor of a file gives up every POSIX lock
/// this process holds on it, those of its open databases included (fcntl(2); SQLite, "How To Corrupt
/// An SQLite Database File", 2.2, <https://sqlite.org/howtocorrupt.html>).
pub(crate) fn prepare_alone(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).mode(0o600);
    let turn = options.open(path.with_extension("lock"))?;
    turn.lock()?;
    if !path.try_exists()? {
        options.create_new(true).open(path)?;
    }
    set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(turn)
}
