//! Running a program that was approved: for a bounded time, without a terminal, and what it writes
//! read but never told.
//!
//! It gets our environment, what its file sets, and nothing of ours besides; it leads a process group
//! of its own, so that with it ends what it started.

use super::named::Found;
use crate::words::plain;
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The most that is read of what it writes: credentials are a few kilobytes, chains of certificates too.
const LONGEST: usize = 1024 * 1024;
/// So much of its complaints is kept: the end.
const COMPLAINT: usize = 4 * 1024;
/// What it started may hold its output open for ever: so long that is waited for.
const AFTER: Duration = Duration::from_millis(500);
/// Our own settings are no business of a program.
const OURS: &str = "QUARTERDECK_";

/// What it wrote, or how it ended instead.
pub(crate) type Outcome = Result<Vec<u8>, Ended>;

/// How it ended without writing what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ended {
    /// Another file took its place between the look and the run.
    #[error("changed while it was looked at, and was not run")]
    Swapped,
    /// The system did not start it.
    #[error("could not be started ({0})")]
    NotStarted(String),
    /// It did not come to an end.
    #[error("did not end in {} s, and was ended", .0.as_secs())]
    Hung(Duration),
    /// It said that it failed.
    #[error("failed ({how}){}", said(complaint))]
    Failed {
        /// `exit status: 1`.
        how: String,
        /// The last line of its complaints, as it may be shown; empty: it said nothing.
        complaint: String,
    },
    /// It wrote more than any credentials have.
    #[error("wrote more than {} KiB", LONGEST / 1024)]
    Endless,
}

fn said(complaint: &str) -> String {
    match complaint {
        "" => String::new(),
        complaint => format!(": {}", complaint.trim_end_matches('.')),
    }
}

/// What one stream had; `true`: and more than is read.
type Heard = Arc<Mutex<(Vec<u8>, bool)>>;

/// Runs it with these arguments and variables, at most `limit`.
pub(crate) async fn run(
    found: &Found,
    args: &[String],
    env: &[(String, String)],
    limit: Duration,
) -> Outcome {
    if !found.is_still_there() {
        return Err(Ended::Swapped);
    }
    let mut child = match command(found, args, env).spawn() {
        Ok(child) => child,
        Err(error) => return Err(Ended::NotStarted(error.kind().to_string())),
    };
    let mut group = Group(
        child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)),
    );
    let (output, complaint) = (Heard::default(), Heard::default());
    let reading = listen(&mut child, &output, &complaint);
    let ended = timeout(limit, child.wait()).await;
    match ended {
        // What it left behind on purpose stays.
        Ok(_) => group.0 = None,
        Err(_) => drop(group),
    }
    // Whoever still holds its output open has nothing to say for it.
    let _ = timeout(AFTER, reading).await;
    match ended {
        Err(_) => Err(Ended::Hung(limit)),
        Ok(Err(error)) => Err(Ended::NotStarted(error.kind().to_string())),
        Ok(Ok(status)) => judged(status, &output, &complaint),
    }
}

fn command(found: &Found, args: &[String], env: &[(String, String)]) -> Command {
    let mut command = Command::new(&found.path);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(OURS) {
            command.env_remove(name);
        }
    }
    command
        .args(args)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

fn judged(status: ExitStatus, output: &Heard, complaint: &Heard) -> Outcome {
    let (text, more) = taken(output);
    if more {
        return Err(Ended::Endless);
    }
    if status.success() {
        return Ok(text);
    }
    let (complaint, _) = taken(complaint);
    let complaint = String::from_utf8_lossy(&complaint).into_owned();
    let last = complaint
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty());
    Err(Ended::Failed {
        how: status.to_string(),
        complaint: last.map(plain).unwrap_or_default(),
    })
}

