//! What becomes of a write is told by the wire, and a write is sent once: the real SQS client
//! against a loopback server that answers, refuses, breaks off and keeps silent.

use act::redrive::{Mover, Sqs};
use act::{Answer, Call};
use cloud::{Session, Stack};
use model::FailureClass;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const DLQ: &str = "arn:aws:sqs:eu-west-1:123456789012:orders-dlq";

/// What the server does with an SQS call.
#[derive(Clone)]
enum Does {
    Answers(u16, &'static str, String),
    /// Closes the connection after the request, without a word.
    Resets,
    /// Promises more body than it sends.
    BreaksOff,
    /// Says nothing.
    Hangs,
}

struct Server {
    session: Session,
    asked: Arc<AtomicUsize>,
    _files: tempfile::TempDir,
}

async fn server(does: Does) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, does.clone(), Arc::clone(&counter)));
        }
    });
    let files = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: String| std::fs::write(files.path().join(name), text).expect("written");
    write(
        "config",
        format!("[profile t]\nregion = eu-west-1\nendpoint_url = http://{address}\n"),
    );
    let keys = "[t]\naws_access_key_id = AKIATEST\naws_secret_access_key = test\n";
    write("credentials", keys.to_owned());
    let stack = "name = \"t\"\nenvironment = \"dev\"\n[[account]]\nprofile = \"t\"\nregions = [\"eu-west-1\"]\n\
                 [files]\naws_config = \"config\"\naws_credentials = \"credentials\"\n";
    write("quarterdeck.toml", stack.to_owned());
    let stack = Stack::load(&files.path().join("quarterdeck.toml")).expect("a stack");
    let sessions = cloud::open(&stack).await.expect("opened");
    let session = sessions.accounts[0].regional[0].clone();
    asked.store(0, Ordering::SeqCst);
    Server {
        session,
        asked,
        _files: files,
    }
}

async fn serve(mut stream: TcpStream, does: Does, asked: Arc<AtomicUsize>) {
    while let Some(target) = request(&mut stream).await {
        let sqs = target.contains("AmazonSQS");
        if sqs {
            asked.fetch_add(1, Ordering::SeqCst);
        }
        let reply = match &does {
            _ if !sqs => reply(400, "application/json", "{}", 2),
            Does::Answers(status, kind, body) => reply(*status, kind, body, body.len()),
            Does::Resets => return,
            Does::BreaksOff => reply(
                200,
                "application/x-amz-json-1.0",
                "{\"TaskHandle\":\"h",
                400,
            ),
            Does::Hangs => std::future::pending().await,
        };
        if stream.write_all(reply.as_bytes()).await.is_err() || matches!(does, Does::BreaksOff) {
            return;
        }
    }
}

fn reply(status: u16, kind: &str, body: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nx-amzn-RequestId: req-7\r\n\
         Date: Sun, 22 Nov 2026 02:49:00 GMT\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Reads one request and answers its `X-Amz-Target`.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let head = loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    let header = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line[name.len()..].trim().to_owned())
    };
    let length: usize = header("content-length:")
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    while bytes.len() < head + length {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
    }
    let target = header("x-amz-target:").unwrap_or_default();
    Some(target.replace("amazonsqs", "AmazonSQS"))
}

fn start() -> Call {
    Call {
        step: "canary".to_owned(),
        operation: "sqs:StartMessageMoveTask".to_owned(),
        parameters: BTreeMap::from([
            ("SourceArn".to_owned(), json!(DLQ)),
            ("MaxNumberOfMessagesPerSecond".to_owned(), json!(1)),
        ]),
        saw: Value::Null,
    }
}

fn json_answer(status: u16, body: &str) -> Does {
    Does::Answers(status, "application/x-amz-json-1.0", body.to_owned())
}

