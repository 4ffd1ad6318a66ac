//! CBOR as Smithy RPC v2 uses it: definite lengths, instants as tag 1, doubles as 64 bits.

use serde_json::{Map, Number, Value};

/// Keys whose numbers are instants, in every service that answers in CBOR.
pub(crate) const INSTANTS: &[&str] = &[
    "Timestamp",
    "Timestamps",
    "StateUpdatedTimestamp",
    "StateTransitionedTimestamp",
    "AlarmConfigurationUpdatedTimestamp",
];

/// Reads a body; an empty one is an empty map. `Err` says what is wrong with it.
pub(crate) fn decode(body: &[u8]) -> Result<Value, String> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let value: ciborium::Value = ciborium::from_reader(body).map_err(|e| e.to_string())?;
    Ok(plain(value))
}

fn plain(value: ciborium::Value) -> Value {
    match value {
        ciborium::Value::Integer(n) => i64::try_from(n).map_or(Value::Null, Value::from),
        ciborium::Value::Float(f) => Number::from_f64(f).map_or(Value::Null, Value::Number),
        ciborium::Value::Text(text) => Value::String(text),
        ciborium::Value::Bool(b) => Value::Bool(b),
        ciborium::Value::Tag(_, inner) => plain(*inner),
        ciborium::Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        ciborium::Value::Map(entries) => Value::Object(
            entries
                .into_iter()
                .filter_map(|(k, v)| Some((k.into_text().ok()?, plain(v))))
                .filter(|(_, v)| !v.is_null())
                .collect(),
        ),
        _ => Value::Null,
    }
}

/// Writes a body.
#[must_use]
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    write(&mut out, value, false);
    out
}

fn write(out: &mut Vec<u8>, value: &Value, instant: bool) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(b) => out.push(if *b { 0xf5 } else { 0xf4 }),
        Value::Number(n) if instant => {
            out.push(0xc1);
            float(out, n.as_f64().unwrap_or(0.0));
        }
        Value::Number(n) => match (n.as_u64(), n.as_i64()) {
            (Some(n), _) => head(out, 0, n),
            (None, Some(n)) => head(out, 1, (-1 - n).unsigned_abs()),
            (None, None) => float(out, n.as_f64().unwrap_or(0.0)),
        },
        Value::String(text) => {
            head(out, 3, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Array(items) => {
            head(out, 4, items.len() as u64);
            items.iter().for_each(|item| write(out, item, instant));
        }
        Value::Object(map) => {
            let entries: Vec<_> = map.iter().filter(|(_, v)| !v.is_null()).collect();
            head(out, 5, entries.len() as u64);
            for (key, value) in entries {
                head(out, 3, key.len() as u64);
                out.extend_from_slice(key.as_bytes());
                write(out, value, INSTANTS.contains(&key.as_str()));
            }
        }
    }
}

fn float(out: &mut Vec<u8>, value: f64) {
    out.push(0xfb);
    out.extend_from_slice(&value.to_be_bytes());
}

/// Major type and argument, in the shortest form.
#[allow(clippy::cast_possible_truncation)]
fn head(out: &mut Vec<u8>, major: u8, n: u64) {
    let major = major << 5;
    match n {
        0..=23 => out.push(major | n as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, n as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(n as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(n as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&n.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_reads_back() {
        let value = json!({"Id": "m1", "Values": [1.5, 2.0], "N": 70_000, "Neg": -5, "Ok": true, "Timestamps": [1.0e9]});
        assert_eq!(decode(&encode(&value)).unwrap(), value);
    }

    #[test]
    fn instants_are_tagged_and_doubles_stay_64_bits() {
        let bytes = encode(&json!({"Timestamps": [0.5]}));
        assert!(bytes.ends_with(&[0xc1, 0xfb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0]));
    }
}
