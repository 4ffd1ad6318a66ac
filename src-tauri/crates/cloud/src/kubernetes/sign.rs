//! Signing in to an EKS cluster without a program: the token is a GetCallerIdentity, signed for this
//! cluster, which the cluster itself sends to STS to learn who we are
//! (<https://docs.aws.amazon.com/eks/latest/userguide/cluster-auth.html>; its form:
//! <https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster>).

use crate::clock::system;
use crate::{Session, failure};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use kube::client::Body;
use model::{Service, SourceFailure, Timestamp};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;
use tower::BoxError;

/// How long a token is used: the cluster takes it for fifteen minutes from its date.
const KEPT_SECONDS: i64 = 600;
/// How long credentials may take (STS, SSO): shorter than a cluster is waited for, so that it is not
/// the cluster that is said to be silent.
const KEYS_WITHIN: Duration = Duration::from_secs(5);
/// What `X-Amz-Expires` says; the cluster takes no more than fifteen minutes and goes by its own limit.
const EXPIRES: Duration = Duration::from_secs(60);
/// The header that binds a token to one cluster.
const CLUSTER_HEADER: &str = "x-k8s-aws-id";

/// Under which names EKS serves API servers, after the region
/// (<https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html>).
const SUFFIXES: [&str; 5] = [
    "eks.amazonaws.com",
    "api.aws",
    "eks.amazonwebservices.com.cn",
    "amazonwebservices.com.cn",
    "api.amazonwebservices.com.cn",
];
/// Under one of them API Gateway lets anybody answer
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-publish.html>).
const ANYBODY: &str = "execute-api";

/// Whether a token for a cluster of this region may be sent to a server: who has a token is let in to the
/// cluster it was signed for, so it goes to EKS or, through a tunnel, to this machine, and to nobody
/// that a file names.
pub(super) fn may_be_told(config: &kube::Config, region: &str) -> bool {
    let server = &config.cluster_url;
    let host = server.host().unwrap_or_default();
    if super::is_loopback(host) {
        return true;
    }
    let host = host.to_ascii_lowercase();
    let of_eks = |suffix: &&str| {
        let id = host.strip_suffix(&format!(".{region}.{suffix}"));
        id.is_some_and(|id| !id.is_empty() && id.split('.').all(|label| label != ANYBODY))
    };
    let proves_it = server.scheme_str() == Some("https") && !config.accept_invalid_certs;
    proves_it && SUFFIXES.iter().any(of_eks)
}

/// Why a request was not sent: nobody could be signed in.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.sentence)]
pub(super) struct NotSignedIn(pub(super) SourceFailure);

/// Puts a fresh token on every request to one cluster.
#[derive(Clone)]
pub(super) struct Signer {
    session: Session,
    keys: Option<SharedCredentialsProvider>,
    region: Arc<str>,
    cluster: Arc<str>,
    kept: Arc<Mutex<Option<Kept>>>,
}

/// A token, and until when it is used (platform time).
struct Kept {
    bearer: HeaderValue,
    until: Timestamp,
}

impl Signer {
    /// The region of the cluster it signs for.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// Signs with the credentials of `session`.
    pub(super) fn new(session: &Session, region: &str, cluster: &str) -> Self {
        Self {
            session: session.clone(),
            keys: session.sdk.credentials_provider(),
            region: region.into(),
            cluster: cluster.into(),
            kept: Arc::default(),
        }
    }

    async fn bearer(&self) -> Result<HeaderValue, NotSignedIn> {
        // One at a time: a cluster is asked about twenty things at once.
        let mut kept = self.kept.lock().await;
        let now = self.session.clock.now();
        if let Some(kept) = kept.as_ref().filter(|kept| now < kept.until) {
            return Ok(kept.bearer.clone());
        }
        let keys = self.credentials().await.map_err(|e| self.failed(e))?;
        let signed = token(&keys, &self.region, &self.cluster, system(now));
        let signed = signed.map_err(|e| self.failed(CredentialsError::provider_error(e)))?;
        let bearer = HeaderValue::from_str(&format!("Bearer {signed}"));
        let mut bearer = bearer.map_err(|e| self.failed(CredentialsError::provider_error(e)))?;
        bearer.set_sensitive(true);
        // A token is worth no more than the credentials that signed it.
        let until = now.plus_seconds(KEPT_SECONDS);
        let until = match keys.expiry().and_then(timestamp) {
            Some(ends) if ends < until => ends,
            Some(_) | None => until,
        };
        *kept = Some(Kept {
            bearer: bearer.clone(),
            until,
        });
        Ok(bearer)
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let Some(keys) = &self.keys else {
            return Err(CredentialsError::not_loaded("there are none"));
        };
        let given = tokio::time::timeout(KEYS_WITHIN, keys.provide_credentials()).await;
        given.unwrap_or(Err(CredentialsError::provider_timed_out(KEYS_WITHIN)))
    }

