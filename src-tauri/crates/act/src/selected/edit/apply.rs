//! Changing one place of a JSON document.

use super::Unfit;
use crate::selected::filter::{Path, Segment};
use serde_json::Value;

fn missing(path: &Path) -> Unfit {
    Unfit(format!("The body has no place {path}."))
}

/// What the last step of a path is a step of.
fn parent<'v>(root: &'v mut Value, path: &Path) -> Result<(&'v mut Value, Segment), Unfit> {
    let Some((last, way)) = path.0.split_last() else {
        return Err(missing(path));
    };
    let mut at = root;
    for segment in way {
        let next = match segment {
            Segment::Name(name) => at.as_object_mut().and_then(|o| o.get_mut(name)),
            Segment::Index(index) => at.as_array_mut().and_then(|a| a.get_mut(*index)),
            Segment::Every => None,
        };
        at = next.ok_or_else(|| missing(path))?;
    }
    Ok((at, last.clone()))
}

pub(super) fn set(root: &mut Value, path: &Path, value: &Value) -> Result<(), Unfit> {
    match parent(root, path)? {
        (Value::Object(object), Segment::Name(name)) => {
            object.insert(name, value.clone());
            Ok(())
        }
        (Value::Array(array), Segment::Index(index)) => {
            *array.get_mut(index).ok_or_else(|| missing(path))? = value.clone();
            Ok(())
        }
        _ => Err(missing(path)),
    }
}

pub(super) fn remove(root: &mut Value, path: &Path) -> Result<(), Unfit> {
    match parent(root, path)? {
        (Value::Object(object), Segment::Name(name)) => match object.remove(&name) {
            Some(_) => Ok(()),
            None => Err(missing(path)),
        },
        (Value::Array(array), Segment::Index(index)) if index < array.len() => {
            array.remove(index);
            Ok(())
        }
        _ => Err(missing(path)),
    }
}

/// A path as jq's array of steps.
pub(super) fn steps(path: &Path) -> Value {
    let step = |segment: &Segment| match segment {
        Segment::Name(name) => Value::from(name.as_str()),
        Segment::Index(index) => Value::from(*index),
        Segment::Every => Value::Null,
    };
    path.0.iter().map(step).collect()
}
