//! Failures as data: classified from SDK types, error codes and HTTP status, never from the text
//! of a message, and told in a sentence that names the call, the thing and the place.
//!
//! Codes: each API's "Common errors" page and the throttling codes of the SDK
//! (`aws_runtime::retries::classifiers`).

use crate::keys::Unusable;
use crate::proxy::ThroughProxy;
use crate::skew;
use crate::whole::Broken;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{DispatchFailure, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use model::{FailureClass, Service, SourceFailure};
use std::error::Error;
use std::io;

/// Longest piece of a server's own words that is repeated, in characters.
const LONGEST_QUOTE: usize = 240;

/// One call, as a failure names it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The API.
    pub service: Service,
    /// The operation, e.g. `GetQueueAttributes`.
    pub call: &'a str,
    /// What it asks about, e.g. `orders-dlq`; empty when it lists everything.
    pub thing: &'a str,
    /// Where, e.g. `us-east-1`.
    pub place: &'a str,
    /// Profile of the AWS config, when the stack file names one.
    pub profile: Option<&'a str>,
    /// The command that signs in, where IAM Identity Center is what gives the credentials.
    pub login: Option<&'a str>,
}

impl Asked<'_> {
    /// `SQS GetQueueAttributes of orders-dlq in us-east-1`.
    #[must_use]
    pub fn words(&self) -> String {
        let service = self.service.label();
        let thing = match self.thing {
            "" => String::new(),
            thing => format!(" of {}", plain(thing)),
        };
        format!("{service} {}{thing} in {}", self.call, self.place)
    }

    fn credentials(&self) -> String {
        match self.profile {
            Some(profile) => format!("The credentials of profile {profile}"),
            None => "The credentials of the default chain".to_owned(),
        }
    }

    fn sign_in(&self) -> String {
        match (self.login, self.profile) {
            (Some(login), _) => format!("Run `{login}`, then it goes on by itself."),
            (None, Some(profile)) => format!("Renew the credentials of profile {profile}."),
            (None, None) => {
                "Renew the credentials, or name a profile in the stack file.".to_owned()
            }
        }
    }
}

/// Whether a request was never sent, because there was nothing to sign it with.
pub fn never_signed<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: Error + 'static,
{
    match error {
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => {
            find::<CredentialsError>(error).is_some()
        }
        _ => false,
    }
}

/// A role that acts and was not assumed is not a matter of the way in.
fn unusable_class<E>(error: &SdkError<E, HttpResponse>) -> FailureClass
where
    E: Error + 'static,
{
    match find::<Unusable>(error) {
        Some(Unusable::ActRole(failure)) => failure.class,
        Some(_) | None => FailureClass::Credentials,
    }
}

/// What went wrong with an SDK call.
pub fn from_sdk<E>(error: &SdkError<E, HttpResponse>, asked: &Asked<'_>) -> SourceFailure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let code = error.meta().code().filter(|code| !code.is_empty());
    let status = error.raw_response().map(|raw| raw.status().as_u16());
    let class = match (error, code, status) {
        (SdkError::ServiceError(_), Some(code), Some(status)) => class_of_code(code, status),
        (SdkError::ServiceError(_) | SdkError::ResponseError(_), _, Some(status)) => {
            class_of_status(status, is_bodyless(error))
        }
        (SdkError::TimeoutError(_), ..) => FailureClass::TimedOut,
        _ if never_signed(error) => unusable_class(error),
        (SdkError::DispatchFailure(_), ..) if find::<Broken>(error).is_some() => {
            FailureClass::Malformed
        }
        (SdkError::DispatchFailure(_), ..) => FailureClass::Unreachable,
        _ => FailureClass::Other,
    };
    let mut failure = match skew::off(error, code) {
        Some(off) => skew::clock_is_off(asked, code.unwrap_or_default(), off),
        None => tell(class, asked, &happened(error, class, code, status)),
    };
    if let (FailureClass::Unreachable, Some(through)) = (class, ThroughProxy::of(error)) {
        failure.next_step = through.next_step();
    }
    if let Some(unusable) = find::<Unusable>(error) {
        failure.next_step = unusable.next_step().unwrap_or_else(|| asked.sign_in());
        if let Unusable::ActRole(told) = unusable {
            failure.code.clone_from(&told.code);
            failure.request_id.clone_from(&told.request_id);
            return failure;
        }
    }
    failure.code = code.map(plain);
    failure.request_id = error
        .request_id()
        .or_else(|| error.meta().request_id())
        .map(plain);
    failure
}

