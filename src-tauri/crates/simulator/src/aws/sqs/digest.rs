//! The MD5 digests that clients of SQS check.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest as _, Md5};

use crate::world::queue::Attribute;

/// Message attributes by name, in the order the digest wants.
pub(super) type Attributes = BTreeMap<String, Attribute>;

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The digest of a body.
pub(super) fn md5(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

/// The digest of attributes that clients check: SQS Developer Guide, calculating the MD5 of message attributes.
pub(super) fn md5_of_attributes(attributes: &Attributes) -> Option<String> {
    (!attributes.is_empty()).then(|| hex(&framed_digest(attributes)))
}

fn framed_digest(attributes: &Attributes) -> Vec<u8> {
    let mut bytes = Vec::new();
    let put = |bytes: &mut Vec<u8>, part: &[u8]| {
        bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(part);
    };
    for (name, a) in attributes {
        put(&mut bytes, name.as_bytes());
        put(&mut bytes, a.data_type.as_bytes());
        let binary = a.data_type.starts_with("Binary");
        bytes.push(if binary { 2 } else { 1 });
        let value = if binary {
            BASE64.decode(&a.value).unwrap_or_default()
        } else {
            a.value.clone().into_bytes()
        };
        put(&mut bytes, &value);
    }
    Md5::digest(&bytes).to_vec()
}
