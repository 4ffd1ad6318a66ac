//! Programs that files name to sign in with (exec plugins of a kubeconfig, a `credential_process` of
//! a file that came with the stack): none is run before somebody looked at it and approved it, and
//! none that is another than what was approved.
//!
//! Approved is a hash over the file, its arguments, its variables and the server that is sent what it gives. It is made anew before each
//! run, of the file that is then run: a program that was changed under us is not run either.

mod approvals;
mod list;
mod named;
mod run;
mod shell;

pub use approvals::{Approval, ApprovalsError};

pub(crate) use named::{Found, Named, Receiver};
pub(crate) use run::{Ended, run};
pub(crate) use shell::words as shell_words;

use crate::folders::state_dir;
use crate::process::Runs;
use crate::stack::Stack;
use crate::words::{plain, quoted, visible};
use approvals::Approvals;
use model::{FailureClass, Program, SourceFailure, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The shortest beginning of a hash that names a program.
pub const PREFIX: usize = 8;
/// So much of a hash is printed.
const SHOWN: usize = 12;

/// The programs of one stack that wait, and the list of those that were approved. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Programs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    approvals: Approvals,
    /// The stack file, where a command must name it.
    stack: Option<PathBuf>,
    waiting: Mutex<BTreeMap<Key, Waiting>>,
    runs: Runs,
}

/// Who names it, and for which account.
type Key = (String, Option<String>);

fn key(named: &Named) -> Key {
    (named.by.clone(), named.profile.clone())
}

#[derive(Clone, Debug)]
struct Waiting {
    program: Program,
    /// SHA-256 over the bytes of its file.
    bytes: String,
}

impl Default for Programs {
    fn default() -> Self {
        Self::at(state_dir().join("approved.json"), None)
    }
}

/// Why a program is not run, in the middle of a sentence: `context c of /k signs in by …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub(crate) struct Stop {
    words: String,
    next_step: String,
}

impl Stop {
    pub(crate) fn new(words: String, next_step: impl Into<String>) -> Self {
        let next_step = next_step.into();
        Self { words, next_step }
    }

    /// What to do, a sentence.
    pub(crate) fn next_step(&self) -> &str {
        &self.next_step
    }

    /// As a source tells it.
    pub(crate) fn failure(&self) -> SourceFailure {
        SourceFailure {
            class: FailureClass::Credentials,
            sentence: sentence(&self.words),
            next_step: self.next_step.clone(),
            code: None,
            request_id: None,
        }
    }
}

