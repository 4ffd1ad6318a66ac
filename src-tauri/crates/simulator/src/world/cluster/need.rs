//! What a pod asks of a node: requests and a node selector, read from its template.

use serde_json::Value;

use super::store::Labels;

/// What a pod needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Need {
    /// CPU requested, thousandths of a core.
    pub millicpu: u32,
    /// Memory requested, MiB.
    pub mib: u32,
    /// `spec.nodeSelector`.
    pub selector: Labels,
}

impl Need {
    /// The need of a pod template: the sum over its containers
    /// (<https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/>).
    pub(super) fn of(template: &Value) -> Self {
        let spec = &template["spec"];
        let containers = spec["containers"].as_array();
        let sum = |resource: &str| {
            let all = containers.into_iter().flatten();
            all.map(|c| quantity(&c["resources"]["requests"][resource]))
                .sum::<f64>()
        };
        let selector = spec["nodeSelector"].as_object().into_iter().flatten();
        Self {
            millicpu: whole(sum("cpu") * 1000.0),
            mib: whole(sum("memory") / 1_048_576.0),
            selector: selector
                .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()))
                .collect(),
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(n: f64) -> u32 {
    n.ceil().clamp(0.0, f64::from(u32::MAX)) as u32
}

/// A quantity as Kubernetes writes it, `250m`, `2`, `512Mi`; 0 for what is none
/// (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>).
pub(super) fn quantity(value: &Value) -> f64 {
    let text = match value {
        Value::Number(n) => return n.as_f64().unwrap_or(0.0),
        Value::String(text) => text.trim(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return 0.0,
    };
    const SUFFIXES: [(&str, f64); 13] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
    ];
    let suffixed = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)));
    let (number, factor) = suffixed.unwrap_or((text, 1.0));
    number.parse::<f64>().unwrap_or(0.0) * factor
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_read_as_they_are_written() {
        for (text, value) in [
            ("250m", 0.25),
            ("2", 2.0),
            ("1Ki", 1024.0),
            ("1k", 1000.0),
            ("1e3", 1000.0),
            ("", 0.0),
        ] {
            assert!((quantity(&json!(text)) - value).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn the_need_is_the_sum_of_the_containers() {
        let container =
            |cpu| json!({ "resources": { "requests": { "cpu": cpu, "memory": "512Mi" } } });
        let need = Need::of(
            &json!({ "spec": { "containers": [container("250m"), container("1")], "nodeSelector": { "a": "b" } } }),
        );
        assert_eq!((need.millicpu, need.mib), (1250, 1024));
        assert_eq!(need.selector.get("a").map(String::as_str), Some("b"));
    }
}
