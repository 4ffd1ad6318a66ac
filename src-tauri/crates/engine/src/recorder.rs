//! The recorder: what was last known, on disk, so that the next start draws at once.
//!
//! SQLite in its own thread; the index only hands over shared findings. Window and `qd` may write
//! the same file: transactions are immediate and wait for each other. A file that is corrupt or
//! not ours is set aside with a sentence. Not being able to record is never an error of the console.

mod store;

use crate::book::Recording;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use store::Store;
use tokio::sync::watch;

/// The file in the state directory.
pub(crate) const FILE: &str = "recorder.db";
/// A recording that took `t` to write is followed by a rest of this many `t`.
const REST_FACTOR: u32 = 200;

enum Order {
    Record(Box<Recording>),
    Finish(mpsc::Sender<()>),
}

/// Sentences about the console itself (not about the platform), newest last.
pub(crate) type Notices = watch::Sender<Vec<String>>;

/// The handle of the recorder's thread.
pub(crate) struct Recorder {
    orders: Option<mpsc::Sender<Order>>,
    ready: Arc<AtomicBool>,
}

impl Recorder {
    /// A recorder that records nothing.
    pub(crate) fn off() -> Self {
        Self {
            orders: None,
            ready: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Opens the recorder in `state_dir`; `restored` is told what an earlier run recorded of the
    /// stack with this fingerprint.
    pub(crate) fn open(
        state_dir: &Path,
        fingerprint: String,
        gap: Duration,
        notices: Notices,
        restored: impl FnOnce(Recording) + Send + 'static,
    ) -> Self {
        let (orders, inbox) = mpsc::channel();
        let ready = Arc::new(AtomicBool::new(false));
        let desk = Desk {
            path: state_dir.join(FILE),
            fingerprint,
            gap,
            ready: Arc::clone(&ready),
            notices: notices.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || desk.run(&inbox, restored));
        match thread {
            Ok(_) => Self {
                orders: Some(orders),
                ready,
            },
            Err(error) => {
                notice(
                    &notices,
                    format!("Nothing is recorded: no thread for it ({error})."),
                );
                Self::off()
            }
        }
    }

    /// Whether the next recording would be written now.
    pub(crate) fn ready(&self) -> bool {
        self.orders.is_some() && self.ready.load(Ordering::Acquire)
    }

    /// Hands over what to record.
    pub(crate) fn record(&self, recording: Recording) {
        self.ready.store(false, Ordering::Release);
        if let Some(orders) = &self.orders {
            // The thread ends early only when the file cannot be used, which it has said.
            let _ = orders.send(Order::Record(Box::new(recording)));
        }
    }

    /// Waits until everything handed over is written (or could not be).
    pub(crate) fn finish(self) {
        if let Some(orders) = self.orders {
            let (done, written) = mpsc::channel();
            if orders.send(Order::Finish(done)).is_ok() {
                // A thread that died has nothing left to write.
                let _ = written.recv_timeout(Duration::from_secs(10));
            }
        }
    }
}

/// Adds a sentence, unless it was said already.
pub(crate) fn notice(notices: &Notices, sentence: String) {
    tracing::warn!("{sentence}");
    notices.send_if_modified(|all| {
        let new = !all.contains(&sentence);
        if new {
            all.push(sentence);
        }
        new
    });
}

struct Desk {
    path: PathBuf,
    fingerprint: String,
    gap: Duration,
    ready: Arc<AtomicBool>,
    notices: Notices,
}

impl Desk {
    fn run(self, inbox: &mpsc::Receiver<Order>, restored: impl FnOnce(Recording)) {
        let mut store = match Store::open(&self.path, &self.notices) {
            Ok(store) => store,
            Err(sentence) => return notice(&self.notices, sentence),
        };
        match store.last(&self.fingerprint) {
            Ok(Some(recording)) => restored(recording),
            Ok(None) => {}
            Err(error) => notice(
                &self.notices,
                format!(
                    "What the last run recorded cannot be read ({error}); it will be replaced."
                ),
            ),
        }
        let mut rest = self.gap.min(Duration::from_secs(1));
        let mut recorded = 0;
        loop {
            let order = match inbox.recv_timeout(rest) {
                Ok(order) => order,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    self.ready.store(true, Ordering::Release);
                    match inbox.recv() {
                        Ok(order) => order,
                        Err(mpsc::RecvError) => return,
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            };
            match order {
                Order::Record(recording) => {
                    let begun = Instant::now();
                    if let Err(error) = store.save(&self.fingerprint, &recording) {
                        notice(
                            &self.notices,
                            format!("The last picture was not recorded ({error})."),
                        );
                    }
                    recorded += 1;
                    rest = rest_after(recorded, self.gap, begun.elapsed());
                }
                Order::Finish(done) => {
                    drop(store);
                    // Whoever asked may have given up.
                    let _ = done.send(());
                    return;
                }
            }
        }
    }
}

/// How long nothing is recorded after the `nth` recording of a run. The first ones follow each other
/// closely: what is known grows most then, and who dies early is to find more than its beginning.
fn rest_after(nth: u32, gap: Duration, took: Duration) -> Duration {
    gap.max(took * REST_FACTOR).min(gap * nth)
}

#[cfg(test)]
mod tests;
