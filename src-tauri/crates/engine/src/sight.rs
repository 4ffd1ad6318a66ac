//! One opening of the platform: its sessions, its clusters and the tasks that read through them.
//!
//! The ids of everything carry the account. When STS did not name one at the start, a stand-in
//! does; once STS answers (or credentials that were no good are mended), all is opened anew under the true name, and the new sight takes the
//! place of the old one when it is complete, so that nothing blanks in between.

use crate::assembly::{assembler, stack_identity};
use crate::clusters::Clusters;
use crate::core::{Core, Parts, lock};
use crate::finder::Finder;
use crate::identity::identity;
use crate::index::{Message, PlatformClock};
use crate::meter::Spent;
use crate::poller::{CollectorReader, Reader};
use crate::recorder::{Notices, Recorder, notice};
use crate::settings::Settings;
use cloud::{Sessions, Stack};
use collect::kubernetes::Cluster;
use collect::{Collector, Reach};
use model::{Snapshot, Source};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};

/// One opening.
pub(crate) struct Sight {
    pub(crate) core: Arc<Core>,
    pub(crate) sessions: Sessions,
    pub(crate) clusters: Clusters,
}

/// The present sight; another may take its place.
pub(crate) struct Sights(Mutex<Arc<Sight>>);

impl Sights {
    pub(crate) fn new(first: Arc<Sight>) -> Self {
        Self(Mutex::new(first))
    }

    /// The present one.
    pub(crate) fn now(&self) -> Arc<Sight> {
        Arc::clone(&lock(&self.0))
    }

    /// Puts `next` in its place and gives what was there.
    pub(crate) fn replace(&self, next: Arc<Sight>) -> Arc<Sight> {
        std::mem::replace(&mut lock(&self.0), next)
    }
}

impl Sight {
    /// Passes its pictures on, the present one first, until it is stopped.
    pub(crate) fn show(&self, pictures: watch::Sender<Arc<Snapshot>>) {
        let mut own = self.core.snapshots();
        self.core.spawn(async move {
            loop {
                pictures.send_replace(own.borrow_and_update().clone());
                if own.changed().await.is_err() {
                    return;
                }
            }
        });
    }

    /// What was spent since it was opened.
    pub(crate) fn spent(&self) -> Spent {
        spent(&self.sessions, &self.clusters)
    }
}

/// What a sight is opened from, besides the sessions.
pub(crate) struct Recipe {
    pub(crate) stack: Stack,
    pub(crate) state_dir: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) collectors: Vec<&'static dyn Collector>,
    pub(crate) notices: Notices,
}

impl Recipe {
    /// Opens the clusters and starts to read; its pictures are numbered from `seq` on. Nothing is
    /// awaited but the kubeconfig files.
    pub(crate) async fn open(&self, sessions: Sessions, seq: u64) -> Sight {
        let clusters = Clusters::default();
        let places = cloud::kubernetes::places(&self.stack, &sessions);
        let (watches, openers) = clusters.open(places, &sessions.clock).await;
        let mut readers = readers(&sessions, &self.collectors);
        readers.extend(openers.iter().map(|o| Arc::clone(o) as Arc<dyn Reader>));
        let finders = self.finders(&sessions, &clusters);
        readers.extend(finders.iter().map(|f| Arc::clone(f) as Arc<dyn Reader>));
        let (assembler, complaint) = assembler(&self.stack);
        if let Some(complaint) = complaint {
            notice(&self.notices, complaint);
        }
        let clock = sessions.clock.clone();
        let clock: PlatformClock = Arc::new(move || clock.now());
        let platform = sessions.clock.clone();
        let parts = Parts {
            settings: self.settings,
            woke: Box::new(move || platform.doubt()),
            first: self.first_picture(&sessions, &clusters, seq),
            clock,
            assembler,
            readers,
            watches,
        };
        let stamp = fingerprint(&self.stack, &sessions, &clusters.all());
        let core = Arc::new(Core::start(parts, |mailbox| self.recorder(stamp, &mailbox)));
        openers.iter().for_each(|opener| opener.serve(&core));
        finders.iter().for_each(|finder| finder.serve(&core));
        Sight {
            core,
            sessions,
            clusters,
        }
    }

