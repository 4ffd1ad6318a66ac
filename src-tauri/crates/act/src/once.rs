//! A write, made once: never repeated, and its outcome called unknown unless it is certain.

use crate::course::{Answer, Call};
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::RequestId;
use cloud::kubernetes::{self, CallFailure, ClusterSession, Phase, Refusal};
use cloud::{Guarded, Session, failure};
use model::{FailureClass, Service, SourceFailure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a write to Kubernetes may go unanswered before its outcome is unknown.
const UNANSWERED: Duration = Duration::from_secs(30);

/// Awaits a write to AWS and says what became of it. A panic inside the SDK comes after the request
/// was sent as well as before: nothing is known then. `thing` names what the call is about; the
/// future must be of a client made with [`Session::sdk_for_writes`].
pub async fn aws<O: RequestId, E>(
    session: &Session,
    service: Service,
    call: &Call,
    thing: &str,
    sent: impl Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send,
    result: impl FnOnce(&O) -> BTreeMap<String, Value>,
) -> Answer
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let operation = call.operation.rsplit(':').next().unwrap_or_default();
    session.budget.spend(service).await;
    match told(session, service, operation, thing, sent).await {
        Told::Done(output) => Answer::Accepted {
            request_id: output.request_id().map(ToOwned::to_owned),
            result: result(&output),
        },
        Told::Refused(failure) => Answer::Refused { failure },
        Told::Unknown(failure) => Answer::Unknown { failure },
    }
}

/// What became of one request.
pub(crate) enum Told<O> {
    /// Done.
    Done(O),
    /// Certainly not done.
    Refused(SourceFailure),
    /// Perhaps done.
    Unknown(SourceFailure),
}

/// Awaits one request that changes something, outside of any budget: for the requests about single
/// messages, of which SQS takes nearly any number (SQS Developer Guide, "Amazon SQS message quotas").
pub(crate) async fn told<O, E>(
    session: &Session,
    service: Service,
    operation: &str,
    thing: &str,
    sent: impl Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send,
) -> Told<O>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let asked = session.asked(service, operation, thing);
    match Guarded::new(sent).await {
        Ok(Ok(output)) => Told::Done(output),
        Ok(Err(error)) => {
            let certain = certainly_not_done(&error);
            let failure = failure::from_sdk(&error, &asked);
            if certain {
                Told::Refused(failure)
            } else {
                Told::Unknown(failure)
            }
        }
        Err(_) => Told::Unknown(failure::panicked(&asked)),
    }
}

/// Only an answer of the service that is a refusal (4xx), or a request that could not even be built,
/// says that nothing was done. A refused connection is told from a reset one by nobody, so it too
/// counts as unknown: reading the state afterwards settles it.
fn certainly_not_done<E: std::error::Error + 'static>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        _ if failure::never_signed(error) => true,
        SdkError::ConstructionFailure(_) => true,
        // 408 is a proxy's word for an answer that did not come.
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status();
            status.is_client_error() && status.as_u16() != 408
        }
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            false
        }
        _ => false,
    }
}

/// Awaits a write to Kubernetes (made with [`ClusterSession::client`], which never retries) and says
/// what became of it. `right` is the call as RBAC grants it.
pub async fn kubernetes<T>(
    session: &ClusterSession,
    right: kubernetes::Call<'_>,
    sent: impl Future<Output = Result<T, kube::Error>> + Send,
    result: impl FnOnce(&T) -> BTreeMap<String, Value>,
) -> Answer {
    debug_assert_eq!(right.cluster, &**session.name());
    let failure = match tokio::time::timeout(UNANSWERED, sent).await {
        Ok(Ok(answer)) => {
            return Answer::Accepted {
                request_id: None,
                result: result(&answer),
            };
        }
        Ok(Err(error)) => call_failure(error),
        Err(_) => CallFailure::Silent(Phase::Head, UNANSWERED),
    };
    // The API server answers 4xx before it changes anything (API conventions, "HTTP status codes");
    // a 408 or 504 is a timeout on the way.
    let refused = matches!(&failure, CallFailure::Refused(refusal)
        if (400..500).contains(&refusal.code) && refusal.code != 408);
    let certain = refused || failure.was_not_sent();
    let failure = failure.describe(right);
    if certain {
        Answer::Refused { failure }
    } else {
        Answer::Unknown { failure }
    }
}

/// A failure of kube's client, as the sentences of ours know it.
pub(crate) fn call_failure(error: kube::Error) -> CallFailure {
    match error {
        kube::Error::Api(status) => CallFailure::Refused(Box::new(Refusal {
            code: status.code,
            reason: status.reason.clone(),
            message: status.message.clone(),
            retry_after: None,
            request_id: None,
            nobody: false,
        })),
        error => CallFailure::Kube(Box::new(error)),
    }
}

/// A call no course of this action makes: a journal of another version, or a mistake.
pub fn no_such_call(call: &Call) -> Answer {
    Answer::Refused {
        failure: SourceFailure {
            class: FailureClass::Unsupported,
            sentence: format!("This action does not make the call {}.", call.operation),
            next_step: "Plan it again.".to_owned(),
            code: None,
            request_id: None,
        },
    }
}
