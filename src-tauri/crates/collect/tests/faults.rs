//! Every fault of a server or of the way to it, against every collector: a failure of the right
//! class in a sentence with a next step, never a panic, never an endless wait.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod wire;

use collect::{COLLECTORS, Reach, Reading};
use futures::future::join_all;
use model::FailureClass;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use wire::{Answer, Request, impatient, known, serve, sessions};

/// Reads with every collector but STS (whose answer opens the session) from such a server.
async fn all(
    answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> Vec<(String, Reading)> {
    let url = serve(answer).await;
    let (global, regional) = sessions(&url).await;
    let (global, regional) = (
        impatient(global, Duration::from_secs(2)),
        impatient(regional, Duration::from_secs(2)),
    );
    let known = &known(&global, &regional);
    let (global, regional) = (&global, &regional);
    let collectors = COLLECTORS.iter().filter(|c| c.part() != "identity");
    let read = collectors.map(|collector| async move {
        let session = match collector.reach() {
            Reach::Global => global,
            Reach::Regional => regional,
        };
        let reading =
            tokio::time::timeout(Duration::from_secs(60), collector.collect(session, known));
        let name = format!("{}/{}", collector.service().as_str(), collector.part());
        (name, reading.await.expect("ends"))
    });
    join_all(read).await
}

async fn everything_fails(
    class: FailureClass,
    answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) {
    for (name, reading) in all(answer).await {
        let failure = reading.outcome.expect_err(&format!("{name} must fail"));
        assert_eq!(failure.class, class, "{name}: {}", failure.sentence);
        assert!(
            failure.sentence.contains("us-east-1"),
            "{name}: {}",
            failure.sentence
        );
        assert!(
            failure.sentence.ends_with('.') && failure.next_step.ends_with('.'),
            "{name}"
        );
    }
}

/// An error in the format of the protocol the request was in.
fn error(request: &Request, status: u16, code: &'static str) -> Answer {
    let text = match request.service.as_str() {
        "route53" | "cloudfront" | "elasticloadbalancing" | "rds" | "ec2" => format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
        ),
        "monitoring" => {
            let mut body = Vec::new();
            let value = serde_json::json!({"__type": code, "message": "no"});
            ciborium::into_writer(&value, &mut body).unwrap();
            return Answer::Http(status, "application/cbor", body);
        }
        _ => return Answer::JsonError(status, code),
    };
    Answer::Http(status, "text/xml", text.into_bytes())
}

#[tokio::test]
async fn throttling_is_told_as_such() {
    everything_fails(FailureClass::Throttled, |request| {
        error(request, 400, "Throttling")
    })
    .await;
}

#[tokio::test]
async fn a_missing_permission_is_told_as_such() {
    everything_fails(FailureClass::Denied, |request| {
        error(request, 403, "AccessDenied")
    })
    .await;
}

#[tokio::test]
async fn expired_credentials_are_told_as_such() {
    everything_fails(FailureClass::Credentials, |request| {
        error(request, 403, "ExpiredToken")
    })
    .await;
}

