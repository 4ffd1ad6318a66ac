#![allow(clippy::unwrap_used)]
use super::*;
use crate::programs::Programs;
use model::FailureClass;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

pub(super) fn place(file: &Path, context: &str) -> ClusterPlace {
    ClusterPlace {
        kubeconfig: Some(file.to_path_buf()),
        entrance: Entrance::Context(context.to_owned()),
        session: None,
        account: Some(AccountId::new("111122223333")),
        region: Some("us-east-1".into()),
        name: None,
        act_user: None,
        act_users: Default::default(),
        programs: Default::default(),
        certificates: Default::default(),
    }
}

fn kubeconfig(user: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(
        file,
        "apiVersion: v1\nkind: Config\nclusters:\n\
         - name: arn:aws:eks:eu-west-1:444455556666:cluster/prod-euw1\n  cluster: {{server: \"http://127.0.0.1:9\"}}\n\
         - name: plain\n  cluster: {{server: \"http://127.0.0.1:9\"}}\n\
         contexts:\n\
         - name: by-arn\n  context: {{cluster: \"arn:aws:eks:eu-west-1:444455556666:cluster/prod-euw1\", user: me}}\n\
         - name: by-name\n  context: {{cluster: plain, user: me}}\n\
         users:\n- name: me\n  user: {user}\n"
    )
    .unwrap();
    file
}

#[tokio::test]
async fn the_cluster_is_named_by_its_arn_or_else_by_its_context() {
    let file = kubeconfig("{token: t}");
    let by_arn = ClusterSession::open(&place(file.path(), "by-arn"), Clock::new())
        .await
        .unwrap();
    assert_eq!(
        by_arn.id().as_str(),
        "cluster/444455556666/eu-west-1/prod-euw1"
    );
    let by_name = ClusterSession::open(&place(file.path(), "by-name"), Clock::new())
        .await
        .unwrap();
    assert_eq!(
        by_name.id().as_str(),
        "cluster/111122223333/us-east-1/by-name"
    );
    assert!(by_name.endpoint_is_loopback());
}

#[tokio::test]
async fn a_program_in_a_kubeconfig_is_not_run() {
    let trace = tempfile::tempdir().unwrap();
    let ran = trace.path().join("ran");
    let user = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: touch, args: [{:?}], interactiveMode: Never}}}}",
        ran.display().to_string()
    );
    let file = kubeconfig(&user);
    let mut place = place(file.path(), "by-name");
    place.programs = crate::Programs::at(trace.path().join("approved.json"), None);
    let failure = ClusterSession::open(&place, Clock::new())
        .await
        .unwrap_err();
    assert_eq!(failure.class, FailureClass::Credentials);
    assert!(failure.sentence.contains("touch"), "{}", failure.sentence);
    assert!(
        failure.sentence.contains("not approved"),
        "{}",
        failure.sentence
    );
    assert_eq!(place.programs.waiting().len(), 1);
    assert!(!ran.exists());
    // Corrected to a token, it waits no more.
    let text = std::fs::read_to_string(file.path()).unwrap();
    std::fs::write(file.path(), text.replace(&user, "{token: t}")).unwrap();
    ClusterSession::open(&place, Clock::new()).await.unwrap();
    assert_eq!(place.programs.waiting(), []);
}

#[tokio::test]
async fn a_token_beside_a_program_is_what_counts() {
    let user = "{token: t, exec: {apiVersion: client.authentication.k8s.io/v1, command: touch}}";
    let file = kubeconfig(user);
    let place = place(file.path(), "by-name");
    ClusterSession::open(&place, Clock::new()).await.unwrap();
    assert_eq!(place.programs.waiting(), []);
}

#[tokio::test]
async fn writes_are_of_the_user_of_the_account_that_the_arn_names() {
    let file = kubeconfig("{token: t}");
    let [ours, theirs] = ["ours", "theirs"].map(|name| ActUser::of(name).expect("a name"));
    let mut place = place(file.path(), "by-name");
    place.act_user = Some(ours.clone());
    let user = |place: ClusterPlace| async move {
        let session = ClusterSession::open(&place, Clock::new()).await.unwrap();
        session.act_user().cloned()
    };
    assert_eq!(user(place.clone()).await, Some(ours.clone()));
    // An account that the stack file does not name has none.
    place.entrance = Entrance::Context("by-arn".to_owned());
    assert_eq!(user(place.clone()).await, None);
    let other = AccountId::new("444455556666");
    place.act_users.insert(other, theirs.clone());
    assert_eq!(user(place.clone()).await, Some(theirs));
    // STS did not say yet which account this is.
    place.account = Some(AccountId::new("prod"));
    assert_eq!(user(place).await, Some(ours));
}

#[tokio::test]
async fn a_context_that_is_not_there_is_a_sentence() {
    let file = kubeconfig("{token: t}");
    let failure = ClusterSession::open(&place(file.path(), "nowhere"), Clock::new())
        .await
        .unwrap_err();
    assert!(failure.sentence.contains("nowhere"), "{}", failure.sentence);
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = kube::Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap();
    let request = Request::get("/version").body(Body::empty()).unwrap();
    let error = client.send(request).await.unwrap_err();
    assert_eq!(classify(&error), FailureClass::Unreachable);
}

