//! Discovery, in both forms: group by group, and aggregated as current clients ask for it.

use serde_json::{Value, json};

use crate::world::cluster::resource::{Resource, Row};

const VERBS: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// A resource of discovery that is not stored.
struct Virtual {
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    namespaced: bool,
    verbs: &'static [&'static str],
}

const VIRTUAL: &[Virtual] = &[
    Virtual {
        group: "authorization.k8s.io",
        version: "v1",
        plural: "selfsubjectaccessreviews",
        singular: "selfsubjectaccessreview",
        kind: "SelfSubjectAccessReview",
        namespaced: false,
        verbs: &["create"],
    },
    Virtual {
        group: "metrics.k8s.io",
        version: "v1beta1",
        plural: "nodes",
        singular: "",
        kind: "NodeMetrics",
        namespaced: false,
        verbs: &["get", "list"],
    },
    Virtual {
        group: "metrics.k8s.io",
        version: "v1beta1",
        plural: "pods",
        singular: "",
        kind: "PodMetrics",
        namespaced: true,
        verbs: &["get", "list"],
    },
];

/// Groups but the core, with their version, in order.
fn groups() -> Vec<(&'static str, &'static str)> {
    let stored = Resource::ALL
        .iter()
        .map(|r| r.row())
        .map(|r| (r.group, r.version));
    let mut groups: Vec<_> = stored
        .chain(VIRTUAL.iter().map(|v| (v.group, v.version)))
        .collect();
    groups.retain(|(g, _)| !g.is_empty());
    let mut seen = std::collections::BTreeSet::new();
    groups.retain(|g| seen.insert(*g));
    groups
}

/// `/api`.
#[must_use]
pub(super) fn core(address: &str) -> Value {
    json!({ "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": address }] })
}

fn group(name: &str, version: &str) -> Value {
    let version = json!({ "groupVersion": format!("{name}/{version}"), "version": version });
    json!({ "name": name, "versions": [version], "preferredVersion": version })
}

/// `/apis`.
#[must_use]
pub(super) fn group_list() -> Value {
    let all: Vec<Value> = groups().into_iter().map(|(g, v)| group(g, v)).collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": all })
}

/// `/apis/GROUP`.
#[must_use]
pub(super) fn one_group(name: &str) -> Option<Value> {
    let (_, version) = groups().into_iter().find(|(g, _)| *g == name)?;
    let mut value = group(name, version);
    value["kind"] = json!("APIGroup");
    value["apiVersion"] = json!("v1");
    Some(value)
}

/// `/api/v1` and `/apis/GROUP/VERSION`.
#[must_use]
pub(super) fn resource_list(group: &str, version: &str) -> Option<Value> {
    let mut all = Vec::new();
    for row in rows(group, version) {
        let mut entry = json!({ "name": row.plural, "singularName": row.singular, "namespaced": row.namespaced,
                                "kind": row.kind, "verbs": VERBS });
        decorate(&mut entry, &row);
        all.push(entry);
        for sub in row.subresources() {
            let name = format!("{}/{}", row.plural, sub.name);
            let mut entry = json!({ "name": name, "singularName": "", "namespaced": row.namespaced,
                                    "kind": sub.kind, "verbs": sub.verbs });
            if !sub.group.is_empty() {
                entry["group"] = json!(sub.group);
                entry["version"] = json!(sub.version);
            }
            all.push(entry);
        }
    }
    for v in VIRTUAL
        .iter()
        .filter(|v| (v.group, v.version) == (group, version))
    {
        all.push(
            json!({ "name": v.plural, "singularName": v.singular, "namespaced": v.namespaced,
                         "kind": v.kind, "verbs": v.verbs }),
        );
    }
    if all.is_empty() {
        return None;
    }
    let name = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    Some(
        json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": all }),
    )
}

fn rows<'a>(group: &'a str, version: &'a str) -> impl Iterator<Item = Row> + 'a {
    Resource::ALL
        .iter()
        .map(|r| r.row())
        .filter(move |r| (r.group, r.version) == (group, version))
}

fn decorate(entry: &mut Value, row: &Row) {
    if !row.short.is_empty() {
        entry["shortNames"] = json!(row.short);
    }
    if !row.categories.is_empty() {
        entry["categories"] = json!(row.categories);
    }
}

/// Aggregated discovery of the core (`core`) or of all other groups.
#[must_use]
pub(super) fn aggregated(core: bool) -> Value {
    let which = if core { vec![("", "v1")] } else { groups() };
    let items: Vec<Value> = which
        .into_iter()
        .map(|(group, version)| {
            let metadata = if group.is_empty() { json!({}) } else { json!({ "name": group }) };
            let resources = aggregated_resources(group, version);
            json!({ "metadata": metadata,
                    "versions": [{ "version": version, "resources": resources, "freshness": "Current" }] })
        })
        .collect();
    json!({ "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items })
}

fn scope(namespaced: bool) -> &'static str {
    if namespaced { "Namespaced" } else { "Cluster" }
}

fn aggregated_resources(group: &str, version: &str) -> Vec<Value> {
    let kind = |g: &str, v: &str, k: &str| json!({ "group": g, "version": v, "kind": k });
    let mut all = Vec::new();
    for row in rows(group, version) {
        let mut entry = json!({ "resource": row.plural, "responseKind": kind("", "", row.kind),
            "scope": scope(row.namespaced), "singularResource": row.singular, "verbs": VERBS });
        decorate(&mut entry, &row);
        let subs: Vec<Value> = row
            .subresources()
            .iter()
            .map(|s| json!({ "subresource": s.name, "responseKind": kind(s.group, s.version, s.kind), "verbs": s.verbs }))
            .collect();
        if !subs.is_empty() {
            entry["subresources"] = json!(subs);
        }
        all.push(entry);
    }
    for v in VIRTUAL
        .iter()
        .filter(|v| (v.group, v.version) == (group, version))
    {
        all.push(json!({ "resource": v.plural, "responseKind": kind("", "", v.kind), "scope": scope(v.namespaced),
                         "singularResource": v.singular, "verbs": v.verbs }));
    }
    all
}
