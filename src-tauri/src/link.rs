//! `quarterdeck://node?id=ID&at=INSTANT`: a link in a chat or a ticket that selects a node, and the time
//! it was about. It never acts, whoever wrote it: what it says is looked up, never run.
//!
//! A window that is open takes it up: the second process hands it over through a socket in
//! `$XDG_RUNTIME_DIR`, which only the same user reaches, and ends. A window whose platform has no such
//! node lets it go on to the next one; where nobody takes it, it is opened here.

use crate::platform::Platform;
use model::{NodeId, Timestamp};
use serde::Serialize;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// The scheme and host every link begins with.
const BEGINS: &str = "quarterdeck://node";
/// The longest link that is read, in bytes: a node's id has 2,048 at most.
const LONGEST: usize = 8_192;
/// How long another window may take to say whether it knows the node.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// What a link selects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
pub struct Link {
    /// The node.
    pub node: NodeId,
    /// The time it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub at: Option<Timestamp>,
}

impl Link {
    /// Whether a word of the command line is one, understood or not.
    pub(crate) fn is(word: &str) -> bool {
        word.starts_with("quarterdeck:")
    }

    /// Reads a link.
    ///
    /// # Errors
    /// A sentence when it is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            Err(format!(
                "The link is not understood: {why}. It has the form {BEGINS}?id=ID&at=INSTANT."
            ))
        };
        if text.len() > LONGEST {
            return wrong("it is too long");
        }
        let Some(query) = text.strip_prefix(BEGINS) else {
            return wrong("it begins otherwise");
        };
        let query = query.strip_prefix('/').unwrap_or(query);
        let Some(query) = query.strip_prefix('?') else {
            return wrong("it names no node");
        };
        let (mut node, mut at) = (None, None);
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match (&*key, Timestamp::parse(&value)) {
                ("id", _) if !value.is_empty() => node = Some(NodeId::new(value.into_owned())),
                ("at", Some(instant)) => at = Some(instant),
                ("at", None) => return wrong("its time is no instant"),
                _ => return wrong("it asks for more than a node and a time"),
            }
        }
        match node {
            Some(node) => Ok(Self { node, at }),
            None => wrong("it names no node"),
        }
    }
}

/// Where the windows of this user listen.
pub(crate) fn folder() -> PathBuf {
    let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let own = own.filter(|path| path.is_absolute());
    own.map_or_else(engine::state_dir, |path| path.join("quarterdeck"))
}

/// Gives a link to an open window that knows its node; whether one took it.
pub(crate) fn handed_over(folder: &Path, text: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut sockets: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "window"))
        .collect();
    sockets.sort();
    sockets
        .iter()
        .any(|socket| taken(socket, text).unwrap_or(false))
}

fn taken(socket: &Path, text: &str) -> std::io::Result<bool> {
    let mut stream = match UnixStream::connect(socket) {
        Ok(stream) => stream,
        Err(error) => {
            // Its window was killed.
            if error.kind() == std::io::ErrorKind::ConnectionRefused {
                std::fs::remove_file(socket)?;
            }
            return Err(error);
        }
    };
    stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
    stream.set_write_timeout(Some(ANSWERS_WITHIN))?;
    writeln!(stream, "{text}")?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(answer == "taken\n")
}

/// The link a window was given last, until its page took it.
#[derive(Clone)]
pub(crate) struct Links {
    tell: watch::Sender<Option<Link>>,
    /// Pages that asked for links; only the last one is there.
    pages: Arc<AtomicU64>,
}

impl Links {
    /// Begins with the link of the command line.
    pub(crate) fn new(first: Option<Link>) -> Self {
        Self {
            tell: watch::Sender::new(first),
            pages: Arc::default(),
        }
    }

    /// Hands every link to `deliver` once, until another page asks or it is not taken.
    pub(crate) async fn follow(&self, deliver: impl Fn(Link) -> bool) {
        let page = self.pages.fetch_add(1, Ordering::SeqCst) + 1;
        let mut told = self.tell.subscribe();
        // The page before this one lets go.
        self.tell.send_modify(|_| {});
        while self.pages.load(Ordering::SeqCst) == page {
            let mut link = None;
            self.tell.send_if_modified(|waiting| {
                link = waiting.take();
                false
            });
            if link.is_some_and(|link| !deliver(link)) || told.changed().await.is_err() {
                return;
            }
        }
    }

