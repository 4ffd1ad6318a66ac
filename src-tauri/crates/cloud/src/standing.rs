//! What is known of the way into an account: its profile, where that gets its credentials from, and
//! what came of asking for them last. Judged by [`model::access`]; nothing secret is kept.

use crate::chain::Chain;
use crate::keys::Given;
use crate::profile::config_files;
use crate::profiles::way_of;
use crate::sign_in::{Held, Place};
use crate::stack::StackFiles;
use aws_runtime::env_config::section::EnvConfigSections;
use aws_types::os_shim_internal::{Env, Fs};
use model::access::{Answer, Refusal, Root, WayIn};
use model::{AccountId, Timestamp, Way};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// What came of asking for credentials last, shared with the SDK's provider.
pub(crate) type Ledger = Arc<Mutex<Given>>;

/// The way into one account. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Standing {
    profile: Option<Arc<str>>,
    way: Way,
    root: Root,
    /// Where somebody signs in for the root.
    place: Option<Place>,
    files: Arc<[PathBuf]>,
    pub(crate) ledger: Ledger,
}

impl Standing {
    /// Reads it from the files of the AWS config. `approved` is the list of approved programs: one of
    /// them may be what it waits for.
    pub(crate) async fn read(profile: Option<&str>, files: &StackFiles, approved: &Path) -> Self {
        let (way, name, root_way, place) = followed(profile, files).await;
        let (config, credentials) = places(files);
        let file = match root_way {
            Way::Keys => &credentials,
            Way::Sso | Way::Role | Way::Mfa | Way::Program | Way::Chain => &config,
        };
        Self {
            profile: profile.map(Arc::from),
            way,
            root: Root {
                command: None,
                profile: name,
                way: root_way,
                file: file.display().to_string(),
            },
            place,
            files: [config, credentials, approved.to_owned()].into(),
            ledger: Ledger::default(),
        }
    }

    /// The same, mended by this command.
    pub(crate) fn mended_by(mut self, command: Option<&str>) -> Self {
        self.root.command = command.map(ToOwned::to_owned);
        self
    }

    /// What is seen of it now, together with what STS said last: who we are, or why it did not say.
    /// Reads what is kept of signing in.
    #[must_use]
    pub fn way_in<'a>(
        &self,
        account: &AccountId,
        arn: Option<&str>,
        answer: Answer<'a>,
    ) -> WayIn<'a> {
        let given = self.given();
        let held = self.held();
        WayIn {
            account: account.clone(),
            profile: self.profile.as_deref().map(ToOwned::to_owned),
            way: self.way,
            root: self.root.clone(),
            arn: arn.map(ToOwned::to_owned),
            ends: self.ends(&given, held.as_ref()),
            refusal: self.refusal(given, held.as_ref()),
            answer,
        }
    }

    /// When it ends unless somebody does something. A role is assumed again by itself; keys of IAM
    /// Identity Center as long as there is a token, which itself is renewed where it says so; what a code gave is not
    /// (<https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html>). What a program
    /// gave counts as it says
    /// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>).
    fn ends(&self, given: &Given, held: Option<&Held>) -> Option<Timestamp> {
        let keys = match given {
            Given::Keys { expires } => expires.map(timestamp),
            Given::Nothing | Given::Refused(_) => None,
        };
        match (self.root.way, held) {
            (Way::Sso, Some(token)) if !token.renews => {
                Some(keys.map_or(token.expires, |keys| keys.max(token.expires)))
            }
            (Way::Mfa, Some(session)) => Some(session.expires),
            (Way::Program, _) if self.way == Way::Program => keys,
            (Way::Sso | Way::Mfa | Way::Program | Way::Role | Way::Keys | Way::Chain, _) => None,
        }
    }

    /// Without a token that is good, what was not given is a matter of signing in again.
    fn refusal(&self, given: Given, held: Option<&Held>) -> Option<Refusal> {
        let Given::Refused(refusal) = given else {
            return None;
        };
        let now = timestamp(SystemTime::now());
        let signed_in = held.is_some_and(|held| held.expires > now);
        match refusal {
            Refusal::Missing if self.root.way == Way::Sso && !signed_in => Some(Refusal::Over),
            refusal => Some(refusal),
        }
    }

    fn given(&self) -> Given {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.clone()
    }

    fn held(&self) -> Option<Held> {
        self.place.as_ref()?.held()
    }

    /// Another value once one of the files that this way in is made of has changed.
    #[must_use]
    pub fn stamp(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        let mut note = |path: &Path| {
            let about = std::fs::metadata(path).ok();
            about.as_ref().map(std::fs::Metadata::len).hash(&mut hash);
            about
                .and_then(|about| about.modified().ok())
                .hash(&mut hash);
        };
        self.files.iter().for_each(|file| note(file));
        if let Some(kept) = self.place.as_ref().and_then(Place::file) {
            note(&kept);
        }
        hash.finish()
    }
}

/// As [`follow`], of the profile or of the default chain.
async fn followed(profile: Option<&str>, files: &StackFiles) -> Followed {
    let brought = config_files(files).unwrap_or_default();
    let name = profile.map(|name| name.to_owned().into());
    let set = aws_config::profile::load(&Fs::real(), &Env::real(), &brought, name).await;
    // The default chain takes what the environment says before any file
    // (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html).
    let shell = profile.is_none() && std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
    match set {
        Ok(set) if !shell => follow(&set, profile.unwrap_or_else(|| set.selected_profile())),
        Ok(_) | Err(_) => (Way::Chain, profile.map(ToOwned::to_owned), Way::Chain, None),
    }
}

/// How a profile signs in, and the profile it gets its credentials from in the end: that one's name, way and place.
type Followed = (Way, Option<String>, Way, Option<Place>);

fn follow(set: &EnvConfigSections, start: &str) -> Followed {
    let (Some(first), Some(chain)) = (set.get_profile(start), Chain::of(set, start)) else {
        return (Way::Chain, Some(start.to_owned()), Way::Chain, None);
    };
    let place = Place::of(set, start).ok();
    (
        way_of(first),
        Some(chain.root.name().to_owned()),
        chain.way,
        place,
    )
}

/// The files a person corrects: the stack's own, else the usual ones
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html>).
pub(crate) fn places(files: &StackFiles) -> (PathBuf, PathBuf) {
    let usual = |brought: &Option<PathBuf>, variable: &str, name: &str| {
        let named = || std::env::var_os(variable).map(PathBuf::from);
        let home = || std::env::var_os("HOME").map_or_else(PathBuf::new, PathBuf::from);
        let brought = brought.clone().or_else(named);
        brought.unwrap_or_else(|| home().join(".aws").join(name))
    };
    (
        usual(&files.aws_config, "AWS_CONFIG_FILE", "config"),
        usual(
            &files.aws_credentials,
            "AWS_SHARED_CREDENTIALS_FILE",
            "credentials",
        ),
    )
}

fn timestamp(at: SystemTime) -> Timestamp {
    let millis = match at.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()),
        Err(_) => Ok(0),
    };
    Timestamp::from_millis(millis.unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
