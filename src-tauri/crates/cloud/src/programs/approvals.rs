//! What was approved: one file in the state folder, of its owner alone, written whole or not at all.

use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// One program as it was when somebody approved it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The hash that was approved.
    pub hash: String,
    /// Who named it then.
    pub named_by: String,
    /// The file.
    pub path: String,
    /// Its arguments, as they may be shown.
    pub args: Vec<String>,
    /// SHA-256 over the file's bytes alone.
    pub bytes: String,
    /// When.
    pub approved_at: Timestamp,
}

#[derive(Default, Serialize, Deserialize)]
struct Written {
    version: u32,
    approved: Vec<Approval>,
}

const VERSION: u32 = 1;

/// Why the list cannot be used. Nothing counts as approved then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The list of approved programs {} {why}.", file.display())]
pub struct ApprovalsError {
    /// The file.
    pub file: PathBuf,
    /// What is the matter with it.
    pub why: String,
}

/// The list.
#[derive(Clone, Debug)]
pub(crate) struct Approvals(PathBuf);

impl Approvals {
    pub(crate) fn of(file: PathBuf) -> Self {
        Self(file)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.0
    }

    /// What it has; nothing where there is none.
    pub(crate) fn read(&self) -> Result<Vec<Approval>, ApprovalsError> {
        let text = match std::fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.wrong(format!("cannot be read ({})", error.kind()))),
        };
        let mode = std::fs::metadata(&self.0).map(|about| about.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o022 != 0) {
            return Err(self.wrong("can be written by others than its owner".to_owned()));
        }
        match serde_json::from_str::<Written>(&text) {
            Ok(written) if written.version == VERSION => Ok(written.approved),
            Ok(_) => Err(self.wrong("was written by another version of Quarterdeck".to_owned())),
            Err(error) => Err(self.wrong(format!("is damaged ({error})"))),
        }
    }

    /// Changes it, one process at a time; what `change` says becomes true or nothing does.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<Approval>) -> T,
    ) -> Result<T, ApprovalsError> {
        let unwritable = |error: io::Error| self.wrong(format!("cannot be written ({error})"));
        let folder = self.0.parent().unwrap_or(Path::new("."));
        let mut builder = DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(unwritable)?;
        let turn = self.turn().map_err(unwritable)?;
        let mut approved = self.read()?;
        let outcome = change(&mut approved);
        self.write(folder, approved).map_err(unwritable)?;
        drop(turn);
        Ok(outcome)
    }

    fn turn(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false).mode(0o600);
        let turn = options.open(self.0.with_extension("lock"))?;
        turn.lock()?;
        Ok(turn)
    }

    fn write(&self, folder: &Path, approved: Vec<Approval>) -> io::Result<()> {
        let written = Written {
            version: VERSION,
            approved,
        };
        // Of its owner alone from the beginning.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, &written)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(&self.0).map_err(|error| error.error)?;
        Ok(())
    }

    fn wrong(&self, why: String) -> ApprovalsError {
        ApprovalsError {
            file: self.0.clone(),
            why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(hash: &str) -> Approval {
        Approval {
            hash: hash.to_owned(),
            named_by: "context c of /k".to_owned(),
            path: "/bin/p".to_owned(),
            args: Vec::new(),
            bytes: String::new(),
            approved_at: Timestamp::from_seconds(1),
        }
    }

    #[test]
    fn the_list_is_its_owners_alone_and_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("a folder");
        let list = Approvals::of(dir.path().join("state/approved.json"));
        assert_eq!(list.read(), Ok(Vec::new()));
        list.change(|all| all.push(approval("a"))).expect("written");
        list.change(|all| all.push(approval("b"))).expect("written");
        assert_eq!(list.read().expect("read"), [approval("a"), approval("b")]);
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(list.file()) & 0o777, 0o600);
        assert_eq!(mode(&dir.path().join("state")) & 0o777, 0o700);
        std::fs::write(list.file(), "{").expect("written");
        let damaged = list.read().expect_err("damaged");
        assert!(damaged.to_string().contains("is damaged"), "{damaged}");
        // What cannot be read is not written over either.
        assert!(list.change(Vec::clear).is_err());
        assert_eq!(std::fs::read_to_string(list.file()).expect("there"), "{");
    }

    #[test]
    fn a_list_that_others_can_write_approves_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let list = Approvals::of(dir.path().join("approved.json"));
        list.change(|all| all.push(approval("a"))).expect("written");
        let open = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(list.file(), open).expect("allowed");
        let refused = list.read().expect_err("is refused");
        assert!(refused.to_string().contains("by others"), "{refused}");
    }
}
