//! From a path to what it names.

use crate::world::cluster::resource::Resource;

/// An object, or one of its subresources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Resource.
    pub resource: Resource,
    /// Namespace, empty for what has none.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Subresource, empty for the object itself.
    pub sub: String,
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz` and their parts.
    Health,
    /// `/api`.
    Core,
    /// `/apis`.
    Groups,
    /// `/apis/GROUP`.
    Group(String),
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    Resources(String, String),
    /// Objects of a resource, in one namespace or in all.
    Collection(Resource, Option<String>),
    /// One object.
    Item(Item),
    /// `metrics.k8s.io` pods or nodes: the resource, the namespace, the name.
    Metrics(Resource, Option<String>, Option<String>),
    /// `selfsubjectaccessreviews`.
    Review,
    /// `/openapi/v3`.
    OpenApi,
    /// Nothing that is served.
    Nowhere,
}

/// Finds the target of a path.
#[must_use]
pub(super) fn target(path: &str) -> Target {
    let parts: Vec<String> = path
        .split('/')
        .filter(|p| !p.is_empty())
        .map(|p| {
            percent_encoding::percent_decode_str(p)
                .decode_utf8_lossy()
                .into_owned()
        })
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["version"] => Target::Version,
        ["healthz" | "livez" | "readyz", ..] => Target::Health,
        ["openapi", "v3"] => Target::OpenApi,
        ["api"] => Target::Core,
        ["apis"] => Target::Groups,
        ["api", "v1"] => Target::Resources(String::new(), "v1".into()),
        ["apis", group] => Target::Group((*group).to_owned()),
        ["apis", group, version] => Target::Resources((*group).to_owned(), (*version).to_owned()),
        ["api", "v1", rest @ ..] => within("", "v1", rest),
        ["apis", group, version, rest @ ..] => within(group, version, rest),
        _ => Target::Nowhere,
    }
}

fn within(group: &str, version: &str, rest: &[&str]) -> Target {
    if (group, version) == ("authorization.k8s.io", "v1") && rest == ["selfsubjectaccessreviews"] {
        return Target::Review;
    }
    if (group, version) == ("metrics.k8s.io", "v1beta1") {
        return metrics(rest);
    }
    let find = |plural: &str| Resource::find(group, version, plural);
    let (resource, namespace, tail) = match rest {
        ["namespaces", namespace, plural, tail @ ..]
            if find(plural).is_some_and(|r| r.row().namespaced) =>
        {
            (find(plural), Some((*namespace).to_owned()), tail)
        }
        [plural, tail @ ..] => (find(plural), None, tail),
        [] => (None, None, rest),
    };
    let Some(resource) = resource else {
        return Target::Nowhere;
    };
    if resource.row().namespaced && namespace.is_none() && !tail.is_empty() {
        return Target::Nowhere;
    }
    let item = |name: &str, sub: &str| {
        Target::Item(Item {
            resource,
            namespace: namespace.clone().unwrap_or_default(),
            name: name.to_owned(),
            sub: sub.to_owned(),
        })
    };
    match tail {
        [] => Target::Collection(resource, namespace),
        [name] => item(name, ""),
        [name, sub] if resource.row().subresources().iter().any(|s| s.name == *sub) => {
            item(name, sub)
        }
        _ => Target::Nowhere,
    }
}

fn metrics(rest: &[&str]) -> Target {
    match rest {
        ["nodes"] => Target::Metrics(Resource::Nodes, None, None),
        ["nodes", name] => Target::Metrics(Resource::Nodes, None, Some((*name).to_owned())),
        ["pods"] => Target::Metrics(Resource::Pods, None, None),
        ["namespaces", ns, "pods"] => Target::Metrics(Resource::Pods, Some((*ns).to_owned()), None),
        ["namespaces", ns, "pods", name] => Target::Metrics(
            Resource::Pods,
            Some((*ns).to_owned()),
            Some((*name).to_owned()),
        ),
        _ => Target::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_targets() {
        assert_eq!(
            target("/api/v1/pods"),
            Target::Collection(Resource::Pods, None)
        );
        assert_eq!(
            target("/api/v1/namespaces"),
            Target::Collection(Resource::Namespaces, None)
        );
        let item = |resource, namespace: &str, name: &str, sub: &str| {
            Target::Item(Item {
                resource,
                namespace: namespace.into(),
                name: name.into(),
                sub: sub.into(),
            })
        };
        assert_eq!(
            target("/api/v1/namespaces/a"),
            item(Resource::Namespaces, "", "a", "")
        );
        assert_eq!(
            target("/api/v1/namespaces/a/pods/b/log"),
            item(Resource::Pods, "a", "b", "log")
        );
        assert_eq!(
            target("/apis/apps/v1/namespaces/a/deployments/b/scale"),
            item(Resource::Deployments, "a", "b", "scale")
        );
        assert_eq!(
            target("/apis/apps/v1/namespaces/a/deployments/b/nope"),
            Target::Nowhere
        );
        assert_eq!(target("/apis/apps/v2/deployments"), Target::Nowhere);
    }
}
