//! Errors as AWS answers them: a code, a sentence, a status.

use super::request::Service;

/// What says no, as the sentence of a denial names it
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nothing that is attached to who asks allows it.
    Identity,
    /// The session policy does not allow it.
    Session,
    /// The session policy denies it.
    SessionDeny,
}

impl Why {
    fn words(self, action: &str) -> String {
        match self {
            Self::Identity => {
                format!("because no identity-based policy allows the {action} action")
            }
            Self::Session => format!("because no session policy allows the {action} action"),
            Self::SessionDeny => "with an explicit deny in a session policy".to_owned(),
        }
    }
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// The documented code, without the namespace.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// HTTP status.
    pub status: u16,
    /// Code in the header `x-amzn-query-error` of the services that once spoke the query protocol.
    pub query_code: Option<&'static str>,
}

impl AwsError {
    /// An error with status 400.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            status: 400,
            query_code: None,
        }
    }

    /// The same with another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with the code of the query protocol.
    #[must_use]
    pub fn query(mut self, code: &'static str) -> Self {
        self.query_code = Some(code);
        self
    }

    /// An operation the service does not have.
    #[must_use]
    pub fn unknown_operation(service: Service, operation: &str) -> Self {
        match service {
            Service::Sqs | Service::CloudWatch => Self::new(
                "UnknownOperationException",
                "The requested operation is not recognized by the service.",
            ),
            Service::AutoScaling | Service::Pricing => Self::new("UnknownOperationException", ""),
            Service::Sts | Service::Rds | Service::Elb | Service::Iam => Self::new(
                "InvalidAction",
                format!("Could not find operation {operation}"),
            ),
            Service::Ec2 => Self::new(
                "InvalidAction",
                format!("The action {operation} is not valid for this web service."),
            ),
            Service::S3 => Self::new(
                "NotImplemented",
                "A header you provided implies functionality that is not implemented",
            )
            .status(501),
            Service::Eks
            | Service::Lambda
            | Service::ZonalShift
            | Service::Route53
            | Service::CloudFront => Self::new(
                "UnknownOperationException",
                "The requested operation is not recognized by the service.",
            )
            .status(404),
        }
    }

    /// Too many requests.
    #[must_use]
    pub fn throttled(service: Service) -> Self {
        let message = "Rate exceeded";
        match service {
            Service::Route53
            | Service::Rds
            | Service::Elb
            | Service::Sts
            | Service::CloudFront
            | Service::Iam => Self::new("Throttling", message),
            Service::AutoScaling | Service::Pricing => Self::new("ThrottlingException", message),
            Service::Ec2 => {
                Self::new("RequestLimitExceeded", "Request limit exceeded.").status(503)
            }
            Service::CloudWatch => Self::new("ThrottlingException", message).query("Throttling"),
            Service::Sqs => Self::new("RequestThrottled", message).query("RequestThrottled"),
            Service::Eks | Service::ZonalShift => {
                Self::new("ThrottlingException", message).status(429)
            }
            Service::Lambda => Self::new("TooManyRequestsException", message).status(429),
            Service::S3 => Self::new("SlowDown", "Please reduce your request rate.").status(503),
        }
    }

    /// Not allowed: who, which action, on which resource, and what says no.
    #[must_use]
    pub(crate) fn denied(
        service: Service,
        action: &str,
        caller: &str,
        resource: Option<&str>,
        why: Why,
    ) -> Self {
        let on = resource.map_or_else(String::new, |resource| format!(" on resource: {resource}"));
        let message = format!(
            "User: {caller} is not authorized to perform: {action}{on} {}",
            why.words(action)
        );
        match service {
            Service::Eks | Service::Lambda | Service::ZonalShift => {
                Self::new("AccessDeniedException", message).status(403)
            }
            Service::AutoScaling | Service::Pricing => Self::new("AccessDeniedException", message),
            Service::Ec2 => Self::new(
                "UnauthorizedOperation",
                format!("You are not authorized to perform this operation. {message}"),
            )
            .status(403),
            Service::Sqs => Self::new("AccessDeniedException", message)
                .query("AccessDenied")
                .status(403),
            Service::CloudWatch => Self::new("AccessDenied", message)
                .query("AccessDenied")
                .status(403),
            Service::Sts
            | Service::Rds
            | Service::Elb
            | Service::Route53
            | Service::CloudFront
            | Service::Iam
            | Service::S3 => Self::new("AccessDenied", message).status(403),
        }
    }

    /// A key that nobody was given: as the common errors of each API name it.
    #[must_use]
    pub fn unknown_key(service: Service) -> Self {
        let message = "The security token included in the request is invalid.";
        match service {
            Service::Eks | Service::Lambda | Service::ZonalShift => {
                Self::new("UnrecognizedClientException", message).status(403)
            }
            Service::AutoScaling | Service::Pricing => {
                Self::new("UnrecognizedClientException", message)
            }
            Service::Ec2 => Self::new(
                "AuthFailure",
                "AWS was not able to validate the provided access credentials",
            )
            .status(401),
            Service::S3 => Self::new(
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            )
            .status(403),
            Service::Sts
            | Service::Rds
            | Service::Elb
            | Service::Sqs
            | Service::CloudWatch
            | Service::Route53
            | Service::CloudFront
            | Service::Iam => Self::new("InvalidClientTokenId", message).status(403),
        }
    }

    /// Credentials out of date.
    #[must_use]
    pub fn expired(service: Service) -> Self {
        let message = "The security token included in the request is expired";
        match service {
            Service::Eks
            | Service::Lambda
            | Service::ZonalShift
            | Service::Sqs
            | Service::CloudWatch => Self::new("ExpiredTokenException", message)
                .status(if service == Service::Sqs { 400 } else { 403 }),
            Service::AutoScaling | Service::Pricing => Self::new("ExpiredTokenException", message),
            Service::Ec2 => Self::new("RequestExpired", "Request has expired."),
            Service::Sts
            | Service::Rds
            | Service::Elb
            | Service::Route53
            | Service::CloudFront
            | Service::Iam => Self::new("ExpiredToken", message).status(403),
            Service::S3 => Self::new("ExpiredToken", "The provided token has expired.").status(400),
        }
    }
}
