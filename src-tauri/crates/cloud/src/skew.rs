//! Refusals for the time of a signature: as they come by on the wire, and in words. The SDK corrects its clock by itself for the second
//! attempt of one client; a write has no second attempt, so what any answer told counts for all that is signed after it.

use crate::clock::{SIGNED_WITHIN, ahead_of};
use crate::failure::{Asked, tell};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use model::{FailureClass, SourceFailure};

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
mod tests {
    use super::*;
    use aws_smithy_types::body::SdkBody;

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
        let xml =
            b"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>";
        let json =
            br#"{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"x"}"#;
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
}
