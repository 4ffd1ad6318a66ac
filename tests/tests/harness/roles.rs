//! Who signs what: the profile reads, the role acts, and each is allowed what the README says and nothing else.

use crate::rows::actions;
use crate::stage::{ACT_USER, Stage, closed};
use act::{Action, Right, Verb, rights};
use model::Kind;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Where the simulated keys lead.
const READER: &str = "arn:aws:sts::100200300400:assumed-role/operations/";
/// Sessions of the role that acts.
const ACTOR: &str = "arn:aws:sts::100200300400:assumed-role/quarterdeck-act/quarterdeck-";

/// The user the simulated clusters know our token by.
const OPERATOR: &str = "operator";

/// IAM actions, or what is asked of a cluster: `kubernetes:patch:apps:deployments/scale`.
type Actions = BTreeSet<String>;

fn readme() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    std::fs::read_to_string(readme).expect("the README")
}

/// What a role of the README allows.
fn role(name: &str) -> Actions {
    let readme = readme();
    let block = readme.split("```yaml\n").nth(1).expect("a block");
    let block = block.split("```").next().expect("its end");
    let objects: Vec<Value> = serde_saphyr::from_multiple(block).expect("YAML");
    let named = |object: &&Value| object["roleRef"].is_null() && object["metadata"]["name"] == name;
    let role = objects.iter().find(named).expect("the role");
    let words = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list").iter();
        list.map(|word| word.as_str().expect("a word").to_owned())
            .collect()
    };
    let mut all = Actions::new();
    for rule in role["rules"].as_array().expect("rules") {
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                let verbs = words(&rule["verbs"]);
                all.extend(verbs.iter().map(|verb| of_cluster(verb, &group, &resource)));
            }
        }
    }
    all
}

fn of_cluster(verb: &str, group: &str, resource: &str) -> String {
    format!("kubernetes:{verb}:{group}:{resource}")
}

/// The actions of the README's statements whose id begins so.
fn policy(sid: &str) -> Actions {
    let readme = readme();
    let blocks = readme.split("```json\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().expect("a block"));
    let policies = blocks.map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
    let statements = policies.flat_map(|policy| policy["Statement"].as_array().cloned());
    let named = statements.flatten().filter(|statement| {
        let id = statement["Sid"].as_str();
        id.is_some_and(|id| id.starts_with(sid))
    });
    let actions = named.flat_map(|statement| statement["Action"].as_array().cloned());
    let actions = actions.flatten();
    actions
        .map(|action| action.as_str().expect("an action").to_owned())
        .collect()
}

/// The actions a session policy allows.
fn allowed(policy: &str) -> Actions {
    let policy: Value = serde_json::from_str(policy).expect("JSON");
    let statements = policy["Statement"].as_array().expect("statements").iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().expect("actions"));
    actions
        .map(|action| action.as_str().expect("an action").to_owned())
        .collect()
}

/// What the harness itself does with the keys of the profile, before an action can take it back.
fn prepared(action: &dyn Action) -> Option<&'static str> {
    let mapping = action.verb() == Verb::Resume && action.kinds() == [Kind::Mapping];
    mapping.then_some("lambda:UpdateEventSourceMapping")
}

fn on_cluster(right: &Right) -> Option<String> {
    match right {
        Right::Iam { .. } => None,
        Right::Kubernetes {
            verb,
            group,
            resource,
            ..
        } => Some(of_cluster(verb, group, resource)),
    }
}

