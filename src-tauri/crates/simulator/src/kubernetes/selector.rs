//! Label and field selectors.

use serde_json::Value;

use super::failure::Failure;
use crate::world::cluster::resource::Resource;
use crate::world::cluster::store::Stored;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Label {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    value: String,
    equal: bool,
}

/// What a list or watch is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selector {
    labels: Vec<Label>,
    fields: Vec<Field>,
}

impl Selector {
    /// Reads both selectors.
    ///
    /// # Errors
    /// 400 for what cannot be read, and for fields that the resource does not select by.
    pub(super) fn parse(
        resource: Resource,
        labels: Option<&str>,
        fields: Option<&str>,
    ) -> Result<Self, Failure> {
        let labels = split(labels.unwrap_or_default())
            .into_iter()
            .map(label)
            .collect::<Result<_, _>>()?;
        let mut all = Vec::new();
        for text in fields
            .unwrap_or_default()
            .split(',')
            .filter(|f| !f.is_empty())
        {
            let field = field(text)?;
            if !supported(resource, &field.name) {
                return Err(Failure::bad_request(format!(
                    "field label not supported: {}",
                    field.name
                )));
            }
            all.push(field);
        }
        Ok(Self {
            labels,
            fields: all,
        })
    }

    /// Whether it lets everything through.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether it lets an object through.
    #[must_use]
    pub(super) fn matches(&self, object: &Stored) -> bool {
        self.labels.iter().all(|l| l.matches(object))
            && self.fields.iter().all(|f| f.matches(object))
    }
}

impl Label {
    fn matches(&self, object: &Stored) -> bool {
        match self {
            Self::In(key, values) => object.labels.get(key).is_some_and(|v| values.contains(v)),
            Self::NotIn(key, values) => object.labels.get(key).is_none_or(|v| !values.contains(v)),
            Self::Exists(key) => object.labels.contains_key(key),
            Self::Missing(key) => !object.labels.contains_key(key),
        }
    }
}

impl Field {
    fn matches(&self, object: &Stored) -> bool {
        (value(object, &self.name) == self.value) == self.equal
    }
}

/// The value of a field as selectors compare it; empty when it is absent.
fn value(object: &Stored, name: &str) -> String {
    match (name, &object.pod) {
        ("metadata.name", _) => object.name.clone(),
        ("metadata.namespace", _) => object.namespace.clone(),
        ("spec.nodeName", Some(pod)) => pod.node.to_string(),
        ("status.phase", Some(pod)) => pod.phase.to_owned(),
        ("status.podIP", Some(pod)) => pod.ip.clone(),
        _ => {
            let whole = object.value();
            let path = if name == "source" {
                "source/component".to_owned()
            } else {
                name.replace('.', "/")
            };
            match whole.pointer(&format!("/{path}")) {
                Some(Value::String(s)) => s.clone(),
                Some(Value::Bool(b)) => b.to_string(),
                Some(Value::Number(n)) => n.to_string(),
                _ if name == "spec.unschedulable" || name == "spec.hostNetwork" => {
                    "false".to_owned()
                }
                _ => String::new(),
            }
        }
    }
}

/// The fields each resource selects by (`k8s.io/kubernetes/pkg/apis/core/v1/conversion.go`).
fn supported(resource: Resource, field: &str) -> bool {
    if matches!(field, "metadata.name" | "metadata.namespace") {
        return true;
    }
    let fields: &[&str] = match resource {
        Resource::Pods => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        Resource::Events => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Resource::Nodes => &["spec.unschedulable"],
        Resource::Namespaces => &["status.phase"],
        Resource::ReplicaSets => &["status.replicas"],
        Resource::Secrets => &["type"],
        Resource::Services => &["spec.clusterIP", "spec.type"],
        _ => &[],
    };
    fields.contains(&field)
}

fn field(text: &str) -> Result<Field, Failure> {
    let (name, value, equal) = if let Some((n, v)) = text.split_once("!=") {
        (n, v, false)
    } else if let Some((n, v)) = text.split_once("==") {
        (n, v, true)
    } else if let Some((n, v)) = text.split_once('=') {
        (n, v, true)
    } else {
        return Err(Failure::bad_request(format!(
            "invalid selector: '{text}'; can't understand '{text}'"
        )));
    };
    Ok(Field {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        equal,
    })
}

/// Splits at the commas that are not within parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
        .into_iter()
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .collect()
}

fn label(text: &str) -> Result<Label, Failure> {
    let set = |values: &str| {
        let inner = values
            .trim()
            .strip_prefix('(')
            .and_then(|v| v.strip_suffix(')'))?;
        Some(
            inner
                .split(',')
                .map(|v| v.trim().to_owned())
                .collect::<Vec<_>>(),
        )
    };
    let wrong = || {
        Failure::bad_request(format!(
            "unable to parse requirement: found '{text}', expected: a label selector"
        ))
    };
    let key = |k: &str| {
        let k = k.trim();
        let good = !k.is_empty()
            && k.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        good.then(|| k.to_owned()).ok_or_else(wrong)
    };
    if let Some((k, values)) = text.split_once(" notin ") {
        return Ok(Label::NotIn(key(k)?, set(values).ok_or_else(wrong)?));
    }
    if let Some((k, values)) = text.split_once(" in ") {
        return Ok(Label::In(key(k)?, set(values).ok_or_else(wrong)?));
    }
    if let Some((k, v)) = text.split_once("!=") {
        return Ok(Label::NotIn(key(k)?, vec![v.trim().to_owned()]));
    }
    if let Some((k, v)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Ok(Label::In(key(k)?, vec![v.trim().to_owned()]));
    }
    match text.strip_prefix('!') {
        Some(k) => Ok(Label::Missing(key(k)?)),
        None => Ok(Label::Exists(key(text)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(labels: &str) -> Result<Selector, Failure> {
        Selector::parse(Resource::Pods, Some(labels), None)
    }

    #[test]
    fn all_forms_are_read() {
        let all = parse("a=b, c!=d,e in (f, g),h notin (i),j,!k").expect("is read");
        assert_eq!(all.labels.len(), 6);
        assert_eq!(
            all.labels[2],
            Label::In("e".into(), vec!["f".into(), "g".into()])
        );
        assert!(parse("a b").is_err());
    }

    #[test]
    fn a_field_nobody_selects_by_is_refused() {
        let refused = Selector::parse(Resource::Pods, None, Some("spec.foo=bar"));
        assert_eq!(
            refused.err().map(|f| f.value()["message"].clone()),
            Some("field label not supported: spec.foo".into())
        );
    }
}