/// A failure of a known class. `happened` is the second half of the sentence, e.g.
/// `was refused (AccessDenied)`.
#[must_use]
pub fn tell(class: FailureClass, asked: &Asked<'_>, happened: &str) -> SourceFailure {
    SourceFailure {
        class,
        sentence: format!("{} {happened}.", asked.words()),
        next_step: next_step(class, asked),
        code: None,
        request_id: None,
    }
}

/// The SDK itself failed on an answer: a defect that must not take the console down.
#[must_use]
pub fn panicked(asked: &Asked<'_>) -> SourceFailure {
    let happened = "got an answer that the AWS SDK could not take in";
    tell(FailureClass::Malformed, asked, happened)
}

/// An answer that parsed but lacks what it must have.
#[must_use]
pub fn incomplete(asked: &Asked<'_>, lacks: &str) -> SourceFailure {
    let happened = format!("got an answer without {lacks}");
    tell(FailureClass::Malformed, asked, &happened)
}

/// Class of an error code (of any AWS API) that came with an HTTP status.
#[must_use]
pub fn class_of_code(code: &str, status: u16) -> FailureClass {
    match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "LimitExceededException"
        | "SlowDown"
        | "ProvisionedThroughputExceededException"
        | "TransactionInProgressException"
        | "PriorRequestNotComplete"
        | "EC2ThrottledException" => FailureClass::Throttled,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "NotAuthorized"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "UnauthorizedAccess"
        | "OptInRequired"
        | "Forbidden"
        | "ForbiddenException" => FailureClass::Denied,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "TokenRefreshRequired"
        | "RequestExpired"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "InvalidToken"
        | "AuthFailure"
        | "SignatureDoesNotMatch"
        | "RequestTimeTooSkewed"
        | "RequestInTheFuture"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "InvalidSecurity" => FailureClass::Credentials,
        "InvalidAction"
        | "UnknownOperation"
        | "UnknownOperationException"
        | "NotImplemented"
        | "NotImplementedException"
        | "UnsupportedOperation"
        | "UnsupportedOperationException"
        | "AWS.SimpleQueueService.UnsupportedOperation"
        | "NoSuchVersion" => FailureClass::Unsupported,
        "RequestTimeout" | "RequestTimeoutException" => FailureClass::TimedOut,
        _ => match status {
            429 => FailureClass::Throttled,
            401 | 403 => FailureClass::Denied,
            405 | 501 => FailureClass::Unsupported,
            500.. => FailureClass::Server,
            _ => FailureClass::Other,
        },
    }
}

/// Class of an answer in which no error code could be found: it is not, or not wholly, in the
/// API's own format.
fn class_of_status(status: u16, bodyless: bool) -> FailureClass {
    match status {
        429 => FailureClass::Throttled,
        401 | 403 => FailureClass::Denied,
        404 | 405 | 501 => FailureClass::Unsupported,
        500.. => FailureClass::Server,
        400..=499 if bodyless => FailureClass::Unsupported,
        _ => FailureClass::Malformed,
    }
}

fn is_bodyless<E>(error: &SdkError<E, HttpResponse>) -> bool {
    let body = error.raw_response().and_then(|raw| raw.body().bytes());
    body.is_some_and(<[u8]>::is_empty)
}

