//! Who gives the credentials of a profile, by what the files say: known before anything is asked.

use super::config_files;
use crate::chain::Chain;
use crate::flaw;
use crate::keys::{Before, Unusable};
use crate::mfa::{self, Step};
use crate::process::Source;
use crate::profiles::{Way, no_text, not_read, says_nothing};
use crate::programs::{Named, Programs, Stop, shell_words};
use crate::sign_in::Place;
use crate::stack::StackFiles;
use crate::words::visible;
use aws_runtime::env_config::error::EnvConfigFileLoadError;
use aws_runtime::env_config::section::{EnvConfigSections, Profile};
use aws_types::os_shim_internal::{Env, Fs};

/// Profiles that are named when one is not there.
const PROFILES_NAMED: usize = 8;

/// Who gives the credentials.
pub(super) enum Giver {
    /// STS, for a code.
    Code(Box<mfa::Role>),
    /// A program.
    Program(Box<Source>),
    /// The keyring.
    Keyring,
    /// Whatever the SDK finds.
    Sdk,
}

/// What the files say of a profile.
pub(super) struct Looked {
    /// Its name, also where the environment or nobody named it.
    pub(super) profile: String,
    pub(super) giver: Giver,
    pub(super) before: Before,
    /// The roles it assumes with what a code or a program gave.
    pub(super) above: Vec<Step>,
}

impl Looked {
    fn by_sdk(profile: String) -> Self {
        Self {
            profile,
            giver: Giver::Sdk,
            before: Before::default(),
            above: Vec::new(),
        }
    }

    fn refused(profile: String, refused: Unusable) -> Self {
        let mut looked = Self::by_sdk(profile);
        looked.before.refused = Some(refused);
        looked
    }
}

/// The credentials of a profile are not even asked for when it is not there or its files cannot be read; a program that
/// a file which came with the stack would have run must be approved (DESIGN §7; the user's own files may run one, as for
/// the AWS CLI).
pub(super) async fn look(profile: Option<&str>, files: &StackFiles, programs: &Programs) -> Looked {
    // In the default chain, keys of the environment come before any profile.
    let by_keys = profile.is_none() && Env::real().get("AWS_ACCESS_KEY_ID").is_ok();
    let (set, start) = match read(profile, files).await {
        Ok(read) => read,
        Err(_) if by_keys => return Looked::by_sdk(String::new()),
        Err(error) => {
            let named = profile.unwrap_or("default").to_owned();
            return Looked::refused(named, Unusable::Config(not_read(&error)));
        }
    };
    if let Some(file) = no_text(files).filter(|_| !by_keys) {
        let told = format!(
            "AWS config cannot be read: {} is no UTF-8 text",
            file.display()
        );
        return Looked::refused(start, Unusable::Config(visible(&told)));
    }
    match Chain::of(&set, &start).filter(|_| !by_keys) {
        Some(chain) => followed(&set, &start, chain, (profile.is_some(), files, programs)),
        None if profile.is_some() => {
            let missing = no_profile(&set, &start);
            Looked::refused(start, missing)
        }
        None => Looked::by_sdk(start),
    }
}

fn followed(
    set: &EnvConfigSections,
    start: &str,
    chain: Chain<'_>,
    (named, files, programs): (bool, &StackFiles, &Programs),
) -> Looked {
    let flaw = flaw::of(set, start, &chain, |name| Env::real().get(name).is_ok());
    let start = start.to_owned();
    let place = Place::of(set, &start);
    let flaw = match (&place, chain.way) {
        (Err(error), Way::Sso) => Some(error.to_string().trim_end_matches('.').to_owned()),
        _ => flaw,
    };
    if let Some(flaw) = flaw {
        return Looked::refused(start, Unusable::Profile(visible(&flaw)));
    }
    let place = place.ok();
    let giver = match (&place, chain.way) {
        (Some(Place::Role(role)), _) => Giver::Code(Box::new(role.clone())),
        (_, Way::Program) => match source(chain.root, &start, files, programs) {
            Ok(source) => Giver::Program(Box::new(source)),
            Err(stop) => return Looked::refused(start, Unusable::Program(stop)),
        },
        _ if named && set.get_profile(&start).is_some_and(says_nothing) => Giver::Keyring,
        _ => Giver::Sdk,
    };
    Looked {
        profile: start,
        giver,
        before: Before {
            refused: None,
            place,
        },
        above: chain.steps,
    }
}

