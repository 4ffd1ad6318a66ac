use super::*;
use crate::profile::{self, read as read_files};
use crate::stack::StackFiles;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const KEYS: &str =
    r#"{"Version":1,"AccessKeyId":"AKIA1","SecretAccessKey":"s","SessionToken":"t"}"#;

/// A stack that brings its AWS files along, and programs that write down that they ran.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn program(&self, name: &str, then: &str) -> String {
        let file = self.path(name);
        let text = format!("#!/bin/sh\necho \"$@\" >> {file}.ran\n{then}\n");
        std::fs::write(&file, text).expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("allowed");
        file
    }

    fn runs(&self, name: &str) -> usize {
        let ran = std::fs::read_to_string(self.path(name) + ".ran");
        ran.map_or(0, |ran| ran.lines().count())
    }

    fn says(&self, config: &str) -> StackFiles {
        std::fs::write(self.path("config"), config).expect("written");
        std::fs::write(self.path("credentials"), "").expect("written");
        StackFiles {
            aws_config: Some(self.path("config").into()),
            aws_credentials: Some(self.path("credentials").into()),
            kubeconfig: None,
        }
    }

    fn programs(&self) -> Programs {
        Programs::at(Path::new(&self.path("approved.json")).to_owned(), None)
    }

    async fn asked(&self, files: &StackFiles) -> Result<Credentials, CredentialsError> {
        let shared = (&Clock::new(), &self.programs());
        let access = profile::access(Some("p"), files, "eu-west-1", shared).await;
        let provider = access.sdk.credentials_provider().expect("a provider");
        provider.provide_credentials().await
    }

    async fn approves(&self, files: &StackFiles) {
        let programs = self.programs();
        let named = profile::program_of(Some("p"), files).await.expect("plain");
        let _ = programs.check(&named.expect("a program")).await;
        let hash = programs.waiting().first().expect("it waits").hash.clone();
        let now = model::Timestamp::from_seconds(1);
        programs.approve(&hash, now).expect("approved");
    }
}

fn words(error: &CredentialsError) -> String {
    let unusable = crate::failure::find::<Unusable>(error);
    unusable.map_or_else(|| error.to_string(), ToString::to_string)
}

#[tokio::test]
async fn the_program_that_was_approved_is_the_one_that_runs() {
    let bench = Bench::new();
    let good = bench.program("good", &format!("echo '{KEYS}'"));
    let evil = bench.program("evil", &format!("echo '{KEYS}'"));
    let files = bench.says(&format!(
        "[profile p]\ncredential_process = {good} --role ops\n"
    ));
    let waits = bench.asked(&files).await.expect_err("nobody approved it");
    assert!(words(&waits).contains("not approved"), "{waits}");
    bench.approves(&files).await;
    let keys = bench.asked(&files).await.expect("keys");
    assert_eq!(
        (keys.access_key_id(), keys.session_token()),
        ("AKIA1", Some("t"))
    );
    assert_eq!((bench.runs("good"), bench.runs("evil")), (1, 0));
    // The file is another between the look and the first request.
    let shared = (&Clock::new(), &bench.programs());
    let access = profile::access(Some("p"), &files, "eu-west-1", shared).await;
    bench.says(&format!("[profile p]\ncredential_process = {evil}\n"));
    let provider = access.sdk.credentials_provider().expect("a provider");
    provider.provide_credentials().await.expect("keys");
    assert_eq!((bench.runs("good"), bench.runs("evil")), (2, 0));
}

#[tokio::test]
async fn what_the_sdk_reads_later_is_not_run_by_it() {
    let bench = Bench::new();
    let evil = bench.program("evil", &format!("echo '{KEYS}'"));
    let files = bench.says("[profile p]\naws_access_key_id = AKIA2\naws_secret_access_key = x\n");
    let shared = (&Clock::new(), &bench.programs());
    let access = profile::access(Some("p"), &files, "eu-west-1", shared).await;
    bench.says(&format!("[profile p]\ncredential_process = {evil}\n"));
    let provider = access.sdk.credentials_provider().expect("a provider");
    assert!(provider.provide_credentials().await.is_err());
    assert_eq!(bench.runs("evil"), 0);
}

#[tokio::test]
async fn the_line_beside_a_role_is_neither_looked_at_nor_run() {
    let bench = Bench::new();
    let (decoy, runs) = (bench.program("decoy", ""), bench.program("runs", ""));
    let files = bench.says(&format!(
        "[profile p]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = base\ncredential_process = {decoy}\n\
         [profile base]\ncredential_process = {runs}\n"
    ));
    let named = profile::program_of(Some("p"), &files).await.expect("plain");
    assert_eq!(named.expect("a program").command, runs);
    let waits = words(&bench.asked(&files).await.expect_err("nobody approved it"));
    assert!(
        waits.contains("profile base") && waits.contains(&runs),
        "{waits}"
    );
    assert_eq!((bench.runs("decoy"), bench.runs("runs")), (0, 0));
}

