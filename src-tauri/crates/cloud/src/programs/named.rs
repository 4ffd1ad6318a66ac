//! A program as a file names it, and the file on this machine that it leads to.

use crate::words::{address, visible};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// What is shown in the place of an argument that is a secret.
const HIDDEN: &str = "•••";

/// A program as a file names it. What its variables are set to is never shown.
#[derive(Clone)]
pub(crate) struct Named {
    /// Who names it: `context prod of /home/me/.kube/config`.
    pub(crate) by: String,
    /// The profile whose account waits for it; `None`: a cluster does.
    pub(crate) profile: Option<String>,
    /// As the file names it; with a `/` in it a path, else a name looked for in PATH.
    pub(crate) command: String,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// Who is sent what it gives; `None`: AWS is.
    pub(crate) receiver: Option<Receiver>,
    /// What it is given besides our environment.
    pub(crate) env: Vec<(String, String)>,
    /// How it is installed, in the file's words.
    pub(crate) hint: Option<String>,
}

/// A cluster's server, by what a kubeconfig says of it
/// (<https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#Cluster>): whoever is there is sent what a program
/// gives, so another one waits for somebody to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Receiver {
    /// `server`.
    pub(crate) server: String,
    /// `tls-server-name`.
    pub(crate) name: Option<String>,
    /// `certificate-authority-data`, or the bytes of `certificate-authority`; empty: the system's authorities.
    pub(crate) authority: Vec<u8>,
    /// `insecure-skip-tls-verify`.
    pub(crate) unproven: bool,
    /// `proxy-url`: where nothing proves who the server is, what is given is the proxy's too.
    pub(crate) proxy: Option<String>,
}

impl Receiver {
    /// For somebody who decides about it.
    fn shown(&self) -> String {
        let place = |url: &str| match url.parse() {
            Ok(url) => visible(&address(&url)),
            Err(_) => visible(url),
        };
        let server = place(&self.server);
        let through = self.proxy.as_deref().map(place);
        let through = through.map_or_else(String::new, |proxy| format!(" through {proxy}"));
        let plain = self.server.starts_with("http://");
        let proven = match (self.unproven, self.authority.as_slice()) {
            _ if plain => "in the clear: it need not prove who it is (HTTP)".to_owned(),
            (true, _) => "it need not prove who it is (insecure-skip-tls-verify)".to_owned(),
            (false, []) => "known by the authorities of this system".to_owned(),
            (false, authority) => {
                let hash = hex(&Sha256::digest(authority).into());
                format!("known by its own authority (SHA-256 {})", &hash[..12])
            }
        };
        let name = self.name.as_deref().map(visible);
        let name = name.map_or_else(String::new, |name| format!(" as {name}"));
        format!("{server}{name}{through}, {proven}")
    }

    fn parts(&self) -> [&[u8]; 5] {
        [
            self.server.as_bytes(),
            self.name.as_deref().unwrap_or_default().as_bytes(),
            &self.authority,
            if self.unproven { b"unproven" } else { b"" },
            self.proxy.as_deref().unwrap_or_default().as_bytes(),
        ]
    }
}

/// The file a name leads to, as it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where it is; links are not resolved, because programs look at the name they are called by.
    pub(crate) path: PathBuf,
    /// SHA-256 over path, bytes, arguments, variables and receiver, in hexadecimal: what is approved.
    pub(crate) hash: String,
    /// SHA-256 over its bytes alone.
    pub(crate) bytes: String,
    seal: Seal,
}

/// What changes whenever a file is written or another takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seal([i64; 7]);

impl Seal {
    fn of(about: &Metadata) -> Self {
        let whole = |number: u64| i64::from_ne_bytes(number.to_ne_bytes());
        Self([
            whole(about.dev()),
            whole(about.ino()),
            whole(about.size()),
            about.mtime(),
            about.mtime_nsec(),
            about.ctime(),
            about.ctime_nsec(),
        ])
    }
}

/// Why a name leads to no program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotFound {
    /// The file names none.
    #[error("names no program to run")]
    Unnamed,
    /// No folder of PATH has it.
    #[error("there is no such program in PATH ({searched})")]
    Nowhere {
        /// The folders that were looked in.
        searched: String,
    },
    /// It cannot be read or run.
    #[error("{} {why}", path.display())]
    Unfit {
        /// Where it should be.
        path: PathBuf,
        /// What is the matter with it.
        why: String,
    },
}

impl NotFound {
    /// Looking for it itself failed.
    pub(crate) fn broken(error: &tokio::task::JoinError) -> Self {
        Self::Unfit {
            path: PathBuf::new(),
            why: format!("looking for it failed ({error})"),
        }
    }
}

