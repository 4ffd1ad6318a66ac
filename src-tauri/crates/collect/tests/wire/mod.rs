//! A loopback server that answers as told, down to the bytes, and sessions that speak to it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use cloud::{Session, Stack};
use collect::Known;
use model::{Fact, Facts, Found, FoundNode, Kind, Name, NodeId, Relation};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "us-east-1";

/// One request, as far as a test looks at it.
pub(crate) struct Request {
    /// `GET /clusters/prod`, with the query.
    pub(crate) line: String,
    /// The operation: of `Action=`, `X-Amz-Target` or the path; else the request line's path.
    pub(crate) operation: String,
    /// Signing name of the service, e.g. `sqs`.
    pub(crate) service: String,
    /// The body as text.
    pub(crate) body: String,
    /// The body as it was sent.
    pub(crate) raw: Vec<u8>,
}

/// What the server does with it.
pub(crate) enum Answer {
    /// Answers.
    Http(u16, &'static str, Vec<u8>),
    /// Answers with an error header as awsJson has it.
    JsonError(u16, &'static str),
    /// Promises more bytes than it sends, then resets the connection.
    CutOff(&'static str, Vec<u8>),
    /// Resets the connection without a word.
    Reset,
    /// Never answers.
    Silence,
}

pub(crate) fn xml(text: &str) -> Answer {
    Answer::Http(200, "text/xml", text.as_bytes().to_vec())
}

pub(crate) fn json(text: &str) -> Answer {
    Answer::Http(200, "application/json", text.as_bytes().to_vec())
}

/// A server for as long as the test runs; returns its base URL.
pub(crate) async fn serve(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, answer.clone()));
        }
    });
    url
}

async fn converse(mut stream: TcpStream, answer: Arc<impl Fn(&Request) -> Answer>) {
    while let Some(request) = read(&mut stream).await {
        let answer = if request.service == "sts" {
            xml(&format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/reader</Arn><UserId>A</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
            ))
        } else {
            answer(&request)
        };
        match answer {
            Answer::Http(status, kind, body) => {
                let head = head(status, kind, body.len(), "");
                stream.write_all(head.as_bytes()).await.ok();
                stream.write_all(&body).await.ok();
            }
            Answer::JsonError(status, code) => {
                let body = format!("{{\"__type\":\"{code}\",\"message\":\"no\"}}");
                let extra = format!("x-amzn-errortype: {code}\r\n");
                let head = head(status, "application/x-amz-json-1.0", body.len(), &extra);
                stream
                    .write_all(format!("{head}{body}").as_bytes())
                    .await
                    .ok();
            }
            Answer::CutOff(kind, body) => {
                let head = head(200, kind, body.len() + 1000, "");
                stream.write_all(head.as_bytes()).await.ok();
                stream.write_all(&body).await.ok();
                stream.flush().await.ok();
                stream.set_zero_linger().ok();
                return;
            }
            Answer::Reset => {
                stream.set_zero_linger().ok();
                return;
            }
            Answer::Silence => std::future::pending().await,
        }
    }
}

fn head(status: u16, kind: &str, length: usize, extra: &str) -> String {
    // CBOR answers are recognised by this header (Smithy RPC v2 CBOR).
    let cbor = if kind == "application/cbor" {
        "smithy-protocol: rpc-v2-cbor\r\n"
    } else {
        ""
    };
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\ndate: Sun, 22 Nov 2026 02:47:17 GMT\r\nx-amzn-requestid: r-1\r\n{cbor}{extra}\r\n"
    )
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let header = |name: &str| {
        let line = head
            .lines()
            .find(|l| l.to_ascii_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|l| l.split_once(':'))
            .map_or("", |(_, value)| value.trim())
            .to_owned()
    };
    let length: usize = header("content-length").parse().unwrap_or(0);
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let raw = bytes[end + 4..end + 4 + length].to_vec();
    let body = String::from_utf8_lossy(&raw).into_owned();
    let line = head
        .lines()
        .next()?
        .trim_end_matches(" HTTP/1.1")
        .to_owned();
    let credential = header("authorization");
    let service = credential
        .split("/aws4_request")
        .next()?
        .rsplit('/')
        .next()?
        .to_owned();
    let path = line
        .split_whitespace()
        .nth(1)?
        .split('?')
        .next()?
        .to_owned();
    let target = header("x-amz-target");
    let operation = if let Some(action) = body.strip_prefix("Action=") {
        action.split('&').next()?.to_owned()
    } else if !target.is_empty() {
        target.rsplit('.').next()?.to_owned()
    } else if let Some((_, operation)) = path.split_once("/operation/") {
        operation.to_owned()
    } else {
        path
    };
    Some(Request {
        line,
        operation,
        service,
        body,
        raw,
    })
}