/// Why nothing was approved or forgotten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApproveError {
    /// Nothing begins so.
    #[error("No program that {0} begins so: {1}.")]
    None(&'static str, String),
    /// Several do.
    #[error("Several programs begin so: {0}. Give more of the hash.")]
    Several(String),
    /// It is too short to name one.
    #[error("Give at least {PREFIX} characters of the hash.")]
    Short,
    /// The list cannot be used.
    #[error(transparent)]
    List(#[from] ApprovalsError),
}

impl Programs {
    /// Of a stack, by the list in the state folder.
    #[must_use]
    pub fn of(stack: &Stack) -> Self {
        let file = std::path::absolute(&stack.path).ok();
        let file = file.filter(|file| file.is_file());
        Self::at(state_dir().join("approved.json"), file)
    }

    /// By another list than the usual one.
    #[must_use]
    pub fn at(list: PathBuf, stack: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner {
            approvals: Approvals::of(list),
            stack,
            waiting: Mutex::default(),
            runs: Runs::default(),
        }))
    }

    /// The runs that accounts share.
    pub(crate) fn runs(&self) -> &Runs {
        &self.0.runs
    }

    /// The list.
    #[must_use]
    pub fn list(&self) -> &Path {
        self.0.approvals.file()
    }

    /// What waits, by who names it.
    #[must_use]
    pub fn waiting(&self) -> Vec<Program> {
        let waiting = self.held();
        waiting.values().map(|one| one.program.clone()).collect()
    }

    /// What was approved.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub fn approved(&self) -> Result<Vec<Approval>, ApprovalsError> {
        self.0.approvals.read()
    }

    /// Another value once the list was changed, by whomever.
    #[must_use]
    pub fn stamp(&self) -> Option<(u64, SystemTime)> {
        let about = std::fs::metadata(self.list()).ok()?;
        Some((about.len(), about.modified().ok()?))
    }

    /// Approves the one that waits and whose hash begins so, exactly as it was looked at: were it
    /// changed meanwhile, it would not run.
    ///
    /// # Errors
    /// When none or several begin so, or the list cannot be written.
    pub fn approve(&self, prefix: &str, now: Timestamp) -> Result<Program, ApproveError> {
        let waiting: Vec<Waiting> = self.held().values().cloned().collect();
        let hashes = waiting.iter().map(|one| one.program.hash.as_str());
        let hash = only(prefix, hashes, "waits")?;
        let Some(one) = waiting.iter().find(|one| one.program.hash == hash) else {
            return Err(ApproveError::None("waits", prefix.to_owned()));
        };
        let program = one.program.clone();
        let approval = Approval {
            hash: hash.clone(),
            named_by: program.named_by.clone(),
            path: program.path.clone(),
            args: program.args.clone(),
            bytes: one.bytes.clone(),
            approved_at: now,
        };
        self.0.approvals.change(|all| {
            all.retain(|known| known.hash != hash);
            all.push(approval);
        })?;
        self.held().retain(|_, one| one.program.hash != hash);
        Ok(program)
    }

    /// Takes an approval back: the next run is not made.
    ///
    /// # Errors
    /// When none or several begin so, or the list cannot be written.
    pub fn forget(&self, prefix: &str) -> Result<Approval, ApproveError> {
        let approved = self.approved()?;
        let hashes = approved.iter().map(|known| known.hash.as_str());
        let hash = only(prefix, hashes, "was approved")?;
        let gone = self.0.approvals.change(|all| {
            let at = all.iter().position(|known| known.hash == hash)?;
            Some(all.remove(at))
        })?;
        gone.ok_or_else(|| ApproveError::None("was approved", prefix.to_owned()))
    }

    /// Who names it signs in by no program any more.
    pub(crate) fn waits_no_more(&self, by: &str) {
        self.held().retain(|(named_by, _), _| named_by != by);
    }

    /// The file a name leads to, if that was approved as it is now; else it waits.
    pub(crate) async fn check(&self, named: &Named) -> Result<Found, Stop> {
        let found = found(named).await.inspect_err(|_| {
            self.held().remove(&key(named));
        })?;
        let approved = self.0.approvals.read().map_err(|error| unlisted(&error))?;
        if approved.iter().any(|known| known.hash == found.hash) {
            self.held().remove(&key(named));
            return Ok(found);
        }
        let earlier = approved
            .iter()
            .rev()
            .find(|known| known.named_by == named.by);
        let program = self.waits(named, &found, earlier);
        let stop = Stop::new(
            words(named, &program, &found, earlier),
            program.next_step.clone(),
        );
        let waiting = Waiting {
            program,
            bytes: found.bytes,
        };
        self.held().insert(key(named), waiting);
        Err(stop)
    }

    fn waits(&self, named: &Named, found: &Found, earlier: Option<&Approval>) -> Program {
        let mut program = Program {
            hash: found.hash.clone(),
            named_by: named.by.clone(),
            profile: named.profile.clone(),
            command: visible(&named.command),
            path: visible(&found.path.to_string_lossy()),
            args: named.shown_args(),
            env: named.env_names(),
            receiver: named.shown_receiver(),
            approved_at: earlier.map(|known| known.approved_at),
            sentence: String::new(),
            next_step: String::new(),
            approve: self.command(&found.hash),
        };
        program.sentence = sentence(&words(named, &program, found, earlier));
        program.next_step = format!(
            "Look at what it is; if you trust it, approve it with `{}`, and reading goes on by itself.",
            program.approve
        );
        program
    }

    fn command(&self, hash: &str) -> String {
        let mut command = format!("qd approve {}", &hash[..SHOWN]);
        if let Some(stack) = &self.0.stack {
            command.push_str(&format!(" --stack {}", quoted(&stack.to_string_lossy())));
        }
        command
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Key, Waiting>> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file a name leads to, whether it was approved or not.
pub(crate) async fn found(named: &Named) -> Result<Found, Stop> {
    let looked = named.clone();
    match tokio::task::spawn_blocking(move || looked.find()).await {
        Ok(found) => found.map_err(|error| not_found(named, &error)),
        Err(error) => Err(not_found(named, &named::NotFound::broken(&error))),
    }
}

/// The one hash that begins so.
fn only<'a>(
    prefix: &str,
    hashes: impl Iterator<Item = &'a str>,
    what: &'static str,
) -> Result<String, ApproveError> {
    if prefix.len() < PREFIX {
        return Err(ApproveError::Short);
    }
    let mut all: Vec<&str> = hashes.filter(|hash| hash.starts_with(prefix)).collect();
    all.sort_unstable();
    all.dedup();
    match all.as_slice() {
        [] => Err(ApproveError::None(what, plain(prefix))),
        [only] => Ok((*only).to_owned()),
        several => Err(ApproveError::Several(several.join(", "))),
    }
}