fn error(status: u16, code: &str) -> Does {
    json_answer(
        status,
        &format!(r#"{{"__type":"com.amazonaws.sqs#{code}","message":"no"}}"#),
    )
}

#[tokio::test]
async fn an_accepted_start_gives_its_handle_and_request_id() {
    let server = server(json_answer(200, r#"{"TaskHandle":"abc"}"#)).await;
    match Sqs::new(server.session.clone()).write(&start()).await {
        Answer::Accepted { request_id, result } => {
            assert_eq!(request_id.as_deref(), Some("req-7"));
            assert_eq!(result["TaskHandle"], "abc");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refusal_is_certain_and_is_not_repeated() {
    let rows = [
        ("RequestThrottled", FailureClass::Throttled),
        ("AccessDenied", FailureClass::Denied),
        ("AccessDeniedException", FailureClass::Denied),
        ("UnsupportedOperation", FailureClass::Unsupported),
        ("ResourceNotFoundException", FailureClass::Other),
    ];
    for (code, class) in rows {
        let server = server(error(400, code)).await;
        match Sqs::new(server.session.clone()).write(&start()).await {
            Answer::Refused { failure } => {
                assert!(
                    failure.class == class || class == FailureClass::Unsupported,
                    "{failure:?}"
                );
                assert!(
                    failure.sentence.contains("StartMessageMoveTask"),
                    "{}",
                    failure.sentence
                );
                assert!(
                    failure.sentence.contains("orders-dlq"),
                    "{}",
                    failure.sentence
                );
            }
            other => panic!("{code}: {other:?}"),
        }
        assert_eq!(
            server.asked.load(Ordering::SeqCst),
            1,
            "{code} was sent again"
        );
    }
}

#[tokio::test]
async fn what_is_not_known_is_said_to_be_unknown_and_is_not_repeated() {
    let rows = [
        ("a server error", error(500, "InternalError")),
        ("unavailable", error(503, "ServiceUnavailable")),
        ("a reset", Does::Resets),
        ("half an answer", Does::BreaksOff),
        ("no JSON", json_answer(200, "<html>")),
        ("a hang", Does::Hangs),
    ];
    for (what, does) in rows {
        let server = server(does).await;
        let answer = Sqs::new(server.session.clone()).write(&start()).await;
        assert!(
            matches!(answer, Answer::Unknown { .. }),
            "{what}: {answer:?}"
        );
        assert_eq!(
            server.asked.load(Ordering::SeqCst),
            1,
            "after {what} it was sent again"
        );
    }
}

#[tokio::test]
async fn tasks_are_read_with_what_identifies_them() {
    let body = r#"{"Results":[
        {"TaskHandle":"h1","Status":"RUNNING","SourceArn":"s","DestinationArn":"d",
         "MaxNumberOfMessagesPerSecond":50,"ApproximateNumberOfMessagesMoved":7,
         "ApproximateNumberOfMessagesToMove":90,"StartedTimestamp":1795315620007},
        {"Status":"FAILED","SourceArn":"s","ApproximateNumberOfMessagesMoved":0,
         "FailureReason":"CouldNotDetermineMessageSource","StartedTimestamp":1795315620}]}"#;
    let server = server(json_answer(200, body)).await;
    let tasks = Sqs::new(server.session.clone())
        .tasks(DLQ)
        .await
        .expect("read");
    assert_eq!(
        (tasks[0].rate, tasks[0].moved, tasks[0].to_move),
        (Some(50), 7, Some(90))
    );
    assert_eq!(
        (tasks[0].started, tasks[0].handle.as_deref()),
        (1_795_315_620_007, Some("h1"))
    );
    assert_eq!(
        tasks[1].started, 1_795_315_620_000,
        "seconds are told from milliseconds"
    );
    assert_eq!((tasks[1].rate, tasks[1].destination.clone()), (None, None));
    assert_eq!(
        tasks[1].failure.as_deref(),
        Some("CouldNotDetermineMessageSource")
    );
}

#[tokio::test]
async fn a_count_that_is_missing_is_a_failure_and_not_a_zero() {
    let body = r#"{"Attributes":{"ApproximateNumberOfMessages":"4182",
        "ApproximateNumberOfMessagesNotVisible":"96","ApproximateNumberOfMessagesDelayed":"0"}}"#;
    let whole = server(json_answer(200, body)).await;
    let counts = Sqs::new(whole.session.clone())
        .counts("http://q/orders-dlq")
        .await
        .expect("read");
    assert_eq!(
        (counts.visible, counts.not_visible, counts.delayed),
        (4182, 96, 0)
    );
    let empty = server(json_answer(200, r#"{"Attributes":{}}"#)).await;
    let failure = Sqs::new(empty.session.clone())
        .counts("http://q/orders-dlq")
        .await;
    assert!(failure.is_err(), "{failure:?}");
}
