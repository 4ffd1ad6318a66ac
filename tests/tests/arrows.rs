//! The arrows between the packages point downward only, and only the shell knows Tauri.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Each package and the packages of this workspace it may depend on (dev-dependencies excepted).
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("cloud", &["model"]),
    ("collect", &["cloud", "model"]),
    ("act", &["cloud", "model"]),
    ("engine", &["act", "cloud", "collect", "model"]),
    ("simulator", &["model"]),
    ("qd", &["act", "cloud", "engine", "model", "simulator"]),
    (
        "quarterdeck",
        &["act", "cloud", "engine", "model", "simulator"],
    ),
    (
        "tests",
        &["act", "cloud", "collect", "engine", "model", "simulator"],
    ),
];

/// Package to its normal and build dependencies.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .output()
        .expect("cargo metadata runs");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let needs = package["dependencies"]
                .as_array()
                .expect("dependencies")
                .iter();
            let needs = needs
                .filter(|d| d["kind"] != "dev")
                .filter_map(|d| d["name"].as_str());
            (
                package["name"].as_str().expect("a name").to_owned(),
                needs.map(str::to_owned).collect(),
            )
        })
        .collect()
}

#[test]
fn arrows_point_down() {
    let dependencies = dependencies();
    let members: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        dependencies
            .keys()
            .map(String::as_str)
            .collect::<BTreeSet<_>>(),
        members,
        "a package is missing here"
    );
    for (name, allowed) in ALLOWED {
        let ours = dependencies[*name]
            .iter()
            .map(String::as_str)
            .filter(|d| members.contains(d));
        let upward: Vec<&str> = ours.filter(|d| !allowed.contains(d)).collect();
        assert!(upward.is_empty(), "{name} must not depend on {upward:?}");
    }
}

#[test]
fn only_the_shell_knows_tauri() {
    for (name, needs) in dependencies() {
        let knows = needs.iter().any(|d| d.starts_with("tauri"));
        assert_eq!(knows, name == "quarterdeck", "{name} and Tauri");
    }
}

#[test]
fn the_model_is_pure() {
    let needs = &dependencies()["model"];
    for impure in ["tokio", "kube", "reqwest", "rusqlite"] {
        assert!(!needs.contains(impure), "model must not depend on {impure}");
    }
    assert!(
        !needs.iter().any(|d| d.starts_with("aws-")),
        "model must not depend on an SDK"
    );
}