#[tokio::test]
async fn an_operation_the_server_lacks_is_told_as_such() {
    everything_fails(FailureClass::Unsupported, |request| {
        error(request, 400, "InvalidAction")
    })
    .await;
    let page = b"<!doctype html><title>404 Not Found</title>".to_vec();
    everything_fails(FailureClass::Unsupported, move |_| {
        Answer::Http(404, "text/html", page.clone())
    })
    .await;
    everything_fails(FailureClass::Unsupported, |_| {
        Answer::Http(501, "text/plain", Vec::new())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_fails_is_told_as_such() {
    everything_fails(FailureClass::Server, |request| {
        error(request, 500, "InternalFailure")
    })
    .await;
    let page = b"<html>bad gateway</html>".to_vec();
    everything_fails(FailureClass::Server, move |_| {
        Answer::Http(502, "text/html", page.clone())
    })
    .await;
}

#[tokio::test]
async fn silence_ends() {
    everything_fails(FailureClass::TimedOut, |_| Answer::Silence).await;
}

#[tokio::test]
async fn a_connection_reset_before_an_answer_is_unreachable() {
    everything_fails(FailureClass::Unreachable, |_| Answer::Reset).await;
}

#[tokio::test]
async fn an_answer_cut_off_in_the_middle_is_malformed() {
    everything_fails(FailureClass::Malformed, |request| {
        match request.service.as_str() {
            "monitoring" => Answer::CutOff("application/cbor", vec![0xbf, 0x6d]),
            "sqs" | "eks" | "lambda" | "pricing" | "arc-zonal-shift" => {
                Answer::CutOff("application/json", b"{\"a\":".to_vec())
            }
            _ => Answer::CutOff("text/xml", b"<?xml version=\"1.0\"?><Lis".to_vec()),
        }
    })
    .await;
}

#[tokio::test]
async fn garbage_is_malformed() {
    for garbage in [
        &b""[..],
        b"\xff\xfe\x00\x01",
        b"<html>all is well</html>",
        b"{\"a\":",
        b"<a><b></a>",
    ] {
        everything_fails(FailureClass::Malformed, move |_| {
            Answer::Http(200, "application/octet-stream", garbage.to_vec())
        })
        .await;
    }
}

/// Its length is right, so nothing but the document itself tells.
#[tokio::test]
async fn a_document_that_stops_in_the_middle_is_malformed() {
    everything_fails(FailureClass::Malformed, |request| {
        let list = |outer: &str, inner: &str| wire::xml(&format!("<{outer}><{inner}>"));
        match request.operation.as_str() {
            "/2013-04-01/hostedzone" => list("ListHostedZonesResponse", "HostedZones"),
            "/2013-04-01/healthcheck" => list("ListHealthChecksResponse", "HealthChecks"),
            "/2020-05-31/distribution" => list("DistributionList", "Items"),
            operation if matches!(request.service.as_str(), "rds" | "elasticloadbalancing") => {
                list(
                    &format!("{operation}Response"),
                    &format!("{operation}Result"),
                )
            }
            "DescribeSubnets" => list("DescribeSubnetsResponse", "subnetSet"),
            _ if request.service == "monitoring" => {
                Answer::Http(200, "application/cbor", vec![0xbf, 0x61, b'a'])
            }
            _ => wire::json("{\"QueueUrls\":[\"http://q/1/a\","),
        }
    })
    .await;
}

#[tokio::test]
async fn pages_without_end_end_in_a_failure() {
    let calls = Arc::new(AtomicU32::new(0));
    let read = all(move |request| match request.operation.as_str() {
        "ListQueues" => {
            let mark = calls.fetch_add(1, Ordering::Relaxed);
            wire::json(&format!("{{\"QueueUrls\":[],\"NextToken\":\"{mark}\"}}"))
        }
        _ => Answer::Silence,
    });
    let read = read.await;
    let (_, queues) = read.iter().find(|(name, _)| name == "sqs/queues").unwrap();
    let failure = queues.outcome.clone().expect_err("no end");
    assert!(failure.sentence.contains("300 pages"), "{failure:?}");
    assert_eq!(queues.requests, 300);
}

#[tokio::test]
async fn a_page_mark_that_repeats_ends_in_a_failure() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let read = all(move |request| {
        counted.fetch_add(1, Ordering::Relaxed);
        match request.operation.as_str() {
            "ListQueues" => wire::json("{\"QueueUrls\":[],\"NextToken\":\"again\"}"),
            _ => Answer::Silence,
        }
    });
    let read = read.await;
    let (_, queues) = read.iter().find(|(name, _)| name == "sqs/queues").unwrap();
    let failure = queues.outcome.clone().expect_err("no end");
    assert!(
        failure.sentence.contains("page mark repeats"),
        "{}",
        failure.sentence
    );
    assert_eq!(queues.requests, 2);
}

#[tokio::test]
async fn one_dead_call_leaves_the_rest_of_the_answer() {
    let read = all(|request| match request.operation.as_str() {
        "ListQueues" => wire::json(
            "{\"QueueUrls\":[\"http://q/111122223333/a\",\"http://q/111122223333/b\",\"http://q/111122223333/\"]}",
        ),
        "GetQueueAttributes" if request.body.contains("/a\"") => {
            error(request, 403, "AccessDenied")
        }
        "GetQueueAttributes" => wire::json("{\"Attributes\":{\"ApproximateNumberOfMessages\":\"many\",\"VisibilityTimeout\":\"30\"}}"),
        _ => error(request, 500, "InternalFailure"),
    })
    .await;
    let (_, queues) = read.iter().find(|(name, _)| name == "sqs/queues").unwrap();
    assert_eq!(queues.skipped, 1, "the URL without a name");
    let lines = wire::lines(queues.outcome.as_ref().expect("lists"));
    assert!(
        lines.contains("failure Denied: SQS GetQueueAttributes of a in us-east-1"),
        "{lines}"
    );
    assert!(lines.contains("visibility_timeout_seconds = 30"), "{lines}");
    assert!(!lines.contains("messages_visible"), "{lines}");
}

/// Times that no calendar has, and numbers that no count can be, in answers that are well formed.
#[tokio::test]
async fn odd_dates_and_numbers_do_not_panic() {
    let read = all(|request| match request.operation.as_str() {
        "DescribeLoadBalancers" => wire::xml("<DescribeLoadBalancersResponse><DescribeLoadBalancersResult><LoadBalancers><member><LoadBalancerName>api</LoadBalancerName><LoadBalancerArn>arn:x</LoadBalancerArn><CreatedTime>9999-12-31T23:59:60.999999999Z</CreatedTime></member><member><LoadBalancerName>b</LoadBalancerName></member></LoadBalancers></DescribeLoadBalancersResult></DescribeLoadBalancersResponse>"),
        "DescribeDBClusters" => wire::xml("<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters><DBCluster><DBClusterIdentifier>l</DBClusterIdentifier><ClusterCreateTime>0000-00-00T00:00:00Z</ClusterCreateTime></DBCluster></DBClusters></DescribeDBClustersResult></DescribeDBClustersResponse>"),
        "/clusters" => wire::json("{\"clusters\":[\"p\"]}"),
        "/clusters/p" => wire::json("{\"cluster\":{\"name\":\"p\",\"createdAt\":1e300}}"),
        "/clusters/p/node-groups" => wire::json("{\"nodegroups\":[\"g\"]}"),
        "/clusters/p/node-groups/g" => wire::json("{\"nodegroup\":{\"createdAt\":-1e18,\"scalingConfig\":{\"desiredSize\":99999999999}}}"),
        "/2015-03-31/event-source-mappings" => wire::json("{\"EventSourceMappings\":[{\"UUID\":\"u\",\"LastModified\":\"soon\"},{\"UUID\":\"v\",\"LastModified\":1e400}]}"),
        _ => error(request, 500, "InternalFailure"),
    })
    .await;
    for (name, reading) in read {
        if let Err(failure) = reading.outcome {
            assert!(
                matches!(
                    failure.class,
                    FailureClass::Malformed | FailureClass::Server
                ),
                "{name}: {}",
                failure.sentence
            );
        }
    }
}