    /// In the words of any other call that could not be signed.
    fn failed(&self, error: CredentialsError) -> NotSignedIn {
        let error: SdkError<GetCallerIdentityError, HttpResponse> =
            SdkError::construction_failure(error);
        let asked = self.session.asked(Service::Eks, "sign-in", &self.cluster);
        NotSignedIn(failure::from_sdk(&error, &asked))
    }
}

impl tower::filter::AsyncPredicate<Request<Body>> for Signer {
    type Future = BoxFuture<'static, Result<Request<Body>, BoxError>>;
    type Request = Request<Body>;

    fn check(&mut self, mut request: Request<Body>) -> Self::Future {
        let signer = self.clone();
        Box::pin(async move {
            let bearer = signer.bearer().await?;
            request.headers_mut().insert(AUTHORIZATION, bearer);
            Ok(request)
        })
    }
}

fn timestamp(at: SystemTime) -> Option<Timestamp> {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Timestamp::from_millis(
        i64::try_from(since.as_millis()).ok()?,
    ))
}

/// The token for a cluster. STS is asked in the cluster's own region, by its public name: the cluster
/// takes no other host.
fn token(
    keys: &Credentials,
    region: &str,
    cluster: &str,
    at: SystemTime,
) -> Result<String, BoxError> {
    let suffix = match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    };
    let url = format!("https://sts.{region}.{suffix}/?Action=GetCallerIdentity&Version=2011-06-15");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    let identity = keys.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(at)
        .settings(settings)
        .build()?
        .into();
    let headers = [(CLUSTER_HEADER, cluster)];
    let request = SignableRequest::new("GET", &url, headers.into_iter(), SignableBody::Bytes(b""))?;
    let (signed, _) = sign(request, &params)?.into_parts();
    let mut query = form_urlencoded::Serializer::new(url);
    for (name, value) in signed.params() {
        query.append_pair(name, value);
    }
    let encoded = BASE64_URL_SAFE_NO_PAD.encode(query.finish());
    Ok(format!("k8s-aws-v1.{encoded}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// 2026-11-29T11:00:00Z.
    const AT: u64 = 1_795_950_000;

    fn pairs(url: &str) -> (String, BTreeMap<String, String>) {
        let (at, query) = url.split_once('?').expect("a query");
        let pairs = form_urlencoded::parse(query.as_bytes());
        (at.to_owned(), pairs.into_owned().collect())
    }

    #[test]
    fn a_token_goes_to_eks_or_to_this_machine_and_to_nobody_else() {
        let config = |server: &str| kube::Config::new(server.parse().expect("a URL"));
        let told = |server: &str| may_be_told(&config(server), "eu-west-1");
        assert!(told("https://AB12.gr7.eu-west-1.eks.amazonaws.com"));
        assert!(told("https://ab12.eu-west-1.api.aws:443/"));
        assert!(told("http://127.0.0.1:8001") && told("https://localhost:8443"));
        let mut unproven = config("https://AB12.gr7.eu-west-1.eks.amazonaws.com");
        unproven.accept_invalid_certs = true;
        assert!(!may_be_told(&unproven, "eu-west-1"));
        for other in [
            "http://ab12.gr7.eu-west-1.eks.amazonaws.com",
            "https://ab12.gr7.us-east-1.eks.amazonaws.com",
            "https://x.execute-api.eu-west-1.api.aws",
            "https://eu-west-1.eks.amazonaws.com.example.org",
            "https://example.org",
            "https://10.0.0.7",
        ] {
            assert!(!told(other), "{other}");
        }
    }

    /// `RequestSigner.generate_presigned_url` of botocore 1.43.106, as `aws eks get-token` calls it, with
    /// the example keys of the IAM User Guide and its clock set to the time above.
    #[test]
    fn a_token_is_the_one_the_aws_cli_makes() {
        for (region, cluster, session, made) in [
            (
                "eu-west-1",
                "core-euw1",
                None,
                "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-Date=20261129T110000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=59791561cdbc30dc274f59684320ab8a248ac622a8177351eafe03ce5731880a",
            ),
            (
                "cn-north-1",
                "core",
                Some("FwoGZXIvYXdzEBYaD+/=x"),
                "https://sts.cn-north-1.amazonaws.com.cn/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Fcn-north-1%2Fsts%2Faws4_request&X-Amz-Date=20261129T110000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Security-Token=FwoGZXIvYXdzEBYaD%2B%2F%3Dx&X-Amz-Signature=ae56b97c3dba2d5a9aeef0888bc903d1c947684f5fb5b8c6a81748e9fa6faf28",
            ),
        ] {
            let keys = Credentials::new(
                "AKIDEXAMPLE",
                "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                session.map(str::to_owned),
                None,
                "test",
            );
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(AT);
            let token = token(&keys, region, cluster, at).expect("signed");
            let url = token.strip_prefix("k8s-aws-v1.").expect("its prefix");
            let url = BASE64_URL_SAFE_NO_PAD.decode(url).expect("base64");
            let url = String::from_utf8(url).expect("text");
            assert_eq!(pairs(&url), pairs(made), "{region}");
        }
    }
}
