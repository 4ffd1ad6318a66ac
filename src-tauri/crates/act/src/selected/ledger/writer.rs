//! One thread that writes: whoever comes while it syncs shares the next sync.

use super::LedgerError;
use super::line::Line;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use tokio::sync::oneshot;

type Done = oneshot::Sender<Result<(), Arc<io::Error>>>;

/// The sending half of the writing thread; the thread ends with the last of them.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    lines: mpsc::Sender<(Vec<u8>, Done)>,
    path: PathBuf,
}

impl Writer {
    pub(super) fn start(file: File, path: PathBuf) -> Self {
        let (lines, waiting) = mpsc::channel();
        std::thread::spawn(move || write(file, &waiting));
        Self { lines, path }
    }

    /// Returns once the line is on disk.
    pub(super) async fn append(&self, line: &Line) -> Result<(), LedgerError> {
        let failed = |source| LedgerError::Io {
            path: self.path.clone(),
            what: "written",
            source,
        };
        let mut bytes = serde_json::to_vec(line)
            .map_err(io::Error::other)
            .map_err(failed)?;
        bytes.push(b'\n');
        let (done, told) = oneshot::channel();
        self.lines
            .send((bytes, done))
            .map_err(|_| LedgerError::Stopped)?;
        match told.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(io::Error::new(error.kind(), error.to_string()))),
            Err(_) => Err(LedgerError::Stopped),
        }
    }
}

/// After an error nothing more is written: what is on disk then is not known.
fn write(mut file: File, waiting: &mpsc::Receiver<(Vec<u8>, Done)>) {
    while let Ok(first) = waiting.recv() {
        let mut all = vec![first];
        all.extend(waiting.try_iter());
        let bytes: Vec<u8> = all.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let result = file.write_all(&bytes).and_then(|()| file.sync_data());
        let result = result.map_err(Arc::new);
        let over = result.is_err();
        for (_, done) in all {
            // Who no longer waits needs no answer.
            let _ = done.send(result.clone());
        }
        if over {
            return;
        }
    }
}
