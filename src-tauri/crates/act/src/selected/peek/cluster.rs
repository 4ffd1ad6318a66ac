//! Groups messages by signature: type, error, producer's version, and the shape of the JSON body.

use super::{Cluster, Trait, Unfit, example};
use crate::selected::edit::Edit;
use crate::selected::filter::path::{plain, quoted};
use crate::selected::message::Message;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Names a part goes by, in lower case without `-`, `_` and `.`, the first that is there counts.
const PARTS: &[(&str, &[&str])] = &[
    (
        "type",
        &["type", "eventtype", "messagetype", "kind", "detailtype"],
    ),
    (
        "error",
        &[
            "error",
            "errortype",
            "errorcode",
            "errorclass",
            "exception",
            "failurereason",
        ],
    ),
    (
        "version",
        &[
            "schemaversion",
            "version",
            "producerversion",
            "appversion",
            "revision",
        ],
    ),
];
/// Longer values tell one message, not a group.
const LONGEST: usize = 120;
/// Members of a body that are named in a shape.
const MEMBERS: usize = 40;

type Parts = Vec<Trait>;

/// A group while it is counted.
struct Group<'m> {
    parts: Parts,
    tests: Vec<String>,
    shape: Shape,
    messages: Vec<&'m Message>,
}

/// The names of a body's members; `None` when it is no JSON object.
type Shape = Option<BTreeSet<String>>;

pub(super) fn clusters(messages: &[Message], edit: Option<&Edit>) -> Vec<Cluster> {
    let mut groups: BTreeMap<(Parts, Shape), Group<'_>> = BTreeMap::new();
    for message in messages {
        let json = serde_json::from_str::<Value>(&message.body).ok();
        let (parts, tests) = parts(message, json.as_ref());
        let shape = shape(json.as_ref());
        let fresh = || Group {
            parts: parts.clone(),
            tests,
            shape: shape.clone(),
            messages: Vec::new(),
        };
        let group = groups
            .entry((parts.clone(), shape.clone()))
            .or_insert_with(fresh);
        group.messages.push(message);
    }
    let all: Vec<Group<'_>> = groups.into_values().collect();
    let mut clusters: Vec<Cluster> = all
        .iter()
        .map(|group| made(group, &all, messages.len(), edit))
        .collect();
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.count));
    clusters
}

/// The signature of a message in words that stay the same from message to message: in an error's text every word with
/// a digit (an id, a number of milliseconds) is `#`.
pub(super) fn signature(message: &Message) -> String {
    let json = serde_json::from_str::<Value>(&message.body).ok();
    let (parts, _) = parts(message, json.as_ref());
    let part = |part: Trait| match part.name.as_str() {
        "error" => format!("error {}", plain_words(&part.value)),
        name => format!("{name} {}", part.value),
    };
    let shape = format!("shape {}", shape_words(&shape(json.as_ref())));
    let words: Vec<String> = parts.into_iter().map(part).chain([shape]).collect();
    words.join(", ")
}