fn no_profile(set: &EnvConfigSections, profile: &str) -> Unusable {
    let known = set.profiles().take(PROFILES_NAMED).map(ToOwned::to_owned);
    Unusable::NoProfile {
        profile: profile.to_owned(),
        known: known.collect(),
    }
}

/// The profiles, and the name of the one that is meant.
pub(crate) async fn read(
    profile: Option<&str>,
    files: &StackFiles,
) -> Result<(EnvConfigSections, String), EnvConfigFileLoadError> {
    let files = config_files(files).unwrap_or_default();
    let name = profile.map(|name| name.to_owned().into());
    let set = aws_config::profile::load(&Fs::real(), &Env::real(), &files, name).await?;
    let start = profile.unwrap_or_else(|| set.selected_profile()).to_owned();
    Ok((set, start))
}

/// The program that a profile of the stack's own files gets its credentials from, or will when somebody gave a code; none
/// where the files are the user's.
///
/// # Errors
/// When its line is one that a shell makes more of than it says.
pub(crate) async fn program_of(
    profile: Option<&str>,
    files: &StackFiles,
) -> Result<Option<Named>, Stop> {
    if !is_brought(files) {
        return Ok(None);
    }
    let (set, start) = read(profile, files).await.map_err(|error| {
        let next_step = "Correct the file, and look again.";
        Stop::new(format!("the {}", not_read(&error)), next_step)
    })?;
    let begins = |start: &str| Chain::of(&set, start);
    let chain = begins(&start).and_then(|chain| match chain.way {
        Way::Mfa => begins(chain.root.get("source_profile")?),
        _ => Some(chain),
    });
    match chain {
        Some(chain) if chain.way == Way::Program => approvable(chain.root, &start, files).map(Some),
        Some(_) | None => Ok(None),
    }
}

fn is_brought(files: &StackFiles) -> bool {
    files.aws_config.is_some() || files.aws_credentials.is_some()
}

fn line(owner: &Profile) -> &str {
    owner.get("credential_process").unwrap_or_default()
}

fn source(
    owner: &Profile,
    start: &str,
    files: &StackFiles,
    programs: &Programs,
) -> Result<Source, Stop> {
    if is_brought(files) {
        let named = approvable(owner, start, files)?;
        return Ok(Source {
            shown: named.command.clone(),
            named,
            programs: Some(programs.clone()),
        });
    }
    let shown = line(owner).split_whitespace().next().unwrap_or_default();
    Ok(Source {
        shown: shown.to_owned(),
        named: by_shell(owner, start),
        programs: None,
    })
}

/// A line of the user's own files, as the SDK has it run.
pub(crate) fn by_shell(owner: &Profile, start: &str) -> Named {
    Named {
        by: visible(&format!("profile {} of the AWS config", owner.name())),
        profile: Some(start.to_owned()),
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), line(owner).to_owned()],
        env: Vec::new(),
        receiver: None,
        hint: None,
    }
}

fn approvable(owner: &Profile, start: &str, files: &StackFiles) -> Result<Named, Stop> {
    let file = files.aws_config.as_ref().or(files.aws_credentials.as_ref());
    let file = file.map(|file| file.display().to_string());
    let by = format!("profile {} of {}", owner.name(), file.unwrap_or_default());
    let by = visible(&by);
    let words = shell_words(line(owner)).map_err(|why| {
        Stop::new(
            format!("{by} gets its credentials from a program (credential_process), and its line {why}: it cannot be approved and is not run"),
            "Put the line into a script of your own and name that; reading goes on by itself.",
        )
    })?;
    let mut words = words.into_iter();
    Ok(Named {
        by,
        profile: Some(start.to_owned()),
        command: words.next().unwrap_or_default(),
        args: words.collect(),
        env: Vec::new(),
        receiver: None,
        hint: None,
    })
}
