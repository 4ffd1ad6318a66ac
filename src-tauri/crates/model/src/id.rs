//! Newtype identifiers. All are cheap to clone: thousands of nodes share them.

use crate::kind::Kind;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ts_rs::TS)]
        #[serde(transparent)]
        #[ts(type = "string")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text as it is.
            #[must_use]
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// One node of the topology: `kind/account/region/…/name`, stable across snapshots and restarts.
    /// A global service has the region `global`; Kubernetes objects go on with
    /// `cluster/namespace/name` (cluster-scoped ones with `cluster/name`).
    NodeId
);
text_id!(
    /// A twelve-digit AWS account id.
    AccountId
);
text_id!(
    /// One source of readings: `service/account/region[/cluster][/part]`.
    SourceId
);

impl AccountId {
    /// Whether it is AWS's own, twelve digits, and no stand-in for an account that STS did not name yet
    /// (<https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html>).
    #[must_use]
    pub fn is_named(&self) -> bool {
        is_account(self.as_str())
    }
}

/// Whether a text is the id of an AWS account: twelve digits.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl NodeId {
    /// An AWS resource. `region` is `None` for global services (Route 53, CloudFront).
    #[must_use]
    pub fn aws(kind: Kind, account: &str, region: Option<&str>, name: &str) -> Self {
        Self::new(format!(
            "{kind}/{account}/{}/{name}",
            region.unwrap_or("global")
        ))
    }

    /// A Kubernetes object; `cluster` is the id of its cluster node.
    #[must_use]
    pub fn kubernetes(kind: Kind, cluster: &NodeId, namespace: Option<&str>, name: &str) -> Self {
        let place = cluster
            .as_str()
            .strip_prefix("cluster/")
            .unwrap_or(cluster.as_str());
        match namespace {
            Some(namespace) => Self::new(format!("{kind}/{place}/{namespace}/{name}")),
            None => Self::new(format!("{kind}/{place}/{name}")),
        }
    }
}
