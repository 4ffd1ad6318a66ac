//! What calls to IAM Identity Center failed of, and why a profile that signs in there gave no credentials.

use super::cache::{Cache, Token};
use super::portal::Portal;
use crate::failure::{find, no_connection};
use crate::sign_in::{Call, Giver, NoKeys, SignInError};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;
use std::error::Error;

fn made(call: &'static str, portal: &Portal) -> Call {
    Call {
        giver: Giver::IdentityCenter,
        call,
        portal: portal.words(),
        region: portal.region.clone(),
    }
}

/// What a call to IAM Identity Center failed of.
pub(super) fn of_call<E>(
    call: &'static str,
    portal: &Portal,
    error: &SdkError<E, HttpResponse>,
) -> SignInError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    SignInError::of_call(made(call, portal), error)
}

/// An answer that lacks what it must have.
pub(super) fn incomplete(call: &'static str, portal: &Portal, lacks: &str) -> SignInError {
    SignInError::Failed {
        call: made(call, portal),
        answer: format!("an answer without {lacks}"),
    }
}

/// Why, by the types of the SDK where they say it, else by what the token cache holds. `None`: for another reason.
pub(crate) fn why(error: &CredentialsError, portal: &Portal, now: Timestamp) -> Option<NoKeys> {
    if find::<SdkError<AssumeRoleError, HttpResponse>>(error).is_some() {
        return None;
    }
    let words = portal.words();
    if let Some(asked) = find::<SdkError<GetRoleCredentialsError, HttpResponse>>(error) {
        return match asked {
            SdkError::ServiceError(said) if said.err().is_unauthorized_exception() => {
                Some(NoKeys::Refused(words))
            }
            SdkError::ServiceError(said) if said.raw().status().as_u16() == 403 => {
                Some(NoKeys::NotAssigned(words))
            }
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => Some(NoKeys::Unreachable {
                portal: words,
                region: portal.region.clone(),
                how: match asked {
                    SdkError::TimeoutError(_) => "gave no complete answer in time".to_owned(),
                    _ => no_connection(asked),
                },
            }),
            _ => None,
        };
    }
    let token = Cache::of_this_user().ok()?.token(portal);
    kept(token, words, now)
}

/// What the token cache says of it.
pub(super) fn kept(
    token: std::io::Result<Token>,
    portal: String,
    now: Timestamp,
) -> Option<NoKeys> {
    match token {
        Ok(token) if token.expires_at <= now => Some(NoKeys::Ended {
            portal,
            ended: token.expires_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        }),
        Ok(_) => None,
        // Unreadable is as good as absent: signing in writes it anew.
        Err(_) => Some(NoKeys::Absent(portal)),
    }
}
