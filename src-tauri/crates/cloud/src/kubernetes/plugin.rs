//! Exec plugins: what a kubeconfig asks a program for, and what it answers
//! (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>).
//!
//! kube's own support is not used: it runs the program where it builds a client (twice, without a
//! limit, on our terminal), and tells all that a failed one wrote.

use super::kubeconfig::{ClusterPlace, named_by};
use crate::programs::{Named, Receiver, Stop};
use crate::words::plain;
use http::HeaderValue;
use kube::config::{Cluster, ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use model::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;

/// The versions of the protocol that kubectl still speaks.
const VERSIONS: [&str; 2] = [
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
];
/// The variable that tells a program what it is asked for.
const INFO: &str = "KUBERNETES_EXEC_INFO";

/// A program, and how it is asked.
pub(super) struct Plugin {
    pub(super) named: Named,
    version: String,
    info: String,
}

/// What a program gave. No part of it is ever shown.
pub(super) struct Given {
    /// What is put on each request.
    pub(super) bearer: Option<HeaderValue>,
    /// Certificate and key, PEM, for each connection.
    pub(super) certificate: Option<(String, String)>,
    /// When it ends; `None`: it does not say.
    pub(super) ends: Option<Timestamp>,
}

/// What is the matter with what a program wrote, after its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Garbage {
    #[error("wrote something that is no ExecCredential")]
    Unreadable,
    #[error("answered in another version of the protocol than it was asked in")]
    OtherVersion,
    #[error("gave neither a token nor a certificate with its key")]
    Nothing,
    #[error("gave a token with characters that no token has")]
    Characters,
    #[error("gave an expirationTimestamp that is no time")]
    NoTime,
}

#[derive(Deserialize)]
struct ExecCredential {
    kind: String,
    #[serde(rename = "apiVersion")]
    api_version: String,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl Plugin {
    /// What a context's user names, where it can be run at all.
    pub(super) fn of(
        place: &ClusterPlace,
        exec: &ExecConfig,
        cluster: Option<&Cluster>,
    ) -> Result<Self, Stop> {
        let named = named(named_by(place), exec, cluster);
        let version = exec.api_version.clone().unwrap_or_default();
        let info = asked(exec, &version, cluster).map_err(|(why, next_step)| {
            let signs_in = crate::programs::signs_in(&named);
            let words = format!("{signs_in} {:?}, {why}", plain(&named.command));
            Stop::new(words, next_step)
        })?;
        Ok(Self {
            named,
            version,
            info,
        })
    }

    /// What it is given besides our environment.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let mut env = self.named.env.clone();
        env.push((INFO.to_owned(), self.info.clone()));
        env
    }

    /// Reads what it wrote. What ends now or has ended is used all the same, as by client-go: the server judges.
    pub(super) fn read(&self, output: &[u8]) -> Result<Given, Garbage> {
        let read: ExecCredential =
            serde_json::from_slice(output).map_err(|_| Garbage::Unreadable)?;
        if read.kind != "ExecCredential" {
            return Err(Garbage::Unreadable);
        }
        if read.api_version != self.version {
            return Err(Garbage::OtherVersion);
        }
        let status = read.status;
        let ends = status.expiration_timestamp.as_deref().map(Timestamp::parse);
        let ends = match ends {
            Some(None) => return Err(Garbage::NoTime),
            Some(ends) => ends,
            None => None,
        };
        let certificate = status.client_certificate_data.zip(status.client_key_data);
        let token = status.token.filter(|token| !token.is_empty());
        let bearer = token.as_deref().map(bearer).transpose()?;
        if bearer.is_none() && certificate.is_none() {
            return Err(Garbage::Nothing);
        }
        Ok(Given {
            bearer,
            certificate,
            ends,
        })
    }
}

/// What a program is told, where it can be asked at all; else what is the matter and what to do.
fn asked(
    exec: &ExecConfig,
    version: &str,
    cluster: Option<&Cluster>,
) -> Result<String, (String, &'static str)> {
    if !VERSIONS.contains(&version) {
        return Err((
            format!(
                "asked in version {:?}, which is not spoken here",
                plain(version)
            ),
            "Have the kubeconfig written anew by its tool, with client.authentication.k8s.io/v1; reading goes on by itself.",
        ));
    }
    if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
        return Err((
            "which wants a terminal (interactiveMode: Always), and gets none here: it is not run"
                .to_owned(),
            "Give the context's user a token or a client certificate, or interactiveMode: IfAvailable where the program can do without; reading goes on by itself.",
        ));
    }
    let mut spec = json!({"interactive": false});
    if let Some(cluster) = cluster.filter(|_| exec.provide_cluster_info) {
        let about = ExecAuthCluster::try_from(cluster).map_err(|error| {
            let why = format!("and its cluster cannot be read: {error}");
            (why, "Correct the kubeconfig; reading goes on by itself.")
        })?;
        spec["cluster"] = json!(about);
    }
    let info = json!({"kind": "ExecCredential", "apiVersion": version, "spec": spec});
    Ok(info.to_string())
}

