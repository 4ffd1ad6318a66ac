//! The session policy of a run: what its plan needs and nothing else
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>).

use super::Right;
use crate::verb::Verb;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The policy of what `verb` needs, as JSON; `None`: nothing of it is IAM's.
#[must_use]
pub fn policy(verb: Verb, rights: &[Right]) -> Option<String> {
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for right in rights {
        match right {
            Right::Iam { action, resource } => {
                let mut allow = |action: &str, resource: String| {
                    let actions = allowed.entry(resource).or_default();
                    actions.insert(action.to_owned());
                };
                allow(action, resource.clone());
                for beside in touched(action, resource) {
                    allow(action, beside);
                }
                for other in counted(verb, action) {
                    allow(other, resource.clone());
                }
            }
            Right::Kubernetes { .. } => {}
        }
    }
    let statements: Vec<Value> = allowed
        .iter()
        .map(|(resource, actions)| json!({"Effect": "Allow", "Action": actions, "Resource": resource}))
        .collect();
    let whole = json!({"Version": "2012-10-17", "Statement": statements});
    (!statements.is_empty()).then(|| whole.to_string())
}

/// What else a call about `resource` is judged by: an instance of Aurora is made beside its cluster, out of groups that
/// the cluster has, and a failover names an instance (Service Authorization Reference, Amazon RDS).
fn touched(action: &str, resource: &str) -> Vec<String> {
    let kinds: &[&str] = match action {
        "rds:CreateDBInstance" => &["cluster", "og", "pg", "secgrp", "subgrp"],
        "rds:DeleteDBInstance" => &["cluster"],
        "rds:FailoverDBCluster" => &["db"],
        _ => &[],
    };
    let place: Vec<&str> = resource.splitn(6, ':').take(5).collect();
    let place = place.join(":");
    kinds
        .iter()
        .map(|kind| format!("{place}:{kind}:*"))
        .collect()
}

/// What is allowed though it is not needed: with it, what a crash left twice at the destination is counted instead of
/// only bounded.
fn counted(verb: Verb, action: &str) -> &'static [&'static str] {
    match (verb, action) {
        (Verb::RedriveSelected, "sqs:SendMessage") => {
            &["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"]
        }
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(action: &str, resource: &str) -> Right {
        Right::Iam {
            action: action.to_owned(),
            resource: resource.to_owned(),
        }
    }

    fn of(verb: Verb, rights: Vec<Right>) -> Option<Value> {
        let text = policy(verb, &rights)?;
        Some(serde_json::from_str(&text).expect("JSON"))
    }

    #[test]
    fn a_run_may_do_what_its_plan_needs_and_nothing_else() {
        let (dlq, queue) = (
            "arn:aws:sqs:eu-west-1:1:orders-dlq",
            "arn:aws:sqs:eu-west-1:1:orders",
        );
        let rights = vec![
            right("sqs:StartMessageMoveTask", dlq),
            right("sqs:ReceiveMessage", dlq),
            right("sqs:SendMessage", queue),
        ];
        let policy = of(Verb::Redrive, rights).expect("a policy");
        assert_eq!(
            policy["Statement"],
            json!([
                {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": queue},
                {"Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:StartMessageMoveTask"], "Resource": dlq},
            ])
        );
    }

    #[test]
    fn an_instance_is_made_beside_its_cluster_and_of_its_groups() {
        let ours = "arn:aws-cn:rds:cn-north-1:1:db:ledger-3";
        let policy = of(Verb::AddReader, vec![right("rds:CreateDBInstance", ours)]);
        let policy = policy.expect("a policy").to_string();
        for resource in [
            ours,
            "arn:aws-cn:rds:cn-north-1:1:cluster:*",
            "arn:aws-cn:rds:cn-north-1:1:subgrp:*",
        ] {
            assert!(policy.contains(&format!("\"{resource}\"")), "{policy}");
        }
        assert!(
            !policy.contains("db:*") && !policy.contains("Delete"),
            "{policy}"
        );
    }

    #[test]
    fn kubernetes_has_no_policy_of_iam() {
        let right = Right::Kubernetes {
            verb: "patch".to_owned(),
            group: "apps".to_owned(),
            resource: "deployments".to_owned(),
            namespace: "orders".to_owned(),
            name: "order-writer".to_owned(),
        };
        assert_eq!(of(Verb::Restart, vec![right]), None);
    }
}
