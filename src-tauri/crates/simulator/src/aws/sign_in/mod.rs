//! Signing in with IAM Identity Center: the OIDC service (RFC 8628, <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/Welcome.html>)
//! and the access portal (<https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/Welcome.html>), on the
//! port of all other APIs. Their requests carry no signature, so they are known by method and path. Beside it the keys
//! of everybody, whoever issued them, and the device whose codes STS asks for.
//!
//! What is issued here ends by the machine's clock, not by world time: clients judge it by theirs.

mod authenticator;
mod keys;
mod oidc;
mod portal;
mod store;
#[cfg(test)]
mod tests;
mod wire;

pub use authenticator::Authenticator;
pub use store::{Lifetimes, SignIn, Verdict};
pub(crate) use wire::wall_time;
pub(super) use wire::{Operation, answer, operation};

use super::error::AwsError;

/// The role everybody is assigned to.
pub(crate) const ROLE: &str = "Operations";

/// An error of one of the two services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The code was not confirmed yet.
    Pending,
    /// Asked again too soon.
    SlowDown,
    /// The device code or refresh token is over.
    Expired,
    /// Somebody said no.
    Denied,
    /// The client is not known, its secret is wrong or over.
    Client,
    /// The grant is none that was given.
    Grant,
    /// A kind of grant that is not offered.
    GrantType,
    /// Something is missing or wrong; what.
    Request(&'static str),
    /// The access token is not known or over.
    Unauthorized,
    /// The role is not assigned. The API reference does not list it, the portal answers it
    /// (<https://github.com/aws/aws-sam-cli/issues/2129>).
    Forbidden,
}

impl Refusal {
    /// Exception, error code of RFC 6749 and 8628, sentence, status: as the service models have them.
    fn told(self) -> (&'static str, &'static str, &'static str, u16) {
        match self {
            Self::Pending => (
                "AuthorizationPendingException",
                "authorization_pending",
                "",
                400,
            ),
            Self::SlowDown => ("SlowDownException", "slow_down", "", 400),
            Self::Expired => ("ExpiredTokenException", "expired_token", "", 400),
            Self::Denied => ("AccessDeniedException", "access_denied", "", 400),
            Self::Client => (
                "InvalidClientException",
                "invalid_client",
                "Invalid client",
                401,
            ),
            Self::Grant => (
                "InvalidGrantException",
                "invalid_grant",
                "Invalid grant provided",
                400,
            ),
            Self::GrantType => (
                "UnsupportedGrantTypeException",
                "unsupported_grant_type",
                "Unsupported grant type",
                400,
            ),
            Self::Request(what) => ("InvalidRequestException", "invalid_request", what, 400),
            Self::Unauthorized => (
                "UnauthorizedException",
                "",
                "Session token not found or invalid",
                401,
            ),
            Self::Forbidden => ("ForbiddenException", "", "No access", 403),
        }
    }
}

/// Why a request is not let in for the key that signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyRefusal {
    /// Nobody was given it.
    Unknown,
    /// Its time is over.
    Expired,
}

impl KeyRefusal {
    /// As `service` answers it.
    pub(crate) fn of(self, service: super::Service) -> AwsError {
        match self {
            Self::Unknown => AwsError::unknown_key(service),
            Self::Expired => AwsError::expired(service),
        }
    }
}
