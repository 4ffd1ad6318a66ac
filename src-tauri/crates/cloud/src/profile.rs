//! From a profile of the AWS config to an SDK configuration.
//!
//! A profile the stack file names is used alone: what the environment says of other credentials
//! does not stand in for it (as with the AWS CLI's `--profile`).

use crate::keyring::Kept;
use crate::keys::{Before, Gate, Keys, Unusable};
use crate::mfa;
use crate::profiles::says_nothing;
use crate::programs::{Named, Programs, Stop, shell_words};
use crate::sign_in::Place;
use crate::stack::StackFiles;
use crate::standing::{Ledger, Standing};
use crate::wire;
use crate::words::visible;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::section::{EnvConfigSections, Profile};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::{Env, Fs};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Profiles that are named when one is not there.
const PROFILES_NAMED: usize = 8;

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
    programs: &Programs,
) -> Access {
    let direct = Arc::new(AtomicBool::new(false));
    let pool = wire::pool(direct.clone());
    let region = Region::new(region.to_owned());
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region.clone())
        .retry_config(read_retries())
        .timeout_config(timeouts())
        .http_client(pool.clone());
    let standing = Standing::read(profile, files, programs.list()).await;
    let looked = look(profile, files, programs).await;
    let files = config_files(files);
    if let Some(files) = &files {
        loader = loader.profile_files(files.clone());
    }
    if let Some(profile) = profile {
        loader = if leaves_keys_to_keyring(profile, files.as_ref()).await {
            let kept = SharedCredentialsProvider::new(Kept::new(profile));
            loader.profile_name(profile).credentials_provider(kept)
        } else {
            with_profile(loader, profile, files, &region, &pool)
        };
    }
    let place = looked.before.place.as_ref();
    let signs_in = place.is_some().then_some(looked.profile);
    let mut sdk = match place {
        // The SDK would assume the role without a code.
        Some(Place::Role(_)) => loader.no_credentials().load().await,
        Some(Place::Portal(_)) | None => loader.load().await,
    };
    if let Some(Place::Role(role)) = place {
        let given = mfa::Given::new(role.clone(), looked.above, sdk.clone());
        let given = SharedCredentialsProvider::new(given);
        sdk = sdk.into_builder().credentials_provider(given).build();
    }
    let sdk = with_keys(sdk, looked.before, &standing.ledger);
    let loopback = sdk.endpoint_url().is_some_and(wire::is_loopback);
    direct.store(loopback, Ordering::Relaxed);
    Access {
        sdk,
        standing,
        pool,
        signs_in,
    }
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

/// What the files say of a profile before anything is asked.
#[derive(Default)]
struct Looked {
    /// Its name, also where the environment or nobody named it.
    profile: String,
    before: Before,
    /// The roles it assumes with what a code gave.
    above: Vec<mfa::Step>,
}

/// The credentials of a profile are not even asked for when it is not there; a program that a file which came with the
/// stack would have run must be approved (DESIGN §7; the user's own files may run one, as for the AWS CLI).
async fn look(profile: Option<&str>, files: &StackFiles, programs: &Programs) -> Looked {
    let Some((set, start)) = loaded(profile, files).await else {
        return Looked::default();
    };
    let missing = profile.is_some() && set.get_profile(&start).is_none();
    let (mut refused, mut gate) = (None, None);
    if missing {
        let known = set.profiles().take(PROFILES_NAMED).map(ToOwned::to_owned);
        refused = Some(Unusable::NoProfile {
            profile: start.clone(),
            known: known.collect(),
        });
    } else {
        match named_program(&set, &start, files) {
            Ok(named) => {
                let programs = programs.clone();
                gate = named.map(|named| Gate { named, programs });
            }
            Err(stop) => refused = Some(Unusable::Program(stop)),
        }
    }
    // In the default chain, keys of the environment come before any profile.
    let by_keys = profile.is_none() && Env::real().get("AWS_ACCESS_KEY_ID").is_ok();
    let place = Place::of(&set, &start).ok().filter(|_| !by_keys);
    Looked {
        above: mfa::above(&set, &start),
        profile: start,
        before: Before {
            refused,
            gate,
            place,
        },
    }
}