/// The global and the regional session of a stack whose endpoint is `url`.
pub(crate) async fn sessions(url: &str) -> (Session, Session) {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write(
        "config",
        &format!("[profile t]\nregion = {REGION}\nendpoint_url = {url}\n"),
    );
    write(
        "credentials",
        "[t]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = s\n",
    );
    let stack = format!(
        "name = \"T\"\nenvironment = \"dev\"\n[[account]]\nprofile = \"t\"\nregions = [\"{REGION}\"]\n[files]\naws_config = \"config\"\naws_credentials = \"credentials\"\n"
    );
    let stack = Stack::parse(&stack, &dir.path().join(Path::new("q.toml"))).unwrap();
    let account = cloud::open(&stack).await.unwrap().accounts.remove(0);
    assert_eq!(account.identity.unwrap().account.as_str(), ACCOUNT);
    (account.global, account.regional.into_iter().next().unwrap())
}

/// The session with an attempt limited to `limit`, so that silence is not waited for.
pub(crate) fn impatient(mut session: Session, limit: Duration) -> Session {
    let timeouts = aws_smithy_types::timeout::TimeoutConfig::builder()
        .operation_attempt_timeout(limit)
        .operation_timeout(limit * 2)
        .build();
    session.sdk = session.sdk.into_builder().timeout_config(timeouts).build();
    session
}

/// One node of every kind that another collector must have found first.
pub(crate) fn known(global: &Session, regional: &Session) -> Known {
    let node = |session: &Session, kind: Kind, name: &str| {
        let region = (!session.global).then_some(&*session.region);
        FoundNode::new(
            NodeId::aws(kind, ACCOUNT, region, name),
            kind,
            name,
            session.scope(),
        )
    };
    let mut queue = node(regional, Kind::Queue, "orders-dlq");
    queue.facts.set(
        Fact::Arn,
        format!("arn:aws:sqs:{REGION}:{ACCOUNT}:orders-dlq"),
    );
    queue.facts.set(Fact::IsDeadLetterQueue, true);
    queue.facts.set(Fact::MessagesVisible, 3);
    let elb = format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}");
    let mut balancer = node(regional, Kind::LoadBalancer, "api");
    balancer
        .facts
        .set(Fact::Arn, format!("{elb}:loadbalancer/app/api/1"));
    balancer.facts.set(Fact::LbType, "application");
    balancer
        .zones
        .insert("us-east-1a".to_owned(), Facts::default());
    let group_arn = format!("{elb}:targetgroup/orders/2");
    balancer.tie_to(
        Relation::Forwards,
        Name::Arn(group_arn.as_str().into()),
        "listener",
    );
    let mut group = node(regional, Kind::TargetGroup, "orders");
    group.facts.set(Fact::Arn, group_arn);
    let database = |kind: Kind, name: &str, part: &str| {
        let mut database = node(regional, kind, name);
        let arn = format!("arn:aws:rds:{REGION}:{ACCOUNT}:{part}:{name}");
        database.facts.set(Fact::Arn, arn);
        database.facts.set(Fact::Engine, "aurora-postgresql");
        database.facts.set(Fact::InstanceClass, "db.r6g.xlarge");
        database.facts.set(Fact::StorageType, "aurora");
        database
    };
    let nodegroup = |name: &str, capacity: &str, types: &str| {
        let mut group = node(regional, Kind::Nodegroup, name);
        group.facts.set(Fact::CapacityType, capacity);
        group.facts.set(Fact::InstanceTypes, types);
        group
            .facts
            .set(Fact::Subnets, format!("subnet-a, subnet-{name}"));
        group
    };
    let mut mapping = node(regional, Kind::Mapping, "6f2b");
    mapping.facts.set(Fact::FunctionName, "settle");
    let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:6f2b");
    mapping.facts.set(Fact::Arn, arn);
    let source = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:orders");
    mapping.facts.set(Fact::EventSource, source);
    let nodes = vec![
        mapping,
        node(regional, Kind::Function, "nightly"),
        nodegroup("core", "ON_DEMAND", "m7i.2xlarge"),
        nodegroup("reserve", "ON_DEMAND", "m7i.2xlarge, m6i.2xlarge"),
        nodegroup("burst", "SPOT", "c7g.xlarge"),
        nodegroup("models", "ON_DEMAND", "g5.xlarge"),
        queue,
        balancer,
        group,
        node(regional, Kind::Function, "settle"),
        database(Kind::DbCluster, "ledger", "cluster"),
        database(Kind::DbInstance, "ledger-1", "db"),
        node(global, Kind::Distribution, "E1"),
        node(global, Kind::HealthCheck, "hc-1"),
    ];
    Known {
        nodes: nodes.into_iter().map(Arc::new).collect(),
    }
}

