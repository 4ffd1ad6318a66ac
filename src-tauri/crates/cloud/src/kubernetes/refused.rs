//! Why a place that was read cannot be used, in sentences.

use super::kubeconfig::{ClusterPlace, file};
use super::sign::{self, Signer};
use super::written::Flaw;
use crate::acting::ActUser;
use crate::stack::Entrance;
use crate::words::address;
use kube::Config;
use kube::client::RustlsTlsError;
use kube::config::KubeconfigError;
use model::{FailureClass, SourceFailure};

/// The parser of YAML draws the place below its sentence.
pub(super) fn first_line(text: &str) -> &str {
    text.lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('.')
}

/// A kubeconfig that cannot be used.
pub(super) fn refused(place: &ClusterPlace, error: &KubeconfigError) -> SourceFailure {
    let class = match error {
        KubeconfigError::LoadClientCertificate(_) | KubeconfigError::LoadClientKey(_) => {
            FailureClass::Credentials
        }
        KubeconfigError::Parse(_)
        | KubeconfigError::ParseClusterUrl(_)
        | KubeconfigError::ParseProxyUrl(_)
        | KubeconfigError::ParseNoProxy(_)
        | KubeconfigError::ParseCertificates(_) => FailureClass::Malformed,
        KubeconfigError::CurrentContextNotSet
        | KubeconfigError::KindMismatch
        | KubeconfigError::ApiVersionMismatch
        | KubeconfigError::LoadContext(_)
        | KubeconfigError::LoadClusterOfContext(_)
        | KubeconfigError::FindPath
        | KubeconfigError::ReadConfig(..)
        | KubeconfigError::MissingClusterUrl
        | KubeconfigError::LoadCertificateAuthority(_) => FailureClass::Other,
    };
    SourceFailure {
        class,
        sentence: format!(
            "{} cannot be used: {}.",
            called(place),
            first_line(&error.to_string())
        ),
        next_step: match &place.entrance {
            Entrance::Context(_) => {
                "Correct the kubeconfig or the context's name in the stack file."
            }
            Entrance::Eks(_) => {
                "Look at its endpoint and certificate authority: aws eks describe-cluster."
            }
        }
        .to_owned(),
        code: None,
        request_id: None,
    }
}

/// A context that says something that nobody can sign in by.
pub(super) fn flawed(place: &ClusterPlace, flaw: &Flaw) -> SourceFailure {
    SourceFailure {
        class: FailureClass::Credentials,
        sentence: format!("{} cannot be used: {flaw}.", called(place)),
        next_step: match flaw {
            Flaw::NoUser(_) => "Add the user to the kubeconfig, or name another context in the stack file; reading goes on by itself.",
            Flaw::Token => "Copy the token again, whole and without what surrounds it; reading goes on by itself.",
            Flaw::TokenFile(..) => "Put the file back, or correct tokenFile in the kubeconfig; reading goes on by itself.",
            Flaw::Encrypted => "Give the user a key without a password (openssl pkey), a token or an exec plugin; reading goes on by itself.",
        }
        .to_owned(),
        code: None,
        request_id: None,
    }
}

/// A token of EKS is signed for EKS alone.
pub(super) fn may_be_told(
    place: &ClusterPlace,
    config: &Config,
    signer: &Signer,
) -> Result<(), SourceFailure> {
    match sign::may_be_told(config, signer.region()) {
        true => Ok(()),
        false => Err(not_eks(place, &config.cluster_url)),
    }
}

/// A server that is not EKS's, for which a token of EKS would be signed.
fn not_eks(place: &ClusterPlace, server: &http::Uri) -> SourceFailure {
    let host = server.host().unwrap_or_default();
    SourceFailure {
        class: FailureClass::Credentials,
        sentence: format!(
            "{} leads to {host}, which is not EKS in its region nor this machine, or is not to prove it (insecure-skip-tls-verify): no token of ours is sent there.",
            called(place)
        ),
        next_step:
            "See who changed the server's address; through a tunnel it is localhost with tls-server-name."
                .to_owned(),
        code: None,
        request_id: None,
    }
}

