//! `qd keys`: keys that do not expire go into the operating system's keyring, never into a file, never through
//! the command line (which other users of the machine can read).

use crate::args::KeysCommand;
use crate::failure::Failure;
use cloud::stack::StackFiles;
use cloud::{Way, keyring};
use std::io::{BufRead as _, IsTerminal as _};

pub(crate) async fn run(command: &KeysCommand) -> Result<u8, Failure> {
    let told = |error: keyring::KeyringError| {
        Failure::new(format!("{}: {}", sentence(&error), error.next_step()))
    };
    match command {
        KeysCommand::Set { profile } => {
            known(profile).await?;
            let (id, secret) = asked()?;
            keyring::keep(profile, id, secret).await.map_err(told)?;
            eprintln!("The keyring has the keys of profile {profile} now.");
        }
        KeysCommand::Forget { profile } => {
            keyring::forget(profile).await.map_err(told)?;
            eprintln!("The keyring has no keys of profile {profile} any more.");
        }
    }
    Ok(0)
}

fn sentence(error: &keyring::KeyringError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// Keys of a profile that nothing can use would lie there for ever.
async fn known(profile: &str) -> Result<(), Failure> {
    let all = cloud::profiles(&StackFiles::default()).await;
    let all = all.map_err(Failure::new)?;
    match all.iter().find(|known| known.name == profile) {
        None => Err(Failure::with_code(
            format!(
                "The AWS config has no profile {profile}: add [profile {profile}] with its region first."
            ),
            2,
        )),
        Some(known) if !known.says_nothing => Err(Failure::with_code(
            format!(
                "Profile {profile} signs in by something else already ({}): its keys in the keyring would not be used.",
                known.way.words()
            ),
            2,
        )),
        Some(_) => match all
            .iter()
            .find(|other| other.source.as_deref() == Some(profile) && other.way != Way::Mfa)
        {
            Some(other) => Err(Failure::with_code(
                format!(
                    "Profile {} takes its credentials from {profile}, and does not look into the keyring for them: put the keys into ~/.aws/credentials, or give {profile} another way to sign in.",
                    other.name
                ),
                2,
            )),
            None => Ok(()),
        },
    }
}

/// Two lines: typed by somebody, the second unseen, or handed over by another program.
fn asked() -> Result<(String, String), Failure> {
    let unread = |error: std::io::Error| Failure::new(format!("The keys cannot be read: {error}."));
    let (id, secret) = if std::io::stdin().is_terminal() {
        eprint!("Access key id: ");
        let id = line().map_err(unread)?;
        let secret = rpassword::prompt_password("Secret access key (not shown): ");
        (id, secret.map_err(unread)?)
    } else {
        (line().map_err(unread)?, line().map_err(unread)?)
    };
    let (id, secret) = (id.trim().to_owned(), secret.trim().to_owned());
    // https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html: 16 to 128 word characters.
    let is_id = (16..=128).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !is_id {
        let told = "That is no access key id: those have 16 to 128 letters and digits, e.g. AKIA…; nothing was kept.";
        return Err(Failure::with_code(told, 2));
    }
    if secret.is_empty() || !secret.bytes().all(|b| b.is_ascii_graphic()) {
        let told = "That is no secret access key: copy it again, without what surrounds it; nothing was kept.";
        return Err(Failure::with_code(told, 2));
    }
    Ok((id, secret))
}

fn line() -> std::io::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().read_line(&mut text)?;
    Ok(text)
}
