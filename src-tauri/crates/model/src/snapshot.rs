//! The whole picture at one time.

use crate::access::Access;
use crate::certificate::Certificate;
use crate::edge::Edge;
use crate::health::Cause;
use crate::id::{AccountId, NodeId};
use crate::kind::Kind;
use crate::node::Node;
use crate::observation::Change;
use crate::program::Program;
use crate::source::SourceStatus;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How loudly the frame says where we are.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Production.
    Prod,
    /// Staging.
    Staging,
    /// Development.
    Dev,
}

impl Environment {
    /// All there are, the loudest first.
    pub const ALL: [Environment; 3] = [Environment::Prod, Environment::Staging, Environment::Dev];

    /// As the stack file writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Environment::Prod => "prod",
            Environment::Staging => "staging",
            Environment::Dev => "dev",
        }
    }
}

/// What the stack file says it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct StackIdentity {
    /// The platform's name.
    pub name: String,
    /// Its environment.
    pub environment: Environment,
}

/// Who and where STS says we are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Identity {
    /// Accounts that answered.
    pub accounts: Vec<AccountId>,
    /// The caller's ARN, of the first account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub caller: Option<String>,
    /// STS answers the simulator's reserved account and every endpoint is loopback.
    pub simulated: bool,
    /// Some endpoint is loopback but it is not the simulator: traffic goes through a tunnel.
    pub tunnel: bool,
    /// The way into each account of the stack file, in its order.
    #[serde(default)]
    pub access: Vec<Access>,
    /// Programs that files name to sign in with, and that are not run until somebody approved them.
    #[serde(default)]
    pub programs: Vec<Program>,
    /// Certificates of the kubeconfig that have ended or are about to, the first to end first.
    #[serde(default)]
    pub certificates: Vec<Certificate>,
}

/// One complete, ordered picture: nodes by id, edges by (from, to, relation), sources by id,
/// causes worst first, changes newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Snapshot {
    /// Rises by one with every published snapshot of one engine.
    pub seq: u64,
    /// Platform time it stands for.
    pub taken_at: Timestamp,
    /// The stack file's identity.
    pub stack: StackIdentity,
    /// Who we are.
    pub identity: Identity,
    /// Nodes, ordered by id.
    #[ts(as = "Vec<Node>")]
    pub nodes: Vec<Arc<Node>>,
    /// Edges, ordered. Snapshots of the same structure share them.
    #[ts(as = "Vec<Edge>")]
    pub edges: Arc<[Edge]>,
    /// Sources, ordered by id.
    pub sources: Vec<SourceStatus>,
    /// Causes, worst first.
    pub causes: Vec<Cause>,
    /// Recent changes, newest first, at most 200.
    pub changes: Vec<Change>,
}

impl Snapshot {
    /// The node with this id.
    #[must_use]
    pub fn node(&self, id: &NodeId) -> Option<&Arc<Node>> {
        self.nodes
            .binary_search_by(|node| node.id.cmp(id))
            .ok()
            .map(|at| &self.nodes[at])
    }

    /// The node a person means by `text`: an id, or a name that is unique among the kinds that fit.
    ///
    /// # Errors
    /// A sentence-ready [`NotFound`] when nothing or more than one thing is called that.
    pub fn find(&self, text: &str, fits: impl Fn(Kind) -> bool) -> Result<&Arc<Node>, NotFound> {
        let by_id = self.node(&NodeId::new(text));
        if let Some(node) = by_id.or_else(|| self.by_stand_in(text)) {
            return Ok(node);
        }
        let named: Vec<_> = self
            .nodes
            .iter()
            .filter(|n| n.name == text && fits(n.kind))
            .collect();
        match named.as_slice() {
            [node] => Ok(node),
            [] => Err(self.nothing(text)),
            several => Err(NotFound::Several(
                text.to_owned(),
                several.iter().map(|n| n.id.clone()).collect(),
            )),
        }
    }

