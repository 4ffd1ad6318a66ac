use super::*;
use crate::selected::Message;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

fn sending(id: &str, deduplication: Option<&str>, at: i64) -> Sending {
    Sending {
        message: Message {
            id: id.to_owned(),
            body: format!("body of {id}"),
            attributes: BTreeMap::new(),
            system: BTreeMap::new(),
        },
        receipt: format!("r-{id}"),
        edited: None,
        deduplication: deduplication.map(ToOwned::to_owned),
        at,
    }
}

fn sent(id: &str) -> Line {
    Line::Sent {
        ids: vec![(id.to_owned(), format!("copy-{id}"))],
    }
}

fn deleted(id: &str) -> Line {
    Line::Deleted {
        ids: vec![id.to_owned()],
    }
}

fn fold(lines: &[Line]) -> State {
    let mut state = State::default();
    lines.iter().for_each(|line| state.take(line));
    state
}

#[test]
fn a_message_goes_from_sending_to_deleted_and_counts_once() {
    let mut lines = vec![Line::Sending {
        messages: vec![sending("a", None, 0), sending("b", None, 0)],
    }];
    assert_eq!(
        fold(&lines).tally(),
        Tally {
            open: 2,
            ..Tally::default()
        }
    );
    lines.push(sent("a"));
    let state = fold(&lines);
    assert_eq!(state.undeleted(), [("a".to_owned(), "r-a".to_owned())]);
    assert_eq!(state.unsettled(), [("b".to_owned(), "r-b".to_owned())]);
    assert!(state.is_copy("copy-a") && !state.is_copy("a"));
    lines.extend([deleted("a"), deleted("a")]);
    assert_eq!(
        fold(&lines).tally(),
        Tally {
            sent: 1,
            deleted: 1,
            open: 1,
            ..Tally::default()
        }
    );
}

#[test]
fn only_a_second_sending_without_an_answer_to_the_first_may_be_there_twice() {
    let again = |first: &[Line]| {
        let mut lines = first.to_vec();
        lines.extend([
            Line::Sending {
                messages: vec![sending("a", None, 9)],
            },
            sent("a"),
        ]);
        fold(&lines).tally()
    };
    let open = Line::Sending {
        messages: vec![sending("a", None, 0)],
    };
    let unsent = Line::Unsent {
        ids: vec!["a".to_owned()],
        why: "throttled".to_owned(),
    };
    assert_eq!(again(&[]).twice, 0);
    assert_eq!(again(&[open.clone(), unsent]).twice, 0);
    let twice = again(std::slice::from_ref(&open));
    assert_eq!((twice.twice, twice.sent, twice.open), (1, 1, 0));
    let thrice = again(&[open.clone(), open.clone()]);
    assert_eq!((thrice.twice, thrice.counted), (2, None));
    let counted = Line::Counted { twice: 1 };
    let known = fold(&[open.clone(), open.clone(), counted.clone()]);
    assert_eq!((known.tally().twice, known.tally().counted), (1, Some(1)));
    let since = fold(&[open.clone(), open.clone(), counted, open]);
    assert_eq!(
        since.tally().counted,
        None,
        "counted before the last of them was sent"
    );
}

#[test]
fn sqs_itself_drops_a_repeat_that_comes_soon() {
    let again = |at: i64, id: &str| {
        let first = Line::Sending {
            messages: vec![sending("a", Some("d"), 0)],
        };
        let second = Line::Sending {
            messages: vec![sending("a", Some(id), at)],
        };
        fold(&[first, second]).tally().twice
    };
    assert_eq!(
        (again(60_000, "d"), again(300_000, "d"), again(60_000, "e")),
        (0, 1, 1)
    );
    let used = fold(&[Line::Sending {
        messages: vec![sending("a", Some("d"), 0)],
    }]);
    assert!(
        used.deduplication_taken("b", "d", 1_000) && !used.deduplication_taken("a", "d", 1_000)
    );
    assert!(!used.deduplication_taken("b", "d", 700_000));
}

#[test]
fn what_is_held_is_known_and_let_go() {
    let held = |id: &str| Line::Held {
        ids: vec![(id.to_owned(), "r".to_owned())],
    };
    let mut lines = vec![
        held("x"),
        Line::Sending {
            messages: vec![sending("a", None, 0)],
        },
        sent("a"),
        deleted("a"),
        held("copy-a"),
        Line::Returned {
            ids: vec!["copy-a".to_owned()],
        },
    ];
    let state = fold(&lines);
    assert!(state.was_passed("x") && state.was_passed("copy-a"));
    assert_eq!(
        (
            state.held_count(),
            state.tally().passed,
            state.tally().returned
        ),
        (2, 1, 1)
    );
    lines.push(Line::Released {
        ids: vec!["x".to_owned()],
    });
    assert_eq!(
        (fold(&lines).held_count(), fold(&lines).was_passed("x")),
        (1, true)
    );
}

#[tokio::test]
async fn it_is_private_on_disk_and_read_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::open(dir.path(), "run-1").expect("opened");
    let line = Line::Opened {
        node: "queue/1".to_owned(),
        queue: "u".to_owned(),
    };
    ledger.write(line).await.expect("written");
    let open = Line::Sending {
        messages: vec![sending("a", None, 0), sending("b", None, 0)],
    };
    ledger.write(open).await.expect("written");
    ledger.write(sent("a")).await.expect("written");
    let path = file(dir.path(), "run-1");
    let mode = std::fs::metadata(&path)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(ledger);
    let mut torn = std::fs::read(&path).expect("bytes");
    torn.extend(b"{\"line\":\"del");
    std::fs::write(&path, torn).expect("torn");
    let again = Ledger::open(dir.path(), "run-1").expect("opened");
    let (sent, node) = {
        let state = again.state();
        (state.tally().sent, state.node.clone())
    };
    assert_eq!((sent, node.as_str()), (1, "queue/1"));
    again.write(deleted("a")).await.expect("written");
    assert_eq!(
        peek(dir.path(), "run-1")
            .expect("read")
            .expect("there")
            .tally()
            .deleted,
        1
    );
    let bodies: Vec<String> = sent_messages(&path)
        .expect("read")
        .into_iter()
        .map(|m| m.body)
        .collect();
    assert_eq!(bodies, ["body of a"]);
    let text = std::fs::read_to_string(&path)
        .expect("text")
        .replacen("sending", "sednign", 1);
    std::fs::write(&path, text).expect("spoilt");
    assert!(matches!(
        peek(dir.path(), "run-1"),
        Err(LedgerError::Damaged { line: 2, .. })
    ));
}
