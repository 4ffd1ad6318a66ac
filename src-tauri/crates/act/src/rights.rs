//! Rights a plan's calls need, asked for beforehand: IAM's SimulatePrincipalPolicy for AWS, a
//! SelfSubjectAccessReview for Kubernetes. What is missing blocks and is named; what cannot be
//! asked (the question itself is denied) is said and blocks nothing.

mod ask;
mod policy;

pub use ask::ask;
pub use policy::policy;

use crate::finding::{Answer, NOT_CHECKED, Words, finding};
use crate::plan::{Finding, Severity};
use crate::words::list;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The check's id.
pub const RIGHTS: &str = "plan.rights";

/// One right a call needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Right {
    /// An IAM action on a resource.
    Iam {
        /// `sqs:StartMessageMoveTask`.
        action: String,
        /// An ARN, or `*`.
        resource: String,
    },
    /// A verb on a Kubernetes resource.
    Kubernetes {
        /// `patch`.
        verb: String,
        /// API group; empty for the core group.
        group: String,
        /// Plural, with its subresource: `deployments/scale`.
        resource: String,
        /// Namespace; empty for cluster-scoped resources.
        namespace: String,
        /// The object's name.
        name: String,
    },
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Right::Iam { action, resource } => write!(f, "{action} on {resource}"),
            Right::Kubernetes {
                verb,
                group,
                resource,
                namespace,
                name,
            } => {
                let dot = if group.is_empty() { "" } else { "." };
                write!(f, "{verb} {resource}{dot}{group} {name}")?;
                match namespace.as_str() {
                    "" => Ok(()),
                    namespace => write!(f, " in {namespace}"),
                }
            }
        }
    }
}

/// What was answered about a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// We have it.
    Yes,
    /// We do not; why, where the answer says.
    No(String),
    /// It could not be asked; why.
    Unasked(String),
}

/// What is known of rights, by right. A right that is absent was not asked yet.
pub type Rights = BTreeMap<Right, Allowed>;

/// The same of everybody by whom something is done ([`Plan::acts_as`](crate::Plan::acts_as); `None`: who reads): one has
/// a right that another lacks.
pub type RightsOf = BTreeMap<Option<String>, Rights>;

/// One finding over all rights a plan needs; none where it names none.
pub(crate) fn findings(needed: &[Right], known: &Rights) -> Option<Finding> {
    if needed.is_empty() {
        return None;
    }
    let denied: Vec<String> = needed
        .iter()
        .filter(|right| matches!(known.get(right), Some(Allowed::No(_))))
        .map(ToString::to_string)
        .collect();
    let open: Vec<&Right> = needed
        .iter()
        .filter(|right| matches!(known.get(right), None | Some(Allowed::Unasked(_))))
        .collect();
    Some(match (denied.is_empty(), open.is_empty()) {
        (false, _) => missing(&denied, needed, known),
        (true, false) => unasked(&open, known),
        (true, true) => held(needed),
    })
}

fn missing(denied: &[String], needed: &[Right], known: &Rights) -> Finding {
    let why = needed.iter().find_map(|right| match known.get(right) {
        Some(Allowed::No(why)) if !why.is_empty() => Some(format!(" ({why})")),
        Some(Allowed::No(_) | Allowed::Yes | Allowed::Unasked(_)) | None => None,
    });
    finding(
        RIGHTS,
        Severity::Block,
        Answer::given(false, format!("missing: {}", list(denied))),
        Words {
            pass: String::new(),
            fail: format!(
                "We are not allowed to do this; missing: {}{}.",
                list(denied),
                why.unwrap_or_default()
            ),
            unknown: String::new(),
            threshold: "every right its calls need",
            next: "Sign in with a role that has it, or have it granted.",
        },
    )
}

fn unasked(open: &[&Right], known: &Rights) -> Finding {
    let why = open.iter().find_map(|right| match known.get(right) {
        Some(Allowed::Unasked(why)) => Some(why.as_str()),
        Some(Allowed::Yes | Allowed::No(_)) | None => None,
    });
    let why = why.unwrap_or("they are asked for on the press");
    finding(
        RIGHTS,
        Severity::Info,
        Answer::given(true, NOT_CHECKED),
        Words {
            pass: format!(
                "Whether we may do this could not be checked beforehand: {}. When the first call is denied, nothing is changed.",
                why.trim_end_matches('.')
            ),
            fail: String::new(),
            unknown: String::new(),
            threshold: "every right its calls need",
            next: "",
        },
    )
}

/// IAM simulates the caller's own policies; a policy of the resource itself is evaluated only where it
/// is handed over with the question
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>, ResourcePolicy).
fn held(needed: &[Right]) -> Finding {
    let names: Vec<String> = needed.iter().map(ToString::to_string).collect();
    let has_its_own = |right: &Right| match right {
        Right::Iam { action, .. } => action.starts_with("sqs:") || action.starts_with("kms:"),
        Right::Kubernetes { .. } => false,
    };
    let beyond = match needed.iter().any(has_its_own) {
        true => " A policy of the resource itself (a queue's, a key's) was not asked.",
        false => "",
    };
    finding(
        RIGHTS,
        Severity::Block,
        Answer::given(true, "all there"),
        Words {
            pass: format!("We are allowed to do this: {}.{beyond}", list(&names)),
            fail: String::new(),
            unknown: String::new(),
            threshold: "every right its calls need",
            next: "",
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_of_resources_are_spoken_of_where_there_are_some() {
        let said = |action: &str| {
            held(&[Right::Iam {
                action: action.to_owned(),
                resource: "*".to_owned(),
            }])
            .sentence
        };
        assert!(said("sqs:PurgeQueue").contains("was not asked"));
        assert!(!said("eks:UpdateNodegroupConfig").contains("was not asked"));
    }
}
