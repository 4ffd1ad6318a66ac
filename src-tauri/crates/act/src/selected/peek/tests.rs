use super::*;
use crate::selected::filter::Filter;

fn message(n: usize, body: &str, attributes: &[(&str, &str)]) -> Message {
    let attribute = |(name, text): &(&str, &str)| {
        let value = super::super::Attribute {
            data_type: "String".to_owned(),
            text: Some((*text).to_owned()),
            binary: None,
        };
        ((*name).to_owned(), value)
    };
    Message {
        id: format!("m{n}"),
        body: body.to_owned(),
        attributes: attributes.iter().map(attribute).collect(),
        system: BTreeMap::new(),
    }
}

fn sample() -> Vec<Message> {
    let bodies: [(&str, &[(&str, &str)]); 8] = [
        (r#"{"schemaVersion":7,"id":1}"#, &[("error", "Timeout")]),
        (r#"{"schemaVersion":7,"id":2}"#, &[("error", "Timeout")]),
        (r#"{"schemaVersion":7,"id":3}"#, &[("error", "It's bad")]),
        (r#"{"schemaVersion":6,"id":4}"#, &[]),
        (r#"{"schemaVersion":6,"id":5,"note":"x"}"#, &[]),
        (r#"{"id":6}"#, &[]),
        ("plain text", &[]),
        (r#"{"type":"Order","id":8}"#, &[("x y", "1")]),
    ];
    bodies
        .iter()
        .enumerate()
        .map(|(n, (body, attributes))| message(n, body, attributes))
        .collect()
}

#[test]
fn each_group_has_a_filter_that_selects_it_and_nothing_else_of_the_sample() {
    let messages = sample();
    let clusters = cluster::clusters(&messages, None);
    assert_eq!(clusters.iter().map(|c| c.count).sum::<u32>(), 8);
    assert_eq!((clusters[0].count, clusters[0].percent), (2, 25.0));
    for cluster in &clusters {
        let filter =
            Filter::parse(&cluster.filter).unwrap_or_else(|e| panic!("{}: {e}", cluster.filter));
        let selected: Vec<&Message> = messages.iter().filter(|m| filter.selects(m)).collect();
        assert_eq!(selected.len() as u32, cluster.count, "{}", cluster.filter);
        assert!(
            selected.iter().any(|m| m.id == cluster.example.id),
            "{}",
            cluster.filter
        );
    }
}

#[test]
fn a_group_names_what_its_messages_have_in_common() {
    let messages = sample();
    let first = &cluster::clusters(&messages, None)[0];
    let parts: Vec<(&str, &str)> = first
        .signature
        .iter()
        .map(|t| (t.name.as_str(), t.value.as_str()))
        .collect();
    assert_eq!(
        parts,
        [
            ("error", "Timeout"),
            ("version", "7"),
            ("shape", "id, schemaVersion")
        ]
    );
    assert_eq!(
        first.filter,
        "attribute.error = 'Timeout' and $.schemaVersion = 7"
    );
}

#[test]
fn an_edit_shows_its_difference_and_whom_it_does_not_fit() {
    let edit = Edit::parse("set $.schemaVersion = 6", false).expect("an edit");
    let messages = sample();
    let clusters = cluster::clusters(&messages, Some(&edit));
    let first = &clusters[0];
    assert_eq!((first.differences.len(), first.unfit.as_ref()), (1, None));
    let plain = clusters
        .iter()
        .find(|c| c.example.body == "plain text")
        .expect("there");
    assert_eq!(plain.unfit.as_ref().map(|u| u.count), Some(1));
}

#[test]
fn a_sample_says_that_it_is_one() {
    assert!(sentence(30, 4_182, false).contains("30 messages of about 4,182"));
    assert!(sentence(3, 3, true).starts_with("All 3 messages"));
    assert!(sentence(0, 9, true).starts_with("No message"));
}
