//! Differences from git that are left alone: `spec.ignoreDifferences` of an Application
//! (<https://argo-cd.readthedocs.io/en/stable/user-guide/diffing/#application-level-configuration>),
//! `spec.driftDetection.ignore` of a HelmRelease
//! (<https://fluxcd.io/flux/components/helm/helmreleases/#ignore-rules>), `spec.ignore` of a
//! Kustomization (<https://fluxcd.io/blog/2026/08/ignore-rules-drift-detection>).
//!
//! Only what is certain to leave a field alone is kept: a pattern instead of a name, a selector of
//! labels or an expression that is no plain path is passed over, and what it may spare is taken for
//! put back. What Argo CD ignores for all its Applications (`argocd-cm`) is not read.

use super::super::decode::{Text, nullable};
use serde::Deserialize;

/// One of `spec.ignoreDifferences`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Difference<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    group: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    kind: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    namespace: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    name: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    json_pointers: Vec<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    jq_path_expressions: Vec<Text<'a>>,
}

/// One of Flux' ignore rules.
#[derive(Deserialize)]
pub(super) struct Rule<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    paths: Vec<Text<'a>>,
    /// Everything when left out.
    #[serde(borrow, default, deserialize_with = "nullable")]
    target: Target<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    group: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    kind: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    namespace: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    name: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    label_selector: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    annotation_selector: Text<'a>,
}

/// The kinds whose fields are written here, with their groups.
const KINDS: [(&str, &str); 4] = [
    ("Deployment", "apps"),
    ("StatefulSet", "apps"),
    ("HorizontalPodAutoscaler", "autoscaling"),
    ("ScaledObject", "keda.sh"),
];

/// What an Application ignores, as [`model::Fact::IgnoresDrift`] has it. Group and kind are matched as
/// patterns; nothing stands for the core group and for no kind.
pub(super) fn differences(all: &[Difference<'_>]) -> Option<String> {
    let is = |wanted: &str, own: &str| wanted == "*" || wanted == own;
    joined(all.iter().flat_map(|one| {
        let pointers = one.json_pointers.iter().map(|p| p.to_string());
        let paths = one.jq_path_expressions.iter();
        let pointers: Vec<String> = pointers.chain(paths.filter_map(|p| pointer(p))).collect();
        let kinds = kinds(|kind, group| is(&one.kind, kind) && is(&one.group, group));
        lines(&kinds, &one.namespace, &one.name, &pointers)
    }))
}

/// What a HelmRelease or Kustomization ignores: nothing stands for everything.
pub(super) fn rules(all: &[Rule<'_>]) -> Option<String> {
    let is = |wanted: &str, own: &str| wanted.is_empty() || wanted == own;
    let selects = |rule: &&Rule<'_>| {
        rule.target.label_selector.is_empty() && rule.target.annotation_selector.is_empty()
    };
    joined(all.iter().filter(selects).flat_map(|rule| {
        let target = &rule.target;
        let paths: Vec<String> = rule.paths.iter().map(|path| path.to_string()).collect();
        let kinds = kinds(|kind, group| is(&target.kind, kind) && is(&target.group, group));
        lines(&kinds, &target.namespace, &target.name, &paths)
    }))
}

fn kinds(fits: impl Fn(&str, &str) -> bool) -> Vec<&'static str> {
    let fitting = KINDS.iter().filter(|(kind, group)| fits(kind, group));
    fitting.map(|(kind, _)| *kind).collect()
}

fn joined(rules: impl Iterator<Item = String>) -> Option<String> {
    let all: Vec<String> = rules.collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// `Deployment */api /spec/replicas` for each kind and pointer; none of patterns.
fn lines(kinds: &[&str], namespace: &str, name: &str, pointers: &[String]) -> Vec<String> {
    let plain = |text: &str| {
        let mut letters = text.chars();
        letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    };
    if !plain(namespace) || !plain(name) {
        return Vec::new();
    }
    let any = |text: &str| match text {
        "" => "*".to_owned(),
        text => text.to_owned(),
    };
    let place = format!("{}/{}", any(namespace), any(name));
    let fits = |pointer: &&String| pointer.starts_with('/') && !pointer.contains([' ', ',']);
    let mut all = Vec::new();
    for kind in kinds {
        let pointers = pointers.iter().filter(fits);
        all.extend(pointers.map(|pointer| format!("{kind} {place} {pointer}")));
    }
    all
}

/// `.spec.replicas` → `/spec/replicas`; `None` of what is more than a path.
fn pointer(expression: &str) -> Option<String> {
    let path = expression.trim().strip_prefix('.')?;
    let keys: Vec<&str> = path.split('.').collect();
    let plain = |key: &&str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric());
    keys.iter()
        .all(plain)
        .then(|| format!("/{}", keys.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_certain_of_an_application_is_kept() {
        let written = json!([
            {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]},
            {"group": "*", "kind": "*", "managedFieldsManagers": ["kube-controller-manager"]},
            {"group": "*.crossplane.io", "kind": "*", "jsonPointers": ["/spec"]},
            {"kind": "Deployment", "jsonPointers": ["/spec/replicas"]},
            {"group": "*", "kind": "StatefulSet", "name": "web", "namespace": "trading", "jqPathExpressions": [
                ".spec.replicas", ".spec.template.spec.containers[] | select(.name == \"x\")"]},
        ])
        .to_string();
        let all: Vec<Difference<'_>> = serde_json::from_str(&written).expect("differences");
        let said = "Deployment */* /spec/replicas, StatefulSet trading/web /spec/replicas";
        assert_eq!(differences(&all).as_deref(), Some(said));
        assert_eq!(differences(&[]), None);
    }

    #[test]
    fn patterns_and_selectors_of_flux_are_passed_over() {
        let written = json!([
            {"paths": ["/spec/replicas"], "target": {"kind": "Deployment", "name": "api"}},
            {"paths": ["/spec/replicas"], "target": {"kind": "Deployment", "name": "api-.*"}},
            {"paths": ["/spec/replicas"], "target": {"labelSelector": "a=b"}},
            {"paths": ["/spec/replicas"], "target": {"group": "apps", "kind": "StatefulSet"}},
            {"paths": ["/spec/replicas"], "target": {"group": "batch"}},
        ])
        .to_string();
        let all: Vec<Rule<'_>> = serde_json::from_str(&written).expect("rules");
        let said = "Deployment */api /spec/replicas, StatefulSet */* /spec/replicas";
        assert_eq!(rules(&all).as_deref(), Some(said));
    }
}
