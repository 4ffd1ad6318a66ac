//! Services, ingresses and namespaces.
//! <https://kubernetes.io/docs/reference/kubernetes-api/service-resources/>

use super::Context;
use super::decode::{Meta, Pairs, Text, nullable};
use super::shelf::{Decode, Malformed, Version};
use model::{Fact, FoundNode, Kind, Name, Relation};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct Service<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    spec: ServiceSpec<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    status: Exposed<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceSpec<'a> {
    #[serde(borrow, default, rename = "type", deserialize_with = "nullable")]
    kind: Text<'a>,
    #[serde(borrow, default, rename = "clusterIP", deserialize_with = "nullable")]
    cluster_ip: Text<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    selector: Pairs<'a>,
    #[serde(default, deserialize_with = "nullable")]
    ports: Vec<Port>,
}

#[derive(Deserialize)]
struct Port {
    port: i64,
}

/// `status` of what a load balancer exposes.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exposed<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    load_balancer: Balancer<'a>,
}

#[derive(Default, Deserialize)]
struct Balancer<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    ingress: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    hostname: Text<'a>,
}

impl Exposed<'_> {
    /// Host names, as they are compared.
    fn hosts(&self) -> impl Iterator<Item = Arc<str>> {
        let names = self
            .load_balancer
            .ingress
            .iter()
            .map(|entry| &*entry.hostname);
        names.filter(|name| !name.is_empty()).map(|name| {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name.strip_prefix("dualstack.").unwrap_or(&name).into()
        })
    }
}

/// Services, one by one.
#[derive(Default)]
pub(super) struct Services;

impl Decode for Services {
    const KIND: Kind = Kind::Service;
    type Object<'a> = Service<'a>;

    fn node(object: &Service<'_>, context: &Context) -> Result<(FoundNode, Version), Malformed> {
        let Service {
            metadata,
            spec,
            status,
        } = object;
        let (namespace, name) = metadata.key(context)?;
        let id = context.id(Kind::Service, Some(&namespace), &name);
        let mut node = FoundNode::new(id, Kind::Service, &*name, context.scope(Some(&namespace)));
        let facts = &mut node.facts;
        let kind = if spec.kind.is_empty() {
            "ClusterIP"
        } else {
            &*spec.kind
        };
        facts.set(Fact::ServiceType, context.intern.text(kind));
        if !spec.cluster_ip.is_empty() {
            facts.set(Fact::ClusterIp, &*spec.cluster_ip);
        }
        facts.set_some(Fact::Port, spec.ports.first().map(|port| port.port));
        facts.set_some(Fact::CreatedAt, metadata.created());
        facts.set_some(Fact::Host, status.hosts().next());
        for suffix in ["svc.cluster.local", "svc"] {
            let host = context.intern.text(&format!("{name}.{namespace}.{suffix}"));
            node.known_as.push(Name::Host(host));
        }
        if !spec.selector.is_empty() {
            let labels = Arc::clone(&context.intern.labels(&spec.selector).map);
            let pods = Name::Selector(context.session.id().clone(), namespace, labels);
            node.tie_to(Relation::Selects, pods, "spec.selector");
        }
        Ok((node, metadata.resource_version.to_string()))
    }
}

#[derive(Deserialize)]
pub(super) struct Ingress<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    spec: IngressSpec<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    status: Exposed<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IngressSpec<'a> {
    #[serde(borrow, default)]
    ingress_class_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    default_backend: Option<Backend<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    rules: Vec<Rule<'a>>,
}

#[derive(Deserialize)]
struct Rule<'a> {
    #[serde(borrow, default)]
    host: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    http: Http<'a>,
}

#[derive(Default, Deserialize)]
struct Http<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    paths: Vec<Route<'a>>,
}

#[derive(Deserialize)]
struct Route<'a> {
    #[serde(borrow)]
    backend: Backend<'a>,
}

#[derive(Deserialize)]
struct Backend<'a> {
    #[serde(borrow, default)]
    service: Option<Named<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

/// Ingresses, one by one.
#[derive(Default)]
pub(super) struct Ingresses;

impl Decode for Ingresses {
    const KIND: Kind = Kind::Ingress;
    type Object<'a> = Ingress<'a>;

    fn node(object: &Ingress<'_>, context: &Context) -> Result<(FoundNode, Version), Malformed> {
        let Ingress {
            metadata,
            spec,
            status,
        } = object;
        let (namespace, name) = metadata.key(context)?;
        let id = context.id(Kind::Ingress, Some(&namespace), &name);
        let mut node = FoundNode::new(id, Kind::Ingress, &*name, context.scope(Some(&namespace)));
        let annotation = || metadata.annotations.get("kubernetes.io/ingress.class");
        let class = spec.ingress_class_name.as_deref().or_else(annotation);
        node.facts.set_some(
            Fact::IngressClass,
            class.map(|class| context.intern.text(class)),
        );
        let hosts: BTreeSet<&str> = spec
            .rules
            .iter()
            .filter_map(|rule| rule.host.as_deref())
            .collect();
        if !hosts.is_empty() {
            node.facts
                .set(Fact::Hosts, hosts.into_iter().collect::<Vec<_>>().join(","));
        }
        let scheme = metadata.annotations.get("alb.ingress.kubernetes.io/scheme");
        node.facts.set_some(Fact::Scheme, scheme);
        node.facts.set_some(Fact::CreatedAt, metadata.created());
        node.facts.set_some(Fact::Host, status.hosts().next());
        for service in backends(spec) {
            let service = context.id(Kind::Service, Some(&namespace), service);
            node.tie_to(Relation::Selects, Name::Id(service), "backend in its rules");
        }
        for host in status.hosts() {
            node.tie_to(
                Relation::Owns,
                Name::Host(host),
                "hostname in status.loadBalancer",
            );
        }
        Ok((node, metadata.resource_version.to_string()))
    }
}

/// The services an ingress sends to. `use-annotation` ports name actions of the balancer, no services.
fn backends<'s>(spec: &'s IngressSpec<'_>) -> BTreeSet<&'s str> {
    let routes = spec
        .rules
        .iter()
        .flat_map(|rule| &rule.http.paths)
        .map(|route| &route.backend);
    let all = spec.default_backend.iter().chain(routes);
    all.filter_map(|backend| Some(&*backend.service.as_ref()?.name))
        .collect()
}

#[derive(Deserialize)]
pub(super) struct Namespace<'a> {
    #[serde(borrow)]
    metadata: Meta<'a>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    status: Phase<'a>,
}

#[derive(Default, Deserialize)]
struct Phase<'a> {
    #[serde(borrow, default, deserialize_with = "nullable")]
    phase: Text<'a>,
}

/// Namespaces, one by one.
#[derive(Default)]
pub(super) struct Namespaces;

impl Decode for Namespaces {
    const KIND: Kind = Kind::Namespace;
    type Object<'a> = Namespace<'a>;

    fn node(object: &Namespace<'_>, context: &Context) -> Result<(FoundNode, Version), Malformed> {
        let Namespace { metadata, status } = object;
        let (_, name) = metadata.key(context)?;
        let id = context.id(Kind::Namespace, None, &name);
        let mut node = FoundNode::new(id, Kind::Namespace, &*name, context.scope(Some(&name)));
        node.facts
            .set(Fact::Status, context.intern.text(&status.phase));
        node.facts.set_some(Fact::CreatedAt, metadata.created());
        let cluster = Name::Id(context.session.id().clone());
        node.tie_from(Relation::Owns, cluster, "namespace of this cluster");
        Ok((node, metadata.resource_version.to_string()))
    }
}