/// `kubelogin get-token (/usr/bin/kubelogin)`, bounded: the whole is looked at elsewhere.
fn shown(program: &Program) -> String {
    let words = std::iter::once(&program.command).chain(&program.args);
    let line = words.map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    match program.command == program.path {
        true => plain(&line),
        false => format!("{} ({})", plain(&line), program.path),
    }
}

fn words(named: &Named, program: &Program, found: &Found, earlier: Option<&Approval>) -> String {
    let begin = format!("{} {}", signs_in(named), shown(program));
    match earlier {
        None => format!("{begin}, and that was not approved: it is not run"),
        Some(known) => {
            let what = match known.bytes == found.bytes {
                true => "its arguments, its variables or who is sent what it gives",
                false => "its file",
            };
            let at = known.approved_at.day_and_clock();
            format!("{begin}, and {what} changed since it was approved on {at} UTC: it is not run")
        }
    }
}

/// `context c of /k signs in by the program`.
pub(crate) fn signs_in(named: &Named) -> String {
    match &named.profile {
        Some(_) => format!(
            "{} gets its credentials from the program (credential_process)",
            named.by
        ),
        None => format!("{} signs in by the program", named.by),
    }
}

fn not_found(named: &Named, error: &named::NotFound) -> Stop {
    let words = format!(
        "{} {:?}, but {error}",
        signs_in(named),
        plain(&named.command)
    );
    let hint = named
        .hint
        .as_deref()
        .map(plain)
        .filter(|hint| !hint.is_empty());
    let next_step = match (error, hint) {
        (named::NotFound::Unnamed, _) => "Name it in the file; reading goes on by itself.".to_owned(),
        (named::NotFound::Nowhere { .. }, None) => {
            "Install it there, or name it with its whole path (a desktop starts us with another PATH than a shell); reading goes on by itself.".to_owned()
        }
        (named::NotFound::Unfit { .. }, None) => "Correct the file or the path; reading goes on by itself.".to_owned(),
        (named::NotFound::Nowhere { .. } | named::NotFound::Unfit { .. }, Some(hint)) => {
            format!("Install it where PATH leads, or name it with its whole path. The file says of it: {hint}")
        }
    };
    Stop::new(words, next_step)
}

fn unlisted(error: &ApprovalsError) -> Stop {
    let text = error.to_string();
    let text = text
        .trim_end_matches('.')
        .replacen("The list", "the list", 1);
    Stop::new(
        format!("no program is run to sign in: {text}"),
        "Correct or remove that file; without it nothing is approved, and programs wait for it anew.",
    )
}

/// With a capital letter and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let text: String = first.into_iter().chain(letters).collect();
    format!("{}.", text.trim_end_matches('.'))
}

#[cfg(test)]
mod tests;
