//! Refusals for the time of a signature: as they come by on the wire, in words, and tried again by the time that was told.
//! What any answer told counts for all that is signed after it, by whichever client (a write has no second attempt); the
//! SDK's own correction knows one client only, and is off.

use crate::clock::{SIGNED_WITHIN, ahead_of};
use crate::failure::{Asked, tell};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_types::retry::ErrorKind;
use model::{FailureClass, SourceFailure};
use std::time::SystemTime;

/// Codes with which a request is refused when its signature does not hold: because of its time, or of its keys.
fn is_about_signatures(code: &str) -> bool {
    matches!(
        code,
        "RequestTimeTooSkewed"
            | "RequestInTheFuture"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "RequestExpired"
            | "AuthFailure"
    )
}

/// How far this machine's clock is off, in seconds, where that is why the call was refused: the
/// code says so itself, or it is one about signatures and the answer's `Date` is far from here.
pub(crate) fn off<E>(error: &SdkError<E, HttpResponse>, code: Option<&str>) -> Option<Option<i64>> {
    let date = error
        .raw_response()
        .and_then(|raw| raw.headers().get("date"));
    let ahead = date.and_then(ahead_of);
    match code? {
        "RequestTimeTooSkewed" | "RequestInTheFuture" => Some(ahead),
        code if is_about_signatures(code)
            && ahead.is_some_and(|ahead| ahead.abs() > SIGNED_WITHIN) =>
        {
            Some(ahead)
        }
        _ => None,
    }
}

pub(crate) fn clock_is_off(asked: &Asked<'_>, code: &str, ahead: Option<i64>) -> SourceFailure {
    let words = |seconds: i64| match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    };
    let by = match ahead {
        Some(ahead) if ahead > 0 => format!("{} ahead of AWS", words(ahead)),
        Some(ahead) if ahead < 0 => format!("{} behind AWS", words(-ahead)),
        Some(_) | None => "not the time AWS has".to_owned(),
    };
    let happened = format!("was refused because this machine's clock is {by} ({code})");
    SourceFailure {
        next_step:
            "It goes on by AWS's time now; set this machine's clock (NTP) all the same. The credentials may be fine."
                .to_owned(),
        ..tell(FailureClass::Credentials, asked, &happened)
    }
}

/// On an answer that refuses a signature for a time by which nothing is signed any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OldTime;

/// Has such a request signed and sent once more, where its client has an attempt left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedAnew;

impl ClassifyRetry for SignedAnew {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let response = context.response();
        match response.and_then(|response| response.extension::<OldTime>()) {
            Some(OldTime) => RetryAction::retryable_error(ErrorKind::ServerError),
            None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "signed anew"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::http_status_code_classifier())
    }
}

/// The time a request was signed at
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>, `x-amz-date`).
pub(crate) fn signed_at(request: &HttpRequest) -> Option<SystemTime> {
    let date = request.headers().get("x-amz-date")?;
    let date = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    let date = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(date.timestamp().into())
}

/// The `Date` of an answer that refuses the signature of its request.
pub(crate) fn refused<'a>(answer: &'a HttpResponse, body: &[u8]) -> Option<&'a str> {
    let date = answer.headers().get("date")?;
    let refuses = answer.status().is_client_error()
        && code(answer, body).is_some_and(|code| is_about_signatures(&code));
    refuses.then_some(date)
}

/// The error code of an answer: of the JSON and CBOR protocols in a header, of the XML ones and of the older JSON one in
/// the body (<https://smithy.io/2.0/aws/protocols/index.html>, "Operation error serialization" of each).
fn code(answer: &HttpResponse, body: &[u8]) -> Option<String> {
    let between = |text: &str, from: &str, to: &str| {
        let (_, rest) = text.split_once(from)?;
        Some(rest.split_once(to)?.0.to_owned())
    };
    let header = answer.headers().get("x-amzn-errortype");
    let text = std::str::from_utf8(body).unwrap_or_default();
    let named = header.map(ToOwned::to_owned).or_else(|| {
        between(text, "<Code>", "</Code>").or_else(|| {
            let body: serde_json::Value = serde_json::from_str(text).ok()?;
            Some(body["__type"].as_str()?.to_owned())
        })
    })?;
    let bare = named.rsplit('#').next().unwrap_or(&named);
    Some(bare.split(':').next().unwrap_or(bare).trim().to_owned())
}

#[cfg(test)]
mod tests;