/// The profiles, and the name of the one that is meant.
async fn loaded(profile: Option<&str>, files: &StackFiles) -> Option<(EnvConfigSections, String)> {
    let files = config_files(files).unwrap_or_default();
    let name = profile.map(|name| name.to_owned().into());
    let loaded = aws_config::profile::load(&Fs::real(), &Env::real(), &files, name).await;
    let set = loaded.ok()?;
    let start = profile.unwrap_or_else(|| set.selected_profile()).to_owned();
    Some((set, start))
}

/// The program that a profile of the stack's own files gets its credentials from; none where the files are the user's.
///
/// # Errors
/// When its line is one that a shell makes more of than it says.
pub(crate) async fn program_of(
    profile: Option<&str>,
    files: &StackFiles,
) -> Result<Option<Named>, Stop> {
    match loaded(profile, files).await {
        Some((set, start)) => named_program(&set, &start, files),
        None => Ok(None),
    }
}

fn named_program(
    set: &EnvConfigSections,
    start: &str,
    files: &StackFiles,
) -> Result<Option<Named>, Stop> {
    let brought = files.aws_config.as_ref().or(files.aws_credentials.as_ref());
    let (Some(file), Some((owner, line))) = (brought, credential_process(set, start)) else {
        return Ok(None);
    };
    let by = visible(&format!("profile {owner} of {}", file.display()));
    let words = shell_words(line).map_err(|why| {
        Stop::new(
            format!("{by} gets its credentials from a program (credential_process), and its line {why}: it cannot be approved and is not run"),
            "Put the line into a script of your own and name that; reading goes on by itself.",
        )
    })?;
    let mut words = words.into_iter();
    Ok(Some(Named {
        by,
        profile: Some(start.to_owned()),
        command: words.next().unwrap_or_default(),
        args: words.collect(),
        env: Vec::new(),
        hint: None,
    }))
}

/// The `credential_process` of a profile, or of one that it takes its credentials from, and whose it is.
fn credential_process<'a>(
    set: &'a EnvConfigSections,
    start: &'a str,
) -> Option<(&'a str, &'a str)> {
    let mut seen = BTreeSet::new();
    let mut next = Some(start);
    while let Some(profile) = next.and_then(|name| set.get_profile(name)) {
        if let Some(line) = profile.get("credential_process") {
            return Some((profile.name(), line));
        }
        if !seen.insert(profile.name()) {
            return None;
        }
        next = profile.get("source_profile");
    }
    None
}

/// Whether a profile is there and says nothing of how it signs in.
async fn leaves_keys_to_keyring(profile: &str, files: Option<&EnvConfigFiles>) -> bool {
    let files = files.cloned().unwrap_or_default();
    let name = Some(profile.to_owned().into());
    let set = aws_config::profile::load(&Fs::real(), &Env::real(), &files, name).await;
    let set = set.ok();
    let profile = set.as_ref().and_then(|set| set.get_profile(profile));
    profile.is_some_and(says_nothing)
}

fn with_profile(
    loader: ConfigLoader,
    profile: &str,
    files: Option<EnvConfigFiles>,
    region: &Region,
    pool: &SharedHttpClient,
) -> ConfigLoader {
    let config = ProviderConfig::without_region()
        .with_region(Some(region.clone()))
        .with_retry_config(read_retries())
        .with_timeout_config(timeouts())
        .with_http_client(pool.clone());
    let mut provider = ProfileFileCredentialsProvider::builder()
        .configure(&config)
        .profile_name(profile);
    if let Some(files) = files {
        provider = provider.profile_files(files);
    }
    loader
        .profile_name(profile)
        .credentials_provider(provider.build())
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
    let files = config_files(files).unwrap_or_default();
    let name = profile.to_owned().into();
    let set = aws_config::profile::load(&Fs::real(), &Env::real(), &files, Some(name))
        .await
        .ok()?;
    account_of(set.get_profile(profile)?)
}

/// The account of a profile's role, else the one it signs in to; a role is assumed first where it names both, as the
/// AWS CLI does (<https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>).
pub(crate) fn account_of(profile: &Profile) -> Option<String> {
    let role = profile.get("role_arn");
    let role = role.and_then(|arn| arn.split(':').nth(4));
    let account = role.or_else(|| profile.get("sso_account_id"))?;
    let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| account.to_owned())
}
