//! Who else writes a workload: the tool that deploys it, and the manager of its `spec.replicas`.
//!
//! Marks: Argo CD <https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/>, Flux
//! <https://fluxcd.io/flux/components/kustomize/kustomizations/> and `helm-controller`'s same labels,
//! Helm <https://helm.sh/docs/chart_best_practices/labels/>. Field managers:
//! <https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>.

use super::decode::{Framing, Meta, Text, nullable, object};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Who deploys the object; `None` when it does not say.
pub(super) fn deployer(meta: &Meta<'_>) -> Option<String> {
    if let Some(tracked) = meta.annotations.get("argocd.argoproj.io/tracking-id") {
        let application = tracked.split(':').next().unwrap_or(tracked);
        return Some(format!("argocd:{application}"));
    }
    if let Some(application) = meta.labels.get("argocd.argoproj.io/instance") {
        return Some(format!("argocd:{application}"));
    }
    let flux = |kind: &str, domain: &str| {
        let name = meta.labels.get(&format!("{domain}/name"))?;
        let namespace = meta.labels.get(&format!("{domain}/namespace"))?;
        Some(format!("{kind}:{namespace}/{name}"))
    };
    flux("flux-kustomization", "kustomize.toolkit.fluxcd.io")
        .or_else(|| flux("flux-helmrelease", "helm.toolkit.fluxcd.io"))
        .or_else(|| {
            let release = meta.annotations.get("meta.helm.sh/release-name")?;
            Some(format!("helm:{release}"))
        })
        .or_else(|| Some(meta.labels.get("app.kubernetes.io/managed-by")?.to_owned()))
}

#[derive(Deserialize)]
struct Managed<'a> {
    #[serde(borrow)]
    metadata: ManagedMeta<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedMeta<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    managed_fields: Vec<Manager<'a>>,
}

#[derive(Deserialize)]
struct Manager<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    manager: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    subresource: Text<'a>,
    #[serde(borrow, default)]
    time: Option<Text<'a>>,
    #[serde(rename = "fieldsV1", default, deserialize_with = "nullable")]
    fields: Fields,
}

#[derive(Default, Deserialize)]
struct Fields {
    #[serde(rename = "f:spec", default, deserialize_with = "nullable")]
    spec: SpecFields,
}

#[derive(Default, Deserialize)]
struct SpecFields {
    #[serde(rename = "f:replicas")]
    replicas: Option<IgnoredAny>,
}

/// The manager that wrote `spec.replicas` last, with `/scale` when through that subresource. `None`
/// when nobody is named, or the fields are of a shape we do not know: it decides nothing alone.
pub(super) fn replicas_manager(json: &[u8], framing: Framing) -> Option<String> {
    let managed: Managed<'_> = object(json, framing).ok()?;
    let writers = managed.metadata.managed_fields.into_iter();
    let last = writers
        .filter(|writer| writer.fields.spec.replicas.is_some())
        .max_by_key(|writer| writer.time.as_ref().and_then(Text::time))?;
    Some(match &*last.subresource {
        "" => last.manager.to_string(),
        subresource => format!("{}/{subresource}", &*last.manager),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployed(labels: serde_json::Value, annotations: serde_json::Value) -> Option<String> {
        let json = json!({"name": "x", "labels": labels, "annotations": annotations}).to_string();
        deployer(&serde_json::from_str(&json).expect("metadata"))
    }

    #[test]
    fn deployers_are_known_by_their_marks() {
        let tracked = json!({"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:trading/x"});
        assert_eq!(deployed(json!({}), tracked).as_deref(), Some("argocd:shop"));
        let flux = json!({
            "kustomize.toolkit.fluxcd.io/name": "apps",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
        });
        let named = deployed(flux, json!({}));
        assert_eq!(
            named.as_deref(),
            Some("flux-kustomization:flux-system/apps")
        );
        let helm = deployed(
            json!({"app.kubernetes.io/managed-by": "Helm"}),
            json!({"meta.helm.sh/release-name": "x"}),
        );
        assert_eq!(helm.as_deref(), Some("helm:x"));
        assert_eq!(deployed(json!({}), json!({})), None);
    }

    #[test]
    fn the_last_writer_of_replicas_is_named() {
        let wrote = |manager: &str, sub: &str, time: &str, replicas: bool| {
            let spec = if replicas {
                json!({"f:replicas": {}})
            } else {
                json!({"f:paused": {}})
            };
            json!({"manager": manager, "subresource": sub, "operation": "Update", "time": time,
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": spec, "f:metadata": {"f:labels": {".": {}}}}})
        };
        let object = json!({"metadata": {"name": "x", "managedFields": [
            wrote("kubectl", "", "2026-11-22T02:00:00Z", true),
            wrote("kube-controller-manager", "scale", "2026-11-22T02:40:00Z", true),
            wrote("argocd-controller", "", "2026-11-22T02:50:00Z", false),
        ]}})
        .to_string();
        let manager = replicas_manager(object.as_bytes(), Framing::Item);
        assert_eq!(manager.as_deref(), Some("kube-controller-manager/scale"));
        assert_eq!(replicas_manager(b"{\"metadata\":{}}", Framing::Item), None);
        let odd = b"{\"metadata\":{\"managedFields\":7}}";
        assert_eq!(replicas_manager(odd, Framing::Item), None);
    }
}
