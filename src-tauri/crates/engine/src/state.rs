//! The files in which the console keeps what must outlive it: last pictures, audit, journals.

use std::fs::{File, OpenOptions, Permissions, set_permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

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
