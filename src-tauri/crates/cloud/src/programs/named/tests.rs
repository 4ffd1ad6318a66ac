use super::*;

fn named(command: &Path, args: &[&str], env: &[(&str, &str)]) -> Named {
    Named {
        by: "context c of /k".to_owned(),
        profile: None,
        command: command.display().to_string(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        receiver: None,
        hint: None,
    }
}

fn program(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("allowed");
}

#[test]
fn the_hash_holds_file_arguments_and_variables() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("p");
    program(&path, "#!/bin/sh\n");
    let hash =
        |args: &[&str], env: &[(&str, &str)]| named(&path, args, env).find().expect("found").hash;
    let first = hash(&["a", "b"], &[("X", "1")]);
    assert_eq!(first, hash(&["a", "b"], &[("X", "1")]));
    let others = [
        hash(&["ab"], &[("X", "1")]),
        hash(&["a"], &[("b", ""), ("X", "1")]),
        hash(&["a", "b"], &[("X", "2")]),
        hash(&["a", "b"], &[]),
    ];
    assert!(others.iter().all(|other| *other != first));
    let found = named(&path, &["a", "b"], &[("X", "1")])
        .find()
        .expect("found");
    assert!(found.is_still_there());
    program(&path, "#!/bin/sh\necho other\n");
    assert!(!found.is_still_there());
    assert_ne!(hash(&["a", "b"], &[("X", "1")]), first);
}

#[test]
fn a_program_is_found_as_a_shell_finds_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    std::fs::create_dir(&one).expect("made");
    std::fs::create_dir(&two).expect("made");
    std::fs::write(one.join("tool"), "not to be run").expect("written");
    program(&two.join("tool"), "#!/bin/sh\n");
    let path = std::env::join_paths([Path::new("."), &one, &two]).expect("a PATH");
    assert_eq!(located("tool", Some(&path)), Ok(two.join("tool")));
    let nowhere = located("other", Some(&path)).expect_err("is nowhere");
    let words = nowhere.to_string();
    assert!(words.contains(&two.display().to_string()), "{words}");
    let file = one.join("tool").display().to_string();
    let unfit = located(&file, None).expect_err("is not to be run");
    assert!(unfit.to_string().contains("is not a file that can be run"));
    assert_eq!(located("", None), Err(NotFound::Unnamed));
}

#[test]
fn an_argument_that_is_a_secret_is_not_shown() {
    let args = [
        "get-token",
        "--client-secret=s3",
        "--password",
        "s4",
        "--login",
        "x\u{1b}[2J",
    ];
    let shown = named(Path::new("/p"), &args, &[]).shown_args();
    assert_eq!(
        shown,
        [
            "get-token",
            "--client-secret=•••",
            "--password",
            "•••",
            "--login",
            "x·[2J"
        ]
    );
}

#[test]
fn another_server_or_one_that_proves_less_is_another_program() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("p");
    program(&path, "#!/bin/sh\n");
    let of = |receiver: Option<Receiver>| Named {
        receiver,
        ..named(&path, &[], &[])
    };
    let here = Receiver {
        server: "https://me:secret@api.corp:6443".to_owned(),
        name: None,
        authority: b"CA".to_vec(),
        unproven: false,
        proxy: None,
    };
    let hash = |receiver: &Receiver| of(Some(receiver.clone())).find().expect("found").hash;
    let first = hash(&here);
    assert_eq!(first, hash(&here));
    let others = [
        Receiver {
            server: "https://evil.example".to_owned(),
            ..here.clone()
        },
        Receiver {
            name: Some("evil.example".to_owned()),
            ..here.clone()
        },
        Receiver {
            authority: b"another".to_vec(),
            ..here.clone()
        },
        Receiver {
            unproven: true,
            ..here.clone()
        },
        Receiver {
            proxy: Some("http://evil.example:3128".to_owned()),
            ..here.clone()
        },
    ];
    assert!(others.iter().all(|other| hash(other) != first));
    let shown = of(Some(here.clone())).shown_receiver().expect("shown");
    assert!(
        shown.starts_with("https://api.corp:6443, known by its own authority"),
        "{shown}"
    );
    let plain = Receiver {
        server: "http://api.corp".to_owned(),
        ..here.clone()
    };
    let shown = of(Some(plain)).shown_receiver().expect("shown");
    assert!(shown.contains("in the clear"), "{shown}");
    let unproven = Receiver {
        unproven: true,
        proxy: Some("http://me:secret@proxy:3128".to_owned()),
        ..here
    };
    let shown = of(Some(unproven)).shown_receiver().expect("shown");
    assert!(shown.contains("insecure-skip-tls-verify"), "{shown}");
    assert!(shown.contains(" through http://proxy:3128"), "{shown}");
    assert_eq!(of(None).shown_receiver(), None);
}
