use super::*;
use crate::selected::message::Attribute;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn message(
    body: &str,
    attributes: &[(&str, &str)],
    group: Option<&str>,
) -> crate::selected::Message {
    let attribute = |(name, text): &(&str, &str)| {
        let value = Attribute {
            data_type: "String".to_owned(),
            text: Some((*text).to_owned()),
            binary: None,
        };
        ((*name).to_owned(), value)
    };
    let group = group.map(|group| ("MessageGroupId".to_owned(), group.to_owned()));
    crate::selected::Message {
        id: "m".to_owned(),
        body: body.to_owned(),
        attributes: attributes.iter().map(attribute).collect(),
        system: group.into_iter().collect::<BTreeMap<_, _>>(),
    }
}

const BODY: &str = r#"{"schemaVersion":7,"id":"a1","side":"BUY","price":1.5,"note":null,"done":false,"legs":[{"venue":"X","n":1},{"venue":"Y","n":2}],"a b":{"c":"d"}}"#;

#[test]
fn a_filter_selects_by_attribute_group_and_body() {
    let attributes = [("error", "Timeout"), ("version", "42"), ("x.y", "z")];
    let message = message(BODY, &attributes, Some("acct-1"));
    for (filter, expected) in [
        ("all", true),
        ("$.schemaVersion = 7", true),
        ("$.schemaVersion != 7", false),
        ("$.schemaVersion >= 7 and $.price < 2", true),
        ("$.schemaVersion = '7'", false),
        ("$.side = 'BUY' and not $.side = 'SELL'", true),
        ("$.legs[*].venue = 'Y'", true),
        ("$.legs[1].venue = 'X'", false),
        ("$.legs[*].n > 2", false),
        ("$['a b'].c = \"d\"", true),
        ("$.note = null", true),
        ("$.note exists", true),
        ("$.nothing exists", false),
        ("$.nothing != 1", false),
        ("not $.nothing = 1", true),
        ("$.done = false", true),
        ("attribute.error = 'Timeout'", true),
        ("attribute.error starts-with 'Time'", true),
        ("attribute.version > 41", true),
        ("attribute.x.y = 'z'", true),
        ("attribute['x.y'] = 'z'", true),
        ("attribute.none exists", false),
        ("group = 'acct-1'", true),
        ("body contains 'schemaVersion'", true),
        ("$.a = 1 or $.b = 2 or $.id = 'a1'", true),
        ("($.a = 1 or $.id = 'a1') and $.side = 'SELL'", false),
        ("$.*.c = 'd'", true),
    ] {
        let read = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
        assert_eq!(read.selects(&message), expected, "{filter}");
    }
}

#[test]
fn a_body_that_is_no_json_has_no_nodes() {
    let message = message("plain", &[], None);
    let selects = |filter: &str| Filter::parse(filter).expect("a filter").selects(&message);
    assert!(!selects("$.a exists") && !selects("$ exists") && selects("body = 'plain'"));
    assert!(selects("not $.a = 1"));
}

#[test]
fn a_bad_filter_says_where() {
    for (filter, at, why) in [
        ("", 1, "say all"),
        ("   ", 4, "say all"),
        ("all x", 5, "the end"),
        ("$.a", 4, "exists"),
        ("$.a = ", 7, "a number"),
        ("$.a = 'x", 7, "not closed"),
        ("$.a == 1", 6, "a number"),
        ("$.a = 1 $.b = 2", 9, "\"and\""),
        ("($.a = 1", 9, "not closed"),
        ("$.[0] = 1", 3, "a name"),
        ("$[-1] = 1", 3, "an index from 0"),
        ("attribute = 1", 11, ".NAME"),
        ("error = 1", 1, "attribute.NAME"),
        ("$.a contains 7", 15, "quoted text"),
        ("é = 1 § 2", 1, "attribute.NAME"),
        ("$.a = 1 § 2", 9, "no meaning"),
    ] {
        let error = Filter::parse(filter).expect_err(filter);
        assert_eq!(error.at, at, "{filter}: {error}");
        assert!(error.why.contains(why), "{filter}: {error}");
    }
    let deep = format!("{}$.a = 1", "not ".repeat(60));
    assert!(
        Filter::parse(&deep)
            .expect_err("too deep")
            .why
            .contains("deeply")
    );
}

#[test]
fn jq_selects_the_same() {
    let attributes = [("error", "Timeout"), ("version", "42")];
    let message = message(BODY, &attributes, Some("acct-1"));
    let printed = serde_json::json!({"Messages": [{
        "MessageId": "m", "Body": BODY, "Attributes": {"MessageGroupId": "acct-1"},
        "MessageAttributes": {"error": {"StringValue": "Timeout", "DataType": "String"}, "version": {"StringValue": "42", "DataType": "String"}},
    }]});
    for filter in [
        "all",
        "$.schemaVersion = 7",
        "$.legs[*].venue = 'Y' and attribute.version > 41",
        "not $.nothing exists",
        "$.nothing != 1",
        "$.price < 2 or group = 'other'",
        "$.side < 5",
        "body contains 'venue' and attribute.error starts-with 'T'",
        "$['a b'].c = 'e'",
        "attribute.none = 'x'",
        "$.note exists",
    ] {
        let read = Filter::parse(filter).expect("a filter");
        let program = format!("[.Messages[]? | select({})] | length", read.jq());
        let mut output = jq(&program, &printed);
        output.retain(|c| !c.is_whitespace());
        assert_eq!(output == "1", read.selects(&message), "{filter}: {program}");
    }
}

fn jq(program: &str, input: &serde_json::Value) -> String {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut jq = Command::new("jq");
    let jq = jq.arg(program).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut jq = jq
        .spawn()
        .expect("jq, which the command lines of a plan need");
    let mut stdin = jq.stdin.take().expect("a pipe");
    stdin
        .write_all(input.to_string().as_bytes())
        .expect("written");
    drop(stdin);
    let output = jq.wait_with_output().expect("its output");
    String::from_utf8(output.stdout).expect("text")
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "[ -~éλ'\"$.\\[\\]()]{0,60}") {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(error.at >= 1 && error.at <= text.chars().count() + 1, "{error}");
        }
    }
}
