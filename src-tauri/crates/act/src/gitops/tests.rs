//! Who keeps a deployment as git has it, and pausing that.

use crate::Verb;
use crate::plan::{ConfirmLevel, Outcome, Plan};
use crate::workload::tests::{Ground, outcome};
use model::{Fact, Kind, NodeId, Relation};

fn api() -> NodeId {
    NodeId::new("deployment/1/eu-west-1/c/trading/api")
}

/// A keeper of `api`, working.
fn keeper(ground: &mut Ground, kind: Kind, name: &str) -> NodeId {
    let id = ground.node(kind, name);
    let facts = &mut ground.at(&id).facts;
    facts.set(Fact::SelfHeal, true);
    facts.set(Fact::AutoSync, true);
    facts.set(Fact::Suspended, false);
    id
}

fn reverted(plan: &Plan) -> (&str, Outcome) {
    let label = plan.label.split_once(" · ").expect("an owner").1;
    (label, outcome(plan, "scale.gitops"))
}

#[test]
fn when_git_puts_it_back_is_read_off_what_keeps_it() {
    let mut ground = Ground::new();
    let shop = keeper(&mut ground, Kind::Application, "shop");
    ground.tie(&shop, Relation::Deploys, &api());
    let said = "Argo CD application shop reverts it in ≤ 3 min";
    assert_eq!(reverted(&ground.scale("6")), (said, Outcome::Fail));
    ground.at(&shop).facts.set(Fact::SelfHeal, false);
    let said = "Argo CD application shop does not revert it by itself";
    assert_eq!(reverted(&ground.scale("6")), (said, Outcome::Pass));
    ground.at(&shop).facts.set(Fact::SelfHeal, true);
    ground.at(&shop).facts.set(Fact::Suspended, true);
    assert_eq!(reverted(&ground.scale("6")), (said, Outcome::Pass));
}

#[test]
fn what_it_was_told_to_leave_alone_is_not_put_back() {
    let mut ground = Ground::new();
    let shop = keeper(&mut ground, Kind::Application, "shop");
    ground.tie(&shop, Relation::Deploys, &api());
    let always = &mut ground.at(&shop).facts;
    always.set(Fact::IgnoresDriftAlways, true);
    for (rules, left) in [
        ("Deployment */* /spec/replicas", true),
        ("Deployment */* /spec", true),
        (
            "StatefulSet */* /spec/replicas, Deployment trading/api /spec/replicas",
            true,
        ),
        ("Deployment trading/web /spec/replicas", false),
        ("Deployment other/api /spec/replicas", false),
        ("StatefulSet */* /spec/replicas", false),
        ("Deployment */* /spec/replicasX", false),
        ("Deployment */* /spec/template", false),
    ] {
        ground.at(&shop).facts.set(Fact::IgnoresDrift, rules);
        let (label, outcome) = (
            match left {
                true => "Argo CD application shop does not revert it by itself",
                false => "Argo CD application shop reverts it in ≤ 3 min",
            },
            if left { Outcome::Pass } else { Outcome::Fail },
        );
        assert_eq!(reverted(&ground.scale("6")), (label, outcome), "{rules}");
    }
    // A sync for another reason writes it all the same, unless it is told not to.
    let facts = &mut ground.at(&shop).facts;
    facts.set(Fact::IgnoresDrift, "Deployment */* /spec/replicas");
    facts.set(Fact::IgnoresDriftAlways, false);
    let said = "Argo CD application shop does not revert it by itself";
    assert_eq!(reverted(&ground.scale("6")), (said, Outcome::Fail));
}

#[test]
fn marks_lead_to_what_keeps_it_and_without_it_the_default_is_said() {
    let mut ground = Ground::new();
    let mark = "flux-kustomization:trading/apps";
    ground.api().facts.set(Fact::ManagedBy, mark);
    let said = "Flux Kustomization apps reverts it in ≤ 10 min";
    let plan = ground.scale("6");
    assert_eq!(reverted(&plan), (said, Outcome::Fail));
    let finding = plan.findings.iter().find(|f| f.id == "scale.gitops");
    let sentence = &finding.expect("there").sentence;
    assert!(sentence.ends_with("by default."), "{sentence}");
    let apps = keeper(&mut ground, Kind::Kustomization, "apps");
    ground.at(&apps).facts.set(Fact::SyncIntervalSeconds, 120);
    let said = "Flux Kustomization apps reverts it in ≤ 2 min";
    assert_eq!(reverted(&ground.scale("6")), (said, Outcome::Fail));
}

