//! The stack files of one folder: those a window that was started without one can open.

use super::Stack;
use model::StackIdentity;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Files tried before one gives up to find a free name.
const NAMES_TRIED: u32 = 100;
/// Characters of a platform's name that its file's name keeps.
const NAME_LENGTH: usize = 48;

/// A stack file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Where it lies.
    pub file: PathBuf,
    /// What it names, or why it cannot be used: a sentence with line and column.
    pub identity: Result<StackIdentity, String>,
}

/// Every `*.toml` of `dir` by name; a folder that is not there has none.
#[must_use]
pub fn saved(dir: &Path) -> Vec<Saved> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|end| end == "toml") && path.is_file())
        .collect();
    files.sort();
    let read = |file: PathBuf| Saved {
        identity: Stack::load(&file)
            .map(|stack| StackIdentity {
                name: stack.name,
                environment: stack.environment,
            })
            .map_err(|error| error.to_string()),
        file,
    };
    files.into_iter().map(read).collect()
}

/// Keeps a stack file in `dir` under the platform's name, never over one that is there.
///
/// # Errors
/// A sentence when it cannot be written.
pub fn save(dir: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| format!("{} cannot be made: {error}.", dir.display()))?;
    let stem = stem(name);
    for at in 1..=NAMES_TRIED {
        let file = match at {
            1 => dir.join(format!("{stem}.toml")),
            at => dir.join(format!("{stem}-{at}.toml")),
        };
        match write_new(&file, text) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("{} cannot be written: {error}.", file.display())),
            Ok(()) => return Ok(file),
        }
    }
    let folder = dir.display();
    Err(format!(
        "{folder} holds {NAMES_TRIED} stack files called {stem} already: give another name."
    ))
}

/// Writes a file that was not there, for its owner alone; half a file is taken away again.
fn write_new(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let mut open = options.open(file)?;
    let written = open
        .write_all(text.as_bytes())
        .and_then(|()| open.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(file);
    }
    written
}

/// A file's name out of a platform's: letters and digits in lower case, one hyphen for the rest.
fn stem(name: &str) -> String {
    let mut stem = String::new();
    for letter in name.chars().flat_map(char::to_lowercase).take(NAME_LENGTH) {
        match letter {
            letter if letter.is_alphanumeric() => stem.push(letter),
            _ if stem.is_empty() || stem.ends_with('-') => {}
            _ => stem.push('-'),
        }
    }
    let stem = stem.trim_end_matches('-');
    if stem.is_empty() { "platform" } else { stem }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Environment;
    use std::os::unix::fs::PermissionsExt as _;

    const STACK: &str = "name = \"Meridian Trading\"\nenvironment = \"prod\"\n[[account]]\nregions = [\"eu-west-1\"]\n";

    #[test]
    fn what_is_saved_is_found_and_never_overwrites() {
        let dir = tempfile::tempdir().expect("a folder");
        let dir = dir.path().join("not there yet");
        assert_eq!(saved(&dir), []);
        let first = save(&dir, "Meridian: Trading/../x", STACK).expect("saved");
        let second = save(&dir, "Meridian: Trading/../x", "name = 7\n").expect("saved beside");
        assert_eq!(first, dir.join("meridian-trading-x.toml"));
        assert_eq!(second, dir.join("meridian-trading-x-2.toml"));
        let mode = std::fs::metadata(&first)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(dir.join("notes.txt"), "not a stack").expect("written");
        let all = saved(&dir);
        assert_eq!(all.len(), 2, "{all:?}");
        let wrong = all[0].identity.as_ref().expect_err("the name is a number");
        assert!(wrong.contains("line 1"), "{wrong}");
        let right = all[1].identity.as_ref().expect("read");
        assert_eq!(
            (right.name.as_str(), right.environment),
            ("Meridian Trading", Environment::Prod)
        );
    }

    #[test]
    fn a_name_without_letters_is_a_file_all_the_same() {
        assert_eq!(stem("///"), "platform");
        assert_eq!(stem(""), "platform");
        assert_eq!(stem("Zürich – Börse 1"), "zürich-börse-1");
        assert!(stem(&"ab ".repeat(100)).len() <= NAME_LENGTH);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_a_sentence() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let told = save(&file.path().join("x"), "a", STACK).expect_err("a file is no folder");
        assert!(told.contains("cannot be made"), "{told}");
    }
}
