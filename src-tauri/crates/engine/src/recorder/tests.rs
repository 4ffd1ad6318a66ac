use super::store::Store;
use super::*;
use crate::book::{Recording, Shelf, Shelved};
use model::{Change, ChangeKind, Found, NodeId, SourceId, Timestamp};
use std::os::unix::fs::PermissionsExt as _;

fn recording(second: i64) -> Recording {
    let at = Timestamp::from_seconds(second);
    Recording {
        taken_at: at,
        shelves: vec![Shelf {
            source: SourceId::new("sqs/1/eu-west-1/queues"),
            last_ok: at,
            items: vec![Shelved {
                at,
                found: Arc::new(Found::Change(Change {
                    at,
                    kind: ChangeKind::Event,
                    node: NodeId::new("queue/1/eu-west-1/orders"),
                    sentence: "It happened.".to_owned(),
                })),
            }],
        }],
    }
}

fn notices() -> Notices {
    watch::Sender::new(Vec::new())
}

#[test]
fn a_recording_comes_back_to_the_stack_that_made_it_and_to_no_other() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("deep/er").join(FILE);
    let mut store = Store::open(&path, &notices()).expect("it opens");
    store.save("one", &recording(1)).expect("it saves");
    store.save("one", &recording(2)).expect("it saves again");
    drop(store);
    let store = Store::open(&path, &notices()).expect("it opens again");
    assert_eq!(store.last("one").expect("it reads"), Some(recording(2)));
    assert_eq!(store.last("two").expect("it reads"), None);
    let mode = std::fs::metadata(&path)
        .expect("it exists")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads the record");
}

#[test]
fn a_corrupt_file_is_set_aside_with_a_sentence() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(FILE);
    std::fs::write(
        &path,
        b"this is no database, whatever its name says, not at all",
    )
    .expect("written");
    let notices = notices();
    let mut store = Store::open(&path, &notices).expect("a new one is begun");
    store.save("one", &recording(1)).expect("it saves");
    let said = notices.borrow().clone();
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("set aside as"), "{said:?}");
    let kept = std::fs::read_dir(dir.path())
        .expect("listed")
        .filter_map(Result::ok)
        .any(|e| e.file_name().to_string_lossy().contains(".aside-"));
    assert!(kept, "the old file is kept");
}

#[test]
fn a_foreign_database_is_set_aside_and_a_newer_one_is_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let foreign = dir.path().join("foreign.db");
    let db = rusqlite::Connection::open(&foreign).expect("sqlite opens");
    db.execute_batch("CREATE TABLE theirs (x)")
        .expect("sqlite writes");
    drop(db);
    let said = notices();
    assert!(Store::open(&foreign, &said).is_ok());
    assert_eq!(said.borrow().len(), 1);

    let newer = dir.path().join("newer.db");
    drop(Store::open(&newer, &notices()).expect("it opens"));
    let db = rusqlite::Connection::open(&newer).expect("sqlite opens");
    db.execute_batch("PRAGMA user_version = 99")
        .expect("sqlite writes");
    drop(db);
    let refused = Store::open(&newer, &notices())
        .err()
        .expect("it is not used");
    assert!(refused.contains("newer Quarterdeck"), "{refused}");
    assert!(newer.exists());
}

#[test]
fn a_file_of_the_first_layout_loses_what_nothing_reads() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(FILE);
    let mut store = Store::open(&path, &notices()).expect("it opens");
    store.save("one", &recording(7)).expect("it saves");
    drop(store);
    let db = rusqlite::Connection::open(&path).expect("it opens");
    db.execute_batch("CREATE TABLE ring (body BLOB) STRICT; PRAGMA user_version = 1;")
        .expect("the older layout");
    drop(db);
    let store = Store::open(&path, &notices()).expect("it opens");
    let last = store.last("one").expect("it can be read");
    assert_eq!(last, Some(recording(7)));
    let db = rusqlite::Connection::open(&path).expect("it opens");
    let tables: i64 = db
        .query_row(
            "SELECT count(*) FROM sqlite_master WHERE name = 'ring'",
            [],
            |r| r.get(0),
        )
        .expect("tables can be counted");
    assert_eq!(tables, 0);
}

#[test]
fn two_processes_write_the_same_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(FILE);
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut store = Store::open(&path, &notices()).expect("it opens");
                for second in 0..25 {
                    store
                        .save("one", &recording(writer * 100 + second))
                        .expect("it saves");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().expect("no writer fails");
    }
    let store = Store::open(&path, &notices()).expect("it opens");
    assert!(store.last("one").expect("it reads").is_some());
}

#[test]
fn the_thread_records_on_finish_and_hands_the_record_to_the_next_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let gap = Duration::from_secs(10);
    let first = Recorder::open(dir.path(), "one".to_owned(), gap, notices(), |_| {
        panic!("nothing was recorded yet")
    });
    first.record(recording(5));
    first.finish();
    let (told, heard) = mpsc::channel();
    let second = Recorder::open(
        dir.path(),
        "one".to_owned(),
        gap,
        notices(),
        move |recording| {
            told.send(recording).expect("somebody listens");
        },
    );
    assert_eq!(heard.recv_timeout(gap).expect("restored"), recording(5));
    second.finish();
}

#[test]
fn the_first_recordings_of_a_run_follow_each_other_closely() {
    let (gap, slow) = (Duration::from_secs(10), Duration::from_millis(500));
    let rests = [1, 2, 3, 100].map(|nth| rest_after(nth, gap, slow).as_secs());
    assert_eq!(rests, [10, 20, 30, 100]);
    assert_eq!(rest_after(50, gap, Duration::from_millis(1)), gap);
}

#[test]
fn a_state_directory_that_cannot_be_written_is_a_sentence() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    std::fs::write(&file, b"").expect("written");
    let said = notices();
    let recorder = Recorder::open(
        &file,
        "one".to_owned(),
        Duration::ZERO,
        said.clone(),
        |_| {},
    );
    recorder.record(recording(1));
    recorder.finish();
    assert!(
        said.borrow()[0].starts_with("Nothing is recorded"),
        "{:?}",
        said.borrow()
    );
}
