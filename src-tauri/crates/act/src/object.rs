//! One Kubernetes object as actions read and change it: its place in the API, the kubectl words for
//! it, and a patch that only applies while the fields it sets are what they were when it was planned.
//!
//! A JSON patch whose `test` fails is refused as a whole (RFC 6902 §5; the API server answers 422:
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-update>). Annotations are
//! merged instead, as `kubectl annotate` does, under the resource version that was seen right before:
//! a JSON patch cannot say "add to a map that may not be there".

mod patches;
mod patching;
mod wire;

pub(crate) use patches::Patches;
pub(crate) use patching::{Judge, Patching, Seen, draft};
pub(crate) use wire::{overtaken, read, send};

use crate::plan::ApiCall;
use crate::rights::Right;
use crate::words::shell;
use model::{Fact, Kind, Node, NodeId, Snapshot};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where a workload says how many pods it wants.
pub(crate) const REPLICAS: &str = "/spec/replicas";

/// The kinds of objects that actions change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resource {
    Deployment,
    StatefulSet,
    ReplicaSet,
    Hpa,
    ScaledObject,
    Application,
    Kustomization,
    HelmRelease,
}

impl Resource {
    const ALL: &'static [Self] = &[
        Self::Deployment,
        Self::StatefulSet,
        Self::ReplicaSet,
        Self::Hpa,
        Self::ScaledObject,
        Self::Application,
        Self::Kustomization,
        Self::HelmRelease,
    ];

    /// The resource of a kind of node; `None` when actions change no such object.
    pub(crate) const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Deployment => Some(Self::Deployment),
            Kind::StatefulSet => Some(Self::StatefulSet),
            Kind::ReplicaSet => Some(Self::ReplicaSet),
            Kind::Hpa => Some(Self::Hpa),
            Kind::ScaledObject => Some(Self::ScaledObject),
            Kind::Application => Some(Self::Application),
            Kind::Kustomization => Some(Self::Kustomization),
            Kind::HelmRelease => Some(Self::HelmRelease),
            Kind::Zone
            | Kind::Record
            | Kind::HealthCheck
            | Kind::Distribution
            | Kind::WebAcl
            | Kind::Bucket
            | Kind::LoadBalancer
            | Kind::TargetGroup
            | Kind::Cluster
            | Kind::Nodegroup
            | Kind::NodePool
            | Kind::Node
            | Kind::Namespace
            | Kind::Pod
            | Kind::Service
            | Kind::Ingress
            | Kind::DbGlobal
            | Kind::DbCluster
            | Kind::DbInstance
            | Kind::CacheGroup
            | Kind::CacheNode
            | Kind::Queue
            | Kind::Function
            | Kind::Mapping
            | Kind::Alarm => None,
        }
    }

    /// API group, version, plural and the kind people say.
    const fn row(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Deployment => ("apps", "v1", "deployments", "Deployment"),
            Self::StatefulSet => ("apps", "v1", "statefulsets", "StatefulSet"),
            Self::ReplicaSet => ("apps", "v1", "replicasets", "ReplicaSet"),
            Self::Hpa => (
                "autoscaling",
                "v2",
                "horizontalpodautoscalers",
                "HorizontalPodAutoscaler",
            ),
            Self::ScaledObject => ("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject"),
            Self::Application => ("argoproj.io", "v1alpha1", "applications", "Application"),
            Self::Kustomization => (
                "kustomize.toolkit.fluxcd.io",
                "v1",
                "kustomizations",
                "Kustomization",
            ),
            Self::HelmRelease => (
                "helm.toolkit.fluxcd.io",
                "v2",
                "helmreleases",
                "HelmRelease",
            ),
        }
    }

    pub(crate) const fn group(self) -> &'static str {
        self.row().0
    }

    pub(crate) const fn version(self) -> &'static str {
        self.row().1
    }

    pub(crate) const fn plural(self) -> &'static str {
        self.row().2
    }

    /// `Deployment`, as people say it.
    pub(crate) const fn word(self) -> &'static str {
        self.row().3
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Object {
    pub(crate) resource: Resource,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Object {
    /// The object of a node; `None` when actions change no such object.
    pub(crate) fn of(node: &Node) -> Option<Self> {
        Some(Self {
            resource: Resource::of(node.kind)?,
            namespace: node.scope.namespace.as_deref().unwrap_or("").to_owned(),
            name: node.name.clone(),
        })
    }

    /// The object of a node's id, `kind/account/region/cluster/namespace/name`.
    pub(crate) fn at(id: &NodeId) -> Option<Self> {
        let parts: Vec<&str> = id.as_str().split('/').collect();
        let [kind, _, _, _, namespace, name] = parts.as_slice() else {
            return None;
        };
        let mut kinds = Kind::ALL.iter().copied();
        let kind = kinds.find(|known| known.as_str() == *kind)?;
        Some(Self {
            resource: Resource::of(kind)?,
            namespace: (*namespace).to_owned(),
            name: (*name).to_owned(),
        })
    }

    /// `HorizontalPodAutoscaler web`.
    pub(crate) fn called(&self) -> String {
        format!("{} {}", self.resource.word(), self.name)
    }

    /// The path of the object, or of one of its subresources.
    pub(crate) fn path(&self, subresource: &str) -> String {
        let slash = if subresource.is_empty() { "" } else { "/" };
        format!(
            "/apis/{}/{}/namespaces/{}/{}/{}{slash}{subresource}",
            self.resource.group(),
            self.resource.version(),
            self.namespace,
            self.resource.plural(),
            self.name
        )
    }

    /// The right to use a verb on it.
    pub(crate) fn right(&self, verb: &str, subresource: &str) -> Right {
        let slash = if subresource.is_empty() { "" } else { "/" };
        Right::Kubernetes {
            verb: verb.to_owned(),
            group: self.resource.group().to_owned(),
            resource: format!("{}{slash}{subresource}", self.resource.plural()),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// One field a patch sets. `Null` is "not there".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Field {
    /// JSON pointer.
    pub(crate) path: String,
    pub(crate) was: Value,
    pub(crate) now: Value,
}

impl Field {
    pub(crate) fn new(path: impl Into<String>, was: Value, now: Value) -> Self {
        Self {
            path: path.into(),
            was,
            now,
        }
    }

    /// An annotation; absent or removed where `None`.
    pub(crate) fn annotation(name: &str, was: Option<&str>, now: Option<&str>) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self::new(
            format!("/metadata/annotations/{name}"),
            json!(was),
            json!(now),
        )
    }

    /// The last part of the pointer, as it is called in the object.
    pub(crate) fn called(&self) -> String {
        let last = self.path.rsplit('/').next().unwrap_or(&self.path);
        last.replace("~1", "/").replace("~0", "~")
    }

    fn is_annotation(&self) -> bool {
        self.path.starts_with("/metadata/annotations/")
    }

    /// What `object` has there.
    pub(crate) fn seen(&self, object: &Value) -> Value {
        object.pointer(&self.path).cloned().unwrap_or(Value::Null)
    }
}

/// A patch of one object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Patch {
    pub(crate) object: Object,
    /// Empty for the object itself.
    pub(crate) subresource: String,
    pub(crate) fields: Vec<Field>,
}

impl Patch {
    pub(crate) fn new(object: Object, fields: Vec<Field>) -> Self {
        Self {
            object,
            subresource: String::new(),
            fields,
        }
    }

    /// Sets `replicas` through the scale subresource.
    pub(crate) fn scale(object: Object, from: i64, to: i64) -> Self {
        Self {
            object,
            subresource: "scale".to_owned(),
            fields: vec![Field::new(REPLICAS, json!(from), json!(to))],
        }
    }

    /// Whether it is merged (annotations) and not a JSON patch.
    pub(crate) fn merges(&self) -> bool {
        self.fields.iter().all(Field::is_annotation)
    }

    /// The body as a JSON patch: every field is tested before any is set.
    pub(crate) fn operations(&self) -> Value {
        let tests = self.fields.iter().map(|field| {
            let was = match (&field.was, self.subresource.as_str()) {
                // The scale of an object without replicas leaves the zero out
                // (`ScaleSpec.replicas`, `omitempty`).
                (zero, "scale") if *zero == json!(0) => &Value::Null,
                (was, _) => was,
            };
            json!({ "op": "test", "path": field.path, "value": was })
        });
        let sets =
            self.fields
                .iter()
                .filter(|f| f.was != f.now)
                .map(|field| match field.now.is_null() {
                    true => json!({ "op": "remove", "path": field.path }),
                    false => json!({ "op": "add", "path": field.path, "value": field.now }),
                });
        tests.chain(sets).collect()
    }

    /// The body as a merge of annotations, which applies to one version of the object only.
    pub(crate) fn merge(&self, version: Option<&str>) -> Value {
        let annotations: serde_json::Map<String, Value> = self
            .fields
            .iter()
            .map(|field| (field.called(), field.now.clone()))
            .collect();
        let mut body = json!({ "metadata": { "annotations": annotations } });
        if let Some(version) = version {
            body["metadata"]["resourceVersion"] = json!(version);
        }
        body
    }

    /// The planned call, as `step`.
    pub(crate) fn call(&self, snapshot: &Snapshot, node: &Node, step: &str) -> ApiCall {
        let what = match self.subresource.as_str() {
            "" => self.object.resource.plural().to_owned(),
            sub => format!("{}/{sub}", self.object.resource.plural()),
        };
        ApiCall {
            operation: format!("kubernetes:patch {what}"),
            region: node.scope.region.as_deref().unwrap_or("").to_owned(),
            parameters: self.parameters(),
            cli: self.line(&kubectl(snapshot, node)),
            step: step.to_owned(),
        }
    }

    /// Itself, as a call carries it.
    fn parameters(&self) -> BTreeMap<String, Value> {
        [
            ("object", json!(self.object.path(&self.subresource))),
            ("fields", json!(json!(self.fields).to_string())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The patch a call carries; `None` of another action's call, or another version's.
    pub(crate) fn carried(parameters: &BTreeMap<String, Value>) -> Option<Self> {
        let path = parameters.get("object")?.as_str()?;
        let parts: Vec<&str> = path.split('/').collect();
        let [
            "",
            "apis",
            group,
            _,
            "namespaces",
            namespace,
            plural,
            name,
            rest @ ..,
        ] = parts.as_slice()
        else {
            return None;
        };
        let mut all = Resource::ALL.iter().copied();
        let resource = all.find(|r| r.group() == *group && r.plural() == *plural)?;
        Some(Self {
            object: Object {
                resource,
                namespace: (*namespace).to_owned(),
                name: (*name).to_owned(),
            },
            subresource: rest.first().copied().unwrap_or("").to_owned(),
            fields: serde_json::from_str(parameters.get("fields")?.as_str()?).ok()?,
        })
    }

    /// The kubectl line that does the same, with the same precondition where kubectl can say one.
    fn line(&self, kubectl: &str) -> String {
        let Object {
            resource,
            namespace,
            name,
        } = &self.object;
        let start = format!("{kubectl} --namespace {}", shell(namespace));
        let object = format!("{}.{}/{}", resource.plural(), resource.group(), name);
        if self.subresource == "scale" {
            let field = &self.fields[0];
            return format!(
                "{start} scale {} --current-replicas={} --replicas={}",
                shell(&object),
                field.was,
                field.now
            );
        }
        if self.merges() {
            let marks = self.fields.iter().map(|field| match field.now.as_str() {
                Some(now) => shell(&format!("{}={now}", field.called())),
                None => shell(&format!("{}-", field.called())),
            });
            let marks: Vec<String> = marks.collect();
            // Without --overwrite kubectl refuses where another value stands.
            let overwrite = self
                .fields
                .iter()
                .any(|f| !f.was.is_null() && !f.now.is_null());
            let overwrite = if overwrite { " --overwrite" } else { "" };
            return format!(
                "{start} annotate{overwrite} {} {}",
                shell(&object),
                marks.join(" ")
            );
        }
        format!(
            "{start} patch {} --type=json --patch={}",
            shell(&object),
            shell(&self.operations().to_string())
        )
    }

    /// The rights it needs: to read what it compares and to write.
    pub(crate) fn rights(&self) -> Vec<Right> {
        vec![
            self.object.right("get", ""),
            self.object.right("patch", &self.subresource),
        ]
    }
}

/// `kubectl --context prod-euw1`: the context the cluster of a node is read through; of one that is reached
/// without, the context that `aws eks update-kubeconfig` makes, called by the cluster's ARN
/// (<https://docs.aws.amazon.com/cli/latest/reference/eks/update-kubeconfig.html>, `--alias`). Never the
/// current one: that may be of any cluster. `--as` where the changes are made as another user.
pub(crate) fn kubectl(snapshot: &Snapshot, node: &Node) -> String {
    let facts = cluster(snapshot, node).map(|cluster| &cluster.facts);
    let text = |fact| facts.and_then(|facts| facts.text(fact));
    let mut line = "kubectl".to_owned();
    if let Some(context) = text(Fact::KubeContext).or_else(|| text(Fact::Arn)) {
        line.push_str(" --context ");
        line.push_str(&shell(context));
    }
    if let Some(user) = text(Fact::ActUser) {
        line.push_str(" --as ");
        line.push_str(&shell(user));
    }
    line
}

/// The cluster a node is in.
pub(crate) fn cluster<'s>(snapshot: &'s Snapshot, node: &Node) -> Option<&'s Node> {
    let name = node.scope.cluster.as_deref()?;
    let mut nodes = snapshot.nodes.iter().map(AsRef::as_ref);
    nodes.find(|other: &&Node| {
        other.kind == Kind::Cluster
            && other.name == name
            && other.scope.region == node.scope.region
            && other.scope.account == node.scope.account
    })
}
