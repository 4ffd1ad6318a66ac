//! A probe of the application: one GET of a URL that the stack file names.

use aws_smithy_http_client::{ConnectorBuilder, tls};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether it is a URL that a probe can ask.
#[must_use]
pub fn can_be_asked(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
}

/// Asks once; well when the answer is 2xx.
///
/// # Errors
/// Why it is not well, in words: `HTTP 503`, `no answer in 3 s`.
pub async fn get(url: &str) -> Result<u16, String> {
    let connector = ConnectorBuilder::default()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::AwsLc,
        ))
        .build();
    let mut request = HttpRequest::empty();
    request
        .set_uri(url)
        .map_err(|error| format!("{url} cannot be asked: {error}"))?;
    let asked = tokio::time::timeout(PATIENCE, connector.call(request)).await;
    match asked {
        Err(_) => Err(format!("no answer in {} s", PATIENCE.as_secs())),
        Ok(Err(_)) => Err("no connection, or it broke".to_owned()),
        Ok(Ok(answer)) => match answer.status() {
            status if status.is_success() => Ok(status.as_u16()),
            status => Err(format!("HTTP {}", status.as_u16())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn answered(line: &'static str) -> Result<u16, String> {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}/write", server.local_addr().expect("bound"));
        let serve = async {
            let (mut socket, _) = server.accept().await.expect("asked");
            let mut buffer = [0u8; 1024];
            let _ = socket.read(&mut buffer).await;
            let text = format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            socket.write_all(text.as_bytes()).await.expect("written");
        };
        tokio::join!(get(&url), serve).0
    }

    #[tokio::test]
    async fn only_2xx_is_well() {
        assert_eq!(answered("204 No Content").await, Ok(204));
        assert_eq!(
            answered("503 Service Unavailable").await,
            Err("HTTP 503".to_owned())
        );
        assert!(get("http://127.0.0.1:1/").await.is_err());
    }

    #[test]
    fn a_url_has_a_scheme_and_a_host() {
        assert!(can_be_asked("http://127.0.0.1:80/write"));
        assert!(!can_be_asked("ftp://x/") && !can_be_asked("/write") && !can_be_asked(""));
    }
}
