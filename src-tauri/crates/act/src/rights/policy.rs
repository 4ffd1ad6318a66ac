//! The session policy of a run: what its plan needs and nothing else
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>).

use super::Right;
use cloud::acting::LONGEST_POLICY;
use model::Verb;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The part of an ARN that makes it one of an alias (`arn:…:alias/orders`).
pub(super) const ALIAS: &str = ":alias/";

/// The policy of what `verb` needs, as JSON; `None`: nothing of it is IAM's. Where each queue by its name is longer than
/// a session policy may be ([`LONGEST_POLICY`]), it is every queue of their account and region instead: what the role
/// itself may not, it still may not.
#[must_use]
pub fn policy(verb: Verb, rights: &[Right]) -> Option<String> {
    let allowed = allowed(verb, rights);
    let text = (!allowed.is_empty()).then(|| document(&allowed))?;
    if text.len() <= LONGEST_POLICY {
        return Some(text);
    }
    let mut wide = Allowed::new();
    for (resource, actions) in allowed {
        wide.entry(widened(&resource)).or_default().extend(actions);
    }
    Some(document(&wide))
}

/// Actions by what they are allowed on.
type Allowed = BTreeMap<String, BTreeSet<String>>;

fn allowed(verb: Verb, rights: &[Right]) -> Allowed {
    let mut allowed = Allowed::new();
    for right in rights {
        let Right::Iam { action, resource } = right else {
            continue;
        };
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
    allowed
}

/// One statement for all that the same actions are allowed on.
fn document(allowed: &Allowed) -> String {
    let mut on: BTreeMap<&BTreeSet<String>, Vec<&str>> = BTreeMap::new();
    for (resource, actions) in allowed {
        on.entry(actions).or_default().push(resource);
    }
    let statements: Vec<Value> = on
        .iter()
        .flat_map(|(actions, resources)| statements(actions, resources))
        .chain(
            on.iter()
                .filter_map(|(actions, on)| key_of_storage(actions, on)),
        )
        .collect();
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// A key cannot be named by its alias: any key is, on the condition that it has it
/// (<https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-resource-aliases>).
fn statements(actions: &BTreeSet<String>, resources: &[&str]) -> Vec<Value> {
    let allow =
        |resource: Value| json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    let (aliases, named): (Vec<&str>, Vec<&str>) = resources
        .iter()
        .copied()
        .partition(|arn| arn.contains(ALIAS));
    let named = (!named.is_empty()).then(|| match named.as_slice() {
        [one] => allow(json!(one)),
        several => allow(json!(several)),
    });
    let by_alias = aliases.into_iter().filter_map(|arn| {
        let (place, alias) = arn.split_once(ALIAS)?;
        let mut statement = allow(json!(format!("{place}:key/*")));
        statement["Condition"] =
            json!({"ForAnyValue:StringEquals": {"kms:ResourceAliases": format!("alias/{alias}")}});
        Some(statement)
    });
    named.into_iter().chain(by_alias).collect()
}

/// An instance of an encrypted cluster is made with the cluster's key, for who makes it
/// (<https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Overview.Encryption.Keys.html>, "Authorizing use of a
/// customer managed key"): by RDS alone, on their behalf.
fn key_of_storage(actions: &BTreeSet<String>, resources: &[&str]) -> Option<Value> {
    actions.get("rds:CreateDBInstance")?;
    let parts: Vec<&str> = resources.first()?.splitn(6, ':').collect();
    let [_, partition, _, region, account, _] = parts[..] else {
        return None;
    };
    Some(json!({
        "Effect": "Allow",
        "Action": ["kms:CreateGrant", "kms:DescribeKey"],
        "Resource": format!("arn:{partition}:kms:{region}:{account}:key/*"),
        "Condition": {"StringLike": {"kms:ViaService": format!("rds.{region}.amazonaws.com*")}},
    }))
}

/// Everything of the kind in the same account and region; of keys, any.
fn widened(resource: &str) -> String {
    let mut parts: Vec<&str> = resource.splitn(6, ':').collect();
    if let [_, _, "sqs" | "kms", _, _, name] = parts.as_mut_slice() {
        *name = if name.contains('/') { "key/*" } else { "*" };
    }
    parts.join(":")
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
                {"Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:StartMessageMoveTask"], "Resource": dlq},
                {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": queue},
            ])
        );
    }

    #[test]
    fn a_key_that_is_named_by_its_alias_is_any_key_that_has_it() {
        let alias = "arn:aws:kms:eu-west-1:1:alias/orders";
        let policy = of(Verb::Redrive, vec![right("kms:Decrypt", alias)]).expect("a policy");
        assert_eq!(
            policy["Statement"],
            json!([{
                "Effect": "Allow",
                "Action": ["kms:Decrypt"],
                "Resource": "arn:aws:kms:eu-west-1:1:key/*",
                "Condition": {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/orders"}},
            }])
        );
    }

    #[test]
    fn many_queues_are_one_statement_and_too_many_are_all_of_their_place() {
        let queues = |many: usize| {
            let queue = |n| format!("arn:aws:sqs:eu-west-1:111122223333:orders-of-market-{n}");
            let sends = (0..many).map(|n| right("sqs:SendMessage", &queue(n)));
            policy(Verb::Redrive, &sends.collect::<Vec<_>>()).expect("a policy")
        };
        assert!(queues(20).contains("market-19") && queues(20).len() <= LONGEST_POLICY);
        let whole: Value = serde_json::from_str(&queues(200)).expect("JSON");
        assert_eq!(
            whole["Statement"],
            json!([{"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": "arn:aws:sqs:eu-west-1:111122223333:*"}])
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
        assert!(policy.contains("\"kms:ViaService\":\"rds.cn-north-1.amazonaws.com*\""));
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
