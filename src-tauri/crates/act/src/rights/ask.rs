//! Asks for rights before they are needed.
//!
//! AWS: `SimulatePrincipalPolicy`
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>). What it
//! says can differ from what happens: it evaluates the principal's identity-based policies, its
//! permissions boundary and the organization's service control policies, but neither the policy of
//! the session nor that of the resource, and conditions on context it was not given. So a denial
//! that hangs on missing context is not called one, and a right that is there is no promise: the call
//! is made once, and its refusal is an outcome of its own.
//!
//! Where the account has a role that acts, it is that role whose rights are asked for, and the caller's right to assume
//! it.
//!
//! Kubernetes: `SelfSubjectAccessReview`, which any authenticated user may create
//! (<https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/>); of the
//! user that acts, where the account has one.

use super::policy::ALIAS;
use super::{Allowed, Right, Rights};
use crate::hands::Hands;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{EvaluationResult, PolicyEvaluationDecisionType as Decision};
use cloud::kubernetes::{ClusterSession, classify};
use cloud::{ActRole, Caller, Session};
use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};
use model::{FailureClass, Service, SourceFailure, Verb};
use std::collections::BTreeMap;

/// What assuming the role that acts takes.
const ASSUME: &str = "sts:AssumeRole";

/// What is answered about the rights that an action needs; each of them has an answer.
pub async fn ask(hands: &Hands, verb: Verb, rights: &[Right]) -> Rights {
    let mut on: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut reviews = Vec::new();
    for right in rights {
        match right {
            Right::Iam { action, resource } => on.entry(resource).or_default().push(action),
            Right::Kubernetes { .. } => reviews.push(review(hands.cluster(), right)),
        }
    }
    let (iam, kubernetes) = tokio::join!(simulate(hands, verb, on), join_all(reviews));
    iam.into_iter().chain(kubernetes).collect()
}

/// Every action on every resource it is needed on: one call per resource, as one call crosses all
/// its actions with all its resources.
async fn simulate(hands: &Hands, verb: Verb, on: BTreeMap<&str, Vec<&str>>) -> Rights {
    if on.is_empty() {
        return Rights::new();
    }
    let all = |why: &str| {
        let of = on.iter().flat_map(|(resource, actions)| {
            let one = |action: &&str| (iam(action, resource), Allowed::Unasked(why.to_owned()));
            actions.iter().map(one)
        });
        of.collect()
    };
    let Some(account) = hands.account() else {
        return all("the account is not open");
    };
    let caller = match &account.identity {
        Ok(caller) => caller,
        Err(failure) => return all(&failure.sentence),
    };
    let session = &account.global;
    let client = session.iam();
    let principal = match principal(session, client, caller).await {
        Ok(principal) => principal,
        Err(why) => return all(why),
    };
    let principal = match session.act_roles.of(verb) {
        None => principal,
        Some(role) => match assumable(session, client, (caller, &principal), role).await {
            Allowed::No(why) => return denied(&on, role.arn(), &why),
            // Where it is not known, the role's own rights still are.
            Allowed::Yes | Allowed::Unasked(_) => role.arn().to_owned(),
        },
    };
    let calls = on
        .iter()
        .map(|(resource, actions)| simulated(session, client, &principal, resource, actions));
    join_all(calls).await.into_iter().flatten().collect()
}

/// Whether the caller may assume the role that acts. The role must trust it too, which IAM does not simulate; in one
/// account that trust is enough where it names the caller
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
async fn assumable(
    session: &Session,
    client: &Client,
    (caller, principal): (&Caller, &str),
    role: &ActRole,
) -> Allowed {
    match evaluated(session, client, principal, role.arn(), &[ASSUME]).await {
        Err(failure) => Allowed::Unasked(failure.sentence),
        Ok(results) => {
            let one_account = caller.account.as_str() == role.account();
            let told = results.first().map(|result| assumed(result, one_account));
            told.unwrap_or_else(unsaid)
        }
    }
}

fn assumed(result: &EvaluationResult, one_account: bool) -> Allowed {
    let silent = result.eval_decision == Decision::ImplicitDeny && !by_organization(result);
    match silent && one_account {
        true => Allowed::Unasked(format!(
            "whether {ASSUME} is allowed depends on what the role trusts"
        )),
        false => decided(result),
    }
}

/// Nothing can be done by a role that cannot be assumed.
fn denied(on: &BTreeMap<&str, Vec<&str>>, role: &str, why: &str) -> Rights {
    let why = match why {
        "" => format!("{ASSUME} on {role} is missing"),
        why => format!("{ASSUME} on {role} is missing: {why}"),
    };
    let of = on.iter().flat_map(|(resource, actions)| {
        let one = |action: &&str| (iam(action, resource), Allowed::No(why.clone()));
        actions.iter().map(one)
    });
    of.collect()
}

fn iam(action: &str, resource: &str) -> Right {
    Right::Iam {
        action: action.to_owned(),
        resource: resource.to_owned(),
    }
}

