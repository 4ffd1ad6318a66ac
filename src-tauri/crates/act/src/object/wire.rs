//! Reading an object and patching it, over the wire.

use super::{Object, Patch};
use crate::course::Answer;
use crate::once;
use cloud::kubernetes::{Call, CallFailure, ClusterSession, HEAD, Phase};
use http::{Method, Request};
use model::{FailureClass, SourceFailure};
use serde_json::Value;
use std::collections::BTreeMap;

/// Who the API server notes as the writer (`metadata.managedFields`).
const MANAGER: &str = "quarterdeck";

fn right<'a>(object: &'a Object, verb: &'a str, cluster: &'a str) -> Call<'a> {
    Call {
        verb,
        group: object.resource.group(),
        resource: object.resource.plural(),
        namespace: Some(&object.namespace),
        cluster,
    }
}

/// The object as it is now; `None` when there is no such object.
///
/// # Errors
/// When the API server does not say.
pub(crate) async fn read(
    session: &ClusterSession,
    object: &Object,
) -> Result<Option<Value>, SourceFailure> {
    let request = Request::get(object.path("")).body(Vec::new());
    let failure = match request {
        Err(error) => CallFailure::Kube(Box::new(kube::Error::HttpError(error))),
        Ok(request) => {
            let client = session.client();
            let sent = client.request::<Value>(request);
            match tokio::time::timeout(HEAD, sent).await {
                Ok(Ok(value)) => return Ok(Some(value)),
                Ok(Err(kube::Error::Api(status))) if status.code == 404 => return Ok(None),
                Ok(Err(error)) => once::call_failure(error),
                Err(_) => CallFailure::Silent(Phase::Head, HEAD),
            }
        }
    };
    let cluster = session.name();
    Err(failure.describe(right(object, "get", cluster)))
}

/// Patches, once. `version` is the resource version a merge of annotations applies to.
pub(super) async fn patch(
    session: &ClusterSession,
    patch: &Patch,
    version: Option<&str>,
) -> Answer {
    let (kind, body) = match patch.merges() {
        true => ("application/merge-patch+json", patch.merge(version)),
        false => ("application/json-patch+json", patch.operations()),
    };
    send(session, &patch.object, &patch.subresource, kind, &body).await
}

/// Patches with a body of a patch type, once.
pub(crate) async fn send(
    session: &ClusterSession,
    object: &Object,
    subresource: &str,
    kind: &str,
    body: &Value,
) -> Answer {
    let request = Request::builder()
        .method(Method::PATCH)
        .uri(format!(
            "{}?fieldManager={MANAGER}",
            object.path(subresource)
        ))
        .header("content-type", kind)
        .header("accept", "application/json")
        .body(body.to_string().into_bytes());
    let right = right(object, "patch", session.name());
    let request = match request {
        Ok(request) => request,
        Err(error) => {
            let failure = CallFailure::Kube(Box::new(kube::Error::HttpError(error)));
            return Answer::Refused {
                failure: failure.describe(right),
            };
        }
    };
    let client = session.client();
    once::kubernetes(session, right, client.request::<Value>(request), result).await
}

/// What of the answer is worth keeping.
fn result(object: &Value) -> BTreeMap<String, Value> {
    let version = object.pointer("/metadata/resourceVersion").cloned();
    version
        .map(|version| ("resourceVersion".to_owned(), version))
        .into_iter()
        .collect()
}

/// Somebody else was faster: the fields are not what they were.
pub(crate) fn overtaken(sentence: String, refused: &SourceFailure) -> Answer {
    Answer::Refused {
        failure: SourceFailure {
            class: FailureClass::Other,
            sentence,
            next_step: "Ask who changed it and why, then plan again.".to_owned(),
            code: refused.code.clone(),
            request_id: refused.request_id.clone(),
        },
    }
}
