//! A `credential_process`: a program that writes keys
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>).
//!
//! The SDK is built without its own support: it would run whatever the file says when it reads it, by `sh -c`, without
//! a limit. Here the file that was approved is the one that is run; the keys are then used as the SDK would use them,
//! for the roles on the way too.

use crate::clock::{Clock, system};
use crate::keys::Unusable;
use crate::mfa::{Step, climbed};
use crate::programs::{self, Ended, Found, Named, Programs, Stop, run};
use crate::session::CALLER_WITHIN;
use crate::supply::{Short, Supply};
use crate::words::plain;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// So long a request waits for a program: shorter than one attempt of anybody who waits for credentials.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
const _: () = assert!(ANSWERED_WITHIN.as_secs() * 2 < CALLER_WITHIN.as_secs());
/// So long a program may take: somebody may have to confirm something in a browser.
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// What failed is not run again for so long, however many requests need it …
const REST: Duration = Duration::from_secs(5);
/// … and a program that did not end is not for this long.
const LONG_REST: Duration = Duration::from_secs(60);
/// Keys that do not say when they end are asked for anew after this, as by the SDK.
const KEPT: Duration = Duration::from_secs(15 * 60);
/// Keys that were got so shortly before a profile was opened are those that somebody waited for too short a time to see,
/// and not those that are no good: a program that takes its time would be run for ever.
const RECENT: Duration = Duration::from_secs(30);
/// So long before their end keys are got anew.
const AHEAD: Duration = Duration::from_secs(10);

/// The program of a profile, and who must have approved it.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) named: Named,
    /// As its profile names it.
    pub(crate) shown: String,
    /// `None`: nobody; it is named by a file of the user's own.
    pub(crate) programs: Option<Programs>,
}

/// What is handed to the SDK for a profile that begins with a program.
pub(crate) struct Process {
    source: Source,
    /// Assumed with the keys of the program, each with those of the one before.
    steps: Vec<Step>,
    /// How STS is asked; without credentials.
    sts: SdkConfig,
    clock: Clock,
    runs: Runs,
    /// What was got before may be what is no good.
    since: Instant,
}

/// The runs of one stack's programs, by the hash of what is run: whoever opens a profile anew waits for the run that is
/// underway instead of beginning another. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Runs(Arc<Mutex<BTreeMap<String, Supply<Kept, Stop>>>>);

impl Runs {
    fn of(&self, found: &Found) -> Supply<Kept, Stop> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(found.hash.clone()).or_default().clone()
    }
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(runs)")
    }
}

#[derive(Clone)]
struct Kept {
    keys: Credentials,
    got: Instant,
}

impl Kept {
    /// Keys that have ended already when they are given are used for a moment, and not got anew for each request.
    fn fits(&self, since: Instant, now: SystemTime) -> bool {
        let age = self.got.elapsed();
        self.got >= since
            && match self.keys.expiry() {
                Some(ends) => age < REST || now + AHEAD < ends,
                None => age < KEPT,
            }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("by", &self.source.named.by)
            .finish_non_exhaustive()
    }
}

impl Process {
    pub(crate) fn new(
        source: Source,
        steps: Vec<Step>,
        sts: SdkConfig,
        (clock, runs): (&Clock, &Runs),
    ) -> Self {
        Self {
            source,
            steps,
            sts,
            clock: clock.clone(),
            runs: runs.clone(),
            since: Instant::now()
                .checked_sub(RECENT)
                .unwrap_or_else(Instant::now),
        }
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let keys = self
            .keys()
            .await
            .map_err(|stop| CredentialsError::invalid_configuration(Unusable::Program(stop)))?;
        climbed(&self.sts, &self.steps, keys).await
    }

    /// Those of the program. Whether it is approved is asked each time.
    async fn keys(&self) -> Result<Credentials, Stop> {
        let (since, now) = (self.since, system(self.clock.now()));
        let found = self.source.found().await?;
        let supply = self.runs.of(&found);
        let source = self.source.clone();
        let work = move || async move { source.run(&found).await };
        let got = supply.get(|kept| kept.fits(since, now), ANSWERED_WITHIN, work);
        got.await.map(|kept| kept.keys).map_err(|short| match short {
            Short::Failed(stop) => stop,
            Short::Awaited => self.source.told(
                &format!("has not ended for {} s", ANSWERED_WITHIN.as_secs()),
                "It is waited for; perhaps it waits for somebody, in a browser. Reading goes on by itself.",
            ),
            Short::Broken => self.source.told("could not be run", RUN_BY_HAND),
        })
    }
}

const RUN_BY_HAND: &str =
    "Run it by hand in a terminal: perhaps it must be signed in first; it is run again by itself.";

impl Source {
    async fn found(&self) -> Result<Found, Stop> {
        match &self.programs {
            Some(programs) => programs.check(&self.named).await,
            None => programs::found(&self.named).await,
        }
    }

    async fn run(self, found: &Found) -> Result<Kept, (Stop, Duration)> {
        let output = run(found, &self.named.args, &self.named.env, ENDS_WITHIN).await;
        let output = output.map_err(|ended| {
            let rest = match ended {
                Ended::Hung(_) => LONG_REST,
                Ended::Swapped | Ended::NotStarted(_) | Ended::Failed { .. } | Ended::Endless => {
                    REST
                }
            };
            (self.told(&ended.to_string(), RUN_BY_HAND), rest)
        })?;
        let keys = read(&output).map_err(|garbage| {
            let next = "Run it by hand to see what it writes; it is run again by itself.";
            (self.told(&garbage.to_string(), next), REST)
        })?;
        let got = Instant::now();
        Ok(Kept { keys, got })
    }

    fn told(&self, what: &str, next_step: &str) -> Stop {
        let signs_in = programs::signs_in(&self.named);
        let words = format!("{signs_in} {:?}, and that {what}", plain(&self.shown));
        Stop::new(words, next_step)
    }
}

impl ProvideCredentials for Process {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// What is the matter with what a program wrote, after its name. No part of it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Garbage {
    #[error("wrote something that is no JSON with keys in it")]
    Unreadable,
    #[error("answered in a version other than 1")]
    OtherVersion,
    #[error("gave no AccessKeyId or no SecretAccessKey")]
    Nothing,
    #[error("gave an Expiration that is no time")]
    NoTime,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    version: u32,
    #[serde(default)]
    access_key_id: String,
    #[serde(default)]
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

fn read(output: &[u8]) -> Result<Credentials, Garbage> {
    let written: Written = serde_json::from_slice(output).map_err(|_| Garbage::Unreadable)?;
    if written.version != 1 {
        return Err(Garbage::OtherVersion);
    }
    if written.access_key_id.is_empty() || written.secret_access_key.is_empty() {
        return Err(Garbage::Nothing);
    }
    let ends = written
        .expiration
        .as_deref()
        .filter(|text| !text.is_empty());
    let ends = ends.map(str::parse::<Timestamp>).transpose();
    Ok(Credentials::new(
        written.access_key_id,
        written.secret_access_key,
        written.session_token.filter(|token| !token.is_empty()),
        ends.map_err(|_| Garbage::NoTime)?.map(SystemTime::from),
        "CredentialProcess",
    ))
}

#[cfg(test)]
mod tests;
