//! One record set.

use crate::Round;
use crate::aws::s3::Bucket;
use crate::aws::text::{host, host_name};
use aws_sdk_route53::types::{ResourceRecordSet, ResourceRecordSetFailover, RrType};
use model::{Fact, FoundNode, Kind, Name, NodeId, Relation};

/// What a set is to us.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A node: it answers with addresses or another name.
    Leads,
    /// Name servers: of the zone itself, or of a delegated part.
    NameServers,
    /// A fact of the zone.
    Other,
}

/// Names with an underscore label are no hosts (RFC 8552): certificate and mail validation.
pub(super) fn role(set: &ResourceRecordSet) -> Role {
    let no_host = set.name.split('.').any(|label| label.starts_with('_'));
    match &set.r#type {
        RrType::Cname if no_host => Role::Other,
        RrType::A | RrType::Aaaa | RrType::Cname => Role::Leads,
        RrType::Ns => Role::NameServers,
        other if other.as_str() == "HTTPS" => Role::Leads,
        _ => Role::Other,
    }
}

/// The values of a set that is no alias.
pub(super) fn values(set: &ResourceRecordSet) -> impl Iterator<Item = &str> {
    set.resource_records
        .iter()
        .flatten()
        .map(|record| record.value.as_str())
}

/// A record node and where it leads, before that is tied.
pub(super) struct Record {
    pub(super) node: FoundNode,
    pub(super) kind: RrType,
    pub(super) target: Option<Target>,
    pub(super) bucket: Option<FoundNode>,
}

/// The name a record answers with.
pub(super) struct Target {
    /// As it is compared.
    pub(super) host: String,
    /// An alias answers with sets of its own type only; a CNAME with any.
    pub(super) same_type: bool,
    provenance: &'static str,
}

/// `None` when it has no name.
pub(super) fn read(
    round: &Round<'_>,
    zone: &FoundNode,
    zone_id: &str,
    set: &ResourceRecordSet,
) -> Option<Record> {
    if set.name.is_empty() {
        return None;
    }
    let mut path = format!("{zone_id}/{}/{}", set.name, set.r#type.as_str());
    if let Some(identifier) = &set.set_identifier {
        path += &format!("/{identifier}");
    }
    let id = NodeId::aws(Kind::Record, round.session.account.as_str(), None, &path);
    let mut node = FoundNode::new(id, Kind::Record, set.name.as_str(), round.scope());
    node.known_as.push(host_name(&unescaped(&set.name)));
    node.tie_from(
        Relation::Owns,
        Name::Id(zone.id.clone()),
        "record set of the zone",
    );
    describe(&mut node, set);
    if let Some(check) = set.health_check_id.as_deref().filter(|id| !id.is_empty()) {
        node.facts.set(Fact::HealthCheckId, check);
        let account = round.session.account.as_str();
        let check = NodeId::aws(Kind::HealthCheck, account, None, check);
        node.tie_from(
            Relation::Gates,
            Name::Id(check),
            "health check of the record set",
        );
    }
    let target = target(set);
    let bucket = target
        .as_ref()
        .and_then(|target| bucket(round, set, &target.host));
    if let (Some(bucket), Some(target)) = (&bucket, &target) {
        node.tie_to(
            Relation::RoutesTo,
            Name::Id(bucket.id.clone()),
            target.provenance,
        );
    }
    Some(Record {
        node,
        kind: set.r#type.clone(),
        target: target.filter(|_| bucket.is_none()),
        bucket,
    })
}

impl Record {
    /// Ties it to these record sets, or to whatever is called so when there are none.
    pub(super) fn lead_to(&mut self, sets: &[&NodeId]) {
        let Some(target) = &self.target else { return };
        if sets.is_empty() {
            let name = Name::Host(target.host.as_str().into());
            self.node
                .tie_to(Relation::RoutesTo, name, target.provenance);
        }
        for id in sets {
            let name = Name::Id((*id).clone());
            self.node
                .tie_to(Relation::RoutesTo, name, target.provenance);
        }
    }
}

fn describe(node: &mut FoundNode, set: &ResourceRecordSet) {
    let facts = &mut node.facts;
    facts.set(Fact::RecordType, set.r#type.as_str());
    facts.set_some(Fact::TtlSeconds, set.ttl);
    facts.set(Fact::Alias, set.alias_target.is_some());
    if let Some(alias) = &set.alias_target {
        facts.set(Fact::AliasTarget, alias.dns_name.as_str());
        facts.set(Fact::EvaluateTargetHealth, alias.evaluate_target_health);
    }
    let values: Vec<&str> = values(set).collect();
    if !values.is_empty() {
        facts.set(Fact::Values, values.join(", "));
    }
    facts.set_some(Fact::SetIdentifier, set.set_identifier.as_deref());
    facts.set(Fact::Routing, routing(set));
    facts.set_some(Fact::Weight, set.weight);
    let failover = set.failover.as_ref().map(ResourceRecordSetFailover::as_str);
    facts.set_some(Fact::Failover, failover);
    facts.set_some(
        Fact::LatencyRegion,
        set.region.as_ref().map(|region| region.as_str()),
    );
}

/// The routing policy, in the words of the developer guide.
fn routing(set: &ResourceRecordSet) -> &'static str {
    if set.weight.is_some() {
        "weighted"
    } else if set.region.is_some() {
        "latency"
    } else if set.failover.is_some() {
        "failover"
    } else if set.geo_location.is_some() {
        "geolocation"
    } else if set.geo_proximity_location.is_some() {
        "geoproximity"
    } else if set.cidr_routing_config.is_some() {
        "ip-based"
    } else if set.multi_value_answer == Some(true) {
        "multivalue"
    } else {
        "simple"
    }
}

fn target(set: &ResourceRecordSet) -> Option<Target> {
    if let Some(alias) = &set.alias_target {
        return Some(Target {
            host: host(&unescaped(&alias.dns_name)),
            same_type: true,
            provenance: "alias target of the record",
        });
    }
    let value = values(set).next()?;
    let (name, provenance) = match &set.r#type {
        RrType::Cname => (value, "CNAME of the record"),
        // RFC 9460: priority, target name (`.`: the owner itself), parameters.
        kind if kind.as_str() == "HTTPS" => (
            value.split_whitespace().nth(1)?,
            "HTTPS record's target name",
        ),
        _ => return None,
    };
    let host = host(&unescaped(name));
    (!host.is_empty()).then_some(Target {
        host,
        same_type: false,
        provenance,
    })
}