impl Named {
    /// Looks for it and reads it whole: takes as long as its bytes do.
    pub(crate) fn find(&self) -> Result<Found, NotFound> {
        let path = located(&self.command, std::env::var_os("PATH").as_deref())?;
        let (bytes, seal) = read(&path).map_err(|error| NotFound::Unfit {
            path: path.clone(),
            why: format!("cannot be read ({})", error.kind()),
        })?;
        Ok(Found {
            hash: self.hash(&path, &bytes),
            bytes: hex(&bytes),
            path,
            seal,
        })
    }

    /// Each part goes in behind its length, so that no two programs have the same.
    fn hash(&self, path: &Path, bytes: &[u8; 32]) -> String {
        let mut hash = Sha256::new();
        let mut part = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        part(b"program of quarterdeck, 2");
        part(path.as_os_str().as_bytes());
        part(bytes);
        part(&(self.args.len() as u64).to_be_bytes());
        self.args.iter().for_each(|arg| part(arg.as_bytes()));
        part(&(self.env.len() as u64).to_be_bytes());
        for (name, value) in &self.env {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        if let Some(receiver) = &self.receiver {
            receiver.parts().into_iter().for_each(part);
        }
        hex(&hash.finalize().into())
    }

    /// Its arguments as they may be shown.
    pub(crate) fn shown_args(&self) -> Vec<String> {
        let mut hide = false;
        let shown = self.args.iter().map(|arg| {
            if std::mem::take(&mut hide) && !arg.starts_with('-') {
                return HIDDEN.to_owned();
            }
            match arg.split_once('=') {
                Some((name, _)) if is_secret(name) => format!("{}={HIDDEN}", visible(name)),
                Some(_) => visible(arg),
                None => {
                    hide = is_secret(arg);
                    visible(arg)
                }
            }
        });
        shown.collect()
    }

    /// Who is sent what it gives, as it may be shown.
    pub(crate) fn shown_receiver(&self) -> Option<String> {
        self.receiver.as_ref().map(Receiver::shown)
    }

    /// The names of its variables.
    pub(crate) fn env_names(&self) -> Vec<String> {
        self.env.iter().map(|(name, _)| visible(name)).collect()
    }
}

impl Found {
    /// Whether the file is still the one that was looked at.
    pub(crate) fn is_still_there(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|about| Seal::of(&about) == self.seal)
    }
}

fn is_secret(option: &str) -> bool {
    let name = option.trim_start_matches('-').to_ascii_lowercase();
    option.starts_with('-')
        && ["secret", "password", "passphrase", "token"]
            .iter()
            .any(|word| name.ends_with(word))
}

/// As a shell and kubectl find it; a folder of PATH that is not absolute is left out, because what
/// lies in it depends on where we were started.
fn located(command: &str, path: Option<&std::ffi::OsStr>) -> Result<PathBuf, NotFound> {
    if command.is_empty() {
        return Err(NotFound::Unnamed);
    }
    if command.contains('/') {
        let path = PathBuf::from(command);
        let path = std::path::absolute(&path).unwrap_or(path);
        return match std::fs::metadata(&path) {
            Ok(about) if runs(&about) => Ok(path),
            Ok(_) => Err(unfit(path, "is not a file that can be run")),
            Err(error) => Err(unfit(path, &format!("cannot be read ({})", error.kind()))),
        };
    }
    let folders: Vec<PathBuf> = path
        .map(|path| std::env::split_paths(path).collect())
        .unwrap_or_default();
    let mut absolute = folders.iter().filter(|folder| folder.is_absolute());
    let there = absolute.find_map(|folder| {
        let path = folder.join(command);
        let about = std::fs::metadata(&path).ok()?;
        runs(&about).then_some(path)
    });
    there.ok_or_else(|| NotFound::Nowhere {
        searched: path.map_or_else(String::new, |path| path.to_string_lossy().into_owned()),
    })
}

fn unfit(path: PathBuf, why: &str) -> NotFound {
    NotFound::Unfit {
        path,
        why: why.to_owned(),
    }
}

fn runs(about: &Metadata) -> bool {
    about.is_file() && about.permissions().mode() & 0o111 != 0
}

fn read(path: &Path) -> io::Result<([u8; 32], Seal)> {
    let mut file = File::open(path)?;
    let seal = Seal::of(&file.metadata()?);
    let (mut hash, mut piece) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok((hash.finalize().into(), seal)),
            read => hash.update(&piece[..read]),
        }
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
