//! Opening a stack: who we are, what stands in when nobody says, and what configuration is used.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod wire;

use cloud::{AccountSessions, OpenError, Stack};
use model::{FailureClass, Service};
use std::path::Path;
use wire::{Answer, serve, sessions};

/// Opens a stack with this profile section; `{url}` is filled in.
async fn open(profile: &str, url: &str) -> Result<AccountSessions, OpenError> {
    let dir = tempfile::tempdir().unwrap();
    let config = format!(
        "[profile t]\nregion = us-east-1\n{}\n",
        profile.replace("{url}", url)
    );
    std::fs::write(dir.path().join("config"), config).unwrap();
    std::fs::write(
        dir.path().join("credentials"),
        "[other]\naws_access_key_id = A\naws_secret_access_key = s\n",
    )
    .unwrap();
    let stack = "name = \"T\"\nenvironment = \"dev\"\nhosted_zones = [\"example.com\"]\n[[account]]\nprofile = \"t\"\nregions = [\"us-east-1\", \"eu-west-1\"]\n[files]\naws_config = \"config\"\naws_credentials = \"credentials\"\n";
    let stack = Stack::parse(stack, &dir.path().join(Path::new("q.toml"))).unwrap();
    Ok(cloud::open(&stack).await?.accounts.remove(0))
}

const KEYS: &str = "aws_access_key_id = A\naws_secret_access_key = s\nendpoint_url = {url}";

#[tokio::test]
async fn an_account_is_opened_in_each_region_and_once_for_global_services() {
    let url = serve(|_| Answer::Reset).await;
    let account = open(KEYS, &url).await.unwrap();
    assert_eq!(account.account.as_str(), wire::ACCOUNT);
    let regions: Vec<&str> = account.regional.iter().map(|s| &*s.region).collect();
    assert_eq!(regions, ["us-east-1", "eu-west-1"]);
    assert!(account.global.global && account.global.scope().region.is_none());
    assert_eq!(
        account.regional[1].scope().region.as_deref(),
        Some("eu-west-1")
    );
    assert!(account.global.stayed_home());
    assert_eq!(&*account.global.hosted_zones, ["example.com"]);
    // The answer's Date header is the platform's time.
    let now = account.global.clock.now().to_string();
    assert!(now.starts_with("2026-11-22T02:47:"), "{now}");
}

#[tokio::test]
async fn without_credentials_nothing_is_sent_and_the_profile_stands_in() {
    let url = serve(|request| panic!("not expected: {}", request.line)).await;
    let account = open("endpoint_url = {url}", &url).await.unwrap();
    let failure = account.identity.expect_err("no credentials");
    assert_eq!(failure.class, FailureClass::Credentials);
    assert!(
        failure.sentence.contains("was not sent"),
        "{}",
        failure.sentence
    );
    assert!(
        failure.next_step.contains("profile t"),
        "{}",
        failure.next_step
    );
    assert_eq!(account.account.as_str(), "profile:t");
    assert_eq!(account.global.budget.requests(), 0);
}

#[tokio::test]
async fn a_profile_that_names_its_account_stands_in_with_it() {
    let nobody = "endpoint_url = http://127.0.0.1:9\nrole_arn = arn:aws:iam::444455556666:role/ops\nsource_profile = nobody";
    let account = open(nobody, "").await.unwrap();
    assert!(account.identity.is_err());
    assert_eq!(account.account.as_str(), "444455556666");
}

#[tokio::test]
async fn requests_are_counted_and_writes_are_sent_once() {
    let url = serve(|request| match request.operation.as_str() {
        "PurgeQueue" => Answer::Http(200, "application/x-amz-json-1.0", Vec::new()),
        _ => Answer::Reset,
    })
    .await;
    let (_, session) = sessions(&url).await;
    let call = session.sqs().list_queues().send();
    session
        .ask(Service::Sqs, "ListQueues", "", call)
        .await
        .expect_err("is reset");
    assert_eq!(session.budget.requests(), 2, "reads are tried twice");
    let writes = aws_sdk_sqs::Client::new(&session.sdk_for_writes());
    let call = writes.cancel_message_move_task().task_handle("h").send();
    let failed = session
        .ask(Service::Sqs, "CancelMessageMoveTask", "", call)
        .await;
    assert_eq!(
        failed.expect_err("is reset").class,
        FailureClass::Unreachable
    );
    assert_eq!(session.budget.requests(), 3, "writes never");
    let call = writes.purge_queue().queue_url("http://q/1/a").send();
    let done = session.ask(Service::Sqs, "PurgeQueue", "a", call).await;
    done.expect("a write may be answered without a body");
}

#[tokio::test]
async fn a_file_that_the_stack_names_must_be_there() {
    let stack = "name = \"T\"\nenvironment = \"dev\"\n[[account]]\nregions = [\"us-east-1\"]\n[files]\naws_config = \"missing\"\n";
    let stack = Stack::parse(stack, Path::new("/nowhere/q.toml")).unwrap();
    let error = cloud::open(&stack).await.expect_err("is missing");
    assert_eq!(
        error.to_string(),
        "The stack file names /nowhere/missing, but there is no such file."
    );
}