/// Whose policies are simulated: IAM knows users, groups and roles, and of a session only its role.
///
/// # Errors
/// When the caller is none of these.
async fn principal(
    session: &Session,
    client: &Client,
    caller: &Caller,
) -> Result<String, &'static str> {
    let mut parts = caller.arn.splitn(6, ':');
    let (partition, resource) = (parts.nth(1), parts.nth(3));
    let (Some(partition), Some(resource)) = (partition, resource) else {
        return Err("STS does not say who we are");
    };
    let mut words = resource.split('/');
    match (words.next(), words.next()) {
        (Some("user" | "role"), Some(_)) => Ok(caller.arn.clone()),
        (Some("assumed-role"), Some(role)) => {
            Ok(role_arn(session, client, caller, partition, role).await)
        }
        (Some("root"), _) => Err("IAM does not simulate the root user"),
        _ => Err("IAM does not simulate a federated session"),
    }
}

/// The ARN of a role. That of its session leaves its path out, so the role itself is asked for it; who
/// may not ask gets the one without a path (IAM User Guide, "IAM identifiers").
async fn role_arn(
    session: &Session,
    client: &Client,
    caller: &Caller,
    partition: &str,
    role: &str,
) -> String {
    let asked = client.get_role().role_name(role).send();
    let told = session.ask(Service::Iam, "GetRole", role, asked).await;
    let arn = told
        .ok()
        .and_then(|answer| answer.role)
        .map(|role| role.arn);
    arn.unwrap_or_else(|| format!("arn:{partition}:iam::{}:role/{role}", caller.account))
}

async fn simulated(
    session: &Session,
    client: &Client,
    principal: &str,
    resource: &str,
    actions: &[&str],
) -> Rights {
    if resource.contains(ALIAS) {
        let why = "which key an alias leads to is known to KMS alone";
        let open = |action: &&str| (iam(action, resource), Allowed::Unasked(why.to_owned()));
        return actions.iter().map(open).collect();
    }
    let answer = evaluated(session, client, principal, resource, actions).await;
    let told = |action: &&str| {
        let allowed = match &answer {
            Ok(results) => {
                let mut results = results.iter();
                let result = results.find(|result| result.eval_action_name == *action);
                result.map_or_else(unsaid, decided)
            }
            Err(failure) => Allowed::Unasked(failure.sentence.clone()),
        };
        (iam(action, resource), allowed)
    };
    actions.iter().map(told).collect()
}

/// What IAM says of each action on a resource.
async fn evaluated(
    session: &Session,
    client: &Client,
    principal: &str,
    resource: &str,
    actions: &[&str],
) -> Result<Vec<EvaluationResult>, SourceFailure> {
    let call = client
        .simulate_principal_policy()
        .policy_source_arn(principal)
        .set_action_names(Some(actions.iter().map(|a| (*a).to_owned()).collect()))
        .resource_arns(resource)
        .send();
    let name = "SimulatePrincipalPolicy";
    let answer = session.ask(Service::Iam, name, principal, call).await?;
    Ok(answer.evaluation_results.unwrap_or_default())
}

fn unsaid() -> Allowed {
    Allowed::Unasked("IAM's answer leaves it out".to_owned())
}

fn decided(result: &EvaluationResult) -> Allowed {
    let missing = result.missing_context_values();
    match result.eval_decision {
        Decision::Allowed => Allowed::Yes,
        _ if !missing.is_empty() => Allowed::Unasked(format!(
            "whether it is allowed depends on {}, which is known only with the call",
            missing.join(", ")
        )),
        _ if by_organization(result) => Allowed::No("a policy of the organization".to_owned()),
        Decision::ExplicitDeny => Allowed::No("a policy denies it".to_owned()),
        Decision::ImplicitDeny => Allowed::No("no policy allows it".to_owned()),
        _ => unsaid(),
    }
}

fn by_organization(result: &EvaluationResult) -> bool {
    let organization = result.organizations_decision_detail();
    organization.is_some_and(|detail| !detail.allowed_by_organizations)
}

/// One review; a right that is not Kubernetes' is not asked here.
async fn review(cluster: Option<&ClusterSession>, right: &Right) -> (Right, Allowed) {
    let allowed = match (cluster, attributes(right)) {
        (Some(cluster), Some(attributes)) => reviewed(cluster, attributes).await,
        (None, _) | (_, None) => Allowed::Unasked("its cluster is not open".to_owned()),
    };
    (right.clone(), allowed)
}

fn attributes(right: &Right) -> Option<ResourceAttributes> {
    let Right::Kubernetes {
        verb,
        group,
        resource,
        namespace,
        name,
    } = right
    else {
        return None;
    };
    let (resource, sub) = match resource.split_once('/') {
        Some((resource, sub)) => (resource, Some(sub.to_owned())),
        None => (resource.as_str(), None),
    };
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Some(ResourceAttributes {
        verb: Some(verb.clone()),
        group: Some(group.clone()),
        resource: Some(resource.to_owned()),
        subresource: sub,
        namespace: some(namespace),
        name: some(name),
        ..ResourceAttributes::default()
    })
}

