use super::*;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::session::by_clock;
use crate::wire::Wire;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_types::body::SdkBody;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Barrier;

fn answer(status: u16, header: Option<&str>) -> HttpResponse {
    let status = status.try_into().expect("a status");
    let mut answer = HttpResponse::new(status, SdkBody::empty());
    answer
        .headers_mut()
        .insert("date", "Sun, 22 Nov 2026 02:36:40 GMT");
    if let Some(code) = header {
        answer
            .headers_mut()
            .insert("x-amzn-errortype", code.to_owned());
    }
    answer
}

#[test]
fn a_refusal_for_a_signature_is_known_in_every_protocol() {
    let xml = b"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>";
    let json = br#"{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"x"}"#;
    let header = Some("RequestTimeTooSkewed:http://internal.amazon.com/coral/");
    assert!(refused(&answer(403, None), xml).is_some());
    assert!(refused(&answer(400, None), json).is_some());
    assert!(refused(&answer(403, header), b"\xa0").is_some());
    assert_eq!(refused(&answer(200, None), xml), None, "it is no refusal");
    assert_eq!(refused(&answer(403, Some("AccessDenied")), b""), None);
    assert_eq!(
        refused(&answer(403, None), b"<Code>AccessDenied</Code>"),
        None
    );
    assert_eq!(refused(&answer(403, None), b"\xff\xfe"), None);
}

/// An hour ahead of this machine; it refuses what is signed more than five minutes from its own time. The first two
/// requests are answered together.
#[derive(Clone, Debug)]
struct Ahead {
    asked: Arc<AtomicU32>,
    both: Arc<Barrier>,
}

impl HttpConnector for Ahead {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let server = self.clone();
        HttpConnectorFuture::new(async move {
            if server.asked.fetch_add(1, Ordering::Relaxed) < 2 {
                server.both.wait().await;
            }
            let now = SystemTime::now() + Duration::from_secs(3600);
            let signed = signed_at(&request).expect("signed");
            let off = now
                .duration_since(signed)
                .or_else(|_| signed.duration_since(now));
            let good = off.is_ok_and(|off| off.as_secs() < 300);
            let (status, body) = match good {
                true => (
                    200u16,
                    "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
                ),
                false => (
                    403,
                    "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>",
                ),
            };
            let status = status.try_into().expect("a status");
            let mut answer = HttpResponse::new(status, SdkBody::from(body));
            let date = jiff::Timestamp::try_from(now).expect("a time");
            let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
            let date = printer.timestamp_to_rfc9110_string(&date).expect("printed");
            answer.headers_mut().insert("date", date);
            Ok(answer)
        })
    }
}

#[tokio::test]
async fn two_accounts_are_signed_for_by_one_clock_and_corrected_once() {
    let server = Ahead {
        asked: Arc::default(),
        both: Arc::new(Barrier::new(2)),
    };
    let clock = Clock::new();
    let client = || {
        let server = SharedHttpConnector::new(server.clone());
        let pool = http_client_fn(move |_, _| server.clone());
        let wire = Wire::new(pool, clock.clone(), Budget::new(), Arc::default());
        let sdk = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .credentials_provider(
                aws_credential_types::provider::SharedCredentialsProvider::new(Credentials::new(
                    "AKIA1", "s", None, None, "test",
                )),
            )
            .http_client(wire)
            .build();
        let config = aws_sdk_sts::config::Builder::from(&by_clock(sdk, &clock));
        aws_sdk_sts::Client::from_conf(config.retry_classifier(SignedAnew).build())
    };
    let (one, two) = (client(), client());
    let (first, second) = tokio::join!(
        one.get_caller_identity().send(),
        two.get_caller_identity().send()
    );
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert!(one.get_caller_identity().send().await.is_ok());
    assert_eq!(server.asked.load(Ordering::Relaxed), 5, "two were refused");
}