fn happened<E>(
    error: &SdkError<E, HttpResponse>,
    class: FailureClass,
    code: Option<&str>,
    status: Option<u16>,
) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let answer = match (code, status) {
        (Some(code), _) => plain(code),
        (None, Some(status)) => format!("HTTP {status}"),
        (None, None) => String::new(),
    };
    let quote = error.meta().message().map(plain).unwrap_or_default();
    let quote = if quote.is_empty() || code.is_none() {
        String::new()
    } else {
        format!(": {}", quote.trim_end_matches('.'))
    };
    match class {
        _ if never_signed(error) => no_credentials(error),
        FailureClass::Throttled => format!("was throttled ({answer})"),
        FailureClass::Denied => format!("was refused for lack of permission ({answer}{quote})"),
        FailureClass::Credentials if code.is_some() => {
            format!("was refused because the credentials are not valid ({answer}{quote})")
        }
        FailureClass::Credentials => no_credentials(error),
        FailureClass::Unreachable => no_connection(error),
        FailureClass::TimedOut => "got no complete answer in time".to_owned(),
        FailureClass::Malformed => malformed(error, &answer),
        FailureClass::Unsupported => {
            format!("is not offered by this server ({answer}{quote})")
        }
        FailureClass::Server => format!("failed on the server's side ({answer}{quote})"),
        FailureClass::Other if answer.is_empty() => "could not be sent".to_owned(),
        FailureClass::Other => format!("was refused ({answer}{quote})"),
    }
}

fn malformed<E>(error: &SdkError<E, HttpResponse>, answer: &str) -> String
where
    E: Error + 'static,
{
    match find::<Broken>(error) {
        Some(Broken::CutOff(_)) => "got an answer that was cut off in the middle".to_owned(),
        Some(Broken::Unclosed) => {
            "got an answer whose XML is broken or stops in the middle".to_owned()
        }
        Some(Broken::Empty) => "got an empty answer".to_owned(),
        Some(Broken::TooLarge) => "got an answer that never ends".to_owned(),
        Some(Broken::Error) => "got an error that was told as a success".to_owned(),
        None => format!("got an answer that cannot be understood ({answer})"),
    }
}

/// The request was never sent; why.
fn no_credentials<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    if let Some(unusable) = find::<Unusable>(error) {
        return format!("was not sent: {unusable}");
    }
    match find::<CredentialsError>(error) {
        Some(CredentialsError::CredentialsNotLoaded(_)) => {
            "was not sent: there are no credentials".to_owned()
        }
        Some(CredentialsError::ProviderTimedOut(_)) => {
            "was not sent: the credentials could not be loaded in time".to_owned()
        }
        Some(CredentialsError::InvalidConfiguration(_)) => {
            "was not sent: the AWS config or its profile is not usable".to_owned()
        }
        _ => "was not sent: the credentials could not be loaded".to_owned(),
    }
}

pub(crate) fn no_connection<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    let SdkError::DispatchFailure(dispatch) = error else {
        return "could not be reached".to_owned();
    };
    let by_way = match ThroughProxy::of(error) {
        Some(through) => format!(" {through}"),
        None => String::new(),
    };
    if dispatch.is_timeout() {
        return format!("could not be reached{by_way}: no connection in time");
    }
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => {
            format!("could not be reached{by_way}: the connection was refused")
        }
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted) => {
            format!("got no answer{by_way}: the connection was reset")
        }
        Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe) => {
            format!("got no answer{by_way}: the connection was closed")
        }
        Some(_) | None => other_connection(dispatch, &by_way),
    }
}

fn other_connection(dispatch: &DispatchFailure, by_way: &str) -> String {
    if dispatch.is_io() {
        format!("could not be reached{by_way}: no connection (name, network or TLS)")
    } else {
        format!("got no answer{by_way}: the connection failed before one was complete")
    }
}

fn next_step(class: FailureClass, asked: &Asked<'_>) -> String {
    let service = asked.service.label();
    match class {
        FailureClass::Throttled => format!(
            "It is asked again, more slowly, by itself; if it stays, find what else calls {service} in this account."
        ),
        FailureClass::Denied => format!(
            "Allow {} to this role; the README lists the read policy.",
            permission(asked)
        ),
        FailureClass::Credentials => format!("{} {}", asked.credentials_state(), asked.sign_in()),
        FailureClass::Unreachable => format!(
            "Check the network, VPN and endpoint to {service} in {}; if others there fail too, the region is cut off from here.",
            asked.place
        ),
        FailureClass::TimedOut => format!(
            "It is asked again by itself; if it stays, see the AWS Health Dashboard for {service} in {}.",
            asked.place
        ),
        FailureClass::Malformed => {
            "It is asked again by itself; if it stays, look at the proxy or endpoint between here and AWS."
                .to_owned()
        }
        FailureClass::Unsupported => format!(
            "Nothing to do when this endpoint is an emulator; otherwise check the endpoint configured for {service}."
        ),
        FailureClass::Server => format!(
            "It is asked again by itself; see the AWS Health Dashboard for {service} in {}.",
            asked.place
        ),
        FailureClass::Other => format!(
            "Run the same call with the AWS CLI to see more; give AWS support the request id of {}.",
            asked.call
        ),
    }
}