/// A context that leads to another server than when it was opened: what is on the screen is of the first.
pub(super) fn elsewhere(place: &ClusterPlace, server: &http::Uri) -> SourceFailure {
    SourceFailure {
        class: FailureClass::Other,
        sentence: format!(
            "{} leads to {} now, which is another server than the one it was opened with.",
            called(place),
            address(server)
        ),
        next_step: "If that is meant, open the stack again; nothing is sent there before."
            .to_owned(),
        code: None,
        request_id: None,
    }
}

/// A user that is another by the kubeconfig and yet another for writes by the stack file: kube would send both names.
pub(super) fn two_users(place: &ClusterPlace, other: &str, user: &ActUser) -> SourceFailure {
    SourceFailure {
        class: FailureClass::Credentials,
        sentence: format!(
            "{} acts as {} by the kubeconfig (as), and its writes are to be of {} by the stack file (act_user): one of them must go.",
            called(place),
            crate::words::visible(other),
            user.name()
        ),
        next_step: "Take as out of the user in the kubeconfig, or act_user out of the [[account]]."
            .to_owned(),
        code: None,
        request_id: None,
    }
}

/// A context that was read but that no client can be made from (TLS material, proxy).
pub(super) fn unusable(place: &ClusterPlace, error: &kube::Error) -> SourceFailure {
    SourceFailure {
        class: match error {
            kube::Error::RustlsTls(_) => FailureClass::Credentials,
            error => super::classify(error),
        },
        sentence: format!("{} cannot be connected to: {}.", called(place), why(error)),
        next_step: match &place.entrance {
            Entrance::Context(_) => {
                "Correct the context's certificates or proxy in the kubeconfig; reading goes on by itself."
            }
            Entrance::Eks(_) => {
                "Look at its endpoint and certificate authority: aws eks describe-cluster."
            }
        }
        .to_owned(),
        code: None,
        request_id: None,
    }
}

/// What is the matter, in words of its own where the library's are for programmers or tell a password.
fn why(error: &kube::Error) -> String {
    match error {
        kube::Error::RustlsTls(tls) => why_tls(tls),
        kube::Error::ProxyProtocolUnsupported { proxy_url }
        | kube::Error::ProxyProtocolDisabled { proxy_url, .. } => format!(
            "its proxy {} is none that begins with http://, https:// or socks5://",
            address(proxy_url)
        ),
        error => first_line(&error.to_string()).to_owned(),
    }
}

fn why_tls(tls: &RustlsTlsError) -> String {
    match tls {
        RustlsTlsError::InvalidPrivateKey(rustls::Error::InconsistentKeys(_)) => {
            "the client key does not belong to the client certificate".to_owned()
        }
        RustlsTlsError::InvalidPrivateKey(_) | RustlsTlsError::UnknownPrivateKeyFormat => {
            "the client key is no private key that TLS knows".to_owned()
        }
        RustlsTlsError::MissingPrivateKey => {
            "there is a client certificate and no private key to it (PEM)".to_owned()
        }
        RustlsTlsError::MissingCertificate => {
            "the client certificate has no certificate in it (PEM)".to_owned()
        }
        RustlsTlsError::InvalidIdentityPem(_) => {
            "the client certificate or its key is no PEM".to_owned()
        }
        other => first_line(&other.to_string()).to_owned(),
    }
}

/// At the start of a sentence.
fn called(place: &ClusterPlace) -> String {
    match &place.entrance {
        Entrance::Context(context) => format!("Context {context} of {}", file(place)),
        Entrance::Eks(name) => format!("The EKS cluster {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_cannot_be_used_is_told_without_its_password() {
        for proxy in ["socks5h://me:secret@corp:1080", "me:secret@corp:3128"] {
            let mut config = Config::new("https://k:6443".parse().expect("a URL"));
            config.proxy_url = Some(proxy.parse().expect("a URL"));
            let error = kube::client::ClientBuilder::try_from(config).map(|_| ());
            let told = why(&error.expect_err("unsupported"));
            assert!(told.contains("corp:") && !told.contains("secret"), "{told}");
        }
    }
}