    /// One per account and region, where the stack file names no cluster at all.
    fn finders(&self, sessions: &Sessions, clusters: &Clusters) -> Vec<Arc<Finder>> {
        if !self.stack.clusters.is_empty() {
            return Vec::new();
        }
        let accounts = sessions.accounts.iter();
        let regional = accounts.flat_map(|account| &account.regional);
        regional
            .map(|session| Arc::new(Finder::new(session, &sessions.clock, clusters)))
            .collect()
    }

    /// The picture before anything was read.
    fn first_picture(&self, sessions: &Sessions, clusters: &Clusters, seq: u64) -> Snapshot {
        Snapshot {
            seq,
            taken_at: sessions.clock.now(),
            stack: stack_identity(&self.stack),
            identity: identity(sessions, &clusters.all(), &[]),
            nodes: Vec::new(),
            edges: [].into(),
            sources: Vec::new(),
            causes: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// What an earlier run recorded of the platform with this stamp is sent to the mailbox.
    fn recorder(&self, stamp: String, mailbox: &mpsc::Sender<Message>) -> Recorder {
        if !self.settings.recorded {
            return Recorder::off();
        }
        let mailbox = mailbox.downgrade();
        let (gap, notices) = (self.settings.recording_gap, self.notices.clone());
        Recorder::open(&self.state_dir, stamp, gap, notices, move |recording| {
            // An engine that stopped already draws nothing.
            if let Some(mailbox) = mailbox.upgrade() {
                let _ = mailbox.blocking_send(Message::Restore(recording));
            }
        })
    }
}

/// One reader per collector and session in its reach.
fn readers(sessions: &Sessions, collectors: &[&'static dyn Collector]) -> Vec<Arc<dyn Reader>> {
    let mut readers: Vec<Arc<dyn Reader>> = Vec::new();
    for account in &sessions.accounts {
        for collector in collectors {
            let sessions = match collector.reach() {
                Reach::Global => std::slice::from_ref(&account.global),
                Reach::Regional => &account.regional,
            };
            for session in sessions {
                let source = Source::new(collector.service(), session.scope(), collector.part());
                let reader = CollectorReader::new(*collector, session.clone(), source);
                readers.push(Arc::new(reader));
            }
        }
    }
    readers
}

/// What tells this platform from another that has the same name: a record is drawn only for the
/// platform it was made of.
fn fingerprint(stack: &Stack, sessions: &Sessions, clusters: &[Cluster]) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.as_bytes());
        hash.update([0]);
    };
    let path = std::fs::canonicalize(&stack.path).unwrap_or_else(|_| stack.path.clone());
    add(&path.to_string_lossy());
    add(&stack.name);
    for account in &sessions.accounts {
        add(account.account.as_str());
        for session in account.regional.iter().chain([&account.global]) {
            add(&session.region);
            add(session.sdk.endpoint_url().unwrap_or("aws"));
        }
    }
    for cluster in clusters {
        add(cluster.session().endpoint());
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What was spent through these: requests with retries, and what AWS charges for some of them.
pub(crate) fn spent(sessions: &Sessions, clusters: &Clusters) -> Spent {
    let aws = || {
        let accounts = sessions.accounts.iter();
        accounts.flat_map(|account| account.regional.iter().chain([&account.global]))
    };
    let requests: u64 = aws().map(|session| session.budget.requests()).sum();
    let kubernetes: u64 = clusters.all().iter().map(|c| c.session().requests()).sum();
    Spent {
        requests: requests + kubernetes,
        nanodollars: aws().map(|session| session.budget.nanodollars()).sum(),
    }
}