#[tokio::test]
async fn a_config_that_cannot_be_read_gives_nothing_and_says_so() {
    let bench = Bench::new();
    let files = bench.says("[profile p\ncredential_process = /bin/true\n");
    let told = words(&bench.asked(&files).await.expect_err("garbage"));
    assert!(told.starts_with("the AWS config cannot be read"), "{told}");
}

#[tokio::test]
async fn one_run_serves_all_who_wait_and_its_failure_rests() {
    let bench = Bench::new();
    let slow = bench.program("slow", &format!("sleep 0.3; echo '{KEYS}'"));
    let files = bench.says(&format!("[profile p]\ncredential_process = {slow}\n"));
    bench.approves(&files).await;
    let shared = (&Clock::new(), &bench.programs());
    let access = profile::access(Some("p"), &files, "eu-west-1", shared).await;
    let provider = access.sdk.credentials_provider().expect("a provider");
    // The same profile, opened anew while the program runs.
    let again = profile::access(Some("p"), &files, "eu-west-1", shared).await;
    let other = again.sdk.credentials_provider().expect("a provider");
    let (one, two) = tokio::join!(provider.provide_credentials(), other.provide_credentials());
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(bench.runs("slow"), 1);
    // Opened a moment later: somebody may have waited for it too short a time.
    let later = profile::access(Some("p"), &files, "eu-west-1", shared).await;
    let later = later.sdk.credentials_provider().expect("a provider");
    assert!(later.provide_credentials().await.is_ok());
    assert_eq!(bench.runs("slow"), 1);
    let fails = bench.program("slow", "echo 'no session: sign in first' >&2; exit 3");
    assert_eq!(fails, slow);
    bench.approves(&files).await;
    let shared = (&Clock::new(), &bench.programs());
    let access = profile::access(Some("p"), &files, "eu-west-1", shared).await;
    let provider = access.sdk.credentials_provider().expect("a provider");
    for _ in 0..3 {
        let told = words(&provider.provide_credentials().await.expect_err("it fails"));
        assert!(told.contains("no session: sign in first"), "{told}");
    }
    assert_eq!(bench.runs("slow"), 2);
}

#[test]
fn keys_of_long_before_a_profile_was_opened_may_be_what_is_no_good() {
    let kept = Kept {
        keys: Credentials::new("AKIA1", "s", None, None, "test"),
        got: Instant::now(),
    };
    let fits = |since| kept.fits(since, SystemTime::now());
    assert!(fits(kept.got));
    assert!(!fits(kept.got + Duration::from_millis(1)));
}

#[tokio::test]
async fn a_program_of_the_users_own_runs_as_for_the_aws_cli() {
    let bench = Bench::new();
    let file = bench.program("own", &format!("echo '{KEYS}'"));
    let files = bench.says(&format!(
        "[profile p]\ncredential_process = X=1 {file} a | cat\n"
    ));
    let (set, _) = read_files(Some("p"), &files).await.expect("read");
    let owner = set.get_profile("p").expect("a profile");
    let named = profile::by_shell(owner, "p");
    let source = Source {
        named,
        shown: file,
        programs: None,
    };
    let sdk = SdkConfig::builder().build();
    let shared = (&Clock::new(), &Runs::default());
    let process = Process::new(source, Vec::new(), sdk, shared);
    let keys = process.provide_credentials().await.expect("keys");
    assert_eq!(keys.access_key_id(), "AKIA1");
    assert_eq!(bench.runs("own"), 1);
}

#[test]
fn what_is_written_is_read_and_garbage_is_told_without_what_it_was() {
    let keys = read(br#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"2026-03-04T15:40:00+00:00"}"#);
    let ends = keys.expect("keys").expiry().expect("an end");
    assert_eq!(
        ends,
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_638_800)
    );
    for (text, garbage) in [
        ("<html>", Garbage::Unreadable),
        (r#"{"AccessKeyId":"A"}"#, Garbage::Unreadable),
        (
            r#"{"Version":2,"AccessKeyId":"A","SecretAccessKey":"S"}"#,
            Garbage::OtherVersion,
        ),
        (r#"{"Version":1,"AccessKeyId":"A"}"#, Garbage::Nothing),
        (
            r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","Expiration":"soon"}"#,
            Garbage::NoTime,
        ),
    ] {
        assert_eq!(read(text.as_bytes()).err(), Some(garbage), "{text}");
    }
}
