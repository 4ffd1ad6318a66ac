//! Shapes that kubectl takes.

use super::*;
use std::io::Write as _;

fn kubeconfig(cluster: &str, user: &str) -> Kubeconfig {
    let text = format!(
        "{{apiVersion: v1, kind: Config, clusters: [{{name: c, cluster: {cluster}}}], users: [{{name: me, user: {user}}}], contexts: [{{name: x, context: {{cluster: c, user: me}}}}]}}"
    );
    Kubeconfig::from_yaml(&text).expect("a kubeconfig")
}

fn taken(cluster: &str, user: &str) -> (Kubeconfig, Result<Beside, Flaw>) {
    let mut read = kubeconfig(cluster, user);
    let beside = as_kubectl_takes_it("x", &mut read);
    (read, beside)
}

fn token(read: &Kubeconfig) -> Option<&str> {
    let user = read.auth_infos[0].auth_info.as_ref()?;
    Some(user.token.as_ref()?.expose_secret())
}

#[test]
fn a_server_without_a_scheme_is_https_where_something_is_said_of_tls() {
    let server = |cluster: &str, user: &str| {
        let (read, _) = taken(cluster, user);
        let cluster = read.clusters[0].cluster.clone().expect("a cluster");
        cluster.server.expect("a server")
    };
    let ca = "{server: \"10.0.0.1:6443\", certificate-authority-data: eA==}";
    assert_eq!(server(ca, "{}"), "https://10.0.0.1:6443");
    let bare = "{server: \"10.0.0.1:8001\"}";
    assert_eq!(server(bare, "{token: t}"), "http://10.0.0.1:8001");
    let certificate = "{client-certificate-data: eA==, client-key-data: eA==}";
    assert_eq!(server(bare, certificate), "https://10.0.0.1:8001");
    let whole = "{server: \"http://10.0.0.1\", insecure-skip-tls-verify: true}";
    assert_eq!(server(whole, "{}"), "http://10.0.0.1");
}

#[test]
fn a_token_is_trimmed_and_one_that_no_header_takes_is_told() {
    let (read, beside) = taken("{server: s}", "{token: \" abc.d-e_f\\n\"}");
    assert!(!beside.expect("taken").nobody);
    assert_eq!(token(&read), Some("abc.d-e_f"));
    for wrong in ["\"abc\\ndef\"", "\"a b\"", "schlüssel"] {
        let (_, beside) = taken("{server: s}", &format!("{{token: {wrong}}}"));
        let flaw = beside.expect_err("no token").to_string();
        assert!(
            flaw.contains("characters") && !flaw.contains("abc"),
            "{flaw}"
        );
    }
}

#[test]
fn a_token_file_goes_first_and_is_trimmed() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "of-the-file").expect("written");
    let path = file.path().display();
    let (read, beside) = taken("{server: s}", &format!("{{token: old, tokenFile: {path}}}"));
    assert_eq!(beside.expect("taken").files, [file.path()]);
    assert_eq!(token(&read), Some("of-the-file"));
    let (read, beside) = taken("{server: s}", "{token: old, tokenFile: /nowhere}");
    assert!(beside.is_ok());
    assert_eq!(token(&read), Some("old"));
    let (_, beside) = taken("{server: s}", "{tokenFile: /nowhere}");
    assert!(matches!(beside, Err(Flaw::TokenFile(file, _)) if file == "/nowhere"));
}

#[test]
fn who_has_nothing_to_sign_in_with_is_nobody() {
    for nobody in [
        "{}",
        "null",
        "{token: \"\"}",
        "{username: me, password: it}",
    ] {
        let (_, beside) = taken("{server: s}", nobody);
        assert!(beside.expect("taken").nobody, "{nobody}");
    }
    let exec = "{exec: {command: x, apiVersion: client.authentication.k8s.io/v1}}";
    for somebody in [
        "{token: t}",
        "{client-certificate: /c, client-key: /k}",
        exec,
    ] {
        let (_, beside) = taken("{server: s}", somebody);
        assert!(!beside.expect("taken").nobody, "{somebody}");
    }
}

#[test]
fn a_user_that_is_not_there_is_told() {
    let mut read = kubeconfig("{server: s}", "{}");
    read.auth_infos.clear();
    let flaw = as_kubectl_takes_it("x", &mut read);
    assert!(matches!(flaw, Err(Flaw::NoUser(name)) if name == "me"));
}

#[test]
fn an_encrypted_key_is_told() {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "-----BEGIN ENCRYPTED PRIVATE KEY-----").expect("written");
    let path = file.path().display();
    let (_, beside) = taken(
        "{server: s}",
        &format!("{{client-certificate: /c, client-key: {path}}}"),
    );
    assert!(matches!(beside, Err(Flaw::Encrypted)));
}