/// What was found as lines, for goldens.
pub(crate) fn lines(found: &[Found]) -> String {
    let mut out = String::new();
    for item in found {
        match item {
            Found::Node(node) => {
                write!(out, "{} {:?}", node.id, node.standing).unwrap();
                for (what, text) in [("az", &node.scope.az), ("cluster", &node.scope.cluster)] {
                    if let Some(text) = text {
                        write!(out, " {what}={text}").unwrap();
                    }
                }
                writeln!(out).unwrap();
                facts(&mut out, "  ", &node.facts);
                for (zone, zone_facts) in &node.zones {
                    writeln!(out, "  zone {zone}").unwrap();
                    facts(&mut out, "    ", zone_facts);
                }
                for name in &node.known_as {
                    writeln!(out, "  known as {name:?}").unwrap();
                }
                for tie in &node.ties {
                    let arrow = if tie.direction == model::Direction::Out {
                        "->"
                    } else {
                        "<-"
                    };
                    writeln!(
                        out,
                        "  {:?} {arrow} {:?} ({})",
                        tie.relation, tie.other, tie.provenance
                    )
                    .unwrap();
                }
                if let Some(failure) = &node.failure {
                    writeln!(out, "  failure {:?}: {}", failure.class, failure.sentence).unwrap();
                }
            }
            Found::Readings(readings) => {
                writeln!(out, "about {} at {}", readings.about, readings.at).unwrap();
                facts(&mut out, "  ", &readings.facts);
                for (zone, zone_facts) in &readings.zones {
                    writeln!(out, "  zone {zone}").unwrap();
                    facts(&mut out, "    ", zone_facts);
                }
                for series in &readings.series {
                    writeln!(
                        out,
                        "  series {} from {} {:?}",
                        series.fact.as_str(),
                        series.start,
                        series.values
                    )
                    .unwrap();
                }
            }
            Found::Change(change) => writeln!(out, "{change:?}").unwrap(),
        }
    }
    out
}

fn facts(out: &mut String, indent: &str, facts: &Facts) {
    for (fact, value) in facts.iter() {
        let value = serde_json::to_string(value).unwrap();
        writeln!(out, "{indent}{} = {value}", fact.as_str()).unwrap();
    }
}