#[test]
fn a_pause_leaves_a_loop_and_says_what_it_holds_up() {
    let mut ground = Ground::new();
    let apps = keeper(&mut ground, Kind::Kustomization, "apps");
    ground.tie(&apps, Relation::Deploys, &api());
    let plan = ground.plan(Verb::Pause, &apps, &[("for", "2h")]);
    assert_eq!(outcome(&plan, "pause.state"), Outcome::Pass);
    assert_eq!(plan.level, ConfirmLevel::L2);
    assert_eq!(plan.label, "Pause Flux Kustomization apps for 2 h");
    assert!(plan.blast.sentences[0].contains("reaches api and whatever else"));
    let leaves = plan.leaves.expect("a loop");
    assert_eq!((leaves.seconds, leaves.close.action), (7_200, Verb::Resume));
    let cli = &plan.calls[0].cli;
    assert!(cli.contains("patch kustomizations.kustomize.toolkit.fluxcd.io/apps --type=json"));
    assert!(
        cli.contains(r#""value":null"#),
        "absent when planned: {cli}"
    );
    let resume = ground.plan(Verb::Resume, &apps, &[]);
    assert_eq!(outcome(&resume, "resume.state"), Outcome::Fail);
}

#[test]
fn a_resume_says_that_what_was_done_by_hand_is_put_back() {
    let mut ground = Ground::new();
    let shop = keeper(&mut ground, Kind::Application, "shop");
    let facts = &mut ground.at(&shop).facts;
    facts.set(Fact::Suspended, true);
    facts.set(Fact::SuspendWritten, "True");
    let plan = ground.plan(Verb::Resume, &shop, &[]);
    assert_eq!(outcome(&plan, "resume.state"), Outcome::Pass);
    assert!(plan.blast.sentences[1].contains("put back"));
    assert_eq!(
        plan.calls[0].cli,
        "kubectl --namespace trading annotate applications.argoproj.io/shop argocd.argoproj.io/skip-reconcile-"
    );
    let fields = plan.calls[0].parameters["fields"].as_str();
    assert!(fields.expect("fields").contains(r#""was":"True""#));
    let again = ground.plan(Verb::Pause, &shop, &[]);
    assert_eq!(outcome(&again, "pause.state"), Outcome::Fail);
    ground.at(&shop).facts.set(Fact::AutoSync, false);
    let by_hand = ground.plan(Verb::Resume, &shop, &[]).blast.sentences;
    assert!(by_hand[0].contains("until somebody syncs"), "{by_hand:?}");
}

#[test]
fn the_one_that_the_object_names_keeps_it_and_not_one_that_deploys_elsewhere() {
    let mut ground = Ground::new();
    ground.api().facts.set(Fact::ManagedBy, "argocd:shop");
    let other = keeper(&mut ground, Kind::Application, "aaa");
    ground.tie(&other, Relation::Deploys, &api());
    let shop = keeper(&mut ground, Kind::Application, "shop");
    ground.at(&shop).facts.set(Fact::SelfHeal, false);
    let said = "Argo CD application shop does not revert it by itself";
    assert_eq!(reverted(&ground.scale("6")), (said, Outcome::Pass));
    ground.at(&shop).facts.set(Fact::Destination, "https://eu");
    let said = "Argo CD application shop reverts it in ≤ 3 min";
    assert_eq!(reverted(&ground.scale("6")), (said, Outcome::Fail));
}

#[test]
fn what_makes_the_keeper_may_end_its_pause() {
    let mut ground = Ground::new();
    let shop = keeper(&mut ground, Kind::Application, "shop");
    ground
        .at(&shop)
        .facts
        .set(Fact::ManagedBy, "applicationset:shops");
    let plan = ground.plan(Verb::Pause, &shop, &[]);
    assert_eq!(outcome(&plan, "pause.parent"), Outcome::Fail);
    assert_eq!(plan.level, ConfirmLevel::L3);
}

#[test]
fn a_keeper_of_one_workload_shares_its_lock() {
    let mut ground = Ground::new();
    let apps = keeper(&mut ground, Kind::Kustomization, "apps");
    ground.tie(&apps, Relation::Deploys, &api());
    let hpa = ground.scaler(Kind::Hpa, "api", 3, 5);
    ground.tie(&apps, Relation::Deploys, &hpa);
    assert_eq!(ground.plan(Verb::Pause, &apps, &[]).domain, api().as_str());
    let other = ground.node(Kind::Deployment, "web");
    ground.tie(&apps, Relation::Deploys, &other);
    assert_eq!(ground.plan(Verb::Pause, &apps, &[]).domain, apps.as_str());
}
