//! Where each resource is served.

use super::Watched;

/// A resource's place in the API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    pub(super) what: Watched,
    /// API group, empty for core.
    pub(super) group: &'static str,
    /// Version in the group.
    pub(super) version: &'static str,
    /// Plural.
    pub(super) resource: &'static str,
    /// Every Kubernetes API server serves it: a 404 means that this is none.
    pub(super) always: bool,
}

impl Endpoint {
    /// The path of the list over all namespaces.
    pub(super) fn path(&self) -> String {
        let Self {
            group,
            version,
            resource,
            ..
        } = self;
        if group.is_empty() {
            format!("/api/{version}/{resource}")
        } else {
            format!("/apis/{group}/{version}/{resource}")
        }
    }
}

/// The endpoint of what is listed and watched.
pub(super) const fn of(what: Watched) -> Endpoint {
    const fn core(what: Watched, resource: &'static str) -> Endpoint {
        Endpoint {
            what,
            group: "",
            version: "v1",
            resource,
            always: true,
        }
    }
    match what {
        Watched::Api => core(what, "version"),
        Watched::Nodes => core(what, "nodes"),
        Watched::Pods => core(what, "pods"),
    }
}
