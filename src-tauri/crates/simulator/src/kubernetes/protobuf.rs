//! The one object clients send as protobuf that is read here: SelfSubjectAccessReview, which
//! `kubectl auth can-i` writes so.
//!
//! Envelope: [Kubernetes API concepts, Protobuf encoding](https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding);
//! field numbers: `k8s.io/api/authorization/v1/generated.proto`.

use serde_json::{Map, Value, json};

/// What stands before every protobuf body.
const MAGIC: &[u8] = b"k8s\0";

/// The review of a protobuf body; `None` when it is another object, or broken.
pub(super) fn review(body: &[u8]) -> Option<Value> {
    let unknown = body.strip_prefix(MAGIC)?;
    let kind = text(field(field(unknown, 1)?, 2)?)?;
    if kind != "SelfSubjectAccessReview" {
        return None;
    }
    let spec = field(field(unknown, 2)?, 2)?;
    let names = [
        "namespace",
        "verb",
        "group",
        "version",
        "resource",
        "subresource",
        "name",
    ];
    let read = |message: &[u8], names: &[&str]| -> Value {
        let pairs = (1..).zip(names).filter_map(|(number, name)| {
            let value = text(field(message, number)?)?;
            (!value.is_empty()).then(|| ((*name).to_owned(), json!(value)))
        });
        Value::Object(pairs.collect::<Map<_, _>>())
    };
    let spec = match (field(spec, 1), field(spec, 2)) {
        (Some(resource), _) => json!({ "resourceAttributes": read(resource, &names) }),
        (None, Some(path)) => json!({ "nonResourceAttributes": read(path, &["path", "verb"]) }),
        (None, None) => json!({}),
    };
    Some(json!({ "spec": spec }))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The first length-delimited field of this number.
fn field(mut message: &[u8], number: u64) -> Option<&[u8]> {
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let value = match key & 7 {
            0 => {
                varint(&mut message)?;
                &[]
            }
            1 => take(&mut message, 8)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                take(&mut message, length)?
            }
            5 => take(&mut message, 4)?,
            _ => return None,
        };
        if key == number << 3 | 2 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(head)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *take(message, 1)?.first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(number: u8, inner: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, inner.len() as u8], inner].concat()
    }

    #[test]
    fn the_question_of_can_i_is_read_and_nothing_else() {
        let attributes = [
            nested(1, b"trading"),
            nested(2, b"list"),
            nested(5, b"pods"),
        ]
        .concat();
        let review_of = |kind: &[u8]| {
            let meta = nested(
                1,
                &[nested(1, b"authorization.k8s.io/v1"), nested(2, kind)].concat(),
            );
            let raw = nested(2, &nested(2, &nested(1, &attributes)));
            [MAGIC, &meta, &raw].concat()
        };
        let read = review(&review_of(b"SelfSubjectAccessReview")).expect("it is read");
        let want = json!({"namespace": "trading", "verb": "list", "resource": "pods"});
        assert_eq!(read["spec"]["resourceAttributes"], want);
        assert_eq!(review(&review_of(b"Deployment")), None);
        assert_eq!(review(b"k8s\0\x0a\xff"), None);
        assert_eq!(review(b"{}"), None);
    }
}