fn taken(heard: &Heard) -> (Vec<u8>, bool) {
    std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Reads both streams as they come; ends with them.
fn listen(
    child: &mut Child,
    output: &Heard,
    complaint: &Heard,
) -> impl Future<Output = ()> + use<> {
    let out = child
        .stdout
        .take()
        .map(|stream| tokio::spawn(keep_beginning(stream, output.clone())));
    let err = child
        .stderr
        .take()
        .map(|stream| tokio::spawn(keep_end(stream, complaint.clone())));
    let all = Ending([out, err]);
    async move {
        let mut all = all;
        for task in all.0.iter_mut().flatten() {
            let _ = task.await;
        }
    }
}

/// A program and what it started; they end with whoever waits for them.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // What has ended meanwhile cannot be killed.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Tasks that end with whoever waits for them.
struct Ending([Option<tokio::task::JoinHandle<()>>; 2]);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0
            .iter()
            .flatten()
            .for_each(tokio::task::JoinHandle::abort);
    }
}

async fn keep_beginning(mut stream: impl AsyncRead + Unpin, heard: Heard) {
    let mut piece = [0; 8 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.0.extend_from_slice(&piece[..read]);
        if heard.0.len() > LONGEST {
            // It is not read any more: its next write ends it.
            *heard = (Vec::new(), true);
            return;
        }
    }
}

async fn keep_end(mut stream: impl AsyncRead + Unpin, heard: Heard) {
    let mut piece = [0; 8 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.0.extend_from_slice(&piece[..read]);
        let over = heard.0.len().saturating_sub(COMPLAINT);
        heard.0.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::super::named::Named;
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::time::Instant;

    /// Long enough for a shell on a busy machine.
    const AMPLE: Duration = Duration::from_secs(30);

    fn script(dir: &Path, text: &str) -> Found {
        let path = dir.join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("allowed");
        let named = Named {
            by: "context c of /k".to_owned(),
            profile: None,
            command: path.display().to_string(),
            args: Vec::new(),
            env: Vec::new(),
            receiver: None,
            hint: None,
        };
        named.find().expect("found")
    }

    async fn outcome(text: &str, limit: Duration) -> Outcome {
        let dir = tempfile::tempdir().expect("a folder");
        run(&script(dir.path(), text), &[], &[], limit).await
    }

    #[tokio::test]
    async fn what_it_writes_is_given_and_it_has_no_terminal_and_nothing_to_read() {
        let text = "read line && exit 3; test -t 0 && exit 4; echo given";
        assert_eq!(outcome(text, AMPLE).await, Ok(b"given\n".to_vec()));
    }

    #[tokio::test]
    async fn a_crash_is_told_by_its_last_complaint_never_by_its_output() {
        let text =
            "echo secret-token; echo first >&2; printf 'no \\033[31msession\\n\\n' >&2; exit 7";
        let failed = outcome(text, AMPLE).await.expect_err("it failed");
        assert_eq!(
            failed.to_string(),
            "failed (exit status: 7): no [31msession"
        );
    }

    #[tokio::test]
    async fn a_hang_ends_with_all_that_it_started() {
        let dir = tempfile::tempdir().expect("a folder");
        let alive = dir.path().join("alive");
        let text = format!(
            "(while :; do date > {}; sleep 0.05; done) & wait",
            alive.display()
        );
        let begun = Instant::now();
        let limit = Duration::from_secs(1);
        let hung = outcome(&text, limit).await;
        assert_eq!(hung, Err(Ended::Hung(limit)));
        assert!(begun.elapsed() < AMPLE);
        // What it started writes no more: the file does not come back.
        let _ = std::fs::remove_file(&alive);
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(!alive.exists());
    }

    #[tokio::test]
    async fn what_it_leaves_behind_does_not_keep_us() {
        let begun = Instant::now();
        assert_eq!(
            outcome("sleep 20 & echo done", AMPLE).await,
            Ok(b"done\n".to_vec())
        );
        assert!(begun.elapsed() < Duration::from_secs(15));
    }

    #[tokio::test]
    async fn output_without_end_is_not_read() {
        assert_eq!(outcome("exec yes", AMPLE).await, Err(Ended::Endless));
    }

    #[tokio::test]
    async fn a_file_that_took_its_place_is_not_run() {
        let dir = tempfile::tempdir().expect("a folder");
        let ran = dir.path().join("ran");
        let found = script(dir.path(), "exit 0");
        script(dir.path(), &format!("touch {}", ran.display()));
        assert_eq!(run(&found, &[], &[], AMPLE).await, Err(Ended::Swapped));
        assert!(!ran.exists());
    }
}