impl Asked<'_> {
    fn credentials_state(&self) -> String {
        format!("{} are missing, expired or not valid.", self.credentials())
    }
}

/// The IAM action of a call: the service's prefix and the operation, which is the rule for every
/// call this console makes (Service Authorization Reference).
fn permission(asked: &Asked<'_>) -> String {
    let prefix = match asked.service {
        Service::Elb => "elasticloadbalancing",
        Service::Stack | Service::Kubernetes => return asked.call.to_owned(),
        Service::Sts
        | Service::Iam
        | Service::Route53
        | Service::CloudFront
        | Service::Ec2
        | Service::Eks
        | Service::Rds
        | Service::Sqs
        | Service::Lambda
        | Service::CloudWatch
        | Service::Pricing
        | Service::ZonalShift => asked.service.as_str(),
    };
    format!("{prefix}:{}", asked.call)
}

/// The first error of type `T` in the chain of causes.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// A server's words as plain, bounded text on one line.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out: String = text
        .chars()
        .map(|c| if model::unfit(c) { ' ' } else { c })
        .take(LONGEST_QUOTE)
        .collect();
    if text.chars().nth(LONGEST_QUOTE).is_some() {
        out.push('…');
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked<'static> {
        Asked {
            service: Service::Sqs,
            call: "GetQueueAttributes",
            thing: "orders-dlq",
            place: "us-east-1",
            profile: Some("meridian-prod"),
            login: None,
        }
    }

    #[test]
    fn codes_decide_before_status_and_status_where_the_code_says_nothing() {
        use FailureClass::*;
        for (code, status, class) in [
            ("Throttling", 400, Throttled),
            ("ThrottlingException", 429, Throttled),
            ("AccessDenied", 403, Denied),
            ("ExpiredToken", 403, Credentials),
            ("ExpiredTokenException", 400, Credentials),
            ("InvalidAction", 400, Unsupported),
            ("UnknownOperationException", 404, Unsupported),
            ("InternalFailure", 500, Server),
            ("ServiceUnavailable", 503, Server),
            ("NoSuchHostedZone", 404, Other),
            ("Anything", 501, Unsupported),
        ] {
            assert_eq!(class_of_code(code, status), class, "{code} {status}");
        }
        for (status, bodyless, class) in [
            (200, false, Malformed),
            (404, false, Unsupported),
            (501, false, Unsupported),
            (400, true, Unsupported),
            (400, false, Malformed),
            (502, false, Server),
            (429, true, Throttled),
        ] {
            assert_eq!(class_of_status(status, bodyless), class, "{status}");
        }
    }

    #[test]
    fn a_failure_names_the_call_the_thing_the_place_and_the_permission() {
        let failure = tell(FailureClass::Denied, &asked(), "was refused (AccessDenied)");
        assert_eq!(
            failure.sentence,
            "SQS GetQueueAttributes of orders-dlq in us-east-1 was refused (AccessDenied)."
        );
        assert!(failure.next_step.contains("sqs:GetQueueAttributes"));
        let failure = tell(FailureClass::Credentials, &asked(), "x");
        assert!(
            failure
                .next_step
                .ends_with("Renew the credentials of profile meridian-prod.")
        );
        let sso = Asked {
            login: Some("qd login meridian-prod"),
            ..asked()
        };
        let failure = tell(FailureClass::Credentials, &sso, "x");
        assert!(
            failure.next_step.contains("Run `qd login meridian-prod`"),
            "{}",
            failure.next_step
        );
    }

    #[test]
    fn a_servers_words_are_bounded_and_stay_on_one_line() {
        assert_eq!(plain("a\u{1b}[31m\nb"), "a [31m b");
        assert_eq!(plain(&"x".repeat(1000)).chars().count(), LONGEST_QUOTE + 1);
    }
}