fn plain_words(text: &str) -> String {
    let word = |word: &str| match word.chars().any(|c| c.is_ascii_digit()) {
        true => "#".to_owned(),
        false => word.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn made(group: &Group<'_>, all: &[Group<'_>], total: usize, edit: Option<&Edit>) -> Cluster {
    let mut signature = group.parts.clone();
    signature.push(Trait {
        name: "shape".to_owned(),
        place: "$".to_owned(),
        value: shape_words(&group.shape),
    });
    let first = group.messages[0];
    let after = edit.map(|edit| edit.apply(&first.body));
    let differences = match &after {
        Some(Ok(after)) => Edit::differences(&first.body, after),
        Some(Err(_)) | None => Vec::new(),
    };
    Cluster {
        signature,
        count: group.messages.len() as u32,
        percent: 100.0 * group.messages.len() as f64 / total.max(1) as f64,
        filter: filter(group, all),
        example: example(first),
        differences,
        unfit: edit.and_then(|edit| unfit(group, edit)),
    }
}

fn unfit(group: &Group<'_>, edit: &Edit) -> Option<Unfit> {
    let failed: Vec<String> = group
        .messages
        .iter()
        .filter_map(|m| edit.apply(&m.body).err())
        .map(|e| e.to_string())
        .collect();
    let why = failed.first()?.clone();
    Some(Unfit {
        count: failed.len() as u32,
        why,
    })
}

fn known(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .filter(|c| !"-_.".contains(*c))
        .collect()
}

/// The parts that are there, and for each the test that holds for it.
fn parts(message: &Message, json: Option<&Value>) -> (Parts, Vec<String>) {
    let (mut parts, mut tests) = (Vec::new(), Vec::new());
    for (part, names) in PARTS {
        let found = names
            .iter()
            .find_map(|name| attribute(message, name).or_else(|| member(json?, name)));
        if let Some((place, value, test)) = found {
            parts.push(Trait {
                name: (*part).to_owned(),
                place,
                value,
            });
            tests.push(test);
        }
    }
    (parts, tests)
}

type Found = (String, String, String);

fn attribute(message: &Message, name: &str) -> Option<Found> {
    let (own, attribute) = message
        .attributes
        .iter()
        .find(|(own, _)| known(own) == name)?;
    let text = attribute
        .text
        .as_ref()
        .filter(|text| text.len() <= LONGEST)?;
    let place = if own.split('.').all(plain) {
        format!("attribute.{own}")
    } else {
        format!("attribute[{}]", quoted(own))
    };
    let test = format!("{place} = {}", quoted(text));
    Some((place, text.clone(), test))
}

fn member(json: &Value, name: &str) -> Option<Found> {
    let (own, value) = json
        .as_object()?
        .iter()
        .find(|(own, _)| known(own) == name)?;
    let place = place(own);
    let (words, literal) = match value {
        Value::String(text) if text.len() <= LONGEST => (text.clone(), quoted(text)),
        Value::Number(number) => (number.to_string(), number.to_string()),
        Value::Bool(_) | Value::Null => (value.to_string(), value.to_string()),
        Value::String(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let test = format!("{place} = {literal}");
    Some((place, words, test))
}

fn place(member: &str) -> String {
    if plain(member) {
        format!("$.{member}")
    } else {
        format!("$[{}]", quoted(member))
    }
}

fn shape(json: Option<&Value>) -> Shape {
    let object = json?.as_object()?;
    Some(object.keys().take(MEMBERS).cloned().collect())
}

fn shape_words(shape: &Shape) -> String {
    match shape {
        None => "no JSON object".to_owned(),
        Some(members) if members.is_empty() => "an empty object".to_owned(),
        Some(members) => members.iter().cloned().collect::<Vec<_>>().join(", "),
    }
}

/// The tests of its parts, and what tells it from the other groups of the sample: parts it lacks, and
/// members of the body.
fn filter(group: &Group<'_>, all: &[Group<'_>]) -> String {
    let mut tests = group.tests.clone();
    let own: BTreeSet<&str> = group.parts.iter().map(|part| part.name.as_str()).collect();
    let mut lacks: BTreeSet<String> = BTreeSet::new();
    let others = all.iter().filter(|other| !std::ptr::eq(*other, group));
    for other in others {
        let like = group.parts.iter().all(|part| other.parts.contains(part));
        if !like {
            continue;
        }
        let more = other
            .parts
            .iter()
            .filter(|part| !own.contains(part.name.as_str()));
        let more: Vec<String> = more
            .map(|part| format!("not {} exists", part.place))
            .collect();
        match more.is_empty() {
            true => lacks.extend(shape_tests(&group.shape, &other.shape)),
            false => lacks.extend(more),
        }
    }
    tests.extend(lacks);
    match tests.is_empty() {
        true => "all".to_owned(),
        false => tests.join(" and "),
    }
}

fn shape_tests(own: &Shape, other: &Shape) -> Vec<String> {
    let (own, other) = match (own, other) {
        (None, None) => return Vec::new(),
        (None, Some(other)) => {
            return other
                .iter()
                .next()
                .map(|m| format!("not {} exists", place(m)))
                .into_iter()
                .collect();
        }
        (Some(own), None) => {
            return own
                .iter()
                .next()
                .map(|m| format!("{} exists", place(m)))
                .into_iter()
                .collect();
        }
        (Some(own), Some(other)) => (own, other),
    };
    let only_own = own
        .difference(other)
        .map(|member| format!("{} exists", place(member)));
    let only_other = other
        .difference(own)
        .map(|member| format!("not {} exists", place(member)));
    only_own.chain(only_other).take(1).collect()
}
