//! One run per blast domain, also across processes: a locked file named by the domain.

use crate::gate::Refusal;
use crate::journal::private_dir;
use act::hex;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The right to act in one domain; released when dropped, and by the system when the process dies.
#[derive(Debug)]
pub(crate) struct DomainLock(#[expect(dead_code, reason = "held for its lock")] File);

impl DomainLock {
    pub(crate) fn take(dir: &Path, domain: &str) -> Result<Self, Refusal> {
        let sum = hex(&Sha256::digest(domain.as_bytes()));
        let path = dir.join(format!(".domain-{}.lock", &sum[..16]));
        let failed = |source: io::Error| {
            Refusal::Journal(crate::journal::JournalError::Io {
                path: path.clone(),
                what: "locked",
                source,
            })
        };
        private_dir(dir).map_err(failed)?;
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Refusal::Elsewhere(domain.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
