//! From a profile of the AWS config to an SDK configuration.
//!
//! A profile the stack file names is used alone: what the environment says of other credentials
//! does not stand in for it (as with the AWS CLI's `--profile`).

use crate::clock::Clock;
use crate::keyring::Kept;
use crate::keys::{Before, Keys, Unusable};
use crate::mfa;
use crate::process::Process;
use crate::programs::Programs;
use crate::stack::StackFiles;
use crate::standing::{Ledger, Standing};
use crate::wire;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::section::Profile;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use look::{Giver, look};
use std::time::Duration;

mod look;

#[cfg(test)]
pub(crate) use look::by_shell;
pub(crate) use look::{program_of, read};

/// One account's way in, before it is tied to a region.
pub(crate) struct Access {
    /// Without a tap; sessions put theirs around `pool`.
    pub(crate) sdk: SdkConfig,
    /// What is known of it.
    pub(crate) standing: Standing,
    /// Connections, shared by all regions of the account.
    pub(crate) pool: SharedHttpClient,
    /// The profile that somebody signs in for, itself or through another; `None`: nobody does.
    pub(crate) signs_in: Option<String>,
}

/// Reads of the platform: one retry by the SDK.
pub(crate) fn read_retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(2)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(3100))
        .operation_attempt_timeout(Duration::from_secs(8))
        .operation_timeout(Duration::from_secs(16))
        .build()
}

/// Loads the configuration of `profile` (or of the default chain). Sends nothing.
pub(crate) async fn access(
    profile: Option<&str>,
    files: &StackFiles,
    region: &str,
    (clock, programs): (&Clock, &Programs),
) -> Access {
    let pool = wire::pool();
    let region = Region::new(region.to_owned());
    let standing = Standing::read(profile, files, programs.list()).await;
    let looked = look(profile, files, programs).await;
    let loader = loader(profile, files, &region, &pool);
    let sdk = match looked.giver {
        // The SDK would assume the role without a code.
        Giver::Code(role) => {
            let sdk = loader.no_credentials().load().await;
            given_by(mfa::Given::new(*role, looked.above, sdk.clone()), sdk)
        }
        Giver::Program(source) => {
            let sdk = loader.no_credentials().load().await;
            let shared = (clock, programs.runs());
            let process = Process::new(*source, looked.above, sdk.clone(), shared);
            given_by(process, sdk)
        }
        Giver::Keyring => {
            let kept = Kept::new(&looked.profile);
            loader.credentials_provider(kept).load().await
        }
        Giver::Sdk => match profile {
            Some(profile) => {
                let own = own_provider(profile, files, &region, &pool);
                loader.credentials_provider(own).load().await
            }
            None => loader.load().await,
        },
    };
    let signs_in = looked.before.place.is_some().then_some(looked.profile);
    let sdk = with_keys(sdk, looked.before, &standing.ledger);
    Access {
        sdk,
        standing,
        pool,
        signs_in,
    }
}

fn loader(
    profile: Option<&str>,
    files: &StackFiles,
    region: &Region,
    pool: &SharedHttpClient,
) -> ConfigLoader {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region.clone())
        .retry_config(read_retries())
        .timeout_config(timeouts())
        // Ours are the deadlines above. The SDK's own counts throughput by the time that it signs by, second for second,
        // and stands still when that leaps: on the hour that a clock was off, or the months of a simulated world.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(pool.clone());
    if let Some(files) = config_files(files) {
        loader = loader.profile_files(files);
    }
    match profile {
        Some(profile) => loader.profile_name(profile),
        None => loader,
    }
}

fn given_by(provider: impl ProvideCredentials + 'static, sdk: SdkConfig) -> SdkConfig {
    let provider = SharedCredentialsProvider::new(provider);
    sdk.into_builder().credentials_provider(provider).build()
}

/// The same, but for credentials that are known to be of no use.
pub(crate) fn checked(sdk: SdkConfig, refused: Unusable, ledger: &Ledger) -> SdkConfig {
    let before = Before {
        refused: Some(refused),
        ..Before::default()
    };
    with_keys(sdk, before, ledger)
}

fn with_keys(sdk: SdkConfig, before: Before, ledger: &Ledger) -> SdkConfig {
    let Some(provider) = sdk.credentials_provider() else {
        return sdk;
    };
    let keys = SharedCredentialsProvider::new(Keys::new(provider, before, ledger.clone()));
    sdk.into_builder().credentials_provider(keys).build()
}

fn own_provider(
    profile: &str,
    files: &StackFiles,
    region: &Region,
    pool: &SharedHttpClient,
) -> ProfileFileCredentialsProvider {
    let config = ProviderConfig::without_region()
        .with_region(Some(region.clone()))
        .with_retry_config(read_retries())
        .with_timeout_config(timeouts())
        .with_http_client(pool.clone());
    let mut provider = ProfileFileCredentialsProvider::builder()
        .configure(&config)
        .profile_name(profile);
    if let Some(files) = config_files(files) {
        provider = provider.profile_files(files);
    }
    provider.build()
}

/// The stack's own files, the usual ones for what it does not name; `None` when it names none.
pub(crate) fn config_files(files: &StackFiles) -> Option<EnvConfigFiles> {
    if files.aws_config.is_none() && files.aws_credentials.is_none() {
        return None;
    }
    let mut builder = EnvConfigFiles::builder()
        .include_default_config_file(files.aws_config.is_none())
        .include_default_credentials_file(files.aws_credentials.is_none());
    if let Some(file) = &files.aws_config {
        builder = builder.with_file(EnvConfigFileKind::Config, file);
    }
    if let Some(file) = &files.aws_credentials {
        builder = builder.with_file(EnvConfigFileKind::Credentials, file);
    }
    Some(builder.build())
}

/// The account a profile says it leads to (`sso_account_id`, or the account of its `role_arn`).
pub(crate) async fn declared_account(profile: &str, files: &StackFiles) -> Option<String> {
    let (set, _) = read(Some(profile), files).await.ok()?;
    account_of(set.get_profile(profile)?)
}

/// The account of a profile's role, else the one it signs in to; a role is assumed first where it names both, as the
/// AWS CLI does (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>).
pub(crate) fn account_of(profile: &Profile) -> Option<String> {
    let role = profile.get("role_arn");
    let role = role.and_then(|arn| arn.split(':').nth(4));
    let account = role.or_else(|| profile.get("sso_account_id"))?;
    model::is_account(account).then(|| account.to_owned())
}
