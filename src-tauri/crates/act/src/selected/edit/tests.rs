use super::*;

fn edited(edit: &str, free: bool, body: &str) -> Result<String, Unfit> {
    Edit::parse(edit, free).expect(edit).apply(body)
}

#[test]
fn an_edit_changes_what_it_names_and_nothing_else() {
    let body =
        r#"{"v":7,"side":"BUY","legs":[{"n":1},{"n":2}],"text":"1.10, \"2\"","price":10.50}"#;
    let same = |edit: &str| edited(edit, false, body).expect(edit);
    let after = same("set $.v = 6");
    assert_eq!(
        Edit::differences(body, &after),
        [Difference {
            path: "$.v".to_owned(),
            before: Some("7".to_owned()),
            after: Some("6".to_owned())
        }]
    );
    let after = same(r#"set $.side = "a;b" ; set $.legs[1].n = 5"#);
    let read: serde_json::Value = serde_json::from_str(&after).expect("JSON");
    assert_eq!(
        (read["side"].as_str(), read["legs"][1]["n"].as_i64()),
        (Some("a;b"), Some(5))
    );
    assert_eq!(Edit::differences(body, &after).len(), 2);
}

#[test]
fn another_shape_is_refused_unless_told() {
    let body = r#"{"v":7,"o":{"a":1}}"#;
    for (edit, what) in [
        ("set $.v = \"7\"", "$.v would be text instead of a number"),
        ("set $.new = 1", "$.new would be new"),
        ("remove $.o.a", "$.o.a would be gone"),
    ] {
        let error = edited(edit, false, body).expect_err(edit).to_string();
        assert!(error.contains(what), "{error}");
        assert!(edited(edit, true, body).is_ok(), "{edit}");
    }
}

#[test]
fn what_an_edit_does_not_fit_is_not_edited() {
    for (edit, body) in [
        ("set $.a.b = 1", r#"{"x":1}"#),
        ("remove $.a", r#"{"x":1}"#),
        ("set $.l[3] = 1", r#"{"l":[1]}"#),
        ("set $.a = 1", "plain"),
        ("set $.a = 1", r#"{"a":2,"big":12345678901234567890123}"#),
        (
            "set $.a = 1",
            r#"{"a":2,"exact":0.1000000000000000055511151231257827}"#,
        ),
    ] {
        assert!(edited(edit, true, body).is_err(), "{edit} {body}");
    }
}

#[test]
fn a_bad_edit_says_where() {
    for (edit, at) in [
        ("", 1),
        ("drop $.a", 1),
        ("set $.a", 8),
        ("set $.a = x", 11),
        ("set $ = 1", 5),
        ("set $.a[*] = 1", 5),
        ("set $.a = 1 x", 11),
        ("set $.a = 1;", 13),
    ] {
        assert_eq!(Edit::parse(edit, false).expect_err(edit).at, at, "{edit}");
    }
}

#[test]
fn jq_edits_the_same() {
    let edit = Edit::parse("set $.a['b c'] = [1]; remove $.l[0]", true).expect("an edit");
    assert_eq!(
        edit.jq(),
        r#"setpath(["a","b c"]; [1]) | delpaths([["l",0]])"#
    );
}
