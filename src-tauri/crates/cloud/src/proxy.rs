//! Proxies: which one a request goes through, and that it is named where the request fails.
//!
//! A cluster's `proxy-url` goes before the environment
//! (<https://kubernetes.io/docs/tasks/access-application-cluster/configure-access-multiple-clusters/#set-the-proxy-url>);
//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are read once for AWS and clusters, as curl reads them
//! (<https://curl.se/docs/manpage.html#environment>), an empty one as none, and `NO_PROXY` with what kubectl takes besides
//! (`*.corp`, `host:port`; <https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config>). This machine is never reached
//! through one: what a proxy calls `localhost` is another machine.

use crate::words::address;
use http::Uri;
use http::uri::InvalidUri;
use hyper_util::client::proxy::matcher::Matcher;
use std::error::Error;
use std::fmt;

/// A request failed on its way through a proxy; whether it was the proxy or what lies behind, the
/// cause says.
#[derive(Debug)]
pub(crate) struct ThroughProxy {
    /// The proxy, as it may be shown.
    pub(crate) proxy: String,
    source: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for ThroughProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "through the proxy {}", self.proxy)
    }
}

impl Error for ThroughProxy {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}

impl ThroughProxy {
    pub(crate) fn new(proxy: &Uri, source: Box<dyn Error + Send + Sync>) -> Self {
        let proxy = address(proxy);
        Self { proxy, source }
    }

    /// What to do, a sentence.
    pub(crate) fn next_step(&self) -> String {
        format!(
            "Check that the proxy {} runs and lets this through; HTTPS_PROXY or a proxy-url of the kubeconfig names it, and NO_PROXY takes hosts out.",
            self.proxy
        )
    }

    /// The one that a failure came through.
    pub(crate) fn of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(found) = cause.downcast_ref() {
                return Some(found);
            }
            next = cause.source();
        }
        None
    }
}

/// The proxy of the environment for a request to AWS. One that is no URL is none, as for the SDK.
pub(crate) fn of_environment(target: &Uri) -> Option<Uri> {
    let variable = |name: &str| std::env::var(name).ok();
    of_cluster(target, None, variable).ok().flatten()
}

/// The proxy that a cluster is reached through. `named` is its `proxy-url`.
///
/// # Errors
/// When the proxy is no URL.
pub(crate) fn of_cluster(
    target: &Uri,
    named: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Uri>, InvalidUri> {
    if is_here(target) {
        return Ok(None);
    }
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        return named.parse().map(Some);
    }
    let first = |names: &[&str]| {
        let mut values = names.iter().filter_map(|name| variable(name));
        values.find(|value| !value.is_empty())
    };
    let own = match target.scheme_str() {
        Some("https") => first(&["HTTPS_PROXY", "https_proxy"]),
        _ => first(&["HTTP_PROXY", "http_proxy"]),
    };
    let Some(proxy) = own.or_else(|| first(&["ALL_PROXY", "all_proxy"])) else {
        return Ok(None);
    };
    let not = first(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
    if is_excepted(target, &not) {
        return Ok(None);
    }
    match proxy.contains("://") {
        true => proxy.parse().map(Some),
        false => format!("http://{proxy}").parse().map(Some),
    }
}

/// Whether `NO_PROXY` takes a host out.
fn is_excepted(target: &Uri, not: &str) -> bool {
    let usual = match target.scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    let port = target.port_u16().unwrap_or(usual);
    let hosts = not.split([',', ' ']).filter_map(|entry| host(entry, port));
    let hosts = hosts.collect::<Vec<_>>().join(",");
    let all = Matcher::builder().all("http://proxy").no(hosts).build();
    all.intercept(target).is_none()
}

/// What the matcher knows of an entry; `None`: it is about another port.
fn host(entry: &str, port: u16) -> Option<&str> {
    let entry = entry.strip_prefix("*.").unwrap_or(entry);
    let (host, of) = match entry.rsplit_once(':') {
        Some((host, of)) => (host, of.parse::<u16>().ok()),
        None => return Some(entry),
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    match of {
        // An address of IPv6 has colons of its own.
        Some(of) if bracketed || !host.contains(':') => {
            (of == port).then_some(host.trim_matches(['[', ']']))
        }
        Some(_) | None => Some(entry),
    }
}

fn is_here(target: &Uri) -> bool {
    crate::wire::is_loopback(&target.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(target: &str, named: Option<&str>, env: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            let mut all = env.iter();
            let (_, value) = all.find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        };
        let target = target.parse().expect("a URL");
        let proxy = of_cluster(&target, named, variable).expect("a proxy");
        proxy.map(|proxy| proxy.to_string())
    }

    #[test]
    fn a_cluster_is_reached_as_its_kubeconfig_or_else_the_environment_says() {
        let env = [
            ("HTTPS_PROXY", "http://me:secret@corp:3128"),
            ("NO_PROXY", "10.0.0.0/8,.inside.example"),
        ];
        let corp = Some("http://me:secret@corp:3128/".to_owned());
        assert_eq!(taken("https://api.example:6443", None, &env), corp);
        assert_eq!(taken("https://10.1.2.3", None, &env), None);
        assert_eq!(taken("https://k.inside.example", None, &env), None);
        assert_eq!(taken("http://api.example", None, &env), None);
        let own = Some("socks5://own:1080");
        // NO_PROXY is about the environment's proxy, as for kubectl.
        let named = taken("https://10.1.2.3", own, &env);
        assert_eq!(named.as_deref(), Some("socks5://own:1080/"));
        assert_eq!(
            taken("https://api.example", None, &[("ALL_PROXY", "corp:8080")]).as_deref(),
            Some("http://corp:8080/")
        );
    }

    #[test]
    fn no_proxy_is_understood_as_kubectl_and_curl_do() {
        let env = |not: &'static str| {
            [
                ("HTTPS_PROXY", ""),
                ("https_proxy", "corp:3128"),
                ("NO_PROXY", not),
            ]
        };
        let direct = |target: &str, not: &'static str| taken(target, None, &env(not)).is_none();
        assert!(
            !direct("https://api.corp", ""),
            "an empty HTTPS_PROXY is none"
        );
        assert!(direct("https://api.corp", "x, *.corp"));
        assert!(!direct("https://corpus", "*.corp"));
        assert!(direct("https://api.corp:6443", "api.corp:6443"));
        assert!(!direct("https://api.corp", "api.corp:6443"));
        assert!(direct("https://api.corp", "api.corp:443"));
        assert!(direct("https://[fd00::7]:6443", "fd00::/8"));
        assert!(direct("https://[fd00::7]:6443", "[fd00::7]:6443"));
        assert!(direct("https://[fd00::7]:6443", "fd00::7"));
        assert!(direct("https://anything", "*"));
    }

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        let env = [
            ("HTTPS_PROXY", "http://corp:3128"),
            ("HTTP_PROXY", "http://corp:3128"),
        ];
        for here in [
            "https://127.0.0.1:6443",
            "http://localhost:8001",
            "https://[::1]:6443",
        ] {
            assert_eq!(taken(here, None, &env), None, "{here}");
            assert_eq!(taken(here, Some("http://own:1"), &env), None, "{here}");
        }
    }

    #[test]
    fn a_failure_names_its_proxy_without_its_password() {
        let proxy: Uri = "http://me:secret@corp:3128".parse().expect("a URL");
        let error = ThroughProxy::new(&proxy, "refused".into());
        assert_eq!(error.to_string(), "through the proxy http://corp:3128");
        let found = ThroughProxy::of(&error).expect("found");
        assert_eq!(found.proxy, "http://corp:3128");
    }
}
