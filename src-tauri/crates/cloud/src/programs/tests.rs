use super::*;
use std::os::unix::fs::PermissionsExt as _;

const AT: Timestamp = Timestamp::from_seconds(1_772_638_200);

struct Bench {
    dir: tempfile::TempDir,
    programs: Programs,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let stack = dir.path().join("my stack.toml");
        let programs = Programs::at(dir.path().join("state/approved.json"), Some(stack));
        let bench = Self { dir, programs };
        bench.writes("#!/bin/sh\n");
        bench
    }

    fn writes(&self, text: &str) {
        let file = self.dir.path().join("login");
        std::fs::write(&file, text).expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("allowed");
    }

    fn named(&self, args: &[&str]) -> Named {
        Named {
            by: "context c of /k".to_owned(),
            profile: None,
            command: self.dir.path().join("login").display().to_string(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: vec![("SETTING".to_owned(), "hush".to_owned())],
            receiver: None,
            hint: None,
        }
    }
}

#[tokio::test]
async fn a_program_waits_until_it_is_approved_and_again_once_it_changed() {
    let bench = Bench::new();
    let stop = bench.programs.check(&bench.named(&["a"])).await;
    let failure = stop.expect_err("nobody approved it").failure();
    assert!(
        failure.sentence.starts_with("Context c of /k signs in by"),
        "{failure:?}"
    );
    assert!(
        failure
            .sentence
            .contains("login a, and that was not approved"),
        "{failure:?}"
    );
    let waiting = bench.programs.waiting();
    let [program] = waiting.as_slice() else {
        panic!("{waiting:?}");
    };
    assert!(failure.next_step.contains(&program.approve), "{failure:?}");
    assert!(
        program.approve.ends_with("my stack.toml'"),
        "{}",
        program.approve
    );
    assert!(!format!("{program:?}{failure:?}").contains("hush"));

    bench
        .programs
        .approve(&program.hash[..PREFIX], AT)
        .expect("approved");
    assert_eq!(bench.programs.waiting(), []);
    bench
        .programs
        .check(&bench.named(&["a"]))
        .await
        .expect("approved");

    for (args, text, what) in [
        (&["a"][..], "#!/bin/sh\nevil\n", "its file changed since"),
        (
            &["b"],
            "#!/bin/sh\n",
            "its arguments, its variables or who is sent what it gives changed since",
        ),
    ] {
        bench.writes(text);
        let stop = bench
            .programs
            .check(&bench.named(args))
            .await
            .expect_err("it changed");
        let told = stop.to_string();
        assert!(
            told.contains("changed since it was approved on 4 March 2026 15:30 UTC"),
            "{told}"
        );
        assert!(told.contains(what), "{told}");
    }
    assert_eq!(bench.programs.waiting()[0].approved_at, Some(AT));
}

#[tokio::test]
async fn an_approval_is_of_what_was_looked_at_and_can_be_taken_back() {
    let bench = Bench::new();
    let check = || async { bench.programs.check(&bench.named(&[])).await };
    check().await.expect_err("it waits");
    let hash = bench.programs.waiting()[0].hash.clone();
    // Changed between the look and the press: what was looked at is approved, and not what is there.
    bench.writes("#!/bin/sh\nevil\n");
    bench.programs.approve(&hash, AT).expect("approved");
    check().await.expect_err("it is another");
    bench.writes("#!/bin/sh\n");
    check().await.expect("it is the one");
    let short = bench.programs.forget(&hash[..PREFIX - 1]);
    assert_eq!(short, Err(ApproveError::Short));
    bench.programs.forget(&hash[..PREFIX]).expect("forgotten");
    check().await.expect_err("it waits again");
    let none = bench.programs.forget(&hash).expect_err("is none");
    assert!(
        none.to_string()
            .starts_with("No program that was approved begins so")
    );
}

#[tokio::test]
async fn nothing_is_run_while_the_list_cannot_be_read() {
    let bench = Bench::new();
    bench
        .programs
        .check(&bench.named(&[]))
        .await
        .expect_err("it waits");
    let hash = bench.programs.waiting()[0].hash.clone();
    bench.programs.approve(&hash, AT).expect("approved");
    std::fs::write(bench.programs.list(), "{").expect("written");
    let stop = bench.programs.check(&bench.named(&[])).await;
    let failure = stop.expect_err("is not run").failure();
    assert!(
        failure
            .sentence
            .starts_with("No program is run to sign in: the list"),
        "{failure:?}"
    );
}
