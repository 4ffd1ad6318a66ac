//! The device flow (RFC 8628): register a client, ask for a code, poll for the token.
//! <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html>

use super::cache::{Cache, Registration, Token};
use super::failure::{incomplete, of_call};
use super::portal::Portal;
use crate::Clock;
use crate::failure::find;
use crate::keys::Unusable;
use crate::profile;
use crate::programs::Programs;
use crate::sign_in::kept::Secret;
use crate::sign_in::{NoKeys, SignInError, SignedIn};
use crate::stack::StackFiles;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_ssooidc::Client;
use aws_sdk_ssooidc::config::Region;
use aws_sdk_ssooidc::operation::create_token::{CreateTokenError, CreateTokenOutput};
use aws_sdk_ssooidc::operation::start_device_authorization::{
    StartDeviceAuthorizationError, StartDeviceAuthorizationOutput,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Between two polls where the service does not say (RFC 8628, section 3.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// So much longer after each `slow_down` (RFC 8628, section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// No wait between two polls is longer: after failures it doubles (RFC 8628, section 3.5).
const LONGEST: Duration = Duration::from_secs(30);

/// What somebody opens and confirms in a browser, on this or any other machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Code {
    /// What is signed in to: `session corp`, or a start URL.
    pub portal: String,
    /// The page that asks for the code.
    pub verification_uri: String,
    /// The page with the code filled in.
    pub verification_uri_complete: String,
    /// The code: what the page shows must be the same.
    pub user_code: String,
    /// Until when it can be confirmed.
    pub expires_at: Timestamp,
}

/// A sign-in that waits for somebody to confirm its code. Dropping it ends it.
#[derive(Debug)]
pub struct Pending {
    profile: String,
    portal: Portal,
    cache: Cache,
    client: Client,
    keys: Option<SharedCredentialsProvider>,
    registration: Registration,
    device_code: Secret,
    interval: Duration,
    ends: Instant,
    code: Code,
}

/// Begins to sign `profile` in at `portal`: asks IAM Identity Center for a code.
///
/// # Errors
/// When IAM Identity Center does not give one.
pub(crate) async fn begin(
    profile: &str,
    files: &StackFiles,
    portal: Portal,
) -> Result<Pending, SignInError> {
    let cache = Cache::of_this_user()?;
    // The endpoint, the proxy and the timeouts of everything else that is asked for this profile.
    let shared = (&Clock::new(), &Programs::default());
    let access = profile::access(Some(profile), files, &portal.region, shared);
    let sdk = access.await.sdk;
    let keys = sdk.credentials_provider();
    let sdk = sdk
        .into_builder()
        .region(Region::new(portal.region.clone()));
    let client = Client::new(&sdk.build());
    let mut registration = registered(&client, &portal, &cache).await?;
    let mut answer = authorize(&client, &portal, &registration).await;
    if answer.as_ref().is_err_and(is_unknown_client) {
        // It was forgotten there before its time.
        registration = register(&client, &portal, &cache).await?;
        answer = authorize(&client, &portal, &registration).await;
    }
    let answer = answer.map_err(|error| of_call("StartDeviceAuthorization", &portal, &error))?;
    let begun = Begun::of(answer, &portal)?;
    Ok(Pending {
        profile: profile.to_owned(),
        portal,
        cache,
        client,
        keys,
        registration,
        device_code: begun.device_code,
        interval: begun.interval,
        ends: Instant::now() + begun.lasts,
        code: begun.code,
    })
}

async fn registered(
    client: &Client,
    portal: &Portal,
    cache: &Cache,
) -> Result<Registration, SignInError> {
    match cache.registration(portal, Timestamp::now()) {
        Some(kept) => Ok(kept),
        None => register(client, portal, cache).await,
    }
}

async fn register(
    client: &Client,
    portal: &Portal,
    cache: &Cache,
) -> Result<Registration, SignInError> {
    let call = client.register_client();
    let call = call
        .client_name(format!(
            "quarterdeck-{}",
            portal.session.as_deref().unwrap_or("login")
        ))
        .client_type("public")
        .set_scopes(portal.scopes.clone());
    let answer = call.send().await;
    let answer = answer.map_err(|error| of_call("RegisterClient", portal, &error))?;
    let lacks = |what| incomplete("RegisterClient", portal, what);
    let ends = Timestamp::from_second(answer.client_secret_expires_at);
    let registration = Registration {
        client_id: answer.client_id.ok_or_else(|| lacks("a client id"))?,
        client_secret: Secret(
            answer
                .client_secret
                .ok_or_else(|| lacks("a client secret"))?,
        ),
        expires_at: ends.map_err(|_| lacks("an end"))?,
        scopes: portal.scopes.clone(),
        grant_types: None,
    };
    cache.register(portal, &registration)?;
    Ok(registration)
}

async fn authorize(
    client: &Client,
    portal: &Portal,
    registration: &Registration,
) -> Result<StartDeviceAuthorizationOutput, SdkError<StartDeviceAuthorizationError, HttpResponse>> {
    let call = client.start_device_authorization();
    call.client_id(&registration.client_id)
        .client_secret(&registration.client_secret.0)
        .start_url(&portal.start_url)
        .send()
        .await
}

fn is_unknown_client(error: &SdkError<StartDeviceAuthorizationError, HttpResponse>) -> bool {
    error.as_service_error().is_some_and(|error| {
        error.is_invalid_client_exception() || error.is_unauthorized_client_exception()
    })
}

/// A code that was given.
struct Begun {
    device_code: Secret,
    interval: Duration,
    lasts: Duration,
    code: Code,
}

impl Begun {
    fn of(answer: StartDeviceAuthorizationOutput, portal: &Portal) -> Result<Self, SignInError> {
        let lacks = |what| incomplete("StartDeviceAuthorization", portal, what);
        let seconds = |seconds: i32| u64::try_from(seconds).ok().filter(|s| *s > 0);
        let lasts = seconds(answer.expires_in).ok_or_else(|| lacks("a time for the code"))?;
        let uri = answer.verification_uri.ok_or_else(|| lacks("a page"))?;
        let lasts = Duration::from_secs(lasts);
        Ok(Self {
            device_code: Secret(answer.device_code.ok_or_else(|| lacks("a device code"))?),
            interval: seconds(answer.interval).map_or(INTERVAL, Duration::from_secs),
            lasts,
            code: Code {
                portal: portal.words(),
                verification_uri_complete: answer
                    .verification_uri_complete
                    .unwrap_or_else(|| uri.clone()),
                verification_uri: uri,
                user_code: answer.user_code.ok_or_else(|| lacks("a code"))?,
                expires_at: after(lasts.as_secs().try_into().unwrap_or(i32::MAX)),
            },
        })
    }
}

/// `seconds` from now.
fn after(seconds: i32) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds.max(0).into())
}

