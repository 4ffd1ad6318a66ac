//! What a run may reach out with: the sessions of its node's place, and no others.

use cloud::kubernetes::ClusterSession;
use cloud::{AccountSessions, Errand, Session};
use model::{FailureClass, SourceFailure};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The sessions of one node's account, region and cluster.
#[derive(Clone, Debug, Default)]
pub struct Hands {
    account: Option<AccountSessions>,
    region: Option<String>,
    cluster: Option<ClusterSession>,
    clusters: Vec<ClusterSession>,
    resolver: Option<SocketAddr>,
    runs: Option<PathBuf>,
}

impl Hands {
    /// None: for reading a journal without asking anybody.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// An account's sessions, with those of `region` for what is in one, and those of a cluster for
    /// what is in one.
    #[must_use]
    pub fn new(
        account: Option<AccountSessions>,
        region: Option<String>,
        cluster: Option<ClusterSession>,
    ) -> Self {
        Self {
            account,
            region,
            cluster,
            ..Self::default()
        }
    }

    /// The node's account, with who we are in it.
    #[must_use]
    pub fn account(&self) -> Option<&AccountSessions> {
        self.account.as_ref()
    }

    /// On an errand: what writes to AWS is signed by the role that acts, where the account has one.
    #[must_use]
    pub fn on(mut self, errand: &Errand) -> Self {
        if let Some(account) = &mut self.account {
            account.global = account.global.on(errand);
            for session in &mut account.regional {
                *session = session.on(errand);
            }
        }
        self
    }

    /// With every cluster of the platform, for what is not in one and is used from there.
    #[must_use]
    pub fn with_clusters(self, clusters: Vec<ClusterSession>) -> Self {
        Self { clusters, ..self }
    }

    /// With the resolver the stack file names for the platform's private names.
    #[must_use]
    pub fn with_resolver(self, resolver: Option<SocketAddr>) -> Self {
        Self { resolver, ..self }
    }

    /// With the folder where runs keep their journals and ledgers.
    #[must_use]
    pub fn with_runs(mut self, dir: PathBuf) -> Self {
        self.runs = Some(dir);
        self
    }

    /// The folder where runs keep their journals and ledgers.
    #[must_use]
    pub fn runs(&self) -> Option<&Path> {
        self.runs.as_deref()
    }

    /// The session of the node's region; of a global node, the account's global one.
    #[must_use]
    pub fn aws(&self) -> Option<&Session> {
        let account = self.account.as_ref()?;
        match &self.region {
            Some(region) => self.aws_in(region),
            None => Some(&account.global),
        }
    }

    /// The account's session in another region (the members of a global database).
    #[must_use]
    pub fn aws_in(&self, region: &str) -> Option<&Session> {
        let mut sessions = self.account.as_ref()?.regional.iter();
        sessions.find(|session| *session.region == *region)
    }

    /// A cluster by its name, in a region.
    #[must_use]
    pub fn cluster_of(&self, name: &str, region: Option<&str>) -> Option<&ClusterSession> {
        let mut all = self.clusters.iter();
        all.find(|c| **c.name() == *name && c.scope().region.as_deref() == region)
    }

    /// The resolver to ask; `None`: the machine's own.
    #[must_use]
    pub fn resolver(&self) -> Option<SocketAddr> {
        self.resolver
    }

    /// The node's cluster.
    #[must_use]
    pub fn cluster(&self) -> Option<&ClusterSession> {
        self.cluster.as_ref()
    }
}

/// Why nothing was asked: a journal is only being read.
pub(crate) fn not_asked() -> SourceFailure {
    SourceFailure {
        class: FailureClass::Other,
        sentence: "Nothing was asked.".to_owned(),
        next_step: String::new(),
        code: None,
        request_id: None,
    }
}
