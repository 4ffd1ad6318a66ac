//! Patches: merge (RFC 7386), JSON (RFC 6902), and the strategic merge of Kubernetes.

use serde_json::{Map, Value};

use super::failure::Failure;

/// Applies a patch of a content type.
///
/// # Errors
/// 400 for what cannot be read or applied, 415 for another content type.
pub(super) fn apply(current: &Value, content_type: &str, body: &[u8]) -> Result<Value, Failure> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let read = || {
        serde_json::from_slice::<Value>(body).map_err(|_| {
            let first = body.iter().find(|b| !b"{[ \n\t".contains(b)).copied().map_or(' ', char::from);
            let message = format!("error decoding patch: invalid character '{first}' looking for beginning of object key string");
            Failure::bad_request(message)
        })
    };
    let mut next = current.clone();
    match kind {
        "application/merge-patch+json" => merge(&mut next, &read()?),
        "application/strategic-merge-patch+json" => strategic(&mut next, &read()?),
        "application/json-patch+json" => json_patch(&mut next, &read()?)?,
        _ => return Err(Failure::unsupported_media()),
    }
    Ok(next)
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else {
        return;
    };
    for (k, v) in patch {
        if v.is_null() {
            map.remove(k);
        } else {
            merge(map.entry(k.clone()).or_insert(Value::Null), v);
        }
    }
}

/// Lists of objects that are merged by a key, of those that occur in what is served
/// (`patchMergeKey` in `k8s.io/api`).
fn merge_key(field: &str) -> Option<&'static str> {
    match field {
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        "ports" => Some("containerPort"),
        "conditions" => Some("type"),
        "taints" => Some("key"),
        _ => None,
    }
}

fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if patch.get("$patch").and_then(Value::as_str) == Some("replace") {
        let kept = patch
            .iter()
            .filter(|(k, _)| *k != "$patch")
            .map(|(k, v)| (k.clone(), v.clone()));
        *target = Value::Object(kept.collect());
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else {
        return;
    };
    for (k, v) in patch.iter().filter(|(k, _)| !k.starts_with('$')) {
        match (v, merge_key(k)) {
            (Value::Null, _) => {
                map.remove(k);
            }
            (Value::Array(items), Some(key)) => {
                merge_list(
                    map.entry(k.clone())
                        .or_insert_with(|| Value::Array(Vec::new())),
                    items,
                    key,
                );
            }
            _ => strategic(map.entry(k.clone()).or_insert(Value::Null), v),
        }
    }
}

fn merge_list(target: &mut Value, items: &[Value], key: &str) {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Some(list) = target.as_array_mut() else {
        return;
    };
    for item in items {
        let place = list.iter().position(|old| old[key] == item[key]);
        let delete = item.get("$patch").and_then(Value::as_str) == Some("delete");
        match place {
            Some(n) if delete => {
                list.remove(n);
            }
            Some(n) => strategic(&mut list[n], item),
            None if delete => {}
            None => list.push(item.clone()),
        }
    }
}

fn json_patch(target: &mut Value, patch: &Value) -> Result<(), Failure> {
    let wrong = |what: String| Failure::unprocessable(&what);
    let steps = patch
        .as_array()
        .ok_or_else(|| wrong("a JSON patch is a list".into()))?;
    for step in steps {
        let path = step["path"]
            .as_str()
            .ok_or_else(|| wrong("a step has no path".into()))?;
        let known = match step["op"].as_str() {
            // What is not there passes a test for null, as in the API server's library.
            Some("test") => target.pointer(path).unwrap_or(&Value::Null) == &step["value"],
            Some("add") => set(target, path, &step["value"], true),
            Some("replace") => set(target, path, &step["value"], false),
            Some("remove") => remove(target, path),
            _ => false,
        };
        if !known {
            return Err(wrong(format!("the step {step} cannot be applied")));
        }
    }
    Ok(())
}

fn parent<'a>(target: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (head, last) = path.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    target.pointer_mut(head).map(|p| (p, last))
}

fn set(target: &mut Value, path: &str, value: &Value, add: bool) -> bool {
    if path.is_empty() {
        *target = value.clone();
        return true;
    }
    let Some((parent, last)) = parent(target, path) else {
        return false;
    };
    match parent {
        Value::Object(map) if add || map.contains_key(&last) => {
            map.insert(last, value.clone());
            true
        }
        Value::Array(list) if add && last == "-" => {
            list.push(value.clone());
            true
        }
        Value::Array(list) => match last.parse::<usize>() {
            Ok(n) if add && n <= list.len() => {
                list.insert(n, value.clone());
                true
            }
            Ok(n) if !add && n < list.len() => {
                list[n] = value.clone();
                true
            }
            _ => false,
        },
        _ => false,
    }
}

fn remove(target: &mut Value, path: &str) -> bool {
    let Some((parent, last)) = parent(target, path) else {
        return false;
    };
    match parent {
        Value::Object(map) => map.remove(&last).is_some(),
        Value::Array(list) => match last.parse::<usize>() {
            Ok(n) if n < list.len() => {
                list.remove(n);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(kind: &str, patch: &Value) -> Result<Value, Failure> {
        let current = json!({ "spec": { "replicas": 3, "containers": [{ "name": "a", "image": "x:1", "env": [] }] } });
        apply(&current, kind, patch.to_string().as_bytes())
    }

    #[test]
    fn a_merge_replaces_lists_and_a_strategic_merge_joins_them() {
        let patch = json!({ "spec": { "containers": [{ "name": "a", "image": "x:2" }] } });
        let merged = patched("application/merge-patch+json", &patch).expect("applies");
        assert_eq!(
            merged["spec"]["containers"],
            json!([{ "name": "a", "image": "x:2" }])
        );
        let joined = patched("application/strategic-merge-patch+json", &patch).expect("applies");
        assert_eq!(
            joined["spec"]["containers"],
            json!([{ "name": "a", "image": "x:2", "env": [] }])
        );
        assert_eq!(joined["spec"]["replicas"], 3);
    }

    #[test]
    fn a_json_patch_tests_before_it_replaces() {
        let good = json!([{ "op": "test", "path": "/spec/replicas", "value": 3 },
                          { "op": "replace", "path": "/spec/replicas", "value": 5 }]);
        assert_eq!(
            patched("application/json-patch+json", &good).expect("applies")["spec"]["replicas"],
            5
        );
        let bad = json!([{ "op": "test", "path": "/spec/replicas", "value": 4 }]);
        assert!(patched("application/json-patch+json", &bad).is_err());
        let absent = json!([{ "op": "test", "path": "/spec/paused", "value": null }]);
        assert!(patched("application/json-patch+json", &absent).is_ok());
    }

    #[test]
    fn other_content_types_are_refused() {
        assert_eq!(
            patched("text/plain", &json!({})),
            Err(Failure::unsupported_media())
        );
    }
}