/// What an answer to a poll that was no token means.
enum Turn {
    /// Nobody has confirmed it yet.
    Wait,
    /// It is asked too often.
    Slower,
    /// It could not be asked; perhaps the next time.
    Again,
    /// It is over.
    Over(SignInError),
}

impl Pending {
    /// What somebody has to open and confirm.
    #[must_use]
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// Waits until the code is confirmed, refused or over; keeps the token, and sees that the profile's role is to be had.
    ///
    /// # Errors
    /// When it was refused or not confirmed in time, or the token cannot be kept.
    pub async fn signed_in(self) -> Result<SignedIn, SignInError> {
        let mut wait = self.interval;
        loop {
            tokio::time::sleep_until((Instant::now() + wait).min(self.ends)).await;
            let error = match self.poll().await {
                Ok(answer) => return self.keep(answer).await,
                Err(error) => error,
            };
            match self.turn(&error) {
                Turn::Wait => {}
                Turn::Slower => wait += SLOWER,
                Turn::Again => wait = (wait * 2).min(LONGEST.max(wait)),
                Turn::Over(error) => return Err(error),
            }
            if Instant::now() >= self.ends {
                return Err(self.expired());
            }
        }
    }

    async fn poll(&self) -> Result<CreateTokenOutput, SdkError<CreateTokenError, HttpResponse>> {
        let call = self.client.create_token();
        call.grant_type(GRANT)
            .client_id(&self.registration.client_id)
            .client_secret(&self.registration.client_secret.0)
            .device_code(&self.device_code.0)
            .send()
            .await
    }

    fn turn(&self, error: &SdkError<CreateTokenError, HttpResponse>) -> Turn {
        let portal = self.portal.words();
        match error.as_service_error() {
            Some(CreateTokenError::AuthorizationPendingException(_)) => Turn::Wait,
            Some(CreateTokenError::SlowDownException(_)) => Turn::Slower,
            Some(CreateTokenError::ExpiredTokenException(_)) => Turn::Over(self.expired()),
            Some(CreateTokenError::AccessDeniedException(_)) => {
                Turn::Over(SignInError::Refused { portal })
            }
            _ => match of_call("CreateToken", &self.portal, error) {
                SignInError::Unreachable { .. } | SignInError::Failed { .. } => Turn::Again,
                over => Turn::Over(over),
            },
        }
    }

    fn expired(&self) -> SignInError {
        SignInError::CodeExpired {
            portal: self.portal.words(),
            code: self.code.user_code.clone(),
        }
    }

    async fn keep(self, answer: CreateTokenOutput) -> Result<SignedIn, SignInError> {
        let access = answer.access_token;
        let access = access.ok_or_else(|| incomplete("CreateToken", &self.portal, "a token"))?;
        let token = Token {
            start_url: Some(self.portal.start_url.clone()),
            region: Some(self.portal.region.clone()),
            access_token: Secret(access),
            expires_at: after(answer.expires_in),
            client_id: Some(self.registration.client_id.clone()),
            client_secret: Some(self.registration.client_secret.clone()),
            registration_expires_at: Some(self.registration.expires_at),
            refresh_token: answer.refresh_token.map(Secret),
        };
        let file = self.cache.keep(&self.portal, &token)?;
        self.try_role().await?;
        Ok(SignedIn {
            profile: self.profile,
            portal: self.portal.words(),
            expires_at: token.expires_at,
            renews: token.refresh_token.is_some(),
            file,
        })
    }

    /// The browser says yes also to somebody who has no such role (<https://github.com/aws/aws-cli/issues/6316>). What
    /// else may be wrong is told where the credentials are used.
    async fn try_role(&self) -> Result<(), SignInError> {
        let Some(keys) = &self.keys else {
            return Ok(());
        };
        let Err(error) = keys.provide_credentials().await else {
            return Ok(());
        };
        match find::<Unusable>(&error) {
            Some(Unusable::SignIn(NoKeys::NotAssigned(portal))) => Err(SignInError::NotAssigned {
                portal: portal.clone(),
                profile: self.profile.clone(),
            }),
            Some(_) | None => Ok(()),
        }
    }
}