async fn reviewed(cluster: &ClusterSession, attributes: ResourceAttributes) -> Allowed {
    let api: Api<SelfSubjectAccessReview> = Api::all(cluster.client());
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let status = match api.create(&PostParams::default(), &review).await {
        Ok(answer) => answer.status,
        Err(error) => return unreviewed(cluster, &error),
    };
    match status {
        Some(status) if status.allowed => Allowed::Yes,
        Some(status) => {
            // An error on the way to the answer can hide a role that would allow it.
            let error = status
                .evaluation_error
                .filter(|_| status.denied != Some(true));
            let why = status.reason.filter(|why| !why.is_empty());
            match error {
                Some(error) => Allowed::Unasked(error),
                None => Allowed::No(why.unwrap_or_else(|| "no role allows it".to_owned())),
            }
        }
        None => Allowed::Unasked("the access review has no answer".to_owned()),
    }
}

/// Anybody who is signed in may ask for a review: a 403 is about whose it was said to be.
fn unreviewed(cluster: &ClusterSession, error: &kube::Error) -> Allowed {
    let refused = matches!(classify(error), FailureClass::Denied);
    match cluster.act_user().filter(|_| refused) {
        Some(user) => Allowed::No(format!("who reads may not impersonate {}", user.name())),
        None => {
            let name = cluster.name();
            Allowed::Unasked(format!("{name} did not answer the access review ({error})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_iam::types::OrganizationsDecisionDetail;

    fn result(decision: Decision) -> EvaluationResult {
        let built = EvaluationResult::builder()
            .eval_action_name("sqs:PurgeQueue")
            .eval_decision(decision);
        built.build().expect("complete")
    }

    #[test]
    fn a_denial_is_one_only_when_nothing_is_missing_to_say_so() {
        assert_eq!(decided(&result(Decision::Allowed)), Allowed::Yes);
        let denied = decided(&result(Decision::ImplicitDeny));
        assert!(matches!(denied, Allowed::No(why) if why == "no policy allows it"));
        let denied = decided(&result(Decision::ExplicitDeny));
        assert!(matches!(denied, Allowed::No(why) if why == "a policy denies it"));
        let mut hangs = result(Decision::ImplicitDeny);
        hangs.missing_context_values = Some(vec!["aws:SourceIp".to_owned()]);
        let open = decided(&hangs);
        assert!(matches!(open, Allowed::Unasked(why) if why.contains("aws:SourceIp")));
        let mut above = result(Decision::ImplicitDeny);
        above.organizations_decision_detail = Some(OrganizationsDecisionDetail::builder().build());
        let denied = decided(&above);
        assert!(matches!(denied, Allowed::No(why) if why.contains("organization")));
    }

    #[test]
    fn what_no_policy_says_of_a_role_of_the_same_account_is_left_to_its_trust() {
        let silent = result(Decision::ImplicitDeny);
        assert!(matches!(assumed(&silent, true), Allowed::Unasked(why) if why.contains("trusts")));
        assert!(matches!(assumed(&silent, false), Allowed::No(_)));
        let denied = result(Decision::ExplicitDeny);
        assert!(matches!(assumed(&denied, true), Allowed::No(_)));
        let mut above = result(Decision::ImplicitDeny);
        above.organizations_decision_detail = Some(OrganizationsDecisionDetail::builder().build());
        assert!(matches!(assumed(&above, true), Allowed::No(_)));
        assert_eq!(assumed(&result(Decision::Allowed), true), Allowed::Yes);
    }

    #[test]
    fn a_subresource_is_asked_for_as_one() {
        let right = Right::Kubernetes {
            verb: "patch".to_owned(),
            group: "apps".to_owned(),
            resource: "deployments/scale".to_owned(),
            namespace: "orders".to_owned(),
            name: "order-writer".to_owned(),
        };
        let asked = attributes(&right).expect("of Kubernetes");
        assert_eq!(asked.resource.as_deref(), Some("deployments"));
        assert_eq!(asked.subresource.as_deref(), Some("scale"));
        assert_eq!(asked.namespace.as_deref(), Some("orders"));
        assert_eq!(attributes(&iam("sqs:PurgeQueue", "*")), None);
    }

    #[tokio::test]
    async fn without_hands_every_right_is_said_not_to_be_asked() {
        let rights = [
            iam("sqs:PurgeQueue", "*"),
            Right::Kubernetes {
                verb: "patch".to_owned(),
                group: String::new(),
                resource: "nodes".to_owned(),
                namespace: String::new(),
                name: "n1".to_owned(),
            },
        ];
        let answers = ask(&Hands::none(), Verb::Redrive, &rights).await;
        assert_eq!(answers.len(), 2);
        assert!(answers.values().all(|a| matches!(a, Allowed::Unasked(_))));
    }
}