    /// The node of an id from when STS had not named its account: there it goes by the profile that leads to it.
    fn by_stand_in(&self, text: &str) -> Option<&Arc<Node>> {
        let (kind, rest) = text.split_once('/')?;
        let (account, rest) = rest.split_once('/')?;
        let profile = account.strip_prefix("profile:")?;
        let mut ways = self.identity.access.iter();
        let way = ways.find(|way| way.profile.as_deref() == Some(profile))?;
        self.node(&NodeId::new(format!(
            "{kind}/{}/{rest}",
            way.account.as_str()
        )))
    }

    fn nothing(&self, text: &str) -> NotFound {
        let missed: Vec<&SourceStatus> = self.sources.iter().filter(|s| s.is_missed()).collect();
        match missed.as_slice() {
            [] => NotFound::Nothing(text.to_owned()),
            [first, ..] => NotFound::Unseen {
                text: text.to_owned(),
                missed: missed.len(),
                all: self.sources.len(),
                why: first
                    .error
                    .clone()
                    .unwrap_or_else(|| "No answer.".to_owned()),
            },
        }
    }
}

/// Why a name did not lead to one node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// No node has this id or name.
    #[error("nothing here is called {0:?}: `qd topology --json` lists every id and name")]
    Nothing(String),
    /// No node that was read has this id or name, and not everything was read.
    #[error(
        "nothing that was read is called {text:?}, and {missed} of {all} sources gave no answer: {why} It may be there"
    )]
    Unseen {
        /// What was looked for.
        text: String,
        /// So many sources gave no answer.
        missed: usize,
        /// Of so many.
        all: usize,
        /// Why the first of them did not, a sentence.
        why: String,
    },
    /// More than one node has this name.
    #[error("{0:?} is the name of {n} things: say which by its id ({ids})", n = .1.len(), ids = list(.1))]
    Several(String, Vec<NodeId>),
}

fn list(ids: &[NodeId]) -> String {
    let shown: Vec<&str> = ids.iter().take(5).map(NodeId::as_str).collect();
    let more = if ids.len() > shown.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{AccessState, Way};
    use crate::source::Service;
    use crate::stage::{self, Stage};
    use std::collections::BTreeMap;

    fn access() -> Access {
        Access {
            account: AccountId::new(stage::ACCOUNT),
            profile: None,
            way: Way::Keys,
            arn: None,
            act_role: None,
            act_roles: BTreeMap::new(),
            expires_at: None,
            state: AccessState::Valid,
            sentence: None,
            next_step: None,
            command: None,
        }
    }

    #[test]
    fn what_is_not_found_may_be_in_what_was_not_read() {
        let mut stage = Stage::new();
        let orders = stage.thing(Kind::Queue, "orders", &[]);
        let find = |stage: &mut Stage, text: &str| {
            let picture = stage.picture();
            let found = picture.find(text, |_| true).map(|node| node.id.clone());
            found.map_err(|error| error.to_string())
        };
        assert_eq!(find(&mut stage, "orders"), Ok(orders.clone()));
        let told = find(&mut stage, "order").expect_err("nothing");
        assert_eq!(
            told,
            "nothing here is called \"order\": `qd topology --json` lists every id and name"
        );
        // As it was called before STS named the account.
        let mut picture = stage.picture();
        picture.identity.access.push(Access {
            profile: Some("prod".to_owned()),
            ..access()
        });
        let id = orders.as_str().replace(stage::ACCOUNT, "profile:prod");
        let found = picture.find(&id, |_| true).map(|node| node.id.clone());
        assert_eq!(found, Ok(orders.clone()));
        let other = id.replace("profile:prod", "profile:test");
        picture.find(&other, |_| true).expect_err("another profile");
        stage.lose(Service::Sqs);
        let told = find(&mut stage, "order").expect_err("nothing");
        let begins = "nothing that was read is called \"order\", and 1 of ";
        assert!(
            told.starts_with(begins)
                && told.ends_with("gave no answer: Nobody answered. It may be there"),
            "{told}"
        );
    }
}