/// Every action, run to its end: what the reader signed, what the role that acts signed, and what its policies allowed.
#[tokio::test]
async fn the_profile_reads_the_role_acts_and_the_readme_says_what_both_need() {
    let (mut read, mut granted) = (Actions::new(), Actions::new());
    let (mut seen, mut changed) = (Actions::new(), Actions::new());
    for action in actions() {
        let stage = Stage::new(action).await;
        let plan = stage.desk().plan().await;
        let verb = action.verb().as_str();
        let session = rights::policy(action.verb(), &plan.rights);
        let of_iam = |right: &Right| matches!(right, Right::Iam { .. });
        assert_eq!(session.is_some(), plan.rights.iter().any(of_iam), "{verb}");
        let acts_as = plan.acts_as.as_deref();
        assert_eq!(acts_as.is_some(), !plan.rights.is_empty(), "{verb}");
        assert!(
            session.is_some() || acts_as.is_none_or(|user| user == ACT_USER),
            "{verb}"
        );
        let size = session.as_ref().map_or(0, String::len);
        assert!(
            size <= cloud::acting::LONGEST_POLICY,
            "{verb}: {size} characters"
        );
        let run = stage.desk().press(&plan).await.expect("started");
        let receipt = closed(run).await.expect("a receipt");
        assert_eq!(
            receipt.verdict,
            Some(act::Verdict::Verified),
            "{verb}: {}",
            receipt.sentence
        );
        let mut acted = Actions::new();
        for (called, signer) in stage.calls() {
            if signer.starts_with(READER) && prepared(action) == Some(&called) {
                continue;
            }
            match signer.as_str() {
                OPERATOR => seen.insert(called),
                ACT_USER => changed.insert(called),
                signer if signer.starts_with(ACTOR) => acted.insert(called),
                signer if signer.starts_with(READER) => read.insert(called),
                signer => panic!("{verb}: {called} is signed by {signer}"),
            };
        }
        for call in plan.calls.iter().filter(|_| session.is_some()) {
            let batched = acted
                .iter()
                .any(|made| call.operation.starts_with(made.as_str()));
            assert!(
                batched,
                "{verb}: {} is not signed by the role: {acted:?}",
                call.operation
            );
        }
        changed.extend(plan.rights.iter().filter_map(on_cluster));
        granted.extend(session.as_deref().map(allowed).unwrap_or_default());
        if action.verb() != Verb::Purge {
            // Before a purge the queue is exported, on an errand of its own.
            assert!(acted.is_subset(&granted), "{verb}: {acted:?}");
        }
    }
    if std::env::var("HARNESS_ONLY").is_ok() {
        return;
    }
    let writes: Actions = granted.intersection(&read).cloned().collect();
    assert_eq!(
        writes,
        ["sqs:GetQueueAttributes".to_owned()].into(),
        "the reader does what only the role may"
    );
    // Asked before a press by the engine alone, and of clusters with custom endpoints, which there are none of here.
    let elsewhere = [
        "iam:GetRole",
        "iam:SimulatePrincipalPolicy",
        "rds:DescribeDBClusterEndpoints",
    ];
    read.extend(elsewhere.map(str::to_owned));
    assert_eq!(
        read,
        policy("Read"),
        "what was read, and what the README says"
    );
    // Keys of their own have no queues here.
    granted.extend(["kms:Decrypt", "kms:GenerateDataKey"].map(str::to_owned));
    assert_eq!(
        granted,
        policy("Act"),
        "what was allowed, and what the README says"
    );
    // What owns replicas is one thing for each action here; the lock is not taken by the harness.
    let elsewhere = [
        ("create", "coordination.k8s.io", "leases"),
        ("delete", "coordination.k8s.io", "leases"),
        ("update", "coordination.k8s.io", "leases"),
        ("get", "apps", "statefulsets"),
        ("patch", "apps", "deployments/scale"),
        ("patch", "apps", "statefulsets/scale"),
        // What kubectl asks for when a line is pasted.
        ("update", "apps", "deployments/scale"),
        ("update", "apps", "statefulsets/scale"),
        ("get", "apps", "deployments/scale"),
        ("get", "apps", "statefulsets/scale"),
        ("list", "apps", "replicasets"),
        ("get", "argoproj.io", "applications"),
        ("patch", "argoproj.io", "applications"),
        ("get", "helm.toolkit.fluxcd.io", "helmreleases"),
        ("patch", "helm.toolkit.fluxcd.io", "helmreleases"),
    ];
    changed.extend(elsewhere.map(|(verb, group, resource)| of_cluster(verb, group, resource)));
    let mut acting = role("quarterdeck-act");
    acting.extend(role("quarterdeck-lock"));
    assert_eq!(
        changed, acting,
        "what was changed on clusters, and what the README says"
    );
    // Right before they are changed, and what these clusters do not serve.
    let elsewhere = [
        ("get", "apps", "statefulsets"),
        ("get", "argoproj.io", "applications"),
        ("get", "coordination.k8s.io", "leases"),
        ("get", "helm.toolkit.fluxcd.io", "helmreleases"),
        ("list", "helm.toolkit.fluxcd.io", "helmreleases"),
        ("watch", "helm.toolkit.fluxcd.io", "helmreleases"),
        ("impersonate", "", "users"),
    ];
    seen.extend(elsewhere.map(|(verb, group, resource)| of_cluster(verb, group, resource)));
    assert_eq!(
        seen,
        role("quarterdeck-read"),
        "what was read of clusters, and what the README says"
    );
}
