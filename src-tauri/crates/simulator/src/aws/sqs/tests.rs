use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::aws::request::Service;
use crate::clock::Millis;
use crate::scenario::Scenario;
use crate::world::Size;

struct Bench {
    world: World,
}

impl Bench {
    fn new() -> Self {
        let size = Size {
            regions: 1,
            pods: 60,
            seed: 5,
        };
        let mut world = World::new(size, Scenario::Calm, Millis(1_764_000_000_000));
        // Nobody but the test touches the queues.
        world.regions[0].producers.clear();
        world.regions[0].workforces.clear();
        world.regions[0].mappings.clear();
        Self { world }
    }

    fn call(
        &mut self,
        operation: &str,
        input: Value,
    ) -> Result<Value, (String, Option<&'static str>)> {
        let call = Call {
            service: Service::Sqs,
            region: "us-east-1".into(),
            protocol: Protocol::Json,
            operation: operation.into(),
            input,
            path: vec![],
            query: BTreeMap::new(),
            now: self.world.now,
        };
        handle(&mut self.world, &call)
            .map(|a| a.body)
            .map_err(|e| (e.code, e.query_code))
    }

    fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.call(operation, input).expect("accepted")
    }

    fn arn(&mut self, url: &str) -> String {
        let all = self.ok(
            "GetQueueAttributes",
            json!({"QueueUrl": url, "AttributeNames": ["QueueArn"]}),
        );
        all["Attributes"]["QueueArn"].as_str().unwrap().to_owned()
    }

    /// A queue that dead-letters after one delivery, and its dead-letter queue, with `n` messages dead.
    fn dead(&mut self, n: usize) -> (String, String) {
        let dead = self.ok("CreateQueue", json!({"QueueName": "t-dead"}))["QueueUrl"]
            .as_str()
            .unwrap()
            .to_owned();
        let policy =
            json!({"deadLetterTargetArn": self.arn(&dead), "maxReceiveCount": 1}).to_string();
        let attributes = json!({"RedrivePolicy": policy, "VisibilityTimeout": "1"});
        let live = self.ok(
            "CreateQueue",
            json!({"QueueName": "t", "Attributes": attributes}),
        )["QueueUrl"]
            .as_str()
            .unwrap()
            .to_owned();
        for i in 0..n {
            self.ok(
                "SendMessage",
                json!({"QueueUrl": live, "MessageBody": format!("m{i}")}),
            );
        }
        for _ in 0..n.div_ceil(10) * 2 + 2 {
            self.ok(
                "ReceiveMessage",
                json!({"QueueUrl": live, "MaxNumberOfMessages": 10}),
            );
            self.world.step();
            self.world.step();
        }
        (live, dead)
    }

    fn depth(&mut self, url: &str) -> String {
        let name = "ApproximateNumberOfMessages";
        let all = self.ok(
            "GetQueueAttributes",
            json!({"QueueUrl": url, "AttributeNames": [name]}),
        );
        all["Attributes"][name].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_redrive_runs_from_start_to_completed() {
    let mut b = Bench::new();
    let (live, dead) = b.dead(12);
    assert_eq!((b.depth(&live), b.depth(&dead)), ("0".into(), "12".into()));
    let source = b.arn(&dead);
    b.ok(
        "StartMessageMoveTask",
        json!({"SourceArn": source, "MaxNumberOfMessagesPerSecond": 5}),
    );
    let second = b.call("StartMessageMoveTask", json!({"SourceArn": source}));
    assert_eq!(second.unwrap_err().1, Some("InvalidParameterValue"));
    let running = b.ok("ListMessageMoveTasks", json!({"SourceArn": source}))["Results"][0].clone();
    assert_eq!(
        (
            &running["Status"],
            &running["ApproximateNumberOfMessagesToMove"]
        ),
        (&json!("RUNNING"), &json!(12))
    );
    assert!(running["TaskHandle"].is_string());
    for _ in 0..3 {
        b.world.step();
    }
    let done = b.ok("ListMessageMoveTasks", json!({"SourceArn": source}))["Results"][0].clone();
    assert_eq!(
        (&done["Status"], &done["ApproximateNumberOfMessagesMoved"]),
        (&json!("COMPLETED"), &json!(12))
    );
    assert!(done["TaskHandle"].is_null());
    assert_eq!((b.depth(&live), b.depth(&dead)), ("12".into(), "0".into()));
}

#[test]
fn what_is_not_a_dead_letter_queue_cannot_be_redriven() {
    let mut b = Bench::new();
    let (live, _) = b.dead(0);
    let source = b.arn(&live);
    let error = b
        .call("StartMessageMoveTask", json!({"SourceArn": source}))
        .unwrap_err();
    assert_eq!(error.1, Some("InvalidParameterValue"));
    let error = b
        .call(
            "StartMessageMoveTask",
            json!({"SourceArn": "arn:aws:sqs:us-east-1:100200300400:none"}),
        )
        .unwrap_err();
    assert_eq!(error.0, "ResourceNotFoundException");
}

#[test]
fn a_task_is_cancelled_only_while_it_runs() {
    let mut b = Bench::new();
    let (_, dead) = b.dead(10);
    let source = b.arn(&dead);
    let handle = b.ok(
        "StartMessageMoveTask",
        json!({"SourceArn": source, "MaxNumberOfMessagesPerSecond": 1}),
    )["TaskHandle"]
        .clone();
    b.world.step();
    let cancelled = b.ok("CancelMessageMoveTask", json!({"TaskHandle": handle}));
    assert_eq!(cancelled["ApproximateNumberOfMessagesMoved"], 1);
    assert!(
        b.call("CancelMessageMoveTask", json!({"TaskHandle": handle}))
            .is_err()
    );
    for _ in 0..4 {
        b.world.step();
    }
    let after = b.ok("ListMessageMoveTasks", json!({"SourceArn": source}))["Results"][0].clone();
    assert_eq!(after["Status"], "CANCELLED");
    let garbage = b
        .call("CancelMessageMoveTask", json!({"TaskHandle": "x"}))
        .unwrap_err();
    assert_eq!(garbage.1, Some("InvalidParameterValue"));
}

#[test]
fn a_batch_reports_each_entry() {
    let mut b = Bench::new();
    let (live, _) = b.dead(0);
    let entries = json!([{"Id": "a", "MessageBody": "x"}, {"Id": "b", "MessageBody": ""}]);
    let answer = b.ok(
        "SendMessageBatch",
        json!({"QueueUrl": live, "Entries": entries}),
    );
    assert_eq!(
        (&answer["Successful"][0]["Id"], &answer["Failed"][0]["Id"]),
        (&json!("a"), &json!("b"))
    );
    let twice = json!([{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "y"}]);
    let error = b
        .call(
            "SendMessageBatch",
            json!({"QueueUrl": live, "Entries": twice}),
        )
        .unwrap_err();
    assert_eq!(error.0, "BatchEntryIdsNotDistinct");
}

#[test]
fn the_digest_of_attributes_is_the_one_clients_compute() {
    let mut b = Bench::new();
    let (live, _) = b.dead(0);
    let attributes = json!({"a": {"DataType": "String", "StringValue": "b"}});
    let sent = b.ok(
        "SendMessage",
        json!({"QueueUrl": live, "MessageBody": "x", "MessageAttributes": attributes}),
    );
    // md5 of 00000001 61 00000006 "String" 01 00000001 62
    assert_eq!(sent["MD5OfMessageAttributes"].as_str().unwrap().len(), 32);
    assert_eq!(sent["MD5OfMessageBody"], "9dd4e461268c8034f5c8564e155c67a6");
}

#[test]
fn unknown_queues_and_attributes_have_their_codes() {
    let mut b = Bench::new();
    let none = b
        .call(
            "GetQueueAttributes",
            json!({"QueueUrl": "https://x/1/none"}),
        )
        .unwrap_err();
    assert_eq!(
        none,
        (
            "QueueDoesNotExist".into(),
            Some("AWS.SimpleQueueService.NonExistentQueue")
        )
    );
    let (live, _) = b.dead(0);
    let odd = b
        .call(
            "GetQueueAttributes",
            json!({"QueueUrl": live, "AttributeNames": ["Odd"]}),
        )
        .unwrap_err();
    assert_eq!(odd.0, "InvalidAttributeName");
}