    /// Listens in `folder` until the process ends. Without a socket the window works all the same.
    pub(crate) fn listen(
        &self,
        folder: &Path,
        platform: Platform,
        raise: impl Fn() + Clone + Send + 'static,
    ) {
        let listener = match bind(folder) {
            Ok(listener) => listener,
            Err(error) => {
                let folder = folder.display();
                return tracing::warn!("links are not taken up in {folder}: {error}");
            }
        };
        let tell = self.tell.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tell, platform, raise) = (tell.clone(), platform.clone(), raise.clone());
                // Who writes slowly keeps only himself waiting.
                std::thread::spawn(move || {
                    if let Ok(Some(link)) = heard(&stream, &platform) {
                        tell.send_replace(Some(link));
                        raise();
                    }
                });
            }
        });
    }
}

fn bind(folder: &Path) -> std::io::Result<UnixListener> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder)?;
    let path = folder.join(format!("{}.window", std::process::id()));
    // Of a process that had our number before.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Reads one link and says whether it is taken: its node is on the platform that is looked at.
fn heard(stream: &UnixStream, platform: &Platform) -> std::io::Result<Option<Link>> {
    stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
    stream.set_write_timeout(Some(ANSWERS_WITHIN))?;
    let mut text = String::new();
    let limited = std::io::Read::take(stream, LONGEST as u64 + 1);
    BufReader::new(limited).read_line(&mut text)?;
    let link = Link::parse(text.trim_end()).ok();
    let link = link.filter(|link| platform.knows(&link.node));
    let answer = if link.is_some() { "taken" } else { "unknown" };
    let mut answers = stream;
    writeln!(answers, "{answer}")?;
    Ok(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_selects_a_node_and_a_time_and_nothing_else() {
        let link = Link::parse(
            "quarterdeck://node?id=queue%2F1%2Feu-west-1%2Forders%20x&at=2026-11-29T02:47:00Z",
        );
        let link = link.expect("a link");
        assert_eq!(link.node.as_str(), "queue/1/eu-west-1/orders x");
        assert_eq!(link.at, Timestamp::parse("2026-11-29T02:47:00Z"));
        let plain = Link::parse("quarterdeck://node/?id=a").expect("a link");
        assert_eq!((plain.node.as_str(), plain.at), ("a", None));
        for (text, why) in [
            ("https://node?id=a", "begins otherwise"),
            ("quarterdeck://act?id=a", "begins otherwise"),
            ("quarterdeck://node", "names no node"),
            ("quarterdeck://node?id=", "more than a node and a time"),
            (
                "quarterdeck://node?at=2026-11-29T02:47:00Z",
                "names no node",
            ),
            ("quarterdeck://node?id=a&at=yesterday", "no instant"),
            (
                "quarterdeck://node?id=a&action=failover",
                "more than a node and a time",
            ),
        ] {
            let told = Link::parse(text).expect_err(text);
            assert!(told.contains(why), "{text}: {told}");
        }
        let long = format!("quarterdeck://node?id={}", "a".repeat(LONGEST));
        assert!(Link::parse(&long).expect_err("long").contains("too long"));
    }

    #[test]
    fn nobody_takes_a_link_where_no_window_is_open_or_one_was_killed() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!handed_over(
            &folder.path().join("none"),
            "quarterdeck://node?id=a"
        ));
        let dead = folder.path().join("7.window");
        drop(UnixListener::bind(&dead).expect("bound"));
        assert!(!handed_over(folder.path(), "quarterdeck://node?id=a"));
        assert!(!dead.exists(), "what nobody listens to is taken away");
    }

    #[tokio::test]
    async fn a_link_is_delivered_once_and_to_the_page_that_is_there() {
        let link = Link::parse("quarterdeck://node?id=a").expect("a link");
        let links = Links::new(Some(link.clone()));
        let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let page = |number: u8| {
            let (links, sender) = (links.clone(), sender.clone());
            tokio::spawn(async move {
                let deliver = |link: Link| sender.send((number, link)).is_ok();
                links.follow(deliver).await;
            })
        };
        let first = page(1);
        assert_eq!(heard.recv().await, Some((1, link.clone())));
        let second = page(2);
        first.await.expect("the page before lets go");
        links.tell.send_replace(Some(link.clone()));
        assert_eq!(heard.recv().await, Some((2, link)));
        assert!(heard.try_recv().is_err(), "nothing is told twice");
        second.abort();
    }
}
