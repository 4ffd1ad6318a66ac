//! What shape of answer a client accepts.

use super::failure::Failure;

/// How much of the object a table's rows carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Include {
    /// Nothing.
    None,
    /// Its metadata.
    Metadata,
    /// All of it.
    Object,
}

/// The shape of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The objects themselves.
    Object,
    /// Only their metadata.
    Metadata,
    /// A table for people.
    Table(Include),
}

/// Chooses the first shape of an `Accept` header that can be served.
///
/// # Errors
/// 406 when there is none.
pub(super) fn shape(accept: Option<&str>, include: Option<&str>) -> Result<Shape, Failure> {
    let Some(accept) = accept.filter(|a| !a.trim().is_empty()) else {
        return Ok(Shape::Object);
    };
    let include = match include {
        Some("None") => Include::None,
        Some("Object") => Include::Object,
        _ => Include::Metadata,
    };
    accept
        .split(',')
        .find_map(|range| one(range, include))
        .ok_or_else(Failure::not_acceptable)
}

fn one(range: &str, include: Include) -> Option<Shape> {
    let mut parts = range.split(';').map(str::trim);
    if !matches!(
        parts.next(),
        Some("application/json" | "*/*" | "application/*")
    ) {
        return None;
    }
    let parameters: Vec<(&str, &str)> = parts.filter_map(|p| p.split_once('=')).collect();
    let get = |name: &str| parameters.iter().find(|(k, _)| *k == name).map(|(_, v)| *v);
    match (get("as"), get("g"), get("v")) {
        (None, _, _) => Some(Shape::Object),
        (Some("Table"), Some("meta.k8s.io"), Some("v1")) => Some(Shape::Table(include)),
        (
            Some("PartialObjectMetadata" | "PartialObjectMetadataList"),
            Some("meta.k8s.io"),
            Some("v1"),
        ) => Some(Shape::Metadata),
        (Some(_), _, _) => None,
    }
}

/// Whether aggregated discovery is asked for, in the version served.
#[must_use]
pub(super) fn wants_aggregated(accept: Option<&str>) -> bool {
    accept.is_some_and(|a| {
        a.split(',').any(|r| {
            ["as=APIGroupDiscoveryList", "g=apidiscovery.k8s.io", "v=v2"]
                .iter()
                .all(|part| r.split(';').any(|p| p.trim() == *part))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_gets_a_table_and_a_protobuf_client_falls_back() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(
            shape(Some(kubectl), None),
            Ok(Shape::Table(Include::Metadata))
        );
        let go = "application/vnd.kubernetes.protobuf,application/json";
        assert_eq!(shape(Some(go), None), Ok(Shape::Object));
        assert!(shape(Some("application/vnd.kubernetes.protobuf"), None).is_err());
        assert!(!wants_aggregated(Some(
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
        )));
    }
}