fn bearer(token: &str) -> Result<HeaderValue, Garbage> {
    let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut bearer = bearer.map_err(|_| Garbage::Characters)?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

/// The program that a context's user names.
pub(super) fn named(by: String, exec: &ExecConfig, cluster: Option<&Cluster>) -> Named {
    let setting = |entry: &HashMap<String, String>| {
        let name = entry.get("name")?.clone();
        Some((name, entry.get("value").cloned().unwrap_or_default()))
    };
    Named {
        by,
        profile: None,
        command: exec.command.clone().unwrap_or_default(),
        args: exec.args.clone().unwrap_or_default(),
        env: exec.env.iter().flatten().filter_map(setting).collect(),
        receiver: Some(cluster.map(receiver).unwrap_or_default()),
        hint: exec.install_hint.clone(),
    }
}

/// The server of a cluster. An authority that cannot be read is told when a client is made of it.
fn receiver(cluster: &Cluster) -> Receiver {
    let written = cluster.certificate_authority_data.as_deref();
    let file = cluster.certificate_authority.as_deref();
    let authority = match (written, file) {
        (Some(data), _) => data.as_bytes().to_vec(),
        (None, Some(file)) => std::fs::read(file).unwrap_or_default(),
        (None, None) => Vec::new(),
    };
    Receiver {
        server: cluster.server.clone().unwrap_or_default(),
        name: cluster.tls_server_name.clone(),
        authority,
        unproven: cluster.insecure_skip_tls_verify.unwrap_or(false),
        proxy: cluster.proxy_url.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Entrance;

    fn plugin(exec: ExecConfig) -> Result<Plugin, Stop> {
        let place = ClusterPlace {
            entrance: Entrance::Context("c".to_owned()),
            kubeconfig: Some("/k".into()),
            session: None,
            account: None,
            region: None,
            name: None,
            act_user: None,
            act_users: Default::default(),
            programs: Default::default(),
            certificates: Default::default(),
        };
        Plugin::of(&place, &exec, None)
    }

    fn exec() -> ExecConfig {
        ExecConfig {
            api_version: Some(VERSIONS[0].to_owned()),
            command: Some("login".to_owned()),
            ..ExecConfig::default()
        }
    }

    fn read(status: &str) -> Result<Given, Garbage> {
        let answer = format!(
            "{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{}\",\"status\":{status}}}",
            VERSIONS[0]
        );
        plugin(exec()).expect("a plugin").read(answer.as_bytes())
    }

    #[test]
    fn what_is_given_is_read_and_garbage_is_told_without_what_it_was() {
        let given = read(r#"{"token":"t","expirationTimestamp":"2026-03-04T15:40:00Z"}"#);
        let given = given.expect("given");
        assert_eq!(given.bearer, Some(HeaderValue::from_static("Bearer t")));
        assert!(given.bearer.is_some_and(|bearer| bearer.is_sensitive()));
        assert_eq!(given.ends, Timestamp::parse("2026-03-04T15:40:00Z"));
        let over = read(r#"{"token":"t","expirationTimestamp":"1999-01-01T00:00:00Z"}"#);
        assert!(over.is_ok_and(|given| given.bearer.is_some()));
        let pair = read(r#"{"clientCertificateData":"C","clientKeyData":"K"}"#);
        let pair = pair.ok().and_then(|given| given.certificate);
        assert_eq!(pair, Some(("C".to_owned(), "K".to_owned())));
        for (status, garbage) in [
            ("{}", Garbage::Nothing),
            (r#"{"token":""}"#, Garbage::Nothing),
            (r#"{"clientCertificateData":"C"}"#, Garbage::Nothing),
            (r#"{"token":"a\nb"}"#, Garbage::Characters),
            (
                r#"{"token":"t","expirationTimestamp":"soon"}"#,
                Garbage::NoTime,
            ),
            (r#"{"token":7}"#, Garbage::Unreadable),
        ] {
            assert_eq!(read(status).err(), Some(garbage), "{status}");
        }
    }

    #[test]
    fn what_cannot_be_asked_here_is_told_before_anybody_approves_it() {
        let told = |exec: ExecConfig| plugin(exec).err().expect("refused").to_string();
        let old = ExecConfig {
            api_version: Some("client.authentication.k8s.io/v1alpha1".to_owned()),
            ..exec()
        };
        assert!(told(old).contains("v1alpha1"));
        let interactive = ExecConfig {
            interactive_mode: Some(ExecInteractiveMode::Always),
            ..exec()
        };
        assert!(told(interactive).contains("wants a terminal"));
    }
}