fn bucket(round: &Round<'_>, set: &ResourceRecordSet, target: &str) -> Option<FoundNode> {
    let own = host(&unescaped(&set.name));
    let bucket = Bucket::of(target).or_else(|| Bucket::of_website(target, &own))?;
    Some(bucket.declared(round))
}

/// Route 53 writes characters other than letters, digits, dash and dot as `\052` (octal)
/// (DeveloperGuide/DomainNameFormat).
fn unescaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4);
        match code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &rest[at + 4..];
            }
            None => {
                out.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_route53::types::ResourceRecord;

    fn set(name: &str, kind: RrType, value: &str) -> ResourceRecordSet {
        let value = ResourceRecord::builder()
            .value(value)
            .build()
            .expect("has a value");
        let set = ResourceRecordSet::builder().name(name).r#type(kind);
        set.resource_records(value).build().expect("is complete")
    }

    #[test]
    fn what_leads_nowhere_is_a_fact_of_its_zone() {
        assert_eq!(role(&set("api.x.", RrType::Cname, "y.")), Role::Leads);
        assert_eq!(role(&set("x.", RrType::from("HTTPS"), "1 .")), Role::Leads);
        assert_eq!(
            role(&set("_3f.api.x.", RrType::Cname, "_9.acm-validations.aws.")),
            Role::Other
        );
        assert_eq!(
            role(&set(
                "k._domainkey.x.",
                RrType::Cname,
                "k.dkim.amazonses.com"
            )),
            Role::Other
        );
        assert_eq!(
            role(&set("x.", RrType::Caa, "0 issue \"amazon.com\"")),
            Role::Other
        );
        assert_eq!(
            role(&set("x.", RrType::Ns, "ns-1.awsdns-1.com")),
            Role::NameServers
        );
    }

    #[test]
    fn targets_are_compared_without_dots_case_and_escapes() {
        let of = |set: &ResourceRecordSet| target(set).map(|target| target.host);
        assert_eq!(
            of(&set("a.x.", RrType::Cname, "Web.Example.COM.")).as_deref(),
            Some("web.example.com")
        );
        assert_eq!(
            of(&set("a.x.", RrType::from("HTTPS"), "1 web.x. alpn=h3")).as_deref(),
            Some("web.x")
        );
        assert_eq!(of(&set("a.x.", RrType::from("HTTPS"), "1 . alpn=h3")), None);
        assert_eq!(of(&set("a.x.", RrType::A, "10.0.0.1")), None);
        assert_eq!(unescaped("\\052.x."), "*.x.");
        assert_eq!(unescaped("a\\"), "a\\");
        assert_eq!(unescaped("ä\\é"), "ä\\é");
    }
}