#[test]
fn a_denial_names_the_missing_permission() {
    let refusal = Refusal {
        code: 403,
        reason: "Forbidden".to_owned(),
        message: "pods is forbidden: whatever".to_owned(),
        retry_after: None,
        request_id: None,
        nobody: false,
    };
    let call = Call {
        verb: "list",
        group: "",
        resource: "pods",
        namespace: None,
        cluster: "prod",
    };
    let failure = CallFailure::Refused(Box::new(refusal)).describe(call);
    assert_eq!(failure.class, FailureClass::Denied);
    assert!(
        failure
            .sentence
            .contains("missing: list pods at cluster scope"),
        "{}",
        failure.sentence
    );
    assert_eq!(failure.code.as_deref(), Some("Forbidden"));
}

#[tokio::test]
async fn a_request_for_which_nobody_was_signed_in_was_not_sent() {
    let file = kubeconfig(
        "{exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/false, interactiveMode: Never}}",
    );
    let mut place = place(file.path(), "by-name");
    place.programs = Programs::at(file.path().with_extension("approved"), None);
    let server = "http://127.0.0.1:9".parse().unwrap();
    let door = Door::new(&place, "by-name", &server, &Clock::new(), Arc::default());
    let asked = async |client: kube::Client| {
        let request = Request::post("/api").body(Body::empty()).unwrap();
        let error = client.send(request).await.unwrap_err();
        CallFailure::Kube(Box::new(error))
    };
    let failure = asked(kube::Client::new(door, "default")).await;
    assert!(failure.was_not_sent(), "{failure}");
    let file = kubeconfig("{token: t}");
    place.kubeconfig = Some(file.path().to_owned());
    let session = ClusterSession::open(&place, Clock::new()).await.unwrap();
    let failure = asked(session.client()).await;
    assert!(!failure.was_not_sent(), "nobody listens there: {failure}");
}

#[test]
fn only_a_file_that_is_not_there_is_no_kubeconfig() {
    let dir = tempfile::tempdir().unwrap();
    let gone = dir.path().join("gone");
    assert_eq!(contexts(Some(&gone)), Ok(BTreeMap::new()));
    assert!(programs_of(Some(&gone), None).unwrap().is_empty());
    // A folder cannot be read, and neither can a file of somebody else's.
    let told = contexts(Some(dir.path())).unwrap_err();
    assert!(told.starts_with("The kubeconfig cannot be read"), "{told}");
    assert!(programs_of(Some(dir.path()), None).is_err());
}

/// A server that answers nothing but who asked: the token of each request.
async fn told_tokens() -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 8192];
            let read = stream.read(&mut head).await.unwrap_or_default();
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let token = head.split("Bearer ").nth(1).unwrap_or_default();
            let _ = tell.send(token.lines().next().unwrap_or_default().to_owned());
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, told)
}

#[tokio::test]
async fn a_kubeconfig_that_was_written_is_read_again_and_garbage_shuts_nobody_out() {
    let (url, mut told) = told_tokens().await;
    let file = kubeconfig("{token: one}");
    let text = std::fs::read_to_string(file.path()).unwrap();
    let text = text.replace("http://127.0.0.1:9", &url);
    std::fs::write(file.path(), &text).unwrap();
    let place = place(file.path(), "by-name");
    let session = ClusterSession::open(&place, Clock::new()).await.unwrap();
    session.get("/api", HEAD).await.unwrap();
    assert_eq!(told.recv().await.unwrap(), "one");
    std::fs::write(file.path(), text.replace("one", "number-two")).unwrap();
    session.get("/api", HEAD).await.unwrap();
    assert_eq!(told.recv().await.unwrap(), "number-two");
    std::fs::write(file.path(), "{").unwrap();
    session.get("/api", HEAD).await.unwrap();
    assert_eq!(told.recv().await.unwrap(), "number-two");
}

#[test]
fn a_certificate_that_is_not_taken_is_no_matter_of_the_network() {
    let step = |error: rustls::Error| {
        let inner = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        let outer = std::io::Error::other(inner);
        let failure = CallFailure::Kube(Box::new(kube::Error::Service(outer.into())));
        let call = Call {
            verb: "list",
            group: "",
            resource: "pods",
            namespace: None,
            cluster: "c",
        };
        failure.describe(call).next_step
    };
    let theirs = rustls::CertificateError::UnknownIssuer;
    let theirs = step(rustls::Error::InvalidCertificate(theirs));
    assert!(theirs.contains("certificate-authority"), "{theirs}");
    let ours = rustls::AlertDescription::CertificateRequired;
    let ours = step(rustls::Error::AlertReceived(ours));
    assert!(ours.contains("client certificate"), "{ours}");
    let ended = step(rustls::Error::InvalidCertificate(
        rustls::CertificateError::Expired,
    ));
    assert!(ended.contains("Renew the API server's"), "{ended}");
    let another = rustls::AlertDescription::ProtocolVersion;
    let another = step(rustls::Error::AlertReceived(another));
    assert!(!another.contains("certificate"), "{another}");
}

/// What waits is listed by the hash that it is checked by, so by the same server.
#[test]
fn a_program_is_listed_with_the_server_that_is_signed_in_to() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kubeconfig");
    let text = "{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: 'api.corp:6443', insecure-skip-tls-verify: true}}], users: [{name: me, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/true, interactiveMode: Never}}}], contexts: [{name: x, context: {cluster: c, user: me}}]}";
    std::fs::write(&file, text).unwrap();
    let listed = programs_of(Some(&file), None).unwrap();
    let receiver = listed[0].receiver.as_ref().expect("a server");
    assert_eq!(receiver.server, "https://api.corp:6443");
}
