//! Writes plain values as XML.

use serde_json::Value;

/// Name of the items of a list, when the list has an element of its own.
pub(crate) type Items = fn(list: &str) -> Option<&'static str>;

/// Lists are repeated elements: the REST-XML services, whose handlers nest explicitly.
pub(crate) fn repeated(_list: &str) -> Option<&'static str> {
    None
}

/// Lists hold `member` elements.
pub(crate) fn members(_list: &str) -> Option<&'static str> {
    Some("member")
}

/// Lists hold `item` elements, as those of EC2.
pub(crate) fn items(_list: &str) -> Option<&'static str> {
    Some("item")
}

/// The names of RDS: service model of `rds` 2014-10-31, `locationName` of each list's member.
pub(crate) fn rds(list: &str) -> Option<&'static str> {
    Some(match list {
        "AccountQuotas" => "AccountQuota",
        "AvailabilityZones" => "AvailabilityZone",
        "DBClusterEndpoints" => "DBClusterEndpointList",
        "DBClusters" => "DBCluster",
        "DBClusterMembers" => "DBClusterMember",
        "DBInstances" => "DBInstance",
        "DBParameterGroups" => "DBParameterGroup",
        "EventCategories" => "EventCategory",
        "Events" => "Event",
        "GlobalClusters" | "GlobalClusterMembers" => "GlobalClusterMember",
        "PendingMaintenanceActions" => "ResourcePendingMaintenanceActions",
        "PendingMaintenanceActionDetails" => "PendingMaintenanceAction",
        "ReadReplicaIdentifiers" => "ReadReplicaIdentifier",
        "Subnets" => "Subnet",
        "TagList" => "Tag",
        "VpcSecurityGroups" => "VpcSecurityGroupMembership",
        _ => "member",
    })
}

/// Appends an element.
pub(crate) fn element(out: &mut String, name: &str, value: &Value, items: Items) {
    match value {
        Value::Null => {}
        Value::Array(list) => match items(name) {
            Some(tag) => {
                open(out, name);
                list.iter().for_each(|item| element(out, tag, item, items));
                close(out, name);
            }
            None => list.iter().for_each(|item| element(out, name, item, items)),
        },
        Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            open(out, name);
            content(out, value, items);
            close(out, name);
        }
    }
}

/// Appends what an element holds.
pub(crate) fn content(out: &mut String, value: &Value, items: Items) {
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| element(out, k, v, items)),
        Value::String(text) => escape(out, text),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&n.to_string()),
        Value::Null | Value::Array(_) => {}
    }
}

fn open(out: &mut String, name: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
}

fn close(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Appends text with the characters XML reserves written as entities.
pub(crate) fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_wrapped_or_repeated() {
        let value = json!({"A": [{"B": "x<y"}, {"B": 2}], "N": null});
        let (mut wrapped, mut flat) = (String::new(), String::new());
        content(&mut wrapped, &value, members);
        content(&mut flat, &value, repeated);
        assert_eq!(
            wrapped,
            "<A><member><B>x&lt;y</B></member><member><B>2</B></member></A>"
        );
        assert_eq!(flat, "<A><B>x&lt;y</B></A><A><B>2</B></A>");
    }
}
