//! The chain, whole and tampered with.

use super::*;
use model::Timestamp;
use std::os::unix::fs::PermissionsExt;

fn record(sentence: &str) -> Record {
    Record {
        at: Timestamp::from_seconds(1_795_315_620),
        actor: "okafor@desk".to_owned(),
        kind: AuditKind::Opened,
        run: Some(RunId("r1".to_owned())),
        sentence: sentence.to_owned(),
        body: serde_json::json!({ "messages": 4182 }),
    }
}

fn filled(rows: usize) -> (tempfile::TempDir, Audit) {
    let dir = tempfile::tempdir().expect("a folder");
    let audit = Audit::open(dir.path()).expect("opened");
    for at in 0..rows {
        audit
            .append(record(&format!("row {at}")))
            .expect("appended");
    }
    (dir, audit)
}

fn broken_at(audit: &Audit) -> i64 {
    match audit.verify() {
        Err(Broken::Row { seq, .. }) => seq,
        other => panic!("expected a broken row, got {other:?}"),
    }
}

#[test]
fn an_untouched_chain_verifies_and_is_private() {
    let (dir, audit) = filled(3);
    assert_eq!(audit.verify().expect("whole"), 3);
    let mode = fs::metadata(dir.path().join(FILE))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = Audit::open(dir.path()).expect("reopened");
    assert_eq!(again.verify().expect("whole"), 3);
    let found = again
        .about(&RunId("r1".to_owned()), AuditKind::Opened)
        .expect("read");
    assert_eq!(found.map(|row| row.seq), Some(1));
}

#[test]
fn every_way_to_tamper_names_the_first_bad_row() {
    let tampers = [
        ("UPDATE audit SET sentence = 'x' WHERE seq = 2", 2),
        ("UPDATE audit SET body = '{}' WHERE seq = 3", 3),
        ("UPDATE audit SET kind = 'closed' WHERE seq = 1", 1),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 4", 4),
        ("DELETE FROM audit", 4),
        ("UPDATE audit SET hash = previous WHERE seq = 2", 2),
    ];
    for (tamper, bad) in tampers {
        let (_dir, audit) = filled(4);
        audit.lock().execute_batch(tamper).expect("tampered");
        assert_eq!(broken_at(&audit), bad, "{tamper}");
    }
}

#[test]
fn several_writers_make_one_chain() {
    let (dir, audit) = filled(1);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let dir = dir.path();
            scope.spawn(move || {
                let own = Audit::open(dir).expect("opened");
                for at in 0..10 {
                    own.append(record(&format!("{writer}/{at}")))
                        .expect("appended");
                }
            });
        }
    });
    assert_eq!(audit.verify().expect("whole"), 41);
}

#[test]
fn a_chain_whose_head_is_gone_may_have_been_cut() {
    let (dir, audit) = filled(4);
    fs::remove_file(dir.path().join(HEAD)).expect("removed");
    assert!(matches!(audit.verify(), Err(Broken::Head { .. })));
    // A crash can come between the very first row and the first writing of its head.
    let (dir, audit) = filled(1);
    fs::remove_file(dir.path().join(HEAD)).expect("removed");
    assert_eq!(audit.verify().expect("whole"), 1);
}

#[test]
fn what_is_no_database_is_damaged_and_not_merely_busy() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join(FILE), vec![b'x'; 8192]).expect("written");
    assert!(Audit::open(dir.path()).expect_err("garbage").is_damaged());
}
