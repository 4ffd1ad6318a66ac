//! Refusals: the `Status` objects an API server answers with, in the words a real one was recorded using.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::world::cluster::Operation;
use crate::world::cluster::resource::Resource;
use crate::world::cluster::store::TooOld;

/// A refusal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    code: u16,
    reason: &'static str,
    message: String,
    details: Option<Value>,
    resume: Option<String>,
    retry_after: Option<u32>,
}

impl Failure {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            resume: None,
            retry_after: None,
        }
    }

    fn about(mut self, resource: Resource, name: &str) -> Self {
        let row = resource.row();
        let mut details = json!({ "name": name, "kind": row.plural });
        if !row.group.is_empty() {
            details["group"] = json!(row.group);
        }
        self.details = Some(details);
        self
    }

    /// 400.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401: the token is nobody's.
    #[must_use]
    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 403.
    #[must_use]
    pub(super) fn forbidden(
        user: &str,
        verb: &str,
        resource: Resource,
        sub: &str,
        namespace: &str,
        name: &str,
    ) -> Self {
        let row = resource.row();
        let subject = if name.is_empty() {
            format!("{} is forbidden", resource.qualified())
        } else {
            format!("{} \"{name}\" is forbidden", resource.qualified())
        };
        let what = if sub.is_empty() {
            row.plural.to_owned()
        } else {
            format!("{}/{sub}", row.plural)
        };
        let place = if namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{namespace}\"")
        };
        let group = row.group;
        let message = format!(
            "{subject}: User \"{user}\" cannot {verb} resource \"{what}\" in API group \"{group}\" {place}"
        );
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    /// 403 for a path that names no resource.
    #[must_use]
    pub(super) fn forbidden_path(user: &str, verb: &str) -> Self {
        let message = format!("forbidden: User \"{user}\" cannot {verb} path");
        Self {
            details: Some(json!({})),
            ..Self::new(403, "Forbidden", message)
        }
    }

    /// 403 for who may not say that a request is another's.
    pub(super) fn not_impersonated(user: &str, other: &str) -> Self {
        let message = format!(
            "users \"{other}\" is forbidden: User \"{user}\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"
        );
        Self {
            details: Some(json!({"name": other, "kind": "users"})),
            ..Self::new(403, "Forbidden", message)
        }
    }

    /// 404 for an object.
    #[must_use]
    pub(super) fn not_found(resource: Resource, name: &str) -> Self {
        Self::new(
            404,
            "NotFound",
            format!("{} \"{name}\" not found", resource.qualified()),
        )
        .about(resource, name)
    }

    /// 405.
    #[must_use]
    pub(super) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self {
            details: Some(json!({})),
            ..Self::new(405, "MethodNotAllowed", message)
        }
    }

    /// 406.
    #[must_use]
    pub(super) fn not_acceptable() -> Self {
        let message = "only the following media types are accepted: application/json, application/json;as=Table, application/json;as=PartialObjectMetadata";
        Self::new(406, "NotAcceptable", message)
    }

    /// 409: it has been changed since it was read.
    #[must_use]
    pub(super) fn conflict(resource: Resource, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the latest version and try again",
            resource.qualified()
        );
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// 409: it exists.
    #[must_use]
    pub(super) fn exists(resource: Resource, name: &str) -> Self {
        Self::new(
            409,
            "AlreadyExists",
            format!("{} \"{name}\" already exists", resource.qualified()),
        )
        .about(resource, name)
    }

    /// 409: another manager has set `spec.replicas`
    /// (`k8s.io/apimachinery/pkg/util/managedfields/internal/conflict.go`).
    #[must_use]
    pub(super) fn apply_conflict(
        manager: &str,
        how: Operation,
        subresource: &str,
        version: &str,
    ) -> Self {
        let mut who = format!("conflict with \"{manager}\"");
        if !subresource.is_empty() {
            who += &format!(" with subresource \"{subresource}\"");
        }
        if how == Operation::Update {
            who += &format!(" using {version}");
        }
        let cause =
            json!({ "reason": "FieldManagerConflict", "message": who, "field": ".spec.replicas" });
        let message = format!("Apply failed with 1 conflict: {who}: .spec.replicas");
        Self {
            details: Some(json!({ "causes": [cause] })),
            ..Self::new(409, "Conflict", message)
        }
    }

    /// 410: the list cannot be continued at its version; `resume` continues it at the present one.
    #[must_use]
    pub(super) fn expired_list(resume: String) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";
        Self {
            resume: Some(resume),
            ..Self::new(410, "Expired", message)
        }
    }

    /// 410: the version is older than the log.
    #[must_use]
    pub(super) fn expired(too_old: TooOld) -> Self {
        Self::new(410, "Expired", too_old.to_string())
    }

    /// 415.
    #[must_use]
    pub(super) fn unsupported_media() -> Self {
        Self {
            details: Some(json!({})),
            ..Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type")
        }
    }

    /// 422 for one field. `kind` is qualified by its group, `Scale.autoscaling`.
    #[must_use]
    pub(super) fn invalid(kind: &str, name: &str, field: &str, problem: &str) -> Self {
        let (short, group) = kind.split_once('.').unwrap_or((kind, ""));
        let mut details = json!({ "name": name, "kind": short,
            "causes": [{ "reason": "FieldValueInvalid", "message": problem, "field": field }] });
        if !group.is_empty() {
            details["group"] = json!(group);
        }
        let message = format!("{kind} \"{name}\" is invalid: {field}: {problem}");
        Self {
            details: Some(details),
            ..Self::new(422, "Invalid", message)
        }
    }

    /// 422: a JSON patch that cannot be applied, or whose test fails.
    pub(super) fn unprocessable(what: &str) -> Self {
        let start = "the server rejected our request due to an error in our request";
        Self::new(422, "Invalid", format!("{start}: {what}"))
    }

    /// 429 of an overloaded server.
    #[must_use]
    pub(super) fn throttled(seconds: u32) -> Self {
        let message =
            "the server has received too many requests and has asked us to try again later";
        let details = json!({ "retryAfterSeconds": seconds });
        Self {
            details: Some(details),
            retry_after: Some(seconds),
            ..Self::new(429, "TooManyRequests", message)
        }
    }

    /// 429 of a disruption budget.
    #[must_use]
    pub(super) fn budget(name: &str, needed: u64, healthy: u64) -> Self {
        let cause = format!(
            "The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
        );
        Self {
            details: Some(
                json!({ "causes": [{ "reason": "DisruptionBudget", "message": cause }] }),
            ),
            ..Self::new(
                429,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
            )
        }
    }

    /// 504: a version that is not reached yet.
    #[must_use]
    pub(super) fn too_large(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let cause = json!([{ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" }]);
        Self {
            details: Some(json!({ "causes": cause, "retryAfterSeconds": 1 })),
            retry_after: Some(1),
            ..Self::new(504, "Timeout", message)
        }
    }

    /// The HTTP status.
    #[must_use]
    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The object.
    #[must_use]
    pub(super) fn value(&self) -> Value {
        let mut status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code });
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        if let Some(resume) = &self.resume {
            status["metadata"]["continue"] = json!(resume);
        }
        status
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = json_response(self.status(), self.value().to_string());
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A JSON answer.
pub(super) fn json_response(status: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// What a path that leads nowhere gets: plain text, not a `Status`.
pub(super) fn no_such_path() -> Response {
    let mut response = Response::new(Body::from("404 page not found\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
