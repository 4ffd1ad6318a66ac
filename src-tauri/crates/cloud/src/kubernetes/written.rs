//! What a kubeconfig says, taken as kubectl takes it where kube takes it otherwise: a server without a scheme, a token
//! with a line end behind it, a token file, a user that is not there.

use kube::config::{AuthInfo, Cluster, Kubeconfig};
use secrecy::ExposeSecret as _;
use std::path::PathBuf;

/// Why a context cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Flaw {
    /// It names a user that is not in the file.
    #[error("there is no user {0}")]
    NoUser(String),
    /// The token of its user is none.
    #[error("the token of its user has characters that no token has")]
    Token,
    /// The file that its user's token lies in cannot be read.
    #[error("the file of its user's token, {0}, cannot be read: {1}")]
    TokenFile(String, std::io::Error),
    /// The key can be used by nobody without a password.
    #[error("its user's client key is encrypted, and nobody can be asked for its password here")]
    Encrypted,
}

/// What is beside the kubeconfig, and whether anybody is signed in at all.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Beside {
    /// Files whose change is one of the context.
    pub(super) files: Vec<PathBuf>,
    /// It has nothing to sign in with: the server knows nobody.
    pub(super) nobody: bool,
}

/// Puts the context into the words that kube understands.
pub(super) fn as_kubectl_takes_it(
    context: &str,
    kubeconfig: &mut Kubeconfig,
) -> Result<Beside, Flaw> {
    let mut contexts = kubeconfig.contexts.iter();
    let named = contexts.find(|named| named.name == context);
    let Some(context) = named.and_then(|named| named.context.clone()) else {
        return Ok(Beside::default());
    };
    let mut beside = Beside::default();
    let mut users = kubeconfig.auth_infos.iter_mut();
    let user = context.user.filter(|user| !user.is_empty());
    let user = match user {
        None => None,
        Some(name) => match users.find(|named| named.name == name) {
            None => return Err(Flaw::NoUser(name)),
            Some(named) => Some(named.auth_info.get_or_insert_default()),
        },
    };
    let mut clusters = kubeconfig.clusters.iter_mut();
    let cluster = clusters.find(|named| named.name == context.cluster);
    let cluster = cluster.and_then(|named| named.cluster.as_mut());
    if let Some(cluster) = cluster {
        beside.files.extend(path(&cluster.certificate_authority));
        scheme(cluster, user.as_deref());
    }
    match user {
        None => beside.nobody = true,
        Some(user) => {
            beside.files.extend(credentials(user)?);
            beside.nobody = is_nobody(user);
        }
    }
    Ok(beside)
}

/// Without a scheme it is HTTPS where anything is said of TLS, else HTTP (client-go, `rest.DefaultServerUrlFor`).
fn scheme(cluster: &mut Cluster, user: Option<&AuthInfo>) {
    let tls = cluster.certificate_authority.is_some()
        || cluster.certificate_authority_data.is_some()
        || cluster.insecure_skip_tls_verify == Some(true)
        || user.is_some_and(|user| {
            user.client_certificate.is_some() || user.client_certificate_data.is_some()
        });
    if let Some(server) = &mut cluster.server
        && !server.is_empty()
        && !server.contains("://")
    {
        *server = format!("{}{server}", if tls { "https://" } else { "http://" });
    }
}

/// Reads the token, which goes before one that is written down (Kubernetes reference, client.config.k8s.io `tokenFile`);
/// the files that the user's credentials lie in.
fn credentials(user: &mut AuthInfo) -> Result<Vec<PathBuf>, Flaw> {
    let files = [&user.token_file, &user.client_certificate, &user.client_key];
    let files = files.into_iter().filter_map(path).collect();
    if let Some(file) = user.token_file.take().filter(|file| !file.is_empty()) {
        match std::fs::read_to_string(&file) {
            Ok(token) => user.token = Some(token.into()),
            Err(_) if user.token.is_some() => {}
            Err(error) => return Err(Flaw::TokenFile(file, error)),
        }
    }
    if let Some(token) = &user.token {
        let token = token.expose_secret().trim();
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Flaw::Token);
        }
        user.token = (!token.is_empty()).then(|| token.to_owned().into());
    }
    match encrypted(user) {
        true => Err(Flaw::Encrypted),
        false => Ok(files),
    }
}

/// PEM of a private key that is encrypted (RFC 7468 section 11, RFC 1421 section 4.6.1.1).
fn encrypted(user: &AuthInfo) -> bool {
    if user.client_key_data.is_some() {
        return false;
    }
    let key = user.client_key.as_deref().map(std::fs::read_to_string);
    key.and_then(Result::ok).is_some_and(|pem| {
        pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED")
    })
}

fn is_nobody(user: &AuthInfo) -> bool {
    user.token.is_none()
        && user.client_certificate.is_none()
        && user.client_certificate_data.is_none()
        && user.exec.is_none()
        && user.auth_provider.is_none()
}

fn path(file: &Option<String>) -> Option<PathBuf> {
    let file = file.as_deref().filter(|file| !file.is_empty());
    file.map(PathBuf::from)
}

#[cfg(test)]
mod tests;
